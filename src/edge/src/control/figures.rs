//! What a station counts and measures, as it is told on the control socket. Names are for scripts and stay.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinspect_core::verdict::{Reason, SeenBy, Verdict};
use twinspect_store::records::Kind;

use crate::picture_check::PictureStatus;

/// States of a vision system in the words of OPC 40100-1 (OPC UA for Machine Vision, 1.0).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MachineState {
    /// It starts: the model is being proven and the camera opened.
    #[default]
    Preoperational,
    /// A part that comes now is judged; none is under way.
    Ready,
    /// A part is under way.
    SingleExecution,
    /// The camera watches the belt all the time.
    ContinuousExecution,
    /// It was told to stop.
    Halted,
    /// Something keeps it from judging parts.
    Error,
}

impl MachineState {
    /// As the standard writes it, with the state around it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Preoperational => "Preoperational",
            Self::Ready => "Operational / Ready",
            Self::SingleExecution => "Operational / SingleExecution",
            Self::ContinuousExecution => "Operational / ContinuousExecution",
            Self::Halted => "Halted",
            Self::Error => "Error",
        }
    }
}

/// What became of parts, by verdict and by what is behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    /// By who saw it.
    pub(crate) failed: Vec<(SeenBy, u64)>,
    /// By reason.
    pub(crate) no_result: Vec<(Reason, u64)>,
}

impl Counts {
    /// Counts a part that has left.
    pub(crate) fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Pass { .. } => self.passed += 1,
            Verdict::Fail { finding, .. } => count(&mut self.failed, finding.seen_by),
            Verdict::NoResult { reason } => count(&mut self.no_result, *reason),
        }
    }
}

fn count<K: PartialEq>(counts: &mut Vec<(K, u64)>, key: K) {
    match counts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += 1,
        None => counts.push((key, 1)),
    }
}

/// Parts that have left within the last hour, or since the start if that was later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastHour {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) no_result: u64,
    /// How long this hour is so far.
    pub(crate) span_s: u64,
}

/// A part that has left, in short.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecentPart {
    pub(crate) number: u64,
    /// When it left, in seconds since the station's start.
    pub(crate) at_s: f64,
    pub(crate) passes: bool,
    /// 1.0 is the line; none without a result.
    pub(crate) score: Option<f32>,
    /// Of a part that has failed.
    pub(crate) seen_by: Option<SeenBy>,
    /// Of a part without a result.
    pub(crate) reason: Option<Reason>,
}

impl RecentPart {
    pub(crate) fn new(number: u64, verdict: &Verdict, at_s: f64) -> Self {
        let (seen_by, reason) = match verdict {
            Verdict::Pass { .. } => (None, None),
            Verdict::Fail { finding, .. } => (Some(finding.seen_by), None),
            Verdict::NoResult { reason } => (None, Some(*reason)),
        };
        Self {
            number,
            at_s,
            passes: verdict.passes(),
            score: verdict
                .score()
                .map(|score| score.0)
                .filter(|score| score.is_finite()),
            seen_by,
            reason,
        }
    }

    /// What was said of it.
    pub(crate) fn kind(&self) -> Kind {
        match (self.passes, self.reason) {
            (true, _) => Kind::Pass,
            (false, None) => Kind::Fail,
            (false, Some(_)) => Kind::NoResult,
        }
    }

    /// Why it was rejected, in a few words.
    pub(crate) fn why(&self) -> String {
        match (self.reason, self.seen_by, self.score) {
            (Some(reason), _, _) => format!("no result: {reason}"),
            (None, Some(seen_by), Some(score)) => format!("score {score:.2}, seen by {seen_by}"),
            _ => "passed".to_owned(),
        }
    }
}

/// What inspect processes have counted since the station's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inspected {
    pub(crate) parts: u64,
    /// Frames that made way for a newer one.
    pub(crate) displaced: u64,
    pub(crate) camera_errors: u64,
    pub(crate) records_written: u64,
    pub(crate) records_dropped: u64,
}

/// Upper bounds of a histogram's buckets, in milliseconds; what is longer falls into one more.
pub(crate) const BOUNDS_MS: [u64; 11] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

/// How long something took, how often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Histogram {
    /// Of each bucket alone.
    pub(crate) counts: [u64; BOUNDS_MS.len() + 1],
    pub(crate) sum_us: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, took: Duration) {
        let us = took.as_micros() as u64;
        let bucket = BOUNDS_MS.iter().position(|bound| us <= bound * 1_000);
        if let Some(count) = self.counts.get_mut(bucket.unwrap_or(BOUNDS_MS.len())) {
            *count += 1;
        }
        self.sum_us += us;
    }

    fn plus(mut self, other: Self) -> Self {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum_us += other.sum_us;
        self
    }
}

/// A piece of a part's way that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Prepare,
    /// How good the picture is.
    Picture,
    /// The networks of the senses.
    Infer,
    /// The network that joins them, where there is one.
    Fusion,
    Score,
    /// Capture done to verdict.
    Whole,
}

/// All of them, in the order in which a part meets them.
pub(crate) const STAGES: [Stage; 6] = [
    Stage::Prepare,
    Stage::Picture,
    Stage::Infer,
    Stage::Fusion,
    Stage::Score,
    Stage::Whole,
];

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Picture => "picture",
            Self::Infer => "infer",
            Self::Fusion => "fusion",
            Self::Score => "score",
            Self::Whole => "whole",
        }
    }
}

/// Times of each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StageTimes {
    prepare: Histogram,
    #[serde(default)]
    picture: Histogram,
    infer: Histogram,
    fusion: Histogram,
    score: Histogram,
    whole: Histogram,
}

impl StageTimes {
    pub(crate) fn of(&self, stage: Stage) -> &Histogram {
        match stage {
            Stage::Prepare => &self.prepare,
            Stage::Picture => &self.picture,
            Stage::Infer => &self.infer,
            Stage::Fusion => &self.fusion,
            Stage::Score => &self.score,
            Stage::Whole => &self.whole,
        }
    }

    pub(crate) fn add(&mut self, stage: Stage, took: Duration) {
        match stage {
            Stage::Prepare => &mut self.prepare,
            Stage::Picture => &mut self.picture,
            Stage::Infer => &mut self.infer,
            Stage::Fusion => &mut self.fusion,
            Stage::Score => &mut self.score,
            Stage::Whole => &mut self.whole,
        }
        .add(took);
    }

    /// Of two processes, one after the other.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            prepare: self.prepare.plus(other.prepare),
            picture: self.picture.plus(other.picture),
            infer: self.infer.plus(other.infer),
            fusion: self.fusion.plus(other.fusion),
            score: self.score.plus(other.score),
            whole: self.whole.plus(other.whole),
        }
    }
}

/// What is known of the camera, of the inspect process that runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CameraFigures {
    /// Of the last part that was judged: the share of the region of interest in which no depth was measured.
    pub(crate) depth_invalid_ratio: Option<f32>,
    /// How good pictures are, where somebody looks.
    #[serde(default)]
    pub(crate) picture: Option<PictureStatus>,
    /// Of a live camera alone.
    pub(crate) stream: Option<StreamFigures>,
}

/// What a live camera's pictures have come to since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamFigures {
    /// Steps that were taken to bring it back.
    pub(crate) restarts: u64,
    pub(crate) removals: u64,
    /// Pictures that can't be used.
    pub(crate) corrupt: u64,
    pub(crate) late: u64,
    pub(crate) frozen: u64,
    /// Numbers that a stream left out.
    #[serde(default)]
    pub(crate) gaps: u64,
    /// Pictures whose number was not above the last one of their stream.
    #[serde(default)]
    pub(crate) repeated: u64,
    /// Pictures for which no partner came.
    #[serde(default)]
    pub(crate) unpaired: u64,
    /// Pictures whose stamps are of another clock than those of their partners.
    #[serde(default)]
    pub(crate) clocks_apart: u64,
}

/// The model that judges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelStatus {
    pub(crate) name: String,
    pub(crate) version: String,
    /// When it was made, RFC 3339.
    pub(crate) created: String,
    /// Share of good parts that it may reject.
    pub(crate) target_rate: f64,
    /// Digest of its bundle.
    pub(crate) bundle: String,
}

impl fmt::Display for ModelStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// The process that shows the page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PageStatus {
    /// Where it can be seen; none while it is not up.
    pub(crate) url: Option<String>,
    pub(crate) restarts: u64,
    /// Why parts can't be marked on it, though the configuration names a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) no_marks: Option<String>,
}

/// Where things lie that fill disks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Folders {
    /// Of records, if there are any.
    pub(crate) records: Option<PathBuf>,
    /// Of models, or of the station's only one.
    pub(crate) models: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use twinspect_core::verdict::{Finding, Score};

    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_holds_it() {
        let mut histogram = Histogram::default();
        for us in [0, 1_000, 1_001, 2_000_000, 2_000_001] {
            histogram.add(Duration::from_micros(us));
        }
        let twice = histogram.plus(histogram);
        let mut counts = [0; BOUNDS_MS.len() + 1];
        (counts[0], counts[1], counts[10], counts[11]) = (4, 2, 2, 2);
        assert_eq!(twice.counts, counts);
        assert_eq!(twice.sum_us, 2 * 4_002_002);
    }

    #[test]
    fn parts_are_counted_by_what_is_behind_their_verdict() {
        let mut counts = Counts::default();
        let fail = |seen_by| Verdict::Fail {
            finding: Finding {
                score: Score(1.5),
                seen_by,
                regions: Default::default(),
            },
            missing: None,
        };
        for verdict in [
            fail(SeenBy::Rgb),
            fail(SeenBy::Both),
            fail(SeenBy::Rgb),
            Verdict::NoResult {
                reason: Reason::Late,
            },
            Verdict::Pass {
                score: Score(0.5),
                missing: None,
            },
        ] {
            counts.add(&verdict);
        }
        assert_eq!(counts.failed, [(SeenBy::Rgb, 2), (SeenBy::Both, 1)]);
        assert_eq!(counts.no_result, [(Reason::Late, 1)]);
        assert_eq!(counts.passed, 1);
        let part = RecentPart::new(7, &fail(SeenBy::Rgb), 1.0);
        assert_eq!(part.why(), "score 1.50, seen by rgb");
    }
}
