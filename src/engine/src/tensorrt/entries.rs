//! What lies in a folder of plans.

use std::io;
use std::path::{Path, PathBuf};

use twinspect_bundle::Bundle;

use super::board::Board;
use super::plans::{PlanStore, cache_purpose, stages};
use super::sealed::{self, Unsealed};
use super::source::StageSource;
use crate::engine::{Precision, StageName};

/// A file in a folder of plans.
#[derive(Debug, Clone)]
pub struct PlanEntry {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What it was written for, or what is wrong with it.
    purpose: Result<String, &'static str>,
}

/// What a file is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanUse {
    /// This board runs this network of one of the bundles with it.
    Stage(StageName, Precision),
    /// This board builds faster with it.
    TimingCache,
    /// It is of this board, and of a network that none of the bundles has, or was built in another way.
    OtherNetwork,
    /// It was built with another TensorRT, driver or GPU.
    OtherBoard,
    /// It is not what was written.
    Damaged(&'static str),
}

impl PlanUse {
    /// Whether it serves this board and one of the bundles.
    pub fn is_current(self) -> bool {
        matches!(self, Self::Stage(..) | Self::TimingCache)
    }
}

impl std::fmt::Display for PlanUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stage(stage, Precision::F32) => write!(f, "{stage}"),
            Self::Stage(stage, Precision::F16) => write!(f, "{stage}, 16 bits"),
            Self::TimingCache => f.write_str("timing cache"),
            Self::OtherNetwork => f.write_str("another network"),
            Self::OtherBoard => f.write_str("another board, TensorRT or driver"),
            Self::Damaged(what) => write!(f, "damaged: {what}"),
        }
    }
}

impl PlanEntry {
    /// What it is good for on a board, for some bundles.
    pub fn use_on(&self, board: &Board, bundles: &[Bundle]) -> PlanUse {
        let purpose = match &self.purpose {
            Ok(purpose) => purpose,
            Err(what) => return PlanUse::Damaged(what),
        };
        if *purpose == cache_purpose(board) {
            return PlanUse::TimingCache;
        }
        let is_of = |bundle: &Bundle, stage, precision| {
            StageSource::of(bundle, stage, precision)
                .is_ok_and(|source| *purpose == source.purpose(board))
        };
        let mut all = bundles.iter().flat_map(|bundle| {
            stages(bundle)
                .flat_map(|stage| Precision::ALL.map(|precision| (stage, precision)))
                .filter(move |&(stage, precision)| is_of(bundle, stage, precision))
        });
        match all.next() {
            Some((stage, precision)) => PlanUse::Stage(stage, precision),
            None if purpose.contains(&board.identity()) => PlanUse::OtherNetwork,
            None => PlanUse::OtherBoard,
        }
    }

    /// Lines that say what it was built for, where it is whole.
    pub fn built_for(&self) -> Option<&str> {
        self.purpose.as_deref().ok()
    }
}

fn is_plan(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "plan")
}

impl PlanStore {
    /// Whether nothing was ever built here, as far as can be seen: the folder holds no plan, or is not there.
    ///
    /// # Errors
    /// A folder that can't be read.
    pub fn is_empty(&self) -> io::Result<bool> {
        let entries = match fs_err::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            entries => entries?,
        };
        for entry in entries {
            if is_plan(&entry?.path()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All plans and timing caches, by the names of their files. Each is read whole.
    ///
    /// # Errors
    /// A folder or file that can't be read.
    pub fn entries(&self) -> io::Result<Vec<PlanEntry>> {
        let mut entries = Vec::new();
        for entry in fs_err::read_dir(&self.folder)? {
            let file = entry?.path();
            if !is_plan(&file) {
                continue;
            }
            let purpose = match sealed::purpose(&file) {
                Ok(purpose) => Ok(purpose),
                Err(Unsealed::Damaged(what)) => Err(what),
                Err(Unsealed::Io(error)) => return Err(error),
            };
            let bytes = fs_err::metadata(&file)?.len();
            entries.push(PlanEntry {
                file,
                bytes,
                purpose,
            });
        }
        entries.sort_by(|one, other| one.file.cmp(&other.file));
        Ok(entries)
    }
}
