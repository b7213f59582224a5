//! The measured belt: what is flat, what is not, and where parts could be looked at.

use image::{Rgb, RgbImage};
use twinspect_core::prepare::Roi;
use twinspect_core::survey::{BELT_INLIER_MM, BeltSurvey};

use super::canvas::{BACKGROUND, FAINT, GREEN, INK, fill};
use super::font;

/// Heights at both ends of the scale, in mm: twice of what is still the belt.
const SCALE_MM: f32 = 2.0 * BELT_INLIER_MM as f32;
/// Of the belt's plane itself, and of what lies at the lower and the upper end of the scale.
const EVEN: [f32; 3] = [200.0, 202.0, 206.0];
const LOW: [f32; 3] = [30.0, 70.0, 190.0];
const HIGH: [f32; 3] = [200.0, 40.0, 40.0];
/// Width of the region's outline.
const LINE: u32 = 2;
/// Below the picture: lines of text, and a bar with the scale.
const MARGIN: u32 = 8;
const ROW: u32 = font::HEIGHT + 6;
const BAR: (u32, u32) = (120, 10);
/// Wide enough for the text.
const WIDTH_MIN: u32 = 330;

/// Each pixel by its height above the plane: blue below it, red above it, dark where there is no depth; the proposed
/// region is outlined.
pub(crate) fn belt(survey: &BeltSurvey) -> RgbImage {
    let surface = &survey.surface;
    let (width, height) = (surface.size.width as u32, surface.size.height as u32);
    let foot = 2 * MARGIN + 3 * ROW;
    let mut picture = RgbImage::from_pixel(width.max(WIDTH_MIN), height + foot, BACKGROUND);
    let columns = surface.size.width.max(1);
    for (at, height_mm) in surface.heights_mm.iter().enumerate() {
        let (x, y) = ((at % columns) as u32, (at / columns) as u32);
        if let Some(height_mm) = height_mm {
            picture.put_pixel(x, y, colour(*height_mm));
        }
    }
    if let Some(proposal) = survey.roi {
        outline(&mut picture, proposal.roi);
    }
    let text = |row: u32| (MARGIN, height + MARGIN + row * ROW);
    let tilt = survey.tilt_deg();
    let belt = format!("BELT {:.1} MM AWAY, TILT {tilt:.1}", survey.distance_mm());
    font::write(&mut picture, text(0), &belt, INK);
    let (region, ink) = match survey.roi {
        Some(proposal) => (
            format!(
                "REGION {} X {}, EVEN TO {:.2} MM",
                proposal.roi.width, proposal.roi.height, proposal.unevenness_mm
            ),
            GREEN,
        ),
        None => ("NO REGION IS FLAT AND MEASURED".to_owned(), FAINT),
    };
    font::write(&mut picture, text(1), &region, ink);
    scale(&mut picture, text(2));
    picture
}

fn colour(height_mm: f32) -> Rgb<u8> {
    let share = (height_mm / SCALE_MM).clamp(-1.0, 1.0);
    let end = if share < 0.0 { LOW } else { HIGH };
    Rgb(std::array::from_fn(|channel| {
        (EVEN[channel] + share.abs() * (end[channel] - EVEN[channel])).round() as u8
    }))
}

fn outline(picture: &mut RgbImage, roi: Roi) {
    let (x, y) = (roi.x as u32, roi.y as u32);
    let (width, height) = (roi.width as u32, roi.height as u32);
    let (right, bottom) = (
        (x + width).saturating_sub(LINE),
        (y + height).saturating_sub(LINE),
    );
    fill(picture, (x, y), (width, LINE), GREEN);
    fill(picture, (x, bottom), (width, LINE), GREEN);
    fill(picture, (x, y), (LINE, height), GREEN);
    fill(picture, (right, y), (LINE, height), GREEN);
}

/// From below the belt to above it, and where there is nothing.
fn scale(picture: &mut RgbImage, corner: (u32, u32)) {
    let (width, height) = BAR;
    for column in 0..width {
        let share = (column as f32 + 0.5) / width as f32;
        let colour = colour(SCALE_MM * (2.0 * share - 1.0));
        fill(picture, (corner.0 + column, corner.1), (1, height), colour);
    }
    let words = format!("-{SCALE_MM:.0} TO {SCALE_MM:.0} MM ABOVE IT. DARK: NO DEPTH");
    font::write(
        picture,
        (corner.0 + width + MARGIN, corner.1),
        &words,
        FAINT,
    );
}

#[cfg(test)]
mod tests {
    use twinspect_core::frame::FrameSize;
    use twinspect_core::plane::Plane;
    use twinspect_core::survey::{BeltSurface, RoiProposal};

    use super::*;

    fn survey(roi: Option<Roi>) -> BeltSurvey {
        let size = FrameSize {
            width: 40,
            height: 30,
        };
        // Even, but for a column that lies low, one that stands high, and one without a depth.
        let heights_mm = (0..size.pixels()).map(|at| match at % size.width {
            0 => Some(-9.0),
            1 => Some(9.0),
            2 => None,
            _ => Some(0.0),
        });
        BeltSurvey {
            frames: 30,
            belt: Plane {
                normal: [0.0, 0.0, -1.0],
                offset_mm: -431.2,
            },
            measured_share: 0.975,
            noise_mm: Some(0.4),
            is_still: false,
            noise_floor_mm: Some(0.3),
            spread_mm: [1.0; 12],
            roi: roi.map(|roi| RoiProposal {
                roi,
                share: 0.5,
                unevenness_mm: 0.1,
            }),
            surface: BeltSurface {
                size,
                heights_mm: heights_mm.collect(),
            },
        }
    }

    #[test]
    fn what_is_uneven_and_what_is_unmeasured_can_be_told() {
        let picture = belt(&survey(None));
        let at = |x| *picture.get_pixel(x, 15);
        assert_eq!(at(0), Rgb(LOW.map(|value| value as u8)));
        assert_eq!(at(1), Rgb(HIGH.map(|value| value as u8)));
        assert_eq!(at(2), BACKGROUND);
        assert_eq!(at(3), Rgb(EVEN.map(|value| value as u8)));
        assert!(picture.pixels().all(|pixel| *pixel != GREEN));
    }

    #[test]
    fn the_region_is_outlined_where_it_is() {
        let roi = Roi {
            x: 5,
            y: 4,
            width: 20,
            height: 10,
        };
        let picture = belt(&survey(Some(roi)));
        for corner in [(5, 4), (24, 4), (5, 13), (24, 13), (14, 5), (23, 9)] {
            assert_eq!(*picture.get_pixel(corner.0, corner.1), GREEN, "{corner:?}");
        }
        for beside in [(4, 4), (25, 9), (14, 14), (14, 9)] {
            assert_ne!(*picture.get_pixel(beside.0, beside.1), GREEN, "{beside:?}");
        }
    }
}
