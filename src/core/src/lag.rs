//! How much later than usual a picture came: its age, by a clock that nobody can read.
//!
//! A camera stamps its pictures by a clock of its own. Arrival minus stamp is a constant that nobody
//! knows plus the time that the picture took to come. Its least value over the last seconds is the
//! quickest that this camera can be; what lies above it is how late this picture is. A picture that was
//! held up in a queue for half a second says so, in every clock.

use crate::pairing::{Mark, SensorClock};

/// Two clocks may drift apart by 0.1 ms in a second at worst, so what was quickest is forgotten after
/// so long, at most twice as long.
const WINDOW_US: u64 = 10_000_000;

/// Knows how quick a stream has been of late.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lag {
    clock: Option<SensorClock>,
    window_began_us: u64,
    /// Least difference of this window, in microseconds.
    quickest: Option<i128>,
    /// Least difference of the window before.
    quickest_before: Option<i128>,
}

impl Lag {
    /// How much later than the quickest of the last seconds this picture came, in microseconds.
    ///
    /// The first picture of a stream, or of a clock, is as quick as any.
    pub fn of(&mut self, mark: Mark) -> u64 {
        if self.clock != Some(mark.clock) {
            *self = Self {
                clock: Some(mark.clock),
                window_began_us: mark.arrived_us,
                ..Self::default()
            };
        }
        if mark.arrived_us.saturating_sub(self.window_began_us) > WINDOW_US {
            self.quickest_before = self.quickest.take();
            self.window_began_us = mark.arrived_us;
        }
        let took = i128::from(mark.arrived_us) - i128::from(mark.time_us);
        let quickest = self.quickest.map_or(took, |quickest| quickest.min(took));
        self.quickest = Some(quickest);
        let least = self
            .quickest_before
            .map_or(quickest, |before| before.min(quickest));
        u64::try_from(took - least).unwrap_or(u64::MAX)
    }

    /// Begins anew, as after a restart of the stream.
    pub fn restart(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(time_us: u64, arrived_us: u64, clock: u32) -> Mark {
        Mark {
            number: 1,
            time_us,
            clock: SensorClock(clock),
            arrived_us,
        }
    }

    #[test]
    fn a_picture_that_was_held_up_says_so_in_any_clock() {
        for epoch_us in [0, 1_700_000_000_000_000] {
            let mut lag = Lag::default();
            for frame in 0..100 {
                let taken_us = frame * 33_333;
                assert_eq!(lag.of(mark(epoch_us + taken_us, taken_us + 20_000, 0)), 0);
            }
            let taken_us = 100 * 33_333;
            let late = mark(epoch_us + taken_us, taken_us + 520_000, 0);
            assert_eq!(lag.of(late), 500_000);
        }
    }

    #[test]
    fn the_quickest_counts_and_not_the_first() {
        let mut lag = Lag::default();
        assert_eq!(lag.of(mark(0, 90_000, 0)), 0);
        assert_eq!(lag.of(mark(100_000, 120_000, 0)), 0);
        assert_eq!(lag.of(mark(200_000, 250_000, 0)), 30_000);
    }

    #[test]
    fn clocks_that_drift_apart_make_nothing_late() {
        let mut lag = Lag::default();
        // The camera's clock is slow by 100 ppm for ten minutes: 60 ms in all.
        let worst = (0..18_000_u64)
            .map(|frame| {
                let arrived_us = frame * 33_333;
                lag.of(mark(arrived_us - arrived_us / 10_000, arrived_us, 0))
            })
            .max();
        assert!(worst.unwrap() <= 2_100, "{worst:?}");
    }

    #[test]
    fn another_clock_begins_anew() {
        let mut lag = Lag::default();
        assert_eq!(lag.of(mark(0, 10_000, 0)), 0);
        assert_eq!(lag.of(mark(9_000_000, 50_000, 1)), 0);
        lag.restart();
        assert_eq!(lag.of(mark(0, 99_000, 1)), 0);
    }
}
