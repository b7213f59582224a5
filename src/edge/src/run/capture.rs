//! The thread that owns the camera: one frame for each ticket, and the newest frame wins.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use twinspect_camera::{Camera, CameraError, CameraFrame};
use twinspect_core::freshness::ExposureWindow;
use twinspect_core::verdict::{Reason, Verdict};

use super::messages::{Errand, InspectorMessage, TicketMessage};
use crate::chaos;
use crate::clock::Clock;
use crate::error::WithCauses;

/// How often it is looked whether a camera without tickets has ended.
const LOOK: Duration = Duration::from_millis(100);

/// A ticket and what the camera saw of its part.
#[derive(Debug)]
pub(super) struct Captured {
    pub(super) errand: Errand,
    /// An answer after this moment is worth nothing.
    pub(super) decide_by_us: u64,
    pub(super) frame: CameraFrame,
}

/// What other threads may know of the capture thread.
#[derive(Debug, Default)]
pub(super) struct CaptureWatch {
    /// When the camera was asked, plus one; 0 while it is not being asked.
    asked_us: AtomicU64,
    pub(super) displaced: AtomicU64,
    pub(super) camera_errors: AtomicU64,
}

impl CaptureWatch {
    /// Whether one call of the camera has lasted for longer than `limit`.
    pub(super) fn is_stuck(&self, now_us: u64, limit: Duration) -> bool {
        match self.asked_us.load(Ordering::Acquire) {
            0 => false,
            asked_us => u128::from(now_us.saturating_sub(asked_us - 1)) > limit.as_micros(),
        }
    }

    /// A frame of the camera, watched.
    pub(super) fn ask(
        &self,
        now_us: u64,
        capture: impl FnOnce() -> Result<CameraFrame, CameraError>,
    ) -> Result<CameraFrame, CameraError> {
        self.asked_us.store(now_us + 1, Ordering::Release);
        let frame = capture();
        self.asked_us.store(0, Ordering::Release);
        if frame.as_ref().is_err_and(|error| !error.is_end()) {
            self.camera_errors.fetch_add(1, Ordering::Relaxed);
        }
        frame
    }
}

/// The only place for a frame that waits for the engine, and the answers for those that can't wait there.
pub(super) struct Slot {
    /// Holds one frame, so that what is inspected is never older than one part.
    pub(super) frames: Sender<Captured>,
    /// The other end of `frames`, to take out what must make way.
    pub(super) waiting: Receiver<Captured>,
    pub(super) answers: Sender<InspectorMessage>,
    pub(super) watch: Arc<CaptureWatch>,
}

/// Everything that the capture thread works with.
pub(super) struct Capture {
    pub(super) clock: Clock,
    pub(super) camera: Box<dyn Camera>,
    pub(super) tickets: Receiver<TicketMessage>,
    /// From the sensor to the camera.
    pub(super) camera_delay: Duration,
    /// For so long a part lies before the camera.
    pub(super) exposure_max: Duration,
    pub(super) slot: Slot,
}

impl Capture {
    /// Until there are no more tickets, or nobody wants frames. Also behind the end of a recording: what is triggered
    /// before the line process has heard of that has no result.
    pub(super) fn run(mut self) {
        let camera_delay_us = self.camera_delay.as_micros() as u64;
        let exposure_max_us = self.exposure_max.as_micros() as u64;
        let mut has_told_end = false;
        loop {
            let ticket = match self.tickets.recv_timeout(LOOK) {
                Ok(ticket) => ticket,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    if !has_told_end && self.camera.has_ended() {
                        has_told_end = true;
                        // One that has ended says at once why.
                        let end = self.camera.capture(self.clock.now_us()).err();
                        if !self.slot.tell_end(end.as_ref()) {
                            return;
                        }
                    }
                    continue;
                }
            };
            let there_us = ticket.triggered_us.saturating_add(camera_delay_us);
            let window = ExposureWindow::new(there_us, exposure_max_us);
            let opens_in = self.clock.until(window.from_us);
            self.clock.wait(opens_in.min(self.camera_delay));
            let now_us = self.clock.now_us();
            if !window.is_open(now_us) {
                // A call of the camera before this one has lasted too long.
                if self.slot.refuse(ticket.errand, Reason::StaleFrame, None) {
                    continue;
                }
                return;
            }
            let frame = self.slot.watch.ask(now_us, || {
                chaos::camera(ticket.errand.number()).and_then(|()| self.camera.capture(now_us))
            });
            let handed_over = match frame {
                Ok(frame) if !window.holds(frame.pair.rgb_stamp, frame.pair.depth_stamp) => self
                    .slot
                    .refuse(ticket.errand, Reason::StaleFrame, Some(&frame)),
                Ok(frame) => self.slot.hand_over(Captured {
                    errand: ticket.errand,
                    decide_by_us: ticket.decide_by_us,
                    frame,
                }),
                Err(error) => {
                    log::warn!("capturing {}: {}", ticket.errand, WithCauses(&error));
                    let is_news = error.is_end() && !has_told_end;
                    has_told_end |= is_news;
                    self.slot.refuse(ticket.errand, Reason::Camera, None)
                        && (!is_news || self.slot.tell_end(Some(&error)))
                }
            };
            if !handed_over {
                return;
            }
        }
    }
}

/// That a camera has ended, and how.
pub(super) fn ended(end: Option<&CameraError>) -> InspectorMessage {
    let damage = end.filter(|end| !matches!(end, CameraError::End));
    InspectorMessage::CameraEnded {
        damage: damage.map(|damage| WithCauses(damage).to_string()),
    }
}

impl Slot {
    /// Puts a frame into the only place; what waits there makes way and is answered for.
    pub(super) fn hand_over(&self, captured: Captured) -> bool {
        let mut newest = captured;
        loop {
            match self.frames.try_send(newest) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => newest = back,
            }
            if let Ok(older) = self.waiting.try_recv() {
                self.watch.displaced.fetch_add(1, Ordering::Relaxed);
                if !self.refuse(older.errand, Reason::Overrun, Some(&older.frame)) {
                    return false;
                }
            }
        }
    }

    /// Says that no more pictures will come; whether somebody listens.
    fn tell_end(&self, end: Option<&CameraError>) -> bool {
        self.answers.send(ended(end)).is_ok()
    }

    /// Answers for what nobody will judge; whether somebody listens.
    pub(super) fn refuse(
        &self,
        errand: Errand,
        reason: Reason,
        frame: Option<&CameraFrame>,
    ) -> bool {
        let truth = frame.and_then(|frame| frame.truth.as_ref());
        let answer = errand.answer(Verdict::NoResult { reason }, None, truth, false);
        self.answers.send(answer).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;
    use twinspect_core::frame::{FramePair, FrameSize, Intrinsics, RgbFrame};

    use super::*;
    use crate::run::messages::VerdictMessage;

    /// Sees parts until it ends, none of them before a time.
    struct Scripted {
        good: usize,
        not_before_us: u64,
        /// Says that it has ended without being asked for a picture.
        tells_end: bool,
    }

    impl Camera for Scripted {
        fn description(&self) -> String {
            "scripted".to_owned()
        }

        fn intrinsics(&self) -> Option<&Intrinsics> {
            None
        }

        fn capture(&mut self, now_us: u64) -> Result<CameraFrame, CameraError> {
            assert!(now_us >= self.not_before_us, "the part is on its way");
            self.good = self.good.checked_sub(1).ok_or(CameraError::End)?;
            let size = FrameSize {
                width: 1,
                height: 1,
            };
            let rgb = RgbFrame::new(size, vec![0; 3]).unwrap();
            Ok(CameraFrame {
                pair: FramePair::new(Some(rgb), None, None).unwrap(),
                truth: None,
            })
        }

        fn has_ended(&self) -> bool {
            self.tells_end && self.good == 0
        }
    }

    fn capture(
        camera: Scripted,
        tickets: Receiver<TicketMessage>,
        answers: Sender<InspectorMessage>,
    ) -> (Capture, Receiver<Captured>) {
        let (frames, waiting) = bounded(1);
        let capture = Capture {
            clock: Clock::start(),
            camera_delay: Duration::from_micros(camera.not_before_us),
            camera: Box::new(camera),
            tickets,
            exposure_max: Duration::from_secs(1),
            slot: Slot {
                frames,
                waiting: waiting.clone(),
                answers,
                watch: Arc::default(),
            },
        };
        (capture, waiting)
    }

    fn ticket(number: u64, at_us: u64) -> TicketMessage {
        TicketMessage {
            errand: Errand::Part(number),
            triggered_us: at_us,
            decide_by_us: at_us + 1_000,
        }
    }

    /// Numbers of the frames that wait after tickets of a time, and of refused tickets with their reasons.
    fn captured(good: usize, tickets: u64, at_us: u64) -> (Vec<u64>, Vec<(u64, Reason)>) {
        captured_after(Duration::ZERO, good, tickets, at_us)
    }

    /// The same with a camera that stands behind the sensor.
    fn captured_after(
        camera_delay: Duration,
        good: usize,
        tickets: u64,
        at_us: u64,
    ) -> (Vec<u64>, Vec<(u64, Reason)>) {
        let (ticket_sender, ticket_receiver) = bounded(16);
        let (answers, answered) = bounded(16);
        for number in 1..=tickets {
            ticket_sender.send(ticket(number, at_us)).unwrap();
        }
        drop(ticket_sender);
        let camera = Scripted {
            good,
            not_before_us: camera_delay.as_micros() as u64,
            tells_end: false,
        };
        let (capture, waiting) = capture(camera, ticket_receiver, answers);
        capture.run();
        let refused = answered
            .iter()
            .filter(|answer| !matches!(answer, InspectorMessage::CameraEnded { .. }))
            .map(|answer| match answer {
                InspectorMessage::Verdict(VerdictMessage {
                    number,
                    verdict: Verdict::NoResult { reason },
                    ..
                }) => (number, reason),
                other => panic!("{other:?}"),
            })
            .collect();
        let kept = waiting
            .iter()
            .map(|captured| captured.errand.number())
            .collect();
        (kept, refused)
    }

    #[test]
    fn the_newest_frame_wins_and_the_others_are_answered_for() {
        let (kept, refused) = captured(3, 3, 0);
        assert_eq!(kept, [3]);
        assert_eq!(refused, [(1, Reason::Overrun), (2, Reason::Overrun)]);
    }

    #[test]
    fn a_camera_that_fails_is_answered_for() {
        let (kept, refused) = captured(1, 2, 0);
        assert_eq!(kept, [1]);
        assert_eq!(refused, [(2, Reason::Camera)]);
    }

    #[test]
    fn that_a_recording_has_ended_is_told_once_by_the_first_part_behind_it() {
        let (ticket_sender, tickets) = bounded(16);
        let (answers, answered) = bounded(16);
        for number in 1..=4 {
            ticket_sender.send(ticket(number, 0)).unwrap();
        }
        drop(ticket_sender);
        let camera = Scripted {
            good: 1,
            not_before_us: 0,
            tells_end: true,
        };
        capture(camera, tickets, answers).0.run();
        let told: Vec<bool> = answered
            .iter()
            .map(|answer| answer == InspectorMessage::CameraEnded { damage: None })
            .collect();
        // The parts 2, 3 and 4 have no result.
        assert_eq!(told, [false, true, false, false]);
    }

    #[test]
    fn that_a_recording_has_ended_is_told_without_a_part_behind_it() {
        let (ticket_sender, tickets) = bounded(16);
        let (answers, answered) = bounded(16);
        let camera = Scripted {
            good: 0,
            not_before_us: 0,
            tells_end: true,
        };
        let (capture, _waiting) = capture(camera, tickets, answers);
        let thread = std::thread::spawn(move || capture.run());
        let told = answered.recv_timeout(Duration::from_secs(30));
        assert_eq!(told, Ok(InspectorMessage::CameraEnded { damage: None }));
        // It goes on: what comes now has no result, and is no news.
        let in_an_hour_us = 3_600_000_000;
        ticket_sender.send(ticket(1, in_an_hour_us)).unwrap();
        drop(ticket_sender);
        thread.join().unwrap();
        let rest: Vec<InspectorMessage> = answered.iter().collect();
        assert!(
            matches!(rest[..], [InspectorMessage::Verdict(_)]),
            "{rest:?}"
        );
    }

    #[test]
    fn a_part_is_waited_for_until_it_lies_before_the_camera() {
        let (kept, refused) = captured_after(Duration::from_millis(3), 1, 1, 0);
        assert_eq!(kept, [1]);
        assert!(refused.is_empty());
    }

    #[test]
    fn a_part_that_does_not_lie_there_is_not_photographed() {
        let in_an_hour_us = 3_600_000_000;
        let (kept, refused) = captured(1, 1, in_an_hour_us);
        assert!(kept.is_empty());
        assert_eq!(refused, [(1, Reason::StaleFrame)]);
    }

    #[test]
    fn a_call_that_lasts_too_long_is_stuck() {
        let watch = CaptureWatch::default();
        let limit = Duration::from_micros(100);
        assert!(!watch.is_stuck(1_000_000, limit));
        watch.asked_us.store(1, Ordering::Release);
        assert!(!watch.is_stuck(100, limit));
        assert!(watch.is_stuck(101, limit));
    }
}
