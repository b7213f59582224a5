//! The process that proves an installed model, beside a station that may run.
//!
//! A network that nobody has run here yet may need much memory, hang, or bring a vendor's library down. It does so
//! in a process that gives way to all others, ends with the one that has started it, and is ended when it takes too long. Where it dies of
//! the GPU, another one does without, if something may stand in.

use std::io::Write;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use twinspect_store::models::{ModelId, Proof};

use super::place::StorePlace;
use crate::answer::answer_of;
use crate::background;
use crate::cli::{ProofArgs, ProveProcessArgs};
use crate::clock;
use crate::config::{self, EngineSpec, Fallback};
use crate::engines::{self, Faster, Fault, GPU_LIBRARIES, Gpu};
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
    /// It has ended, and not by itself.
    Died {
        how: String,
        /// It was to use the GPU, in whose place nothing may stand.
        of_gpu: bool,
    },
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
    let bundle = super::open(&args.bundle)?;
    let gpu = match args.without_gpu {
        true => Gpu::Crashed,
        false => Gpu::Granted,
    };
    let chosen = engines::choose(&bundle, &wanted, gpu)?;
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
            (Self::Broken(why), false) => EdgeError::ProofBroken {
                model,
                why,
                of_gpu: false,
                again,
            },
            (Self::Died { how, of_gpu }, false) => EdgeError::ProofBroken {
                model,
                why: blamed(how, of_gpu),
                of_gpu,
                again,
            },
            (Self::Broken(why), true) => EdgeError::NotProvenAnew {
                model,
                why,
                code: ENGINE,
                again,
            },
            (Self::Died { how, of_gpu }, true) => EdgeError::NotProvenAnew {
                model,
                why: blamed(how, of_gpu),
                code: ENGINE,
                again,
            },
        }
    }
}

/// How a process has died, and of what.
fn blamed(how: String, of_gpu: bool) -> String {
    match of_gpu {
        true => format!("{how}, most likely of a library of the GPU ({GPU_LIBRARIES})"),
        false => how,
    }
}

/// Has it proven on the engine that the station would come to: as a station gives up a GPU of which its processes die, so does this.
fn run(place: &StorePlace, id: &ModelId, limit: Duration) -> Result<Proven, Refused> {
    let engine = place.station.as_ref().map(|station| &station.engine);
    match (run_once(place, id, limit, Gpu::Granted), engine) {
        (Err(Refused::Died { how, .. }), Some(engine)) if engines::loads_gpu(engine) => {
            if engine.fallback == Fallback::Stop {
                return Err(Refused::Died { how, of_gpu: true });
            }
            log::warn!(
                "{id} is proven without the GPU: {how}, most likely of one of its libraries ({GPU_LIBRARIES}); with \
                 engine.kind = \"cpu\" none is loaded"
            );
            run_once(place, id, limit, Gpu::Crashed)
        }
        (answer, _) => answer,
    }
}

fn run_once(
    place: &StorePlace,
    id: &ModelId,
    limit: Duration,
    gpu: Gpu,
) -> Result<Proven, Refused> {
    let program = std::env::current_exe()
        .map_err(|error| Refused::Broken(format!("finding this program: {error}")))?;
    let mut command = Command::new(program);
    let bundle = place.models.folder_of(id);
    command.arg("prove-process").arg("--bundle").arg(bundle);
    if let Some(station) = &place.station {
        command.arg("--config").arg(&station.config);
    }
    if gpu == Gpu::Crashed {
        command.arg("--without-gpu");
    }
    let answer = answer_of(&mut command, limit, "--limit-s")
        .map_err(|error| Refused::Broken(error.to_string()))?;
    outcome(answer.status, &answer.text)
}

/// What a process has come to that has ended.
fn outcome(status: ExitStatus, text: &[u8]) -> Result<Proven, Refused> {
    let died = |how: String| Refused::Died { how, of_gpu: false };
    let Some(code) = status.code() else {
        return Err(died(format!("its process has died: {status}")));
    };
    if text.is_empty() {
        // It answers whatever it comes to, so that a library, or a panic, has ended it.
        let how = format!("its process has ended without an answer (exit code {code})");
        return Err(died(how));
    }
    let told: Result<Told, _> = serde_json::from_slice(text);
    match (code, told) {
        (0, Ok(Told::Proven(proven))) => Ok(proven),
        (0, Ok(Told::Failed(_))) => Err(Refused::Broken(
            "its process says that it has failed, and that all is well".to_owned(),
        )),
        (0, Err(error)) => Err(Refused::Broken(format!(
            "its process answered nonsense: {error}"
        ))),
        (code, told) => Err(Refused::Reported {
            code: u8::try_from(code).unwrap_or(1),
            // One that says nothing has not come to a proof.
            fault: match told {
                Ok(Told::Failed(fault)) => fault,
                Ok(Told::Proven(_)) | Err(_) => Fault::Machine,
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    /// Of a process that has ended as `wait` tells it: an exit code in the second byte, a signal in the first.
    fn refused(status: i32, text: &str) -> Refused {
        outcome(ExitStatus::from_raw(status), text.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_process_that_ends_without_an_answer_has_not_ended_by_itself() {
        for (status, words) in [
            (0, "ended without an answer (exit code 0)"),
            (3 << 8, "ended without an answer (exit code 3)"),
            (11, "its process has died: signal: 11"),
        ] {
            let Refused::Died { how, of_gpu: false } = refused(status, "") else {
                panic!("{status}");
            };
            assert!(how.contains(words), "{how}");
        }
    }

    #[test]
    fn a_process_that_answers_is_believed_as_far_as_its_end_agrees() {
        let failed = r#"{"failed":"machine"}"#;
        let reported = refused(5 << 8, failed);
        assert!(
            matches!(
                reported,
                Refused::Reported {
                    code: 5,
                    fault: Fault::Machine
                }
            ),
            "{reported:?}"
        );
        assert!(matches!(refused(0, failed), Refused::Broken(_)));
        assert!(matches!(refused(0, "{"), Refused::Broken(why) if why.contains("nonsense")));
    }
}
