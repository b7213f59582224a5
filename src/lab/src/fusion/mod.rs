//! Training of the gate between the modalities: the last step of a run, when the students stand still.
//!
//! ```text
//! training parts   ─ pseudo-anomalies, distractors ─► device's stages ─► views ─► gate learns
//! validation parts ─ those of another family       ─► device's stages ─► views ─► gate is chosen
//! validation parts ─ as they are                   ─► device's stages ─► constants, and views
//! ```
//! The gate sees standardised evidence and validity, never a pixel or a feature: it can learn which
//! modality to believe, not what a pseudo-anomaly looks like.

mod course;
mod joining;
mod network;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};

use twinspect_core::modality::PerModality;
use twinspect_core::prepare::{Canvas, PrepareSpec, PreparedPart, Preparer, SpecError};
use twinspect_core::score::{
    FitError, FusionInputs, FusionViews, GoodPart, ScoreError, ViewPlan, fit,
};
use twinspect_engine::tract::ModelError;
use twinspect_nn::Rng;

pub(crate) use course::GateRecord;
use course::{Material, Sample};
pub(crate) use joining::{Joining, rule};
pub(crate) use network::Gate;

use crate::config::PoseConfig;
use crate::export::DeviceStages;
use crate::pose::Pose;
use crate::spread::spread;
use crate::synth::{Family, Generator, Perturbation, shares};

/// Views with pseudo-anomalies of each training part, within these bounds for all of them.
const VIEWS: usize = 2;
const SAMPLES: [usize; 2] = [160, 320];
/// Views with pseudo-anomalies of each validation part.
const HELD_OUT_VIEWS: usize = 3;

/// A gate that could not be trained.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FusionError {
    /// Constants of preparation.
    #[error("constants of preparation")]
    Spec(#[source] SpecError),
    /// A stage.
    #[error("running a stage for the gate")]
    Model(#[from] ModelError),
    /// Good parts that do not support a calibration.
    #[error("calibrating the stages for the gate")]
    Fit(#[from] FitError),
    /// Constants that do not fit.
    #[error("setting up the gate's inputs")]
    Score(#[from] ScoreError),
    /// A stage's answer that no evidence can be made of.
    #[error("a stage does not answer a good part with maps of numbers")]
    Answer,
    /// The user does not want to wait for it.
    #[error("the training of the gate was interrupted")]
    Interrupted,
}

/// What a gate is trained with.
pub(crate) struct Lesson<'a> {
    pub(crate) spec: &'a PrepareSpec,
    pub(crate) pose: &'a PoseConfig,
    /// The stages as they ship.
    pub(crate) stages: &'a PerModality<Vec<u8>>,
    pub(crate) views: &'a PerModality<ViewPlan>,
    pub(crate) training: &'a [Canvas],
    pub(crate) validation: &'a [Canvas],
    /// Of either family.
    pub(crate) generator: Generator<'a>,
    pub(crate) seed: u64,
    pub(crate) interrupted: &'a AtomicBool,
}

/// Trains the gate of a product with both modalities, in seconds to minutes. `progress` sees the step, the number of
/// steps, and the loss.
pub(crate) fn train_gate(
    lesson: &Lesson<'_>,
    progress: impl FnMut(u64, u64, f32),
) -> Result<(Gate, GateRecord), FusionError> {
    let rng = Rng::new(lesson.seed);
    let good = lesson.each(lesson.validation.len(), |stages, index| {
        stages.part(&lesson.validation[index])
    })?;
    // A line of its own is not needed here: any rate will do.
    let known = fit(lesson.spec, lesson.views, &good, &good, 0.02, None)?.modalities;
    let mut views = FusionViews::new(&known, lesson.spec)?;
    let mut see = |part: &GoodPart| -> Result<FusionInputs, FusionError> {
        let inputs = views.of(&part.maps, &part.region, &part.valid);
        inputs.cloned().ok_or(FusionError::Answer)
    };
    let count = (VIEWS * lesson.training.len()).clamp(SAMPLES[0], SAMPLES[1]);
    let perlin = lesson.defective(lesson.training, Family::Perlin, count, &rng.derive(0))?;
    let held_out = HELD_OUT_VIEWS * lesson.validation.len();
    let held_out =
        lesson.defective(lesson.validation, Family::HeldOut, held_out, &rng.derive(1))?;
    let mut sample = |(part, changed): (GoodPart, Vec<f32>)| {
        Ok(Sample {
            inputs: see(&part)?,
            changed,
            region: part.region,
        })
    };
    let training = perlin.into_iter().map(&mut sample);
    let training = training.collect::<Result<Vec<_>, FusionError>>()?;
    let held_out = held_out.into_iter().map(&mut sample);
    let held_out = held_out.collect::<Result<Vec<_>, FusionError>>()?;
    let good = good.into_iter().map(|part| {
        let unchanged = vec![0.0; part.region.len()];
        sample((part, unchanged))
    });
    let good = good.collect::<Result<Vec<_>, FusionError>>()?;
    let material = Material {
        training,
        held_out,
        good,
    };
    let counts = [
        &material.good[0].inputs.rgb,
        &material.good[0].inputs.geometry,
    ]
    .map(|views| views.count);
    let gate = Gate::new(counts, &mut rng.derive(2));
    let learnt = course::learn(gate, &material, rng.derive(3), lesson.interrupted, progress);
    learnt.ok_or(FusionError::Interrupted)
}

impl Lesson<'_> {
    /// Parts in poses, with pseudo-anomalies and distractors; and the share of each map pixel that
    /// looks different in either modality.
    fn defective(
        &self,
        parts: &[Canvas],
        family: Family,
        count: usize,
        rng: &Rng,
    ) -> Result<Vec<(GoodPart, Vec<f32>)>, FusionError> {
        let generator = Generator {
            family,
            ..self.generator
        };
        self.each(count, |stages, index| {
            let mut rng = rng.derive(index as u64);
            let mut posed = Canvas::new(self.spec.size);
            let canvas = &parts[index % parts.len()];
            let view = if self.pose.is_fixed() {
                canvas
            } else {
                Pose::draw(self.pose, &mut rng).apply(canvas, &mut posed);
                &posed
            };
            let made = Perturbation::draw(rng.next_u64(), &generator).apply(view, &generator);
            let changed = shares(&made.labels.any, self.spec.size);
            Ok((stages.part(&made.canvas)?, changed))
        })
    }

    fn each<T: Send>(
        &self,
        count: usize,
        make: impl Fn(&mut Bench, usize) -> Result<T, FusionError> + Sync,
    ) -> Result<Vec<T>, FusionError> {
        let preparer = Preparer::new(self.spec).map_err(FusionError::Spec)?;
        let bench = || {
            Ok(Bench {
                preparer: preparer.clone(),
                part: PreparedPart::new(self.spec),
                stages: DeviceStages::load(self.stages, self.spec)?,
            })
        };
        spread(count, bench, |bench, index| {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(FusionError::Interrupted);
            }
            make(bench, index)
        })
    }
}

/// Where one thread prepares and asks the stages.
struct Bench {
    preparer: Preparer,
    part: PreparedPart,
    stages: DeviceStages,
}

impl Bench {
    fn part(&mut self, canvas: &Canvas) -> Result<GoodPart, FusionError> {
        self.preparer.derive(canvas, &mut self.part);
        let maps = self.stages.answer(&self.part)?;
        Ok(GoodPart::new(&self.part, maps))
    }
}
