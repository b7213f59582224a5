//! Drawing on pictures.

use image::{Rgb, RgbImage};

pub(super) const BACKGROUND: Rgb<u8> = Rgb([24, 26, 30]);
pub(super) const INK: Rgb<u8> = Rgb([230, 232, 236]);
pub(super) const FAINT: Rgb<u8> = Rgb([150, 154, 162]);
pub(super) const GREEN: Rgb<u8> = Rgb([64, 190, 110]);
pub(super) const RED: Rgb<u8> = Rgb([232, 72, 72]);
pub(super) const YELLOW: Rgb<u8> = Rgb([240, 190, 50]);

/// A rectangle of one colour, cut off at the border.
pub(super) fn fill(picture: &mut RgbImage, corner: (u32, u32), size: (u32, u32), colour: Rgb<u8>) {
    let right = (corner.0 + size.0).min(picture.width());
    let bottom = (corner.1 + size.1).min(picture.height());
    for y in corner.1..bottom {
        for x in corner.0..right {
            picture.put_pixel(x, y, colour);
        }
    }
}

/// Copies a picture into another one, cut off at the border.
pub(super) fn paste(picture: &mut RgbImage, other: &RgbImage, corner: (u32, u32)) {
    for (x, y, pixel) in other.enumerate_pixels() {
        if corner.0 + x < picture.width() && corner.1 + y < picture.height() {
            picture.put_pixel(corner.0 + x, corner.1 + y, *pixel);
        }
    }
}
