//! The thread that owns the camera. It alone calls the library; if the library hangs, it hangs alone, and
//! whoever watches asks for a new process.

mod telling;

use std::sync::Arc;
use std::time::Duration;

use twinspect_core::freshness::FrozenPicture;
use twinspect_core::lag::Lag;
use twinspect_core::pairing::{Pair, Pairing, PairingCounts, PairingWatch, Stream};
use twinspect_core::recovery::{Failure, Health, Order};

use super::error::{RealSenseError, list};
use super::find::FindDevice;
use super::session::{Arrival, Picture, Session, fallen_to_usb_2};
use super::shared::{Ready, Refused, Shared, sum};
use super::spec::{Pace, RealSenseSpec};
use crate::librealsense::{Context, DeviceChanges};
use crate::live::Teller;

/// Longest wait for a picture. Stopping waits for a wait, so it is short.
const WAIT: Duration = Duration::from_millis(100);
/// How often it is looked whether a reset camera has come back.
const LOOK: Duration = Duration::from_millis(250);

/// Everything that belongs to one start of the camera.
struct Run {
    session: Session,
    number: u64,
    pairing: Pairing<Picture>,
    lags: [Lag; 2],
    frozen: [FrozenPicture; 2],
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    context: Context,
    changes: Arc<DeviceChanges>,
    removed_seen: u64,
    finder: Box<dyn FindDevice>,
    spec: RealSenseSpec,
    run: Option<Run>,
    starts: u64,
    teller: Teller,
    /// Pairs of a recording that are still to be passed over.
    skip_pairs: u64,
    /// Whether it was told that the recording breaks off.
    has_told_break: bool,
    /// Whether it was told that the recording has equal pictures.
    has_told_frozen: bool,
    /// Counts of runs that have ended.
    ended: PairingCounts,
    pairing_watch: PairingWatch,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        context: Context,
        finder: Box<dyn FindDevice>,
        spec: RealSenseSpec,
    ) -> Self {
        let changes = context.changes();
        Self {
            pairing_watch: PairingWatch::new(shared.clock.now_us()),
            shared,
            removed_seen: changes.removed(),
            changes,
            context,
            finder,
            skip_pairs: spec.skip_pairs,
            spec,
            run: None,
            starts: 0,
            teller: Teller::default(),
            has_told_break: false,
            has_told_frozen: false,
            ended: Default::default(),
        }
    }

    /// Until it is told to stop, the recording ends, or only a new process can help.
    pub(super) fn work(mut self) {
        while self.go_on() {}
        self.close();
        let mut state = self.shared.lock();
        // The last pair of a recording may still be asked for.
        if !state.ended {
            state.newest = None;
        }
        state.done = true;
        drop(state);
        self.shared.notify();
    }

    /// One turn; whether there is another one.
    fn go_on(&mut self) -> bool {
        self.notice_removal();
        let now_us = self.shared.clock.now_us();
        {
            let mut state = self.shared.lock();
            if state.stop || state.ended {
                return false;
            }
            state.recovery.alive(now_us);
        }
        // Before the next step begins, within which the camera is said to start, also where there is none.
        self.tell_health(now_us);
        self.tell_pairing(now_us);
        let order = self.shared.lock().recovery.poll(now_us);
        match order {
            Some(Order::Open) => self.open(),
            Some(Order::Restart) => self.restart(),
            Some(Order::Reset) => self.reset(),
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
        if self.is_wanted()
            && let Some(run) = &mut self.run
        {
            let clock = self.shared.clock;
            match run.session.next(WAIT, || clock.now_us()) {
                Ok(arrival) => self.take(arrival),
                Err(source) => self.lost(RealSenseError::Call {
                    doing: "waiting for a picture",
                    source,
                }),
            }
            return;
        }
        if let Some(run) = &mut self.run {
            run.session.moved();
        }
        let state = self.shared.lock();
        let until_us = self.shared.clock.now_us() + WAIT.as_micros() as u64;
        drop(self.shared.wait_until(state, until_us));
    }

    /// Whether another pair may be read: always, but from a recording that waits for its reader.
    fn is_wanted(&self) -> bool {
        if self.spec.pace == Pace::Sensor {
            return true;
        }
        let now_us = self.shared.clock.now_us();
        let mut state = self.shared.lock();
        let is_full = state.newest.is_some();
        if is_full {
            // Somebody else is slow, and not the recording.
            state.recovery.pair(now_us);
            state.good_us = now_us;
        }
        !is_full
    }

    fn take(&mut self, arrival: Arrival) {
        let Some(run) = &mut self.run else { return };
        match arrival {
            Arrival::Picture(stream, picture) => {
                let (at_us, clock) = (picture.mark.arrived_us, picture.mark.clock);
                let number = picture.mark.number;
                let is_new = run
                    .pairing
                    .last(stream)
                    .is_none_or(|last| last.number < number);
                let pair = run.pairing.push(stream, picture);
                let mut state = self.shared.lock();
                if is_new {
                    match stream {
                        Stream::Depth => state.heard.depth = Some((at_us, clock)),
                        Stream::Colour => state.heard.colour = Some((at_us, clock)),
                    }
                }
                state.counts.pairing = sum(self.ended, run.pairing.counts());
                drop(state);
                if let Some(pair) = pair {
                    self.judge(pair);
                }
            }
            Arrival::Corrupt(error) => {
                log::debug!("{}: {error}", self.finder.describe());
                self.shared.lock().counts.corrupt += 1;
            }
            Arrival::Other => {}
            Arrival::Nothing => {
                if run.session.has_ended() || run.session.waited(self.shared.clock.now_us()) {
                    self.end();
                }
            }
        }
    }

    /// Lets a pair in if it may be judged.
    fn judge(&mut self, pair: Pair<Picture>) {
        let Some(run) = &mut self.run else { return };
        let [depth_lag, colour_lag] = &mut run.lags;
        let late_us = depth_lag
            .of(pair.depth.mark)
            .max(colour_lag.of(pair.colour.mark));
        let [depth_frozen, colour_frozen] = &mut run.frozen;
        let is_frozen = [
            depth_frozen.is_frozen(pair.depth.content.print),
            colour_frozen.is_frozen(pair.colour.content.print),
        ]
        .contains(&true);
        let arrived_us = pair.depth.mark.arrived_us.min(pair.colour.mark.arrived_us);
        let taken_us = arrived_us
            .saturating_sub(late_us)
            .saturating_sub(self.spec.transfer_max.as_micros() as u64);
        let since = [
            (Stream::Depth, depth_frozen.since_us(taken_us)),
            (Stream::Colour, colour_frozen.since_us(taken_us)),
        ];
        let exposed_us = since.iter().map(|(_, us)| *us).min().unwrap_or(taken_us);
        let again = since.iter().find(|(_, us)| *us < taken_us);
        let again = again.map(|(stream, _)| *stream);
        let paired_us = pair.depth.mark.arrived_us.max(pair.colour.mark.arrived_us);
        let unit_m = match pair.depth.content.frame.depth_unit_m() {
            Ok(unit_m) => unit_m,
            Err(error) => {
                log::debug!("{}: {error}", self.finder.describe());
                self.shared.lock().counts.corrupt += 1;
                return;
            }
        };
        let mut state = self.shared.lock();
        // A recording that waits for its reader is never late.
        let is_late =
            self.spec.pace == Pace::Sensor && late_us > self.spec.age_max.as_micros() as u64;
        if is_frozen {
            state.counts.frozen += 1;
            state.refused = Some(Refused::Frozen);
            return;
        }
        if is_late {
            state.counts.late += 1;
            state.refused = Some(Refused::Late { by_us: late_us });
            return;
        }
        state.refused = None;
        let now_us = self.shared.clock.now_us();
        state.recovery.pair(now_us);
        state.good_us = now_us;
        if let Some(facts) = &mut state.facts {
            facts.depth_unit_m = unit_m;
        }
        if state.recovery.health(now_us) != Health::Well {
            state.counts.warm_up += 1;
            return;
        }
        if self.skip_pairs > 0 {
            self.skip_pairs -= 1;
            state.skipped += 1;
            return;
        }
        let replaced = state.newest.replace(Ready {
            pair,
            unit_m,
            exposed_us,
            again,
            arrived_us: paired_us,
            session: run.number,
        });
        state.counts.replaced += u64::from(replaced.is_some());
        drop(state);
        self.shared.notify();
        // Given back to the library's pool here, not under the lock.
        drop(replaced);
    }

    fn open(&mut self) {
        self.close();
        let started = self
            .finder
            .find(&self.context)
            .and_then(|device| Session::start(device, &self.spec));
        match started {
            Ok((session, maker)) => {
                self.starts += 1;
                let half = session.interval / 2;
                let distance = self.spec.pair_distance_max.unwrap_or(half);
                let mut state = self.shared.lock();
                state.forget_pictures();
                state.error = None;
                let before = state.facts.replace(session.facts.clone());
                state.maker = Some(maker);
                state.session = self.starts;
                state.recovery.started(self.shared.clock.now_us());
                drop(state);
                let usb = session.facts.usb.as_deref();
                if let Some(before) = before
                    && let Some(usb) = fallen_to_usb_2(before.usb.as_deref(), usb)
                {
                    log::warn!(
                        "{}: it runs on USB {usb} now: use a USB 3 cable and port, and push the plug in quickly",
                        self.finder.describe()
                    );
                }
                self.run = Some(Run {
                    session,
                    number: self.starts,
                    pairing: Pairing::new(distance.as_micros() as u64),
                    lags: [Lag::default(); 2],
                    frozen: [FrozenPicture::new(self.spec.equal_pictures_max); 2],
                });
            }
            Err(error) => {
                let failure = match error {
                    RealSenseError::Absent { .. } => Failure::Absent,
                    _ => Failure::Refused,
                };
                let error = self.of_the_recording(error);
                log::debug!("{}: {error}", self.finder.describe());
                let mut state = self.shared.lock();
                state.error = Some(error);
                state.recovery.failed(failure, self.shared.clock.now_us());
            }
        }
        self.shared.notify();
    }

    /// The same error, but that what a recording lacks can't be asked for otherwise or later, as of a camera.
    fn of_the_recording(&self, error: RealSenseError) -> RealSenseError {
        match error {
            RealSenseError::Places(source) if self.shared.recording.is_some() => {
                RealSenseError::NoPlaces {
                    file: self.shared.file(),
                    source,
                }
            }
            RealSenseError::NoProfile {
                stream, offered, ..
            } if self.shared.recording.is_some() => self
                .shared
                .one_stream(stream, format!("it has {}", list(&offered))),
            error => error,
        }
    }

    fn restart(&mut self) {
        log::warn!("{}: starting its streams anew", self.finder.describe());
        self.open();
    }

    /// Sends a reset, then waits until the camera has gone and come back, as long as the ladder allows.
    fn reset(&mut self) {
        log::warn!("{}: resetting it", self.finder.describe());
        let added = self.changes.added();
        if let Some(run) = self.run.take() {
            let result = self.retire(run).reset();
            if let Err(error) = result {
                log::warn!("{}: {error}", self.finder.describe());
            }
        } else if let Ok(device) = self.finder.find(&self.context)
            && let Err(error) = device.reset()
        {
            log::warn!("{}: {error}", self.finder.describe());
        }
        // A camera that never goes is started all the same, before the step's time is up.
        let limit_us = self.shared.clock.now_us() + self.spec.recovery.reset_max_us / 2;
        loop {
            let state = self.shared.lock();
            let now_us = self.shared.clock.now_us();
            if state.stop || now_us >= limit_us || self.changes.added() > added {
                break;
            }
            let until_us = now_us + LOOK.as_micros() as u64;
            drop(self.shared.wait_until(state, until_us.min(limit_us)));
        }
        self.removed_seen = self.changes.removed();
        self.open();
    }

    /// The camera has said that it can't go on.
    fn lost(&mut self, error: RealSenseError) {
        log::warn!("{}: {error}", self.finder.describe());
        if self.shared.recording.is_some() {
            // Opened anew it would be played twice.
            return self.end();
        }
        self.close();
        let mut state = self.shared.lock();
        state.error = Some(error);
        state.recovery.removed(self.shared.clock.now_us());
    }

    /// What the library's own thread has heard of USB is looked into before another picture counts.
    fn notice_removal(&mut self) {
        let removed = self.changes.removed();
        // A file that was taken away is read to its end.
        if removed == self.removed_seen || self.shared.recording.is_some() {
            return;
        }
        self.removed_seen = removed;
        // Any camera may have gone; ours has if it isn't found any more.
        if self.run.is_some()
            && let Err(error) = self.finder.find(&self.context)
        {
            self.lost(error);
        }
    }

    /// The recording has played its last picture.
    fn end(&mut self) {
        let broken = self.run.as_ref().and_then(|run| run.session.broken_off());
        if let Some(broken) = broken
            && !self.has_told_break
        {
            self.has_told_break = true;
            let error = self.shared.broken_off(broken);
            let hint = error.hint().unwrap_or_default();
            log::warn!("{error}: {hint}");
        }
        self.tell_frozen();
        let gave_pairs = |run: &Run| run.pairing.counts().pairs > 0;
        // One that gives nothing would be opened again and again, and what hangs once will hang again.
        let may_repeat = |run: &Run| gave_pairs(run) && !run.session.is_given_up();
        if self.spec.repeat && self.run.as_ref().is_some_and(may_repeat) {
            return self.open();
        }
        let mut state = self.shared.lock();
        state.ended = true;
        state.broken = broken;
        drop(state);
        self.shared.notify();
    }

    fn close(&mut self) {
        if let Some(run) = self.run.take() {
            drop(self.retire(run));
        }
    }

    /// Lets go of all pictures of a run, and keeps its counts.
    fn retire(&mut self, run: Run) -> Session {
        let Run {
            session, pairing, ..
        } = run;
        self.ended = sum(self.ended, pairing.counts());
        let mut state = self.shared.lock();
        // The last pair of a recording may still be asked for.
        if !state.ended {
            state.forget_pictures();
        }
        state.counts.pairing = self.ended;
        session
    }
}
