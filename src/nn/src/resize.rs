//! Bilinear resampling by the half-pixel rule, as ONNX's Resize with `half_pixel` and `linear`: output pixel `o` lies at
//! `(o + 1/2) * input / output - 1/2`, places beyond the outermost centres count as these; no smoothing before a
//! reduction.

use rayon::prelude::*;

use crate::activation::Activation;
use crate::kernels::{add_scaled, blend};
use crate::tensor::{Shape, image_rows};

/// Writes `x` at `size` (rows, columns) to `y`.
///
/// # Panics
/// If `x` has no pixel.
pub fn resize(x: &Activation, size: [usize; 2], y: &mut Activation) {
    let from = x.shape();
    let to = Shape::new(from.n, size[0], size[1], from.c);
    let (rows, columns) = (axis(from.h, to.h), axis(from.w, to.w));
    let c = from.c;
    y.begin(to).images_mut().enumerate().for_each(|(n, image)| {
        let mut blended = vec![0.0; from.w * c];
        for (y, out) in image_rows(image, to) {
            let row = &rows[y];
            let [above, below] = row.pixels.map(|y| x.value().row(n, y));
            blend(&mut blended, above, row.weights[0], below, row.weights[1]);
            for (out, column) in out.chunks_exact_mut(c).zip(&columns) {
                let [left, right] = column.pixels.map(|x| &blended[x * c..][..c]);
                blend(out, left, column.weights[0], right, column.weights[1]);
            }
        }
    });
}

/// From the gradient of `y`, adds to that of `x`: the adjoint of [`resize`].
///
/// # Panics
/// If batch or channels differ.
pub fn resize_backward(x: &mut Activation, y: &mut Activation) {
    let (from, to) = (x.shape(), y.shape());
    assert_eq!((from.n, from.c), (to.n, to.c), "map and resized map");
    let (rows, columns) = (axis(from.h, to.h), axis(from.w, to.w));
    let c = from.c;
    let (_, dy) = y.finished();
    let (_, Some(slot)) = x.parts() else { return };
    slot.into_sum()
        .images_mut()
        .enumerate()
        .for_each(|(n, image)| {
            let mut gathered = vec![0.0; from.w * c];
            for (y, row) in rows.iter().enumerate() {
                gathered.fill(0.0);
                for (dy, column) in dy.row(n, y).chunks_exact(c).zip(&columns) {
                    for (pixel, weight) in column.pixels.into_iter().zip(column.weights) {
                        add_scaled(&mut gathered[pixel * c..][..c], dy, weight);
                    }
                }
                for (pixel, weight) in row.pixels.into_iter().zip(row.weights) {
                    let start = pixel * from.pitch() * c;
                    add_scaled(&mut image[start..][..from.w * c], &gathered, weight);
                }
            }
        });
}

/// What an output row or column is made of: two neighbours and their weights, which sum to 1.
struct Neighbours {
    pixels: [usize; 2],
    weights: [f32; 2],
}

/// The neighbours of every place along an axis.
fn axis(from: usize, to: usize) -> Vec<Neighbours> {
    assert!(from > 0, "a map without pixels has nothing to resize");
    let last = (from - 1) as f64;
    let neighbours = |place: usize| {
        let position = (place as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        let position = position.clamp(0.0, last);
        let first = position.floor();
        let share = position - first;
        Neighbours {
            pixels: [first as usize, (first as usize + 1).min(from - 1)],
            weights: [(1.0 - share) as f32, share as f32],
        }
    };
    (0..to).map(neighbours).collect()
}

#[cfg(test)]
mod tests;
