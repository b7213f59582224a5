//! The challenge part of a station: whoever lays it down says so before, and the station tells what
//! became of it.

use crossbeam_channel::Sender;
use twinspect_core::challenge::{Alarm, Shown};
use twinspect_core::gate::Outcome;
use twinspect_core::readiness::NotReady;

use super::LineProcess;
use crate::clock;
use crate::control::{ChallengeStatus, Reply};
use crate::run::challenge_memory::ChallengeMemory;
use crate::run::clerk::Errand;

impl LineProcess {
    /// The next part that comes is the challenge part; or why not.
    pub(super) fn mark_challenge(&mut self) -> Result<Reply, &'static str> {
        if self.station.obstacle() == Some(NotReady::Closing) {
            return Err("the station stops and takes no more parts");
        }
        let number = self.station.gate().counters().triggered + 1;
        if !self.challenge.mark(number) {
            return Err("a challenge part is awaited already, or has not left yet");
        }
        log::info!("part {number} is the challenge part");
        // Whatever becomes of it, a station that ends before that must not have forgotten.
        self.write_challenge(self.challenge_memory.map(ChallengeMemory::awaiting));
        let part = self.loaded.station.challenge.part.clone();
        Ok(Reply::ChallengeMarked { number, part })
    }

    /// A part has left.
    pub(super) fn challenged(&mut self, number: u64, outcome: Outcome, now_us: u64) {
        let shown = self.challenge.left(number, outcome, now_us);
        if let Some(shown) = shown {
            self.challenge_memory = self.challenge_memory.map(|memory| memory.after(shown));
            self.write_challenge(self.challenge_memory);
        }
        match shown {
            None => {}
            Some(Shown::Caught) => log::info!("challenge part {number} was caught"),
            Some(Shown::Missed) => log::error!(
                "challenge part {number} has PASSED: this station misses what it must reject; stop the line, and look \
                 at model and camera"
            ),
            Some(Shown::NoProof) => log::warn!(
                "challenge part {number} had no result, which proves nothing: show it again"
            ),
        }
    }

    /// Has it written down what a restart is to know, if anybody is to be reminded at all.
    pub(super) fn write_challenge(&self, memory: Option<ChallengeMemory>) {
        let Some(memory) = memory else { return };
        let errand = Errand::Challenge {
            memory,
            path: self.loaded.station.challenge.memory.clone(),
        };
        if !self.models.ask(errand) {
            log::warn!(
                "a restart will not know of the challenge part: the clerk has too much to do"
            );
        }
    }

    /// One line in the log for each change.
    pub(super) fn tell_challenge(&mut self) {
        let alarm = self.challenge.alarm(self.clock.now_us());
        if alarm == self.challenge_alarm {
            return;
        }
        self.challenge_alarm = alarm;
        match alarm {
            // It was told when the part left.
            Some(Alarm::Missed) | None => {}
            Some(Alarm::Overdue) => {
                let part = &self.loaded.station.challenge.part;
                log::warn!(
                    "no challenge part was caught in time{}{part}: `twinspect challenge`, then show it",
                    if part.is_empty() { "" } else { ", show " }
                );
            }
        }
    }

    /// When that can change by time alone.
    pub(super) fn challenge_due_us(&self) -> Option<u64> {
        let now_us = self.clock.now_us();
        let left_us = self.challenge.due_in_us(now_us)?;
        (left_us > 0).then(|| now_us.saturating_add(left_us))
    }

    pub(super) fn challenge_status(&self) -> ChallengeStatus {
        let now_us = self.clock.now_us();
        let challenge = &self.challenge;
        ChallengeStatus {
            part: self.loaded.station.challenge.part.clone(),
            alarm: challenge.alarm(now_us).map(|alarm| alarm.name().to_owned()),
            last: challenge.last().map(|shown| shown.name().to_owned()),
            awaited: challenge.awaited(),
            due_in_s: challenge
                .due_in_us(now_us)
                .map(|left_us| left_us as f64 / 1e6),
            due_unix_s: challenge
                .due_us()
                .map(|due_us| unix_s_at(due_us, now_us, clock::now_unix_ms())),
        }
    }

    /// Answers who has asked for it.
    pub(super) fn answer_challenge(&mut self, answer: &Sender<Reply>) {
        let told = self.mark_challenge().unwrap_or_else(Reply::refused);
        crate::run::service::reply(answer, told);
    }
}

/// A moment of the station's clock, by the wall clock.
fn unix_s_at(at_us: u64, now_us: u64, now_unix_ms: u64) -> u64 {
    let ahead_ms = at_us.saturating_sub(now_us) / 1_000;
    let ago_ms = now_us.saturating_sub(at_us) / 1_000;
    now_unix_ms
        .saturating_add(ahead_ms)
        .saturating_sub(ago_ms)
        .saturating_add(500)
        / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_station_are_moments_of_people() {
        let now_us = 10_000_000;
        for (at_us, unix_s) in [
            (now_us, 1_700_000_000),
            (now_us + 3_600_000_000, 1_700_003_600),
            (now_us - 2_000_000, 1_699_999_998),
            // To the nearest second.
            (now_us + 400_000, 1_700_000_000),
            (now_us + 600_000, 1_700_000_001),
            (0, 1_699_999_990),
        ] {
            assert_eq!(unix_s_at(at_us, now_us, 1_700_000_000_000), unix_s);
        }
        assert_eq!(unix_s_at(0, u64::MAX, 0), 0, "a board without a clock");
    }
}
