//! What all live cameras have in common: how long a part waits for its picture, and how many pictures a start passes over.

use std::time::Duration;

use twinspect_core::number::{ms, number};

use super::checker::{Checker, DURATION_MAX_MS};

/// Pictures that a start passes over, at most: more than five minutes of 30 Hz.
const WARM_UP_MAX: u32 = 10_000;

/// The least time in which a camera or a recording must be open: what is said of one that was not is counted in whole seconds.
pub(super) const OPEN_MIN_MS: f64 = 1_000.0;

/// The least time of a step that brings a camera back, and of the wait before it. While nothing comes, the camera's thread
/// looks once in so long: a camera that is well could be started anew again and again with less.
pub(super) const STEP_MIN_MS: f64 = 100.0;

/// The least time by which a picture may be late: by less, pictures come sooner and later anyway.
pub(super) const AGE_MIN_MS: f64 = 1.0;

/// A key, and what was typed for it.
pub(super) type Typed<T> = (&'static str, T);

/// How long a part waits for its picture.
pub(super) struct Waiting {
    pub(super) transfer_max_ms: Typed<f64>,
    pub(super) wait_max_ms: Typed<f64>,
    /// Pictures a second, where they are known.
    pub(super) rate_hz: Option<Typed<u32>>,
}

/// What a start passes over.
pub(super) struct WarmUp {
    pub(super) pictures: Typed<u32>,
    /// In which it must be over.
    pub(super) open_max_ms: Typed<f64>,
    /// Pictures a second, where they are known.
    pub(super) rate_hz: Option<Typed<u32>>,
}

impl Checker {
    /// The longest way of a picture, and the wait. A picture that is under way when the part comes may show the part before,
    /// so that the wait must reach to the end of the one after it: two pictures and the way.
    pub(super) fn waiting(&mut self, typed: &Waiting) -> (Duration, Duration) {
        let known = self.problems.len();
        let (transfer_key, transfer_ms) = typed.transfer_max_ms;
        let (wait_key, wait_ms) = typed.wait_max_ms;
        let transfer = Duration::from_micros(self.optional_us(transfer_key, transfer_ms));
        let wait = self.duration(wait_key, wait_ms);
        // What is wrong with a number by itself was said above.
        if self.problems.len() > known {
            return (transfer, wait);
        }
        let (least, expected) = match typed.rate_hz {
            Some((rate_key, hz)) => {
                let least = transfer + Duration::from_secs_f64(2.0 / f64::from(hz.max(1)));
                let told = ms(least.as_micros().div_ceil(100) as u64 * 100);
                let expected = format!(
                    "more than {told}: {transfer_key} = {} and the time of two pictures at {rate_key} = {hz}; else no part \
                     has a picture",
                    number(transfer_ms)
                );
                (least, expected)
            }
            None => (
                transfer,
                format!("more than {transfer_key} = {}", number(transfer_ms)),
            ),
        };
        self.require(wait > least, wait_key, number(wait_ms), expected);
        (transfer, wait)
    }

    /// Milliseconds, so many at least.
    pub(super) fn time_from(&mut self, least_ms: f64, (key, milliseconds): Typed<f64>) -> Duration {
        let holds = (least_ms..=DURATION_MAX_MS).contains(&milliseconds);
        let expected = format!("from {} to {DURATION_MAX_MS}", number(least_ms));
        self.require(holds, key, number(milliseconds), expected);
        let sane_ms = if holds { milliseconds } else { least_ms };
        Duration::from_secs_f64(sane_ms / 1e3)
    }

    /// A camera that is still being opened when its process is given up is never there.
    pub(super) fn opens_in_time(&mut self, open: Typed<Duration>, start_max_ms: f64) {
        // What is wrong with that time by itself is said where it is read.
        if start_max_ms > 0.0 && start_max_ms <= DURATION_MAX_MS {
            let start = Duration::from_secs_f64(start_max_ms / 1e3);
            self.order(open, ("inspector.start_max_ms", start));
        }
    }

    /// Pictures that are passed over, all of which must come while the camera is opened.
    pub(super) fn warm_up(&mut self, typed: &WarmUp) -> u32 {
        let (key, pictures) = typed.pictures;
        let (open_key, open_ms) = typed.open_max_ms;
        // What is wrong with the time by itself is said where it is read.
        let is_time = (OPEN_MIN_MS..=DURATION_MAX_MS).contains(&open_ms);
        if pictures > WARM_UP_MAX {
            self.require(false, key, pictures, format!("from 0 to {WARM_UP_MAX}"));
        } else if let Some((rate_key, hz)) = typed.rate_hz.filter(|_| is_time) {
            let most = (open_ms / 1e3 * f64::from(hz)) as u32;
            let expected = format!(
                "at most {most}: no more come within {open_key} = {} at {rate_key} = {hz}",
                number(open_ms)
            );
            self.require(pictures <= most, key, pictures, expected);
        }
        pictures
    }
}
