//! Plans that a station's GPU lacks: built beside whatever stands in, and taken when nobody waits for parts.
//!
//! A board whose TensorRT or driver was replaced has none that fit, and nobody may be there to build them. The build is
//! a process that gives way to this station. What comes of it is taken by the next inspect process, as everything is;
//! this one is replaced for it only where no part comes, for its place is empty for as long as a start takes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;
use twinspect_core::changeover::{Model, Progress};
use twinspect_core::readiness::NotReady;

use super::LineProcess;
use crate::config::EngineSpec;
use crate::control::{PlansState, PlansStatus};
use crate::error::WithCauses;
use crate::plans::{build_apart, mark_in, set_mark, take_mark};
use crate::run::messages::EngineReport;
use crate::run::orders::Order;

/// A build that takes longer is ended. Networks that were finished stay.
const BUILD_MAX: Duration = Duration::from_secs(3_600);
const RAISED_BY: &str = "a build by hand (`twinspect engine build`)";
/// A line on which no part came for so long does not run.
const QUIET_US: u64 = 60_000_000;

/// Plans of a station, and what has become of them since its start.
#[derive(Debug)]
pub(super) struct PlansWatch {
    orders: Sender<Order>,
    /// None before they were found lacking: they are built once.
    known: Option<PlansStatus>,
    /// Of which model, and where they are to lie.
    model: Option<Model>,
    folder: PathBuf,
    /// Parts that have come.
    parts: u64,
    /// When the last one did; none since the start.
    last_part_us: Option<u64>,
    /// An inspect process has made way for what was built. If that changes nothing, another one would not either.
    is_tried: bool,
}

impl PlansWatch {
    pub(super) fn new(orders: Sender<Order>) -> Self {
        Self {
            orders,
            known: None,
            model: None,
            folder: PathBuf::new(),
            parts: 0,
            last_part_us: None,
            is_tried: false,
        }
    }

    /// So many parts have come by now; whether none comes any more, or none has yet.
    fn is_quiet(&mut self, parts: u64, now_us: u64) -> bool {
        if parts != self.parts {
            self.parts = parts;
            self.last_part_us = Some(now_us);
        }
        self.last_part_us
            .is_none_or(|last_us| now_us.saturating_sub(last_us) >= QUIET_US)
    }

    /// Whether there are new ones of a model.
    fn are_news(&self, model: Model) -> bool {
        !self.is_tried && self.model == Some(model) && self.are(PlansState::Built)
    }

    fn are(&self, state: PlansState) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|plans| plans.state == state)
    }
}

impl Drop for PlansWatch {
    /// A station that ends in good order takes its build along, and may begin it anew.
    fn drop(&mut self) {
        if self.are(PlansState::Building) {
            take_mark(&self.folder);
        }
    }
}

impl LineProcess {
    /// An inspect process is ready, and has measured how fast it is without a build beside it: builds what its GPU lacks, if nobody has
    /// tried that since the start.
    pub(super) fn look_after_plans(&mut self, engine: &EngineReport) {
        if engine.on_gpu && self.plans.are(PlansState::Failed) {
            // Somebody has built them since.
            return self.tell_plans(PlansState::Built, None);
        }
        let spec = &self.loaded.station.engine;
        if !(engine.lacks_plans && spec.build_plans && self.plans.known.is_none()) {
            return;
        }
        let active = self.station.changeover().standing().active;
        self.plans.model = Some(active);
        let (bundle, _) = self.models.bundle(active);
        log::info!("plans of {} are being built for the GPU", bundle.display());
        self.plans.folder.clone_from(&spec.plans);
        let (spec, orders) = (spec.clone(), self.plans.orders.clone());
        let started = thread::Builder::new().spawn(move || {
            let built = build(&spec, &bundle);
            if orders.send(Order::PlansBuilt(built)).is_err() {
                log::debug!("the plans were built after the line process");
            }
        });
        match started {
            Ok(_builds) => self.tell_plans(PlansState::Building, None),
            Err(error) => self.plans_built(Err(error.to_string())),
        }
    }

    /// What has become of them.
    pub(super) fn plans_built(&mut self, built: Result<(), String>) {
        match built {
            Ok(()) => {
                log::info!(
                    "the plans are built and trusted, and the next inspect process tries the GPU: this one makes way \
                     when no part has come for a minute, or with `twinspect engine retry`"
                );
                self.tell_plans(PlansState::Built, None);
            }
            Err(why) => {
                log::warn!("the GPU gets no plans, and another engine goes on in its place: {why}");
                self.tell_plans(PlansState::Failed, Some(why));
            }
        }
    }

    fn tell_plans(&mut self, state: PlansState, why: Option<String>) {
        let plans = PlansStatus { state, why };
        self.plans.known = Some(plans.clone());
        self.service.plans(plans);
    }

    /// Has the inspect process make way for one that uses what was built, where nobody waits for parts.
    pub(super) fn take_plans(&mut self) {
        let parts = self.station.trigger().counters().parts;
        let is_quiet = self.plans.is_quiet(parts, self.clock.now_us());
        let changeover = self.station.changeover();
        if is_quiet
            && self.plans.are_news(changeover.standing().active)
            && self.engine.waits_for_plans()
            && self.inspector.is_some()
            && self.station.supervisor().is_up()
            && self.station.gate().parts_under_way() == 0
            && self.station.trigger().is_between_parts()
            && changeover.progress() == Progress::Settled
            // The end of a process would be held against a model on trial.
            && changeover.trial_parts_left().is_none()
            && self.station.obstacle() != Some(NotReady::Closing)
            && !self.trials.is_awaited()
        {
            self.plans.is_tried = true;
            self.replace_inspector();
        }
    }
}

/// Builds, unless the last build of this station had no end. The file of the configuration may have been edited since this station has read it.
fn build(spec: &EngineSpec, bundle: &Path) -> Result<(), String> {
    let options = [
        OsStr::new("--plans"),
        spec.plans.as_os_str(),
        OsStr::new("--bundle"),
        bundle.as_os_str(),
        OsStr::new("--precision"),
        OsStr::new(spec.precision.name()),
    ];
    let marked = set_mark(&spec.plans).map_err(|error| {
        let hint = error.hint().map(|hint| format!("; {hint}"));
        format!("{}{}", WithCauses(&error), hint.unwrap_or_default())
    })?;
    if !marked {
        return Err(no_end(&spec.plans));
    }
    let built = build_apart(&options, BUILD_MAX, RAISED_BY);
    take_mark(&spec.plans);
    built.map(|_build| ())
}

/// Said where a build may have ended the board.
fn no_end(plans: &Path) -> String {
    let mark = mark_in(plans);
    format!(
        "the last build that this station began had no end, as when a board loses its power: {mark:?} is left of it, and the \
         station does not begin another one. Look at supply and heat, then build by hand, `twinspect engine build`, which takes that \
         file away when it ends well; or delete it, and restart the station"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    #[test]
    fn a_line_is_quiet_before_its_first_part_and_a_minute_after_the_last() {
        let (orders, _none) = crossbeam_channel::bounded(1);
        let mut plans = PlansWatch::new(orders);
        let mut quiet = |parts, second| plans.is_quiet(parts, second * SECOND_US);
        assert!(quiet(0, 0));
        assert!(quiet(0, 500));
        assert!(!quiet(1, 501));
        assert!(!quiet(1, 560));
        assert!(!quiet(2, 561));
        assert!(!quiet(2, 620));
        assert!(quiet(2, 621));
        assert!(!quiet(3, 700));
    }
}
