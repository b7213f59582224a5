//! The geometry student: reverses the filter bank from a bottleneck, and predicts for each channel
//! and pixel how far it will be off.
//!
//! ```text
//! 12@64 ─ 3x3/2 ─ 3x3 ─ 3x3/2 ─ 3x3 ─ 3x3/2 ─ 3x3 ─ 1x1 ─ 64@8 ─ 3x3 ─ up 3x3 ─ up 3x3 ─ up 3x3 ─► m, v 12@64
//! ```
//! With refinement, a [`Refiner`] stands before it, which sees the bank at half its size.

use twinspect_core::prepare::{BANK_CHANNELS, BANK_SCALES};
use twinspect_nn::{Activation, Conv, Entry, Kernel, Mode, Parameters, Rng, Tensor, loss, scoped};
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use super::blocks::{Chain, emit_conv, settle_conv};
use super::refine::Refiner;
use super::supervision::{EVIDENCE_MARGIN, LossWeights, Places, likeness_loss};

/// Channels of the code at the bottleneck.
const CODE: usize = 64;
/// A log-spread counts as no more than this, either way: as in the training loss.
const LOG_SPREAD_LIMIT: f32 = loss::LAPLACE_LOG_SPREAD_LIMIT;
/// Channels of one scale of the bank.
const PER_SCALE: usize = BANK_CHANNELS / BANK_SCALES;

/// Channels of the refinement's middle.
const REFINED: usize = 48;

/// What a batch's bank should be.
#[derive(Debug, Default)]
pub(crate) struct GeometryTargets {
    /// The bank of the parts without pseudo-anomalies.
    pub(crate) clean: Tensor,
    /// What each pixel counts: the part more than the bare belt.
    pub(crate) weights: Tensor,
    /// Which parts carry no pseudo-anomaly.
    pub(crate) is_good: Vec<bool>,
    /// Where the others carry them; `None` if all parts are good.
    pub(crate) places: Option<Places>,
}

/// The student with its activations.
#[derive(Debug, Clone)]
pub(crate) struct GeometryStudent {
    refine: Option<Refiner>,
    trunk: Chain,
    mean: Conv,
    spread: Conv,
    input: Activation,
    raised: Activation,
    means: Activation,
    spreads: Activation,
}

impl GeometryStudent {
    /// A new student whose widest layers have `width` channels.
    pub(crate) fn new(width: usize, refinement: bool, rng: &mut Rng) -> Self {
        use Kernel::{K1x1, K3x3, K3x3Stride2, Up2x2};
        let (middle, fine) = (3 * width / 5, 3 * width / 10);
        let (middle, fine) = (middle.next_multiple_of(16), fine.next_multiple_of(16));
        let last = 32;
        let steps = [
            (K3x3Stride2, fine),
            (K3x3, fine),
            (K3x3Stride2, middle),
            (K3x3, middle),
            (K3x3Stride2, width),
            (K3x3, width),
            (K1x1, CODE),
            (K3x3, width),
            (Up2x2, middle),
            (K3x3, middle),
            (Up2x2, 2 * last),
            (K3x3, 2 * last),
            (Up2x2, last),
            (K3x3, last),
        ];
        let narrow = [(K3x3Stride2, REFINED), (K3x3, REFINED), (Up2x2, REFINED)];
        Self {
            refine: refinement.then(|| Refiner::new(BANK_CHANNELS, &narrow, false, rng)),
            trunk: Chain::new(BANK_CHANNELS, &steps, rng),
            mean: Conv::new(K1x1, last, BANK_CHANNELS, rng).with_bias(),
            spread: Conv::new(K1x1, last, BANK_CHANNELS, rng).with_bias(),
            input: Activation::constant(Tensor::default()),
            raised: Activation::new(),
            means: Activation::new(),
            spreads: Activation::new(),
        }
    }

    /// The bank's channels of the next batch, N x 12 x S/4 x S/4.
    pub(crate) fn input_mut(&mut self) -> &mut Activation {
        &mut self.input
    }

    /// From the input to means and log-spreads.
    pub(crate) fn forward(&mut self, mode: Mode) {
        let refined = match &mut self.refine {
            Some(refine) => {
                refine.forward(&self.input, mode);
                refine.refined()
            }
            None => &self.input,
        };
        self.trunk.forward(refined, &mut self.raised, mode);
        self.mean.forward(&self.raised, &mut self.means);
        self.spread.forward(&self.raised, &mut self.spreads);
    }

    /// Negative log-likelihood of the clean bank; with pseudo-anomalies and refinement, what they
    /// add. With gradients.
    pub(crate) fn loss(&mut self, targets: &GeometryTargets, weights: &LossWeights) -> f32 {
        let GeometryTargets {
            clean,
            weights: counts,
            is_good,
            places,
        } = targets;
        let (means, spreads) = (&mut self.means, &mut self.spreads);
        let good = places.as_ref().map(|places| product(counts, &places.good));
        let mut total = loss::laplace(means, spreads, clean, good.as_ref().or(Some(counts)), 1.0);
        if let Some(Places {
            bad, bad_over_good, ..
        }) = places
        {
            // How well a defect is seen through is no matter of how much good parts vary.
            let mut usual = Activation::constant(spreads.value().clone());
            let restored = weights.restoration * bad_over_good;
            total += loss::laplace(means, &mut usual, clean, Some(bad), restored);
            let seen = self.input.value();
            let (margin, scale) = (EVIDENCE_MARGIN, weights.pixels * bad_over_good);
            total += loss::laplace_hinge(means, spreads, seen, Some(bad), margin, scale);
        }
        if let Some(refine) = &mut self.refine {
            let refined = refine.refined_mut();
            // The bank is in multiples of the sensor's noise: a plain difference means something.
            let mut unit = Activation::constant(Tensor::zeros(clean.shape()));
            let heavy = places.as_ref().map(|p| product(counts, &p.restoration));
            let heavy = heavy.as_ref().or(Some(counts));
            total += loss::laplace(refined, &mut unit, clean, heavy, weights.refinement);
            total += likeness_loss(refined, clean, is_good, weights);
        }
        total
    }

    /// From the loss's gradients to those of all parameters.
    pub(crate) fn backward(&mut self) {
        self.mean.backward(&mut self.raised, &mut self.means);
        self.spread.backward(&mut self.raised, &mut self.spreads);
        match &mut self.refine {
            Some(refine) => {
                self.trunk.backward(refine.refined_mut(), &mut self.raised);
                refine.backward(&mut self.input);
            }
            None => self.trunk.backward(&mut self.input, &mut self.raised),
        }
    }

    /// Difference over predicted spread, averaged over the three channels of each scale: N x 4.
    pub(crate) fn maps(&self) -> Tensor {
        let input = self.input.value();
        let mut maps = Tensor::zeros(input.shape().with_channels(BANK_SCALES));
        for (n, y) in input.rows() {
            let means = self.means.value().row(n, y).chunks_exact(PER_SCALE);
            let spreads = self.spreads.value().row(n, y).chunks_exact(PER_SCALE);
            let observed = input.row(n, y).chunks_exact(PER_SCALE);
            let scales = observed.zip(means).zip(spreads);
            for (map, ((observed, means), spreads)) in maps.row_mut(n, y).iter_mut().zip(scales) {
                let evidence = |i: usize| {
                    let spread = spreads[i].clamp(-LOG_SPREAD_LIMIT, LOG_SPREAD_LIMIT);
                    (observed[i] - means[i]).abs() * (-spread).exp()
                };
                *map = (0..PER_SCALE).map(evidence).sum::<f32>() / PER_SCALE as f32;
            }
        }
        maps
    }

    /// Takes the weights that ship: normalisation folded in, rounded to f16. The student can no
    /// longer be trained.
    pub(crate) fn settle(&mut self) {
        if let Some(refine) = &mut self.refine {
            refine.settle();
        }
        self.trunk.settle();
        settle_conv(&mut self.mean);
        settle_conv(&mut self.spread);
    }

    /// Writes the student: from the bank's channels to a 1 x 4 x S/4 x S/4 stack of maps.
    pub(crate) fn emit(
        &self,
        graph: &mut Graph,
        input: onnx::Tensor,
        side: usize,
    ) -> Result<onnx::Tensor, GraphError> {
        let (means, spreads) = graph.within("student", |graph| {
            let mut refined = input;
            if let Some(refine) = &self.refine {
                refined = graph.within("refine", |graph| refine.emit(graph, input))?;
            }
            let raised = self.trunk.emit(graph, refined)?;
            let means = emit_conv(graph, "mean", &self.mean, raised)?;
            Ok((means, emit_conv(graph, "spread", &self.spread, raised)?))
        })?;
        graph.head(|graph| {
            let difference = graph.sub("difference", input, means)?;
            let distance = graph.abs("distance", difference)?;
            let spreads = graph.clip("limit", spreads, -LOG_SPREAD_LIMIT, LOG_SPREAD_LIMIT)?;
            let sharpness = graph.neg("negate", spreads)?;
            let gain = graph.exp("gain", sharpness)?;
            let evidence = graph.mul("evidence", distance, gain)?;
            let scales = graph.reshape(
                "scales",
                evidence,
                &[1, BANK_SCALES, PER_SCALE, side * side],
            )?;
            let maps = graph.reduce_mean("mean", scales, &[2])?;
            graph.reshape("stack", maps, &[1, BANK_SCALES, side, side])
        })
    }
}

impl Parameters for GeometryStudent {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        if let Some(refine) = &mut self.refine {
            refine.visit(&scoped(prefix, "refine"), visitor);
        }
        self.trunk.visit(&scoped(prefix, "trunk"), visitor);
        self.mean.visit(&scoped(prefix, "mean"), visitor);
        self.spread.visit(&scoped(prefix, "spread"), visitor);
    }
}

/// Pixel by pixel.
fn product(a: &Tensor, b: &Tensor) -> Tensor {
    let mut product = a.clone();
    for (n, y) in a.rows() {
        let values = product.row_mut(n, y).iter_mut();
        values.zip(b.row(n, y)).for_each(|(a, b)| *a *= b);
    }
    product
}
