//! The distance of the anomaly map: half the squared difference of two unit vectors per pixel, which is `1 - cos` without
//! cancellation.

use rayon::prelude::*;

use super::{PixelShares, UNIT_EPSILON};
use crate::activation::Activation;
use crate::kernels::{add_two_scaled, dot_products, squared_distance};
use crate::tensor::{Shape, Tensor};

/// Writes the distance of `a` and `b` per pixel, in `[0, 2]`, to a map of one channel.
///
/// # Panics
/// If the shapes of `a` and `b` differ.
pub fn distance_map(a: &Tensor, b: &Tensor, map: &mut Tensor) {
    let shape = a.shape();
    assert_eq!(b.shape(), shape, "features to compare");
    map.reshape(shape.with_channels(1));
    map.images_mut().enumerate().for_each(|(n, image)| {
        for (y, out) in image
            .chunks_exact_mut(shape.pitch())
            .take(shape.h)
            .enumerate()
        {
            for (x, out) in out[..shape.w].iter_mut().enumerate() {
                *out = PixelPair::new(a.pixel(n, y, x), b.pixel(n, y, x)).distance();
            }
        }
    });
}

/// `scale * mean over pixels of the distance`.
///
/// # Panics
/// If the shapes of student, target and weights do not match.
pub fn pixel_distance(
    student: &mut Activation,
    target: &Tensor,
    weights: Option<&Tensor>,
    scale: f32,
) -> f32 {
    let shape = student.shape();
    assert_eq!(target.shape(), shape, "target of a distance");
    let shares = PixelShares::new(weights, shape);
    let (value, slot) = student.parts();
    let grad = slot.map(|slot| slot.into_sum());
    for_each_pair(value, target, grad, |n, y, x, distance| {
        let share = f64::from(scale) * shares.of(n, y, x);
        (share * f64::from(distance), share as f32)
    }) as f32
}

/// `scale * mean over pixels of weight * distance`: unlike in [`pixel_distance`], the mean is over the number of pixels, so
/// a heavier pixel takes nothing from the others.
///
/// # Panics
/// If the shapes of student, target and weights do not match.
pub fn weighted_distance(
    student: &mut Activation,
    target: &Tensor,
    weights: &Tensor,
    scale: f32,
) -> f32 {
    let shape = student.shape();
    assert_eq!(target.shape(), shape, "target of a distance");
    assert_eq!(weights.shape(), shape.with_channels(1), "map of weights");
    let share = f64::from(scale) / shape.pixels().max(1) as f64;
    let (value, slot) = student.parts();
    let grad = slot.map(|slot| slot.into_sum());
    for_each_pair(value, target, grad, |n, y, x, distance| {
        let share = share * f64::from(weights.pixel(n, y, x)[0]);
        (share * f64::from(distance), share as f32)
    }) as f32
}

/// Writes the distance per pixel as [`distance_map`] does, for losses on the map itself.
///
/// # Panics
/// If the shapes of student and target differ.
pub fn feature_distance(student: &Activation, target: &Tensor, map: &mut Activation) {
    let shape = student.shape().with_channels(1);
    distance_map(student.value(), target, map.begin(shape));
}

/// From the gradient of `map`, which [`feature_distance`] wrote, adds to that of `student`.
///
/// # Panics
/// If the shapes do not match.
pub fn feature_distance_backward(student: &mut Activation, target: &Tensor, map: &mut Activation) {
    let shape = student.shape();
    assert_eq!(target.shape(), shape, "target of a distance");
    assert_eq!(map.shape(), shape.with_channels(1), "map of distances");
    let (_, by_map) = map.finished();
    let (value, slot) = student.parts();
    if let Some(slot) = slot {
        for_each_pair(value, target, Some(slot.into_sum()), |n, y, x, _| {
            (0.0, by_map.pixel(n, y, x)[0])
        });
    }
}

/// Calls `f(n, y, x, distance)` on every pixel; it returns the pixel's term of the loss and the derivative of that by the
/// distance. Adds gradients to `grad`, returns the sum of the terms.
pub(super) fn for_each_pair(
    student: &Tensor,
    target: &Tensor,
    grad: Option<&mut Tensor>,
    f: impl Fn(usize, usize, usize, f32) -> (f64, f32) + Sync,
) -> f64 {
    let shape = student.shape();
    let image_term = |n: usize, mut image: Option<&mut [f32]>| -> f64 {
        let mut total = 0.0;
        for y in 0..shape.h {
            for x in 0..shape.w {
                let pair = PixelPair::new(student.pixel(n, y, x), target.pixel(n, y, x));
                let (term, by_distance) = f(n, y, x, pair.distance());
                total += term;
                if let Some(image) = image.as_deref_mut() {
                    let start = pixel_offset(shape, y, x);
                    pair.add_gradient(by_distance, &mut image[start..start + shape.c]);
                }
            }
        }
        total
    };
    let terms: Vec<f64> = match grad {
        Some(grad) => grad
            .images_mut()
            .enumerate()
            .map(|(n, image)| image_term(n, Some(image)))
            .collect(),
        None => (0..shape.n)
            .into_par_iter()
            .map(|n| image_term(n, None))
            .collect(),
    };
    terms.iter().sum()
}

/// Offset of a pixel in its image.
pub(super) fn pixel_offset(shape: Shape, y: usize, x: usize) -> usize {
    (y * shape.pitch() + x) * shape.c
}

/// The two feature vectors of a pixel and one over their norms.
struct PixelPair<'a> {
    student: &'a [f32],
    target: &'a [f32],
    inverse_student: f32,
    inverse_target: f32,
    product: f32,
}

impl<'a> PixelPair<'a> {
    fn new(student: &'a [f32], target: &'a [f32]) -> Self {
        let [product, student_square, target_square] = dot_products(student, target);
        let inverse = |square: f64| (1.0 / (square + f64::from(UNIT_EPSILON)).sqrt()) as f32;
        Self {
            student,
            target,
            inverse_student: inverse(student_square),
            inverse_target: inverse(target_square),
            product: product as f32,
        }
    }

    fn distance(&self) -> f32 {
        0.5 * squared_distance(
            self.student,
            self.inverse_student,
            self.target,
            self.inverse_target,
        )
    }

    /// With unit vectors `u = s / r` and `t`, `r = sqrt(|s|^2 + epsilon)`, so `du/ds = (1 - u u^T) / r`:
    /// the gradient of `|u - t|^2 / 2` is `(u (1 - u.u + u.t) - t) / r`.
    fn add_gradient(&self, factor: f32, grad: &mut [f32]) {
        let (by_student, by_target) = (self.inverse_student, self.inverse_target);
        let cosine = self.product * by_student * by_target;
        let scale = factor * by_student;
        add_two_scaled(
            grad,
            self.student,
            scale * by_student * (self.shortfall() + cosine),
            self.target,
            -scale * by_target,
        );
    }

    /// `1 - u.u`, which is 0 but for vectors as short as the epsilon.
    fn shortfall(&self) -> f32 {
        UNIT_EPSILON * self.inverse_student * self.inverse_student
    }
}
