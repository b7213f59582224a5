//! A second family of defects, for validation only: what is tuned or stopped on it has not learnt
//! the generator of the method. Pasted patches, Gaussian dents and bumps, and
//! scratches; no gradient noise, no percentage.

use twinspect_core::prepare::Canvas;
use twinspect_nn::Rng;

use super::foreground::Foreground;
use super::mask::Mask;
use super::sensor::Relief;
use super::shape::{Displaced, bounded, push};
use super::texture::{Sources, Style, Texture, TextureSpec};
use super::{pixels_at, smooth_step};

/// How often a defect is a scratch.
const SCRATCHES: f64 = 0.35;
/// Half axes of a patch in pixels of 256.
const HALF_AXIS_PX: (f32, f32) = (5.0, 20.0);
/// Length of a scratch, half its width, and how far its middle leaves the straight line, in pixels
/// of 256.
const LENGTH_PX: (f32, f32) = (24.0, 110.0);
const HALF_WIDTH_PX: (f32, f32) = (0.8, 2.0);
const BEND_PX: f32 = 12.0;
/// Straight pieces that a scratch is drawn of.
const PIECES: usize = 12;
/// Soft border of a patch in pixels of 256.
const BORDER_PX: f32 = 2.0;
/// Brightness of a pasted patch, and of a scratch, over the original's.
const PATCH_GAIN: (f32, f32) = (0.7, 1.3);
const DARK_SCRATCH: (f32, f32) = (0.45, 0.75);
const BRIGHT_SCRATCH: (f32, f32) = (1.3, 1.8);
/// Dents and bumps in mm along the normal, before they are clamped to what the sensor can show.
const AMPLITUDE_MM: (f32, f32) = (0.6, 3.0);

/// What determines a defect of this family; lengths in pixels of 256.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct HeldOutDefect {
    /// Which of the part's places is its middle, from 0 to 1.
    place: f64,
    /// Angle in radians.
    turn: f32,
    outline: Outline,
    /// Factor of brightness.
    gain: f32,
    /// What a patch shows.
    patch: TextureSpec,
    /// Signed: dents are negative.
    amplitude_mm: f32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Outline {
    Ellipse {
        half_axes: [f32; 2],
    },
    Rectangle {
        half_axes: [f32; 2],
    },
    Scratch {
        length: f32,
        half_width: f32,
        bend: f32,
    },
}

impl HeldOutDefect {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let scratched = rng.uniform() < SCRATCHES;
        let outline = if scratched {
            Outline::Scratch {
                length: rng.uniform_in(LENGTH_PX.0, LENGTH_PX.1),
                half_width: rng.uniform_in(HALF_WIDTH_PX.0, HALF_WIDTH_PX.1),
                bend: rng.uniform_in(-BEND_PX, BEND_PX),
            }
        } else {
            let half_axes = [0; 2].map(|_| rng.uniform_in(HALF_AXIS_PX.0, HALF_AXIS_PX.1));
            if rng.uniform() < 0.5 {
                Outline::Ellipse { half_axes }
            } else {
                Outline::Rectangle { half_axes }
            }
        };
        let gain = match (scratched, rng.uniform() < 0.5) {
            (false, _) => PATCH_GAIN,
            (true, true) => DARK_SCRATCH,
            (true, false) => BRIGHT_SCRATCH,
        };
        let sign = if rng.uniform() < 0.5 { -1.0 } else { 1.0 };
        Self {
            place: rng.uniform(),
            turn: rng.uniform_in(0.0, std::f32::consts::PI),
            outline,
            gain: rng.uniform_in(gain.0, gain.1),
            patch: TextureSpec {
                style: Style::Patch,
                seed: rng.next_u64(),
            },
            amplitude_mm: sign * rng.uniform_in(AMPLITUDE_MM.0, AMPLITUDE_MM.1),
        }
    }

    /// The outline, and as `rise` the profile of a dent.
    pub(super) fn mask(&self, size: usize, foreground: &Foreground) -> Option<Mask> {
        let last = foreground.places.len().checked_sub(1)?;
        let rank = (self.place * foreground.places.len() as f64) as usize;
        let middle = foreground.places[rank.min(last)];
        let (x0, y0) = ((middle % size) as f32, (middle / size) as f32);
        let (sin, cos) = self.turn.sin_cos();
        let unit = pixels_at(1.0, size);
        let (level, rise): (Vec<f32>, Vec<f32>) = (0..size * size)
            .map(|i| {
                let (dx, dy) = ((i % size) as f32 - x0, (i / size) as f32 - y0);
                let (u, v) = (cos * dx + sin * dy, cos * dy - sin * dx);
                self.outline.profile(u / unit, v / unit)
            })
            .unzip();
        let covered = foreground
            .places
            .iter()
            .filter(|&&i| level[i] >= 0.5)
            .count();
        Some(Mask {
            level,
            rise,
            covered,
        })
    }

    pub(super) fn colour(
        &self,
        canvas: &mut Canvas,
        foreground: &Foreground,
        mask: &Mask,
        sources: &Sources<'_>,
    ) -> &'static str {
        let (pixels, size) = (canvas.height.len(), canvas.size);
        let inside = mask.inside(foreground);
        let patch = match self.outline {
            Outline::Scratch { .. } => None,
            _ if sources.parts.is_empty() => None,
            _ => inside
                .get(inside.len() / 2)
                .map(|&(anchor, _)| Texture::new(&self.patch, size, anchor, foreground, sources)),
        };
        for &(i, amount) in &inside {
            let own = std::array::from_fn(|channel| canvas.rgb[channel * pixels + i]);
            let shown = patch.as_ref().map_or(own, |patch| patch.at(i, size));
            for (channel, shown) in shown.into_iter().enumerate() {
                let value = &mut canvas.rgb[channel * pixels + i];
                *value += amount * (self.gain * shown - *value);
                *value = value.clamp(0.0, 255.0);
            }
        }
        match self.outline {
            Outline::Scratch { .. } => "scratch",
            _ => "pasted patch",
        }
    }

    pub(super) fn shape(
        &self,
        canvas: &mut Canvas,
        foreground: &Foreground,
        mask: &Mask,
        relief: &Relief,
    ) -> Option<(&'static str, Displaced)> {
        let sign = self.amplitude_mm.signum();
        let rise = mask.rise.iter().zip(&foreground.soft);
        let field: Vec<f32> = rise.map(|(rise, soft)| sign * rise * soft).collect();
        let amplitude = bounded(self.amplitude_mm.abs(), relief);
        let displaced = push(canvas, foreground, &field, amplitude, relief)?;
        let name = match (self.outline, sign > 0.0) {
            (Outline::Scratch { .. }, true) => "ridge",
            (Outline::Scratch { .. }, false) => "groove",
            (_, true) => "Gaussian bump",
            (_, false) => "Gaussian dent",
        };
        Some((name, displaced))
    }
}

impl Outline {
    /// How much of the colour and of the dent there is at a place, in pixels of 256 from the middle.
    fn profile(&self, u: f32, v: f32) -> (f32, f32) {
        match *self {
            Self::Ellipse { half_axes } | Self::Rectangle { half_axes } => {
                let [a, b] = half_axes;
                let (p, q) = ((u / a).abs(), (v / b).abs());
                let radius = (p * p + q * q).sqrt();
                let reach = match self {
                    Self::Rectangle { .. } => p.max(q),
                    _ => radius,
                };
                let level = smooth_step((1.0 - reach) * a.min(b) / BORDER_PX);
                // A Gaussian whose deviation is half of the half axes, lowered to end at 0.
                let end = (-4.5_f32).exp();
                let dent = ((-2.0 * radius * radius).exp() - end).max(0.0) / (1.0 - end);
                (level, dent)
            }
            Self::Scratch {
                length,
                half_width,
                bend,
            } => {
                if u.abs() > 0.5 * length + 8.0 || v.abs() > bend.abs() + 8.0 {
                    return (0.0, 0.0);
                }
                let point = |piece: usize| {
                    let s = piece as f32 / PIECES as f32 - 0.5;
                    [s * length, bend * (1.0 - 4.0 * s * s)]
                };
                let pieces = (0..PIECES).map(|piece| [point(piece), point(piece + 1)]);
                let near = pieces.fold(f32::MAX, |near, ends| near.min(distance([u, v], ends)));
                let line = smooth_step(0.5 + (half_width - near) / 1.5);
                // A groove is as wide again as its mark, or no sensor would see it.
                let wide = 2.0 * half_width + 1.0;
                let groove = (-0.5 * (near / wide).powi(2)).exp();
                (line, if near < 3.0 * wide { groove } else { 0.0 })
            }
        }
    }
}

/// From a point to a straight piece.
fn distance([x, y]: [f32; 2], [[x0, y0], [x1, y1]]: [[f32; 2]; 2]) -> f32 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy).max(f32::MIN_POSITIVE);
    let along = along.clamp(0.0, 1.0);
    let (ex, ey) = (x - x0 - along * dx, y - y0 - along * dy);
    (ex * ex + ey * ey).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ellipse_is_whole_in_the_middle_and_ends_at_its_half_axes() {
        let ellipse = Outline::Ellipse {
            half_axes: [10.0, 20.0],
        };
        let (level, dent) = ellipse.profile(0.0, 0.0);
        assert!(level == 1.0 && (dent - 1.0).abs() < 1e-6);
        assert_eq!(ellipse.profile(10.0, 0.0).0, 0.0);
        // A quarter of the border inside: 3/16 - 2/64.
        assert!((ellipse.profile(0.0, 19.0).0 - 0.156_25).abs() < 1e-5);
        // One deviation along the long axis: exp(-1/2), but for the lowered foot.
        assert!((ellipse.profile(0.0, 10.0).1 - (-0.5_f32).exp()).abs() < 0.01);
        let rectangle = Outline::Rectangle {
            half_axes: [10.0, 20.0],
        };
        assert_eq!(rectangle.profile(7.9, 15.0).0, 1.0);
    }

    #[test]
    fn a_scratch_follows_its_bend() {
        let scratch = Outline::Scratch {
            length: 60.0,
            half_width: 1.0,
            bend: 9.0,
        };
        assert!(scratch.profile(0.0, 9.0).0 > 0.9);
        assert_eq!(scratch.profile(0.0, 0.0).0, 0.0);
        assert!(scratch.profile(30.0, 0.0).0 > 0.9 && scratch.profile(-30.0, 0.0).0 > 0.9);
        assert_eq!(scratch.profile(60.0, 0.0), (0.0, 0.0));
        let (_, groove) = scratch.profile(0.0, 12.0);
        assert!((0.4..0.75).contains(&groove), "{groove}");
    }

    #[test]
    fn distances_are_to_the_piece_and_not_to_its_line() {
        let piece = [[0.0, 0.0], [4.0, 0.0]];
        assert_eq!(distance([2.0, 3.0], piece), 3.0);
        assert_eq!(distance([7.0, 4.0], piece), 5.0);
        assert_eq!(distance([3.0, 4.0], [[0.0, 0.0]; 2]), 5.0);
    }
}
