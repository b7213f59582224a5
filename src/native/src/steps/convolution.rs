//! Convolutions as products that read the map itself.
//!
//! The taps of a kernel's row lie side by side in memory, so that a convolution is a product whose left rows are
//! `size` runs of `size * channels` values, found by adding fixed distances to a pixel's place. Nothing is copied.
//! A tile of pixels times a few vectors of output channels stays in registers over all taps; bias, the sum with another map and the
//! bounds of an activation are applied before it is stored.

use pulp::{Simd, WithSimd};

use super::packed::{BLOCK, Packed, Panel, TILE, accumulate, added, store_some, tiled};
use super::{Machine, bounded};
use crate::map::{MapShape, Shift};

/// One convolution, ready to run. See [`Convolution::new`].
#[derive(Debug)]
pub(crate) struct Convolution {
    input: MapShape,
    /// What the product writes: a transposed convolution writes into a part of each pixel's square.
    places: Places,
    /// From a place's first tap to the first tap of each kernel row.
    segments: Vec<usize>,
    /// Values of a kernel row.
    run: usize,
    stride: usize,
    /// Offset of the first tap of the first output pixel.
    origin: usize,
    product: Packed,
    low: f32,
    high: f32,
}

/// Where the output pixels lie.
#[derive(Debug, Clone, Copy)]
struct Places {
    columns: usize,
    origin: usize,
    /// Values of a row of the map's buffer.
    pitch: usize,
    row_step: usize,
    column_step: usize,
    /// From one vector of channels to the next, where they don't lie side by side.
    vector_step: Option<usize>,
}

/// A convolution's numbers as ONNX has them.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    /// Outputs, inputs, rows, columns; transposed: inputs, outputs, rows, columns.
    pub(crate) dims: [usize; 4],
    pub(crate) values: Vec<f32>,
    /// One for each output.
    pub(crate) bias: Vec<f32>,
}

impl Weights {
    pub(crate) fn at(&self, a: usize, b: usize, y: usize, x: usize) -> f32 {
        let [_, db, dy, dx] = self.dims;
        self.values[((a * db + b) * dy + y) * dx + x]
    }
}

/// How a window moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) stride: usize,
    pub(crate) top: usize,
    pub(crate) left: usize,
    pub(crate) dilation: usize,
}

/// Least and greatest value of an activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Convolution {
    /// From `input` to `output`, whose borders are wide enough for the window.
    pub(crate) fn new(
        lanes: usize,
        input: MapShape,
        output: MapShape,
        weights: &Weights,
        window: Window,
        bounds: Bounds,
    ) -> Self {
        let [outputs, inputs, rows, columns] = weights.dims;
        let run = columns * inputs;
        let product = Packed::new(
            lanes,
            rows * run,
            outputs,
            |k, output| {
                let (tap, channel) = (k / inputs, k % inputs);
                weights.at(output, channel, tap / columns, tap % columns)
            },
            |output| weights.bias[output],
        );
        Self {
            input,
            places: Places {
                columns: output.columns,
                origin: output.offset(0, 0),
                pitch: output.pitch(),
                row_step: output.pitch(),
                column_step: output.block,
                vector_step: (!output.is_plain()).then(|| output.block_pitch()),
            },
            segments: (0..rows).map(|row| row * input.pitch()).collect(),
            run,
            stride: window.stride,
            origin: input.offset(0, 0) - window.top * input.pitch() - window.left * input.channels,
            product,
            low: bounds.low,
            high: bounds.high,
        }
    }

    /// A plain product: each place has `inputs` values, and gets `outputs`, one place after the other.
    pub(crate) fn plain(
        lanes: usize,
        places: usize,
        [inputs, outputs]: [usize; 2],
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let column = |channels| MapShape {
            rows: places,
            columns: 1,
            channels,
            border: 0,
            block: channels,
        };
        Self {
            input: column(inputs),
            places: Places {
                columns: 1,
                origin: 0,
                pitch: outputs,
                row_step: outputs,
                column_step: outputs,
                vector_step: None,
            },
            segments: vec![0],
            run: inputs,
            stride: 1,
            origin: 0,
            product: Packed::new(lanes, inputs, outputs, weight, |_| 0.0),
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
        }
    }

    /// The upper or lower half of a transposed convolution with a 2x2 kernel and stride 2: both columns of its square
    /// lie side by side in the output and are one place of twice the channels.
    pub(crate) fn raising(
        lanes: usize,
        input: MapShape,
        output: MapShape,
        weights: &Weights,
        half: usize,
        bounds: Bounds,
    ) -> Self {
        let [inputs, outputs, ..] = weights.dims;
        let product = Packed::new(
            lanes,
            inputs,
            2 * outputs,
            |k, column| weights.at(k, column % outputs, half, column / outputs),
            |column| weights.bias[column % outputs],
        );
        Self {
            input,
            places: Places {
                columns: input.columns,
                origin: output.offset(half, 0),
                pitch: output.pitch(),
                row_step: 2 * output.pitch(),
                column_step: 2 * output.channels,
                vector_step: None,
            },
            segments: vec![0],
            run: inputs,
            stride: 1,
            origin: input.offset(0, 0),
            product,
            low: bounds.low,
            high: bounds.high,
        }
    }

    fn channels(&self) -> usize {
        self.product.panels.iter().map(|panel| panel.channels).sum()
    }

    /// Products of a row.
    pub(crate) fn row_products(&self) -> usize {
        self.places.columns * self.channels() * self.segments.len() * self.run
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        let channels = self.channels();
        let (rows, columns) = (self.input.rows / self.stride, self.places.columns);
        let taps = self.segments.len() * self.run;
        let products = rows * self.row_products();
        format!(
            "convolution {taps:5} x {channels:4} at {rows:3} x {columns:3}, {products:9} products"
        )
    }

    /// Computes output rows. `skip` is a map to add, of the output's extents.
    pub(crate) fn run(
        &self,
        machine: Machine,
        rows: std::ops::Range<usize>,
        (from, x): (Shift, &[f32]),
        skip: Option<(MapShape, &[f32])>,
        (to, out): (Shift, &mut [f32]),
    ) {
        let above = from.0 * self.input.pitch();
        let above_out = to.0 * self.places.pitch;
        let columns = self.places.columns;
        let (mut row, mut column) = (rows.start, 0);
        let mut left = rows.len() * columns;
        let mut starts = Starts::default();
        while left > 0 {
            let count = left.min(BLOCK);
            for i in 0..count {
                starts.input[i] = self.origin
                    + row * self.stride * self.input.pitch()
                    + column * self.stride * self.input.channels
                    - above;
                starts.output[i] = self.places.origin
                    + row * self.places.row_step
                    + column * self.places.column_step
                    - above_out;
                if let Some((shape, _)) = skip {
                    starts.skip[i] = shape.offset(row, column);
                }
                column += 1;
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
            }
            // The last tile repeats the last place, which gets the same values twice.
            let end = count.next_multiple_of(TILE);
            for starts in [&mut starts.input, &mut starts.output, &mut starts.skip] {
                let last = starts[count - 1];
                starts[count..end].fill(last);
            }
            let block = Block {
                starts: &starts,
                count,
                x,
                skip: skip.map(|(_, values)| values),
            };
            for panel in &self.product.panels {
                tiled!(machine, panel.vectors, Tile, {
                    convolution: self,
                    panel,
                    block: &block,
                    out: &mut *out,
                });
            }
            left -= count;
        }
    }
}

/// What all panels of a block share.
struct Block<'a> {
    starts: &'a Starts,
    /// Places in it.
    count: usize,
    x: &'a [f32],
    skip: Option<&'a [f32]>,
}

/// One panel of the product for a block of places. A function of its own for each size, so that its sums
/// stay in registers.
struct Tile<'a, const PIXELS: usize, const VECTORS: usize> {
    convolution: &'a Convolution,
    panel: &'a Panel,
    block: &'a Block<'a>,
    out: &'a mut [f32],
}

impl<const PIXELS: usize, const VECTORS: usize> WithSimd for Tile<'_, PIXELS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            convolution,
            panel,
            block,
            out,
        } = self;
        let Block {
            starts,
            count,
            x,
            skip,
        } = *block;
        let (run, segments) = (convolution.run, &convolution.segments[..]);
        let width = VECTORS * S::F32_LANES;
        let (weights, first_sums) =
            convolution
                .product
                .panel::<S, VECTORS>(simd, panel, segments.len() * run);
        let low = simd.splat_f32s(convolution.low);
        let high = simd.splat_f32s(convolution.high);
        // Where a panel's vectors lie from a place on.
        let lanes = S::F32_LANES;
        let step = convolution.places.vector_step.unwrap_or(lanes);
        let out = &mut out[panel.first / lanes * step..];
        let whole = panel.channels == width;
        let inputs = starts.input[..count.next_multiple_of(PIXELS)].chunks_exact(PIXELS);
        for (tile, inputs) in inputs.enumerate() {
            let mut sums = [first_sums; PIXELS];
            for (segment, weights) in segments.iter().zip(weights.chunks_exact(run)) {
                let mut taps = [&x[..0]; PIXELS];
                for (taps, &start) in taps.iter_mut().zip(inputs) {
                    *taps = &x[start + segment..][..run];
                }
                sums = accumulate(simd, &taps, weights, sums);
            }
            // A copy, so that what is looked up by a variable below is not what the inner loop adds to: else that would
            // have to be in memory.
            let mut done = [[simd.splat_f32s(0.0); VECTORS]; PIXELS];
            for i in 0..PIXELS {
                for v in 0..VECTORS {
                    done[i][v] = sums[i][v];
                }
            }
            let mut sums = done;
            if let Some(skip) = skip {
                let starts = &starts.skip[tile * PIXELS..][..PIXELS];
                for i in 0..PIXELS {
                    let skip = &skip[starts[i] + panel.first..][..panel.channels];
                    sums[i] = added(simd, sums[i], skip);
                }
            }
            let starts = &starts.output[tile * PIXELS..][..PIXELS];
            if whole {
                for i in 0..PIXELS {
                    for v in 0..VECTORS {
                        let value = bounded(simd, sums[i][v], low, high);
                        let out = &mut out[starts[i] + v * step..][..lanes];
                        let (out, _) = S::as_mut_simd_f32s(out);
                        out[0] = value;
                    }
                }
            } else {
                for i in 0..PIXELS {
                    let mut sums = sums[i];
                    for sum in &mut sums {
                        *sum = bounded(simd, *sum, low, high);
                    }
                    store_some(simd, &sums, &mut out[starts[i]..][..panel.channels]);
                }
            }
        }
    }
}

/// Places of a block's pixels in the buffers.
struct Starts {
    input: [usize; BLOCK],
    output: [usize; BLOCK],
    skip: [usize; BLOCK],
}

impl Default for Starts {
    fn default() -> Self {
        Self {
            input: [0; BLOCK],
            output: [0; BLOCK],
            skip: [0; BLOCK],
        }
    }
}
