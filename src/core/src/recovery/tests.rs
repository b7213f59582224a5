use proptest::prelude::*;

use super::*;

const SPEC: RecoverySpec = RecoverySpec {
    stall_max_us: 1_000,
    first_pair_max_us: 3_000,
    start_max_us: 5_000,
    reset_max_us: 15_000,
    look_every_us: 1_000,
    silence_max_us: 10_000,
    settle_pairs: 5,
    cured_us: 30_000,
    can_reset: true,
};

/// A camera that has sent enough pairs at 0, 33, ... and is well.
fn well() -> (Recovery, u64) {
    let mut recovery = Recovery::new(SPEC, 0);
    assert_eq!(recovery.poll(0), Some(Order::Open));
    recovery.started(10);
    let mut now = 10;
    for _ in 0..SPEC.settle_pairs {
        now += 33;
        assert_ne!(recovery.health(now), Health::Well);
        recovery.pair(now);
    }
    assert_eq!(recovery.health(now), Health::Well);
    (recovery, now)
}

/// Goes on to the next order, saying all the while that the thread is alive.
fn next(recovery: &mut Recovery, now: &mut u64) -> Order {
    for _ in 0..1_000_000 {
        recovery.alive(*now);
        if let Some(order) = recovery.poll(*now) {
            return order;
        }
        *now += 1;
    }
    panic!("no order in a million microseconds: {recovery:?}");
}

#[test]
fn a_single_late_pair_is_waited_for() {
    let (mut recovery, now) = well();
    assert_eq!(recovery.poll(now + SPEC.stall_max_us - 1), None);
    recovery.pair(now + SPEC.stall_max_us - 1);
    assert_eq!(recovery.poll(now + SPEC.stall_max_us), None);
    assert_eq!(recovery.counts(), RecoveryCounts::default());
}

#[test]
fn the_ladder_is_climbed_rung_by_rung() {
    let (mut recovery, mut now) = well();
    let began = now;
    assert_eq!(next(&mut recovery, &mut now), Order::Restart);
    assert_eq!(now, began + SPEC.stall_max_us);
    recovery.started(now);
    assert_eq!(next(&mut recovery, &mut now), Order::Reset);
    assert_eq!(now, began + SPEC.stall_max_us + SPEC.first_pair_max_us);
    recovery.started(now);
    assert_eq!(next(&mut recovery, &mut now), Order::NewProcess);
    assert!(recovery.is_lost(now));
    let counts = recovery.counts();
    assert_eq!((counts.restarts, counts.resets), (1, 1));
}

#[test]
fn what_refuses_is_asked_by_the_next_rung() {
    let (mut recovery, mut now) = well();
    assert_eq!(next(&mut recovery, &mut now), Order::Restart);
    recovery.failed(Failure::Refused, now);
    assert_eq!(next(&mut recovery, &mut now), Order::Reset);
    recovery.failed(Failure::Refused, now);
    assert_eq!(next(&mut recovery, &mut now), Order::NewProcess);
}

#[test]
fn what_cannot_be_reset_is_left() {
    let mut recovery = Recovery::new(
        RecoverySpec {
            can_reset: false,
            ..SPEC
        },
        0,
    );
    let mut now = 0;
    assert_eq!(next(&mut recovery, &mut now), Order::Open);
    recovery.started(now);
    assert_eq!(next(&mut recovery, &mut now), Order::Restart);
    recovery.started(now);
    assert_eq!(next(&mut recovery, &mut now), Order::NewProcess);
}

#[test]
fn a_camera_that_isn_t_there_is_waited_for_without_climbing() {
    let mut recovery = Recovery::new(SPEC, 0);
    let mut now = 0;
    for _ in 0..100 {
        assert_eq!(next(&mut recovery, &mut now), Order::Open);
        recovery.failed(Failure::Absent, now);
        assert!(matches!(recovery.health(now), Health::Absent { .. }));
    }
    assert!(now >= 99 * SPEC.look_every_us);
    assert_eq!(recovery.counts(), RecoveryCounts::default());
}

#[test]
fn a_removed_camera_is_not_well_until_enough_pairs_have_come() {
    let (mut recovery, mut now) = well();
    recovery.removed(now);
    recovery.pair(now);
    assert!(matches!(recovery.health(now), Health::Absent { .. }));
    assert_eq!(next(&mut recovery, &mut now), Order::Open);
    recovery.started(now);
    for _ in 1..SPEC.settle_pairs {
        recovery.pair(now);
        assert_eq!(recovery.health(now), Health::Settling);
    }
    recovery.pair(now);
    assert_eq!(recovery.health(now), Health::Well);
    assert_eq!(recovery.counts().removals, 1);
}

#[test]
fn a_thread_that_hangs_is_noticed_by_somebody_else() {
    let (mut recovery, now) = well();
    let stalled = now + SPEC.stall_max_us;
    assert_eq!(recovery.poll(stalled), Some(Order::Restart));
    assert!(!recovery.is_lost(stalled + SPEC.start_max_us - 1));
    assert!(recovery.is_lost(stalled + SPEC.start_max_us));
    recovery.started(stalled + SPEC.start_max_us + 1);
    assert!(recovery.is_lost(stalled), "it stays so");

    let (mut recovery, now) = well();
    assert!(!recovery.is_lost(now + SPEC.silence_max_us - 1));
    assert!(recovery.is_lost(now + SPEC.silence_max_us));
}

/// A cure that lasts for too short a time was none.
#[test]
fn the_ladder_begins_anew_only_after_a_while() {
    for (lasted, expected) in [
        (SPEC.cured_us - 100, Order::Reset),
        (SPEC.cured_us + 100, Order::Restart),
    ] {
        let (mut recovery, mut now) = well();
        assert_eq!(next(&mut recovery, &mut now), Order::Restart);
        recovery.started(now);
        let until = now + lasted;
        while now < until {
            recovery.pair(now);
            now += 33;
        }
        assert_eq!(next(&mut recovery, &mut now), expected);
    }
}

#[test]
fn one_trouble_is_reported_ever_more_seldom_and_a_new_one_at_once() {
    let mut recovery = Recovery::new(SPEC, 0);
    let seconds: Vec<u64> = (0..200)
        .filter(|second| recovery.report_is_due(second * 1_000_000))
        .collect();
    assert_eq!(seconds, [0, 10, 30, 70, 150]);
    let (mut recovery, now) = well();
    assert!(!recovery.report_is_due(now), "all is well");
    recovery.removed(now);
    assert!(recovery.report_is_due(now));
    assert!(!recovery.report_is_due(now + 1));
}

/// How badly a camera can be broken: what the least step is that cures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Cured by starting the streams anew.
    Streams,
    /// Cured by a reset.
    Device,
    /// Cured by nothing but a new process.
    Driver,
    /// Gone; back after so long.
    Unplugged { for_us: u64 },
    /// The next step never ends.
    Hang,
    /// The thread stands still outside of a step.
    Silent,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Streams),
        Just(Fault::Device),
        Just(Fault::Driver),
        (0_u64..40_000).prop_map(|for_us| Fault::Unplugged { for_us }),
        Just(Fault::Hang),
        Just(Fault::Silent),
    ]
}

/// A camera, its thread, and what is wrong with them, in simulated time.
struct Bench {
    recovery: Recovery,
    now: u64,
    fault: Option<Fault>,
    /// When the camera is there again.
    back_us: u64,
    /// The end of the step that the thread carries out, and how it ends.
    step: Option<(u64, Result<(), Failure>)>,
    streaming: bool,
    orders: Vec<(u64, Order)>,
    well_us: Option<u64>,
}

const TICK_US: u64 = 33;

impl Bench {
    fn begin(&mut self, order: Order, takes_us: u64) {
        self.orders.push((self.now, order));
        self.streaming = false;
        if self.fault == Some(Fault::Hang) {
            self.step = Some((u64::MAX, Ok(())));
            return;
        }
        let cured = matches!(
            (self.fault, order),
            (
                Some(Fault::Streams),
                Order::Restart | Order::Reset | Order::Open
            ) | (Some(Fault::Device), Order::Reset)
                | (None, _)
        );
        let is_away = self.now < self.back_us;
        if cured || (matches!(self.fault, Some(Fault::Unplugged { .. })) && !is_away) {
            self.fault = None;
        }
        let result = if is_away {
            Err(Failure::Absent)
        } else {
            Ok(())
        };
        self.step = Some((self.now + takes_us, result));
    }

    fn tick(&mut self, takes_us: u64) {
        self.now += TICK_US;
        if self.recovery.is_lost(self.now) {
            return;
        }
        if let Some((until, result)) = self.step {
            if self.now < until {
                return;
            }
            self.step = None;
            match result {
                Ok(()) => {
                    self.streaming = true;
                    self.recovery.started(self.now);
                }
                Err(failure) => self.recovery.failed(failure, self.now),
            }
            return;
        }
        if self.fault == Some(Fault::Silent) {
            return;
        }
        self.recovery.alive(self.now);
        if self.streaming && self.fault.is_none() {
            self.recovery.pair(self.now);
        }
        match self.recovery.poll(self.now) {
            None => {}
            Some(Order::NewProcess) => self.orders.push((self.now, Order::NewProcess)),
            Some(order) => self.begin(order, takes_us),
        }
        if self.recovery.health(self.now) == Health::Well {
            self.well_us = Some(self.now);
        }
    }
}

proptest! {
    /// Any row of faults, steps of any length within their limits: the camera is well again, or a new
    /// process is asked for, within the sum of all limits; and it is never well while it is not.
    #[test]
    fn every_fault_ends_in_pairs_or_in_a_new_process(
        faults in prop::collection::vec((fault(), 0_u64..60_000, 0_u64..4_900), 1..12)
    ) {
        let mut bench = Bench {
            recovery: Recovery::new(SPEC, 0),
            now: 0,
            fault: None,
            back_us: 0,
            step: None,
            streaming: false,
            orders: Vec::new(),
            well_us: None,
        };
        let limit = SPEC.stall_max_us
            + SPEC.start_max_us
            + SPEC.reset_max_us
            + 3 * SPEC.first_pair_max_us
            + SPEC.silence_max_us
            + 4 * SPEC.look_every_us
            + 20 * TICK_US;
        for (fault, calm_us, takes_us) in faults {
            let until = bench.now + calm_us;
            while bench.now < until {
                bench.tick(takes_us);
            }
            bench.fault = Some(fault);
            if let Fault::Unplugged { for_us } = fault {
                bench.back_us = bench.now + for_us;
                bench.recovery.removed(bench.now);
                prop_assert_ne!(bench.recovery.health(bench.now), Health::Well);
            }
            bench.well_us = None;
            let broken_us = bench.now;
            let until = bench.back_us.max(bench.now) + limit;
            while bench.well_us.is_none_or(|at| at <= broken_us + SPEC.stall_max_us)
                && !bench.recovery.is_lost(bench.now)
            {
                prop_assert!(bench.now < until, "{fault:?} {:?}", bench.recovery);
                bench.tick(takes_us);
                if bench.fault.is_some() && bench.now >= broken_us + SPEC.stall_max_us {
                    prop_assert_ne!(bench.recovery.health(bench.now), Health::Well);
                }
            }
            if bench.recovery.is_lost(bench.now) {
                // What a new process finds is a new ladder.
                let is_first = calm_us > SPEC.cured_us + SPEC.start_max_us + SPEC.first_pair_max_us;
                prop_assert!(!is_first || fault != Fault::Streams, "a restart cures that");
                bench.recovery = Recovery::new(SPEC, bench.now);
                bench.fault = None;
                bench.step = None;
                bench.streaming = false;
            }
        }
        // A reset comes only after a restart.
        let mut restarted = false;
        for (_, order) in bench.orders {
            match order {
                Order::Restart => restarted = true,
                Order::Reset => prop_assert!(restarted),
                Order::Open | Order::NewProcess => {}
            }
        }
    }
}
