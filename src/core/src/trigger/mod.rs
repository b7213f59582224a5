//! The trigger: what sensors say becomes parts, each once.
//!
//! A part sensor's edges come with the kernel's stamps and numbers; a free-running camera says how
//! much of the picture is part; or somebody asks. Whatever the source, parts keep a least space:
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

mod sensor;
mod spacing;
mod spec;
#[cfg(test)]
mod tests;

pub use sensor::SensorEdge;
pub use spec::{SourceSpec, SpacingSpec, TriggerError, TriggerSpec};

use std::ops::Deref;

use crate::belt::{BeltPosition, Moment};
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
    /// Edges were lost: parts may lie unseen on this stretch.
    Lost {
        /// The last edge that was seen.
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
    /// Times that edges were lost.
    pub losses: u64,
    /// Parts that a belt running backwards brought to the sensor again.
    pub recrossed: u64,
}

/// A level of the sensor or of the height map, if there is one.
#[derive(Debug, Clone)]
enum Source {
    Sensor(Sensor),
    Presence {
        on_share: f32,
        off_share: f32,
        is_there: bool,
    },
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
                SourceSpec::Presence {
                    on_share,
                    off_share,
                } => Source::Presence {
                    on_share,
                    off_share,
                    is_there: false,
                },
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

    /// How much of a picture is part. Other sources than presence don't look.
    pub fn presence(&mut self, part_share: f32, exposed: Moment) -> Events {
        let mut events = Events::default();
        if let Source::Presence {
            on_share,
            off_share,
            is_there,
        } = &mut self.source
        {
            // A share that is no number compares false twice and changes nothing.
            if !*is_there && part_share >= *on_share {
                *is_there = true;
                self.spacing.cross(exposed, &mut self.counters, &mut events);
            } else if *is_there && part_share < *off_share {
                *is_there = false;
            }
        }
        events
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
        if let Source::Sensor(sensor) = &mut self.source
            && let Some(sensed) = sensor.settle(now.at_us)
        {
            self.sensed(sensed, &mut events);
        }
        self.spacing.tick(now, &mut self.counters, &mut events);
        events
    }

    /// Whether a tick at this moment would cause something.
    pub fn is_due(&self, now: Moment) -> bool {
        self.next_tick_us().is_some_and(|at_us| at_us <= now.at_us) || self.spacing.is_over(now)
    }

    /// When to tick next, if nothing else happens.
    pub fn next_tick_us(&self) -> Option<u64> {
        let settles = match &self.source {
            Source::Sensor(sensor) => sensor.next_tick_us(),
            Source::Presence { .. } | Source::Software => None,
        };
        match (settles, self.spacing.next_tick_us()) {
            (Some(settles), Some(gap)) => Some(settles.min(gap)),
            (settles, gap) => settles.or(gap),
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
}
