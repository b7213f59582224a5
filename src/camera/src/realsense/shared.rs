//! What the camera's thread and whoever asks for pictures have in common.

use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use twinspect_core::pairing::{Pair, PairingCounts, SensorClock, Stream};
use twinspect_core::recovery::{Health, Recovery, RecoverySpec};

use super::error::RealSenseError;
use super::playing::BrokenOff;
use super::session::{CameraFacts, Picture};
use crate::StreamCounts;
use crate::live::Monitor;
use crate::trouble::Trouble;

/// A stream that has said nothing for so long while the other one goes on has died.
const STREAM_STILL_US: u64 = 300_000;

/// Longer than any station runs.
const NEVER_US: u64 = u64::MAX;

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
    /// The stream whose picture is the one before once more, so that the pair is as old as that.
    pub(super) again: Option<Stream>,
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

impl Heard {
    /// The stream that has never said anything, where the other one has.
    pub(super) fn missing(self) -> Option<Stream> {
        match (self.depth, self.colour) {
            (None, Some(_)) => Some(Stream::Depth),
            (Some(_), None) => Some(Stream::Colour),
            _ => None,
        }
    }
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
    /// When a pair was last good enough, or nobody wanted one.
    pub(super) good_us: u64,
    /// Of a recording: after so long without one it stands still.
    stall_us: Option<u64>,
    /// Pairs that whoever played the recording before has had.
    pub(super) skipped: u64,
    pub(super) ended: bool,
    /// Where the recording has broken off, if it has.
    pub(super) broken: Option<BrokenOff>,
    pub(super) stop: bool,
    pub(super) done: bool,
}

pub(super) struct Shared {
    pub(super) clock: CameraClock,
    /// The file, if it is a recording.
    pub(super) recording: Option<PathBuf>,
    monitor: Monitor<State>,
}

impl Shared {
    pub(super) fn new(spec: RecoverySpec, recording: Option<PathBuf>) -> Self {
        let clock = CameraClock::start();
        let stall_us = recording.as_ref().map(|_| spec.stall_max_us);
        let spec = match &recording {
            None => spec,
            // Started anew it would be played twice, and no step mends what was recorded.
            Some(_) => RecoverySpec {
                stall_max_us: NEVER_US,
                first_pair_max_us: NEVER_US,
                ..spec
            },
        };
        Self {
            clock,
            recording,
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
                good_us: 0,
                stall_us,
                skipped: 0,
                ended: false,
                broken: None,
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

    /// The recording's file, for people.
    pub(super) fn file(&self) -> String {
        let file = self.recording.as_deref().unwrap_or(Path::new(""));
        file.display().to_string()
    }

    /// That the recording has nothing of this stream but what is told.
    pub(super) fn one_stream(&self, stream: Stream, found: String) -> RealSenseError {
        RealSenseError::OneStream {
            file: self.file(),
            stream,
            found,
        }
    }

    /// That the recording was damaged there.
    pub(super) fn broken_off(&self, broken: BrokenOff) -> RealSenseError {
        RealSenseError::BrokenOff {
            file: self.file(),
            at_s: broken.at.as_secs_f64(),
            length_s: broken.length.as_secs_f64(),
        }
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

    /// What can be said of the camera now. A recording that has ended is as well as it can be.
    pub(super) fn health(&self, now_us: u64) -> Health {
        if self.ended {
            return Health::Well;
        }
        let for_us = now_us.saturating_sub(self.good_us);
        match self.recovery.health(now_us) {
            Health::Well if self.stall_us.is_some_and(|stall_us| for_us >= stall_us) => {
                Health::Still { for_us }
            }
            health => health,
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
        match self.health(now_us) {
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
    pub(super) fn of_streams(&self, now_us: u64) -> Option<Trouble> {
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

/// Of two starts.
pub(super) fn sum(a: PairingCounts, b: PairingCounts) -> PairingCounts {
    PairingCounts {
        pairs: a.pairs + b.pairs,
        repeated: a.repeated + b.repeated,
        unpaired: a.unpaired + b.unpaired,
        gaps: a.gaps + b.gaps,
        turned_back: a.turned_back + b.turned_back,
        clock_changes: a.clock_changes + b.clock_changes,
        clocks_apart: a.clocks_apart + b.clocks_apart,
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::recovery::Order;

    use super::*;
    use crate::live::Watched;

    const HOUR_US: u64 = 3_600_000_000;

    /// Everything takes too long at once.
    const HASTY: RecoverySpec = RecoverySpec {
        stall_max_us: 1_000,
        first_pair_max_us: 1_000,
        start_max_us: 1_000,
        reset_max_us: 2_000,
        look_every_us: 1_000,
        silence_max_us: 2 * HOUR_US,
        settle_pairs: 1,
        cured_us: HOUR_US,
        can_reset: false,
    };

    fn shared(recording: Option<&str>) -> Shared {
        Shared::new(HASTY, recording.map(PathBuf::from))
    }

    /// What is done about a camera that was started and has given a pair when nothing comes for an hour.
    fn orders(recording: Option<&str>) -> Option<Order> {
        let shared = shared(recording);
        let mut state = shared.lock();
        let start_us = shared.clock.now_us();
        assert_eq!(state.recovery.poll(start_us), Some(Order::Open));
        state.recovery.started(start_us);
        state.recovery.pair(start_us);
        state.good_us = start_us;
        let later_us = start_us + HOUR_US;
        state.recovery.alive(later_us + 1);
        assert!(matches!(state.health(later_us), Health::Still { .. }));
        state.recovery.poll(later_us)
    }

    #[test]
    fn a_recording_that_gives_nothing_is_still_and_climbs_no_step() {
        assert_eq!(orders(None), Some(Order::Restart));
        assert_eq!(orders(Some("belt.db3")), None);
    }

    #[test]
    fn a_recording_that_has_ended_is_not_lost_though_nobody_is_alive() {
        let silent = RecoverySpec {
            silence_max_us: 0,
            ..HASTY
        };
        let shared = Shared::new(silent, Some(PathBuf::from("belt.db3")));
        assert_eq!(shared.health(), Health::Lost);
        shared.lock().ended = true;
        assert_eq!(shared.health(), Health::Well);
    }

    #[test]
    fn a_stream_that_was_never_heard_is_named() {
        let shown = Some((7, SensorClock(0)));
        let missing = |depth, colour| Heard { depth, colour }.missing();
        assert_eq!(missing(shown, None), Some(Stream::Colour));
        assert_eq!(missing(None, shown), Some(Stream::Depth));
        assert_eq!(missing(shown, shown), None);
        assert_eq!(missing(None, None), None);
        let error = shared(Some("belt.bag")).one_stream(Stream::Depth, "it shows none".to_owned());
        let told = "recording belt.bag has no depth pictures to play: it shows none";
        assert_eq!(error.to_string(), told);
        assert!(error.is_of_the_file() && error.hint().is_some());
    }

    #[test]
    fn the_remedy_of_a_lost_recording_is_no_cable() {
        let camera = || "the camera".to_owned();
        let told = shared(Some("belt.db3")).lost(camera()).to_string();
        assert!(told.contains("recording belt.db3"), "{told}");
        let told = shared(None).lost(camera()).to_string();
        assert!(told.contains("the camera"), "{told}");
    }

    #[test]
    fn where_it_broke_off_is_told_with_the_file_and_what_to_do() {
        let broken = BrokenOff {
            at: Duration::from_millis(1_466),
            length: Duration::from_secs(3),
        };
        let error = shared(Some("a/belt.db3")).broken_off(broken);
        assert_eq!(
            error.to_string(),
            "recording a/belt.db3 broke off after 1.5 s of 3.0 s"
        );
        assert!(error.is_end());
        let hint = error.hint().unwrap();
        assert!(
            hint.contains("copy it again") && hint.contains("sqlite3 FILE"),
            "{hint}"
        );
        let of_older = shared(Some("belt.bag")).broken_off(broken);
        assert!(!of_older.hint().unwrap().contains("sqlite3"));
    }
}
