//! From the edges of an encoder's wires to the belt's position.

use super::BeltPosition;
use crate::sequence::{Arrival, Sequence};

/// What turns with the belt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncoderKind {
    /// Two channels a quarter period apart: each edge is a count, and the order tells the direction.
    Quadrature,
    /// One channel: each rising edge is a count forward. A belt that may turn back needs quadrature.
    Single,
}

/// How an encoder is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSpec {
    /// The encoder.
    pub kind: EncoderKind,
    /// Shortest time between counts of a single channel; what comes sooner is a glitch. At most
    /// the time of a count at the belt's highest speed. Quadrature needs none: its glitches go
    /// back and forth.
    pub pulse_min_us: u64,
}

/// Why an encoder can't be read like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// A glitch filter where glitches cancel by themselves.
    #[error("a quadrature encoder has no shortest pulse, but {pulse_min_us} us are asked for")]
    FilteredQuadrature {
        /// The filter.
        pulse_min_us: u64,
    },
}

impl EncoderSpec {
    /// Everything that is wrong with these numbers.
    pub fn problems(&self) -> impl Iterator<Item = EncoderError> + use<> {
        let filtered = self.kind == EncoderKind::Quadrature && self.pulse_min_us > 0;
        filtered
            .then_some(EncoderError::FilteredQuadrature {
                pulse_min_us: self.pulse_min_us,
            })
            .into_iter()
    }
}

/// A wire of the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The first, or the only one.
    A,
    /// A quarter period behind A while the belt runs forward.
    B,
}

/// An edge of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderEdge {
    /// The wire.
    pub channel: Channel,
    /// The level after the edge.
    pub level: bool,
    /// When, by the kernel's stamp.
    pub at_us: u64,
    /// The kernel's number of this edge among those of its wire.
    pub line_seqno: u32,
}

/// What an edge says of the belt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// Nothing.
    Still,
    /// One count forward.
    Forward,
    /// One count back.
    Backward,
    /// Counts are missing: nobody knows where the parts under way are.
    Lost,
}

/// Follows the belt.
#[derive(Debug, Clone)]
pub struct Encoder {
    spec: EncoderSpec,
    levels: [bool; 2],
    sequences: [Sequence; 2],
    position: BeltPosition,
    counted_us: Option<u64>,
}

impl Encoder {
    /// An encoder whose channels have these levels now.
    ///
    /// # Errors
    /// The first of [`EncoderSpec::problems`].
    pub fn new(spec: EncoderSpec, a: bool, b: bool) -> Result<Self, EncoderError> {
        if let Some(problem) = spec.problems().next() {
            return Err(problem);
        }
        Ok(Self {
            spec,
            levels: [a, b],
            sequences: [Sequence::default(); 2],
            position: BeltPosition::default(),
            counted_us: None,
        })
    }

    /// Where the belt is.
    pub fn position(&self) -> BeltPosition {
        self.position
    }

    /// Takes an edge; edges come in the order of their stamps.
    pub fn edge(&mut self, edge: EncoderEdge) -> Motion {
        let [a, b] = &mut self.sequences;
        let sequence = match edge.channel {
            Channel::A => a,
            Channel::B => b,
        };
        let arrival = sequence.accept(edge.line_seqno);
        if arrival == Arrival::Repeated {
            return Motion::Still;
        }
        let before = self.phase();
        let [a, b] = &mut self.levels;
        let level = match edge.channel {
            Channel::A => a,
            Channel::B => b,
        };
        // An edge to the level that the wire has already: the one between was lost.
        let is_consistent = *level != edge.level;
        *level = edge.level;
        if !is_consistent || arrival != Arrival::Next {
            return Motion::Lost;
        }
        match self.spec.kind {
            EncoderKind::Quadrature => self.turn(before),
            EncoderKind::Single => self.count(edge),
        }
    }

    /// Quarter of the period.
    fn phase(&self) -> u8 {
        match self.levels {
            [false, false] => 0,
            [true, false] => 1,
            [true, true] => 2,
            [false, true] => 3,
        }
    }

    fn turn(&mut self, before: u8) -> Motion {
        if (before + 1) % 4 == self.phase() {
            self.forward();
            Motion::Forward
        } else {
            self.position.behind += 1;
            Motion::Backward
        }
    }

    fn count(&mut self, edge: EncoderEdge) -> Motion {
        let is_glitch = self
            .counted_us
            .is_some_and(|at_us| edge.at_us.saturating_sub(at_us) < self.spec.pulse_min_us);
        if edge.channel == Channel::B || !edge.level || is_glitch {
            return Motion::Still;
        }
        self.counted_us = Some(edge.at_us);
        self.forward();
        Motion::Forward
    }

    fn forward(&mut self) {
        match self.position.behind {
            0 => self.position.furthest += 1,
            _ => self.position.behind -= 1,
        }
    }
}
