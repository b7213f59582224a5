//! Distribution contraction: clean parts should look alike to a network, wherever they lie in the picture.
//!
//! What is compared are the channels' means and standard deviations over the pixels of each sample, which do not depend on
//! the part's place. Their variance over the samples is divided by the variance of everything, so features cannot win by
//! shrinking.

use rayon::prelude::*;

use crate::activation::{Activation, by_image};
use crate::kernels::add_affine;
use crate::norm::Moments;
use crate::tensor::image_rows;

/// Added to a sample's variance before the root is taken.
const EPSILON: f64 = 1e-12;

/// `scale * mean_c [var_b(mean_u f) + var_b(std_u f)] / mean_c var_bu(f)` over the samples `b` of the batch for which
/// `clean` holds, pixels `u` and channels `c` of one feature map; all variances are of the population (divided by the
/// count). With less than two clean samples, or if they are constant, value and gradient are 0.
///
/// The value is at least 0 and, for `scale` 1, at most 1: variance of means and of deviations are both parts of the total.
///
/// # Panics
/// If `clean` does not have a value for each sample.
pub fn contraction(features: &mut Activation, clean: &[bool], scale: f32) -> f32 {
    let shape = features.shape();
    assert_eq!(clean.len(), shape.n, "which samples are clean");
    let (value, slot) = features.parts();
    let images = by_image(slot, shape.n);
    let samples: Vec<Sample> = (0..shape.n)
        .into_par_iter()
        .filter(|&n| clean[n])
        .map(|n| Sample::new(&Moments::of_image(value, n)))
        .collect();
    let (count, channels) = (samples.len() as f64, shape.c as f64);
    let mean_over = |f: &dyn Fn(&Sample) -> f64| samples.iter().map(f).sum::<f64>() / count;
    // Means over the samples, and the sums over channels of the variances above and below the line.
    let (mut means, mut deviations) = (vec![0.0; shape.c], vec![0.0; shape.c]);
    let (mut between, mut total) = (0.0, 0.0);
    for c in 0..shape.c {
        (means[c], deviations[c]) = (mean_over(&|s| s.mean[c]), mean_over(&|s| s.deviation[c]));
        let of_means = mean_over(&|s| (s.mean[c] - means[c]).powi(2));
        between += of_means + mean_over(&|s| (s.deviation[c] - deviations[c]).powi(2));
        total += of_means + mean_over(&|s| s.variance[c]);
    }
    if samples.len() < 2 || total <= channels * EPSILON {
        return 0.0;
    }
    let ratio = between / total;
    // The gradient of a value x of sample b: f [(m - M) + (s - S) (x - m) / s - ratio (x - M)].
    let pixels = (shape.h * shape.w) as f64;
    let factor = 2.0 * f64::from(scale) / (count * pixels * total);
    let numbered = images.into_iter().enumerate().filter(|&(n, _)| clean[n]);
    let tasks: Vec<_> = numbered.zip(&samples).collect();
    tasks.into_par_iter().for_each(|((n, image), sample)| {
        let Some(image) = image else { return };
        let (mut slope, mut offset) = (vec![0.0; shape.c], vec![0.0; shape.c]);
        for c in 0..shape.c {
            let mean = sample.mean[c];
            let spread = (sample.deviation[c] - deviations[c]) / sample.deviation[c];
            slope[c] = (factor * (spread - ratio)) as f32;
            offset[c] = (factor * (mean - means[c] - spread * mean + ratio * means[c])) as f32;
        }
        for (y, out) in image_rows(image, shape) {
            add_affine(out, value.row(n, y), &slope, &offset);
        }
    });
    (f64::from(scale) * ratio) as f32
}

/// What one sample's channels look like.
struct Sample {
    mean: Vec<f64>,
    variance: Vec<f64>,
    deviation: Vec<f64>,
}

impl Sample {
    fn new(moments: &Moments) -> Self {
        let count = f64::from(moments.count);
        let variance = moments.deviations.iter().map(|&d| f64::from(d) / count);
        let variance: Vec<f64> = variance.collect();
        Self {
            mean: moments.mean.iter().map(|&m| f64::from(m)).collect(),
            deviation: variance.iter().map(|v| (v + EPSILON).sqrt()).collect(),
            variance,
        }
    }
}

#[cfg(test)]
mod tests;
