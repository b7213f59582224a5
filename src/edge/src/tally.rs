//! What became of the parts of a run, against what they are.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use twinspect_core::gate::Outcome;
use twinspect_dataset::Label;

use crate::latency::Latencies;

/// How many parts left as what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) pass: u64,
    pub(crate) fail: u64,
    pub(crate) no_result: u64,
}

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Pass => self.pass += 1,
            Outcome::Fail => self.fail += 1,
            Outcome::NoResult(_) => self.no_result += 1,
        }
    }

    fn rejected(&self) -> u64 {
        self.fail + self.no_result
    }

    fn all(&self) -> u64 {
        self.pass + self.rejected()
    }

    fn plus(self, other: Self) -> Self {
        Self {
            pass: self.pass + other.pass,
            fail: self.fail + other.fail,
            no_result: self.no_result + other.no_result,
        }
    }
}

/// Counts outcomes and times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    good: Counts,
    kinds: BTreeMap<String, Counts>,
    unlabelled: Counts,
    reasons: BTreeMap<&'static str, u64>,
    latencies: Latencies,
}

/// The same as one JSON object; its keys are for scripts and stay.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    parts: u64,
    good: Counts,
    defective: Counts,
    #[serde(skip_serializing_if = "is_zero")]
    unlabelled: Counts,
    kinds: BTreeMap<String, Counts>,
    no_result_reasons: BTreeMap<&'static str, u64>,
    false_rejects: u64,
    false_reject_rate: Option<f64>,
    escapes: u64,
    escape_rate: Option<f64>,
    latency_ms: Percentiles,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    p50: Option<f64>,
    p99: Option<f64>,
}

fn is_zero(counts: &Counts) -> bool {
    counts.all() == 0
}

fn rate(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}

impl Tally {
    /// Counts a part. `took` is its time from capture to verdict, if it was inspected.
    pub(crate) fn add(&mut self, label: Option<&Label>, outcome: Outcome, took: Option<Duration>) {
        let counts = match label {
            Some(Label::Good) => &mut self.good,
            Some(Label::Defect(kind)) => self.kinds.entry(kind.clone()).or_default(),
            None => &mut self.unlabelled,
        };
        counts.add(outcome);
        if let Outcome::NoResult(reason) = outcome {
            *self.reasons.entry(reason.name()).or_default() += 1;
        }
        if let Some(took) = took {
            self.latencies.push(took);
        }
    }

    fn defective(&self) -> Counts {
        self.kinds
            .values()
            .fold(Counts::default(), |sum, counts| sum.plus(*counts))
    }

    /// For scripts.
    pub(crate) fn summary(&self) -> Summary {
        let defective = self.defective();
        Summary {
            parts: self.good.all() + defective.all() + self.unlabelled.all(),
            good: self.good,
            defective,
            unlabelled: self.unlabelled,
            kinds: self.kinds.clone(),
            no_result_reasons: self.reasons.clone(),
            false_rejects: self.good.rejected(),
            false_reject_rate: rate(self.good.rejected(), self.good.all()),
            escapes: defective.pass,
            escape_rate: rate(defective.pass, defective.all()),
            latency_ms: Percentiles {
                p50: self.latencies.percentile_ms(50.0),
                p99: self.latencies.percentile_ms(99.0),
            },
        }
    }

    /// For people: the confusion table and what follows from it.
    pub(crate) fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_header(["labelled", "pass", "fail", "no result", "remark"]);
        let mut row = |name: &str, counts: &Counts, remark: String| {
            let [pass, fail, none] = [counts.pass, counts.fail, counts.no_result];
            table.add_row([
                name.to_owned(),
                pass.to_string(),
                fail.to_string(),
                none.to_string(),
                remark,
            ]);
        };
        let remark = |count, what| match count {
            0 => String::new(),
            count => format!("{count} {what}"),
        };
        if !is_zero(&self.good) {
            let rejected = remark(self.good.rejected(), "rejected though good");
            row("good", &self.good, rejected);
        }
        for (kind, counts) in &self.kinds {
            row(kind, counts, remark(counts.pass, "escaped"));
        }
        if !is_zero(&self.unlabelled) {
            row("not labelled", &self.unlabelled, String::new());
        }
        for column in table.column_iter_mut().skip(1).take(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut text = format!("{table}\n");
        let defective = self.defective();
        for (what, count, of, parts) in [
            (
                "false rejects",
                self.good.rejected(),
                self.good.all(),
                "good",
            ),
            ("escapes", defective.pass, defective.all(), "defective"),
        ] {
            if let Some(rate) = rate(count, of) {
                let percent = 100.0 * rate;
                text += &format!("{what:<14} {count} of {of} {parts} parts ({percent:.1} %)\n");
            }
        }
        if !self.reasons.is_empty() {
            let reasons: Vec<String> = self
                .reasons
                .iter()
                .map(|(reason, count)| format!("{reason} {count}"))
                .collect();
            text += &format!("{:<14} {}\n", "no result", reasons.join(", "));
        }
        let percentiles = [50.0, 99.0].map(|percent| self.latencies.percentile_ms(percent));
        if let [Some(p50), Some(p99)] = percentiles {
            text += &format!(
                "{:<14} p50 {p50:.1} ms, p99 {p99:.1} ms a part\n",
                "latency"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::verdict::Reason;

    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::default();
        let stain = Label::Defect("stain".into());
        let took = Some(Duration::from_millis(20));
        tally.add(Some(&Label::Good), Outcome::Pass, took);
        tally.add(Some(&Label::Good), Outcome::NoResult(Reason::NoDepth), took);
        tally.add(Some(&stain), Outcome::Pass, took);
        tally.add(Some(&stain), Outcome::Fail, None);
        tally
    }

    #[test]
    fn a_good_part_without_a_result_is_a_false_reject() {
        let summary = tally().summary();
        assert_eq!(
            (summary.false_rejects, summary.false_reject_rate),
            (1, Some(0.5))
        );
        assert_eq!((summary.escapes, summary.escape_rate), (1, Some(0.5)));
        assert_eq!(summary.parts, 4);
        assert_eq!(summary.no_result_reasons.get("no_depth"), Some(&1));
    }

    #[test]
    fn rates_of_nothing_are_unknown() {
        let summary = Tally::default().summary();
        assert_eq!(
            (summary.false_reject_rate, summary.escape_rate),
            (None, None)
        );
        assert_eq!(summary.latency_ms.p50, None);
    }

    #[test]
    fn people_read_the_same_numbers() {
        let text = tally().text();
        for expected in [
            "false rejects  1 of 2 good parts (50.0 %)",
            "escapes        1 of 2 defective parts (50.0 %)",
            "1 escaped",
            "no_depth 1",
            "p50 20.0 ms",
        ] {
            assert!(text.contains(expected), "{expected:?} in\n{text}");
        }
    }
}
