//! Processes that have proven models of other recipes and wait: started where there is memory for them, and handed
//! over when their model is wanted.

use twinspect_core::changeover::Model;
use twinspect_core::station::Inspector as Said;

use super::LineProcess;
use crate::run::clerk::{Errand, Found};
use crate::run::inspector::{Heard, Inspector};
use crate::run::messages::InspectorMessage;

/// The processes in reserve.
#[derive(Debug, Default)]
pub(super) struct Reserve {
    /// Those that are to be started if there is memory for them ...
    weighed: Vec<(u64, Model)>,
    /// ... and those that were.
    spares: Vec<Inspector>,
    /// Why there are not more of them.
    no_room: Option<String>,
    /// The model that was taken out last.
    engaged: Option<Model>,
}

impl Reserve {
    /// Nobody waits in reserve any more.
    pub(super) fn discard(&mut self) {
        self.weighed.clear();
        for spare in self.spares.drain(..) {
            spare.kill();
        }
    }

    /// Why there are not more processes in it.
    pub(super) fn no_room(&self) -> Option<String> {
        self.no_room.clone()
    }

    /// Whether a model has come out of it that takes over now.
    pub(super) fn was_engaged(&mut self, model: Model) -> bool {
        self.engaged.take() == Some(model)
    }

    /// A model is proven that had not waited.
    pub(super) fn is_passed_over(&mut self) {
        self.engaged = None;
    }

    fn take(&mut self, generation: u64) -> Option<Inspector> {
        let mut spares = self.spares.iter();
        let place = spares.position(|spare| spare.generation() == generation)?;
        Some(self.spares.swap_remove(place))
    }

    /// Whether an event is one of a process in reserve.
    pub(super) fn is_spare(&self, generation: u64) -> bool {
        let mut spares = self.spares.iter();
        spares.any(|spare| spare.generation() == generation)
    }
}

impl LineProcess {
    /// Which models are worth a process in reserve may have changed.
    pub(super) fn restock(&mut self) {
        let rules = self.loaded.station.decisions.recipes;
        if rules.is_none_or(|rules| rules.reserve.most == 0) {
            return;
        }
        if !self.models.ask(Errand::Reserve(self.recipes.by_use())) {
            log::debug!("the reserve stays as it is: the thread that looks for models is busy");
        }
    }

    /// These models are worth one.
    pub(super) fn keep(&mut self, found: Vec<Found>) {
        let models: Vec<Model> = found
            .into_iter()
            .map(|found| self.models.number_of(found))
            .collect();
        self.station.keep(models);
    }

    /// A process is to be started in reserve, if there is memory for it.
    pub(super) fn weigh(&mut self, generation: u64, model: Model) {
        self.reserve.weighed.push((generation, model));
        let free_min_bytes = self.recipes.free_min_bytes();
        let asked = self.inspector.as_ref().map(|inspector| {
            self.models.ask(Errand::Weigh {
                generation,
                process: inspector.process(),
                free_min_bytes,
            })
        });
        if asked != Some(true) {
            self.weighed(generation, Err("it could not be weighed".to_owned()));
        }
    }

    /// Whether there is memory for it.
    pub(super) fn weighed(&mut self, generation: u64, may_start: Result<(), String>) {
        let mut weighed = self.reserve.weighed.iter();
        let Some(place) = weighed.position(|(one, _)| *one == generation) else {
            return;
        };
        let (_, model) = self.reserve.weighed.swap_remove(place);
        let name = self.models.name(model);
        let started = may_start.and_then(|()| {
            self.spawn(generation, model, 0, true)
                .map_err(|error| error.to_string())
        });
        match started {
            Ok(spare) => {
                log::info!("model {name} is being proven, to be kept in reserve");
                self.reserve.no_room = None;
                self.reserve.spares.push(spare);
            }
            Err(why) => {
                let text = format!("model {name} is not kept in reserve: {why}");
                // It is tried again and again.
                if self.reserve.no_room.as_ref() != Some(&text) {
                    log::warn!("model {name} is not kept in reserve: {why}");
                }
                self.reserve.no_room = Some(text);
                let now_us = self.clock.now_us();
                self.station.inspector(generation, Said::Ended, now_us);
            }
        }
    }

    /// A process in reserve is not wanted any more.
    pub(super) fn spare(&mut self, generation: u64) {
        self.reserve.weighed.retain(|(one, _)| *one != generation);
        if let Some(spare) = self.reserve.take(generation) {
            spare.kill();
        }
    }

    /// A process in reserve is the one whose model is wanted.
    pub(super) fn engage(&mut self, generation: u64, model: Model) {
        self.reserve.engaged = Some(model);
        let before = self.reserve.weighed.len();
        self.reserve.weighed.retain(|(one, _)| *one != generation);
        if self.reserve.weighed.len() < before {
            // It was not even started.
            return self.prove(generation, model);
        }
        match self.reserve.take(generation) {
            Some(spare) => self.models.engage(spare),
            None => {
                let now_us = self.clock.now_us();
                self.station.inspector(generation, Said::Ended, now_us);
            }
        }
    }

    /// What a process in reserve says.
    pub(super) fn hear_spare(&mut self, generation: u64, what: Heard) {
        let now_us = self.clock.now_us();
        let model = self
            .station
            .reserve()
            .iter()
            .find(|spare| spare.generation == generation)
            .map(|spare| spare.model);
        let name = model
            .map(|model| self.models.name(model))
            .unwrap_or_default();
        let said = match what {
            Heard::Message(InspectorMessage::Proven(proven)) => {
                let (_, wanted) = model
                    .map(|model| self.models.bundle(model))
                    .unwrap_or_default();
                if wanted.is_some_and(|wanted| wanted != proven.bundle) {
                    log::warn!(
                        "model {name} is not kept in reserve: another bundle lies in its place"
                    );
                    Said::Ended
                } else {
                    log::info!("model {name} is proven, and waits in reserve");
                    Said::Proven
                }
            }
            Heard::Message(InspectorMessage::Failed { why, .. }) => {
                log::warn!("model {name} is not kept in reserve: {why}");
                self.reserve.no_room = Some(format!("model {name} is not kept in reserve: {why}"));
                return;
            }
            Heard::Message(_) => return,
            Heard::Closed | Heard::Ended(_) => Said::Ended,
        };
        if said == Said::Ended
            && let Some(spare) = self.reserve.take(generation)
        {
            spare.kill();
        }
        self.station.inspector(generation, said, now_us);
    }
}
