mod recipes;

use proptest::prelude::*;

use super::*;
use crate::belt::{Channel, EncoderKind, EncoderSpec};
use crate::changeover::{ChangeoverSpec, Model, Refusal, Settlement, TrialSpec};
use crate::gate::{GateSpec, OutputMode, Way};
use crate::handshake::{HandshakeSpec, HandshakeWires};
use crate::lookout::Seen;
use crate::readiness::ReadinessSpec;
use crate::supervision::SupervisionSpec;
use crate::trigger::{PresenceSpec, Sight, SourceSpec, SpacingSpec, TriggerSpec};

const SPEC: StationSpec = StationSpec {
    trigger: TriggerSpec {
        source: SourceSpec::Sensor { debounce_us: 5 },
        spacing: SpacingSpec::Time {
            min_us: 50,
            max_us: None,
        },
    },
    encoder: None,
    gate: GateSpec {
        way: Way::Time {
            delay_us: 100,
            merge_us: 0,
        },
        deadline_us: 80,
        pulse_us: 20,
        mode: OutputMode::PassPulse,
    },
    readiness: ReadinessSpec {
        toggle_us: 1_000,
        silence_max_us: 500,
        late_max: 5,
        hold_us: 300,
    },
    supervision: SupervisionSpec {
        silence_max_us: 800,
        start_max_us: 500,
        restart_wait_us: 10,
        restart_wait_max_us: 100,
    },
    changeover: ChangeoverSpec {
        proof_max_us: 2_000,
        moment_max_us: 1_000,
        switch_max_us: 200,
        record_again_us: 100,
        trial: TrialSpec {
            parts: 5,
            misses_max: 2,
            ends_max: 3,
        },
    },
    recipes: None,
    handshake: None,
    drain_max_us: 500,
};

/// A station and all that it has said.
struct Bench {
    station: Station,
    said: Vec<Effect>,
    line_seqno: u32,
}

impl Bench {
    fn new(spec: StationSpec) -> Self {
        Self {
            station: Station::new(spec, [false; 2]).unwrap(),
            said: Vec::new(),
            line_seqno: 0,
        }
    }

    /// With an inspect process that is ready at time 0.
    fn up(spec: StationSpec) -> Self {
        let mut bench = Self::new(spec);
        bench.tick(0);
        bench.hear(Inspector::Ready, 0);
        bench.tick(0);
        bench
    }

    fn tick(&mut self, now_us: u64) {
        self.station
            .tick(now_us, &mut |effect| self.said.push(effect));
    }

    fn hear(&mut self, what: Inspector, now_us: u64) -> bool {
        self.station.inspector(1, what, now_us)
    }

    fn edge(&mut self, level: bool, at_us: u64, step: u32) {
        self.line_seqno += step;
        let edge = SensorEdge {
            level,
            at_us,
            line_seqno: self.line_seqno,
        };
        self.station
            .sensor_edge(edge, &mut |effect| self.said.push(effect));
    }

    fn part(&mut self, at_us: u64) {
        self.edge(true, at_us, 1);
        self.edge(false, at_us + 20, 1);
        self.tick(at_us + 20);
    }

    fn left(&self) -> Vec<Outcome> {
        let outcomes = self.said.iter().filter_map(|effect| match effect {
            Effect::Gate(Action::Leave { outcome, .. }) => Some(*outcome),
            _ => None,
        });
        outcomes.collect()
    }

    fn ready(&self) -> Vec<bool> {
        let levels = self.said.iter().filter_map(|effect| match effect {
            Effect::Ready(level) => Some(*level),
            _ => None,
        });
        levels.collect()
    }
}

fn verdict(number: u64, outcome: Outcome) -> Inspector {
    Inspector::Verdict { number, outcome }
}

#[test]
fn a_part_is_seen_judged_and_let_through() {
    let mut bench = Bench::up(SPEC);
    bench.part(10);
    assert!(
        bench
            .said
            .iter()
            .any(|effect| matches!(effect, Effect::Inspect(ticket) if ticket.number == 1))
    );
    assert!(bench.said.contains(&Effect::Busy(true)));
    assert!(bench.hear(verdict(1, Outcome::Pass), 60));
    for now_us in [60, 110, 130] {
        bench.tick(now_us);
    }
    assert!(bench.said.contains(&Effect::Busy(false)));
    assert_eq!(bench.left(), [Outcome::Pass]);
}

#[test]
fn without_an_inspect_process_parts_have_no_result() {
    let mut bench = Bench::new(SPEC);
    bench.tick(0);
    bench.part(10);
    bench.tick(110);
    assert_eq!(bench.left(), [Outcome::NoResult(Reason::Inspector)]);
    assert_eq!(bench.station.obstacle(), Some(NotReady::Starting));
    assert!(bench.ready().is_empty());
}

#[test]
fn a_lost_inspect_process_is_started_again_and_its_last_words_change_nothing() {
    let mut bench = Bench::up(SPEC);
    bench.part(10);
    assert!(bench.hear(Inspector::Closed, 40));
    bench.tick(40);
    assert_eq!(bench.ready(), [true, false]);
    bench.hear(verdict(1, Outcome::Pass), 50);
    bench.hear(Inspector::Ended, 60);
    bench.tick(70);
    assert!(bench.said.contains(&Effect::Start {
        generation: 2,
        model: Model(0)
    }));
    assert!(!bench.hear(Inspector::Ready, 75), "of the first one");
    bench.tick(110);
    assert_eq!(bench.left(), [Outcome::NoResult(Reason::Inspector)]);
}

#[test]
fn lost_edges_are_a_fault() {
    let mut bench = Bench::up(SPEC);
    bench.part(10);
    bench.hear(verdict(1, Outcome::Pass), 40);
    bench.edge(true, 200, 3);
    bench.tick(200);
    assert_eq!(bench.station.obstacle(), Some(NotReady::Fault));
    assert_eq!(bench.ready(), [true, false]);
    bench.hear(Inspector::Advanced, 499);
    bench.tick(500);
    assert_eq!(bench.station.obstacle(), None);
}

#[test]
fn lost_counts_reject_what_is_under_way() {
    let mut bench = Bench::up(belt_spec());
    bench.part(10);
    bench.hear(verdict(1, Outcome::Pass), 40);
    for count in 0..110_u32 {
        for level in [true, false] {
            let skipped = u32::from(count > 50);
            let edge = EncoderEdge {
                channel: Channel::A,
                level,
                at_us: 100,
                line_seqno: 2 * count + u32::from(!level) + skipped,
            };
            bench.station.encoder_edge(edge);
        }
        bench.tick(100);
    }
    assert_eq!(bench.left(), [Outcome::NoResult(Reason::Position)]);
    assert_eq!(bench.station.obstacle(), Some(NotReady::Fault));
}

fn watching_spec() -> StationSpec {
    let mut spec = SPEC;
    spec.trigger.source = SourceSpec::Presence(PresenceSpec {
        on_share: 0.2,
        off_share: 0.1,
        most_share: 0.6,
        sight_max_us: 60,
        gap_max_us: 30,
    });
    spec
}

/// Pictures, each with its share and whether it shows the middle, told right away.
fn watch(bench: &mut Bench, pictures: &[(u64, f32)]) {
    for &(at_us, share) in pictures {
        let seen = Seen {
            share,
            is_whole: share == 0.3,
            offset: if share == 0.3 { 0.0 } else { 0.8 },
        };
        let said = &mut bench.said;
        let sight = Sight { at_us, seen };
        let station = &mut bench.station;
        assert!(station.sight(1, sight, at_us, &mut |effect| said.push(effect)));
        bench.tick(at_us);
    }
}

#[test]
fn a_part_that_a_camera_sees_is_named_by_its_picture_and_keeps_its_place() {
    let mut bench = Bench::up(watching_spec());
    watch(&mut bench, &[(0, 0.0), (10, 0.25), (20, 0.3), (30, 0.25)]);
    let ticket = bench.said.iter().find_map(|effect| match effect {
        Effect::Inspect(ticket) => Some(*ticket),
        _ => None,
    });
    assert_eq!(ticket.unwrap().triggered_us, 20);
    watch(&mut bench, &[(50, 0.0)]);
    bench.hear(verdict(1, Outcome::Pass), 60);
    bench.tick(119);
    assert!(bench.left().is_empty());
    bench.tick(120);
    assert_eq!(bench.left(), [Outcome::Pass]);
}

#[test]
fn a_part_whose_end_nobody_sees_does_not_pass_nor_does_what_is_under_way() {
    let mut bench = Bench::up(watching_spec());
    watch(
        &mut bench,
        &[(0, 0.0), (10, 0.25), (20, 0.3), (30, 0.25), (45, 0.0)],
    );
    bench.hear(verdict(1, Outcome::Pass), 46);
    watch(&mut bench, &[(65, 0.0), (75, 0.25), (85, 0.3), (95, 0.25)]);
    bench.hear(verdict(2, Outcome::Pass), 100);
    bench.hear(Inspector::Advanced, 100);
    for now_us in [120, 140, 165, 185] {
        bench.tick(now_us);
    }
    let spoiled = Outcome::NoResult(Reason::Position);
    assert_eq!(bench.left(), [Outcome::Pass, spoiled]);
    assert_eq!(bench.station.obstacle(), Some(NotReady::Fault));
}

#[test]
fn a_process_whose_camera_is_being_brought_back_lives_and_is_not_ready() {
    let mut bench = Bench::up(SPEC);
    for now_us in [90, 180, 270, 360] {
        bench.hear(Inspector::Blind, now_us);
        bench.tick(now_us);
        assert_eq!(bench.station.obstacle(), Some(NotReady::Camera));
    }
    assert!(bench.station.supervisor().is_up(), "it is not silent");
    bench.hear(Inspector::Advanced, 370);
    assert_eq!(bench.station.obstacle(), None);
}

#[test]
fn a_process_whose_engine_is_too_slow_judges_and_is_never_ready() {
    let mut bench = Bench::new(SPEC);
    bench.tick(0);
    bench.hear(Inspector::Ready, 0);
    // Right after that, before anything is shown.
    for now_us in [0, 90, 180] {
        bench.hear(Inspector::Slow, now_us);
        bench.tick(now_us);
        assert_eq!(bench.station.obstacle(), Some(NotReady::Engine));
    }
    assert_eq!(bench.ready(), []);
    assert!(bench.station.supervisor().is_up());
    bench.part(200);
    assert!(bench.hear(verdict(1, Outcome::Pass), 250));
    bench.tick(300);
    assert_eq!(bench.left(), [Outcome::Pass]);
}

#[test]
fn a_camera_without_pictures_is_not_ready() {
    let mut bench = Bench::up(watching_spec());
    bench.hear(Inspector::Advanced, 5);
    bench.tick(5);
    assert_eq!(bench.station.obstacle(), Some(NotReady::Starting));
    watch(&mut bench, &[(10, 0.0), (20, 0.0)]);
    bench.hear(Inspector::Advanced, 20);
    assert_eq!(bench.station.obstacle(), None);
    bench.hear(Inspector::Advanced, 500);
    bench.tick(521);
    assert_eq!(bench.station.obstacle(), Some(NotReady::Silent));
    let sight = Sight {
        at_us: 600,
        seen: Seen {
            share: 0.0,
            is_whole: false,
            offset: 0.0,
        },
    };
    assert!(
        !bench.station.sight(2, sight, 600, &mut |_| {}),
        "of another one"
    );
}

#[test]
fn what_does_not_go_together_with_a_watching_camera_is_refused() {
    let problems = |spec: StationSpec| spec.problems().collect::<Vec<_>>();
    assert_eq!(problems(watching_spec()), []);
    let mut rejecting = watching_spec();
    rejecting.gate.mode = OutputMode::RejectPulse;
    assert_eq!(problems(rejecting), [StationError::UnseenPasses]);
    let mut turning = watching_spec();
    turning.encoder = belt_spec().encoder;
    assert_eq!(problems(turning), [StationError::PresenceInCounts]);
    let mut near = watching_spec();
    near.gate.way = Way::Time {
        delay_us: 90,
        merge_us: 0,
    };
    assert!(matches!(
        problems(near)[..],
        [StationError::SightBehindRejector { .. }]
    ));
}

#[test]
fn a_machine_that_does_not_acknowledge_stops_the_station_until_it_is_empty() {
    let handshake = Some(HandshakeSpec {
        setup_us: 1,
        ack_max_us: 30,
    });
    let mut bench = Bench::up(StationSpec { handshake, ..SPEC });
    bench.part(10);
    bench.hear(verdict(1, Outcome::Fail), 40);
    for now_us in [110, 111] {
        bench.tick(now_us);
    }
    let told = HandshakeWires {
        result_valid: true,
        ok: false,
        ng: true,
        error: false,
    };
    assert_eq!(bench.said.last(), Some(&Effect::Handshake(told)));
    bench.tick(141);
    assert_eq!(
        bench.station.handshake().map(Handshake::undelivered),
        Some(1)
    );
    assert_eq!(bench.station.obstacle(), Some(NotReady::Fault));
    bench.tick(171);
    assert!(
        !bench.station.handshake().unwrap().has_failed(),
        "nothing is under way"
    );
}

#[test]
fn a_spec_names_all_of_its_problems() {
    let spec = StationSpec {
        gate: GateSpec {
            way: Way::Belt {
                delay_counts: 0,
                pulse_counts: 20,
                merge_counts: 0,
            },
            ..SPEC.gate
        },
        ..SPEC
    };
    let problems: Vec<StationError> = spec.problems().collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
    let long = StationSpec {
        gate: GateSpec {
            pulse_us: 50,
            ..SPEC.gate
        },
        ..SPEC
    };
    assert!(matches!(
        long.problems().next(),
        Some(StationError::PulseBeyondSpacing { .. })
    ));
    assert_eq!(SPEC.problems().count(), 0);
}

#[test]
fn a_reload_changes_the_gate_alone() {
    let mut bench = Bench::up(SPEC);
    let mut longer = SPEC;
    longer.gate.pulse_us = 40;
    longer.drain_max_us = 600;
    assert_eq!(bench.station.reload(longer), Ok(()));
    // Wider spacing would allow a pulse of 60, which two parts of the running trigger would share.
    let mut wider = longer;
    wider.gate.pulse_us = 60;
    wider.trigger.spacing = SpacingSpec::Time {
        min_us: 90,
        max_us: None,
    };
    assert_eq!(bench.station.reload(wider), Err(StationError::NeedsRestart));
    assert_eq!(bench.station.reload(SPEC), Ok(()), "and back again");
}

#[test]
fn a_station_that_closes_lowers_ready_and_lets_its_parts_leave() {
    let mut bench = Bench::up(SPEC);
    bench.part(10);
    bench.hear(verdict(1, Outcome::Pass), 40);
    bench.station.close(40);
    bench.tick(41);
    assert_eq!(bench.ready(), [true, false]);
    bench.tick(110);
    assert_eq!(bench.left(), [Outcome::Pass]);
    assert_eq!(bench.ready(), [true, false]);
}

/// A station whose places are counts of a single-channel encoder.
fn belt_spec() -> StationSpec {
    StationSpec {
        trigger: TriggerSpec {
            spacing: SpacingSpec::Belt {
                min_counts: 50,
                max_counts: None,
                jitter_counts: 1,
            },
            ..SPEC.trigger
        },
        encoder: Some(EncoderSpec {
            kind: EncoderKind::Single,
            pulse_min_us: 0,
        }),
        gate: GateSpec {
            way: Way::Belt {
                delay_counts: 100,
                pulse_counts: 20,
                merge_counts: 0,
            },
            ..SPEC.gate
        },
        ..SPEC
    }
}

#[test]
fn what_comes_to_a_closed_station_is_rejected_and_not_waited_for() {
    let mut bench = Bench::up(SPEC);
    bench.part(10);
    bench.hear(verdict(1, Outcome::Pass), 40);
    bench.station.close(50);
    bench.part(90);
    bench.hear(verdict(2, Outcome::Pass), 105);
    bench.tick(110);
    assert!(!bench.station.is_drained(), "the pulse is being given");
    bench.tick(130);
    assert!(bench.station.is_drained());
    let stopped = Outcome::NoResult(Reason::Stopped);
    assert_eq!(bench.left(), [Outcome::Pass, stopped]);
    let tickets = |effect: &&Effect| matches!(effect, Effect::Inspect(_));
    assert_eq!(bench.said.iter().filter(tickets).count(), 1);
}

#[test]
fn results_are_told_before_the_end() {
    let handshake = Some(HandshakeSpec {
        setup_us: 1,
        ack_max_us: 30,
    });
    let mut bench = Bench::up(StationSpec { handshake, ..SPEC });
    bench.part(10);
    bench.hear(verdict(1, Outcome::Fail), 40);
    bench.station.close(50);
    for now_us in [110, 111, 112] {
        bench.tick(now_us);
    }
    assert!(!bench.station.is_drained(), "the machine has not read it");
    bench.station.ack(true);
    bench.tick(113);
    bench.station.ack(false);
    bench.tick(114);
    bench.tick(115);
    assert!(bench.station.is_drained());
}

#[test]
fn with_a_reject_pulse_the_belt_that_nobody_watched_is_rejected() {
    let mode = OutputMode::RejectPulse;
    let mut bench = Bench::new(StationSpec {
        gate: GateSpec { mode, ..SPEC.gate },
        ..SPEC
    });
    let levels = |bench: &Bench| -> Vec<bool> {
        let levels = bench.said.iter().filter_map(|effect| match effect {
            Effect::Gate(Action::Drive { level, .. }) => Some(*level),
            _ => None,
        });
        levels.collect()
    };
    bench.tick(0);
    bench.tick(119);
    assert_eq!(
        levels(&bench),
        [true],
        "the way to the rejector and a pulse"
    );
    bench.tick(120);
    assert_eq!(levels(&bench), [true, false]);
}

proptest! {
    /// Whatever the belt does after the station was closed: each part leaves once and in order, what
    /// has not come to the rejector as NO-RESULT, and the end comes in time with the wire low.
    #[test]
    fn a_closed_station_ends_in_time(
        parts in proptest::collection::vec(50_u64..90, 0..6),
        close_at in 0_u64..400,
        belt_stands_at in 0_u64..700,
    ) {
        let mut bench = Bench::up(belt_spec());
        let mut fronts = Vec::new();
        let mut place = 10;
        for space in parts {
            fronts.push(place);
            place += space;
        }
        let (mut seqno, mut triggered_before_close, mut drained_at) = (0, 0, None);
        for now_us in 1..=close_at + SPEC.drain_max_us {
            if now_us <= belt_stands_at {
                for level in [true, false] {
                    seqno += 1;
                    bench.station.encoder_edge(EncoderEdge {
                        channel: Channel::A,
                        level,
                        at_us: now_us,
                        line_seqno: seqno,
                    });
                }
                if fronts.contains(&now_us) {
                    bench.edge(true, now_us, 1);
                } else if fronts.contains(&now_us.saturating_sub(20)) {
                    bench.edge(false, now_us, 1);
                }
            }
            let number = bench.station.gate().counters().triggered;
            bench.hear(Inspector::Advanced, now_us);
            bench.hear(verdict(number, Outcome::Pass), now_us);
            if now_us == close_at {
                triggered_before_close = number;
                bench.station.close(now_us);
            }
            bench.tick(now_us);
            if bench.station.is_drained() {
                drained_at = Some(now_us);
                break;
            }
        }
        if close_at == 0 {
            return Ok(());
        }
        prop_assert!(drained_at.is_some());
        prop_assert!(bench.station.gate().is_idle());
        let numbers: Vec<u64> = bench.said.iter().filter_map(|effect| match effect {
            Effect::Gate(Action::Leave { number, .. }) => Some(*number),
            _ => None,
        }).collect();
        let triggered = bench.station.gate().counters().triggered;
        prop_assert!(numbers.iter().copied().eq(1..=triggered));
        let left = bench.left();
        for (part, outcome) in left.iter().enumerate() {
            let came = part as u64 >= triggered_before_close
                || fronts[part] + 100 > belt_stands_at.min(drained_at.unwrap_or(0));
            if came {
                prop_assert!(matches!(outcome, Outcome::NoResult(_)), "{part}: {outcome:?}");
            }
        }
        let last = bench.said.iter().rev().find_map(|effect| match effect {
            Effect::Gate(Action::Drive { level, .. }) => Some(*level),
            _ => None,
        });
        prop_assert_ne!(last, Some(true));
    }
}

/// A station with a second process, of generation 2, that was proven at time 300 while a part awaited its
/// answer, and that part's number.
fn proven() -> (Bench, u64) {
    let mut bench = Bench::up(SPEC);
    bench.station.activate(Model(1)).unwrap();
    bench.tick(100);
    assert!(bench.said.contains(&Effect::Prove {
        generation: 2,
        model: Model(1)
    }));
    bench.part(280);
    assert!(!bench.station.inspector(2, Inspector::Proven, 300));
    bench.tick(300);
    assert!(!bench.said.contains(&Effect::Release), "a part is open");
    (bench, 1)
}

#[test]
fn another_model_takes_over_when_no_part_awaits_an_answer() {
    let (mut bench, part) = proven();
    bench.hear(
        Inspector::Verdict {
            number: part,
            outcome: Outcome::Pass,
        },
        310,
    );
    bench.tick(310);
    assert_eq!(bench.said.last(), Some(&Effect::Ready(false)));
    assert!(bench.said.contains(&Effect::Release));
    assert_eq!(bench.station.obstacle(), Some(NotReady::Switching));
    // The part goes its way as ever.
    bench.tick(380);
    assert_eq!(bench.left(), [Outcome::Pass]);
    // What comes in the gap is rejected, and nobody is asked.
    bench.part(390);
    bench.hear(Inspector::Closed, 400);
    bench.hear(Inspector::Ended, 410);
    bench.tick(410);
    assert!(bench.said.contains(&Effect::TakeOver));
    // The old one is not listened to any more.
    assert!(!bench.hear(
        Inspector::Verdict {
            number: 2,
            outcome: Outcome::Pass
        },
        411
    ));
    assert!(bench.station.inspector(2, Inspector::Ready, 450));
    bench.tick(450);
    assert_eq!(bench.station.obstacle(), None);
    let standing = Standing {
        active: Model(1),
        previous: Some(Model(0)),
    };
    assert!(bench.said.contains(&Effect::Record(standing)));
    bench.station.recorded(true, 460);
    bench.tick(490);
    assert_eq!(
        bench.left(),
        [Outcome::Pass, Outcome::NoResult(Reason::Inspector)]
    );
    let settled = Settlement::Activated {
        model: Model(1),
        proof_us: 200,
        switch_us: 140,
    };
    assert!(bench.said.contains(&Effect::Settled(settled)));
    assert_eq!(bench.station.supervisor().restarts(), 0);
    // One that is started again has the new model.
    bench.station.inspector(2, Inspector::Ended, 500);
    bench.tick(600);
    assert!(bench.said.contains(&Effect::Start {
        generation: 3,
        model: Model(1)
    }));
}

#[test]
fn a_front_that_is_not_settled_is_waited_for() {
    let (mut bench, part) = proven();
    bench.edge(true, 308, 1);
    bench.hear(
        Inspector::Verdict {
            number: part,
            outcome: Outcome::Fail,
        },
        310,
    );
    bench.tick(310);
    assert!(!bench.said.contains(&Effect::Release));
}

#[test]
fn where_the_new_one_gets_no_camera_the_old_model_is_started_again() {
    let (mut bench, part) = proven();
    bench.station.refused(part);
    bench.tick(310);
    bench.hear(Inspector::Ended, 320);
    bench.tick(320);
    bench.station.inspector(2, Inspector::Closed, 330);
    bench.station.inspector(2, Inspector::Ended, 340);
    bench.tick(340);
    let settled = Settlement::Refused {
        model: Model(1),
        why: Refusal::NotOpened,
    };
    assert!(bench.said.contains(&Effect::Settled(settled)));
    assert_eq!(bench.station.obstacle(), Some(NotReady::Starting));
    bench.tick(350);
    assert!(bench.said.contains(&Effect::Start {
        generation: 3,
        model: Model(0)
    }));
}

#[test]
fn one_that_is_not_ready_in_time_is_killed() {
    let (mut bench, part) = proven();
    bench.station.refused(part);
    bench.tick(310);
    bench.hear(Inspector::Ended, 320);
    bench.tick(320);
    assert!(bench.station.next_tick_us() <= Some(510));
    bench.tick(510);
    assert!(bench.said.contains(&Effect::Replace));
    assert!(!bench.said.contains(&Effect::Discard), "it is in charge");
}

#[test]
fn a_dead_candidate_costs_no_part() {
    let (mut bench, part) = proven();
    bench.station.inspector(2, Inspector::Closed, 305);
    bench.tick(305);
    let settled = Settlement::Refused {
        model: Model(1),
        why: Refusal::CandidateLost,
    };
    assert!(bench.said.contains(&Effect::Settled(settled)));
    bench.hear(
        Inspector::Verdict {
            number: part,
            outcome: Outcome::Pass,
        },
        310,
    );
    bench.tick(390);
    assert_eq!(bench.left(), [Outcome::Pass]);
    assert!(!bench.said.contains(&Effect::Release));
}

#[test]
fn a_new_model_that_can_t_judge_makes_way_for_the_old_one() {
    let (mut bench, part) = proven();
    bench.station.refused(part);
    bench.tick(310);
    bench.hear(Inspector::Ended, 320);
    bench.tick(320);
    bench.station.inspector(2, Inspector::Ready, 330);
    bench.tick(330);
    bench.station.recorded(true, 331);
    for (number, at_us) in [(2, 400), (3, 480)] {
        bench.part(at_us);
        let outcome = Outcome::NoResult(Reason::Engine);
        let what = Inspector::Verdict { number, outcome };
        bench.station.inspector(2, what, at_us + 20);
    }
    bench.tick(600);
    assert!(bench.said.contains(&Effect::Replace));
    let standing = Standing {
        active: Model(0),
        previous: None,
    };
    assert!(bench.said.contains(&Effect::Record(standing)));
    bench.station.inspector(2, Inspector::Ended, 610);
    bench.tick(630);
    assert!(bench.said.contains(&Effect::Start {
        generation: 3,
        model: Model(0)
    }));
}
