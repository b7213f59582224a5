//! A stated percentage of the part, cut from noise: the highest places, in one to three regions or
//! in as many as come.

use super::foreground::Foreground;
use super::smooth_step;
use crate::metrics::Regions;

/// Width of the soft border in deviations of the noise.
const EDGE_DEVIATIONS: f32 = 0.1;
/// Least width of the soft border in pixels, whatever the noise's slope: no staircases.
const EDGE_PX: f32 = 1.5;
/// Share of a region's rise that its border may take, so that small regions keep a top.
const EDGE_SHARE: f32 = 0.5;
/// How far the area of the largest regions may lie above the wanted one before it is trimmed.
const SURPLUS: f64 = 0.05;

/// Where something is changed, and how much of it.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    /// S x S: 1 inside, 0 outside, soft between; the foreground is not in it.
    pub(super) level: Vec<f32>,
    /// S x S: 0 at each region's border, 1 at its highest place, 0 outside.
    pub(super) rise: Vec<f32>,
    /// Number of the part's places that are covered.
    pub(super) covered: usize,
}

impl Mask {
    /// Pixels that the mask changes on the soft foreground, and how much of the change each gets.
    pub(super) fn inside(&self, foreground: &Foreground) -> Vec<(usize, f32)> {
        let levels = self.level.iter().zip(&foreground.soft).enumerate();
        levels
            .filter(|(_, (level, soft))| **level > 0.0 && **soft > 0.0)
            .map(|(i, (level, soft))| (i, level * soft))
            .collect()
    }

    /// Covers `share` of the part's places, to a pixel, with the highest values of `noise`; the
    /// `regions` largest connected ones, or all. `None` on an empty foreground.
    pub(super) fn cut(
        noise: &[f32],
        size: usize,
        foreground: &Foreground,
        share: f32,
        regions: Option<usize>,
    ) -> Option<Self> {
        let wanted = (f64::from(share) * foreground.places.len() as f64).round() as usize;
        let wanted = wanted.clamp(1, foreground.places.len().max(1));
        let cutter = Cutter::new(noise, size, foreground);
        let (chosen, threshold) = match regions {
            None => {
                let threshold = *cutter.falling.get(wanted - 1)?;
                (cutter.above(threshold), threshold)
            }
            Some(count) => cutter.largest(count, wanted)?,
        };
        let deviation = deviation(&cutter.falling);
        let covered = foreground.places.iter().filter(|&&i| chosen[i]).count();
        let found = Regions::of(&chosen, size);
        let mut peaks = vec![threshold; found.sizes.len() + 1];
        for (&label, &value) in found.labels.iter().zip(noise) {
            let peak = &mut peaks[label as usize];
            *peak = peak.max(value);
        }
        let mut mask = Self {
            level: vec![0.0; noise.len()],
            rise: vec![0.0; noise.len()],
            covered,
        };
        for i in (0..noise.len()).filter(|&i| chosen[i]) {
            let (above, whole) = (
                noise[i] - threshold,
                (peaks[found.labels[i] as usize] - threshold).max(f32::MIN_POSITIVE),
            );
            let edge = (EDGE_DEVIATIONS * deviation)
                .max(EDGE_PX * slope(noise, size, i))
                .min(EDGE_SHARE * whole)
                .max(f32::MIN_POSITIVE);
            mask.rise[i] = above / whole;
            mask.level[i] = smooth_step(above / edge);
        }
        Some(mask)
    }
}

/// Noise on the part, ready to be cut at a rank.
struct Cutter<'a> {
    noise: &'a [f32],
    size: usize,
    foreground: &'a Foreground,
    /// The values at the part's places, highest first.
    falling: Vec<f32>,
}

impl<'a> Cutter<'a> {
    fn new(noise: &'a [f32], size: usize, foreground: &'a Foreground) -> Self {
        let mut falling: Vec<f32> = foreground.places.iter().map(|&i| noise[i]).collect();
        falling.sort_unstable_by(|a, b| b.total_cmp(a));
        Self {
            noise,
            size,
            foreground,
            falling,
        }
    }

    /// All of the part from a value on, its rim included.
    fn above(&self, threshold: f32) -> Vec<bool> {
        let part = self.noise.iter().zip(&self.foreground.part);
        part.map(|(&value, &part)| part > 0.0 && value >= threshold)
            .collect()
    }

    /// The pixels of the `count` largest regions above a value, and how many places they cover.
    fn regions_above(&self, threshold: f32, count: usize) -> (Vec<bool>, usize) {
        let mut mask = self.above(threshold);
        let regions = Regions::of(&mask, self.size);
        let mut places = vec![0_usize; regions.sizes.len() + 1];
        for &i in &self.foreground.places {
            places[regions.labels[i] as usize] += 1;
        }
        let mut order: Vec<usize> = (1..places.len()).collect();
        order.sort_by_key(|&label| (std::cmp::Reverse(places[label]), label));
        order.truncate(count);
        for (chosen, &label) in mask.iter_mut().zip(&regions.labels) {
            *chosen = order.contains(&(label as usize));
        }
        (mask, order.iter().map(|&label| places[label]).sum())
    }

    /// Lowers the water until the largest regions cover what is wanted, then takes their highest
    /// places. Where regions have just run together, trimming may part them again.
    fn largest(&self, count: usize, wanted: usize) -> Option<(Vec<bool>, f32)> {
        let cut = |rank: usize| {
            let threshold = self.falling.get(rank - 1)?;
            Some(self.regions_above(*threshold, count))
        };
        let enough = |covered: usize| covered >= wanted;
        let (mut too_few, mut rank) = (wanted.saturating_sub(1), wanted);
        let (mut mask, mut covered) = cut(rank)?;
        while !enough(covered) && rank < self.falling.len() {
            (too_few, rank) = (rank, (2 * rank).min(self.falling.len()));
            (mask, covered) = cut(rank)?;
        }
        let close = |covered: usize| covered as f64 <= (1.0 + SURPLUS) * wanted as f64;
        while rank - too_few > 1 && !close(covered) {
            let middle = (rank + too_few) / 2;
            let (narrower, fewer) = cut(middle)?;
            if enough(fewer) {
                (rank, mask, covered) = (middle, narrower, fewer);
            } else {
                too_few = middle;
            }
        }
        let places = self.foreground.places.iter().filter(|&&i| mask[i]);
        let mut values: Vec<f32> = places.map(|&i| self.noise[i]).collect();
        let last = wanted.min(values.len()).checked_sub(1)?;
        let threshold = *values.select_nth_unstable_by(last, |a, b| b.total_cmp(a)).1;
        for (chosen, &value) in mask.iter_mut().zip(self.noise) {
            *chosen &= value >= threshold;
        }
        Some((mask, threshold))
    }
}

fn deviation(values: &[f32]) -> f32 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2));
    (squares.sum::<f64>() / count).sqrt() as f32
}

/// Change a pixel, from central differences.
fn slope(values: &[f32], size: usize, index: usize) -> f32 {
    let (x, y) = (index % size, index / size);
    let last = size - 1;
    let row = y * size;
    let dx = values[row + (x + 1).min(last)] - values[row + x.saturating_sub(1)];
    let dy = values[(y + 1).min(last) * size + x] - values[y.saturating_sub(1) * size + x];
    0.5 * (dx * dx + dy * dy).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twinspect_nn::Rng;

    use super::super::noise::{Noise, NoiseSpec};
    use super::super::tests::{block, relief};
    use super::*;

    proptest! {
        #[test]
        fn the_share_of_the_part_is_exact(
            seed: u64,
            share in 0.002_f32..0.08,
            regions in proptest::option::of(1_usize..4),
        ) {
            let canvas = block(128);
            let foreground = Foreground::of(&canvas, Some(&relief()), None);
            let noise = Noise::new(&NoiseSpec::draw(&mut Rng::new(seed)), 128).field();
            let mask = Mask::cut(&noise, 128, &foreground, share, regions).unwrap();
            let wanted = f64::from(share) * foreground.places.len() as f64;
            prop_assert!((mask.covered as f64 - wanted).abs() <= 1.5, "{} of {wanted}", mask.covered);
            for i in 0..noise.len() {
                prop_assert!((0.0..=1.0).contains(&mask.level[i]));
                prop_assert!((0.0..=1.0).contains(&mask.rise[i]));
                prop_assert!(mask.level[i] == 0.0 || foreground.part[i] > 0.0);
            }
            prop_assert!(mask.rise.contains(&1.0));
            prop_assert!(mask.level.contains(&1.0));
        }
    }

    #[test]
    fn two_hills_are_one_region_if_one_is_wanted() {
        let canvas = block(64);
        let foreground = Foreground::of(&canvas, Some(&relief()), None);
        let hill = |x: f32, y: f32, top: f32| top - 0.01 * (x * x + y * y).sqrt();
        let noise: Vec<f32> = (0..64 * 64)
            .map(|i| {
                let (x, y) = ((i % 64) as f32, (i / 64) as f32);
                hill(x - 24.0, y - 32.0, 0.9).max(hill(x - 40.0, y - 32.0, 0.88))
            })
            .collect();
        let count = |regions| {
            let mask = Mask::cut(&noise, 64, &foreground, 0.05, regions).unwrap();
            let covered: Vec<bool> = mask.level.iter().map(|&level| level > 0.0).collect();
            Regions::of(&covered, 64).sizes.len()
        };
        assert_eq!(count(None), 2);
        assert_eq!(count(Some(1)), 1);
    }

    #[test]
    fn an_empty_foreground_has_no_mask() {
        let mut canvas = block(64);
        canvas.height.fill(0.0);
        let foreground = Foreground::of(&canvas, Some(&relief()), None);
        let noise = vec![0.0; 64 * 64];
        for regions in [None, Some(2)] {
            assert!(Mask::cut(&noise, 64, &foreground, 0.01, regions).is_none());
        }
    }
}
