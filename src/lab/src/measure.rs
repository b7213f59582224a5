//! Results for a table that grows over days: one small JSON file for each data set and seed, made
//! by training, export and evaluation, and left alone once it is there.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use twinspect_bundle::Version;

use crate::config::TrainingConfig;
use crate::evaluate::{EvaluateError, Evaluation, evaluate};
use crate::export::{self, ExportError, export};
use crate::run_folder::{Cost, RunRecord};
use crate::teacher::TeacherSource;
use crate::train::{self, Ending, TrainError, train};

/// A measurement that could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Export.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Evaluation.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The result's file.
    #[error("writing {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl MeasureError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Train(error) => error.hint(),
            Self::Export(error) => error.hint(),
            Self::Evaluate(error) => error.hint(),
            Self::File { .. } => None,
        }
    }
}

/// One run, whole: what was measured, on what, with what, at what cost.
#[derive(Debug, Serialize)]
struct Measurement<'a> {
    category: &'a str,
    teacher: String,
    seed: u64,
    data_hash: &'a str,
    tool_version: &'a str,
    cost: Option<Cost>,
    bundle_bytes: u64,
    trainer_against_device: f32,
    training: &'a TrainingConfig,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
}

/// What to measure.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) data: &'a [PathBuf],
    pub(crate) seeds: &'a [u64],
    pub(crate) teacher: &'a TeacherSource,
    pub(crate) config: &'a TrainingConfig,
    pub(crate) work: &'a Path,
    pub(crate) results: &'a Path,
    pub(crate) created: String,
    pub(crate) version: Version,
}

/// How a table's making ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All results are there; so many were made now.
    Done(usize),
    /// Ctrl-C.
    Interrupted,
}

/// Makes all results that are missing.
pub(crate) fn measure(job: &Job<'_>, interrupted: &AtomicBool) -> Result<Progress, MeasureError> {
    let mut made = 0;
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| MeasureError::File { path, source }
    };
    fs_err::create_dir_all(job.results).map_err(file(job.results))?;
    for (&seed, data) in job
        .seeds
        .iter()
        .flat_map(|seed| job.data.iter().map(move |data| (seed, data)))
    {
        let teacher = job.teacher.name();
        let category = data
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = format!("{category}-{teacher}-seed{seed}");
        let result = job.results.join(format!("{name}.json"));
        if result.exists() {
            log::info!("{name}: there already");
            continue;
        }
        let run = job.work.join(&name);
        let training = train::Job {
            data: data.clone(),
            teacher: job.teacher.clone(),
            config: TrainingConfig {
                seed,
                ..job.config.clone()
            },
            out: run.clone(),
        };
        let record: RunRecord = match train(&training, interrupted)? {
            Ending::Finished(record) => *record,
            Ending::Interrupted { .. } => return Ok(Progress::Interrupted),
        };
        let bundle = run.join("model.twb");
        let exported = export(&export::Job {
            run: run.clone(),
            data: None,
            name: None,
            version: job.version.clone(),
            created: job.created.clone(),
            out: bundle.clone(),
        })?;
        let evaluation = evaluate(&bundle, data, Some(&run.join("maps")))?;
        let measurement = Measurement {
            category: &category,
            teacher,
            seed,
            data_hash: &record.data_hash,
            tool_version: &record.tool_version,
            cost: record.cost,
            bundle_bytes: fs_err::metadata(&bundle).map_err(file(&bundle))?.len(),
            trainer_against_device: exported.proof.worst.share,
            training: &record.training,
            evaluation: &evaluation,
        };
        let text = serde_json::to_string_pretty(&measurement).unwrap_or_default();
        fs_err::write(&result, text + "\n").map_err(file(&result))?;
        log::info!("{}", crate::summary::evaluation(&evaluation));
        made += 1;
    }
    Ok(Progress::Done(made))
}
