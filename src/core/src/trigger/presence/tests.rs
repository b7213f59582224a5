use proptest::prelude::*;

use super::*;

const SPEC: PresenceSpec = PresenceSpec {
    on_share: 0.1,
    off_share: 0.05,
    most_share: 0.4,
    sight_max_us: 120,
    gap_max_us: 25,
};

/// A region 100 long, at its middle at 0, and parts 25 long; a place a microsecond.
fn picture(at_us: u64, middles: &[i64]) -> Sight {
    let (mut length, mut moment, mut is_whole) = (0, 0, true);
    for middle in middles {
        let (from, to) = ((middle - 12).max(-50), (middle + 13).min(50));
        if from < to {
            length += to - from;
            moment += (to - from) * (from + to) / 2;
            is_whole &= from > -48 && to < 48;
        }
    }
    Sight {
        at_us,
        seen: Seen {
            share: length as f32 / 100.0,
            is_whole: is_whole && length > 0,
            offset: (moment as f32 / length.max(1) as f32).abs() / 50.0,
        },
    }
}

/// What is said when parts cross the middle at these times, seen at those.
fn said(crossings: &[i64], taken: impl IntoIterator<Item = u64>) -> Vec<Spotted> {
    let mut presence = Presence::new(SPEC);
    taken
        .into_iter()
        .flat_map(|at_us| {
            let middles: Vec<i64> = crossings.iter().map(|us| at_us as i64 - us).collect();
            presence.look(picture(at_us, &middles))
        })
        .collect()
}

fn part(at_us: u64) -> Spotted {
    Spotted::Part { at_us }
}

#[test]
fn a_part_is_told_by_the_picture_that_shows_it_nearest_to_the_middle() {
    assert_eq!(said(&[200], (0..400).step_by(10)), [part(200)]);
    assert_eq!(said(&[203], (0..400).step_by(10)), [part(200)]);
    assert_eq!(said(&[207], (0..400).step_by(10)), [part(210)]);
    assert_eq!(
        said(&[200, 340], (0..600).step_by(20)),
        [part(200), part(340)]
    );
}

#[test]
fn a_part_that_has_gone_with_the_next_picture_is_told_all_the_same() {
    let mut presence = Presence::new(SPEC);
    let pictures = [picture(0, &[]), picture(20, &[3]), picture(40, &[])];
    let said: Vec<Spotted> = pictures
        .into_iter()
        .flat_map(|picture| presence.look(picture))
        .collect();
    assert_eq!(said, [part(20)]);
}

#[test]
fn the_belt_must_be_seen_empty_between_two_parts() {
    // The second one comes into sight before the first one has gone, and lies wholly in the region
    // when that has.
    let said = said(&[200, 290], (0..500).step_by(10));
    assert_eq!(said[0], part(200));
    assert!(
        matches!(said[1..], [Spotted::Stuck { from_us: 150, .. }]),
        "{said:?}"
    );
}

#[test]
fn two_parts_at_once_are_none() {
    let crowded = said(&[200, 226], (0..500).step_by(10));
    assert!(
        matches!(
            crowded[0],
            Spotted::Crowd {
                from_us: 150,
                to_us: 180
            }
        ),
        "{crowded:?}"
    );
    assert!(
        !crowded
            .iter()
            .any(|spot| matches!(spot, Spotted::Part { .. }))
    );
}

#[test]
fn something_that_no_picture_shows_whole_is_no_part() {
    let mut presence = Presence::new(SPEC);
    let mut bar = picture(20, &[0]);
    bar.seen.is_whole = false;
    let said: Vec<Spotted> = [picture(0, &[]), bar, picture(40, &[])]
        .into_iter()
        .flat_map(|picture| presence.look(picture))
        .collect();
    let unclear = Spotted::Unclear {
        from_us: 20,
        to_us: 40,
    };
    assert_eq!(said, [unclear]);
}

#[test]
fn a_picture_that_is_not_whole_is_never_named_even_if_it_is_nearest() {
    let mut presence = Presence::new(SPEC);
    let mut touched = picture(30, &[0]);
    touched.seen.is_whole = false;
    let pictures = [
        picture(10, &[]),
        picture(20, &[-10]),
        touched,
        picture(40, &[10]),
    ];
    let said: Vec<Spotted> = pictures
        .into_iter()
        .flat_map(|picture| presence.look(picture))
        .collect();
    assert!(matches!(said[..], [Spotted::Unclear { .. }]), "{said:?}");
}

#[test]
fn what_comes_into_sight_before_the_nearest_picture_is_known_leaves_it_open() {
    // The next part's edge comes into the picture before this one's middle has.
    let close = said(&[200, 248], (0..220).step_by(10));
    assert!(matches!(close[..], [Spotted::Unclear { .. }]), "{close:?}");
    // One that leaves is seen in pieces, too.
    let rare = said(&[200], [130, 150, 170, 195, 220, 240, 260, 270]);
    assert_eq!(rare, [part(195)]);
}

#[test]
fn a_belt_that_stands_is_told_once_by_pictures_or_by_their_absence() {
    let stuck = |to_us| Spotted::Stuck { from_us: 20, to_us };
    let mut presence = Presence::new(SPEC);
    presence.look(picture(0, &[]));
    let mut said = Vec::new();
    for at_us in (20..300).step_by(20) {
        said.extend(presence.look(picture(at_us, &[-5])));
    }
    assert_eq!(said, [stuck(160)]);
    let mut presence = Presence::new(SPEC);
    presence.look(picture(0, &[]));
    presence.look(picture(20, &[-5]));
    assert_eq!(presence.next_tick_us(), Some(165));
    assert_eq!(presence.tick(164), None);
    assert_eq!(presence.tick(165), Some(stuck(165)));
    assert_eq!((presence.tick(400), presence.next_tick_us()), (None, None));
}

#[test]
fn missing_pictures_are_told_and_what_lies_there_then_is_no_part() {
    let lost = |from_us, to_us| Spotted::Lost { from_us, to_us };
    let at = |times: &[u64]| said(&[200], times.iter().copied());
    assert_eq!(at(&[20, 40, 100, 120]), [lost(40, 100)]);
    // The picture in the middle is missing.
    let blind = at(&[140, 160, 180, 240, 260, 280]);
    assert_eq!(blind, [lost(180, 240)]);
    // The end of a part that was told was not seen.
    let open = at(&[140, 160, 180, 200, 220, 280, 300]);
    let double = Spotted::Double { at_us: 280 };
    assert_eq!(open, [part(200), double, lost(220, 280)]);
}

#[test]
fn what_lies_there_at_the_start_is_no_part() {
    assert_eq!(said(&[200], (180..400).step_by(10)), []);
}

#[test]
fn repeated_pictures_and_no_numbers_say_nothing() {
    let mut presence = Presence::new(SPEC);
    presence.look(picture(20, &[]));
    assert!(presence.look(picture(20, &[0])).is_empty());
    assert!(presence.look(picture(10, &[0])).is_empty());
    let mut odd = picture(30, &[]);
    (odd.seen.share, odd.seen.offset) = (f32::NAN, f32::NAN);
    assert!(presence.look(odd).is_empty());
    assert!(presence.is_clear());
}

proptest! {
    /// However parts lie and whenever pictures are taken: a part that stays told was told by a picture
    /// that was taken, shows it alone and wholly, within half a gap of its crossing, once, in order.
    #[test]
    fn a_told_part_is_one_that_was_there(
        spaces in proptest::collection::vec(20_i64..260, 1..12),
        steps in proptest::collection::vec(prop_oneof![12 => 5_u64..20, 1 => 20..70_u64], 40..160),
    ) {
        let mut crossing = 60;
        let crossings: Vec<i64> = spaces
            .into_iter()
            .map(|space| {
                crossing += space;
                crossing
            })
            .collect();
        let mut at_us = 0;
        let taken: Vec<u64> = steps
            .into_iter()
            .map(|step| {
                at_us += step;
                at_us
            })
            .collect();
        let mut told = Vec::new();
        for spot in said(&crossings, taken.clone()) {
            match spot {
                Spotted::Part { at_us } => told.push(at_us as i64),
                Spotted::Double { .. } | Spotted::Stuck { .. } => {
                    told.pop();
                }
                _ => {}
            }
        }
        prop_assert!(told.is_sorted_by(|one, other| one < other));
        let mut matched = Vec::new();
        for at_us in told {
            prop_assert!(taken.contains(&(at_us as u64)));
            let shown: Vec<i64> = crossings
                .iter()
                .copied()
                .filter(|crossing| (at_us - crossing).abs() < 62)
                .collect();
            prop_assert_eq!(shown.len(), 1);
            prop_assert!((at_us - shown[0]).abs() <= 13, "{} {:?}", at_us, shown);
            prop_assert!(!matched.contains(&shown[0]));
            matched.push(shown[0]);
        }
    }
}
