//! What a running station tells: a line for each part that has left, a summary at the end.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use serde::Serialize;
use twinspect_core::gate::{Outcome, PARTS_MAX};
use twinspect_core::station::Station;
use twinspect_core::verdict::Verdict;
use twinspect_dataset::Label;
use twinspect_line::{Pulse, SimulatedLine};

use super::messages::{Figures, Metrics, Ready, VerdictMessage};
use crate::chaos::Place;
use crate::control::{CameraFigures, Inspected, LeftPart, StageTimes, Triggered};
use crate::error::EdgeError;
use crate::latency::{Latencies, Percentiles, milliseconds};
use crate::logging::{self, PART, PartLine};
use crate::outlet::Outlet;
use crate::part_report::words;
use crate::replay::write_json;
use crate::tally::{Summary, Tally};

/// Columns of the pulses' drawing at the end.
const COLUMNS: usize = 100;
/// How long a slow reader of the last lines is waited for.
const END_MAX: Duration = Duration::from_secs(5);

/// For whom it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// On standard output, in columns.
    People,
    /// On standard output, one JSON object a line.
    Scripts,
    /// In the log, which has everything else too.
    Journal,
}

/// Joins what was said of a part with how it left.
pub(super) struct StationReport {
    out: Outlet,
    form: Form,
    /// Parts that were asked for, and when they came to the sensor.
    asked: VecDeque<(u64, u64)>,
    /// Answers to parts that have not left.
    told: VecDeque<Answer>,
    tally: Tally,
    /// From the sensor to the answer.
    answers: Latencies,
    /// Of inspect processes that have ended.
    past: Metrics,
    /// Of the one that runs.
    current: Metrics,
    past_stages: StageTimes,
    figures: Figures,
}

/// What inspect processes have counted and measured.
pub(super) struct Measured {
    pub(super) inspected: Inspected,
    pub(super) stages: StageTimes,
    /// Of the one that runs.
    pub(super) camera: CameraFigures,
}

/// What the inspect process has said of a part.
struct Answer {
    told: VerdictMessage,
    /// From the sensor until this process heard of it.
    after: Option<Duration>,
}

/// A part that has left. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Left<'a> {
    #[serde(flatten)]
    part: &'a LeftPart,
    label: Option<&'a str>,
    /// From the sensor until this process had the answer.
    answered_ms: Option<f64>,
    left_ms: f64,
}

#[derive(Serialize)]
struct Run {
    summary: Summary,
    answer_ms: Percentiles,
    late_results: u64,
    duplicate_results: u64,
    unknown_results: u64,
    missed_pulses: u64,
    trigger: Triggered,
    pulses: u64,
    inspector_restarts: u64,
    inspector: Metrics,
}

impl StationReport {
    /// On standard output, or in the journal if that is where the log goes.
    pub(super) fn new(json: bool) -> Self {
        let gone = |error: &io::Error| match error.kind() {
            ErrorKind::BrokenPipe => {
                log::warn!("nobody reads standard output any more: the station goes on without it");
            }
            _ => log::error!("writing to standard output: {error}: the station goes on without it"),
        };
        Self {
            out: Outlet::start(Place::Output, anstream::stdout, gone),
            form: match (json, logging::is_journal()) {
                (true, _) => Form::Scripts,
                (false, true) => Form::Journal,
                (false, false) => Form::People,
            },
            asked: VecDeque::with_capacity(PARTS_MAX),
            told: VecDeque::with_capacity(PARTS_MAX),
            tally: Tally::default(),
            answers: Latencies::default(),
            past: Metrics::default(),
            current: Metrics::default(),
            past_stages: StageTimes::default(),
            figures: Figures::default(),
        }
    }

    /// The inspect process is ready.
    pub(super) fn ready(&mut self, ready: &Ready) -> Result<(), EdgeError> {
        self.past = self.past.plus(std::mem::take(&mut self.current));
        let figures = std::mem::take(&mut self.figures);
        self.past_stages = self.past_stages.plus(figures.stages);
        let Ready {
            model,
            engine,
            camera,
            ..
        } = ready;
        let told = format!("{model}, engine {}, {camera}", engine.name);
        match self.form {
            Form::People => writeln!(self.out, "ready: {told}")?,
            Form::Journal => log::info!("the inspect process is ready: {told}"),
            Form::Scripts => {}
        }
        Ok(())
    }

    /// The inspect process is asked for a part that has come to the sensor then.
    pub(super) fn asked(&mut self, number: u64, triggered_us: u64) {
        if self.asked.len() == PARTS_MAX {
            self.asked.pop_front();
        }
        self.asked.push_back((number, triggered_us));
    }

    /// The inspect process has answered.
    pub(super) fn told(&mut self, told: VerdictMessage, now_us: u64) {
        if let Some(took_us) = told.took_us {
            self.tally.took(Duration::from_micros(took_us));
        }
        let mut asked = self.asked.iter();
        let after = asked
            .find(|(number, _)| *number == told.number)
            .map(|(_, triggered_us)| Duration::from_micros(now_us.saturating_sub(*triggered_us)));
        if let Some(after) = after.filter(|_| told.took_us.is_some()) {
            self.answers.push(after);
        }
        if self.told.len() == PARTS_MAX {
            self.told.pop_front();
        }
        self.told.push_back(Answer { told, after });
    }

    /// The inspect process has counted.
    pub(super) fn metrics(&mut self, metrics: Metrics, figures: Figures) {
        self.current = metrics;
        self.figures = figures;
    }

    /// What was counted and measured by all inspect processes so far.
    pub(super) fn inspected(&self) -> Measured {
        let counted = self.past.plus(self.current);
        Measured {
            inspected: Inspected {
                parts: counted.inspected,
                displaced: counted.displaced,
                camera_errors: counted.camera_errors,
                records_written: counted.records_written,
                records_dropped: counted.records_dropped,
            },
            stages: self.past_stages.plus(self.figures.stages),
            camera: self.figures.camera,
        }
    }

    /// Whether a part that has not left has a record with its picture, where records are wanted: it was seen, and not taken
    /// for good. Of those that were only some are kept.
    pub(super) fn has_kept(&self, number: u64) -> bool {
        let mut answers = self.told.iter().map(|answer| &answer.told);
        answers.any(|told| told.number == number && told.seen && !told.verdict.passes())
    }

    /// A part has left; what it was, as far as anybody has said.
    pub(super) fn leave(
        &mut self,
        number: u64,
        outcome: Outcome,
        due_us: u64,
    ) -> Result<Option<LeftPart>, EdgeError> {
        let mut answers = self.told.iter();
        let place = answers.position(|answer| answer.told.number == number);
        let answer = place.and_then(|place| self.told.remove(place));
        // Answers to earlier parts came too late to be told with them.
        self.told.retain(|answer| answer.told.number > number);
        let after = answer.as_ref().and_then(|answer| answer.after);
        let told = answer.map(|answer| answer.told);
        let took_us = told.as_ref().and_then(|told| told.took_us);
        let (said, part, label) = told.map_or((None, None, None), |told| {
            (Some(told.verdict), told.part, told.label)
        });
        self.tally.add(label.as_ref(), outcome);
        let verdict = match (outcome, said) {
            (Outcome::NoResult(reason), _) => Verdict::NoResult { reason },
            (Outcome::Pass | Outcome::Fail, Some(said)) => said,
            // The gate decides by answers, and every answer is remembered until the part leaves.
            (Outcome::Pass | Outcome::Fail, None) => return Ok(None),
        };
        let left = LeftPart {
            number,
            part,
            verdict,
            took_ms: took_us.map(|took_us| milliseconds(Duration::from_micros(took_us))),
        };
        self.tell(&left, label.as_ref(), after, due_us)?;
        Ok(Some(left))
    }

    fn tell(
        &mut self,
        left: &LeftPart,
        label: Option<&Label>,
        after: Option<Duration>,
        due_us: u64,
    ) -> Result<(), EdgeError> {
        let LeftPart {
            number,
            part,
            verdict,
            took_ms,
        } = left;
        match self.form {
            Form::Scripts => write_json(
                &mut self.out,
                &Left {
                    part: left,
                    label: label.map(Label::as_str),
                    answered_ms: after.map(milliseconds),
                    left_ms: due_us as f64 / 1e3,
                },
            ),
            Form::Journal => {
                let line = PartLine {
                    number: *number,
                    verdict,
                    took_ms: *took_ms,
                    name: part.as_deref(),
                };
                log::info!(target: PART, "{line}");
                Ok(())
            }
            Form::People => {
                let (word, detail) = words(verdict);
                let took = took_ms.map_or(String::new(), |took| format!("{took:.1} ms"));
                Ok(writeln!(
                    self.out,
                    "{number:>6}  {:<26} {word}  {detail:<28} {took:>9}",
                    part.as_deref().unwrap_or("-")
                )?)
            }
        }
    }

    /// The station has stopped; its parts were to be decided within `deadline`.
    pub(super) fn finish(
        mut self,
        station: &Station,
        line: &SimulatedLine,
        deadline: Duration,
    ) -> Result<(), EdgeError> {
        let hint = self.tally.late_hint(milliseconds(deadline));
        match self.form {
            Form::Scripts => self.finish_for_scripts(station, line)?,
            Form::People => {
                self.finish_for_people(station, line)?;
                if let Some(hint) = hint {
                    writeln!(self.out, "hint           {hint}")?;
                }
            }
            Form::Journal => {
                let gate = station.gate().counters();
                log::info!(
                    "stopped: {} parts, {} passed, {} failed, {} without a result",
                    gate.triggered,
                    gate.passed,
                    gate.failed,
                    gate.no_result
                );
                if let Some(hint) = hint {
                    log::warn!("{hint}");
                }
            }
        }
        self.wait_for_reader()
    }

    /// Nobody's terminal keeps a station from ending.
    fn wait_for_reader(&self) -> Result<(), EdgeError> {
        if self.out.left_out() > 0 {
            log::warn!(
                "{} lines were left out, for standard output was read too slowly",
                self.out.left_out()
            );
        }
        match self.out.waiter().wait(END_MAX) {
            // It was told when it happened.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                log::warn!("the last lines on standard output are not read");
                Ok(())
            }
            written => Ok(written?),
        }
    }

    fn finish_for_scripts(
        &mut self,
        station: &Station,
        line: &SimulatedLine,
    ) -> Result<(), EdgeError> {
        let gate = station.gate().counters();
        write_json(
            &mut self.out,
            &Run {
                summary: self.tally.summary(),
                answer_ms: Percentiles::from(&self.answers),
                late_results: gate.late_results,
                duplicate_results: gate.duplicate_results,
                unknown_results: gate.unknown_results,
                missed_pulses: gate.missed_pulses,
                trigger: station.trigger().counters().into(),
                pulses: line.pulse_count(),
                inspector_restarts: station.supervisor().restarts(),
                inspector: self.past.plus(self.current),
            },
        )
    }

    fn finish_for_people(
        &mut self,
        station: &Station,
        line: &SimulatedLine,
    ) -> Result<(), EdgeError> {
        let (gate, trigger) = (station.gate().counters(), station.trigger().counters());
        let span = (
            line.pulses().map(|pulse| pulse.start_us).min(),
            line.pulses().map(Pulse::end_us).max(),
        );
        if let (Some(from_us), Some(to_us)) = span {
            let seconds = (to_us - from_us) as f64 / 1e6;
            let drawn = line.timeline(from_us, to_us, COLUMNS);
            writeln!(
                self.out,
                "\nthe line's wire, {seconds:.1} s, # = high:\n{drawn}"
            )?;
        }
        writeln!(self.out, "{}", self.tally.text())?;
        let Metrics {
            displaced,
            records_written,
            records_dropped,
            ..
        } = self.past.plus(self.current);
        writeln!(
            self.out,
            "trigger        {} parts, {} doubles, {} missed, {} times edges or pictures lost, {} unclear, \
             {} stuck\n\
             gate           {} pulses, {} missed; {} late, {} duplicate, {} unknown answers\n\
             inspector      {} restarts, {displaced} frames displaced, \
             {records_written} records written, {records_dropped} dropped",
            trigger.parts,
            trigger.doubles,
            trigger.missed,
            trigger.losses,
            trigger.unclear,
            trigger.stuck,
            line.pulse_count(),
            gate.missed_pulses,
            gate.late_results,
            gate.duplicate_results,
            gate.unknown_results,
            station.supervisor().restarts(),
        )?;
        Ok(())
    }
}
