//! Numbers as a person would have typed them.

/// Beyond these sizes a number is told with an exponent: `1e300`, not three hundred digits.
const PLAIN: std::ops::Range<f64> = 1e-5..1e10;

/// A number as it may have been typed.
pub fn number(value: f64) -> String {
    if value == 0.0 || PLAIN.contains(&value.abs()) || !value.is_finite() {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// A measure with so many decimals, as long as that is short.
pub fn rounded(value: f64, decimals: usize) -> String {
    if value.abs() < PLAIN.end || !value.is_finite() {
        format!("{value:.decimals$}")
    } else {
        number(value)
    }
}

/// Microseconds as milliseconds.
pub fn ms(us: u64) -> String {
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

    #[test]
    fn measures_are_rounded_and_never_long() {
        for (value, text) in [
            (915.04, "915.0"),
            (-1e-300, "-0.0"),
            (1e308, "1e308"),
            (-1.5e300, "-1.5e300"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(rounded(value, 1), text);
        }
        assert_eq!(rounded(449.6, 0), "450");
    }
}
