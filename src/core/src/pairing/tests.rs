use proptest::prelude::*;

use super::*;

const INTERVAL_US: u64 = 33_333;
const DISTANCE_MAX_US: u64 = INTERVAL_US / 2;
const DEVICE: SensorClock = SensorClock(0);
const HOST: SensorClock = SensorClock(1);

fn marked(number: u64, time_us: u64, clock: SensorClock) -> Marked<u64> {
    Marked {
        mark: Mark {
            number,
            time_us,
            clock,
            arrived_us: number * INTERVAL_US,
        },
        content: number,
    }
}

/// What goes in, in order of arrival: stream, number, time stamp in milliseconds, clock.
type Arrival = (Stream, u64, u64, SensorClock);

use Stream::{Colour, Depth};

/// Numbers of depth and colour of all pairs.
fn pairs(arrivals: &[Arrival]) -> (Vec<(u64, u64)>, PairingCounts) {
    let mut pairing = Pairing::new(DISTANCE_MAX_US);
    let found = arrivals
        .iter()
        .filter_map(|&(stream, number, time_ms, clock)| {
            pairing.push(stream, marked(number, time_ms * 1_000, clock))
        })
        .map(|pair| (pair.depth.content, pair.colour.content))
        .collect();
    (found, pairing.counts())
}

#[test]
fn pictures_of_one_moment_are_paired_whoever_comes_first() {
    let (found, counts) = pairs(&[
        (Depth, 1, 100, DEVICE),
        (Colour, 1, 101, DEVICE),
        (Colour, 2, 134, DEVICE),
        (Depth, 2, 133, DEVICE),
    ]);
    assert_eq!(found, [(1, 1), (2, 2)]);
    assert_eq!(
        counts,
        PairingCounts {
            pairs: 2,
            ..PairingCounts::default()
        }
    );
}

#[test]
fn a_picture_without_partner_is_passed_over() {
    let (found, counts) = pairs(&[
        (Depth, 1, 100, DEVICE),
        (Colour, 1, 101, DEVICE),
        (Depth, 2, 133, DEVICE),
        (Depth, 3, 166, DEVICE),
        (Colour, 3, 167, DEVICE),
    ]);
    assert_eq!(found, [(1, 1), (3, 3)]);
    assert_eq!((counts.unpaired, counts.gaps), (1, 1));
}

/// What the driver's own pipeline makes of a colour stream that has died: its last picture again and
/// again, at the full rate.
#[test]
fn a_repeated_picture_never_pairs() {
    let mut arrivals = vec![(Depth, 1, 100, DEVICE), (Colour, 1, 101, DEVICE)];
    for number in 2..100 {
        arrivals.push((Depth, number, 100 + 33 * number, DEVICE));
        arrivals.push((Colour, 1, 101, DEVICE));
    }
    let (found, counts) = pairs(&arrivals);
    assert_eq!(found, [(1, 1)]);
    assert_eq!(counts.repeated, 98);
    let dropped = counts.unpaired + HELD_MAX as u64;
    assert_eq!(dropped, 98);
}

/// The same, under numbers that go on but with the old stamp.
#[test]
fn an_old_stamp_under_a_new_number_never_pairs() {
    let (found, counts) = pairs(&[
        (Depth, 1, 100, DEVICE),
        (Colour, 1, 101, DEVICE),
        (Depth, 2, 133, DEVICE),
        (Colour, 2, 101, DEVICE),
        (Depth, 3, 166, DEVICE),
        (Colour, 3, 101, DEVICE),
    ]);
    assert_eq!(found, [(1, 1)]);
    assert_eq!(counts.turned_back, 2);
}

#[test]
fn stamps_too_far_apart_never_pair() {
    let colour_ms = |number: u64| 100 + 33 * number + 5_000;
    let arrivals: Vec<Arrival> = (1..50)
        .flat_map(|number| {
            [
                (Depth, number, 100 + 33 * number, DEVICE),
                (Colour, number, colour_ms(number), DEVICE),
            ]
        })
        .collect();
    assert_eq!(pairs(&arrivals).0, []);
}

#[test]
fn stamps_of_two_clocks_never_pair_however_close() {
    let arrivals: Vec<Arrival> = (1..50)
        .flat_map(|number| {
            [
                (Depth, number, 100 + 33 * number, DEVICE),
                (Colour, number, 100 + 33 * number, HOST),
            ]
        })
        .collect();
    let (found, counts) = pairs(&arrivals);
    assert_eq!(found, []);
    assert!(counts.clocks_apart > 40);
}

/// Time stamps of the host's come in after a few pictures, one stream before the other.
#[test]
fn pairing_goes_on_when_both_streams_have_changed_their_clock() {
    let mut arrivals = vec![(Depth, 1, 100, DEVICE), (Colour, 1, 100, DEVICE)];
    arrivals.extend([(Depth, 2, 9_000, HOST), (Colour, 2, 133, DEVICE)]);
    arrivals.extend([(Depth, 3, 9_033, HOST), (Colour, 3, 9_033, HOST)]);
    arrivals.extend([(Depth, 4, 9_066, HOST), (Colour, 4, 9_066, HOST)]);
    let (found, counts) = pairs(&arrivals);
    assert_eq!(found, [(1, 1), (3, 3), (4, 4)]);
    assert_eq!(counts.clock_changes, 2);
}

#[test]
fn a_clock_that_is_set_back_costs_the_pictures_around_it() {
    let (found, _) = pairs(&[
        (Depth, 1, 9_000, HOST),
        (Colour, 1, 9_000, HOST),
        (Depth, 2, 5_000, HOST),
        (Colour, 2, 5_000, HOST),
        (Depth, 3, 5_033, HOST),
        (Colour, 3, 5_033, HOST),
    ]);
    assert_eq!(found, [(1, 1), (3, 3)]);
}

#[test]
fn numbers_may_begin_anew_after_a_restart_alone() {
    let mut pairing = Pairing::new(DISTANCE_MAX_US);
    pairing.push(Depth, marked(7, 100, DEVICE));
    pairing.push(Colour, marked(7, 100, DEVICE));
    assert!(pairing.push(Depth, marked(1, 200, DEVICE)).is_none());
    assert!(pairing.push(Colour, marked(1, 200, DEVICE)).is_none());
    pairing.restart();
    pairing.push(Depth, marked(1, 300, DEVICE));
    assert!(pairing.push(Colour, marked(1, 300, DEVICE)).is_some());
}

/// One thing that a stream may do with its next picture.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Send,
    Drop,
    Repeat,
    JumpMs(i64),
    Clock(u32),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        8 => Just(Fault::Send),
        2 => Just(Fault::Drop),
        2 => Just(Fault::Repeat),
        1 => (-200_i64..200).prop_map(Fault::JumpMs),
        1 => (0_u32..2).prop_map(Fault::Clock),
    ]
}

proptest! {
    /// Whatever two streams do: both numbers of each pair are newer than those of the pair before,
    /// its stamps have one clock and lie close together.
    #[test]
    fn no_history_gives_a_pair_that_is_none(
        history in prop::collection::vec((any::<bool>(), fault(), 0_u64..5), 1..300)
    ) {
        let mut pairing = Pairing::new(DISTANCE_MAX_US);
        let mut streams = [(0_u64, 100_000_000_i64, 0_u32); 2];
        let mut last: Option<(u64, u64)> = None;
        for (is_depth, fault, jitter_ms) in history {
            let (number, time_us, clock) = &mut streams[usize::from(is_depth)];
            if !matches!(fault, Fault::Repeat) {
                *number += 1;
                *time_us += INTERVAL_US as i64;
            }
            match fault {
                Fault::Drop => continue,
                Fault::JumpMs(ms) => *time_us += ms * 1_000,
                Fault::Clock(changed) => *clock = changed,
                Fault::Send | Fault::Repeat => {}
            }
            let stamp_us = *time_us as u64 + jitter_ms * 1_000;
            let picture = marked(*number, stamp_us, SensorClock(*clock));
            let stream = if is_depth { Depth } else { Colour };
            if let Some(pair) = pairing.push(stream, picture) {
                let (depth, colour) = (pair.depth.mark, pair.colour.mark);
                prop_assert_eq!(depth.clock, colour.clock);
                prop_assert!(depth.time_us.abs_diff(colour.time_us) <= DISTANCE_MAX_US);
                if let Some((depth_before, colour_before)) = last {
                    prop_assert!(depth.number > depth_before);
                    prop_assert!(colour.number > colour_before);
                }
                last = Some((depth.number, colour.number));
            }
            prop_assert!(pairing.depth.held.len() <= HELD_MAX);
            prop_assert!(pairing.colour.held.len() <= HELD_MAX);
        }
    }

    /// Sound streams that only lose pictures: every moment that both show is paired.
    #[test]
    fn what_both_streams_show_is_paired(
        lost in prop::collection::vec((any::<bool>(), any::<bool>(), 0_u64..7, any::<bool>()), 1..200)
    ) {
        let mut pairing = Pairing::new(DISTANCE_MAX_US);
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        for (place, &(depth_lost, colour_lost, apart_ms, colour_first)) in lost.iter().enumerate() {
            let number = place as u64 + 1;
            let time_us = number * INTERVAL_US;
            let mut arrivals = vec![
                (Depth, depth_lost, time_us),
                (Colour, colour_lost, time_us + apart_ms * 1_000),
            ];
            if colour_first {
                arrivals.reverse();
            }
            if !depth_lost && !colour_lost {
                expected.push((number, number));
            }
            for (stream, is_lost, time_us) in arrivals {
                if !is_lost
                    && let Some(pair) = pairing.push(stream, marked(number, time_us, DEVICE))
                {
                    found.push((pair.depth.content, pair.colour.content));
                }
            }
        }
        prop_assert_eq!(found, expected);
    }
}
