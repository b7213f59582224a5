//! The pieces of a squeeze-and-excitation block (Hu, Shen and Sun 2018; with the maximum beside the mean: Woo et al. 2018,
//! CBAM): what a whole image holds, as one vector of channels, and a map whose channels such a vector scales.
//!
//! Vectors are maps of one pixel, `[n, 1, 1, c]`: 1x1 convolutions are the dense layers between them. All real pixels
//! count, padding does not.

use rayon::prelude::*;

use crate::activation::Activation;
use crate::kernels::{
    add_per_channel, add_scaled_per_channel, scale_per_channel, sum_channels, sum_products,
};
use crate::tensor::{Shape, image_rows};

/// Writes to `y`, `[n, 1, 1, c]`, the mean over the pixels of each image.
///
/// # Panics
/// If `x` has no pixel.
pub fn global_mean(x: &Activation, y: &mut Activation) {
    let shape = x.shape();
    let count = pixel_count(shape);
    y.begin(vector_shape(shape))
        .images_mut()
        .enumerate()
        .for_each(|(n, image)| {
            let mean = &mut image[..shape.c];
            mean.fill(0.0);
            (0..shape.h).for_each(|row| sum_channels(x.value().row(n, row), mean));
            mean.iter_mut().for_each(|value| *value /= count);
        });
}

/// Adds the gradient of `y` over the number of pixels to that of every pixel of `x`.
pub fn global_mean_backward(x: &mut Activation, y: &mut Activation) {
    let shape = x.shape();
    let count = pixel_count(shape);
    assert_eq!(y.shape(), vector_shape(shape), "mean of the map");
    let (_, dy) = y.finished();
    let (_, Some(slot)) = x.parts() else { return };
    slot.into_sum()
        .images_mut()
        .enumerate()
        .for_each(|(n, image)| {
            let share: Vec<f32> = dy.pixel(n, 0, 0).iter().map(|d| d / count).collect();
            image_rows(image, shape).for_each(|(_, out)| add_per_channel(out, &share));
        });
}

/// Writes to `y`, `[n, 1, 1, c]`, the largest value over the pixels of each image.
///
/// # Panics
/// If `x` has no pixel.
pub fn global_max(x: &Activation, y: &mut Activation) {
    let shape = x.shape();
    pixel_count(shape);
    y.begin(vector_shape(shape))
        .images_mut()
        .enumerate()
        .for_each(|(n, image)| {
            let largest = &mut image[..shape.c];
            largest.copy_from_slice(x.value().pixel(n, 0, 0));
            for row in 0..shape.h {
                for pixel in x.value().row(n, row).chunks_exact(shape.c) {
                    let values = largest.iter_mut().zip(pixel);
                    values.for_each(|(largest, value)| *largest = largest.max(*value));
                }
            }
        });
}

/// Adds the gradient of `y` to that of the pixel that holds the largest value; of equal ones the first, row by row.
pub fn global_max_backward(x: &mut Activation, y: &mut Activation) {
    let shape = x.shape();
    assert_eq!(y.shape(), vector_shape(shape), "maximum of the map");
    let (largest, dy) = y.finished();
    let (x, Some(slot)) = x.parts() else { return };
    slot.into_sum()
        .images_mut()
        .enumerate()
        .for_each(|(n, image)| {
            let mut is_found = vec![false; shape.c];
            let (largest, dy) = (largest.pixel(n, 0, 0), dy.pixel(n, 0, 0));
            for (row, out) in image_rows(image, shape) {
                let pixels = out
                    .chunks_exact_mut(shape.c)
                    .zip(x.row(n, row).chunks_exact(shape.c));
                for (grad, value) in pixels {
                    for i in 0..shape.c {
                        if value[i] == largest[i] && !is_found[i] {
                            is_found[i] = true;
                            grad[i] += dy[i];
                        }
                    }
                }
            }
        });
}

/// Writes `y = x * gate`: every channel of every image times its own factor, `gate` being `[n, 1, 1, c]`.
///
/// # Panics
/// If `gate` does not have one pixel for each image of `x`, or other channels.
pub fn scale_channels(x: &Activation, gate: &Activation, y: &mut Activation) {
    let shape = x.shape();
    assert_eq!(gate.shape(), vector_shape(shape), "factors of channels");
    y.begin(shape)
        .images_mut()
        .enumerate()
        .for_each(|(n, image)| {
            let factors = gate.value().pixel(n, 0, 0);
            for (row, out) in image_rows(image, shape) {
                scale_per_channel(out, x.value().row(n, row), factors);
            }
        });
}

/// From the gradient of `y`, adds to those of `x` and `gate`.
pub fn scale_channels_backward(x: &mut Activation, gate: &mut Activation, y: &mut Activation) {
    let shape = x.shape();
    assert_eq!(gate.shape(), vector_shape(shape), "factors of channels");
    assert_eq!(y.shape(), shape, "gradient of the output");
    let (_, dy) = y.finished();
    let (x, dx) = x.parts();
    let (gate, dgate) = gate.parts();
    if let Some(slot) = dgate {
        slot.into_sum()
            .images_mut()
            .enumerate()
            .for_each(|(n, image)| {
                let sums = &mut image[..shape.c];
                (0..shape.h).for_each(|row| sum_products(x.row(n, row), dy.row(n, row), sums));
            });
    }
    if let Some(slot) = dx {
        slot.into_sum()
            .images_mut()
            .enumerate()
            .for_each(|(n, image)| {
                for (row, out) in image_rows(image, shape) {
                    add_scaled_per_channel(out, dy.row(n, row), gate.pixel(n, 0, 0));
                }
            });
    }
}

fn vector_shape(map: Shape) -> Shape {
    Shape::new(map.n, 1, 1, map.c)
}

fn pixel_count(shape: Shape) -> f32 {
    assert!(shape.h * shape.w > 0, "statistics of a map without pixels");
    (shape.h * shape.w) as f32
}

#[cfg(test)]
mod tests;
