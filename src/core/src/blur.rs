//! Gaussian smoothing of small pictures; beyond the border the nearest pixel goes on.

/// A separable Gaussian, cut at three standard deviations, with the rows it needs as scratch.
#[derive(Debug, Clone)]
pub struct Gaussian {
    /// Half of the symmetric kernel: weight at distance 0, 1, 2, ...
    half: Vec<f32>,
    padded: Vec<f32>,
    rows: Vec<f32>,
}

impl Gaussian {
    /// A kernel for pictures of `width` columns and `height` rows; `sigma_px` of zero copies.
    pub fn new(sigma_px: f32, width: usize, height: usize) -> Self {
        let radius = (3.0 * sigma_px).ceil().max(0.0) as usize;
        let weight = |distance: usize| {
            if sigma_px > 0.0 {
                (-0.5 * (distance as f64 / f64::from(sigma_px)).powi(2)).exp()
            } else {
                1.0
            }
        };
        let total: f64 = (1..=radius).map(|d| 2.0 * weight(d)).sum::<f64>() + 1.0;
        let half = (0..=radius).map(|d| (weight(d) / total) as f32).collect();
        Self {
            half,
            padded: vec![0.0; width + 2 * radius],
            rows: vec![0.0; width * height],
        }
    }

    /// Smooths `source` (rows of the width given to [`Gaussian::new`]) into `target`.
    pub fn apply(&mut self, source: &[f32], target: &mut [f32]) {
        let radius = self.half.len() - 1;
        let width = self.padded.len() - 2 * radius;
        if radius == 0 {
            target.copy_from_slice(source);
            return;
        }
        for (line, sums) in source
            .chunks_exact(width)
            .zip(self.rows.chunks_exact_mut(width))
        {
            self.padded[..radius].fill(line[0]);
            self.padded[radius..radius + width].copy_from_slice(line);
            self.padded[radius + width..].fill(line[width - 1]);
            accumulate(sums, &self.half, |distance| {
                let left = &self.padded[radius - distance..][..width];
                (left, &self.padded[radius + distance..][..width])
            });
        }
        let height = self.rows.len() / width;
        for (y, sums) in target.chunks_exact_mut(width).enumerate() {
            accumulate(sums, &self.half, |distance| {
                let above = y.saturating_sub(distance);
                let below = (y + distance).min(height - 1);
                (
                    &self.rows[above * width..][..width],
                    &self.rows[below * width..][..width],
                )
            });
        }
    }
}

/// `sums = half[0] * centre + sum_d half[d] * (one side + the other side)`, line by line.
fn accumulate<'a>(sums: &mut [f32], half: &[f32], sides: impl Fn(usize) -> (&'a [f32], &'a [f32])) {
    let (centre, _) = sides(0);
    for (sum, &value) in sums.iter_mut().zip(centre) {
        *sum = half[0] * value;
    }
    for (distance, &weight) in half.iter().enumerate().skip(1) {
        let (one, other) = sides(distance);
        for ((sum, &a), &b) in sums.iter_mut().zip(one).zip(other) {
            *sum += weight * (a + b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_and_a_point_spreads_as_a_gaussian() {
        let mut out = vec![0.0; 32 * 24];
        Gaussian::new(2.0, 32, 24).apply(&vec![3.0; 32 * 24], &mut out);
        assert!(out.iter().all(|value| (value - 3.0).abs() < 1e-5));

        let mut point = vec![0.0; 33 * 33];
        point[16 * 33 + 16] = 1.0;
        let mut out = vec![0.0; 33 * 33];
        Gaussian::new(2.0, 33, 33).apply(&point, &mut out);
        let expected = 1.0 / (2.0 * std::f32::consts::PI * 4.0);
        assert!((out[16 * 33 + 16] - expected).abs() < 0.01 * expected);
        let ratio = out[16 * 33 + 18] / out[16 * 33 + 16];
        assert!((ratio - (-0.5_f32).exp()).abs() < 1e-4, "{ratio}");
        assert!((out.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn zero_sigma_copies_and_pictures_narrower_than_the_kernel_work() {
        let source: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let mut out = vec![0.0; 12];
        Gaussian::new(0.0, 4, 3).apply(&source, &mut out);
        assert_eq!(out, source);
        Gaussian::new(5.0, 4, 3).apply(&source, &mut out);
        assert!(out.iter().all(|value| (0.0..=11.0).contains(value)));
    }
}
