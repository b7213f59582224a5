//! Losses of maps with one channel against a label: 0 where a pixel is good, 1 where it is not, something between where it
//! is so in part. A pixel that is to be ignored has the weight 0.

use rayon::prelude::*;

use super::PixelShares;
use crate::activation::{Activation, by_image};
use crate::tensor::{Shape, Tensor};

/// What [`pixel_hinge`] asks of a bad pixel: half the distance of unrelated features.
pub const PIXEL_MARGIN: f32 = 0.5;

/// Exponent of [`focal`].
pub const FOCAL_GAMMA: i32 = 2;

/// Weight of label 1 in [`focal`]; label 0 has the rest to 1.
pub const FOCAL_ALPHA: f64 = 0.75;

/// Pixels added above and below the line of [`dice`].
const DICE_SMOOTHING: f64 = 1.0;

/// `scale * (mean over good pixels of a + mean over bad pixels of max(0, 0.5 - a))` for a map of evidence `a`: low where
/// all is well, at least [`PIXEL_MARGIN`] where it is not. A pixel counts as bad by its label and as good by the rest; a
/// mean over no pixel is 0.
///
/// # Panics
/// If the shapes of map, label and weights do not match, or the map has several channels.
pub fn pixel_hinge(
    map: &mut Activation,
    label: &Tensor,
    weights: Option<&Tensor>,
    scale: f32,
) -> f32 {
    let pixels = Labelled::new(map.shape(), label, weights);
    let bad = pixels.sum(map.value(), |_, label, weight| weight * label);
    let good = pixels.sum(map.value(), |_, label, weight| weight * (1.0 - label));
    let inverse = |total: f64| {
        if total > 0.0 {
            f64::from(scale) / total
        } else {
            0.0
        }
    };
    let (by_good, by_bad) = (inverse(good), inverse(bad));
    pixels.add(map, |value, label, weight| {
        let shortfall = f64::from(PIXEL_MARGIN) - value;
        let (good, bad) = (weight * (1.0 - label) * by_good, weight * label * by_bad);
        if shortfall > 0.0 {
            (good * value + bad * shortfall, good - bad)
        } else {
            (good * value, good)
        }
    })
}

/// `scale * mean over pixels of -alpha_y (1 - p_y)^2 ln p_y` (Lin et al. 2017), with `p_1 = sigmoid(z)` for a map of logits
/// `z`, `p_0 = 1 - p_1`, and `alpha` 0.75 for label 1 and 0.25 for label 0: pixels that are right already count little. A
/// label between 0 and 1 mixes both.
///
/// # Panics
/// If the shapes of map, label and weights do not match, or the map has several channels.
pub fn focal(logits: &mut Activation, label: &Tensor, weights: Option<&Tensor>, scale: f32) -> f32 {
    let pixels = Labelled::new(logits.shape(), label, weights);
    let share = f64::from(scale) * PixelShares::new(weights, label.shape()).inverse_total;
    pixels.add(logits, |logit, label, weight| {
        let (bad, by_bad) = focal_term(logit);
        let (good, by_good) = focal_term(-logit);
        let (bad_share, good_share) = (FOCAL_ALPHA * label, (1.0 - FOCAL_ALPHA) * (1.0 - label));
        let share = share * weight;
        (
            share * (bad_share * bad + good_share * good),
            share * (bad_share * by_bad - good_share * by_good),
        )
    })
}

/// `(1 - p)^gamma * -ln p` for `p = sigmoid(z)` and its derivative by `z`.
fn focal_term(logit: f64) -> (f64, f64) {
    let small = (-logit.abs()).exp();
    let (p, miss) = (probability(logit), probability(-logit));
    let surprise = (-logit).max(0.0) + small.ln_1p();
    let damping = miss.powi(FOCAL_GAMMA);
    let slope = -damping * (f64::from(FOCAL_GAMMA) * p * surprise + miss);
    (damping * surprise, slope)
}

/// `scale * (1 - (2 sum(p y) + 1) / (sum(p) + sum(y) + 1))` with `p = sigmoid(z)` for a map of logits `z` and the label
/// `y` (Milletari et al. 2016): the overlap of what is marked and what is bad. Sums are weighted and run over the whole
/// batch, so that a good sample does not count like a missed defect.
///
/// # Panics
/// If the shapes of map, label and weights do not match, or the map has several channels.
pub fn dice(logits: &mut Activation, label: &Tensor, weights: Option<&Tensor>, scale: f32) -> f32 {
    let pixels = Labelled::new(logits.shape(), label, weights);
    let value = logits.value();
    let overlap = pixels.sum(value, |z, label, weight| weight * probability(z) * label);
    let sizes = pixels.sum(value, |z, label, weight| weight * (probability(z) + label));
    let (above, below) = (2.0 * overlap + DICE_SMOOTHING, sizes + DICE_SMOOTHING);
    let scale = f64::from(scale);
    pixels.add(logits, |logit, label, weight| {
        let by_probability = scale * weight * (above / below - 2.0 * label) / below;
        (
            0.0,
            by_probability * probability(logit) * probability(-logit),
        )
    });
    (scale * (1.0 - above / below)) as f32
}

/// `scale * mean over pixels of (a - target)^2` for a map `a`: what holds a gate near its untrained self.
///
/// # Panics
/// If the shapes of map, target and weights do not match, or the map has several channels.
pub fn squared_error(
    map: &mut Activation,
    target: &Tensor,
    weights: Option<&Tensor>,
    scale: f32,
) -> f32 {
    let pixels = Labelled::new(map.shape(), target, weights);
    let share = f64::from(scale) * PixelShares::new(weights, target.shape()).inverse_total;
    pixels.add(map, |value, target, weight| {
        let difference = value - target;
        let share = share * weight;
        (share * difference * difference, 2.0 * share * difference)
    })
}

/// `1 / (1 + exp(-z))` without overflow.
fn probability(logit: f64) -> f64 {
    let small = (-logit.abs()).exp();
    (if logit < 0.0 { small } else { 1.0 }) / (1.0 + small)
}

/// A label and a weight for every pixel of a map.
struct Labelled<'a> {
    shape: Shape,
    label: &'a Tensor,
    weights: Option<&'a Tensor>,
}

impl<'a> Labelled<'a> {
    fn new(shape: Shape, label: &'a Tensor, weights: Option<&'a Tensor>) -> Self {
        assert_eq!(shape.c, 1, "channels of a labelled map");
        assert_eq!(label.shape(), shape, "label of a map");
        if let Some(map) = weights {
            assert_eq!(map.shape(), shape, "map of weights");
        }
        Self {
            shape,
            label,
            weights,
        }
    }

    /// The sum of `f(value, label, weight)` over all pixels.
    fn sum(&self, map: &Tensor, f: impl Fn(f64, f64, f64) -> f64 + Sync) -> f64 {
        let images = (0..self.shape.n).into_par_iter();
        let image_sums: Vec<f64> = images
            .map(|n| {
                let mut total = 0.0;
                self.for_each(map, n, |_, _, value, label, weight| {
                    total += f(value, label, weight)
                });
                total
            })
            .collect();
        image_sums.iter().sum()
    }

    /// The sum over all pixels of the terms that `f(value, label, weight)` gives; adds the derivatives by the value, which
    /// it gives as well, to the gradient of `map`.
    fn add(&self, map: &mut Activation, f: impl Fn(f64, f64, f64) -> (f64, f64) + Sync) -> f32 {
        let (map, slot) = map.parts();
        let images = by_image(slot, self.shape.n).into_par_iter().enumerate();
        let terms: Vec<f64> = images
            .map(|(n, mut image)| {
                let mut total = 0.0;
                self.for_each(map, n, |y, x, value, label, weight| {
                    let (term, by_value) = f(value, label, weight);
                    total += term;
                    if let Some(image) = image.as_deref_mut() {
                        image[y * self.shape.pitch() + x] += by_value as f32;
                    }
                });
                total
            })
            .collect();
        terms.iter().sum::<f64>() as f32
    }

    /// Calls `f(row, column, value, label, weight)` for every pixel of an image.
    fn for_each(&self, map: &Tensor, n: usize, mut f: impl FnMut(usize, usize, f64, f64, f64)) {
        for y in 0..self.shape.h {
            let weights = self.weights.map(|weights| weights.row(n, y));
            let pixels = map.row(n, y).iter().zip(self.label.row(n, y));
            for (x, (&value, &label)) in pixels.enumerate() {
                let weight = weights.map_or(1.0, |weights| weights[x]);
                f(y, x, value.into(), label.into(), weight.into());
            }
        }
    }
}

#[cfg(test)]
mod tests;
