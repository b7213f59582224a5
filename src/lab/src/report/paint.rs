//! The pictures of one part: colour, shaded height, maps over them, weights, and the truth's outline.

use image::{Rgb, RgbImage};
use twinspect_core::prepare::{PrepareSpec, PreparedPart, RgbSpec, Roi};
use twinspect_dataset::Mask;

use super::heat;
use crate::panels::picture;

/// Colour of the truth's outline: neither cold nor hot, and no grey.
const TRUTH: Rgb<u8> = Rgb([255, 255, 255]);
/// Share of the map's colour over the picture below it, below and above the line.
const BLEND: [f32; 2] = [0.55, 0.75];

/// The colour picture as it was prepared.
pub(super) fn colour(part: &PreparedPart, spec: &RgbSpec) -> RgbImage {
    let pixels = part.size * part.size;
    picture(part.size, |place| {
        Rgb(std::array::from_fn(|channel| {
            let value = part.rgb[channel * pixels + place];
            let level = value * spec.std[channel] + spec.mean[channel];
            level.round().clamp(0.0, 255.0) as u8
        }))
    })
}

/// A map of S x S in units of its line over a picture of the part.
pub(super) fn scores(below: &RgbImage, map: &[f32], line: f32) -> RgbImage {
    let size = below.width() as usize;
    picture(size, |place| {
        let Rgb(seen) = below.get_pixel((place % size) as u32, (place / size) as u32);
        let [red, green, blue] = seen.map(f32::from);
        let grey = 0.299 * red + 0.587 * green + 0.114 * blue;
        // A map may be minus infinity where a modality had nothing to say.
        let score = (map[place] / line).max(0.0);
        let share = BLEND[usize::from(score >= 1.0)];
        let Rgb(heat) = heat::of_score(score);
        Rgb(heat.map(|heat| (share * f32::from(heat) + (1.0 - share) * grey).round() as u8))
    })
}

/// Height's share of the decision, S/4 x S/4, as large as the other pictures; grey where nothing is
/// inspected.
pub(super) fn weights(weights: &[f32], region: &[f32], size: usize) -> RgbImage {
    let side = weights.len().isqrt();
    picture(size, |place| {
        let at = (place / size * side / size) * side + place % size * side / size;
        if region[at] > 0.5 {
            heat::of_weight(weights[at])
        } else {
            Rgb([96; 3])
        }
    })
}

/// Draws the outline of a truth of S x S just outside of it, so that a small defect stays visible.
pub(super) fn outline(picture: &mut RgbImage, truth: &[bool]) {
    let size = picture.width() as usize;
    for place in 0..truth.len() {
        let (x, y) = (place % size, place / size);
        let beside = (x > 0 && truth[place - 1])
            || (x + 1 < size && truth[place + 1])
            || (y > 0 && truth[place - size])
            || (y + 1 < size && truth[place + size]);
        if beside && !truth[place] {
            picture.put_pixel(x as u32, y as u32, TRUTH);
        }
    }
}

/// Where the defect is on a grid of `side` x `side` over the region of interest: set where any pixel
/// of the frame under it is.
pub(super) fn truth(mask: &Mask, spec: &PrepareSpec, side: usize) -> Vec<bool> {
    let frame = mask.size();
    let roi = spec.roi.unwrap_or_else(|| Roi::whole(frame));
    let under = |index: usize, from: usize, length: usize, end: usize| {
        let first = from + index * length / side;
        first.min(end)..(from + ((index + 1) * length).div_ceil(side)).min(end)
    };
    let mut marked = vec![false; side * side];
    for (index, marked) in marked.iter_mut().enumerate() {
        let columns = under(index % side, roi.x, roi.width, frame.width);
        let mut rows = under(index / side, roi.y, roi.height, frame.height);
        *marked = rows.any(|row| {
            let row = &mask.data()[row * frame.width..][..frame.width];
            row[columns.clone()].iter().any(|&value| value != 0)
        });
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinspect_core::frame::FrameSize;

    fn mask(set: usize) -> Mask {
        let size = FrameSize {
            width: 40,
            height: 20,
        };
        let mut data = vec![0; 800];
        data[set] = 1;
        Mask::new(size, data).unwrap()
    }

    fn spec(roi: Option<Roi>) -> PrepareSpec {
        PrepareSpec {
            size: 8,
            roi,
            rgb: None,
            geometry: None,
            ground: None,
        }
    }

    #[test]
    fn a_thin_defect_survives_and_lies_where_the_frame_has_it() {
        // Column 33, row 11: of 8 x 8 over 40 x 20 that is column 6, row 4.
        let found = truth(&mask(11 * 40 + 33), &spec(None), 8);
        let set: Vec<usize> = (0..64).filter(|&place| found[place]).collect();
        assert_eq!(set, [4 * 8 + 6]);
    }

    #[test]
    fn what_lies_beyond_the_region_of_interest_is_not_shown() {
        let roi = Roi {
            x: 0,
            y: 0,
            width: 20,
            height: 20,
        };
        let found = truth(&mask(11 * 40 + 33), &spec(Some(roi)), 8);
        assert!(!found.contains(&true));
    }

    #[test]
    fn the_outline_surrounds_the_defect_and_leaves_it_free() {
        let mut picture = RgbImage::new(8, 8);
        let mut marked = vec![false; 64];
        marked[3 * 8 + 3] = true;
        marked[0] = true;
        outline(&mut picture, &marked);
        for (x, y) in [(2, 3), (4, 3), (3, 2), (3, 4), (1, 0), (0, 1)] {
            assert_eq!(*picture.get_pixel(x, y), TRUTH, "{x} {y}");
        }
        assert_eq!(*picture.get_pixel(3, 3), Rgb([0; 3]));
    }

    #[test]
    fn a_map_changes_its_colour_at_its_own_line() {
        let below = RgbImage::from_pixel(2, 1, Rgb([128; 3]));
        let below = image::imageops::resize(&below, 2, 2, image::imageops::FilterType::Nearest);
        let shown = scores(&below, &[1.9, 2.1, f32::NEG_INFINITY, 0.0], 2.0);
        assert!(shown.get_pixel(1, 0).0[0] > shown.get_pixel(0, 0).0[0] + 60);
        assert_eq!(shown.get_pixel(0, 1), shown.get_pixel(1, 1));
    }
}
