//! Exact binomial bounds and the tail fit behind thresholds.

/// Natural logarithm of the gamma function for `x > 0` (Lanczos, g = 7; about 15 digits).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    for (index, coefficient) in COEFFICIENTS.iter().enumerate() {
        sum += coefficient / (x + index as f64 + 1.0);
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Probability of at most `k` successes in `n` draws of probability `p`.
pub fn binomial_cdf(k: usize, n: usize, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let ln_choose = |i: usize| {
        ln_gamma(n as f64 + 1.0) - ln_gamma(i as f64 + 1.0) - ln_gamma((n - i) as f64 + 1.0)
    };
    let term = |i: usize| (ln_choose(i) + i as f64 * p.ln() + (n - i) as f64 * (-p).ln_1p()).exp();
    (0..=k).map(term).sum::<f64>().min(1.0)
}

/// Largest rate at which at most `k` of `n` is still as likely as `1 - confidence`.
pub fn rate_upper_bound(k: usize, n: usize, confidence: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    bisect(|rate| binomial_cdf(k, n, rate) > 1.0 - confidence)
}

/// Clopper-Pearson interval of a rate seen as `k` of `n`, two-sided at `confidence`.
///
/// 0 of 0 says nothing: the interval is 0 to 1.
pub fn clopper_pearson(k: usize, n: usize, confidence: f64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let tail = 0.5 * (1.0 - confidence);
    let lower = if k == 0 {
        0.0
    } else {
        bisect(|rate| 1.0 - binomial_cdf(k - 1, n, rate) < tail)
    };
    (lower, rate_upper_bound(k, n, 1.0 - tail))
}

/// Where a predicate of a rate that holds from 0 on stops holding.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle
        } else {
            high = middle
        }
    }
    0.5 * (low + high)
}

/// Mean and standard deviation (n - 1 in the denominator; 0 for a single value).
pub fn moments(values: &[f32]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
    let squares = values
        .iter()
        .map(|&value| (f64::from(value) - mean).powi(2))
        .sum::<f64>();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

/// The level that a Gumbel law with the values' moments exceeds with probability `rate`.
pub fn gumbel_level(values: &[f32], rate: f64) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    let (mean, sd) = moments(values);
    let scale = sd * 6.0_f64.sqrt() / std::f64::consts::PI;
    mean - EULER * scale - scale * (-(-rate).ln_1p()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binomial_matches_known_values() {
        assert!((binomial_cdf(0, 299, 0.01) - 0.99_f64.powi(299)).abs() < 1e-12);
        assert!((binomial_cdf(2, 5, 0.5) - 0.5).abs() < 1e-12);
        assert_eq!(binomial_cdf(5, 5, 0.3), 1.0);
    }

    #[test]
    fn the_bounds_match_known_values() {
        for (n, bound) in [
            (20, 0.139),
            (50, 0.058),
            (60, 0.049),
            (100, 0.030),
            (300, 0.0099),
        ] {
            let found = rate_upper_bound(0, n, 0.95);
            assert!((found - bound).abs() < 6e-4, "{n}: {found}");
        }
    }

    #[test]
    fn clopper_pearson_matches_published_intervals() {
        // 0 of 30: upper bound of the two-sided 95 % interval 0.1157; 4 of 10: 0.1216 to 0.7376.
        let (low, high) = clopper_pearson(0, 30, 0.95);
        assert!(low == 0.0 && (high - 0.1157).abs() < 1e-4, "{high}");
        let (low, high) = clopper_pearson(4, 10, 0.95);
        assert!(
            (low - 0.1216).abs() < 1e-4 && (high - 0.7376).abs() < 1e-4,
            "{low} {high}"
        );
        assert_eq!(clopper_pearson(0, 0, 0.95), (0.0, 1.0));
        assert!((clopper_pearson(7, 7, 0.95).1 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_gumbel_sample_gives_its_own_quantile_back() {
        let n = 20_000;
        let sample: Vec<f32> = (0..n)
            .map(|i| (-(-((f64::from(i) + 0.5) / f64::from(n)).ln()).ln()) as f32)
            .collect();
        let expected = -(-(0.99_f64.ln())).ln();
        assert!((gumbel_level(&sample, 0.01) - expected).abs() < 0.02);
    }
}
