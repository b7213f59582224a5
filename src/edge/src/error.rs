//! Everything that can end a command, and how it is told: [`code`] has the exit codes, [`hint`] the remedies.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use twinspect_bundle::BundleError;
use twinspect_camera::CameraError;
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
use twinspect_store::models::ModelsError;
use twinspect_store::records::RecordsError;

use crate::calibrate::Implausible;
use crate::config::ConfigError;
use crate::control::ControlError;
use crate::engines::Unusable;
use crate::logging;
use crate::records::plain;

mod code;
mod hint;

pub(crate) use code::models_code;

/// An error with all its causes on one line, for the log, with nothing that a terminal would obey.
pub(crate) struct WithCauses<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(&self.0.to_string()))?;
        let mut cause = self.0.source();
        while let Some(source) = cause {
            write!(f, ": {}", plain(&source.to_string()))?;
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
    /// The same, of a bundle that is at fault itself.
    #[error("{model} is installed, but not proven: its report is above (exit code {code})")]
    Belied {
        model: String,
        code: u8,
        /// Where it lies, unless a station goes by it or could go back to it.
        folder: Option<PathBuf>,
    },
    /// The process that proves an installed model did not come to an end.
    #[error("{model} is installed, but not proven: {why}")]
    ProofBroken {
        model: String,
        why: String,
        /// It has died when it was to use the GPU.
        of_gpu: bool,
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

    /// The report: a line of what went wrong, one of each cause, and one of the remedy. Names of files and words of libraries
    /// are in them, which begin no line of their own.
    fn text(&self) -> String {
        let mut report = plain(&self.to_string());
        let mut cause = self.source();
        while let Some(source) = cause {
            report.push_str(&format!("\n  caused by: {}", plain(&source.to_string())));
            cause = source.source();
        }
        if let Some(hint) = self.hint() {
            report.push_str(&format!("\n  hint: {}", plain(&hint)));
        }
        report
    }

    /// Prints the report, once, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let code = self.code();
        if code != 0 {
            let report = format!("\x1b[1;31merror\x1b[0m: {}", self.text());
            // Whoever can't be told still gets the code.
            writeln!(anstream::stderr(), "{}", logging::error(&report)).unwrap_or_default();
        }
        ExitCode::from(code)
    }
}
