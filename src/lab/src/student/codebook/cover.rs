//! Prototypes as places that were seen, chosen so that no good place is far from all of them (greedy k-centre, as
//! PatchCore reduces its memory: Roth et al., CVPR 2022, arXiv 2106.08265). Means would blur what is rare on good parts,
//! and it would be taken for a defect.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use twinspect_nn::Rng;

use super::{Codebook, Descriptors};

/// Sums that are made side by side.
const LANES: usize = 8;
/// Places that a thread looks at in one go.
const SHARE: usize = 4096;

impl Codebook {
    /// Chooses `count` descriptors of good parts, fewer if there are fewer: after the first, at random, always the one
    /// that is furthest from all before. All have the same radius, the mean distance to the nearest of those that were
    /// not chosen. The same descriptors and generator give the same book, with any number of threads; `None` if it was interrupted.
    pub(crate) fn cover(
        descriptors: &Descriptors,
        count: usize,
        rng: &mut Rng,
        interrupted: &AtomicBool,
    ) -> Option<Self> {
        let count = count.clamp(1, descriptors.len().max(1));
        let mut prototypes = Descriptors::new(descriptors.channels);
        let mut distances = vec![f32::INFINITY; descriptors.len()];
        let mut next = rng.permutation(descriptors.len()).first().copied();
        while let Some(chosen) = next.filter(|_| prototypes.len() < count) {
            if interrupted.load(Ordering::Relaxed) {
                return None;
            }
            prototypes.push(descriptors.place(chosen).iter().copied());
            next = approach(descriptors, chosen, &mut distances);
        }
        let others = descriptors.len().saturating_sub(prototypes.len()).max(1);
        let total: f64 = distances
            .iter()
            .map(|&squared| f64::from(squared).sqrt())
            .sum();
        let radii = vec![(total / others as f64) as f32; prototypes.len()];
        Some(Self { prototypes, radii })
    }
}

/// Takes in a new prototype: lowers the squared distances to the nearest. Returns the place that is furthest now.
fn approach(descriptors: &Descriptors, chosen: usize, distances: &mut [f32]) -> Option<usize> {
    let channels = descriptors.channels;
    let prototype = descriptors.place(chosen);
    let values = descriptors.values.par_chunks(SHARE * channels);
    let furthest = values
        .zip(distances.par_chunks_mut(SHARE))
        .enumerate()
        .map(|(share, (values, distances))| {
            let mut furthest = (f32::NEG_INFINITY, 0);
            let places = values.chunks_exact(channels).zip(distances);
            for (index, (place, distance)) in places.enumerate() {
                *distance = distance.min(squared_by_lanes(place, prototype));
                if *distance > furthest.0 {
                    furthest = (*distance, share * SHARE + index);
                }
            }
            furthest
        })
        // Of equals the first.
        .reduce_with(|a, b| {
            if b.0 > a.0 || (b.0 == a.0 && b.1 < a.1) {
                b
            } else {
                a
            }
        });
    furthest.map(|(_, index)| index)
}

fn squared_by_lanes(a: &[f32], b: &[f32]) -> f32 {
    let (wide_a, rest_a) = a.as_chunks::<LANES>();
    let (wide_b, rest_b) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in wide_a.iter().zip(wide_b) {
        for lane in 0..LANES {
            sums[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    sums.iter().sum::<f32>() + super::squared(rest_a, rest_b)
}
