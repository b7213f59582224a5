//! Plans, built once and kept.
//!
//! A plan is found by what it is for, and only by that: the board, the network, how it was built.
//! When one of these changes, the old plan stays and another one is built beside it, so that going
//! back costs nothing.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use twinspect_bundle::Bundle;
use twinspect_core::modality::Modality;
use twinspect_tensorrt::{BuildLimits, Plan};

use super::board::Board;
use super::error::PlanError;
use super::sealed::{self, Unsealed};
use super::source::StageSource;
use crate::engine::{Precision, StageName};

/// What a timing cache's purpose begins with.
pub(super) const TIMING_CACHE: &str = "timing cache\n";

/// A folder of plans.
#[derive(Debug, Clone)]
pub struct PlanStore {
    pub(super) folder: PathBuf,
}

/// How far building is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildStep {
    /// A good plan is there.
    Kept(StageName),
    /// A plan is being built: seconds on a PC, minutes on a board.
    Building(StageName),
    /// It was built, and is kept.
    Built(StageName),
}

impl PlanStore {
    /// A folder that exists. Whoever may write it may run programs as the user who loads plans.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Builds what is missing or damaged. Never do this in the process that inspects: it takes
    /// minutes and a multiple of the plans' memory, and TensorRT may crash.
    ///
    /// # Errors
    /// [`PlanError::Write`] and [`PlanError::Exposed`] before anything is built if the folder can't be written,
    /// or can be by others; [`PlanError::Build`]; plans that were built before stay.
    pub fn build(
        &self,
        board: &Board,
        bundle: &Bundle,
        precision: Precision,
        limits: &BuildLimits,
        progress: &mut dyn FnMut(BuildStep),
    ) -> Result<(), PlanError> {
        tempfile::tempfile_in(&self.folder).map_err(PlanError::Write)?;
        self.hold_private()?;
        for stage in stages(bundle) {
            let source = StageSource::of(bundle, stage, precision)?;
            match self.plan_of(board, &source) {
                Ok(_) => progress(BuildStep::Kept(stage)),
                Err(error) if error.is_cured_by_building() => {
                    progress(BuildStep::Building(stage));
                    self.build_one(board, source, limits)?;
                    progress(BuildStep::Built(stage));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The plan of a stage for this board, at a precision. The fusion is always computed with 32 bits.
    ///
    /// # Errors
    /// [`PlanError::Missing`], [`PlanError::Damaged`], [`PlanError::Exposed`], [`PlanError::Read`],
    /// [`PlanError::NoModel`], [`PlanError::Half`].
    pub fn plan(
        &self,
        board: &Board,
        bundle: &Bundle,
        stage: StageName,
        precision: Precision,
    ) -> Result<Plan, PlanError> {
        self.plan_of(board, &StageSource::of(bundle, stage, precision)?)
    }

    pub(super) fn plan_of(
        &self,
        board: &Board,
        source: &StageSource<'_>,
    ) -> Result<Plan, PlanError> {
        let (stage, purpose) = (source.stage(), source.purpose(board));
        let file = self.file(&stage.to_string(), &purpose);
        match sealed::read(&file, &purpose) {
            Ok(bytes) => {
                self.hold_private()?;
                private(&file)?;
                Ok(Plan::from_trusted_bytes(bytes))
            }
            Err(Unsealed::Damaged(what) | Unsealed::Foreign(what)) => {
                Err(PlanError::Damaged { file, what })
            }
            Err(Unsealed::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                let folder = self.folder.clone();
                Err(PlanError::Missing { stage, folder })
            }
            Err(Unsealed::Io(error)) => Err(PlanError::Read(error)),
        }
    }

    /// Deletes the plans of a bundle for this board, of any precision, and what was learned from building them.
    ///
    /// # Errors
    /// [`PlanError::Write`]; what was not there is none.
    pub fn discard(&self, board: &Board, bundle: &Bundle) -> Result<(), PlanError> {
        let mut files = vec![self.file("timing", &cache_purpose(board))];
        for stage in stages(bundle) {
            for precision in Precision::ALL {
                let purpose = match StageSource::of(bundle, stage, precision) {
                    Ok(source) => source.purpose(board),
                    // Then there is no plan of it either.
                    Err(PlanError::Half { .. }) => continue,
                    Err(error) => return Err(error),
                };
                files.push(self.file(&stage.to_string(), &purpose));
            }
        }
        for file in files {
            match fs_err::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(PlanError::Write(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn build_one(
        &self,
        board: &Board,
        source: StageSource<'_>,
        limits: &BuildLimits,
    ) -> Result<(), PlanError> {
        let (stage, purpose) = (source.stage(), source.purpose(board));
        let cache_purpose = cache_purpose(board);
        let cache_file = self.file("timing", &cache_purpose);
        // Whatever is wrong with a cache: it only makes a build longer.
        let cache = sealed::read(&cache_file, &cache_purpose).ok();
        let network = source.parsed(board)?;
        let built = network.build(limits, cache.as_deref());
        let built = built.map_err(|source| PlanError::Build { stage, source })?;
        let file = self.file(&stage.to_string(), &purpose);
        let keep = |file: &Path, purpose: &str, bytes: &[u8]| {
            sealed::write(file, purpose, bytes).map_err(PlanError::Write)
        };
        keep(&file, &purpose, built.plan.as_bytes())?;
        keep(&cache_file, &cache_purpose, &built.timing_cache)
    }

    /// Whether nobody but the owner may put files into the folder.
    ///
    /// # Errors
    /// [`PlanError::Exposed`]; [`PlanError::Read`] of a folder that can't be asked, or is not there.
    pub fn hold_private(&self) -> Result<(), PlanError> {
        private(&self.folder)
    }

    fn file(&self, kind: &str, purpose: &str) -> PathBuf {
        let digest = sealed::digest(purpose.as_bytes());
        let short = digest.get(..16).unwrap_or(&digest);
        self.folder.join(format!("{kind}-{short}.plan"))
    }
}

/// Whether only the owner may write a file or folder.
fn private(path: &Path) -> Result<(), PlanError> {
    let facts = fs_err::metadata(path).map_err(PlanError::Read)?;
    if !is_exposed(&facts) {
        Ok(())
    } else {
        let path = path.to_owned();
        Err(PlanError::Exposed { path })
    }
}

/// Whether others than its owner may write it.
pub(super) fn is_exposed(facts: &std::fs::Metadata) -> bool {
    facts.mode() & 0o022 != 0
}

/// What a timing cache is for.
pub(super) fn cache_purpose(board: &Board) -> String {
    format!("{TIMING_CACHE}{}", board.identity())
}

/// The stages of a bundle.
pub(super) fn stages(bundle: &Bundle) -> impl Iterator<Item = StageName> {
    let stages = &bundle.manifest().stages;
    let fusion = stages.fusion.as_ref().map(|_| StageName::Fusion);
    let modalities = Modality::ALL
        .into_iter()
        .filter(|&modality| stages.get(modality).is_some());
    modalities.map(StageName::Of).chain(fusion)
}
