//! A device with one thing broken.

use std::collections::VecDeque;

use twinspect_core::belt::EncoderEdge;
use twinspect_core::changeover::{Model, Standing};
use twinspect_core::freshness::ExposureWindow;
use twinspect_core::gate::{Action, Counters as GateCounters, Outcome, OutputMode};
use twinspect_core::recipe::{Lack, Recipe, RecipeEdge};
use twinspect_core::recovery::{Health, Order};
use twinspect_core::station::{Effect, Inspector, StationError, StationSpec};
use twinspect_core::trigger::{Counters as TriggerCounters, SensorEdge, Sight};
use twinspect_core::verdict::Reason;

use super::wires::Wires;
use super::{Mutation, is_quadrature};
use crate::simulator::device::{CameraSays, Device, Exposure, Picture, Production, RECOVERY};

/// Parts between two that a rare mistake meets.
const RARE: u64 = 200;
/// How much later than it should a pulse for the neighbour comes.
const NEIGHBOUR_US: u64 = 107_000;

/// The device.
#[derive(Debug)]
pub struct Broken {
    mutation: Mutation,
    spec: StationSpec,
    inner: Production,
    wires: Wires,
    generation: u64,
    tickets: VecDeque<u64>,
    /// The last answer, held back for a better one.
    answer: Option<(u64, u64, Outcome)>,
    /// Wire changes that wait for their time.
    later: VecDeque<(u64, Effect)>,
    held: Option<Effect>,
    rose_for: Option<u64>,
    has_risen: bool,
    /// The newest picture of a whole part, and how many of a part came one after the other.
    newest: Option<Picture>,
    in_a_row: u16,
    /// When pictures were told of, and when they were taken.
    told: VecDeque<(u64, u64)>,
    /// The process that proves another model.
    candidate: Option<(u64, Model)>,
    /// READY beats whatever is said.
    beats: bool,
}

impl Broken {
    pub(super) fn new(mutation: Mutation, spec: StationSpec) -> Result<Self, StationError> {
        Ok(Self {
            mutation,
            spec,
            inner: Production::new(mutation.spec(spec))?,
            wires: Wires::default(),
            generation: 0,
            tickets: VecDeque::new(),
            answer: None,
            later: VecDeque::new(),
            held: None,
            rose_for: None,
            has_risen: false,
            newest: None,
            in_a_row: 0,
            told: VecDeque::new(),
            candidate: None,
            beats: false,
        })
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == mutation
    }

    /// Passes on the answer that was held back, if it is as old as that.
    fn flush(&mut self, held_until_us: u64) {
        let held = self.answer.take_if(|answer| answer.0 <= held_until_us);
        if let Some((at_us, number, outcome)) = held {
            let what = Inspector::Verdict { number, outcome };
            self.inner.inspector(self.generation, what, at_us);
        }
    }

    fn verdict(&mut self, number: u64, outcome: Outcome, now_us: u64) -> (u64, Outcome) {
        match self.mutation {
            Mutation::AnswersOffByOne => (number.saturating_add(1), outcome),
            Mutation::AnswersByOrder => (self.tickets.pop_front().unwrap_or(number), outcome),
            Mutation::FailPasses if outcome == Outcome::Fail => (number, Outcome::Pass),
            Mutation::NoResultPasses if matches!(outcome, Outcome::NoResult(_)) => {
                (number, Outcome::Pass)
            }
            Mutation::AnswersAreLife => {
                self.inner
                    .inspector(self.generation, Inspector::Advanced, now_us);
                (number, outcome)
            }
            _ => (number, outcome),
        }
    }

    /// What the broken device says instead.
    fn says(&mut self, effect: Effect, now_us: u64, effects: &mut Vec<Effect>) {
        match effect {
            Effect::Start { generation, .. } => self.generation = generation,
            Effect::Prove { generation, model } => self.candidate = Some((generation, model)),
            Effect::Discard => self.candidate = None,
            Effect::TakeOver => {
                if let Some((generation, _)) = self.candidate.take() {
                    self.generation = generation;
                }
            }
            Effect::Inspect(ticket) => self.tickets.push_back(ticket.number),
            Effect::Gate(Action::Leave { number, .. }) => {
                self.tickets.retain(|waiting| *waiting > number);
            }
            _ => {}
        }
        match (self.mutation, effect) {
            (Mutation::NoKill, Effect::Kill)
            | (Mutation::BusyNever, Effect::Busy(true))
            | (Mutation::CandidateStays, Effect::Discard) => {}
            (Mutation::RecordNever, Effect::Record(_)) => self.inner.recorded(true, now_us),
            (Mutation::RecordEarly, Effect::Prove { model, .. }) => {
                effects.push(effect);
                effects.push(Effect::Record(Standing {
                    active: model,
                    previous: None,
                }));
            }
            (Mutation::TwoEyes, Effect::Release) => {
                effects.push(effect);
                self.inner
                    .inspector(self.generation, Inspector::Ended, now_us);
            }
            (Mutation::ReadyWhileSwitching, Effect::Release) => {
                self.beats = true;
                effects.push(effect);
            }
            (Mutation::ReadyIsLevel, Effect::Ready(level)) => {
                if level && !self.has_risen {
                    self.has_risen = true;
                    effects.push(effect);
                }
            }
            (Mutation::HandshakeSkips, Effect::Handshake(wires)) => {
                let mut wires = wires;
                std::mem::swap(&mut wires.ok, &mut wires.ng);
                effects.push(Effect::Handshake(wires));
            }
            (_, Effect::Gate(action)) => self.acts(action, now_us, effects),
            _ => effects.push(effect),
        }
    }

    fn acts(&mut self, action: Action, now_us: u64, effects: &mut Vec<Effect>) {
        let effect = Effect::Gate(action);
        match (self.mutation, action) {
            (Mutation::PulseSticks, Action::Drive { level: false, .. }) => {}
            (Mutation::PulseForNeighbour, Action::Drive { .. }) => {
                self.later.push_back((now_us + NEIGHBOUR_US, effect));
            }
            (
                Mutation::WireInverted,
                Action::Drive {
                    level,
                    number,
                    due_us,
                },
            ) => effects.push(Effect::Gate(Action::Drive {
                level: !level,
                number,
                due_us,
            })),
            (
                Mutation::FiresTwice,
                Action::Drive {
                    level: false,
                    number,
                    due_us,
                },
            ) => {
                effects.push(effect);
                for (level, wait_us) in [(true, 1_000), (false, 20_000)] {
                    let again = Action::Drive {
                        level,
                        number,
                        due_us,
                    };
                    self.later
                        .push_back((now_us + wait_us, Effect::Gate(again)));
                }
            }
            (Mutation::LeaveLost, Action::Leave { number, .. }) if number % RARE == 0 => {}
            (Mutation::LeaveTwice, Action::Leave { number, .. }) if number % RARE == 0 => {
                effects.extend([effect; 2]);
            }
            (Mutation::LeavesSwapped, Action::Leave { .. }) => match self.held.take() {
                Some(held) => effects.extend([effect, held]),
                None => self.held = Some(effect),
            },
            (
                Mutation::SilencePasses,
                Action::Leave {
                    number,
                    outcome: Outcome::NoResult(Reason::Late),
                    due_us,
                },
            ) if self.spec.gate.mode == OutputMode::PassPulse && self.rose_for.is_none() => {
                let drive = |level| {
                    Effect::Gate(Action::Drive {
                        level,
                        number,
                        due_us,
                    })
                };
                effects.push(drive(true));
                effects.push(Effect::Gate(Action::Leave {
                    number,
                    outcome: Outcome::Pass,
                    due_us,
                }));
                self.later.push_back((now_us + 40_000, drive(false)));
            }
            _ => effects.push(effect),
        }
        if let Action::Drive { level, number, .. } = action {
            self.rose_for = level.then_some(number);
        }
    }
}

impl Device for Broken {
    fn sensor(&mut self, edge: SensorEdge, effects: &mut Vec<Effect>) {
        let heard = match self.mutation {
            Mutation::DoublesIgnored => self.wires.without_doubles(edge),
            Mutation::SensorGapsIgnored => Some(self.wires.renumbered(edge)),
            _ => Some(edge),
        };
        if let Some(edge) = heard {
            let mut said = Vec::new();
            self.inner.sensor(edge, &mut said);
            for effect in said {
                self.says(effect, edge.at_us, effects);
            }
        }
    }

    fn sight(&mut self, generation: u64, mut sight: Sight, now_us: u64, effects: &mut Vec<Effect>) {
        if self.is(Mutation::PlaceByMessage) {
            self.told.push_back((now_us, sight.at_us));
            if self.told.len() > 1_000 {
                self.told.pop_front();
            }
            sight.at_us = now_us;
        }
        let mut said = Vec::new();
        self.inner.sight(generation, sight, now_us, &mut said);
        for effect in said {
            self.says(effect, now_us, effects);
        }
    }

    fn encoder(&mut self, edge: EncoderEdge) {
        let heard = match self.mutation {
            Mutation::EncoderGapsIgnored => Some(self.wires.gapless(edge)),
            Mutation::DirectionIgnored if is_quadrature(&self.spec) => {
                Some(self.wires.forward(edge))
            }
            Mutation::BackwardDropped if is_quadrature(&self.spec) => self
                .wires
                .is_forward(edge)
                .then(|| self.wires.forward(edge)),
            _ => Some(edge),
        };
        if let Some(edge) = heard {
            self.inner.encoder(edge);
        }
    }

    fn inspector(&mut self, generation: u64, what: Inspector, now_us: u64) {
        match (self.mutation, what) {
            (Mutation::EndUnnoticed, Inspector::Ended) => {}
            (Mutation::OldAnswersCount, Inspector::Verdict { .. }) => {
                self.inner.inspector(self.generation, what, now_us);
            }
            (Mutation::TakesOverAtOnce, Inspector::Proven)
                if self.candidate.is_some_and(|one| one.0 == generation) =>
            {
                while let Some(number) = self.tickets.pop_front() {
                    self.inner.refused(number);
                }
                self.inner.inspector(generation, what, now_us);
            }
            (Mutation::BlindnessIgnored, Inspector::Blind)
            | (Mutation::SlownessIgnored, Inspector::Slow) => {
                self.inner
                    .inspector(generation, Inspector::Advanced, now_us);
            }
            (Mutation::LastAnswerWins, Inspector::Verdict { number, outcome }) => {
                if self.answer.is_some_and(|(_, held, _)| held != number) {
                    self.flush(now_us);
                }
                self.answer = Some((now_us, number, outcome));
            }
            (_, Inspector::Verdict { number, outcome }) => {
                let (number, outcome) = self.verdict(number, outcome, now_us);
                let what = Inspector::Verdict { number, outcome };
                self.inner.inspector(generation, what, now_us);
            }
            _ => self.inner.inspector(generation, what, now_us),
        }
    }

    fn refused(&mut self, number: u64) {
        self.inner.refused(number);
    }

    fn ack(&mut self, level: bool) {
        self.inner.ack(level);
    }

    fn reload(&mut self, spec: StationSpec) -> Result<(), StationError> {
        match self.mutation {
            Mutation::ReloadForgets => {
                self.inner = Production::new(spec)?;
                Ok(())
            }
            Mutation::BadReloadTaken => Ok(()),
            _ => self.inner.reload(self.mutation.spec(spec)),
        }
    }

    fn activate(&mut self, model: Model) -> bool {
        self.inner.activate(model)
    }

    fn recipe(&mut self, edge: RecipeEdge) {
        self.inner.recipe(edge);
    }

    fn found(&mut self, recipe: Recipe, found: Result<Model, Lack>, now_us: u64) {
        self.inner.found(recipe, found, now_us);
    }

    fn recorded(&mut self, is_done: bool, now_us: u64) {
        self.inner.recorded(is_done, now_us);
    }

    fn close(&mut self, now_us: u64) {
        self.inner.close(now_us);
    }

    fn is_drained(&self) -> bool {
        self.inner.is_drained()
    }

    fn tick(&mut self, now_us: u64, effects: &mut Vec<Effect>) {
        if self.is(Mutation::HeartbeatOfItsOwn) {
            self.inner
                .inspector(self.generation, Inspector::Advanced, now_us);
        }
        self.flush(now_us.saturating_sub(5));
        if std::mem::take(&mut self.beats) {
            effects.push(Effect::Ready(true));
        }
        while self.later.front().is_some_and(|later| later.0 <= now_us) {
            effects.extend(self.later.pop_front().map(|later| later.1));
        }
        let mut said = Vec::new();
        self.inner.tick(now_us, &mut said);
        for effect in said {
            self.says(effect, now_us, effects);
        }
    }

    fn next_tick_us(&self) -> Option<u64> {
        let later = self.later.front().map(|later| later.0);
        let answer = self.answer.map(|answer| answer.0 + 5);
        [self.inner.next_tick_us(), later, answer]
            .into_iter()
            .flatten()
            .min()
    }

    fn gate_counters(&self) -> GateCounters {
        self.inner.gate_counters()
    }

    fn trigger_counters(&self) -> TriggerCounters {
        self.inner.trigger_counters()
    }

    fn restarted(&mut self, now_us: u64) {
        self.inner.restarted(now_us);
        self.inner
            .climbs_by(self.mutation.recovery(RECOVERY), now_us);
    }

    fn camera_says(&mut self, what: CameraSays, now_us: u64) {
        self.inner.camera_says(what, now_us);
    }

    fn camera_order(&mut self, now_us: u64) -> Option<Order> {
        self.inner.camera_order(now_us)
    }

    fn camera_is_lost(&mut self, now_us: u64) -> bool {
        self.inner.camera_is_lost(now_us) && !self.is(Mutation::NoNewProcess)
    }

    fn camera_health(&self, now_us: u64) -> Health {
        match self.inner.camera_health(now_us) {
            Health::Still { .. } | Health::Starting { .. } | Health::Absent { .. }
                if self.is(Mutation::StillIsWell) =>
            {
                Health::Well
            }
            health => health,
        }
    }

    fn camera_next_us(&self) -> u64 {
        self.inner.camera_next_us()
    }

    fn may_expose(&mut self, window: ExposureWindow, now_us: u64) -> bool {
        self.is(Mutation::AnyTimeBelieved) || self.inner.may_expose(window, now_us)
    }

    fn believes(&mut self, exposure: Exposure, window: ExposureWindow) -> bool {
        let believes = self.inner.believes(exposure, window);
        match self.mutation {
            Mutation::RepeatsBelieved => window.is_open(exposure.at_us),
            Mutation::AnyTimeBelieved => true,
            _ => believes,
        }
    }

    fn picture(&mut self, mut picture: Picture) -> Option<Sight> {
        let seen = &mut picture.seen;
        let counts = match self.mutation {
            Mutation::PartialPictures => seen.share > 0.05,
            Mutation::FirstWholePicture => seen.is_whole,
            _ => false,
        };
        self.in_a_row = if counts { self.in_a_row + 1 } else { 0 };
        if counts {
            // Each is further away than the one before.
            seen.is_whole = true;
            seen.offset = 0.1 * f32::from(self.in_a_row);
        }
        if seen.is_whole {
            self.newest = Some(picture);
        }
        self.inner.picture(picture)
    }

    fn named(&mut self, at_us: u64) -> Option<Picture> {
        match self.mutation {
            Mutation::NewestPicture => self.newest,
            Mutation::PlaceByMessage => {
                let told = self
                    .told
                    .iter()
                    .rev()
                    .find(|(told_us, _)| *told_us == at_us);
                self.inner.named(told?.1)
            }
            _ => self.inner.named(at_us),
        }
    }
}
