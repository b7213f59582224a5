//! Plans for a model that is being installed, where its station wants a GPU.
//!
//! TensorRT builds them in a process of its own, `twinspect engine build`: it takes minutes, and may crash. Where that comes to nothing the
//! model is installed all the same, and proven by what stands in.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::answer_of;
use super::place::StationPlace;
use crate::engines::{self, Faster};

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

/// The keys of `engine build --json` that matter here.
#[derive(Deserialize)]
struct Told {
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct Stage {
    kept: bool,
}

/// Builds what a station's engine lacks of an installed model.
pub(super) fn build(station: &StationPlace, bundle: &Path, limit_s: u64) -> Plans {
    if !engines::wants_plans(&station.engine) {
        return Plans::NotAsked;
    }
    match run(station, bundle, Duration::from_secs(limit_s)) {
        Ok(told) if told.stages.iter().all(|stage| stage.kept) => Plans::Kept,
        Ok(_) => Plans::Built,
        Err(why) => {
            log::warn!("no plans for {}: {why}", bundle.display());
            Plans::Failed
        }
    }
}

fn run(station: &StationPlace, bundle: &Path, limit: Duration) -> Result<Told, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command
        .args(["engine", "build", "--json", "--end-with-parent"])
        .arg("--config")
        .arg(&station.config)
        .arg("--bundle")
        .arg(bundle);
    let answer =
        answer_of(&mut command, limit, "--build-limit-s").map_err(|error| error.to_string())?;
    if !answer.status.success() {
        return Err(ended(answer.status));
    }
    serde_json::from_slice(&answer.text).map_err(|error| format!("its process answered: {error}"))
}

/// Its own report stands above, on standard error.
fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("building them ended with exit code {code}"),
        None => format!("the process that builds them has died: {status}"),
    }
}
