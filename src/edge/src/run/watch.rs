//! A camera that runs freely: its pictures are the trigger.
//!
//! ```text
//! camera ─► Watcher: new? ─► look ─► Sight to the line process, which decides
//!              │ pictures that show a part wholly
//!              ▼
//!            shelf ─► Namer: the very picture that a ticket names ─► engine
//! ```
//! Two threads, so that a ticket does not wait for the camera's next picture. They share the shelf, and
//! hold it for no longer than it takes to put a picture there or to take one.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, never, select};
use twinspect_camera::{Camera, CameraFrame};
use twinspect_core::frame::{FramePair, StampDomain};
use twinspect_core::freshness::{Freshness, Shelf};
use twinspect_core::lookout::Lookout;
use twinspect_core::trigger::{PresenceSpec, Sight};
use twinspect_core::verdict::Reason;

use super::capture::{Captured, Slot};
use super::messages::{InspectorMessage, TicketMessage};
use crate::clock::Clock;
use crate::error::WithCauses;

/// Pictures of parts that wait to be named; a part is on a few of them, and the answer to a picture
/// takes as long as a few pictures at most.
const PICTURES_MAX: usize = 12;
/// A camera that gives an error at once is asked again after this time.
const AGAIN: Duration = Duration::from_millis(20);

/// The watcher has ended as it should; without it, its end is a fault.
struct Ended;

/// Pictures that may be named.
type Pictures = Arc<Mutex<Shelf<CameraFrame>>>;

fn held(pictures: &Pictures) -> MutexGuard<'_, Shelf<CameraFrame>> {
    // A shelf is sound after each of its steps.
    pictures.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that a watching camera needs.
pub(super) struct Watching {
    pub(super) clock: Clock,
    pub(super) camera: Box<dyn Camera>,
    pub(super) lookout: Lookout,
    pub(super) presence: PresenceSpec,
    pub(super) tickets: Receiver<TicketMessage>,
    pub(super) slot: Slot,
}

impl Watching {
    /// Starts both threads, and gives the second one, which serves tickets. They end when nobody listens, and
    /// the first one with the second; the second one also when the first one panics, so that the process ends
    /// and another one is started.
    pub(super) fn start(self) -> JoinHandle<()> {
        let Self {
            clock,
            camera,
            lookout,
            presence,
            tickets,
            slot,
        } = self;
        let pictures: Pictures = Arc::new(Mutex::new(Shelf::new(PICTURES_MAX)));
        let (end_sender, ended) = bounded(1);
        let watcher = Watcher {
            clock,
            camera,
            lookout,
            presence,
            freshness: Freshness::default(),
            pictures: Arc::clone(&pictures),
            answers: slot.answers.clone(),
            watch: Arc::clone(&slot.watch),
        };
        let namer = Namer {
            tickets,
            ended,
            pictures,
            slot,
        };
        std::thread::spawn(move || watcher.run(&end_sender));
        std::thread::spawn(move || namer.run())
    }
}

/// The thread that owns the camera.
struct Watcher {
    clock: Clock,
    camera: Box<dyn Camera>,
    lookout: Lookout,
    presence: PresenceSpec,
    freshness: Freshness,
    pictures: Pictures,
    answers: Sender<InspectorMessage>,
    watch: Arc<super::capture::CaptureWatch>,
}

impl Watcher {
    /// Until the camera ends, or nobody listens or takes pictures.
    fn run(mut self, ended: &Sender<Ended>) {
        // The other one that holds them is the thread that hands them over. Without it this one's answers
        // would keep the process from ending.
        while Arc::strong_count(&self.pictures) > 1 {
            if let Some(due_us) = self.camera.next_frame_us() {
                self.clock.wait(self.clock.until(due_us));
            }
            let now_us = self.clock.now_us();
            let seen = self.watch.ask(now_us, || self.camera.capture(now_us));
            let listened = match seen {
                Ok(frame) => self.show(frame),
                Err(error) if error.is_end() => {
                    let told = self.answers.send(super::capture::ended(Some(&error)));
                    if told.is_ok() && ended.send(Ended).is_err() {
                        log::debug!("the recording ended when nobody listened any more");
                    }
                    return;
                }
                Err(error) => {
                    log::warn!("watching the belt: {}", WithCauses(&error));
                    self.clock.wait(AGAIN);
                    true
                }
            };
            if !listened {
                return;
            }
        }
    }

    /// Tells what a picture shows; whether somebody listens. A picture of which nothing is told is one
    /// that is missing to whoever decides.
    fn show(&mut self, frame: CameraFrame) -> bool {
        let pair = &frame.pair;
        if !self.freshness.is_new(pair.rgb_stamp, pair.depth_stamp) {
            return true;
        }
        let at_us = taken_us(pair, self.clock.now_us());
        let Some(seen) = self.lookout.look(pair) else {
            return true;
        };
        let is_part = (self.presence.off_share..=self.presence.most_share).contains(&seen.share);
        if seen.is_whole && is_part {
            held(&self.pictures).keep(at_us, frame);
        }
        match self
            .answers
            .try_send(InspectorMessage::Sight(Sight { at_us, seen }))
        {
            // The camera is not kept waiting.
            Ok(()) | Err(TrySendError::Full(_)) => true,
            Err(TrySendError::Disconnected(_)) => false,
        }
    }
}

/// When a picture was taken, or at least not later, where its camera has a clock of its own.
pub(crate) fn taken_us(pair: &FramePair, now_us: u64) -> u64 {
    let stamps = [pair.depth_stamp, pair.rgb_stamp].into_iter().flatten();
    let mut of_host = stamps.filter(|stamp| stamp.domain == StampDomain::Host);
    of_host.next().map_or(now_us, |stamp| stamp.time_us)
}

/// The thread that hands over what tickets name.
struct Namer {
    tickets: Receiver<TicketMessage>,
    ended: Receiver<Ended>,
    pictures: Pictures,
    slot: Slot,
}

impl Namer {
    /// Until there are no more tickets, nobody wants frames, or the watcher has died.
    fn run(mut self) {
        loop {
            select! {
                recv(self.tickets) -> ticket => match ticket {
                    Ok(ticket) if self.serve(ticket) => {}
                    _ => return,
                },
                recv(self.ended) -> end => match end {
                    Ok(Ended) => self.ended = never(),
                    Err(_) => {
                        log::error!("the thread that owns the camera has died");
                        return;
                    }
                },
            }
        }
    }

    fn serve(&self, ticket: TicketMessage) -> bool {
        let picture = held(&self.pictures).take(ticket.triggered_us);
        match picture {
            Some(frame) => self.slot.hand_over(Captured {
                errand: ticket.errand,
                decide_by_us: ticket.decide_by_us,
                frame,
            }),
            None => self.slot.refuse(ticket.errand, Reason::StaleFrame, None),
        }
    }
}
