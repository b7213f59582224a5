//! What goes into a gate and comes out of it.

use crate::verdict::{Reason, Verdict};

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
    /// Nobody knows where the part lies, so that it does not matter what it is.
    Settled,
    /// No such ticket was handed out.
    Unknown,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Set the output of the gate's [`OutputMode`](super::OutputMode).
    Drive {
        /// High starts a pulse, low ends it.
        level: bool,
        /// Part on whose behalf; the last one that came, where no part is known.
        number: u64,
        /// When this should have happened; at most the time of the tick. With an encoder, the
        /// time of the tick.
        due_us: u64,
    },
    /// A part has left; its outcome is final.
    Leave {
        /// The part.
        number: u64,
        /// What it left as.
        outcome: Outcome,
        /// When the part lay before the rejector. With an encoder, the time of the tick.
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
