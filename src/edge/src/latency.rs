//! Percentiles of durations.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

/// Samples that are kept; older ones are forgotten.
const SAMPLES_KEPT: usize = 10_000;

/// The last durations of something.
#[derive(Debug, Clone)]
pub(crate) struct Latencies {
    samples: VecDeque<Duration>,
    kept: usize,
}

/// Its memory is taken at once, and is enough.
impl Default for Latencies {
    fn default() -> Self {
        Self {
            samples: VecDeque::with_capacity(SAMPLES_KEPT),
            kept: SAMPLES_KEPT,
        }
    }
}

impl Latencies {
    /// Keeps up to so many; memory is taken as they come.
    pub(crate) fn keeping(kept: usize) -> Self {
        Self {
            samples: VecDeque::new(),
            kept,
        }
    }

    /// Adds a sample.
    pub(crate) fn push(&mut self, sample: Duration) {
        if self.samples.len() == self.kept {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The smallest sample that at least `percent` of all samples do not exceed, in milliseconds.
    pub(crate) fn percentile_ms(&self, percent: f64) -> Option<f64> {
        let [found] = self.percentiles_ms([percent]);
        found
    }

    /// [`Latencies::percentile_ms`] for several of them, which are sorted once.
    pub(crate) fn percentiles_ms<const N: usize>(&self, percents: [f64; N]) -> [Option<f64>; N] {
        let mut sorted: Vec<Duration> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        percents.map(|percent| {
            // 99.9 has no exact form, and what is a whole rank must stay one.
            let rank = (percent * sorted.len() as f64 / 100.0 - 1e-6).ceil() as usize;
            let sample = sorted.get(rank.saturating_sub(1));
            sample.map(|sample| milliseconds(*sample))
        })
    }
}

/// What scripts are told of durations, in milliseconds. Its keys stay.
#[derive(Debug, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
}

impl From<&Latencies> for Percentiles {
    fn from(latencies: &Latencies) -> Self {
        let [p50, p99] = latencies.percentiles_ms([50.0, 99.0]);
        Self { p50, p99 }
    }
}

/// A duration as people read it.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        for sample in samples {
            latencies.push(Duration::from_millis(sample));
        }
        latencies
    }

    #[test]
    fn percentiles_are_samples_by_rank() {
        let hundred = of((1..=100).rev());
        assert_eq!(hundred.percentile_ms(50.0), Some(50.0));
        assert_eq!(hundred.percentile_ms(99.0), Some(99.0));
        assert_eq!(of([7]).percentile_ms(1.0), Some(7.0));
        assert_eq!(of([3, 9]).percentile_ms(99.0), Some(9.0));
        assert_eq!(of([]).percentile_ms(50.0), None);
    }

    #[test]
    fn the_rare_ones_need_many_samples() {
        let thousand = of(1..=1000);
        let found = thousand.percentiles_ms([50.0, 99.0, 99.9, 100.0]);
        assert_eq!(found, [500.0, 990.0, 999.0, 1000.0].map(Some));
    }

    #[test]
    fn old_samples_are_forgotten() {
        let mut three = Latencies::keeping(3);
        for ms in [9, 1, 2, 3] {
            three.push(Duration::from_millis(ms));
        }
        assert_eq!(three.percentile_ms(100.0), Some(3.0));
        let many = of((0..SAMPLES_KEPT as u64 + 1).map(|index| u64::from(index == 0)));
        assert_eq!(many.percentile_ms(100.0), Some(0.0));
    }
}
