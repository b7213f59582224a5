//! Writing a camera's streams into a file, as the library's own recorder does it.
//!
//! ```text
//! sensors ─► the library's recorder ─► queue ─► counted: pairs, gaps, bytes
//!                    └─► its thread ─► file
//! ```
//! The recorder writes on a thread of its own and keeps without limit what the disk has not taken. When a write fails,
//! 2.59.1 goes on without that stream and says so nowhere that can be asked, and 2.54.1 to 2.57.7 end the process. So
//! whoever records sees to it that the disk does not fill up, and compares what has passed with what the file has
//! grown by, while it runs and at its end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use twinspect_core::frame::FrameSize;
use twinspect_core::pairing::{Pairing, Stream};

use super::error::RealSenseError;
use super::find::FindDevice;
use super::session::{Arrival, CameraFacts, Picture, Session};
use super::spec::RealSenseSpec;
use crate::librealsense::{CallError, Context, Librealsense};

/// Bytes of a pixel of depth, and of colour.
const DEPTH_BYTES: usize = 2;
const COLOUR_BYTES: usize = 3;

/// Files that SQLite keeps beside one that it writes, and removes when it closes that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// What is not in the file yet, or is to be taken out of it again: if one of them has bytes, the file is not whole.
    pub logs: [PathBuf; 2],
    /// Made anew from the logs.
    pub index: PathBuf,
}

impl Beside {
    /// Their names, whether they are there or not.
    pub fn of(file: &Path) -> Self {
        let named = |ending: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Self {
            logs: [named("-wal"), named("-journal")],
            index: named("-shm"),
        }
    }

    /// All of them.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.logs
            .iter()
            .chain(std::iter::once(&self.index))
            .map(PathBuf::as_path)
    }
}

/// What came while the recorder was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// A depth and a colour picture that belong together.
    Pair,
    /// One picture, or one that is damaged.
    Single,
    /// Nothing in that time.
    Nothing,
}

/// What has passed since recording began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordedCounts {
    /// Pairs, of which each is two pictures.
    pub pairs: u64,
    /// Bytes of all pictures, without what a file has around them. The file has no fewer.
    pub bytes: u64,
    /// Times that a number was left out in one of the streams.
    pub gaps: u64,
    /// Pictures that were damaged; they are in the file as they came.
    pub corrupt: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No picture has come.
    Cold,
    /// Pictures pass that are not written, until this many pairs have.
    WarmingUp {
        pairs_left: u64,
    },
    Recording,
}

/// A camera that runs and whose streams are being written into a file.
pub struct StreamRecorder {
    session: Session,
    pairing: Pairing<Picture>,
    file: PathBuf,
    stage: Stage,
    warm_up_pairs: u64,
    counts: RecordedCounts,
    gaps_before: u64,
    began: Instant,
}

impl std::fmt::Debug for StreamRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamRecorder")
            .field("file", &self.file)
            .field("stage", &self.stage)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl StreamRecorder {
    /// Finds, sets and starts a camera, and makes the file. The first pairs, as many as the camera needs to settle
    /// ([`RealSenseSpec::recovery`]), pass without being written, but for the very first picture or two.
    ///
    /// # Errors
    /// [`RealSenseError`]: [`Ending`](RealSenseError::Ending) if this release of the library writes other files,
    /// [`Absent`](RealSenseError::Absent) without a camera, or what a start can end with.
    pub fn start(
        context: &Context,
        finder: &mut dyn FindDevice,
        spec: &RealSenseSpec,
        file: &Path,
    ) -> Result<Self, RealSenseError> {
        check_ending(context.library(), file)?;
        let device = finder.find(context)?;
        let session = Session::start_recorded(device, spec, file)?;
        let distance = spec.pair_distance_max.unwrap_or(session.interval / 2);
        // The last of so many is the first that counts.
        let warm_up_pairs = u64::from(spec.recovery.settle_pairs.saturating_sub(1));
        Ok(Self {
            session,
            pairing: Pairing::new(distance.as_micros() as u64),
            file: file.to_owned(),
            stage: if warm_up_pairs == 0 {
                Stage::Recording
            } else {
                Stage::Cold
            },
            warm_up_pairs,
            counts: RecordedCounts::default(),
            gaps_before: 0,
            began: Instant::now(),
        })
    }

    /// What is known of the camera.
    pub fn facts(&self) -> &CameraFacts {
        &self.session.facts
    }

    /// Whether what passes is written.
    pub fn is_recording(&self) -> bool {
        self.stage == Stage::Recording
    }

    /// What has passed since recording began.
    pub fn counts(&self) -> RecordedCounts {
        RecordedCounts {
            gaps: self.pairing.counts().gaps - self.gaps_before,
            ..self.counts
        }
    }

    /// Bytes that have passed and are not in the file yet, or never will be.
    pub fn backlog_bytes(&self) -> u64 {
        self.counts.bytes.saturating_sub(bytes_on_disk(&self.file))
    }

    /// Waits until a picture passes.
    ///
    /// # Errors
    /// [`RealSenseError::Call`] if the library fails.
    pub fn look(&mut self, time: Duration) -> Result<Passed, RealSenseError> {
        let since = self.began;
        let now_us = move || u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let arrival = self
            .session
            .next(time, now_us)
            .map_err(RealSenseError::call("waiting for a picture"))?;
        let (stream, picture) = match arrival {
            Arrival::Nothing => return Ok(Passed::Nothing),
            Arrival::Other => return Ok(Passed::Single),
            Arrival::Corrupt(error) => {
                log::debug!("{}: {error}", self.file.display());
                self.counts.corrupt += 1;
                return Ok(Passed::Single);
            }
            Arrival::Picture(stream, picture) => (stream, picture),
        };
        if self.stage == Stage::Cold {
            self.pause()?;
        }
        if self.is_recording() {
            self.counts.bytes += self.bytes_of(stream);
        }
        let Some(_pair) = self.pairing.push(stream, picture) else {
            return Ok(Passed::Single);
        };
        match &mut self.stage {
            Stage::Recording => self.counts.pairs += 1,
            Stage::WarmingUp { pairs_left } => {
                *pairs_left = pairs_left.saturating_sub(1);
                if *pairs_left == 0 {
                    self.go_on()?;
                }
            }
            Stage::Cold => {}
        }
        Ok(Passed::Pair)
    }

    fn bytes_of(&self, stream: Stream) -> u64 {
        let facts = &self.session.facts;
        picture_bytes(match stream {
            Stream::Depth => (facts.depth_size, DEPTH_BYTES),
            Stream::Colour => (facts.intrinsics.size(), COLOUR_BYTES),
        })
    }

    /// Older releases can't be paused before the first picture has come, see [`Recorder::pause`].
    ///
    /// [`Recorder::pause`]: crate::librealsense::Recorder::pause
    fn pause(&mut self) -> Result<(), RealSenseError> {
        if let Some(recorder) = self.session.recorder() {
            recorder
                .pause()
                .map_err(RealSenseError::call("letting the recording wait"))?;
        }
        self.stage = Stage::WarmingUp {
            pairs_left: self.warm_up_pairs,
        };
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), RealSenseError> {
        if let Some(recorder) = self.session.recorder() {
            recorder
                .resume()
                .map_err(RealSenseError::call("letting the recording go on"))?;
        }
        self.stage = Stage::Recording;
        self.counts = RecordedCounts::default();
        self.gaps_before = self.pairing.counts().gaps;
        Ok(())
    }

    /// Stops the camera and closes the file, with all that has passed. That takes as long as the disk needs for what
    /// it has not taken yet, and at most about 20 s.
    ///
    /// # Errors
    /// [`RealSenseError::Unwritten`] if the file lacks something. What lies beside it does not count any more.
    pub fn finish(self) -> Result<RecordedCounts, RealSenseError> {
        let (counts, file) = (self.counts(), self.file.clone());
        self.close();
        let found = length(&file);
        if found < counts.bytes {
            return Err(RealSenseError::Unwritten {
                file: file.display().to_string(),
                passed: counts.bytes,
                found,
            });
        }
        Ok(counts)
    }

    fn close(self) {
        let Self {
            mut session,
            pairing,
            file,
            ..
        } = self;
        // Pictures go back into the pool before their sensors stop.
        drop(pairing);
        session.stop();
        // It waits for its own thread, as long as ten seconds; and so does letting go of it.
        if let Some(recorder) = session.recorder()
            && let Err(error) = recorder.pause()
        {
            log::debug!("ending the recording {}: {error}", file.display());
        }
    }
}

/// How long a recording plays.
///
/// # Errors
/// [`RealSenseError::Recording`] if it is none that this library plays.
pub fn play_time(context: &Context, file: &Path) -> Result<Duration, RealSenseError> {
    let refused = |source: CallError| RealSenseError::Recording {
        file: file.display().to_string(),
        source,
    };
    let device = context.play(file).map_err(refused)?;
    let time = match device.playback() {
        Some(playback) => playback.duration().map_err(refused)?,
        None => Duration::ZERO,
    };
    drop(device);
    if let Err(error) = context.forget(file) {
        log::debug!("{}: {error}", file.display());
    }
    Ok(time)
}

/// Bytes a second of both streams, as a camera is asked for them.
pub fn bytes_a_second(spec: &super::StreamsSpec) -> u64 {
    let pair =
        picture_bytes((spec.depth, DEPTH_BYTES)) + picture_bytes((spec.colour, COLOUR_BYTES));
    pair * u64::from(spec.rate_hz)
}

fn picture_bytes((size, bytes_per_pixel): (FrameSize, usize)) -> u64 {
    (size.pixels() * bytes_per_pixel) as u64
}

/// Whether this release of the library writes such a file.
///
/// # Errors
/// [`RealSenseError::Ending`].
pub fn check_ending(library: Librealsense, file: &Path) -> Result<(), RealSenseError> {
    let wanted = library.version().recording_extension();
    if file.extension().is_some_and(|ending| ending == wanted) {
        return Ok(());
    }
    Err(RealSenseError::Ending {
        file: file.display().to_string(),
        wanted,
        version: library.version().to_string(),
    })
}

/// What the file has while it is written, with what SQLite keeps beside it.
fn bytes_on_disk(file: &Path) -> u64 {
    let logs = Beside::of(file).logs;
    length(file) + logs.iter().map(|log| length(log)).sum::<u64>()
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |found| found.len())
}
