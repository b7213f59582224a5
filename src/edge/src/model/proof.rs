//! The process that proves an installed model, beside a station that may run.
//!
//! A network that nobody has run here yet may need much memory, hang, or bring a vendor's library down. It does so
//! in a process that gives way to all others, ends with the one that has started it, and is ended when it takes too long.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use twinspect_bundle::Bundle;
use twinspect_store::models::{Change, ModelId, Proof};

use super::place::StorePlace;
use crate::answer::answer_of;
use crate::background;
use crate::cli::{ProofArgs, ProveProcessArgs};
use crate::clock;
use crate::config::{self, EngineSpec};
use crate::engines::{self, Faster, Gpu};
use crate::error::EdgeError;
use crate::replay::write_json;

/// A spinner turns so often.
const TURN: Duration = Duration::from_millis(120);

/// What the process answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Proven {
    pub(super) engine: String,
    /// Why this engine.
    pub(super) why: String,
    /// In whose place, though the station wants that one.
    pub(super) stands_in_for: Option<Faster>,
    pub(super) goldens: usize,
    pub(super) worst_map_share: f32,
    pub(super) tolerance: f32,
    pub(super) worst_evidence_share: f32,
}

/// Proves a model on the engine that its station would choose, and says what it came to.
pub(crate) fn prove_process(args: &ProveProcessArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    // The store is left to whoever has started this.
    background::end_with_parent()?;
    background::give_way()?;
    let wanted = match &args.config {
        Some(config) => config::load(config)?.station.engine,
        None => EngineSpec::cpu(),
    };
    let bundle = Bundle::open(&args.bundle)?;
    let chosen = engines::choose(&bundle, &wanted, Gpu::Granted)?;
    let proven = Proven {
        engine: chosen.engine.name().to_owned(),
        why: chosen.why,
        stands_in_for: chosen.role.stands_in_for(),
        goldens: chosen.proof.goldens,
        worst_map_share: chosen.proof.worst.share,
        tolerance: chosen.proof.tolerance,
        worst_evidence_share: chosen.proof.evidence_share,
    };
    write_json(out, &proven)
}

/// Has an installed model proven, and writes that down. Where an engine could not reproduce the goldens, an
/// earlier proof is taken back.
///
/// # Errors
/// [`EdgeError::NotProven`] with the exit code of the process, [`EdgeError::ProofBroken`] where that has none.
pub(super) fn prove(
    place: &StorePlace,
    id: &ModelId,
    hash: &str,
    args: &ProofArgs,
) -> Result<Proven, EdgeError> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(TURN);
    bar.set_message(format!("proving {id} on this machine's engine"));
    let answer = run(place, id, Duration::from_secs(args.limit_s));
    bar.finish_and_clear();
    let change = |what: &dyn Fn(&Change<'_>) -> _| what(&place.models.change_when_free()?);
    match answer {
        Ok(proven) => {
            let proof = Proof {
                hash: hash.to_owned(),
                engine: proven.engine.clone(),
                program: env!("CARGO_PKG_VERSION").to_owned(),
                goldens: proven.goldens as u64,
                worst_map_share: proven.worst_map_share.into(),
                tolerance: proven.tolerance.into(),
                worst_evidence_share: proven.worst_evidence_share.into(),
                at_s: clock::unix_s(),
            };
            change(&|change| change.prove(id, &proof))?;
            Ok(proven)
        }
        Err(error) => {
            if matches!(error, EdgeError::NotProven { code: 4 | 5, .. }) {
                change(&|change| change.disprove(id))?;
            }
            Err(error)
        }
    }
}

fn run(place: &StorePlace, id: &ModelId, limit: Duration) -> Result<Proven, EdgeError> {
    let broken = |why: String| EdgeError::ProofBroken {
        model: id.to_string(),
        why,
    };
    let program = std::env::current_exe()
        .map_err(|error| broken(format!("finding this program: {error}")))?;
    let mut command = Command::new(program);
    let bundle = place.models.folder_of(id);
    command.arg("prove-process").arg("--bundle").arg(bundle);
    if let Some(station) = &place.station {
        command.arg("--config").arg(&station.config);
    }
    let answer =
        answer_of(&mut command, limit, "--limit-s").map_err(|error| broken(error.to_string()))?;
    match answer.status.code() {
        Some(0) => serde_json::from_slice(&answer.text)
            .map_err(|error| broken(format!("its process answered nonsense: {error}"))),
        Some(code) => Err(EdgeError::NotProven {
            model: id.to_string(),
            code: u8::try_from(code).unwrap_or(1),
        }),
        None => Err(broken(format!("its process has died: {}", answer.status))),
    }
}
