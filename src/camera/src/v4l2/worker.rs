//! The thread that owns the camera. It alone calls the driver; if the driver hangs, it hangs alone, and
//! whoever watches asks for a new process.

use std::sync::Arc;
use std::time::Duration;

use twinspect_core::freshness::FrozenPicture;
use twinspect_core::lag::Lag;
use twinspect_core::pairing::{Mark, SensorClock};
use twinspect_core::recovery::{Failure, Health, Order};
use twinspect_core::sequence::{Arrival, Sequence};

use super::decode::{self, Decoder, PictureError};
use super::device::{Buffer, FindDevice};
use super::error::{V4l2Error, is_gone};
use super::session::Session;
use super::shared::{Ready, Refused, Shared, State};
use super::spec::V4l2Spec;
use crate::live::{News, Teller};

/// Longest wait for a picture. Stopping waits for a wait, so it is short.
const WAIT: Duration = Duration::from_millis(100);

/// Stamps of one driver are of one clock.
const CLOCK: SensorClock = SensorClock(0);

/// Everything that belongs to one start of the camera.
struct Run {
    session: Session,
    judge: Judge,
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    finder: Box<dyn FindDevice>,
    spec: V4l2Spec,
    run: Option<Run>,
    has_looked: bool,
    /// The number of the last picture of all starts.
    number: u64,
    teller: Teller,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, finder: Box<dyn FindDevice>, spec: V4l2Spec) -> Self {
        Self {
            shared,
            finder,
            spec,
            run: None,
            has_looked: false,
            number: 0,
            teller: Teller::default(),
        }
    }

    /// Until it is told to stop, or only a new process can help.
    pub(super) fn work(mut self) {
        while self.go_on() {}
        self.end();
    }

    pub(super) fn end(&mut self) {
        self.close();
        self.shared.lock().done = true;
        self.shared.notify();
    }

    /// One turn; whether there is another one.
    pub(super) fn go_on(&mut self) -> bool {
        let now_us = self.shared.clock.now_us();
        {
            let mut state = self.shared.lock();
            if state.stop {
                return false;
            }
            state.recovery.alive(now_us);
        }
        // Before the next step begins, within which the camera is said to start, also where there is none.
        self.tell_health(now_us);
        let order = self.shared.lock().recovery.poll(now_us);
        match order {
            Some(Order::Open) => self.open(),
            Some(Order::Restart) => self.restart(),
            Some(Order::Reset) => self.reopen(),
            Some(Order::NewProcess) => {
                self.tell_health(now_us);
                return false;
            }
            None => self.watch(),
        }
        true
    }

    /// A picture, or a while without one.
    fn watch(&mut self) {
        let shared = Arc::clone(&self.shared);
        let Some(run) = self.run.as_mut().filter(|run| run.session.is_running()) else {
            let state = shared.lock();
            let until_us = shared.clock.now_us() + WAIT.as_micros() as u64;
            drop(shared.wait_until(state, until_us));
            return;
        };
        let decoder = run.session.decoder();
        match run.session.next(WAIT) {
            Ok(Some(buffer)) => {
                let now_us = shared.clock.now_us();
                let judge = &mut run.judge;
                let judged = judge.look(&buffer, now_us, decoder, &self.spec);
                self.number += judged.step;
                let mut state = shared.lock();
                judged.count(&mut state);
                match judged.outcome {
                    Ok(Exposed { us, is_again }) => {
                        let ready = |bytes| Ready {
                            bytes,
                            decoder,
                            number: self.number,
                            exposed_us: us,
                            is_again,
                            arrived_us: now_us,
                        };
                        state.take_in(&buffer, now_us, ready);
                    }
                    Err(Unfit::Corrupt(error)) => {
                        state.refused = Some(Refused::Corrupt);
                        log::debug!("{}: {error}", self.finder.describe());
                    }
                    Err(Unfit::Refused(refused)) => state.refused = Some(refused),
                }
                drop(state);
                shared.notify();
            }
            Ok(None) => {}
            Err(source) => self.broken(source),
        }
    }

    /// The driver can't go on. A device that is gone is waited for; what else there is, the ladder cures.
    fn broken(&mut self, source: std::io::Error) {
        log::warn!("{}: {source}", self.finder.describe());
        let is_gone = is_gone(&source);
        if is_gone {
            self.close();
        } else if let Some(run) = &mut self.run {
            run.session.halt();
        }
        let mut state = self.shared.lock();
        state.forget_pictures();
        state.refused = None;
        state.error = Some(V4l2Error::Call {
            doing: "waiting for a picture",
            source,
        });
        if is_gone {
            state.recovery.removed(self.shared.clock.now_us());
        }
        drop(state);
        self.shared.notify();
    }

    fn open(&mut self) {
        self.close();
        let opened = self
            .finder
            .find()
            .and_then(|device| Session::start(device, &self.spec));
        self.started(opened);
    }

    /// The same device, its streams and settings anew.
    fn restart(&mut self) {
        log::warn!("{}: starting its stream anew", self.finder.describe());
        let Some(mut run) = self.run.take() else {
            return self.open();
        };
        self.shared.lock().forget_pictures();
        let restarted = run.session.restart().map(|()| run.session);
        self.started(restarted);
    }

    /// The device let go of, found again and opened: V4L2 itself knows no reset.
    fn reopen(&mut self) {
        log::warn!("{}: opening it anew", self.finder.describe());
        self.open();
    }

    fn started(&mut self, session: Result<Session, V4l2Error>) {
        self.has_looked = true;
        let mut state = self.shared.lock();
        match session {
            Ok(session) => {
                state.forget_pictures();
                state.refused = None;
                state.error = None;
                state.facts = Some(session.facts.clone());
                state.recovery.started(self.shared.clock.now_us());
                self.run = Some(Run {
                    session,
                    judge: Judge::new(self.spec.equal_pictures_max),
                });
            }
            Err(error) => {
                let failure = if error.is_absent() {
                    Failure::Absent
                } else {
                    Failure::Refused
                };
                log::debug!("{}: {error}", self.finder.describe());
                state.error = Some(error);
                state.recovery.failed(failure, self.shared.clock.now_us());
            }
        }
        drop(state);
        self.shared.notify();
    }

    fn close(&mut self) {
        drop(self.run.take());
        self.shared.lock().forget_pictures();
    }

    /// One line for each change, and ever fewer while nothing changes.
    fn tell_health(&mut self, now_us: u64) {
        if !self.has_looked {
            return;
        }
        let mut state = self.shared.lock();
        state.counts.recovery = state.recovery.counts();
        let news = News {
            health: state.recovery.health(now_us),
            trouble: state.trouble(now_us),
            is_due: state.recovery.report_is_due(now_us),
            cause: state.error.as_ref().map(ToString::to_string),
        };
        drop(state);
        self.teller.tell(&self.finder.describe(), news);
    }
}

impl State {
    /// Keeps a picture that is fit, unless the camera is still settling.
    fn take_in(&mut self, buffer: &Buffer<'_>, now_us: u64, ready: impl FnOnce(Vec<u8>) -> Ready) {
        self.refused = None;
        self.counts.pairing.pairs += 1;
        self.recovery.pair(now_us);
        if self.recovery.health(now_us) != Health::Well {
            self.counts.warm_up += 1;
            return;
        }
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        bytes.extend_from_slice(buffer.bytes);
        if let Some(replaced) = self.newest.replace(ready(bytes)) {
            self.counts.replaced += 1;
            self.spare = replaced.bytes;
        }
    }
}

/// Why a picture is not judged.
enum Unfit {
    Refused(Refused),
    Corrupt(PictureError),
}

/// What came of a look at one picture.
struct Judged {
    /// From the number of the picture before.
    step: u64,
    /// Pictures that the driver left out.
    gaps: u64,
    age_us: Option<u64>,
    outcome: Result<Exposed, Unfit>,
}

/// When a picture was exposed.
struct Exposed {
    /// No later than this its exposure began, or that of the first one that it is equal to.
    us: u64,
    /// Whether it is equal to the one before.
    is_again: bool,
}

impl Judged {
    fn count(&self, state: &mut State) {
        let counts = &mut state.counts;
        counts.pairing.gaps += self.gaps;
        counts.age_us = self.age_us.or(counts.age_us);
        match &self.outcome {
            Ok(_) => {}
            Err(Unfit::Corrupt(_)) => counts.corrupt += 1,
            Err(Unfit::Refused(refused)) => match refused {
                Refused::Frozen => counts.frozen += 1,
                Refused::Late { .. } => counts.late += 1,
                Refused::Repeated => counts.pairing.repeated += 1,
                Refused::OtherClock => counts.pairing.clocks_apart += 1,
                Refused::Corrupt => counts.corrupt += 1,
            },
        }
    }
}

/// Whether a picture of one start may be judged.
struct Judge {
    sequence: Sequence,
    last_stamp_us: Option<u64>,
    lag: Lag,
    frozen: FrozenPicture,
}

impl Judge {
    fn new(equal_pictures_max: u32) -> Self {
        Self {
            sequence: Sequence::default(),
            last_stamp_us: None,
            lag: Lag::default(),
            frozen: FrozenPicture::new(equal_pictures_max),
        }
    }

    fn look(
        &mut self,
        buffer: &Buffer<'_>,
        now_us: u64,
        decoder: Decoder,
        spec: &V4l2Spec,
    ) -> Judged {
        let gaps = match self.sequence.accept(buffer.sequence) {
            Arrival::Next => 0,
            Arrival::Gap { lost } => u64::from(lost),
            Arrival::Repeated => {
                return Judged {
                    step: 0,
                    gaps: 0,
                    age_us: None,
                    outcome: Err(Unfit::Refused(Refused::Repeated)),
                };
            }
        };
        let age_us = buffer
            .is_monotonic
            .then(|| now_us.saturating_sub(buffer.stamp_us));
        Judged {
            step: gaps + 1,
            gaps,
            age_us,
            outcome: self.exposed(buffer, now_us, decoder, spec),
        }
    }

    fn exposed(
        &mut self,
        buffer: &Buffer<'_>,
        now_us: u64,
        decoder: Decoder,
        spec: &V4l2Spec,
    ) -> Result<Exposed, Unfit> {
        if buffer.is_damaged {
            return Err(Unfit::Corrupt(PictureError::Damaged));
        }
        decoder.check(buffer.bytes).map_err(Unfit::Corrupt)?;
        let refused = |refused| Err(Unfit::Refused(refused));
        if !buffer.is_monotonic {
            return refused(Refused::OtherClock);
        }
        // A stamp that has not moved on is an older picture's, or none; the one after that may be right again.
        let last_us = self.last_stamp_us.replace(buffer.stamp_us);
        if last_us.is_some_and(|last_us| buffer.stamp_us <= last_us) {
            return refused(Refused::Repeated);
        }
        let transfer_us = spec.transfer_max.as_micros() as u64;
        // Some drivers stamp a picture a little ahead of the clock.
        let stamp_us = buffer.stamp_us.min(now_us);
        let lag_us = self.lag.of(Mark {
            number: u64::from(buffer.sequence),
            time_us: buffer.stamp_us,
            clock: CLOCK,
            arrived_us: now_us,
        });
        let late_us = lag_us.max((now_us - stamp_us).saturating_sub(transfer_us));
        let exposed_us = stamp_us
            .min(now_us - lag_us.min(now_us))
            .saturating_sub(transfer_us);
        let is_frozen = self.frozen.is_frozen(decode::print(buffer.bytes));
        let us = self.frozen.since_us(exposed_us);
        if is_frozen {
            return refused(Refused::Frozen);
        }
        if late_us > spec.age_max.as_micros() as u64 {
            return refused(Refused::Late { by_us: late_us });
        }
        Ok(Exposed {
            us,
            is_again: us < exposed_us,
        })
    }
}
