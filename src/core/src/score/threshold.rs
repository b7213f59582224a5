//! The line between good and rejected, from good parts only, for a stated false-reject rate:
//! an order statistic, or with too few parts a Gumbel fit to the tail.

use std::ops::RangeInclusive;

use super::calibration::{Threshold, ThresholdMethod};
use super::fusion::FUSION_EVIDENCE;
use crate::statistics::{binomial_cdf, gumbel_level, rate_upper_bound};

/// Confidence at which an order statistic must support the target.
const CONFIDENCE: f64 = 0.95;
/// Least evidence of any threshold, so that scores stay defined on data without spread.
const EVIDENCE_MIN: f32 = 1e-3;

impl Threshold {
    /// False-reject rates that a line can be asked for. Below, a line is extrapolated so far that it lets
    /// anything pass (an order statistic needs three thousand parts for 0.001); above, it rejects more
    /// good parts than it lets pass.
    pub const TARGET_RATES: RangeInclusive<f64> = 0.001..=0.5;

    /// A line stands below so much evidence, which is counted in standard deviations of what good parts show: real
    /// lines stand at three to ten. This is far beyond what any good part has set; where a network fuses, no part can
    /// reach it, for evidence is cut off there ([`FUSION_EVIDENCE`]).
    pub const EVIDENCE_MAX: f32 = FUSION_EVIDENCE[1];

    /// From here on a line is so far from good parts that somebody should know.
    const EVIDENCE_FAR: f32 = 20.0;

    /// Whether the line lies far beyond where good parts of any product have put one: what it would
    /// reject, and what not, is to be seen before it judges.
    pub fn is_far(&self) -> bool {
        self.evidence >= Self::EVIDENCE_FAR
    }

    /// Chooses the line for `target_rate`, one of [`Self::TARGET_RATES`], from the evidence of good parts that
    /// were not used for training.
    ///
    /// The k-th largest, with the largest k whose true false-reject rate is at most the target with
    /// 95 % confidence. When even the maximum doesn't support the target, the larger of the
    /// maximum and the Gumbel fit's quantile, marked as extrapolated.
    pub fn from_good_parts(evidence: &[f32], target_rate: f64) -> Self {
        let mut sorted: Vec<f32> = evidence.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let n = sorted.len();
        let supports = |k: usize| 1.0 - binomial_cdf(k - 1, n, target_rate) >= CONFIDENCE;
        let (level, method) = match (1..=n).take_while(|&k| supports(k)).last() {
            Some(k) => (sorted[k - 1], ThresholdMethod::OrderStatistic),
            None => {
                let maximum = sorted.first().copied().unwrap_or(EVIDENCE_MIN);
                let fitted = gumbel_level(&sorted, target_rate) as f32;
                (maximum.max(fitted), ThresholdMethod::Extrapolated)
            }
        };
        let level = level.max(EVIDENCE_MIN);
        let above = sorted.iter().filter(|&&value| value > level).count();
        Self {
            evidence: level,
            method,
            target_rate,
            good_parts: n,
            good_parts_above: above,
            rate_bound_95: rate_upper_bound(above, n, CONFIDENCE),
        }
    }

    /// One sentence for people: what the line promises and on what ground.
    pub fn explain(&self) -> String {
        let basis = match self.method {
            ThresholdMethod::OrderStatistic => "order statistic",
            ThresholdMethod::Extrapolated => "extrapolated",
        };
        format!(
            "target {:.1} % false rejects, {basis} from {} good parts; \
             these parts alone show at most {:.1} % with 95 % confidence",
            100.0 * self.target_rate,
            self.good_parts,
            100.0 * self.rate_bound_95
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(n: usize) -> Vec<f32> {
        (1..=n).map(|i| i as f32 / n as f32).collect()
    }

    #[test]
    fn the_number_of_parts_decides_which_of_them_is_the_line() {
        for (n, rate, k) in [
            (59, 0.05, 1),
            (93, 0.05, 2),
            (299, 0.01, 1),
            (473, 0.01, 2),
            (628, 0.01, 3),
        ] {
            let line = Threshold::from_good_parts(&ramp(n), rate);
            assert_eq!(
                line.method,
                ThresholdMethod::OrderStatistic,
                "{n} at {rate}"
            );
            assert_eq!(line.good_parts_above, k - 1, "{n} at {rate}");
            assert!(
                line.rate_bound_95 <= rate,
                "{n} at {rate}: {}",
                line.rate_bound_95
            );
            let one_less = Threshold::from_good_parts(&ramp(n - 1), rate);
            assert!(
                one_less.method == ThresholdMethod::Extrapolated
                    || one_less.good_parts_above + 1 < k
            );
        }
    }

    #[test]
    fn too_few_parts_are_extrapolated_and_say_what_they_support() {
        let line = Threshold::from_good_parts(&ramp(20), 0.02);
        assert_eq!(line.method, ThresholdMethod::Extrapolated);
        assert!(line.evidence >= 1.0);
        assert!((line.rate_bound_95 - 0.139).abs() < 1e-3);
        assert!(line.explain().contains("extrapolated from 20 good parts"));
    }

    #[test]
    fn a_line_is_far_where_no_good_parts_have_put_one() {
        let at = |evidence| Threshold {
            evidence,
            ..Threshold::from_good_parts(&[], 0.02)
        };
        assert!(!at(10.0).is_far() && at(20.0).is_far());
        assert!(at(Threshold::EVIDENCE_MAX).is_far());
    }

    #[test]
    fn no_parts_and_parts_without_spread_give_a_positive_line() {
        assert!(Threshold::from_good_parts(&[], 0.02).evidence > 0.0);
        assert!(Threshold::from_good_parts(&[-1.0; 5], 0.02).evidence > 0.0);
        assert_eq!(Threshold::from_good_parts(&[], 0.02).rate_bound_95, 1.0);
    }
}
