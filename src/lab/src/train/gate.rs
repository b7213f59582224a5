//! The last step of a run with both modalities: the gate.

use twinspect_core::modality::PerModality;
use twinspect_dataset::{Dataset, Split};
use twinspect_nn::{Rng, snapshot};

use super::checkpoint::Checkpoint;
use super::error::TrainError;
use super::identity;
use super::run::Run;
use crate::export::TrainedModel;
use crate::fusion::{self, GateRecord, Lesson};
use crate::good_parts::{self, VALIDATION_MIN};
use crate::progress::Progress;

/// Purpose of the gate's random numbers, beyond those of the modalities.
const GATE: u64 = 16;

impl Run<'_> {
    /// Trains the gate on what the finished students' stages answer, and saves it.
    pub(super) fn gate(
        &self,
        dataset: &dyn Dataset,
        stages: &PerModality<Vec<u8>>,
    ) -> Result<GateRecord, TrainError> {
        let Run { record, folder, .. } = self;
        let spec = &record.prepare;
        let parts = good_parts::good(dataset, Split::Validation, VALIDATION_MIN)?;
        let frames = good_parts::frames(dataset, &parts)?;
        let validation = good_parts::canvases(spec, &parts, &frames)?;
        let lesson = Lesson {
            spec,
            pose: &record.training.pose,
            stages,
            views: &TrainedModel::views(record),
            training: self.canvases,
            validation: &validation,
            generator: self.generator(),
            seed: Rng::new(record.training.seed).derive(GATE).next_u64(),
            interrupted: self.interrupted,
        };
        let mut progress: Option<Progress> = None;
        let (mut gate, facts) = fusion::train_gate(&lesson, |step, steps, loss| {
            let bar = progress.get_or_insert_with(|| Progress::new("gate", steps));
            bar.loss(step, loss);
        })?;
        if let Some(bar) = progress {
            bar.finish();
        }
        log::info!("{facts}");
        let saved = Checkpoint {
            step: facts.epoch,
            run: identity(record),
            state: snapshot(&mut gate),
        };
        saved.write(&folder.gate())?;
        Ok(facts)
    }
}
