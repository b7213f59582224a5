//! The table `[realsense]`: which RealSense camera, or which recording of one, and how it runs.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinspect_camera::realsense::{Pace, RealSenseSpec, Settings, StreamsSpec};
use twinspect_core::frame::FrameSize;
use twinspect_core::number::number;
use twinspect_core::recovery::RecoverySpec;

use super::camera::{CameraKind, CameraToml, PaceToml};
use super::checker::{Checker, quoted};
use super::live::{AGE_MIN_MS, OPEN_MIN_MS, STEP_MIN_MS, Waiting, WarmUp};

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
/// The last of librealsense's `rs2_rs400_visual_preset`, which removes the pattern. 0 is custom.
const VISUAL_PRESET_MAX: u32 = 6;
/// librealsense counts a depth unit in whole micrometres, and cameras of the family take up to a hundredth of a metre
/// (its issue 5587).
const DEPTH_UNIT_M: RangeInclusive<f64> = 0.000_001..=0.01;
/// Depth units that preset 1 sets (librealsense, `src/ds/advanced_mode/presets.cpp`): of a D405, and of all others. The other
/// presets leave it as it is.
const DEPTH_UNITS_OF_PRESET_1: [f64; 2] = [0.000_1, 0.001];
/// What a gain and a colour temperature have at most: two bytes of a USB video device (UVC 1.5, 4.2.2.3).
const WORD_MAX: f64 = 65_535.0;
/// The family's projectors have up to 360 mW.
const LASER_MAX_MW: f64 = 1_000.0;
/// Its colour cameras count up to 10,000 hundreds of microseconds (librealsense's issue 12006), and depth less, in
/// microseconds.
const EXPOSURE_MS: RangeInclusive<f64> = 0.001..=1_000.0;

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
        let played = is_recording.then(|| self.of_a_recording(realsense));
        let realsense = played.as_ref().unwrap_or(realsense);
        let mut spec = self.realsense_spec(realsense, is_recording);
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
                serial: self.serial(&realsense.serial),
            }
        };
        let named = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| folder.join(path));
        self.without_zero("realsense.library", &realsense.library);
        let preset_file = realsense.preset_file.as_ref();
        if let Some(file) = preset_file {
            self.without_zero("realsense.preset_file", file);
        }
        self.require(
            preset_file.is_none_or(|file| !file.as_os_str().is_empty()),
            "realsense.preset_file",
            "\"\"",
            "the name of a file that the vendor's viewer has saved; leave the key out if there is none",
        );
        RealSenseSource {
            library: named(&realsense.library),
            which,
            preset_file: preset_file.and_then(named),
            spec,
        }
    }

    /// Which camera it is, if one is named.
    fn serial(&mut self, serial: &str) -> Option<String> {
        self.require(
            serial.bytes().all(|letter| letter.is_ascii_graphic()),
            "realsense.serial",
            quoted(serial),
            "letters and digits without a blank, as `twinspect check --camera` and the label tell them",
        );
        Some(serial.to_owned()).filter(|serial| !serial.is_empty())
    }

    fn realsense_spec(&mut self, typed: &RealSenseToml, is_recording: bool) -> RealSenseSpec {
        let mut side = |key, pixels| self.count(key, pixels, SIDE_MAX);
        let colour = FrameSize {
            width: side("realsense.width", typed.width),
            height: side("realsense.height", typed.height),
        };
        let depth = FrameSize {
            width: side("realsense.depth_width", typed.depth_width),
            height: side("realsense.depth_height", typed.depth_height),
        };
        let is_rate = (1..=RATE_MAX_HZ).contains(&typed.rate_hz);
        let expected = format!("from 1 to {RATE_MAX_HZ}");
        self.require(is_rate, "realsense.rate_hz", typed.rate_hz, expected);
        // How fast a recording plays, it says itself.
        let is_known = is_rate && !is_recording;
        let rate_hz = is_known.then_some(("realsense.rate_hz", typed.rate_hz));
        let (transfer, wait) = self.waiting(&Waiting {
            transfer_max_ms: ("realsense.transfer_max_ms", typed.transfer_max_ms),
            wait_max_ms: ("realsense.wait_max_ms", typed.wait_max_ms),
            rate_hz,
        });
        let mut step = |key, typed_ms| self.time_from(STEP_MIN_MS, (key, typed_ms));
        let stall = step("realsense.stall_max_ms", typed.stall_max_ms);
        let first_pair = step("realsense.first_pair_max_ms", typed.first_pair_max_ms);
        let start = step("realsense.start_max_ms", typed.start_max_ms);
        let reset = step("realsense.reset_max_ms", typed.reset_max_ms);
        let open = self.time_from(OPEN_MIN_MS, ("realsense.open_max_ms", typed.open_max_ms));
        if !is_recording {
            self.order(
                ("realsense.start_max_ms", start),
                ("realsense.reset_max_ms", reset),
            );
        }
        let warm_up_pairs = self.warm_up(&WarmUp {
            pictures: ("realsense.warm_up_pairs", typed.warm_up_pairs),
            open_max_ms: ("realsense.open_max_ms", typed.open_max_ms),
            rate_hz,
        });
        let us = |duration: Duration| duration.as_micros() as u64;
        RealSenseSpec {
            streams: Some(StreamsSpec {
                colour,
                depth,
                rate_hz: typed.rate_hz,
            }),
            settings: self.settings(typed),
            pair_distance_max: self.pair_distance(typed.pair_distance_max_ms, rate_hz),
            transfer_max: transfer,
            age_max: self.time_from(AGE_MIN_MS, ("realsense.age_max_ms", typed.age_max_ms)),
            wait_max: wait,
            every_picture: false,
            equal_pictures_max: typed.equal_pictures_max,
            open_max: open,
            recovery: RecoverySpec {
                stall_max_us: us(stall),
                first_pair_max_us: us(first_pair),
                start_max_us: us(start),
                reset_max_us: us(reset),
                look_every_us: us(LOOK_EVERY),
                silence_max_us: us(SILENCE_MAX),
                settle_pairs: warm_up_pairs.saturating_add(1),
                cured_us: us(CURED),
                can_reset: true,
            },
            pace: Pace::Sensor,
            repeat: false,
            skip_pairs: 0,
        }
    }

    /// How far apart a pair may be, if it is not half of the time from picture to picture.
    fn pair_distance(&mut self, typed_ms: f64, rate_hz: Option<(&str, u32)>) -> Option<Duration> {
        const KEY: &str = "realsense.pair_distance_max_ms";
        let distance = Duration::from_micros(self.optional_us(KEY, typed_ms));
        if let Some((rate_key, hz)) = rate_hz {
            // Beyond half of the time from picture to picture, a picture has two partners.
            let half_ms = 500.0 / f64::from(hz);
            self.require(
                distance.as_secs_f64() * 1e3 <= half_ms,
                KEY,
                number(typed_ms),
                format!(
                    "from 0 to {half_ms:.1}, half of the time from picture to picture at {rate_key} = {hz}"
                ),
            );
        }
        (!distance.is_zero()).then_some(distance)
    }

    fn settings(&mut self, typed: &RealSenseToml) -> Settings {
        let preset = typed.visual_preset.unwrap_or(0);
        self.require(
            preset <= VISUAL_PRESET_MAX,
            "realsense.visual_preset",
            preset,
            format!("from 0 to {VISUAL_PRESET_MAX}"),
        );
        let mut within = |key, value: Option<f64>, range: RangeInclusive<f64>| {
            value.inspect(|value| {
                let expected = format!("from {} to {}", range.start(), range.end());
                self.require(range.contains(value), key, number(*value), expected);
            })
        };
        let settings = Settings {
            preset: None,
            visual_preset: typed.visual_preset,
            depth_unit_m: within("realsense.depth_unit_m", typed.depth_unit_m, DEPTH_UNIT_M),
            depth_exposure: None,
            depth_gain: within("realsense.depth_gain", typed.depth_gain, 0.0..=WORD_MAX),
            emitter: typed.emitter,
            laser_power_mw: within(
                "realsense.laser_power_mw",
                typed.laser_power_mw,
                0.0..=LASER_MAX_MW,
            ),
            colour_exposure: None,
            colour_gain: within("realsense.colour_gain", typed.colour_gain, 0.0..=WORD_MAX),
            white_balance_k: within(
                "realsense.white_balance_k",
                typed.white_balance_k,
                1.0..=WORD_MAX,
            ),
            power_line_hz: typed.mains_hz,
        };
        if let (1, Some(unit_m)) = (preset, typed.depth_unit_m) {
            let is_set = |of_preset: &f64| (unit_m - of_preset).abs() < 1e-9;
            self.require(
                DEPTH_UNITS_OF_PRESET_1.iter().any(is_set),
                "realsense.depth_unit_m",
                unit_m,
                "left out with realsense.visual_preset = 1, which sets 0.001 itself, or 0.0001 on a D405; or leave the \
                 preset out",
            );
        }
        let mains_are_known = typed.mains_hz.is_none_or(|hz| [0, 50, 60].contains(&hz));
        let found = typed.mains_hz.unwrap_or(0);
        self.require(mains_are_known, "realsense.mains_hz", found, "0, 50 or 60");
        Settings {
            depth_exposure: self.exposure("realsense.depth_exposure_ms", typed.depth_exposure_ms),
            colour_exposure: self
                .exposure("realsense.colour_exposure_ms", typed.colour_exposure_ms),
            ..settings
        }
    }

    fn exposure(&mut self, key: &'static str, typed_ms: Option<f64>) -> Option<Duration> {
        let milliseconds = typed_ms?;
        let holds = EXPOSURE_MS.contains(&milliseconds);
        let expected = format!("from {} to {}", EXPOSURE_MS.start(), EXPOSURE_MS.end());
        self.require(holds, key, number(milliseconds), expected);
        holds.then(|| Duration::from_secs_f64(milliseconds / 1e3))
    }
}
