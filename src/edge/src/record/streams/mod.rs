//! `twinspect record --recording`: all that a RealSense camera gives, as the vendor's recorder writes it.
//!
//! ```text
//! camera ─► librealsense's recorder ─► NAME.partial.bag ─► closed, played on trial ─► NAME.bag
//! └─ writer, a thread of its own ─► watcher, another one: disk, silence, signals ─► told on this one
//! ```
//! The writer alone calls the library, so that a library that hangs holds up nobody who wants to end it. The watcher writes
//! no output, so that a terminal that was stopped, or a full pipe, holds up neither. What has its final name is whole.

mod places;
mod report;
mod room;
mod watch;
mod writer;

use std::io::Write;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use twinspect_camera::realsense::bytes_a_second;

use super::stop::StopSignals;
use crate::cli::RecordArgs;
use crate::config::{CameraSource, RealSenseSource, Station, WhichCamera};
use crate::error::EdgeError;
use crate::run::StationLock;
use places::Places;
use report::Report;
use room::Room;
use watch::{Patience, Watch};
use writer::{Job, Step, Written};

/// Why a recording ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It is as long as was asked for.
    Seconds,
    /// Somebody has told it to end.
    Signal,
    /// The disk, the camera or the library did not go on. What was recorded before is there.
    Early(EdgeError),
}

impl Ended {
    /// For scripts.
    fn word(&self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Signal => "signal",
            Self::Early(EdgeError::NoRoom { .. } | EdgeError::SlowDisk { .. }) => "disk",
            Self::Early(_) => "camera",
        }
    }
}

/// Records the streams of the station's camera.
pub(super) fn record(
    args: &RecordArgs,
    station: &Station,
    out: &mut dyn Write,
) -> Result<(), EdgeError> {
    let (source, file) = match (&station.camera, &args.recording) {
        (CameraSource::RealSense(source), Some(file))
            if matches!(source.which, WhichCamera::Connected { .. }) =>
        {
            (source, file)
        }
        _ => {
            return Err(EdgeError::Usage {
                message: "--recording needs a RealSense camera".to_owned(),
                hint: "with camera.kind = \"realsense\"; of other cameras parts can be recorded, with --out",
            });
        }
    };
    let seconds = args.seconds.map(Duration::from_secs);
    // First of all, so that nothing that has a name is left behind.
    let stop = StopSignals::catch()?;
    let places = Places::reserve(file)?;
    let room = Room::of(&places, rate(source), seconds)?;
    let _lock = StationLock::take(&args.config)?;
    let job = Job {
        source: RealSenseSource::clone(source),
        file: places.partial().to_owned(),
        name: file.clone(),
        seconds,
        shall_end: Arc::new(AtomicBool::new(false)),
    };
    let mut report = Report::new(args.json, seconds, out);
    let signals = stop.told();
    let (written, told) = told_meanwhile(
        |steps| named(job, places, &room, signals, steps),
        |steps| report.follow(file, &room, steps),
    );
    let written = written?;
    let told = told.and_then(|()| report.whole(file, &written));
    match written.ended {
        Ended::Early(error) => Err(error),
        Ended::Seconds | Ended::Signal => told,
    }
}

/// Bytes a second of the streams that are asked for.
fn rate(source: &RealSenseSource) -> u64 {
    source.spec.streams.as_ref().map_or(0, bytes_a_second)
}

/// Watches on a thread of its own and tells on this one: output that nobody takes holds up the telling alone, and what is
/// recorded is watched, ended, closed and named all the same. Nor does output that fails end it.
fn told_meanwhile<T: Send>(
    watch: impl FnOnce(&Sender<Step>) -> T + Send,
    tell: impl FnOnce(&Receiver<Step>) -> Result<(), EdgeError>,
) -> (T, Result<(), EdgeError>) {
    // The watcher must not wait; it sees to it that little is in here.
    let (sayer, steps) = unbounded();
    thread::scope(|scope| {
        let watcher = scope.spawn(move || watch(&sayer));
        let told = tell(&steps);
        let watched = watcher.join().unwrap_or_else(|panic| resume_unwind(panic));
        (watched, told)
    })
}

/// Lets the writer write, tells it when to end, and gives its name to what is whole.
fn named(
    job: Job,
    places: Places,
    room: &Room,
    stop: &Receiver<i32>,
    steps: &Sender<Step>,
) -> Result<Written, EdgeError> {
    // Without bounds: the writer must not wait while a camera runs, and what it says must not be lost.
    let (teller, news) = unbounded();
    let shall_end = Arc::clone(&job.shall_end);
    // It is not joined: it may hang in the library, and the process ends all the same.
    thread::spawn(move || writer::work(job, &teller));
    let watch = Watch {
        news: &news,
        stop,
        shall_end: &shall_end,
        patience: Patience::LIBRARY,
        is_room_left: &|| room.is_left(&places),
    };
    let written = watch
        .until_written(steps)
        .inspect_err(|_| places.tell_of_remains())?;
    if written.counts.pairs == 0 {
        places.remove();
        return Err(match written.ended {
            Ended::Early(error) => error,
            Ended::Seconds | Ended::Signal => EdgeError::NothingRecorded,
        });
    }
    places.finish()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::*;

    #[test]
    fn output_that_nobody_takes_holds_up_the_telling_alone() {
        let (take, output) = bounded(1);
        let (watched, told) = told_meanwhile(
            |steps| {
                steps.send(Step::Settled).unwrap();
                // It is over while the first line is still being written.
                take.send(()).unwrap();
                7
            },
            |steps| {
                output.recv().unwrap();
                assert!(matches!(steps.recv(), Ok(Step::Settled)));
                assert!(steps.recv().is_err());
                Ok(())
            },
        );
        assert_eq!(watched, 7);
        told.unwrap();
    }

    #[test]
    fn output_that_fails_ends_no_recording() {
        let (fail, failed) = bounded(1);
        let (watched, told) = told_meanwhile(
            |steps| {
                failed.recv().unwrap();
                // Whether somebody still listens, it does not know.
                let _heard = steps.send(Step::Settled);
                7
            },
            |_| {
                fail.send(()).unwrap();
                Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into())
            },
        );
        assert_eq!(watched, 7);
        assert!(matches!(told, Err(EdgeError::Output(_))));
    }
}
