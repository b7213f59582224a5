//! The gate: every triggered part leaves it once, in order, with exactly one outcome.
//!
//! A trigger hands out a [`Ticket`]. Until the ticket's deadline somebody may say what the part
//! is; `delay_us` after the trigger the part lies before the rejector and leaves. Whatever was not
//! said in time rejects: silence, a late answer, a lost inspector and a part too many are all
//! [`Outcome::NoResult`].
//!
//! Times are microseconds of one monotonic clock that the caller reads; the gate never waits, never
//! allocates and never touches a wire. [`Gate::tick`] returns what is to be done.
//!
//! ```
//! use twinspect_core::gate::{Action, Gate, GateSpec, Outcome, OutputMode};
//!
//! let spec = GateSpec { delay_us: 400_000, deadline_us: 350_000, pulse_us: 30_000, mode: OutputMode::PassPulse };
//! let mut gate: Gate = Gate::new(spec)?;
//! let number = gate.trigger(0).number();
//! gate.verdict(number, Outcome::Pass, 60_000);
//! let actions: Vec<Action> = gate.tick(400_000).collect();
//! assert!(matches!(actions[0], Action::Drive { level: true, .. }));
//! assert!(matches!(actions[1], Action::Leave { outcome: Outcome::Pass, .. }));
//! # Ok::<(), twinspect_core::gate::GateError>(())
//! ```

mod queue;
mod spec;
#[cfg(test)]
mod tests;

pub use spec::{GateError, GateSpec, OutputMode};

use crate::verdict::{Reason, Verdict};
use queue::{Queue, Waiting};

/// Parts that a gate follows one by one unless its type says otherwise.
pub const PARTS_MAX: usize = 64;

/// What is said of a part, as far as the gate needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The part may go on.
    Pass,
    /// The part is defective.
    Fail,
    /// Nothing can be said of the part, which rejects it.
    NoResult(Reason),
}

impl From<&Verdict> for Outcome {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Pass { .. } => Self::Pass,
            Verdict::Fail { .. } => Self::Fail,
            Verdict::NoResult { reason } => Self::NoResult(*reason),
        }
    }
}

/// A part under way: its number counts triggers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Number of the trigger.
    pub number: u64,
    /// When the trigger came.
    pub triggered_us: u64,
    /// An answer counts if it comes before this moment.
    pub decide_by_us: u64,
}

/// What a trigger led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Somebody has to look at the part.
    Inspect(Ticket),
    /// The gate is full: the part will leave as [`Reason::Overrun`] and need not be looked at.
    Overrun {
        /// Number of the trigger.
        number: u64,
    },
}

impl Admission {
    /// Number of the trigger.
    pub fn number(&self) -> u64 {
        match self {
            Self::Inspect(ticket) => ticket.number,
            Self::Overrun { number } => *number,
        }
    }
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It decides the part.
    InTime,
    /// The part has passed its deadline; it is or will be [`Reason::Late`].
    Late,
    /// The part was decided before; the first answer stands.
    Duplicate,
    /// No such ticket was handed out.
    Unknown,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Set the output of the gate's [`OutputMode`].
    Drive {
        /// High starts a pulse, low ends it.
        level: bool,
        /// Part on whose behalf.
        number: u64,
        /// When this should have happened; at most the time of the tick.
        due_us: u64,
    },
    /// A part has left; its outcome is final.
    Leave {
        /// The part.
        number: u64,
        /// What it left as.
        outcome: Outcome,
        /// When the part lay before the rejector.
        due_us: u64,
    },
}

/// Counts since the gate was made.
///
/// `triggered` always equals `passed + failed + no_result` plus the parts under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Triggers.
    pub triggered: u64,
    /// Parts that left as [`Outcome::Pass`].
    pub passed: u64,
    /// Parts that left as [`Outcome::Fail`].
    pub failed: u64,
    /// Parts that left as [`Outcome::NoResult`].
    pub no_result: u64,
    /// Answers that came too late.
    pub late_results: u64,
    /// Answers for a part that had one.
    pub duplicate_results: u64,
    /// Answers to tickets that were never handed out.
    pub unknown_results: u64,
    /// Pulses whose whole time had gone by before the gate was ticked.
    pub missed_pulses: u64,
}

/// A pulse that is being given.
#[derive(Debug, Clone, Copy)]
struct Pulse {
    number: u64,
    end_us: u64,
}

/// The state machine; follows at most `N - 1` parts one by one, further ones as overrun.
#[derive(Debug)]
pub struct Gate<const N: usize = PARTS_MAX> {
    spec: GateSpec,
    queue: Queue<N>,
    pulse: Option<Pulse>,
    /// The second of two actions that belong to one moment.
    next: Option<Action>,
    counters: Counters,
    /// Latest time that was heard of: a clock that is read by two threads may seem to step back.
    now_us: u64,
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
            counters: Counters::default(),
            now_us: 0,
        })
    }

    /// A part has crossed the sensor.
    pub fn trigger(&mut self, now_us: u64) -> Admission {
        let triggered_us = self.advance(now_us);
        self.counters.triggered += 1;
        let ticket = Ticket {
            number: self.counters.triggered,
            triggered_us,
            decide_by_us: triggered_us.saturating_add(self.spec.deadline_us),
        };
        if self
            .queue
            .push(ticket, triggered_us.saturating_add(self.spec.delay_us))
        {
            Admission::Inspect(ticket)
        } else {
            Admission::Overrun {
                number: ticket.number,
            }
        }
    }

    /// Somebody says what a part is.
    pub fn verdict(&mut self, number: u64, outcome: Outcome, now_us: u64) -> Heard {
        let now_us = self.advance(now_us);
        let heard = if number == 0 || number > self.counters.triggered {
            Heard::Unknown
        } else {
            match self.queue.find(number) {
                Some(part) if part.decision.is_some() => Heard::Duplicate,
                Some(part) if now_us < part.ticket.decide_by_us => {
                    part.decision = Some(outcome);
                    Heard::InTime
                }
                _ => Heard::Late,
            }
        };
        match heard {
            Heard::InTime => {}
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

    /// What is to be done by now, in order. What the caller does not take is returned next time.
    ///
    /// A late tick shortens a pulse and never shifts it: a shifted pulse would hit the neighbour.
    /// A PASS pulse that was missed altogether turns its part into [`Reason::Late`].
    pub fn tick(&mut self, now_us: u64) -> impl Iterator<Item = Action> + '_ {
        self.advance(now_us);
        std::iter::from_fn(|| self.act())
    }

    /// When the gate has to be ticked next, if nothing else happens.
    pub fn next_tick_us(&self) -> Option<u64> {
        let pending = self.next.map(|_| self.now_us);
        let leaving = self.queue.front().map(Waiting::due_us);
        let pulse_end = self.pulse.map(|pulse| pulse.end_us);
        [pending, leaving, pulse_end].into_iter().flatten().min()
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

    fn advance(&mut self, now_us: u64) -> u64 {
        self.now_us = self.now_us.max(now_us);
        self.now_us
    }

    fn act(&mut self) -> Option<Action> {
        if let Some(action) = self.next.take() {
            return Some(action);
        }
        let due_us = self.queue.front().map(Waiting::due_us);
        match (due_us, self.pulse) {
            // The pulse first only if it ends earlier: at the same moment the next part decides
            // whether it goes on.
            (due_us, Some(pulse))
                if pulse.end_us <= self.now_us && due_us.is_none_or(|due| pulse.end_us < due) =>
            {
                self.pulse = None;
                Some(Action::Drive {
                    level: false,
                    number: pulse.number,
                    due_us: pulse.end_us,
                })
            }
            (Some(due_us), _) if due_us <= self.now_us => self.leave(),
            _ => None,
        }
    }

    /// The foremost part leaves. Returns the edge it causes, if any, then its outcome.
    fn leave(&mut self) -> Option<Action> {
        let leaving = self.queue.pop()?;
        let end_us = leaving.last_due_us.saturating_add(self.spec.pulse_us);
        let missed = end_us <= self.now_us;
        let wants_pulse = match self.spec.mode {
            OutputMode::PassPulse => leaving.outcome == Outcome::Pass,
            OutputMode::RejectPulse => leaving.outcome != Outcome::Pass,
        };
        let mut outcome = leaving.outcome;
        if wants_pulse && missed {
            self.counters.missed_pulses += 1;
            if outcome == Outcome::Pass {
                outcome = Outcome::NoResult(Reason::Late);
            }
        }
        match outcome {
            Outcome::Pass => self.counters.passed += 1,
            Outcome::Fail => self.counters.failed += 1,
            Outcome::NoResult(_) => self.counters.no_result += 1,
        }
        let (number, due_us) = (leaving.number, leaving.due_us);
        let leave = Action::Leave {
            number,
            outcome,
            due_us,
        };
        let edge = |level| Action::Drive {
            level,
            number,
            due_us,
        };
        let drive = match (self.pulse, wants_pulse && !missed) {
            (None, true) => {
                self.pulse = Some(Pulse { number, end_us });
                Some(edge(true))
            }
            (Some(pulse), true) => {
                self.pulse = Some(Pulse {
                    end_us: pulse.end_us.max(end_us),
                    ..pulse
                });
                None
            }
            // A rejected part ends its neighbour's PASS pulse. A passed part does not end a reject
            // pulse: its neighbour may still lie before the rejector.
            (Some(_), false) if self.spec.mode == OutputMode::PassPulse => {
                self.pulse = None;
                Some(edge(false))
            }
            _ => None,
        };
        match drive {
            Some(drive) => {
                self.next = Some(leave);
                Some(drive)
            }
            None => Some(leave),
        }
    }
}
