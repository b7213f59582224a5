//! Prototypes of the local shapes of good parts: the part of the geometry student that remembers
//! small things, as a network with a narrow bottleneck cannot.
//!
//! A descriptor is the twelve channels of the filter bank at one place. K-means over descriptors
//! of good parts gives prototypes `p_k` and their radii `r_k` (mean distance of their members). The
//! map is `min_k |q - p_k| / (r_k + 0.3)`: the distance to what has been seen, in units of how much
//! that varies.

use rayon::prelude::*;
use twinspect_core::prepare::BANK_CHANNELS;
use twinspect_nn::Rng;
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

/// Prototypes, fewer if there are fewer descriptors.
const PROTOTYPES: usize = 2048;
/// Prototypes that the exported graph compares at once.
const BLOCK: usize = 256;
/// Rounds of k-means.
const ROUNDS: usize = 12;
/// Added to every radius: nothing varies by less than a third of the sensor's noise.
const RADIUS_FLOOR: f32 = 0.3;
/// A prototype of fewer members has the mean radius.
const MEMBERS_MIN: usize = 5;

/// Twelve channels at one place.
pub(crate) type Descriptor = [f32; BANK_CHANNELS];

/// The prototypes with their radii.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Codebook {
    prototypes: Vec<Descriptor>,
    radii: Vec<f32>,
}

impl Codebook {
    /// Learns from descriptors of good parts. The same descriptors and generator give the same book.
    pub(crate) fn learn(descriptors: &[Descriptor], rng: &mut Rng) -> Self {
        let count = PROTOTYPES.min(descriptors.len());
        let order = rng.permutation(descriptors.len());
        let mut prototypes: Vec<Descriptor> =
            order[..count].iter().map(|&i| descriptors[i]).collect();
        for _ in 0..ROUNDS {
            let members = nearest(descriptors, &prototypes);
            let mut sums = vec![([0.0_f64; BANK_CHANNELS], 0_usize); count];
            for (descriptor, &(prototype, _)) in descriptors.iter().zip(&members) {
                let (sum, members) = &mut sums[prototype];
                sum.iter_mut()
                    .zip(descriptor)
                    .for_each(|(sum, &value)| *sum += f64::from(value));
                *members += 1;
            }
            for (prototype, (sum, members)) in prototypes.iter_mut().zip(sums) {
                if members > 0 {
                    *prototype = sum.map(|sum| (sum / members as f64) as f32);
                }
            }
        }
        let members = nearest(descriptors, &prototypes);
        let mean =
            members.iter().map(|(_, distance)| distance).sum::<f32>() / members.len().max(1) as f32;
        let mut sums = vec![(0.0_f32, 0_usize); count];
        for (prototype, distance) in members {
            sums[prototype].0 += distance;
            sums[prototype].1 += 1;
        }
        let radius = |(sum, members)| {
            if members < MEMBERS_MIN {
                mean
            } else {
                sum / members as f32
            }
        };
        Self {
            prototypes,
            radii: sums.into_iter().map(radius).collect(),
        }
    }

    /// A book from what [`Codebook::prototypes`] and [`Codebook::radii`] gave; `None` if they don't match.
    pub(crate) fn from_values(prototypes: &[f32], radii: &[f32]) -> Option<Self> {
        let (descriptors, rest) = prototypes.as_chunks::<BANK_CHANNELS>();
        let fits = rest.is_empty() && descriptors.len() == radii.len() && !radii.is_empty();
        fits.then(|| Self {
            prototypes: descriptors.to_vec(),
            radii: radii.to_vec(),
        })
    }

    /// All prototypes, one after the other.
    pub(crate) fn prototypes(&self) -> &[f32] {
        self.prototypes.as_flattened()
    }

    /// Radii of the prototypes.
    pub(crate) fn radii(&self) -> &[f32] {
        &self.radii
    }

    /// The map of one part: 12 channels of `side * side` values in, one map out.
    pub(crate) fn map(&self, channels: &[f32]) -> Vec<f32> {
        let plane = channels.len() / BANK_CHANNELS;
        let gains: Vec<f32> = self
            .radii
            .iter()
            .map(|radius| (radius + RADIUS_FLOOR).powi(-2))
            .collect();
        let at = |index: usize| {
            let descriptor: Descriptor =
                std::array::from_fn(|channel| channels[channel * plane + index]);
            let scaled = self
                .prototypes
                .iter()
                .zip(&gains)
                .map(|(p, gain)| gain * squared(&descriptor, p));
            scaled.fold(f32::INFINITY, f32::min).sqrt()
        };
        (0..plane).into_par_iter().map(at).collect()
    }

    /// Writes the map as matrix products and minima. With `w = (r + 0.3)^-2` the scaled squared
    /// distance is linear in the descriptor, its squared length, and one:
    /// `w |q - p|^2 = -2 w p . q + w |q|^2 + w |p|^2`. Places are rows and prototypes columns, so
    /// that the minimum runs along memory; prototypes come in blocks, so that a block's distances
    /// stay in the cache.
    pub(crate) fn emit(
        &self,
        graph: &mut Graph,
        input: onnx::Tensor,
    ) -> Result<onnx::Tensor, GraphError> {
        let shape = input.shape();
        let (rows, columns) = (shape.dims()[2], shape.dims()[3]);
        let places = rows * columns;
        graph.head(|graph| {
            graph.within("codebook", |graph| {
                let square = graph.mul("square", input, input)?;
                let length = graph.reduce_sum("length", square, &[1])?;
                let one = graph.constant("one", &[1, 1, rows, columns], &vec![1.0; places])?;
                let extended = graph.concat("extend", &[input, length, one], 1)?;
                let flat = graph.reshape("flatten", extended, &[BANK_CHANNELS + 2, places])?;
                let descriptors = graph.transpose("descriptors", flat, &[1, 0])?;
                let mut minima = Vec::new();
                let blocks = self.prototypes.chunks(BLOCK).zip(self.radii.chunks(BLOCK));
                for (index, (prototypes, radii)) in blocks.enumerate() {
                    let dims = [BANK_CHANNELS + 2, radii.len()];
                    let forms = linear_forms(prototypes, radii);
                    let prototypes =
                        graph.constant(&format!("prototypes{index}"), &dims, &forms)?;
                    let distances =
                        graph.mat_mul(&format!("distances{index}"), descriptors, prototypes)?;
                    minima.push(graph.reduce_min(&format!("least{index}"), distances, &[1])?);
                }
                let minima = graph.concat("blocks", &minima, 1)?;
                let least = graph.reduce_min("least", minima, &[1])?;
                // Rounding may leave the square of a tiny distance below zero.
                let positive = graph.relu("positive", least)?;
                let distance = graph.sqrt("distance", positive)?;
                graph.reshape("map", distance, &[1, 1, rows, columns])
            })
        })
    }
}

/// Coefficients of the scaled squared distances: a row for each channel of the descriptor, for its
/// squared length, and for one; a column for each prototype.
fn linear_forms(prototypes: &[Descriptor], radii: &[f32]) -> Vec<f32> {
    let count = radii.len();
    let mut forms = vec![0.0; (BANK_CHANNELS + 2) * count];
    for (column, (prototype, radius)) in prototypes.iter().zip(radii).enumerate() {
        let gain = (radius + RADIUS_FLOOR).powi(-2);
        for (row, value) in prototype.iter().enumerate() {
            forms[row * count + column] = -2.0 * gain * value;
        }
        forms[BANK_CHANNELS * count + column] = gain;
        let length = prototype.iter().map(|value| value * value).sum::<f32>();
        forms[(BANK_CHANNELS + 1) * count + column] = gain * length;
    }
    forms
}

/// Index of the nearest prototype of each descriptor, and the distance to it.
fn nearest(descriptors: &[Descriptor], prototypes: &[Descriptor]) -> Vec<(usize, f32)> {
    let find = |descriptor: &Descriptor| {
        let mut best = (0, f32::INFINITY);
        for (index, prototype) in prototypes.iter().enumerate() {
            let distance = squared(descriptor, prototype);
            if distance < best.1 {
                best = (index, distance);
            }
        }
        (best.0, best.1.sqrt())
    };
    descriptors.par_iter().map(find).collect()
}

fn squared(a: &Descriptor, b: &Descriptor) -> f32 {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += (a - b) * (a - b);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two heaps of descriptors: around zero with deviation 1, around ten with deviation 0.1.
    fn heaps() -> Vec<Descriptor> {
        let mut rng = Rng::new(3);
        let mut draw =
            |centre: f32, sd: f32| std::array::from_fn(|_| centre + sd * rng.normal() as f32);
        (0..4000)
            .map(|i| {
                if i % 2 == 0 {
                    draw(0.0, 1.0)
                } else {
                    draw(10.0, 0.1)
                }
            })
            .collect()
    }

    #[test]
    fn what_was_seen_is_near_in_units_of_how_much_it_varies() {
        let book = Codebook::learn(&heaps(), &mut Rng::new(1));
        let map = |value: f32| book.map(&[value; BANK_CHANNELS])[0];
        assert!(
            map(0.0) < 3.0 && map(10.0) < 3.0,
            "{} {}",
            map(0.0),
            map(10.0)
        );
        assert!(
            map(5.0) > 4.0 && map(11.0) > map(1.0),
            "{} {} {}",
            map(5.0),
            map(11.0),
            map(1.0)
        );
    }

    #[test]
    fn a_book_is_the_same_again_and_survives_as_values() {
        let book = Codebook::learn(&heaps(), &mut Rng::new(1));
        assert_eq!(book, Codebook::learn(&heaps(), &mut Rng::new(1)));
        assert_eq!(
            Codebook::from_values(book.prototypes(), book.radii()),
            Some(book.clone())
        );
        assert_eq!(
            Codebook::from_values(&book.prototypes()[1..], book.radii()),
            None
        );
    }

    #[test]
    fn the_exported_map_is_the_same() {
        let side = 16;
        let book = Codebook::learn(&heaps(), &mut Rng::new(1));
        let mut rng = Rng::new(8);
        let channels: Vec<f32> = (0..BANK_CHANNELS * side * side)
            .map(|i| rng.normal() as f32 + (i % 11) as f32)
            .collect();
        let mut graph = Graph::new("codebook", onnx::WeightFormat::F16);
        let input = graph.input("x", &[1, BANK_CHANNELS, side, side]).unwrap();
        let map = book.emit(&mut graph, input).unwrap();
        graph.output("map", map).unwrap();
        let onnx = graph.encode().unwrap();
        let shape = [1, BANK_CHANNELS, side, side];
        let mut model = twinspect_engine::tract::Model::from_bytes(&onnx, &shape).unwrap();
        let found = model.run(&channels).unwrap().remove(0);
        for (index, (a, b)) in book.map(&channels).iter().zip(&found).enumerate() {
            assert!(
                (a - b).abs() < 2e-3 * a.max(1.0),
                "{index}: expected {a}, found {b}"
            );
        }
    }
}
