//! The laws that stations under fault are held to: runs that break them are found.

use twinspect_tests::chaos::{Event, LeftPart, Moment, Record, Recovery, violations};

use super::trial::is_good;

const PULSE_US: u64 = 30;

fn part(number: u64, verdict: &str, label: &str) -> LeftPart {
    LeftPart {
        number,
        verdict: verdict.to_owned(),
        reason: None,
        label: Some(label.to_owned()),
        left_us: 1_000 * number,
    }
}

fn wire(name: &str, level: bool, part: u64, at_us: u64) -> Event {
    Event::Wire {
        wire: name.to_owned(),
        level,
        part,
        at_us,
    }
}

fn answered(number: u64, verdict: &str) -> Event {
    Event::Answered {
        number,
        verdict: verdict.to_owned(),
    }
}

fn obstacle(why: &str) -> Event {
    Event::Obstacle(Some(why.to_owned()))
}

fn struck(fault: &str, number: u64) -> Event {
    Event::Struck {
        fault: fault.to_owned(),
        number,
        process: 1,
    }
}

/// A record with an event in each microsecond.
fn record(events: Vec<Event>) -> Record {
    let moments = (0_u64..)
        .zip(events)
        .map(|(t_us, event)| Moment { t_us, event });
    Record(moments.collect())
}

/// A good part and a bad one, and wires as they should be.
fn sound() -> (Vec<LeftPart>, Vec<Event>) {
    let parts = vec![part(1, "pass", "00-pass"), part(2, "fail", "01-fail")];
    let events = vec![
        wire("ready", true, 0, 10),
        Event::Obstacle(None),
        wire("pass", true, 1, 1_002),
        wire("pass", false, 1, 1_031),
        wire("ready", false, 0, 1_500),
        obstacle("starting"),
    ];
    (parts, events)
}

fn found(parts: &[LeftPart], events: Vec<Event>) -> Vec<String> {
    violations(parts, &record(events), PULSE_US, is_good)
}

#[test]
fn a_sound_run_breaks_no_law() {
    let (parts, events) = sound();
    assert_eq!(found(&parts, events), [""; 0]);
}

#[test]
fn parts_that_are_lost_swapped_or_escape_are_found() {
    let (mut parts, events) = sound();
    parts[1].number = 3;
    assert_eq!(found(&parts, events).len(), 1);
    let (mut parts, mut events) = sound();
    parts[1].verdict = "pass".to_owned();
    events.insert(4, wire("pass", true, 2, 2_000));
    events.insert(5, wire("pass", false, 2, 2_030));
    assert_eq!(found(&parts, events).len(), 1);
    let (mut parts, events) = sound();
    parts[0].label = None;
    assert_eq!(found(&parts, events).len(), 1, "nobody knows what it is");
}

#[test]
fn pulses_at_the_wrong_time_are_found() {
    for (place, wrong, count) in [
        // Too early, and so it is for no part; too late; for the neighbour; never.
        (2, wire("pass", true, 1, 990), 1),
        (2, wire("pass", true, 1, 1_031), 1),
        (2, wire("pass", true, 2, 1_002), 3),
        (2, Event::Obstacle(None), 1),
        // It stays open for the neighbour.
        (3, wire("pass", false, 1, 2_001), 1),
        (3, Event::Obstacle(None), 1),
    ] {
        let (parts, mut events) = sound();
        events[place] = wrong.clone();
        let found = found(&parts, events);
        assert_eq!(found.len(), count, "{wrong:?}: {found:?}");
    }
}

#[test]
fn a_beat_of_a_station_that_is_not_ready_is_found() {
    let (parts, mut events) = sound();
    events.remove(4);
    assert_eq!(found(&parts, events).len(), 1, "high as it falls");
    let (parts, mut events) = sound();
    events.extend([
        wire("ready", true, 0, 1_600),
        wire("ready", false, 0, 1_700),
        wire("ready", true, 0, 1_800),
    ]);
    assert_eq!(found(&parts, events).len(), 1, "beats on");
}

#[test]
fn a_fault_is_over_when_the_station_is_ready_and_judges() {
    let fault = "engine:hang@2";
    let mut events = vec![
        Event::Obstacle(None),
        answered(1, "pass"),
        struck(fault, 2),
        answered(3, "no_result"),
        obstacle("silent"),
        obstacle("starting"),
        Event::Obstacle(None),
        answered(8, "no_result"),
        answered(9, "fail"),
    ];
    let recovery = Recovery {
        ready_us: Some(4),
        judged_us: 6,
    };
    assert_eq!(record(events.clone()).recovery(fault), Some(recovery));
    assert!(
        !record(events.clone()).is_over(fault),
        "one part may be of before"
    );
    events.extend([answered(10, "pass"), answered(11, "pass")]);
    assert!(record(events.clone()).is_over(fault));
    assert!(!record(events.clone()).is_over("engine:hang@3"));
    events.push(obstacle("silent"));
    assert!(!record(events).is_over(fault));
    let harmless = record(vec![
        struck(fault, 2),
        answered(2, "pass"),
        obstacle("closing"),
    ]);
    let recovery = Recovery {
        ready_us: None,
        judged_us: 1,
    };
    assert_eq!(harmless.recovery(fault), Some(recovery));
}
