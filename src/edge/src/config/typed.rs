//! The file as typed. `configs/station-replay.toml` documents every key for people; wires and cameras have
//! files of their own there.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use twinspect_core::belt::EncoderKind;

use super::calibration::CalibrationToml;
use super::camera::{CameraKind, CameraToml};
use super::engine::EngineToml;
use super::models::ModelsToml;
use super::mqtt::MqttToml;
use super::page::{MetricsToml, PageToml};
use super::presence::PresenceToml;
use super::quality::QualityToml;
use super::realsense::RealSenseToml;
use super::recipes::RecipesToml;
use super::v4l2::V4l2Toml;
use super::wires::LineToml;

/// A station's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StationToml {
    /// Left out, it names no file: what that means is said where it is missing.
    #[serde(default)]
    pub(crate) bundle: BundleToml,
    #[serde(default)]
    pub(crate) engine: EngineToml,
    pub(crate) camera: CameraToml,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) realsense: Option<RealSenseToml>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) v4l2: Option<V4l2Toml>,
    #[serde(default)]
    pub(crate) line: LineToml,
    #[serde(default)]
    pub(crate) trigger: TriggerToml,
    #[serde(default)]
    pub(crate) presence: PresenceToml,
    #[serde(default)]
    pub(crate) encoder: EncoderToml,
    #[serde(default)]
    pub(crate) gate: GateToml,
    #[serde(default)]
    pub(crate) ready: ReadyToml,
    #[serde(default)]
    pub(crate) handshake: HandshakeToml,
    #[serde(default)]
    pub(crate) degraded: DegradedToml,
    #[serde(default)]
    pub(crate) quality: QualityToml,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) calibration: Option<CalibrationToml>,
    #[serde(default)]
    pub(crate) inspector: InspectorToml,
    #[serde(default)]
    pub(crate) models: ModelsToml,
    #[serde(default)]
    pub(crate) recipes: RecipesToml,
    #[serde(default)]
    pub(crate) records: RecordsToml,
    #[serde(default)]
    pub(crate) challenge: ChallengeToml,
    #[serde(default)]
    pub(crate) control: ControlToml,
    #[serde(default)]
    pub(crate) page: PageToml,
    #[serde(default)]
    pub(crate) metrics: MetricsToml,
    #[serde(default)]
    pub(crate) mqtt: MqttToml,
}

impl StationToml {
    /// Names every key of the camera that the station has, so that each can be told with its value.
    pub(super) fn complete(mut self) -> Self {
        match self.camera.kind {
            CameraKind::RealSense | CameraKind::Recording => {
                self.realsense.get_or_insert_default();
            }
            CameraKind::V4l2 => {
                self.v4l2.get_or_insert_default();
            }
            CameraKind::Replay | CameraKind::Belt => {}
        }
        self
    }
}

/// The model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundleToml {
    #[serde(default)]
    pub(crate) file: PathBuf,
    #[serde(default)]
    pub(crate) active: bool,
}

/// Where triggers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TriggerToml {
    pub(crate) source: TriggerChoice,
    pub(crate) rate_hz: f64,
    pub(crate) debounce_ms: f64,
    pub(crate) spacing_min_ms: f64,
    pub(crate) spacing_max_ms: f64,
    pub(crate) camera_delay_ms: f64,
    pub(crate) exposure_max_ms: f64,
}

impl Default for TriggerToml {
    fn default() -> Self {
        Self {
            source: TriggerChoice::Sensor,
            rate_hz: 2.0,
            debounce_ms: 2.0,
            spacing_min_ms: 40.0,
            spacing_max_ms: 0.0,
            camera_delay_ms: 0.0,
            exposure_max_ms: 1_000.0,
        }
    }
}

/// Who says that a part is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TriggerChoice {
    Sensor,
    Presence,
    Software,
}

impl TriggerChoice {
    /// As it is typed, with its key.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Sensor => "trigger.source = \"sensor\"",
            Self::Presence => "trigger.source = \"presence\"",
            Self::Software => "trigger.source = \"software\"",
        }
    }

    /// As it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sensor => "\"sensor\"",
            Self::Presence => "\"presence\"",
            Self::Software => "\"software\"",
        }
    }
}

/// What turns with the belt, and places in its counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EncoderToml {
    pub(crate) kind: EncoderChoice,
    pub(crate) belt_hz: f64,
    pub(crate) pulse_min_ms: f64,
    pub(crate) settle_ms: f64,
    pub(crate) spacing_min_counts: u64,
    pub(crate) spacing_max_counts: u64,
    pub(crate) jitter_counts: u64,
    pub(crate) delay_counts: u64,
    pub(crate) pulse_counts: u64,
    pub(crate) merge_counts: u64,
    pub(crate) drain_max_ms: f64,
}

impl Default for EncoderToml {
    fn default() -> Self {
        Self {
            kind: EncoderChoice::None,
            belt_hz: 1_000.0,
            pulse_min_ms: 0.0,
            settle_ms: 2.0,
            spacing_min_counts: 40,
            spacing_max_counts: 0,
            jitter_counts: 2,
            delay_counts: 400,
            pulse_counts: 30,
            merge_counts: 0,
            drain_max_ms: 10_000.0,
        }
    }
}

/// Encoders that this release knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EncoderChoice {
    None,
    Single,
    Quadrature,
}

impl EncoderChoice {
    /// The encoder, if there is one.
    pub(crate) fn kind(self) -> Option<EncoderKind> {
        match self {
            Self::None => None,
            Self::Single => Some(EncoderKind::Single),
            Self::Quadrature => Some(EncoderKind::Quadrature),
        }
    }
}

/// When READY beats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReadyToml {
    pub(crate) toggle_ms: f64,
    pub(crate) silence_max_ms: f64,
    pub(crate) late_max: u32,
    pub(crate) hold_ms: f64,
}

impl Default for ReadyToml {
    fn default() -> Self {
        Self {
            toggle_ms: 100.0,
            silence_max_ms: 600.0,
            late_max: 3,
            hold_ms: 2_000.0,
        }
    }
}

/// How each result is told to a machine that acknowledges it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HandshakeToml {
    pub(crate) enabled: bool,
    pub(crate) setup_ms: f64,
    pub(crate) ack_max_ms: f64,
    pub(crate) ack_debounce_ms: f64,
}

impl Default for HandshakeToml {
    fn default() -> Self {
        Self {
            enabled: false,
            setup_ms: 2.0,
            ack_max_ms: 200.0,
            ack_debounce_ms: 2.0,
        }
    }
}

/// The way from sensor to rejector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GateToml {
    pub(crate) delay_ms: f64,
    pub(crate) deadline_ms: f64,
    pub(crate) pulse_ms: f64,
    pub(crate) merge_ms: f64,
    pub(crate) output: OutputToml,
    pub(crate) stopped: StoppedToml,
}

impl Default for GateToml {
    fn default() -> Self {
        Self {
            delay_ms: 400.0,
            deadline_ms: 350.0,
            pulse_ms: 30.0,
            merge_ms: 0.0,
            output: OutputToml::PassPulse,
            stopped: StoppedToml::Reject,
        }
    }
}

/// What the rejector is told while nobody runs the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoppedToml {
    Reject,
    Pass,
}

/// What the wire's pulse means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutputToml {
    PassPulse,
    RejectPulse,
}

/// What may pass when a sense is lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DegradedToml {
    pub(crate) rgb_alone: bool,
    pub(crate) geometry_alone: bool,
}

/// How the inspect process is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct InspectorToml {
    pub(crate) heartbeat_ms: f64,
    pub(crate) silence_max_ms: f64,
    pub(crate) start_max_ms: f64,
    pub(crate) restart_wait_ms: f64,
    pub(crate) restart_wait_max_ms: f64,
}

impl Default for InspectorToml {
    fn default() -> Self {
        Self {
            heartbeat_ms: 200.0,
            silence_max_ms: 2_000.0,
            start_max_ms: 60_000.0,
            restart_wait_ms: 200.0,
            restart_wait_max_ms: 10_000.0,
        }
    }
}

/// What is kept of parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecordsToml {
    pub(crate) enabled: bool,
    pub(crate) folder: PathBuf,
    pub(crate) queue_parts: usize,
    pub(crate) keep_parts: usize,
    pub(crate) keep_mb: u64,
    pub(crate) free_min_mb: u64,
    pub(crate) every_nth_pass: u64,
}

impl Default for RecordsToml {
    fn default() -> Self {
        Self {
            enabled: false,
            folder: PathBuf::from("records"),
            queue_parts: 4,
            keep_parts: 200,
            keep_mb: 2_000,
            free_min_mb: 500,
            every_nth_pass: 0,
        }
    }
}

/// The bad part that is shown now and then, and must be rejected.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChallengeToml {
    pub(crate) every_hours: f64,
    /// Which part it is, for people.
    pub(crate) part: String,
    /// Empty: in the station's own folder.
    pub(crate) memory: PathBuf,
}

/// Where a running station answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ControlToml {
    /// Empty: in the service manager's folder, if there is one.
    pub(crate) socket: PathBuf,
}
