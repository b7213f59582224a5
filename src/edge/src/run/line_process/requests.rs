//! What people ask of the running line process. Nothing here waits.

use crossbeam_channel::Sender;
use twinspect_core::readiness::NotReady;
use twinspect_core::trigger::SourceSpec;

use super::LineProcess;
use crate::config::{Change, Loaded, ReloadError};
use crate::control::Reply;
use crate::error::EdgeError;
use crate::run::orders::Order;
use crate::run::reload::Reading;
use crate::run::service::{Told, reply};

impl LineProcess {
    pub(super) fn follow(&mut self, order: Order) -> Result<(), EdgeError> {
        match order {
            Order::Tell(answer) => {
                let (digest, now_us) = (self.loaded.digest(), self.clock.now_us());
                let told = Told {
                    models: self.models.status(&self.station, now_us),
                    recipes: self.recipes_status(),
                    challenge: self.challenge_status(),
                    measured: self.report.inspected(),
                    configuration: digest,
                };
                let status = self.service.status(&self.station, told, now_us);
                reply(&answer, status);
            }
            Order::TellRecent(answer) => reply(&answer, self.service.recent()),
            Order::Trigger(answer) => {
                if let Err(reason) = self.trigger(&answer)? {
                    reply(&answer, Reply::refused(reason));
                }
            }
            Order::TellNext {
                after,
                number,
                answer,
            } => {
                if let Err(reason) = self.tell_next(after, number, &answer) {
                    reply(&answer, Reply::refused(reason));
                }
            }
            Order::TestPart(answer) => {
                if let Err(reason) = self.try_part(&answer) {
                    reply(&answer, Reply::refused(reason));
                }
            }
            Order::RetryEngine(answer) => self.retry_engine(&answer),
            Order::Challenge(answer) => self.answer_challenge(&answer),
            Order::Adopt(reading) => self.adopt(*reading),
            Order::Activate(wish) => self.activate(*wish),
            Order::GoBack(answer) => self.go_back(answer),
            Order::Select { typed, answer } => self.select(&typed, answer),
            Order::RecipeFound(told) => {
                let (number, found) = *told;
                self.recipe_found(number, found);
            }
            Order::Keep(found) => self.keep(found),
            Order::Weighed {
                generation,
                may_start,
            } => self.weighed(generation, may_start),
            Order::PlansBuilt(built) => self.plans_built(built),
            Order::Recorded(is_done) => self.station.recorded(is_done, self.clock.now_us()),
        }
        Ok(())
    }

    /// A part lies before the sensor, says somebody, who hears of its end; or why it is none.
    fn trigger(&mut self, answer: &Sender<Reply>) -> Result<Result<(), &'static str>, EdgeError> {
        if self.station.obstacle() == Some(NotReady::Closing) {
            return Ok(Err("the station stops and takes no more parts"));
        }
        if self.station.trigger().watches() {
            return Ok(Err(
                "the parts of this station are seen by its camera, and none by request: put one on the belt",
            ));
        }
        if !self
            .machine
            .has_parts(self.station.trigger().counters().parts)
        {
            return Ok(Err("the recording has ended: there is no part left"));
        }
        if !self.service.awaited().may_ask() {
            return Ok(Err("too many parts that were asked for are under way"));
        }
        // The station wants to hear of all edges before this moment first.
        self.decide()?;
        let now_us = self.clock.now_us();
        let before = self.station.gate().counters().triggered;
        let mut effects = Vec::new();
        self.station
            .software_trigger(now_us, &mut |effect| effects.push(effect));
        for effect in effects {
            self.obey(effect, now_us)?;
        }
        let number = self.station.gate().counters().triggered;
        if number == before {
            return Ok(Err(
                "too close behind another part: nobody knows which of both a picture shows, so that \
                 one is rejected and this one has no number; wait for `trigger.spacing_min_ms`",
            ));
        }
        self.machine.take_part();
        self.service.awaited().asked(number, answer.clone());
        Ok(Ok(()))
    }

    /// Somebody waits for the next part that comes; `after` so many, if it must be that very one. Or for the one of this
    /// `number`.
    fn tell_next(
        &mut self,
        after: Option<u64>,
        number: Option<u64>,
        answer: &Sender<Reply>,
    ) -> Result<(), String> {
        if self.station.obstacle() == Some(NotReady::Closing) {
            return Err("the station stops and takes no more parts".to_owned());
        }
        if self.loaded.station.decisions.trigger.source == SourceSpec::Software {
            return Err(
                "no part of this station comes by itself: `trigger` is answered when its part has left"
                    .to_owned(),
            );
        }
        let triggered = self.station.gate().counters().triggered;
        if let Some(after) = after
            && triggered != after
        {
            return Err(format!(
                "{triggered} parts have come and not {after}: another part than the one that is meant lies on the belt"
            ));
        }
        let next = triggered + 1;
        let number = number.unwrap_or(next);
        if number == 0 {
            return Err("parts are counted from 1".to_owned());
        }
        if number > next || self.service.has_left(number) {
            return Err(format!(
                "part {number} has left, or is not the next one that comes, which is {next}"
            ));
        }
        let now_us = self.clock.now_us();
        let awaited = self.service.awaited();
        if !awaited.coming(number, answer.clone(), now_us) {
            return Err("too many wait for parts to come: ask again later".to_owned());
        }
        Ok(())
    }

    /// Takes a configuration over for the parts to come, or keeps the old one.
    fn adopt(&mut self, reading: Reading) {
        let Reading { found, answer } = reading;
        self.service.reloading();
        let outcome = found
            .map_err(ReloadError::from)
            .and_then(|new| self.take_over(new));
        self.service.reloaded(outcome, answer.as_ref());
    }

    fn take_over(&mut self, new: Loaded) -> Result<Vec<Change>, ReloadError> {
        let changes = self.loaded.changes(&new)?;
        self.station.reload(new.station.decisions)?;
        self.loaded = new;
        // What was started before goes by the old numbers.
        self.station.renew_reserve();
        Ok(changes)
    }
}
