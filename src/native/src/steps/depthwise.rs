//! Convolutions of every channel by itself.

use pulp::{Simd, WithSimd};

use super::convolution::{Bounds, Weights, Window};
use super::{Machine, bounded};
use crate::map::{MapShape, Shift};

/// Neighbouring outputs that share what they read.
const PIXELS: usize = 4;

/// One depthwise convolution, ready to run.
#[derive(Debug)]
pub(crate) struct Depthwise {
    input: MapShape,
    output: MapShape,
    size: usize,
    window: Window,
    /// Offset of the first tap of the first output.
    origin: usize,
    /// `[block][tap][channel of the block]`.
    weights: Vec<f32>,
    bias: Vec<f32>,
    bounds: Bounds,
}

impl Depthwise {
    /// The sizes of kernels that there are.
    pub(crate) const SIZES: [usize; 2] = [3, 5];

    /// Whether there is a kernel for this convolution that reads one vector of channels after the other.
    pub(crate) fn goes_by_vectors(size: usize, window: Window, output: MapShape) -> bool {
        Self::SIZES.contains(&size)
            && window.dilation == 1
            && (1..=2).contains(&window.stride)
            && output.columns >= PIXELS
    }

    /// From `input` to `output`, whose borders are wide enough for the window.
    pub(crate) fn new(
        input: MapShape,
        output: MapShape,
        weights: &Weights,
        window: Window,
        bounds: Bounds,
    ) -> Self {
        let size = weights.dims[2];
        let taps = size * size;
        let mut packed = vec![0.0; weights.values.len()];
        for (channel, values) in weights.values.chunks_exact(taps).enumerate() {
            let (block, lane) = (channel / input.block, channel % input.block);
            for (tap, &value) in values.iter().enumerate() {
                packed[(block * taps + tap) * input.block + lane] = value;
            }
        }
        Self {
            input,
            output,
            size,
            window,
            origin: input.offset(0, 0) - window.top * input.pitch() - window.left * input.block,
            weights: packed,
            bias: weights.bias.clone(),
            bounds,
        }
    }

    /// Products of a row.
    pub(crate) const fn row_products(&self) -> usize {
        self.output.columns * self.output.channels * self.size * self.size
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        let MapShape {
            rows,
            columns,
            channels,
            ..
        } = self.output;
        let taps = self.size * self.size;
        let products = rows * self.row_products();
        format!(
            "depthwise   {taps:5} x {channels:4} at {rows:3} x {columns:3}, {products:9} products"
        )
    }

    /// Computes output rows.
    pub(crate) fn run(
        &self,
        machine: Machine,
        rows: std::ops::Range<usize>,
        (from, x): (Shift, &[f32]),
        (to, out): (Shift, &mut [f32]),
    ) {
        let Window {
            stride, dilation, ..
        } = self.window;
        let work = Work {
            step: self,
            rows,
            above: from,
            x,
            above_out: to,
            out,
        };
        let is_plain = self.input.is_plain()
            && self.input.channels >= machine.lanes
            && self.output.columns >= PIXELS;
        let by_vectors = self.input.block == machine.lanes
            && Self::goes_by_vectors(self.size, self.window, self.output);
        match (self.size, stride, dilation) {
            (3, 1, 1) if by_vectors => machine.run(Walk::<3, 1, 6>(work)),
            (3, 2, 1) if by_vectors => machine.run(Walk::<3, 2, 9>(work)),
            (5, 1, 1) if by_vectors => machine.run(Walk::<5, 1, 8>(work)),
            (5, 2, 1) if by_vectors => machine.run(Walk::<5, 2, 11>(work)),
            (3, ..) if is_plain => machine.run(Apart::<3>(work)),
            (5, ..) if is_plain => machine.run(Apart::<5>(work)),
            _ => machine.run(|| work.walk_any()),
        }
    }
}

/// Output rows, what they are made of, and where they go.
struct Work<'a> {
    step: &'a Depthwise,
    rows: std::ops::Range<usize>,
    above: Shift,
    x: &'a [f32],
    above_out: Shift,
    out: &'a mut [f32],
}

impl Work<'_> {
    /// Any window, any number of channels.
    #[inline(always)]
    fn walk_any(self) {
        let step = self.step;
        let (from, to) = (step.input, step.output);
        let dilation = step.window.dilation;
        let channels = to.channels;
        for row in self.rows.clone() {
            for column in 0..to.columns {
                let start = self.first_tap(row, column);
                let place = self.place(row, column);
                let sums = &mut self.out[place..][..channels];
                sums.copy_from_slice(&step.bias[..channels]);
                for tap in 0..step.size * step.size {
                    let (ky, kx) = (tap / step.size, tap % step.size);
                    let at = start + dilation * (ky * from.pitch() + kx * channels);
                    let taps = &self.x[at..][..channels];
                    let weights = &step.weights[tap * channels..][..channels];
                    for ((sum, tap), weight) in sums.iter_mut().zip(taps).zip(weights) {
                        *sum += tap * weight;
                    }
                }
                for sum in sums {
                    *sum = sum.clamp(step.bounds.low, step.bounds.high);
                }
            }
        }
    }

    /// Where the first tap of an output lies in `x`.
    #[inline(always)]
    fn first_tap(&self, row: usize, column: usize) -> usize {
        let (from, stride) = (self.step.input, self.step.window.stride);
        let lines = row * stride * from.pitch() + column * stride * from.block;
        self.step.origin + lines - self.above.0 * from.pitch()
    }

    /// Where an output's first channel lies in `out`.
    #[inline(always)]
    fn place(&self, row: usize, column: usize) -> usize {
        let to = self.step.output;
        to.offset(row, column) - self.above_out.0 * to.pitch()
    }

    /// Writes a vector of channels of neighbouring outputs, from the channel `first` on.
    #[inline(always)]
    fn write<S: Simd>(
        &mut self,
        simd: S,
        (row, column): (usize, usize),
        first: usize,
        sums: [S::f32s; PIXELS],
    ) {
        let (lanes, channels) = (S::F32_LANES, self.step.output.channels);
        let low = simd.splat_f32s(self.step.bounds.low);
        let high = simd.splat_f32s(self.step.bounds.high);
        let start = self.place(row, column) + first;
        let line = &mut self.out[start..][..(PIXELS - 1) * channels + lanes];
        for (i, &sum) in sums.iter().enumerate() {
            let (write, _) = S::as_mut_simd_f32s(&mut line[i * channels..][..lanes]);
            write[0] = bounded(simd, sum, low, high);
        }
    }
}

/// Where blocks of `size` neighbours begin; the last one overlaps the one before, unless all are whole.
#[inline(always)]
fn blocks(count: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..count.div_ceil(size)).map(move |block| (block * size).min(count - size))
}

/// Whole vectors of channels, `PIXELS` neighbours at once, which read `INPUTS = (PIXELS - 1) * STRIDE + SIZE` pixels of a row.
struct Walk<'a, const SIZE: usize, const STRIDE: usize, const INPUTS: usize>(Work<'a>);

impl<const SIZE: usize, const STRIDE: usize, const INPUTS: usize> Walk<'_, SIZE, STRIDE, INPUTS> {
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, row: usize, column: usize, vector: usize) {
        const { assert!(INPUTS == (PIXELS - 1) * STRIDE + SIZE) };
        let lanes = S::F32_LANES;
        let step = self.0.step;
        let from = step.input;
        let taps = SIZE * SIZE * lanes;
        let (weights, _) = S::as_simd_f32s(&step.weights[vector * taps..][..taps]);
        let (bias, _) = S::as_simd_f32s(&step.bias[vector * lanes..][..lanes]);
        let mut sums = [bias[0]; PIXELS];
        let start = self.0.first_tap(row, column) + vector * from.block_pitch();
        for (ky, weights) in weights.chunks_exact(SIZE).enumerate() {
            let line = &self.0.x[start + ky * from.pitch()..][..INPUTS * lanes];
            let (line, _) = S::as_simd_f32s(line);
            let mut values = [sums[0]; INPUTS];
            values.copy_from_slice(&line[..INPUTS]);
            for kx in 0..SIZE {
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.mul_add_f32s(values[i * STRIDE + kx], weights[kx], *sum);
                }
            }
        }
        self.0.write(simd, (row, column), vector * lanes, sums);
    }
}

impl<const SIZE: usize, const STRIDE: usize, const INPUTS: usize> WithSimd
    for Walk<'_, SIZE, STRIDE, INPUTS>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let MapShape {
            channels, columns, ..
        } = self.0.step.output;
        let vectors = channels / S::F32_LANES;
        for row in self.0.rows.clone() {
            for pair in (0..vectors).step_by(2) {
                for column in blocks(columns, PIXELS) {
                    // Two vectors are a line of the cache, where the output's channels lie side by side.
                    for vector in pair..(pair + 2).min(vectors) {
                        self.block(simd, row, column, vector);
                    }
                }
            }
        }
    }
}

/// The same of a map whose channels lie side by side, for any number of channels that fill a vector and any dilation: each
/// tap is read where it lies.
struct Apart<'a, const SIZE: usize>(Work<'a>);

impl<const SIZE: usize> Apart<'_, SIZE> {
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, row: usize, column: usize, first: usize) {
        let lanes = S::F32_LANES;
        let step = self.0.step;
        let channels = step.input.channels;
        let Window {
            stride, dilation, ..
        } = step.window;
        let (bias, _) = S::as_simd_f32s(&step.bias[first..][..lanes]);
        let mut sums = [bias[0]; PIXELS];
        let start = self.0.first_tap(row, column) + first;
        let reach = ((PIXELS - 1) * stride + (SIZE - 1) * dilation) * channels + lanes;
        for ky in 0..SIZE {
            let line = &self.0.x[start + ky * dilation * step.input.pitch()..][..reach];
            for kx in 0..SIZE {
                let weight = (ky * SIZE + kx) * channels + first;
                let (weight, _) = S::as_simd_f32s(&step.weights[weight..][..lanes]);
                for (i, sum) in sums.iter_mut().enumerate() {
                    let at = (i * stride + kx * dilation) * channels;
                    let (value, _) = S::as_simd_f32s(&line[at..][..lanes]);
                    *sum = simd.mul_add_f32s(value[0], weight[0], *sum);
                }
            }
        }
        self.0.write(simd, (row, column), first, sums);
    }
}

impl<const SIZE: usize> WithSimd for Apart<'_, SIZE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let MapShape {
            channels, columns, ..
        } = self.0.step.output;
        for row in self.0.rows.clone() {
            for column in blocks(columns, PIXELS) {
                for first in blocks(channels, S::F32_LANES) {
                    self.block(simd, row, column, first);
                }
            }
        }
    }
}
