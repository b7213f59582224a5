//! What an acceptance came to. Its JSON keys are for scripts and stay.

use std::collections::BTreeMap;

use serde::Serialize;
use twinspect_core::verdict::Verdict;

use super::figures::{CONFIDENCE, Counted, Rate, Share};
use super::reference::{Expected, Reference};
use crate::cli::AcceptArgs;
use crate::control::Status;

/// The format of the report.
const FORMAT: u32 = 1;

/// A part that was shown.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Judged {
    pub(super) identity: String,
    pub(super) expected: Expected,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    /// Its number on the line, of a part that was triggered.
    pub(super) number: Option<u64>,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    pub(super) took_ms: Option<f64>,
    pub(super) counted: Counted,
}

impl Judged {
    pub(super) fn new(
        reference: &Reference,
        number: Option<u64>,
        verdict: Verdict,
        took_ms: Option<f64>,
    ) -> Self {
        Self {
            identity: reference.identity.clone(),
            expected: reference.expected,
            note: reference.note.clone(),
            number,
            counted: Counted::new(reference.expected, &verdict),
            verdict,
            took_ms,
        }
    }

    fn has_no_result(&self) -> bool {
        matches!(self.verdict, Verdict::NoResult { .. })
    }
}

/// What was accepted: what must be the same after the last part as before the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Stationed {
    /// Its configuration's file.
    pub(super) station: String,
    /// SHA-256 of every key of the configuration that it goes by, with its value.
    pub(super) configuration_sha256: Option<String>,
    pub(super) model: Option<String>,
    /// Digest of the model's bundle.
    pub(super) bundle: Option<String>,
    pub(super) engine: Option<String>,
    pub(super) camera: Option<String>,
    pub(super) twinspect: String,
    pub(super) inspector_restarts: u64,
}

impl Stationed {
    pub(super) fn new(status: &Status) -> Self {
        Self {
            station: status.station.display().to_string(),
            configuration_sha256: status.configuration.clone(),
            model: status.inspector.model.clone(),
            bundle: status.inspector.bundle.clone(),
            engine: status.inspector.engine.clone(),
            camera: status.inspector.camera.clone(),
            twinspect: status.version.clone(),
            inspector_restarts: status.inspector.restarts,
        }
    }
}

/// Milliseconds from picture to verdict.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Latency {
    pub(super) parts: usize,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Latency {
    /// `None` if no part was inspected.
    fn of(parts: &[Judged]) -> Option<Self> {
        let mut took: Vec<f64> = parts.iter().filter_map(|part| part.took_ms).collect();
        took.sort_by(f64::total_cmp);
        // The smallest value that so many of all do not exceed.
        let quantile = |share: f64| {
            let place = (share * took.len() as f64).ceil() as usize;
            took.get(place.saturating_sub(1)).copied()
        };
        Some(Self {
            parts: took.len(),
            p50: quantile(0.5)?,
            p99: quantile(0.99)?,
            max: *took.last()?,
        })
    }
}

/// Parts of which nothing could be said. They are rejected, and counted so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct NoResults {
    pub(super) good: usize,
    pub(super) bad: usize,
}

/// Bad parts that have passed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Slip {
    /// Of all bad parts: what the limit is held against.
    #[serde(flatten)]
    pub(super) all: Rate,
    /// By their notes: many stains say nothing of dents. In the order of their names.
    pub(super) by_kind: Vec<SlipOfKind>,
}

/// The same of one kind of defect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SlipOfKind {
    /// The note of these parts; `bad` of those without one.
    pub(super) kind: String,
    #[serde(flatten)]
    pub(super) share: Share,
}

impl SlipOfKind {
    fn all(parts: &[Judged]) -> Vec<Self> {
        let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for part in parts.iter().filter(|part| part.expected == Expected::Bad) {
            let kind = part.note.as_deref().unwrap_or(Expected::Bad.name());
            let (slips, of) = kinds.entry(kind).or_default();
            *slips += usize::from(part.counted == Counted::Slip);
            *of += 1;
        }
        let of_kind = |(kind, (slips, of)): (&str, (usize, usize))| Self {
            kind: kind.to_owned(),
            share: Share::new(slips, of),
        };
        kinds.into_iter().map(of_kind).collect()
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) format: u32,
    pub(super) accepted: bool,
    /// Why not.
    pub(super) objections: Vec<String>,
    pub(super) time: String,
    pub(super) operator: String,
    /// `trigger`: parts of the line; `seen`: parts of the line that the camera saw coming; `test`: what lay before the
    /// camera.
    pub(super) mode: &'static str,
    pub(super) station: Stationed,
    pub(super) confidence: f64,
    pub(super) pseudo_rejects: Rate,
    pub(super) slip: Slip,
    pub(super) no_results: NoResults,
    pub(super) latency_ms: Option<Latency>,
    pub(super) parts: Vec<Judged>,
}

impl Report {
    pub(super) fn new(
        args: &AcceptArgs,
        operator: String,
        time: String,
        mode: &'static str,
        before: Stationed,
        after: &Stationed,
        parts: Vec<Judged>,
    ) -> Self {
        let count =
            |wanted: &dyn Fn(&Judged) -> bool| parts.iter().filter(|part| wanted(part)).count();
        let of = |expected| count(&|part: &Judged| part.expected == expected);
        let as_ = |counted| count(&|part: &Judged| part.counted == counted);
        let none =
            |expected| count(&|part: &Judged| part.expected == expected && part.has_no_result());
        let pseudo_rejects = Rate::new(
            as_(Counted::PseudoReject),
            of(Expected::Good),
            args.pseudo_rejects_max,
        );
        let slip = Slip {
            all: Rate::new(as_(Counted::Slip), of(Expected::Bad), args.slip_max),
            by_kind: SlipOfKind::all(&parts),
        };
        let no_results = NoResults {
            good: none(Expected::Good),
            bad: none(Expected::Bad),
        };
        let changed = (before != *after).then(|| {
            "the station is not the one that it was before the first part: its model, engine, configuration or \
             inspect process has changed"
                .to_owned()
        });
        let objections: Vec<String> = pseudo_rejects
            .objection("pseudo rejects", "good part")
            .into_iter()
            .chain(slip.all.objection("slip", "bad part"))
            .chain(changed)
            .collect();
        Self {
            format: FORMAT,
            accepted: objections.is_empty(),
            objections,
            time,
            operator,
            mode,
            station: before,
            confidence: CONFIDENCE,
            pseudo_rejects,
            slip,
            no_results,
            latency_ms: Latency::of(&parts),
            parts,
        }
    }

    /// A few lines for people.
    pub(super) fn text(&self) -> String {
        let share = |what: &str, share: &Share| {
            let (low, high) = share.interval_95;
            format!(
                "{what:<16} {} of {}, 95 % interval {:.2} to {:.2} %, bound {:.2} %",
                share.count,
                share.of,
                100.0 * low,
                100.0 * high,
                100.0 * share.bound_95
            )
        };
        let rate = |what: &str, rate: &Rate| {
            let limit = 100.0 * rate.limit;
            format!("{}, limit {limit:.2} %", share(what, &rate.share))
        };
        let mut lines = vec![
            rate("pseudo rejects", &self.pseudo_rejects),
            rate("slip", &self.slip.all),
        ];
        if let kinds @ [_, _, ..] = self.slip.by_kind.as_slice() {
            let of_kind = |of: &SlipOfKind| share(&format!("  {}", of.kind), &of.share);
            lines.extend(kinds.iter().map(of_kind));
        }
        lines.push(format!(
            "{:<16} {} of good parts, {} of bad ones; they count as rejected",
            "no result", self.no_results.good, self.no_results.bad
        ));
        lines.extend(self.latency_ms.map(|latency| {
            format!(
                "{:<16} p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms of {} parts",
                "latency", latency.p50, latency.p99, latency.max, latency.parts
            )
        }));
        lines.push(if self.accepted {
            "accepted".to_owned()
        } else {
            "not accepted".to_owned()
        });
        lines.extend(self.objections.iter().map(|why| format!("  {why}")));
        lines.join("\n")
    }
}
