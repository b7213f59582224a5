//! A model's first parts.

use super::{RollBack, Standing};
use crate::gate::Outcome;
use crate::verdict::Reason;

/// By which a new model is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialSpec {
    /// So many parts it is watched for; none: never.
    pub parts: u32,
    /// So many of them that nobody could inspect are too many.
    pub misses_max: u32,
    /// So many ends of its process are too many.
    pub ends_max: u32,
}

/// What is known of a model on trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial {
    spec: TrialSpec,
    /// What it was before.
    before: Standing,
    /// Later parts than this one are its own.
    after: u64,
    seen: u32,
    misses: u32,
    /// The last of those, which the engine has failed one after the other.
    engine_in_a_row: u32,
    ends: u32,
    /// The machine has failed, and no process has been ready since.
    is_excused: bool,
}

/// What one more part or end says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    GoesOn,
    Passed,
    Failed(RollBack),
}

impl Trial {
    pub(super) fn begin(spec: TrialSpec, before: Standing, after: u64) -> Option<Self> {
        (spec.parts > 0).then_some(Self {
            spec,
            before,
            after,
            seen: 0,
            misses: 0,
            engine_in_a_row: 0,
            ends: 0,
            is_excused: false,
        })
    }

    pub(super) fn before(&self) -> Standing {
        self.before
    }

    pub(super) fn parts_left(&self) -> u32 {
        self.spec.parts.saturating_sub(self.seen)
    }

    /// A part has left. One that was lost by the camera, the belt or the part itself says nothing.
    pub(super) fn left(&mut self, number: u64, outcome: Outcome) -> Verdict {
        if number <= self.after || self.is_excused {
            return Verdict::GoesOn;
        }
        match outcome {
            Outcome::Pass | Outcome::Fail => self.engine_in_a_row = 0,
            // An engine that fails, a process that is not there, an answer that takes too long.
            Outcome::NoResult(reason @ (Reason::Engine | Reason::Inspector | Reason::Late)) => {
                self.misses += 1;
                self.engine_in_a_row = match reason {
                    Reason::Engine => self.engine_in_a_row + 1,
                    _ => 0,
                };
                if self.misses >= self.spec.misses_max {
                    return Verdict::Failed(RollBack::Misses);
                }
            }
            Outcome::NoResult(_) => return Verdict::GoesOn,
        }
        self.seen += 1;
        if self.seen >= self.spec.parts {
            Verdict::Passed
        } else {
            Verdict::GoesOn
        }
    }

    /// Its process is about to end by a fault of the machine. So were the errors of the engine that have come to this.
    pub(super) fn excuse(&mut self) {
        let forgiven = std::mem::take(&mut self.engine_in_a_row);
        self.misses = self.misses.saturating_sub(forgiven);
        self.seen = self.seen.saturating_sub(forgiven);
        self.is_excused = true;
    }

    /// A process is ready; `triggered` parts have come before.
    pub(super) fn resume(&mut self, triggered: u64) {
        if std::mem::take(&mut self.is_excused) {
            self.after = self.after.max(triggered);
        }
    }

    /// Its process has ended, and nothing excuses that.
    pub(super) fn ended(&mut self) -> Verdict {
        self.is_excused = false;
        self.ends += 1;
        if self.ends >= self.spec.ends_max {
            Verdict::Failed(RollBack::Ends)
        } else {
            Verdict::GoesOn
        }
    }
}
