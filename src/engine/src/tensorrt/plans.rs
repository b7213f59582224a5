//! Plans, built once and kept.
//!
//! A plan is found by what it is for, and only by that: the board, the network, how it was built.
//! When one of these changes, the old plan stays and another one is built beside it, so that going
//! back costs nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    anew: Anew,
}

/// Plans that were built anew, by their files, and for which precision. The fusion, and a network without anything to compute with
/// 16 bits, have one plan for both: who builds all of them anew at one precision and then at the other builds that one once.
#[derive(Clone, Default)]
struct Anew(Arc<Mutex<BTreeMap<PathBuf, Precision>>>);

impl Anew {
    fn note(&self, file: PathBuf, precision: Precision) {
        self.plans().insert(file, precision);
    }

    fn is_for_another(&self, file: &Path, precision: Precision) -> bool {
        self.plans()
            .get(file)
            .is_some_and(|built_for| *built_for != precision)
    }

    /// Whoever has panicked with it has left whole entries.
    fn plans(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Precision>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was done is no part of which folder it is.
impl fmt::Debug for Anew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Anew")
    }
}

/// Which plans are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildScope {
    /// Those that are missing or damaged.
    Lacking,
    /// All, and nothing that was measured before is gone by. A good plan stays until another one takes its place. What this store
    /// has built anew at one precision and serves the other, too, is not built again for that one.
    All,
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
            anew: Anew::default(),
        }
    }

    /// Builds what is wanted. Never do this in the process that inspects: it takes
    /// minutes and a multiple of the plans' memory, and TensorRT may crash.
    ///
    /// # Errors
    /// [`PlanError::Write`] and [`PlanError::Exposed`] before anything is built if the folder can't be written,
    /// or can be by others; [`PlanError::Build`]; plans that were built before stay, in any scope.
    pub fn build(
        &self,
        board: &Board,
        bundle: &Bundle,
        precision: Precision,
        scope: BuildScope,
        limits: &BuildLimits,
        progress: &mut dyn FnMut(BuildStep),
    ) -> Result<(), PlanError> {
        tempfile::tempfile_in(&self.folder).map_err(PlanError::Write)?;
        self.hold_private()?;
        let cache_purpose = cache_purpose(board);
        let cache_file = self.file("timing", &cache_purpose);
        let mut cache = match scope {
            // Whatever is wrong with a cache: it only makes a build longer.
            BuildScope::Lacking => sealed::read(&cache_file, &cache_purpose).ok(),
            BuildScope::All => None,
        };
        for stage in stages(bundle) {
            let source = StageSource::of(bundle, stage, precision)?;
            let file = self.file(&stage.to_string(), &source.purpose(board));
            let may_be_kept =
                scope == BuildScope::Lacking || self.anew.is_for_another(&file, precision);
            if may_be_kept && self.holds(board, &source)? {
                progress(BuildStep::Kept(stage));
                continue;
            }
            progress(BuildStep::Building(stage));
            let learned = self.build_one(board, source, limits, cache.as_deref())?;
            sealed::write(&cache_file, &cache_purpose, &learned).map_err(PlanError::Write)?;
            cache = Some(learned);
            if scope == BuildScope::All {
                self.anew.note(file, precision);
            }
            progress(BuildStep::Built(stage));
        }
        Ok(())
    }

    /// Whether a good plan is there.
    fn holds(&self, board: &Board, source: &StageSource<'_>) -> Result<bool, PlanError> {
        match self.plan_of(board, source) {
            Ok(_) => Ok(true),
            Err(error) if error.is_cured_by_building() => Ok(false),
            Err(error) => Err(error),
        }
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

    /// Builds a plan and keeps it; what was learned of the board meanwhile.
    fn build_one(
        &self,
        board: &Board,
        source: StageSource<'_>,
        limits: &BuildLimits,
        cache: Option<&[u8]>,
    ) -> Result<Vec<u8>, PlanError> {
        let (stage, purpose) = (source.stage(), source.purpose(board));
        let network = source.parsed(board)?;
        let built = network.build(limits, cache);
        let built = built.map_err(|source| PlanError::Build { stage, source })?;
        if built.is_cache_rejected {
            log::warn!(
                "{stage}: TensorRT does not take the timing cache that it wrote itself: a new one is begun, and the \
                 build takes longer"
            );
        }
        let file = self.file(&stage.to_string(), &purpose);
        sealed::write(&file, &purpose, built.plan.as_bytes()).map_err(PlanError::Write)?;
        Ok(built.timing_cache)
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
    let facts = sealed::facts_of(path).map_err(PlanError::Read)?;
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
