//! What became of the parts of a run, against what they are.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use twinspect_core::gate::Outcome;
use twinspect_core::verdict::Reason;
use twinspect_dataset::Label;

use crate::latency::{Latencies, Percentiles};

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

    fn judged(&self) -> u64 {
        self.pass + self.fail
    }

    fn all(&self) -> u64 {
        self.judged() + self.no_result
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

fn is_zero(counts: &Counts) -> bool {
    counts.all() == 0
}

fn rate(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}

/// One kind of error among the parts that were judged, and how many could not be; nothing for no parts.
fn share(what: &str, count: u64, of: Counts, parts: &str) -> String {
    let (judged, unjudged) = (of.judged(), of.no_result);
    let unjudged = match (judged, unjudged) {
        (0, 0) => return String::new(),
        (_, 0) => String::new(),
        (0, all) => format!(": all {all} {parts} parts without a result"),
        (_, more) => format!(", {more} more without a result"),
    };
    let figure = rate(count, judged).map_or("-".to_owned(), |rate| {
        format!("{count} of {judged} {parts} parts ({:.1} %)", 100.0 * rate)
    });
    format!("{what:<14} {figure}{unjudged}\n")
}

impl Tally {
    /// Counts a part that has left.
    pub(crate) fn add(&mut self, label: Option<&Label>, outcome: Outcome) {
        let counts = match label {
            Some(Label::Good) => &mut self.good,
            Some(Label::Defect(kind)) => self.kinds.entry(kind.clone()).or_default(),
            None => &mut self.unlabelled,
        };
        counts.add(outcome);
        if let Outcome::NoResult(reason) = outcome {
            *self.reasons.entry(reason.name()).or_default() += 1;
        }
    }

    /// Counts the time from a part's picture to its verdict, in time or not.
    pub(crate) fn took(&mut self, took: Duration) {
        self.latencies.push(took);
    }

    /// Says how long this machine takes, if it was too slow for some parts.
    pub(crate) fn late_hint(&self, deadline_ms: f64) -> Option<String> {
        let is_slow = |reason: Reason| self.reasons.contains_key(reason.name());
        (is_slow(Reason::Late) || is_slow(Reason::Overrun)).then(|| {
            format!(
                "this machine took p50 {} a part, gate.deadline_ms is {deadline_ms}; `twinspect bench` \
                 measures it",
                self.percentile(50.0)
            )
        })
    }

    fn percentile(&self, percent: f64) -> String {
        let known = self.latencies.percentile_ms(percent);
        known.map_or("-".to_owned(), |ms| format!("{ms:.1} ms"))
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
            false_rejects: self.good.fail,
            false_reject_rate: rate(self.good.fail, self.good.judged()),
            escapes: defective.pass,
            escape_rate: rate(defective.pass, defective.judged()),
            latency_ms: Percentiles::from(&self.latencies),
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
            let rejected = remark(self.good.fail, "rejected though good");
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
            ("false rejects", self.good.fail, self.good, "good"),
            ("escapes", defective.pass, defective, "defective"),
        ] {
            text += &share(what, count, of, parts);
        }
        if !self.reasons.is_empty() {
            let reasons: Vec<String> = self
                .reasons
                .iter()
                .map(|(reason, count)| format!("{reason} {count}"))
                .collect();
            text += &format!("{:<14} {}\n", "no result", reasons.join(", "));
        }
        let [p50, p99] = [50.0, 99.0].map(|percent| self.percentile(percent));
        text += &format!("{:<14} p50 {p50}, p99 {p99} a part\n", "latency");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::default();
        let stain = Label::Defect("stain".into());
        tally.add(Some(&Label::Good), Outcome::Pass);
        tally.add(Some(&Label::Good), Outcome::Fail);
        tally.add(Some(&Label::Good), Outcome::NoResult(Reason::NoDepth));
        tally.add(Some(&stain), Outcome::Pass);
        tally.add(Some(&stain), Outcome::Fail);
        tally.took(Duration::from_millis(20));
        tally
    }

    #[test]
    fn a_good_part_without_a_result_is_no_false_reject() {
        let summary = tally().summary();
        assert_eq!(
            (summary.false_rejects, summary.false_reject_rate),
            (1, Some(0.5))
        );
        assert_eq!((summary.escapes, summary.escape_rate), (1, Some(0.5)));
        assert_eq!((summary.parts, summary.good.no_result), (5, 1));
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
            "false rejects  1 of 2 good parts (50.0 %), 1 more without a result\n",
            "escapes        1 of 2 defective parts (50.0 %)\n",
            "1 rejected though good",
            "1 escaped",
            "no_depth 1",
            "p50 20.0 ms",
        ] {
            assert!(text.contains(expected), "{expected:?} in\n{text}");
        }
    }

    #[test]
    fn where_nothing_was_judged_there_are_no_figures_but_a_reason() {
        let mut tally = Tally::default();
        assert_eq!(tally.late_hint(20.0), None);
        for reason in [Reason::Late, Reason::Overrun] {
            tally.add(Some(&Label::Good), Outcome::NoResult(reason));
        }
        let text = tally.text();
        for expected in [
            "false rejects  -: all 2 good parts without a result\n",
            "latency        p50 -, p99 - a part\n",
        ] {
            assert!(text.contains(expected), "{expected:?} in\n{text}");
        }
        tally.took(Duration::from_millis(44));
        let hint = tally.late_hint(20.0).unwrap();
        assert!(
            hint.contains("p50 44.0 ms a part, gate.deadline_ms is 20;"),
            "{hint}"
        );
    }
}
