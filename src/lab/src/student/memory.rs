//! What the colour branch remembers of good parts beside its student: the teacher's second and third scale, averaged
//! over 3 x 3 places and side by side as PatchCore has them (Roth et al., CVPR 2022, arXiv 2106.08265), compared with
//! prototypes.
//!
//! ```text
//! T2 40@32 ── mean 3x3 ───────────────────┐
//! T3 112@16 ─ mean 3x3 ─ resize to 32 ────┴─ concat 152@32 ─ codebook ─► map@32 ─ resize to 64
//! ```
//! Channels and sides for the Lite0 teacher at S = 256.

use std::sync::atomic::AtomicBool;

use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use twinspect_nn::{Activation, Rng, Shape, Tensor, resize};
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use super::codebook::{Codebook, Descriptors, some_places};
use super::rgb::SCALES;

/// Scales of the teacher that are remembered: all but the finest, which sees what is different on each part.
const REMEMBERED: usize = SCALES - 1;
/// More prototypes would cost the device more than teacher and student.
const PROTOTYPES_MAX: usize = 4096;
/// Places of each part that prototypes are chosen from.
const PLACES: usize = 200;

/// What a teacher says of one view of a part, as f16: pools of some hundred views stay small.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TeacherSample {
    /// All scales, finest first; channels, rows, columns.
    pub(crate) taps: [Vec<f16>; SCALES],
    /// Which places of the second scale belong to the part.
    pub(crate) on_part: Vec<bool>,
}

/// Prototypes of good places.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Memory {
    channels: [usize; REMEMBERED],
    /// One over each scale's standard deviation: neither counts more for having larger values.
    gains: [f32; REMEMBERED],
    book: Codebook,
}

impl Memory {
    /// Learns from good parts as they were taken, for a teacher with these channels. The same parts and generator give the same
    /// memory, with any number of threads; `None` if it was interrupted.
    pub(crate) fn learn(
        parts: &[TeacherSample],
        channels: [usize; SCALES],
        prototypes: usize,
        rng: &mut Rng,
        interrupted: &AtomicBool,
    ) -> Option<Self> {
        let [_, channels @ ..] = channels;
        let gains = std::array::from_fn(|k| gain(parts, k + 1));
        let seeds = rng.derive(PLACES_OF_PARTS);
        let chosen: Vec<Vec<f32>> = parts
            .par_iter()
            .enumerate()
            .map(|(index, part)| {
                let planes = features(&part.wide(), channels, gains);
                let set = part.on_part.iter().copied();
                some_places(&planes, set, PLACES, seeds.derive(index as u64))
            })
            .collect();
        let mut descriptors = Descriptors::new(channels.iter().sum());
        for places in &chosen {
            descriptors.extend(places);
        }
        if descriptors.len() == 0 {
            descriptors.push(std::iter::repeat_n(0.0, channels.iter().sum()));
        }
        let count = prototypes.min(PROTOTYPES_MAX);
        Some(Self {
            channels,
            gains,
            book: Codebook::cover(&descriptors, count, rng, interrupted)?,
        })
    }

    /// A memory for a teacher with these channels from what [`Memory::values`] gave; `None` if it does not match.
    pub(crate) fn from_values(channels: [usize; SCALES], values: [&[f32]; 3]) -> Option<Self> {
        let [_, channels @ ..] = channels;
        let [prototypes, radii, gains] = values;
        Some(Self {
            channels,
            gains: gains.try_into().ok()?,
            book: Codebook::from_values(channels.iter().sum(), prototypes, radii)?,
        })
    }

    /// Prototypes, radii and gains.
    pub(crate) fn values(&self) -> [&[f32]; 3] {
        [self.book.prototypes(), self.book.radii(), &self.gains]
    }

    /// The map of one part at the second scale's side, of what the teacher says.
    pub(crate) fn map(&self, taps: &[Vec<f32>]) -> Vec<f32> {
        self.book.map(&features(taps, self.channels, self.gains))
    }

    /// Writes the same: from the teacher's features to a map of `side`.
    pub(crate) fn emit(
        &self,
        graph: &mut Graph,
        taps: [onnx::Tensor; SCALES],
        side: usize,
    ) -> Result<onnx::Tensor, GraphError> {
        let [_, taps @ ..] = taps;
        let finer = taps[0].shape().dims()[3];
        let map = graph.head(|graph| {
            graph.within("memory", |graph| {
                let mut planes = Vec::with_capacity(REMEMBERED);
                for (k, tap) in taps.into_iter().enumerate() {
                    let values = vec![self.gains[k] / WINDOW as f32; self.channels[k] * WINDOW];
                    let kernel = onnx::Kernel {
                        dims: [self.channels[k], 1, 3, 3],
                        values: &values,
                    };
                    let conv = onnx::Conv::new(kernel, None)
                        .groups(self.channels[k])
                        .pads(onnx::Pads::symmetric(1));
                    let mean = graph.conv(&format!("mean{k}"), tap, &conv)?;
                    planes.push(match k {
                        0 => mean,
                        _ => graph.resize(&format!("resize{k}"), mean, [finer, finer])?,
                    });
                }
                graph.concat("join", &planes, 1)
            })
        })?;
        let map = self.book.emit(graph, map)?;
        graph.head(|graph| graph.resize("memory.map", map, [side, side]))
    }
}

/// Purpose of the generators that choose places of parts.
const PLACES_OF_PARTS: u64 = 1;
/// Places of a mean.
const WINDOW: usize = 9;

impl TeacherSample {
    fn wide(&self) -> [Vec<f32>; SCALES] {
        std::array::from_fn(|k| {
            let mut wide = vec![0.0; self.taps[k].len()];
            self.taps[k].convert_to_f32_slice(&mut wide);
            wide
        })
    }
}

/// One over the standard deviation of all values of a scale.
fn gain(views: &[TeacherSample], scale: usize) -> f32 {
    let sums = |view: &TeacherSample| {
        let mut sums = (0.0_f64, 0.0_f64, 0_usize);
        for value in &view.taps[scale] {
            let value = value.to_f64();
            sums = (sums.0 + value, sums.1 + value * value, sums.2 + 1);
        }
        sums
    };
    // Collected first: a sum in parallel would depend on the number of threads.
    let of_views: Vec<_> = views.par_iter().map(sums).collect();
    let add = |a: (f64, f64, usize), b: &(f64, f64, usize)| (a.0 + b.0, a.1 + b.1, a.2 + b.2);
    let (sum, squares, count) = of_views.iter().fold((0.0, 0.0, 0), add);
    let mean = sum / count.max(1) as f64;
    let deviation = (squares / count.max(1) as f64 - mean * mean)
        .max(0.0)
        .sqrt();
    if deviation > 0.0 {
        (1.0 / deviation) as f32
    } else {
        1.0
    }
}

/// The remembered scales as they are compared: channels, rows, columns of the second scale.
fn features(
    taps: &[Vec<f32>],
    channels: [usize; REMEMBERED],
    gains: [f32; REMEMBERED],
) -> Vec<f32> {
    let side_of = |k: usize| {
        taps[k + 1]
            .len()
            .checked_div(channels[k])
            .unwrap_or(0)
            .isqrt()
    };
    let finer = side_of(0);
    let mut planes = Vec::with_capacity(finer * finer * channels.iter().sum::<usize>());
    for k in 0..REMEMBERED {
        let side = side_of(k);
        let mut means = Vec::with_capacity(taps[k + 1].len());
        for plane in taps[k + 1].chunks_exact(side * side) {
            means.extend(mean_3x3(plane, side, gains[k] / WINDOW as f32));
        }
        if side == finer {
            planes.extend(means);
            continue;
        }
        let means = Tensor::from_nchw(Shape::new(1, side, side, channels[k]), &means);
        let mut enlarged = Activation::new();
        resize(&Activation::constant(means), [finer, finer], &mut enlarged);
        planes.extend(enlarged.value().to_nchw());
    }
    planes
}

/// Sums over 3 x 3 places times `weight`, with zeros beyond the border, as the exported convolution has them.
fn mean_3x3(plane: &[f32], side: usize, weight: f32) -> Vec<f32> {
    let near = |index: usize| index.saturating_sub(1)..(index + 2).min(side);
    let at = |place: usize| {
        let (x, y) = (place % side, place / side);
        let rows = near(y).map(|row| plane[row * side..][near(x)].iter().sum::<f32>());
        weight * rows.sum::<f32>()
    };
    (0..side * side).map(at).collect()
}

#[cfg(test)]
mod tests {
    use twinspect_engine::tract::Model;

    use super::*;

    const CHANNELS: [usize; SCALES] = [4, 6, 10];
    const SIDES: [usize; SCALES] = [16, 8, 4];

    /// A view of noise, but for a spot of the second and third scale that is off by `spot`.
    fn view(seed: u64, spot: f32) -> TeacherSample {
        let mut rng = Rng::new(seed);
        let taps = std::array::from_fn(|k| {
            let side = SIDES[k];
            let value = |i: usize| {
                let (x, y) = (i % side, i % (side * side) / side);
                let is_spot = k > 0 && x == side / 4 && y == side / 4;
                f16::from_f32(rng.normal() as f32 + if is_spot { spot } else { 0.0 })
            };
            (0..CHANNELS[k] * side * side).map(value).collect()
        });
        TeacherSample {
            taps,
            on_part: vec![true; SIDES[1] * SIDES[1]],
        }
    }

    fn learnt(parts: &[TeacherSample]) -> Memory {
        Memory::learn(
            parts,
            CHANNELS,
            64,
            &mut Rng::new(1),
            &AtomicBool::new(false),
        )
        .unwrap()
    }

    fn memory() -> Memory {
        let views: Vec<_> = (0..20).map(|seed| view(seed, 0.0)).collect();
        learnt(&views)
    }

    #[test]
    fn what_no_good_part_has_stands_out() {
        let map = memory().map(&view(77, 20.0).wide());
        let peak = (0..map.len())
            .max_by(|&a, &b| map[a].total_cmp(&map[b]))
            .unwrap();
        let (x, y) = (peak % 8, peak / 8);
        assert!((1..=3).contains(&x) && (1..=3).contains(&y), "{x} {y}");
        let quiet = memory().map(&view(77, 0.0).wide());
        let largest = |map: &[f32]| map.iter().copied().fold(0.0, f32::max);
        assert!(largest(&map) > 2.0 * largest(&quiet));
    }

    #[test]
    fn a_memory_is_the_same_again_and_survives_as_values() {
        assert_eq!(memory(), memory());
        let learnt = memory();
        assert_eq!(
            Memory::from_values(CHANNELS, learnt.values()),
            Some(learnt.clone())
        );
        let [prototypes, radii, gains] = learnt.values();
        assert_eq!(
            Memory::from_values(CHANNELS, [prototypes, radii, &gains[1..]]),
            None
        );
        assert_eq!(
            Memory::from_values([4, 6, 9], [prototypes, radii, gains]),
            None
        );
    }

    #[test]
    fn views_that_show_no_part_leave_a_memory_of_nothing() {
        let nothing = TeacherSample {
            on_part: vec![false; SIDES[1] * SIDES[1]],
            ..view(1, 0.0)
        };
        let memory = learnt(&[nothing]);
        assert!(
            memory
                .map(&view(2, 0.0).wide())
                .iter()
                .all(|value| value.is_finite())
        );
    }

    #[test]
    fn the_exported_map_is_the_same() {
        let memory = memory();
        let mut graph = Graph::new("memory", onnx::WeightFormat::F16);
        let names = ["finest", "middle", "coarsest"];
        let shapes: [_; SCALES] = std::array::from_fn(|k| [1, CHANNELS[k], SIDES[k], SIDES[k]]);
        let shapes = shapes.each_ref().map(|shape| shape.as_slice());
        let taps = std::array::from_fn(|k| graph.input(names[k], shapes[k]).unwrap());
        let map = memory.emit(&mut graph, taps, SIDES[1]).unwrap();
        graph.output("map", map).unwrap();
        let encoded = graph.encode().unwrap();
        let wide = view(9, 3.0).wide();
        let mut network = Model::with_inputs(&encoded, &shapes).unwrap();
        let mut found = vec![0.0; SIDES[1] * SIDES[1]];
        let inputs: Vec<&[f32]> = wide.iter().map(Vec::as_slice).collect();
        network.run_all_into(&inputs, &mut [&mut found]).unwrap();
        for (index, (a, b)) in memory.map(&wide).iter().zip(&found).enumerate() {
            assert!((a - b).abs() < 1e-3 * a.max(1.0), "{index}: {a} {b}");
        }
    }
}
