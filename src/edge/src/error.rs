//! Everything that can end a command, and the exit code that it ends with.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use twinspect_bundle::BundleError;
use twinspect_camera::CameraError;
use twinspect_camera::realsense::RealSenseError;
use twinspect_core::gate::GateError;
use twinspect_core::lookout::LookoutError;
use twinspect_core::prepare::{PrepareError, SpecError};
use twinspect_core::score::ScoreError;
use twinspect_core::station::StationError;
use twinspect_core::survey::SurveyError;
use twinspect_dataset::{DatasetError, WriteError};
use twinspect_engine::calibrate::CalibrateError;
use twinspect_engine::tensorrt::PlanError;
use twinspect_engine::{EngineError, ProofError};
use twinspect_line::LineError;
use twinspect_line::gpio::GpioError;
use twinspect_store::models::{ModelsError, hint_of_installed};
use twinspect_store::records::RecordsError;

use crate::calibrate::Implausible;
use crate::config::ConfigError;
use crate::control::ControlError;
use crate::engines::Unusable;
use crate::logging;

/// Remedies where the error itself knows none.
const DATA_HINT: &str = "correct the file that is named, or take it out of the recording";
const STORE_HINT: &str = "check the folder's rights and the free space";
const RECORDS_HINT: &str = "`records.folder` of the station's configuration names it; a station with `records.enabled` \
                            makes it at its start, and its user may read it: `sudo -u twinspect twinspect records ...`";
const OUTPUT_HINT: &str =
    "see that the file or the program that it goes to takes it: free space, and somebody who reads";
/// Where stations that are services answer.
const SERVICES: &str = "/run/twinspect";
const SERVICE_HINT: &str = "is the station running? `systemctl status twinspect@NAME` tells. Where `control.socket` of its \
                            configuration is empty, a station answers here as a service, and nowhere if it was started \
                            by hand";
const BUNDLE_HINT: &str = "name a .twb file that `twinspect-lab export` wrote, or its folder; if it \
                           is one, export it again";

/// An error with all its causes on one line, for the log, with nothing that a terminal would obey.
pub(crate) struct WithCauses<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logging::shown(&self.0.to_string()))?;
        let mut cause = self.0.source();
        while let Some(source) = cause {
            write!(f, ": {}", logging::shown(&source.to_string()))?;
            cause = source.source();
        }
        Ok(())
    }
}

/// Why a command ended without having done what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EdgeError {
    /// The station's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another file lies in the place of the bundle that the station has begun with.
    #[error(
        "{} is not the bundle that this station has begun with: it was replaced while the station runs",
        bundle.display()
    )]
    BundleReplaced { bundle: PathBuf },
    /// Another process runs this station.
    #[error(
        "station {} is run already, by {}",
        config.display(),
        holder.map_or("another process".to_owned(), |holder| format!("process {holder}"))
    )]
    StationTaken {
        config: PathBuf,
        holder: Option<u32>,
    },
    /// The control socket, or what a station answered there.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A wish that can't be fulfilled as it was typed.
    #[error("{message}")]
    Usage { message: String, hint: &'static str },
    /// Recorded parts.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// The station's recorded parts.
    #[error("camera.folder = \"{}\" can't be played", folder.display())]
    CameraFolder {
        folder: PathBuf,
        #[source]
        source: Box<DatasetError>,
    },
    /// A part that can't be recorded.
    #[error("recording a part")]
    Recording(#[source] WriteError),
    /// A recording may not take the place of another file.
    #[error("{} is there already", path.display())]
    RecordingExists { path: PathBuf },
    /// A disk without room for a recording.
    #[error(
        "{free_mb} MB are free in {}: recording needs {needed_mb} MB, and {kept_mb} MB stay free",
        folder.display()
    )]
    NoRoom {
        folder: PathBuf,
        free_mb: u64,
        needed_mb: u64,
        kept_mb: u64,
    },
    /// A disk that can't follow.
    #[error("the disk of {} is too slow for what the camera gives", file.display())]
    SlowDisk { file: PathBuf },
    /// A recording that was ended before it began.
    #[error("nothing was recorded: it was ended before the camera had settled")]
    NothingRecorded,
    /// Recorded parts that begin again, and were all recorded before.
    #[error("a whole round of {pictures} pictures has brought nothing new")]
    NothingNew { pictures: u64 },
    /// No picture came while the way of pictures was measured.
    #[error("nothing was measured: {why}")]
    NothingMeasured { why: String },
    /// A recording that broke off, and with it the station that played it.
    #[error("not all of the recording was played: {damage}")]
    BrokenOff { damage: String },
    /// Pictures that say nothing of the belt.
    #[error("measuring the belt")]
    Survey(#[source] SurveyError),
    /// A belt that was measured and is not to be believed.
    #[error(transparent)]
    Implausible(#[from] Implausible),
    /// The configuration was edited while the belt was measured.
    #[error("{} was changed while the belt was measured: nothing was written", path.display())]
    Edited { path: PathBuf },
    /// The bundle's files.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle's preparation contradicts itself.
    #[error("bundle {} can't be used", bundle.display())]
    Preparation {
        bundle: PathBuf,
        #[source]
        source: SpecError,
    },
    /// The bundle's score does not fit its preparation.
    #[error("bundle {} can't be used", bundle.display())]
    Score {
        bundle: PathBuf,
        #[source]
        source: ScoreError,
    },
    /// Bundle and camera do not belong together.
    #[error("the camera does not fit bundle {}: {}", bundle.display(), differences.join("; "))]
    UnfitCamera {
        bundle: PathBuf,
        differences: Vec<String>,
    },
    /// A product whose parts no camera can see coming.
    #[error("trigger.source = \"presence\" can't work with bundle {}", bundle.display())]
    Unseeable {
        bundle: PathBuf,
        #[source]
        source: LookoutError,
    },
    /// A frame that the bundle's preparation can't place.
    #[error("preparing part {part}")]
    Prepare {
        part: String,
        #[source]
        source: PrepareError,
    },
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine lies too far from the bundle's goldens, or could not be held to them.
    #[error("proving the engine with bundle {}", bundle.display())]
    Proof {
        bundle: PathBuf,
        #[source]
        source: Box<ProofError>,
    },
    /// The GPU can't be used, and nothing may stand in.
    #[error(transparent)]
    Unusable(Box<Unusable>),
    /// Plans of a GPU engine.
    #[error(transparent)]
    Plans(#[from] PlanError),
    /// Good parts that no constants can be taken from.
    #[error(transparent)]
    Calibrate(#[from] CalibrateError),
    /// The camera.
    #[error(transparent)]
    Camera(#[from] CameraError),
    /// A camera's preset that can't be read.
    #[error("reading preset {}", path.display())]
    Preset {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The line's wires.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Trigger, gate or READY of a station.
    #[error(transparent)]
    Station(#[from] StationError),
    /// The gate between sensor and rejector.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A file or folder that can't be written.
    #[error("writing {}", path.display())]
    Store {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The store of installed models.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The goldens of an installed model were not reproduced. The process that has tried it has reported why.
    #[error("{model} is installed, but not proven: its report is above (exit code {code})")]
    NotProven {
        model: String,
        code: u8,
        /// What to type to try it again, where that may help.
        again: Option<String>,
    },
    /// The process that proves an installed model did not come to an end.
    #[error("{model} is installed, but not proven: {why}")]
    ProofBroken {
        model: String,
        why: String,
        again: String,
    },
    /// A model that was proven before could not be proven again, and the bundle is not to blame for that.
    #[error("{model} was not proven anew, and stays proven as before: {why}")]
    NotProvenAnew {
        model: String,
        why: String,
        code: u8,
        again: String,
    },
    /// A model that nobody has proven is wanted as a station's.
    #[error("{model} has not been proven on this machine")]
    Unproven { model: String, again: String },
    /// Another station's pictures go where this one's should.
    #[error("another station writes its records into {}", folder.display())]
    RecordsInUse { folder: PathBuf },
    /// Records of parts.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// Records that could not be exported; each was told with its reason.
    #[error("{failed} of {all} records were not exported")]
    NotExported { failed: usize, all: usize },
    /// The acceptance has not shown what was to be shown.
    #[error("not accepted: {why}")]
    NotAccepted { why: String },
    /// The recipe that was selected has no model in charge, or no newer one.
    #[error("{reason}")]
    RecipeFailed {
        reason: String,
        /// Whether parts are rejected until that changes.
        rejects: bool,
    },
    /// The page can't be shown where it should.
    #[error("showing the page on {listen}")]
    Page {
        listen: SocketAddr,
        #[source]
        source: io::Error,
    },
    /// Standard output.
    #[error("writing to standard output")]
    Output(#[from] io::Error),
    /// The inspect process can't start, and trying again won't help. It has reported why.
    #[error("the inspect process gave up with exit code {code}; its own report is above")]
    InspectProcess { code: u8 },
    /// The operating system refused what it never refuses.
    #[error("{doing}")]
    System {
        doing: &'static str,
        #[source]
        source: io::Error,
    },
}

impl From<GpioError> for EdgeError {
    fn from(error: GpioError) -> Self {
        Self::Line(error.into())
    }
}

impl EdgeError {
    /// A file or folder that can't be written.
    pub(crate) fn store(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Store {
            path: path.to_owned(),
            source,
        }
    }

    /// The table of PRODUCT.md 3 and of `twinspect --help`.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::System { .. } => 1,
            Self::Config(_)
            | Self::Edited { .. }
            | Self::StationTaken { .. }
            | Self::Usage { .. }
            | Self::Unseeable { .. }
            | Self::Preset { .. }
            | Self::Page { .. }
            | Self::Station(_)
            | Self::Gate(_) => 2,
            Self::Control(error) => error.exit_code(),
            Self::Recording(WriteError::Writing { .. }) => 8,
            Self::Data(_)
            | Self::CameraFolder { .. }
            | Self::BrokenOff { .. }
            | Self::Recording(_)
            | Self::Prepare { .. }
            | Self::Camera(
                CameraError::Part { .. } | CameraError::NoParts { .. } | CameraError::NoBelt { .. },
            ) => 3,
            Self::Bundle(BundleError::Write { .. } | BundleError::Exists { .. })
            | Self::Calibrate(CalibrateError::Bundle(
                BundleError::Write { .. } | BundleError::Exists { .. },
            )) => 8,
            Self::Bundle(_)
            | Self::BundleReplaced { .. }
            | Self::Preparation { .. }
            | Self::Score { .. }
            | Self::UnfitCamera { .. } => 4,
            Self::Proof { source, .. } => proof_code(source),
            Self::Calibrate(error) => match error {
                CalibrateError::Rate { .. } | CalibrateError::SameFile { .. } => 2,
                CalibrateError::Infer { .. } => 5,
                CalibrateError::Proof(source) => proof_code(source),
                CalibrateError::Bundle(_)
                | CalibrateError::Spec(_)
                | CalibrateError::Score(_)
                | CalibrateError::Golden { .. } => 4,
                _ => 3,
            },
            Self::Engine(error) if error.is_the_bundle_s() => 4,
            Self::Engine(_) => 5,
            Self::Unusable(error) => error.code(),
            Self::Plans(error) if error.is_of_storage() => 8,
            Self::Plans(PlanError::NoModel { .. }) => 4,
            Self::Plans(_) => 5,
            Self::Camera(CameraError::RealSense(error))
                if matches!(**error, RealSenseError::Unwritten { .. }) =>
            {
                8
            }
            Self::Camera(CameraError::RealSense(error))
                if matches!(**error, RealSenseError::Ending { .. }) =>
            {
                2
            }
            Self::Camera(CameraError::RealSense(error)) if error.is_of_the_file() => 3,
            Self::Camera(_)
            | Self::Survey(_)
            | Self::Implausible(_)
            | Self::NothingRecorded
            | Self::NothingNew { .. }
            | Self::NothingMeasured { .. } => 6,
            Self::Line(_) => 7,
            Self::Records(error) => records_code(error),
            Self::NotExported { .. } => 3,
            Self::NotAccepted { .. } => 9,
            Self::RecipeFailed { .. } => 4,
            Self::Store { .. }
            | Self::RecordsInUse { .. }
            | Self::RecordingExists { .. }
            | Self::NoRoom { .. }
            | Self::SlowDisk { .. }
            | Self::Output(_) => 8,
            Self::InspectProcess { code }
            | Self::NotProven { code, .. }
            | Self::NotProvenAnew { code, .. } => *code,
            Self::ProofBroken { .. } => 5,
            Self::Unproven { .. } => 4,
            Self::Models(error) => models_code(error),
        }
    }

    /// The remedy, where there is one.
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Config(error) => error.hint().map(Cow::from),
            Self::BundleReplaced { .. } => Some(
                "put the old file back, or restart the station with the new one when `twinspect check --config \
                 FILE` is content with it"
                    .into(),
            ),
            Self::StationTaken { .. } => Some(
                "one process runs a station: stop that one first, as a service with `systemctl stop \
                 twinspect@NAME`"
                    .into(),
            ),
            Self::Control(error) => Some(control_hint(error).into()),
            Self::Usage { hint, .. } => Some((*hint).into()),
            Self::Data(error) => error.hint().or(Some(DATA_HINT.into())),
            Self::CameraFolder { source, .. } => source.hint().or(Some(DATA_HINT.into())),
            Self::Recording(WriteError::Writing { .. }) => Some(STORE_HINT.into()),
            Self::Recording(error) => error.hint(),
            Self::RecordingExists { .. } => Some(
                "nothing is overwritten: name another file. One with .partial in its name is that of a recording that is \
                 being written, or left of one that was interrupted, and then it may be deleted"
                    .into(),
            ),
            Self::NoRoom { .. } => {
                Some("make room, name another disk, or record for fewer --seconds".into())
            }
            Self::SlowDisk { .. } => Some(
                "record onto a faster disk, or smaller pictures or fewer of them; what was recorded before is there"
                    .into(),
            ),
            Self::BrokenOff { .. } => Some(
                "copy the recording again, or record anew; the parts before that place were judged as always".into(),
            ),
            Self::NothingRecorded => Some("wait until it says that pictures are recorded".into()),
            Self::NothingNew { .. } => Some(
                "ask for fewer --parts, or let the camera play more of them; with camera.repeat = false it ends with the \
                 last one"
                    .into(),
            ),
            Self::NothingMeasured { .. } => Some(
                "look through the camera with `twinspect check --config FILE --camera`; recorded parts that are few last \
                 longer with camera.repeat = true"
                    .into(),
            ),
            Self::Survey(SurveyError::NoDepth) => Some(
                "the belt is measured by depth: a camera of colour alone has none to measure".into(),
            ),
            Self::Implausible(error) => Some(error.hint().into()),
            Self::Edited { .. } => Some("measure again when nobody edits it".into()),
            Self::Survey(_) => Some(
                "look through the camera with `twinspect check --config FILE --camera`: the belt must be seen along \
                 the picture's sides, and by `calibrate` all over it"
                    .into(),
            ),
            Self::Bundle(error) => {
                let hint = hint_of_installed(error).or_else(|| error.hint());
                Some(hint.map_or(BUNDLE_HINT.into(), Cow::from))
            }
            Self::Preparation { .. } | Self::Score { .. } => {
                Some("the bundle was made wrongly: export it again".into())
            }
            Self::UnfitCamera { .. } => Some(
                "use a bundle that was trained with this camera and this distance, or record \
                 good parts with it and train again"
                    .into(),
            ),
            Self::Unseeable { .. } => Some(
                "use a part sensor, with trigger.source = \"sensor\", or a product that is inspected by \
                 depth too"
                    .into(),
            ),
            Self::Prepare { .. } => {
                Some("the bundle belongs to frames of another size or camera".into())
            }
            Self::Engine(error) => error.hint().map(Cow::from),
            Self::Unusable(error) => error.hint().map(Cow::from),
            Self::Plans(error) => error.hint().map(Cow::from),
            Self::Calibrate(error) => error.hint().map(Cow::from),
            Self::Proof { source, .. } => source.hint().map(Cow::from),
            Self::Camera(error @ CameraError::Part { .. }) => {
                error.hint().or(Some(DATA_HINT.into()))
            }
            Self::Camera(error) => error.hint(),
            Self::Preset { .. } => {
                Some("name a JSON file that the vendor's viewer has saved, or leave the key out".into())
            }
            Self::Page { .. } => Some(
                "each page has an address and a port of its own: `page.listen` of the configuration; `page.enabled = \
                 false` is none"
                    .into(),
            ),
            Self::Store { .. } => Some(STORE_HINT.into()),
            Self::RecordsInUse { .. } => {
                Some("stop that station, or give this one a `records.folder` of its own".into())
            }
            Self::Records(error) => match (error.hint(), error) {
                (Some(hint), _) => Some(hint.into()),
                (None, RecordsError::Read { .. }) => Some(RECORDS_HINT.into()),
                (None, RecordsError::Write { .. }) => Some(STORE_HINT.into()),
                (None, _) => None,
            },
            Self::RecipeFailed { rejects: true, .. } => Some(
                "mend what is said: the station tries again by itself, and rejects all parts until then; or select \
                 the recipe of the product before"
                    .into(),
            ),
            Self::RecipeFailed { .. } => Some("the model before it goes on".into()),
            Self::NotAccepted { .. } => {
                Some("the report lists the parts; `twinspect records` has pictures of those that were rejected".into())
            }
            Self::NotExported { .. } => {
                Some("the others are part of the set now, and stay so when this is tried again".into())
            }
            Self::System { .. } => {
                Some("this should not happen: please report it with the lines above".into())
            }
            Self::Models(error) => error.hint().map(Cow::from),
            Self::NotProven { again: None, .. } => Some(
                "it can't be activated, and the models that are active stay. The bundle itself is at fault, and trying again \
                 comes to the same: export it again, with the release that runs here, and install that one; `twinspect model prune` removes this one"
                    .into(),
            ),
            Self::NotProven {
                again: Some(again), ..
            }
            | Self::ProofBroken { again, .. } => Some(
                format!(
                    "it can't be activated, and the models that are active stay: `{again}` tries again"
                )
                .into(),
            ),
            Self::NotProvenAnew { again, .. } => {
                Some(format!("it can be activated as before; `{again}` tries again").into())
            }
            Self::Unproven { again, .. } => Some(format!("`{again}` proves it").into()),
            Self::Line(error) => error.hint().map(Cow::from),
            Self::Output(_) => Some(OUTPUT_HINT.into()),
            Self::Station(_) | Self::Gate(_) | Self::InspectProcess { .. } => None,
        }
    }

    /// Prints the report, once, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let code = self.code();
        if code != 0 {
            let mut report = self.to_string();
            let mut cause = self.source();
            while let Some(source) = cause {
                report.push_str(&format!("\n  caused by: {source}"));
                cause = source.source();
            }
            if let Some(hint) = self.hint() {
                report.push_str(&format!("\n  hint: {hint}"));
            }
            // Names of files and words of libraries are in it.
            let report = format!("\x1b[1;31merror\x1b[0m: {}", logging::shown(&report));
            // Whoever can't be told still gets the code.
            writeln!(anstream::stderr(), "{}", logging::error(&report)).unwrap_or_default();
        }
        ExitCode::from(code)
    }
}

/// Who names no socket asks where services answer, and may not know it.
fn control_hint(error: &ControlError) -> &'static str {
    match error {
        ControlError::Ask { path, source }
            if source.kind() == io::ErrorKind::NotFound && path.starts_with(SERVICES) =>
        {
            SERVICE_HINT
        }
        error => error.hint(),
    }
}

/// 2 for a wish, 3 for what lies in the folder, 8 for what the disk does.
fn records_code(error: &RecordsError) -> u8 {
    match error {
        RecordsError::Unknown { .. }
        | RecordsError::Unfit { .. }
        | RecordsError::Review(_)
        | RecordsError::Unlabelled { .. }
        | RecordsError::OutAmongRecords { .. } => 2,
        RecordsError::Damaged { .. }
        | RecordsError::Format { .. }
        | RecordsError::NoFrame { .. }
        | RecordsError::DefectInTraining { .. }
        | RecordsError::Pictures { .. } => 3,
        RecordsError::Export { .. } if !error.ends_an_export() => 3,
        _ => 8,
    }
}

/// 8 for what the disk does, or who else uses it; 4 for the model.
pub(crate) fn models_code(error: &ModelsError) -> u8 {
    match error {
        ModelsError::Bundle(BundleError::Write { .. }) => 8,
        error if error.is_of_storage() => 8,
        _ => 4,
    }
}

/// 4 if the bundle proves nothing, whatever the engine; else 5.
fn proof_code(error: &ProofError) -> u8 {
    if error.is_the_bundle_s() { 4 } else { 5 }
}
