use proptest::prelude::*;

use super::*;
use crate::lookout::Seen;

const SENSOR: TriggerSpec = TriggerSpec {
    source: SourceSpec::Sensor { debounce_us: 5 },
    spacing: SpacingSpec::Time {
        min_us: 50,
        max_us: Some(200),
    },
};

fn belt(counts: u64) -> BeltPosition {
    BeltPosition {
        furthest: counts,
        behind: 0,
    }
}

/// What edges lead to: time, level, and how many numbers each goes on by.
fn seen(spec: TriggerSpec, edges: &[(u64, bool, u32)], until_us: u64) -> Vec<TriggerEvent> {
    let mut trigger = Trigger::new(spec).unwrap();
    let mut events = Vec::new();
    let mut line_seqno = 0;
    for &(at_us, level, step) in edges {
        line_seqno += step;
        let edge = SensorEdge {
            level,
            at_us,
            line_seqno,
        };
        events.extend_from_slice(&trigger.edge(edge, BeltPosition::default()));
    }
    events.extend_from_slice(&trigger.tick(until_us.into()));
    events
}

fn part(at_us: u64) -> TriggerEvent {
    TriggerEvent::Part(at_us.into())
}

#[test]
fn a_level_that_lasts_is_a_part_at_its_own_time() {
    assert_eq!(seen(SENSOR, &[(10, true, 1)], 14), []);
    assert_eq!(seen(SENSOR, &[(10, true, 1)], 15), [part(10)]);
    assert_eq!(
        seen(SENSOR, &[(10, true, 1), (30, false, 1)], 90),
        [part(10)]
    );
}

#[test]
fn bouncing_is_one_part() {
    let edges = [
        (10, true, 1),
        (12, false, 1),
        (13, true, 1),
        (40, false, 1),
        (41, true, 1),
    ];
    assert_eq!(
        seen(SENSOR, &edges, 60),
        [part(13)],
        "the dip at 40 is too short"
    );
    assert_eq!(
        seen(SENSOR, &[(10, true, 1), (12, false, 1)], 60),
        [],
        "a glitch"
    );
}

#[test]
fn what_follows_too_closely_is_a_double() {
    let edges = [
        (10, true, 1),
        (20, false, 1),
        (40, true, 1),
        (50, false, 1),
        (95, true, 1),
    ];
    let double = TriggerEvent::Double(40.into());
    assert_eq!(seen(SENSOR, &edges, 100), [part(10), double, part(95)]);
}

#[test]
fn a_gap_that_is_too_long_is_a_missed_part_once() {
    let missed = |to: u64| TriggerEvent::Missed {
        from: 60.into(),
        to: to.into(),
    };
    let edges = [(10, true, 1), (20, false, 1)];
    assert_eq!(seen(SENSOR, &edges, 210), [part(10)]);
    assert_eq!(seen(SENSOR, &edges, 211), [part(10), missed(211)]);
    let late = [&edges[..], &[(300, true, 1)]].concat();
    assert_eq!(seen(SENSOR, &late, 310), [part(10), missed(300), part(300)]);

    let mut trigger = Trigger::new(SENSOR).unwrap();
    trigger.software(10.into());
    assert_eq!(trigger.next_tick_us(), Some(211));
    assert_eq!(trigger.tick(211.into()).len(), 1);
    assert_eq!(
        (trigger.tick(500.into()).len(), trigger.next_tick_us()),
        (0, None)
    );
}

#[test]
fn lost_edges_are_told_with_the_stretch_that_they_hide() {
    let lost = |from: u64, to: u64| TriggerEvent::Lost {
        from: from.into(),
        to: to.into(),
    };
    let double = TriggerEvent::Double(90.into());
    let edges = [(10, true, 1), (20, false, 1), (90, false, 2)];
    assert_eq!(seen(SENSOR, &edges, 99), [part(10), lost(20, 90)]);
    let up_again = [(10, true, 1), (20, false, 1), (90, true, 3)];
    assert_eq!(
        seen(SENSOR, &up_again, 99),
        [part(10), lost(20, 90), double]
    );
    let unnumbered = [(10, true, 1), (90, true, 1)];
    assert_eq!(
        seen(SENSOR, &unnumbered, 99),
        [part(10), lost(10, 90), double]
    );
    let repeated = [(10, true, 1), (12, false, 0)];
    assert_eq!(seen(SENSOR, &repeated, 99), [part(10)]);
}

const PRESENCE: PresenceSpec = PresenceSpec {
    on_share: 0.2,
    off_share: 0.1,
    most_share: 0.5,
    sight_max_us: 100,
    gap_max_us: 25,
};

/// What pictures lead to: time, share, and how far from the middle; whole unless that is a side.
fn watched(pictures: &[(u64, f32, f32)]) -> (Vec<TriggerEvent>, Trigger) {
    let spec = TriggerSpec {
        source: SourceSpec::Presence(PRESENCE),
        ..SENSOR
    };
    let mut trigger = Trigger::new(spec).unwrap();
    let mut events = Vec::new();
    for &(at_us, share, offset) in pictures {
        let seen = Seen {
            share,
            is_whole: offset < 0.8,
            offset,
        };
        events.extend_from_slice(&trigger.sight(Sight { at_us, seen }));
    }
    (events, trigger)
}

/// Pictures of a part that passes the middle at this time.
fn passing(at_us: u64) -> [(u64, f32, f32); 6] {
    [
        (at_us - 40, 0.0, 0.0),
        (at_us - 20, 0.25, 0.9),
        (at_us, 0.3, 0.0),
        (at_us + 20, 0.28, 0.8),
        (at_us + 40, 0.15, 0.9),
        (at_us + 45, 0.05, 1.0),
    ]
}

#[test]
fn a_part_that_a_camera_sees_has_the_time_of_its_picture_and_its_space() {
    let (events, trigger) = watched(&passing(100));
    assert_eq!(events, [part(100)]);
    assert!(trigger.watches());
    assert_eq!(trigger.next_tick_us(), None, "the belt was seen empty");
    // The space of 50 is not kept: a thing that comes into sight at once and is gone at once.
    let soon = [(168, 0.3, 0.0), (172, 0.0, 0.0)];
    let pictures = [&passing(120)[..], &soon].concat();
    let (events, _) = watched(&pictures);
    assert_eq!(events, [part(120), TriggerEvent::Double(168.into())]);
}

#[test]
fn what_a_camera_sees_and_can_t_tell_is_counted_and_no_part() {
    let never_whole: Vec<_> = passing(100)
        .into_iter()
        .map(|(at_us, share, _)| (at_us, share, 0.9))
        .collect();
    let (events, trigger) = watched(&never_whole);
    let unclear = TriggerEvent::Unclear {
        from: 80.into(),
        to: 145.into(),
    };
    assert_eq!(events, [unclear]);
    assert_eq!(trigger.counters().unclear, 1);

    let (events, trigger) = watched(&[(0, 0.0, 0.0), (10, 0.3, 0.5), (20, 0.6, 0.4)]);
    assert!(matches!(events[..], [TriggerEvent::Unclear { .. }]));
    assert_eq!(trigger.counters().doubles, 1);

    let (events, mut trigger) = watched(&passing(100)[..4]);
    assert_eq!(events, [part(100)]);
    assert_eq!(trigger.next_tick_us(), Some(80 + 125));
    assert_eq!(trigger.tick(205.into())[..], [TriggerEvent::Stuck]);
    assert_eq!(trigger.counters().stuck, 1);

    let (events, trigger) = watched(&[(0, 0.0, 0.0), (30, 0.0, 0.0)]);
    assert!(matches!(events[..], [TriggerEvent::Lost { .. }]));
    assert_eq!(trigger.counters().losses, 1);
}

#[test]
fn a_part_is_missed_by_the_time_of_pictures_alone() {
    let mut pictures = passing(100).to_vec();
    pictures.extend((160..=320).step_by(20).map(|at_us| (at_us, 0.0, 0.0)));
    let (events, mut trigger) = watched(&pictures);
    let missed = TriggerEvent::Missed {
        from: 150.into(),
        to: 320.into(),
    };
    assert_eq!(events, [part(100), missed]);
    let (_, mut waiting) = watched(&passing(100));
    assert!(!waiting.is_due(10_000.into()), "a picture may be under way");
    assert!(waiting.tick(10_000.into()).is_empty());
    assert!(trigger.tick(10_000.into()).is_empty());
}

const ON_BELT: TriggerSpec = TriggerSpec {
    source: SourceSpec::Sensor { debounce_us: 0 },
    spacing: SpacingSpec::Belt {
        min_counts: 50,
        max_counts: Some(200),
        jitter_counts: 2,
    },
};

#[test]
fn parts_that_a_belt_brings_back_are_no_new_ones() {
    let mut trigger = Trigger::new(ON_BELT).unwrap();
    let moment = |furthest, behind| Moment::new(0, BeltPosition { furthest, behind });
    assert_eq!(trigger.software(moment(10, 0)).len(), 1);
    assert!(trigger.software(moment(100, 90)).is_empty(), "turned back");
    let events = trigger.software(moment(100, 2));
    assert!(
        matches!(events[..], [TriggerEvent::Part(_)]),
        "shaking is no turning back"
    );
    assert_eq!(trigger.counters().recrossed, 1);
}

#[test]
fn a_belt_that_stands_misses_no_part() {
    let mut trigger = Trigger::new(ON_BELT).unwrap();
    trigger.software(Moment::new(0, belt(10)));
    assert!(trigger.tick(Moment::new(1_000_000, belt(210))).is_empty());
    let events = trigger.tick(Moment::new(1_000_001, belt(211)));
    assert!(matches!(events[..], [TriggerEvent::Missed { .. }]));
}

#[test]
fn a_spec_names_all_of_its_problems() {
    let problems = |source, spacing| TriggerSpec { source, spacing }.problems().count();
    let time = |min_us, max_us| SpacingSpec::Time { min_us, max_us };
    let sensor = |debounce_us| SourceSpec::Sensor { debounce_us };
    let presence = |on_share, off_share| {
        SourceSpec::Presence(PresenceSpec {
            on_share,
            off_share,
            ..PRESENCE
        })
    };
    assert_eq!(problems(sensor(5), time(50, Some(60))), 0);
    assert_eq!(problems(sensor(50), time(50, Some(50))), 2);
    assert_eq!(problems(presence(0.1, 0.2), time(0, None)), 2);
    assert_eq!(problems(presence(f32::NAN, 0.2), time(1, None)), 1);
    assert_eq!(problems(presence(0.5, 0.2), time(1, None)), 1);
    assert_eq!(problems(presence(0.2, 0.1), time(1, Some(101))), 0);
    assert_eq!(problems(presence(0.2, 0.1), time(1, Some(100))), 1);
    for (sight_max_us, gap_max_us) in [(25, 25), (0, 0)] {
        let spec = PresenceSpec {
            sight_max_us,
            gap_max_us,
            ..PRESENCE
        };
        assert_eq!(problems(SourceSpec::Presence(spec), time(1, None)), 1);
    }
    let shaking = SpacingSpec::Belt {
        min_counts: 5,
        max_counts: None,
        jitter_counts: 5,
    };
    assert_eq!(problems(SourceSpec::Software, shaking), 1);
}

proptest! {
    /// Whatever a wire does: parts keep their space, come in order and never before their edge,
    /// each rising edge leads to one event at most, and every gap in the numbers is told.
    #[test]
    fn every_wire_gives_parts_in_order_and_apart(
        edges in proptest::collection::vec((0_u64..60, any::<bool>(), prop_oneof![8 => Just(1_u32), 1 => 2..5_u32]), 1..80),
    ) {
        let mut at_us = 0;
        let mut gaps = 0;
        let mut rising = 0;
        let edges: Vec<(u64, bool, u32)> = edges
            .into_iter()
            .enumerate()
            .map(|(index, (step, level, seqno))| {
                at_us += step;
                gaps += usize::from(index > 0 && seqno > 1);
                rising += usize::from(level);
                (at_us, level, seqno)
            })
            .collect();
        let events = seen(SENSOR, &edges, at_us + 1_000);
        let mut last_part: Option<u64> = None;
        let (mut losses, mut fronts) = (0, 0);
        for event in events {
            match event {
                TriggerEvent::Part(moment) => {
                    fronts += 1;
                    prop_assert!(edges.iter().any(|edge| (edge.0, edge.1) == (moment.at_us, true)));
                    prop_assert!(last_part.is_none_or(|last| moment.at_us >= last + 50));
                    last_part = Some(moment.at_us);
                }
                TriggerEvent::Double(_) => fronts += 1,
                TriggerEvent::Lost { from, to } => {
                    prop_assert!(from.at_us <= to.at_us);
                    losses += 1;
                    last_part = None;
                }
                TriggerEvent::Missed { from, to } => prop_assert!(from.at_us <= to.at_us),
                TriggerEvent::Unclear { .. } | TriggerEvent::Stuck => prop_assert!(false),
            }
        }
        prop_assert!(losses >= gaps);
        prop_assert!(fronts <= rising);
    }
}
