//! Whether an engine is fast enough for the belt.

use std::time::Duration;

use twinspect_bundle::Bundle;

use crate::error::EdgeError;
use crate::latency::{Latencies, milliseconds};
use crate::pipeline::Pipeline;

/// Inspections by which a latency is judged.
const PARTS_A_RUN: usize = 30;
/// A run of an engine that needs seconds for a part ends earlier: whoever waits for it has a start-up time ...
const RUN_MAX: Duration = Duration::from_secs(5);
/// ... but not before so many.
const PARTS_MIN: usize = 10;
/// A machine may be busy with something else for a moment; an engine that is slow is slow each time.
const RUNS_MAX: usize = 3;

/// What inspecting a part takes, from capture done to verdict, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Speed {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Speed {
    /// Whether a part is judged in time.
    pub(crate) fn suffices(&self, allowed: Duration) -> bool {
        self.p99_ms < milliseconds(allowed)
    }
}

impl Pipeline {
    /// Inspects the bundle's own goldens again and again; of a few runs the fastest, if the first one took
    /// longer than is allowed. `None` for a bundle without goldens, which no engine can be held to.
    pub(crate) fn speed(
        &mut self,
        bundle: &Bundle,
        allowed: Duration,
    ) -> Result<Option<Speed>, EdgeError> {
        let goldens = bundle.goldens()?;
        let mut best: Option<Speed> = None;
        for _ in 0..RUNS_MAX {
            let mut latencies = Latencies::default();
            let mut whole = Duration::ZERO;
            for (seen, golden) in goldens.iter().cycle().take(PARTS_A_RUN).enumerate() {
                let inspection = self
                    .inspect(&golden.frame)
                    .map_err(|error| error.into_edge(&golden.name))?;
                let took = inspection.timings.whole();
                latencies.push(took);
                whole += took;
                // Of so few parts the slowest is the p99. The first run goes on all the same: people want to know the
                // median, too.
                let is_decided = best.is_some() && took >= allowed;
                if is_decided || (seen + 1 >= PARTS_MIN && whole > RUN_MAX) {
                    break;
                }
            }
            let (p50, p99) = (latencies.percentile_ms(50.0), latencies.percentile_ms(99.0));
            let (Some(p50_ms), Some(p99_ms)) = (p50, p99) else {
                return Ok(None);
            };
            let found = Speed { p50_ms, p99_ms };
            let is_better = best.is_none_or(|best| p99_ms < best.p99_ms);
            if is_better {
                best = Some(found);
            }
            if found.suffices(allowed) {
                break;
            }
        }
        Ok(best)
    }
}
