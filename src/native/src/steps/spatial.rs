//! Operators that resample maps.

use std::ops::Range;

use super::pointwise::larger;
use crate::map::{MapShape, Shift};

/// Bilinear, pixel centres at half coordinates, no smoothing before a reduction.
#[derive(Debug)]
pub(crate) struct Resize {
    input: MapShape,
    output: MapShape,
    rows: Vec<Tap>,
    columns: Vec<Tap>,
}

/// Two neighbours and the second one's share.
#[derive(Debug, Clone, Copy)]
struct Tap {
    first: usize,
    second: usize,
    share: f32,
}

fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let last = from - 1;
    (0..to)
        .map(|i| {
            let place = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, last as f64);
            let first = place.floor();
            Tap {
                first: first as usize,
                second: (first as usize + 1).min(last),
                share: (place - first) as f32,
            }
        })
        .collect()
}

impl Resize {
    pub(crate) fn new(input: MapShape, output: MapShape) -> Self {
        Self {
            input,
            output,
            rows: taps(input.rows, output.rows),
            columns: taps(input.columns, output.columns),
        }
    }

    #[inline(always)]
    pub(crate) fn run(&self, rows: Range<usize>, x: &[f32], (to, out): (Shift, &mut [f32])) {
        let channels = self.input.channels;
        for row in rows {
            let vertical = self.rows[row];
            let upper = self.input.row(x, vertical.first);
            let lower = self.input.row(x, vertical.second);
            let out = self.output.row_mut((to, &mut *out), row);
            for (out, tap) in out.chunks_exact_mut(channels).zip(&self.columns) {
                let (first, second) = (tap.first * channels, tap.second * channels);
                for (channel, out) in out.iter_mut().enumerate() {
                    let at = |line: &[f32]| {
                        let (a, b) = (line[first + channel], line[second + channel]);
                        a + tap.share * (b - a)
                    };
                    let (above, below) = (at(upper), at(lower));
                    *out = above + vertical.share * (below - above);
                }
            }
        }
    }
}

/// The largest value of a window; what lies outside the map does not count.
#[derive(Debug)]
pub(crate) struct Pooling {
    pub(crate) input: MapShape,
    pub(crate) output: MapShape,
    pub(crate) size: [usize; 2],
    pub(crate) stride: usize,
    pub(crate) top: usize,
    pub(crate) left: usize,
}

impl Pooling {
    #[inline(always)]
    pub(crate) fn run(&self, rows: Range<usize>, x: &[f32], (to, out): (Shift, &mut [f32])) {
        let channels = self.input.channels;
        let reach = |place: usize, before: usize, size: usize, limit: usize| {
            let first = place * self.stride;
            first.saturating_sub(before)..(first + size).saturating_sub(before).min(limit)
        };
        for row in rows {
            let rows = reach(row, self.top, self.size[0], self.input.rows);
            let out = self.output.row_mut((to, &mut *out), row);
            for (column, out) in out.chunks_exact_mut(channels).enumerate() {
                let columns = reach(column, self.left, self.size[1], self.input.columns);
                out.fill(f32::NEG_INFINITY);
                for row in rows.clone() {
                    let line = self.input.row(x, row);
                    for pixel in line[columns.start * channels..columns.end * channels]
                        .chunks_exact(channels)
                    {
                        for (out, &x) in out.iter_mut().zip(pixel) {
                            *out = larger(*out, x);
                        }
                    }
                }
            }
        }
    }
}

/// Into a map, from channel after channel (CHW).
#[inline(always)]
pub(crate) fn take_in(shape: MapShape, values: &[f32], out: &mut [f32]) {
    let plane = shape.pixels();
    for row in 0..shape.rows {
        let to = shape.row_mut((Shift(0), &mut *out), row);
        for channel in 0..shape.channels {
            let from = &values[channel * plane + row * shape.columns..][..shape.columns];
            for (to, &from) in to[channel..].iter_mut().step_by(shape.channels).zip(from) {
                *to = from;
            }
        }
    }
}

/// From a map, to channel after channel.
#[inline(always)]
pub(crate) fn give_out(shape: MapShape, x: &[f32], values: &mut [f32]) {
    let plane = shape.pixels();
    for row in 0..shape.rows {
        let from = shape.row(x, row);
        for channel in 0..shape.channels {
            let to = &mut values[channel * plane + row * shape.columns..][..shape.columns];
            for (to, &from) in to
                .iter_mut()
                .zip(from[channel..].iter().step_by(shape.channels))
            {
                *to = from;
            }
        }
    }
}
