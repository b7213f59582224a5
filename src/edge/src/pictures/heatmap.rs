//! One part: colour, shaded height and map side by side, regions outlined, caption above; where a
//! network fuses both senses, whom it believed.

use image::RgbImage;

use super::canvas::{BACKGROUND, FAINT, INK, paste};
use super::snapshot::Snapshot;
use super::{font, panels};

const MARGIN: u32 = 8;
const LINE: u32 = font::HEIGHT + 6;

/// Draws a part. Without depth the height panel stays dark.
pub(crate) fn heatmap(snapshot: &Snapshot, title: &str, caption: &str) -> RgbImage {
    let side = snapshot.size() as u32;
    let weight = snapshot.weight.as_deref();
    let panels = 3 + u32::from(weight.is_some());
    let width = panels * (side + MARGIN) + MARGIN;
    let top = MARGIN + 2 * LINE;
    let mut picture = RgbImage::from_pixel(width, top + side + LINE + MARGIN, BACKGROUND);
    font::write(&mut picture, (MARGIN, MARGIN), title, INK);
    font::write(&mut picture, (MARGIN, MARGIN + LINE), caption, INK);
    let views = [
        ("colour", panels::colour(snapshot)),
        ("height above the belt", panels::relief(snapshot)),
        ("score, 1.0 = the line", panels::map(snapshot)),
    ];
    let weight = weight.map(|weights| ("weight of height", panels::weight(snapshot, weights)));
    for (place, (name, mut view)) in (0..).zip(views.into_iter().chain(weight)) {
        panels::outline(&mut view, snapshot);
        let left = MARGIN + place * (side + MARGIN);
        paste(&mut picture, &view, (left, top));
        font::write(&mut picture, (left, top + side + 6), name, FAINT);
    }
    picture
}
