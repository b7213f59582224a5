//! The record of a station with faults on request, and its parts.

use std::path::Path;

use serde_json::Value;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A fault has struck.
    Struck {
        /// As the script names it.
        fault: String,
        /// The part, start, connection or line at which it struck.
        number: u64,
        /// The process that it struck.
        process: u32,
    },
    /// The line process has set a wire.
    Wire {
        /// `pass`, `ready` and so on.
        wire: String,
        /// High or low.
        level: bool,
        /// On whose behalf.
        part: u64,
        /// Microseconds of the line process's clock.
        at_us: u64,
    },
    /// What speaks against more parts has changed; `None` is ready.
    Obstacle(Option<String>),
    /// The line process has heard an answer.
    Answered {
        /// The part.
        number: u64,
        /// `pass`, `fail` or `no_result`.
        verdict: String,
    },
}

/// An event and when it was written down, microseconds of CLOCK_MONOTONIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub t_us: u64,
    /// What.
    pub event: Event,
}

/// A part as `run --json` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftPart {
    /// From 1 on.
    pub number: u64,
    /// `pass`, `fail` or `no_result`.
    pub verdict: String,
    /// Of `no_result`.
    pub reason: Option<String>,
    /// What a recorded part is.
    pub label: Option<String>,
    /// When it came to the rejector, microseconds of the line process's clock.
    pub left_us: u64,
}

/// From a fault until the station was itself again, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Until READY beat again; `None` if it never fell.
    pub ready_us: Option<u64>,
    /// Until the next part was judged, with READY.
    pub judged_us: u64,
}

/// All moments, in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record(pub Vec<Moment>);

impl Moment {
    fn read(line: &Value) -> Option<Self> {
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        let event = if let Some(fault) = text("struck") {
            Event::Struck {
                fault,
                number: line["number"].as_u64()?,
                process: line["process"].as_u64()?.try_into().ok()?,
            }
        } else if let Some(wire) = text("wire") {
            Event::Wire {
                wire,
                level: line["level"].as_bool()?,
                part: line["part"].as_u64()?,
                at_us: line["at_us"].as_u64()?,
            }
        } else if let Some(number) = line["answered"].as_u64() {
            Event::Answered {
                number,
                verdict: text("verdict")?,
            }
        } else {
            line.get("obstacle")?;
            Event::Obstacle(text("obstacle"))
        };
        Some(Self {
            t_us: line["t_us"].as_u64()?,
            event,
        })
    }
}

impl LeftPart {
    /// A line of `run --json`, or `None` if it is about no part.
    pub fn read(line: &Value) -> Option<Self> {
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        Some(Self {
            number: line["number"].as_u64()?,
            verdict: text("verdict")?,
            reason: text("reason"),
            label: text("label"),
            left_us: (line["left_ms"].as_f64()? * 1e3).round() as u64,
        })
    }

    /// Whether it was inspected.
    pub fn is_judged(&self) -> bool {
        self.verdict != "no_result"
    }
}

impl Record {
    /// Reads what is there by now: nothing, if there is no file yet. A last line that is being written
    /// is left out.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        Self(
            lines
                .filter_map(|line: Value| Moment::read(&line))
                .collect(),
        )
    }

    /// What came after a fault had struck for the first time, and the number at which it did.
    pub fn after(&self, fault: &str) -> Option<(u64, u64, &[Moment])> {
        self.0.iter().enumerate().find_map(|(place, moment)| {
            let Event::Struck {
                fault: told,
                number,
                ..
            } = &moment.event
            else {
                return None;
            };
            let rest = self.0.get(place + 1..).unwrap_or_default();
            (told == fault).then_some((*number, moment.t_us, rest))
        })
    }

    /// How long a fault lasted, if it is over. READY that falls because the station is stopped does not
    /// count.
    pub fn recovery(&self, fault: &str) -> Option<Recovery> {
        let (_, struck_us, rest) = self.after(fault)?;
        let fell = rest.iter().position(
            |moment| matches!(&moment.event, Event::Obstacle(Some(why)) if why != "closing"),
        );
        let ready = match fell {
            None => None,
            Some(fell) => Some(rest.iter().skip(fell).position(is_ready)? + fell),
        };
        let judged = rest
            .iter()
            .skip(ready.unwrap_or(0))
            .find(|moment| is_judged(moment))?;
        let since = |moment: &Moment| moment.t_us.saturating_sub(struck_us);
        Some(Recovery {
            ready_us: ready.and_then(|place| rest.get(place)).map(since),
            judged_us: since(judged),
        })
    }

    /// Whether a fault has struck and the station has judged some parts since, and is ready.
    pub fn is_over(&self, fault: &str) -> bool {
        let Some((_, _, rest)) = self.after(fault) else {
            return false;
        };
        let obstacle = self.0.iter().rev().find_map(|moment| match &moment.event {
            Event::Obstacle(obstacle) => Some(obstacle),
            _ => None,
        });
        // Answers may have been on their way when it struck.
        let judged = rest.iter().filter(|moment| is_judged(moment)).count();
        judged >= 3 && obstacle == Some(&None)
    }
}

fn is_ready(moment: &Moment) -> bool {
    moment.event == Event::Obstacle(None)
}

fn is_judged(moment: &Moment) -> bool {
    matches!(&moment.event, Event::Answered { verdict, .. } if verdict != "no_result")
}
