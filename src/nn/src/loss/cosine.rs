//! The training loss of RD4AD's code (Deng and Li 2022): cosine distance of whole flattened maps.

use rayon::prelude::*;

use crate::activation::Activation;
use crate::kernels::{add_two_scaled, dot_products};
use crate::tensor::Tensor;

/// Guards the product of the norms against zero.
const EPSILON: f64 = 1e-8;

/// `scale * mean over the batch of (1 - <s, t> / (|s| |t|))` with each sample's map as one vector. With `weights` the
/// products and norms are sums weighted per pixel, so a mask of zeros and ones restricts the loss to the ones.
///
/// # Panics
/// If the shapes of student, target and weights do not match.
pub fn flat_cosine(
    student: &mut Activation,
    target: &Tensor,
    weights: Option<&Tensor>,
    scale: f32,
) -> f32 {
    let shape = student.shape();
    assert_eq!(target.shape(), shape, "target of a cosine loss");
    if let Some(map) = weights {
        assert_eq!(map.shape(), shape.with_channels(1), "map of weights");
    }
    let (value, slot) = student.parts();
    let sample_scale = f64::from(scale) / shape.n as f64;
    let sums: Vec<[f64; 3]> = (0..shape.n)
        .into_par_iter()
        .map(|n| sample_products(value, target, weights, n))
        .collect();
    if let Some(slot) = slot {
        let grad = slot.into_sum();
        grad.images_mut().enumerate().for_each(|(n, image)| {
            let [product, student_square, target_square] = sums[n];
            let norms = (student_square * target_square).sqrt();
            if norms <= EPSILON {
                return;
            }
            let to_target = (-sample_scale / norms) as f32;
            let to_student = (sample_scale * product / (norms * student_square)) as f32;
            for (y, out) in image
                .chunks_exact_mut(shape.pitch() * shape.c)
                .take(shape.h)
                .enumerate()
            {
                let out = &mut out[..shape.w * shape.c];
                let (t, s) = (target.row(n, y), value.row(n, y));
                let Some(map) = weights else {
                    add_two_scaled(out, t, to_target, s, to_student);
                    continue;
                };
                let pixels = out
                    .chunks_exact_mut(shape.c)
                    .zip(t.chunks_exact(shape.c))
                    .zip(s.chunks_exact(shape.c));
                for (((out, t), s), w) in pixels.zip(map.row(n, y)) {
                    add_two_scaled(out, t, w * to_target, s, w * to_student);
                }
            }
        });
    }
    let distances = sums
        .iter()
        .map(|[product, s, t]| 1.0 - product / (s * t).sqrt().max(EPSILON));
    (sample_scale * distances.sum::<f64>()) as f32
}

/// `<s, t>`, `<s, s>` and `<t, t>` of one sample.
fn sample_products(
    student: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    n: usize,
) -> [f64; 3] {
    let shape = student.shape();
    let Some(map) = weights else {
        // The padding in between is zero in both.
        let range = student.offset(n, 0, 0)..student.offset(n, shape.h - 1, shape.w);
        return dot_products(&student.buffer()[range.clone()], &target.buffer()[range]);
    };
    let mut sums = [0.0; 3];
    for y in 0..shape.h {
        let pixels = student
            .row(n, y)
            .chunks_exact(shape.c)
            .zip(target.row(n, y).chunks_exact(shape.c));
        for ((s, t), &w) in pixels.zip(map.row(n, y)) {
            let products = dot_products(s, t);
            sums.iter_mut()
                .zip(products)
                .for_each(|(sum, product)| *sum += f64::from(w) * product);
        }
    }
    sums
}
