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
/// Prototypes that the exported graph compares at once: at 64 x 64 places half a megabyte of results,
/// which stays in a core's cache until the next block's.
const BLOCK: usize = 32;
/// Rows of an exported block: the descriptor's channels and its squared length.
const FORM: usize = BANK_CHANNELS + 1;
/// Rounds of k-means.
const ROUNDS: usize = 12;
/// Added to every radius: nothing varies by less than a third of the sensor's noise.
const RADIUS_FLOOR: f32 = 0.3;
/// Added to the squared distance: where a part meets a prototype, the root would magnify what rounding
/// leaves of a difference of large numbers. A tenth of the radius; evidence begins far above.
const ROUNDING: f32 = 0.01;
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
            (scaled.fold(f32::INFINITY, f32::min) + ROUNDING).sqrt()
        };
        (0..plane).into_par_iter().map(at).collect()
    }

    /// Writes the map as products and maxima of closeness, the negated scaled squared distance. With
    /// `w = (r + 0.3)^-2` it is linear in the descriptor and its squared length:
    /// `-w |q - p|^2 = w p . 2q + w (-|q|^2) - w |p|^2`. Places are columns, so that the maximum of
    /// two blocks is one of two plain arrays.
    pub(crate) fn emit(
        &self,
        graph: &mut Graph,
        input: onnx::Tensor,
    ) -> Result<onnx::Tensor, GraphError> {
        let shape = input.shape();
        let (rows, columns) = (shape.dims()[2], shape.dims()[3]);
        graph.head(|graph| {
            graph.within("codebook", |graph| {
                let square = graph.mul("square", input, input)?;
                let length = graph.reduce_sum("length", square, &[1])?;
                let joined = graph.concat("join", &[input, length], 1)?;
                // The factors stand here and not in the prototypes because tract splits a product
                // of joined operands into one product for each.
                let mut factors = [2.0; FORM];
                factors[BANK_CHANNELS] = -1.0;
                let factors = graph.constant("factors", &[1, FORM, 1, 1], &factors)?;
                let descriptors = graph.mul("descriptors", joined, factors)?;
                let blocks = self.radii.len().div_ceil(BLOCK);
                let closest = self.emit_closest(graph, descriptors, 0, blocks)?;
                let closest = graph.reshape("members", closest, &[1, 1, BLOCK, rows * columns])?;
                let closest =
                    graph.max_pool("closest", closest, [BLOCK, 1], 1, onnx::Pads::default())?;
                let least = graph.neg("least", closest)?;
                // Rounding may leave the square of a tiny distance below zero.
                let positive = graph.relu("positive", least)?;
                let certain = graph.offset("certain", positive, ROUNDING)?;
                let distance = graph.sqrt("distance", certain)?;
                graph.reshape("map", distance, &[1, 1, rows, columns])
            })
        })
    }

    /// Writes the larger closeness, member by member, of `count` blocks from `first` on. As a balanced
    /// tree: an engine that goes from the leaves up holds a block for each level, not all of them.
    fn emit_closest(
        &self,
        graph: &mut Graph,
        descriptors: onnx::Tensor,
        first: usize,
        count: usize,
    ) -> Result<onnx::Tensor, GraphError> {
        if count <= 1 {
            let (weights, bias) = self.closeness(first);
            let kernel = onnx::Kernel {
                dims: [BLOCK, FORM, 1, 1],
                values: &weights,
            };
            let conv = onnx::Conv::new(kernel, Some(&bias));
            return graph.conv(&format!("closeness{first}"), descriptors, &conv);
        }
        let half = count / 2;
        let left = self.emit_closest(graph, descriptors, first, half)?;
        let right = self.emit_closest(graph, descriptors, first + half, count - half)?;
        graph.max(
            &format!("closer{first}to{}", first + count - 1),
            left,
            right,
        )
    }

    /// Weights and bias of a block's closeness. The last block is filled up with the first prototypes.
    fn closeness(&self, block: usize) -> (Vec<f32>, Vec<f32>) {
        let members = self.prototypes.iter().zip(&self.radii).cycle();
        let mut weights = Vec::with_capacity(BLOCK * FORM);
        let mut bias = Vec::with_capacity(BLOCK);
        for (prototype, radius) in members.skip(block * BLOCK).take(BLOCK) {
            let gain = (radius + RADIUS_FLOOR).powi(-2);
            weights.extend(prototype.map(|value| gain * value));
            weights.push(gain);
            bias.push(-gain * prototype.iter().map(|value| value * value).sum::<f32>());
        }
        (weights, bias)
    }
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
        // A full book, and books that don't fill a block or the last one.
        for count in [4000, 3, BLOCK + 1, 7 * BLOCK] {
            check_exported_map(&Codebook::learn(&heaps()[..count], &mut Rng::new(1)));
        }
    }

    fn check_exported_map(book: &Codebook) {
        let side = 16;
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
                "{} prototypes, {index}: expected {a}, found {b}",
                book.radii.len()
            );
        }
    }
}
