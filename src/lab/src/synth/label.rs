//! What can be seen of a change: labels say nothing of what was meant.

use twinspect_core::prepare::{Canvas, MAP_STRIDE};

use super::pixels_at;

/// Change of any channel, of 255, from which on a pixel looks different.
pub(super) const COLOUR_STEP: f32 = 0.03 * 255.0;
/// Change of height in deviations of the sensor.
pub(super) const HEIGHT_SIGMAS: f32 = 2.0;
/// Pixels of 256 x 256 below which a part counts as good.
pub(super) const PIXELS_MIN: f32 = 12.0;

/// Pixels that look different, S x S.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Labels {
    /// In colour.
    pub(crate) rgb: Vec<bool>,
    /// In height, where it was measured.
    pub(crate) geometry: Vec<bool>,
    /// In either.
    pub(crate) any: Vec<bool>,
}

impl Labels {
    /// Compares a part with what was made of it. Fewer than 12 pixels (at S = 256) are none.
    pub(super) fn between(good: &Canvas, made: &Canvas, noise_mm: Option<f32>) -> Self {
        let pixels = good.height.len();
        let step = |i: usize| {
            (0..3)
                .map(|channel| channel * pixels + i)
                .map(|at| (made.rgb[at] - good.rgb[at]).abs())
                .fold(0.0, f32::max)
        };
        let rgb: Vec<bool> = (0..pixels).map(|i| step(i) > COLOUR_STEP).collect();
        let least_mm = noise_mm.map_or(f32::MAX, |noise| HEIGHT_SIGMAS * noise);
        let moved = |i: usize| (made.height[i] - good.height[i]).abs();
        let geometry: Vec<bool> = (0..pixels)
            .map(|i| good.valid[i] > 0.0 && moved(i) > least_mm)
            .collect();
        let any: Vec<bool> = rgb.iter().zip(&geometry).map(|(&c, &g)| c || g).collect();
        let labels = Self { rgb, geometry, any };
        if (labels.area() as f32) < pixels_at(1.0, good.size).powi(2) * PIXELS_MIN {
            return Self::none(pixels);
        }
        labels
    }

    fn none(pixels: usize) -> Self {
        Self {
            rgb: vec![false; pixels],
            geometry: vec![false; pixels],
            any: vec![false; pixels],
        }
    }

    /// Labelled pixels.
    pub(crate) fn area(&self) -> usize {
        count(&self.any)
    }

    /// Whether anything is labelled.
    pub(crate) fn is_defective(&self) -> bool {
        self.any.contains(&true)
    }
}

/// S x S marks to the share of marked pixels under each pixel of S/4 x S/4.
pub(crate) fn shares(marks: &[bool], size: usize) -> Vec<f32> {
    let side = size / MAP_STRIDE;
    let mut shares = vec![0.0; side * side];
    for (y, row) in marks.chunks_exact(size).enumerate() {
        for x in (0..size).filter(|&x| row[x]) {
            shares[y / MAP_STRIDE * side + x / MAP_STRIDE] += 1.0;
        }
    }
    let whole = (MAP_STRIDE * MAP_STRIDE) as f32;
    shares.iter_mut().for_each(|share| *share /= whole);
    shares
}

/// Marked pixels.
pub(super) fn count(marks: &[bool]) -> usize {
    marks.iter().filter(|&&marked| marked).count()
}

#[cfg(test)]
mod tests {
    use super::super::tests::block;
    use super::*;

    /// Labels of a 256 x 256 part of which `pixels` were changed by `colour` and `height`.
    fn labels(pixels: usize, colour: f32, height: f32) -> Labels {
        let good = block(256);
        let mut made = good.clone();
        for i in 0..pixels {
            made.rgb[2 * 65536 + 30000 + i] += colour;
            made.height[30000 + i] -= height;
        }
        Labels::between(&good, &made, Some(0.1))
    }

    #[test]
    fn labels_are_what_the_thresholds_say() {
        let found = labels(40, 7.7, 0.19);
        assert_eq!(
            (count(&found.rgb), count(&found.geometry), found.area()),
            (40, 0, 40)
        );
        let found = labels(40, 7.6, 0.21);
        assert_eq!(
            (count(&found.rgb), count(&found.geometry), found.area()),
            (0, 40, 40)
        );
        assert!(found.any[30000] && !found.any[29999]);
        assert!(!labels(40, 7.6, 0.19).is_defective());
    }

    #[test]
    fn shares_count_the_marks_under_a_map_pixel() {
        let mut marks = vec![false; 64];
        for i in [0, 9, 31, 36] {
            marks[i] = true;
        }
        assert_eq!(shares(&marks, 8), [0.125, 0.0625, 0.0, 0.0625]);
    }

    #[test]
    fn eleven_pixels_are_none_and_twelve_are() {
        assert!(!labels(11, 50.0, 5.0).is_defective());
        assert_eq!(labels(12, 50.0, 5.0).area(), 12);
    }

    #[test]
    fn height_that_was_not_measured_is_not_labelled() {
        let mut good = block(256);
        good.valid[30000..30020].fill(0.0);
        let mut made = good.clone();
        made.height[30000..30040].fill(3.0);
        assert_eq!(
            count(&Labels::between(&good, &made, Some(0.1)).geometry),
            20
        );
        assert_eq!(Labels::between(&good, &made, None).area(), 0);
    }
}
