//! What the camera's thread and whoever asks for pictures have in common.

use std::sync::MutexGuard;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use twinspect_core::pairing::Stream;
use twinspect_core::recovery::{Health, Recovery, RecoverySpec};

use super::decode::Decoder;
use super::error::V4l2Error;
use super::session::CameraFacts;
use crate::StreamCounts;
use crate::live::{Monitor, Watched};
use crate::trouble::Trouble;

/// The clock by which drivers stamp pictures, in microseconds.
#[derive(Debug, Clone)]
pub(super) enum HostClock {
    Monotonic,
    /// A test's, which moves when the test's camera waits.
    #[cfg(test)]
    Scripted(std::sync::Arc<std::sync::atomic::AtomicU64>),
}

impl HostClock {
    pub(super) fn now_us(&self) -> u64 {
        match self {
            Self::Monotonic => {
                let now = clock_gettime(ClockId::Monotonic);
                // It counts from the system's start, and never below zero.
                now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1_000
            }
            #[cfg(test)]
            Self::Scripted(now_us) => now_us.load(std::sync::atomic::Ordering::Relaxed),
        }
    }
}

/// A picture that may be judged.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) bytes: Vec<u8>,
    pub(super) decoder: Decoder,
    /// Counts through all starts.
    pub(super) number: u64,
    /// No later than this its exposure began.
    pub(super) exposed_us: u64,
    /// Whether it is the picture before once more, exposed when that was.
    pub(super) is_again: bool,
    /// When the driver handed it over.
    pub(super) arrived_us: u64,
}

/// Why the last picture was not good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Frozen,
    Late { by_us: u64 },
    Repeated,
    OtherClock,
    Corrupt,
}

pub(super) struct State {
    pub(super) recovery: Recovery,
    pub(super) newest: Option<Ready>,
    /// Room for the next picture, so that none is made for each.
    pub(super) spare: Vec<u8>,
    pub(super) facts: Option<CameraFacts>,
    pub(super) refused: Option<Refused>,
    /// The last step's own error.
    pub(super) error: Option<V4l2Error>,
    pub(super) counts: StreamCounts,
    pub(super) stop: bool,
    pub(super) done: bool,
}

pub(super) struct Shared {
    pub(super) clock: HostClock,
    monitor: Monitor<State>,
}

impl Shared {
    pub(super) fn new(clock: HostClock, spec: RecoverySpec) -> Self {
        let now_us = clock.now_us();
        Self {
            clock,
            monitor: Monitor::new(State {
                recovery: Recovery::new(spec, now_us),
                newest: None,
                spare: Vec::new(),
                facts: None,
                refused: None,
                error: None,
                counts: StreamCounts::default(),
                stop: false,
                done: false,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.monitor.lock()
    }

    /// Tells everybody who waits.
    pub(super) fn notify(&self) {
        self.monitor.notify();
    }

    /// Waits until somebody tells, at most until a time of the clock.
    pub(super) fn wait_until<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        until_us: u64,
    ) -> MutexGuard<'a, State> {
        let now_us = self.clock.now_us();
        match &self.clock {
            HostClock::Monotonic => {
                let time = Duration::from_micros(until_us.saturating_sub(now_us));
                self.monitor.wait(state, time)
            }
            // Nobody else is there who could tell.
            #[cfg(test)]
            HostClock::Scripted(clock) => {
                clock.fetch_max(until_us, std::sync::atomic::Ordering::Relaxed);
                state
            }
        }
    }
}

impl Watched for Shared {
    fn health(&self) -> Health {
        let now_us = self.clock.now_us();
        let mut state = self.lock();
        if state.recovery.is_lost(now_us) {
            return Health::Lost;
        }
        state.recovery.health(now_us)
    }

    fn counts(&self) -> StreamCounts {
        self.lock().counts
    }
}

impl State {
    /// Forgets all pictures of a start that has ended; what was the matter with them stays known until the next one.
    pub(super) fn forget_pictures(&mut self) {
        if let Some(newest) = self.newest.take() {
            self.spare = newest.bytes;
        }
    }

    /// A part gets no picture, since this stream's is the one before once more.
    pub(super) fn count_again(&mut self, stream: Stream) -> Trouble {
        self.counts.frozen += 1;
        Trouble::Again { stream }
    }

    /// What is the matter, if no picture came.
    pub(super) fn trouble(&self, now_us: u64) -> Trouble {
        let ms = |us: u64| us / 1_000;
        match self.recovery.health(now_us) {
            Health::Absent { for_us } => Trouble::Absent { for_ms: ms(for_us) },
            Health::Starting { for_us } => self
                .of_pictures()
                .unwrap_or(Trouble::Starting { for_ms: ms(for_us) }),
            Health::Settling => Trouble::Settling,
            Health::Still { for_us } => self
                .of_pictures()
                .unwrap_or(Trouble::Still { for_ms: ms(for_us) }),
            Health::Well | Health::Lost => self.of_pictures().unwrap_or(Trouble::Slow),
        }
    }

    /// What the pictures themselves show.
    fn of_pictures(&self) -> Option<Trouble> {
        self.refused.map(|refused| match refused {
            Refused::Frozen => Trouble::Frozen,
            Refused::Late { by_us } => Trouble::Late {
                by_ms: by_us / 1_000,
            },
            Refused::Repeated => Trouble::Repeated,
            Refused::OtherClock => Trouble::OtherClock,
            Refused::Corrupt => Trouble::Corrupt,
        })
    }
}
