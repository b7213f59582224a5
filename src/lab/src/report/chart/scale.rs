//! From values to places along an axis, and the round values that are written beside it.

/// A range of values and how they lie along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) struct Scale {
    low: f64,
    high: f64,
    bent: bool,
}

impl Scale {
    /// Equal steps are equally long.
    pub(in crate::report) fn linear(low: f64, high: f64) -> Self {
        Self {
            low,
            high: if high > low { high } else { low + 1.0 },
            bent: false,
        }
    }

    /// Linear between -1 and 1, logarithmic beyond: for scores, whose line is at 1.
    pub(in crate::report) fn bent(low: f64, high: f64) -> Self {
        Self {
            bent: true,
            ..Self::linear(low, high)
        }
    }

    /// Whether the scale is logarithmic somewhere.
    pub(in crate::report) fn is_bent(&self) -> bool {
        self.bent
    }

    /// Place of a value: 0 at the low end, 1 at the high one. Values beyond the ends lie on them.
    pub(in crate::report) fn share(&self, value: f64) -> f64 {
        let (low, high) = (self.unrolled(self.low), self.unrolled(self.high));
        ((self.unrolled(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The value at a place.
    pub(in crate::report) fn value(&self, share: f64) -> f64 {
        let (low, high) = (self.unrolled(self.low), self.unrolled(self.high));
        let place = low + share * (high - low);
        if self.bent && place.abs() > 1.0 {
            place.signum() * (place.abs() - 1.0).exp()
        } else {
            place
        }
    }

    fn unrolled(&self, value: f64) -> f64 {
        if self.bent && value.abs() > 1.0 {
            value.signum() * (1.0 + value.abs().ln())
        } else {
            value
        }
    }

    /// Round values within the range, at most about `wanted`.
    pub(in crate::report) fn ticks(&self, wanted: usize) -> Vec<f64> {
        if !self.bent {
            return self.even_ticks(wanted);
        }
        let mut round: Vec<f64> = (0..9)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
            .collect();
        round.extend(round.clone().iter().map(|value| -value));
        round.push(0.0);
        round.retain(|value| (self.low..=self.high).contains(value));
        // The line first, then whatever finds room beside it.
        round.sort_by(|a, b| (a - 1.0).abs().total_cmp(&(b - 1.0).abs()));
        let room = 0.6 / wanted.max(1) as f64;
        let mut kept: Vec<f64> = Vec::new();
        for value in round {
            let apart = |other: &f64| (self.share(value) - self.share(*other)).abs() >= room;
            if kept.iter().all(apart) {
                kept.push(value);
            }
        }
        kept.sort_by(f64::total_cmp);
        kept
    }

    fn even_ticks(&self, wanted: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / wanted.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let digits = [1.0, 2.0, 5.0, 10.0];
        let step = power
            * digits
                .into_iter()
                .find(|digit| digit * power >= rough * 0.999)
                .unwrap_or(10.0);
        let (first, last) = (
            (self.low / step - 1e-9).ceil() as i64,
            (self.high / step + 1e-9).floor() as i64,
        );
        (first..=last).map(|index| index as f64 * step).collect()
    }
}

/// One side of a chart.
#[derive(Debug, Clone)]
pub(in crate::report) struct Axis {
    pub(in crate::report) scale: Scale,
    /// What is measured, with its unit.
    pub(in crate::report) label: String,
    /// Whether values are shares, written in per cent.
    pub(in crate::report) percent: bool,
    /// Whether values are counts: no fractions, no signs.
    pub(in crate::report) counts: bool,
}

impl Axis {
    /// An axis of plain numbers.
    pub(in crate::report) fn new(scale: Scale, label: impl Into<String>) -> Self {
        Self {
            scale,
            label: label.into(),
            percent: false,
            counts: false,
        }
    }

    /// An axis of shares in per cent.
    pub(in crate::report) fn percent(high: f64, label: &str) -> Self {
        Self {
            percent: true,
            ..Self::new(Scale::linear(0.0, high), label)
        }
    }

    /// Values to write beside the axis, with their text.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let mut ticks = self.scale.ticks(wanted);
        if self.counts {
            ticks.retain(|value| value.fract() == 0.0);
        }
        let text = |value: f64| match (self.percent, self.counts) {
            (true, _) => number(100.0 * value),
            (_, true) => number(value.abs()),
            _ => number(value),
        };
        ticks.into_iter().map(|v| (v, text(v))).collect()
    }
}

/// A number with as many digits as it needs, at most three behind the point.
pub(in crate::report) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" | "" => "0".to_owned(),
        text => text.replace('-', "\u{2212}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_lie_in_the_range() {
        for (low, high, wanted, expected) in [
            (0.0, 1.0, 5, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0][..]),
            (0.0, 0.3, 3, &[0.0, 0.1, 0.2, 0.3]),
            (-0.3, 3.2, 4, &[0.0, 1.0, 2.0, 3.0]),
            (1.0, 1200.0, 4, &[500.0, 1000.0]),
            (5.0, 5.0, 2, &[5.0, 5.5, 6.0]),
        ] {
            let found = Scale::linear(low, high).ticks(wanted);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
        }
    }

    #[test]
    fn a_bent_scale_is_linear_below_the_line_and_goes_both_ways() {
        let scale = Scale::bent(-2.0, 40.0);
        let (zero, half, one) = (scale.share(0.0), scale.share(0.5), scale.share(1.0));
        assert!((half - zero - (one - half)).abs() < 1e-12);
        for value in [-2.0, -1.5, -0.3, 0.0, 0.99, 1.0, 1.01, 7.0, 40.0] {
            assert!((scale.value(scale.share(value)) - value).abs() < 1e-9);
        }
        let doubled = [
            scale.share(4.0) - scale.share(2.0),
            scale.share(8.0) - scale.share(4.0),
        ];
        assert!((doubled[0] - doubled[1]).abs() < 1e-12);
        let ticks = scale.ticks(9);
        assert!(ticks.contains(&1.0) && ticks.contains(&10.0), "{ticks:?}");
        assert!(ticks.is_sorted());
    }

    #[test]
    fn values_beyond_the_ends_lie_on_them() {
        let scale = Scale::linear(0.0, 2.0);
        assert_eq!((scale.share(-1.0), scale.share(9.0)), (0.0, 1.0));
    }

    #[test]
    fn numbers_have_the_digits_that_they_need() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0001, "0"),
            (-2.0, "\u{2212}2"),
            (0.25, "0.25"),
            (30.000_000_000_4, "30"),
            (1200.0, "1200"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
