//! What people are told of a station's models: which one is in charge, each step of one that is to take over, and what
//! became of it. It goes to the log, to who has asked for it, and into the status.

use twinspect_core::changeover::{Model, Progress, Refusal, RollBack, Settlement};

use super::{Failure, Models};
use crate::control::{ActivationStatus, ModelsStatus, Reply, UnderWay};
use crate::run::line_process::LineProcess;
use crate::run::service::reply;

impl Models {
    /// What `status` says.
    pub(in crate::run::line_process) fn status(
        &self,
        station: &twinspect_core::station::Station,
        now_us: u64,
    ) -> ModelsStatus {
        let changeover = station.changeover();
        let standing = changeover.standing();
        ModelsStatus {
            active: self.name(standing.active),
            active_for_s: now_us.saturating_sub(self.since_us) as f64 / 1e6,
            previous: standing.previous.map(|model| self.name(model)),
            under_way: self.under_way(changeover.progress()),
            trial_parts_left: changeover.trial_parts_left(),
            last: self.last.clone(),
        }
    }

    fn under_way(&self, progress: Progress) -> Option<UnderWay> {
        let (model, step) = match progress {
            Progress::Settled => return None,
            Progress::Proving(model) => (model, "proving"),
            Progress::Waiting(model) => (model, "waiting"),
            Progress::Switching(model) => (model, "switching"),
            Progress::Recording(model) => (model, "recording"),
        };
        Some(UnderWay {
            model: self.name(model),
            step: step.to_owned(),
        })
    }
}

impl LineProcess {
    /// One line in the log for each step.
    pub(in crate::run::line_process) fn tell_progress(&mut self) {
        let progress = self.station.changeover().progress();
        if progress == self.models.progress {
            return;
        }
        self.models.progress = progress;
        let under_way = self.models.under_way(progress);
        if let Some(UnderWay { model, .. }) = &under_way {
            match progress {
                Progress::Proving(_) => {
                    log::info!("model {model} is being proven beside the active one")
                }
                Progress::Waiting(_) => {
                    log::info!("model {model} is proven, and waits until no part awaits an answer");
                }
                Progress::Switching(_) => {
                    log::info!("model {model} takes over: parts that come now are rejected");
                }
                Progress::Recording(_) => log::info!("model {model} judges, and is being recorded"),
                Progress::Settled => {}
            }
        }
        self.service.under_way(under_way);
    }

    /// A wish has come to its end.
    pub(in crate::run::line_process) fn settled(&mut self, settlement: Settlement) {
        let failure = self.models.failure.take();
        let (model, told, text) = match settlement {
            Settlement::Activated {
                model,
                proof_us,
                switch_us,
            } => {
                let (proof_ms, switch_ms) = (proof_us as f64 / 1e3, switch_us as f64 / 1e3);
                let from_reserve = self.reserve.was_engaged(model);
                self.recipes
                    .exchanged(model, proof_ms, switch_ms, from_reserve);
                let name = self.models.name(model);
                let text = format!("proven in {proof_ms:.0} ms, switched within {switch_ms:.0} ms");
                log::info!("model {name} is active: {text}");
                let told = Reply::Activated {
                    model: name,
                    proof_ms,
                    switch_ms,
                };
                (model, told, text)
            }
            Settlement::Refused {
                model,
                why: Refusal::Withdrawn,
            } => {
                // It has lost nothing by that, and whoever wants another one is told of that one.
                let name = self.models.name(model);
                log::info!(
                    "model {name} is not wanted any more: {}",
                    words(Refusal::Withdrawn)
                );
                if let Some(answer) = self.models.asked.take() {
                    let why = words(Refusal::Withdrawn);
                    let reason = format!("{name} does not go live: {why}");
                    reply(&answer, self.refusal(reason, None));
                }
                return;
            }
            Settlement::Refused { model, why } => {
                let (failure, told) = Failure::split(failure);
                let text = format!("{}{failure}", words(why));
                let name = self.models.name(model);
                let active = self
                    .models
                    .name(self.station.changeover().standing().active);
                log::error!("model {name} does not go live, {active} stays: {text}");
                let reason = format!("{name} does not go live, {active} stays: {text}");
                (model, self.refusal(reason, exit_code(why, told)), text)
            }
        };
        self.models.last = Some(ActivationStatus {
            model: self.models.name(model),
            activated: matches!(told, Reply::Activated { .. }),
            text,
        });
        if matches!(told, Reply::Activated { .. }) {
            self.models.since_us = self.clock.now_us();
            self.service.given_up(None);
        }
        if let Some(answer) = self.models.asked.take() {
            reply(&answer, told);
        }
    }

    /// The model before has come back by itself.
    pub(in crate::run::line_process) fn rolled_back(
        &mut self,
        from: Model,
        to: Model,
        why: RollBack,
    ) {
        let (failure, _) = Failure::split(self.models.failure.take());
        let why = match why {
            RollBack::Misses => "too many of its first parts could not be inspected",
            RollBack::Ends => "its process ended again and again",
            RollBack::Starts => "it could not be proven at three starts in a row",
        };
        let (from, to) = (self.models.name(from), self.models.name(to));
        let text = format!("{why}{failure}");
        self.models.since_us = self.clock.now_us();
        log::error!("model {from} was given up, {to} comes back: {text}");
        self.service.given_up(Some(format!(
            "model {from} was given up, {to} is back: {text}"
        )));
        self.models.last = Some(ActivationStatus {
            model: from,
            activated: false,
            text: format!("given up: {text}"),
        });
    }
}

impl Failure {
    /// What is said behind the words for people, and the exit code of a process that has told one.
    fn split(failure: Option<Self>) -> (String, Option<u8>) {
        failure.map_or((String::new(), None), |failure| {
            (format!(": {}", failure.why), failure.exit_code)
        })
    }
}

/// What the command ends with that has asked for the model, of which the process that should have taken over may have
/// `told` one; none where nothing is at fault but the moment.
fn exit_code(why: Refusal, told: Option<u8>) -> Option<u8> {
    const ENGINE: u8 = 5;
    const CAMERA: u8 = 6;
    const STORAGE: u8 = 8;
    match why {
        // One that says nothing has crashed or was killed.
        Refusal::NotProven | Refusal::CandidateLost | Refusal::OnTrial => {
            Some(told.unwrap_or(ENGINE))
        }
        Refusal::ProofTooLong => Some(ENGINE),
        // It was proven, and the camera is all that it had to open.
        Refusal::NotOpened => Some(told.unwrap_or(CAMERA)),
        Refusal::NotReleased | Refusal::OpenTooLong => Some(CAMERA),
        Refusal::NotRecorded => Some(STORAGE),
        Refusal::NoMoment | Refusal::Withdrawn | Refusal::Closing => None,
    }
}

/// For people.
fn words(why: Refusal) -> &'static str {
    match why {
        Refusal::NotProven => "its process has ended before the model was proven",
        Refusal::ProofTooLong => {
            "the model was not proven within inspector.start_max_ms, and its process was killed"
        }
        Refusal::CandidateLost => "its process has ended while it waited for its moment",
        Refusal::NoMoment => {
            "within models.moment_max_ms there was no moment in which no part awaited an answer: make a gap in the \
             infeed, and ask again"
        }
        Refusal::NotReleased => {
            "the process that judged has not ended within models.switch_max_ms, and may still have the camera"
        }
        Refusal::NotOpened => "its process has ended before it was ready",
        Refusal::OpenTooLong => {
            "its process was not ready within models.switch_max_ms, and was killed"
        }
        Refusal::NotRecorded => "it could not be written down that it is active; the log says why",
        Refusal::OnTrial => {
            "its first parts could not be inspected, or the model before it came back by itself"
        }
        Refusal::Withdrawn => "another recipe was selected before it could take over",
        Refusal::Closing => "the station stops",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_ends_its_command_by_what_is_at_fault() {
        for (why, told, expected) in [
            (Refusal::NotProven, Some(4), Some(4)),
            (Refusal::NotProven, None, Some(5)),
            (Refusal::ProofTooLong, None, Some(5)),
            (Refusal::NotOpened, None, Some(6)),
            (Refusal::NotOpened, Some(4), Some(4)),
            (Refusal::OpenTooLong, Some(4), Some(6)),
            (Refusal::NotRecorded, None, Some(8)),
            (Refusal::NoMoment, Some(4), None),
        ] {
            assert_eq!(exit_code(why, told), expected, "{why:?}, {told:?}");
        }
    }
}
