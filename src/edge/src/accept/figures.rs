//! Counts of an acceptance, and what they support.

use serde::Serialize;
use twinspect_core::statistics::{clopper_pearson, rate_upper_bound};
use twinspect_core::verdict::Verdict;

use super::reference::Expected;

/// Of all bounds.
pub(super) const CONFIDENCE: f64 = 0.95;

/// As what a part counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Counted {
    /// A good part that has passed.
    Pass,
    /// A good part that was rejected, also for want of a result.
    PseudoReject,
    /// A bad part that was rejected, also for want of a result.
    Reject,
    /// A bad part that has passed.
    Slip,
}

impl Counted {
    pub(super) fn new(expected: Expected, verdict: &Verdict) -> Self {
        match (expected, verdict.passes()) {
            (Expected::Good, true) => Self::Pass,
            (Expected::Good, false) => Self::PseudoReject,
            (Expected::Bad, false) => Self::Reject,
            (Expected::Bad, true) => Self::Slip,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::PseudoReject => "pseudo reject",
            Self::Reject => "reject",
            Self::Slip => "slip",
        }
    }
}

/// A share of parts, and what so few of them show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Share {
    pub(super) count: usize,
    pub(super) of: usize,
    /// Clopper-Pearson, two-sided at 95 %.
    pub(super) interval_95: (f64, f64),
    /// Clopper-Pearson, upper bound at 95 %: what a limit is compared with. 1 without a part.
    pub(super) bound_95: f64,
}

impl Share {
    pub(super) fn new(count: usize, of: usize) -> Self {
        let bound_95 = if of == 0 {
            1.0
        } else {
            rate_upper_bound(count, of, CONFIDENCE)
        };
        Self {
            count,
            of,
            interval_95: clopper_pearson(count, of, CONFIDENCE),
            bound_95,
        }
    }
}

/// A share of parts that has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Rate {
    #[serde(flatten)]
    pub(super) share: Share,
    /// The largest bound with which a station is accepted.
    pub(super) limit: f64,
}

impl Rate {
    pub(super) fn new(count: usize, of: usize, limit: f64) -> Self {
        Self {
            share: Share::new(count, of),
            limit,
        }
    }

    pub(super) fn holds(&self) -> bool {
        self.share.of > 0 && self.share.bound_95 <= self.limit
    }

    /// Why it does not hold.
    pub(super) fn objection(&self, what: &str, parts: &str) -> Option<String> {
        if self.holds() {
            return None;
        }
        let Self { share, limit } = self;
        let Share {
            count,
            of,
            bound_95,
            ..
        } = share;
        if *of == 0 {
            return Some(format!(
                "no {parts} was shown, so nothing is known of {what}"
            ));
        }
        let needed = parts_needed(*limit);
        let few = if *count == 0 {
            format!("; without one it takes {needed} such parts to show this limit")
        } else {
            String::new()
        };
        Some(format!(
            "{what}: {count} of {of}, with 95 % confidence at most {:.2} %, above the limit of {:.2} %{few}",
            100.0 * bound_95,
            100.0 * limit
        ))
    }
}

/// So many parts without an event show a limit at 95 %: (1 - limit)^n <= 0.05.
fn parts_needed(limit: f64) -> u64 {
    ((1.0 - CONFIDENCE).ln() / (-limit).ln_1p()).ceil().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use twinspect_core::verdict::{Reason, Score};

    use super::*;

    #[test]
    fn a_part_without_a_result_counts_as_rejected() {
        let pass = Verdict::Pass {
            score: Score(0.3),
            missing: None,
        };
        let none = Verdict::NoResult {
            reason: Reason::Late,
        };
        for (expected, verdict, counted) in [
            (Expected::Good, &pass, Counted::Pass),
            (Expected::Good, &none, Counted::PseudoReject),
            (Expected::Bad, &none, Counted::Reject),
            (Expected::Bad, &pass, Counted::Slip),
        ] {
            assert_eq!(Counted::new(expected, verdict), counted);
        }
    }

    #[test]
    fn a_limit_is_held_by_the_bound_and_not_by_the_count() {
        // 0 of 59: 0.0495; 0 of 58: 0.0503.
        assert!(Rate::new(0, 59, 0.05).holds());
        assert!(!Rate::new(0, 58, 0.05).holds());
        assert!(!Rate::new(1, 59, 0.05).holds());
        assert!(!Rate::new(0, 0, 1.0).holds(), "nothing was shown");
        let told = Rate::new(0, 20, 0.05)
            .objection("slip", "bad part")
            .unwrap();
        assert!(
            told.contains("0 of 20") && told.contains("13.91 %"),
            "{told}"
        );
        assert!(told.contains("59 such parts"), "{told}");
        assert!(
            Rate::new(0, 59, 0.05)
                .objection("slip", "bad part")
                .is_none()
        );
    }

    #[test]
    fn the_parts_that_a_limit_takes_are_the_fewest() {
        for limit in [0.5, 0.1, 0.05, 0.01, 0.001] {
            let needed = parts_needed(limit) as usize;
            assert!(Rate::new(0, needed, limit).holds(), "{limit}");
            assert!(
                needed == 1 || !Rate::new(0, needed - 1, limit).holds(),
                "{limit}"
            );
        }
    }
}
