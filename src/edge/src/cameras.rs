//! Opening the camera of a configuration.

use std::io;
use std::path::Path;

use serde_json::Value;
use twinspect_bundle::Bundle;
use twinspect_camera::librealsense::{Context, Librealsense};
use twinspect_camera::realsense::{
    CameraFacts, ConnectedDevice, FindDevice, Pace, PresetFile, RealSenseCamera, RealSenseError,
    RealSenseSpec, RecordedDevice,
};
use twinspect_camera::v4l2::{CameraFacts as V4l2Facts, KernelDevices, V4l2Camera};
use twinspect_camera::{BeltCamera, BeltView, Camera, CameraError, Repeat, ReplayCamera};
use twinspect_core::survey::{BELT_FRAMES, SurveyError, Where, teach_belt};
use twinspect_dataset::Dataset;

use crate::config::{BeltPace, CameraSource, RealSenseSource, Recording, V4l2Source, WhichCamera};
use crate::error::EdgeError;
use crate::fit::{check_camera, check_colour, check_facts, taught_belt};

pub(crate) use twinspect_camera::CameraWatch;
pub(crate) use twinspect_core::recovery::Health;

/// A camera that fits its bundle.
pub(crate) struct Opened {
    pub(crate) camera: Box<dyn Camera>,
    /// Parts until it ends, if that is known.
    pub(crate) parts_left: Option<u64>,
    /// Watches a camera that may have to be brought back.
    pub(crate) watch: Option<CameraWatch>,
}

/// What can be said against a camera and a bundle while somebody else has the camera. The rest is said when it
/// is opened.
pub(crate) fn check_beforehand(source: &CameraSource, bundle: &Bundle) -> Result<(), EdgeError> {
    match source {
        CameraSource::Replay(recording)
        | CameraSource::Belt {
            parts: recording, ..
        } => check_parts(recording, bundle, parts_of(recording)?.as_ref()),
        CameraSource::V4l2(source) => check_colour(bundle, source.spec.stream.size),
        // What it is like, it says itself; what is set on it lies in a file.
        CameraSource::RealSense(source) => {
            let preset = source.preset_file.as_deref().map(preset).transpose();
            preset.map(|_preset| ())
        }
    }
}

/// A station's recorded parts.
pub(crate) fn parts_of(recording: &Recording) -> Result<Box<dyn Dataset>, EdgeError> {
    twinspect_dataset::open(&recording.folder).map_err(|source| EdgeError::CameraFolder {
        folder: recording.folder.clone(),
        source: Box::new(source),
    })
}

/// Holds them against the bundle. What does not fit is told with where it comes from.
fn check_parts(
    recording: &Recording,
    bundle: &Bundle,
    dataset: &dyn Dataset,
) -> Result<(), EdgeError> {
    check_camera(bundle, dataset).map_err(|error| match error {
        EdgeError::UnfitCamera {
            bundle,
            mut differences,
        } => {
            differences.push(format!(
                "its pictures come from camera.folder = \"{}\"",
                recording.folder.display()
            ));
            EdgeError::UnfitCamera {
                bundle,
                differences,
            }
        }
        error => error,
    })
}

/// Opens a camera, holds it against the bundle, and passes over what was seen before.
pub(crate) fn open(source: &CameraSource, bundle: &Bundle, skip: u64) -> Result<Opened, EdgeError> {
    match source {
        CameraSource::Replay(recording) => {
            let (camera, parts_left) = open_recording(recording, bundle, skip)?;
            Ok(Opened {
                camera: Box::new(camera),
                parts_left,
                watch: None,
            })
        }
        CameraSource::Belt { parts, pace } => {
            let (camera, _) = open_recording(parts, bundle, skip)?;
            let view = BeltView {
                belt: taught_belt(bundle)?,
                period_us: pace.period_us,
                frames_a_part: pace.frames_a_part,
            };
            Ok(Opened {
                camera: Box::new(BeltCamera::new(camera, view)?),
                // Which of them become parts, their pictures say, and that they end.
                parts_left: None,
                watch: None,
            })
        }
        CameraSource::RealSense(source) => {
            let camera = open_realsense(&played_on(source, skip))?;
            check_facts(bundle, camera.facts())?;
            let watch = camera.watch();
            Ok(Opened {
                camera: Box::new(camera),
                parts_left: None,
                watch: Some(watch),
            })
        }
        CameraSource::V4l2(source) => {
            // What the camera must be like is known before it is there.
            check_colour(bundle, source.spec.stream.size)?;
            let camera = open_v4l2(source)?;
            let watch = camera.watch();
            Ok(Opened {
                camera: Box::new(camera),
                parts_left: None,
                watch: Some(watch),
            })
        }
    }
}

/// A camera without a model that it would have to fit.
pub(crate) struct Alone {
    pub(crate) camera: Box<dyn Camera>,
    pub(crate) facts: Option<Facts>,
    pub(crate) watch: Option<CameraWatch>,
    /// Pictures after which recorded parts begin again, if they do.
    pub(crate) round: Option<u64>,
}

impl Alone {
    fn recorded(camera: impl Camera + 'static, round: Option<u64>) -> Self {
        Self {
            camera: Box::new(camera),
            facts: None,
            watch: None,
            round,
        }
    }
}

/// What is known of a live camera.
pub(crate) enum Facts {
    RealSense(CameraFacts),
    V4l2(V4l2Facts),
}

impl Facts {
    /// Refuses a bundle that does not fit.
    pub(crate) fn check(&self, bundle: &Bundle) -> Result<(), EdgeError> {
        match self {
            Self::RealSense(facts) => check_facts(bundle, facts),
            Self::V4l2(facts) => check_colour(bundle, facts.size),
        }
    }

    /// What tells this camera from others, as its description has it too.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::RealSense(facts) => facts.identity(),
            Self::V4l2(facts) => facts.identity.card.clone(),
        }
    }

    /// The key of the exposure that makes a picture too bright.
    pub(crate) fn exposure_key(&self) -> &'static str {
        match self {
            Self::RealSense(_) => "realsense.colour_exposure_ms",
            Self::V4l2(_) => "v4l2.exposure_ms",
        }
    }

    /// What is to be said of its kind of USB, if anything is.
    pub(crate) fn slow_usb(&self) -> Option<String> {
        match self {
            Self::RealSense(facts) => slow_usb(facts.usb.as_deref()),
            Self::V4l2(_) => None,
        }
    }
}

/// Opens a camera, whatever kind it is. Of a simulated belt the recorded parts are shown, one after the other.
pub(crate) fn open_alone(source: &CameraSource) -> Result<Alone, EdgeError> {
    Ok(match source {
        CameraSource::Replay(parts) | CameraSource::Belt { parts, .. } => {
            let camera = ReplayCamera::new(parts_of(parts)?, parts.split, parts.repeat)?;
            let round = parts_of_a_round(&camera, parts);
            Alone::recorded(camera, round)
        }
        CameraSource::RealSense(source) => {
            let camera = open_realsense(source)?;
            Alone {
                facts: Some(Facts::RealSense(camera.facts().clone())),
                watch: Some(camera.watch()),
                camera: Box::new(camera),
                round: None,
            }
        }
        CameraSource::V4l2(source) => {
            let camera = open_v4l2(source)?;
            Alone {
                facts: Some(Facts::V4l2(camera.facts().clone())),
                watch: Some(camera.watch()),
                camera: Box::new(camera),
                round: None,
            }
        }
    })
}

fn parts_of_a_round(camera: &ReplayCamera, recording: &Recording) -> Option<u64> {
    let begins_again = recording.repeat == Repeat::Forever;
    begins_again.then_some(camera.parts().len() as u64)
}

/// Opens a simulated belt. Where it lies, its recorded parts say, of which each has the belt around it.
pub(crate) fn open_belt_alone(parts: &Recording, pace: BeltPace) -> Result<Alone, EdgeError> {
    let camera = ReplayCamera::new(parts_of(parts)?, parts.split, parts.repeat)?;
    let dataset = parts_of(parts)?;
    let mut frames = Vec::new();
    for part in camera.parts().iter().take(BELT_FRAMES) {
        frames.push(dataset.load(part)?.frame);
    }
    if frames.iter().any(|frame| frame.depth().is_none()) {
        return Err(EdgeError::Survey(SurveyError::NoDepth));
    }
    let belt =
        teach_belt(&frames, Where::Border).ok_or(EdgeError::Survey(SurveyError::NoBelt {
            frames: frames.len(),
        }))?;
    let view = BeltView {
        belt,
        period_us: pace.period_us,
        frames_a_part: pace.frames_a_part,
    };
    let round = parts_of_a_round(&camera, parts);
    let round = round.map(|parts| parts * u64::from(pace.frames_a_part));
    Ok(Alone::recorded(BeltCamera::new(camera, view)?, round))
}

/// Opens a V4L2 camera, and waits until its pictures may be judged.
pub(crate) fn open_v4l2(source: &V4l2Source) -> Result<V4l2Camera, EdgeError> {
    let finder = Box::new(KernelDevices::new(source.which.clone()));
    V4l2Camera::open(finder, source.spec.clone())
        .map_err(|error| EdgeError::Camera(CameraError::from(Box::new(error))))
}

/// Recorded parts, and how many of them are left until they end, if they do.
fn open_recording(
    recording: &Recording,
    bundle: &Bundle,
    skip: u64,
) -> Result<(ReplayCamera, Option<u64>), EdgeError> {
    let Recording { split, repeat, .. } = recording;
    let dataset = parts_of(recording)?;
    check_parts(recording, bundle, dataset.as_ref())?;
    let mut camera = ReplayCamera::new(dataset, *split, *repeat)?;
    camera.skip(usize::try_from(skip).unwrap_or(usize::MAX));
    let parts = camera.parts().len() as u64;
    let left = match repeat {
        Repeat::Once => Some(parts.saturating_sub(skip)),
        Repeat::Forever => None,
    };
    Ok((camera, left))
}

/// The same, but that a recording of which each part has had a pair goes on behind those. At the sensor's pace nobody
/// knows where it was.
fn played_on(source: &RealSenseSource, skip: u64) -> RealSenseSource {
    let mut source = source.clone();
    let is_recorded = matches!(source.which, WhichCamera::Recorded { .. });
    if is_recorded && source.spec.pace == Pace::AsRead && !source.spec.repeat {
        source.spec.skip_pairs = skip;
    }
    source
}

/// Opens a RealSense camera or its recording, and waits until its pictures may be judged.
pub(crate) fn open_realsense(source: &RealSenseSource) -> Result<RealSenseCamera, EdgeError> {
    let Unopened {
        context,
        finder,
        spec,
    } = load_realsense(source)?;
    let camera = RealSenseCamera::open(context, finder, spec).map_err(refused)?;
    if let WhichCamera::Connected { .. } = source.which {
        tell_of_usb(camera.facts());
    }
    Ok(camera)
}

/// What is said of a camera that is there and well, but on a slow kind of USB.
fn slow_usb(usb: Option<&str>) -> Option<String> {
    let usb = usb.filter(|usb| usb.starts_with('2'))?;
    Some(format!(
        "the camera runs on USB {usb}: use a USB 3 cable and port, and push the plug in quickly"
    ))
}

/// Says it in the log.
pub(crate) fn tell_of_usb(facts: &CameraFacts) {
    if let Some(doubt) = slow_usb(facts.usb.as_deref()) {
        log::warn!("{doubt}");
    }
}

/// A RealSense camera that nobody has looked for, and the library that will.
pub(crate) struct Unopened {
    pub(crate) context: Context,
    pub(crate) finder: Box<dyn FindDevice>,
    pub(crate) spec: RealSenseSpec,
}

/// Loads the library and whatever else a RealSense camera needs before it is looked for.
pub(crate) fn load_realsense(source: &RealSenseSource) -> Result<Unopened, EdgeError> {
    let mut spec = source.spec.clone();
    if let Some(path) = &source.preset_file {
        spec.settings.preset = Some(preset(path)?);
    }
    let library = Librealsense::load(source.library.as_deref()).map_err(|error| {
        // A recording that no library could play is what has to be mended first.
        let of_file = match &source.which {
            WhichCamera::Recorded { file } => RealSenseError::of_file(file),
            WhichCamera::Connected { .. } => None,
        };
        refused(of_file.unwrap_or_else(|| error.into()))
    })?;
    log::info!(
        "librealsense {}, {}",
        library.version(),
        library.path().display()
    );
    let context = Context::open(library).map_err(|source| {
        refused(RealSenseError::Call {
            doing: "opening librealsense",
            source,
        })
    })?;
    let finder: Box<dyn FindDevice> = match &source.which {
        WhichCamera::Connected { serial } => Box::new(ConnectedDevice::new(serial.clone())),
        WhichCamera::Recorded { file } => Box::new(RecordedDevice::new(file)),
    };
    Ok(Unopened {
        context,
        finder,
        spec,
    })
}

/// What a camera is set to first. The library takes a JSON object, and says little of anything else.
fn preset(path: &Path) -> Result<PresetFile, EdgeError> {
    let refused = |source| EdgeError::Preset {
        path: path.to_owned(),
        source,
    };
    let preset = PresetFile::read(path).map_err(refused)?;
    // Its own reader passes over a byte order mark.
    let json = preset.json.trim_start_matches('\u{feff}');
    let read = serde_json::from_str::<serde_json::Map<String, Value>>(json);
    read.map_err(|error| {
        let why = format!("it is no JSON object: {error}");
        refused(io::Error::new(io::ErrorKind::InvalidData, why))
    })?;
    Ok(preset)
}

/// What a RealSense camera has against being opened.
pub(crate) fn refused(error: RealSenseError) -> EdgeError {
    EdgeError::Camera(CameraError::from(Box::new(error)))
}
