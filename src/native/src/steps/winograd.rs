//! Convolutions with 3x3 kernels and stride 1 by the minimal algorithm F(2x2, 3x3) of Lavin and Gray ("Fast Algorithms
//! for Convolutional Neural Networks", CVPR 2016, after Winograd): a square of four outputs takes 16 products for each pair of channels, not 36.
//!
//! Squares of 4x4 inputs, which overlap by two, are transformed by sums; the products are sixteen plain ones; sums bring their results
//! back. The transforms use no factors but 1 and -1 (and 1/2 for the weights, once), so that little accuracy is lost.

#![expect(
    clippy::needless_range_loop,
    reason = "squares are written as they are in the paper, by row and column"
)]

use pulp::{Simd, WithSimd};

use super::convolution::{Bounds, Convolution, Weights, Window};
use super::{Machine, bounded};
use crate::map::{MapShape, Shift};

/// Values of a square of inputs.
const SQUARE: usize = 16;
/// Squares whose products are made at once.
const SQUARES: usize = 48;

/// One convolution, ready to run.
#[derive(Debug)]
pub(crate) struct Winograd {
    input: MapShape,
    output: MapShape,
    products: Vec<Convolution>,
    bias: Vec<f32>,
    bounds: Bounds,
}

impl Winograd {
    /// Whether a convolution can be done this way, and is faster for it: with few squares, sixteen small products read more
    /// weights than they save.
    pub(crate) fn suits(
        lanes: usize,
        input: MapShape,
        output: MapShape,
        weights: &Weights,
        window: Window,
    ) -> bool {
        let [outputs, inputs, rows, columns] = weights.dims;
        [
            rows,
            columns,
            window.stride,
            window.top,
            window.left,
            window.dilation,
        ] == [3, 3, 1, 1, 1, 1]
            && input.is_plain()
            && [input.rows, input.columns] == [output.rows, output.columns]
            && input.rows.is_multiple_of(2)
            && input.columns.is_multiple_of(2)
            && input.pixels() >= 4 * SQUARES
            && inputs.is_multiple_of(lanes)
            && outputs.is_multiple_of(lanes)
            && inputs >= 16
            && outputs >= 16
    }

    /// From `input` to `output`, for what [`Winograd::suits`].
    pub(crate) fn new(
        lanes: usize,
        input: MapShape,
        output: MapShape,
        weights: &Weights,
        bounds: Bounds,
    ) -> Self {
        /// What a row or column of three weights becomes.
        fn transformed(w: [f64; 3]) -> [f64; 4] {
            let [a, b, c] = w;
            [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c]
        }
        let [outputs, inputs, ..] = weights.dims;
        let square = |from: usize, to: usize| -> [[f64; 4]; 4] {
            let rows: [[f64; 4]; 3] = std::array::from_fn(|y| {
                transformed(std::array::from_fn(|x| {
                    f64::from(weights.at(to, from, y, x))
                }))
            });
            let columns: [[f64; 4]; 4] =
                std::array::from_fn(|x| transformed(std::array::from_fn(|y| rows[y][x])));
            std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
        };
        let all: Vec<[[f64; 4]; 4]> = (0..inputs * outputs)
            .map(|pair| square(pair / outputs, pair % outputs))
            .collect();
        let products = (0..SQUARE).map(|at| {
            Convolution::plain(lanes, SQUARES, [inputs, outputs], |from, to| {
                all[from * outputs + to][at / 4][at % 4] as f32
            })
        });
        Self {
            input,
            output,
            products: products.collect(),
            bias: weights.bias.clone(),
            bounds,
        }
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        let MapShape {
            rows,
            columns,
            channels,
            ..
        } = self.input;
        let (taps, outputs) = (9 * channels, self.output.channels);
        let products = rows * columns * taps * outputs;
        format!(
            "by squares  {taps:5} x {outputs:4} at {rows:3} x {columns:3}, {products:9} products"
        )
    }

    /// Products of a row; a square of sixteen makes two pixels of each of two rows.
    pub(crate) const fn row_products(&self) -> usize {
        self.output.columns * 4 * self.input.channels * self.output.channels
    }

    /// Values of the scratch buffer that whoever computes rows needs.
    pub(crate) const fn scratch_len(&self) -> usize {
        SQUARE * SQUARES * (self.input.channels + self.output.channels)
    }

    /// Computes output rows, an even number of them from an even one on. `skip` is a map to add, of the output's extents.
    pub(crate) fn run(
        &self,
        machine: Machine,
        rows: std::ops::Range<usize>,
        x: &[f32],
        skip: Option<(MapShape, &[f32])>,
        scratch: &mut [f32],
        (to_row, out): (Shift, &mut [f32]),
    ) {
        let (from, to) = (
            SQUARES * self.input.channels,
            SQUARES * self.output.channels,
        );
        let (inputs, results) = scratch.split_at_mut(SQUARE * from);
        let across = self.output.columns / 2;
        let end = rows.end / 2 * across;
        for first in (rows.start / 2 * across..end).step_by(SQUARES) {
            let squares = first..(first + SQUARES).min(end);
            let count = squares.len();
            machine.run(Forward {
                step: self,
                squares: squares.clone(),
                x,
                inputs: &mut *inputs,
            });
            let planes = inputs.chunks_exact(from).zip(results.chunks_exact_mut(to));
            for (product, (input, result)) in self.products.iter().zip(planes) {
                product.run(
                    machine,
                    0..count,
                    (Shift(0), input),
                    None,
                    (Shift(0), result),
                );
            }
            machine.run(Back {
                step: self,
                squares,
                results: &*results,
                skip,
                above: to_row.0 * self.output.pitch(),
                out: &mut *out,
            });
        }
    }
}

/// Row and column of a square's first output.
#[inline(always)]
fn place(square: usize, columns: usize) -> (usize, usize) {
    let across = columns / 2;
    (2 * (square / across), 2 * (square % across))
}

/// Transforms squares of inputs.
struct Forward<'a> {
    step: &'a Winograd,
    squares: std::ops::Range<usize>,
    x: &'a [f32],
    inputs: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (shape, lanes) = (self.step.input, S::F32_LANES);
        let channels = shape.channels;
        let plane = SQUARES * channels;
        let between = |a: [S::f32s; 4]| {
            [
                simd.sub_f32s(a[0], a[2]),
                simd.add_f32s(a[1], a[2]),
                simd.sub_f32s(a[2], a[1]),
                simd.sub_f32s(a[1], a[3]),
            ]
        };
        for (at, square) in self.squares.enumerate() {
            let (row, column) = place(square, shape.columns);
            let corner = shape.offset(row, column) - shape.pitch() - channels;
            for channel in (0..channels).step_by(lanes) {
                let mut half = [[simd.splat_f32s(0.0); 4]; 4];
                for y in 0..4 {
                    let start = corner + y * shape.pitch() + channel;
                    let line = &self.x[start..][..3 * channels + lanes];
                    let mut read = [simd.splat_f32s(0.0); 4];
                    for x in 0..4 {
                        let (value, _) = S::as_simd_f32s(&line[x * channels..][..lanes]);
                        read[x] = value[0];
                    }
                    half[y] = between(read);
                }
                for x in 0..4 {
                    let done = between([half[0][x], half[1][x], half[2][x], half[3][x]]);
                    for y in 0..4 {
                        let start = (4 * y + x) * plane + at * channels + channel;
                        let (to, _) = S::as_mut_simd_f32s(&mut self.inputs[start..][..lanes]);
                        to[0] = done[y];
                    }
                }
            }
        }
    }
}

/// Transforms the products' results back.
struct Back<'a> {
    step: &'a Winograd,
    squares: std::ops::Range<usize>,
    results: &'a [f32],
    skip: Option<(MapShape, &'a [f32])>,
    /// Values of the map's buffer that lie before `out`.
    above: usize,
    out: &'a mut [f32],
}

impl WithSimd for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (shape, lanes) = (self.step.output, S::F32_LANES);
        let channels = shape.channels;
        let plane = SQUARES * channels;
        let low = simd.splat_f32s(self.step.bounds.low);
        let high = simd.splat_f32s(self.step.bounds.high);
        let (bias, _) = S::as_simd_f32s(&self.step.bias);
        let together = |a: [S::f32s; 4]| {
            [
                simd.add_f32s(simd.add_f32s(a[0], a[1]), a[2]),
                simd.sub_f32s(simd.sub_f32s(a[1], a[2]), a[3]),
            ]
        };
        for (at, square) in self.squares.enumerate() {
            let (row, column) = place(square, shape.columns);
            for (vector, &bias) in bias.iter().enumerate() {
                let channel = vector * lanes;
                let mut half = [[simd.splat_f32s(0.0); 2]; 4];
                for y in 0..4 {
                    let mut read = [simd.splat_f32s(0.0); 4];
                    for x in 0..4 {
                        let start = (4 * y + x) * plane + at * channels + channel;
                        let (value, _) = S::as_simd_f32s(&self.results[start..][..lanes]);
                        read[x] = value[0];
                    }
                    half[y] = together(read);
                }
                for x in 0..2 {
                    let done = together([half[0][x], half[1][x], half[2][x], half[3][x]]);
                    for y in 0..2 {
                        let mut sum = simd.add_f32s(done[y], bias);
                        if let Some((shape, skip)) = self.skip {
                            let start = shape.offset(row + y, column + x) + channel;
                            let (skip, _) = S::as_simd_f32s(&skip[start..][..lanes]);
                            sum = simd.add_f32s(sum, skip[0]);
                        }
                        let start = shape.offset(row + y, column + x) + channel - self.above;
                        let (to, _) = S::as_mut_simd_f32s(&mut self.out[start..][..lanes]);
                        to[0] = bounded(simd, sum, low, high);
                    }
                }
            }
        }
    }
}
