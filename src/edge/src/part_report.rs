//! One line a part, for people and for scripts.

use std::path::Path;

use serde::Serialize;
use twinspect_core::verdict::Verdict;
use twinspect_dataset::Label;

use crate::latency::milliseconds;
use crate::pipeline::Timings;

/// What is reported of an inspected part. Its JSON keys are for scripts and stay.
#[derive(Debug, Serialize)]
pub(crate) struct PartReport<'a> {
    /// Product, where a run has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) product: Option<&'a str>,
    /// The part's name.
    pub(crate) part: &'a str,
    /// `good` or the kind of defect, where somebody has said so.
    pub(crate) label: Option<&'a str>,
    /// `verdict` and what belongs to it.
    #[serde(flatten)]
    pub(crate) verdict: &'a Verdict,
    /// Wall time of the stages.
    pub(crate) ms: Milliseconds,
    /// Picture of a rejected part, where one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<&'a Path>,
}

/// [`Timings`] as JSON.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Milliseconds {
    prepare: f64,
    picture: f64,
    infer: f64,
    /// Of the fusion network, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    fusion: Option<f64>,
    score: f64,
    whole: f64,
}

impl From<Timings> for Milliseconds {
    fn from(timings: Timings) -> Self {
        Self {
            prepare: milliseconds(timings.prepare),
            picture: milliseconds(timings.picture),
            infer: milliseconds(timings.infer),
            fusion: timings.fusion.map(milliseconds),
            score: milliseconds(timings.score),
            whole: milliseconds(timings.whole()),
        }
    }
}

impl PartReport<'_> {
    /// A line of columns: part, verdict, score against the line, who saw it, time.
    pub(crate) fn text(&self) -> String {
        let (word, detail) = words(self.verdict);
        let contradicts = match self.label.map(Label::from_folder) {
            Some(Label::Good) if !self.verdict.passes() => "  false reject",
            Some(Label::Defect(_)) if self.verdict.passes() => "  escape",
            _ => "",
        };
        let whole = self.ms.whole;
        format!(
            "{:<26} {word}  {detail:<28} {whole:>6.1} ms{contradicts}",
            self.part
        )
    }
}

/// The verdict as a coloured word of fixed width, and the rest of it.
pub(crate) fn words(verdict: &Verdict) -> (&'static str, String) {
    let without = |missing: &Option<_>| match missing {
        Some(modality) => format!(", without {modality}"),
        None => String::new(),
    };
    match verdict {
        Verdict::Pass { score, missing } => (
            "\x1b[32mPASS     \x1b[0m",
            format!("{score:>5.2}{}", without(missing)),
        ),
        Verdict::Fail { finding, missing } => (
            "\x1b[31mFAIL     \x1b[0m",
            format!(
                "{:>5.2}  seen by {}{}",
                finding.score,
                finding.seen_by,
                without(missing)
            ),
        ),
        Verdict::NoResult { reason } => ("\x1b[33mNO-RESULT\x1b[0m", reason.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::verdict::{Reason, Score};

    use super::*;

    fn report<'a>(label: &'a str, verdict: &'a Verdict) -> PartReport<'a> {
        PartReport {
            product: None,
            part: "test/x/000",
            label: Some(label),
            verdict,
            ms: Timings::default().into(),
            picture: None,
        }
    }

    #[test]
    fn contradictions_are_pointed_out() {
        let pass = Verdict::Pass {
            score: Score(0.5),
            missing: None,
        };
        let none = Verdict::NoResult {
            reason: Reason::NoDepth,
        };
        assert!(report("stain", &pass).text().ends_with("escape"));
        assert!(report("good", &none).text().ends_with("false reject"));
        assert!(report("good", &pass).text().ends_with("ms"));
    }

    #[test]
    fn scripts_find_the_verdict_at_the_top() {
        let none = Verdict::NoResult {
            reason: Reason::NoDepth,
        };
        let json = serde_json::to_value(report("good", &none)).unwrap();
        assert_eq!(json["verdict"], "no_result");
        assert_eq!(json["reason"], "no_depth");
        assert_eq!(json["label"], "good");
        assert!(json["ms"]["whole"].is_number());
        assert!(json["ms"].get("fusion").is_none());
    }
}
