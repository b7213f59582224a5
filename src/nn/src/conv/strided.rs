//! Stride-2 convolutions (1x1 and 3x3): patches of a few output rows are copied into a small buffer, then one product.

use rayon::prelude::*;

use super::weight::add_parts;
use crate::kernels::{Matrix, add_scaled, matmul};
use crate::tensor::Tensor;

/// Output pixels (with the zero column) that are gathered for one product.
const BLOCK_PIXELS: usize = 256;
/// Output pixels of a part of the weight gradient's sum.
const PART_PIXELS: usize = 1024;
/// Most parts of the weight gradient's sum.
const PARTS_MAX: usize = 8;

/// `y = conv(x)`.
pub(super) fn forward(size: usize, x: &Tensor, weight: &[f32], y: &mut Tensor) {
    let to = y.shape();
    let taps = size * size * x.shape().c;
    let block = block_rows(to.pitch());
    y.images_mut()
        .enumerate()
        .for_each_init(Vec::new, |patches, (n, out)| {
            for first in (0..to.h).step_by(block) {
                let end = (first + block).min(to.h);
                gather(size, x, n, first..end, to.w, patches);
                let rows = (end - first) * to.pitch();
                let start = first * to.pitch() * to.c;
                let product = &mut out[start..start + rows * to.c];
                matmul(
                    product,
                    Matrix::dense(patches, rows, taps),
                    Matrix::dense(weight, taps, to.c),
                    false,
                );
            }
        });
}

/// Adds to `grad` the gradient of the weights. How the sum is split depends on the shapes only.
pub(super) fn weight_gradient(size: usize, x: &Tensor, dy: &Tensor, grad: &mut [f32]) {
    let from = dy.shape();
    let taps = size * size * x.shape().c;
    let block = block_rows(from.pitch());
    let blocks_per_image = from.h.div_ceil(block);
    let blocks = from.n * blocks_per_image;
    let parts = (from.padded_pixels() / PART_PIXELS)
        .clamp(2, PARTS_MAX)
        .min(blocks.max(1));
    let mut sums = vec![0.0; parts * grad.len()];
    sums.par_chunks_mut(grad.len())
        .enumerate()
        .for_each_init(Vec::new, |patches, (part, sum)| {
            for b in part * blocks / parts..(part + 1) * blocks / parts {
                let (n, first) = (b / blocks_per_image, b % blocks_per_image * block);
                let end = (first + block).min(from.h);
                gather(size, x, n, first..end, from.w, patches);
                let rows = (end - first) * from.pitch();
                let dy = &dy.buffer()[dy.offset(n, first, 0)..][..rows * from.c];
                matmul(
                    sum,
                    Matrix::dense(patches, rows, taps).transposed(),
                    Matrix::dense(dy, rows, from.c),
                    true,
                );
            }
        });
    add_parts(grad, &sums);
}

/// Adds to `dx` the gradient of the input: the product into patches, which are added back.
pub(super) fn input_gradient(size: usize, dy: &Tensor, weight: &[f32], dx: &mut Tensor) {
    let from = dy.shape();
    let to = dx.shape();
    let taps = size * size * to.c;
    let block = block_rows(from.pitch());
    dx.images_mut()
        .enumerate()
        .for_each_init(Vec::new, |patches: &mut Vec<f32>, (n, image)| {
            for first in (0..from.h).step_by(block) {
                let end = (first + block).min(from.h);
                let rows = (end - first) * from.pitch();
                let dy = &dy.buffer()[dy.offset(n, first, 0)..][..rows * from.c];
                patches.resize(rows * taps, 0.0);
                let weight = Matrix::dense(weight, taps, from.c).transposed();
                matmul(patches, Matrix::dense(dy, rows, from.c), weight, false);
                for y in first..end {
                    for x in 0..from.w {
                        let patch = &patches[((y - first) * from.pitch() + x) * taps..][..taps];
                        scatter(size, patch, y, x, to, image);
                    }
                }
            }
        });
}

/// Output rows for one product.
fn block_rows(pitch: usize) -> usize {
    (BLOCK_PIXELS / pitch).max(1)
}

/// Copies the patches of the output rows `rows` of image `n`, one per output pixel; those of the zero column are zero.
fn gather(
    size: usize,
    x: &Tensor,
    n: usize,
    rows: std::ops::Range<usize>,
    width: usize,
    patches: &mut Vec<f32>,
) {
    let (c, reach) = (x.shape().c, size / 2);
    let (run, pitch) = (size * c, x.shape().pitch());
    patches.clear();
    for y in rows {
        for out_x in 0..width {
            let corner = x.offset(n, 2 * y, 2 * out_x) - reach * (pitch + 1) * c;
            for ky in 0..size {
                patches.extend_from_slice(&x.buffer()[corner + ky * pitch * c..][..run]);
            }
        }
        patches.resize(patches.len() + size * run, 0.0);
    }
}

/// Adds the patch of output pixel (`y`, `x`) to an image, except for the taps that fall on padding.
fn scatter(
    size: usize,
    patch: &[f32],
    y: usize,
    x: usize,
    to: crate::tensor::Shape,
    image: &mut [f32],
) {
    let reach = size / 2;
    let (skip_left, end) = (
        reach.saturating_sub(2 * x),
        (2 * x + size - reach).min(to.w),
    );
    let left = 2 * x + skip_left - reach;
    for ky in 0..size {
        let Some(row) = (2 * y + ky).checked_sub(reach).filter(|&row| row < to.h) else {
            continue;
        };
        let out = &mut image[(row * to.pitch() + left) * to.c..(row * to.pitch() + end) * to.c];
        add_scaled(out, &patch[(ky * size + skip_left) * to.c..], 1.0);
    }
}
