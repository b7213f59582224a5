//! `twinspect record --recording`: all that a RealSense camera gives, as the vendor's recorder writes it.
//!
//! ```text
//! camera ─► librealsense's recorder ─► NAME.partial.bag ─► closed, played on trial ─► NAME.bag
//! └───────── writer, a thread of its own ─────────┘
//! ```
//! The writer alone calls the library, so that a library that hangs holds up nobody who wants to end it. What has its
//! final name is whole.

mod places;
mod report;
mod room;
mod writer;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, select};
use twinspect_camera::CameraError;
use twinspect_camera::realsense::bytes_a_second;

use super::stop::StopSignals;
use crate::cli::RecordArgs;
use crate::config::{CameraSource, RealSenseSource, Station, WhichCamera};
use crate::error::EdgeError;
use crate::run::StationLock;
use places::Places;
use report::Report;
use room::Room;
use writer::{Job, News, Written};

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// A library that says nothing for so long hangs: while a camera is opened and set, ...
const START_MAX: Duration = Duration::from_secs(60);
/// ... while it runs, ...
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// ... and while the file is closed, which waits for the disk.
const CLOSE_MAX: Duration = Duration::from_secs(90);

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
    let places = Places::new(file)?;
    let room = Room::of(&places, rate(source), seconds)?;
    let _lock = StationLock::take(&args.config)?;
    let stop = StopSignals::catch()?;
    let mut report = Report::new(args.json, seconds, out);
    report.room(&places, &room)?;
    let written = watch(source, &places, &room, seconds, &stop, &mut report)?;
    if written.counts.pairs == 0 {
        places.remove();
        return Err(match written.ended {
            Ended::Early(error) => error,
            Ended::Seconds | Ended::Signal => EdgeError::NothingRecorded,
        });
    }
    places.finish()?;
    report.whole(&places, &written)?;
    match written.ended {
        Ended::Early(error) => Err(error),
        Ended::Seconds | Ended::Signal => Ok(()),
    }
}

/// Bytes a second of the streams that are asked for.
fn rate(source: &RealSenseSource) -> u64 {
    source.spec.streams.as_ref().map_or(0, bytes_a_second)
}

/// Lets the writer write, and tells it when to end.
fn watch(
    source: &RealSenseSource,
    places: &Places,
    room: &Room,
    seconds: Option<Duration>,
    stop: &StopSignals,
    report: &mut Report<'_>,
) -> Result<Written, EdgeError> {
    let (teller, news) = bounded(16);
    let shall_end = Arc::new(AtomicBool::new(false));
    let job = Job {
        source: source.clone(),
        file: places.partial().to_owned(),
        name: places.file().to_owned(),
        seconds,
        shall_end: Arc::clone(&shall_end),
    };
    // It is not joined: it may hang in the library, and the process ends all the same.
    thread::spawn(move || writer::work(job, &teller));
    let mut end = None;
    let mut camera = "the RealSense camera".to_owned();
    let (mut heard, mut patience) = (Instant::now(), START_MAX);
    loop {
        match next(&news, stop) {
            Heard::News(news) => {
                heard = Instant::now();
                match news {
                    News::Started { description } => {
                        report.camera(&description)?;
                        camera = description;
                        patience = SILENCE_MAX;
                    }
                    News::Settled => report.begins()?,
                    News::Counted { time, counts } => report.counted(time, counts),
                    News::Closing => patience = CLOSE_MAX,
                    News::Written(written) => {
                        let written = written.inspect_err(|_| places.tell_of_remains())?;
                        return Ok(match end {
                            Some(end) if !matches!(written.ended, Ended::Early(_)) => Written {
                                ended: end,
                                ..written
                            },
                            _ => written,
                        });
                    }
                }
            }
            Heard::Signal => {
                end.get_or_insert(Ended::Signal);
                shall_end.store(true, Ordering::Release);
            }
            Heard::Nothing => {}
            // It has panicked.
            Heard::Silence => return Err(EdgeError::Camera(CameraError::Lost { camera })),
        }
        if end.is_none()
            && let Err(error) = room.is_left(places)
        {
            end = Some(Ended::Early(error));
            shall_end.store(true, Ordering::Release);
        }
        if heard.elapsed() > patience {
            log::error!("librealsense hangs");
            places.tell_of_remains();
            return Err(EdgeError::Camera(CameraError::Lost { camera }));
        }
    }
}

enum Heard {
    News(News),
    Signal,
    Nothing,
    Silence,
}

fn next(news: &Receiver<News>, stop: &StopSignals) -> Heard {
    select! {
        recv(news) -> news => news.map_or(Heard::Silence, Heard::News),
        recv(stop.told()) -> told => match told {
            Ok(_) => Heard::Signal,
            Err(_) => Heard::Nothing,
        },
        default(LOOK) => Heard::Nothing,
    }
}
