//! Inputs as a broken station hears them.

use twinspect_core::belt::{Channel, EncoderEdge};
use twinspect_core::trigger::SensorEdge;

/// Renumbers the edges that are let through, so that those that are not leave no gap.
#[derive(Debug, Default)]
pub(super) struct Wires {
    sensor_seqno: u32,
    dropping: bool,
    front_us: Option<u64>,
    encoder_seqno: [u32; 2],
    levels: [bool; 2],
    phase: usize,
    seen: [bool; 2],
}

impl Wires {
    /// Every edge follows the one before it.
    pub(super) fn renumbered(&mut self, mut edge: SensorEdge) -> SensorEdge {
        self.sensor_seqno += 1;
        edge.line_seqno = self.sensor_seqno;
        edge
    }

    /// What comes too soon after a front is not there.
    pub(super) fn without_doubles(&mut self, edge: SensorEdge) -> Option<SensorEdge> {
        let is_soon = self
            .front_us
            .is_some_and(|front_us| (2_000..60_000).contains(&(edge.at_us - front_us)));
        if edge.level {
            self.dropping = is_soon;
            if !is_soon {
                self.front_us = Some(edge.at_us);
            }
        }
        let drops = self.dropping;
        self.dropping &= edge.level;
        (!drops).then(|| self.renumbered(edge))
    }

    /// Edges of a channel alternate, whatever was lost in between.
    pub(super) fn gapless(&mut self, edge: EncoderEdge) -> EncoderEdge {
        let wire = usize::from(edge.channel == Channel::B);
        let level = !self.levels[wire];
        self.numbered(edge.channel, level, edge.at_us)
    }

    /// A count forward, in two channels that nobody can fault.
    pub(super) fn forward(&mut self, edge: EncoderEdge) -> EncoderEdge {
        let (channel, level) = [
            (Channel::A, true),
            (Channel::B, true),
            (Channel::A, false),
            (Channel::B, false),
        ][self.phase % 4];
        self.phase += 1;
        self.numbered(channel, level, edge.at_us)
    }

    /// Whether an edge of the real wires goes forward.
    pub(super) fn is_forward(&mut self, edge: EncoderEdge) -> bool {
        let phase = |levels: [bool; 2]| match levels {
            [false, false] => 0,
            [true, false] => 1,
            [true, true] => 2,
            [false, true] => 3,
        };
        let before = phase(self.seen);
        self.seen[usize::from(edge.channel == Channel::B)] = edge.level;
        (before + 1) % 4 == phase(self.seen)
    }

    fn numbered(&mut self, channel: Channel, level: bool, at_us: u64) -> EncoderEdge {
        let wire = usize::from(channel == Channel::B);
        self.levels[wire] = level;
        self.encoder_seqno[wire] += 1;
        EncoderEdge {
            channel,
            level,
            at_us,
            line_seqno: self.encoder_seqno[wire],
        }
    }
}
