//! `twinspect check --camera`: what the station's camera shows, in pictures and figures, and what to do about it.

mod doubts;
mod findings;
mod v4l2;
mod views;

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use twinspect_bundle::{Bundle, Manifest};
use twinspect_camera::{Camera, CameraError, Repeat, Trouble};
use twinspect_core::frame::FramePair;
use twinspect_core::picture::{Level, Levels, PictureFigures, PictureMeter};
use twinspect_core::quality::{ColourFigures, DepthFigures, depth_noise_mm};

use crate::cameras::{self, Alone, CameraWatch, Facts};
use crate::cli::CheckArgs;
use crate::clock::Clock;
use crate::config::{CameraSource, Station};
use crate::error::{EdgeError, WithCauses};
use crate::figures::Colour;
use crate::latency::milliseconds;
use crate::picture_check;
use crate::pictures::Kept;
use crate::replay::write_json;
use crate::run::StationLock;
use crate::taking::Patience;
use findings::{Depth, Device, Findings, device, print, streams};

/// Pairs that are looked at.
const PAIRS: usize = 30;

/// Looks through the station's camera. A bundle that does not fit, and a recording that breaks off or shows one picture most
/// of the time, are told with what was seen, and as the error that it ends with.
pub(super) fn check_camera(
    config: &Path,
    station: &Station,
    args: &CheckArgs,
    out: &mut dyn Write,
) -> Result<(), EdgeError> {
    let _lock = StationLock::take(config)?;
    let kept = Kept::of(config, station);
    views::check(&kept, &args.out)?;
    let bundle = model(station)?;
    let Alone {
        mut camera,
        facts,
        watch,
        ..
    } = cameras::open_alone(&once(&station.camera))?;
    let Captured {
        last,
        pairs,
        took,
        latencies,
        failures,
        broken,
    } = capture(camera.as_mut(), watch.as_ref())?;
    // At once: at a sensor's pace more of them come.
    let streams = watch.as_ref().map(streams);
    let is_recorded = station.camera.is_recorded();
    let recorded = streams.as_ref().filter(|_streams| is_recorded);
    let frozen = recorded.and_then(|streams| mostly_frozen(streams.frozen, pairs.len()));
    let manifest = bundle.as_ref().map(Bundle::manifest);
    let fitting = manifest.filter(|manifest| manifest.camera.frame == last.size());
    let roi = fitting.and_then(|manifest| manifest.prepare.roi);
    let belt = manifest
        .and_then(|manifest| manifest.prepare.geometry.as_ref())
        .map(|geometry| geometry.belt);
    let colour = last
        .rgb()
        .map(|picture| Colour::from(ColourFigures::of(picture, roi)));
    let is_live = facts.is_some();
    let depth = DepthFigures::of(&last, roi).map(|figures| Depth {
        measured_share: figures.measured_share,
        median_mm: figures.median_mm,
        // Recorded parts are different parts.
        noise_mm: is_live.then(|| depth_noise_mm(&pairs, roi)).flatten(),
        belt_mm: belt.map(|belt| belt.offset_mm / belt.normal[2]),
    });
    let mut warnings = Vec::new();
    let unfit = bundle
        .as_ref()
        .map_or(Ok(None), |bundle| unfit(station, facts.as_ref(), bundle))?;
    warnings.extend(unfit.iter().map(|error| WithCauses(error).to_string()));
    warnings.extend(doubts::of_failures(&failures, pairs.len()));
    warnings.extend(broken.as_ref().map(|error| {
        let (pairs, why) = (pairs.len(), WithCauses(error));
        format!("only {pairs} of {PAIRS} pictures came, and what was measured is of these: {why}")
    }));
    if !is_live {
        warnings.extend(doubts::of_copies(&pairs));
    }
    let figures = fitting.map(|manifest| figures_of(station, manifest, &last));
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
    let of_colour = |colour| doubts::of_colour(colour, exposure_key);
    warnings.extend(colour.as_ref().into_iter().flat_map(of_colour));
    warnings.extend(depth.as_ref().into_iter().flat_map(doubts::of_depth));
    let of_streams = |streams| doubts::of_streams(streams, is_recorded);
    warnings.extend(streams.as_ref().and_then(of_streams));
    // What was plugged in then, no cable changes now.
    let connected = facts.as_ref().filter(|_facts| !is_recorded);
    warnings.extend(connected.and_then(Facts::slow_usb));
    let measured_hz = is_live.then(|| rate_hz(&pairs)).flatten();
    let device = facts.map(|facts| match facts {
        Facts::RealSense(facts) => Device::RealSense(device(facts)),
        Facts::V4l2(facts) => Device::V4l2(v4l2::device(facts)),
    });
    if let Some(Device::V4l2(device)) = &device {
        warnings.extend(v4l2::warnings(device, measured_hz));
    }
    let findings = Findings {
        bundle: bundle.as_ref().map(|bundle| bundle.path().to_owned()),
        camera: camera.description(),
        device,
        pairs: pairs.len(),
        asked: PAIRS,
        failed: failures.len(),
        capture_p50_ms: median(took).map(milliseconds),
        measured_hz,
        latency_p50_ms: median(latencies).map(milliseconds),
        colour,
        depth,
        picture: figures.map(|(figures, _)| figures),
        streams,
        pictures: views::save(&last, &kept, &args.out)?,
        warnings,
    };
    if args.json {
        write_json(out, &findings)?;
    } else {
        print(out, &findings)?;
    }
    let ended = broken.or(frozen).map(EdgeError::Camera);
    unfit.or(ended).map_or(Ok(()), Err)
}

/// The station's model, if its configuration names one.
fn model(station: &Station) -> Result<Option<Bundle>, EdgeError> {
    let path = station.bundle.resolve()?;
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    Ok(Some(crate::model::open(&path)?))
}

/// Recorded parts but once: what comes again is no other picture.
fn once(source: &CameraSource) -> CameraSource {
    let mut source = source.clone();
    if let CameraSource::Replay(parts) | CameraSource::Belt { parts, .. } = &mut source {
        parts.repeat = Repeat::Once;
    }
    source
}

/// What a station has against this camera with this bundle.
fn unfit(
    station: &Station,
    facts: Option<&Facts>,
    bundle: &Bundle,
) -> Result<Option<EdgeError>, EdgeError> {
    let compared = match facts {
        Some(facts) => facts.check(bundle),
        None => cameras::check_beforehand(&station.camera, bundle),
    };
    match compared {
        Ok(()) => Ok(None),
        Err(error @ EdgeError::UnfitCamera { .. }) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// What a recording is of whose pairs more were refused for being equal than given: the parts of a shift hardly lie in it.
fn mostly_frozen(refused: u64, given: usize) -> Option<CameraError> {
    (refused > given as u64).then_some(CameraError::Recorded {
        trouble: Trouble::Frozen,
    })
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
struct Captured {
    last: FramePair,
    /// With the last one.
    pairs: Vec<FramePair>,
    /// How long each was waited for.
    took: Vec<Duration>,
    /// How old each was when it came, where that is known.
    latencies: Vec<Duration>,
    /// Why there were others that could not be had.
    failures: Vec<String>,
    /// Why there were no more, if that was no sound end.
    broken: Option<CameraError>,
}

/// Up to so many pairs, and one at least.
fn capture(camera: &mut dyn Camera, watch: Option<&CameraWatch>) -> Result<Captured, EdgeError> {
    let clock = Clock::start();
    let (mut pairs, mut took, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
    let mut failures = Vec::new();
    // Never restored: so few pictures should come without many failures between.
    let mut patience = Patience::default();
    let mut ended = CameraError::End;
    while pairs.len() < PAIRS {
        let began = Instant::now();
        match camera.capture(clock.now_us()) {
            Ok(frame) => {
                took.push(began.elapsed());
                pairs.push(frame.pair);
                let age_us = watch.and_then(|watch| watch.counts().age_us);
                latencies.extend(age_us.map(Duration::from_micros));
            }
            Err(error) if error.is_end() => {
                ended = error;
                break;
            }
            Err(error) => {
                let why = patience.fail(error)?;
                log::warn!("{why}");
                failures.push(why);
            }
        }
    }
    let Some(last) = pairs.last().cloned() else {
        return Err(EdgeError::Camera(patience.end(ended)));
    };
    Ok(Captured {
        last,
        pairs,
        took,
        latencies,
        failures,
        broken: Some(ended).filter(|ended| !matches!(ended, CameraError::End)),
    })
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

#[cfg(test)]
mod tests {
    use twinspect_core::pairing::Stream;

    use super::*;
    use crate::taking::scripted::Ending;

    #[test]
    fn a_recording_that_is_mostly_one_picture_is_bad_data() {
        let code = |refused, given| {
            mostly_frozen(refused, given).map(|error| EdgeError::Camera(error).code())
        };
        assert_eq!(code(59, 1), Some(3));
        assert_eq!(code(31, 30), Some(3));
        assert_eq!((code(30, 30), code(0, 30)), (None, None));
        // The same fault, where the camera is given up for it.
        let again = CameraError::Recorded {
            trouble: Trouble::Again {
                stream: Stream::Depth,
            },
        };
        assert_eq!(EdgeError::Camera(again).code(), 3);
        let slow = CameraError::Recorded {
            trouble: Trouble::Slow,
        };
        assert_eq!(EdgeError::Camera(slow).code(), 6);
    }

    #[test]
    fn a_recording_that_breaks_off_is_told_from_one_that_ends() {
        let captured = capture(&mut Ending::sound(3), None).unwrap();
        assert_eq!(
            (captured.pairs.len(), captured.broken.is_some()),
            (3, false)
        );
        let captured = capture(&mut Ending::broken_off(3), None).unwrap();
        assert_eq!((captured.pairs.len(), captured.failures.len()), (3, 0));
        let broken = captured.broken.map(EdgeError::Camera).unwrap();
        assert_eq!(broken.code(), 3, "{broken}");
        let whole = capture(&mut Ending::broken_off(PAIRS), None).unwrap();
        assert!(whole.broken.is_none(), "nobody has seen it");
        let nothing = capture(&mut Ending::broken_off(0), None);
        assert_eq!(nothing.err().map(|error| error.code()), Some(3));
    }
}
