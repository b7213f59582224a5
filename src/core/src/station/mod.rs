//! The line process's decisions: trigger, encoder, gate, READY, handshake and supervision as one.
//!
//! Whoever owns the wires tells a [`Station`] what has happened and does what it says. The station
//! has no wires, no process and no clock: the device's line process and the simulator run the same
//! one.
//!
//! Inspect processes are told apart by their generation. What one says after it was given up
//! changes nothing.

mod closing;
mod exchange;
mod recipes;
mod spec;
mod terms;
#[cfg(test)]
mod tests;

pub use spec::{StationError, StationSpec};
pub use terms::{Effect, Inspector};

use crate::belt::{BeltPosition, Encoder, EncoderEdge, Moment, Motion};
use crate::changeover::{Changeover, Standing};
use crate::gate::{Action, Admission, Gate, Outcome, OutputMode};
use crate::handshake::Handshake;
use crate::readiness::{NotReady, Readiness};
use crate::recipe::{Choice, RecipeLevels};
use crate::reserve::Reserve;
use crate::supervision::{Order, Supervisor};
use crate::trigger::{Events, SensorEdge, Sight, Trigger, TriggerEvent};
use crate::verdict::Reason;
use closing::Closing;

/// The state machine.
#[derive(Debug)]
pub struct Station {
    spec: StationSpec,
    trigger: Trigger,
    encoder: Option<Encoder>,
    gate: Gate,
    readiness: Readiness,
    supervisor: Supervisor,
    changeover: Changeover,
    choice: Option<Choice>,
    reserve: Option<Reserve>,
    /// When recipes have spoken against the model in charge last: a part of before is told later.
    unchosen_us: Option<u64>,
    handshake: Option<Handshake>,
    closing: Option<Closing>,
    /// Of the last process that was started.
    generations: u64,
    /// Of the process in charge.
    generation: u64,
    /// Of the one that proves another model, if there is one.
    candidate: Option<u64>,
    /// Whether a picture was told of since the last sign of life, where pictures are triggers.
    has_seen: bool,
    busy: bool,
    now_us: u64,
}

impl Station {
    /// A station without an inspect process, on a belt that nobody has watched. `encoder` is the level
    /// of each channel.
    ///
    /// # Errors
    /// The first of [`StationSpec::problems`].
    pub fn new(spec: StationSpec, encoder: [bool; 2]) -> Result<Self, StationError> {
        if let Some(problem) = spec.problems().next() {
            return Err(problem);
        }
        let [a, b] = encoder;
        let mut gate = Gate::new(spec.gate).map_err(StationError::Gate)?;
        // Parts of a station before this one may lie there. Without a pulse they are rejected anyway.
        if spec.gate.mode == OutputMode::RejectPulse {
            gate.distrust_way();
        }
        let mut trigger = Trigger::new(spec.trigger).map_err(StationError::Trigger)?;
        // By then the part must be judged, and has not come to the rejector.
        trigger.wait_for_sights(spec.gate.deadline_us);
        Ok(Self {
            spec,
            trigger,
            encoder: spec
                .encoder
                .map(|spec| Encoder::new(spec, a, b))
                .transpose()
                .map_err(StationError::Encoder)?,
            gate,
            readiness: Readiness::new(spec.readiness).map_err(StationError::Readiness)?,
            supervisor: Supervisor::new(spec.supervision),
            changeover: Changeover::new(spec.changeover, Standing::default()),
            choice: recipes::choice(&spec, RecipeLevels::default())?,
            unchosen_us: None,
            reserve: spec.recipes.map(|recipes| Reserve::new(recipes.reserve)),
            handshake: spec.handshake.map(Handshake::new),
            closing: None,
            generations: 0,
            generation: 0,
            candidate: None,
            has_seen: false,
            busy: false,
            now_us: 0,
        })
    }

    /// Other delays, deadlines and pulses for the parts to come, and how long they are waited for at
    /// the end.
    ///
    /// # Errors
    /// The first of the new spec's problems, or that more than the gate's numbers would change; the
    /// station goes on as before then.
    pub fn reload(&mut self, spec: StationSpec) -> Result<(), StationError> {
        if let Some(problem) = spec.problems().next() {
            return Err(problem);
        }
        let same_but_for_numbers = StationSpec {
            gate: self.spec.gate,
            drain_max_us: self.spec.drain_max_us,
            ..spec
        };
        if same_but_for_numbers != self.spec {
            return Err(StationError::NeedsRestart);
        }
        self.gate.reload(spec.gate).map_err(StationError::Gate)?;
        self.trigger.wait_for_sights(spec.gate.deadline_us);
        self.spec = spec;
        Ok(())
    }

    /// No more parts are wanted: READY goes low and stays there. Parts under way leave as ever; what
    /// comes now is not inspected, and rejected. At the end, at the latest after
    /// [`StationSpec::drain_max_us`], what has not come to the rejector leaves as NO-RESULT.
    pub fn close(&mut self, now_us: u64) {
        let now_us = self.advance(now_us).at_us;
        self.readiness.close();
        self.supervisor.retire();
        self.changeover.close();
        let closing = Closing::new(&self.gate, now_us, self.spec.drain_max_us);
        self.closing.get_or_insert(closing);
    }

    /// Whether a station that was closed has nothing more to do.
    pub fn is_drained(&self) -> bool {
        self.closing.as_ref().is_some_and(Closing::is_over)
    }

    /// An edge of the encoder; edges of all wires come in the order of their stamps.
    pub fn encoder_edge(&mut self, edge: EncoderEdge) {
        if let Some(encoder) = &mut self.encoder
            && encoder.edge(edge) == Motion::Lost
        {
            self.lose_places(edge.at_us);
        }
    }

    /// Edges were told in another order than that of their stamps, so that nobody knows which count a part lay at.
    pub fn edges_out_of_order(&mut self, now_us: u64) {
        if self.encoder.is_some() {
            self.lose_places(now_us);
        }
    }

    fn lose_places(&mut self, at_us: u64) {
        self.gate.lose_places();
        self.readiness.fault(self.now_us.max(at_us));
    }

    /// An edge of the part sensor.
    pub fn sensor_edge(&mut self, edge: SensorEdge, sink: &mut impl FnMut(Effect)) {
        let events = self.trigger.edge(edge, self.belt());
        self.triggered(&events, sink);
    }

    /// What a picture of a camera that runs freely shows; whether the inspect process that says so is
    /// the one that is listened to.
    pub fn sight(
        &mut self,
        generation: u64,
        sight: Sight,
        now_us: u64,
        sink: &mut impl FnMut(Effect),
    ) -> bool {
        self.advance(now_us);
        if generation != self.generation || !self.supervisor.is_up() {
            return false;
        }
        self.has_seen = true;
        let events = self.trigger.sight(sight);
        self.triggered(&events, sink);
        true
    }

    /// Somebody says that a part is there.
    pub fn software_trigger(&mut self, now_us: u64, sink: &mut impl FnMut(Effect)) {
        let now = self.advance(now_us);
        let events = self.trigger.software(now);
        self.triggered(&events, sink);
    }

    /// The inspect process has no place for a ticket.
    pub fn refused(&mut self, number: u64) {
        self.refuse(number, Reason::Inspector);
    }

    /// The machine's ACK wire.
    pub fn ack(&mut self, level: bool) {
        if let Some(handshake) = &mut self.handshake {
            handshake.ack(level);
        }
    }

    /// Time goes by: says what is to be done by now.
    pub fn tick(&mut self, now_us: u64, sink: &mut impl FnMut(Effect)) {
        let now = self.advance(now_us);
        if self.trigger.is_due(now) {
            let events = self.trigger.tick(now);
            self.triggered(&events, sink);
        }
        self.act(now, sink);
        if let Some(closing) = &mut self.closing
            && closing.ends(&self.gate, self.handshake.as_ref(), now.at_us)
        {
            self.gate.give_up(Reason::Stopped);
            self.act(now, sink);
        }
        self.exchange(now.at_us, sink);
        if let Some(order) = self.supervisor.poll(now.at_us) {
            match order {
                Order::Start => {
                    self.generations += 1;
                    self.generation = self.generations;
                    self.changeover.started();
                    sink(Effect::Start {
                        generation: self.generation,
                        model: self.changeover.standing().active,
                    });
                }
                Order::Kill => {
                    self.abandon();
                    sink(Effect::Kill);
                }
            }
        }
        self.show(now.at_us, sink);
    }

    /// When to tick next, if nothing else happens. With an encoder, each count needs a tick too.
    pub fn next_tick_us(&self) -> Option<u64> {
        let handshake = self.handshake.as_ref().and_then(Handshake::next_tick_us);
        let first = earlier(self.gate.next_tick_us(), self.trigger.next_tick_us());
        let first = earlier(first, self.supervisor.next_poll_us());
        let first = earlier(first, self.changeover.next_poll_us());
        let choice = self.choice.as_ref().filter(|_| self.closing.is_none());
        let first = earlier(first, choice.and_then(Choice::next_poll_us));
        let reserve = self.reserve.as_ref().filter(|_| self.closing.is_none());
        let first = earlier(first, reserve.and_then(Reserve::next_poll_us));
        let closing = self.closing.as_ref();
        let end =
            closing.and_then(|closing| closing.next_tick_us(&self.gate, self.handshake.as_ref()));
        let first = earlier(first, end);
        let first = earlier(first, self.readiness.next_tick_us(self.now_us));
        earlier(first, handshake)
    }

    /// What speaks against more parts, if anything.
    pub fn obstacle(&self) -> Option<NotReady> {
        self.readiness.obstacle(self.now_us)
    }

    /// Where the belt is; at its start without an encoder.
    pub fn belt(&self) -> BeltPosition {
        self.encoder
            .as_ref()
            .map_or(BeltPosition::default(), Encoder::position)
    }

    /// The gate, to look at.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The trigger, to look at.
    pub fn trigger(&self) -> &Trigger {
        &self.trigger
    }

    /// What becomes of models, to look at.
    pub fn changeover(&self) -> &Changeover {
        &self.changeover
    }

    /// The supervisor, to look at.
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// The wires of [`Effect::Handshake`] have been driven.
    pub fn handshake_driven(&mut self, at_us: u64) {
        if let Some(handshake) = &mut self.handshake {
            handshake.driven(at_us);
        }
    }

    /// The handshake, to look at.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.handshake.as_ref()
    }

    /// A clock that two threads read may seem to step back.
    fn advance(&mut self, now_us: u64) -> Moment {
        self.now_us = self.now_us.max(now_us);
        Moment::new(self.now_us, self.belt())
    }

    fn refuse(&mut self, number: u64, reason: Reason) {
        self.gate
            .verdict(number, Outcome::NoResult(reason), self.now_us);
    }

    /// What the gate wants done by now.
    fn act(&mut self, now: Moment, sink: &mut impl FnMut(Effect)) {
        for action in self.gate.tick(now) {
            if let Action::Leave {
                number, outcome, ..
            } = action
            {
                self.readiness.left(outcome, now.at_us);
                self.changeover.left(number, outcome, now.at_us);
                if let Some(handshake) = &mut self.handshake {
                    handshake.result(outcome);
                }
            }
            sink(Effect::Gate(action));
        }
    }

    fn triggered(&mut self, events: &Events, sink: &mut impl FnMut(Effect)) {
        for event in events.iter() {
            match *event {
                TriggerEvent::Part(moment) => {
                    let Admission::Inspect(ticket) = self.gate.trigger(moment) else {
                        continue;
                    };
                    if self.closing.is_some() {
                        self.refuse(ticket.number, Reason::Stopped);
                    } else if self.is_of_another_recipe(moment.at_us) {
                        self.refuse(ticket.number, Reason::Recipe);
                    } else if self.supervisor.is_up() {
                        sink(Effect::Inspect(ticket));
                    } else {
                        self.refuse(ticket.number, Reason::Inspector);
                    }
                }
                TriggerEvent::Double(moment) => self.gate.spoil_last(moment),
                TriggerEvent::Missed { from, to } | TriggerEvent::Unclear { from, to } => {
                    self.gate.block(from, to);
                }
                TriggerEvent::Stuck => {
                    self.gate.lose_places();
                    self.readiness.fault(self.now_us);
                }
                TriggerEvent::Lost { from, to } => {
                    self.gate.block(from, to);
                    self.readiness.fault(self.now_us.max(to.at_us));
                }
            }
        }
    }

    /// BUSY, READY and the handshake.
    fn show(&mut self, now_us: u64, sink: &mut impl FnMut(Effect)) {
        let busy = self.gate.is_busy(now_us);
        if busy != self.busy {
            self.busy = busy;
            sink(Effect::Busy(busy));
        }
        if let Some(handshake) = &mut self.handshake {
            if handshake.has_failed() && self.gate.parts_under_way() == 0 {
                handshake.resync(now_us);
            }
            if let Some(wires) = handshake.tick(now_us) {
                sink(Effect::Handshake(wires));
            }
            if handshake.has_failed() {
                self.readiness.fault(now_us);
            }
        }
        if let Some(level) = self.readiness.tick(now_us) {
            sink(Effect::Ready(level));
        }
    }
}

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}
