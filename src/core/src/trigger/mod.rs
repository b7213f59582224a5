//! The trigger: what sensors say becomes parts, each once.
//!
//! A part sensor's edges come with the kernel's stamps and numbers; a camera that runs freely says what
//! stands on the belt; or somebody asks. Whatever the source, parts keep a least space:
//! what follows sooner is a [`TriggerEvent::Double`], and neither it nor the part before it may
//! pass, for nobody knows which of them the picture shows. A part that should have come and edges
//! that the kernel lost are told with the stretch of belt on which something unseen may lie.
//!
//! Times are microseconds of one monotonic clock. The caller hands edges over in the order of
//! their stamps, and all that it has before it ticks.
//!
//! ```
//! use twinspect_core::belt::BeltPosition;
//! use twinspect_core::trigger::{SensorEdge, SourceSpec, SpacingSpec, Trigger, TriggerEvent, TriggerSpec};
//!
//! let spec = TriggerSpec {
//!     source: SourceSpec::Sensor { debounce_us: 2_000 },
//!     spacing: SpacingSpec::Time { min_us: 50_000, max_us: None },
//! };
//! let mut trigger = Trigger::new(spec)?;
//! let edge = SensorEdge { level: true, at_us: 10_000, line_seqno: 1 };
//! assert!(trigger.edge(edge, BeltPosition::default()).is_empty(), "it has to last");
//! let events = trigger.tick(12_000.into());
//! assert!(matches!(events[..], [TriggerEvent::Part(moment)] if moment.at_us == 10_000));
//! # Ok::<(), twinspect_core::trigger::TriggerError>(())
//! ```

mod presence;
mod sensor;
mod spacing;
mod spec;
#[cfg(test)]
mod tests;

pub use presence::{PresenceSpec, Sight};
pub use sensor::SensorEdge;
pub use spec::{SourceSpec, SpacingSpec, TriggerError, TriggerSpec};

use std::ops::Deref;

use crate::belt::{BeltPosition, Moment};
use presence::{Presence, Spotted};
use sensor::{Sensed, Sensor};
use spacing::Spacing;

/// What the gate has to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerEvent {
    /// A part has come.
    Part(Moment),
    /// Something follows the last part, or a stretch on which one may lie, too closely to be told
    /// from it.
    Double(Moment),
    /// A part should have come; it may lie unseen on this stretch.
    Missed {
        /// Where it may begin.
        from: Moment,
        /// Where it ends.
        to: Moment,
    },
    /// Something lies there that is no part which could be told.
    Unclear {
        /// Where it came into sight.
        from: Moment,
        /// Where that was known.
        to: Moment,
    },
    /// Something does not leave the camera's sight: the belt stands, or parts touch. Nobody knows where
    /// anything is.
    Stuck,
    /// Edges or pictures were lost: parts may lie unseen on this stretch.
    Lost {
        /// The last edge or picture that was seen.
        from: Moment,
        /// The next one.
        to: Moment,
    },
}

/// Most that one call can cause: a front, a loss, and a missed part before each of two fronts.
const EVENTS_MAX: usize = 4;

/// What one call has caused, in order.
#[derive(Debug, Default)]
pub struct Events {
    events: heapless::Vec<TriggerEvent, EVENTS_MAX>,
}

impl Events {
    fn push(&mut self, event: TriggerEvent) {
        let kept = self.events.push(event);
        debug_assert!(kept.is_ok(), "no call causes more than {EVENTS_MAX} events");
    }
}

impl Deref for Events {
    type Target = [TriggerEvent];

    fn deref(&self) -> &Self::Target {
        &self.events
    }
}

/// Counts since the trigger was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Parts.
    pub parts: u64,
    /// What followed a part too closely.
    pub doubles: u64,
    /// Spaces in which a part is missing.
    pub missed: u64,
    /// Times that edges or pictures were lost.
    pub losses: u64,
    /// What was seen on the belt, and was no part that could be told.
    pub unclear: u64,
    /// Times that something did not leave the camera's sight.
    pub stuck: u64,
    /// Parts that a belt running backwards brought to the sensor again.
    pub recrossed: u64,
}

/// A level of the sensor or of the height map, if there is one.
#[derive(Debug, Clone)]
enum Source {
    Sensor(Sensor),
    Presence(Presence),
    Software,
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Trigger {
    source: Source,
    spacing: Spacing,
    counters: Counters,
}

impl Trigger {
    /// A trigger before which no part lies.
    ///
    /// # Errors
    /// The first of [`TriggerSpec::problems`].
    pub fn new(spec: TriggerSpec) -> Result<Self, TriggerError> {
        if let Some(problem) = spec.problems().next() {
            return Err(problem);
        }
        Ok(Self {
            source: match spec.source {
                SourceSpec::Sensor { debounce_us } => Source::Sensor(Sensor::new(debounce_us)),
                SourceSpec::Presence(presence) => Source::Presence(Presence::new(presence)),
                SourceSpec::Software => Source::Software,
            },
            spacing: Spacing::new(spec.spacing),
            counters: Counters::default(),
        })
    }

    /// An edge of the part sensor, and where the belt was. Other sources have none.
    pub fn edge(&mut self, edge: SensorEdge, belt: BeltPosition) -> Events {
        let mut events = Events::default();
        if let Source::Sensor(sensor) = &mut self.source {
            let (front, loss) = sensor.edge(edge, belt);
            for sensed in [front, loss].into_iter().flatten() {
                self.sensed(sensed, &mut events);
            }
        }
        events
    }

    /// A picture of a camera that runs freely. Other sources than presence don't look.
    ///
    /// The spacing goes by the times of pictures: one that is under way may show the part that seems to
    /// be missing.
    pub fn sight(&mut self, sight: Sight) -> Events {
        let mut events = Events::default();
        if let Source::Presence(presence) = &mut self.source {
            let spots = presence.look(sight);
            let is_clear = presence.is_clear();
            for spot in spots {
                self.spotted(spot, &mut events);
            }
            if is_clear {
                let now = sight.at_us.into();
                self.spacing.tick(now, &mut self.counters, &mut events);
            }
        }
        events
    }

    /// What pictures show may be heard of so long after something came into sight: whoever decides by it
    /// has time until then. Without a word, no longer than things are in sight.
    pub fn wait_for_sights(&mut self, patience_us: u64) {
        if let Source::Presence(presence) = &mut self.source {
            presence.wait(patience_us);
        }
    }

    /// Somebody says that a part is there now, whatever the source is.
    pub fn software(&mut self, now: Moment) -> Events {
        let mut events = Events::default();
        self.spacing.cross(now, &mut self.counters, &mut events);
        events
    }

    /// Time goes by.
    pub fn tick(&mut self, now: Moment) -> Events {
        let mut events = Events::default();
        match &mut self.source {
            Source::Sensor(sensor) => {
                if let Some(sensed) = sensor.settle(now.at_us) {
                    self.sensed(sensed, &mut events);
                }
            }
            Source::Presence(presence) => {
                if let Some(spot) = presence.tick(now.at_us) {
                    self.spotted(spot, &mut events);
                }
                return events;
            }
            Source::Software => {}
        }
        self.spacing.tick(now, &mut self.counters, &mut events);
        events
    }

    /// Whether a tick at this moment would cause something.
    pub fn is_due(&self, now: Moment) -> bool {
        let goes_by_time = !matches!(self.source, Source::Presence(_));
        self.next_tick_us().is_some_and(|at_us| at_us <= now.at_us)
            || (goes_by_time && self.spacing.is_over(now))
    }

    /// When to tick next, if nothing else happens.
    pub fn next_tick_us(&self) -> Option<u64> {
        let settles = match &self.source {
            Source::Presence(presence) => return presence.next_tick_us(),
            Source::Sensor(sensor) => sensor.next_tick_us(),
            Source::Software => None,
        };
        match (settles, self.spacing.next_tick_us()) {
            (Some(settles), Some(gap)) => Some(settles.min(gap)),
            (settles, gap) => settles.or(gap),
        }
    }

    /// Whether parts are seen by a camera that runs freely.
    pub fn watches(&self) -> bool {
        matches!(self.source, Source::Presence(_))
    }

    /// Whether nothing is being looked at that may become a part: no level of the sensor that has yet to last,
    /// nothing in the camera's sight.
    pub fn is_between_parts(&self) -> bool {
        match &self.source {
            Source::Sensor(sensor) => sensor.next_tick_us().is_none(),
            Source::Presence(presence) => presence.is_clear(),
            Source::Software => true,
        }
    }

    /// Counts so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn sensed(&mut self, sensed: Sensed, events: &mut Events) {
        match sensed {
            Sensed::Front(moment) => self.spacing.cross(moment, &mut self.counters, events),
            Sensed::Lost { from, to } => {
                self.counters.losses += 1;
                self.spacing.lose(to);
                events.push(TriggerEvent::Lost { from, to });
            }
        }
    }

    fn spotted(&mut self, spot: Spotted, events: &mut Events) {
        match spot {
            Spotted::Part { at_us } => {
                self.spacing.cross(at_us.into(), &mut self.counters, events);
            }
            Spotted::Double { at_us } => {
                self.counters.doubles += 1;
                events.push(TriggerEvent::Double(at_us.into()));
            }
            Spotted::Crowd { from_us, to_us } => {
                self.counters.doubles += 1;
                self.unclear(from_us, to_us, events);
            }
            Spotted::Unclear { from_us, to_us } => {
                self.counters.unclear += 1;
                self.unclear(from_us, to_us, events);
            }
            Spotted::Stuck { to_us, .. } => {
                self.counters.stuck += 1;
                self.spacing.lose(to_us.into());
                events.push(TriggerEvent::Stuck);
            }
            Spotted::Lost { from_us, to_us } => {
                self.counters.losses += 1;
                let (from, to) = (from_us.into(), to_us.into());
                self.spacing.lose(to);
                events.push(TriggerEvent::Lost { from, to });
            }
        }
    }

    /// What follows too closely behind is no part of its own.
    fn unclear(&mut self, from_us: u64, to_us: u64, events: &mut Events) {
        let (from, to) = (from_us.into(), to_us.into());
        self.spacing.lose(to);
        events.push(TriggerEvent::Unclear { from, to });
    }
}
