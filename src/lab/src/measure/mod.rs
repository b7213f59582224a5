//! Results for a table that grows over days: one small JSON file for each data set and seed, made
//! by training, export and evaluation, and left alone once it is there.

mod found;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use twinspect_bundle::{Manifest, Version};

use crate::config::{Join, TrainingConfig};
use crate::evaluate::{EvaluateError, Evaluation, evaluate};
use crate::export::{self, ExportError, export};
use crate::files::replace;
use crate::fusion::GateRecord;
use crate::robustness::{Robustness, robustness};
use crate::run_folder::{Cost, RunRecord};
use crate::teacher::TeacherSource;
use crate::train::{self, Ending, TrainError, train};
pub(crate) use found::open;
use found::{Found, hash_of};

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
    /// Two data sets whose results would be one.
    #[error("{} and {} have one name, and would have one result", first.display(), second.display())]
    SameName {
        /// A data set.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
    /// The result's file.
    #[error("{action} {}", path.display())]
    File {
        /// What was attempted.
        action: &'static str,
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
            Self::SameName { .. } => Some(
                "rename one of the folders, or measure them into different --results and --work"
                    .into(),
            ),
            Self::File { .. } => None,
        }
    }
}

/// One result, whole: what was measured, on what, with what, at what cost.
#[derive(Debug, Serialize)]
struct Measurement<'a> {
    teacher: String,
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    data_hash: &'a str,
    tool_version: &'a str,
    cost: Option<Cost>,
    bundle_bytes: u64,
    trainer_against_device: f32,
    training: &'a TrainingConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<GateRecord>,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    robustness: Vec<Robustness>,
}

/// What to measure.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) data: &'a [PathBuf],
    pub(crate) seeds: &'a [u64],
    pub(crate) teacher: &'a TeacherSource,
    pub(crate) config: &'a TrainingConfig,
    pub(crate) place: Place<'a>,
}

/// Where runs and results go, what results have, and what their bundles say of themselves.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    pub(crate) work: &'a Path,
    pub(crate) results: &'a Path,
    /// Whether to measure under disturbances too.
    pub(crate) robustness: bool,
    pub(crate) created: String,
    pub(crate) version: Version,
}

/// One training run and the results that are made of it.
#[derive(Debug)]
pub(crate) struct Run {
    /// Folder below the work folder.
    pub(crate) name: String,
    pub(crate) data: PathBuf,
    pub(crate) teacher: TeacherSource,
    pub(crate) config: TrainingConfig,
    pub(crate) results: Vec<Wanted>,
}

/// One result of a run.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Name of the file, without its ending.
    pub(crate) name: String,
    /// What is varied, where something is.
    pub(crate) variant: Option<&'static str>,
    /// How evidence is joined.
    pub(crate) join: Join,
}

/// How a table's making ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// What could be made is there.
    Done {
        /// Results that were made now.
        made: usize,
        /// Results of other data or another configuration, and damaged ones, that were left alone.
        foreign: usize,
    },
    /// Ctrl-C.
    Interrupted,
}

/// Makes all results that are missing.
pub(crate) fn measure(job: &Job<'_>, interrupted: &AtomicBool) -> Result<Progress, MeasureError> {
    open(job.data)?;
    let pairs = job
        .seeds
        .iter()
        .flat_map(|seed| job.data.iter().map(move |data| (*seed, data)));
    let runs = pairs.map(|(seed, data)| {
        let name = format!("{}-{}-seed{seed}", category(data), job.teacher.name());
        Run {
            name: name.clone(),
            data: data.clone(),
            teacher: job.teacher.clone(),
            config: TrainingConfig {
                seed,
                ..job.config.clone()
            },
            results: vec![Wanted {
                name,
                variant: None,
                join: job.config.fusion.join,
            }],
        }
    });
    make(runs, &job.place, interrupted)
}

/// Makes the results of these runs that are missing, one run after the other.
pub(crate) fn make(
    runs: impl Iterator<Item = Run>,
    place: &Place<'_>,
    interrupted: &AtomicBool,
) -> Result<Progress, MeasureError> {
    fs_err::create_dir_all(place.results).map_err(file("creating", place.results))?;
    let (mut made, mut foreign) = (0, 0);
    let mut hashes = HashMap::new();
    for run in runs {
        let mut missing = Vec::new();
        for wanted in &run.results {
            let other = match place.found(wanted)? {
                Found::Nothing => {
                    missing.push(wanted);
                    continue;
                }
                Found::Damaged => "is damaged",
                Found::Unknown => "is no result that this version wrote",
                Found::Result(found) => {
                    let hash = match hashes.entry(run.data.clone()) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(unknown) => unknown.insert(hash_of(&run.data)?),
                    };
                    if !found.is_with(&run.config) {
                        "is of another configuration"
                    } else if found.data_hash != *hash {
                        "is of other data, or of the data before they were changed"
                    } else if place.robustness && found.robustness.is_empty() {
                        log::info!(
                            "{}: there already, without disturbances: measured again",
                            wanted.name
                        );
                        missing.push(wanted);
                        continue;
                    } else {
                        log::info!("{}: there already", wanted.name);
                        continue;
                    }
                }
            };
            foreign += 1;
            log::warn!(
                "{} {other}: it stays; move it away to measure anew",
                place.result(wanted).display()
            );
        }
        if missing.is_empty() {
            continue;
        }
        let training = train::Job {
            data: run.data.clone(),
            teacher: run.teacher.clone(),
            config: run.config.clone(),
            out: place.work.join(&run.name),
        };
        let record = match train(&training, interrupted)? {
            Ending::Finished(record) => *record,
            Ending::Interrupted { .. } => return Ok(Progress::Interrupted),
        };
        for wanted in missing {
            let evaluation = result(&run, &record, wanted, place)?;
            log::info!(
                "{}\n{}",
                wanted.name,
                crate::summary::evaluation(&evaluation)
            );
            made += 1;
        }
    }
    Ok(Progress::Done { made, foreign })
}

/// Exports a finished run with one joining, evaluates it, and writes the file.
fn result(
    run: &Run,
    record: &RunRecord,
    wanted: &Wanted,
    place: &Place<'_>,
) -> Result<Evaluation, MeasureError> {
    let folder = place.work.join(&run.name);
    let (bundle, maps) = match wanted.variant {
        None => (folder.join("model.twb"), folder.join("maps")),
        Some(variant) => (
            folder.join(format!("{variant}.twb")),
            folder.join(format!("maps-{variant}")),
        ),
    };
    let job = export::Job {
        run: folder,
        data: Some(run.data.clone()),
        // Published sets have names that no product may have, and a bundle that is only measured needs none of its own.
        name: (!Manifest::is_name(&record.name)).then(|| UNNAMED.to_owned()),
        version: place.version.clone(),
        created: place.created.clone(),
        join: Some(wanted.join),
    };
    // One of this run's own, of a measurement whose result is gone or lacks something.
    if let Err(error) = fs_err::remove_file(&bundle)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(file("removing", &bundle)(error));
    }
    let exported = export(&job, &bundle)?;
    let evaluation = evaluate(&bundle, &run.data, Some(&maps))?;
    let robustness = match place.robustness {
        true => robustness(&bundle, &run.data)?,
        false => Vec::new(),
    };
    let measurement = Measurement {
        teacher: run.teacher.name(),
        seed: run.config.seed,
        variant: wanted.variant,
        data_hash: &record.data_hash,
        tool_version: &record.tool_version,
        cost: record.cost,
        bundle_bytes: fs_err::metadata(&bundle)
            .map_err(file("reading", &bundle))?
            .len(),
        trainer_against_device: exported.proof.worst.share,
        training: &record.training,
        gate: record.gate.filter(|_| wanted.join == Join::Gate),
        evaluation: &evaluation,
        robustness,
    };
    let path = place.result(wanted);
    let text = serde_json::to_string_pretty(&measurement).unwrap_or_default();
    replace(&path, (text + "\n").as_bytes()).map_err(file("writing", &path))?;
    Ok(evaluation)
}

impl Place<'_> {
    /// The file of a result.
    pub(crate) fn result(&self, wanted: &Wanted) -> PathBuf {
        self.results.join(format!("{}.json", wanted.name))
    }
}

/// A product's name for a bundle of a data set that has none for it.
const UNNAMED: &str = "measured";

/// A data set's name in results.
pub(crate) fn category(data: &Path) -> String {
    data.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> MeasureError {
    let path = path.to_owned();
    move |source| MeasureError::File {
        action,
        path,
        source,
    }
}
