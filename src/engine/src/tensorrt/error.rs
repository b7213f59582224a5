//! What can be wrong with plans.

use std::io;
use std::path::{Path, PathBuf};

use twinspect_bundle::shell;

use super::half::HalfError;
use crate::engine::StageName;

const READ_ONLY_HINT: &str = "that file system is mounted read-only: name another folder, with --plans or the key \
                              engine.plans; a station that is a service may write below /var/lib/twinspect alone";

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
    /// What is named as a folder of plans is something else.
    #[error("plans are to lie in the folder {folder:?}, which is {what}")]
    NoFolder {
        /// What is named.
        folder: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The folder is not this user's to use in that way.
    #[error("the folder of plans {folder:?} can't be {verb}")]
    NoAccess {
        /// The folder.
        folder: PathBuf,
        /// `made`, `read` or `written`.
        verb: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else builds plans there, and two would do the same work twice.
    #[error(
        "{} builds plans in {folder:?}",
        holder.map_or("another process".to_owned(), |holder| format!("process {holder}"))
    )]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// The process that does, if the kernel tells.
        holder: Option<u32>,
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

    /// Whether a folder, a file, its rights, its disk or whoever else uses it is to blame, and neither a network nor a GPU.
    pub fn is_of_storage(&self) -> bool {
        match self {
            Self::NoFolder { .. }
            | Self::NoAccess { .. }
            | Self::Busy { .. }
            | Self::Exposed { .. }
            | Self::Read(_)
            | Self::Write(_) => true,
            Self::NoModel { .. }
            | Self::Missing { .. }
            | Self::Damaged { .. }
            | Self::Half { .. }
            | Self::Build { .. } => false,
        }
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoModel { .. } => "the bundle was made wrongly: export it again",
            Self::Missing { .. } | Self::Damaged { .. } => "build the plans on this board",
            Self::Exposed { path } => {
                return Some(format!(
                    "a plan is run like a program: `chmod go-w {}`, after a look at who wrote there",
                    shell::word(path)
                ));
            }
            Self::NoFolder { .. } => {
                "name a folder, with --plans or the key engine.plans, or take away what lies there: one that is not there is made"
            }
            Self::NoAccess { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                READ_ONLY_HINT
            }
            Self::NoAccess { folder, .. } => return Some(foreign_hint(folder)),
            Self::Busy { .. } => {
                "wait until that build has ended: plans that it has built are kept, and a station takes them with `twinspect engine \
                 retry`"
            }
            Self::Read(error) | Self::Write(error) => match error.kind() {
                io::ErrorKind::NotADirectory => {
                    "name a folder that can be there, with --plans or the key engine.plans"
                }
                io::ErrorKind::ReadOnlyFilesystem => READ_ONLY_HINT,
                _ => {
                    "see that the folder and its files belong to the user who runs this, and that the disk is not full; or name another \
                     folder, with --plans or the key engine.plans"
                }
            },
            Self::Half { .. } => "set engine.precision = \"fp32\"",
            Self::Build { source, .. } => source.hint()?,
        };
        Some(text.to_owned())
    }
}

fn foreign_hint(folder: &Path) -> String {
    format!(
        "`sudo chown -R USER: {}`, USER being who runs this (twinspect, where a station does), or name another \
         folder, with --plans or the key engine.plans",
        shell::word(folder)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_access(kind: io::ErrorKind) -> PlanError {
        PlanError::NoAccess {
            folder: "/a/plans".into(),
            verb: "written",
            source: kind.into(),
        }
    }

    #[test]
    fn whoever_may_not_write_there_is_told_all_ways_out() {
        let foreign = no_access(io::ErrorKind::PermissionDenied);
        assert_eq!(
            foreign.to_string(),
            "the folder of plans \"/a/plans\" can't be written"
        );
        let hint = foreign.hint().unwrap();
        for part in ["`sudo chown -R USER: /a/plans`", "--plans", "engine.plans"] {
            assert!(hint.contains(part), "{part}: {hint}");
        }
        let read_only = io::ErrorKind::ReadOnlyFilesystem;
        for error in [no_access(read_only), PlanError::Write(read_only.into())] {
            let hint = error.hint().unwrap();
            assert!(hint.contains("read-only") && hint.contains("engine.plans"));
            assert!(!hint.contains("chown"), "{hint}");
        }
    }

    #[test]
    fn only_files_and_their_rights_are_storage_s() {
        let busy = PlanError::Busy {
            folder: "plans".into(),
            holder: Some(7),
        };
        assert_eq!(busy.to_string(), "process 7 builds plans in \"plans\"");
        assert!(busy.is_of_storage());
        let damaged = PlanError::Damaged {
            file: "a.plan".into(),
            what: "",
        };
        assert!(!damaged.is_of_storage() && damaged.is_cured_by_building());
    }
}
