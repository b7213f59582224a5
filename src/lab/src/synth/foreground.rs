//! Where a part is: what may be changed, and how its surface leans.

use twinspect_core::blur::Gaussian;
use twinspect_core::prepare::{Canvas, DepthState, GroundContrast, GroundSpec, RgbState};

use super::sensor::Relief;
use super::{pixels_at, smooth_step};

/// Pixels of 256 that the foreground is eroded by, and the deviation of its soft border. Depth
/// reaches a pixel or two beyond a part's colour.
const ERODED_PX: f32 = 3.0;
const FEATHER_PX: f32 = 3.0;
/// Smoothed shares of the eroded foreground at which the soft one begins and is whole: two thirds
/// of a deviation on either side of a straight edge. Left as it is, a Gaussian would reach the belt.
const FEATHER: (f32, f32) = (0.25, 0.75);
/// Soft foreground from which on a pixel counts as a place of the part.
const PLACE: f32 = 0.5;
/// Least component of a surface's normal towards the camera. Walls that the camera hardly sees
/// would otherwise move by any amount.
const LEAN_MIN: f32 = 0.3;
/// The part's height is this percentile of its places' heights.
const HEIGHT_PERCENTILE: usize = 95;

/// The part on one canvas.
#[derive(Debug, Clone)]
pub(super) struct Foreground {
    /// S x S: 1 on the part, 0 on the belt, soft between. All ones if neither height nor colour tells.
    pub(super) part: Vec<f32>,
    /// S x S: the same, eroded and feathered, and never more than `part`.
    pub(super) soft: Vec<f32>,
    /// Pixels that certainly belong to the part: percentages are of their number.
    pub(super) places: Vec<usize>,
    /// S x S: component of the surface's unit normal towards the camera, from 0.3 to 1.
    pub(super) lean: Vec<f32>,
    /// Height of the part above the belt in mm; 0 without depth.
    pub(super) height_mm: f32,
}

impl Foreground {
    /// From the smoothed height or, without depth, from the contrast to the ground, at preparation's limits. Without
    /// either everything is foreground.
    pub(super) fn of(
        canvas: &Canvas,
        relief: Option<&Relief>,
        ground: Option<&GroundSpec>,
    ) -> Self {
        match (relief, ground) {
            (Some(relief), _) if canvas.depth_state == DepthState::Usable => {
                Self::by_height(canvas, relief)
            }
            (_, Some(ground)) if canvas.rgb_state == RgbState::Usable => {
                Self::by_colour(canvas, ground)
            }
            _ => Self::everywhere(canvas.size * canvas.size),
        }
    }

    fn by_height(canvas: &Canvas, relief: &Relief) -> Self {
        let size = canvas.size;
        let smoothed = |sigma_px: f32| {
            let mut smoothed = vec![0.0; size * size];
            Gaussian::new(sigma_px, size, size).apply(&canvas.height, &mut smoothed);
            smoothed
        };
        let surface = smoothed(relief.surface_px);
        let part = standing_out(&smoothed(relief.outline_px), relief.foreground_mm);
        let flat = Self::on(part, size);
        let mut heights: Vec<f32> = flat.places.iter().map(|&i| surface[i]).collect();
        let height_mm = if heights.is_empty() {
            0.0
        } else {
            let rank = (heights.len() * HEIGHT_PERCENTILE / 100).min(heights.len() - 1);
            *heights.select_nth_unstable_by(rank, f32::total_cmp).1
        };
        Self {
            lean: lean(&surface, size, canvas.pitch_mm),
            height_mm,
            ..flat
        }
    }

    fn by_colour(canvas: &Canvas, ground: &GroundSpec) -> Self {
        let mut contrast = GroundContrast::new(canvas.size);
        let contrast = contrast.against(canvas, ground.seen(canvas));
        Self::on(standing_out(contrast, ground.contrast), canvas.size)
    }

    fn everywhere(pixels: usize) -> Self {
        Self {
            part: vec![1.0; pixels],
            soft: vec![1.0; pixels],
            places: (0..pixels).collect(),
            lean: vec![1.0; pixels],
            height_mm: 0.0,
        }
    }

    /// Of a flat part.
    fn on(part: Vec<f32>, size: usize) -> Self {
        let pixels = size * size;
        let certain: Vec<f32> = eroded(&part, size);
        let mut soft = vec![0.0; pixels];
        Gaussian::new(pixels_at(FEATHER_PX, size), size, size).apply(&certain, &mut soft);
        for (soft, part) in soft.iter_mut().zip(&part) {
            let (from, to) = FEATHER;
            *soft = part * smooth_step((*soft - from) / (to - from));
        }
        let places: Vec<usize> = (0..pixels).filter(|&i| soft[i] >= PLACE).collect();
        Self {
            part,
            soft,
            places,
            lean: vec![1.0; pixels],
            height_mm: 0.0,
        }
    }
}

/// 1 where a place certainly belongs to the part, 0 where it stands out by half of that.
fn standing_out(values: &[f32], whole: f32) -> Vec<f32> {
    let half = 0.5 * whole;
    let ramp = |value: &f32| smooth_step((value - half) / (whole - half));
    values.iter().map(ramp).collect()
}

/// 1 where all of the square around a pixel is more part than belt.
fn eroded(part: &[f32], size: usize) -> Vec<f32> {
    let radius = pixels_at(ERODED_PX, size).round() as usize;
    let inside: Vec<f32> = part
        .iter()
        .map(|&p| f32::from(u8::from(p >= 0.5)))
        .collect();
    let least = |values: &[f32], at: usize, step: usize, index: usize, count: usize| {
        let (from, to) = (
            index.saturating_sub(radius),
            (index + radius).min(count - 1),
        );
        (from..=to).fold(1.0_f32, |least, other| {
            least.min(values[at + other * step - index * step])
        })
    };
    let rows: Vec<f32> = (0..inside.len())
        .map(|i| least(&inside, i, 1, i % size, size))
        .collect();
    (0..rows.len())
        .map(|i| least(&rows, i, size, i / size, size))
        .collect()
}

/// From central differences; `pitch` in mm a pixel.
fn lean(surface: &[f32], size: usize, pitch: (f32, f32)) -> Vec<f32> {
    let last = size - 1;
    let at = |x: usize, y: usize| surface[y * size + x];
    (0..surface.len())
        .map(|i| {
            let (x, y) = (i % size, i / size);
            let dx = at((x + 1).min(last), y) - at(x.saturating_sub(1), y);
            let dy = at(x, (y + 1).min(last)) - at(x, y.saturating_sub(1));
            let (dx, dy) = (0.5 * dx / pitch.0, 0.5 * dy / pitch.1);
            (1.0 / (1.0 + dx * dx + dy * dy).sqrt()).max(LEAN_MIN)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{block, relief};
    use super::*;

    #[test]
    fn a_block_is_found_without_its_rim() {
        let canvas = block(64);
        let foreground = Foreground::of(&canvas, Some(&relief()), None);
        assert!((foreground.height_mm - 10.0).abs() < 0.2);
        let middle = 32 * 64 + 32;
        assert!(foreground.soft[middle] > 0.99 && foreground.part[0] == 0.0);
        for (soft, part) in foreground.soft.iter().zip(&foreground.part) {
            assert!(soft <= part);
        }
        // The block covers 32 x 32 pixels.
        assert!((800..1100).contains(&foreground.places.len()));
        assert!(foreground.lean[middle] > 0.95);
        assert!(
            foreground
                .lean
                .iter()
                .all(|&lean| (LEAN_MIN..=1.0).contains(&lean))
        );
    }

    #[test]
    fn without_depth_a_part_is_what_differs_from_its_ground() {
        let mut canvas = block(64);
        canvas.depth_state = DepthState::Absent;
        canvas.rgb_state = RgbState::Usable;
        for (i, value) in canvas.rgb.iter_mut().enumerate() {
            let (x, y) = (i % 64, i % 4096 / 64);
            let inside = (16..48).contains(&x) && (16..48).contains(&y);
            *value = if inside { 60.0 } else { 180.0 };
        }
        let ground = GroundSpec {
            colour: [180.0; 3],
            contrast: 40.0,
            part_share_min: 0.0,
        };
        let foreground = Foreground::of(&canvas, None, Some(&ground));
        assert!((800..1024).contains(&foreground.places.len()));
        assert_eq!((foreground.part[0], foreground.soft[0]), (0.0, 0.0));
        assert_eq!(foreground.height_mm, 0.0);
    }

    #[test]
    fn without_depth_everything_is_foreground() {
        let mut canvas = block(64);
        canvas.depth_state = DepthState::Absent;
        let foreground = Foreground::of(&canvas, None, None);
        assert_eq!(foreground.places.len(), 64 * 64);
        assert!(foreground.soft.iter().all(|&soft| soft == 1.0));
    }
}
