//! A simulated belt in place of a real one: the edges that a part sensor and an encoder would give.

use twinspect_core::belt::{Channel, EncoderEdge, EncoderKind};
use twinspect_core::trigger::SensorEdge;

use crate::config::BeltSpec;

/// What the belt brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BeltEdge {
    Sensor(SensorEdge),
    Encoder(EncoderEdge),
}

/// The edges of one wire that come at even times.
#[derive(Debug)]
struct Wire {
    period_us: u64,
    next_us: Option<u64>,
    edges: u32,
}

impl Wire {
    fn new(period_us: u64) -> Self {
        Self {
            period_us: period_us.max(1),
            next_us: None,
            edges: 0,
        }
    }

    /// The time of an edge that is due, which counts it.
    fn take(&mut self, now_us: u64) -> Option<u64> {
        let at_us = self.next_us.filter(|at_us| *at_us <= now_us)?;
        self.next_us = Some(at_us + self.period_us);
        self.edges += 1;
        Some(at_us)
    }
}

/// Parts at even distances; each lies before the sensor for half of its distance.
#[derive(Debug)]
pub(super) struct SimulatedBelt {
    sensor: Wire,
    encoder: Option<(EncoderKind, Wire)>,
    /// Whether parts come by themselves, or by request alone.
    brings_parts: bool,
    /// Parts that are still to come, if they are counted.
    left: Option<u64>,
}

impl SimulatedBelt {
    pub(super) fn new(spec: &BeltSpec, parts: Option<u64>) -> Self {
        Self {
            sensor: Wire::new(spec.period_us.unwrap_or_default() / 2),
            encoder: spec.encoder.map(|(kind, count_us)| {
                let edge_us = match kind {
                    EncoderKind::Quadrature => count_us,
                    // Rises and falls within a count.
                    EncoderKind::Single => count_us / 2,
                };
                (kind, Wire::new(edge_us))
            }),
            brings_parts: spec.period_us.is_some(),
            left: parts,
        }
    }

    /// The belt begins to move, unless it does already.
    pub(super) fn start(&mut self, now_us: u64) {
        if self.brings_parts && self.left != Some(0) {
            self.sensor.next_us.get_or_insert(now_us);
        }
        if let Some((_, wire)) = &mut self.encoder {
            wire.next_us.get_or_insert(now_us);
        }
    }

    /// No part comes any more; one that lies before the sensor still leaves it.
    pub(super) fn stop(&mut self) {
        self.limit(0);
    }

    /// No more than so many parts will come.
    pub(super) fn limit(&mut self, parts: u64) {
        self.left = Some(self.left.map_or(parts, |left| left.min(parts)));
        if self.has_ended() {
            self.sensor.next_us = None;
        }
    }

    /// Whether a part is left that somebody could put on the belt by hand.
    pub(super) fn has_parts(&self) -> bool {
        self.left != Some(0)
    }

    /// Somebody has put one of the parts on the belt by hand.
    pub(super) fn take_part(&mut self) {
        if let Some(left) = self.left {
            self.limit(left.saturating_sub(1));
        }
    }

    /// The next edge that is due, in the order of their times.
    pub(super) fn next(&mut self, now_us: u64) -> Option<BeltEdge> {
        let encoder_us = self.encoder.as_ref().and_then(|(_, wire)| wire.next_us);
        let is_sensor_first = match (self.sensor.next_us, encoder_us) {
            (Some(sensor_us), Some(encoder_us)) => sensor_us < encoder_us,
            (sensor_us, _) => sensor_us.is_some(),
        };
        if is_sensor_first {
            self.sensor_edge(now_us)
        } else {
            self.encoder_edge(now_us)
        }
    }

    /// When the next edge comes.
    pub(super) fn next_us(&self) -> Option<u64> {
        let encoder_us = self.encoder.as_ref().and_then(|(_, wire)| wire.next_us);
        [self.sensor.next_us, encoder_us]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the last part has gone past the sensor.
    pub(super) fn has_ended(&self) -> bool {
        self.left == Some(0) && self.sensor.edges.is_multiple_of(2)
    }

    fn sensor_edge(&mut self, now_us: u64) -> Option<BeltEdge> {
        let at_us = self.sensor.take(now_us)?;
        let level = !self.sensor.edges.is_multiple_of(2);
        if let Some(left) = self.left.as_mut().filter(|_| level) {
            *left -= 1;
        }
        if self.has_ended() {
            self.sensor.next_us = None;
        }
        Some(BeltEdge::Sensor(SensorEdge {
            level,
            at_us,
            line_seqno: self.sensor.edges,
        }))
    }

    fn encoder_edge(&mut self, now_us: u64) -> Option<BeltEdge> {
        let (kind, wire) = self.encoder.as_mut()?;
        let at_us = wire.take(now_us)?;
        let (channel, level, line_seqno) = match kind {
            EncoderKind::Single => (Channel::A, !wire.edges.is_multiple_of(2), wire.edges),
            EncoderKind::Quadrature => {
                let (channel, level) = match wire.edges % 4 {
                    1 => (Channel::A, true),
                    2 => (Channel::B, true),
                    3 => (Channel::A, false),
                    _ => (Channel::B, false),
                };
                (channel, level, wire.edges.div_ceil(2))
            }
        };
        Some(BeltEdge::Encoder(EncoderEdge {
            channel,
            level,
            at_us,
            line_seqno,
        }))
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::belt::{Encoder, EncoderSpec, Motion};

    use super::*;

    fn belt(parts: Option<u64>) -> SimulatedBelt {
        let spec = BeltSpec {
            period_us: Some(100),
            encoder: None,
        };
        SimulatedBelt::new(&spec, parts)
    }

    /// Fronts that come by a time.
    fn fronts(belt: &mut SimulatedBelt, now_us: u64) -> Vec<u64> {
        let edges = std::iter::from_fn(|| belt.next(now_us));
        edges
            .filter_map(|edge| match edge {
                BeltEdge::Sensor(edge) if edge.level => Some(edge.at_us),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_belt_that_was_not_started_brings_no_parts() {
        assert!(fronts(&mut belt(None), 1_000).is_empty());
    }

    #[test]
    fn parts_come_at_the_period_even_if_somebody_looks_late() {
        let mut belt = belt(None);
        belt.start(0);
        assert_eq!(fronts(&mut belt, 99), [0]);
        assert_eq!(fronts(&mut belt, 250), [100, 200]);
        assert_eq!(belt.next_us(), Some(300));
    }

    #[test]
    fn the_lesser_of_wish_and_recording_ends_the_belt() {
        let mut belt = belt(Some(5));
        belt.limit(1);
        belt.start(0);
        assert_eq!(fronts(&mut belt, 0), [0]);
        assert!(!belt.has_ended(), "the part still lies before the sensor");
        assert!(fronts(&mut belt, 1_000).is_empty());
        assert!(belt.has_ended());
        belt.start(2_000);
        let restarted = fronts(&mut belt, 3_000);
        assert!(
            restarted.is_empty(),
            "a restarted inspector does not start an ended belt"
        );
    }

    #[test]
    fn a_part_by_hand_is_one_of_those_that_are_left() {
        let mut belt = belt(Some(2));
        belt.start(0);
        belt.take_part();
        assert_eq!(fronts(&mut belt, 1_000), [0]);
        assert!(!belt.has_parts());
        assert!(belt.has_ended());
    }

    #[test]
    fn a_belt_without_a_sensor_brings_parts_by_request_alone() {
        let spec = BeltSpec {
            period_us: None,
            encoder: None,
        };
        let mut belt = SimulatedBelt::new(&spec, Some(1));
        belt.start(0);
        assert_eq!(belt.next_us(), None);
        belt.take_part();
        assert!(belt.has_ended());
    }

    #[test]
    fn its_encoders_go_forward_and_lose_nothing() {
        for (kind, counts) in [(EncoderKind::Quadrature, 101), (EncoderKind::Single, 101)] {
            let spec = BeltSpec {
                period_us: Some(100),
                encoder: Some((kind, 10)),
            };
            let mut belt = SimulatedBelt::new(&spec, None);
            let spec = EncoderSpec {
                kind,
                pulse_min_us: 0,
            };
            let mut encoder = Encoder::new(spec, false, false).unwrap();
            belt.start(0);
            while let Some(edge) = belt.next(1_000) {
                if let BeltEdge::Encoder(edge) = edge {
                    assert_ne!(encoder.edge(edge), Motion::Lost);
                }
            }
            assert_eq!(encoder.position().counts(), counts, "{kind:?}");
        }
    }
}
