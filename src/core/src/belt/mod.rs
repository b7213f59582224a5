//! Where the belt is, and moments that know it.
//!
//! A station with an encoder keeps the places of its parts in counts, one without in
//! microseconds. A [`Moment`] carries both, so that trigger and gate need not care who asks.

mod encoder;
#[cfg(test)]
mod tests;

pub use encoder::{Channel, Encoder, EncoderEdge, EncoderError, EncoderKind, EncoderSpec, Motion};

/// How far the belt has come, in counts of its encoder; zero without one.
///
/// The furthest place never decreases: what has left before a belt turned back does not leave
/// again when it returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BeltPosition {
    /// The furthest that the belt has ever been.
    pub furthest: u64,
    /// How far it is behind that now, after turning back.
    pub behind: u64,
}

impl BeltPosition {
    /// Where the belt is now.
    pub fn counts(&self) -> u64 {
        self.furthest.saturating_sub(self.behind)
    }
}

/// A time of one monotonic clock, and where the belt was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds.
    pub at_us: u64,
    /// The belt; at its start for stations without an encoder.
    pub belt: BeltPosition,
}

impl Moment {
    /// A moment with its belt.
    pub fn new(at_us: u64, belt: BeltPosition) -> Self {
        Self { at_us, belt }
    }
}

impl From<u64> for Moment {
    /// A moment of a station without an encoder.
    fn from(at_us: u64) -> Self {
        Self::new(at_us, BeltPosition::default())
    }
}

/// By what a station tells where its parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The belt runs evenly: microseconds.
    Time,
    /// The belt may stop and turn back: counts of its encoder.
    Belt,
}

impl Axis {
    /// Where a part is that crosses the sensor at this moment.
    pub(crate) fn here(self, moment: Moment) -> u64 {
        match self {
            Self::Time => moment.at_us,
            Self::Belt => moment.belt.counts(),
        }
    }

    /// How far everything has come by this moment; never decreases.
    pub(crate) fn furthest(self, moment: Moment) -> u64 {
        match self {
            Self::Time => moment.at_us,
            Self::Belt => moment.belt.furthest,
        }
    }
}
