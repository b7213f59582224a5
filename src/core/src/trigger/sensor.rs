//! The part sensor: edges in, debounced crossings and losses out.

use crate::belt::{BeltPosition, Moment};
use crate::sequence::{Arrival, Sequence};

/// An edge of the part sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorEdge {
    /// High while a part is before the sensor.
    pub level: bool,
    /// When, by the kernel's stamp.
    pub at_us: u64,
    /// The kernel's number of this edge among those of its wire.
    pub line_seqno: u32,
}

/// What the sensor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sensed {
    /// A part's front came.
    Front(Moment),
    /// Edges are missing in between; there may have been parts.
    Lost { from: Moment, to: Moment },
}

/// A change that has not lasted for long enough yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    level: bool,
    since: Moment,
}

#[derive(Debug, Clone)]
pub(super) struct Sensor {
    debounce_us: u64,
    sequence: Sequence,
    level: bool,
    pending: Option<Pending>,
    last: Moment,
}

impl Sensor {
    pub(super) fn new(debounce_us: u64) -> Self {
        Self {
            debounce_us,
            sequence: Sequence::default(),
            level: false,
            pending: None,
            last: Moment::default(),
        }
    }

    /// Up to two things: a change that is old enough now, and a loss.
    pub(super) fn edge(
        &mut self,
        edge: SensorEdge,
        belt: BeltPosition,
    ) -> (Option<Sensed>, Option<Sensed>) {
        let arrival = self.sequence.accept(edge.line_seqno);
        if arrival == Arrival::Repeated {
            return (None, None);
        }
        let front = self.settle(edge.at_us);
        let seen = self.pending.map_or(self.level, |pending| pending.level);
        let moment = Moment::new(edge.at_us, belt);
        let from = std::mem::replace(&mut self.last, moment);
        // An edge to the level that the wire has already: the one between was lost.
        if arrival != Arrival::Next || seen == edge.level {
            self.level = !edge.level;
            self.pending = Some(Pending {
                level: edge.level,
                since: moment,
            });
            return (front, Some(Sensed::Lost { from, to: moment }));
        }
        self.pending = (edge.level != self.level).then_some(Pending {
            level: edge.level,
            since: moment,
        });
        (front, None)
    }

    /// Takes over a change that has lasted for long enough.
    pub(super) fn settle(&mut self, now_us: u64) -> Option<Sensed> {
        let settled = self
            .pending
            .take_if(|pending| pending.since.at_us.saturating_add(self.debounce_us) <= now_us)?;
        self.level = settled.level;
        settled.level.then_some(Sensed::Front(settled.since))
    }

    pub(super) fn next_tick_us(&self) -> Option<u64> {
        let pending = self.pending?;
        Some(pending.since.at_us.saturating_add(self.debounce_us))
    }
}
