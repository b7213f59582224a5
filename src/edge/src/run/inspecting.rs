//! The thread that owns the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use twinspect_core::verdict::{Reason, Verdict};

use super::capture::{CaptureWatch, Captured};
use super::engine_health::EngineHealth;
use super::messages::{Errand, Figures, InspectorMessage, Metrics};
use super::records::{Judged, Records};
use super::showcase::Showcase;
use super::tickets::TicketsRead;
use crate::cameras::{CameraWatch, Health};
use crate::chaos;
use crate::clock::Clock;
use crate::config::InspectorLimits;
use crate::control::{Stage, StreamFigures};
use crate::error::{EdgeError, WithCauses};
use crate::pipeline::{InspectError, Pipeline, Timings};

/// The thread that owns the engine.
pub(super) struct Inspect {
    pub(super) clock: Clock,
    pub(super) limits: InspectorLimits,
    pub(super) pipeline: Pipeline,
    pub(super) records: Option<Records>,
    /// Pictures for the page.
    pub(super) showcase: Option<Showcase>,
    pub(super) figures: Figures,
    pub(super) watch: Arc<CaptureWatch>,
    pub(super) tickets_read: Arc<TicketsRead>,
    /// Of a camera that may have to be brought back.
    pub(super) camera_watch: Option<CameraWatch>,
    pub(super) answers: Sender<InspectorMessage>,
    /// Whether the engine is run on an idle line.
    pub(super) keep_warm: bool,
    /// Tickets that had been read when the line was looked at last.
    pub(super) tickets_seen: u64,
    pub(super) inspected: u64,
    pub(super) camera_lost: bool,
    pub(super) health: EngineHealth,
}

/// A picture that came before: the pipeline did not look at it, and holds another part.
fn is_stale(verdict: &Verdict) -> bool {
    let reason = Reason::StaleFrame;
    *verdict == Verdict::NoResult { reason }
}

/// Whether the engine is to be kept fast now: somebody wants that, no picture waits, and none is about to come, since no
/// ticket was read beside those that were `seen`.
fn warms(is_wanted: bool, is_idle: bool, read: u64, seen: u64) -> bool {
    is_wanted && is_idle && read == seen
}

/// Why nothing is inspected any more, the engine apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// There is no capture thread any more.
    NoFrames,
    /// There is no thread any more that writes answers.
    NobodyListens,
}

impl Inspect {
    /// Until the capture thread or the engine has ended, or nobody listens. The line process starts
    /// another inspect process in place of one whose engine has ended.
    pub(super) fn run(mut self, frames: &Receiver<Captured>) -> Result<End, EdgeError> {
        let end = loop {
            let listened = match frames.recv_timeout(self.limits.heartbeat) {
                Ok(captured) => self.inspect(captured),
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
        if let Some(watch) = self.camera_watch.filter(|_| self.camera_lost) {
            return Err(EdgeError::Camera(watch.lost()));
        }
        self.health
            .into_end()
            .map_or(Ok(end), |source| Err(EdgeError::Engine(source)))
    }

    /// Judges a part, answers, keeps a record and shows it; whether somebody listened.
    fn inspect(&mut self, captured: Captured) -> bool {
        let start_us = self.clock.now_us();
        let (verdict, timings, took_us) = if start_us >= captured.decide_by_us {
            let reason = Reason::Late;
            (Verdict::NoResult { reason }, None, None)
        } else {
            let (verdict, timings) = self.judge(&captured);
            (verdict, timings, Some(self.clock.now_us() - start_us))
        };
        let Captured { errand, frame, .. } = captured;
        let answer = errand.answer(verdict.clone(), took_us, frame.truth.as_ref(), true);
        let listened = self.answers.send(answer).is_ok();
        // The part has its answer: what follows is time that nobody waits for, if no other part does.
        if let Errand::Part(number) = errand {
            self.inspected += 1;
            if let Some(timings) = &timings {
                self.measure(timings);
                if let Some(showcase) = &mut self.showcase {
                    let now_us = self.clock.now_us();
                    showcase.show(&self.pipeline, number, verdict.passes(), now_us);
                }
            }
            if let Some(records) = &mut self.records {
                let judged = Judged {
                    number,
                    verdict,
                    took_us,
                    timings,
                };
                records.keep(&self.pipeline, judged, frame);
            }
        }
        listened
    }

    /// The verdict; stage times of a part that came through the pipeline, which still holds it.
    fn judge(&mut self, captured: &Captured) -> (Verdict, Option<Timings>) {
        let inspected = chaos::engine(captured.errand.number())
            .map_err(InspectError::Engine)
            .and_then(|()| self.pipeline.inspect(&captured.frame.pair));
        match inspected {
            Ok(inspection) => {
                self.health.well();
                let is_held = !is_stale(&inspection.verdict);
                (inspection.verdict, is_held.then_some(inspection.timings))
            }
            Err(error) => {
                let reason = error.reason();
                log::error!("{}: {}", captured.errand, WithCauses(&error));
                if let InspectError::Engine(source) = error {
                    self.health.failed(source);
                }
                (Verdict::NoResult { reason }, None)
            }
        }
    }

    fn measure(&mut self, timings: &Timings) {
        let stages = &mut self.figures.stages;
        stages.add(Stage::Prepare, timings.prepare);
        stages.add(Stage::Picture, timings.picture);
        stages.add(Stage::Infer, timings.infer);
        if let Some(fusion) = timings.fusion {
            stages.add(Stage::Fusion, fusion);
        }
        stages.add(Stage::Score, timings.score);
        stages.add(Stage::Whole, timings.whole());
        let measured = self.pipeline.depth_share();
        self.figures.camera.depth_invalid_ratio = measured.map(|share| 1.0 - share);
        self.figures.camera.picture = self.pipeline.picture();
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
                gaps: counts.pairing.gaps,
                repeated: counts.pairing.repeated,
                unpaired: counts.pairing.unpaired,
                clocks_apart: counts.pairing.clocks_apart,
            }
        });
        figures
    }

    /// Keeps an engine fast that would be slow after a pause. Not if a ticket was read since the last time: its
    /// picture is about to come. A fault that shows here costs no part.
    fn warm(&mut self, is_idle: bool) {
        let read = self.tickets_read.all();
        let is_due = warms(self.keep_warm, is_idle, read, self.tickets_seen);
        self.tickets_seen = read;
        if !is_due {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_kept_warm_on_an_idle_line_alone() {
        assert!(warms(true, true, 7, 7));
        assert!(!warms(false, true, 7, 7), "nobody wants it");
        assert!(!warms(true, false, 7, 7), "a picture waits");
        assert!(!warms(true, true, 8, 7), "a ticket has come");
        assert!(!warms(false, false, 8, 7));
    }
}
