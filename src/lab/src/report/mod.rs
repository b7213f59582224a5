//! `twinspect-lab report`: one page about a run that people look at.
//!
//! ```text
//! run folder ─► record, losses ───────────────────────────────┐
//! bundle, or one made of the run ─► test parts on the device's engine ─► figures and curves ─► page
//!                                            └► Watch: scores, weights, pictures of the worst ──┘
//! ```
//! The page is one HTML file. It loads nothing and runs no script, and its own policy forbids both:
//! it can be mailed, kept beside a bundle, and opened in ten years.

mod chart;
mod curves;
mod gallery;
mod headline;
mod heat;
mod html;
mod kinds;
mod losses;
mod origin;
mod page;
mod paint;
mod parts;
mod place;
mod provenance;
mod scores;
mod training;
mod watch;
mod weights;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use twinspect_bundle::{Bundle, Version};
use twinspect_dataset::{Dataset, Split};

use crate::data_hash::data_hash;
use crate::evaluate::{self, EvaluateError};
use crate::export::{self, ExportError};
use crate::files::replace;
use crate::fusion;
use crate::progress::Progress;
use crate::run_folder::{RunError, RunFolder, RunRecord};
use losses::BrokenLosses;
use page::Material;
use watch::Watch;

/// A page that could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// The run's folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The bundle that the run lacked.
    #[error("making the bundle of the run")]
    Export(#[source] Box<ExportError>),
    /// The test parts, or the bundle.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The run's data set.
    #[error(transparent)]
    Data(Box<ExportError>),
    /// A bundle of another run.
    #[error("{} was not made of the run in {}: it has {}", bundle.display(), run.display(), differences.join(", "))]
    Foreign {
        /// The bundle.
        bundle: PathBuf,
        /// The run's folder.
        run: PathBuf,
        /// What is not the run's.
        differences: Vec<String>,
    },
    /// The data set's files.
    #[error("hashing the data set")]
    Hash(#[source] std::io::Error),
    /// A file of losses that is none.
    #[error("{} is no whole file of a run's losses", path.display())]
    Losses {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: BrokenLosses,
    },
    /// Something that a page would destroy.
    #[error("in the place of the page, {}, lies {found}", path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
        /// What lies there.
        found: &'static str,
    },
    /// The page's own files.
    #[error("{action} {}", path.display())]
    Page {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl ReportError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::Data(error) => match **error {
                ExportError::OtherData { .. } => Some(
                    "name with --data the data set as it was trained on; --changed-data makes a page of this one, \
                     which says so"
                        .into(),
                ),
                _ => error.hint(),
            },
            Self::Export(error) => error.hint(),
            Self::Evaluate(error) => error.hint(),
            Self::Foreign { .. } => Some(
                "leave out --bundle, or name with --run the folder that it was exported from"
                    .into(),
            ),
            Self::Losses { .. } => {
                Some("restore the file, or remove it: the page then shows no training".into())
            }
            Self::Occupied { .. } => Some(
                "give another file with --out: only an earlier report is written over".into(),
            ),
            Self::Hash(_) | Self::Page { .. } => None,
        }
    }
}

/// What to report on.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// Folder of the finished run.
    pub(crate) run: &'a Path,
    /// The data set, if it has moved since training.
    pub(crate) data: Option<&'a Path>,
    /// Whether the data set may be another one than the run was trained on.
    pub(crate) changed_data: bool,
    /// The run's bundle.
    pub(crate) bundle: Option<&'a Path>,
    /// The page.
    pub(crate) out: &'a Path,
    /// Parts of either kind to show.
    pub(crate) worst: usize,
    /// The model's version, if a bundle has to be made.
    pub(crate) version: Version,
    /// The time to write on the page, RFC 3339.
    pub(crate) created: String,
}

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct Made {
    page: PathBuf,
    bytes: usize,
    good_parts: usize,
    false_rejects: usize,
    defective_parts: usize,
    escapes: usize,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} good parts are rejected, {} of {} defective ones escape\nwrote {}",
            self.false_rejects,
            self.good_parts,
            self.escapes,
            self.defective_parts,
            self.page.display()
        )
    }
}

/// Inspects the test parts of a run's data set and writes the page.
pub(crate) fn report(job: &Job<'_>) -> Result<Made, ReportError> {
    require_place(job.out)?;
    let folder = RunFolder::open(job.run);
    let record = folder.finished()?;
    let dataset = open_data(job, &record).map_err(|error| ReportError::Data(Box::new(error)))?;
    // Of other data there is no saying how many steps the run's own were.
    let parts = (!job.changed_data).then(|| dataset.good_parts(Split::Train).len());
    let students = record.students().map(|student| {
        let branch = record.training.branch(student.modality);
        (student, parts.map(|parts| branch.steps(parts)))
    });
    let losses = losses::read(&folder.losses(), students)?;
    let bundle = bundle(job, &folder, &record)?;
    evaluate::check(&bundle, dataset.as_ref())?;
    let parts = dataset.parts(Split::Test).len();
    log::info!("inspecting {parts} test parts of {}", dataset.name());
    let bar = Progress::new("inspect", parts as u64);
    let watch = Watch::new(bundle.manifest(), job.worst);
    let evaluation = evaluate::evaluate_before(&bundle, dataset.as_ref(), None, &|seen| {
        watch.see(seen);
        bar.step();
    })?;
    bar.finish();
    let page = page::page(&Material {
        record: &record,
        manifest: bundle.manifest(),
        join: fusion::rule(&bundle).map_err(|error| ReportError::Export(Box::new(error.into())))?,
        bundle_hash: bundle.hash(),
        evaluation: &evaluation,
        kept: watch.finish(),
        losses,
        data_hash: data_hash(dataset.as_ref()).map_err(ReportError::Hash)?,
        created: &job.created,
    })?;
    write(job.out, &page)?;
    let fused = &evaluation.fused;
    Ok(Made {
        page: job.out.to_owned(),
        bytes: page.len(),
        good_parts: fused.good_parts,
        false_rejects: fused.false_rejects,
        defective_parts: fused.defective_parts,
        escapes: fused.escapes,
    })
}

/// Refuses a place where something lies that is no page, before any work.
fn require_place(path: &Path) -> Result<(), ReportError> {
    let found = place::occupied(path).map_err(|source| ReportError::Page {
        action: "looking at",
        path: path.to_owned(),
        source,
    })?;
    match found {
        None => Ok(()),
        Some(found) => Err(ReportError::Occupied {
            path: path.to_owned(),
            found,
        }),
    }
}

/// The run's data set, with its test parts.
fn open_data(job: &Job<'_>, record: &RunRecord) -> Result<Box<dyn Dataset>, ExportError> {
    let dataset = export::open_data(job.data, record)?;
    if !job.changed_data {
        export::require_own(dataset.as_ref(), job.run, record)?;
    }
    Ok(dataset)
}

/// The bundle that the user names, that the run's folder holds, or that is made of the run now.
fn bundle(job: &Job<'_>, folder: &RunFolder, record: &RunRecord) -> Result<Bundle, ReportError> {
    let there = folder.bundle();
    let path = job.bundle.or(there.exists().then_some(&there));
    let Some(path) = path else {
        log::info!("the run has no bundle yet: making one for this page");
        let made = export::build(&export::Job {
            run: job.run.to_owned(),
            data: job.data.map(Path::to_owned),
            name: None,
            version: job.version.clone(),
            created: job.created.clone(),
            join: None,
        });
        return Ok(made
            .map_err(|error| ReportError::Export(Box::new(error)))?
            .bundle);
    };
    let bundle = Bundle::open(path).map_err(EvaluateError::Bundle)?;
    let differences = origin::differences(&bundle, folder, record);
    if differences.is_empty() {
        return Ok(bundle);
    }
    Err(ReportError::Foreign {
        bundle: path.to_owned(),
        run: job.run.to_owned(),
        differences,
    })
}

/// Writes the page in one piece, and the folders that it lies in.
fn write(path: &Path, page: &str) -> Result<(), ReportError> {
    let file = |action: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Page {
            action,
            path,
            source,
        }
    };
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder).map_err(file("creating", folder))?;
    }
    replace(path, page.as_bytes()).map_err(file("writing", path))
}
