//! The colour student: reverses the teacher's features from a small bottleneck, and predicts per
//! pixel how far it will be off (after RD4AD, arXiv 2201.10703; the predicted spread is ours).
//!
//! ```text
//! T1 24@64 ─ 3x3/2 ─ 3x3/2 ─┐
//! T2 40@32 ────────── 3x3/2 ─┼─ concat 3w@16 ─ 3x3/2 ─ block 2w@8 ─ up ─ up ─ up ─► S3 S2 S1, v3 v2 v1
//! T3 112@16 ─────────── 1x1 ─┘
//! ```
//! Channels and sides for the Lite0 teacher at S = 256; `w` is the branch's width. With refinement, each
//! scale passes a [`Refiner`] first, and the map still compares with what the teacher saw.

use twinspect_nn::{
    Activation, Conv, Entry, Kernel, Mode, Parameters, Rng, Tensor, concat, concat_backward, loss,
    scoped,
};
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use super::blocks::{BasicBlock, Chain, UpBlock, emit_conv, settle_conv};
use super::refine::Refiner;
use super::supervision::{EVIDENCE_MARGIN, LossWeights, Places, likeness_loss};

/// Scales of a colour teacher.
pub(crate) const SCALES: usize = 3;
/// A log-spread counts as no more than this, either way: as in the training loss.
pub(super) const LOG_SPREAD_LIMIT: f32 = loss::DISTANCE_LOG_SPREAD_LIMIT;

/// What a batch's features should be.
#[derive(Debug, Default)]
pub(crate) struct RgbTargets {
    /// The teacher's features of the parts without pseudo-anomalies, finest first.
    pub(crate) clean: [Tensor; SCALES],
    /// Which parts carry none.
    pub(crate) is_good: Vec<bool>,
    /// Where the others carry them; `None` if all parts are good.
    pub(crate) places: Option<[Places; SCALES]>,
}

/// The student with its activations.
#[derive(Debug, Clone)]
pub(crate) struct RgbStudent {
    refine: Option<[Refiner; SCALES]>,
    narrow: [Chain; SCALES],
    squeeze: Chain,
    bottleneck: BasicBlock,
    raise: [UpBlock; SCALES],
    features: [Conv; SCALES],
    spreads: [Conv; SCALES],
    flow: Flow,
}

/// What stands between the layers; scales count from the finest.
#[derive(Debug, Clone, Default)]
struct Flow {
    inputs: [Activation; SCALES],
    narrowed: [Activation; SCALES],
    joined: Activation,
    squeezed: Activation,
    code: Activation,
    raised: [Activation; SCALES],
    features: [Activation; SCALES],
    spreads: [Activation; SCALES],
}

impl RgbStudent {
    /// A new student for a teacher with these channels, finest first.
    pub(crate) fn new(
        channels: [usize; SCALES],
        width: usize,
        refinement: bool,
        rng: &mut Rng,
    ) -> Self {
        use Kernel::{K1x1, K3x3Stride2};
        let inner = [width / 3, 2 * width / 3, 4 * width / 3].map(|c| c.next_multiple_of(16));
        let narrow = [
            Chain::new(
                channels[0],
                &[(K3x3Stride2, width / 2), (K3x3Stride2, width)],
                rng,
            ),
            Chain::new(channels[1], &[(K3x3Stride2, width)], rng),
            Chain::new(channels[2], &[(K1x1, width)], rng),
        ];
        let squeeze = Chain::new(3 * width, &[(K3x3Stride2, 2 * width)], rng);
        let bottleneck = BasicBlock::new(2 * width, rng);
        let coarse = UpBlock::new(2 * width, inner[2], rng);
        let middle = UpBlock::new(inner[2], inner[1], rng);
        let fine = UpBlock::new(inner[1], inner[0], rng);
        let features =
            std::array::from_fn(|k| Conv::new(K1x1, inner[k], channels[k], rng).with_bias());
        // Starting at zero, every place is expected to be off by the same until it is learnt.
        let spreads = std::array::from_fn(|k| {
            let mut conv = Conv::new(K1x1, inner[k], 1, rng).with_bias();
            conv.set_weight_onnx(&vec![0.0; inner[k]]);
            conv
        });
        let refine = refinement.then(|| std::array::from_fn(|k| refiner(channels[k], k, rng)));
        let inputs = std::array::from_fn(|_| Activation::constant(Tensor::default()));
        let flow = Flow {
            inputs,
            ..Flow::default()
        };
        Self {
            refine,
            narrow,
            squeeze,
            bottleneck,
            raise: [fine, middle, coarse],
            features,
            spreads,
            flow,
        }
    }

    /// The teacher's features of the next batch, finest first.
    pub(crate) fn inputs_mut(&mut self) -> &mut [Activation; SCALES] {
        &mut self.flow.inputs
    }

    /// From the inputs to features and log-spreads.
    pub(crate) fn forward(&mut self, mode: Mode) {
        let Flow {
            inputs,
            narrowed,
            joined,
            squeezed,
            code,
            raised,
            features,
            spreads,
        } = &mut self.flow;
        for (k, (input, output)) in inputs.iter().zip(&mut *narrowed).enumerate() {
            let refined = match &mut self.refine {
                Some(refine) => {
                    refine[k].forward(input, mode);
                    refine[k].refined()
                }
                None => input,
            };
            self.narrow[k].forward(refined, output, mode);
        }
        let [fine, middle, coarse] = &*narrowed;
        concat(&[fine, middle, coarse], joined);
        self.squeeze.forward(joined, squeezed, mode);
        self.bottleneck.forward(squeezed, code, mode);
        for k in (0..SCALES).rev() {
            let (this, coarser) = raised.split_at_mut(k + 1);
            self.raise[k].forward(coarser.first().unwrap_or(code), &mut this[k], mode);
            self.features[k].forward(&raised[k], &mut features[k]);
            self.spreads[k].forward(&raised[k], &mut spreads[k]);
        }
    }

    /// Negative log-likelihood of the distances to the clean features under the predicted spread,
    /// summed over the scales; with pseudo-anomalies and refinement, what they add. With gradients.
    pub(crate) fn loss(&mut self, targets: &RgbTargets, weights: &LossWeights) -> f32 {
        let mut total = 0.0;
        for (k, clean) in targets.clean.iter().enumerate() {
            let (features, spread) = (&mut self.flow.features[k], &mut self.flow.spreads[k]);
            let places = targets.places.as_ref().map(|places| &places[k]);
            let good = places.map(|places| &places.good);
            total += loss::spread_distance(features, spread, clean, good, 1.0);
            if let Some(Places {
                bad, bad_over_good, ..
            }) = places
            {
                // How well a defect is seen through is no matter of how much good parts vary.
                let mut usual = Activation::constant(spread.value().clone());
                let restored = weights.restoration * bad_over_good;
                total += loss::spread_distance(features, &mut usual, clean, Some(bad), restored);
                let seen = self.flow.inputs[k].value();
                total += loss::spread_distance_hinge(
                    features,
                    spread,
                    seen,
                    Some(bad),
                    EVIDENCE_MARGIN,
                    weights.pixels * bad_over_good,
                );
            }
            if let Some(refine) = &mut self.refine {
                let refined = refine[k].refined_mut();
                let scale = weights.refinement;
                total += loss::flat_cosine(refined, clean, None, scale);
                total += match places {
                    Some(places) => {
                        loss::weighted_distance(refined, clean, &places.restoration, scale)
                    }
                    None => loss::pixel_distance(refined, clean, None, scale),
                };
                total += likeness_loss(refined, clean, &targets.is_good, weights);
            }
        }
        total
    }

    /// From the loss's gradients to those of all parameters.
    pub(crate) fn backward(&mut self) {
        let Flow {
            inputs,
            narrowed,
            joined,
            squeezed,
            code,
            raised,
            features,
            spreads,
        } = &mut self.flow;
        for k in 0..SCALES {
            self.features[k].backward(&mut raised[k], &mut features[k]);
            self.spreads[k].backward(&mut raised[k], &mut spreads[k]);
            let (this, coarser) = raised.split_at_mut(k + 1);
            self.raise[k].backward(coarser.first_mut().unwrap_or(code), &mut this[k]);
        }
        self.bottleneck.backward(squeezed, code);
        self.squeeze.backward(joined, squeezed);
        let [fine, middle, coarse] = &mut *narrowed;
        concat_backward(&mut [fine, middle, coarse], joined);
        for (k, (input, output)) in inputs.iter_mut().zip(narrowed).enumerate() {
            match &mut self.refine {
                Some(refine) => {
                    self.narrow[k].backward(refine[k].refined_mut(), output);
                    refine[k].backward(input);
                }
                None => self.narrow[k].backward(input, output),
            }
        }
    }

    /// Distance over predicted spread per scale, at the scale's own size: N x 1 x h x w each.
    pub(crate) fn maps(&self) -> [Tensor; SCALES] {
        let Flow {
            inputs,
            features,
            spreads,
            ..
        } = &self.flow;
        std::array::from_fn(|k| {
            let mut map = Tensor::default();
            loss::distance_map(inputs[k].value(), features[k].value(), &mut map);
            for (n, y) in map.rows() {
                let spreads = spreads[k].value().row(n, y);
                for (distance, spread) in map.row_mut(n, y).iter_mut().zip(spreads) {
                    *distance *= (-spread.clamp(-LOG_SPREAD_LIMIT, LOG_SPREAD_LIMIT)).exp();
                }
            }
            map
        })
    }

    /// Takes the weights that ship: normalisation folded in, rounded to f16. The student can no
    /// longer be trained.
    pub(crate) fn settle(&mut self) {
        self.refine.iter_mut().flatten().for_each(Refiner::settle);
        self.narrow.iter_mut().for_each(Chain::settle);
        self.squeeze.settle();
        self.bottleneck.settle();
        self.raise.iter_mut().for_each(UpBlock::settle);
        self.features.iter_mut().for_each(settle_conv);
        self.spreads.iter_mut().for_each(settle_conv);
    }

    /// Writes the student: from the teacher's features to a 1 x 3 x S/4 x S/4 stack of maps.
    pub(crate) fn emit(
        &self,
        graph: &mut Graph,
        inputs: [onnx::Tensor; SCALES],
        side: usize,
    ) -> Result<onnx::Tensor, GraphError> {
        let raised = graph.within("student", |graph| {
            let mut narrowed = Vec::with_capacity(SCALES);
            for (k, (narrow, &input)) in self.narrow.iter().zip(&inputs).enumerate() {
                let mut refined = input;
                if let Some(refine) = &self.refine {
                    refined = graph
                        .within(&format!("refine{k}"), |graph| refine[k].emit(graph, input))?;
                }
                narrowed.push(
                    graph.within(&format!("narrow{k}"), |graph| narrow.emit(graph, refined))?,
                );
            }
            let joined = graph.concat("join", &narrowed, 1)?;
            let squeezed = graph.within("squeeze", |graph| self.squeeze.emit(graph, joined))?;
            let mut code =
                graph.within("bottleneck", |graph| self.bottleneck.emit(graph, squeezed))?;
            let mut raised = [code; SCALES];
            for k in (0..SCALES).rev() {
                code = graph.within(&format!("raise{k}"), |graph| {
                    self.raise[k].emit(graph, code)
                })?;
                raised[k] = code;
            }
            Ok(raised)
        })?;
        let mut maps = Vec::with_capacity(SCALES);
        for k in 0..SCALES {
            let features = emit_conv(
                graph,
                &format!("student.features{k}"),
                &self.features[k],
                raised[k],
            )?;
            let spread = emit_conv(
                graph,
                &format!("student.spread{k}"),
                &self.spreads[k],
                raised[k],
            )?;
            let distance = graph.distance_head(&format!("scale{k}"), inputs[k], features)?;
            maps.push(graph.head(|graph| {
                let name = |part: &str| format!("scale{k}.{part}");
                let spread =
                    graph.clip(&name("limit"), spread, -LOG_SPREAD_LIMIT, LOG_SPREAD_LIMIT)?;
                let sharpness = graph.neg(&name("negate"), spread)?;
                let gain = graph.exp(&name("gain"), sharpness)?;
                let map = graph.mul(&name("evidence"), distance, gain)?;
                graph.resize(&name("resize"), map, [side, side])
            })?);
        }
        graph.head(|graph| graph.concat("stack", &maps, 1))
    }
}

impl Parameters for RgbStudent {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        for (k, refine) in self.refine.iter_mut().flatten().enumerate() {
            refine.visit(&scoped(prefix, &format!("refine{k}")), visitor);
        }
        for k in 0..SCALES {
            self.narrow[k].visit(&scoped(prefix, &format!("narrow{k}")), visitor);
            self.raise[k].visit(&scoped(prefix, &format!("raise{k}")), visitor);
            self.features[k].visit(&scoped(prefix, &format!("features{k}")), visitor);
            self.spreads[k].visit(&scoped(prefix, &format!("spread{k}")), visitor);
        }
        self.squeeze.visit(&scoped(prefix, "squeeze"), visitor);
        self.bottleneck
            .visit(&scoped(prefix, "bottleneck"), visitor);
    }
}

/// The refinement of one scale, counted from the finest. Half of the teacher's channels, in sixteens,
/// are its middle; the coarsest scale is small enough for all places to see each other.
fn refiner(channels: usize, scale: usize, rng: &mut Rng) -> Refiner {
    let hidden = (channels / 2).next_multiple_of(16);
    let steps = [
        (Kernel::K1x1, hidden),
        (Kernel::K3x3, hidden),
        (Kernel::K3x3, hidden),
    ];
    Refiner::new(channels, &steps, scale == SCALES - 1, rng)
}
