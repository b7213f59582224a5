//! The fixed geometry teacher: height, slope and curvature in mm at four Gaussian scales.
//! No weights, the same for every product, readable by a person.
//!
//! Per scale of standard deviation `s` (pixels of the S x S picture), with `g` the smoothed height:
//! `g`, `s |grad g|` and `s^2 laplace g`, all in mm, averaged over 4 x 4 pixels. Scales three and
//! four are computed on the picture halved once and twice: their smoothing leaves nothing there
//! that the coarser grid could miss.

use super::spec::{BANK_CHANNELS, BankSpec, MAP_STRIDE};
use crate::blur::Gaussian;

/// The bank for one size, with its scratch pictures.
#[derive(Debug, Clone)]
pub struct Bank {
    size: usize,
    levels: [Level; 4],
}

#[derive(Debug, Clone)]
struct Level {
    /// Side of this level's grid.
    side: usize,
    /// Standard deviation that the level stands for, in its own pixels.
    sigma: f32,
    gaussian: Gaussian,
    smooth: Vec<f32>,
    /// The finer level's picture, halved; unused where the grid stays the same.
    halved: Vec<f32>,
}

impl Bank {
    /// For S x S heights, S a multiple of 32.
    pub fn new(spec: &BankSpec, size: usize) -> Self {
        let level = |index: usize| {
            let halvings = index.saturating_sub(1);
            let (side, pitch) = (size >> halvings, (1 << halvings) as f32);
            let target = spec.sigma_px[index];
            let before = if index == 0 {
                0.0
            } else {
                spec.sigma_px[index - 1]
            };
            // Variances add: what the finer level and the averaging of 2 x 2 pixels have done already.
            let averaged = if halvings > 0 {
                (pitch * pitch - pitch * pitch / 4.0) / 12.0
            } else {
                0.0
            };
            let missing = (target * target - before * before - averaged)
                .max(0.0)
                .sqrt()
                / pitch;
            Level {
                side,
                sigma: target / pitch,
                gaussian: Gaussian::new(missing, side, side),
                smooth: vec![0.0; side * side],
                halved: vec![0.0; if halvings > 0 { side * side } else { 0 }],
            }
        };
        Self {
            size,
            levels: [level(0), level(1), level(2), level(3)],
        }
    }

    /// Writes the twelve channels in mm, each `S/4 x S/4`, for a height map without holes.
    pub fn responses(&mut self, height: &[f32], channels: &mut [f32]) {
        let cell = self.size / MAP_STRIDE;
        for (index, planes) in channels.chunks_exact_mut(3 * cell * cell).enumerate() {
            let (finer, this) = self.levels.split_at_mut(index);
            let level = &mut this[0];
            match finer.last() {
                None => level.gaussian.apply(height, &mut level.smooth),
                Some(finer) if finer.side == level.side => {
                    level.gaussian.apply(&finer.smooth, &mut level.smooth);
                }
                Some(finer) => {
                    halve(&finer.smooth, finer.side, &mut level.halved);
                    level.gaussian.apply(&level.halved, &mut level.smooth);
                }
            }
            level.describe(cell, planes);
        }
    }

    /// The second scale's smoothed height at full size, as [`Bank::responses`] left it.
    pub(super) fn surface(&self) -> &[f32] {
        &self.levels[1].smooth
    }
}

/// `2 sign(q) ln(1 + |q| / 2)` of each channel over its spread: linear near the noise, so that a
/// part's edge doesn't drown it.
pub fn compress(spec: &BankSpec, channels: &mut [f32]) {
    let plane = channels.len() / BANK_CHANNELS;
    for (values, spread) in channels.chunks_exact_mut(plane).zip(spec.spread_mm) {
        for value in values {
            let q = *value / spread;
            *value = (2.0 * (0.5 * q.abs()).ln_1p()).copysign(q);
        }
    }
}

fn halve(source: &[f32], side: usize, target: &mut [f32]) {
    let half = side / 2;
    for (y, line) in target.chunks_exact_mut(half).enumerate() {
        let (upper, lower) = source[2 * y * side..][..2 * side].split_at(side);
        for ((value, a), b) in line
            .iter_mut()
            .zip(upper.chunks_exact(2))
            .zip(lower.chunks_exact(2))
        {
            *value = 0.25 * (a[0] + a[1] + b[0] + b[1]);
        }
    }
}

impl Level {
    /// Averages height, slope and curvature over the map's cells of `side / cell` pixels squared.
    fn describe(&self, cell: usize, planes: &mut [f32]) {
        let (side, block) = (self.side, self.side / cell);
        let share = 1.0 / (block * block) as f32;
        let (slope_unit, curvature_unit) =
            (0.5 * self.sigma * share, self.sigma * self.sigma * share);
        planes.fill(0.0);
        let (heights, rest) = planes.split_at_mut(cell * cell);
        let (slopes, curvatures) = rest.split_at_mut(cell * cell);
        for y in 0..side {
            let row = &self.smooth[y * side..][..side];
            let above = &self.smooth[y.saturating_sub(1) * side..][..side];
            let below = &self.smooth[(y + 1).min(side - 1) * side..][..side];
            let at = y / block * cell;
            for x in 0..side {
                let (left, right) = (row[x.saturating_sub(1)], row[(x + 1).min(side - 1)]);
                let (dx, dy) = (right - left, below[x] - above[x]);
                let laplacian = left + right + above[x] + below[x] - 4.0 * row[x];
                let index = at + x / block;
                heights[index] += share * row[x];
                slopes[index] += slope_unit * (dx * dx + dy * dy).sqrt();
                curvatures[index] += curvature_unit * laplacian;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> BankSpec {
        BankSpec {
            sigma_px: BankSpec::sigmas(256),
            spread_mm: [1.0; BANK_CHANNELS],
        }
    }

    fn responses(height: impl Fn(f32, f32) -> f32) -> Vec<f32> {
        let map: Vec<f32> = (0..256 * 256)
            .map(|i| height((i % 256) as f32 - 127.5, (i / 256) as f32 - 127.5))
            .collect();
        let mut channels = vec![f32::NAN; BANK_CHANNELS * 64 * 64];
        Bank::new(&spec(), 256).responses(&map, &mut channels);
        channels
    }

    /// Mean of one channel over the four cells in the middle.
    fn middle(channels: &[f32], channel: usize) -> f32 {
        let at = |y: usize, x: usize| channels[channel * 64 * 64 + y * 64 + x];
        0.25 * (at(31, 31) + at(31, 32) + at(32, 31) + at(32, 32))
    }

    #[test]
    fn a_plane_has_height_and_slope_but_no_curvature() {
        let channels = responses(|x, y| 4.0 + 0.03 * x - 0.04 * y);
        for (scale, sigma) in BankSpec::sigmas(256).into_iter().enumerate() {
            assert!(
                (middle(&channels, 3 * scale) - 4.0).abs() < 1e-3,
                "height at scale {scale}"
            );
            let slope = middle(&channels, 3 * scale + 1);
            assert!(
                (slope - 0.05 * sigma).abs() < 0.02 * 0.05 * sigma,
                "slope {slope} at scale {scale}"
            );
            assert!(
                middle(&channels, 3 * scale + 2).abs() < 1e-2,
                "curvature at scale {scale}"
            );
        }
    }

    #[test]
    fn a_gaussian_bump_answers_as_the_formula_says() {
        // A bump of standard deviation b smoothed with s has peak a b^2/(b^2+s^2) and there
        // s^2 laplace = -2 s^2/(b^2+s^2) times the peak.
        let (amplitude, b) = (2.0_f32, 12.0_f32);
        let channels = responses(|x, y| amplitude * (-(x * x + y * y) / (2.0 * b * b)).exp());
        for (scale, s) in BankSpec::sigmas(256).into_iter().enumerate() {
            let peak = amplitude * b * b / (b * b + s * s);
            let curvature = -2.0 * s * s / (b * b + s * s) * peak;
            let found = (
                middle(&channels, 3 * scale),
                middle(&channels, 3 * scale + 2),
            );
            assert!(
                (found.0 - peak).abs() < 0.05 * amplitude,
                "{found:?}, expected peak {peak}"
            );
            let tolerance = 0.15 * curvature.abs();
            assert!(
                (found.1 - curvature).abs() < tolerance,
                "{found:?}, expected {curvature}"
            );
        }
    }

    #[test]
    fn compression_is_odd_and_linear_at_the_noise() {
        let mut channels = vec![0.0; BANK_CHANNELS];
        (channels[0], channels[1], channels[2]) = (0.1, -0.1, 200.0);
        compress(&spec(), &mut channels);
        assert!((channels[0] - 0.0976).abs() < 1e-3 && channels[0] == -channels[1]);
        assert!((channels[2] - 2.0 * 101.0_f32.ln()).abs() < 1e-4);
    }
}
