//! The transposed 2x2 convolution of stride 2: each input pixel makes its own square of 2x2 output pixels, so it is one
//! product to `[pixels, 4 * cout]` and a scatter, and its gradients are a gather and two products.

use rayon::prelude::*;

use super::weight::add_parts;
use crate::kernels::{Matrix, matmul};
use crate::tensor::{Shape, Tensor};

/// Input pixels (with the zero column) of one product.
const BLOCK_PIXELS: usize = 256;
/// Input pixels of a part of the weight gradient's sum.
const PART_PIXELS: usize = 1024;
/// Most parts of the weight gradient's sum.
const PARTS_MAX: usize = 8;

/// `y = conv(x)`.
pub(super) fn forward(x: &Tensor, weight: &[f32], y: &mut Tensor) {
    let (from, to) = (x.shape(), y.shape());
    let block = block_rows(from);
    y.images_mut()
        .enumerate()
        .for_each_init(Vec::new, |squares: &mut Vec<f32>, (n, image)| {
            for first in (0..from.h).step_by(block) {
                let end = (first + block).min(from.h);
                let rows = (end - first) * from.pitch();
                let x = &x.buffer()[x.offset(n, first, 0)..][..rows * from.c];
                squares.resize(rows * 4 * to.c, 0.0);
                matmul(
                    squares,
                    Matrix::dense(x, rows, from.c),
                    Matrix::dense(weight, from.c, 4 * to.c),
                    false,
                );
                for row in first..end {
                    let squares = &squares[(row - first) * from.pitch() * 4 * to.c..];
                    for (column, square) in squares.chunks_exact(4 * to.c).take(from.w).enumerate()
                    {
                        for ky in 0..2 {
                            let start = ((2 * row + ky) * to.pitch() + 2 * column) * to.c;
                            image[start..start + 2 * to.c]
                                .copy_from_slice(&square[ky * 2 * to.c..(ky + 1) * 2 * to.c]);
                        }
                    }
                }
            }
        });
}

/// Adds to `grad` the gradient of the weights. How the sum is split depends on the shapes only.
pub(super) fn weight_gradient(x: &Tensor, dy: &Tensor, grad: &mut [f32]) {
    let (from, co) = (x.shape(), dy.shape().c);
    let block = block_rows(from);
    let blocks_per_image = from.h.div_ceil(block);
    let blocks = from.n * blocks_per_image;
    let parts = (from.padded_pixels() / PART_PIXELS)
        .clamp(2, PARTS_MAX)
        .min(blocks.max(1));
    let mut sums = vec![0.0; parts * grad.len()];
    sums.par_chunks_mut(grad.len())
        .enumerate()
        .for_each_init(Vec::new, |squares, (part, sum)| {
            for b in part * blocks / parts..(part + 1) * blocks / parts {
                let (n, first) = (b / blocks_per_image, b % blocks_per_image * block);
                let end = (first + block).min(from.h);
                gather(dy, n, first..end, from.w, squares);
                let rows = (end - first) * from.pitch();
                let x = &x.buffer()[x.offset(n, first, 0)..][..rows * from.c];
                let x = Matrix::dense(x, rows, from.c).transposed();
                matmul(sum, x, Matrix::dense(squares, rows, 4 * co), true);
            }
        });
    add_parts(grad, &sums);
}

/// `dx =` (or with `accumulate` `+=`) the gradient of the input.
pub(super) fn input_gradient(dy: &Tensor, weight: &[f32], dx: &mut Tensor, accumulate: bool) {
    let (to, co) = (dx.shape(), dy.shape().c);
    let block = block_rows(to);
    dx.images_mut()
        .enumerate()
        .for_each_init(Vec::new, |squares, (n, image)| {
            for first in (0..to.h).step_by(block) {
                let end = (first + block).min(to.h);
                gather(dy, n, first..end, to.w, squares);
                let rows = (end - first) * to.pitch();
                let start = first * to.pitch() * to.c;
                let out = &mut image[start..start + rows * to.c];
                let weight = Matrix::dense(weight, to.c, 4 * co).transposed();
                matmul(
                    out,
                    Matrix::dense(squares, rows, 4 * co),
                    weight,
                    accumulate,
                );
            }
        });
}

/// Input rows for one product.
fn block_rows(input: Shape) -> usize {
    (BLOCK_PIXELS / input.pitch()).max(1)
}

/// Copies the 2x2 squares of the input rows `rows` of image `n`, one per input pixel; those of the zero column are zero.
fn gather(
    dy: &Tensor,
    n: usize,
    rows: std::ops::Range<usize>,
    width: usize,
    squares: &mut Vec<f32>,
) {
    let c = dy.shape().c;
    squares.clear();
    for row in rows {
        for column in 0..width {
            for ky in 0..2 {
                let start = dy.offset(n, 2 * row + ky, 2 * column);
                squares.extend_from_slice(&dy.buffer()[start..start + 2 * c]);
            }
        }
        squares.resize(squares.len() + 4 * c, 0.0);
    }
}
