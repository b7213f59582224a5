//! What a step of training wants: clean features of parts of which some carry a pseudo-anomaly, and
//! how much each of the wishes counts (docs/decisions.md: students see through pseudo-anomalies).

use serde::{Deserialize, Serialize};
use twinspect_nn::{Activation, Tensor, loss};

/// How much each part of the loss counts, beside one for the likelihood of good places.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LossWeights {
    /// The student's answer where a defect lies is to be the clean one; beside a good pixel's 1.
    pub(crate) restoration: f32,
    /// Evidence where a defect lies is to reach [`EVIDENCE_MARGIN`]; beside a good pixel's 1.
    pub(crate) pixels: f32,
    /// Refined features are to be the clean ones.
    pub(crate) refinement: f32,
    /// Refined features of good parts are to be alike.
    pub(crate) contraction: f32,
    /// Places that look alike to the teacher are to look alike in the refined features.
    pub(crate) affinity: f32,
}

impl Default for LossWeights {
    fn default() -> Self {
        Self {
            restoration: 1.0,
            pixels: 1.0,
            refinement: 0.5,
            contraction: 0.1,
            affinity: 0.1,
        }
    }
}

impl LossWeights {
    /// Each weight with its key.
    pub(crate) fn named(&self) -> [(&'static str, f32); 5] {
        [
            ("losses.restoration", self.restoration),
            ("losses.pixels", self.pixels),
            ("losses.refinement", self.refinement),
            ("losses.contraction", self.contraction),
            ("losses.affinity", self.affinity),
        ]
    }
}

/// Evidence in spreads that a defect is to reach in training; good places have about one.
pub(super) const EVIDENCE_MARGIN: f32 = 5.0;
/// What a changed place counts beside an unchanged one when features are refined.
const CHANGED_WEIGHT: f32 = 4.0;

/// Where the parts of a batch carry defects, at one scale; N x 1 x h x w each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// Share of each pixel that looks as it should.
    pub(crate) good: Tensor,
    /// Share of each pixel that a pseudo-anomaly changed.
    pub(crate) bad: Tensor,
    /// What each pixel counts in refinement.
    pub(super) restoration: Tensor,
    /// Changed pixels over good ones: a mean over the former, times this, gives each of them the
    /// weight that a good pixel has in a mean over the latter.
    pub(super) bad_over_good: f32,
}

impl Places {
    /// From shares of changed pixels, one map for each part of the batch; `None` for a good one.
    pub(crate) fn fill<'a>(
        &mut self,
        shape: twinspect_nn::Shape,
        changed: impl Iterator<Item = Option<&'a [f32]>>,
    ) {
        let shape = shape.with_channels(1);
        for tensor in [&mut self.good, &mut self.bad, &mut self.restoration] {
            tensor.reshape(shape);
        }
        let nothing = vec![0.0; shape.h * shape.w];
        let mut bad = 0.0_f64;
        for (n, changed) in changed.enumerate() {
            let changed = changed.unwrap_or(&nothing);
            bad += changed.iter().map(|&y| f64::from(y)).sum::<f64>();
            let of = |f: fn(f32) -> f32| changed.iter().map(|&y| f(y)).collect::<Vec<_>>();
            self.bad.write_image_nchw(n, changed);
            self.good.write_image_nchw(n, &of(|y| 1.0 - y));
            self.restoration
                .write_image_nchw(n, &of(|y| 1.0 + CHANGED_WEIGHT * y));
        }
        let good = shape.pixels() as f64 - bad;
        self.bad_over_good = (bad / good.max(1.0)) as f32;
    }
}

/// What refined features of either modality owe to good parts as a whole, with gradients: contraction
/// of their distribution, and consistency of what looks alike.
pub(super) fn likeness_loss(
    refined: &mut Activation,
    clean: &Tensor,
    is_good: &[bool],
    weights: &LossWeights,
) -> f32 {
    loss::contraction(refined, is_good, weights.contraction)
        + loss::affinity(refined, clean, weights.affinity)
}
