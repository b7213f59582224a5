use proptest::prelude::*;

use super::*;
use crate::belt::BeltPosition;

const SPEC: GateSpec = GateSpec {
    way: Way::Time {
        delay_us: 100,
        merge_us: 0,
    },
    deadline_us: 80,
    pulse_us: 10,
    mode: OutputMode::PassPulse,
};

fn gate(spec: GateSpec) -> Gate<8> {
    Gate::new(spec).unwrap()
}

fn reject_pulse() -> GateSpec {
    GateSpec {
        mode: OutputMode::RejectPulse,
        ..SPEC
    }
}

/// Level and due time.
type Edges = Vec<(bool, u64)>;
/// Number and outcome.
type Outcomes = Vec<(u64, Outcome)>;

/// What comes of ticking at each microsecond up to `until`.
fn watch(gate: &mut Gate<8>, until: u64) -> (Edges, Outcomes) {
    let (mut edges, mut outcomes) = (Vec::new(), Vec::new());
    for now in 0..=until {
        for action in gate.tick(now) {
            match action {
                Action::Drive { level, due_us, .. } => edges.push((level, due_us)),
                Action::Leave {
                    number, outcome, ..
                } => outcomes.push((number, outcome)),
            }
        }
    }
    (edges, outcomes)
}

#[test]
fn a_passed_part_gets_one_pulse_at_its_place() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    assert_eq!(gate.verdict(1, Outcome::Pass, 50), Heard::InTime);
    let (edges, outcomes) = watch(&mut gate, 200);
    assert_eq!(edges, [(true, 100), (false, 110)]);
    assert_eq!(outcomes, [(1, Outcome::Pass)]);
}

#[test]
fn silence_rejects() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    let (edges, outcomes) = watch(&mut gate, 200);
    assert!(edges.is_empty());
    assert_eq!(outcomes, [(1, Outcome::NoResult(Reason::Late))]);
}

#[test]
fn an_answer_at_the_deadline_is_late() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    assert_eq!(gate.verdict(1, Outcome::Pass, 80), Heard::Late);
    assert_eq!(watch(&mut gate, 200).0, []);
    assert_eq!(gate.counters().late_results, 1);
}

#[test]
fn the_first_answer_stands() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    gate.verdict(1, Outcome::Fail, 10);
    assert_eq!(gate.verdict(1, Outcome::Pass, 11), Heard::Duplicate);
    assert_eq!(watch(&mut gate, 200).1, [(1, Outcome::Fail)]);
}

#[test]
fn answers_to_nobody_change_nothing() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    assert_eq!(gate.verdict(0, Outcome::Pass, 1), Heard::Unknown);
    assert_eq!(gate.verdict(2, Outcome::Pass, 1), Heard::Unknown);
    assert_eq!(gate.counters().unknown_results, 2);
}

#[test]
fn answers_may_come_out_of_order() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    gate.trigger(20);
    gate.verdict(2, Outcome::Pass, 30);
    gate.verdict(1, Outcome::Fail, 40);
    let (edges, outcomes) = watch(&mut gate, 300);
    assert_eq!(outcomes, [(1, Outcome::Fail), (2, Outcome::Pass)]);
    assert_eq!(edges, [(true, 120), (false, 130)]);
}

#[test]
fn adjacent_pulses_merge() {
    let mut gate = gate(SPEC);
    for at in [0, 10, 15] {
        gate.trigger(at);
    }
    for number in 1..=3 {
        gate.verdict(number, Outcome::Pass, 20);
    }
    assert_eq!(watch(&mut gate, 300).0, [(true, 100), (false, 125)]);
}

#[test]
fn what_is_given_up_leaves_at_once_and_passes_nowhere() {
    for spec in [SPEC, reject_pulse()] {
        let mut gate = gate(spec);
        for at in 0..20 {
            gate.trigger(at);
        }
        for number in 1..=20 {
            gate.verdict(number, Outcome::Pass, 30);
        }
        gate.give_up(Reason::Stopped);
        let (edges, outcomes) = watch(&mut gate, 40);
        let numbers: Vec<u64> = outcomes.iter().map(|(number, _)| *number).collect();
        assert!(numbers.iter().copied().eq(1..=20), "{numbers:?}");
        let is_rejected = |(_, outcome): &(u64, Outcome)| matches!(outcome, Outcome::NoResult(_));
        assert!(outcomes.iter().all(is_rejected), "{outcomes:?}");
        let opens = spec.mode == OutputMode::PassPulse && edges.iter().any(|(level, _)| *level);
        assert!(!opens, "{edges:?}");
        assert_eq!(gate.parts_under_way(), 0);
    }
}

#[test]
fn a_pass_pulse_ends_when_the_rest_is_given_up() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    gate.verdict(1, Outcome::Pass, 50);
    assert_eq!(gate.tick(104).count(), 2);
    gate.give_up(Reason::Stopped);
    assert_eq!(watch(&mut gate, 104).0.len(), 1);
    assert!(gate.is_idle());
}

#[test]
fn a_rejected_neighbour_cuts_a_pass_pulse() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    gate.trigger(4);
    gate.verdict(1, Outcome::Pass, 20);
    gate.verdict(2, Outcome::Fail, 20);
    assert_eq!(watch(&mut gate, 300).0, [(true, 100), (false, 104)]);
}

#[test]
fn a_passed_neighbour_does_not_cut_a_reject_pulse() {
    let mut gate = gate(reject_pulse());
    gate.trigger(0);
    gate.trigger(4);
    gate.verdict(1, Outcome::Fail, 20);
    gate.verdict(2, Outcome::Pass, 20);
    assert_eq!(watch(&mut gate, 300).0, [(true, 100), (false, 110)]);
}

#[test]
fn parts_without_a_place_leave_rejected_and_in_order() {
    let mut gate = gate(reject_pulse());
    for now in 0..12 {
        let admission = gate.trigger(now);
        gate.verdict(admission.number(), Outcome::Pass, now);
        assert_eq!(matches!(admission, Admission::Overrun { .. }), now >= 7);
    }
    let (edges, outcomes) = watch(&mut gate, 300);
    let numbers: Vec<u64> = outcomes.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    for (number, outcome) in outcomes {
        let expected = if number <= 7 {
            Outcome::Pass
        } else {
            Outcome::NoResult(Reason::Overrun)
        };
        assert_eq!(outcome, expected);
    }
    // One pulse from the first part without a place to the end of the last one's.
    assert_eq!(edges, [(true, 107), (false, 121)]);
}

#[test]
fn a_lost_inspector_rejects_the_undecided() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    gate.trigger(10);
    gate.verdict(1, Outcome::Pass, 20);
    gate.abandon(Reason::Inspector, 30);
    assert_eq!(gate.verdict(2, Outcome::Pass, 40), Heard::Duplicate);
    let (_, outcomes) = watch(&mut gate, 300);
    assert_eq!(
        outcomes,
        [
            (1, Outcome::Pass),
            (2, Outcome::NoResult(Reason::Inspector))
        ]
    );
}

#[test]
fn a_late_tick_shortens_the_pulse_and_a_missed_one_is_no_pass() {
    let mut late = gate(SPEC);
    late.trigger(0);
    late.verdict(1, Outcome::Pass, 1);
    assert_eq!(late.tick(106).count(), 2);
    assert_eq!(late.next_tick_us(), Some(110));

    let mut missed = gate(SPEC);
    missed.trigger(0);
    missed.verdict(1, Outcome::Pass, 1);
    let actions: Vec<Action> = missed.tick(110).collect();
    assert!(
        matches!(
            actions[..],
            [Action::Leave {
                outcome: Outcome::NoResult(Reason::Late),
                ..
            }]
        ),
        "{actions:?}"
    );
    assert_eq!(missed.counters().missed_pulses, 1);
}

#[test]
fn actions_that_were_not_taken_come_again() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    gate.verdict(1, Outcome::Pass, 1);
    assert_eq!(gate.tick(100).take(1).count(), 1);
    assert_eq!(gate.next_tick_us(), Some(100));
    assert!(matches!(gate.tick(100).next(), Some(Action::Leave { .. })));
}

#[test]
fn a_spec_names_all_of_its_problems() {
    let spec = GateSpec {
        deadline_us: 200,
        pulse_us: 0,
        ..SPEC
    };
    let problems: Vec<GateError> = spec.problems().collect();
    assert_eq!(problems.len(), 2);
    assert_eq!(
        Gate::<8>::new(spec).err().as_ref(),
        problems.first(),
        "new reports the first of the problems"
    );
}

const BELT: GateSpec = GateSpec {
    way: Way::Belt {
        delay_counts: 100,
        pulse_counts: 10,
        merge_counts: 0,
    },
    deadline_us: 1_000,
    pulse_us: 50,
    mode: OutputMode::PassPulse,
};

fn moment(at_us: u64, furthest: u64, behind: u64) -> Moment {
    Moment::new(at_us, BeltPosition { furthest, behind })
}

/// Levels of the wire after each of these moments.
fn levels(gate: &mut Gate<8>, moments: &[(u64, u64, u64)]) -> Vec<bool> {
    let mut level = false;
    let mut levels = Vec::new();
    for &(at_us, furthest, behind) in moments {
        for action in gate.tick(moment(at_us, furthest, behind)) {
            if let Action::Drive { level: new, .. } = action {
                level = new;
            }
        }
        levels.push(level);
    }
    levels
}

fn on_belt(mode: OutputMode, outcome: Outcome) -> Gate<8> {
    let mut gate = gate(GateSpec { mode, ..BELT });
    let number = gate.trigger(moment(0, 5, 0)).number();
    gate.verdict(number, outcome, 1);
    gate
}

#[test]
fn counts_carry_a_part_to_the_rejector_whatever_the_time() {
    let mut gate = on_belt(OutputMode::PassPulse, Outcome::Pass);
    let moments = [
        (900, 104, 0),
        (9_000, 105, 0),
        (9_040, 114, 0),
        (9_045, 115, 0),
    ];
    assert_eq!(levels(&mut gate, &moments), [false, true, true, false]);
}

#[test]
fn a_pass_pulse_ends_on_a_belt_that_stands() {
    let mut gate = on_belt(OutputMode::PassPulse, Outcome::Pass);
    assert_eq!(levels(&mut gate, &[(900, 105, 0)]), [true]);
    assert_eq!(gate.next_tick_us(), Some(950));
    assert_eq!(
        levels(&mut gate, &[(950, 105, 0), (999, 106, 0)]),
        [false, false]
    );
}

#[test]
fn a_reject_pulse_waits_for_a_belt_that_stands() {
    let mut gate = on_belt(OutputMode::RejectPulse, Outcome::Fail);
    let moments = [(900, 105, 0), (99_000, 106, 0), (99_500, 115, 0)];
    assert_eq!(levels(&mut gate, &moments), [true, true, false]);
}

#[test]
fn a_belt_that_turns_back_fires_nothing_again() {
    let mut gate = on_belt(OutputMode::PassPulse, Outcome::Pass);
    let moments = [(900, 120, 0), (910, 120, 40), (920, 120, 10), (930, 121, 0)];
    assert_eq!(
        levels(&mut gate, &moments),
        [false; 4],
        "its pulse was missed once"
    );
    assert_eq!(gate.counters().missed_pulses, 1);
    assert_eq!(gate.counters().no_result, 1);
}

#[test]
fn what_follows_too_closely_spoils_the_part_before_it() {
    let mut pass = gate(SPEC);
    pass.trigger(0);
    pass.verdict(1, Outcome::Pass, 1);
    pass.spoil_last(4.into());
    let (edges, outcomes) = watch(&mut pass, 200);
    assert_eq!(edges, []);
    assert_eq!(outcomes, [(1, Outcome::NoResult(Reason::Position))]);

    let mut reject = gate(reject_pulse());
    reject.trigger(0);
    reject.spoil_last(4.into());
    let (edges, _) = watch(&mut reject, 200);
    assert_eq!(edges, [(true, 100), (false, 114)], "both are thrown out");
}

#[test]
fn what_follows_a_part_that_has_left_cuts_its_pulse() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    gate.verdict(1, Outcome::Pass, 1);
    watch(&mut gate, 100);
    gate.spoil_last(4.into());
    let (edges, _) = watch(&mut gate, 200);
    assert_eq!(edges, [(false, 104)]);
}

#[test]
fn nothing_passes_where_something_unseen_may_lie() {
    for (spec, expected) in [
        (
            SPEC,
            vec![(true, 100), (false, 110), (true, 150), (false, 160)],
        ),
        (reject_pulse(), vec![(true, 120), (false, 150)]),
    ] {
        let mut gate = gate(spec);
        gate.trigger(0);
        gate.block(20.into(), 40.into());
        gate.trigger(50);
        for number in 1..=2 {
            gate.verdict(number, Outcome::Pass, 51);
        }
        let (edges, outcomes) = watch(&mut gate, 300);
        assert_eq!(edges, expected);
        assert_eq!(outcomes, [(1, Outcome::Pass), (2, Outcome::Pass)]);
        assert!(gate.is_idle());
    }
}

#[test]
fn a_part_beside_lost_edges_is_spoiled() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    gate.verdict(1, Outcome::Pass, 1);
    gate.block(9.into(), 40.into());
    assert_eq!(
        watch(&mut gate, 300).1,
        [(1, Outcome::NoResult(Reason::Position))]
    );
}

#[test]
fn lost_places_reject_at_once() {
    let mut pass = on_belt(OutputMode::PassPulse, Outcome::Pass);
    assert_eq!(levels(&mut pass, &[(900, 105, 0)]), [true]);
    pass.lose_places();
    assert_eq!(
        levels(&mut pass, &[(901, 105, 0)]),
        [false],
        "the pulse is cut"
    );

    let mut reject = on_belt(OutputMode::RejectPulse, Outcome::Pass);
    levels(&mut reject, &[(900, 50, 0)]);
    reject.lose_places();
    let moments = [(901, 50, 0), (902, 114, 0), (903, 115, 0)];
    assert_eq!(levels(&mut reject, &moments), [true, true, false]);
    assert_eq!(reject.counters().no_result, 1);
}

#[test]
fn rejects_merge_over_a_gap_that_no_passed_part_ends() {
    for (second, expected) in [
        (Outcome::Fail, vec![(true, 100), (false, 140)]),
        (Outcome::Pass, vec![(true, 100), (false, 110)]),
    ] {
        let mut gate = gate(GateSpec {
            way: Way::Time {
                delay_us: 100,
                merge_us: 20,
            },
            ..reject_pulse()
        });
        gate.trigger(0);
        gate.trigger(30);
        gate.verdict(1, Outcome::Fail, 31);
        gate.verdict(2, second, 31);
        assert_eq!(watch(&mut gate, 300).0, expected);
    }
}

#[test]
fn a_reload_changes_the_parts_to_come() {
    let mut gate = gate(SPEC);
    gate.trigger(0);
    gate.verdict(1, Outcome::Pass, 1);
    let slower = GateSpec {
        way: Way::Time {
            delay_us: 150,
            merge_us: 0,
        },
        ..SPEC
    };
    assert_eq!(gate.reload(slower), Ok(()));
    assert_eq!(gate.reload(reject_pulse()), Err(GateError::Incompatible));
    gate.trigger(2);
    gate.verdict(2, Outcome::Pass, 3);
    let (edges, _) = watch(&mut gate, 300);
    assert_eq!(
        edges,
        [(true, 100), (false, 110), (true, 152), (false, 162)]
    );
}

#[test]
fn it_is_busy_while_an_answer_may_come() {
    let mut gate = gate(SPEC);
    assert!(!gate.is_busy(0));
    gate.trigger(0);
    assert!(gate.is_busy(79) && !gate.is_busy(80));
    gate.verdict(1, Outcome::Fail, 40);
    assert!(!gate.is_busy(41));
}

/// Anything that can happen to a gate.
#[derive(Debug, Clone)]
enum Event {
    Trigger,
    Verdict { number: u64, outcome: Outcome },
    Abandon,
    Tick,
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Pass),
        2 => Just(Outcome::Fail),
        1 => Just(Outcome::NoResult(Reason::Engine)),
    ];
    let event = prop_oneof![
        4 => Just(Event::Trigger),
        4 => (0..60_u64, outcome).prop_map(|(number, outcome)| Event::Verdict { number, outcome }),
        1 => Just(Event::Abandon),
        6 => Just(Event::Tick),
    ];
    proptest::collection::vec((0..30_u64, event), 1..200)
}

fn specs() -> impl Strategy<Value = GateSpec> {
    (1..120_u64, 0..40_u64, 1..40_u64, any::<bool>()).prop_map(
        |(deadline_us, slack_us, pulse_us, pass)| GateSpec {
            way: Way::Time {
                delay_us: deadline_us + slack_us,
                merge_us: 0,
            },
            deadline_us,
            pulse_us,
            mode: if pass {
                OutputMode::PassPulse
            } else {
                OutputMode::RejectPulse
            },
        },
    )
}

proptest! {
    /// Exactly one outcome a part, in order; nothing passes without a PASS in time; counters add
    /// up; the output alternates, and in pass-pulse mode rises for passed parts alone.
    #[test]
    fn the_laws_hold_for_every_history(spec in specs(), events in events()) {
        let mut gate: Gate<8> = gate(spec);
        let mut now = 0;
        let mut decide_by = vec![0_u64];
        let mut first_said = vec![None::<Outcome>];
        let mut left = Vec::new();
        let mut level = false;
        let mut rose_for = Vec::new();
        let drain = events.iter().cloned().chain([(100_000, Event::Tick)]);
        for (step, event) in drain {
            now += step;
            match event {
                Event::Trigger => {
                    let admission = gate.trigger(now);
                    decide_by.push(match admission {
                        Admission::Inspect(ticket) => ticket.decide_by_us,
                        Admission::Overrun { .. } => 0,
                    });
                    first_said.push(None);
                    prop_assert_eq!(admission.number() as usize + 1, decide_by.len());
                }
                Event::Verdict { number, outcome } => {
                    gate.verdict(number, outcome, now);
                    if let Some(said) = first_said.get_mut(number as usize)
                        && said.is_none()
                        && now < decide_by[number as usize]
                    {
                        *said = Some(outcome);
                    }
                }
                Event::Abandon => {
                    gate.abandon(Reason::Inspector, now);
                    for (said, decide_by) in first_said.iter_mut().zip(&decide_by) {
                        if said.is_none() && now < *decide_by {
                            *said = Some(Outcome::NoResult(Reason::Inspector));
                        }
                    }
                }
                Event::Tick => {
                    for action in gate.tick(now) {
                        match action {
                            Action::Drive { level: new, number, due_us } => {
                                prop_assert_ne!(new, level, "edges alternate");
                                prop_assert!(due_us <= now);
                                level = new;
                                if new {
                                    rose_for.push(number);
                                }
                            }
                            Action::Leave { number, outcome, due_us } => {
                                prop_assert!(due_us <= now);
                                left.push((number, outcome));
                            }
                        }
                    }
                    prop_assert!(gate.next_tick_us().is_none_or(|next| next > now));
                }
            }
            prop_assert_eq!(gate.parts_under_way() as usize + left.len(), decide_by.len() - 1);
        }
        prop_assert_eq!(left.len(), decide_by.len() - 1, "every part leaves");
        prop_assert!(!level, "the output comes to rest");
        for (index, (number, outcome)) in left.iter().enumerate() {
            prop_assert_eq!(*number as usize, index + 1, "in order, once");
            let said = first_said[*number as usize];
            match outcome {
                Outcome::Pass => prop_assert_eq!(said, Some(Outcome::Pass)),
                Outcome::Fail => prop_assert_eq!(said, Some(Outcome::Fail)),
                Outcome::NoResult(Reason::Late) => {
                    prop_assert!(said.is_none() || said == Some(Outcome::Pass));
                }
                Outcome::NoResult(Reason::Overrun) => prop_assert_eq!(decide_by[*number as usize], 0),
                Outcome::NoResult(_) => prop_assert_eq!(said, Some(*outcome)),
            }
        }
        for number in rose_for {
            let passed = left[number as usize - 1].1 == Outcome::Pass;
            prop_assert_eq!(passed, spec.mode == OutputMode::PassPulse);
        }
    }

    /// Ticked at each microsecond, the output is high over exactly the time that its parts claim.
    #[test]
    fn pulses_cover_the_parts_that_own_them(
        spec in specs(),
        gaps in proptest::collection::vec((0..60_u64, any::<bool>()), 1..7),
    ) {
        let mut gate = gate(spec);
        let mut now = 0;
        let mut parts = Vec::new();
        for (gap, pass) in gaps {
            now += gap;
            parts.push((now, pass));
        }
        let mut pending = parts.iter().copied().peekable();
        let mut level = false;
        for now in 0..=600_u64 {
            while let Some((_, pass)) = pending.next_if(|(at, _)| *at == now) {
                let number = gate.trigger(now).number();
                gate.verdict(number, if pass { Outcome::Pass } else { Outcome::Fail }, now);
            }
            for action in gate.tick(now) {
                if let Action::Drive { level: new, .. } = action {
                    level = new;
                }
            }
            let claims = |(at, pass): &(u64, bool), wanted: bool| {
                let due = at + spec.delay();
                *pass == wanted && due <= now && now < due + spec.pulse_us
            };
            let expected = match spec.mode {
                OutputMode::RejectPulse => parts.iter().any(|part| claims(part, false)),
                // The last part that came to the rejector decides.
                OutputMode::PassPulse => {
                    parts.iter().rfind(|(at, _)| at + spec.delay() <= now).is_some_and(|part| part.1)
                        && parts.iter().any(|part| claims(part, true))
                }
            };
            prop_assert_eq!(level, expected, "at {}", now);
        }
    }
}
