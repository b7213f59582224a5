//! The device under test: the production state machines, or a broken variant of them.

use twinspect_core::belt::EncoderEdge;
use twinspect_core::changeover::Model;
use twinspect_core::frame::{Stamp, StampDomain};
use twinspect_core::freshness::{ExposureWindow, Freshness, Shelf};
use twinspect_core::gate::Counters as GateCounters;
use twinspect_core::lookout::Seen;
use twinspect_core::recipe::{Lack, Recipe, RecipeEdge, RecipeLevels};
use twinspect_core::recovery::{Failure, Health, Order, Recovery, RecoverySpec};
use twinspect_core::station::{Effect, Inspector, Station, StationError, StationSpec};
use twinspect_core::trigger::{Counters as TriggerCounters, SensorEdge, Sight};

use super::story::RECIPE_FIRST;

/// A picture's frame number and when it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// Frame number.
    pub number: u64,
    /// Microseconds of the host's clock.
    pub at_us: u64,
}

/// Pictures that wait to be named, as in the real process.
const PICTURES_MAX: usize = 12;

/// A picture of a camera that watches the belt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Picture {
    /// Its number and time.
    pub exposure: Exposure,
    /// What a look at it says.
    pub seen: Seen,
    /// The part that it shows wholly and alone.
    pub shows: Option<usize>,
}

/// What the thread that owns the camera says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameraSays {
    /// The thread is alive.
    Alive,
    /// A step is done.
    Started,
    /// A step was in vain.
    Failed(Failure),
    /// Colour and depth have come.
    Pair,
    /// The camera was unplugged.
    Removed,
}

/// The ladder's limits: shorter than a real camera's, as all times here are.
pub(super) const RECOVERY: RecoverySpec = RecoverySpec {
    stall_max_us: 60_000,
    first_pair_max_us: 80_000,
    start_max_us: 150_000,
    reset_max_us: 400_000,
    look_every_us: 50_000,
    silence_max_us: 300_000,
    settle_pairs: 3,
    cured_us: 500_000,
    can_reset: true,
};

/// What the simulator needs of a device. Effects are appended.
pub trait Device {
    /// An edge of the part sensor.
    fn sensor(&mut self, edge: SensorEdge, effects: &mut Vec<Effect>);
    /// What the inspect process says of a picture.
    fn sight(&mut self, generation: u64, sight: Sight, now_us: u64, effects: &mut Vec<Effect>);
    /// An edge of the encoder.
    fn encoder(&mut self, edge: EncoderEdge);
    /// What an inspect process says.
    fn inspector(&mut self, generation: u64, what: Inspector, now_us: u64);
    /// A ticket that nobody takes.
    fn refused(&mut self, number: u64);
    /// The machine's ACK.
    fn ack(&mut self, level: bool);
    /// Another configuration.
    fn reload(&mut self, spec: StationSpec) -> Result<(), StationError>;
    /// Another model is wanted; whether that is possible now.
    fn activate(&mut self, model: Model) -> bool;
    /// An edge of a recipe line.
    fn recipe(&mut self, edge: RecipeEdge);
    /// Which model a recipe has.
    fn found(&mut self, recipe: Recipe, found: Result<Model, Lack>, now_us: u64);
    /// What became of a record.
    fn recorded(&mut self, is_done: bool, now_us: u64);
    /// Somebody stops the station.
    fn close(&mut self, now_us: u64);
    /// Whether it has come to its end.
    fn is_drained(&self) -> bool;
    /// Time goes by.
    fn tick(&mut self, now_us: u64, effects: &mut Vec<Effect>);
    /// When it wants to be ticked.
    fn next_tick_us(&self) -> Option<u64>;
    /// What the gate has counted.
    fn gate_counters(&self) -> GateCounters;
    /// What the trigger has counted.
    fn trigger_counters(&self) -> TriggerCounters;
    /// A new inspect process opens the camera.
    fn restarted(&mut self, now_us: u64);
    /// What the camera's thread says.
    fn camera_says(&mut self, what: CameraSays, now_us: u64);
    /// What is to be done with the camera now, if anything.
    fn camera_order(&mut self, now_us: u64) -> Option<Order>;
    /// Whether only a new process brings the camera back.
    fn camera_is_lost(&mut self, now_us: u64) -> bool;
    /// What can be said of the camera.
    fn camera_health(&self, now_us: u64) -> Health;
    /// When the camera wants to be looked at.
    fn camera_next_us(&self) -> u64;
    /// Whether a picture may still be taken of a part.
    fn may_expose(&mut self, window: ExposureWindow, now_us: u64) -> bool;
    /// Whether a picture shows the part, and for the first time.
    fn believes(&mut self, exposure: Exposure, window: ExposureWindow) -> bool;
    /// A camera that watches the belt has taken a picture: what is told of it, if it is a new one.
    fn picture(&mut self, picture: Picture) -> Option<Sight>;
    /// The picture that a ticket names.
    fn named(&mut self, at_us: u64) -> Option<Picture>;
}

/// The state machines that ship.
#[derive(Debug)]
pub struct Production {
    station: Station,
    freshness: Freshness,
    pictures: Shelf<Picture>,
    recovery: Recovery,
}

impl Production {
    /// A station whose wires are low.
    ///
    /// # Errors
    /// What the station says of its spec.
    pub fn new(spec: StationSpec) -> Result<Self, StationError> {
        Ok(Self {
            station: Station::new(spec, [false; 2])?.with_recipe_levels(RecipeLevels {
                number: RECIPE_FIRST as u8,
                strobe: false,
            })?,
            freshness: Freshness::default(),
            pictures: Shelf::new(PICTURES_MAX),
            recovery: Recovery::new(RECOVERY, 0),
        })
    }

    /// The same with another ladder in each process to come.
    pub(super) fn climbs_by(&mut self, spec: RecoverySpec, now_us: u64) {
        self.recovery = Recovery::new(spec, now_us);
    }
}

impl Device for Production {
    fn sensor(&mut self, edge: SensorEdge, effects: &mut Vec<Effect>) {
        self.station
            .sensor_edge(edge, &mut |effect| effects.push(effect));
    }

    fn sight(&mut self, generation: u64, sight: Sight, now_us: u64, effects: &mut Vec<Effect>) {
        self.station
            .sight(generation, sight, now_us, &mut |effect| {
                effects.push(effect)
            });
    }

    fn encoder(&mut self, edge: EncoderEdge) {
        self.station.encoder_edge(edge);
    }

    fn inspector(&mut self, generation: u64, what: Inspector, now_us: u64) {
        self.station.inspector(generation, what, now_us);
    }

    fn refused(&mut self, number: u64) {
        self.station.refused(number);
    }

    fn ack(&mut self, level: bool) {
        self.station.ack(level);
    }

    fn reload(&mut self, spec: StationSpec) -> Result<(), StationError> {
        self.station.reload(spec)
    }

    fn activate(&mut self, model: Model) -> bool {
        self.station.activate(model).is_ok()
    }

    fn recipe(&mut self, edge: RecipeEdge) {
        self.station.recipe_edge(edge);
    }

    fn found(&mut self, recipe: Recipe, found: Result<Model, Lack>, now_us: u64) {
        self.station.found(recipe, found, now_us);
    }

    fn recorded(&mut self, is_done: bool, now_us: u64) {
        self.station.recorded(is_done, now_us);
    }

    fn close(&mut self, now_us: u64) {
        self.station.close(now_us);
    }

    fn is_drained(&self) -> bool {
        self.station.is_drained()
    }

    fn tick(&mut self, now_us: u64, effects: &mut Vec<Effect>) {
        self.station
            .tick(now_us, &mut |effect| effects.push(effect));
    }

    fn next_tick_us(&self) -> Option<u64> {
        self.station.next_tick_us()
    }

    fn gate_counters(&self) -> GateCounters {
        *self.station.gate().counters()
    }

    fn trigger_counters(&self) -> TriggerCounters {
        *self.station.trigger().counters()
    }

    fn restarted(&mut self, now_us: u64) {
        self.freshness = Freshness::default();
        self.pictures = Shelf::new(PICTURES_MAX);
        self.recovery = Recovery::new(RECOVERY, now_us);
    }

    fn camera_says(&mut self, what: CameraSays, now_us: u64) {
        match what {
            CameraSays::Alive => self.recovery.alive(now_us),
            CameraSays::Started => self.recovery.started(now_us),
            CameraSays::Failed(failure) => self.recovery.failed(failure, now_us),
            CameraSays::Pair => self.recovery.pair(now_us),
            CameraSays::Removed => self.recovery.removed(now_us),
        }
    }

    fn camera_order(&mut self, now_us: u64) -> Option<Order> {
        self.recovery.poll(now_us)
    }

    fn camera_is_lost(&mut self, now_us: u64) -> bool {
        self.recovery.is_lost(now_us)
    }

    fn camera_health(&self, now_us: u64) -> Health {
        self.recovery.health(now_us)
    }

    fn camera_next_us(&self) -> u64 {
        self.recovery.next_poll_us()
    }

    fn may_expose(&mut self, window: ExposureWindow, now_us: u64) -> bool {
        window.is_open(now_us)
    }

    fn believes(&mut self, exposure: Exposure, window: ExposureWindow) -> bool {
        let stamp = stamp(exposure);
        self.freshness.is_new(stamp, None) && window.holds(stamp, None)
    }

    fn picture(&mut self, picture: Picture) -> Option<Sight> {
        let Picture { exposure, seen, .. } = picture;
        if !self.freshness.is_new(stamp(exposure), None) {
            return None;
        }
        if seen.is_whole {
            self.pictures.keep(exposure.at_us, picture);
        }
        let at_us = exposure.at_us;
        Some(Sight { at_us, seen })
    }

    fn named(&mut self, at_us: u64) -> Option<Picture> {
        self.pictures.take(at_us)
    }
}

fn stamp(exposure: Exposure) -> Option<Stamp> {
    Some(Stamp {
        frame_number: exposure.number,
        time_us: exposure.at_us,
        domain: StampDomain::Host,
    })
}
