//! Plans for a model that is being installed, where its station wants a GPU.
//!
//! TensorRT builds them in a process of its own, `twinspect engine build`: it takes minutes, and may crash. Where that comes to nothing the
//! model is installed all the same, and proven by what stands in.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::place::StationPlace;
use crate::engines::{self, Faster};
use crate::plans::{Build, build_apart};

/// What became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Plans {
    /// The station judges by the CPU, or it was typed that none shall be built.
    NotAsked,
    /// They were there, and are good.
    Kept,
    /// At least one was built.
    Built,
    /// They could not be built, or are not trusted; the log says why.
    Failed,
}

impl Plans {
    /// Whether what was proven before, on an engine of this name, would be proven again.
    pub(super) fn leave_as_it_is(self, engine: &str) -> bool {
        match self {
            Self::NotAsked => true,
            Self::Kept => engine == Faster::TensorRt.to_string(),
            Self::Built | Self::Failed => false,
        }
    }
}

/// Builds what a station's engine lacks of an installed model.
pub(super) fn build(station: &StationPlace, bundle: &Path, limit_s: u64) -> Plans {
    if !engines::wants_plans(&station.engine) {
        return Plans::NotAsked;
    }
    match run(station, bundle, Duration::from_secs(limit_s)) {
        Ok(Build::AllKept) => Plans::Kept,
        Ok(Build::Done) => Plans::Built,
        Err(why) => {
            log::warn!("no plans for {}: {why}", bundle.display());
            Plans::Failed
        }
    }
}

fn run(station: &StationPlace, bundle: &Path, limit: Duration) -> Result<Build, String> {
    let mut options = Vec::new();
    for (option, value) in [("--config", station.config.as_path()), ("--bundle", bundle)] {
        options.extend([OsStr::new(option), value.as_os_str()]);
    }
    build_apart(&options, limit, "--build-limit-s")
}
