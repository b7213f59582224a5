//! What was found of a camera, as figures and as text.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_camera::realsense::{CameraFacts, SettingFact};
use twinspect_core::picture::{BeltDrift, PictureFigures};

use super::v4l2::{self, V4l2Device};
use crate::cameras::CameraWatch;
use crate::error::EdgeError;
use crate::figures::Colour;
use crate::logging;
use twinspect_core::number::number;

/// Everything that was found. Its keys are for scripts and stay.
#[derive(Serialize)]
pub(super) struct Findings {
    /// With which the camera was compared, if there is a model already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bundle: Option<PathBuf>,
    pub(super) camera: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<Device>,
    /// Pairs that were looked at.
    pub(super) pairs: usize,
    /// As many would have been, if there were so many.
    pub(super) asked: usize,
    /// Pictures that could not be had.
    pub(super) failed: usize,
    /// From asking for a pair to having it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) capture_p50_ms: Option<f64>,
    /// Pictures a second by their numbers and stamps, left-out ones too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) measured_hz: Option<f64>,
    /// From a picture's stamp until it came, where its stamp tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latency_p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) colour: Option<Colour>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) depth: Option<Depth>,
    /// As a station measures it of each part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) picture: Option<PictureFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) streams: Option<Streams>,
    pub(super) pictures: Vec<PathBuf>,
    /// What does not fit, and what to do about it.
    pub(super) warnings: Vec<String>,
}

/// The camera itself, by its kind.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Device {
    RealSense(RealSenseDevice),
    V4l2(V4l2Device),
}

#[derive(Serialize)]
pub(super) struct RealSenseDevice {
    pub(super) name: String,
    pub(super) serial: String,
    pub(super) firmware: Option<String>,
    pub(super) usb: Option<String>,
    pub(super) library: String,
    pub(super) rate_hz: u32,
    pub(super) colour_size: String,
    pub(super) depth_size: String,
    pub(super) depth_unit_m: f64,
    pub(super) fx: f64,
    pub(super) fy: f64,
    pub(super) cx: f64,
    pub(super) cy: f64,
    pub(super) settings: Vec<Setting>,
}

#[derive(Serialize)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) wanted: Option<f32>,
    pub(super) found: f32,
}

#[derive(Serialize)]
pub(super) struct Depth {
    pub(super) measured_share: f32,
    pub(super) median_mm: Option<f64>,
    pub(super) noise_mm: Option<f64>,
    pub(super) belt_mm: Option<f64>,
}

#[derive(Serialize)]
pub(super) struct Streams {
    pub(super) pairs: u64,
    pub(super) repeated: u64,
    pub(super) unpaired: u64,
    pub(super) gaps: u64,
    pub(super) clocks_apart: u64,
    pub(super) corrupt: u64,
    pub(super) late: u64,
    pub(super) frozen: u64,
}

pub(super) fn device(facts: CameraFacts) -> RealSenseDevice {
    let setting = |fact: SettingFact| Setting {
        name: fact.name,
        wanted: fact.wanted,
        found: fact.found,
    };
    RealSenseDevice {
        name: facts.name,
        serial: facts.serial,
        firmware: facts.firmware,
        usb: facts.usb,
        library: facts.library,
        rate_hz: facts.rate_hz,
        colour_size: facts.intrinsics.size().to_string(),
        depth_size: facts.depth_size.to_string(),
        depth_unit_m: facts.depth_unit_m,
        fx: facts.intrinsics.fx,
        fy: facts.intrinsics.fy,
        cx: facts.intrinsics.cx,
        cy: facts.intrinsics.cy,
        settings: facts.settings.into_iter().map(setting).collect(),
    }
}

pub(super) fn streams(watch: &CameraWatch) -> Streams {
    let counts = watch.counts();
    Streams {
        pairs: counts.pairing.pairs,
        repeated: counts.pairing.repeated,
        unpaired: counts.pairing.unpaired,
        gaps: counts.pairing.gaps,
        clocks_apart: counts.pairing.clocks_apart,
        corrupt: counts.corrupt,
        late: counts.late,
        frozen: counts.frozen,
    }
}

pub(super) fn print(out: &mut dyn Write, findings: &Findings) -> Result<(), EdgeError> {
    writeln!(out, "camera    {}", logging::shown(&findings.camera))?;
    if findings.bundle.is_none() {
        writeln!(
            out,
            "bundle    none is named: what a model asks of the camera was not compared"
        )?;
    }
    match &findings.device {
        Some(Device::RealSense(device)) => print_realsense(out, device)?,
        Some(Device::V4l2(device)) => v4l2::print(out, device)?,
        None => {}
    }
    let time = findings.capture_p50_ms.map_or(String::new(), |p50| {
        format!(", each within {p50:.1} ms (p50)")
    });
    let asked = if findings.pairs < findings.asked {
        format!(" of {} asked for", findings.asked)
    } else {
        String::new()
    };
    writeln!(out, "pairs     {}{asked}{time}", findings.pairs)?;
    if let Some(hz) = findings.measured_hz {
        let latency = findings.latency_p50_ms.map_or(String::new(), |p50| {
            format!(", each {p50:.1} ms after its stamp (p50)")
        });
        writeln!(out, "          at {hz:.2} Hz{latency}")?;
    }
    if let Some(streams) = &findings.streams {
        writeln!(
            out,
            "          of {} that came; left out: {} repeated, {} without partner, {} lost, {} corrupt, {} late, {} \
             frozen",
            streams.pairs,
            streams.repeated,
            streams.unpaired,
            streams.gaps,
            streams.corrupt,
            streams.late,
            streams.frozen
        )?;
    }
    if let Some(colour) = &findings.colour {
        writeln!(
            out,
            "colour    brightness {:.0} of 255, {:.1} % black, {:.1} % saturated, sharpness {:.0}",
            colour.brightness,
            100.0 * colour.dark_share,
            100.0 * colour.saturated_share,
            colour.sharpness
        )?;
    }
    if let Some(depth) = &findings.depth {
        let mm = |value: Option<f64>, decimals: usize| {
            value.map_or("none".to_owned(), |value| format!("{value:.decimals$} mm"))
        };
        writeln!(
            out,
            "depth     {:.1} % measured, median {}, noise {}, the bundle's belt {}",
            100.0 * depth.measured_share,
            mm(depth.median_mm, 0),
            mm(depth.noise_mm, 2),
            mm(depth.belt_mm, 0)
        )?;
    }
    if let Some(figures) = &findings.picture {
        print_figures(out, figures)?;
    }
    for picture in &findings.pictures {
        writeln!(out, "picture   {}", picture.display())?;
    }
    for warning in &findings.warnings {
        writeln!(out, "\x1b[33mwarning\x1b[0m   {warning}")?;
    }
    if findings.warnings.is_empty() {
        writeln!(out, "all is well")?;
    }
    Ok(())
}

fn print_figures(out: &mut dyn Write, figures: &PictureFigures) -> Result<(), EdgeError> {
    let belt = |drift: Option<BeltDrift>, whose: &str| {
        drift.map(|drift| {
            format!(
                "belt {:+.1} mm and {:.2} degrees from {whose}",
                drift.nearer_mm, drift.tilt_deg
            )
        })
    };
    let told: Vec<String> = [
        figures
            .depth_noise_mm
            .map(|mm| format!("noise {mm:.2} mm within the picture")),
        figures
            .depth_holes
            .map(|share| format!("{:.1} % without depth", 100.0 * share)),
        belt(figures.belt, "the model's"),
        belt(figures.station_belt, "the calibrated one"),
        figures
            .sharpness
            .map(|sharpness| format!("edges {sharpness:.3}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    writeln!(out, "as judged {}", told.join(", "))?;
    Ok(())
}

fn print_realsense(out: &mut dyn Write, device: &RealSenseDevice) -> Result<(), EdgeError> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "not told".to_owned());
    let serial = match device.serial.as_str() {
        "" => String::new(),
        serial => format!(" {serial}"),
    };
    writeln!(
        out,
        "device    {}{serial}, firmware {}, USB {}\nlibrary   {}\n\
         streams   colour {}, depth {} at {} Hz, counts of {} m, fx {:.1}, fy {:.1}, cx {:.1}, cy {:.1}",
        device.name,
        or_none(&device.firmware),
        or_none(&device.usb),
        device.library,
        device.colour_size,
        device.depth_size,
        device.rate_hz,
        number(device.depth_unit_m),
        device.fx,
        device.fy,
        device.cx,
        device.cy
    )?;
    for setting in &device.settings {
        let origin = if setting.wanted.is_some() {
            ""
        } else {
            "  (the camera's own)"
        };
        writeln!(out, "  {:<28} {}{origin}", setting.name, setting.found)?;
    }
    Ok(())
}
