//! The thread that has the camera, and the library write.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use twinspect_camera::realsense::{
    Passed, RecordedCounts, StreamRecorder, check_ending, play_time,
};
use twinspect_camera::{CameraError, Trouble};

use super::Ended;
use crate::cameras::{Unopened, load_realsense, refused, tell_of_usb};
use crate::config::RealSenseSource;
use crate::error::EdgeError;

/// Longest wait for a picture.
const WAIT: Duration = Duration::from_millis(100);
/// How often it is told how far it is.
const TELL: Duration = Duration::from_millis(200);
/// Pictures that the disk has not taken are kept in memory, up to so much.
const BACKLOG_MAX_BYTES: u64 = 400_000_000;

/// What is to be recorded.
pub(super) struct Job {
    pub(super) source: RealSenseSource,
    /// Where it is written: an empty file that is this run's.
    pub(super) file: PathBuf,
    /// What it will be called.
    pub(super) name: PathBuf,
    /// From the first pair that is written.
    pub(super) seconds: Option<Duration>,
    pub(super) shall_end: Arc<AtomicBool>,
}

/// How far it is, for people.
pub(super) enum Step {
    /// The library is there, and writes files of this name.
    Accepted,
    /// The camera runs.
    Started { description: String },
    /// Its first pictures have passed, and the next are written.
    Settled,
    /// So long, and so much.
    Counted {
        time: Duration,
        counts: RecordedCounts,
    },
}

/// What the writer says to whoever watches it.
pub(super) enum News {
    Step(Step),
    /// No more pictures are taken.
    Closing,
    /// The file is closed, or there is none. Nothing follows.
    Written(Box<Result<Written, EdgeError>>),
}

/// A file that is closed, and that plays.
pub(super) struct Written {
    pub(super) counts: RecordedCounts,
    /// How long it plays.
    pub(super) time: Duration,
    pub(super) ended: Ended,
}

/// Records, and tells of it. Whoever listens has gone if nobody hears.
pub(super) fn work(job: Job, teller: &Sender<News>) {
    let written = write(&job, teller);
    if teller.send(News::Written(Box::new(written))).is_err() {
        log::debug!("nobody waits for the recording any more");
    }
}

fn write(job: &Job, teller: &Sender<News>) -> Result<Written, EdgeError> {
    let Unopened {
        context,
        mut finder,
        spec,
    } = load_realsense(&job.source)?;
    check_ending(context.library(), &job.name).map_err(refused)?;
    tell(teller, News::Step(Step::Accepted));
    let mut recorder = StreamRecorder::start(&context, finder.as_mut(), &spec, &job.file)
        .inspect_err(|_| {
            // What may be in it is nothing; an empty one goes when its name is let go of.
            let mut anew = fs_err::OpenOptions::new();
            if let Err(error) = anew.write(true).truncate(true).open(&job.file) {
                log::debug!("{error}");
            }
        })
        .map_err(refused)?;
    tell_of_usb(recorder.facts());
    let description = recorder.facts().to_string();
    tell(teller, News::Step(Step::Started { description }));
    let limits = Limits {
        first_pair: Duration::from_micros(spec.recovery.first_pair_max_us),
        stall: Duration::from_micros(spec.recovery.stall_max_us),
    };
    let ended = run(job, &mut recorder, &limits, teller);
    tell(teller, News::Closing);
    let counts = recorder.finish().map_err(refused)?;
    if counts.pairs == 0 {
        let time = Duration::ZERO;
        return Ok(Written {
            counts,
            time,
            ended,
        });
    }
    // What the library can't play any more is no recording.
    let time = play_time(&context, &job.file).map_err(refused)?;
    Ok(Written {
        counts,
        time,
        ended,
    })
}

/// How long pairs may stay away.
struct Limits {
    first_pair: Duration,
    stall: Duration,
}

/// Until somebody ends it, it is long enough, or it can't go on.
fn run(job: &Job, recorder: &mut StreamRecorder, limits: &Limits, teller: &Sender<News>) -> Ended {
    let mut has_paired = false;
    let (mut paired, mut heard, mut told) = (Instant::now(), Instant::now(), Instant::now());
    let mut began = recorder.is_recording().then(Instant::now);
    if began.is_some() {
        tell(teller, News::Step(Step::Settled));
    }
    while !job.shall_end.load(Ordering::Acquire) {
        match recorder.look(WAIT) {
            Ok(Passed::Pair) => {
                has_paired = true;
                (paired, heard) = (Instant::now(), Instant::now());
                if began.is_none() && recorder.is_recording() {
                    began = Some(Instant::now());
                    tell(teller, News::Step(Step::Settled));
                }
            }
            Ok(Passed::Single) => heard = Instant::now(),
            Ok(Passed::Nothing) => {}
            Err(error) => return Ended::Early(refused(error)),
        }
        let limit = if has_paired {
            limits.stall
        } else {
            limits.first_pair
        };
        if paired.elapsed() > limit {
            let trouble = if heard.elapsed() > limit {
                let for_ms = heard.elapsed().as_millis() as u64;
                Trouble::Still { for_ms }
            } else {
                Trouble::Unpaired
            };
            return Ended::Early(EdgeError::Camera(CameraError::NoPicture { trouble }));
        }
        let time = began.map_or(Duration::ZERO, |began| began.elapsed());
        if job.seconds.is_some_and(|seconds| time >= seconds) {
            return Ended::Seconds;
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            let counts = recorder.counts();
            // More will follow, so one at a time may wait.
            if teller.is_empty() {
                tell(teller, News::Step(Step::Counted { time, counts }));
            }
            if recorder.backlog_bytes() > BACKLOG_MAX_BYTES {
                return Ended::Early(EdgeError::SlowDisk {
                    file: job.name.clone(),
                });
            }
        }
    }
    Ended::Signal
}

/// Never waits, or a camera would go on that is to be stopped; and nothing is lost: `teller` has no bounds.
fn tell(teller: &Sender<News>, news: News) {
    if let Err(error) = teller.send(news) {
        log::debug!("telling how far the recording is: {error}");
    }
}
