//! What a run's folder holds of earlier sittings.

use std::path::Path;

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
    match folder.read()? {
        Some(found) if identity(&found) != identity(record) => Err(RunError::Foreign {
            path: job.out.clone(),
            differences: differences(&found, record),
        }
        .into()),
        Some(mut found) if found.cost.is_some() && is_whole(&folder, &found)? => {
            log::info!(
                "{}: trained before, and whole; time and memory are those of then",
                job.out.display()
            );
            if found.training.fusion != job.config.fusion
                && found.prepare.rgb.is_some()
                && found.prepare.geometry.is_some()
            {
                log::warn!(
                    "{}: colour and height were joined by: {}; from now on by: {}",
                    job.out.display(),
                    found.training.fusion.join,
                    job.config.fusion.join
                );
            }
            let (fusion, palette) = (job.config.fusion, job.config.palette);
            if found.prepare.rgb.is_some() && found.training.palette != palette {
                let how = if palette.enabled { "with" } else { "without" };
                log::warn!(
                    "{}: from now on {how} a palette; figures of before are of the other model",
                    job.out.display()
                );
            }
            if (found.training.fusion, found.training.palette) != (fusion, palette) {
                found.training.fusion = fusion;
                found.training.palette = palette;
                folder.write(&found)?;
            }
            Ok(Begun::Finished(folder, Box::new(found)))
        }
        Some(found) => {
            record.spent = found.cost.or(found.spent);
            Ok(Begun::Open(folder))
        }
        None => {
            refuse_foreign(&folder, record)?;
            folder.write(record)?;
            Ok(Begun::Open(folder))
        }
    }
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

/// Whether all that a finished run has learnt is still there; what has gone is learnt anew, and what is another run's is not there.
fn is_whole(folder: &RunFolder, record: &RunRecord) -> Result<bool, CheckpointError> {
    let run = identity(record);
    let lies = |path: &Path| {
        let found = Checkpoint::read(path)?;
        Ok::<_, CheckpointError>(found.is_some_and(|found| found.run == run))
    };
    if !folder.losses().is_file() {
        return Ok(false);
    }
    let geometry = record.prepare.geometry.is_some();
    for student in record.students() {
        if !lies(&folder.checkpoint(student))? {
            return Ok(false);
        }
    }
    let files = [
        (
            record.prepare.rgb.is_some() && record.training.memory.enabled,
            folder.memory(),
        ),
        (geometry, folder.codebook()),
        (record.gate.is_some(), folder.gate()),
    ];
    for (belongs, path) in files {
        if belongs && !lies(&path)? {
            return Ok(false);
        }
    }
    Ok(true)
}
