//! Starting the sensors, of a camera or of a recording, and how far a recording has been read.
//!
//! When the library can't read on, it ends the recording as if that were its end, and says why in its own log alone. It
//! tells two things: how long the recording is, which is known from the beginning, and how far it has been read, which
//! is nothing again at the end. So the one is held against the largest of the other. A library that neither reads on nor
//! ends it is known by nothing but time.

use std::collections::VecDeque;
use std::time::Duration;

use super::choice::Chosen;
use super::spec::Pace;
use crate::librealsense::{CallError, Device, Frame, FrameQueue, Playback, Streaming};

/// Pictures that are kept while a recording is started; less than the library's pool.
const EARLY_MAX: usize = 10;

/// A recording of which less than this was not read, in time and in pictures, has ended as it should: the last pictures
/// may be read at once with the end. At the sensor's pace somebody else may have held this process up meanwhile.
const TAIL_AS_READ: Duration = Duration::from_millis(500);
const TAIL_AT_PACE: Duration = Duration::from_secs(1);
const TAIL_PICTURES: u32 = 10;

/// A recording that somebody waits for, and of which nothing was read for longer, is read no further. At the sensor's pace
/// the library waits as long as the camera stood still when it was recorded.
const STILL_AS_READ: Duration = Duration::from_secs(10);
const STILL_AT_PACE: Duration = Duration::from_secs(30);

/// A recording that could be read no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BrokenOff {
    pub(super) at: Duration,
    /// Its length, as it says itself.
    pub(super) length: Duration,
}

/// How far a recording has been read.
#[derive(Debug)]
pub(super) struct Reading {
    length: Duration,
    furthest: Duration,
    /// More than this is left unread of one that is damaged.
    tail: Duration,
    still_max: Duration,
    /// Since when somebody has waited in vain, by the camera's clock.
    still_since_us: Option<u64>,
    is_given_up: bool,
}

impl Reading {
    pub(super) fn new(length: Duration, pace: Pace, interval: Duration) -> Self {
        let (tail, still_max) = match pace {
            Pace::AsRead => (TAIL_AS_READ, STILL_AS_READ),
            Pace::Sensor => (TAIL_AT_PACE, STILL_AT_PACE),
        };
        Self {
            length,
            furthest: Duration::ZERO,
            tail: tail.max(interval * TAIL_PICTURES),
            still_max,
            still_since_us: None,
            is_given_up: false,
        }
    }

    pub(super) fn note(&mut self, position: Duration) {
        if position > self.furthest {
            self.furthest = position;
            self.still_since_us = None;
        }
    }

    /// A picture has come, or nobody waits for one.
    pub(super) fn moved(&mut self) {
        self.still_since_us = None;
    }

    /// Nothing has come, though somebody waits; whether it is given up by that.
    pub(super) fn waited(&mut self, now_us: u64) -> bool {
        let since_us = *self.still_since_us.get_or_insert(now_us);
        let for_us = now_us.saturating_sub(since_us);
        self.is_given_up |= u128::from(for_us) >= self.still_max.as_micros();
        self.is_given_up
    }

    /// Whether the library has neither read on nor ended it.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Where it has broken off, if it has, now that it has ended.
    pub(super) fn broken_off(&self) -> Option<BrokenOff> {
        let is_short = self.length.saturating_sub(self.furthest) > self.tail;
        (is_short || self.is_given_up).then_some(BrokenOff {
            at: self.furthest,
            length: self.length,
        })
    }
}

/// Starts the sensors. A recording is held until both run, so that it begins with its first pair.
pub(super) fn run(
    device: &Device,
    chosen: Chosen,
    queue: &FrameQueue,
    pace: Pace,
) -> Result<(Vec<Streaming>, VecDeque<Frame>), CallError> {
    let playback = device.playback();
    if let Some(playback) = playback {
        playback.set_real_time(pace == Pace::Sensor)?;
        playback.pause()?;
    }
    let (depth, depth_profile) = chosen.depth;
    let (colour, colour_profile) = chosen.colour;
    let streams = match colour {
        Some(colour) => vec![
            depth.start(&[&depth_profile], queue)?,
            colour.start(&[&colour_profile], queue)?,
        ],
        None => vec![depth.start(&[&depth_profile, &colour_profile], queue)?],
    };
    let early = playback.map_or(Ok(VecDeque::new()), |playback| resume(playback, queue))?;
    Ok((streams, early))
}

/// Lets a recording go on. The library waits for its reader then, and the reader, at the end of a short recording,
/// for a place in the queue; so what comes is taken out meanwhile, and kept.
fn resume(playback: Playback<'_>, queue: &FrameQueue) -> Result<VecDeque<Frame>, CallError> {
    let mut early = VecDeque::new();
    std::thread::scope(|scope| {
        let resumed = scope.spawn(|| playback.resume());
        while !resumed.is_finished() {
            if early.len() == EARLY_MAX {
                // The rest waits in the queue, and the library gives up waiting after a while.
                std::thread::park_timeout(Duration::from_millis(10));
            } else {
                early.extend(queue.wait(Duration::from_millis(10))?);
            }
        }
        resumed.join().unwrap_or(Ok(()))
    })?;
    Ok(early)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(33);
    const LENGTH: Duration = Duration::from_secs(10);

    /// Read up to here, then back at the beginning, as the library says at its end.
    fn read_to(ms: u64, pace: Pace, interval: Duration) -> Option<BrokenOff> {
        let mut reading = Reading::new(LENGTH, pace, interval);
        for position_ms in [0, ms / 2, ms, 0] {
            reading.note(Duration::from_millis(position_ms));
        }
        reading.broken_off()
    }

    #[test]
    fn a_recording_that_was_read_to_its_last_pictures_is_whole() {
        assert_eq!(read_to(10_000, Pace::AsRead, INTERVAL), None);
        assert_eq!(read_to(9_500, Pace::AsRead, INTERVAL), None);
        assert_eq!(read_to(9_000, Pace::Sensor, INTERVAL), None);
        // Older releases say a little more than the length.
        assert_eq!(read_to(10_001, Pace::AsRead, INTERVAL), None);
        let slow = Duration::from_millis(200);
        assert_eq!(read_to(8_000, Pace::AsRead, slow), None);
    }

    #[test]
    fn one_that_was_not_is_told_with_the_place() {
        for (ms, pace) in [
            (9_499, Pace::AsRead),
            (8_999, Pace::Sensor),
            (0, Pace::AsRead),
        ] {
            let broken = read_to(ms, pace, INTERVAL).unwrap();
            assert_eq!(broken.at, Duration::from_millis(ms));
            assert_eq!(broken.length, LENGTH);
        }
    }

    #[test]
    fn one_that_neither_goes_on_nor_ends_is_given_up_after_a_while() {
        const SECOND_US: u64 = 1_000_000;
        for (pace, seconds) in [(Pace::AsRead, 10), (Pace::Sensor, 30)] {
            let mut reading = Reading::new(LENGTH, pace, INTERVAL);
            reading.note(LENGTH);
            let limit_us = seconds * SECOND_US;
            assert!(!reading.waited(SECOND_US));
            assert!(!reading.waited(limit_us));
            // A picture, or a reader that is in no hurry.
            reading.moved();
            assert!(!reading.waited(2 * limit_us));
            // It goes on, further than its length.
            reading.note(LENGTH + INTERVAL);
            assert!(!reading.waited(4 * limit_us));
            reading.note(INTERVAL);
            assert_eq!(reading.broken_off(), None, "{pace:?}");
            assert!(!reading.is_given_up());
            assert!(reading.waited(5 * limit_us));
            assert!(reading.is_given_up());
            let at = LENGTH + INTERVAL;
            let length = LENGTH;
            assert_eq!(reading.broken_off(), Some(BrokenOff { at, length }));
        }
    }
}
