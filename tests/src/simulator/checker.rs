//! What must hold after every event.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use twinspect_core::gate::{Action, Outcome, OutputMode};
use twinspect_core::handshake::HandshakeWires;
use twinspect_core::station::{Inspector as Said, StationSpec};

use super::device::RECOVERY;
use super::inspector::HEARTBEAT_US;

/// Slack between a fault of the inspect process and the line process hearing of it.
const HEARD_WITHIN_US: u64 = 25_000;
/// What a clock that stepped back, and a tick that waits for it, may cost.
const CLOCK_SLACK_US: u64 = 5_000;
/// What a reload may add to a deadline, and a clock that stepped back.
const DEADLINE_SLACK_US: u64 = 15_000;
/// Answers that are remembered; far more than parts fit between sensor and rejector.
const ANSWERS_KEPT: usize = 64;

/// How an episode went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Simulated time.
    pub at_us: u64,
    /// Parts that had come to the rejector.
    pub part: usize,
    /// The law that was broken.
    pub law: &'static str,
    /// With the facts.
    pub detail: String,
}

/// How parts left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// As [`Outcome::Pass`].
    pub passed: u64,
    /// As [`Outcome::Fail`].
    pub failed: u64,
    /// As [`Outcome::NoResult`], by reason.
    pub no_result: BTreeMap<&'static str, u64>,
    /// Parts of the belt that the machine let through.
    pub let_through: u64,
}

#[derive(Debug)]
pub(super) struct Checker {
    mode: OutputMode,
    spec: StationSpec,
    pub(super) outcomes: Outcomes,
    pub(super) violation: Option<(&'static str, String)>,
    wire: bool,
    rose_us: u64,
    /// A PASS pulse has risen for this part, which has to leave as passed in the same breath.
    rose_for: Option<u64>,
    left: u64,
    late_in_a_row: u32,
    not_ready_until_us: u64,
    /// The last heartbeat that came told of a camera without pictures.
    is_blind: bool,
    /// The last heartbeat told of an engine that is too slow.
    is_slow: bool,
    /// First answers, as they were said in time.
    answers: VecDeque<(u64, Outcome)>,
    /// When parts were triggered, and which process was asked.
    tickets: VecDeque<(u64, u64, u64)>,
    /// A process makes way for another one.
    is_switching: bool,
    stalled_until_us: u64,
    pub(super) ready_at_us: u64,
    busy: bool,
    expects_answers: bool,
    awaited: Option<u64>,
    inspector_gone_us: Option<u64>,
    /// Since when the process that is up has had no pictures.
    blind_us: Option<u64>,
    /// Results that the machine has not been told.
    untold: VecDeque<Outcome>,
    wires: HandshakeWires,
}

impl Checker {
    pub(super) fn new(spec: StationSpec) -> Self {
        Self {
            mode: spec.gate.mode,
            spec,
            outcomes: Outcomes::default(),
            violation: None,
            wire: false,
            rose_us: 0,
            rose_for: None,
            left: 0,
            late_in_a_row: 0,
            not_ready_until_us: 0,
            is_blind: false,
            is_slow: false,
            answers: VecDeque::with_capacity(ANSWERS_KEPT),
            tickets: VecDeque::with_capacity(ANSWERS_KEPT),
            is_switching: false,
            stalled_until_us: 0,
            ready_at_us: 0,
            busy: false,
            expects_answers: true,
            awaited: None,
            inspector_gone_us: Some(0),
            blind_us: None,
            untold: VecDeque::new(),
            wires: HandshakeWires::default(),
        }
    }

    pub(super) fn violated(&mut self, law: &'static str, detail: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some((law, detail()));
        }
    }

    /// Whether the machine lets through what lies before the rejector now. It takes no PASS pulse
    /// for one that lasts longer than a pulse may.
    pub(super) fn lets_through(&self, now_us: u64) -> bool {
        match self.mode {
            OutputMode::PassPulse => {
                self.wire && now_us - self.rose_us <= self.spec.gate.pulse_us + CLOCK_SLACK_US
            }
            OutputMode::RejectPulse => !self.wire,
        }
    }

    /// An inspect process has said what a part is, and the line process has heard it.
    pub(super) fn answered(&mut self, number: u64, outcome: Outcome, generation: u64, now_us: u64) {
        let mut tickets = self.tickets.iter();
        let ticket = tickets.rfind(|(known, _, asked)| *known == number && *asked == generation);
        if ticket.is_none_or(|(_, triggered_us, _)| {
            now_us > triggered_us + self.spec.gate.deadline_us + DEADLINE_SLACK_US
        }) {
            return;
        }
        if self.answers.len() == ANSWERS_KEPT {
            self.answers.pop_front();
        }
        if !self.answers.iter().any(|(known, _)| *known == number) {
            self.answers.push_back((number, outcome));
        }
    }

    pub(super) fn stalled(&mut self, until_us: u64) {
        self.stalled_until_us = until_us;
    }

    pub(super) fn inspector(&mut self, is_up: bool, now_us: u64) {
        self.inspector_gone_us = match (is_up, self.inspector_gone_us) {
            (true, _) => None,
            (false, gone) => gone.or(Some(now_us)),
        };
    }

    pub(super) fn camera(&mut self, is_blind: bool, now_us: u64) {
        self.blind_us = is_blind.then(|| self.blind_us.unwrap_or(now_us));
    }

    pub(super) fn action(&mut self, action: Action, now_us: u64) {
        match action {
            Action::Drive {
                level,
                number,
                due_us,
            } => self.drive(level, number, due_us, now_us),
            Action::Leave {
                number, outcome, ..
            } => self.leave(number, outcome, now_us),
        }
    }

    fn drive(&mut self, level: bool, number: u64, due_us: u64, now_us: u64) {
        if level == self.wire {
            self.violated("wire alternates", || {
                format!("{level} again for part {number}")
            });
        }
        self.wire = level;
        if due_us > now_us {
            self.violated("never early", || format!("edge of {due_us} us"));
        }
        if level {
            self.rose_us = now_us;
            self.rose_for = (self.mode == OutputMode::PassPulse).then_some(number);
        } else if self.mode == OutputMode::PassPulse
            && now_us > self.stalled_until_us
            && now_us - self.rose_us > self.spec.gate.pulse_us + CLOCK_SLACK_US
        {
            let width_us = now_us - self.rose_us;
            self.violated("pulse is short", || format!("{width_us} us"));
        }
    }

    fn leave(&mut self, number: u64, outcome: Outcome, now_us: u64) {
        if number != self.left + 1 {
            let expected = self.left + 1;
            self.violated("each part once, in order", || {
                format!("part {number} leaves, expected {expected}")
            });
        }
        self.left = number;
        if let Some(rose_for) = self.rose_for.take()
            && (rose_for, Outcome::Pass) != (number, outcome)
        {
            self.violated("the gate opens for passed parts alone", || {
                format!("opened for {rose_for}, then {number} leaves as {outcome:?}")
            });
        }
        if outcome == Outcome::Pass {
            let answer = self.answers.iter().find(|(known, _)| *known == number);
            if answer.is_none_or(|(_, said)| *said != Outcome::Pass) {
                let answer = answer.copied();
                self.violated("passes only what was answered with PASS in time", || {
                    format!("part {number}, answer {answer:?}")
                });
            }
        }
        self.count(outcome);
        self.late_in_a_row = match outcome {
            Outcome::Pass | Outcome::Fail => 0,
            Outcome::NoResult(reason) if reason.name() == "late" => self.late_in_a_row + 1,
            Outcome::NoResult(_) => self.late_in_a_row,
        };
        if self.late_in_a_row >= self.spec.readiness.late_max {
            self.late_in_a_row = 0;
            self.not_ready_until_us = now_us + self.spec.readiness.hold_us;
        }
        if self.spec.handshake.is_some() {
            self.untold.push_back(outcome);
        }
    }

    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Pass => self.outcomes.passed += 1,
            Outcome::Fail => self.outcomes.failed += 1,
            Outcome::NoResult(reason) => {
                *self.outcomes.no_result.entry(reason.name()).or_default() += 1;
            }
        }
    }

    pub(super) fn ready(&mut self, level: bool, now_us: u64) {
        self.ready_at_us = now_us;
        if !level {
            return;
        }
        if self.is_switching {
            self.violated(
                "READY is low while a process makes way for another one",
                String::new,
            );
        }
        let silence_us = self.spec.readiness.silence_max_us + HEARD_WITHIN_US;
        if let Some(gone_us) = self.inspector_gone_us
            && now_us > gone_us.max(self.stalled_until_us) + silence_us
        {
            self.violated("READY only while the inspect side moves on", || {
                format!("gone since {gone_us} us")
            });
        }
        let silence_us = silence_us + RECOVERY.stall_max_us + HEARTBEAT_US;
        if let Some(blind_us) = self.blind_us
            && now_us > blind_us.max(self.stalled_until_us) + silence_us
        {
            self.violated("READY only while there are pictures", || {
                format!("none since {blind_us} us")
            });
        }
        if self.is_blind {
            self.violated("READY only while the camera gives pictures", || {
                "the last heartbeat told of none".to_owned()
            });
        }
        if self.is_slow {
            self.violated("READY only while the engine is fast enough", String::new);
        }
        // The station's clock may be behind.
        if now_us + CLOCK_SLACK_US < self.not_ready_until_us {
            self.violated("late results drop READY", || {
                "READY in spite of them".to_owned()
            });
        }
    }

    /// The inspect process has said something to the station.
    pub(super) fn heard(&mut self, what: Said) {
        match what {
            Said::Blind => self.is_blind = true,
            Said::Slow => (self.is_blind, self.is_slow) = (false, true),
            Said::Ready | Said::Advanced => (self.is_blind, self.is_slow) = (false, false),

            Said::Verdict { .. }
            | Said::Proven
            | Said::CameraFailed
            | Said::MachineFailed
            | Said::Closed
            | Said::Ended => {}
        }
    }

    /// A process makes way for another one, or that has come to its end.
    pub(super) fn switches(&mut self, is_switching: bool) {
        self.is_switching = is_switching;
    }

    pub(super) fn busy(&mut self, level: bool) {
        self.busy = level;
    }

    /// Whether tickets that are handed out in this tick are still open at its end.
    pub(super) fn expects_answers(&mut self, expects: bool) {
        self.expects_answers = expects;
        if !expects {
            self.awaited = None;
        }
    }

    /// A ticket was handed out.
    pub(super) fn inspects(&mut self, number: u64, triggered_us: u64, generation: u64) {
        if self.tickets.len() == ANSWERS_KEPT {
            self.tickets.pop_front();
        }
        self.tickets.push_back((number, triggered_us, generation));
        self.awaited = self.expects_answers.then_some(number);
    }

    /// At the end of a tick.
    pub(super) fn settled(&mut self) {
        if let Some(number) = self.awaited.take()
            && !self.busy
        {
            self.violated("BUSY while an answer is awaited", || {
                format!("part {number}")
            });
        }
        if let Some(number) = self.rose_for.take() {
            self.violated("the gate opens for passed parts alone", || {
                format!("opened for {number}, which did not leave")
            });
        }
    }

    /// The handshake's wires; whether the machine has something to acknowledge.
    pub(super) fn handshake(&mut self, wires: HandshakeWires) -> bool {
        let before = std::mem::replace(&mut self.wires, wires);
        // NG and ERROR that fall without RESULT VALID were no result, but the sign of a fault.
        if wires == HandshakeWires::default() && before.ng && before.error && !before.result_valid {
            self.untold.clear();
        }
        let is_new = wires.result_valid && !before.result_valid;
        if is_new {
            let told = self.untold.pop_front();
            let expected = told.map(|outcome| HandshakeWires {
                result_valid: true,
                ok: outcome == Outcome::Pass,
                ng: outcome != Outcome::Pass,
                error: matches!(outcome, Outcome::NoResult(_)),
            });
            if expected != Some(wires) {
                self.violated("results are told in order", || {
                    format!("{wires:?} for {told:?}")
                });
            }
        }
        is_new
    }
}
