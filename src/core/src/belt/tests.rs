use proptest::prelude::*;

use super::*;

const QUADRATURE: EncoderSpec = EncoderSpec {
    kind: EncoderKind::Quadrature,
    pulse_min_us: 0,
};

/// The wires of a belt that goes where it is told.
struct Belt {
    encoder: Encoder,
    place: i64,
    seqno: [u32; 2],
}

impl Belt {
    fn new() -> Self {
        Self {
            encoder: Encoder::new(QUADRATURE, false, false).unwrap(),
            place: 0,
            seqno: [0; 2],
        }
    }

    /// Edges that the belt makes on its way.
    fn go(&mut self, steps: i64) -> Vec<EncoderEdge> {
        (0..steps.abs())
            .map(|_| {
                let levels = |place: i64| match place.rem_euclid(4) {
                    0 => [false, false],
                    1 => [true, false],
                    2 => [true, true],
                    _ => [false, true],
                };
                let before = levels(self.place);
                self.place += steps.signum();
                let after = levels(self.place);
                let wire = usize::from(before[0] == after[0]);
                self.seqno[wire] += 1;
                EncoderEdge {
                    channel: [Channel::A, Channel::B][wire],
                    level: after[wire],
                    at_us: 0,
                    line_seqno: self.seqno[wire],
                }
            })
            .collect()
    }

    fn walk(&mut self, steps: i64) -> Vec<Motion> {
        let edges = self.go(steps);
        edges
            .into_iter()
            .map(|edge| self.encoder.edge(edge))
            .collect()
    }
}

#[test]
fn each_edge_is_a_count_with_a_direction() {
    let mut belt = Belt::new();
    assert!(belt.walk(5).iter().all(|motion| *motion == Motion::Forward));
    assert!(
        belt.walk(-3)
            .iter()
            .all(|motion| *motion == Motion::Backward)
    );
    let position = belt.encoder.position();
    assert_eq!(
        (position.furthest, position.behind, position.counts()),
        (5, 3, 2)
    );
}

#[test]
fn a_lost_edge_is_noticed_at_the_next_one_of_its_wire() {
    let mut belt = Belt::new();
    belt.walk(4);
    belt.go(2);
    assert!(belt.walk(2).contains(&Motion::Lost));
    assert!(!belt.walk(8).contains(&Motion::Lost), "and once only");
}

#[test]
fn an_edge_that_changes_nothing_hides_another_one() {
    let mut encoder = Encoder::new(QUADRATURE, false, false).unwrap();
    let edge = |line_seqno| EncoderEdge {
        channel: Channel::A,
        level: true,
        at_us: 0,
        line_seqno,
    };
    assert_eq!(encoder.edge(edge(1)), Motion::Forward);
    assert_eq!(encoder.edge(edge(1)), Motion::Still, "the same again");
    assert_eq!(encoder.edge(edge(2)), Motion::Lost);
}

#[test]
fn a_single_channel_counts_rising_edges_and_drops_glitches() {
    let spec = EncoderSpec {
        kind: EncoderKind::Single,
        pulse_min_us: 100,
    };
    let mut encoder = Encoder::new(spec, false, false).unwrap();
    let mut motions = Vec::new();
    for (line_seqno, at_us) in (0..).zip([0, 50, 60, 70, 200, 250]) {
        motions.push(encoder.edge(EncoderEdge {
            channel: Channel::A,
            level: line_seqno % 2 == 0,
            at_us,
            line_seqno,
        }));
    }
    let [f, s] = [Motion::Forward, Motion::Still];
    assert_eq!(motions, [f, s, s, s, f, s]);
}

#[test]
fn quadrature_takes_no_filter() {
    let spec = EncoderSpec {
        pulse_min_us: 5,
        ..QUADRATURE
    };
    assert!(Encoder::new(spec, false, false).is_err());
}

proptest! {
    /// Wherever a belt goes, its position is right and its furthest place never decreases.
    #[test]
    fn the_position_is_the_belt_s(walks in proptest::collection::vec(-20_i64..40, 1..40)) {
        let mut belt = Belt::new();
        let (mut furthest, mut place) = (0, 0);
        for steps in walks {
            belt.walk(steps);
            place += steps;
            furthest = furthest.max(place);
            let position = belt.encoder.position();
            prop_assert_eq!(position.furthest as i64, furthest);
            prop_assert_eq!(position.furthest as i64 - position.behind as i64, place);
        }
    }
}
