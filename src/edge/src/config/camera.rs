//! The table `[camera]`: where pictures come from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinspect_camera::Repeat;
use twinspect_dataset::Split;

use super::checker::Checker;
use super::realsense::{RealSenseSource, RealSenseToml, WhichCamera};
use super::typed::StationToml;
use super::v4l2::{V4l2Source, V4l2Toml};

/// Where pictures come from, as typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CameraToml {
    pub(crate) kind: CameraKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) split: SplitToml,
    #[serde(default)]
    pub(crate) repeat: bool,
    #[serde(default)]
    pub(crate) pace: PaceToml,
    #[serde(default = "frame_hz")]
    pub(crate) frame_hz: f64,
    #[serde(default = "frames_a_part")]
    pub(crate) frames_a_part: u32,
}

/// The default of `camera.frame_hz`.
fn frame_hz() -> f64 {
    20.0
}

/// The default of `camera.frames_a_part`.
fn frames_a_part() -> u32 {
    16
}

/// Cameras that this release knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CameraKind {
    Replay,
    Belt,
    Recording,
    #[serde(rename = "realsense")]
    RealSense,
    V4l2,
}

impl CameraKind {
    /// As it is typed, without quotes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Belt => "belt",
            Self::Recording => "recording",
            Self::RealSense => "realsense",
            Self::V4l2 => "v4l2",
        }
    }
}

/// Parts of a recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SplitToml {
    /// The test parts; all, in a recording without any.
    #[default]
    Inspection,
    Train,
    Validation,
    Calibration,
    Test,
}

/// How fast a recording plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaceToml {
    #[default]
    Sensor,
    AsRead,
}

/// Where pictures come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CameraSource {
    /// Recorded parts, one for each that is asked for.
    Replay(Recording),
    /// Recorded parts on a simulated belt, seen by a camera that runs freely.
    Belt { parts: Recording, pace: BeltPace },
    /// A RealSense camera, or a recording of one.
    RealSense(Box<RealSenseSource>),
    /// A colour camera of the kernel's drivers.
    V4l2(Box<V4l2Source>),
}

impl CameraSource {
    /// The recorded parts that it shows, if it does.
    pub(crate) fn recording(&self) -> Option<&Recording> {
        match self {
            Self::Replay(parts) | Self::Belt { parts, .. } => Some(parts),
            Self::RealSense(_) | Self::V4l2(_) => None,
        }
    }

    /// Whether all that it shows was recorded before.
    pub(crate) fn is_recorded(&self) -> bool {
        match self {
            Self::Replay(_) | Self::Belt { .. } => true,
            Self::RealSense(source) => matches!(source.which, WhichCamera::Recorded { .. }),
            Self::V4l2(_) => false,
        }
    }
}

/// Recorded parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recording {
    pub(crate) folder: PathBuf,
    pub(crate) split: Option<Split>,
    pub(crate) repeat: Repeat,
}

/// How a simulated belt goes through the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BeltPace {
    /// From frame to frame.
    pub(crate) period_us: u64,
    pub(crate) frames_a_part: u32,
}

impl Checker {
    /// Where pictures come from; what belongs to another kind of camera is a mistake.
    pub(super) fn camera(&mut self, station: &StationToml, folder: &Path) -> CameraSource {
        let StationToml {
            camera: typed,
            realsense,
            v4l2,
            ..
        } = station;
        let kind = typed.kind;
        let mut belongs = |holds: bool, key, kinds: &str| {
            let expected = format!(
                "left out with camera.kind = \"{}\": it is {kinds}",
                kind.name()
            );
            self.require(holds, key, "...", expected);
        };
        let is_replay = matches!(kind, CameraKind::Replay | CameraKind::Belt);
        let is_recording = kind == CameraKind::Recording;
        belongs(
            is_replay || typed.folder.is_none(),
            "camera.folder",
            "the folder of recorded parts",
        );
        belongs(
            is_replay || typed.split == SplitToml::default(),
            "camera.split",
            "a choice of recorded parts",
        );
        belongs(
            is_recording || typed.file.is_none(),
            "camera.file",
            "a recording of a camera",
        );
        belongs(
            is_recording || typed.pace == PaceToml::default(),
            "camera.pace",
            "how fast a recording plays",
        );
        let is_belt = kind == CameraKind::Belt;
        belongs(
            is_belt || typed.frame_hz == frame_hz(),
            "camera.frame_hz",
            "how often a simulated belt is seen",
        );
        belongs(
            is_belt || typed.frames_a_part == frames_a_part(),
            "camera.frames_a_part",
            "how a simulated belt moves",
        );
        let is_live = matches!(kind, CameraKind::RealSense | CameraKind::V4l2);
        belongs(
            !is_live || !typed.repeat,
            "camera.repeat",
            "for what has been recorded",
        );
        belongs(
            matches!(kind, CameraKind::RealSense | CameraKind::Recording) || realsense.is_none(),
            "realsense",
            "for a RealSense camera or its recording",
        );
        let is_v4l2 = kind == CameraKind::V4l2;
        belongs(is_v4l2 || v4l2.is_none(), "v4l2", "for a V4L2 camera");
        let absent = PathBuf::new();
        if is_replay {
            let parts = Recording {
                folder: self.path(
                    "camera.folder",
                    typed.folder.as_ref().unwrap_or(&absent),
                    folder,
                ),
                split: match typed.split {
                    SplitToml::Inspection => None,
                    SplitToml::Train => Some(Split::Train),
                    SplitToml::Validation => Some(Split::Validation),
                    SplitToml::Calibration => Some(Split::Calibration),
                    SplitToml::Test => Some(Split::Test),
                },
                repeat: if typed.repeat {
                    Repeat::Forever
                } else {
                    Repeat::Once
                },
            };
            return if is_belt {
                CameraSource::Belt {
                    parts,
                    pace: self.pace(typed),
                }
            } else {
                CameraSource::Replay(parts)
            };
        }
        if is_v4l2 {
            let defaults = V4l2Toml::default();
            let v4l2 = v4l2.as_ref().unwrap_or(&defaults);
            let source = self.v4l2(v4l2);
            let open_max = ("v4l2.open_max_ms", source.spec.open_max);
            self.opens_in_time(open_max, station.inspector.start_max_ms);
            return CameraSource::V4l2(Box::new(source));
        }
        let defaults = RealSenseToml::default();
        let realsense = realsense.as_ref().unwrap_or(&defaults);
        let source = self.realsense(typed, realsense, folder);
        let open_max = ("realsense.open_max_ms", source.spec.open_max);
        self.opens_in_time(open_max, station.inspector.start_max_ms);
        CameraSource::RealSense(Box::new(source))
    }
}
