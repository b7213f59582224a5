//! Test parts by hand: judged, told to who has asked, and known to nobody else. Neither the gate nor
//! the wires hear of them.

use crossbeam_channel::Sender;
use twinspect_core::readiness::NotReady;

use super::LineProcess;
use crate::control::{JudgedPart, Reply};
use crate::run::messages::{Errand, TicketMessage, VerdictMessage};
use crate::run::service::reply;

/// For so long a test part is waited for; the camera or the engine may have to be brought back.
const TRIAL_MAX_US: u64 = 10_000_000;

/// Test parts of a station.
#[derive(Debug, Default)]
pub(super) struct Trials {
    asked: u64,
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    number: u64,
    until_us: u64,
    answer: Sender<Reply>,
}

impl Trials {
    /// Pictures that they have taken out of a recording.
    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    /// Whether somebody waits for one.
    pub(super) fn is_awaited(&self) -> bool {
        self.pending.is_some()
    }

    /// The inspect process has told of one; whether it is the one that is waited for.
    fn judged(&mut self, told: VerdictMessage) -> bool {
        let Some(pending) = self.pending.take_if(|one| one.number == told.number) else {
            return false;
        };
        let judged = JudgedPart {
            part: told.part,
            verdict: told.verdict,
            took_ms: told.took_us.map(|took_us| took_us as f64 / 1e3),
        };
        reply(&pending.answer, Reply::Judged(Box::new(judged)));
        true
    }

    /// Nobody will tell of the one that is waited for.
    pub(super) fn lost(&mut self) {
        if let Some(pending) = self.pending.take() {
            let reason = "the inspect process has ended before it had judged the test part: ask again \
                          when `twinspect status` says ready";
            reply(&pending.answer, Reply::refused(reason));
        }
    }
}

impl LineProcess {
    /// Has what lies before the camera judged for who asks; or why not.
    pub(super) fn try_part(&mut self, answer: &Sender<Reply>) -> Result<(), &'static str> {
        let now_us = self.clock.now_us();
        if self.station.obstacle() == Some(NotReady::Closing) {
            return Err("the station stops and takes no more parts");
        }
        if self.station.trigger().watches() {
            return Err(
                "the camera of this station sees each part that comes, and counts it: put one on the belt",
            );
        }
        if !self.station.supervisor().is_up() {
            return Err("nothing can be judged now: `twinspect status` says why");
        }
        if self.station.unchosen().is_some() {
            return Err(
                "the model in charge is not that of the selected recipe: `twinspect recipe list` says more",
            );
        }
        if self.station.gate().parts_under_way() > 0 {
            return Err(
                "parts are under way, and a test part would keep them waiting: stop the infeed",
            );
        }
        if !self
            .machine
            .has_parts(self.station.trigger().counters().parts)
        {
            return Err("the recording has ended: there is no part left");
        }
        let pending = self.trials.pending.as_ref();
        if pending.is_some_and(|pending| now_us < pending.until_us) {
            return Err("another test part is being judged");
        }
        let number = self.trials.asked + 1;
        let until_us = now_us + TRIAL_MAX_US;
        let camera_delay_us = self.loaded.station.camera_delay.as_micros() as u64;
        let ticket = TicketMessage {
            errand: Errand::Trial(number),
            // It lies before the camera already, as one does that has gone the way from the sensor.
            triggered_us: now_us.saturating_sub(camera_delay_us),
            decide_by_us: until_us,
        };
        let inspector = self.inspector.as_mut();
        if !inspector.is_some_and(|inspector| inspector.send(ticket)) {
            return Err("the inspect process takes no tickets now: ask again");
        }
        self.trials.asked = number;
        self.trials.pending = Some(Pending {
            number,
            until_us,
            answer: answer.clone(),
        });
        Ok(())
    }

    /// The inspect process has told of a test part. After the last recorded one the station ends, and not before.
    pub(super) fn tried(&mut self, told: VerdictMessage) {
        if self.trials.judged(told) && self.service.camera_has_an_end() {
            self.machine.take_recorded();
        }
    }
}
