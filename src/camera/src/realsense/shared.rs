//! What the camera's thread and whoever asks for pictures have in common.

use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use twinspect_core::pairing::{Pair, SensorClock, Stream};
use twinspect_core::recovery::{Health, Recovery, RecoverySpec};

use super::error::RealSenseError;
use super::session::{CameraFacts, Picture};
use crate::StreamCounts;
use crate::live::Monitor;
use crate::trouble::Trouble;

/// A stream that has said nothing for so long while the other one goes on has died.
const STREAM_STILL_US: u64 = 300_000;

/// Microseconds since a camera was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct CameraClock(Instant);

impl CameraClock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now_us(self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// A pair that may be judged.
pub(super) struct Ready {
    pub(super) pair: Pair<Picture>,
    pub(super) unit_m: f64,
    /// No later than this its exposure began, by the camera's clock.
    pub(super) exposed_us: u64,
    /// When the later one of its pictures came.
    pub(super) arrived_us: u64,
    /// Which start of the camera it came from.
    pub(super) session: u64,
}

/// Why the last pair was not good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Frozen,
    Late { by_us: u64 },
}

/// When each stream last said something, and by which clock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Heard {
    pub(super) depth: Option<(u64, SensorClock)>,
    pub(super) colour: Option<(u64, SensorClock)>,
}

pub(super) struct State {
    pub(super) recovery: Recovery,
    pub(super) newest: Option<Ready>,
    pub(super) facts: Option<CameraFacts>,
    /// Made anew with each start.
    pub(super) maker: Option<super::picture::PairMaker>,
    pub(super) session: u64,
    pub(super) heard: Heard,
    pub(super) refused: Option<Refused>,
    /// The last step's own error.
    pub(super) error: Option<RealSenseError>,
    pub(super) counts: StreamCounts,
    pub(super) ended: bool,
    pub(super) stop: bool,
    pub(super) done: bool,
}

pub(super) struct Shared {
    pub(super) clock: CameraClock,
    monitor: Monitor<State>,
}

impl Shared {
    pub(super) fn new(spec: RecoverySpec) -> Self {
        let clock = CameraClock::start();
        Self {
            clock,
            monitor: Monitor::new(State {
                recovery: Recovery::new(spec, clock.now_us()),
                newest: None,
                facts: None,
                maker: None,
                session: 0,
                heard: Heard::default(),
                refused: None,
                error: None,
                counts: StreamCounts::default(),
                ended: false,
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

    /// Waits until somebody tells, at most until a time of the camera's clock.
    pub(super) fn wait_until<'a>(
        &self,
        state: MutexGuard<'a, State>,
        until_us: u64,
    ) -> MutexGuard<'a, State> {
        let time = Duration::from_micros(until_us.saturating_sub(self.clock.now_us()));
        self.monitor.wait(state, time)
    }
}

impl State {
    /// Forgets all pictures of a start that has ended.
    pub(super) fn forget_pictures(&mut self) {
        self.newest = None;
        self.heard = Heard::default();
        self.refused = None;
    }

    /// What is the matter, if no picture came.
    pub(super) fn trouble(&self, now_us: u64) -> Trouble {
        let ms = |us: u64| us / 1_000;
        match self.recovery.health(now_us) {
            Health::Absent { for_us } => Trouble::Absent { for_ms: ms(for_us) },
            Health::Starting { for_us } => self
                .of_streams(now_us)
                .unwrap_or(Trouble::Starting { for_ms: ms(for_us) }),
            Health::Settling => Trouble::Settling,
            Health::Still { for_us } => self
                .of_streams(now_us)
                .unwrap_or(Trouble::Still { for_ms: ms(for_us) }),
            Health::Well | Health::Lost => self.of_streams(now_us).unwrap_or(Trouble::Slow),
        }
    }

    /// What the streams themselves show.
    fn of_streams(&self, now_us: u64) -> Option<Trouble> {
        match self.refused {
            Some(Refused::Frozen) => return Some(Trouble::Frozen),
            Some(Refused::Late { by_us }) => {
                return Some(Trouble::Late {
                    by_ms: by_us / 1_000,
                });
            }
            None => {}
        }
        let Heard { depth, colour } = self.heard;
        let age = |heard: Option<(u64, SensorClock)>| {
            heard.map_or(u64::MAX, |(at_us, _)| now_us.saturating_sub(at_us))
        };
        let still = |stream, age_us: u64| Trouble::StreamStill {
            stream,
            for_ms: age_us.min(now_us) / 1_000,
        };
        match (age(depth), age(colour)) {
            (depth_us, colour_us) if depth_us < STREAM_STILL_US && colour_us >= STREAM_STILL_US => {
                Some(still(Stream::Colour, colour_us))
            }
            (depth_us, colour_us) if colour_us < STREAM_STILL_US && depth_us >= STREAM_STILL_US => {
                Some(still(Stream::Depth, depth_us))
            }
            (depth_us, colour_us) if depth_us < STREAM_STILL_US && colour_us < STREAM_STILL_US => {
                let is_apart = depth.zip(colour).is_some_and(|(a, b)| a.1 != b.1);
                let is_paired = matches!(self.recovery.health(now_us), Health::Well);
                match (is_apart, is_paired) {
                    (true, _) => Some(Trouble::ClocksApart),
                    (false, false) => Some(Trouble::Unpaired),
                    (false, true) => None,
                }
            }
            _ => None,
        }
    }
}
