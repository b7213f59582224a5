//! Installed models, and how another one takes over.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinspect_core::changeover::{ChangeoverSpec, TrialSpec};
use twinspect_store::models::StationName;

use super::checker::Checker;

/// A process of a new model that has ended so often on trial is given up.
const TRIAL_ENDS_MAX: u32 = 3;
/// A record that could not be written is tried again after this time.
const RECORD_AGAIN_US: u64 = 10_000_000;
/// Most parts of a trial.
const TRIAL_PARTS_MAX: u32 = 100_000;

/// Where models are installed, and how one takes over from another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelsToml {
    /// Empty: nothing is installed on this station.
    pub(crate) folder: PathBuf,
    pub(crate) moment_max_ms: f64,
    pub(crate) switch_max_ms: f64,
    pub(crate) trial_parts: u32,
    pub(crate) trial_misses_max: u32,
}

impl Default for ModelsToml {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            moment_max_ms: 60_000.0,
            switch_max_ms: 20_000.0,
            trial_parts: 20,
            trial_misses_max: 3,
        }
    }
}

/// The store of a station's models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelsSpec {
    pub(crate) folder: PathBuf,
    /// By which name its model is recorded.
    pub(crate) station: StationName,
}

impl Checker {
    pub(super) fn models(&mut self, typed: &ModelsToml, path: &Path) -> Option<ModelsSpec> {
        if typed.folder.as_os_str().is_empty() {
            return None;
        }
        let folder = path.parent().unwrap_or(Path::new("")).join(&typed.folder);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let station = name.parse().ok();
        self.require(
            station.is_some(),
            "models.folder",
            format!("{:?}", typed.folder),
            "of a configuration whose file has a name that a station may have",
        );
        station.map(|station| ModelsSpec { folder, station })
    }

    pub(super) fn changeover(&mut self, typed: &ModelsToml, proof_max_us: u64) -> ChangeoverSpec {
        self.require(
            typed.trial_parts <= TRIAL_PARTS_MAX,
            "models.trial_parts",
            typed.trial_parts,
            format!("from 0 to {TRIAL_PARTS_MAX}"),
        );
        self.require(
            typed.trial_misses_max > 0,
            "models.trial_misses_max",
            typed.trial_misses_max,
            "at least 1",
        );
        ChangeoverSpec {
            proof_max_us,
            moment_max_us: self.us("models.moment_max_ms", typed.moment_max_ms),
            switch_max_us: self.us("models.switch_max_ms", typed.switch_max_ms),
            record_again_us: RECORD_AGAIN_US,
            trial: TrialSpec {
                parts: typed.trial_parts,
                misses_max: typed.trial_misses_max,
                ends_max: TRIAL_ENDS_MAX,
            },
        }
    }
}
