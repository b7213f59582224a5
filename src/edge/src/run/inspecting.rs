//! The thread that owns the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use twinspect_camera::CameraError;
use twinspect_core::verdict::{Reason, Verdict};

use super::capture::{CaptureWatch, Captured};
use super::engine_health::EngineHealth;
use super::messages::{Errand, InspectorMessage, Metrics};
use super::records::Records;
use super::tickets::TicketsRead;
use crate::cameras::{CameraWatch, Health};
use crate::chaos;
use crate::clock::Clock;
use crate::config::InspectorLimits;
use crate::error::{EdgeError, WithCauses};
use crate::pipeline::{InspectError, Pipeline};

/// The thread that owns the engine.
pub(super) struct Inspect {
    pub(super) clock: Clock,
    pub(super) limits: InspectorLimits,
    pub(super) pipeline: Pipeline,
    pub(super) records: Option<Records>,
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
        let answer = captured.errand.answer(verdict, took_us, truth);
        self.answers.send(answer).is_ok()
    }

    fn judge(&mut self, captured: &Captured) -> Verdict {
        let inspected = chaos::engine(captured.errand.number())
            .map_err(InspectError::Engine)
            .and_then(|()| self.pipeline.inspect(&captured.frame.pair));
        let verdict = match inspected {
            Ok(inspection) => {
                self.health.well();
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
