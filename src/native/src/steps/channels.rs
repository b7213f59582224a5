//! Operators that join a pixel's channels, or a map's pixels.

use std::ops::Range;

use super::pointwise::larger;
use crate::map::{MapShape, Shift};

/// What is made of many values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduction {
    Sum,
    Mean,
    Maximum,
}

impl Reduction {
    #[inline(always)]
    fn start(self) -> f32 {
        match self {
            Self::Sum | Self::Mean => 0.0,
            Self::Maximum => f32::NEG_INFINITY,
        }
    }

    #[inline(always)]
    fn join(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Sum | Self::Mean => a + b,
            Self::Maximum => larger(a, b),
        }
    }

    #[inline(always)]
    fn finish(self, total: f32, count: usize) -> f32 {
        match self {
            Self::Mean => total / count as f32,
            Self::Sum | Self::Maximum => total,
        }
    }
}

/// One value for each group of neighbouring channels, at each pixel; as many groups as the output has channels.
#[derive(Debug)]
pub(crate) struct OverChannels {
    pub(crate) input: MapShape,
    pub(crate) output: MapShape,
    pub(crate) reduction: Reduction,
    /// Multiplied with the map, value by value, before: `None` for the map by itself.
    pub(crate) factor: Option<MapShape>,
}

impl OverChannels {
    #[inline(always)]
    pub(crate) fn run(
        &self,
        rows: Range<usize>,
        x: &[f32],
        factor: &[f32],
        (to, out): (Shift, &mut [f32]),
    ) {
        let group = self.input.channels / self.output.channels;
        for row in rows {
            let x = self.input.row(x, row).chunks_exact(group);
            let out = self.output.row_mut((to, &mut *out), row);
            if let Some(shape) = self.factor {
                let factor = shape.row(factor, row).chunks_exact(group);
                for ((out, x), factor) in out.iter_mut().zip(x).zip(factor) {
                    *out = products(x, factor);
                }
                continue;
            }
            for (out, x) in out.iter_mut().zip(x) {
                let start = self.reduction.start();
                let total = x.iter().fold(start, |sum, &x| self.reduction.join(sum, x));
                *out = self.reduction.finish(total, group);
            }
        }
    }
}

/// Sum of products, in eight sums side by side.
#[inline(always)]
fn products(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (whole_a, rest_a) = a.as_chunks::<8>();
    let (whole_b, rest_b) = b.as_chunks::<8>();
    for (a, b) in whole_a.iter().zip(whole_b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(rest_a).zip(rest_b) {
        *sum += a * b;
    }
    sums.iter().sum()
}

/// One value for each channel, over all pixels.
#[derive(Debug)]
pub(crate) struct OverPixels {
    pub(crate) input: MapShape,
    pub(crate) output: MapShape,
    pub(crate) reduction: Reduction,
}

impl OverPixels {
    #[inline(always)]
    pub(crate) fn run(&self, x: &[f32], out: &mut [f32]) {
        let totals = self.output.row_mut((Shift(0), out), 0);
        totals.fill(self.reduction.start());
        for row in 0..self.input.rows {
            for pixel in self.input.row(x, row).chunks_exact(totals.len()) {
                for (total, &x) in totals.iter_mut().zip(pixel) {
                    *total = self.reduction.join(*total, x);
                }
            }
        }
        for total in totals {
            *total = self.reduction.finish(*total, self.input.pixels());
        }
    }
}

/// Copies the channels of one map among those of another, which joins several.
#[derive(Debug)]
pub(crate) struct Placing {
    pub(crate) input: MapShape,
    pub(crate) output: MapShape,
    /// First channel in the output.
    pub(crate) first: usize,
}

impl Placing {
    #[inline(always)]
    pub(crate) fn run(&self, rows: Range<usize>, x: &[f32], (to, out): (Shift, &mut [f32])) {
        let channels = self.input.channels;
        for row in rows {
            let x = self.input.row(x, row).chunks_exact(channels);
            let out = self.output.row_mut((to, &mut *out), row);
            for (out, x) in out.chunks_exact_mut(self.output.channels).zip(x) {
                out[self.first..][..channels].copy_from_slice(x);
            }
        }
    }
}
