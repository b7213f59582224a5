//! What a run's folder holds of earlier sittings.

use std::path::PathBuf;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::course::CourseError;
use super::differences::differences;
use super::{Job, TrainError, identity};
use crate::run_folder::{RunError, RunFolder, RunRecord};

/// What there is to do in a run's folder.
pub(super) enum Begun {
    /// Something, from the start or from checkpoints.
    Open(RunFolder),
    /// Nothing but what no student knows of: the same run has been trained to its end.
    Finished(RunFolder, Box<RunRecord>),
}

/// Opens the run's folder, and takes over what it has cost so far; another run's is refused.
pub(super) fn begin(job: &Job, record: &mut RunRecord) -> Result<Begun, TrainError> {
    let folder = RunFolder::create(&job.out)?;
    let Some(mut found) = folder.read()? else {
        refuse_foreign(&folder, record)?;
        folder.write(record)?;
        return Ok(Begun::Open(folder));
    };
    if identity(&found) != identity(record) {
        return Err(RunError::Foreign {
            path: job.out.clone(),
            differences: differences(&found, record),
        }
        .into());
    }
    let lost = match found.cost {
        Some(_) => lost(&folder, &found)?,
        None => None,
    };
    if let Some(path) = &lost {
        log::warn!(
            "{} is not there, or another run's: what is absent of this run is learnt anew, which its cost will tell",
            path.display()
        );
    }
    if found.cost.is_none() || lost.is_some() {
        record.spent = found.cost.or(found.spent);
        return Ok(Begun::Open(folder));
    }
    let (fusion, palette) = (job.config.fusion, job.config.palette);
    if found.training.fusion != fusion
        && found.prepare.rgb.is_some()
        && found.prepare.geometry.is_some()
    {
        log::warn!(
            "{}: colour and height were joined by: {}; from now on by: {}",
            job.out.display(),
            found.training.fusion.join,
            fusion.join
        );
    }
    if found.prepare.rgb.is_some() && found.training.palette != palette {
        let how = if palette.enabled { "with" } else { "without" };
        log::warn!(
            "{}: from now on {how} a palette; figures of before are of the other model",
            job.out.display()
        );
    }
    let mut training = found.training.clone();
    training.judge_as(&job.config);
    if found.training.smoothings() != training.smoothings() {
        log::warn!(
            "{}: from now on its maps are looked at under other Gaussians; figures of before are of the other model",
            job.out.display()
        );
    }
    if found.training != training {
        found.training = training;
        folder.write(&found)?;
    }
    Ok(Begun::Finished(folder, Box::new(found)))
}

/// Refuses checkpoints of another run in a folder that has lost its record, before the record of this one lies there.
fn refuse_foreign(folder: &RunFolder, record: &RunRecord) -> Result<(), TrainError> {
    let run = identity(record);
    for student in record.students() {
        let path = folder.checkpoint(student);
        // A damaged one is told when its turn comes.
        if let Ok(Some(found)) = Checkpoint::read(&path)
            && found.run != run
        {
            return Err(TrainError::Course {
                modality: student.modality,
                source: CourseError::Foreign { path },
            });
        }
    }
    Ok(())
}

/// What of a finished run is no longer there, or another run's: it is learnt anew, and told.
fn lost(folder: &RunFolder, record: &RunRecord) -> Result<Option<PathBuf>, CheckpointError> {
    let run = identity(record);
    let students = record.students().map(|student| folder.checkpoint(student));
    let others = [
        (
            record.prepare.rgb.is_some() && record.training.memory.enabled,
            folder.memory(),
        ),
        (record.prepare.geometry.is_some(), folder.codebook()),
        (record.gate.is_some(), folder.gate()),
    ];
    let others = others.into_iter().filter(|(belongs, _)| *belongs);
    for path in students.chain(others.map(|(_, path)| path)) {
        if Checkpoint::read(&path)?.is_none_or(|found| found.run != run) {
            return Ok(Some(path));
        }
    }
    Ok(Some(folder.losses()).filter(|losses| !losses.is_file()))
}
