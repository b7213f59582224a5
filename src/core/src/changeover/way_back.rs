//! The way back: a model that fails on trial, or can't be proven at several starts in a row, makes way for the one
//! before it.

use super::trial::Verdict;
use super::{Changeover, InCharge, Phase, Refusal, RollBack, STARTS_MAX, Settlement, Standing};
use crate::gate::Outcome;

impl Changeover {
    /// The end of the process in charge has been seen.
    pub fn ended(&mut self, now_us: u64) {
        let InCharge {
            is_proven,
            is_excused,
        } = self.in_charge;
        match self.phase {
            Phase::Releasing { .. } => return,
            Phase::Opening { .. } => return self.refuse(Refusal::NotOpened),
            _ => {}
        }
        if is_excused {
            return;
        }
        if !is_proven {
            self.failed_starts = self.failed_starts.saturating_add(1);
        }
        if let Some(trial) = &mut self.trial {
            let verdict = trial.ended();
            return self.on_trial(verdict, now_us);
        }
        if self.failed_starts >= STARTS_MAX
            && let Some(previous) = self.standing.previous
        {
            // The one that failed is not the way back of the one that has to work now.
            let standing = Standing {
                active: previous,
                previous: None,
            };
            self.roll_back(standing, RollBack::Starts, now_us);
        }
    }

    /// A part has left.
    pub fn left(&mut self, number: u64, outcome: Outcome, now_us: u64) {
        if self.is_switching() {
            return;
        }
        if let Some(trial) = &mut self.trial {
            let verdict = trial.left(number, outcome);
            self.on_trial(verdict, now_us);
        }
    }

    /// Whether another model would come back if the active one can't be proven.
    pub fn has_way_back(&self) -> bool {
        self.standing.previous.is_some()
    }

    /// Parts that the active model's trial still lasts, if it is on trial.
    pub fn trial_parts_left(&self) -> Option<u32> {
        self.trial.map(|trial| trial.parts_left())
    }

    fn on_trial(&mut self, verdict: Verdict, now_us: u64) {
        match (verdict, self.trial) {
            (Verdict::Passed, _) => self.trial = None,
            (Verdict::Failed(why), Some(trial)) => self.roll_back(trial.before(), why, now_us),
            (Verdict::GoesOn, _) | (Verdict::Failed(_), None) => {}
        }
    }

    /// An earlier model is in charge again, and the process of this one is killed, if there is one.
    fn roll_back(&mut self, standing: Standing, why: RollBack, now_us: u64) {
        let from = self.standing.active;
        self.rolled_back = Some((from, why));
        self.standing = standing;
        self.trial = None;
        self.failed_starts = 0;
        self.record_at_us = Some(now_us);
        self.replaces = true;
        match self.phase {
            Phase::Recording { model, .. } => {
                self.phase = Phase::Settled;
                self.settled = Some(Settlement::Refused {
                    model,
                    why: Refusal::OnTrial,
                });
            }
            // Somebody wants what has just come back.
            Phase::Wanted { model }
            | Phase::Proving { model, .. }
            | Phase::Waiting { model, .. }
                if model == self.standing.active =>
            {
                self.refuse(Refusal::OnTrial);
            }
            _ => {}
        }
    }
}
