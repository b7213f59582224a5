//! How a gate is trained: on evidence of parts with pseudo-anomalies, stopped and accepted by another
//! family of them.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use twinspect_core::score::FusionInputs;
use twinspect_nn::{
    Activation, Adam, Conv, Entry, Kernel, Parameters, Rng, Schedule, Shape, Tensor, loss, restore,
    scoped, snapshot,
};

use super::network::Gate;
use crate::metrics::{auroc, average_precision};

/// Rounds over the samples.
const EPOCHS: u64 = 40;
/// Samples in a step.
const BATCH: usize = 8;
/// Highest rate of the schedule.
const LEARNING_RATE: f32 = 0.003;
/// Weight of the focal loss beside the overlap's one.
const FOCAL: f32 = 10.0;
/// Pull towards the untrained gate.
const PULL: f32 = 0.05;
/// A pixel of which so much is changed is a defect; of which less than the other, is none. Between
/// them it says nothing.
const CHANGED: [f32; 2] = [0.05, 0.5];
/// How much more than the untrained gate a trained one may see in good parts.
const GOOD_GROWTH_MAX: f64 = 1.1;

/// A part's evidence, and where it was changed.
pub(super) struct Sample {
    pub(super) inputs: FusionInputs,
    /// S/4 x S/4: share of each pixel that looks different in either modality.
    pub(super) changed: Vec<f32>,
    /// S/4 x S/4: where evidence counts.
    pub(super) region: Vec<f32>,
}

/// What a gate learns from, and what it is chosen by.
pub(super) struct Material {
    /// Training parts with pseudo-anomalies of the one family.
    pub(super) training: Vec<Sample>,
    /// Validation parts with those of the other.
    pub(super) held_out: Vec<Sample>,
    /// Validation parts as they are, of which nothing is changed.
    pub(super) good: Vec<Sample>,
}

/// How a gate's training went; all figures are on synthetic defects and good validation parts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateRecord {
    /// Whether the trained gate ships; the untrained one does otherwise.
    pub(crate) trained_ships: bool,
    /// Average precision of pixels on held-out synthetic defects, untrained.
    pub(crate) synthetic_ap_untrained: f64,
    /// The same of the best epoch.
    pub(crate) synthetic_ap_trained: f64,
    /// How well the untrained gate's largest evidence tells parts with held-out synthetic defects from good
    /// ones: area under the curve.
    pub(crate) synthetic_auroc_untrained: f64,
    /// The same of the best epoch; an epoch that is worse than the untrained gate is not taken.
    pub(crate) synthetic_auroc_trained: f64,
    /// Epoch that was kept, from 1.
    pub(crate) epoch: u64,
    /// Mean of the largest evidence of good parts, over that of the untrained gate.
    pub(crate) good_growth: f64,
}

impl fmt::Display for GateRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ships = if self.trained_ships {
            "taken"
        } else {
            "not taken, the untrained one stays"
        };
        write!(
            f,
            "trained gate {ships}: it finds synthetic defects with an average precision of {:.3}, \
             the untrained one with {:.3}, ranks parts with {:.3} and {:.3}, and makes the evidence of good parts \
             {:.2} times as large",
            self.synthetic_ap_trained,
            self.synthetic_ap_untrained,
            self.synthetic_auroc_trained,
            self.synthetic_auroc_untrained,
            self.good_growth
        )
    }
}

/// The gate with what turns evidence into a probability; the latter is thrown away.
struct Learner {
    gate: Gate,
    readout: Conv,
    logits: Activation,
}

impl Parameters for Learner {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.gate.visit(&scoped(prefix, "gate"), visitor);
        self.readout.visit(&scoped(prefix, "readout"), visitor);
    }
}

/// Trains a gate; gives the one that ships, or `None` where the user does not want to wait for it.
pub(super) fn learn(
    gate: Gate,
    material: &Material,
    mut rng: Rng,
    interrupted: &AtomicBool,
    mut progress: impl FnMut(u64, u64, f32),
) -> Option<(Gate, GateRecord)> {
    let mut untrained = gate.clone();
    let mut readout = Conv::new(Kernel::K1x1, 1, 1, &mut rng).with_bias();
    readout.set_weight_onnx(&[1.0]);
    if let Some(bias) = readout.bias_mut() {
        bias.fill(-3.0);
    }
    let mut learner = Learner {
        gate,
        readout,
        logits: Activation::new(),
    };
    let before = Skill::of(&mut learner.gate, material);
    let mut best = (before, 0, snapshot(&mut learner.gate));
    let mut adam = Adam::new(0.9, 0.999);
    let per_epoch = material.training.len().div_ceil(BATCH) as u64;
    let steps = per_epoch * EPOCHS;
    for epoch in 1..=EPOCHS {
        let order = rng.permutation(material.training.len());
        for batch in order.chunks(BATCH) {
            if interrupted.load(Ordering::Relaxed) {
                return None;
            }
            let batch: Vec<_> = batch.iter().map(|&i| &material.training[i]).collect();
            let loss = learner.step(&mut untrained, &batch);
            let schedule = Schedule::OneCycle { warm_up: 0.1 };
            adam.step(
                &mut learner,
                schedule.rate(LEARNING_RATE, adam.steps, steps),
            );
            progress(adam.steps, steps, loss);
        }
        let skill = Skill::of(&mut learner.gate, material);
        if skill.ap > best.0.ap && skill.auroc >= before.auroc {
            best = (skill, epoch, snapshot(&mut learner.gate));
        }
    }
    let (after, epoch, state) = best;
    // The state is this gate's own.
    let restored = restore(&mut learner.gate, &state);
    debug_assert!(restored.is_ok());
    let growth = mean(&peaks(&mut learner.gate, &material.good))
        / mean(&peaks(&mut untrained, &material.good)).max(1e-6);
    let record = GateRecord {
        trained_ships: epoch > 0 && growth <= GOOD_GROWTH_MAX,
        synthetic_ap_untrained: before.ap,
        synthetic_ap_trained: after.ap,
        synthetic_auroc_untrained: before.auroc,
        synthetic_auroc_trained: after.auroc,
        epoch,
        good_growth: growth,
    };
    let gate = if record.trained_ships {
        learner.gate
    } else {
        untrained
    };
    Some((gate, record))
}

impl Learner {
    fn step(&mut self, untrained: &mut Gate, batch: &[&Sample]) -> f32 {
        let parts: Vec<_> = batch.iter().map(|sample| &sample.inputs).collect();
        untrained.see(&parts);
        untrained.forward();
        self.gate.see(&parts);
        self.gate.forward();
        self.readout.forward(self.gate.fused(), &mut self.logits);
        let shape = self.gate.fused().shape();
        let label = map(shape, batch, |sample, i| {
            f32::from(u8::from(sample.changed[i] >= CHANGED[1]))
        });
        let counts = map(shape, batch, |sample, i| {
            let is_clear = !(CHANGED[0]..CHANGED[1]).contains(&sample.changed[i]);
            sample.region[i] * f32::from(u8::from(is_clear))
        });
        let mut total = loss::focal(&mut self.logits, &label, Some(&counts), FOCAL);
        total += loss::dice(&mut self.logits, &label, Some(&counts), 1.0);
        total += loss::squared_error(self.gate.weight_mut(), untrained.weight(), None, PULL);
        self.readout
            .backward(self.gate.fused_mut(), &mut self.logits);
        self.gate.backward();
        total
    }
}

fn map(shape: Shape, batch: &[&Sample], value: impl Fn(&Sample, usize) -> f32) -> Tensor {
    let mut tensor = Tensor::zeros(shape);
    for (n, sample) in batch.iter().enumerate() {
        let values: Vec<f32> = (0..shape.h * shape.w).map(|i| value(sample, i)).collect();
        tensor.write_image_nchw(n, &values);
    }
    tensor
}

/// Average precision over the pixels that say something.
fn synthetic_ap(gate: &mut Gate, samples: &[Sample]) -> f64 {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for sample in samples {
        gate.see(&[&sample.inputs]);
        gate.forward();
        let fused = gate.fused().value().to_nchw();
        for (i, value) in fused.into_iter().enumerate() {
            match sample.changed[i] {
                share if share >= CHANGED[1] => bad.push(value),
                share if share < CHANGED[0] && sample.region[i] > 0.5 => good.push(value),
                _ => {}
            }
        }
    }
    average_precision(&good, &bad).unwrap_or(0.0)
}

/// What a gate is chosen by.
#[derive(Debug, Clone, Copy)]
struct Skill {
    /// Average precision of pixels.
    ap: f64,
    /// How well parts are ranked, since a part is judged by its largest evidence and not by its pixels.
    auroc: f64,
}

impl Skill {
    fn of(gate: &mut Gate, material: &Material) -> Self {
        let good = peaks(gate, &material.good);
        let defective = peaks(gate, &material.held_out);
        Self {
            ap: synthetic_ap(gate, &material.held_out),
            auroc: auroc(&good, &defective).unwrap_or(0.0),
        }
    }
}

/// The largest evidence of each part, where evidence counts.
fn peaks(gate: &mut Gate, parts: &[Sample]) -> Vec<f32> {
    let peak = |part: &Sample| {
        gate.see(&[&part.inputs]);
        gate.forward();
        let fused = gate.fused().value().to_nchw();
        let counts = fused.into_iter().zip(&part.region);
        counts
            .filter(|&(_, &region)| region > 0.5)
            .fold(f32::NEG_INFINITY, |peak, (value, _)| peak.max(value))
    };
    parts.iter().map(peak).collect()
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
}
