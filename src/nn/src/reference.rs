//! For tests only: slow, obvious f64 versions to compare with, and finite differences.

use crate::activation::Activation;
use crate::conv::Kernel;
use crate::rng::Rng;
use crate::tensor::{Shape, Tensor};

/// Largest error allowed, relative to the largest reference value: what f32 sums of this length round to.
pub(crate) const TOLERANCE: f64 = 3e-6;

/// Standard normal values.
pub(crate) fn random(shape: Shape, rng: &mut Rng) -> Tensor {
    Tensor::from_nchw(shape, &random_values(shape.len(), rng))
}

pub(crate) fn random_values(count: usize, rng: &mut Rng) -> Vec<f32> {
    (0..count).map(|_| rng.normal() as f32).collect()
}

pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// Sets the gradient that a backward pass starts from.
pub(crate) fn seed_gradient(activation: &mut Activation, gradient: &Tensor) {
    let (_, slot) = activation.parts();
    slot.expect("a gradient is wanted")
        .into_sum()
        .copy_from(gradient);
}

/// The gradient in NCHW order, with clean padding.
pub(crate) fn gradient_of(activation: &Activation) -> Vec<f32> {
    let grad = activation.grad().expect("a gradient");
    assert!(grad.padding_is_zero(), "padding of a gradient");
    grad.to_nchw()
}

/// The value in NCHW order, with clean padding.
pub(crate) fn value_of(activation: &Activation) -> Vec<f32> {
    assert!(activation.value().padding_is_zero(), "padding of a value");
    activation.value().to_nchw()
}

/// Asserts that `got` is `want` up to `tolerance` times the largest reference value.
pub(crate) fn assert_close(what: &str, got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}: lengths");
    let largest = want.iter().fold(1e-30f64, |max, v| max.max(v.abs()));
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(got) - want).abs() / largest;
        assert!(
            error <= tolerance,
            "{what}[{i}]: {got} instead of {want}, error {error:.1e} of the largest {largest}"
        );
    }
}

/// Central differences of `f` at `at`.
pub(crate) fn finite_differences(at: &[f64], mut f: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let mut point = at.to_vec();
    (0..at.len())
        .map(|i| {
            point[i] = at[i] + STEP;
            let above = f(&point);
            point[i] = at[i] - STEP;
            let below = f(&point);
            point[i] = at[i];
            (above - below) / (2.0 * STEP)
        })
        .collect()
}

/// Asserts that `run` gives the same bits with one, two and five threads.
pub(crate) fn assert_same_with_any_threads(what: &str, run: impl Fn() -> Vec<Vec<f32>> + Sync) {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let arrays = pool.expect("a thread pool").install(&run);
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        arrays.into_iter().map(bits).collect::<Vec<_>>()
    };
    let one = with(1);
    assert!(one == with(2), "{what}: two threads");
    assert!(one == with(5), "{what}: five threads");
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Calls `f(input, output, weight)` with the NCHW and ONNX indices of every product in a convolution.
pub(crate) fn conv_links(
    kernel: Kernel,
    from: Shape,
    to: Shape,
    mut f: impl FnMut(usize, usize, usize),
) {
    let (size, stride, padding) = (kernel.size(), kernel.stride(), kernel.padding());
    let index = |shape: Shape, n: usize, c: usize, y: usize, x: usize| {
        ((n * shape.c + c) * shape.h + y) * shape.w + x
    };
    // A transposed convolution is the plain one with input and output exchanged.
    let (wide, narrow) = if kernel.is_transposed() {
        (to, from)
    } else {
        (from, to)
    };
    for n in 0..from.n {
        for narrow_c in 0..narrow.c {
            for wide_c in 0..wide.c {
                for y in 0..narrow.h {
                    for x in 0..narrow.w {
                        for tap in 0..size * size {
                            let wide_y = (y * stride + tap / size)
                                .checked_sub(padding)
                                .filter(|&y| y < wide.h);
                            let wide_x = (x * stride + tap % size)
                                .checked_sub(padding)
                                .filter(|&x| x < wide.w);
                            let (Some(wide_y), Some(wide_x)) = (wide_y, wide_x) else {
                                continue;
                            };
                            let in_wide = index(wide, n, wide_c, wide_y, wide_x);
                            let in_narrow = index(narrow, n, narrow_c, y, x);
                            let weight = (narrow_c * wide.c + wide_c) * size * size + tap;
                            if kernel.is_transposed() {
                                f(in_narrow, in_wide, weight);
                            } else {
                                f(in_wide, in_narrow, weight);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `y = conv(x)` with NCHW activations and ONNX weights.
pub(crate) fn conv(kernel: Kernel, from: Shape, to: Shape, x: &[f64], weight: &[f64]) -> Vec<f64> {
    let mut y = vec![0.0; to.len()];
    conv_links(kernel, from, to, |i, o, w| y[o] += x[i] * weight[w]);
    y
}

/// Mean and biased variance of each channel of NCHW values.
pub(crate) fn channel_moments(shape: Shape, x: &[f64]) -> Vec<(f64, f64)> {
    let area = shape.h * shape.w;
    let count = shape.pixels() as f64;
    (0..shape.c)
        .map(|c| {
            let channel = || (0..shape.n).flat_map(|n| &x[(n * shape.c + c) * area..][..area]);
            let mean = channel().sum::<f64>() / count;
            (
                mean,
                channel().map(|v| (v - mean).powi(2)).sum::<f64>() / count,
            )
        })
        .collect()
}

/// Batch normalisation of NCHW values by the given moments.
pub(crate) fn normalise(
    shape: Shape,
    x: &[f64],
    moments: &[(f64, f64)],
    scale: &[f64],
    shift: &[f64],
) -> Vec<f64> {
    let area = shape.h * shape.w;
    let channel = |i: usize| i / area % shape.c;
    let value = |(i, x): (usize, &f64)| {
        let (mean, variance) = moments[channel(i)];
        scale[channel(i)] * (x - mean) / (variance + 1e-5).sqrt() + shift[channel(i)]
    };
    x.iter().enumerate().map(value).collect()
}
