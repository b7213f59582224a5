//! The inspect process's engine: what it came to at the start, and when it is at its end.

use std::time::Duration;

use twinspect_bundle::Bundle;
use twinspect_engine::EngineError;

use super::messages::EngineReport;
use crate::engines::{Role, Speed};
use crate::error::EdgeError;
use crate::latency::milliseconds;
use crate::pipeline::Pipeline;

/// So many errors in a row are the end of an engine on a GPU, also if each of them alone is not.
const GPU_ERRORS_MAX: u32 = 3;

/// Whether the engine still answers.
#[derive(Debug)]
pub(super) struct EngineHealth {
    on_gpu: bool,
    /// In a row.
    errors: u32,
    ended: Option<EngineError>,
}

impl EngineHealth {
    pub(super) fn new(on_gpu: bool) -> Self {
        Self {
            on_gpu,
            errors: 0,
            ended: None,
        }
    }

    /// It has answered.
    pub(super) fn well(&mut self) {
        self.errors = 0;
    }

    /// It has not. An error that is final ends the engine. So do several in a row on a GPU: READY would beat while
    /// each part is rejected, and another process, or tract, may do better.
    pub(super) fn failed(&mut self, error: EngineError) {
        self.errors = self.errors.saturating_add(1);
        let is_hopeless = self.on_gpu && self.errors >= GPU_ERRORS_MAX;
        if error.is_final() || is_hopeless {
            self.ended = Some(error);
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// What has ended it, if anything.
    pub(super) fn into_end(self) -> Option<EngineError> {
        self.ended
    }
}

/// What the line process and the log are told of the engine. One that runs on the CPU because it should is taken
/// as it is: that it is fast enough is what `twinspect check` was asked for, and each restart would last longer.
pub(super) fn engine_report(
    bundle: &Bundle,
    pipeline: &mut Pipeline,
    allowed: Duration,
) -> Result<EngineReport, EdgeError> {
    let role = pipeline.role();
    let stands_in_for = role.stands_in_for();
    let stands_in = stands_in_for.is_some();
    // Engines that cool down are those on a GPU.
    let on_gpu = pipeline.cools_down();
    let (name, why) = (pipeline.engine().to_owned(), pipeline.why().to_owned());
    match role {
        Role::StandsInFor(missing) => log::warn!("engine {name} stands in for {missing}: {why}"),
        Role::Without(missing) => {
            log::warn!("engine {name} judges, though plans were built for {missing}: {why}");
        }
        Role::Wanted => log::info!("engine {name}: {why}"),
    }
    let mut too_slow = None;
    if stands_in || on_gpu {
        let speed = pipeline.speed(bundle, allowed)?;
        if let Some(Speed { p50_ms, p99_ms }) = speed {
            log::info!("engine {name}: p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms a part");
        }
        let slow = speed.filter(|speed| !speed.suffices(allowed));
        if let Some(Speed { p99_ms, .. }) = slow {
            let allowed_ms = milliseconds(allowed);
            let told = format!(
                "99 of 100 parts take up to {p99_ms:.1} ms, the deadline leaves {allowed_ms:.1} ms"
            );
            if stands_in {
                log::error!("engine {name} is too slow for this belt, READY stays low: {told}");
                too_slow = Some(told);
            } else {
                log::warn!("engine {name} is too slow for this belt: {told}");
            }
        }
    }
    Ok(EngineReport {
        name,
        why,
        stands_in_for,
        on_gpu,
        lacks_plans: pipeline.lacks_plans(),
        too_slow,
    })
}

#[cfg(test)]
mod tests {
    use twinspect_engine::StageName;

    use super::*;

    /// Whether an engine has ended after this many errors in a row, none of them final, and a good part before the
    /// last one.
    fn ends(on_gpu: bool, errors: u32, good_before_last: bool) -> bool {
        let mut health = EngineHealth::new(on_gpu);
        for error in 1..=errors {
            if good_before_last && error == errors {
                health.well();
            }
            health.failed(EngineError::NoModel {
                stage: StageName::Fusion,
            });
        }
        health.has_ended()
    }

    #[test]
    fn errors_in_a_row_end_an_engine_on_a_gpu() {
        assert!(ends(true, 3, false));
        assert!(!ends(true, 2, false));
        assert!(!ends(true, 3, true));
        assert!(!ends(false, 100, false));
    }
}
