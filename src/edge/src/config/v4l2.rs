//! The table `[v4l2]`: which colour camera of the kernel's drivers, and how it runs.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinspect_camera::v4l2::{PixelFormat, Settings, StreamSpec, V4l2Spec, WhichDevice};
use twinspect_core::colour::PixelLayout;
use twinspect_core::frame::FrameSize;
use twinspect_core::recovery::RecoverySpec;

use super::checker::{Checker, quoted};
use super::live::{AGE_MIN_MS, OPEN_MIN_MS, STEP_MIN_MS, Waiting, WarmUp};

/// How a V4L2 camera runs, as typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct V4l2Toml {
    pub(crate) device: String,
    pub(crate) by_number: bool,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) format: FormatToml,
    pub(crate) rate_hz: u32,
    pub(crate) warm_up_pictures: u32,
    pub(crate) transfer_max_ms: f64,
    pub(crate) wait_max_ms: f64,
    pub(crate) age_max_ms: f64,
    pub(crate) equal_pictures_max: u32,
    pub(crate) stall_max_ms: f64,
    pub(crate) first_picture_max_ms: f64,
    pub(crate) start_max_ms: f64,
    pub(crate) reopen_max_ms: f64,
    pub(crate) open_max_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exposure_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gain: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) white_balance_k: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) focus: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) brightness: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mains_hz: Option<u32>,
}

impl Default for V4l2Toml {
    fn default() -> Self {
        Self {
            device: String::new(),
            by_number: false,
            width: 640,
            height: 480,
            format: FormatToml::Yuyv,
            rate_hz: 30,
            warm_up_pictures: 30,
            transfer_max_ms: 50.0,
            wait_max_ms: 250.0,
            age_max_ms: 100.0,
            equal_pictures_max: 10,
            stall_max_ms: 1_000.0,
            first_picture_max_ms: 3_000.0,
            start_max_ms: 5_000.0,
            reopen_max_ms: 15_000.0,
            open_max_ms: 45_000.0,
            exposure_ms: None,
            gain: None,
            white_balance_k: None,
            focus: None,
            brightness: None,
            mains_hz: None,
        }
    }
}

/// Formats by the kernel's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormatToml {
    Yuyv,
    Uyvy,
    Mjpg,
    Rgb3,
    Bgr3,
    Grey,
}

impl From<FormatToml> for PixelFormat {
    fn from(typed: FormatToml) -> Self {
        match typed {
            FormatToml::Yuyv => Self::Plain(PixelLayout::Yuyv),
            FormatToml::Uyvy => Self::Plain(PixelLayout::Uyvy),
            FormatToml::Mjpg => Self::Mjpg,
            FormatToml::Rgb3 => Self::Plain(PixelLayout::Rgb24),
            FormatToml::Bgr3 => Self::Plain(PixelLayout::Bgr24),
            FormatToml::Grey => Self::Plain(PixelLayout::Grey),
        }
    }
}

/// Which V4L2 camera, and how it runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct V4l2Source {
    pub(crate) which: WhichDevice,
    pub(crate) spec: V4l2Spec,
}

/// Sides of a picture that anybody makes.
const SIDE_MAX: usize = 16_384;
/// Pictures a second that anybody makes.
const RATE_MAX_HZ: u32 = 1_000;
/// One of the kernel's `V4L2_CID_EXPOSURE_ABSOLUTE`, which counts hundreds of microseconds. Less would be rounded.
const EXPOSURE_MIN_MS: f64 = 0.1;
/// Folders of names that stay the same.
const LINKS: [&str; 2] = ["/dev/v4l/by-id/", "/dev/v4l/by-path/"];
/// Time between two looks for a camera that isn't there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The camera's thread says something at least every 100 ms, unless the driver hangs.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// So long a cure must hold.
const CURED: Duration = Duration::from_secs(30);

impl Checker {
    /// The camera.
    pub(super) fn v4l2(&mut self, typed: &V4l2Toml) -> V4l2Source {
        let us = |duration: Duration| duration.as_micros() as u64;
        let size = FrameSize {
            width: self.count("v4l2.width", typed.width, SIDE_MAX),
            height: self.count("v4l2.height", typed.height, SIDE_MAX),
        };
        self.even_width(typed);
        let holds = typed.rate_hz <= RATE_MAX_HZ;
        let expected = format!("from 0 to {RATE_MAX_HZ}");
        self.require(holds, "v4l2.rate_hz", typed.rate_hz, expected);
        let rate_hz = Some(("v4l2.rate_hz", typed.rate_hz)).filter(|(_, hz)| holds && *hz > 0);
        let (transfer, wait) = self.waiting(&Waiting {
            transfer_max_ms: ("v4l2.transfer_max_ms", typed.transfer_max_ms),
            wait_max_ms: ("v4l2.wait_max_ms", typed.wait_max_ms),
            rate_hz,
        });
        let warm_up_pictures = self.warm_up(&WarmUp {
            pictures: ("v4l2.warm_up_pictures", typed.warm_up_pictures),
            open_max_ms: ("v4l2.open_max_ms", typed.open_max_ms),
            rate_hz,
        });
        let mut step = |key, typed_ms| self.time_from(STEP_MIN_MS, (key, typed_ms));
        let stall = step("v4l2.stall_max_ms", typed.stall_max_ms);
        let first_picture = step("v4l2.first_picture_max_ms", typed.first_picture_max_ms);
        let start = step("v4l2.start_max_ms", typed.start_max_ms);
        let reopen = step("v4l2.reopen_max_ms", typed.reopen_max_ms);
        self.order(("v4l2.start_max_ms", start), ("v4l2.reopen_max_ms", reopen));
        V4l2Source {
            which: self.which(typed),
            spec: V4l2Spec {
                stream: StreamSpec {
                    size,
                    rate_hz: Some(typed.rate_hz).filter(|hz| *hz > 0),
                    format: typed.format.into(),
                },
                settings: self.v4l2_settings(typed),
                transfer_max: transfer,
                age_max: self.time_from(AGE_MIN_MS, ("v4l2.age_max_ms", typed.age_max_ms)),
                wait_max: wait,
                every_picture: false,
                equal_pictures_max: typed.equal_pictures_max,
                open_max: self.time_from(OPEN_MIN_MS, ("v4l2.open_max_ms", typed.open_max_ms)),
                recovery: RecoverySpec {
                    stall_max_us: us(stall),
                    first_pair_max_us: us(first_picture),
                    start_max_us: us(start),
                    reset_max_us: us(reopen),
                    look_every_us: us(LOOK_EVERY),
                    silence_max_us: us(SILENCE_MAX),
                    settle_pairs: warm_up_pictures.saturating_add(1),
                    cured_us: us(CURED),
                    can_reset: true,
                },
            },
        }
    }

    /// Two pixels share their colour in these formats (the kernel's `pixfmt-packed-yuv`), so that none is left over.
    fn even_width(&mut self, typed: &V4l2Toml) {
        let shares = match typed.format {
            FormatToml::Yuyv => "\"yuyv\"",
            FormatToml::Uyvy => "\"uyvy\"",
            FormatToml::Mjpg | FormatToml::Rgb3 | FormatToml::Bgr3 | FormatToml::Grey => return,
        };
        self.require(
            typed.width.is_multiple_of(2),
            "v4l2.width",
            typed.width,
            format!("even with v4l2.format = {shares}, in which two pixels share their colour"),
        );
    }

    /// A camera by its name. A node's number names nothing: it moves when something else is plugged in.
    fn which(&mut self, typed: &V4l2Toml) -> WhichDevice {
        let name = typed.device.as_str();
        let is_number = name.strip_prefix("/dev/video").is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
        });
        self.require(
            typed.by_number || !is_number,
            "v4l2.device",
            quoted(name),
            "a name that stays when something else is plugged in, as `ls /dev/v4l/by-id` lists them; \
             v4l2.by_number = true takes a number all the same",
        );
        let is_link = LINKS.iter().any(|folder| {
            let link = name.strip_prefix(folder).unwrap_or("");
            !link.is_empty() && !link.contains('/')
        });
        // A camera's own name may have a slash in it.
        let looks_like_path = name.starts_with(['/', '.', '~']) || name.starts_with("dev/");
        let is_shown = !name.contains(char::is_control);
        self.require(
            is_number || is_shown && (is_link || !looks_like_path),
            "v4l2.device",
            quoted(name),
            "a name below /dev/v4l/by-id or /dev/v4l/by-path, a camera's name, or where it is plugged in, as `twinspect \
             check --camera` lists them",
        );
        match name {
            "" => WhichDevice::Only,
            number if is_number => WhichDevice::Node(Path::new(number).to_owned()),
            name => WhichDevice::Named(name.to_owned()),
        }
    }

    fn v4l2_settings(&mut self, typed: &V4l2Toml) -> Settings {
        let mains_are_known = typed.mains_hz.is_none_or(|hz| [0, 50, 60].contains(&hz));
        let found = typed.mains_hz.unwrap_or(0);
        self.require(mains_are_known, "v4l2.mains_hz", found, "0, 50 or 60");
        let mut number = |key, value: Option<i64>, least: i64| {
            value.inspect(|value| {
                let holds = *value >= least && i32::try_from(*value).is_ok();
                let expected = format!("from {least} to {}", i32::MAX);
                self.require(holds, key, value, expected);
            })
        };
        let settings = Settings {
            exposure: None,
            gain: number("v4l2.gain", typed.gain, 0),
            white_balance_k: number("v4l2.white_balance_k", typed.white_balance_k, 1),
            focus: number("v4l2.focus", typed.focus, 0),
            // Some cameras count it from below zero.
            brightness: number("v4l2.brightness", typed.brightness, i64::from(i32::MIN)),
            power_line_hz: typed.mains_hz,
        };
        Settings {
            exposure: typed
                .exposure_ms
                .map(|typed_ms| self.time_from(EXPOSURE_MIN_MS, ("v4l2.exposure_ms", typed_ms))),
            ..settings
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CameraSource, ConfigError, Loaded, StationError, parse};
    use super::*;

    fn parsed(text: &str) -> Result<Loaded, ConfigError> {
        parse(Path::new("station.toml"), text)
    }

    fn problems_of(text: &str) -> Vec<String> {
        match parsed(text) {
            Err(ConfigError::Problems { problems, .. }) => {
                problems.iter().map(StationError::to_string).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    const COLOUR: &str = "[bundle]\nfile = \"print.twb\"\n[camera]\nkind = \"v4l2\"\n";

    fn v4l2(rest: &str) -> V4l2Source {
        let text = format!("{COLOUR}[v4l2]\n{rest}");
        match parsed(&text).unwrap().station.camera {
            CameraSource::V4l2(source) => *source,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_colour_camera_is_meant_by_a_name_that_stays() {
        assert_eq!(v4l2("").which, WhichDevice::Only);
        for name in [
            "HD Pro Webcam C920",
            "usb-ACME-video-index0",
            "/dev/v4l/by-path/pci-0-video-index0",
            "HDMI/USB capture",
        ] {
            let source = v4l2(&format!("device = \"{name}\"\n"));
            assert_eq!(source.which, WhichDevice::Named(name.to_owned()));
        }
        let by_number = v4l2("device = \"/dev/video2\"\nby_number = true\n");
        assert_eq!(by_number.which, WhichDevice::Node("/dev/video2".into()));
        for (device, part) in [
            (
                "/dev/video2",
                "v4l2.by_number = true takes a number all the same",
            ),
            ("/dev/null", "a name below /dev/v4l"),
            ("/dev/v4l/by-id/", "a name below /dev/v4l"),
            (
                "/dev/v4l/by-id/../../../etc/passwd",
                "a name below /dev/v4l",
            ),
            ("../../etc/passwd", "a name below /dev/v4l"),
            ("dev/v4l/by-id/a", "a name below /dev/v4l"),
            ("HD\\nPro", "a name below /dev/v4l"),
        ] {
            let problems = problems_of(&format!("{COLOUR}[v4l2]\ndevice = \"{device}\"\n"));
            assert!(problems[0].contains(part), "{problems:?}");
        }
    }

    #[test]
    fn every_setting_of_a_colour_camera_is_documented_and_meant() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/station-v4l2.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let shown: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.starts_with("# Exposure; switches"))
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.split(' ').nth(1) == Some("="))
            .collect();
        assert_eq!(shown.len(), 6, "{shown:?}");
        let source = v4l2(&format!("{}\n", shown.join("\n")));
        let settings = source.spec.settings;
        assert_eq!(settings.exposure.unwrap().as_micros(), 5_000);
        let numbers = [
            settings.gain,
            settings.white_balance_k,
            settings.focus,
            settings.brightness,
        ];
        assert_eq!(numbers, [Some(64), Some(4_600), Some(30), Some(128)]);
        assert_eq!(settings.power_line_hz, Some(50));
        assert_eq!(v4l2("rate_hz = 0\n").spec.stream.rate_hz, None);
        assert_eq!(
            v4l2("format = \"mjpg\"\n").spec.stream.format,
            PixelFormat::Mjpg
        );
        assert!(v4l2("").spec.recovery.can_reset, "it is opened anew");
        let odd = v4l2("format = \"mjpg\"\nwidth = 641\n").spec.stream.size;
        assert_eq!(odd.width, 641, "a JPEG picture ends anywhere");
    }

    #[test]
    fn what_no_colour_camera_can_do_is_refused() {
        for (line, part) in [
            ("rate_hz = 1001", "v4l2.rate_hz"),
            ("mains_hz = 55", "v4l2.mains_hz"),
            ("gain = -1", "v4l2.gain"),
            ("white_balance_k = 0", "v4l2.white_balance_k"),
            ("exposure_ms = 0", "v4l2.exposure_ms"),
            (
                "exposure_ms = 0.00004",
                "v4l2.exposure_ms = 0.00004 must be from 0.1 to 3600000",
            ),
            ("width = 0", "v4l2.width"),
            (
                "transfer_max_ms = 300",
                "v4l2.wait_max_ms = 250 must be more than 366.7: v4l2.transfer_max_ms = 300 and the time of two pictures \
                 at v4l2.rate_hz = 30",
            ),
            (
                "rate_hz = 0\ntransfer_max_ms = 250",
                "v4l2.wait_max_ms = 250 must be more than v4l2.transfer_max_ms = 250",
            ),
            (
                "warm_up_pictures = 4000000000",
                "v4l2.warm_up_pictures = 4000000000 must be from 0 to 10000",
            ),
            (
                "rate_hz = 15\nwarm_up_pictures = 676",
                "v4l2.warm_up_pictures = 676 must be at most 675: no more come within v4l2.open_max_ms = 45000 at \
                 v4l2.rate_hz = 15",
            ),
            (
                "width = 641",
                "v4l2.width = 641 must be even with v4l2.format = \"yuyv\"",
            ),
            (
                "start_max_ms = 20000",
                "v4l2.start_max_ms = 20000 must be less than v4l2.reopen_max_ms = 15000",
            ),
            (
                "open_max_ms = 60000",
                "v4l2.open_max_ms = 60000 must be less than inspector.start_max_ms = 60000",
            ),
        ] {
            let problems = problems_of(&format!("{COLOUR}[v4l2]\n{line}\n"));
            assert!(problems[0].contains(part), "{line}: {problems:?}");
        }
    }
}
