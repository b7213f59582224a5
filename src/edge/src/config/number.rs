//! Numbers as a person would have typed them.

/// Beyond these sizes a number is told with an exponent: `1e300`, not three hundred digits.
const PLAIN: std::ops::Range<f64> = 1e-5..1e10;

/// A number of the configuration.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || PLAIN.contains(&value.abs()) || !value.is_finite() {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// Microseconds as milliseconds.
pub(super) fn ms(us: u64) -> String {
    number(us as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_they_were_typed() {
        for (value, text) in [
            (0.0, "0"),
            (-5.0, "-5"),
            (0.001, "0.001"),
            (3_600_000.0, "3600000"),
            (1e300, "1e300"),
            (-2.5e20, "-2.5e20"),
            (1e-300, "1e-300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(ms(40_500), "40.5");
    }
}
