//! The kernel's side of the inputs: stamps, numbers, and buffers that overflow.

use std::collections::VecDeque;

use twinspect_core::belt::{Channel, EncoderEdge};
use twinspect_core::trigger::SensorEdge;

/// Events that the kernel keeps of each group of lines.
const BUFFER: usize = 16;

/// An edge that waits to be read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Edge {
    Sensor(SensorEdge),
    Encoder(EncoderEdge),
}

#[derive(Debug, Default)]
pub(super) struct Kernel {
    waiting: VecDeque<Edge>,
    sensor_seqno: u32,
    sensor_level: bool,
    encoder_seqno: [u32; 2],
    encoder_levels: [bool; 2],
    /// Edges that will be lost.
    pub(super) sensor_drops: u64,
    pub(super) encoder_drops: u64,
    /// Pulses of a single channel that will bounce.
    pub(super) glitches: u64,
    lost_before: bool,
    /// Gaps in the sensor's numbers that somebody who reads must notice.
    pub(super) sensor_gaps: u64,
}

impl Kernel {
    /// The sensor's beam; a level that it has already is no edge.
    pub(super) fn sensor(&mut self, level: bool, at_us: u64) -> bool {
        if level == self.sensor_level {
            return false;
        }
        self.sensor_level = level;
        self.sensor_seqno += 1;
        if self.sensor_drops > 0 {
            self.sensor_drops -= 1;
            self.lost_before = true;
            return false;
        }
        let is_sensor = |edge: &Edge| matches!(edge, Edge::Sensor(_));
        self.lost_before |= self.make_place(is_sensor);
        self.sensor_gaps += u64::from(std::mem::take(&mut self.lost_before));
        self.waiting.push_back(Edge::Sensor(SensorEdge {
            level,
            at_us,
            line_seqno: self.sensor_seqno,
        }));
        true
    }

    /// The encoder's shaft; `count` in quarter periods.
    pub(super) fn quadrature(&mut self, count: i64, at_us: u64) {
        let levels = match count.rem_euclid(4) {
            0 => [false, false],
            1 => [true, false],
            2 => [true, true],
            _ => [false, true],
        };
        for (wire, channel) in [Channel::A, Channel::B].into_iter().enumerate() {
            if levels[wire] != self.encoder_levels[wire] {
                self.encoder(wire, channel, levels[wire], at_us);
            }
        }
    }

    /// A pulse of a single channel.
    pub(super) fn pulse(&mut self, at_us: u64) {
        let bounces = std::mem::take(&mut self.glitches);
        for _ in 0..=bounces {
            self.encoder(0, Channel::A, true, at_us);
            self.encoder(0, Channel::A, false, at_us);
        }
    }

    /// What can be read, in order.
    pub(super) fn read(&mut self) -> Option<Edge> {
        self.waiting.pop_front()
    }

    fn encoder(&mut self, wire: usize, channel: Channel, level: bool, at_us: u64) {
        self.encoder_levels[wire] = level;
        self.encoder_seqno[wire] += 1;
        if self.encoder_drops > 0 {
            self.encoder_drops -= 1;
            return;
        }
        self.make_place(|edge| matches!(edge, Edge::Encoder(_)));
        self.waiting.push_back(Edge::Encoder(EncoderEdge {
            channel,
            level,
            at_us,
            line_seqno: self.encoder_seqno[wire],
        }));
    }

    /// Drops the oldest event of a full group, as the kernel does.
    fn make_place(&mut self, is_of_group: impl Fn(&Edge) -> bool) -> bool {
        if self.waiting.len() < BUFFER {
            return false;
        }
        let mut group = (0..self.waiting.len()).filter(|place| is_of_group(&self.waiting[*place]));
        let oldest = group.next();
        if 1 + group.count() < BUFFER {
            return false;
        }
        oldest
            .and_then(|place| self.waiting.remove(place))
            .is_some()
    }
}
