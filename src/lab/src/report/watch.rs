//! What an evaluation shows to who looks on, as far as the page needs it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use twinspect_bundle::Manifest;
use twinspect_dataset::Label;

use super::gallery::Gallery;
use super::paint;
use crate::evaluate::{PartScore, Seen};

/// Steps of the weight's histogram.
pub(super) const WEIGHT_BINS: usize = 20;

/// Looks on and keeps what the page shows; memory does not grow with maps or pictures of parts.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    manifest: &'a Manifest,
    kept: Mutex<Kept>,
}

/// What is kept.
#[derive(Debug)]
pub(super) struct Kept {
    /// Every part with its label, in the order of their names.
    pub(super) parts: Vec<(Label, PartScore)>,
    /// The worst parts with their pictures.
    pub(super) gallery: Gallery,
    /// How the fusion network weighs both senses, where there is one.
    pub(super) weights: Weights,
}

/// Height's share of decisions, by what lies below the pixel.
#[derive(Debug, Default)]
pub(super) struct Weights {
    /// On good parts.
    pub(super) good: Tally,
    /// Inside the truth of each kind of defect.
    pub(super) kinds: BTreeMap<String, Tally>,
}

/// Weights of pixels.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Tally {
    /// How many, from height's share 0 to 1.
    pub(super) bins: [u64; WEIGHT_BINS],
    sum: f64,
}

impl Tally {
    fn add(&mut self, weight: f32) {
        let weight = weight.clamp(0.0, 1.0);
        let bin = (weight * WEIGHT_BINS as f32) as usize;
        self.bins[bin.min(WEIGHT_BINS - 1)] += 1;
        self.sum += f64::from(weight);
    }

    /// Number of pixels.
    pub(super) fn count(&self) -> u64 {
        self.bins.iter().sum()
    }

    /// Mean weight; `None` without pixels.
    pub(super) fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum / count as f64)
    }

    /// Takes in another tally.
    pub(super) fn join(&mut self, other: &Self) {
        for (bin, more) in self.bins.iter_mut().zip(other.bins) {
            *bin += more;
        }
        self.sum += other.sum;
    }
}

impl<'a> Watch<'a> {
    /// Looks on for a page that shows so many of the worst parts.
    pub(super) fn new(manifest: &'a Manifest, worst: usize) -> Self {
        Self {
            manifest,
            kept: Mutex::new(Kept {
                parts: Vec::new(),
                gallery: Gallery::new(worst),
                weights: Weights::default(),
            }),
        }
    }

    /// Looks at one part.
    pub(super) fn see(&self, seen: &Seen<'_>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let label = seen.reference.label.clone();
        kept.parts.push((label, seen.scores.clone()));
        kept.gallery.see(seen, self.manifest);
        if let Some(maps) = seen.scorer.fusion_maps() {
            kept.weights.see(seen, &maps.weight, self.manifest);
        }
    }

    /// What was kept.
    pub(super) fn finish(self) -> Kept {
        let mut kept = self
            .kept
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        kept.parts.sort_by(|a, b| a.1.part.cmp(&b.1.part));
        kept
    }
}

impl Weights {
    fn see(&mut self, seen: &Seen<'_>, weights: &[f32], manifest: &Manifest) {
        let side = weights.len().isqrt();
        let truth = seen
            .mask
            .map(|mask| paint::truth(mask, &manifest.prepare, side));
        let label = &seen.reference.label;
        let (tally, truth) = match (label.is_good(), truth) {
            (true, _) => (&mut self.good, None),
            (false, Some(truth)) => {
                let kind = self.kinds.entry(label.as_str().to_owned());
                (kind.or_default(), Some(truth))
            }
            // Nobody knows which of its pixels are defective.
            (false, None) => return,
        };
        for (place, (&weight, &inside)) in weights.iter().zip(&seen.prepared.region).enumerate() {
            if inside > 0.5 && truth.as_ref().is_none_or(|truth| truth[place]) {
                tally.add(weight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_counted_from_end_to_end() {
        let mut tally = Tally::default();
        assert_eq!(tally.mean(), None);
        [0.0, 0.04, 0.5, 1.0, 2.0]
            .into_iter()
            .for_each(|w| tally.add(w));
        assert_eq!((tally.bins[0], tally.bins[10]), (2, 1));
        assert_eq!((tally.bins[19], tally.count()), (2, 5));
        assert!((tally.mean().unwrap() - 2.54 / 5.0).abs() < 1e-6);
        let mut twice = tally.clone();
        twice.join(&tally);
        assert_eq!((twice.count(), twice.mean()), (10, tally.mean()));
    }
}
