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

/// Colour, map and, where there is depth, shaded height of a part, side by side and without any words: whoever
/// shows it has words of its own.
pub(crate) fn strip(snapshot: &Snapshot) -> RgbImage {
    let side = snapshot.size() as u32;
    let mut views = vec![panels::colour(snapshot), panels::map(snapshot)];
    if snapshot.has_depth() {
        views.push(panels::relief(snapshot));
    }
    let mut picture = RgbImage::from_pixel(views.len() as u32 * side, side, BACKGROUND);
    for (place, mut view) in (0..).zip(views) {
        panels::outline(&mut view, snapshot);
        paste(&mut picture, &view, (place * side, 0));
    }
    picture
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use twinspect_core::prepare::{PrepareSpec, PreparedPart};

    use super::*;

    #[test]
    fn a_fourth_panel_shows_whom_a_network_believed() {
        let spec = PrepareSpec {
            size: 64,
            roi: None,
            rgb: None,
            geometry: None,
            ground: None,
        };
        let part = PreparedPart::new(&spec);
        let draw = |fuses| {
            let mut snapshot = Snapshot::new(&spec, fuses);
            let mut weights = vec![0.0; 16 * 16];
            weights[5 * 16 + 9] = 1.0;
            snapshot.keep(&part, std::iter::repeat_n(0.0, 64 * 64), Some(&weights));
            heatmap(&snapshot, "part", "PASS 0.00")
        };
        let (three, four) = (draw(false), draw(true));
        assert_eq!(four.width(), three.width() + 64 + MARGIN);
        assert_eq!(four.height(), three.height());
        let at = |x: u32, y: u32| *four.get_pixel(three.width() + x, MARGIN + 2 * LINE + y);
        assert_eq!(at(4 * 9, 4 * 5), Rgb([255; 3]));
        assert_eq!(at(4 * 9 + 3, 4 * 5 + 3), Rgb([255; 3]));
        assert_eq!(at(4 * 9 + 4, 4 * 5), Rgb([0; 3]));
    }
}
