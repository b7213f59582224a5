//! What is known of a recorded part; the keys of `record.json` are for scripts and stay.

use serde::{Deserialize, Serialize};
use twinspect_core::frame::{FramePair, FrameSize, Stamp};
use twinspect_core::verdict::Verdict;

use super::score_map::ScoreMap;

/// The format of `record.json` that is written.
pub const FORMAT: u32 = 1;

/// What is known of a recorded part. Keys that a later version adds are passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    pub format: u32,
    /// The station's name, that of its configuration's file.
    pub station: String,
    /// The run of the station, which no other one shares; a part's number counts from its start. A record of an earlier
    /// release does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The part's number since the station was started; of an unseen spell the first part's.
    pub number: u64,
    /// The name of a recorded part that a station has played.
    pub part: Option<String>,
    /// When it was judged, by the wall clock: milliseconds since 1970 in UTC. Nothing is decided by it.
    pub time_unix_ms: u64,
    /// What the inspect process has said.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// From picture to verdict, in milliseconds; `None` of a part that was not inspected.
    pub took_ms: Option<f64>,
    /// Milliseconds of each stage, of a part that came through all of them.
    pub stages_ms: Option<StageTimes>,
    /// The model that judged; of an unseen spell the one that was in charge, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelFacts>,
    /// The engine that ran it; none of an unseen spell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineFacts>,
    /// Evidence at which each score is 1.0; none of an unseen spell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// The program's version.
    pub twinspect: String,
    /// The pictures beside this text.
    pub frame: Option<FrameFacts>,
    /// The map beside this text.
    pub map: Option<MapFacts>,
    /// Of parts that nobody has a picture of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Spell>,
}

/// Parts that have left without a picture, one after the other and for the same reason. `number` and `time_unix_ms` of
/// their record are those of the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spell {
    /// How many there were. Parts that left for another reason may lie between.
    pub parts: u64,
    /// The last one's number.
    pub last_number: u64,
    /// When it left, by the wall clock: milliseconds since 1970 in UTC.
    pub last_time_unix_ms: u64,
}

/// Wall times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StageTimes {
    /// Preparation.
    pub prepare: f64,
    /// Both branches of the network.
    pub infer: f64,
    /// The fusion network, where one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fusion: Option<f64>,
    /// Score and verdict.
    pub score: f64,
}

/// A model by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// The product's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Digest of the bundle.
    pub bundle: String,
}

/// An engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// Its name.
    pub name: String,
    /// Whether it stood in for a GPU that could not be used.
    pub stands_in: bool,
}

/// Evidence in standard deviations of good parts at which a score is 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Of both senses together.
    pub fused: f32,
    /// Of colour alone.
    pub rgb: Option<f32>,
    /// Of height alone.
    pub geometry: Option<f32>,
}

/// What is kept of the frame pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameFacts {
    /// Pixels of both pictures.
    pub size: FrameSize,
    /// Whether `rgb.png` is there.
    pub rgb: bool,
    /// What became of depth.
    pub depth: DepthKept,
    /// The colour picture's stamp.
    pub rgb_stamp: Option<Stamp>,
    /// The depth picture's stamp.
    pub depth_stamp: Option<Stamp>,
}

/// What became of depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DepthKept {
    /// There was none.
    Absent,
    /// It is `depth.png`.
    Counts,
    /// It came as points, as in some public data sets, which the layout of recorded parts has no file
    /// for: it is not kept, and the record can't be exported.
    PointsLeftOut,
}

/// How counts of `score.png` are read: score = `offset` + `step` x count, within half a step, where the
/// count is neither 0 nor 65535.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapFacts {
    /// The file.
    pub file: String,
    /// Pixels a side.
    pub side: usize,
    /// Score at count 0.
    pub offset: f32,
    /// Score from count to count.
    pub step: f32,
}

/// A part that is to be recorded.
#[derive(Debug)]
pub struct Taken<'a> {
    /// What is known of it; `frame` and `map` are filled in.
    pub record: Record,
    /// The pair as it was judged.
    pub frame: Option<&'a FramePair>,
    /// The map that decided.
    pub scores: Option<ScoreMap<'a>>,
    /// The picture for people, a PNG.
    pub sheet: Option<Vec<u8>>,
}
