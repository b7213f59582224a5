//! What the depth sensor can show of a product: its noise, measured on the bare belt.

use twinspect_core::blur::Gaussian;
use twinspect_core::prepare::{BANK_SCALES, Canvas, DepthState, GeometrySpec};

/// Smoothed heights that may still be the bare belt, in mm, under the finest and coarsest Gaussian.
const BARE_MM: [f32; 2] = [1.0, 0.8];
/// Parts that the noise is measured on; more would not change it.
const PARTS_MAX: usize = 16;
/// Fewer belt pixels say nothing about the noise.
const PIXELS_MIN: usize = 100;
/// A depth camera's usual noise in mm, for parts that hide the belt everywhere.
const USUAL_NOISE_MM: f32 = 0.2;
/// Depth counts finer than any camera's noise; keeps amplitudes above zero on ideal data.
const NOISE_MIN_MM: f32 = 1e-3;

/// What shapes are measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Relief {
    /// Standard deviation in mm of one pixel of the canvas on the bare belt, sigma_z.
    pub(crate) noise_mm: f32,
    /// Height in mm from which on a place certainly belongs to the part.
    pub(super) foreground_mm: f32,
    /// Gaussians in pixels under which a part's outline and its surface are looked at: the bank's
    /// finest, which moves the outline least, and the one of preparation's normals.
    pub(super) outline_px: f32,
    pub(super) surface_px: f32,
}

impl Relief {
    /// Of a product, from its good parts as preparation placed them.
    pub(crate) fn measure(spec: &GeometrySpec, canvases: &[Canvas]) -> Self {
        Self {
            noise_mm: noise_mm(&spec.bank.sigma_px, canvases),
            foreground_mm: spec.foreground_mm,
            outline_px: spec.bank.sigma_px[0],
            surface_px: spec.bank.sigma_px[1],
        }
    }
}

/// 1.4826 times the median distance to the median height: a part's foot among the belt's pixels
/// doesn't move it. The bank's own spread is smaller, as it is taken after smoothing, and says what
/// an area shows; what one pixel shows is asked here.
fn noise_mm(sigmas_px: &[f32; BANK_SCALES], canvases: &[Canvas]) -> f32 {
    let mut heights = Vec::new();
    for canvas in canvases.iter().take(PARTS_MAX) {
        if canvas.depth_state != DepthState::Usable {
            continue;
        }
        let smoothed = [sigmas_px[0], sigmas_px[BANK_SCALES - 1]].map(|sigma| {
            let mut smoothed = vec![0.0; canvas.height.len()];
            Gaussian::new(sigma, canvas.size, canvas.size).apply(&canvas.height, &mut smoothed);
            smoothed
        });
        let bare = |i: &usize| {
            canvas.valid[*i] > 0.0
                && smoothed
                    .iter()
                    .zip(BARE_MM)
                    .all(|(heights, most)| heights[*i].abs() < most)
        };
        heights.extend(
            (0..canvas.height.len())
                .filter(bare)
                .map(|i| canvas.height[i]),
        );
    }
    if heights.len() < PIXELS_MIN {
        return USUAL_NOISE_MM;
    }
    let middle = median(&mut heights);
    for height in &mut heights {
        *height = (*height - middle).abs();
    }
    (1.4826 * median(&mut heights)).max(NOISE_MIN_MM)
}

fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::super::tests::block;
    use super::*;

    #[test]
    fn the_belts_noise_is_found_beside_a_part() {
        let found = noise_mm(&[0.6, 1.2, 2.4, 4.8], &[block(128)]);
        assert!((found - 0.1).abs() < 0.01, "{found}");
    }

    #[test]
    fn a_hidden_belt_leaves_the_usual_noise() {
        let mut canvas = block(64);
        canvas.height.fill(5.0);
        assert_eq!(noise_mm(&[0.3, 0.6, 1.2, 2.4], &[canvas]), USUAL_NOISE_MM);
        assert_eq!(noise_mm(&[0.3, 0.6, 1.2, 2.4], &[]), USUAL_NOISE_MM);
    }
}
