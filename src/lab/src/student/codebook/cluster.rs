//! Prototypes as the means of what lies together (k-means): one for each way in which places of good parts are alike,
//! with how much they vary. For descriptors whose noise is known, as the filter bank's.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use twinspect_nn::Rng;

use super::{Codebook, Descriptors, squared};

/// Prototypes, fewer if there are fewer descriptors.
const PROTOTYPES: usize = 2048;
/// Rounds of k-means.
const ROUNDS: usize = 12;
/// A prototype of fewer members has the mean radius.
const MEMBERS_MIN: usize = 5;

impl Codebook {
    /// Learns from descriptors of good parts: prototypes are means of their members, radii the mean distances of
    /// these. The same descriptors and generator give the same book; `None` if it was interrupted.
    pub(crate) fn cluster(
        descriptors: &Descriptors,
        rng: &mut Rng,
        interrupted: &AtomicBool,
    ) -> Option<Self> {
        let channels = descriptors.channels;
        let count = PROTOTYPES.min(descriptors.len());
        let order = rng.permutation(descriptors.len());
        let mut prototypes = Descriptors::new(channels);
        for &first in &order[..count] {
            prototypes.push(descriptors.place(first).iter().copied());
        }
        for _ in 0..ROUNDS {
            if interrupted.load(Ordering::Relaxed) {
                return None;
            }
            let members = nearest(descriptors, &prototypes);
            let mut sums = vec![0.0_f64; count * channels];
            let mut sizes = vec![0_usize; count];
            for (descriptor, &(prototype, _)) in descriptors.places().zip(&members) {
                let sum = &mut sums[prototype * channels..][..channels];
                for (sum, &value) in sum.iter_mut().zip(descriptor) {
                    *sum += f64::from(value);
                }
                sizes[prototype] += 1;
            }
            let means = prototypes.values.chunks_exact_mut(channels);
            for ((mean, sum), size) in means.zip(sums.chunks_exact(channels)).zip(sizes) {
                if size > 0 {
                    for (mean, sum) in mean.iter_mut().zip(sum) {
                        *mean = (sum / size as f64) as f32;
                    }
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
        Some(Self {
            prototypes,
            radii: sums.into_iter().map(radius).collect(),
        })
    }
}

/// Index of the nearest prototype of each descriptor, and the distance to it.
fn nearest(descriptors: &Descriptors, prototypes: &Descriptors) -> Vec<(usize, f32)> {
    let find = |descriptor: &[f32]| {
        let mut best = (0, f32::INFINITY);
        for (index, prototype) in prototypes.places().enumerate() {
            let distance = squared(descriptor, prototype);
            if distance < best.1 {
                best = (index, distance);
            }
        }
        (best.0, best.1.sqrt())
    };
    let places = descriptors.values.par_chunks_exact(descriptors.channels);
    places.map(find).collect()
}
