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
use twinspect_store::models::{ModelId, Proof};

use super::place::StorePlace;
use crate::answer::answer_of;
use crate::background;
use crate::cli::{ProofArgs, ProveProcessArgs};
use crate::clock;
use crate::config::{self, EngineSpec};
use crate::engines::{self, Faster, Fault, Gpu};
use crate::error::EdgeError;
use crate::replay::write_json;

/// A spinner turns so often.
const TURN: Duration = Duration::from_millis(120);
/// Exit code of a proof that came to no end.
const ENGINE: u8 = 5;

/// What the process answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Proven(Proven),
    /// It has reported why.
    Failed(Fault),
}

/// Why there is no proof.
#[derive(Debug)]
enum Refused {
    /// The process has reported it.
    Reported { code: u8, fault: Fault },
    /// It did not come to an end.
    Broken(String),
}

/// What was proven.
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
    let proven = prove_here(args);
    let told = match &proven {
        Ok(proven) => Told::Proven(proven.clone()),
        Err(error) => Told::Failed(Fault::of(error)),
    };
    write_json(out, &told)?;
    proven.map(|_told| ())
}

fn prove_here(args: &ProveProcessArgs) -> Result<Proven, EdgeError> {
    let wanted = match &args.config {
        Some(config) => config::load(config)?.station.engine,
        None => EngineSpec::cpu(),
    };
    let bundle = Bundle::open(&args.bundle)?;
    let chosen = engines::choose(&bundle, &wanted, Gpu::Granted)?;
    Ok(Proven {
        engine: chosen.engine.name().to_owned(),
        why: chosen.why,
        stands_in_for: chosen.role.stands_in_for(),
        goldens: chosen.proof.goldens,
        worst_map_share: chosen.proof.worst.share,
        tolerance: chosen.proof.tolerance,
        worst_evidence_share: chosen.proof.evidence_share,
    })
}

/// Has an installed model proven, and writes that down. An earlier proof is taken back where the bundle is at fault: the files are
/// those that were proven then, and neither a process that took too long nor a GPU that is not there says anything of them.
///
/// # Errors
/// [`EdgeError::NotProven`] with the exit code of the process, [`EdgeError::ProofBroken`] where that has none;
/// [`EdgeError::NotProvenAnew`] where an earlier proof stays.
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
            place.models.change_when_free()?.prove(id, &proof)?;
            Ok(proven)
        }
        Err(refused) => {
            if refused.belies_a_proof() {
                place.models.change_when_free()?.disprove(id)?;
            }
            let known = place.models.find(id.as_str());
            let stays = known.is_ok_and(|known| known.is_proven());
            Err(refused.told(id, place.verify(id), stays))
        }
    }
}

impl Refused {
    /// Whether an earlier proof of the same files can't be right.
    fn belies_a_proof(&self) -> bool {
        matches!(
            self,
            Self::Reported {
                fault: Fault::Bundle,
                ..
            }
        )
    }

    /// The same as an end of the command.
    fn told(self, id: &ModelId, again: String, stays: bool) -> EdgeError {
        let model = id.to_string();
        match (self, stays) {
            (Self::Reported { code, fault }, false) => EdgeError::NotProven {
                model,
                code,
                // The same files come to the same again.
                again: (fault != Fault::Bundle).then_some(again),
            },
            (Self::Reported { code, .. }, true) => EdgeError::NotProvenAnew {
                model,
                why: format!("its report is above (exit code {code})"),
                code,
                again,
            },
            (Self::Broken(why), false) => EdgeError::ProofBroken { model, why, again },
            (Self::Broken(why), true) => EdgeError::NotProvenAnew {
                model,
                why,
                code: ENGINE,
                again,
            },
        }
    }
}

fn run(place: &StorePlace, id: &ModelId, limit: Duration) -> Result<Proven, Refused> {
    let program = std::env::current_exe()
        .map_err(|error| Refused::Broken(format!("finding this program: {error}")))?;
    let mut command = Command::new(program);
    let bundle = place.models.folder_of(id);
    command.arg("prove-process").arg("--bundle").arg(bundle);
    if let Some(station) = &place.station {
        command.arg("--config").arg(&station.config);
    }
    let answer = answer_of(&mut command, limit, "--limit-s")
        .map_err(|error| Refused::Broken(error.to_string()))?;
    let told: Result<Told, _> = serde_json::from_slice(&answer.text);
    match (answer.status.code(), told) {
        (Some(0), Ok(Told::Proven(proven))) => Ok(proven),
        (Some(0), Ok(Told::Failed(_))) => Err(Refused::Broken(
            "its process says that it has failed, and that all is well".to_owned(),
        )),
        (Some(0), Err(error)) => Err(Refused::Broken(format!(
            "its process answered nonsense: {error}"
        ))),
        (Some(code), told) => Err(Refused::Reported {
            code: u8::try_from(code).unwrap_or(1),
            // One that says nothing has not come to a proof.
            fault: match told {
                Ok(Told::Failed(fault)) => fault,
                Ok(Told::Proven(_)) | Err(_) => Fault::Machine,
            },
        }),
        (None, _) => Err(Refused::Broken(format!(
            "its process has died: {}",
            answer.status
        ))),
    }
}
