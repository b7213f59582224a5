use proptest::prelude::*;

use super::*;
use crate::gate::Outcome;
use crate::verdict::Reason;

const SPEC: ChangeoverSpec = ChangeoverSpec {
    proof_max_us: 1_000,
    moment_max_us: 500,
    switch_max_us: 100,
    record_again_us: 50,
    trial: TrialSpec {
        parts: 5,
        misses_max: 2,
        ends_max: 3,
    },
};
const OLDER: Model = Model(0);
const OLD: Model = Model(1);
const NEW: Model = Model(2);
const BEFORE: Standing = Standing {
    active: OLD,
    previous: Some(OLDER),
};
const AFTER: Standing = Standing {
    active: NEW,
    previous: Some(OLD),
};
const MISS: Outcome = Outcome::NoResult(Reason::Engine);

/// Everything that is wanted by now.
fn orders(changeover: &mut Changeover, now_us: u64, between: bool, vacant: bool) -> Vec<Order> {
    std::iter::from_fn(|| changeover.poll(now_us, between, vacant)).collect()
}

fn settled(orders: &[Order]) -> Option<Refusal> {
    orders.iter().find_map(|order| match order {
        Order::Settle(Settlement::Refused { model, why }) => {
            assert_eq!(*model, NEW);
            Some(*why)
        }
        _ => None,
    })
}

/// A candidate that is being proven since time 0.
fn proving() -> Changeover {
    let mut changeover = Changeover::new(SPEC, BEFORE);
    changeover.started();
    changeover.proven();
    changeover.ready(0, 0);
    assert_eq!(orders(&mut changeover, 0, true, false), []);
    changeover.activate(NEW).unwrap();
    assert_eq!(changeover.next_poll_us(), Some(0));
    assert_eq!(orders(&mut changeover, 0, true, false), [Order::Prove(NEW)]);
    changeover
}

/// One that was proven at time 300.
fn waiting() -> Changeover {
    let mut changeover = proving();
    changeover.candidate_proven(300);
    changeover
}

/// One whose predecessor has judged until 400 and is gone at 410.
fn opening() -> Changeover {
    let mut changeover = waiting();
    assert_eq!(orders(&mut changeover, 400, true, false), [Order::Release]);
    assert_eq!(orders(&mut changeover, 410, true, true), [Order::TakeOver]);
    changeover
}

/// One that is ready at 450, when ten parts had come, and is being recorded.
fn recording() -> Changeover {
    let mut changeover = opening();
    changeover.ready(10, 450);
    assert_eq!(
        orders(&mut changeover, 450, true, false),
        [Order::Record(AFTER)]
    );
    changeover
}

fn on_trial() -> Changeover {
    let mut changeover = recording();
    changeover.recorded(true, 460);
    assert_eq!(
        orders(&mut changeover, 460, true, false),
        [Order::Settle(Settlement::Activated {
            model: NEW,
            proof_us: 300,
            switch_us: 50
        })]
    );
    changeover
}

#[test]
fn a_model_takes_over_between_two_parts_and_is_recorded_once_it_is_ready() {
    let changeover = on_trial();
    assert_eq!(changeover.standing(), AFTER);
    assert_eq!(changeover.progress(), Progress::Settled);
    assert_eq!(changeover.trial_parts_left(), Some(5));
}

#[test]
fn one_at_a_time_and_never_the_active_one() {
    let mut changeover = Changeover::new(SPEC, BEFORE);
    assert_eq!(changeover.activate(OLD), Err(NotNow::Active));
    assert_eq!(changeover.activate(NEW), Ok(()));
    assert_eq!(changeover.activate(OLDER), Err(NotNow::UnderWay));
    let mut changeover = recording();
    assert_eq!(changeover.activate(OLD), Err(NotNow::UnderWay));
    assert_eq!(
        on_trial().activate(OLD),
        Ok(()),
        "the way back is open at once"
    );
}

#[test]
fn no_part_that_awaits_an_answer_is_cut_off() {
    let mut changeover = waiting();
    assert_eq!(orders(&mut changeover, 799, false, false), []);
    assert_eq!(changeover.next_poll_us(), Some(800));
    let last = orders(&mut changeover, 800, true, false);
    assert_eq!(last, [Order::Release], "a moment at the last moment");
    let mut changeover = waiting();
    let refused = orders(&mut changeover, 800, false, false);
    assert_eq!(settled(&refused), Some(Refusal::NoMoment));
    assert_eq!(refused[0], Order::Discard);
    assert_eq!(changeover.standing(), BEFORE);
}

#[test]
fn a_candidate_that_fails_or_hangs_changes_nothing() {
    let mut changeover = proving();
    changeover.candidate_lost();
    let refused = orders(&mut changeover, 10, true, false);
    assert_eq!(settled(&refused), Some(Refusal::NotProven));
    assert!(!refused.contains(&Order::Replace));
    let mut changeover = proving();
    assert_eq!(changeover.next_poll_us(), Some(1_000));
    let refused = orders(&mut changeover, 1_000, true, false);
    assert_eq!(settled(&refused), Some(Refusal::ProofTooLong));
    assert_eq!(refused[0], Order::Discard);
    let mut changeover = waiting();
    changeover.candidate_lost();
    let refused = orders(&mut changeover, 310, true, false);
    assert_eq!(settled(&refused), Some(Refusal::CandidateLost));
    assert_eq!(changeover.standing(), BEFORE);
    assert_eq!(changeover.next_poll_us(), None);
}

#[test]
fn a_candidate_that_does_not_get_ready_is_replaced_by_the_old_model() {
    let mut changeover = opening();
    changeover.ended(420);
    let refused = orders(&mut changeover, 420, true, true);
    assert_eq!(settled(&refused), Some(Refusal::NotOpened));
    let mut changeover = opening();
    // From the moment at which the old one could judge no longer.
    assert_eq!(changeover.next_poll_us(), Some(500));
    let refused = orders(&mut changeover, 500, true, false);
    assert_eq!(refused[0], Order::Replace);
    assert_eq!(settled(&refused), Some(Refusal::OpenTooLong));
    assert_eq!(changeover.standing(), BEFORE);
    assert_eq!(
        changeover.next_poll_us(),
        None,
        "there is nothing to record"
    );
}

#[test]
fn an_old_process_that_does_not_end_keeps_the_new_one_out() {
    let mut changeover = waiting();
    assert_eq!(orders(&mut changeover, 400, true, false), [Order::Release]);
    let refused = orders(&mut changeover, 500, true, false);
    assert_eq!(settled(&refused), Some(Refusal::NotReleased));
    assert_eq!(refused[0], Order::Discard);
}

#[test]
fn a_model_that_can_t_be_recorded_does_not_stay() {
    let mut changeover = recording();
    changeover.recorded(false, 460);
    let refused = orders(&mut changeover, 460, true, false);
    assert_eq!(refused[0], Order::Replace);
    assert_eq!(settled(&refused), Some(Refusal::NotRecorded));
    assert_eq!(changeover.standing(), BEFORE);
    // Nobody knows what the disk holds: until it can be written, it is tried again.
    assert_eq!(changeover.next_poll_us(), Some(510));
    assert_eq!(
        orders(&mut changeover, 510, true, false),
        [Order::Record(BEFORE)]
    );
    changeover.recorded(false, 520);
    assert_eq!(
        orders(&mut changeover, 570, true, false),
        [Order::Record(BEFORE)]
    );
    changeover.recorded(true, 580);
    assert_eq!(changeover.next_poll_us(), None);
}

#[test]
fn parts_that_nobody_can_inspect_bring_the_model_before_back() {
    let mut changeover = on_trial();
    changeover.left(10, MISS, 500);
    changeover.left(9, MISS, 500);
    assert_eq!(
        orders(&mut changeover, 500, true, false),
        [],
        "they came before it"
    );
    changeover.left(11, MISS, 500);
    changeover.left(12, Outcome::Pass, 510);
    changeover.left(13, Outcome::NoResult(Reason::Late), 520);
    assert_eq!(
        orders(&mut changeover, 520, true, false),
        [
            Order::Replace,
            Order::RolledBack {
                from: NEW,
                to: OLD,
                why: RollBack::Misses
            },
            Order::Record(BEFORE)
        ]
    );
}

#[test]
fn what_lies_in_parts_or_camera_is_not_held_against_a_model() {
    let mut changeover = on_trial();
    let harmless = [
        Reason::Camera,
        Reason::StaleFrame,
        Reason::NoPart,
        Reason::NoColour,
        Reason::NoDepth,
        Reason::Overrun,
        Reason::Position,
        Reason::Stopped,
    ];
    for (number, reason) in (11..).zip(harmless) {
        changeover.left(number, Outcome::NoResult(reason), 500);
    }
    for _ in 0..10 {
        changeover.started();
        changeover.proven();
        changeover.excuse(Excuse::Camera);
        changeover.ended(500);
    }
    assert_eq!(orders(&mut changeover, 500, true, false), []);
    assert_eq!(changeover.trial_parts_left(), Some(5), "nor for it");
}

/// A driver that is gone at each start, as under `fallback = "stop"`.
#[test]
fn a_machine_that_fails_is_not_held_against_a_model() {
    let mut on_trial = on_trial();
    for end in 0..10 {
        on_trial.started();
        on_trial.excuse(Excuse::Machine);
        // What comes meanwhile finds nobody, before and after the end.
        on_trial.left(11 + 2 * end, Outcome::NoResult(Reason::Inspector), 500);
        on_trial.ended(500);
        on_trial.left(12 + 2 * end, Outcome::NoResult(Reason::Inspector), 500);
        assert_eq!(orders(&mut on_trial, 500, true, true), []);
    }
    assert_eq!(on_trial.trial_parts_left(), Some(5), "nor for it");

    // Without a trial it is the starts that count.
    let mut settled = Changeover::new(SPEC, BEFORE);
    for _ in 0..10 {
        settled.started();
        settled.excuse(Excuse::Machine);
        settled.ended(10);
        assert_eq!(orders(&mut settled, 10, true, true), []);
    }
    assert_eq!(settled.standing(), BEFORE);
}

#[test]
fn parts_that_were_lost_to_the_machine_are_forgiven_and_later_ones_count() {
    let mut changeover = on_trial();
    changeover.left(11, MISS, 500);
    changeover.excuse(Excuse::Machine);
    changeover.left(12, MISS, 510);
    changeover.ended(510);
    changeover.started();
    changeover.proven();
    // Fourteen parts had come by then, of which two have not left.
    changeover.ready(14, 520);
    for number in [13, 14] {
        changeover.left(number, Outcome::NoResult(Reason::Inspector), 530);
    }
    assert_eq!(changeover.trial_parts_left(), Some(5));
    assert_eq!(orders(&mut changeover, 530, true, false), []);
    changeover.left(15, MISS, 540);
    assert_eq!(orders(&mut changeover, 540, true, false), []);
    changeover.left(16, MISS, 550);
    let back = orders(&mut changeover, 550, true, false);
    assert!(back.contains(&Order::RolledBack {
        from: NEW,
        to: OLD,
        why: RollBack::Misses
    }));
}

#[test]
fn an_end_without_an_excuse_counts_after_those_with_one() {
    let mut changeover = on_trial();
    for _ in 0..3 {
        changeover.started();
        changeover.excuse(Excuse::Machine);
        changeover.ended(500);
        changeover.started();
        assert_eq!(orders(&mut changeover, 500, true, false), []);
        changeover.ended(500);
    }
    let back = orders(&mut changeover, 500, true, true);
    assert!(back.contains(&Order::RolledBack {
        from: NEW,
        to: OLD,
        why: RollBack::Ends
    }));
}

#[test]
fn a_trial_ends_with_its_parts() {
    let mut changeover = on_trial();
    for number in 11..16 {
        changeover.left(number, Outcome::Fail, 500);
    }
    assert_eq!(changeover.trial_parts_left(), None);
    for number in 16..40 {
        changeover.left(number, MISS, 600);
    }
    assert_eq!(orders(&mut changeover, 600, true, false), []);
    assert_eq!(changeover.standing(), AFTER);
}

#[test]
fn a_process_that_ends_again_and_again_brings_the_model_before_back() {
    let mut changeover = on_trial();
    for end in 1..=3 {
        assert_eq!(orders(&mut changeover, 500 + end, true, true), []);
        changeover.started();
        changeover.proven();
        changeover.ready(20, 500);
        changeover.ended(500 + end);
    }
    let back = orders(&mut changeover, 510, true, true);
    assert!(back.contains(&Order::RolledBack {
        from: NEW,
        to: OLD,
        why: RollBack::Ends
    }));
    assert_eq!(back.last(), Some(&Order::Record(BEFORE)));
}

#[test]
fn three_starts_without_a_proof_bring_the_model_before_back_once() {
    let mut changeover = Changeover::new(SPEC, BEFORE);
    for _ in 0..2 {
        changeover.started();
        changeover.ended(10);
    }
    // One that is ready makes up for those before it.
    changeover.started();
    changeover.proven();
    changeover.ready(0, 20);
    for _ in 0..2 {
        changeover.started();
        changeover.ended(30);
        assert_eq!(orders(&mut changeover, 30, true, true), []);
    }
    changeover.started();
    changeover.proven();
    changeover.ended(40);
    assert_eq!(orders(&mut changeover, 40, true, true), [], "it was proven");
    changeover.started();
    changeover.ended(50);
    let alone = Standing {
        active: OLDER,
        previous: None,
    };
    let back = orders(&mut changeover, 50, true, true);
    assert!(back.contains(&Order::RolledBack {
        from: OLD,
        to: OLDER,
        why: RollBack::Starts
    }));
    assert_eq!(back.last(), Some(&Order::Record(alone)));
    for _ in 0..9 {
        changeover.started();
        changeover.ended(60);
        assert_eq!(orders(&mut changeover, 60, true, true), []);
    }
    assert_eq!(changeover.standing(), alone);
}

#[test]
fn a_trial_that_fails_while_its_model_is_recorded_refuses_the_wish() {
    let mut changeover = recording();
    changeover.left(11, MISS, 455);
    changeover.left(12, MISS, 456);
    let back = orders(&mut changeover, 456, true, false);
    assert_eq!(settled(&back), Some(Refusal::OnTrial));
    assert!(!back.contains(&Order::Record(BEFORE)), "one at a time");
    changeover.recorded(true, 470);
    assert_eq!(
        orders(&mut changeover, 470, true, false),
        [Order::Record(BEFORE)]
    );
    changeover.recorded(true, 480);
    assert_eq!(changeover.next_poll_us(), None);
}

#[test]
fn who_wants_back_what_comes_back_by_itself_hears_so() {
    let mut changeover = on_trial();
    changeover.activate(OLD).unwrap();
    assert_eq!(
        orders(&mut changeover, 500, true, false),
        [Order::Prove(OLD)]
    );
    changeover.left(11, MISS, 510);
    changeover.left(12, MISS, 510);
    let back = orders(&mut changeover, 510, true, false);
    assert_eq!(back[0], Order::Discard);
    assert!(back.contains(&Order::Settle(Settlement::Refused {
        model: OLD,
        why: Refusal::OnTrial
    })));
    assert_eq!(changeover.standing(), BEFORE);
}

/// `model` takes over from one that is on trial still.
fn instead(model: Model) -> (Changeover, Vec<Order>) {
    let mut changeover = on_trial();
    changeover.activate(model).unwrap();
    orders(&mut changeover, 500, true, false);
    changeover.candidate_proven(600);
    orders(&mut changeover, 600, true, false);
    orders(&mut changeover, 600, true, true);
    changeover.ready(12, 610);
    let said = orders(&mut changeover, 610, true, false);
    (changeover, said)
}

#[test]
fn the_way_back_leads_to_a_model_that_has_stood_its_trial() {
    let third = Model(3);
    let (mut changeover, said) = instead(third);
    let standing = Standing {
        active: third,
        previous: Some(OLD),
    };
    assert_eq!(said, [Order::Record(standing)]);
    changeover.recorded(true, 620);
    for number in [13, 14] {
        changeover.left(number, MISS, 630);
    }
    let back = orders(&mut changeover, 630, true, false);
    assert_eq!(back.last(), Some(&Order::Record(BEFORE)));
    // And so does whoever goes back by hand, to one that needs no other trial.
    let (mut changeover, said) = instead(OLD);
    assert_eq!(said, [Order::Record(BEFORE)]);
    assert_eq!(changeover.trial_parts_left(), None);
    changeover.recorded(false, 620);
    assert_eq!(orders(&mut changeover, 620, true, false), []);
    assert_eq!(
        changeover.next_poll_us(),
        Some(670),
        "there is no better one"
    );
    assert_eq!(
        orders(&mut changeover, 670, true, false),
        [Order::Record(BEFORE)]
    );
}

#[test]
fn a_station_that_stops_settles_what_is_under_way() {
    for mut changeover in [proving(), waiting(), opening()] {
        changeover.close();
        let refused = orders(&mut changeover, 420, true, false);
        assert_eq!(settled(&refused), Some(Refusal::Closing));
        assert_eq!(changeover.standing(), BEFORE);
    }
}

/// What may happen to it, in any order.
#[derive(Debug, Clone, Copy)]
enum Event {
    Activate(u64),
    CandidateProven,
    CandidateLost,
    Proven,
    Ready,
    CameraFailed,
    MachineFailed,
    Ended,
    Left(Outcome),
    Recorded(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..4_u64).prop_map(Event::Activate),
        Just(Event::CandidateProven),
        Just(Event::CandidateLost),
        Just(Event::Proven),
        Just(Event::Ready),
        Just(Event::CameraFailed),
        Just(Event::MachineFailed),
        Just(Event::Ended),
        Just(Event::Left(Outcome::Pass)),
        Just(Event::Left(MISS)),
        Just(Event::Left(Outcome::NoResult(Reason::Camera))),
        any::<bool>().prop_map(Event::Recorded),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_each_wish_is_settled_once_and_the_record_follows(
        events in prop::collection::vec((event(), 0..120_u64, any::<bool>()), 1..200)
    ) {
        let mut changeover = Changeover::new(SPEC, BEFORE);
        let (mut now_us, mut parts, mut wishes) = (0, 0, 0);
        let (mut disk, mut writing) = (BEFORE, None);
        // Processes: whether there is one in charge, whether there is a candidate.
        let (mut in_charge, mut candidate) = (false, false);
        let run = |changeover: &mut Changeover, now_us, between, in_charge: &mut bool, candidate: &mut bool, wishes: &mut i32, writing: &mut Option<Standing>| {
            while let Some(order) = changeover.poll(now_us, between, !*in_charge) {
                match order {
                    Order::Prove(_) => { assert!(!*candidate); *candidate = true; }
                    Order::Discard => *candidate = false,
                    Order::Release => { assert!(between, "a part awaits its answer"); *in_charge = false; }
                    Order::TakeOver => { assert!(*candidate && !*in_charge); *candidate = false; *in_charge = true; }
                    Order::Replace => *in_charge = false,
                    Order::RolledBack { from, to, .. } => assert_ne!(from, to),
                    Order::Settle(_) => *wishes -= 1,
                    Order::Record(standing) => { assert!(writing.is_none()); *writing = Some(standing); }
                }
            }
            if !*in_charge && !changeover.is_switching() {
                changeover.started();
                *in_charge = true;
            }
        };
        for (event, wait_us, between) in events {
            now_us += wait_us;
            match event {
                Event::Activate(model) => wishes += i32::from(changeover.activate(Model(model)).is_ok()),
                Event::CandidateProven if candidate => changeover.candidate_proven(now_us),
                Event::CandidateLost if candidate => { candidate = false; changeover.candidate_lost(); }
                Event::Proven if in_charge => changeover.proven(),
                Event::Ready if in_charge => changeover.ready(parts, now_us),
                Event::CameraFailed if in_charge => changeover.excuse(Excuse::Camera),
                Event::MachineFailed if in_charge => changeover.excuse(Excuse::Machine),
                Event::Ended if in_charge => { in_charge = false; changeover.ended(now_us); }
                Event::Left(outcome) => { parts += 1; changeover.left(parts, outcome, now_us); }
                Event::Recorded(done) => if let Some(written) = writing.take() {
                    if done { disk = written; }
                    changeover.recorded(done, now_us);
                },
                _ => {}
            }
            run(&mut changeover, now_us, between, &mut in_charge, &mut candidate, &mut wishes, &mut writing);
            prop_assert!((0..=1).contains(&wishes), "{wishes} wishes are open");
            prop_assert!(candidate || !matches!(changeover.progress(), Progress::Proving(_) | Progress::Waiting(_)));
        }
        // All is well from here on: the wish is settled, and the disk holds what is in charge.
        for _ in 0..20 {
            now_us += 1_000;
            if let Some(written) = writing.take() {
                disk = written;
                changeover.recorded(true, now_us);
            }
            run(&mut changeover, now_us, true, &mut in_charge, &mut candidate, &mut wishes, &mut writing);
        }
        prop_assert_eq!(wishes, 0);
        prop_assert!(!candidate);
        prop_assert_eq!(disk, changeover.standing());
        prop_assert_eq!(changeover.progress(), Progress::Settled);
    }
}
