//! `twinspect check --camera`: what the station's camera shows, in pictures and figures, and what to do about it.

mod findings;
mod v4l2;
mod views;

use std::io::Write;
use std::time::{Duration, Instant};

use twinspect_bundle::{Bundle, Manifest};
use twinspect_camera::{Camera, CameraError};
use twinspect_core::frame::FramePair;
use twinspect_core::picture::{Level, Levels, PictureFigures, PictureMeter};
use twinspect_core::quality::{ColourFigures, DepthFigures, depth_noise_mm};

use crate::cameras::{self, Alone, CameraWatch, Facts};
use crate::cli::CheckArgs;
use crate::clock::Clock;
use crate::config::Station;
use crate::error::{EdgeError, WithCauses};
use crate::figures::Colour;
use crate::latency::milliseconds;
use crate::picture_check;
use crate::replay::write_json;
use crate::taking::Patience;
use findings::{Depth, Device, Findings, device, print, streams};

/// Pairs that are looked at.
const PAIRS: usize = 30;
/// Limits beyond which somebody should look. They warn and refuse nothing: a good picture of a dark part is dark.
const MEASURED_SHARE_MIN: f32 = 0.7;
const SATURATED_SHARE_MAX: f32 = 0.05;
const BRIGHTNESS_MIN: f32 = 30.0;
const NOISE_MAX_MM: f64 = 2.0;
/// Largest difference from the distance to the taught belt that is no other distance.
const DISTANCE_SHARE_MAX: f64 = 0.15;

/// Looks through the station's camera.
pub(super) fn check_camera(
    station: &Station,
    args: &CheckArgs,
    out: &mut dyn Write,
) -> Result<(), EdgeError> {
    let bundle = Bundle::open(station.bundle.resolve()?)?;
    let Alone {
        mut camera,
        facts,
        watch,
    } = cameras::open_alone(&station.camera)?;
    let Captured {
        pairs,
        took,
        latencies,
    } = capture(camera.as_mut(), watch.as_ref())?;
    let Some(last) = pairs.last() else {
        return Err(EdgeError::Camera(CameraError::End));
    };
    let manifest = bundle.manifest();
    let roi = manifest
        .prepare
        .roi
        .filter(|_| manifest.camera.frame == last.size());
    let belt = manifest
        .prepare
        .geometry
        .as_ref()
        .map(|geometry| geometry.belt);
    let colour = last
        .rgb()
        .map(|picture| Colour::from(ColourFigures::of(picture, roi)));
    let is_live = facts.is_some();
    let depth = DepthFigures::of(last, roi).map(|figures| Depth {
        measured_share: figures.measured_share,
        median_mm: figures.median_mm,
        // Recorded parts are different parts.
        noise_mm: is_live.then(|| depth_noise_mm(&pairs, roi)).flatten(),
        belt_mm: belt.map(|belt| belt.offset_mm / belt.normal[2]),
    });
    let mut warnings = Vec::new();
    if let Some(facts) = &facts
        && let Err(error) = facts.check(&bundle)
    {
        warnings.push(WithCauses(&error).to_string());
    }
    let figures = manifest
        .camera
        .frame
        .eq(&last.size())
        .then(|| figures_of(station, manifest, last));
    if let Some((figures, levels)) = &figures {
        warnings.extend(beyond_limits(figures, levels));
    }
    if let (Some(known), Some(facts)) = (&station.calibration, &facts)
        && known.is_of_another(&facts.identity())
    {
        warnings.push(format!(
            "the station was calibrated with {}, on {}, and this is {}: measure the empty belt again, with \
             `twinspect calibrate --write`",
            known.camera,
            known.date,
            facts.identity()
        ));
    }
    let exposure_key = facts.as_ref().map_or("the exposure", Facts::exposure_key);
    let of_colour = |colour| colour_warnings(colour, exposure_key);
    warnings.extend(colour.as_ref().into_iter().flat_map(of_colour));
    warnings.extend(depth.as_ref().into_iter().flat_map(depth_warnings));
    let usb = facts.as_ref().and_then(Facts::usb);
    if let Some(usb) = usb.filter(|usb| usb.starts_with('2')) {
        warnings.push(format!(
            "the camera runs on USB {usb}: use a USB 3 cable and port, and push the plug in quickly"
        ));
    }
    let measured_hz = is_live.then(|| rate_hz(&pairs)).flatten();
    let device = facts.map(|facts| match facts {
        Facts::RealSense(facts) => Device::RealSense(device(facts)),
        Facts::V4l2(facts) => Device::V4l2(v4l2::device(facts)),
    });
    if let Some(Device::V4l2(device)) = &device {
        warnings.extend(v4l2::warnings(device, measured_hz));
    }
    let findings = Findings {
        camera: camera.description(),
        device,
        pairs: pairs.len(),
        capture_p50_ms: median(took).map(milliseconds),
        measured_hz,
        latency_p50_ms: median(latencies).map(milliseconds),
        colour,
        depth,
        picture: figures.map(|(figures, _)| figures),
        streams: watch.map(|watch| streams(&watch)),
        pictures: views::save(last, &args.out)?,
        warnings,
    };
    if args.json {
        write_json(out, &findings)
    } else {
        print(out, &findings)
    }
}

/// A picture's figures as a station measures them of each part, and which of them are beyond a limit.
fn figures_of(
    station: &Station,
    manifest: &Manifest,
    picture: &FramePair,
) -> (PictureFigures, Levels) {
    let belt = station.calibration.as_ref().map(|known| known.belt);
    let figures = PictureMeter::new(&manifest.prepare, belt, false).measure(picture);
    let levels = station.quality.judge(&figures, manifest.picture.as_ref());
    (figures, levels)
}

fn beyond_limits(figures: &PictureFigures, levels: &Levels) -> Vec<String> {
    let told = |level, then: &'static str| {
        levels.at(level).map(move |figure| {
            format!(
                "{}{then}: {}",
                picture_check::what(figure, figures),
                picture_check::remedy(figure)
            )
        })
    };
    let rejected = told(Level::Reject, ", so that parts would have no result");
    rejected.chain(told(Level::Warn, "")).collect()
}

/// Pairs that were taken one after the other.
#[derive(Default)]
struct Captured {
    pairs: Vec<FramePair>,
    /// How long each was waited for.
    took: Vec<Duration>,
    /// How old each was when it came, where that is known.
    latencies: Vec<Duration>,
}

/// Up to so many pairs.
fn capture(camera: &mut dyn Camera, watch: Option<&CameraWatch>) -> Result<Captured, EdgeError> {
    let clock = Clock::start();
    let mut captured = Captured::default();
    // Never restored: so few pictures should come without many failures between.
    let mut patience = Patience::default();
    while captured.pairs.len() < PAIRS {
        let began = Instant::now();
        match camera.capture(clock.now_us()) {
            Ok(frame) => {
                captured.took.push(began.elapsed());
                captured.pairs.push(frame.pair);
                let age_us = watch.and_then(|watch| watch.counts().age_us);
                captured.latencies.extend(age_us.map(Duration::from_micros));
            }
            Err(error) if error.is_end() => break,
            Err(error) => log::warn!("{}", patience.fail(error)?),
        }
    }
    Ok(captured)
}

/// Pictures a second by numbers and stamps of the first and the last.
fn rate_hz(pairs: &[FramePair]) -> Option<f64> {
    let first = pairs.first()?.rgb_stamp?;
    let last = pairs.last()?.rgb_stamp?;
    let pictures = last.frame_number.checked_sub(first.frame_number)?;
    let time_us = last.time_us.checked_sub(first.time_us)?;
    (pictures > 0 && time_us > 0).then(|| pictures as f64 * 1e6 / time_us as f64)
}

fn median(mut took: Vec<Duration>) -> Option<Duration> {
    took.sort();
    took.get(took.len() / 2).copied()
}

fn colour_warnings(colour: &Colour, exposure_key: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    if colour.saturated_share > SATURATED_SHARE_MAX {
        warnings.push(format!(
            "{:.0} % of the colour picture is as bright as can be: shorten {exposure_key}, lower \
             the gain, or dim the light",
            100.0 * colour.saturated_share
        ));
    }
    if colour.brightness < BRIGHTNESS_MIN {
        warnings.push(format!(
            "the colour picture is dark, {:.0} of 255 on average: is the light on, is the cap off, is the exposure \
             long enough?",
            colour.brightness
        ));
    }
    warnings
}

fn depth_warnings(depth: &Depth) -> Vec<String> {
    let mut warnings = Vec::new();
    if depth.measured_share < MEASURED_SHARE_MIN {
        warnings.push(format!(
            "only {:.0} % of the picture has a depth: too near for this camera and depth size (docs/cameras.md), the \
             emitter off, sunlight or another projector, a dirty window, or parts that shine or have no texture",
            100.0 * depth.measured_share
        ));
    }
    if let Some(noise_mm) = depth.noise_mm.filter(|noise_mm| *noise_mm > NOISE_MAX_MM) {
        warnings.push(format!(
            "depth changes by {noise_mm:.1} mm from picture to picture while nothing moves: too far, too little \
             texture, or the emitter off; if something does move, stop it"
        ));
    }
    if let (Some(median_mm), Some(belt_mm)) = (depth.median_mm, depth.belt_mm)
        && (median_mm - belt_mm).abs() > DISTANCE_SHARE_MAX * belt_mm
    {
        warnings.push(format!(
            "most of the picture lies {median_mm:.0} mm away, the bundle's belt {belt_mm:.0} mm: put the camera where \
             it stood when the model's parts were recorded"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_what_to_do() {
        let colour = |brightness, saturated_share| Colour {
            brightness,
            dark_share: 0.0,
            saturated_share,
            sharpness: 100.0,
        };
        assert!(colour_warnings(&colour(120.0, 0.01), "x").is_empty());
        assert!(
            colour_warnings(&colour(120.0, 0.2), "v4l2.exposure_ms")[0]
                .contains("v4l2.exposure_ms")
        );
        assert!(colour_warnings(&colour(3.0, 0.0), "x")[0].contains("light"));
        let depth = |measured_share, median_mm, noise_mm| Depth {
            measured_share,
            median_mm: Some(median_mm),
            noise_mm: Some(noise_mm),
            belt_mm: Some(450.0),
        };
        assert!(depth_warnings(&depth(0.95, 440.0, 0.6)).is_empty());
        assert!(depth_warnings(&depth(0.4, 440.0, 0.6))[0].contains("emitter"));
        assert!(depth_warnings(&depth(0.95, 300.0, 0.6))[0].contains("300 mm away"));
        assert!(depth_warnings(&depth(0.95, 440.0, 4.0))[0].contains("4.0 mm"));
    }
}
