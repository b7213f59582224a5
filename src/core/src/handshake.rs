//! The handshake with a machine that reads each result: RESULT VALID, OK, NG, ERROR, ACK.
//!
//! ```text
//! OK / NG / ERROR  ──┐set   ┌─────────────┐low
//! RESULT VALID     ──┘setup─┘             └──
//! ACK              ──────────────┌────────┐──
//! ```
//! Results are told in the order in which parts leave the gate, one at a time, and stay until the
//! machine has acknowledged them. NG is set together with ERROR: a machine that looks at NG alone
//! still rejects. Results are told by their order alone, so one that can't be delivered is a fault
//! that stops all of them: NG and ERROR stay high without RESULT VALID until
//! [`Handshake::resync`].

use heapless::Deque;

use crate::gate::Outcome;

/// Results that may wait for a machine.
const WAITING_MAX: usize = 8;

/// How the machine is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeSpec {
    /// From setting OK, NG and ERROR to RESULT VALID.
    pub setup_us: u64,
    /// Time in which ACK has to rise, and to fall again.
    pub ack_max_us: u64,
}

/// The levels of the station's wires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HandshakeWires {
    /// The others are to be read now.
    pub result_valid: bool,
    /// The part passes.
    pub ok: bool,
    /// The part does not pass.
    pub ng: bool,
    /// There is no result, or the handshake has failed.
    pub error: bool,
}

impl HandshakeWires {
    const FAULT: Self = Self {
        result_valid: false,
        ok: false,
        ng: true,
        error: true,
    };

    fn of(outcome: Outcome) -> Self {
        Self {
            result_valid: false,
            ok: outcome == Outcome::Pass,
            ng: outcome != Outcome::Pass,
            error: matches!(outcome, Outcome::NoResult(_)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing to tell.
    Idle,
    /// The result's wires are set, but not valid yet.
    Setting { since_us: u64 },
    /// The machine has to read.
    Valid { since_us: u64 },
    /// The machine has read; ACK has to fall.
    Releasing { since_us: u64 },
    /// The machine no longer knows which result belongs to which part; since when it is told so.
    Fault { shown_us: Option<u64> },
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Handshake {
    spec: HandshakeSpec,
    state: State,
    waiting: Deque<Outcome, WAITING_MAX>,
    wires: HandshakeWires,
    ack: bool,
    delivered: u64,
    undelivered: u64,
}

impl Handshake {
    /// All wires low.
    pub fn new(spec: HandshakeSpec) -> Self {
        Self {
            spec,
            state: State::Idle,
            waiting: Deque::new(),
            wires: HandshakeWires::default(),
            ack: false,
            delivered: 0,
            undelivered: 0,
        }
    }

    /// A part has left.
    pub fn result(&mut self, outcome: Outcome) {
        if self.has_failed() {
            self.undelivered += 1;
        } else if self.waiting.push_back(outcome).is_err() {
            self.undelivered += 1;
            self.fail();
        }
    }

    /// The machine's wire.
    pub fn ack(&mut self, level: bool) {
        self.ack = level;
    }

    /// The wires' new levels, if they change now.
    pub fn tick(&mut self, now_us: u64) -> Option<HandshakeWires> {
        let mut levels = self.wires;
        while self.step(now_us, &mut levels) {}
        (levels != self.wires).then(|| {
            self.wires = levels;
            levels
        })
    }

    /// The wires have the levels of the last tick since now: times that the machine is promised count from
    /// here, however late the wires were driven.
    pub fn driven(&mut self, at_us: u64) {
        if let State::Setting { since_us } | State::Valid { since_us } = &mut self.state {
            *since_us = at_us.max(*since_us);
        }
    }

    /// When to tick next, if nothing else happens.
    pub fn next_tick_us(&self) -> Option<u64> {
        match self.state {
            State::Idle | State::Fault { .. } => None,
            State::Setting { since_us } => Some(since_us.saturating_add(self.spec.setup_us)),
            State::Valid { since_us } | State::Releasing { since_us } => {
                Some(since_us.saturating_add(self.spec.ack_max_us))
            }
        }
    }

    /// Whether the machine no longer knows which result belongs to which part.
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Fault { .. })
    }

    /// Whether the machine has been told everything, or can't be told any more.
    pub fn is_settled(&self) -> bool {
        self.has_failed() || (self.waiting.is_empty() && self.state == State::Idle)
    }

    /// No part is under way: results may begin anew, when the machine has had the time of an ACK to
    /// see the fault, and ACK is low.
    pub fn resync(&mut self, now_us: u64) {
        if let State::Fault {
            shown_us: Some(shown_us),
        } = self.state
            && now_us.saturating_sub(shown_us) >= self.spec.ack_max_us
            && !self.ack
        {
            self.state = State::Idle;
        }
    }

    /// Results that the machine has acknowledged.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Results that it has not been told, or has not acknowledged.
    pub fn undelivered(&self) -> u64 {
        self.undelivered
    }

    /// Whether something has changed.
    fn step(&mut self, now_us: u64, levels: &mut HandshakeWires) -> bool {
        let is_over = self.next_tick_us().is_some_and(|at_us| at_us <= now_us);
        match self.state {
            State::Idle => {
                *levels = HandshakeWires::default();
                if self.waiting.is_empty() {
                    return false;
                }
                if self.ack {
                    self.state = State::Releasing { since_us: now_us };
                    return true;
                }
                let Some(outcome) = self.waiting.pop_front() else {
                    return false;
                };
                *levels = HandshakeWires::of(outcome);
                self.state = State::Setting { since_us: now_us };
            }
            // An ACK to what was not said yet would be taken for one to what follows.
            State::Setting { .. } if self.ack => {
                self.undelivered += 1;
                self.fail();
            }
            State::Setting { .. } if is_over => {
                levels.result_valid = true;
                self.state = State::Valid { since_us: now_us };
            }
            State::Valid { .. } if self.ack => {
                self.delivered += 1;
                *levels = HandshakeWires::default();
                self.state = State::Releasing { since_us: now_us };
            }
            State::Valid { .. } if is_over => {
                self.undelivered += 1;
                self.fail();
            }
            State::Releasing { .. } if !self.ack => self.state = State::Idle,
            State::Releasing { .. } if is_over => self.fail(),
            State::Fault { shown_us } => {
                *levels = HandshakeWires::FAULT;
                self.state = State::Fault {
                    shown_us: shown_us.or(Some(now_us)),
                };
                return false;
            }
            State::Setting { .. } | State::Valid { .. } | State::Releasing { .. } => return false,
        }
        true
    }

    fn fail(&mut self) {
        self.undelivered += self.waiting.len() as u64;
        self.waiting.clear();
        self.state = State::Fault { shown_us: None };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::verdict::Reason;

    const SPEC: HandshakeSpec = HandshakeSpec {
        setup_us: 2,
        ack_max_us: 50,
    };

    fn wires(text: &str) -> HandshakeWires {
        HandshakeWires {
            result_valid: text.contains('v'),
            ok: text.contains('o'),
            ng: text.contains('n'),
            error: text.contains('e'),
        }
    }

    #[test]
    fn a_result_is_set_then_valid_then_gone_when_it_was_read() {
        let mut handshake = Handshake::new(SPEC);
        handshake.result(Outcome::Pass);
        assert_eq!(handshake.tick(10), Some(wires("o")));
        assert_eq!(handshake.tick(11), None);
        assert_eq!(handshake.tick(12), Some(wires("ov")));
        handshake.ack(true);
        assert_eq!(handshake.tick(20), Some(wires("")));
        handshake.result(Outcome::NoResult(Reason::Late));
        assert_eq!(handshake.tick(21), None, "ACK is still high");
        handshake.ack(false);
        assert_eq!(
            handshake.tick(22),
            Some(wires("ne")),
            "NG together with ERROR"
        );
        assert_eq!((handshake.delivered(), handshake.undelivered()), (1, 0));
    }

    #[test]
    fn setup_counts_from_the_wires_and_not_from_the_decision() {
        let mut handshake = Handshake::new(SPEC);
        handshake.result(Outcome::Pass);
        assert_eq!(handshake.tick(10), Some(wires("o")));
        handshake.driven(15);
        assert_eq!(handshake.tick(16), None);
        assert_eq!(handshake.next_tick_us(), Some(17));
        assert_eq!(handshake.tick(17), Some(wires("ov")));
        handshake.driven(19);
        assert_eq!(
            handshake.next_tick_us(),
            Some(69),
            "the machine's time to answer"
        );
    }

    #[test]
    fn a_machine_that_does_not_read_is_a_fault_until_results_begin_anew() {
        let mut handshake = Handshake::new(SPEC);
        handshake.result(Outcome::Pass);
        handshake.tick(0);
        handshake.tick(2);
        assert_eq!(handshake.next_tick_us(), Some(52));
        assert_eq!(handshake.tick(52), Some(wires("ne")));
        handshake.result(Outcome::Pass);
        assert_eq!(handshake.tick(60), None);
        handshake.resync(101);
        assert!(handshake.has_failed(), "the machine must have seen it");
        handshake.ack(true);
        handshake.resync(102);
        assert!(handshake.has_failed(), "ACK is high");
        handshake.ack(false);
        handshake.resync(102);
        assert_eq!(handshake.tick(103), Some(wires("")));
        assert_eq!(handshake.undelivered(), 2);
    }

    #[test]
    fn results_that_pile_up_are_a_fault() {
        let mut handshake = Handshake::new(SPEC);
        for _ in 0..=WAITING_MAX {
            handshake.result(Outcome::Fail);
        }
        assert!(handshake.has_failed());
        assert_eq!(handshake.undelivered(), 1 + WAITING_MAX as u64);
    }

    proptest! {
        /// Whatever the machine does: it reads results in order, none twice, and valid wires name
        /// exactly one of OK and NG and keep still.
        #[test]
        fn the_machine_reads_each_result_once_and_in_order(
            steps in proptest::collection::vec((0_u64..30, 0..4_u8), 1..200),
        ) {
            let mut handshake = Handshake::new(SPEC);
            let outcomes = [Outcome::Pass, Outcome::Fail, Outcome::NoResult(Reason::Engine)];
            let (mut now_us, mut told, mut read) = (0, Vec::new(), 0);
            let mut levels = HandshakeWires::default();
            for (wait_us, what) in steps {
                now_us += wait_us;
                let was_valid = levels.result_valid;
                match what {
                    0 => {
                        let outcome = outcomes[told.len() % 3];
                        told.push(outcome);
                        handshake.result(outcome);
                    }
                    1 => handshake.ack(true),
                    2 => handshake.ack(false),
                    _ => {}
                }
                if let Some(changed) = handshake.tick(now_us) {
                    if was_valid && changed.result_valid {
                        prop_assert_eq!(changed, levels);
                    }
                    if changed.result_valid && !was_valid {
                        prop_assert!(changed.ok != changed.ng);
                        let expected = HandshakeWires { result_valid: true, ..HandshakeWires::of(told[read]) };
                        prop_assert_eq!(changed, expected);
                        read += 1;
                    }
                    levels = changed;
                }
                let known = handshake.delivered() + handshake.undelivered();
                prop_assert!(known <= told.len() as u64);
                if handshake.has_failed() {
                    prop_assert!(levels.ng && levels.error && !levels.result_valid && !levels.ok);
                    break;
                }
            }
        }
    }
}
