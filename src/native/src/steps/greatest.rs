//! The nearest of many prototypes: a product of which only the largest result counts.

use pulp::{Simd, WithSimd};

use super::Machine;
use super::packed::{BLOCK, LANES_MAX, Packed, Panel, accumulate, tiled};
use super::pointwise::larger;
use crate::map::{MapShape, Shift};

/// The greatest of many products at each place: a 1x1 convolution of which only the largest output counts.
#[derive(Debug)]
pub(crate) struct Greatest {
    shape: MapShape,
    output: MapShape,
    product: Packed,
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
        let product = Packed::new(
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

    /// Products of a row.
    pub(crate) fn row_products(&self) -> usize {
        let candidates: usize = self.product.panels.iter().map(|panel| panel.channels).sum();
        self.shape.columns * self.shape.channels * candidates
    }

    /// Computes output rows.
    pub(crate) fn run(
        &self,
        machine: Machine,
        rows: std::ops::Range<usize>,
        x: &[f32],
        (to, out): (Shift, &mut [f32]),
    ) {
        for row in rows {
            let x = self.shape.row(x, row);
            let out = self.output.row_mut((to, &mut *out), row);
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
