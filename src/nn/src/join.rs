//! Layers without parameters: concatenation, sum, ReLU, sigmoid.

use rayon::prelude::*;

use crate::activation::{Activation, GradSlot};
use crate::kernels::{add_scaled, add_sigmoid_gradient, mask_by_output, relu_of, sum_of};
use crate::tensor::{Shape, Tensor, image_rows};

/// Values that one task handles.
const CHUNK: usize = 1 << 14;

/// Writes `y` = the channels of all `parts`, one after the other.
///
/// # Panics
/// If there is no part, or their batches, rows or columns differ.
pub fn concat(parts: &[&Activation], y: &mut Activation) {
    let shape = concat_shape(parts.iter().map(|part| part.shape()));
    let y = y.begin(shape);
    y.images_mut().enumerate().for_each(|(n, image)| {
        for (row, out) in image
            .chunks_exact_mut(shape.pitch() * shape.c)
            .take(shape.h)
            .enumerate()
        {
            let mut first = 0;
            for part in parts {
                let c = part.shape().c;
                let pixels = out
                    .chunks_exact_mut(shape.c)
                    .zip(part.value().row(n, row).chunks_exact(c));
                pixels.for_each(|(out, pixel)| out[first..first + c].copy_from_slice(pixel));
                first += c;
            }
        }
    });
}

/// Adds to the gradient of each part its channels of the gradient of `y`.
pub fn concat_backward(parts: &mut [&mut Activation], y: &mut Activation) {
    let (_, dy) = y.finished();
    let shape = dy.shape();
    assert_eq!(
        concat_shape(parts.iter().map(|part| part.shape())),
        shape,
        "parts of a concatenation"
    );
    let mut first = 0;
    for part in parts {
        let c = part.shape().c;
        if let (_, Some(slot)) = part.parts() {
            let (grad, accumulate) = slot.into_parts();
            grad.images_mut().enumerate().for_each(|(n, image)| {
                for (row, out) in image
                    .chunks_exact_mut(shape.pitch() * c)
                    .take(shape.h)
                    .enumerate()
                {
                    for (out, dy) in out
                        .chunks_exact_mut(c)
                        .zip(dy.row(n, row).chunks_exact(shape.c))
                    {
                        let dy = &dy[first..first + c];
                        if accumulate {
                            out.iter_mut().zip(dy).for_each(|(out, dy)| *out += dy);
                        } else {
                            out.copy_from_slice(dy);
                        }
                    }
                }
            });
        }
        first += c;
    }
}

/// Writes `y = a + b`.
///
/// # Panics
/// If the shapes differ.
pub fn add(a: &Activation, b: &Activation, y: &mut Activation) {
    assert_eq!(a.shape(), b.shape(), "terms of a sum");
    let chunks = y.begin(a.shape()).body_mut().par_chunks_mut(CHUNK);
    let terms = a
        .value()
        .body()
        .par_chunks(CHUNK)
        .zip(b.value().body().par_chunks(CHUNK));
    chunks.zip(terms).for_each(|(y, (a, b))| sum_of(y, a, b));
}

/// Adds the gradient of `y` to those of both terms.
pub fn add_backward(a: &mut Activation, b: &mut Activation, y: &mut Activation) {
    let (_, dy) = y.finished();
    for term in [a, b] {
        if let (_, Some(slot)) = term.parts() {
            pass_on(slot, dy);
        }
    }
}

/// Writes `y = max(x, 0)`.
pub fn relu(x: &Activation, y: &mut Activation) {
    let chunks = y.begin(x.shape()).body_mut().par_chunks_mut(CHUNK);
    chunks
        .zip(x.value().body().par_chunks(CHUNK))
        .for_each(|(y, x)| relu_of(y, x));
}

/// Adds the gradient of `y`, where `x` was positive, to that of `x`.
pub fn relu_backward(x: &mut Activation, y: &mut Activation) {
    let (value, dy) = y.finished();
    mask(dy, value);
    if let (_, Some(slot)) = x.parts() {
        pass_on(slot, dy);
    }
}

/// Writes `y = 1 / (1 + exp(-x))`.
pub fn sigmoid(x: &Activation, y: &mut Activation) {
    let shape = x.shape();
    // Row by row: at padding, where x is 0, the function is not.
    y.begin(shape)
        .images_mut()
        .enumerate()
        .for_each(|(n, image)| {
            for (row, out) in image_rows(image, shape) {
                let values = out.iter_mut().zip(x.value().row(n, row));
                values.for_each(|(y, &x)| *y = logistic(x));
            }
        });
}

/// Adds the gradient of `y` times the slope `y (1 - y)` to that of `x`.
pub fn sigmoid_backward(x: &mut Activation, y: &mut Activation) {
    let (value, dy) = y.finished();
    if let (_, Some(slot)) = x.parts() {
        let grad = slot.into_sum().body_mut().par_chunks_mut(CHUNK);
        let terms = dy
            .body()
            .par_chunks(CHUNK)
            .zip(value.body().par_chunks(CHUNK));
        grad.zip(terms)
            .for_each(|(grad, (dy, y))| add_sigmoid_gradient(grad, dy, y));
    }
}

/// `1 / (1 + exp(-x))` without overflow.
pub(crate) fn logistic(x: f32) -> f32 {
    let small = (-x.abs()).exp();
    (if x < 0.0 { small } else { 1.0 }) / (1.0 + small)
}

/// Zeroes a gradient where the ReLU's output was zero.
pub(crate) fn mask(grad: &mut Tensor, output: &Tensor) {
    let chunks = grad
        .body_mut()
        .par_chunks_mut(CHUNK)
        .zip(output.body().par_chunks(CHUNK));
    chunks.for_each(|(grad, output)| mask_by_output(grad, output));
}

/// Adds a gradient to a slot as it is.
pub(crate) fn pass_on(slot: GradSlot<'_>, dy: &Tensor) {
    let (grad, accumulate) = slot.into_parts();
    let chunks = grad
        .body_mut()
        .par_chunks_mut(CHUNK)
        .zip(dy.body().par_chunks(CHUNK));
    chunks.for_each(|(grad, dy)| {
        if accumulate {
            add_scaled(grad, dy, 1.0);
        } else {
            grad.copy_from_slice(dy);
        }
    });
}

fn concat_shape(shapes: impl Iterator<Item = Shape>) -> Shape {
    let joined = shapes.reduce(|all, part| {
        assert_eq!(all.with_channels(part.c), part, "parts of a concatenation");
        all.with_channels(all.c + part.c)
    });
    assert!(joined.is_some(), "a concatenation of nothing");
    joined.unwrap_or_default()
}

#[cfg(test)]
mod tests;
