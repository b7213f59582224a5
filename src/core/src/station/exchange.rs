//! A station's two inspect processes: the one in charge, and the one that proves another model.

use super::{Effect, Inspector, Station};
use crate::changeover::{Excuse, Model, NotNow, Order, Settlement, Standing};
use crate::recipe::{Choice, Lack};
use crate::verdict::Reason;

impl Station {
    /// As it begins: which model is in charge, and which one was before it.
    #[must_use]
    pub fn with_models(mut self, standing: Standing) -> Self {
        self.changeover = crate::changeover::Changeover::new(self.spec.changeover, standing);
        self
    }

    /// Another model is to take over between two parts. [`Effect::Settled`] tells how that ends.
    ///
    /// # Errors
    /// Why not now; nothing follows then.
    pub fn activate(&mut self, model: Model) -> Result<(), NotNow> {
        if self.closing.is_some() {
            return Err(NotNow::Closing);
        }
        if self.choice.as_ref().is_some_and(Choice::has_lines) {
            return Err(NotNow::ByRecipe);
        }
        self.changeover.activate(model)?;
        if let Some(choice) = &mut self.choice {
            choice.give_way(model);
        }
        Ok(())
    }

    /// What became of an [`Effect::Record`].
    pub fn recorded(&mut self, is_done: bool, now_us: u64) {
        let now_us = self.advance(now_us).at_us;
        self.changeover.recorded(is_done, now_us);
    }

    /// What an inspect process has said or done; whether it is the one that is listened to.
    pub fn inspector(&mut self, generation: u64, what: Inspector, now_us: u64) -> bool {
        let now_us = self.advance(now_us).at_us;
        if self.candidate == Some(generation) {
            self.candidate_says(what, now_us);
            return false;
        }
        if self.of_the_reserve(generation, what, now_us) || generation != self.generation {
            return false;
        }
        match what {
            Inspector::Proven => self.changeover.proven(),
            Inspector::CameraFailed => self.changeover.excuse(Excuse::Camera),
            Inspector::MachineFailed => self.changeover.excuse(Excuse::Machine),
            Inspector::Ready => {
                self.supervisor.ready(now_us);
                let triggered = self.gate.counters().triggered;
                self.changeover.ready(triggered, now_us);
                self.has_seen = false;
                if !self.trigger.watches() {
                    self.readiness.advanced(now_us);
                }
            }
            Inspector::Advanced => self.advanced(now_us),
            Inspector::Blind => {
                if self.supervisor.is_up() {
                    self.supervisor.heard(now_us);
                    self.readiness.blind(now_us);
                }
            }
            Inspector::Slow => {
                if self.supervisor.is_up() {
                    self.supervisor.heard(now_us);
                    self.readiness.slow(now_us);
                }
            }
            // No sign of life: the thread that owns the camera answers for what it can't hand over,
            // while the one that owns the engine may hang.
            Inspector::Verdict { number, outcome } => {
                self.gate.verdict(number, outcome, now_us);
            }
            Inspector::Closed => {
                if self.supervisor.is_running() {
                    self.supervisor.lost(now_us);
                    self.abandon();
                }
            }
            Inspector::Ended => {
                if self.changeover.is_releasing() {
                    self.supervisor.made_way(now_us);
                } else {
                    self.supervisor.ended(now_us);
                    self.changeover.ended(now_us);
                }
                self.abandon();
            }
        }
        true
    }

    fn candidate_says(&mut self, what: Inspector, now_us: u64) {
        match what {
            Inspector::Proven => self.changeover.candidate_proven(now_us),
            Inspector::Closed | Inspector::Ended => self.changeover.candidate_lost(),
            // It has no camera, and nobody has asked it anything.
            _ => {}
        }
    }

    fn advanced(&mut self, now_us: u64) {
        // What an inspect process says before it is ready is no sign of readiness.
        if self.supervisor.is_up() {
            self.supervisor.heard(now_us);
            // A camera that gives no pictures sees no parts.
            if !self.trigger.watches() || std::mem::take(&mut self.has_seen) {
                self.readiness.advanced(now_us);
            }
        }
    }

    pub(super) fn abandon(&mut self) {
        self.readiness.gone();
        self.gate.abandon(Reason::Inspector, self.now_us);
    }

    /// What the changeover wants done by now.
    pub(super) fn exchange(&mut self, now_us: u64, sink: &mut impl FnMut(Effect)) {
        loop {
            self.choose(now_us, sink);
            let is_between_parts = !self.gate.is_busy(now_us) && self.trigger.is_between_parts();
            let is_vacant = self.supervisor.is_vacant();
            let order = self.changeover.poll(now_us, is_between_parts, is_vacant);
            self.readiness.switch(self.changeover.is_switching());
            let unchosen = self.unchosen().is_some();
            if unchosen {
                self.unchosen_us = Some(now_us);
            }
            self.readiness.unchosen(unchosen);
            let Some(order) = order else { break };
            match order {
                Order::Prove(model) if self.engage(model, now_us, sink) => {}
                Order::Prove(model) => {
                    self.generations += 1;
                    let generation = self.generations;
                    self.candidate = Some(generation);
                    sink(Effect::Prove { generation, model });
                }
                Order::Discard => {
                    if self.candidate.take().is_some() {
                        sink(Effect::Discard);
                    }
                }
                Order::Release => {
                    if self.supervisor.is_running() {
                        self.supervisor.lost(now_us);
                        sink(Effect::Release);
                    }
                    // What it still says of parts counts for nothing: none awaits an answer.
                    self.readiness.gone();
                }
                Order::TakeOver => {
                    if let Some(candidate) = self.candidate.take() {
                        self.generation = candidate;
                        self.supervisor.adopt(now_us);
                        sink(Effect::TakeOver);
                    }
                }
                Order::Replace => {
                    if self.supervisor.is_running() {
                        self.supervisor.lost(now_us);
                        self.abandon();
                        sink(Effect::Replace);
                    }
                }
                Order::RolledBack { from, to, why } => {
                    self.not_live(from, Lack::GivenUp, now_us);
                    sink(Effect::RolledBack { from, to, why });
                }
                Order::Settle(settlement) => {
                    match settlement {
                        Settlement::Refused { model, why } => {
                            self.not_live(model, Lack::Refused(why), now_us);
                        }
                        Settlement::Activated { model, .. } => {
                            if let Some(choice) = &mut self.choice {
                                choice.activated(model);
                            }
                        }
                    }
                    sink(Effect::Settled(settlement));
                }
                Order::Record(standing) => sink(Effect::Record(standing)),
            }
        }
        self.restock(now_us, sink);
    }
}
