//! Everything around a device, in simulated time: one event after the other, each followed by the
//! device's answer and by the checks.

mod changeover;
mod faults;
mod recipes;

use std::collections::VecDeque;

use twinspect_core::belt::EncoderKind;
use twinspect_core::changeover::Standing;
use twinspect_core::gate::Action;
use twinspect_core::lookout::Seen;
use twinspect_core::recipe::Recipe;
use twinspect_core::station::{Effect, Inspector as Said};

use crate::simulator::belt::{Belt, Reached};
use crate::simulator::checker::{Checker, Outcomes, Violation};
use crate::simulator::device::Device;
use crate::simulator::fault::{Fault, FaultKind};
use crate::simulator::inspector::{Eyes, Inspector, Message, NEVER, Told};
use crate::simulator::kernel::{Edge, Kernel};
use crate::simulator::story::{Answer, RECOVERY_US, Story, is_apart, is_watched, may_be_lost};
use crate::simulator::trace::Trace;
use changeover::Models;
use recipes::RecipeWires;

/// Parts that a fault meets without harming a process are inspected again after this time.
const PARTS_RECOVERY_US: u64 = 700_000;

/// A part that comes so shortly before a stop comes after it.
const DEBOUNCE_US: u64 = 5_000;

/// What an episode came to.
#[derive(Debug, Default)]
pub(crate) struct Episode {
    pub(crate) parts: u64,
    pub(crate) outcomes: Outcomes,
    pub(crate) faults: Vec<FaultKind>,
    pub(crate) violation: Option<Violation>,
}

/// A change that is due later: a bouncing wire, a fault, the machine's ACK.
#[derive(Debug, Clone, Copy)]
enum Later {
    Sensor(bool),
    Fault(FaultKind, u64),
    Ack(bool),
    /// A record has been written, or not.
    Recorded(Standing, bool),
    /// The recipe lines tell a number, or the one that the machine means.
    RecipeLines(Option<u8>),
    Found(Recipe),
}

/// A part between sensor and rejector, as far as faults are concerned.
#[derive(Debug, Clone, Copy)]
struct Passing {
    came_us: u64,
    disturbances: u64,
}

/// An eye before the camera, at a time.
struct Eye<'a> {
    belt: &'a Belt<'a>,
    flat: &'a [bool],
    now_us: u64,
}

impl Eyes for Eye<'_> {
    fn part(&self) -> Option<usize> {
        self.belt.before_camera(self.now_us)
    }

    fn region(&self) -> (Seen, Option<usize>) {
        self.belt.in_region(self.now_us, |part| self.flat[part])
    }
}

pub(crate) struct World<'a, D> {
    story: &'a Story,
    device: D,
    belt: Belt<'a>,
    kernel: Kernel,
    inspector: Inspector,
    models: Models,
    recipes: RecipeWires,
    checker: Checker,
    pub(crate) trace: Trace,
    now_us: u64,
    later: Vec<(u64, Later)>,
    faults: std::iter::Peekable<std::slice::Iter<'a, Fault>>,
    met: Vec<FaultKind>,
    /// The line process does not run until then.
    stalled_until_us: u64,
    /// Told while it did not run.
    mail: VecDeque<Message>,
    clock_back_us: u64,
    clock_until_us: u64,
    tick_us: u64,
    effects: Vec<Effect>,
    passing: Vec<Passing>,
    said: Vec<Option<Answer>>,
    disturbances: u64,
    disturbed_until_us: u64,
    acks_lost: u64,
    is_watched: bool,
    /// Parts that a watching camera does not see.
    flat: Vec<bool>,
    stopped_us: Option<u64>,
}

impl<'a, D: Device> World<'a, D> {
    pub(crate) fn new(story: &'a Story, device: D, trace: Trace) -> Self {
        let parts = story.parts.len();
        let passing = Passing {
            came_us: 0,
            disturbances: u64::MAX,
        };
        Self {
            story,
            device,
            belt: Belt::new(&story.parts, story.station.encoder.is_some(), story.seed),
            kernel: Kernel::default(),
            inspector: Inspector::new(story.seed, is_watched(&story.station)),
            models: Models::new(&story.station),
            recipes: RecipeWires::default(),
            checker: Checker::new(story.station),
            trace,
            now_us: 0,
            later: Vec::new(),
            faults: story.faults.iter().peekable(),
            met: Vec::new(),
            stalled_until_us: 0,
            mail: VecDeque::new(),
            clock_back_us: 0,
            clock_until_us: 0,
            tick_us: 0,
            effects: Vec::new(),
            passing: vec![passing; parts],
            said: vec![None; parts],
            disturbances: 0,
            disturbed_until_us: 0,
            acks_lost: 0,
            is_watched: is_watched(&story.station),
            flat: flat(story),
            stopped_us: None,
        }
    }

    /// Runs until every part has gone by and left, or a law is broken.
    pub(crate) fn run(mut self) -> (Episode, Trace) {
        let mut rest_us = NEVER;
        while self.checker.violation.is_none() && self.now_us < rest_us && !self.has_ended() {
            if rest_us == NEVER && self.belt.is_empty() {
                // Merged pulses and the last doubles have time to come to rest.
                rest_us = self.now_us + 500_000;
            }
            self.step();
        }
        self.finish();
        let violation = self
            .checker
            .violation
            .take()
            .map(|(law, detail)| Violation {
                at_us: self.now_us,
                part: self.passing.iter().filter(|part| part.came_us > 0).count(),
                law,
                detail,
            });
        let episode = Episode {
            parts: self.story.parts.len() as u64,
            outcomes: std::mem::take(&mut self.checker.outcomes),
            faults: std::mem::take(&mut self.met),
            violation,
        };
        (episode, self.trace)
    }

    /// Whether somebody has stopped the station, and it has come to its end.
    fn has_ended(&self) -> bool {
        self.stopped_us.is_some() && self.device.is_drained()
    }

    fn step(&mut self) {
        let (belt_us, reached) = self.belt.next();
        let later = self
            .later
            .iter()
            .enumerate()
            .min_by_key(|(_, later)| later.0);
        let (later_us, place) = later.map_or((NEVER, 0), |(place, later)| (later.0, place));
        let inspector_us = self.inspector.next_us().min(self.models.next_us());
        let device_us = self.tick_us.max(self.stalled_until_us);
        let next_us = belt_us.min(later_us).min(inspector_us).min(device_us);
        self.now_us = self.now_us.max(next_us);
        self.check_end();
        if belt_us == next_us {
            self.belt.reach(self.now_us, reached);
            self.reached(reached);
        } else if later_us == next_us {
            let (_, later) = self.later.swap_remove(place);
            self.happens(later);
        } else if inspector_us == next_us {
            self.inspect();
        } else {
            self.serve();
        }
    }

    fn reached(&mut self, reached: Reached) {
        match reached {
            Reached::Speed => {}
            Reached::Encoder { count, forward } => {
                match self.story.station.encoder.map(|encoder| encoder.kind) {
                    Some(EncoderKind::Quadrature) => self.kernel.quadrature(count, self.now_us),
                    Some(EncoderKind::Single) if forward => self.kernel.pulse(self.now_us),
                    _ => {}
                }
                self.serve();
            }
            Reached::Sensor {
                part,
                is_front,
                covered,
            } => self.beam(part, is_front, covered),
            Reached::Rejector { part } => self.reject(part),
        }
    }

    /// The sensor's beam is broken or free.
    fn beam(&mut self, part: usize, is_front: bool, covered: bool) {
        let id = self.story.parts[part].id;
        let is_new = is_front && covered && self.passing[part].came_us == 0;
        if is_new {
            self.passing[part] = Passing {
                came_us: self.now_us,
                disturbances: self.disturbances,
            };
            self.trace
                .event(self.now_us, || format!("part {id} comes to the sensor"));
            while let Some(fault) = self.faults.next_if(|fault| {
                fault.part < id || (fault.part == id && !fault.kind.is_of_sensor())
            }) {
                self.meet(*fault);
            }
            self.stop_at(id);
        }
        let own = self.faults.peek().filter(|fault| fault.part == id).copied();
        let own = own.filter(|fault| fault.kind.is_of_sensor());
        match own.map(|fault| fault.kind) {
            Some(FaultKind::MissedPart) => {}
            Some(FaultKind::Bounce) => {
                let wait_us = 200 + own.map_or(0, |fault| fault.size);
                self.wire(covered);
                self.after(wait_us, Later::Sensor(!covered));
                self.after(wait_us + 300, Later::Sensor(covered));
            }
            Some(FaultKind::DoublePulse) if !covered => {
                self.wire(covered);
                self.after(3_000, Later::Sensor(true));
                self.after(6_000, Later::Sensor(false));
            }
            Some(FaultKind::SpuriousPulse) if !covered => {
                self.wire(covered);
                let wait_us = 5_000 + own.map_or(0, |fault| 40 * fault.size);
                self.after(wait_us, Later::Sensor(true));
                self.after(wait_us + 4_000, Later::Sensor(false));
            }
            _ => self.wire(covered),
        }
        if is_new && let Some(fault) = own {
            self.disturb(fault.kind, 60_000);
        } else if !covered && own.is_some() {
            // It has met both edges of its part.
            self.faults.next();
        }
    }

    fn wire(&mut self, level: bool) {
        if self.is_watched {
            return;
        }
        if self.kernel.sensor(level, self.now_us) {
            self.trace
                .event(self.now_us, || format!("sensor {}", u8::from(level)));
        }
        self.serve();
    }

    /// A part lies before the rejector.
    fn reject(&mut self, part: usize) {
        let id = self.story.parts[part].id;
        let goes_on = self.checker.lets_through(self.now_us);
        let said = self.said[part];
        let verb = if goes_on {
            "is let through"
        } else {
            "is rejected"
        };
        self.trace.event(self.now_us, || {
            format!("part {id} {verb}; the engine said {said:?}")
        });
        self.checker.outcomes.let_through += u64::from(goes_on);
        if goes_on && said != Some(Answer::Pass) {
            self.checker
                .violated("only what the engine said PASS of is let through", || {
                    format!("part {id}, {said:?}")
                });
        }
        let passing = self.passing[part];
        let is_clean = passing.disturbances == self.disturbances
            && passing.came_us > self.disturbed_until_us
            && passing.came_us > RECOVERY_US
            && self.inspector.is_good()
            && !self.models.were_exchanged(passing.came_us)
            // What comes to a station that is being stopped is not inspected.
            && self.stopped_us.is_none_or(|stopped_us| passing.came_us + DEBOUNCE_US < stopped_us)
            && is_apart(&self.story.parts, part)
            && !(self.is_watched && may_be_lost(&self.story.parts, part));
        let answer = self.story.parts[part].answer;
        if is_clean && goes_on != (answer == Answer::Pass) {
            self.checker
                .violated("without faults, each part goes where it belongs", || {
                    format!("part {id}, {answer:?}, {verb}")
                });
        }
    }

    fn inspect(&mut self) {
        let (story, now_us) = (self.story, self.now_us);
        let eye = Eye {
            belt: &self.belt,
            flat: &self.flat,
            now_us,
        };
        self.inspector.step(now_us, &mut self.device, &eye, |part| {
            story.parts[part].answer
        });
        self.models.step(now_us, &mut self.device, &eye);
        self.checker.inspector(self.inspector.is_up(), now_us);
        self.checker.camera(self.inspector.is_blind(), now_us);
        let mut has_mail = false;
        while let Some(message) = self
            .inspector
            .says(now_us)
            .or_else(|| self.models.says(now_us))
        {
            if let Some((part, answer)) = message.seen {
                self.said[part] = Some(answer);
            }
            self.mail.push_back(message);
            has_mail = true;
        }
        if has_mail {
            self.serve();
        }
    }

    /// The line process runs once: reads what there is, ticks, and does as it is told.
    fn serve(&mut self) {
        if self.now_us < self.stalled_until_us {
            return;
        }
        let clock_us = self.clock_us();
        let mut effects = std::mem::take(&mut self.effects);
        while let Some(edge) = self.kernel.read() {
            let at_us = match edge {
                Edge::Sensor(edge) => edge.at_us,
                Edge::Encoder(edge) => edge.at_us,
            };
            while let Some(edge) = self.recipes.read(at_us) {
                self.device.recipe(edge);
            }
            match edge {
                Edge::Sensor(edge) => self.device.sensor(edge, &mut effects),
                Edge::Encoder(edge) => self.device.encoder(edge),
            }
        }
        while let Some(edge) = self.recipes.read(self.now_us) {
            self.device.recipe(edge);
        }
        // Whatever else has come to be known in the same breath may have taken the answer with it.
        let is_prompt = self.mail.is_empty() && self.now_us > self.stalled_until_us;
        self.checker.expects_answers(is_prompt);
        while let Some(message) = self.mail.pop_front() {
            let Message {
                generation, what, ..
            } = message;
            let what = match what {
                Told::Said(what) => what,
                Told::Sight(sight) => {
                    self.trace.sight(self.now_us, sight);
                    self.device.sight(generation, sight, clock_us, &mut effects);
                    continue;
                }
            };
            self.trace.said(self.now_us, what);
            if generation == self.inspector.generation {
                self.checker.heard(what);
                self.exchanged(what);
            }
            if let Said::Verdict { number, outcome } = what {
                self.checker
                    .answered(number, outcome, generation, self.now_us);
            }
            self.device.inspector(generation, what, clock_us);
        }
        self.device.tick(clock_us, &mut effects);
        for effect in effects.drain(..) {
            self.obey(effect);
        }
        self.effects = effects;
        self.checker.settled();
        let wanted_us = self.device.next_tick_us().unwrap_or(NEVER);
        // A clock that stepped back reaches that time later; one that stands is asked again soon.
        self.tick_us = wanted_us
            .saturating_add(self.clock_back_us)
            .max(self.now_us + 1);
    }

    /// What the line process reads from its clock.
    fn clock_us(&mut self) -> u64 {
        if self.clock_until_us < self.now_us {
            self.clock_back_us = 0;
        }
        self.now_us.saturating_sub(self.clock_back_us)
    }

    fn obey(&mut self, effect: Effect) {
        let now_us = self.now_us;
        self.trace.effect(now_us, effect);
        match effect {
            Effect::Gate(action) => {
                self.checker.action(action, now_us);
                if let Action::Leave { .. } = action
                    && let Some(problem) = self.unbalanced()
                {
                    self.checker.violated("counters add up", || problem);
                }
            }
            Effect::Inspect(ticket) => {
                if now_us < ticket.decide_by_us {
                    let asked = self.inspector.generation;
                    self.checker
                        .inspects(ticket.number, ticket.triggered_us, asked);
                }
                self.asked();
                self.check_recipe(ticket.number, ticket.triggered_us);
                if !self.inspector.ticket(ticket) {
                    self.device.refused(ticket.number);
                }
            }
            Effect::Start { generation, model } => {
                let nature = self.models.nature(model);
                self.inspector.start(generation, model, nature, now_us);
            }
            Effect::Replace
            | Effect::Prove { .. }
            | Effect::Discard
            | Effect::Release
            | Effect::TakeOver
            | Effect::Record(_)
            | Effect::Settled(_)
            | Effect::RolledBack { .. } => self.exchange(effect),
            Effect::Seek(_)
            | Effect::Chosen(_)
            | Effect::Engage { .. }
            | Effect::Reserve { .. }
            | Effect::Spare { .. } => self.recipe(effect),
            Effect::Kill => {
                self.checker.expects_answers(false);
                self.inspector.kill(now_us);
            }
            Effect::Ready(level) => {
                if level && self.stopped_us.is_some() {
                    self.checker
                        .violated("a stopped station is not ready", String::new);
                }
                self.checker.ready(level, now_us);
            }
            Effect::Busy(level) => self.checker.busy(level),
            Effect::Handshake(wires) => {
                if self.checker.handshake(wires) {
                    if self.acks_lost > 0 {
                        self.acks_lost -= 1;
                    } else {
                        self.after(2_000, Later::Ack(true));
                        self.after(6_000, Later::Ack(false));
                    }
                }
            }
        }
    }

    fn unbalanced(&self) -> Option<String> {
        let counters = self.device.gate_counters();
        let outcomes = &self.checker.outcomes;
        let none: u64 = outcomes.no_result.values().sum();
        let told = (outcomes.passed, outcomes.failed);
        // The counters may be ahead by what else leaves in the same breath.
        let is_sound = (counters.passed, counters.failed) >= told
            && counters.no_result >= none
            && counters.triggered >= counters.passed + counters.failed + counters.no_result;
        (!is_sound).then(|| format!("{counters:?}, told {told:?} and {none}"))
    }

    /// The belt is empty and faults have ended: everything must have come to rest and be ready.
    fn finish(&mut self) {
        if self.checker.violation.is_some() {
            return;
        }
        let gate = self.device.gate_counters();
        let trigger = self.device.trigger_counters();
        let outcomes = &self.checker.outcomes;
        let none: u64 = outcomes.no_result.values().sum();
        let left = outcomes.passed + outcomes.failed + none;
        let counted = (gate.triggered, gate.passed, gate.failed, gate.no_result);
        if counted != (left, outcomes.passed, outcomes.failed, none) || trigger.parts != left {
            self.checker.violated("every part leaves", || {
                format!("{gate:?}, {trigger:?}, {left} left")
            });
        }
        if trigger.losses < self.kernel.sensor_gaps {
            let gaps = self.kernel.sensor_gaps;
            self.checker.violated("lost edges are noticed", || {
                format!("{trigger:?}, {gaps} gaps")
            });
        }
        if self.stopped_us.is_some() {
            return;
        }
        self.check_models();
        let beats_within_us = 2 * self.story.station.readiness.toggle_us;
        if self.now_us - self.checker.ready_at_us > beats_within_us || !self.inspector.is_up() {
            let (ready_us, is_up) = (self.checker.ready_at_us, self.inspector.is_up());
            self.checker
                .violated("without faults the station gets ready", || {
                    format!("READY moved last at {ready_us} us, inspect process up: {is_up}")
                });
        }
    }

    fn after(&mut self, wait_us: u64, later: Later) {
        self.later.push((self.now_us + wait_us, later));
    }
}

/// Parts that a story hides from a watching camera.
fn flat(story: &Story) -> Vec<bool> {
    let hidden = |id: usize| {
        let mut faults = story.faults.iter();
        faults.any(|fault| fault.part == id && fault.kind == FaultKind::MissedPart)
    };
    let parts = story.parts.iter();
    parts
        .map(|part| is_watched(&story.station) && hidden(part.id))
        .collect()
}
