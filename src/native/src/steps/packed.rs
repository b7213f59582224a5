//! The inner loop of every product: tiles of places times a few vectors of outputs, against packed weights.

use pulp::Simd;

/// A multiple of every tile's pixels.
pub(super) const TILE: usize = 24;
/// Pixels whose places are looked up at once.
pub(super) const BLOCK: usize = 4 * TILE;
/// Most vectors of output channels of a tile.
const VECTORS_MAX: usize = 3;
/// Most values of a vector on any machine.
pub(super) const LANES_MAX: usize = 16;

/// Pixels of a tile of one, two and three vectors: as many as leave room in the registers for the sums, a row of weights
/// and one value. There are 16 registers with AVX2, 32 on 64-bit ARM and with AVX-512, where a product takes a value from
/// memory for all lanes at once and needs no register for it.
pub(super) const PIXELS: [usize; VECTORS_MAX] = match cfg!(target_arch = "aarch64") {
    true => [8, 8, 6],
    false => [8, 6, 3],
};
/// The same for vectors of [`LANES_MAX`] values.
pub(super) const PIXELS_OF_LONG_VECTORS: [usize; VECTORS_MAX] = [12, 12, 8];

/// Runs a tile of the size that a panel asks for. Each size is a function of its own, which nothing is inlined into but its
/// own loops: so the sums stay where they are.
macro_rules! tiled {
    ($machine:expr, $vectors:expr, $tile:ident, $fields:tt) => {
        if $machine.lanes == $crate::steps::packed::LANES_MAX {
            $crate::steps::packed::tiled!(PIXELS_OF_LONG_VECTORS: $machine, $vectors, $tile, $fields)
        } else {
            $crate::steps::packed::tiled!(PIXELS: $machine, $vectors, $tile, $fields)
        }
    };
    ($pixels:ident: $machine:expr, $vectors:expr, $tile:ident, $fields:tt) => {
        match $vectors {
            1 => $machine.run($crate::steps::packed::tiled!(@ $pixels, $tile, 1, $fields)),
            2 => $machine.run($crate::steps::packed::tiled!(@ $pixels, $tile, 2, $fields)),
            _ => $machine.run($crate::steps::packed::tiled!(@ $pixels, $tile, 3, $fields)),
        }
    };
    (@ $pixels:ident, $tile:ident, $vectors:literal, { $($fields:tt)* }) => {
        $tile::<{ $crate::steps::packed::$pixels[$vectors - 1] }, $vectors> { $($fields)* }
    };
}

/// Right side of a product, packed: for each panel of vectors, for each row, the panel's columns.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(super) panels: Vec<Panel>,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// A few vectors of outputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    pub(super) vectors: usize,
    /// First output channel.
    pub(super) first: usize,
    /// Output channels that exist.
    pub(super) channels: usize,
    /// Where its weights and biases begin.
    weights: usize,
    bias: usize,
}

impl Packed {
    /// Packs a matrix of `rows` by `columns`, given by a function, for vectors of `lanes` values.
    pub(crate) fn new(
        lanes: usize,
        rows: usize,
        columns: usize,
        weight: impl Fn(usize, usize) -> f32,
        bias: impl Fn(usize) -> f32,
    ) -> Self {
        let mut packed = Self {
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
            packed.panels.push(Panel {
                vectors,
                first,
                channels,
                weights: packed.weights.len(),
                bias: packed.bias.len(),
            });
            let columns_of = |value: &dyn Fn(usize) -> f32, into: &mut Vec<f32>| {
                into.extend((0..channels).map(|c| value(first + c)));
                into.extend((channels..width).map(|_| 0.0));
            };
            for row in 0..rows {
                columns_of(&|c| weight(row, c), &mut packed.weights);
            }
            columns_of(&bias, &mut packed.bias);
            first += width;
            vectors_left -= vectors;
        }
        packed
    }

    /// A panel's rows of weights, and its biases.
    #[inline(always)]
    pub(super) fn panel<S: Simd, const VECTORS: usize>(
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

/// The inner loop: for each row of weights, each pixel's tap times the row. Sums come and go by value, so that nothing
/// else can have their address.
#[inline(always)]
pub(super) fn accumulate<S: Simd, const PIXELS: usize, const VECTORS: usize>(
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
pub(super) fn added<S: Simd, const VECTORS: usize>(
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
pub(super) fn store_some<S: Simd, const VECTORS: usize>(
    simd: S,
    sums: &[S::f32s; VECTORS],
    out: &mut [f32],
) {
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

pub(super) use tiled;
