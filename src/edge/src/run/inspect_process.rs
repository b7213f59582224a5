//! The process that owns camera and engine. It lives as long as its standard input, a socket, does.
//!
//! Threads: this one inspects; one reads tickets, one captures, one writes answers, one records. With a
//! camera that runs freely one watches the belt and one captures what tickets name.
//! If any of them but the last dies the channels close, the process ends, and the line process starts
//! another. The one that reads tickets also sees the end of the line process, and ends this process
//! if a hanging engine, camera or disk keeps it.

use std::io::BufReader;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustix::process::{Signal, set_parent_process_death_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM};
use signal_hook::low_level::raise;
use twinspect_bundle::Bundle;
use twinspect_camera::CameraError;
use twinspect_core::verdict::{Reason, Verdict};

use super::capture::{Capture, CaptureWatch, Captured, Slot};
use super::engine_health::{EngineHealth, engine_report};
use super::messages::{self, Errand, Figures, InspectorMessage, Metrics, Ready, SetupMessage};
use super::records::Records;
use super::showcase::Showcase;
use super::tickets::{self, TicketsRead};
use super::watch::Watching;
use crate::cameras::{self, CameraWatch, Health, Opened};
use crate::chaos::{self, Place};
use crate::cli::InspectProcessArgs;
use crate::clock::Clock;
use crate::config::{self, InspectorLimits, Station};
use crate::control::{ModelStatus, Stage, StreamFigures};
use crate::engines::{self, Gpu};
use crate::error::{EdgeError, WithCauses};
use crate::fit::lookout;
use crate::logging;
use crate::pipeline::{InspectError, Pipeline, Timings};

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
    let stream = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(UnixStream::from)
        .map_err(system("taking over the line process's socket"))?;
    let mut reader = stream
        .try_clone()
        .map(BufReader::new)
        .map_err(system("sharing the line process's socket"))?;
    let Begun {
        station,
        clock,
        gpu,
        digest,
        pictures,
    } = read_setup(&mut reader, &args.config)?;
    let allowed = station.time_to_judge();
    let Station {
        bundle,
        engine: wanted,
        camera,
        degraded,
        inspector: limits,
        records,
        camera_delay,
        exposure_max,
        watch: outlook,
        ..
    } = station;
    let (ticket_sender, tickets) = bounded(TICKETS_MAX);
    let tickets_read = Arc::new(TicketsRead::default());
    // Before anything that may hang: from here on this process outlives no line process.
    let counter = Arc::clone(&tickets_read);
    thread::spawn(move || {
        tickets::read(reader, ticket_sender, &counter);
        end_soon(clock);
    });
    chaos::begin();
    let bundle = Bundle::open(&bundle)?;
    if digest.is_some_and(|digest| digest != bundle.hash()) {
        return Err(EdgeError::BundleReplaced {
            bundle: bundle.path().to_owned(),
        });
    }
    let Opened {
        camera,
        parts_left,
        watch: camera_watch,
    } = cameras::open(&camera, &bundle, args.skip)?;
    let watching = outlook
        .map(|outlook| lookout(&bundle, outlook).map(|lookout| (lookout, outlook.presence)))
        .transpose()?;
    let chosen = engines::choose(&bundle, &wanted, gpu)?;
    let mut pipeline = Pipeline::new(&bundle, degraded, chosen)?;
    let engine = engine_report(&bundle, &mut pipeline, allowed)?;
    let health = EngineHealth::new(engine.on_gpu);
    let keep_warm = wanted.keep_warm && pipeline.cools_down();
    let records = records
        .map(|spec| Records::start(&spec, &pipeline))
        .transpose()?;
    let showcase = pictures.map(|folder| Showcase::start(folder, &pipeline));

    let (answers, outgoing) = bounded(ANSWERS_MAX);
    let (frame_sender, frames) = bounded(1);
    let watch = Arc::new(CaptureWatch::default());
    let manifest = bundle.manifest();
    let ready = InspectorMessage::Ready(Ready {
        model: format!("{} {}", manifest.name, manifest.version),
        about: ModelStatus {
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            created: manifest.created.clone(),
            target_rate: manifest.score.fused.target_rate,
            bundle: bundle.hash().to_owned(),
        },
        bundle: bundle.hash().to_owned(),
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
                    camera_delay,
                    exposure_max,
                    slot,
                };
                thread::spawn(move || capture.run())
            }
        };
        // The capture thread goes on when the engine has ended, so the writer would be waited for in
        // vain; parts without an answer leave as NO-RESULT(inspector).
        let end = Inspect {
            clock,
            limits,
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
    /// Of the station's bundle, once it is known.
    digest: Option<String>,
    /// Where pictures for the page go.
    pictures: Option<PathBuf>,
}

fn read_setup(reader: &mut BufReader<UnixStream>, config: &Path) -> Result<Begun, EdgeError> {
    let setup: Option<SetupMessage> = messages::read(reader, &mut Vec::new())
        .map_err(system("reading the line process's configuration"))?;
    let SetupMessage {
        config: text,
        clock_start_ns,
        gpu,
        bundle,
        pictures,
    } = setup.unwrap_or_default();
    Ok(Begun {
        station: config::parse(config, &text)?.station,
        clock: Clock::started_at(clock_start_ns),
        gpu,
        digest: bundle,
        pictures,
    })
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

/// The thread that owns the engine.
struct Inspect {
    clock: Clock,
    limits: InspectorLimits,
    pipeline: Pipeline,
    records: Option<Records>,
    /// Pictures for the page.
    showcase: Option<Showcase>,
    figures: Figures,
    watch: Arc<CaptureWatch>,
    tickets_read: Arc<TicketsRead>,
    /// Of a camera that may have to be brought back.
    camera_watch: Option<CameraWatch>,
    answers: Sender<InspectorMessage>,
    /// Whether the engine is run on an idle line.
    keep_warm: bool,
    /// Tickets that had been read when the line was looked at last.
    tickets_seen: u64,
    inspected: u64,
    camera_lost: bool,
    health: EngineHealth,
}

/// Why nothing is inspected any more, the engine apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There is no capture thread any more.
    NoFrames,
    /// There is no thread any more that writes answers.
    NobodyListens,
}

impl Inspect {
    /// Until the capture thread or the engine has ended, or nobody listens. The line process starts
    /// another inspect process in place of one whose engine has ended.
    fn run(mut self, frames: &Receiver<Captured>) -> Result<End, EdgeError> {
        let end = loop {
            let listened = match frames.recv_timeout(self.limits.heartbeat) {
                Ok(captured) => self.inspect(&captured),
                Err(RecvTimeoutError::Timeout) => {
                    self.warm(frames.is_empty());
                    true
                }
                Err(RecvTimeoutError::Disconnected) => break End::NoFrames,
            };
            // A driver that hangs is left with its process; the line process starts another one.
            let watch = self.camera_watch.as_ref();
            self.camera_lost = watch.is_some_and(CameraWatch::is_lost);
            if !listened || self.camera_lost || self.health.has_ended() || !self.beat() {
                break End::NobodyListens;
            }
        };
        let mut last = self.metrics();
        if let Some(records) = self.records.take() {
            let counts = records.finish();
            last.records_written = counts.written.load(Ordering::Relaxed);
            last.records_dropped = counts.dropped.load(Ordering::Relaxed);
        }
        if self
            .answers
            .send(InspectorMessage::Heartbeat {
                metrics: last,
                figures: self.figures(),
                sees: false,
            })
            .is_err()
        {
            log::debug!("the line process ended before the inspect process");
        }
        if self.camera_lost {
            return Err(EdgeError::Camera(CameraError::Lost {
                camera: "the camera".to_owned(),
            }));
        }
        self.health
            .into_end()
            .map_or(Ok(end), |source| Err(EdgeError::Engine(source)))
    }

    /// Judges a part and answers; whether somebody listened.
    fn inspect(&mut self, captured: &Captured) -> bool {
        let truth = captured.frame.truth.as_ref();
        let start_us = self.clock.now_us();
        let (verdict, took_us) = if start_us >= captured.decide_by_us {
            let reason = Reason::Late;
            (Verdict::NoResult { reason }, None)
        } else {
            let verdict = self.judge(captured);
            (verdict, Some(self.clock.now_us() - start_us))
        };
        if matches!(captured.errand, Errand::Part(_)) {
            self.inspected += 1;
        }
        let passes = verdict.passes();
        let answer = captured.errand.answer(verdict, took_us, truth);
        let listened = self.answers.send(answer).is_ok();
        // The part has its answer: what follows is time that nobody waits for, if no other part does.
        if let (Errand::Part(number), Some(_), Some(showcase)) =
            (captured.errand, took_us, self.showcase.as_mut())
        {
            showcase.show(&self.pipeline, number, passes, self.clock.now_us());
        }
        listened
    }

    fn judge(&mut self, captured: &Captured) -> Verdict {
        let inspected = chaos::engine(captured.errand.number())
            .map_err(InspectError::Engine)
            .and_then(|()| self.pipeline.inspect(&captured.frame.pair));
        let verdict = match inspected {
            Ok(inspection) => {
                self.health.well();
                if matches!(captured.errand, Errand::Part(_)) {
                    self.measure(&inspection.timings);
                }
                inspection.verdict
            }
            Err(error) => {
                let reason = error.reason();
                log::error!("{}: {}", captured.errand, WithCauses(&error));
                if let InspectError::Engine(source) = error {
                    self.health.failed(source);
                }
                return Verdict::NoResult { reason };
            }
        };
        if let (Errand::Part(number), Some(records)) = (captured.errand, self.records.as_ref())
            && !verdict.passes()
        {
            let truth = captured.frame.truth.as_ref();
            let part = truth.map(|truth| truth.id.as_str());
            records.keep(&self.pipeline, number, part, &verdict);
        }
        verdict
    }

    fn measure(&mut self, timings: &Timings) {
        // A picture that was seen before went no further than that.
        if timings.whole().is_zero() {
            return;
        }
        let stages = &mut self.figures.stages;
        stages.add(Stage::Prepare, timings.prepare);
        stages.add(Stage::Infer, timings.infer);
        if let Some(fusion) = timings.fusion {
            stages.add(Stage::Fusion, fusion);
        }
        stages.add(Stage::Score, timings.score);
        stages.add(Stage::Whole, timings.whole());
        let measured = self.pipeline.depth_share();
        self.figures.camera.depth_invalid_ratio = measured.map(|share| 1.0 - share);
    }

    fn figures(&self) -> Figures {
        let mut figures = self.figures;
        figures.camera.stream = self.camera_watch.as_ref().map(|watch| {
            let counts = watch.counts();
            StreamFigures {
                restarts: counts.recovery.restarts + counts.recovery.resets,
                removals: counts.recovery.removals,
                corrupt: counts.corrupt,
                late: counts.late,
                frozen: counts.frozen,
            }
        });
        figures
    }

    /// Keeps an engine fast that would be slow after a pause. Not if a ticket was read since the last time: its
    /// picture is about to come. A fault that shows here costs no part.
    fn warm(&mut self, is_idle: bool) {
        let read = self.tickets_read.all();
        let is_idle = is_idle && read == self.tickets_seen;
        self.tickets_seen = read;
        if !(self.keep_warm && is_idle) {
            return;
        }
        match self.pipeline.keep_warm() {
            Ok(()) => self.health.well(),
            Err(error) => {
                log::error!("on the idle line: {}", WithCauses(&error));
                self.health.failed(error);
            }
        }
    }

    /// Says that this thread has moved on, unless the capture thread has not.
    fn beat(&self) -> bool {
        if self
            .watch
            .is_stuck(self.clock.now_us(), self.limits.silence_max)
        {
            return true;
        }
        let watch = self.camera_watch.as_ref();
        let heartbeat = InspectorMessage::Heartbeat {
            metrics: self.metrics(),
            figures: self.figures(),
            sees: watch.is_none_or(|watch| watch.health() == Health::Well),
        };
        self.answers.send(heartbeat).is_ok()
    }

    fn metrics(&self) -> Metrics {
        let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let records = self.records.as_ref().map(Records::counts);
        Metrics {
            tickets: self.tickets_read.parts(),
            trials: self.tickets_read.trials(),
            inspected: self.inspected,
            displaced: count(&self.watch.displaced),
            camera_errors: count(&self.watch.camera_errors),
            records_written: records.map_or(0, |records| count(&records.written)),
            records_dropped: records.map_or(0, |records| count(&records.dropped)),
        }
    }
}
