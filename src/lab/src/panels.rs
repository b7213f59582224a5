//! Views of a part that more than one kind of picture shows.

use image::{Rgb, RgbImage};
use twinspect_core::prepare::PreparedPart;

/// Where the light of the shaded height comes from: upper left, towards the camera. Unit length.
const LIGHT: [f32; 3] = [-0.5, -0.5, std::f32::consts::FRAC_1_SQRT_2];
/// Where nothing was measured.
const UNMEASURED: Rgb<u8> = Rgb([24, 26, 60]);

/// A square picture; `pixel` is asked by place, rows from the top.
pub(crate) fn picture(size: usize, pixel: impl Fn(usize) -> Rgb<u8>) -> RgbImage {
    RgbImage::from_fn(size as u32, size as u32, |x, y| {
        pixel(y as usize * size + x as usize)
    })
}

/// The derived normals, lit from the upper left, brighter the higher. `highest` in mm is white, so
/// that two pictures of a part compare.
pub(crate) fn relief(part: &PreparedPart, highest: f32) -> RgbImage {
    let pixels = part.height.len();
    picture(part.size, |place| {
        if part.valid[place] <= 0.0 {
            return UNMEASURED;
        }
        let lit: f32 = LIGHT
            .iter()
            .enumerate()
            .map(|(axis, light)| part.normals[axis * pixels + place] * light)
            .sum();
        let rise = (part.height[place] / highest).clamp(0.0, 1.0);
        let grey = (lit.clamp(0.0, 1.0) * (90.0 + 165.0 * rise)).round() as u8;
        Rgb([grey, grey, grey.saturating_add(8)])
    })
}
