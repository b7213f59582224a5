//! The colours of good places: what a teacher that was taught shapes and textures passes over, such as a stain without an
//! edge. A filter bank of the picture as the geometry branch has one of height, compared with prototypes.
//!
//! ```text
//! rgb 3@256 ─ mean 4x4 ─► 3@64 ─ over the picture's mean ─ opponents ─┬─ Gaussians ──────────┐
//!                                                                     └─ Gaussians' slopes ──┴─ concat 18@64 ─ codebook ─► map@64
//! ```
//! Sides at S = 256. Each channel is divided by its mean over the whole picture, so that neither the light's strength nor its colour
//! counts, as long as all of the picture has the same. Opponents are lightness, red against green, and both
//! against blue: a tint that lightness would drown has a channel of its own.

use rayon::prelude::*;
use twinspect_core::prepare::RgbSpec;
use twinspect_nn::Rng;
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use super::codebook::{Codebook, Descriptors};

/// Pixels of a place along each side.
const CELL: usize = 4;
/// Red, green, blue; and the opponents.
const COLOURS: usize = 3;
/// Deviations of the Gaussians in places: none but the place's own mean, three and six pixels with it.
const SIGMAS: [f32; 3] = [0.0, 0.7, 1.475];
/// Levels, and as many slopes.
const LEVELS: usize = COLOURS * SIGMAS.len();
/// Channels of a descriptor.
const CHANNELS: usize = 2 * LEVELS;
/// Rows of lightness, red against green, and both against blue.
const OPPONENTS: [[f32; COLOURS]; COLOURS] = [
    [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0],
    [1.0, -1.0, 0.0],
    [0.5, 0.5, -1.0],
];
/// Places to either side that a filter reads.
const REACH: usize = 5;
/// Side of a filter.
const FILTER: usize = 2 * REACH + 1;
/// Added to a channel's mean, in levels of 255: an unlit channel is no number to divide by.
const DARK: f32 = 0.1;
/// Added to a slope's square, in squared deviations of good places: where nothing slopes, the root would magnify rounding.
const FLAT: f32 = 1e-4;
/// Places of each part that prototypes are made of.
const PLACES: usize = 400;

/// The colours of one part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColourSample {
    /// 3 x S/4 x S/4: each place's colour over the picture's mean, less one.
    shares: Vec<f32>,
    /// S/4 x S/4: 1 on the part and its margin, 0 elsewhere, soft.
    region: Vec<f32>,
}

impl ColourSample {
    /// Of a prepared picture, 3 x S x S, and the region where evidence counts, S/4 x S/4.
    pub(crate) fn new(rgb: &[f32], region: &[f32], spec: &RgbSpec) -> Self {
        Self {
            shares: shares(rgb, spec),
            region: region.to_vec(),
        }
    }
}

/// Prototypes of the colours of good places.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Palette {
    /// One over each channel's standard deviation on good parts.
    gains: [f32; CHANNELS],
    book: Codebook,
}

impl Palette {
    /// Learns from good parts as they were taken. The same parts and generator give the same palette, with any number of
    /// threads.
    pub(crate) fn learn(parts: &[ColourSample], rng: &mut Rng) -> Self {
        let seeds = rng.derive(PLACES_OF_PARTS);
        let chosen: Vec<Vec<f32>> = parts
            .par_iter()
            .enumerate()
            .map(|(index, part)| {
                let plane = part.region.len();
                let bank = bank(&part.shares, plane.isqrt());
                let mut places: Vec<usize> = (0..plane).filter(|&i| part.region[i] > 0.5).collect();
                seeds.derive(index as u64).shuffle(&mut places);
                places.truncate(PLACES);
                let of = |&place: &usize| bank.iter().skip(place).step_by(plane).copied();
                places.iter().flat_map(of).collect()
            })
            .collect();
        let chosen = chosen.concat();
        let gains = std::array::from_fn(|channel| {
            one_over_deviation(chosen.iter().skip(channel).step_by(CHANNELS))
        });
        let mut descriptors = Descriptors::new(CHANNELS);
        for place in chosen.chunks_exact(CHANNELS) {
            let channels = place.iter().zip(&gains).enumerate();
            descriptors
                .push(channels.map(|(channel, (&value, &gain))| scaled(channel, value, gain)));
        }
        if descriptors.len() == 0 {
            descriptors.push(std::iter::repeat_n(0.0, CHANNELS));
        }
        Self {
            gains,
            book: Codebook::cluster(&descriptors, rng),
        }
    }

    /// A palette from what [`Palette::values`] gave; `None` if it does not match.
    pub(crate) fn from_values(values: [&[f32]; 3]) -> Option<Self> {
        let [prototypes, radii, gains] = values;
        Some(Self {
            gains: gains.try_into().ok()?,
            book: Codebook::from_values(CHANNELS, prototypes, radii)?,
        })
    }

    /// Prototypes, radii and gains.
    pub(crate) fn values(&self) -> [&[f32]; 3] {
        [self.book.prototypes(), self.book.radii(), &self.gains]
    }

    /// The map of one prepared picture, S/4 x S/4.
    pub(crate) fn map(&self, rgb: &[f32], spec: &RgbSpec) -> Vec<f32> {
        let shares = shares(rgb, spec);
        let side = (shares.len() / COLOURS).isqrt();
        let mut bank = bank(&shares, side);
        let planes = bank.chunks_exact_mut(side * side).zip(&self.gains);
        for (channel, (plane, &gain)) in planes.enumerate() {
            plane
                .iter_mut()
                .for_each(|value| *value = scaled(channel, *value, gain));
        }
        self.book.map(&bank)
    }

    /// Writes the same: from the stage's picture to a map of a quarter of its side.
    pub(crate) fn emit(
        &self,
        graph: &mut Graph,
        picture: onnx::Tensor,
        spec: &RgbSpec,
    ) -> Result<onnx::Tensor, GraphError> {
        let bank = graph.head(|graph| {
            graph.within("palette", |graph| {
                let mut weights = vec![0.0; COLOURS * COLOURS * CELL * CELL];
                for colour in 0..COLOURS {
                    let own = (colour * COLOURS + colour) * CELL * CELL;
                    let share = spec.std[colour] / (CELL * CELL) as f32;
                    weights[own..own + CELL * CELL].fill(share);
                }
                let kernel = onnx::Kernel {
                    dims: [COLOURS, COLOURS, CELL, CELL],
                    values: &weights,
                };
                let conv = onnx::Conv::new(kernel, Some(&spec.mean)).stride(CELL);
                let places = graph.conv("places", picture, &conv)?;
                let light = graph.global_average_pool("light", places)?;
                let light = graph.offset("lit", light, DARK)?;
                let shares = graph.div("shares", places, light)?;
                let shares = graph.offset("over", shares, -1.0)?;
                let filters = Filters::new(&self.gains);
                let mut filter = |name: &str, values: &[f32]| {
                    let kernel = onnx::Kernel {
                        dims: [LEVELS, COLOURS, FILTER, FILTER],
                        values,
                    };
                    let conv = onnx::Conv::new(kernel, None).pads(onnx::Pads::symmetric(REACH));
                    graph.conv(name, shares, &conv)
                };
                let levels = filter("levels", &filters.levels)?;
                let across = filter("across", &filters.across)?;
                let down = filter("down", &filters.down)?;
                let across = graph.mul("across2", across, across)?;
                let down = graph.mul("down2", down, down)?;
                let slopes = graph.add("slopes2", across, down)?;
                let slopes = graph.offset("sloping", slopes, FLAT)?;
                let slopes = graph.sqrt("slopes", slopes)?;
                graph.concat("bank", &[levels, slopes], 1)
            })
        })?;
        graph.within("palette", |graph| self.book.emit(graph, bank))
    }
}

/// Purpose of the generators that choose places of parts.
const PLACES_OF_PARTS: u64 = 1;

/// 3 x S/4 x S/4 of 3 x S x S.
fn shares(rgb: &[f32], spec: &RgbSpec) -> Vec<f32> {
    let planes = rgb.chunks_exact((rgb.len() / COLOURS).max(1));
    planes
        .zip(spec.mean.iter().zip(&spec.std))
        .flat_map(|(plane, (mean, std))| {
            let size = plane.len().isqrt();
            let side = size / CELL;
            let mut places = vec![0.0; side * side];
            for (y, row) in plane.chunks_exact(size).enumerate() {
                for (x, value) in row.iter().enumerate() {
                    places[y / CELL * side + x / CELL] += value;
                }
            }
            let share = std / (CELL * CELL) as f32;
            places
                .iter_mut()
                .for_each(|place| *place = *place * share + mean);
            let light = places.iter().sum::<f32>() / places.len() as f32 + DARK;
            places
                .iter_mut()
                .for_each(|place| *place = *place / light - 1.0);
            places
        })
        .collect()
}

/// 18 x side x side: levels, then slopes, as the filters answer.
fn bank(shares: &[f32], side: usize) -> Vec<f32> {
    let filters = Filters::new(&[1.0; CHANNELS]);
    let [levels, across, down] = [&filters.levels, &filters.across, &filters.down]
        .map(|values| filtered(shares, side, values));
    let slope = |(across, down): (f32, f32)| across.hypot(down);
    let slopes = across.into_iter().zip(down).map(slope);
    levels.into_iter().chain(slopes).collect()
}

/// A channel's answer in standard deviations of good places.
fn scaled(channel: usize, value: f32, gain: f32) -> f32 {
    let scaled = gain * value;
    match channel < LEVELS {
        true => scaled,
        false => (scaled * scaled + FLAT).sqrt(),
    }
}

/// Kernels of the filter bank, `LEVELS` x 3 x `FILTER` x `FILTER` each.
struct Filters {
    levels: Vec<f32>,
    across: Vec<f32>,
    down: Vec<f32>,
}

impl Filters {
    fn new(gains: &[f32; CHANNELS]) -> Self {
        let kernels = |gains: &[f32], at: fn(&[f32; FILTER], usize, usize) -> f32| {
            let mut values = Vec::with_capacity(LEVELS * COLOURS * FILTER * FILTER);
            let channels = SIGMAS
                .iter()
                .flat_map(|&sigma| OPPONENTS.iter().map(move |o| (sigma, o)));
            for ((sigma, opponent), gain) in channels.zip(gains) {
                let gaussian = gaussian(sigma);
                for weight in opponent {
                    for y in 0..FILTER {
                        values.extend((0..FILTER).map(|x| gain * weight * at(&gaussian, x, y)));
                    }
                }
            }
            values
        };
        let (of_levels, of_slopes) = gains.split_at(LEVELS);
        Self {
            levels: kernels(of_levels, |g, x, y| g[x] * g[y]),
            across: kernels(of_slopes, |g, x, y| difference(g, x) * g[y]),
            down: kernels(of_slopes, |g, x, y| g[x] * difference(g, y)),
        }
    }
}

/// Weights that add up to one; all in the middle without a deviation. The outermost two are free for the difference.
fn gaussian(sigma: f32) -> [f32; FILTER] {
    let at = |i: usize| {
        let far = i.abs_diff(REACH);
        match (far, sigma) {
            (0, _) => 1.0,
            (REACH.., _) => 0.0,
            (_, 0.0) => 0.0,
            (far, sigma) => (-0.5 * (far as f32 / sigma).powi(2)).exp(),
        }
    };
    let weights: [f32; FILTER] = std::array::from_fn(at);
    let sum: f32 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// The central difference of a Gaussian, as a kernel is read: against the axis.
fn difference(gaussian: &[f32; FILTER], at: usize) -> f32 {
    let of = |index: Option<usize>| index.and_then(|i| gaussian.get(i)).copied().unwrap_or(0.0);
    0.5 * (of(at.checked_sub(1)) - of(Some(at + 1)))
}

/// What an exported convolution makes of the planes, with zeros beyond the border.
fn filtered(planes: &[f32], side: usize, kernels: &[f32]) -> Vec<f32> {
    let mut result = vec![0.0; LEVELS * side * side];
    let outputs = result.par_chunks_exact_mut(side * side);
    let of_outputs = kernels.par_chunks_exact(COLOURS * FILTER * FILTER);
    outputs.zip(of_outputs).for_each(|(output, kernels)| {
        let inputs = planes.chunks_exact(side * side);
        for (input, kernel) in inputs.zip(kernels.chunks_exact(FILTER * FILTER)) {
            for (place, &weight) in kernel
                .iter()
                .enumerate()
                .filter(|(_, weight)| **weight != 0.0)
            {
                add_shifted(
                    output,
                    input,
                    side,
                    [place / FILTER, place % FILTER],
                    weight,
                );
            }
        }
    });
    result
}

/// Adds the plane times a weight, as the kernel's place `[row, column]` reads it.
fn add_shifted(
    output: &mut [f32],
    input: &[f32],
    side: usize,
    [row, column]: [usize; 2],
    weight: f32,
) {
    let span = |at: usize| REACH.saturating_sub(at)..side.min((side + REACH).saturating_sub(at));
    for y in span(row) {
        let from = (y + row - REACH) * side;
        let columns = span(column);
        let read = columns.start + column - REACH..columns.end + column - REACH;
        let line = &mut output[y * side..][columns];
        for (sum, value) in line.iter_mut().zip(&input[from..][read]) {
            *sum += weight * value;
        }
    }
}

/// One over the standard deviation; one if there is none.
fn one_over_deviation<'a>(values: impl Iterator<Item = &'a f32>) -> f32 {
    let (mut sum, mut squares, mut count) = (0.0_f64, 0.0_f64, 0_usize);
    for &value in values {
        let value = f64::from(value);
        sum += value;
        squares += value * value;
        count += 1;
    }
    let mean = sum / count.max(1) as f64;
    let deviation = (squares / count.max(1) as f64 - mean * mean)
        .max(0.0)
        .sqrt();
    match deviation > 0.0 {
        true => (1.0 / deviation) as f32,
        false => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use twinspect_engine::tract::Model;

    use super::*;

    const SIZE: usize = 64;
    const SPEC: RgbSpec = RgbSpec {
        mean: [123.675, 116.28, 103.53],
        std: [58.395, 57.12, 57.375],
    };

    /// A picture of two colours with a texture, by `light`, with a soft tint in the middle of `tint`.
    fn picture(seed: u64, light: [f32; 3], tint: f32) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        let texture: Vec<f32> = (0..SIZE * SIZE)
            .map(|_| 0.02 * rng.normal() as f32)
            .collect();
        let value = |i: usize| {
            let (colour, x, y) = (i / (SIZE * SIZE), i % SIZE, i / SIZE % SIZE);
            let base = if x < SIZE / 2 {
                [0.5, 0.4, 0.3]
            } else {
                [0.3, 0.35, 0.4]
            };
            let far = (x as f32 - 32.0).hypot(y as f32 - 32.0) / 8.0;
            let spot = tint * (-0.5 * far * far).exp() * [0.0, 0.0, 1.0][colour];
            let seen = 255.0 * light[colour] * (base[colour] + texture[i % (SIZE * SIZE)] + spot);
            (seen - SPEC.mean[colour]) / SPEC.std[colour]
        };
        (0..3 * SIZE * SIZE).map(value).collect()
    }

    fn palette() -> Palette {
        let region = vec![1.0; SIZE * SIZE / 16];
        let parts: Vec<_> = (0..12)
            .map(|seed| ColourSample::new(&picture(seed, [1.0; 3], 0.0), &region, &SPEC))
            .collect();
        Palette::learn(&parts, &mut Rng::new(1))
    }

    fn largest(map: &[f32]) -> f32 {
        map.iter().copied().fold(0.0, f32::max)
    }

    #[test]
    fn a_tint_without_an_edge_stands_out_where_it_is() {
        let map = palette().map(&picture(77, [1.0; 3], 0.1), &SPEC);
        let side = SIZE / CELL;
        let peak = (0..map.len())
            .max_by(|&a, &b| map[a].total_cmp(&map[b]))
            .unwrap();
        let (x, y) = (peak % side, peak / side);
        assert!(
            x.abs_diff(side / 2) <= 2 && y.abs_diff(side / 2) <= 2,
            "{x} {y}"
        );
        let quiet = palette().map(&picture(77, [1.0; 3], 0.0), &SPEC);
        assert!(
            largest(&map) > 2.0 * largest(&quiet),
            "{} {}",
            largest(&map),
            largest(&quiet)
        );
    }

    #[test]
    fn neither_strength_nor_colour_of_the_light_counts() {
        let palette = palette();
        let usual = palette.map(&picture(5, [1.0; 3], 0.0), &SPEC);
        let other = palette.map(&picture(5, [1.2, 1.1, 0.8], 0.0), &SPEC);
        for (a, b) in usual.iter().zip(&other) {
            assert!((a - b).abs() < 0.05 * a.max(1.0), "{a} {b}");
        }
    }

    #[test]
    fn a_slope_has_no_direction() {
        let side = 16;
        let ramp = |at: fn(usize, usize) -> usize| {
            let plane: Vec<f32> = (0..side * side)
                .map(|i| 0.1 * at(i % side, i / side) as f32)
                .collect();
            [plane.clone(), plane.clone(), plane].concat()
        };
        let middle = 8 * side + 8;
        let slopes = |planes: &[f32]| -> Vec<f32> {
            let bank = bank(planes, side);
            bank[LEVELS * side * side..]
                .iter()
                .skip(middle)
                .step_by(side * side)
                .copied()
                .collect()
        };
        let across = slopes(&ramp(|x, _| x));
        let down = slopes(&ramp(|_, y| y));
        for (a, b) in across.iter().zip(&down) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        // Lightness alone slopes, by 0.1 a place.
        assert!(
            (across[0] - 0.1).abs() < 1e-3 && across[1] < 1e-3,
            "{across:?}"
        );
    }

    #[test]
    fn a_palette_is_the_same_again_and_survives_as_values() {
        let learnt = palette();
        assert_eq!(learnt, palette());
        assert_eq!(Palette::from_values(learnt.values()), Some(learnt.clone()));
        let [prototypes, radii, gains] = learnt.values();
        assert_eq!(Palette::from_values([prototypes, radii, &gains[1..]]), None);
        assert_eq!(Palette::from_values([prototypes, &radii[1..], gains]), None);
    }

    #[test]
    fn parts_that_show_nothing_leave_a_palette_of_nothing() {
        let nothing = ColourSample::new(
            &picture(1, [1.0; 3], 0.0),
            &vec![0.0; SIZE * SIZE / 16],
            &SPEC,
        );
        let map =
            Palette::learn(&[nothing], &mut Rng::new(1)).map(&picture(2, [1.0; 3], 0.0), &SPEC);
        assert!(map.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn the_exported_map_is_the_same() {
        let palette = palette();
        let mut graph = Graph::new("palette", onnx::WeightFormat::F16);
        let shape = [1, 3, SIZE, SIZE];
        let input = graph.input("rgb", &shape).unwrap();
        let map = palette.emit(&mut graph, input, &SPEC).unwrap();
        graph.output("map", map).unwrap();
        let encoded = graph.encode().unwrap();
        let seen = picture(9, [0.9, 1.0, 1.1], 0.1);
        let mut network = Model::with_inputs(&encoded, &[&shape]).unwrap();
        let mut found = vec![0.0; SIZE * SIZE / 16];
        network.run_all_into(&[&seen], &mut [&mut found]).unwrap();
        for (index, (a, b)) in palette.map(&seen, &SPEC).iter().zip(&found).enumerate() {
            assert!((a - b).abs() < 1e-3 * a.max(1.0), "{index}: {a} {b}");
        }
    }
}
