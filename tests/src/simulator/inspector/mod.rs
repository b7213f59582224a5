//! The inspect process's double: camera, engine and socket as the real process has them, with the
//! production checks of pictures and with faults.

mod camera;
mod changeover;
mod ladder;
mod watch;

use std::collections::VecDeque;

use twinspect_core::changeover::Model;
use twinspect_core::freshness::ExposureWindow;
use twinspect_core::gate::{Outcome, Ticket};
use twinspect_core::lookout::Seen;
use twinspect_core::station::Inspector as Said;
use twinspect_core::trigger::Sight;
use twinspect_core::verdict::Reason;

use crate::simulator::chance::Chance;
use crate::simulator::device::{Device, Exposure, Picture};
use crate::simulator::fault::FaultKind;
use crate::simulator::story::{Answer, EXPOSURE_MAX_US};

use ladder::Camera;

pub(super) use changeover::Nature;

/// Tickets that may wait, as in the real process.
const TICKETS_MAX: usize = 16;
pub(super) const HEARTBEAT_US: u64 = 100_000;
const READOUT_US: u64 = 5_000;
/// A camera call that lasts longer is no sign of life.
const STUCK_US: u64 = 600_000;
const START_FAULTS: [FaultKind; 3] = [
    FaultKind::StartFailure,
    FaultKind::StartHang,
    FaultKind::EngineStandsIn,
];
/// What an engine that stands in takes longer for a part.
const SLOWER_US: u64 = 60_000;
pub(super) const NEVER: u64 = u64::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Away,
    /// Proves a model beside another process.
    Proving {
        proven_us: u64,
    },
    /// Has proven it, and waits.
    Waiting,
    /// Proves its model alone.
    Starting {
        proven_us: u64,
    },
    /// Waits for its camera's first pictures.
    Opening {
        until_us: u64,
    },
    Up,
    /// Does nothing, not even die.
    Hung,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    number: u64,
    window: ExposureWindow,
}

/// A picture under way; what it shows is known when it is taken.
#[derive(Debug, Clone, Copy)]
struct Capture {
    ticket: Waiting,
    asked_us: u64,
    /// When it is taken, unless it is.
    expose_us: Option<u64>,
    done_us: u64,
    exposure: Exposure,
    shows: Option<usize>,
    is_missing: bool,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    number: u64,
    shows: Option<usize>,
    /// It shows something, but not one part wholly and alone. An engine may find nothing wrong with that.
    is_partial: bool,
}

/// What an eye before the camera would see.
pub(super) trait Eyes {
    /// The part that lies at the sensor's place.
    fn part(&self) -> Option<usize>;
    /// What a look at the region says, and the part that lies there wholly and alone.
    fn region(&self) -> (Seen, Option<usize>);
}

/// What a process says: to the station, or of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    Said(Said),
    Sight(Sight),
}

#[derive(Debug, Clone, Copy)]
struct Job {
    frame: Frame,
    done_us: u64,
    fails: bool,
}

/// What the process has said, and of which part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) at_us: u64,
    pub(super) generation: u64,
    pub(super) what: Told,
    /// The part that an engine has seen, with its answer.
    pub(super) seen: Option<(usize, Answer)>,
}

#[derive(Debug)]
pub(super) struct Inspector {
    chance: Chance,
    draws: u64,
    phase: Phase,
    pub(super) generation: u64,
    pub(super) model: Model,
    nature: Nature,
    /// The last ticket that it was given.
    last_number: u64,
    /// When its end is seen, if it has ended.
    ended_us: Option<u64>,
    tickets: VecDeque<Waiting>,
    capture: Option<Capture>,
    slot: Option<Frame>,
    job: Option<Job>,
    beat_us: u64,
    /// Faults that wait for the next picture, part or start.
    armed: Vec<(FaultKind, u64)>,
    frames: u64,
    last: Option<(Exposure, Option<usize>)>,
    /// Of a camera that watches the belt: when its next picture is due, and the last one.
    watches: bool,
    frame_us: u64,
    last_picture: Option<Picture>,
    missing: u64,
    /// A call of the camera that has not returned: since when, until when.
    stall: Option<(u64, u64)>,
    /// Said, but not due yet; in order.
    outbox: VecDeque<Message>,
    disk_full_until_us: u64,
    /// Until when an engine stands in that is too slow for the belt.
    slow_until_us: Option<u64>,
    camera: Camera,
    pub(super) records_dropped: u64,
}

impl Inspector {
    pub(super) fn new(seed: u64, watches: bool) -> Self {
        Self {
            chance: Chance::new(seed, 7),
            draws: 0,
            phase: Phase::Away,
            generation: 0,
            model: Model::default(),
            nature: Nature::Good,
            last_number: 0,
            ended_us: None,
            tickets: VecDeque::with_capacity(TICKETS_MAX),
            capture: None,
            slot: None,
            job: None,
            beat_us: NEVER,
            armed: Vec::new(),
            frames: 0,
            last: None,
            watches,
            frame_us: NEVER,
            last_picture: None,
            missing: 0,
            stall: None,
            outbox: VecDeque::new(),
            disk_full_until_us: 0,
            slow_until_us: None,
            camera: Camera::default(),
            records_dropped: 0,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// Whether it is up without pictures that may be judged.
    pub(super) fn is_blind(&self) -> bool {
        self.is_up() && !self.camera.sees()
    }

    /// When it moves next.
    pub(super) fn next_us(&self) -> u64 {
        let said = self.outbox.front().map_or(NEVER, |message| message.at_us);
        let moves = match self.phase {
            Phase::Away | Phase::Hung | Phase::Waiting => NEVER,
            Phase::Proving { proven_us } => proven_us,
            Phase::Starting { proven_us } => proven_us,
            Phase::Opening { until_us } => until_us.min(self.camera.next_us),
            // A ticket that waits for an idle camera is served at once.
            Phase::Up if self.capture.is_none() && !self.tickets.is_empty() => 0,
            Phase::Up => {
                let capture = self.capture.map_or(NEVER, |capture| {
                    capture.expose_us.unwrap_or(capture.done_us)
                });
                let job = self.job.map_or(NEVER, |job| job.done_us);
                let own = capture.min(job).min(self.beat_us).min(self.frame_us);
                let retried_us = self.slow_until_us.unwrap_or(NEVER);
                own.min(self.camera.next_us).min(retried_us)
            }
        };
        said.min(moves)
    }

    /// The next thing that it has said by now.
    pub(super) fn says(&mut self, now_us: u64) -> Option<Message> {
        let is_due = self.outbox.front()?.at_us <= now_us;
        is_due.then(|| self.outbox.pop_front())?
    }

    /// Gives a ticket over; a process that hangs or has just died takes it too, and forgets it.
    pub(super) fn ticket(&mut self, ticket: Ticket) -> bool {
        if self.tickets.len() >= TICKETS_MAX {
            return false;
        }
        self.last_number = ticket.number;
        if self.phase == Phase::Up || self.phase == Phase::Hung {
            self.tickets.push_back(Waiting {
                number: ticket.number,
                window: ExposureWindow::new(ticket.triggered_us, EXPOSURE_MAX_US),
            });
        }
        true
    }

    pub(super) fn start(&mut self, generation: u64, model: Model, nature: Nature, now_us: u64) {
        self.generation = generation;
        self.model = model;
        self.nature = nature;
        self.ended_us = None;
        self.forget();
        // The camera is opened anew, and what its driver held is gone.
        self.last = None;
        self.last_picture = None;
        self.armed.retain(|(kind, _)| START_FAULTS.contains(kind));
        self.slow_until_us = None;
        let lasts_us = self.draw(50_000, 200_000);
        let proven_us = match self.take(&START_FAULTS) {
            Some((FaultKind::StartHang, _)) => NEVER,
            Some((FaultKind::EngineStandsIn, size)) => {
                self.slow_until_us = Some(now_us + lasts_us + 200_000 + 1_000 * size);
                now_us + lasts_us
            }
            Some(_) => {
                self.end(now_us + lasts_us);
                return;
            }
            None => now_us + lasts_us,
        };
        self.phase = Phase::Starting { proven_us };
    }

    /// Somebody has killed it.
    pub(super) fn kill(&mut self, now_us: u64) {
        self.end(now_us);
    }

    /// A fault meets it now or at the next occasion.
    pub(super) fn fault(
        &mut self,
        kind: FaultKind,
        size: u64,
        now_us: u64,
        device: &mut impl Device,
    ) {
        match kind {
            FaultKind::Crash => {
                if self.is_up() {
                    self.end(now_us);
                }
            }
            FaultKind::Hang => {
                if self.is_up() {
                    self.phase = Phase::Hung;
                }
            }
            FaultKind::UnknownAnswer => {
                let number = if size.is_multiple_of(2) {
                    0
                } else {
                    u64::MAX - size
                };
                self.say(
                    now_us,
                    Said::Verdict {
                        number,
                        outcome: Outcome::Pass,
                    },
                    None,
                );
            }
            FaultKind::CameraAway | FaultKind::CameraSilent | FaultKind::CameraHang => {
                self.camera_fault(kind, size, now_us, device);
            }
            FaultKind::EngineStandsIn => {
                self.armed.retain(|(kind, _)| !START_FAULTS.contains(kind));
                self.armed.push((kind, size));
                if self.is_up() {
                    self.end(now_us);
                }
            }
            FaultKind::DiskFull => self.disk_full_until_us = now_us + 1_000 * size,
            FaultKind::StartFailure | FaultKind::StartHang => {
                self.armed.retain(|(kind, _)| !START_FAULTS.contains(kind));
                self.armed.push((kind, size));
            }
            _ => self.armed.push((kind, size)),
        }
    }

    /// Moves on.
    pub(super) fn step(
        &mut self,
        now_us: u64,
        device: &mut impl Device,
        eyes: &impl Eyes,
        answers: impl Fn(usize) -> Answer,
    ) {
        if let Phase::Proving { proven_us } = self.phase
            && proven_us <= now_us
        {
            self.phase = Phase::Waiting;
            self.say(now_us, Said::Proven, None);
        }
        if let Phase::Starting { proven_us } = self.phase
            && proven_us <= now_us
        {
            self.say(now_us, Said::Proven, None);
            self.open_camera(now_us, device);
        }
        if let Phase::Opening { .. } | Phase::Up = self.phase {
            self.tend(now_us, device);
        }
        if let Phase::Opening { until_us } = self.phase {
            if self.camera.is_well() {
                self.phase = Phase::Up;
                self.beat_us = now_us + HEARTBEAT_US;
                self.frame_us = if self.watches { now_us } else { NEVER };
                self.say(now_us, Said::Ready, None);
                if self.slow_until_us.is_some() {
                    self.say(now_us, Said::Slow, None);
                }
            } else if until_us <= now_us {
                self.camera_failed(now_us);
            }
        }
        if self.phase != Phase::Up {
            return;
        }
        if self
            .slow_until_us
            .is_some_and(|until_us| until_us <= now_us)
        {
            self.end(now_us);
            return;
        }
        if let Some(job) = self.job.take_if(|job| job.done_us <= now_us) {
            self.judged(job, now_us, answers);
        }
        if self.watches {
            self.watch(now_us, device, eyes);
            self.name(now_us, device);
        } else {
            self.photograph(now_us, device, &|| eyes.part());
            self.ask(now_us, device, &|| eyes.part());
        }
        self.work(now_us);
        if self.beat_us <= now_us {
            self.beat_us = now_us + HEARTBEAT_US;
            let is_stuck = self
                .capture
                .is_some_and(|capture| now_us - capture.asked_us > STUCK_US)
                || self
                    .stall
                    .is_some_and(|(since, until)| now_us < until && now_us - since > STUCK_US);
            // The thread that beats is the one that waits for the engine.
            if self.job.is_none() && !is_stuck {
                self.say(now_us, self.beat(), None);
            }
        }
    }

    /// What a heartbeat says.
    fn beat(&self) -> Said {
        match (self.camera.is_well(), self.slow_until_us) {
            (false, _) => Said::Blind,
            (true, Some(_)) => Said::Slow,
            (true, None) => Said::Advanced,
        }
    }

    /// Gives the engine the newest picture.
    fn work(&mut self, now_us: u64) {
        if self.job.is_some() {
            return;
        }
        let Some(frame) = self.slot.take() else {
            return;
        };
        if self.nature == Nature::Dies {
            self.end(now_us);
            return;
        }
        let longer_us = self.slow_until_us.map_or(0, |_| SLOWER_US);
        let mut job = Job {
            frame,
            done_us: now_us + longer_us + self.draw(15_000, 45_000),
            fails: self.nature == Nature::CantJudge,
        };
        match self.take(&[
            FaultKind::EngineError,
            FaultKind::EngineSlow,
            FaultKind::EngineHang,
        ]) {
            Some((FaultKind::EngineSlow, size)) => job.done_us += 100_000 + 400 * size,
            Some((FaultKind::EngineHang, _)) => job.done_us = NEVER,
            Some(_) => job.fails = true,
            None => {}
        }
        self.job = Some(job);
    }

    /// The engine has answered.
    fn judged(&mut self, job: Job, now_us: u64, answers: impl Fn(usize) -> Answer) {
        let seen = job
            .frame
            .shows
            .filter(|_| !job.fails)
            .map(|part| (part, answers(part)));
        let outcome = match (job.fails, seen) {
            (true, _) => Outcome::NoResult(Reason::Engine),
            (_, None) if job.frame.is_partial => Outcome::Pass,
            (_, None) => Outcome::NoResult(Reason::NoPart),
            (_, Some((_, Answer::Pass))) => Outcome::Pass,
            (_, Some((_, Answer::Fail))) => Outcome::Fail,
        };
        // Records wait in a bounded queue; a full disk drops them and holds nobody up.
        if outcome != Outcome::Pass && now_us < self.disk_full_until_us {
            self.records_dropped += 1;
        }
        let number = job.frame.number;
        let what = Said::Verdict { number, outcome };
        match self.take(&[FaultKind::DuplicateAnswer, FaultKind::DelayedAnswer]) {
            Some((FaultKind::DelayedAnswer, size)) => {
                self.say(now_us + 20_000 + 400 * size, what, seen);
            }
            Some(_) => {
                self.say(now_us, what, seen);
                let outcome = Outcome::Pass;
                self.say(now_us + 1, Said::Verdict { number, outcome }, None);
            }
            None => self.say(now_us, what, seen),
        }
        self.say(now_us, self.beat(), None);
        self.beat_us = now_us + HEARTBEAT_US;
    }

    fn refuse(&mut self, number: u64, reason: Reason, now_us: u64) {
        let outcome = Outcome::NoResult(reason);
        self.say(now_us, Said::Verdict { number, outcome }, None);
    }

    fn say(&mut self, at_us: u64, what: Said, seen: Option<(usize, Answer)>) {
        self.tell(at_us, Told::Said(what), seen);
    }

    fn tell(&mut self, at_us: u64, what: Told, seen: Option<(usize, Answer)>) {
        let message = Message {
            at_us,
            generation: self.generation,
            what,
            seen,
        };
        let mut place = self.outbox.len();
        while place > 0 && self.outbox[place - 1].at_us > at_us {
            place -= 1;
        }
        self.outbox.insert(place, message);
    }

    /// It is gone at a time; both signs of that follow. What it was about to say may still come.
    fn end(&mut self, at_us: u64) {
        self.forget();
        self.phase = Phase::Away;
        let ended_us = at_us + self.draw(2_000, 20_000);
        self.ended_us = Some(ended_us);
        self.say(at_us + 1_000, Said::Closed, None);
        self.say(ended_us, Said::Ended, None);
    }

    fn forget(&mut self) {
        self.tickets.clear();
        self.capture = None;
        self.slot = None;
        self.job = None;
        self.beat_us = NEVER;
        self.frame_us = NEVER;
        self.missing = 0;
        self.stall = None;
    }

    /// The first armed fault of one of these kinds.
    fn take(&mut self, kinds: &[FaultKind]) -> Option<(FaultKind, u64)> {
        let place = self
            .armed
            .iter()
            .position(|(kind, _)| kinds.contains(kind))?;
        Some(self.armed.swap_remove(place))
    }

    fn draw(&mut self, from: u64, to: u64) -> u64 {
        self.draws += 1;
        self.chance.range(self.draws, from, to)
    }
}
