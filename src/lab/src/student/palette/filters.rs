//! The filters of a palette: opponent colours under Gaussians, and the slopes of these.

use rayon::prelude::*;

use super::COLOURS;

/// Deviations of the Gaussians in places: none but the place's own mean, three and six pixels with it.
const SIGMAS: [f32; 3] = [0.0, 0.7, WIDEST];
/// The largest of them.
pub(super) const WIDEST: f32 = 1.475;
/// Levels, and as many slopes.
pub(super) const LEVELS: usize = COLOURS * SIGMAS.len();
/// Rows of lightness, red against green, and both against blue.
const OPPONENTS: [[f32; COLOURS]; COLOURS] = [
    [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0],
    [1.0, -1.0, 0.0],
    [0.5, 0.5, -1.0],
];
/// Places to either side that a filter reads.
pub(super) const REACH: usize = 5;
/// Side of a filter.
pub(super) const FILTER: usize = 2 * REACH + 1;

/// Kernels of the filter bank, `LEVELS` x 3 x `FILTER` x `FILTER` each.
pub(super) struct Filters {
    pub(super) levels: Vec<f32>,
    pub(super) across: Vec<f32>,
    pub(super) down: Vec<f32>,
}

impl Filters {
    /// Times these gains: of levels, then of slopes.
    pub(super) fn new(gains: &[f32; 2 * LEVELS]) -> Self {
        let kernels = |gains: &[f32], at: fn(&[f32; FILTER], usize, usize) -> f32| {
            let mut values = Vec::with_capacity(LEVELS * COLOURS * FILTER * FILTER);
            let channels = SIGMAS
                .iter()
                .flat_map(|&sigma| OPPONENTS.iter().map(move |o| (sigma, o)));
            for ((sigma, opponent), gain) in channels.zip(gains) {
                let gaussian = gaussian(sigma);
                for weight in opponent {
                    for y in 0..FILTER {
                        values.extend((0..FILTER).map(|x| gain * weight * at(&gaussian, x, y)));
                    }
                }
            }
            values
        };
        let (of_levels, of_slopes) = gains.split_at(LEVELS);
        Self {
            levels: kernels(of_levels, |g, x, y| g[x] * g[y]),
            across: kernels(of_slopes, |g, x, y| difference(g, x) * g[y]),
            down: kernels(of_slopes, |g, x, y| g[x] * difference(g, y)),
        }
    }
}

/// Weights that add up to one; all in the middle without a deviation. The outermost two are free for the difference.
fn gaussian(sigma: f32) -> [f32; FILTER] {
    let at = |i: usize| {
        let far = i.abs_diff(REACH);
        match (far, sigma) {
            (0, _) => 1.0,
            (REACH.., _) => 0.0,
            (_, 0.0) => 0.0,
            (far, sigma) => (-0.5 * (far as f32 / sigma).powi(2)).exp(),
        }
    };
    let weights: [f32; FILTER] = std::array::from_fn(at);
    let sum: f32 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// The same in two dimensions, `FILTER` x `FILTER`.
pub(super) fn round_gaussian(sigma: f32) -> [f32; FILTER * FILTER] {
    let gaussian = gaussian(sigma);
    std::array::from_fn(|place| gaussian[place / FILTER] * gaussian[place % FILTER])
}

/// The central difference of a Gaussian, as a kernel is read: against the axis.
fn difference(gaussian: &[f32; FILTER], at: usize) -> f32 {
    let of = |index: Option<usize>| index.and_then(|i| gaussian.get(i)).copied().unwrap_or(0.0);
    0.5 * (of(at.checked_sub(1)) - of(Some(at + 1)))
}

/// What an exported convolution makes of the planes, with zeros beyond the border.
pub(super) fn filtered(planes: &[f32], side: usize, kernels: &[f32]) -> Vec<f32> {
    let kernel = planes.len() / (side * side) * FILTER * FILTER;
    let outputs = kernels.len() / kernel;
    let mut result = vec![0.0; outputs * side * side];
    let outputs = result.par_chunks_exact_mut(side * side);
    let of_outputs = kernels.par_chunks_exact(kernel);
    outputs.zip(of_outputs).for_each(|(output, kernels)| {
        let inputs = planes.chunks_exact(side * side);
        for (input, kernel) in inputs.zip(kernels.chunks_exact(FILTER * FILTER)) {
            for (place, &weight) in kernel
                .iter()
                .enumerate()
                .filter(|(_, weight)| **weight != 0.0)
            {
                add_shifted(
                    output,
                    input,
                    side,
                    [place / FILTER, place % FILTER],
                    weight,
                );
            }
        }
    });
    result
}

/// Adds the plane times a weight, as the kernel's place `[row, column]` reads it.
fn add_shifted(
    output: &mut [f32],
    input: &[f32],
    side: usize,
    [row, column]: [usize; 2],
    weight: f32,
) {
    let span = |at: usize| REACH.saturating_sub(at)..side.min((side + REACH).saturating_sub(at));
    for y in span(row) {
        let from = (y + row - REACH) * side;
        let columns = span(column);
        let read = columns.start + column - REACH..columns.end + column - REACH;
        let line = &mut output[y * side..][columns];
        for (sum, value) in line.iter_mut().zip(&input[from..][read]) {
            *sum += weight * value;
        }
    }
}
