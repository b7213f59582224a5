//! Stride-1 convolutions (1x1 and 3x3) as products over overlapping rows of the activation itself.
//!
//! The horizontal taps of one kernel row are adjacent in memory: for each kernel row there is one product of
//! `[pixels, size * cin]`, whose rows start `cin` values apart, with that row's slab of weights. Padding pixels are
//! computed like the others and zeroed afterwards.

use rayon::prelude::*;

use super::weight::add_parts;
use crate::kernels::{Matrix, matmul};
use crate::tensor::{Tensor, clear_padding};

/// Values of the output that stay in the cache while the kernel rows accumulate into them.
const BLOCK_VALUES: usize = 1 << 16;
/// Fewest pixels of a block, for an efficient product.
const BLOCK_PIXELS_MIN: usize = 256;
/// Pixels of a part of the weight gradient's sum.
const PART_PIXELS: usize = 4096;
/// Most parts of the weight gradient's sum.
const PARTS_MAX: usize = 8;

/// `y = conv(x)`, or `y += conv(x)` with `accumulate`.
pub(super) fn forward(size: usize, x: &Tensor, weight: &[f32], y: &mut Tensor, accumulate: bool) {
    let (from, to) = (x.shape(), y.shape());
    let (ci, co) = (from.c, to.c);
    let block = (BLOCK_VALUES / co).max(BLOCK_PIXELS_MIN);
    y.body_mut()
        .par_chunks_mut(block * co)
        .enumerate()
        .for_each(|(b, out)| {
            let first = b * block;
            for ky in 0..size {
                let taps = &x.buffer()[tap_row(x, size, first, ky)..];
                let taps = Matrix::strided(taps, out.len() / co, size * ci, ci);
                let slab = &weight[ky * size * ci * co..(ky + 1) * size * ci * co];
                matmul(
                    out,
                    taps,
                    Matrix::dense(slab, size * ci, co),
                    accumulate || ky > 0,
                );
            }
            if size > 1 {
                clear_padding(out, to, first);
            }
        });
}

/// Adds to `grad` the gradient of the weights: per kernel row, taps transposed times `dy`, over all pixels of the batch
/// (`dy` is zero on padding). How the sum is split depends on the shapes only.
pub(super) fn weight_gradient(size: usize, x: &Tensor, dy: &Tensor, grad: &mut [f32]) {
    let (ci, co, pixels) = (x.shape().c, dy.shape().c, x.shape().padded_pixels());
    let parts = (pixels / PART_PIXELS).clamp(1, PARTS_MAX);
    // With many parts the kernel's rows are tasks enough; else its single taps are.
    let task_taps = if parts > 1 { size } else { 1 };
    let tasks = size * size / task_taps;
    let product = |part: usize, task: usize, out: &mut [f32], accumulate: bool| {
        let (first, end) = (part * pixels / parts, (part + 1) * pixels / parts);
        let (ky, kx) = (task * task_taps / size, task * task_taps % size);
        let taps = &x.buffer()[tap_row(x, size, first, ky) + kx * ci..];
        let taps = Matrix::strided(taps, end - first, task_taps * ci, ci).transposed();
        matmul(
            out,
            taps,
            Matrix::dense(&dy.body()[first * co..end * co], end - first, co),
            accumulate,
        );
    };
    if parts == 1 {
        grad.par_chunks_mut(task_taps * ci * co)
            .enumerate()
            .for_each(|(task, out)| product(0, task, out, true));
    } else {
        let mut sums = vec![0.0; parts * grad.len()];
        sums.par_chunks_mut(task_taps * ci * co)
            .enumerate()
            .for_each(|(i, out)| product(i / tasks, i % tasks, out, false));
        add_parts(grad, &sums);
    }
}

/// Offset in the buffer of the leftmost tap in kernel row `ky` of the body's pixel `first`.
fn tap_row(x: &Tensor, size: usize, first: usize, ky: usize) -> usize {
    let (shape, reach) = (x.shape(), size / 2);
    (shape.lead() + first + ky * shape.pitch() - reach * (shape.pitch() + 1)) * shape.c
}
