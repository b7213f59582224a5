//! What the line process knows of the inspect process's engine, and when its GPU is given up.
//!
//! A GPU fails with its process: after a sticky error every further call fails, and its libraries may crash or
//! hang. So the rule is held here, by the process that outlives it, and told to the next one at its start.

use twinspect_core::demotion::{Demotion, DemotionSpec};
use twinspect_core::station::Inspector as Said;

use crate::config::{EngineKind, EngineSpec, Fallback};
use crate::control::Reply;
use crate::engines::{Fault, Gpu, loads_gpu};
use crate::run::inspector::Ending;
use crate::run::messages::EngineReport;
use crate::run::service::reply;

use super::LineProcess;

/// The second failure within ten minutes is one too many. One alone may be a fault of the moment; of more, each
/// one costs the parts of a start.
const GIVE_UP: DemotionSpec = DemotionSpec {
    failures_max: 2,
    window_us: 600_000_000,
};
/// An inspect process that ends by itself since its engine has.
const ENGINE: u8 = 5;
/// ... and one that can't read or write a file.
const STORAGE: u8 = 8;
/// Exit codes of one that ends by a cause that no GPU has: configuration, data, bundle, camera, line, a file.
const OF_OTHERS: [u8; 6] = [2, 3, 4, 6, 7, STORAGE];

/// The engine of a station.
#[derive(Debug)]
pub(super) struct EngineWatch {
    spec: EngineSpec,
    /// None where nothing may stand in: the GPU is tried for ever.
    demotion: Option<Demotion>,
    /// What the inspect process that runs may do ...
    gpu: Gpu,
    /// ... and what it has come to, once it was ready.
    report: Option<EngineReport>,
    /// Its engine has done what it should, and its camera is being opened.
    has_proven: bool,
    /// By whose fault it is about to end, if it has said so.
    fault: Option<Fault>,
    /// Somebody has asked for another process: this one is to end.
    is_dismissed: bool,
}

impl EngineWatch {
    pub(super) fn new(spec: &EngineSpec) -> Self {
        let may_fall_back = spec.may_use_gpu() && spec.fallback != Fallback::Stop;
        Self {
            spec: spec.clone(),
            demotion: may_fall_back.then(|| Demotion::new(GIVE_UP)),
            gpu: Gpu::Granted,
            report: None,
            has_proven: false,
            fault: None,
            is_dismissed: false,
        }
    }

    /// What an inspect process that is started now may use.
    pub(super) fn permission(&self) -> Gpu {
        if self.demotion.as_ref().is_some_and(Demotion::is_given_up) {
            Gpu::Withdrawn
        } else {
            Gpu::Granted
        }
    }

    /// Another inspect process is in charge; what it may use.
    pub(super) fn start(&mut self) -> Gpu {
        self.gpu = self.permission();
        self.report = None;
        self.has_proven = false;
        self.fault = None;
        self.is_dismissed = false;
        self.gpu
    }

    /// The inspect process is to end, for another one to take its place.
    fn dismiss(&mut self) {
        self.is_dismissed = true;
    }

    /// The GPU is to be tried as if it had never failed.
    fn forgive(&mut self) {
        if let Some(demotion) = &mut self.demotion {
            demotion.forgive();
        }
    }

    /// Whether the process in charge stands in for a GPU that has everything but plans, and another one may use the GPU.
    pub(super) fn waits_for_plans(&self) -> bool {
        let report = self.report.as_ref();
        report.is_some_and(|report| report.lacks_plans) && self.permission() == Gpu::Granted
    }

    /// Whether it has ended since it was asked to.
    pub(super) fn was_dismissed(&self, ending: Ending) -> bool {
        self.is_dismissed && ending == Ending::Code(0)
    }

    /// It has proven its model, and is about to open its camera.
    pub(super) fn proven(&mut self) {
        self.has_proven = true;
    }

    /// It is ready.
    pub(super) fn ready(&mut self, report: &EngineReport) {
        self.report = Some(report.clone());
    }

    /// It is about to end, by this fault.
    pub(super) fn failed(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    /// Whether it has said that it ends by this fault.
    pub(super) fn has_failed_by(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Whether it has ended, by this code, for plans that can't be read, where nothing may judge but the GPU: waiting mends no
    /// folder.
    pub(super) fn lacks_its_plans(&self, code: u8) -> bool {
        let is_gpu_or_nothing = self.spec.may_use_gpu() && self.spec.fallback == Fallback::Stop;
        is_gpu_or_nothing && code == STORAGE && self.has_failed_by(Fault::Machine)
    }

    /// A sign of life of it.
    pub(super) fn life(&self) -> Said {
        let report = self.report.as_ref();
        if report.is_some_and(|report| report.too_slow.is_some()) {
            Said::Slow
        } else {
            Said::Advanced
        }
    }

    /// It has ended. A process that dies while it may use the GPU, or is killed since it hangs, is one of the
    /// GPU's failures, unless it had said that it runs on the CPU, or that the bundle is at fault, which tract has found before
    /// anybody asks the GPU; so is one that says that its engine has ended, and one that was not ready yet and ends without
    /// saying why, as it never does by itself: a library may end the process that it is loaded into. Between its proof and READY it opens
    /// a camera, whose library may do so too: there only its own word counts.
    pub(super) fn ended(&mut self, ending: Ending, now_us: u64) {
        let on_gpu = match &self.report {
            Some(report) => report.on_gpu,
            // Without plans, nothing of NVIDIA's is loaded.
            None => {
                self.gpu == Gpu::Granted
                    && self.fault != Some(Fault::Bundle)
                    && loads_gpu(&self.spec)
            }
        };
        let opens_camera = self.has_proven && self.report.is_none();
        let has_failed = match ending {
            Ending::Code(ENGINE) => true,
            Ending::Signal(_) => !opens_camera,
            Ending::Code(code) => {
                let says_nothing = self.report.is_none() && self.fault.is_none() && !opens_camera;
                says_nothing && !OF_OTHERS.contains(&code) && !self.was_dismissed(ending)
            }
            Ending::Unknown => false,
        };
        let demotion = self.demotion.as_mut();
        let Some(demotion) = demotion.filter(|_| on_gpu && has_failed) else {
            return;
        };
        if demotion.failed(now_us) {
            log::error!(
                "the GPU has failed for the second time within ten minutes: the CPU judges until this station is \
                 started again, or `twinspect engine retry`"
            );
        } else if !demotion.is_given_up() {
            log::warn!(
                "an inspect process that used the GPU has failed: the next one tries it again"
            );
        }
    }
}

impl LineProcess {
    /// Starts another inspect process, which tries the GPU as if it had never failed; or why not.
    pub(super) fn retry_engine(&mut self, answer: &crossbeam_channel::Sender<Reply>) {
        reply(
            answer,
            match self.may_retry() {
                Ok(()) => Reply::EngineRetried,
                Err(reason) => Reply::refused(reason),
            },
        );
    }

    fn may_retry(&mut self) -> Result<(), &'static str> {
        if matches!(self.engine.spec.kind, EngineKind::Cpu | EngineKind::Tract) {
            return Err("the configuration wants the CPU: engine.kind of its file");
        }
        if !self.station.supervisor().is_up() {
            return Err(
                "the inspect process is being started: ask again when `twinspect status` says what it came to",
            );
        }
        let report = self.engine.report.as_ref();
        if report.is_some_and(|report| report.on_gpu) {
            return Err("the GPU is in use");
        }
        if self.station.gate().parts_under_way() > 0 {
            return Err(
                "parts are under way, and would be rejected: stop the infeed and ask again",
            );
        }
        self.engine.forgive();
        self.replace_inspector();
        Ok(())
    }

    /// Has another inspect process try the GPU.
    pub(super) fn replace_inspector(&mut self) {
        self.engine.dismiss();
        // READY falls now, and not when the process has ended: nobody takes tickets until then.
        let now_us = self.clock.now_us();
        self.station.inspector(self.in_charge, Said::Closed, now_us);
        self.station.renew_reserve();
        log::info!(
            "the GPU is to be tried again: the inspect process ends, and another one is started"
        );
        // Its end is heard as any other one's.
        if let Some(inspector) = self.inspector.take() {
            inspector.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::{Deref, DerefMut};

    use tempfile::TempDir;

    use super::*;
    use crate::config::PrecisionChoice;
    use crate::engines::Faster;

    const MINUTE_US: u64 = 60_000_000;

    fn report(on_gpu: bool) -> EngineReport {
        EngineReport {
            name: if on_gpu { "tensorrt" } else { "native" }.to_owned(),
            why: String::new(),
            stands_in_for: (!on_gpu).then_some(Faster::TensorRt),
            on_gpu,
            lacks_plans: false,
            too_slow: None,
        }
    }

    /// Of a station for which plans lie there.
    struct Prepared {
        watch: EngineWatch,
        _plans: TempDir,
    }

    impl Deref for Prepared {
        type Target = EngineWatch;

        fn deref(&self) -> &EngineWatch {
            &self.watch
        }
    }

    impl DerefMut for Prepared {
        fn deref_mut(&mut self) -> &mut EngineWatch {
            &mut self.watch
        }
    }

    fn watch(fallback: Fallback) -> Prepared {
        let plans = tempfile::tempdir().expect("a folder");
        std::fs::write(plans.path().join("rgb-0.plan"), "").expect("a new file");
        let watch = EngineWatch::new(&EngineSpec {
            fallback,
            ..EngineSpec::tensorrt(plans.path(), PrecisionChoice::Fp32)
        });
        Prepared {
            watch,
            _plans: plans,
        }
    }

    /// Processes that end like this, one after the other; what the next one may use.
    fn after(watch: &mut EngineWatch, on_gpu: Option<bool>, endings: &[(Ending, u64)]) -> Gpu {
        for (ending, minute) in endings {
            watch.start();
            if let Some(on_gpu) = on_gpu {
                watch.ready(&report(on_gpu));
            }
            watch.ended(*ending, minute * MINUTE_US);
        }
        watch.start()
    }

    #[test]
    fn two_failures_within_ten_minutes_withdraw_the_gpu() {
        let code = Ending::Code(5);
        let fresh = || watch(Fallback::Cpu);
        assert_eq!(after(&mut fresh(), Some(true), &[(code, 1)]), Gpu::Granted);
        let twice = [(code, 1), (Ending::Signal(11), 11)];
        assert_eq!(after(&mut fresh(), Some(true), &twice), Gpu::Withdrawn);
        let apart = [(code, 1), (code, 12)];
        assert_eq!(after(&mut fresh(), Some(true), &apart), Gpu::Granted);
        // Before it was ready nobody knows what it died of.
        assert_eq!(after(&mut fresh(), None, &twice), Gpu::Withdrawn);
    }

    #[test]
    fn what_is_not_the_gpu_s_fault_is_not_held_against_it() {
        let twice = |ending| [(ending, 1), (ending, 2)];
        for ending in [
            Ending::Code(0),
            Ending::Code(1),
            Ending::Code(6),
            Ending::Code(101),
        ] {
            let next = after(&mut watch(Fallback::Cpu), Some(true), &twice(ending));
            assert_eq!(next, Gpu::Granted, "{ending}");
        }
        let died = twice(Ending::Signal(11));
        assert_eq!(
            after(&mut watch(Fallback::Cpu), Some(false), &died),
            Gpu::Granted
        );
    }

    /// A library that calls `exit` takes the process along.
    #[test]
    fn a_start_that_ends_without_a_reason_is_held_against_the_gpu() {
        let twice = |ending| [(ending, 1), (ending, 2)];
        for code in [0, 1, 77, 255] {
            let next = after(&mut watch(Fallback::Cpu), None, &twice(Ending::Code(code)));
            assert_eq!(next, Gpu::Withdrawn, "{code}");
        }
        for code in OF_OTHERS {
            let next = after(&mut watch(Fallback::Cpu), None, &twice(Ending::Code(code)));
            assert_eq!(next, Gpu::Granted, "{code}");
        }
        let mut watch = watch(Fallback::Cpu);
        for minute in 1..=4 {
            watch.start();
            match minute % 2 {
                0 => watch.dismiss(),
                _ => watch.failed(Fault::Machine),
            }
            watch.ended(Ending::Code(0), minute * MINUTE_US);
        }
        assert_eq!(
            watch.start(),
            Gpu::Granted,
            "it was asked to, or has said why"
        );
    }

    /// What the next process may use after two that have ended with exit code 5 before they were ready, by this fault.
    fn after_two_starts(fault: Fault) -> Gpu {
        let mut watch = watch(Fallback::Cpu);
        for minute in 1..=2 {
            watch.start();
            watch.failed(fault);
            assert!(watch.has_failed_by(fault));
            watch.ended(Ending::Code(5), minute * MINUTE_US);
        }
        let next = watch.start();
        assert!(!watch.has_failed_by(fault), "it is another process");
        next
    }

    #[test]
    fn a_bundle_at_fault_is_not_held_against_the_gpu() {
        assert_eq!(after_two_starts(Fault::Bundle), Gpu::Granted);
        assert_eq!(after_two_starts(Fault::Machine), Gpu::Withdrawn);
    }

    #[test]
    fn a_folder_of_plans_that_can_t_be_read_is_final_where_nothing_stands_in() {
        let lacks = |fallback, fault, code| {
            let mut watch = watch(fallback);
            watch.start();
            watch.failed(fault);
            watch.lacks_its_plans(code)
        };
        assert!(lacks(Fallback::Stop, Fault::Machine, 8));
        assert!(!lacks(Fallback::Cpu, Fault::Machine, 8));
        assert!(!lacks(Fallback::Stop, Fault::Model, 8), "another file");
        assert!(!lacks(Fallback::Stop, Fault::Machine, 6));
    }

    #[test]
    fn what_ends_while_a_camera_is_opened_is_not_held_against_the_gpu() {
        for (ending, next) in [
            (Ending::Signal(9), Gpu::Granted),
            (Ending::Code(101), Gpu::Granted),
            (Ending::Code(5), Gpu::Withdrawn),
        ] {
            let mut watch = watch(Fallback::Cpu);
            for minute in 1..=2 {
                watch.start();
                watch.proven();
                watch.ended(ending, minute * MINUTE_US);
            }
            assert_eq!(watch.start(), next, "{ending}");
        }
    }

    #[test]
    fn a_crash_where_no_gpu_is_prepared_is_not_held_against_one() {
        let plans = tempfile::tempdir().expect("a folder");
        let spec = EngineSpec {
            kind: EngineKind::Auto,
            fallback: Fallback::Cpu,
            ..EngineSpec::tensorrt(plans.path(), PrecisionChoice::Fp32)
        };
        let crashes = [(Ending::Signal(7), 1), (Ending::Signal(7), 2)];
        let mut watch = EngineWatch::new(&spec);
        assert_eq!(after(&mut watch, None, &crashes), Gpu::Granted);
        std::fs::write(plans.path().join("rgb-0.plan"), "").expect("a new file");
        assert_eq!(after(&mut watch, None, &crashes), Gpu::Withdrawn);
    }

    #[test]
    fn an_end_that_was_asked_for_is_no_failure() {
        let mut watch = watch(Fallback::Cpu);
        watch.start();
        assert!(!watch.was_dismissed(Ending::Code(0)));
        watch.dismiss();
        assert!(watch.was_dismissed(Ending::Code(0)));
        assert!(!watch.was_dismissed(Ending::Signal(9)));
        watch.start();
        assert!(!watch.was_dismissed(Ending::Code(0)));
    }

    #[test]
    fn where_nothing_may_stand_in_the_gpu_is_tried_for_ever() {
        let often: Vec<_> = (0..20).map(|minute| (Ending::Code(5), minute)).collect();
        assert_eq!(
            after(&mut watch(Fallback::Stop), Some(true), &often),
            Gpu::Granted
        );
    }

    #[test]
    fn signs_of_life_of_a_slow_engine_are_of_another_kind() {
        let mut watch = watch(Fallback::Cpu);
        watch.start();
        watch.ready(&report(false));
        assert_eq!(watch.life(), Said::Advanced);
        watch.ready(&EngineReport {
            too_slow: Some("412 ms".to_owned()),
            ..report(false)
        });
        assert_eq!(watch.life(), Said::Slow);
        watch.start();
        assert_eq!(watch.life(), Said::Advanced);
    }
}
