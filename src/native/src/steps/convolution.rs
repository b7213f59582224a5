//! Convolutions as products that read the map itself.
//!
//! The taps of a kernel's row lie side by side in memory, so that a convolution is a product whose left rows are
//! `size` runs of `size * channels` values, found by adding fixed distances to a pixel's place. Nothing is copied.
//! A tile of pixels times a few vectors of output channels stays in registers over all taps; bias, the sum with another map and the
//! bounds of an activation are applied before it is stored.

use pulp::{Simd, WithSimd};

use super::Machine;
use super::chain::Shift;
use super::pointwise::larger;
use crate::map::MapShape;

/// A multiple of every tile's pixels.
const TILE: usize = 24;
/// Pixels whose places are looked up at once.
const BLOCK: usize = 4 * TILE;
/// Most vectors of output channels of a tile.
const VECTORS_MAX: usize = 3;

/// Most values of a vector on any machine.
const LANES_MAX: usize = 16;

/// Pixels of a tile of one, two and three vectors: as many as leave room in the registers for the sums, a row of weights
/// and one value. There are 32 registers on 64-bit ARM, and 16 with AVX2.
const PIXELS: [usize; VECTORS_MAX] = match cfg!(target_arch = "aarch64") {
    true => [12, 12, 8],
    false => [8, 6, 3],
};

/// Runs a tile of the size that a panel asks for. Each size is a function of its own, which nothing is inlined into but its
/// own loops: so the sums stay where they are.
macro_rules! tiled {
    ($machine:expr, $vectors:expr, $tile:ident, $fields:tt) => {
        match $vectors {
            1 => $machine.arch.dispatch(tiled!(@ $tile, 1, $fields)),
            2 => $machine.arch.dispatch(tiled!(@ $tile, 2, $fields)),
            _ => $machine.arch.dispatch(tiled!(@ $tile, 3, $fields)),
        }
    };
    (@ $tile:ident, $vectors:literal, { $($fields:tt)* }) => {
        $tile::<{ PIXELS[$vectors - 1] }, $vectors> { $($fields)* }
    };
}

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
    product: Product,
    low: f32,
    high: f32,
}

/// Where the output pixels lie.
#[derive(Debug, Clone, Copy)]
struct Places {
    columns: usize,
    origin: usize,
    row_step: usize,
    column_step: usize,
    /// From one vector of channels to the next, where they don't lie side by side.
    vector_step: Option<usize>,
}

/// Right side of a product, packed: for each panel of vectors, for each row, the panel's columns.
#[derive(Debug)]
pub(crate) struct Product {
    panels: Vec<Panel>,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Debug, Clone, Copy)]
struct Panel {
    vectors: usize,
    /// First output channel.
    first: usize,
    /// Output channels that exist.
    channels: usize,
    /// Where its weights and biases begin.
    weights: usize,
    bias: usize,
}

impl Product {
    /// Packs a matrix of `rows` by `columns`, given by a function, for vectors of `lanes` values.
    pub(crate) fn new(
        lanes: usize,
        rows: usize,
        columns: usize,
        weight: impl Fn(usize, usize) -> f32,
        bias: impl Fn(usize) -> f32,
    ) -> Self {
        let mut product = Self {
            panels: Vec::new(),
            weights: Vec::new(),
            bias: Vec::new(),
        };
        let mut vectors_left = columns.div_ceil(lanes);
        let mut first = 0;
        while vectors_left > 0 {
            // Four are two and two: a single vector makes a poor tile.
            let vectors = match vectors_left {
                2 | 4 => 2,
                left => left.min(VECTORS_MAX),
            };
            let width = vectors * lanes;
            let channels = width.min(columns - first);
            product.panels.push(Panel {
                vectors,
                first,
                channels,
                weights: product.weights.len(),
                bias: product.bias.len(),
            });
            let columns_of = |value: &dyn Fn(usize) -> f32, into: &mut Vec<f32>| {
                into.extend((0..channels).map(|c| value(first + c)));
                into.extend((channels..width).map(|_| 0.0));
            };
            for row in 0..rows {
                columns_of(&|c| weight(row, c), &mut product.weights);
            }
            columns_of(&bias, &mut product.bias);
            first += width;
            vectors_left -= vectors;
        }
        product
    }

    /// A panel's rows of weights, and its biases.
    #[inline(always)]
    fn panel<S: Simd, const VECTORS: usize>(
        &self,
        simd: S,
        panel: &Panel,
        rows: usize,
    ) -> (&[[S::f32s; VECTORS]], [S::f32s; VECTORS]) {
        let width = VECTORS * S::F32_LANES;
        let (weights, _) = S::as_simd_f32s(&self.weights[panel.weights..][..rows * width]);
        let (weights, _) = weights.as_chunks::<VECTORS>();
        let (biases, _) = S::as_simd_f32s(&self.bias[panel.bias..][..width]);
        let mut bias = [simd.splat_f32s(0.0); VECTORS];
        bias.copy_from_slice(biases);
        (weights, bias)
    }
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
        let product = Product::new(
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
                row_step: outputs,
                column_step: outputs,
                vector_step: None,
            },
            segments: vec![0],
            run: inputs,
            stride: 1,
            origin: 0,
            product: Product::new(lanes, inputs, outputs, weight, |_| 0.0),
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
        let product = Product::new(
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

    pub(crate) const fn input_rows(&self) -> usize {
        self.input.rows
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        let channels: usize = self.product.panels.iter().map(|panel| panel.channels).sum();
        let (rows, columns) = (self.input.rows / self.stride, self.places.columns);
        let taps = self.segments.len() * self.run;
        let products = rows * columns * channels * taps;
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
        let above_out = to.0 * self.places.row_step;
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
                        // In this order a sum that is no number stays none.
                        let value = simd.min_f32s(high, simd.max_f32s(low, sums[i][v]));
                        let out = &mut out[starts[i] + v * step..][..lanes];
                        let (out, _) = S::as_mut_simd_f32s(out);
                        out[0] = value;
                    }
                }
            } else {
                for i in 0..PIXELS {
                    let mut sums = sums[i];
                    for sum in &mut sums {
                        *sum = simd.min_f32s(high, simd.max_f32s(low, *sum));
                    }
                    store_some(simd, &sums, &mut out[starts[i]..][..panel.channels]);
                }
            }
        }
    }
}

/// The inner loop: for each row of weights, each pixel's tap times the row. Sums come and go by value, so that nothing
/// else can have their address.
#[inline(always)]
fn accumulate<S: Simd, const PIXELS: usize, const VECTORS: usize>(
    simd: S,
    taps: &[&[f32]; PIXELS],
    weights: &[[S::f32s; VECTORS]],
    mut sums: [[S::f32s; VECTORS]; PIXELS],
) -> [[S::f32s; VECTORS]; PIXELS] {
    // Two rows at a time: the loop's own instructions count.
    let (pairs, rest) = weights.as_chunks::<2>();
    for (k, pair) in pairs.iter().enumerate() {
        for (odd, weights) in pair.iter().enumerate() {
            for i in 0..PIXELS {
                let value = simd.splat_f32s(taps[i][2 * k + odd]);
                for v in 0..VECTORS {
                    sums[i][v] = simd.mul_add_f32s(value, weights[v], sums[i][v]);
                }
            }
        }
    }
    if let [weights] = rest {
        for i in 0..PIXELS {
            let value = simd.splat_f32s(taps[i][2 * pairs.len()]);
            for v in 0..VECTORS {
                sums[i][v] = simd.mul_add_f32s(value, weights[v], sums[i][v]);
            }
        }
    }
    sums
}

/// Sums and the values of another map, which may be fewer.
#[inline(always)]
fn added<S: Simd, const VECTORS: usize>(
    simd: S,
    mut sums: [S::f32s; VECTORS],
    values: &[f32],
) -> [S::f32s; VECTORS] {
    let (whole, rest) = S::as_simd_f32s(values);
    if let Some(whole) = whole.first_chunk::<VECTORS>() {
        for v in 0..VECTORS {
            sums[v] = simd.add_f32s(sums[v], whole[v]);
        }
        return sums;
    }
    for (sum, &value) in sums.iter_mut().zip(whole) {
        *sum = simd.add_f32s(*sum, value);
    }
    if let Some(sum) = sums.get_mut(whole.len()) {
        *sum = simd.add_f32s(*sum, simd.partial_load_f32s(rest));
    }
    sums
}

/// The first values of some vectors, as many as there is room for.
#[inline(always)]
fn store_some<S: Simd, const VECTORS: usize>(simd: S, sums: &[S::f32s; VECTORS], out: &mut [f32]) {
    let (whole, rest) = S::as_mut_simd_f32s(out);
    for (to, &sum) in whole.iter_mut().zip(sums) {
        *to = sum;
    }
    if let Some(&sum) = sums.get(whole.len())
        && !rest.is_empty()
    {
        simd.partial_store_f32s(rest, sum);
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

/// The greatest of many products at each place: a 1x1 convolution of which only the largest output counts.
#[derive(Debug)]
pub(crate) struct Greatest {
    shape: MapShape,
    output: MapShape,
    product: Product,
}

impl Greatest {
    /// From `shape` to `output`, which has one channel. The weights are rows of inputs, one for each candidate; `lanes`
    /// is filled up with copies of the first candidate.
    pub(crate) fn new(
        lanes: usize,
        shape: MapShape,
        output: MapShape,
        weights: &[f32],
        bias: &[f32],
    ) -> Self {
        let count = bias.len();
        let padded = count.next_multiple_of(lanes);
        let member = |column: usize| if column < count { column } else { 0 };
        let product = Product::new(
            lanes,
            shape.channels,
            padded,
            |k, column| weights[member(column) * shape.channels + k],
            |column| bias[member(column)],
        );
        Self {
            shape,
            output,
            product,
        }
    }

    pub(crate) fn run(&self, machine: Machine, x: &[f32], out: &mut [f32]) {
        for row in 0..self.shape.rows {
            let x = self.shape.row(x, row);
            let out = self.output.row_mut(out, row);
            for (x, out) in x
                .chunks(BLOCK * self.shape.channels)
                .zip(out.chunks_mut(BLOCK))
            {
                let mut best = [f32::NEG_INFINITY; BLOCK * LANES_MAX];
                let best = &mut best[..out.len() * machine.lanes];
                for panel in &self.product.panels {
                    tiled!(machine, panel.vectors, BestTile, {
                        greatest: self,
                        panel,
                        x,
                        best: &mut *best,
                    });
                }
                for (out, best) in out.iter_mut().zip(best.chunks_exact(machine.lanes)) {
                    *out = best.iter().copied().fold(f32::NEG_INFINITY, larger);
                }
            }
        }
    }
}

/// One panel of candidates for a block of places.
struct BestTile<'a, const PIXELS: usize, const VECTORS: usize> {
    greatest: &'a Greatest,
    panel: &'a Panel,
    x: &'a [f32],
    /// The best of each place so far, lane by lane.
    best: &'a mut [f32],
}

impl<const PIXELS: usize, const VECTORS: usize> WithSimd for BestTile<'_, PIXELS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            greatest,
            panel,
            x,
            best,
        } = self;
        let channels = greatest.shape.channels;
        let (weights, first_sums) = greatest.product.panel::<S, VECTORS>(simd, panel, channels);
        let (best, _) = S::as_mut_simd_f32s(best);
        let count = best.len();
        let mut first = 0;
        while first < count {
            let mut taps = [&x[..0]; PIXELS];
            for (i, taps) in taps.iter_mut().enumerate() {
                let at = (first + i).min(count - 1);
                *taps = &x[at * channels..][..channels];
            }
            let mut sums = [first_sums; PIXELS];
            sums = accumulate(simd, &taps, weights, sums);
            for (i, sums) in sums.iter().enumerate() {
                let best = &mut best[(first + i).min(count - 1)];
                for &sum in sums {
                    *best = simd.max_f32s(*best, sum);
                }
            }
            first += PIXELS;
        }
    }
}
