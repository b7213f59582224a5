//! Attention of every pixel of an image to every other (Vaswani et al. 2017; as a block of convolutional networks: Wang,
//! Girshick, Gupta and He 2018, "Non-local neural networks").
//!
//! The matrix of shares has `(h w)^2` values an image: meant for maps of about 16x16.

use rayon::prelude::*;

use crate::activation::{Activation, by_image};
use crate::kernels::{Matrix, add_scaled, matmul};
use crate::tensor::{Shape, Tensor, image_rows};

/// `y = softmax(q k^T / sqrt(d)) v` over the pixels of one image, for each image of the batch; queries and keys have `d`
/// channels, values and output may have another number.
///
/// Keeps the shares of the last forward pass for the backward pass.
#[derive(Clone, Debug, Default)]
pub struct Attention {
    /// For each image, row by row, what each pixel takes of every pixel: `h w` rows that sum to 1.
    shares: Vec<f32>,
}

impl Attention {
    /// Writes `y`, with the channels of `value`.
    ///
    /// # Panics
    /// If batches, rows or columns differ, or queries and keys differ in channels.
    pub fn forward(
        &mut self,
        query: &Activation,
        key: &Activation,
        value: &Activation,
        y: &mut Activation,
    ) {
        let (inner, outer) = checked_shapes(query, key, value);
        let (tokens, scale) = (inner.h * inner.w, scale_of(inner));
        let square = (tokens * tokens).max(1);
        self.shares.resize(inner.n * tokens * tokens, 0.0);
        let y = y.begin(outer);
        y.images_mut()
            .zip(self.shares.par_chunks_exact_mut(square))
            .enumerate()
            .for_each(|(n, (image, shares))| {
                let q = dense(query.value(), n);
                let k = dense(key.value(), n);
                let v = dense(value.value(), n);
                let [q, k] = [&q, &k].map(|values| Matrix::dense(values, tokens, inner.c));
                matmul(shares, q, k.transposed(), false);
                for row in shares.chunks_exact_mut(tokens) {
                    softmax(row, scale);
                }
                let mut out = vec![0.0; v.len()];
                let shares = Matrix::dense(shares, tokens, tokens);
                matmul(&mut out, shares, Matrix::dense(&v, tokens, outer.c), false);
                for (row, to) in image_rows(image, outer) {
                    to.copy_from_slice(&out[row * to.len()..][..to.len()]);
                }
            });
    }

    /// From the gradient of `y`, adds to those of queries, keys and values. Follows a forward pass with the same
    /// arguments.
    ///
    /// # Panics
    /// If the shapes are not those of the forward pass.
    pub fn backward(
        &self,
        query: &mut Activation,
        key: &mut Activation,
        value: &mut Activation,
        y: &mut Activation,
    ) {
        let (inner, outer) = checked_shapes(query, key, value);
        let (tokens, scale) = (inner.h * inner.w, scale_of(inner));
        let square = (tokens * tokens).max(1);
        assert_eq!(
            self.shares.len(),
            inner.n * tokens * tokens,
            "shares of the forward pass"
        );
        assert_eq!(y.shape(), outer, "gradient of the output");
        let (_, dy) = y.finished();
        let (query, dq) = query.parts();
        let (key, dk) = key.parts();
        let (value, dv) = value.parts();
        let gradients = by_image(dq, inner.n)
            .into_par_iter()
            .zip(by_image(dk, inner.n))
            .zip(by_image(dv, inner.n));
        gradients
            .zip(self.shares.par_chunks_exact(square))
            .enumerate()
            .for_each(|(n, (((dq, dk), dv), shares))| {
                let dy = dense(dy, n);
                let dy = Matrix::dense(&dy, tokens, outer.c);
                if let Some(dv) = dv {
                    let shares = Matrix::dense(shares, tokens, tokens).transposed();
                    add_product(dv, outer, shares, dy, 1.0);
                }
                if dq.is_none() && dk.is_none() {
                    return;
                }
                let v = dense(value, n);
                let mut logits = vec![0.0; shares.len()];
                matmul(
                    &mut logits,
                    dy,
                    Matrix::dense(&v, tokens, outer.c).transposed(),
                    false,
                );
                softmax_gradient(&mut logits, shares, tokens);
                let logits = Matrix::dense(&logits, tokens, tokens);
                if let Some(dq) = dq {
                    let k = dense(key, n);
                    add_product(dq, inner, logits, Matrix::dense(&k, tokens, inner.c), scale);
                }
                if let Some(dk) = dk {
                    let (q, logits) = (dense(query, n), logits.transposed());
                    add_product(dk, inner, logits, Matrix::dense(&q, tokens, inner.c), scale);
                }
            });
    }
}

/// Shapes of queries and keys, and of values and output.
fn checked_shapes(query: &Activation, key: &Activation, value: &Activation) -> (Shape, Shape) {
    let (inner, outer) = (query.shape(), value.shape());
    assert_eq!(key.shape(), inner, "queries and keys");
    assert_eq!(inner.with_channels(outer.c), outer, "queries and values");
    (inner, outer)
}

fn scale_of(inner: Shape) -> f32 {
    1.0 / (inner.c as f32).sqrt()
}

/// The pixels of one image without padding.
fn dense(x: &Tensor, n: usize) -> Vec<f32> {
    let shape = x.shape();
    let mut values = Vec::with_capacity(shape.h * shape.w * shape.c);
    (0..shape.h).for_each(|y| values.extend_from_slice(x.row(n, y)));
    values
}

/// Adds `scale * a * b` to the pixels of an image.
fn add_product(image: &mut [f32], shape: Shape, a: Matrix<'_>, b: Matrix<'_>, scale: f32) {
    let mut product = vec![0.0; shape.h * shape.w * shape.c];
    matmul(&mut product, a, b, false);
    for (row, out) in image_rows(image, shape) {
        let start = row * out.len();
        add_scaled(out, &product[start..][..out.len()], scale);
    }
}

/// Turns a row of products into shares: `exp(scale * x)` over the sum of these, in steps that cannot overflow.
fn softmax(row: &mut [f32], scale: f32) {
    let largest = row.iter().fold(f32::NEG_INFINITY, |max, &x| max.max(x));
    row.iter_mut()
        .for_each(|x| *x = (scale * (*x - largest)).exp());
    let inverse = 1.0 / row.iter().sum::<f32>();
    row.iter_mut().for_each(|x| *x *= inverse);
}

/// Turns the gradient of shares into that of logits: `dl = p (dp - <p, dp>)`, row by row.
fn softmax_gradient(gradient: &mut [f32], shares: &[f32], tokens: usize) {
    let rows = gradient
        .chunks_exact_mut(tokens)
        .zip(shares.chunks_exact(tokens));
    for (gradient, shares) in rows {
        let mean: f32 = gradient.iter().zip(shares).map(|(g, p)| g * p).sum();
        let values = gradient.iter_mut().zip(shares);
        values.for_each(|(g, p)| *g = p * (*g - mean));
    }
}

#[cfg(test)]
mod tests;
