//! What a running station tells: a line for each part that has left, a summary at the end.

use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use twinspect_core::gate::{Outcome, PARTS_MAX};
use twinspect_core::station::Station;
use twinspect_core::verdict::Verdict;
use twinspect_line::{Pulse, SimulatedLine};

use super::messages::{Metrics, Ready, VerdictMessage};
use crate::error::EdgeError;
use crate::latency::milliseconds;
use crate::part_report::words;
use crate::replay::write_json;
use crate::tally::{Summary, Tally};

/// Columns of the pulses' drawing at the end.
const COLUMNS: usize = 100;

/// Joins what was said of a part with how it left.
pub(super) struct StationReport<'a> {
    out: &'a mut dyn Write,
    json: bool,
    /// Answers to parts that have not left.
    told: VecDeque<VerdictMessage>,
    tally: Tally,
    /// Of inspect processes that have ended.
    past: Metrics,
    /// Of the one that runs.
    current: Metrics,
}

/// A part that has left. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Left<'a> {
    number: u64,
    part: Option<&'a str>,
    label: Option<&'a str>,
    #[serde(flatten)]
    verdict: &'a Verdict,
    took_ms: Option<f64>,
    left_ms: f64,
}

/// What the trigger has counted. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Triggered {
    parts: u64,
    doubles: u64,
    missed: u64,
    losses: u64,
    recrossed: u64,
}

#[derive(Serialize)]
struct Run {
    summary: Summary,
    late_results: u64,
    duplicate_results: u64,
    unknown_results: u64,
    missed_pulses: u64,
    trigger: Triggered,
    pulses: u64,
    inspector_restarts: u64,
    inspector: Metrics,
}

impl<'a> StationReport<'a> {
    pub(super) fn new(out: &'a mut dyn Write, json: bool) -> Self {
        Self {
            out,
            json,
            told: VecDeque::with_capacity(PARTS_MAX),
            tally: Tally::default(),
            past: Metrics::default(),
            current: Metrics::default(),
        }
    }

    /// The inspect process is ready.
    pub(super) fn ready(&mut self, ready: &Ready) -> Result<(), EdgeError> {
        self.past = self.past.plus(std::mem::take(&mut self.current));
        if !self.json {
            let Ready {
                model,
                engine,
                camera,
                ..
            } = ready;
            writeln!(self.out, "ready: {model}, engine {engine}, {camera}")?;
        }
        Ok(())
    }

    /// The inspect process has answered.
    pub(super) fn told(&mut self, told: VerdictMessage) {
        if self.told.len() == PARTS_MAX {
            self.told.pop_front();
        }
        self.told.push_back(told);
    }

    /// The inspect process has counted.
    pub(super) fn metrics(&mut self, metrics: Metrics) {
        self.current = metrics;
    }

    /// A part has left.
    pub(super) fn leave(
        &mut self,
        number: u64,
        outcome: Outcome,
        due_us: u64,
    ) -> Result<(), EdgeError> {
        let place = self.told.iter().position(|told| told.number == number);
        let told = place.and_then(|place| self.told.remove(place));
        // Answers to earlier parts came too late to be told with them.
        self.told.retain(|told| told.number > number);
        let took = told
            .as_ref()
            .map(|told| Duration::from_micros(told.took_us));
        let label = told.as_ref().and_then(|told| told.label.as_ref());
        self.tally.add(label, outcome, took);
        let as_left = match (outcome, &told) {
            (Outcome::NoResult(reason), _) => Verdict::NoResult { reason },
            (_, Some(told)) => told.verdict.clone(),
            // The gate decides by answers, and every answer is remembered until the part leaves.
            (_, None) => return Ok(()),
        };
        let left = Left {
            number,
            part: told.as_ref().and_then(|told| told.part.as_deref()),
            label: label.map(|label| label.as_str()),
            verdict: &as_left,
            took_ms: took.map(milliseconds),
            left_ms: due_us as f64 / 1e3,
        };
        if self.json {
            return write_json(self.out, &left);
        }
        let (word, detail) = words(&as_left);
        let took = left
            .took_ms
            .map_or(String::new(), |took| format!("{took:.1} ms"));
        writeln!(
            self.out,
            "{number:>6}  {:<26} {word}  {detail:<28} {took:>9}",
            left.part.unwrap_or("-")
        )?;
        Ok(())
    }

    /// The station has stopped.
    pub(super) fn finish(self, station: &Station, line: &SimulatedLine) -> Result<(), EdgeError> {
        let (gate, trigger) = (station.gate().counters(), station.trigger().counters());
        let restarts = station.supervisor().restarts();
        let metrics = self.past.plus(self.current);
        if self.json {
            return write_json(
                self.out,
                &Run {
                    summary: self.tally.summary(),
                    late_results: gate.late_results,
                    duplicate_results: gate.duplicate_results,
                    unknown_results: gate.unknown_results,
                    missed_pulses: gate.missed_pulses,
                    trigger: Triggered {
                        parts: trigger.parts,
                        doubles: trigger.doubles,
                        missed: trigger.missed,
                        losses: trigger.losses,
                        recrossed: trigger.recrossed,
                    },
                    pulses: line.pulse_count(),
                    inspector_restarts: restarts,
                    inspector: metrics,
                },
            );
        }
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
        } = metrics;
        writeln!(
            self.out,
            "trigger        {} parts, {} doubles, {} missed, {} times edges lost\n\
             gate           {} pulses, {} missed; {} late, {} duplicate, {} unknown answers\n\
             inspector      {restarts} restarts, {displaced} frames displaced, \
             {records_written} records written, {records_dropped} dropped",
            trigger.parts,
            trigger.doubles,
            trigger.missed,
            trigger.losses,
            line.pulse_count(),
            gate.missed_pulses,
            gate.late_results,
            gate.duplicate_results,
            gate.unknown_results,
        )?;
        Ok(())
    }
}
