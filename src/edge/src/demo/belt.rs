//! A simulated belt: the real gate and a simulated line, in simulated time.
//!
//! Parts follow each other at a fixed distance however fast this machine is; what a part's
//! judgement took in reality decides whether it was in time.

use std::time::Duration;

use twinspect_core::gate::{Action, Gate, GateSpec, Outcome, OutputMode, Way};
use twinspect_core::verdict::Verdict;
use twinspect_line::{Edge, Line, Output, Pulse, SimulatedLine, Stopped};

use crate::error::EdgeError;

/// From the sensor to the rejector.
const DELAY_US: u64 = 2_000_000;

/// A slow belt: the demo is about what is seen, and shall work on a busy laptop too.
const SPEC: GateSpec = GateSpec {
    way: Way::Time {
        delay_us: DELAY_US,
        merge_us: 0,
    },
    deadline_us: 1_900_000,
    pulse_us: 60_000,
    mode: OutputMode::PassPulse,
};
/// From part to part; longer than way and pulse, so that each part can be told by itself.
const PERIOD_US: u64 = 2_500_000;

/// Belt, sensor, gate and rejector.
#[derive(Debug)]
pub(super) struct Belt {
    gate: Gate,
    line: SimulatedLine,
    now_us: u64,
}

/// How a part went past the rejector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) outcome: Outcome,
    pub(super) pulse: Option<Pulse>,
}

/// A part's verdict, unless the gate saw it otherwise.
pub(super) fn as_left(verdict: Verdict, outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::NoResult(reason) => Verdict::NoResult { reason },
        Outcome::Pass | Outcome::Fail => verdict,
    }
}

impl Belt {
    pub(super) fn new() -> Result<Self, EdgeError> {
        Ok(Self {
            gate: Gate::new(SPEC)?,
            line: SimulatedLine::new(Stopped::Rejects),
            now_us: 0,
        })
    }

    /// Simulated time.
    pub(super) fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Pulses from a time to now.
    pub(super) fn timeline(&self, from_us: u64, columns: usize) -> String {
        self.line.timeline(from_us, self.now_us, columns)
    }

    /// Carries one part from the sensor past the rejector.
    pub(super) fn carry(
        &mut self,
        verdict: &Verdict,
        took: Duration,
    ) -> Result<Passage, EdgeError> {
        let number = self.gate.trigger(self.now_us).number();
        let answered_us = self.now_us + took.as_micros() as u64;
        let next_part_us = answered_us.max(self.now_us + PERIOD_US);
        let early = self.tick_until(answered_us)?;
        self.gate
            .verdict(number, Outcome::from(verdict), answered_us);
        let outcome = early.or(self.tick_until(next_part_us)?);
        self.now_us = next_part_us;
        Ok(Passage {
            outcome: outcome.unwrap_or(Outcome::from(verdict)),
            pulse: self
                .line
                .pulses()
                .last()
                .filter(|pulse| pulse.part == number)
                .copied(),
        })
    }

    /// Does what is due up to a time; the outcome of the part that left, if one did.
    fn tick_until(&mut self, end_us: u64) -> Result<Option<Outcome>, EdgeError> {
        let mut left = None;
        while let Some(at_us) = self.gate.next_tick_us().filter(|at_us| *at_us <= end_us) {
            for action in self.gate.tick(at_us) {
                match action {
                    Action::Drive {
                        level,
                        number,
                        due_us,
                    } => self.line.drive(Edge {
                        output: Output::from(SPEC.mode),
                        level,
                        at_us: due_us,
                        part: number,
                    })?,
                    Action::Leave { outcome, .. } => left = Some(outcome),
                }
            }
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::verdict::{Reason, Score};

    use super::*;

    const PASS: Verdict = Verdict::Pass {
        score: Score(0.5),
        missing: None,
    };

    #[test]
    fn a_passed_part_gets_its_pulse() {
        let mut belt = Belt::new().unwrap();
        belt.carry(&PASS, Duration::from_millis(20)).unwrap();
        let second = belt.carry(&PASS, Duration::from_millis(20)).unwrap();
        let pulse = second.pulse.unwrap();
        assert_eq!((second.outcome, pulse.part), (Outcome::Pass, 2));
        assert_eq!(pulse.start_us, PERIOD_US + DELAY_US);
    }

    #[test]
    fn a_part_that_took_too_long_is_rejected_even_if_it_is_good() {
        let mut belt = Belt::new().unwrap();
        for took in [1_900, 2_050, 4_000] {
            let passage = belt.carry(&PASS, Duration::from_millis(took)).unwrap();
            assert_eq!(passage.outcome, Outcome::NoResult(Reason::Late), "{took}");
            assert_eq!(passage.pulse, None);
        }
        let next = belt.carry(&PASS, Duration::from_millis(20)).unwrap();
        assert_eq!(next.outcome, Outcome::Pass);
    }

    #[test]
    fn a_rejected_part_gets_silence() {
        let mut belt = Belt::new().unwrap();
        let none = Verdict::NoResult {
            reason: Reason::NoDepth,
        };
        let passage = belt.carry(&none, Duration::from_millis(20)).unwrap();
        assert_eq!(passage.outcome, Outcome::NoResult(Reason::NoDepth));
        assert_eq!(passage.pulse, None);
    }
}
