//! When a station gives up the engine that it would rather have.
//!
//! A GPU that fails once is tried again, in a new process: the fault may have been one of a moment. One that
//! fails again soon would go on like that, and each time the parts under way are lost.

use std::collections::VecDeque;

/// When an engine is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemotionSpec {
    /// So many failures ...
    pub failures_max: usize,
    /// ... within this time, from the first to the last.
    pub window_us: u64,
}

/// The rule's state machine.
#[derive(Debug, Clone)]
pub struct Demotion {
    spec: DemotionSpec,
    /// Failures that may count together with the next one; at most one less than it takes.
    recent: VecDeque<u64>,
    is_given_up: bool,
}

impl Demotion {
    /// An engine that has never failed.
    pub fn new(spec: DemotionSpec) -> Self {
        Self {
            spec,
            recent: VecDeque::with_capacity(spec.failures_max),
            is_given_up: false,
        }
    }

    /// The engine has failed; whether it is given up by that.
    pub fn failed(&mut self, now_us: u64) -> bool {
        let spec = self.spec;
        self.recent
            .retain(|failed_us| now_us.saturating_sub(*failed_us) <= spec.window_us);
        self.recent.push_back(now_us);
        let is_new = !self.is_given_up && self.recent.len() >= spec.failures_max;
        self.is_given_up |= is_new;
        if self.recent.len() >= spec.failures_max {
            self.recent.pop_front();
        }
        is_new
    }

    /// Whether it is given up, until somebody forgives.
    pub fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Somebody wants it to be tried again, as if it had never failed.
    pub fn forgive(&mut self) {
        self.recent.clear();
        self.is_given_up = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(failures: &[u64]) -> Demotion {
        let mut demotion = Demotion::new(DemotionSpec {
            failures_max: 2,
            window_us: 100,
        });
        for at_us in failures {
            demotion.failed(*at_us);
        }
        demotion
    }

    #[test]
    fn two_failures_close_together_are_too_many() {
        assert!(!after(&[]).is_given_up());
        assert!(!after(&[5]).is_given_up());
        assert!(after(&[5, 105]).is_given_up());
        assert!(!after(&[5, 106]).is_given_up());
        assert!(after(&[5, 106, 206]).is_given_up());
        assert!(!after(&[0, 101, 202, 303, 404]).is_given_up());
    }

    #[test]
    fn the_failure_that_is_one_too_many_is_told_once() {
        let mut demotion = after(&[5]);
        assert!(demotion.failed(6));
        assert!(!demotion.failed(7));
        assert!(demotion.is_given_up());
    }

    #[test]
    fn what_is_given_up_stays_so_until_somebody_forgives() {
        let mut demotion = after(&[5, 6]);
        demotion.failed(1_000_000);
        assert!(demotion.is_given_up());
        demotion.forgive();
        assert!(!demotion.is_given_up());
        assert!(!demotion.failed(1_000_001), "old failures are forgotten");
        assert!(demotion.failed(1_000_002));
    }

    #[test]
    fn one_failure_may_be_enough() {
        let mut strict = Demotion::new(DemotionSpec {
            failures_max: 1,
            window_us: 0,
        });
        assert!(strict.failed(3) && strict.is_given_up());
    }
}
