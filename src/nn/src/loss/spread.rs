//! Losses whose network also predicts how far good parts scatter: a log-spread `v`, so that evidence can be read in
//! units of what is usual at this place (Kendall and Gal 2017).

use rayon::prelude::*;

use super::distance::{for_each_pair, pixel_offset};
use super::{DISTANCE_LOG_SPREAD_LIMIT, LAPLACE_LOG_SPREAD_LIMIT, PixelShares};
use crate::activation::{Activation, by_image};
use crate::tensor::Tensor;

/// `scale * mean over channels and pixels of |x - m| exp(-v) + v`: the negative log-likelihood, but for a constant, of a
/// Laplace distribution with centre `m` and scale `exp(v)`. `v` counts as no more than 4 and no less than -4; beyond that
/// it gets no gradient.
///
/// # Panics
/// If the shapes of mean, log-spread, observed values and weights do not match.
pub fn laplace(
    mean: &mut Activation,
    log_spread: &mut Activation,
    observed: &Tensor,
    weights: Option<&Tensor>,
    scale: f32,
) -> f32 {
    let shape = mean.shape();
    assert_eq!(log_spread.shape(), shape, "log-spread of a Laplace loss");
    assert_eq!(observed.shape(), shape, "observed values of a Laplace loss");
    let shares = PixelShares::new(weights, shape);
    let (mean, mean_grad) = mean.parts();
    let (log_spread, spread_grad) = log_spread.parts();
    let grads = by_image(mean_grad, shape.n)
        .into_par_iter()
        .zip(by_image(spread_grad, shape.n));
    let image_terms: Vec<f64> = grads
        .enumerate()
        .map(|(n, (mut mean_grad, mut spread_grad))| {
            let mut total = 0.0;
            for y in 0..shape.h {
                let (centres, spreads, values) =
                    (mean.row(n, y), log_spread.row(n, y), observed.row(n, y));
                for x in 0..shape.w {
                    let share = f64::from(scale) * shares.of(n, y, x) / shape.c as f64;
                    let factor = share as f32;
                    let (in_row, in_image) = (x * shape.c, pixel_offset(shape, y, x));
                    let mut sum = 0.0;
                    for i in 0..shape.c {
                        let spread = LogSpread::new(spreads[in_row + i], LAPLACE_LOG_SPREAD_LIMIT);
                        let residual = values[in_row + i] - centres[in_row + i];
                        let scaled = residual.abs() * spread.inverse;
                        sum += f64::from(scaled + spread.value);
                        if let Some(grad) = mean_grad.as_deref_mut() {
                            let sign = if residual == 0.0 {
                                0.0
                            } else {
                                residual.signum()
                            };
                            grad[in_image + i] -= factor * sign * spread.inverse;
                        }
                        if let Some(grad) = spread_grad.as_deref_mut() {
                            grad[in_image + i] += factor * spread.gradient(scaled);
                        }
                    }
                    total += share * sum;
                }
            }
            total
        })
        .collect();
    image_terms.iter().sum::<f64>() as f32
}

/// `scale * mean over pixels of d exp(-v) + v`, with `d` the distance of [`super::pixel_distance`] and one log-spread `v`
/// per pixel, which counts as no more than 8 and no less than -8; beyond that it gets no gradient.
///
/// # Panics
/// If the shapes of student, log-spread, target and weights do not match.
pub fn spread_distance(
    student: &mut Activation,
    log_spread: &mut Activation,
    target: &Tensor,
    weights: Option<&Tensor>,
    scale: f32,
) -> f32 {
    each_distance(student, log_spread, target, weights, scale, |scaled, v| {
        Term {
            value: scaled + v,
            by_scaled: 1.0,
            by_spread: 1.0,
        }
    })
}

/// `scale * mean over pixels of max(0, margin - d exp(-v))`, with `d` and `v` as in [`spread_distance`]: what looks bad is
/// to lie at least `margin` spreads away. Where that holds, a pixel gives no gradient.
///
/// # Panics
/// If the shapes of student, log-spread, observed features and weights do not match.
pub fn spread_distance_hinge(
    student: &mut Activation,
    log_spread: &mut Activation,
    observed: &Tensor,
    weights: Option<&Tensor>,
    margin: f32,
    scale: f32,
) -> f32 {
    each_distance(
        student,
        log_spread,
        observed,
        weights,
        scale,
        |scaled, _| {
            let lacking = margin - scaled;
            Term {
                value: lacking.max(0.0),
                by_scaled: if lacking > 0.0 { -1.0 } else { 0.0 },
                by_spread: 0.0,
            }
        },
    )
}

/// What a pixel adds to a loss, and the derivatives of that by its distance in spreads and, that being
/// constant, by its log-spread.
struct Term {
    value: f32,
    by_scaled: f32,
    by_spread: f32,
}

/// `scale * mean over pixels of term(d exp(-v), v)`, with its gradients.
fn each_distance(
    student: &mut Activation,
    log_spread: &mut Activation,
    target: &Tensor,
    weights: Option<&Tensor>,
    scale: f32,
    term: impl Fn(f32, f32) -> Term + Sync,
) -> f32 {
    let shape = student.shape();
    assert_eq!(target.shape(), shape, "target of a distance");
    assert_eq!(
        log_spread.shape(),
        shape.with_channels(1),
        "log-spread of a distance"
    );
    let shares = PixelShares::new(weights, shape);
    let (spreads, spread_slot) = log_spread.parts();
    let (value, student_slot) = student.parts();
    let spread_at = |n, y, x| LogSpread::new(spreads.pixel(n, y, x)[0], DISTANCE_LOG_SPREAD_LIMIT);
    let share_at = |n, y, x| f64::from(scale) * shares.of(n, y, x);
    if let Some(slot) = spread_slot {
        let mut distances = Tensor::default();
        super::distance_map(value, target, &mut distances);
        slot.into_sum()
            .images_mut()
            .enumerate()
            .for_each(|(n, image)| {
                for y in 0..shape.h {
                    for x in 0..shape.w {
                        let spread = spread_at(n, y, x);
                        if !spread.is_free {
                            continue;
                        }
                        let scaled = distances.pixel(n, y, x)[0] * spread.inverse;
                        let term = term(scaled, spread.value);
                        image[pixel_offset(spreads.shape(), y, x)] +=
                            share_at(n, y, x) as f32 * (term.by_spread - term.by_scaled * scaled);
                    }
                }
            });
    }
    for_each_pair(
        value,
        target,
        student_slot.map(|slot| slot.into_sum()),
        |n, y, x, distance| {
            let (spread, share) = (spread_at(n, y, x), share_at(n, y, x));
            let term = term(distance * spread.inverse, spread.value);
            let by_distance = share as f32 * (term.by_scaled * spread.inverse);
            (share * f64::from(term.value), by_distance)
        },
    ) as f32
}

/// `scale * mean over pixels of max(0, margin - e)`, with the evidence `e` the mean over channels of `|x - m| exp(-v)`, and
/// `m` and `v` as in [`laplace`].
///
/// # Panics
/// If the shapes of mean, log-spread, observed values and weights do not match.
pub fn laplace_hinge(
    mean: &mut Activation,
    log_spread: &mut Activation,
    observed: &Tensor,
    weights: Option<&Tensor>,
    margin: f32,
    scale: f32,
) -> f32 {
    let shape = mean.shape();
    assert_eq!(log_spread.shape(), shape, "log-spread of a Laplace loss");
    assert_eq!(observed.shape(), shape, "observed values of a Laplace loss");
    let shares = PixelShares::new(weights, shape);
    let (mean, mean_grad) = mean.parts();
    let (log_spread, spread_grad) = log_spread.parts();
    let grads = by_image(mean_grad, shape.n)
        .into_par_iter()
        .zip(by_image(spread_grad, shape.n));
    let image_terms: Vec<f64> = grads
        .enumerate()
        .map(|(n, (mut mean_grad, mut spread_grad))| {
            let mut total = 0.0;
            for y in 0..shape.h {
                for x in 0..shape.w {
                    let share = f64::from(scale) * shares.of(n, y, x);
                    let (centres, values) = (mean.pixel(n, y, x), observed.pixel(n, y, x));
                    let spreads = log_spread.pixel(n, y, x);
                    let residual = |i: usize| values[i] - centres[i];
                    let spread = |i: usize| LogSpread::new(spreads[i], LAPLACE_LOG_SPREAD_LIMIT);
                    let scaled = |i: usize| residual(i).abs() * spread(i).inverse;
                    let evidence = (0..shape.c).map(scaled).sum::<f32>() / shape.c as f32;
                    if share == 0.0 || evidence >= margin {
                        continue;
                    }
                    total += share * f64::from(margin - evidence);
                    let factor = (share / shape.c as f64) as f32;
                    let at = pixel_offset(shape, y, x);
                    if let Some(grad) = mean_grad.as_deref_mut() {
                        for i in 0..shape.c {
                            let sign = if residual(i) == 0.0 {
                                0.0
                            } else {
                                residual(i).signum()
                            };
                            grad[at + i] += factor * sign * spread(i).inverse;
                        }
                    }
                    if let Some(grad) = spread_grad.as_deref_mut() {
                        for i in (0..shape.c).filter(|&i| spread(i).is_free) {
                            grad[at + i] += factor * scaled(i);
                        }
                    }
                }
            }
            total
        })
        .collect();
    image_terms.iter().sum::<f64>() as f32
}

/// A log-spread within its bounds.
struct LogSpread {
    value: f32,
    inverse: f32,
    is_free: bool,
}

impl LogSpread {
    fn new(raw: f32, limit: f32) -> Self {
        let value = raw.clamp(-limit, limit);
        Self {
            value,
            inverse: (-value).exp(),
            is_free: raw.abs() <= limit,
        }
    }

    /// Derivative of `d exp(-v) + v` by the raw `v`, given `d exp(-v)`.
    fn gradient(&self, scaled: f32) -> f32 {
        if self.is_free { 1.0 - scaled } else { 0.0 }
    }
}
