//! Everything that can end a training run.

use twinspect_bundle::Problem;
use twinspect_core::modality::Modality;
use twinspect_dataset::DatasetError;

use super::checkpoint::CheckpointError;
use super::course::CourseError;
use super::pool::PoolError;
use crate::export::ExportError;
use crate::fusion::FusionError;
use crate::good_parts::PartsError;
use crate::product::ProductError;
use crate::run_folder::RunError;
use crate::synth::pictures::PicturesError;
use crate::teacher::TeacherError;

/// Training that could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrainError {
    /// The data set's folder.
    #[error("opening the data set")]
    Open(#[source] DatasetError),
    /// Its files.
    #[error("reading the data set's files")]
    Hash(#[source] std::io::Error),
    /// Its parts.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// What the parts have in common.
    #[error(transparent)]
    Product(#[from] ProductError),
    /// A camera or parts of which no bundle may be.
    #[error("no bundle could be made of this data set: {}", told(problems))]
    Unfit {
        /// Why.
        problems: Vec<Problem>,
    },
    /// No branch is left.
    #[error("the data set has {found}, and the configuration enables none of it")]
    NoBranch {
        /// What the data set has.
        found: String,
    },
    /// The teacher.
    #[error(transparent)]
    Teacher(#[from] TeacherError),
    /// The user's textures.
    #[error(transparent)]
    Pictures(#[from] PicturesError),
    /// The pool of views.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The user does not want to wait for it.
    #[error("learning {what} was interrupted")]
    Interrupted {
        /// What was learnt before the first step.
        what: &'static str,
    },
    /// A course.
    #[error("training the {modality} branch")]
    Course {
        /// The branch.
        modality: Modality,
        /// What went wrong.
        #[source]
        source: CourseError,
    },
    /// The trained students as networks.
    #[error("making networks of the trained students")]
    Stages(#[from] Box<ExportError>),
    /// The gate.
    #[error("training the gate")]
    Gate(#[from] FusionError),
    /// The codebook's file.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The run's folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The thread pool.
    #[error("starting worker threads")]
    Threads(#[source] rayon::ThreadPoolBuildError),
}

fn told(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("; ")
}

impl TrainError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint().map(Into::into),
            Self::Parts(error) => error.hint(),
            Self::Product(error) => error.hint(),
            Self::Unfit { .. } => Some(
                "keys of `camera` are those of the data set's camera.json: correct them; all others are measured of its good parts: \
                 record them again"
                    .into(),
            ),
            Self::NoBranch { .. } => Some("set rgb.enabled or geometry.enabled to true".into()),
            Self::Teacher(error) => error.hint().map(Into::into),
            Self::Pictures(error) => Some(error.hint()),
            Self::Course { source, .. } => source.hint(),
            Self::Stages(error) => error.hint(),
            Self::Checkpoint(error) => error.hint(),
            Self::Run(error) => error.hint(),
            _ => None,
        }
    }
}
