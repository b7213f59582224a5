//! The pictures of a row.

use image::{Rgb, RgbImage};
use twinspect_core::prepare::{Canvas, RgbState};

use crate::panels::picture;
use crate::synth::Labels;

/// Outlines of what is visible in colour, in height, and in both at the same pixel.
const IN_RGB: Rgb<u8> = Rgb([255, 60, 200]);
const IN_GEOMETRY: Rgb<u8> = Rgb([40, 220, 255]);
const IN_BOTH: Rgb<u8> = Rgb([255, 230, 60]);

fn seen(canvas: &Canvas, place: usize) -> [f32; 3] {
    let pixels = canvas.height.len();
    std::array::from_fn(|channel| canvas.rgb[channel * pixels + place])
}

/// The colour picture.
pub(super) fn colour(canvas: &Canvas) -> RgbImage {
    picture(canvas.size, |place| {
        Rgb(seen(canvas, place).map(|level| level.round() as u8))
    })
}

/// Borders of the labels over the grey picture; over the height, if there is no colour.
pub(super) fn outlines(canvas: &Canvas, labels: &Labels) -> RgbImage {
    let size = canvas.size;
    let highest = canvas.height.iter().copied().fold(1.0, f32::max);
    let border = |marks: &[bool], place: usize| {
        let (x, y) = (place % size, place / size);
        let inner = (1..size - 1).contains(&x) && (1..size - 1).contains(&y);
        let neighbours = |step: usize| marks[place - step] && marks[place + step];
        marks[place] && !(inner && neighbours(1) && neighbours(size))
    };
    picture(size, |place| {
        let marked = (border(&labels.rgb, place), border(&labels.geometry, place));
        match marked {
            (true, true) => return IN_BOTH,
            (true, false) => return IN_RGB,
            (false, true) => return IN_GEOMETRY,
            (false, false) => {}
        }
        let grey = if canvas.rgb_state == RgbState::Usable {
            let [red, green, blue] = seen(canvas, place);
            0.299 * red + 0.587 * green + 0.114 * blue
        } else {
            255.0 * (canvas.height[place] / highest).clamp(0.0, 1.0)
        };
        Rgb([(0.8 * grey).round() as u8; 3])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::tests::block;

    #[test]
    fn outlines_are_borders_in_the_colour_of_what_sees_them() {
        let canvas = block(64);
        let square = |from: usize, to: usize| -> Vec<bool> {
            (0..64 * 64)
                .map(|i| (from..to).contains(&(i % 64)) && (from..to).contains(&(i / 64)))
                .collect()
        };
        let labels = Labels {
            rgb: square(10, 20),
            geometry: square(14, 20),
            any: square(10, 20),
        };
        let picture = outlines(&canvas, &labels);
        assert_eq!(*picture.get_pixel(10, 12), IN_RGB);
        assert_eq!(*picture.get_pixel(14, 16), IN_GEOMETRY);
        assert_eq!(*picture.get_pixel(19, 17), IN_BOTH);
        let Rgb([red, green, blue]) = *picture.get_pixel(16, 17);
        assert!(red == green && green == blue, "the inside stays grey");
    }
}
