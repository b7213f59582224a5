//! Percentiles of durations.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

/// Samples that are kept; older ones are forgotten.
const SAMPLES_KEPT: usize = 10_000;

/// The last durations of something; its memory does not grow.
#[derive(Debug, Clone)]
pub(crate) struct Latencies {
    samples: VecDeque<Duration>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            samples: VecDeque::with_capacity(SAMPLES_KEPT),
        }
    }
}

impl Latencies {
    /// Adds a sample.
    pub(crate) fn push(&mut self, sample: Duration) {
        if self.samples.len() == SAMPLES_KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The smallest sample that at least `percent` of all samples do not exceed, in milliseconds.
    pub(crate) fn percentile_ms(&self, percent: f64) -> Option<f64> {
        let mut sorted: Vec<Duration> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
        sorted
            .get(rank.saturating_sub(1))
            .map(|sample| milliseconds(*sample))
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
        Self {
            p50: latencies.percentile_ms(50.0),
            p99: latencies.percentile_ms(99.0),
        }
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
    fn old_samples_are_forgotten() {
        let many = of((0..SAMPLES_KEPT as u64 + 1).map(|index| u64::from(index == 0)));
        assert_eq!(many.percentile_ms(100.0), Some(0.0));
    }
}
