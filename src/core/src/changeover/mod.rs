//! When another model takes over on a running line, and when the one before it comes back: decisions
//! without processes.
//!
//! ```text
//!            wanted        proven          no part awaits an answer      its process has ended       ready
//! settled ──────────► proving ──► waiting ───────────────────► releasing ───────────────► opening ──────► recording ──► settled
//!                        └───────────┴── refused: the old model goes on ──┴── the old model is started again ──┘
//! ```
//! A second process proves the *candidate* while the one *in charge* goes on judging. Only what has been
//! ready is recorded, so that a power cut leaves the old model before that moment and the new one after it.
//!
//! A model that took over is on trial for its first parts. What lies in the parts, in the camera or in the machine is
//! not held against it. One that fails makes way for the last one that has stood its trial.

mod terms;
mod trial;
mod way_back;

#[cfg(test)]
mod tests;

pub use terms::{
    ChangeoverSpec, Excuse, Model, NotNow, Order, Progress, Refusal, RollBack, STARTS_MAX,
    Settlement, Standing,
};
pub use trial::TrialSpec;

use trial::Trial;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Settled,
    Wanted {
        model: Model,
    },
    Proving {
        model: Model,
        since_us: u64,
    },
    Waiting {
        model: Model,
        proof_us: u64,
        since_us: u64,
    },
    /// The process in charge was told to close; it has judged until `since_us`.
    Releasing {
        model: Model,
        proof_us: u64,
        since_us: u64,
    },
    /// The new process is in charge and not ready.
    Opening {
        model: Model,
        proof_us: u64,
        since_us: u64,
    },
    /// `before` comes back if this can't be written down.
    Recording {
        model: Model,
        before: Standing,
        proof_us: u64,
        switch_us: u64,
    },
}

/// What is known of the process in charge.
#[derive(Debug, Clone, Copy, Default)]
struct InCharge {
    is_proven: bool,
    /// It ends by a fault that is none of its model's.
    is_excused: bool,
}

/// The state machine.
#[derive(Debug)]
pub struct Changeover {
    spec: ChangeoverSpec,
    standing: Standing,
    phase: Phase,
    trial: Option<Trial>,
    in_charge: InCharge,
    /// Starts in a row in which the active model was not proven.
    failed_starts: u32,
    /// Whether the model that was wanted last is for another product, so that the one before it must not come back.
    is_one_way: bool,
    /// When the standing is to be recorded, and what is being written now.
    record_at_us: Option<u64>,
    being_recorded: Option<Standing>,
    /// Orders that are due.
    discards: bool,
    replaces: bool,
    rolled_back: Option<(Model, RollBack)>,
    settled: Option<Settlement>,
}

impl Changeover {
    /// Nothing under way.
    pub fn new(spec: ChangeoverSpec, standing: Standing) -> Self {
        Self {
            spec,
            standing,
            phase: Phase::Settled,
            trial: None,
            in_charge: InCharge::default(),
            failed_starts: 0,
            is_one_way: false,
            record_at_us: None,
            being_recorded: None,
            discards: false,
            replaces: false,
            rolled_back: None,
            settled: None,
        }
    }

    /// Another model is wanted.
    ///
    /// # Errors
    /// [`NotNow`]; nothing is settled then.
    pub fn activate(&mut self, model: Model) -> Result<(), NotNow> {
        if self.phase != Phase::Settled || self.settled.is_some() {
            return Err(NotNow::UnderWay);
        }
        if model == self.standing.active {
            return Err(NotNow::Active);
        }
        self.phase = Phase::Wanted { model };
        self.is_one_way = false;
        Ok(())
    }

    /// As [`Self::activate`], of a model for another product: once it is in charge there is no way back, and no
    /// trial that could lead there.
    ///
    /// # Errors
    /// [`NotNow`]; nothing is settled then.
    pub fn activate_for_good(&mut self, model: Model) -> Result<(), NotNow> {
        self.activate(model)?;
        self.is_one_way = true;
        Ok(())
    }

    /// The model that is wanted is not, as long as the one in charge has not been told to make way.
    pub fn withdraw(&mut self) {
        if let Phase::Wanted { .. } | Phase::Proving { .. } | Phase::Waiting { .. } = self.phase {
            self.refuse(Refusal::Withdrawn);
        }
    }

    /// The candidate is proven.
    pub fn candidate_proven(&mut self, now_us: u64) {
        if let Phase::Proving { model, since_us } = self.phase {
            self.phase = Phase::Waiting {
                model,
                proof_us: now_us.saturating_sub(since_us),
                since_us: now_us,
            };
        }
    }

    /// The candidate has ended, or could not be started.
    pub fn candidate_lost(&mut self) {
        match self.phase {
            Phase::Proving { .. } => self.refuse(Refusal::NotProven),
            Phase::Waiting { .. } | Phase::Releasing { .. } => self.refuse(Refusal::CandidateLost),
            _ => {}
        }
    }

    /// A process is started with the active model.
    pub fn started(&mut self) {
        self.in_charge = InCharge::default();
    }

    /// The process in charge has proven its model.
    pub fn proven(&mut self) {
        self.in_charge.is_proven = true;
    }

    /// The process in charge ends by a fault that is none of its model's.
    pub fn excuse(&mut self, excuse: Excuse) {
        self.in_charge.is_excused = true;
        // While processes are exchanged the one on trial is not the one in charge.
        if excuse == Excuse::Machine
            && !self.is_switching()
            && let Some(trial) = &mut self.trial
        {
            trial.excuse();
        }
    }

    /// The process in charge is ready; `triggered` parts have come before.
    pub fn ready(&mut self, triggered: u64, now_us: u64) {
        self.failed_starts = 0;
        if let Some(trial) = &mut self.trial {
            trial.resume(triggered);
        }
        let Phase::Opening {
            model,
            proof_us,
            since_us,
        } = self.phase
        else {
            return;
        };
        // The way back of a model leads to one that has stood its trial.
        let before = match self.trial {
            Some(trial) if !self.is_one_way => trial.before(),
            _ => self.standing,
        };
        if self.is_one_way {
            self.standing = Standing {
                active: model,
                previous: None,
            };
            self.trial = None;
        } else if model == before.active {
            self.standing = before;
            self.trial = None;
        } else {
            self.standing = Standing {
                active: model,
                previous: Some(before.active),
            };
            self.trial = Trial::begin(self.spec.trial, before, triggered);
        }
        self.record_at_us = Some(now_us);
        self.phase = Phase::Recording {
            model,
            before,
            proof_us,
            switch_us: now_us.saturating_sub(since_us),
        };
    }

    /// What became of an [`Order::Record`].
    pub fn recorded(&mut self, is_done: bool, now_us: u64) {
        let Some(written) = self.being_recorded.take() else {
            return;
        };
        let is_current = written == self.standing;
        let Phase::Recording {
            model,
            before,
            proof_us,
            switch_us,
        } = self.phase
        else {
            self.record_at_us = match (is_done, is_current) {
                (true, true) => None,
                (true, false) => Some(now_us),
                (false, _) => Some(now_us.saturating_add(self.spec.record_again_us)),
            };
            return;
        };
        if !is_current {
            // What was written belongs to a model before this one.
            self.record_at_us = Some(now_us);
        } else if !is_done && self.standing == before {
            // Somebody went back from a model on trial: there is no better one.
            self.record_at_us = Some(now_us.saturating_add(self.spec.record_again_us));
        } else if is_done {
            self.phase = Phase::Settled;
            self.settled = Some(Settlement::Activated {
                model,
                proof_us,
                switch_us,
            });
        } else {
            self.phase = Phase::Settled;
            self.settled = Some(Settlement::Refused {
                model,
                why: Refusal::NotRecorded,
            });
            self.standing = before;
            self.trial = None;
            self.replaces = true;
            // Nobody knows what the disk holds.
            self.record_at_us = Some(now_us.saturating_add(self.spec.record_again_us));
        }
    }

    /// No more parts are wanted: what is under way is refused, and the record stays as it is.
    pub fn close(&mut self) {
        match self.phase {
            Phase::Settled | Phase::Recording { .. } => {}
            _ => self.refuse(Refusal::Closing),
        }
    }

    /// What is to be done now; to be asked until there is nothing. `is_between_parts`: no part awaits an
    /// answer. `is_vacant`: there is no process in charge.
    pub fn poll(&mut self, now_us: u64, is_between_parts: bool, is_vacant: bool) -> Option<Order> {
        self.step(now_us, is_between_parts);
        if std::mem::take(&mut self.discards) {
            return Some(Order::Discard);
        }
        if std::mem::take(&mut self.replaces) {
            return Some(Order::Replace);
        }
        if let Some((from, why)) = self.rolled_back.take() {
            let to = self.standing.active;
            return Some(Order::RolledBack { from, to, why });
        }
        if let Some(settlement) = self.settled.take() {
            return Some(Order::Settle(settlement));
        }
        if self.being_recorded.is_none() && self.record_at_us.is_some_and(|at_us| at_us <= now_us) {
            self.record_at_us = None;
            self.being_recorded = Some(self.standing);
            return Some(Order::Record(self.standing));
        }
        match self.phase {
            Phase::Wanted { model } => {
                self.phase = Phase::Proving {
                    model,
                    since_us: now_us,
                };
                Some(Order::Prove(model))
            }
            Phase::Waiting {
                model, proof_us, ..
            } if is_between_parts => {
                self.phase = Phase::Releasing {
                    model,
                    proof_us,
                    since_us: now_us,
                };
                Some(Order::Release)
            }
            Phase::Releasing {
                model,
                proof_us,
                since_us,
            } if is_vacant => {
                self.phase = Phase::Opening {
                    model,
                    proof_us,
                    since_us,
                };
                self.in_charge = InCharge {
                    is_proven: true,
                    is_excused: false,
                };
                Some(Order::TakeOver)
            }
            _ => None,
        }
    }

    /// When to poll next, if nothing is heard until then and no part is answered for.
    pub fn next_poll_us(&self) -> Option<u64> {
        if self.has_news() || matches!(self.phase, Phase::Wanted { .. }) {
            return Some(0);
        }
        let record = self.record_at_us.filter(|_| self.being_recorded.is_none());
        match (self.limit().map(|(at_us, _)| at_us), record) {
            (Some(limit), Some(record)) => Some(limit.min(record)),
            (limit, record) => limit.or(record),
        }
    }

    /// Whether the process in charge is being exchanged.
    pub fn is_switching(&self) -> bool {
        matches!(self.phase, Phase::Releasing { .. } | Phase::Opening { .. })
    }

    /// Whether something has ended that was not told yet.
    pub fn has_news(&self) -> bool {
        self.discards || self.replaces || self.rolled_back.is_some() || self.settled.is_some()
    }

    /// Whether the process in charge was told to close.
    pub fn is_releasing(&self) -> bool {
        matches!(self.phase, Phase::Releasing { .. })
    }

    /// Which model is in charge.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// How far a wish is.
    pub fn progress(&self) -> Progress {
        match self.phase {
            Phase::Settled => Progress::Settled,
            Phase::Wanted { model } | Phase::Proving { model, .. } => Progress::Proving(model),
            Phase::Waiting { model, .. } => Progress::Waiting(model),
            Phase::Releasing { model, .. } | Phase::Opening { model, .. } => {
                Progress::Switching(model)
            }
            Phase::Recording { model, .. } => Progress::Recording(model),
        }
    }

    /// What has taken too long by now, or has not found its moment.
    fn step(&mut self, now_us: u64, is_between_parts: bool) {
        let waits_no_longer = matches!(self.phase, Phase::Waiting { .. }) && is_between_parts;
        if let Some((at_us, why)) = self.limit()
            && at_us <= now_us
            && !waits_no_longer
        {
            self.refuse(why);
        }
    }

    /// Until when the phase may last, and what is said after that.
    fn limit(&self) -> Option<(u64, Refusal)> {
        let spec = &self.spec;
        let (since_us, most_us, why) = match self.phase {
            Phase::Proving { since_us, .. } => (since_us, spec.proof_max_us, Refusal::ProofTooLong),
            Phase::Waiting { since_us, .. } => (since_us, spec.moment_max_us, Refusal::NoMoment),
            Phase::Releasing { since_us, .. } => {
                (since_us, spec.switch_max_us, Refusal::NotReleased)
            }
            Phase::Opening { since_us, .. } => (since_us, spec.switch_max_us, Refusal::OpenTooLong),
            Phase::Settled | Phase::Wanted { .. } | Phase::Recording { .. } => return None,
        };
        Some((since_us.saturating_add(most_us), why))
    }

    /// The old model stays, or is started again.
    fn refuse(&mut self, why: Refusal) {
        let model = match self.phase {
            Phase::Settled | Phase::Recording { .. } => return,
            Phase::Wanted { model } => model,
            Phase::Proving { model, .. }
            | Phase::Waiting { model, .. }
            | Phase::Releasing { model, .. } => {
                self.discards = true;
                model
            }
            Phase::Opening { model, .. } => {
                // It may be gone already; then this changes nothing.
                self.replaces = true;
                model
            }
        };
        self.phase = Phase::Settled;
        self.settled = Some(Settlement::Refused { model, why });
    }
}
