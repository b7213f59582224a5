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
        let by_vectors = self.input.block == machine.lanes
            && self.input.block < self.input.channels
            && Self::goes_by_vectors(self.size, self.window, self.output);
        match (self.size, stride, dilation, by_vectors) {
            (3, 1, 1, true) => machine.run(Walk::<3, 1, 6>::new(self, rows, (from, x), (to, out))),
            (3, 2, 1, true) => machine.run(Walk::<3, 2, 9>::new(self, rows, (from, x), (to, out))),
            (5, 1, 1, true) => machine.run(Walk::<5, 1, 8>::new(self, rows, (from, x), (to, out))),
            (5, 2, 1, true) => machine.run(Walk::<5, 2, 11>::new(self, rows, (from, x), (to, out))),
            _ => machine.run(|| self.walk_any(rows, (from, x), (to, out))),
        }
    }

    /// Any window, any number of channels.
    #[inline(always)]
    fn walk_any(
        &self,
        rows: std::ops::Range<usize>,
        (above, x): (Shift, &[f32]),
        (above_out, out): (Shift, &mut [f32]),
    ) {
        let (from, to) = (self.input, self.output);
        let Window {
            stride, dilation, ..
        } = self.window;
        let channels = to.channels;
        for row in rows {
            for column in 0..to.columns {
                let start = self.origin + row * stride * from.pitch() + column * stride * channels
                    - above.0 * from.pitch();
                let sums =
                    &mut out[to.offset(row, column) - above_out.0 * to.pitch()..][..channels];
                sums.copy_from_slice(&self.bias[..channels]);
                for tap in 0..self.size * self.size {
                    let (ky, kx) = (tap / self.size, tap % self.size);
                    let at = start + dilation * (ky * from.pitch() + kx * channels);
                    let taps = &x[at..][..channels];
                    let weights = &self.weights[tap * channels..][..channels];
                    for ((sum, tap), weight) in sums.iter_mut().zip(taps).zip(weights) {
                        *sum += tap * weight;
                    }
                }
                for sum in sums {
                    *sum = sum.clamp(self.bounds.low, self.bounds.high);
                }
            }
        }
    }
}

/// Whole vectors of channels, `PIXELS` neighbours at once, which read `INPUTS = (PIXELS - 1) * STRIDE + SIZE` pixels of a row.
struct Walk<'a, const SIZE: usize, const STRIDE: usize, const INPUTS: usize> {
    step: &'a Depthwise,
    rows: std::ops::Range<usize>,
    above: Shift,
    x: &'a [f32],
    above_out: Shift,
    out: &'a mut [f32],
}

impl<'a, const SIZE: usize, const STRIDE: usize, const INPUTS: usize>
    Walk<'a, SIZE, STRIDE, INPUTS>
{
    fn new(
        step: &'a Depthwise,
        rows: std::ops::Range<usize>,
        (above, x): (Shift, &'a [f32]),
        (above_out, out): (Shift, &'a mut [f32]),
    ) -> Self {
        const { assert!(INPUTS == (PIXELS - 1) * STRIDE + SIZE) };
        Self {
            step,
            rows,
            above,
            x,
            above_out,
            out,
        }
    }

    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, row: usize, column: usize, vector: usize) {
        let lanes = S::F32_LANES;
        let step = self.step;
        let (from, to) = (step.input, step.output);
        let taps = SIZE * SIZE * lanes;
        let (weights, _) = S::as_simd_f32s(&step.weights[vector * taps..][..taps]);
        let (bias, _) = S::as_simd_f32s(&step.bias[vector * lanes..][..lanes]);
        let mut sums = [bias[0]; PIXELS];
        let start = step.origin + row * STRIDE * from.pitch() + column * STRIDE * lanes
            - self.above.0 * from.pitch()
            + vector * from.block_pitch();
        for (ky, weights) in weights.chunks_exact(SIZE).enumerate() {
            let line = &self.x[start + ky * from.pitch()..][..INPUTS * lanes];
            let (line, _) = S::as_simd_f32s(line);
            let mut values = [sums[0]; INPUTS];
            values.copy_from_slice(&line[..INPUTS]);
            for kx in 0..SIZE {
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.mul_add_f32s(values[i * STRIDE + kx], weights[kx], *sum);
                }
            }
        }
        let low = simd.splat_f32s(step.bounds.low);
        let high = simd.splat_f32s(step.bounds.high);
        let start = to.offset(row, column) + vector * lanes - self.above_out.0 * to.pitch();
        let line = &mut self.out[start..][..(PIXELS - 1) * to.channels + lanes];
        for (i, &sum) in sums.iter().enumerate() {
            let (write, _) = S::as_mut_simd_f32s(&mut line[i * to.channels..][..lanes]);
            write[0] = bounded(simd, sum, low, high);
        }
    }
}

impl<const SIZE: usize, const STRIDE: usize, const INPUTS: usize> WithSimd
    for Walk<'_, SIZE, STRIDE, INPUTS>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (lanes, columns) = (S::F32_LANES, self.step.output.columns);
        let vectors = self.step.output.channels / lanes;
        let rows = self.rows.clone();
        // The last block of a row overlaps the one before.
        let blocks = columns.div_ceil(PIXELS);
        let column_of = |block: usize| (block * PIXELS).min(columns - PIXELS);
        for row in rows {
            for pair in (0..vectors).step_by(2) {
                for block in 0..blocks {
                    // Two vectors are a line of the cache, where the output's channels lie side by side.
                    for vector in pair..(pair + 2).min(vectors) {
                        self.block(simd, row, column_of(block), vector);
                    }
                }
            }
        }
    }
}
