//! The table `[realsense]`: which RealSense camera, or which recording of one, and how it runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinspect_camera::realsense::{Pace, RealSenseSpec, Settings, StreamsSpec};
use twinspect_core::frame::FrameSize;
use twinspect_core::recovery::RecoverySpec;

use super::camera::{CameraKind, CameraToml, PaceToml};
use super::checker::Checker;

/// How a RealSense camera runs, as typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RealSenseToml {
    pub(crate) library: PathBuf,
    pub(crate) serial: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) depth_width: usize,
    pub(crate) depth_height: usize,
    pub(crate) rate_hz: u32,
    pub(crate) warm_up_pairs: u32,
    pub(crate) transfer_max_ms: f64,
    pub(crate) wait_max_ms: f64,
    pub(crate) age_max_ms: f64,
    pub(crate) pair_distance_max_ms: f64,
    pub(crate) equal_pictures_max: u32,
    pub(crate) stall_max_ms: f64,
    pub(crate) first_pair_max_ms: f64,
    pub(crate) start_max_ms: f64,
    pub(crate) reset_max_ms: f64,
    pub(crate) open_max_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) preset_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) visual_preset: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depth_unit_m: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depth_exposure_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depth_gain: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) emitter: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) laser_power_mw: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) colour_exposure_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) colour_gain: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) white_balance_k: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mains_hz: Option<u32>,
}

impl Default for RealSenseToml {
    fn default() -> Self {
        Self {
            library: PathBuf::new(),
            serial: String::new(),
            width: 848,
            height: 480,
            depth_width: 848,
            depth_height: 480,
            rate_hz: 30,
            warm_up_pairs: 30,
            transfer_max_ms: 50.0,
            wait_max_ms: 250.0,
            age_max_ms: 100.0,
            pair_distance_max_ms: 0.0,
            equal_pictures_max: 10,
            stall_max_ms: 1_000.0,
            first_pair_max_ms: 3_000.0,
            start_max_ms: 5_000.0,
            reset_max_ms: 15_000.0,
            open_max_ms: 45_000.0,
            preset_file: None,
            visual_preset: None,
            depth_unit_m: None,
            depth_exposure_ms: None,
            depth_gain: None,
            emitter: None,
            laser_power_mw: None,
            colour_exposure_ms: None,
            colour_gain: None,
            white_balance_k: None,
            mains_hz: None,
        }
    }
}

/// Which RealSense camera, and how it runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RealSenseSource {
    /// The library, if it isn't the system's.
    pub(crate) library: Option<PathBuf>,
    pub(crate) which: WhichCamera,
    /// Read when the camera is opened.
    pub(crate) preset_file: Option<PathBuf>,
    pub(crate) spec: RealSenseSpec,
}

/// A camera that is connected, or a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhichCamera {
    Connected { serial: Option<String> },
    Recorded { file: PathBuf },
}

/// Sides of a picture that anybody makes.
const SIDE_MAX: usize = 4096;
/// Pictures a second that anybody makes.
const RATE_MAX_HZ: u32 = 300;
/// Time between two looks for a camera that isn't there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The camera's thread says something at least every 100 ms, unless the library hangs.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// So long a cure must hold.
const CURED: Duration = Duration::from_secs(30);

impl Checker {
    /// The camera, or its recording.
    pub(super) fn realsense(
        &mut self,
        typed: &CameraToml,
        realsense: &RealSenseToml,
        folder: &Path,
    ) -> RealSenseSource {
        let is_recording = typed.kind == CameraKind::Recording;
        let mut spec = self.realsense_spec(realsense);
        spec.repeat = typed.repeat;
        spec.pace = match typed.pace {
            PaceToml::Sensor => Pace::Sensor,
            PaceToml::AsRead => Pace::AsRead,
        };
        let which = if is_recording {
            // It shows what was recorded, was warm when that began, and can't be set or reset.
            spec.streams = None;
            spec.settings = Settings::default();
            spec.recovery.settle_pairs = 1;
            spec.recovery.can_reset = false;
            WhichCamera::Recorded {
                file: self.path(
                    "camera.file",
                    typed.file.as_deref().unwrap_or(Path::new("")),
                    folder,
                ),
            }
        } else {
            WhichCamera::Connected {
                serial: Some(realsense.serial.clone()).filter(|serial| !serial.is_empty()),
            }
        };
        let named = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| folder.join(path));
        RealSenseSource {
            library: named(&realsense.library),
            which,
            preset_file: realsense
                .preset_file
                .as_ref()
                .filter(|_| !is_recording)
                .and_then(named),
            spec,
        }
    }

    fn realsense_spec(&mut self, typed: &RealSenseToml) -> RealSenseSpec {
        let mut side = |key, pixels| self.count(key, pixels, SIDE_MAX);
        let colour = FrameSize {
            width: side("realsense.width", typed.width),
            height: side("realsense.height", typed.height),
        };
        let depth = FrameSize {
            width: side("realsense.depth_width", typed.depth_width),
            height: side("realsense.depth_height", typed.depth_height),
        };
        let holds = (1..=RATE_MAX_HZ).contains(&typed.rate_hz);
        let expected = format!("from 1 to {RATE_MAX_HZ}");
        self.require(holds, "realsense.rate_hz", typed.rate_hz, expected);
        let interval = Duration::from_secs_f64(1.0 / f64::from(typed.rate_hz.max(1)));
        let distance = Duration::from_micros(
            self.optional_us("realsense.pair_distance_max_ms", typed.pair_distance_max_ms),
        );
        // Beyond half of the time from picture to picture, a picture has two partners.
        let half_ms = interval.as_secs_f64() * 500.0;
        self.require(
            distance.as_secs_f64() * 1e3 <= half_ms,
            "realsense.pair_distance_max_ms",
            typed.pair_distance_max_ms,
            format!("at most half of the time from picture to picture, {half_ms:.1}"),
        );
        let transfer = Duration::from_micros(
            self.optional_us("realsense.transfer_max_ms", typed.transfer_max_ms),
        );
        let wait = self.duration("realsense.wait_max_ms", typed.wait_max_ms);
        self.order(
            ("realsense.transfer_max_ms", transfer),
            ("realsense.wait_max_ms", wait),
        );
        let stall = self.duration("realsense.stall_max_ms", typed.stall_max_ms);
        let start = self.duration("realsense.start_max_ms", typed.start_max_ms);
        let reset = self.duration("realsense.reset_max_ms", typed.reset_max_ms);
        let open = self.duration("realsense.open_max_ms", typed.open_max_ms);
        self.order(
            ("realsense.start_max_ms", start),
            ("realsense.reset_max_ms", reset),
        );
        let us = |duration: Duration| duration.as_micros() as u64;
        RealSenseSpec {
            streams: Some(StreamsSpec {
                colour,
                depth,
                rate_hz: typed.rate_hz,
            }),
            settings: self.settings(typed),
            pair_distance_max: (!distance.is_zero()).then_some(distance),
            transfer_max: transfer,
            age_max: self.duration("realsense.age_max_ms", typed.age_max_ms),
            wait_max: wait,
            every_picture: false,
            equal_pictures_max: typed.equal_pictures_max,
            open_max: open,
            recovery: RecoverySpec {
                stall_max_us: us(stall),
                first_pair_max_us: self.us("realsense.first_pair_max_ms", typed.first_pair_max_ms),
                start_max_us: us(start),
                reset_max_us: us(reset),
                look_every_us: us(LOOK_EVERY),
                silence_max_us: us(SILENCE_MAX),
                settle_pairs: typed.warm_up_pairs.saturating_add(1),
                cured_us: us(CURED),
                can_reset: true,
            },
            pace: Pace::Sensor,
            repeat: false,
            skip_pairs: 0,
        }
    }

    fn settings(&mut self, typed: &RealSenseToml) -> Settings {
        let mut number = |key, value: Option<f64>| {
            value.inspect(|value| {
                let holds = value.is_finite() && *value >= 0.0;
                self.require(holds, key, value, "0 or more");
            })
        };
        let settings = Settings {
            preset: None,
            visual_preset: typed.visual_preset,
            depth_unit_m: number("realsense.depth_unit_m", typed.depth_unit_m),
            depth_exposure: None,
            depth_gain: number("realsense.depth_gain", typed.depth_gain),
            emitter: typed.emitter,
            laser_power_mw: number("realsense.laser_power_mw", typed.laser_power_mw),
            colour_exposure: None,
            colour_gain: number("realsense.colour_gain", typed.colour_gain),
            white_balance_k: number("realsense.white_balance_k", typed.white_balance_k),
            power_line_hz: typed.mains_hz,
        };
        let mains_are_known = typed.mains_hz.is_none_or(|hz| [0, 50, 60].contains(&hz));
        let found = typed.mains_hz.unwrap_or(0);
        self.require(mains_are_known, "realsense.mains_hz", found, "0, 50 or 60");
        let mut exposure =
            |key, ms: Option<f64>| ms.map(|milliseconds| self.duration(key, milliseconds));
        Settings {
            depth_exposure: exposure("realsense.depth_exposure_ms", typed.depth_exposure_ms),
            colour_exposure: exposure("realsense.colour_exposure_ms", typed.colour_exposure_ms),
            ..settings
        }
    }
}
