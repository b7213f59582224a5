//! Depthwise convolution: nine weights for every channel, which stays alone.
//!
//! Taps of a dilated kernel reach beyond the zero column that rows share, so every tap is applied to the part of a row
//! that it covers, row by row.

use rayon::prelude::*;

use crate::activation::Activation;
use crate::kernels::{add_scaled_per_channel, sum_channels, sum_products};
use crate::param::{Entry, Param, Parameters, scoped};
use crate::rng::Rng;
use crate::tensor::{Tensor, image_rows};

/// Weights of a kernel.
const TAPS: usize = 9;

/// A 3x3 convolution of every channel by itself, stride 1, zero padding as wide as the dilation: the output has the
/// input's shape.
///
/// Weights are stored `[ky][kx][channel]`; see [`Depthwise::weight_onnx`] for the order of ONNX and PyTorch.
#[derive(Clone, Debug)]
pub struct Depthwise {
    channels: usize,
    dilation: usize,
    weight: Param,
    bias: Option<Param>,
}

impl Depthwise {
    /// A convolution without bias whose taps lie `dilation` pixels apart, its weights drawn from a normal distribution of
    /// variance `2 / 9` (He et al. 2015: each value feeds nine outputs).
    ///
    /// # Panics
    /// If `channels` or `dilation` is zero.
    pub fn new(channels: usize, dilation: usize, rng: &mut Rng) -> Self {
        assert!(channels > 0, "a convolution needs channels");
        assert!(dilation > 0, "taps lie at least one pixel apart");
        let deviation = (2.0 / TAPS as f64).sqrt();
        let weight = (0..TAPS * channels)
            .map(|_| (rng.normal() * deviation) as f32)
            .collect();
        Self {
            channels,
            dilation,
            weight: Param::new(weight),
            bias: None,
        }
    }

    /// The same with a bias per channel, at first zero.
    pub fn with_bias(mut self) -> Self {
        self.bias = Some(Param::new(vec![0.0; self.channels]));
        self
    }

    /// Channels of input and output.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Pixels from tap to tap; also the rows and columns of zeros at each border.
    pub const fn dilation(&self) -> usize {
        self.dilation
    }

    /// The bias per channel.
    pub fn bias(&self) -> Option<&[f32]> {
        self.bias.as_ref().map(Param::value)
    }

    /// The bias for writing.
    pub fn bias_mut(&mut self) -> Option<&mut [f32]> {
        self.bias.as_mut().map(Param::value_mut)
    }

    /// Extents of [`Depthwise::weight_onnx`]: `[channels, 1, 3, 3]`, with as many groups as channels.
    pub const fn weight_onnx_shape(&self) -> [usize; 4] {
        [self.channels, 1, 3, 3]
    }

    /// The weights as ONNX and PyTorch order them.
    pub fn weight_onnx(&self) -> Vec<f32> {
        self.to_onnx(&self.weight.value)
    }

    /// The gradient of the weights in the same order.
    pub fn weight_gradient_onnx(&self) -> Vec<f32> {
        self.to_onnx(&self.weight.grad)
    }

    /// Sets the weights from values in the order of ONNX and PyTorch.
    ///
    /// # Panics
    /// If the number of values is not that of [`Depthwise::weight_onnx_shape`].
    pub fn set_weight_onnx(&mut self, values: &[f32]) {
        let shape = self.weight_onnx_shape();
        assert_eq!(values.len(), TAPS * self.channels, "weights of {shape:?}");
        for (channel, taps) in values.chunks_exact(TAPS).enumerate() {
            for (tap, &value) in taps.iter().enumerate() {
                self.weight.value[tap * self.channels + channel] = value;
            }
        }
    }

    /// Writes `y = conv(x)`.
    ///
    /// # Panics
    /// If `x` does not have [`Depthwise::channels`] channels.
    pub fn forward(&self, x: &Activation, y: &mut Activation) {
        assert_eq!(x.shape().c, self.channels, "input channels");
        let y = y.begin(x.shape());
        let taps = |tap: usize| &self.weight.value[tap * self.channels..][..self.channels];
        convolve(
            x.value(),
            self.dilation,
            taps,
            y,
            self.bias().map_or(Start::Zero, Start::Bias),
        );
    }

    /// From the gradient of `y`, adds to the gradients of the weights, of the bias and of `x` (if that wants one).
    pub fn backward(&mut self, x: &mut Activation, y: &mut Activation) {
        assert_eq!(x.shape(), y.shape(), "gradient of the output");
        let (_, dy) = y.finished();
        if let Some(bias) = &mut self.bias {
            for (n, row) in dy.rows() {
                sum_channels(dy.row(n, row), &mut bias.grad);
            }
        }
        let (x, dx) = x.parts();
        self.add_weight_gradient(x, dy);
        if let Some(dx) = dx {
            // What reached an output through a tap goes back through the tap on the other side.
            let reversed = |tap: usize| {
                &self.weight.value[(TAPS - 1 - tap) * self.channels..][..self.channels]
            };
            let (dx, accumulate) = dx.into_parts();
            let start = if accumulate { Start::Keep } else { Start::Zero };
            convolve(dy, self.dilation, reversed, dx, start);
        }
    }

    fn add_weight_gradient(&mut self, x: &Tensor, dy: &Tensor) {
        let (shape, dilation) = (x.shape(), self.dilation);
        let c = shape.c;
        let per_image: Vec<Vec<f32>> = (0..shape.n)
            .into_par_iter()
            .map(|n| {
                let mut sums = vec![0.0; TAPS * c];
                for y in 0..shape.h {
                    for_each_tap(y, shape.h, shape.w, dilation, |tap, from, reach| {
                        let dy = &dy.row(n, y)[reach.output * c..][..reach.count * c];
                        let x = &x.row(n, from)[reach.input * c..][..reach.count * c];
                        sum_products(x, dy, &mut sums[tap * c..][..c]);
                    });
                }
                sums
            })
            .collect();
        for sums in &per_image {
            let gradient = self.weight.grad.iter_mut().zip(sums);
            gradient.for_each(|(total, sum)| *total += sum);
        }
    }

    fn to_onnx(&self, own_order: &[f32]) -> Vec<f32> {
        let value = |i: usize| own_order[i % TAPS * self.channels + i / TAPS];
        (0..own_order.len()).map(value).collect()
    }
}

impl Parameters for Depthwise {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        visitor(&scoped(prefix, "weight"), Entry::Trained(&mut self.weight));
        if let Some(bias) = &mut self.bias {
            visitor(&scoped(prefix, "bias"), Entry::Trained(bias));
        }
    }
}

/// What the taps are added to.
#[derive(Clone, Copy)]
enum Start<'a> {
    /// Zero.
    Zero,
    /// A value per channel.
    Bias(&'a [f32]),
    /// What is there.
    Keep,
}

fn convolve<'w>(
    x: &Tensor,
    dilation: usize,
    taps: impl Fn(usize) -> &'w [f32] + Sync,
    y: &mut Tensor,
    start: Start<'_>,
) {
    let shape = x.shape();
    let c = shape.c;
    y.reshape(shape);
    y.images_mut().enumerate().for_each(|(n, image)| {
        for (row, out) in image_rows(image, shape) {
            match start {
                Start::Zero => out.fill(0.0),
                Start::Bias(bias) => out
                    .chunks_exact_mut(c)
                    .for_each(|pixel| pixel.copy_from_slice(bias)),
                Start::Keep => {}
            }
            for_each_tap(row, shape.h, shape.w, dilation, |tap, from, reach| {
                let out = &mut out[reach.output * c..][..reach.count * c];
                let x = &x.row(n, from)[reach.input * c..][..reach.count * c];
                add_scaled_per_channel(out, x, taps(tap));
            });
        }
    });
}

/// The pixels of a row for which a tap falls into the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    /// First column of the output.
    output: usize,
    /// The column that the tap reads there.
    input: usize,
    count: usize,
}

/// Calls `f(tap, input row, reach)` for every tap of an output row that reads any real pixel.
fn for_each_tap(
    row: usize,
    height: usize,
    width: usize,
    dilation: usize,
    mut f: impl FnMut(usize, usize, Reach),
) {
    for ky in 0..3 {
        let from = (row + ky * dilation).checked_sub(dilation);
        let Some(from) = from.filter(|&from| from < height) else {
            continue;
        };
        for kx in 0..3 {
            let (output, input) = match kx {
                0 => (dilation, 0),
                1 => (0, 0),
                _ => (0, dilation),
            };
            let count = width.saturating_sub(output.max(input));
            if count > 0 {
                f(
                    ky * 3 + kx,
                    from,
                    Reach {
                        output,
                        input,
                        count,
                    },
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
