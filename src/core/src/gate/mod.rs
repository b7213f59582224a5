//! The gate: every triggered part leaves it once, in order, with exactly one outcome.
//!
//! A trigger hands out a [`Ticket`]. Until the ticket's deadline somebody may say what the part
//! is; a delay after the trigger, in microseconds or in counts of the belt's encoder, the part
//! lies before the rejector and leaves. Whatever was not said in time rejects: silence, a late
//! answer, a lost inspector, a part too many, and a part of which nobody is sure where it lies are
//! all [`Outcome::NoResult`].
//!
//! Moments come from the caller, who reads one monotonic clock and the encoder; the gate never
//! waits, never allocates and never touches a wire. [`Gate::tick`] returns what is to be done.
//!
//! ```
//! use twinspect_core::gate::{Action, Gate, GateSpec, Outcome, OutputMode, Way};
//!
//! let way = Way::Time { delay_us: 400_000, merge_us: 0 };
//! let spec = GateSpec { way, deadline_us: 350_000, pulse_us: 30_000, mode: OutputMode::PassPulse };
//! let mut gate: Gate = Gate::new(spec)?;
//! let number = gate.trigger(0).number();
//! gate.verdict(number, Outcome::Pass, 60_000);
//! let actions: Vec<Action> = gate.tick(400_000).collect();
//! assert!(matches!(actions[0], Action::Drive { level: true, .. }));
//! assert!(matches!(actions[1], Action::Leave { outcome: Outcome::Pass, .. }));
//! # Ok::<(), twinspect_core::gate::GateError>(())
//! ```

mod queue;
mod reload;
mod spec;
mod terms;
#[cfg(test)]
mod tests;

pub use spec::{GateError, GateSpec, OutputMode, Way};
pub use terms::{Action, Admission, Counters, Heard, Outcome, Ticket};

use crate::belt::{Axis, Moment};
use crate::verdict::Reason;
use queue::{Queue, Waiting};

/// Parts that a gate follows one by one unless its type says otherwise.
pub const PARTS_MAX: usize = 64;

/// A pulse that is being given.
#[derive(Debug, Clone, Copy)]
struct Pulse {
    number: u64,
    /// Where it ends.
    end: u64,
    /// When it ends at the latest.
    until_us: u64,
}

/// The state machine; follows at most `N - 1` parts one by one, further ones as overrun.
#[derive(Debug)]
pub struct Gate<const N: usize = PARTS_MAX> {
    spec: GateSpec,
    queue: Queue<N>,
    pulse: Option<Pulse>,
    /// The second of two actions that belong to one moment.
    next: Option<Action>,
    /// Up to this place lie parts of a longer way, from before a reload.
    longer_until: Option<u64>,
    counters: Counters,
    /// Latest time that was heard of: a clock that is read by two threads may seem to step back.
    now_us: u64,
    /// Furthest place on the gate's axis that was heard of.
    here: u64,
}

impl<const N: usize> Gate<N> {
    /// An empty gate with its output low.
    ///
    /// # Errors
    /// The first of [`GateSpec::problems`].
    pub fn new(spec: GateSpec) -> Result<Self, GateError> {
        if let Some(problem) = spec.problems().next() {
            return Err(problem);
        }
        Ok(Self {
            spec,
            queue: Queue::new(),
            pulse: None,
            next: None,
            longer_until: None,
            counters: Counters::default(),
            now_us: 0,
            here: 0,
        })
    }

    /// A part has crossed the sensor; triggers come in the order of their moments.
    ///
    /// The moment may lie in the past: the kernel stamps edges, and somebody reads them later.
    pub fn trigger(&mut self, moment: impl Into<Moment>) -> Admission {
        let moment = moment.into();
        self.now_us = self.now_us.max(moment.at_us);
        self.counters.triggered += 1;
        let ticket = Ticket {
            number: self.counters.triggered,
            triggered_us: moment.at_us,
            decide_by_us: moment.at_us.saturating_add(self.spec.deadline_us),
        };
        let due = self.due(moment);
        let contradiction = self.contradicts(due, due);
        let has_place = self.queue.push(ticket, contradiction.unwrap_or(due));
        if contradiction.is_some()
            && let Some(Waiting::Part(part)) = self.queue.back()
        {
            part.spoil(due);
        }
        if has_place {
            Admission::Inspect(ticket)
        } else {
            Admission::Overrun {
                number: ticket.number,
            }
        }
    }

    /// Something follows the last part so closely that neither may pass.
    pub fn spoil_last(&mut self, through: Moment) {
        let last_due = self.due(through);
        match self.queue.back() {
            Some(Waiting::Part(part)) => part.spoil(last_due),
            Some(Waiting::Stretch(stretch)) => stretch.extend(last_due),
            // The part has left, and its pulse ends where the other one begins.
            None => self.queue.block(last_due, last_due),
        }
    }

    /// Something unseen may lie on this stretch of belt: nothing passes there.
    pub fn block(&mut self, from: Moment, to: Moment) {
        let (due, last_due) = (self.due(from), self.due(to));
        let window = self.spec.window();
        self.contradicts(due, last_due);
        if let Some(Waiting::Part(part)) = self.queue.back()
            && due < part.due.saturating_add(window)
        {
            part.spoil(due);
        }
        self.queue.block(due, last_due);
    }

    /// Somebody says what a part is.
    pub fn verdict(&mut self, number: u64, outcome: Outcome, now_us: u64) -> Heard {
        let now_us = self.advance(now_us);
        let heard = if number == 0 || number > self.counters.triggered {
            Heard::Unknown
        } else {
            match self.queue.find(number) {
                Some(part) if part.is_spoiled() => Heard::Settled,
                Some(part) if part.decision.is_some() => Heard::Duplicate,
                Some(part) if now_us < part.ticket.decide_by_us => {
                    part.decision = Some(outcome);
                    Heard::InTime
                }
                _ => Heard::Late,
            }
        };
        match heard {
            Heard::InTime | Heard::Settled => {}
            Heard::Late => self.counters.late_results += 1,
            Heard::Duplicate => self.counters.duplicate_results += 1,
            Heard::Unknown => self.counters.unknown_results += 1,
        }
        heard
    }

    /// Nobody will answer for the parts under way: those without an answer leave as `reason`.
    pub fn abandon(&mut self, reason: Reason, now_us: u64) {
        let now_us = self.advance(now_us);
        for part in self.queue.parts() {
            if part.decision.is_none() && now_us < part.ticket.decide_by_us {
                part.decision = Some(Outcome::NoResult(reason));
            }
        }
    }

    /// Nobody knows any more where the parts under way are: none of them passes.
    ///
    /// A reject pulse starts at once and lasts until all of them must have gone by.
    pub fn lose_places(&mut self) {
        for part in self.queue.parts() {
            part.spoil(0);
        }
        match self.spec.mode {
            OutputMode::RejectPulse => self.queue.widen_front(self.here),
            OutputMode::PassPulse => self.cut_pulse(),
        }
    }

    /// Nobody has seen what lies between sensor and rejector now: none of it passes.
    pub fn distrust_way(&mut self) {
        let end = self.here.saturating_add(self.spec.delay());
        self.queue.block(self.here, end);
    }

    /// Nobody waits for the parts under way any more: all of them leave at the next tick, none as a
    /// PASS. A reject pulse goes on, for what has left may still lie before the rejector.
    pub fn give_up(&mut self, reason: Reason) {
        self.queue.give_up(reason, self.here);
        if self.spec.mode == OutputMode::PassPulse {
            self.cut_pulse();
        }
    }

    /// What is to be done by now, in order. What the caller does not take is returned next time.
    ///
    /// A late tick shortens a pulse and never shifts it: a shifted pulse would hit the neighbour.
    /// A PASS pulse that was missed altogether turns its part into [`Reason::Late`].
    pub fn tick(&mut self, now: impl Into<Moment>) -> impl Iterator<Item = Action> + '_ {
        let now = now.into();
        self.advance(now.at_us);
        let here = match self.spec.axis() {
            Axis::Time => self.now_us,
            Axis::Belt => Axis::Belt.furthest(now),
        };
        self.here = self.here.max(here);
        std::iter::from_fn(|| self.act())
    }

    /// When the gate has to be ticked next, if nothing else happens. With an encoder it has to be
    /// ticked at each count too.
    pub fn next_tick_us(&self) -> Option<u64> {
        if self.next.is_some() {
            return Some(self.now_us);
        }
        let Axis::Time = self.spec.axis() else {
            return self.pulse.map(|pulse| pulse.until_us);
        };
        let leaving = self.queue.front().map(Waiting::due);
        let pulse_end = self.pulse.map(|pulse| pulse.end);
        match (leaving, pulse_end) {
            (Some(leaving), Some(pulse_end)) => Some(leaving.min(pulse_end)),
            (leaving, pulse_end) => leaving.or(pulse_end),
        }
    }

    /// Whether nothing is under way and no pulse is being given.
    pub fn is_idle(&self) -> bool {
        self.queue.front().is_none() && self.pulse.is_none() && self.next.is_none()
    }

    /// Whether a pulse is being given.
    pub fn is_pulsing(&self) -> bool {
        self.pulse.is_some()
    }

    /// Whether somebody may still say what a part under way is.
    pub fn is_busy(&self, now_us: u64) -> bool {
        self.queue.awaits_answer(now_us)
    }

    /// Parts that have not left.
    pub fn parts_under_way(&self) -> u64 {
        let counters = &self.counters;
        counters.triggered - counters.passed - counters.failed - counters.no_result
    }

    /// Counts so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A pulse that is being given ends at the next tick.
    fn cut_pulse(&mut self) {
        self.pulse = self.pulse.map(|pulse| Pulse {
            until_us: self.now_us,
            ..pulse
        });
    }

    fn advance(&mut self, now_us: u64) -> u64 {
        self.now_us = self.now_us.max(now_us);
        self.now_us
    }

    /// Where this lies before the rejector.
    fn due(&self, moment: Moment) -> u64 {
        let here = self.spec.axis().here(moment);
        here.saturating_add(self.spec.delay())
    }

    /// A place as a time: its own, or that of the tick.
    fn at_us(&self, place: u64) -> u64 {
        match self.spec.axis() {
            Axis::Time => place,
            Axis::Belt => self.now_us,
        }
    }

    fn edge(&self, level: bool, number: u64, place: u64) -> Action {
        Action::Drive {
            level,
            number,
            due_us: self.at_us(place),
        }
    }

    fn act(&mut self) -> Option<Action> {
        if let Some(action) = self.next.take() {
            return Some(action);
        }
        let due = self.queue.front().map(Waiting::due);
        if let Some(pulse) = self.pulse
            && let Some(place) = self.end_of(pulse, due)
        {
            if !self.merges(pulse) {
                self.pulse = None;
                return Some(self.edge(false, pulse.number, place));
            }
            // Goes on to the next part, which makes it longer when it is there.
            self.pulse = due.map(|end| Pulse { end, ..pulse });
        }
        loop {
            let due = self.queue.front().map(Waiting::due)?;
            if due > self.here {
                return None;
            }
            let action = self.leave();
            if action.is_some() {
                return action;
            }
        }
    }

    /// Where a pulse has ended, if it has.
    fn end_of(&self, pulse: Pulse, due: Option<u64>) -> Option<u64> {
        // Before the next part only if it ends earlier: at the same moment the next part decides
        // whether it goes on.
        let has_gone_by = pulse.end <= self.here && due.is_none_or(|due| pulse.end < due);
        (has_gone_by || pulse.until_us <= self.now_us).then_some(pulse.end.min(self.here))
    }

    /// Whether a pulse goes on over the gap to its neighbour.
    fn merges(&self, pulse: Pulse) -> bool {
        self.spec.mode == OutputMode::RejectPulse
            && self.queue.front().is_some_and(|next| {
                next.due() > pulse.end
                    && next.due() - pulse.end <= self.spec.merge()
                    && next.is_rejected(self.now_us)
            })
    }

    /// The foremost leaves. Returns the edge it causes, if any, then its outcome, if it is a part.
    fn leave(&mut self) -> Option<Action> {
        let leaving = self.queue.pop()?;
        let end = leaving.last_due.saturating_add(self.spec.window());
        let missed = end <= self.here;
        let wants_pulse = match self.spec.mode {
            OutputMode::PassPulse => leaving.outcome == Outcome::Pass,
            OutputMode::RejectPulse => leaving.outcome != Outcome::Pass,
        };
        let outcome = match leaving.outcome {
            Outcome::Pass if wants_pulse && missed => Outcome::NoResult(Reason::Late),
            outcome => outcome,
        };
        if wants_pulse && missed {
            self.counters.missed_pulses += 1;
        }
        let number = leaving.number.unwrap_or(self.counters.triggered);
        let leave = leaving
            .number
            .map(|number| self.count(number, outcome, leaving.due));
        let drive = self.drive(wants_pulse && !missed, number, leaving.due, end);
        match drive {
            Some(drive) => {
                self.next = leave;
                Some(drive)
            }
            None => leave,
        }
    }

    fn count(&mut self, number: u64, outcome: Outcome, due: u64) -> Action {
        match outcome {
            Outcome::Pass => self.counters.passed += 1,
            Outcome::Fail => self.counters.failed += 1,
            Outcome::NoResult(_) => self.counters.no_result += 1,
        }
        Action::Leave {
            number,
            outcome,
            due_us: self.at_us(due),
        }
    }

    /// What the wire does for something that has come before the rejector.
    fn drive(&mut self, wants_pulse: bool, number: u64, due: u64, end: u64) -> Option<Action> {
        // A PASS pulse ends by time even if the belt stands: it is a pulse and never a level.
        let until_us = match (self.spec.axis(), self.spec.mode) {
            (Axis::Belt, OutputMode::PassPulse) => self.now_us.saturating_add(self.spec.pulse_us),
            _ => u64::MAX,
        };
        match (self.pulse, wants_pulse) {
            (None, true) => {
                self.pulse = Some(Pulse {
                    number,
                    end,
                    until_us,
                });
                Some(self.edge(true, number, due))
            }
            (Some(pulse), true) => {
                self.pulse = Some(Pulse {
                    end: pulse.end.max(end),
                    until_us,
                    ..pulse
                });
                None
            }
            // A rejected part ends its neighbour's PASS pulse. A passed part does not end a reject
            // pulse: its neighbour may still lie before the rejector.
            (Some(_), false) if self.spec.mode == OutputMode::PassPulse => {
                self.pulse = None;
                Some(self.edge(false, number, due))
            }
            _ => None,
        }
    }
}
