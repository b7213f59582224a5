//! What can be wrong with plans.

use std::io;
use std::path::PathBuf;

use super::half::HalfError;
use crate::engine::StageName;

/// A plan that is not there, or can't be built or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The bundle names a stage and holds no network for it.
    #[error("the bundle holds no network for {stage}")]
    NoModel {
        /// The stage.
        stage: StageName,
    },
    /// No plan of this network for this board as it is now: none was built, or TensorRT, the driver
    /// or the GPU are others than those it was built with.
    #[error("{folder:?} holds no plan of the {stage} network for this board")]
    Missing {
        /// The stage.
        stage: StageName,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A file that is not what was written.
    #[error("{file:?} is damaged: {what}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// Others than the owner may write there. What a plan holds is trusted like a program.
    #[error("{path:?} can be written by others than its owner")]
    Exposed {
        /// The folder, or the file.
        path: PathBuf,
    },
    /// A file that can't be read. The source names it.
    #[error("reading a plan")]
    Read(#[source] io::Error),
    /// The folder can't be written. The source names the file.
    #[error("keeping a plan")]
    Write(#[source] io::Error),
    /// The network can't be computed with 16 bits.
    #[error("making 16 bits of the {stage} network")]
    Half {
        /// The stage.
        stage: StageName,
        /// Why.
        #[source]
        source: HalfError,
    },
    /// TensorRT does not build the network.
    #[error("building the {stage} network")]
    Build {
        /// The stage.
        stage: StageName,
        /// Why.
        #[source]
        source: twinspect_tensorrt::Error,
    },
}

impl PlanError {
    /// Whether building plans again helps.
    pub fn is_cured_by_building(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Damaged { .. })
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoModel { .. } => "the bundle was made wrongly: export it again",
            Self::Missing { .. } | Self::Damaged { .. } => "build the plans on this board",
            Self::Exposed { path } => {
                return Some(format!(
                    "a plan is run like a program: `chmod go-w {}`, after a look at who wrote there",
                    path.display()
                ));
            }
            Self::Read(_) | Self::Write(_) => {
                "see that the folder belongs to the user who runs this, and that the disk is not full"
            }
            Self::Half { .. } => "set engine.precision = \"fp32\"",
            Self::Build { source, .. } => source.hint()?,
        };
        Some(text.to_owned())
    }
}
