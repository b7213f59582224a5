//! The process that owns camera and engine. It lives as long as its standard input, a socket, does.
//!
//! Threads: this one inspects; one reads tickets, one captures, one writes answers, one records. With a
//! camera that runs freely one watches the belt and one captures what tickets name.
//! If any of them but the last dies the channels close, the process ends, and the line process starts
//! another. The one that reads tickets also sees the end of the line process, and ends this process
//! if a hanging engine, camera or disk keeps it.
//!
//! The model is proven before the camera is opened. A process that proves another model while one judges
//! waits between the two until that one is gone: a camera has one owner.

use std::io::BufReader;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use rustix::process::{Signal, set_parent_process_death_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM};
use signal_hook::low_level::raise;
use twinspect_bundle::Bundle;
use twinspect_core::lookout::Lookout;
use twinspect_core::trigger::PresenceSpec;

use super::capture::{Capture, CaptureWatch, Slot};
use super::engine_health::{EngineHealth, engine_report};
use super::inspecting::{End, Inspect};
use super::messages::{self, EngineReport, Figures, InspectorMessage, Proven, Ready, SetupMessage};
use super::priority::Nice;
use super::records::Records;
use super::showcase::Showcase;
use super::tickets::{self, TicketsRead};
use super::watch::Watching;
use crate::cameras::{self, Opened};
use crate::chaos::{self, Place};
use crate::cli::InspectProcessArgs;
use crate::clock::Clock;
use crate::config::{self, Station};
use crate::control::ModelStatus;
use crate::engines::{self, Fault, Gpu};
use crate::error::{EdgeError, WithCauses};
use crate::fit::lookout;
use crate::logging;
use crate::model;
use crate::picture_check::PictureCheck;
use crate::pipeline::Pipeline;

/// Tickets that may wait for the camera.
const TICKETS_MAX: usize = 16;
/// Answers that may wait for the socket; more make the inspect thread wait.
const ANSWERS_MAX: usize = 64;
/// How long this process may take to end by itself after the line process has closed its end or died.
/// A line process that lives waits a little less, and tells why it kills.
const END_MAX: Duration = Duration::from_secs(4);

fn system(doing: &'static str) -> impl Fn(std::io::Error) -> EdgeError {
    move |source| EdgeError::System { doing, source }
}

/// Serves tickets from standard input until it is closed.
pub(crate) fn inspect_process(args: &InspectProcessArgs) -> Result<(), EdgeError> {
    // The line process decides what a signal means, also when a terminal sends it to both.
    for signal in [SIGINT, SIGTERM, SIGQUIT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
            .map_err(system("asking for the signals of the system"))?;
    }
    // A process that is stopped does not see that the line process has died, and would stay for ever.
    set_parent_process_death_signal(Some(Signal::CONT))
        .map_err(|error| system("asking for a signal at the line process's end")(error.into()))?;
    let mut stream = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(UnixStream::from)
        .map_err(system("taking over the line process's socket"))?;
    let mut reader = stream
        .try_clone()
        .map(BufReader::new)
        .map_err(system("sharing the line process's socket"))?;
    let begun = read_setup(&mut reader, &args.config)?;
    let (clock, waits) = (begun.clock, begun.waits);
    let (ticket_sender, tickets) = bounded(TICKETS_MAX);
    let tickets_read = Arc::new(TicketsRead::default());
    let (order_sender, order) = bounded(1);
    let skip = args.skip;
    // Before anything that may hang: from here on this process outlives no line process.
    let counter = Arc::clone(&tickets_read);
    thread::spawn(move || {
        let skip = if waits {
            tickets::take_over(&mut reader)
        } else {
            Some(skip)
        };
        // Of one that is never in charge the end of the line process, or its word, ends the channel.
        if let Some(skip) = skip
            && order_sender.send(skip).is_ok()
        {
            tickets::read(reader, ticket_sender, &counter);
        }
        drop(order_sender);
        end_soon(clock);
    });
    chaos::begin();
    let nice = if waits { Nice::begin() } else { None };
    let proven = match prove(begun, &mut stream) {
        Ok(proven) => proven,
        Err(error) => {
            tell_why(&mut stream, &error);
            return Err(error);
        }
    };
    let Ok(skip) = order.recv() else {
        log::info!("{} is not wanted any more", proven.model());
        return Ok(());
    };
    if let Some(nice) = nice {
        nice.end();
    }
    let eyes = match proven.open(skip) {
        Ok(eyes) => eyes,
        Err(error) => {
            tell_why(&mut stream, &error);
            return Err(error);
        }
    };
    let mut last_word = stream
        .try_clone()
        .map_err(system("sharing the line process's socket"))?;
    let served = serve(proven, eyes, &args.config, stream, tickets, tickets_read);
    if let Err(error) = &served {
        // Answers may still be written by another thread: a line is one write, which the kernel queues as a whole.
        tell_why(&mut last_word, error);
    }
    served
}

/// What the line process may tell to who wanted this model, and decides by whether the model is to blame.
fn tell_why(stream: &mut UnixStream, error: &EdgeError) {
    let message = InspectorMessage::Failed {
        why: WithCauses(error).to_string(),
        exit_code: error.code(),
        fault: Fault::of(error),
    };
    if let Err(error) = messages::write(stream, &mut Vec::new(), &message) {
        log::debug!("telling why this process ends: {error}");
    }
}

/// A thread has ended by a panic, of which the log tells where.
fn panicked(doing: &'static str) -> EdgeError {
    system(doing)(std::io::Error::other("the thread has panicked"))
}

/// Ends this process, whatever holds it, if it does not end by itself in time.
fn end_soon(clock: Clock) {
    clock.wait(END_MAX);
    log::error!("something hangs and keeps this process from ending: killing it");
    logging::finish();
    if let Err(error) = raise(SIGKILL) {
        log::error!("killing this process: {error}");
    }
}

/// What the line process says first.
struct Begun {
    /// As that one has read it.
    station: Station,
    /// Its clock.
    clock: Clock,
    /// Whether the GPU may be used.
    gpu: Gpu,
    /// The bundle.
    bundle: PathBuf,
    /// Its digest, once it is known.
    digest: Option<String>,
    /// Where pictures for the page go.
    pictures: Option<PathBuf>,
    /// This run of the station.
    run: Option<String>,
    /// Whether another process is in charge.
    waits: bool,
}

fn read_setup(reader: &mut BufReader<UnixStream>, config: &Path) -> Result<Begun, EdgeError> {
    let setup: Option<SetupMessage> = messages::read(reader, &mut Vec::new())
        .map_err(system("reading the line process's configuration"))?;
    let SetupMessage {
        config: text,
        clock_start_ns,
        gpu,
        digest,
        pictures,
        run,
        waits,
    } = setup.unwrap_or_default();
    let station = config::parse(config, &text)?.station;
    Ok(Begun {
        bundle: station.bundle.resolve()?,
        station,
        clock: Clock::started_at(clock_start_ns),
        gpu,
        digest,
        pictures,
        run,
        waits,
    })
}

/// A model that this machine can be trusted with.
struct ProvenModel {
    station: Station,
    clock: Clock,
    bundle: Bundle,
    pictures: Option<PathBuf>,
    run: Option<String>,
    watching: Option<(Lookout, PresenceSpec)>,
    pipeline: Pipeline,
    engine: EngineReport,
}

/// Loads and proves a model, and says so.
fn prove(begun: Begun, stream: &mut UnixStream) -> Result<ProvenModel, EdgeError> {
    let Begun {
        station,
        clock,
        gpu,
        pictures,
        run,
        bundle,
        digest,
        ..
    } = begun;
    let bundle = model::open(&bundle)?;
    if let Some(why) = model::unsigned(&station, &bundle) {
        log::warn!("{why}");
    }
    model::far_lines::warn(bundle.manifest());
    if digest.is_some_and(|digest| digest != bundle.hash()) {
        return Err(EdgeError::BundleReplaced {
            bundle: bundle.path().to_owned(),
        });
    }
    cameras::check_beforehand(&station.camera, &bundle)?;
    let watching = station
        .watch
        .map(|outlook| lookout(&bundle, outlook).map(|lookout| (lookout, outlook.presence)))
        .transpose()?;
    let chosen = engines::choose(&bundle, &station.engine, gpu)?;
    let mut pipeline = Pipeline::new(&bundle, station.degraded, chosen)?;
    let engine = engine_report(&bundle, &mut pipeline, station.time_to_judge())?;
    let proven = ProvenModel {
        station,
        clock,
        bundle,
        pictures,
        run,
        watching,
        pipeline,
        engine,
    };
    let message = InspectorMessage::Proven(Proven {
        model: proven.model(),
        bundle: proven.bundle.hash().to_owned(),
    });
    messages::write(stream, &mut Vec::new(), &message)
        .map_err(system("telling the line process that the model is proven"))?;
    Ok(proven)
}

impl ProvenModel {
    fn model(&self) -> String {
        let manifest = self.bundle.manifest();
        format!("{} {}", manifest.name, manifest.version)
    }

    /// Opens the camera; nobody else has it any more.
    fn open(&self, skip: u64) -> Result<Opened, EdgeError> {
        chaos::open()?;
        cameras::open(&self.station.camera, &self.bundle, skip)
    }
}

/// Judges parts until the line process has closed its end.
fn serve(
    proven: ProvenModel,
    eyes: Opened,
    config: &Path,
    stream: UnixStream,
    tickets: Receiver<super::messages::TicketMessage>,
    tickets_read: Arc<TicketsRead>,
) -> Result<(), EdgeError> {
    let ProvenModel {
        station,
        clock,
        bundle,
        pictures,
        run,
        watching,
        mut pipeline,
        engine,
    } = proven;
    let Opened {
        camera,
        parts_left,
        watch: camera_watch,
    } = eyes;
    // Not before: goldens of the bundle are pictures of another camera.
    pipeline.check_pictures(PictureCheck::new(
        &bundle,
        station.quality,
        station.calibration.as_ref().map(|known| known.belt),
        !station.camera.is_recorded(),
    ));
    let now = camera.description();
    // A recording is another one each time.
    if let Some(known) = station.calibration.as_ref()
        && camera_watch.is_some()
        && known.is_of_another(&now)
    {
        log::warn!(
            "the station was calibrated with {} and has {now} now: measure the empty belt again",
            known.camera
        );
    }
    let health = EngineHealth::new(engine.on_gpu);
    let keep_warm = station.engine.keep_warm && pipeline.cools_down();
    let records = station
        .records
        .map(|spec| {
            let name = config::station_name(config);
            Records::start(&spec, &name, run, &bundle, &pipeline)
        })
        .transpose()?;
    let showcase = pictures.map(|folder| Showcase::start(folder, &pipeline));

    let (answers, outgoing) = bounded(ANSWERS_MAX);
    let (frame_sender, frames) = bounded(1);
    let watch = Arc::new(CaptureWatch::default());
    let manifest = bundle.manifest();
    let ready = InspectorMessage::Ready(Ready {
        model: ModelStatus {
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            created: manifest.created.clone(),
            target_rate: manifest.score.fused.target_rate,
            bundle: bundle.hash().to_owned(),
        },
        engine,
        camera: camera.description(),
        parts_left,
    });
    let slot = Slot {
        frames: frame_sender,
        waiting: frames.clone(),
        answers: answers.clone(),
        watch: Arc::clone(&watch),
    };
    let writer = thread::spawn(move || write_answers(stream, &outgoing));
    // From here on, an answer that can't be sent means that the line process is gone.
    if answers.send(ready).is_ok() {
        let capture = match watching {
            Some((lookout, presence)) => Watching {
                clock,
                camera,
                lookout,
                presence,
                tickets,
                slot,
            }
            .start(),
            None => {
                let capture = Capture {
                    clock,
                    camera,
                    tickets,
                    camera_delay: station.camera_delay,
                    exposure_max: station.exposure_max,
                    slot,
                };
                thread::spawn(move || capture.run())
            }
        };
        // The capture thread goes on when the engine has ended, so the writer would be waited for in
        // vain; parts without an answer leave as NO-RESULT(inspector).
        let end = Inspect {
            clock,
            limits: station.inspector,
            pipeline,
            records,
            showcase,
            figures: Figures::default(),
            watch,
            tickets_read,
            camera_watch,
            answers,
            keep_warm,
            tickets_seen: 0,
            inspected: 0,
            camera_lost: false,
            health,
        }
        .run(&frames)?;
        // It has let go of its end of the channel, and does nothing after that.
        if end == End::NoFrames && capture.join().is_err() {
            return Err(panicked("capturing pictures"));
        }
    }
    if writer.join().is_err() {
        return Err(panicked("writing answers"));
    }
    Ok(())
}

fn write_answers(mut stream: UnixStream, answers: &Receiver<InspectorMessage>) {
    let mut line = Vec::new();
    for answer in answers {
        if let InspectorMessage::Verdict(told) = &answer {
            chaos::meet(Place::Answers, told.number);
        }
        if let Err(error) = messages::write(&mut stream, &mut line, &answer) {
            log::debug!("writing an answer: {error}");
            return;
        }
    }
}
