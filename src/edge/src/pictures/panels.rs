//! The views of a part: colour, shaded height, map, and the weight where a network fuses both senses.

use image::{Rgb, RgbImage};

use super::canvas::BACKGROUND;
use super::colour_map;
use super::snapshot::Snapshot;

/// Where the light of the shaded view comes from: upper left, towards the camera. Unit length.
const LIGHT: [f32; 3] = [-0.5, -0.5, std::f32::consts::FRAC_1_SQRT_2];
/// Colour of a contour.
const CONTOUR: Rgb<u8> = Rgb([255, 60, 200]);
/// Share of the map's colour over the colour picture, below and above the line.
const BLEND: (f32, f32) = (0.55, 0.75);

fn picture(snapshot: &Snapshot, pixel: impl Fn(usize) -> Rgb<u8>) -> RgbImage {
    let size = snapshot.size();
    RgbImage::from_fn(size as u32, size as u32, |x, y| {
        pixel(y as usize * size + x as usize)
    })
}

fn seen(snapshot: &Snapshot, place: usize) -> [u8; 3] {
    [
        snapshot.rgb[3 * place],
        snapshot.rgb[3 * place + 1],
        snapshot.rgb[3 * place + 2],
    ]
}

/// The colour picture as it was prepared.
pub(super) fn colour(snapshot: &Snapshot) -> RgbImage {
    picture(snapshot, |place| Rgb(seen(snapshot, place)))
}

/// Height as relief: lit from the upper left, brighter the higher; nothing where nothing was
/// measured.
pub(super) fn relief(snapshot: &Snapshot) -> RgbImage {
    let pixels = snapshot.size() * snapshot.size();
    let highest = snapshot.height.iter().copied().fold(1.0_f32, f32::max);
    picture(snapshot, |place| {
        if snapshot.valid[place] <= 0.0 {
            return BACKGROUND;
        }
        // Normals point to the camera or away from it, as their maker likes; light does not care.
        let axis = |axis: usize| snapshot.normals[axis * pixels + place];
        let towards = if axis(2) < 0.0 { -1.0 } else { 1.0 };
        let lit: f32 = (0..3)
            .map(|index| towards * axis(index) * LIGHT[index])
            .sum();
        let rise = (snapshot.height[place] / highest).clamp(0.0, 1.0);
        let grey = (lit.clamp(0.0, 1.0) * (130.0 + 125.0 * rise)).round() as u8;
        Rgb([grey, grey, grey.saturating_add(8)])
    })
}

/// Scores over the grey picture.
pub(super) fn map(snapshot: &Snapshot) -> RgbImage {
    picture(snapshot, |place| {
        let score = snapshot.score[place];
        let [red, green, blue] = seen(snapshot, place).map(f32::from);
        let grey = 0.299 * red + 0.587 * green + 0.114 * blue;
        let share = if score < 1.0 { BLEND.0 } else { BLEND.1 };
        let Rgb(heat) = colour_map::colour(score);
        Rgb(heat.map(|heat| (share * f32::from(heat) + (1.0 - share) * grey).round() as u8))
    })
}

/// Height's share of the decision: white where height alone decided, black where colour did.
pub(super) fn weight(snapshot: &Snapshot, weights: &[f32]) -> RgbImage {
    let size = snapshot.size();
    let side = weights.len().isqrt();
    picture(snapshot, |place| {
        let (x, y) = (place % size * side / size, place / size * side / size);
        let grey = (255.0 * weights[y * side + x].clamp(0.0, 1.0)).round() as u8;
        Rgb([grey; 3])
    })
}

/// Draws the border of every region over the line: its pixels with a neighbour below the line.
pub(super) fn outline(picture: &mut RgbImage, snapshot: &Snapshot) {
    let size = snapshot.size();
    for y in 0..size {
        for x in 0..size {
            let inside = snapshot.is_over(Some(x), Some(y));
            let surrounded = snapshot.is_over(x.checked_sub(1), Some(y))
                && snapshot.is_over(Some(x + 1), Some(y))
                && snapshot.is_over(Some(x), y.checked_sub(1))
                && snapshot.is_over(Some(x), Some(y + 1));
            if inside && !surrounded {
                picture.put_pixel(x as u32, y as u32, CONTOUR);
            }
        }
    }
}
