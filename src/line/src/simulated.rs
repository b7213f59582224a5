//! A line without wires that remembers its pulses.

use std::collections::VecDeque;

use crate::{Edge, Line, LineError, Output, Stopped, timeline};

/// Pulses that a simulated line keeps; older ones are forgotten, but stay counted.
pub const PULSES_KEPT: usize = 1024;

/// A wire was high for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// The wire.
    pub output: Output,
    /// Rising edge.
    pub start_us: u64,
    /// Time until the falling edge.
    pub width_us: u64,
    /// Part on whose behalf it rose; neighbours may have made it longer.
    pub part: u64,
}

impl Pulse {
    /// Falling edge.
    pub fn end_us(&self) -> u64 {
        self.start_us + self.width_us
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Wire {
    /// Start and part of the pulse that is being given.
    high_since: Option<(u64, u64)>,
    last_us: u64,
}

/// Records pulses and draws them; its memory does not grow.
#[derive(Debug)]
pub struct SimulatedLine {
    stopped: Stopped,
    wires: [Wire; Output::ALL.len()],
    pulses: VecDeque<Pulse>,
    count: u64,
}

impl SimulatedLine {
    /// All wires at their safe levels; what has been high from the start on is no pulse.
    pub fn new(stopped: Stopped) -> Self {
        Self {
            stopped,
            wires: Default::default(),
            pulses: VecDeque::with_capacity(PULSES_KEPT),
            count: 0,
        }
    }

    /// The last [`PULSES_KEPT`] finished pulses of the rejector in the order of their ends.
    pub fn pulses(&self) -> impl Iterator<Item = &Pulse> {
        self.pulses.iter()
    }

    /// Finished pulses of the rejector since the start.
    pub fn pulse_count(&self) -> u64 {
        self.count
    }

    /// Draws what is remembered between two times, one row for each wire that moved.
    ///
    /// A column is high if the wire was high at any moment of it: no pulse is too short to be seen.
    pub fn timeline(&self, from_us: u64, to_us: u64, columns: usize) -> String {
        timeline::draw(&self.pulses, from_us, to_us, columns)
    }

    fn wire(&mut self, output: Output) -> &mut Wire {
        let [pass, reject, ready, busy, result_valid, ok, ng, error] = &mut self.wires;
        match output {
            Output::Pass => pass,
            Output::Reject => reject,
            Output::Ready => ready,
            Output::Busy => busy,
            Output::ResultValid => result_valid,
            Output::Ok => ok,
            Output::Ng => ng,
            Output::Error => error,
        }
    }
}

impl Line for SimulatedLine {
    fn drive(&mut self, edge: Edge) -> Result<(), LineError> {
        let wire = self.wire(edge.output);
        if edge.at_us < wire.last_us {
            return Err(LineError::BackInTime {
                output: edge.output,
                at_us: edge.at_us,
                last_us: wire.last_us,
            });
        }
        wire.last_us = edge.at_us;
        match (wire.high_since, edge.level) {
            (None, true) => wire.high_since = Some((edge.at_us, edge.part)),
            (Some((start_us, part)), false) => {
                wire.high_since = None;
                if !edge.output.moves_parts() {
                    return Ok(());
                }
                if self.pulses.len() == PULSES_KEPT {
                    self.pulses.pop_front();
                }
                self.pulses.push_back(Pulse {
                    output: edge.output,
                    start_us,
                    width_us: edge.at_us - start_us,
                    part,
                });
                self.count += 1;
            }
            (None, false) | (Some(_), true) => {}
        }
        Ok(())
    }

    fn rest(&mut self, at_us: u64) -> Result<(), LineError> {
        let mut first_error = Ok(());
        for output in Output::ALL {
            let safe = Edge {
                output,
                level: output.safe_level(self.stopped),
                at_us,
                part: self.wire(output).high_since.map_or(0, |(_, part)| part),
            };
            first_error = first_error.and(self.drive(safe));
        }
        first_error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(level: bool, at_us: u64, part: u64) -> Edge {
        Edge {
            output: Output::Pass,
            level,
            at_us,
            part,
        }
    }

    #[test]
    fn a_pulse_is_known_by_its_first_part() {
        let mut line = SimulatedLine::new(Stopped::Rejects);
        line.drive(edge(true, 100, 7)).unwrap();
        line.drive(edge(true, 105, 8)).unwrap();
        line.drive(edge(false, 130, 8)).unwrap();
        let pulses: Vec<&Pulse> = line.pulses().collect();
        assert_eq!(
            pulses,
            [&Pulse {
                output: Output::Pass,
                start_us: 100,
                width_us: 30,
                part: 7
            }]
        );
    }

    #[test]
    fn going_to_rest_ends_pulses() {
        let mut line = SimulatedLine::new(Stopped::Rejects);
        line.drive(edge(true, 10, 1)).unwrap();
        line.rest(15).unwrap();
        line.rest(20).unwrap();
        assert_eq!(line.pulse_count(), 1);
        assert_eq!(line.pulses().map(Pulse::end_us).next(), Some(15));
    }

    #[test]
    fn wires_that_only_tell_give_no_pulses() {
        let mut line = SimulatedLine::new(Stopped::Rejects);
        for (at_us, level) in [(10, true), (20, false)] {
            let output = Output::Ready;
            line.drive(Edge {
                output,
                ..edge(level, at_us, 0)
            })
            .unwrap();
        }
        assert_eq!(line.pulse_count(), 0);
    }

    #[test]
    fn a_stopped_line_rejects_unless_its_rejector_must_not_be_held() {
        let high_at_rest = |stopped| {
            let levels = Output::ALL.map(|output| output.safe_level(stopped).then_some(output));
            levels.into_iter().flatten().collect::<Vec<_>>()
        };
        assert_eq!(high_at_rest(Stopped::Rejects), [Output::Reject]);
        assert_eq!(high_at_rest(Stopped::Passes), []);
        let mut line = SimulatedLine::new(Stopped::Rejects);
        line.rest(10).unwrap();
        let output = Output::Reject;
        let low = Edge {
            output,
            ..edge(false, 15, 1)
        };
        line.drive(low).unwrap();
        assert_eq!(line.pulses().map(Pulse::end_us).next(), Some(15));
    }

    #[test]
    fn time_runs_forward() {
        let mut line = SimulatedLine::new(Stopped::Rejects);
        line.drive(edge(true, 10, 1)).unwrap();
        assert!(matches!(
            line.drive(edge(false, 9, 1)),
            Err(LineError::BackInTime { last_us: 10, .. })
        ));
    }

    #[test]
    fn old_pulses_are_forgotten_but_counted() {
        let mut line = SimulatedLine::new(Stopped::Rejects);
        let more = PULSES_KEPT as u64 + 5;
        for part in 0..more {
            line.drive(edge(true, 10 * part, part)).unwrap();
            line.drive(edge(false, 10 * part + 5, part)).unwrap();
        }
        assert_eq!(line.pulses().count(), PULSES_KEPT);
        assert_eq!(line.pulses().next().map(|pulse| pulse.part), Some(5));
        assert_eq!(line.pulse_count(), more);
    }
}
