//! `twinspect record`: good parts, before there is a model that could judge any.
//!
//! ```text
//! camera ─► cue: Enter, every so often, or a part seen on the belt ─► scrutiny ─► folder of recorded parts
//! ```
//! Or all that the camera gives: see [`streams`].
//!
//! It needs the station's camera for itself and holds the station's lock, as a running station does. The bundle is never opened:
//! it is another product's, or there is none.

mod belt_watch;
mod cue;
mod folder;
mod report;
mod scrutiny;
mod stop;
mod streams;

use std::io::Write;

use twinspect_camera::CameraError;

use crate::cameras::{self, Alone};
use crate::cli::RecordArgs;
use crate::config::{self, CameraSource};
use crate::error::EdgeError;
use crate::run::StationLock;
use crate::taking::Taker;
use cue::{Cue, Next};
use folder::PartsFolder;
use report::Report;
use scrutiny::Scrutiny;
use stop::StopSignals;

/// Why nothing more is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// As many parts as were asked for.
    Parts,
    /// Nobody presses Enter any more.
    Input,
    /// Somebody has told it to end.
    Signal,
    /// The camera has no more pictures.
    Camera,
    /// The recorded parts begin again and again, and a whole round of so many pictures has brought nothing new.
    Round { pictures: u64 },
}

impl Ended {
    /// For scripts.
    fn word(self) -> &'static str {
        match self {
            Self::Parts => "parts",
            Self::Input => "input",
            Self::Signal => "signal",
            Self::Camera => "camera",
            Self::Round { .. } => "round",
        }
    }
}

/// Records parts until there are enough of them, or somebody ends it.
pub(crate) fn record(args: &RecordArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let station = config::load_without_model(&args.config)?.station;
    // Clap sees to it that there is one of the two.
    let Some(root) = &args.out else {
        return streams::record(args, &station, out);
    };
    let folder = PartsFolder::new(args, root, &station.camera)?;
    let cue = Cue::new(args, &station)?;
    let _lock = StationLock::take(&args.config)?;
    let Alone { camera, round, .. } = match &station.camera {
        CameraSource::Belt { parts, pace } if args.presence => {
            cameras::open_belt_alone(parts, *pace)?
        }
        source => cameras::open_alone(&streams_once(source))?,
    };
    let stop = StopSignals::catch()?;
    let taker = Taker::of_rounds(camera, round);
    let folder = folder.by(taker.description());
    let mut report = Report::new(args, &folder, &taker, out)?;
    let mut recording = Recording {
        cue,
        taker,
        scrutiny: Scrutiny::default(),
        folder,
    };
    let ended = recording.run(args.parts, &stop, &mut report);
    // What was recorded is told in any case: it is there.
    report.end(ended.as_ref().ok().copied())?;
    let ended = ended?;
    recording.taker.require_sound_end()?;
    match ended {
        Ended::Camera if args.parts.is_some() => Err(EdgeError::Camera(CameraError::End)),
        Ended::Round { pictures } if args.parts.is_some() => {
            Err(EdgeError::NothingNew { pictures })
        }
        _ => Ok(()),
    }
}

/// Recorded streams but once: their second round brings the first one's pictures again, and nobody could tell when it has begun.
/// Of recorded parts a round is known, and looked at.
fn streams_once(source: &CameraSource) -> CameraSource {
    let mut source = source.clone();
    if let CameraSource::RealSense(source) = &mut source
        && source.spec.repeat
    {
        log::warn!(
            "the recording is played once, whatever camera.repeat says: it has no other parts"
        );
        source.spec.repeat = false;
    }
    source
}

/// Everything that a recording works with.
struct Recording {
    cue: Cue,
    taker: Taker,
    scrutiny: Scrutiny,
    folder: PartsFolder,
}

impl Recording {
    fn run(
        &mut self,
        parts: Option<u64>,
        stop: &StopSignals,
        report: &mut Report<'_>,
    ) -> Result<Ended, EdgeError> {
        while parts.is_none_or(|parts| report.recorded() < parts) {
            match self.cue.next(&mut self.taker, stop)? {
                Next::Shown { pair, part_id } => match self.scrutiny.doubt(&pair) {
                    Some(refusal) => report.refused(&refusal)?,
                    None => {
                        let kept = self.folder.keep(&pair, part_id)?;
                        self.scrutiny.remember(&pair);
                        self.taker.wanted();
                        report.recorded_part(&kept, &pair)?;
                    }
                },
                Next::Refused(refusal) => report.refused(&refusal)?,
                Next::Ended(Ended::Camera) => {
                    let round = self.taker.unwanted_round();
                    return Ok(round.map_or(Ended::Camera, |pictures| Ended::Round { pictures }));
                }
                Next::Ended(ended) => return Ok(ended),
            }
        }
        Ok(Ended::Parts)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A camera that would begin again and again.
    fn endless(table: &str) -> CameraSource {
        let text = format!("[camera]\n{table}repeat = true\n");
        let loaded = config::parse_without_model(Path::new("station.toml"), &text).unwrap();
        loaded.station.camera
    }

    #[test]
    fn recorded_streams_are_played_once_and_else_as_they_were() {
        let recording = endless("kind = \"recording\"\nfile = \"belt.bag\"\npace = \"as_read\"\n");
        let once = streams_once(&recording);
        assert_ne!(once, recording);
        let CameraSource::RealSense(mut source) = recording else {
            panic!("a recording of a camera");
        };
        assert!(source.spec.repeat);
        source.spec.repeat = false;
        assert_eq!(once, CameraSource::RealSense(source));
    }

    #[test]
    fn rounds_of_recorded_parts_are_left_as_they_were() {
        let parts = endless("kind = \"replay\"\nfolder = \"cap\"\n");
        assert_eq!(streams_once(&parts), parts);
    }
}
