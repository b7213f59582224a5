//! Loops that sum, always in the same order.
//!
//! Sums per channel keep [`LANES`] channels in registers while they walk the pixels of a row; adding into memory pixel by
//! pixel would be bound by the latency from store to load.

use super::dispatched;

/// Channels summed side by side.
const LANES: usize = 32;

/// A slice's first `LANES` values as an array that stays in registers.
#[inline(always)]
fn lanes(values: &[f32]) -> [f32; LANES] {
    std::array::from_fn(|i| values[..LANES][i])
}

dispatched! {
    /// Adds the sum over a row's pixels to `sum`, per channel.
    fn sum_channels(row: &[f32], sum: &mut [f32]) {
        let c = sum.len();
        let whole = c - c % LANES;
        for first in (0..whole).step_by(LANES) {
            let mut total = [0.0; LANES];
            for pixel in row.chunks_exact(c) {
                let x = lanes(&pixel[first..]);
                for i in 0..LANES {
                    total[i] += x[i];
                }
            }
            for i in 0..LANES {
                sum[first + i] += total[i];
            }
        }
        if whole < c {
            let mut total = [0.0; LANES];
            for pixel in row.chunks_exact(c) {
                for (total, x) in total.iter_mut().zip(&pixel[whole..]) {
                    *total += x;
                }
            }
            for (sum, total) in sum[whole..].iter_mut().zip(&total) {
                *sum += total;
            }
        }
    }

    /// Adds the sum over a row's pixels of `x * y` to `sum`, per channel.
    fn sum_products(x: &[f32], y: &[f32], sum: &mut [f32]) {
        let c = sum.len();
        let whole = c - c % LANES;
        for first in (0..whole).step_by(LANES) {
            let mut total = [0.0; LANES];
            for (x, y) in x.chunks_exact(c).zip(y.chunks_exact(c)) {
                let (x, y) = (lanes(&x[first..]), lanes(&y[first..]));
                for i in 0..LANES {
                    total[i] += x[i] * y[i];
                }
            }
            for i in 0..LANES {
                sum[first + i] += total[i];
            }
        }
        if whole < c {
            let mut total = [0.0; LANES];
            for (x, y) in x.chunks_exact(c).zip(y.chunks_exact(c)) {
                for ((total, x), y) in total.iter_mut().zip(&x[whole..]).zip(&y[whole..]) {
                    *total += x * y;
                }
            }
            for (sum, total) in sum[whole..].iter_mut().zip(&total) {
                *sum += total;
            }
        }
    }

    /// Adds the squared deviations of a row's pixels from `mean` to `sum`, per channel.
    fn sum_squared_deviations(row: &[f32], mean: &[f32], sum: &mut [f32]) {
        let c = sum.len();
        let whole = c - c % LANES;
        for first in (0..whole).step_by(LANES) {
            let (mut total, mean) = ([0.0; LANES], lanes(&mean[first..]));
            for pixel in row.chunks_exact(c) {
                let x = lanes(&pixel[first..]);
                for i in 0..LANES {
                    let deviation = x[i] - mean[i];
                    total[i] += deviation * deviation;
                }
            }
            for i in 0..LANES {
                sum[first + i] += total[i];
            }
        }
        if whole < c {
            let mut total = [0.0; LANES];
            for pixel in row.chunks_exact(c) {
                for ((total, x), mean) in total.iter_mut().zip(&pixel[whole..]).zip(&mean[whole..]) {
                    *total += (x - mean) * (x - mean);
                }
            }
            for (sum, total) in sum[whole..].iter_mut().zip(&total) {
                *sum += total;
            }
        }
    }

    /// With `g = grad` where `scale * x + shift > floor`, else 0: adds, per channel and over a row's pixels, `g` to `sum`
    /// and `g * (x - mean)` to `moment`.
    fn sum_gradients(row: &[f32], grad: &[f32], input: &super::GradientSums<'_>, sum: &mut [f32], moment: &mut [f32]) {
        let c = sum.len();
        let whole = c - c % LANES;
        for first in (0..whole).step_by(LANES) {
            let (mut total, mut product) = ([0.0; LANES], [0.0; LANES]);
            let (scale, shift) = (lanes(&input.scale[first..]), lanes(&input.shift[first..]));
            let mean = lanes(&input.mean[first..]);
            for (x, g) in row.chunks_exact(c).zip(grad.chunks_exact(c)) {
                let (x, g) = (lanes(&x[first..]), lanes(&g[first..]));
                for i in 0..LANES {
                    let g = if x[i] * scale[i] + shift[i] > input.floor { g[i] } else { 0.0 };
                    total[i] += g;
                    product[i] += g * (x[i] - mean[i]);
                }
            }
            for i in 0..LANES {
                sum[first + i] += total[i];
                moment[first + i] += product[i];
            }
        }
        if whole < c {
            let (mut total, mut product) = ([0.0; LANES], [0.0; LANES]);
            for (x, g) in row.chunks_exact(c).zip(grad.chunks_exact(c)) {
                for i in whole..c {
                    let g = if x[i] * input.scale[i] + input.shift[i] > input.floor { g[i] } else { 0.0 };
                    total[i - whole] += g;
                    product[i - whole] += g * (x[i] - input.mean[i]);
                }
            }
            for i in whole..c {
                sum[i] += total[i - whole];
                moment[i] += product[i - whole];
            }
        }
    }

    /// `sum x*y`, `sum x*x`, `sum y*y`. Blocks of values are summed in f32, the blocks in f64.
    fn dot_products(x: &[f32], y: &[f32]) -> [f64; 3] {
        let mut totals = [0.0f64; 3];
        for (x, y) in x.chunks(BLOCK).zip(y.chunks(BLOCK)) {
            let mut sums = [[0.0f32; WIDTH]; 3];
            let (xs, ys) = (x.chunks_exact(WIDTH), y.chunks_exact(WIDTH));
            let (rest_x, rest_y) = (xs.remainder(), ys.remainder());
            for (x, y) in xs.zip(ys) {
                for i in 0..WIDTH {
                    sums[0][i] += x[i] * y[i];
                    sums[1][i] += x[i] * x[i];
                    sums[2][i] += y[i] * y[i];
                }
            }
            for (i, (x, y)) in rest_x.iter().zip(rest_y).enumerate() {
                sums[0][i] += x * y;
                sums[1][i] += x * x;
                sums[2][i] += y * y;
            }
            for (total, sums) in totals.iter_mut().zip(&sums) {
                *total += sums.iter().map(|&s| f64::from(s)).sum::<f64>();
            }
        }
        totals
    }

    /// `sum x*x`, summed as in [`dot_products`].
    fn sum_of_squares(x: &[f32]) -> f64 {
        let mut total = 0.0f64;
        for x in x.chunks(BLOCK) {
            let mut sums = [0.0f32; WIDTH];
            let xs = x.chunks_exact(WIDTH);
            let rest = xs.remainder();
            for x in xs {
                for i in 0..WIDTH {
                    sums[i] += x[i] * x[i];
                }
            }
            for (sum, x) in sums.iter_mut().zip(rest) {
                *sum += x * x;
            }
            total += sums.iter().map(|&s| f64::from(s)).sum::<f64>();
        }
        total
    }

    /// `sum (a*x - b*y)^2`: the squared distance of two scaled vectors, without cancellation.
    fn squared_distance(x: &[f32], a: f32, y: &[f32], b: f32) -> f32 {
        let mut sums = [0.0f32; WIDTH];
        let (xs, ys) = (x.chunks_exact(WIDTH), y.chunks_exact(WIDTH));
        let (rest_x, rest_y) = (xs.remainder(), ys.remainder());
        for (x, y) in xs.zip(ys) {
            for i in 0..WIDTH {
                let d = a * x[i] - b * y[i];
                sums[i] += d * d;
            }
        }
        for ((sum, x), y) in sums.iter_mut().zip(rest_x).zip(rest_y) {
            let d = a * x - b * y;
            *sum += d * d;
        }
        sums.iter().sum()
    }
}

/// Values summed in f32 before f64 takes over.
const BLOCK: usize = 4096;
/// Values summed side by side within a vector.
const WIDTH: usize = 16;

/// Per-channel input of [`sum_gradients`].
pub(crate) struct GradientSums<'a> {
    pub(crate) scale: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) mean: &'a [f32],
    pub(crate) floor: f32,
}
