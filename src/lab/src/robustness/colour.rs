//! What light and lens do to the colour picture.

use twinspect_core::blur::Gaussian;
use twinspect_core::frame::{FrameError, RgbFrame};
use twinspect_nn::Rng;

/// Share of the light that the deepest shadow takes.
const SHADOW_DEPTH: f32 = 0.4;
/// Width of the shadow's edge over the picture's diagonal.
const SHADOW_EDGE: f32 = 0.25;

/// Values times a factor for each colour. Nothing is clipped but at white, as in a camera.
pub(super) fn gain(rgb: &RgbFrame, factors: [f32; 3]) -> Result<RgbFrame, FrameError> {
    let pixels = rgb.data().chunks_exact(3);
    let values = pixels.flat_map(|pixel| {
        let gained = pixel.iter().zip(factors);
        gained.map(|(&value, factor)| to_byte(f32::from(value) * factor))
    });
    RgbFrame::new(rgb.size(), values.collect())
}

/// A straight, soft edge through the middle at a random angle; one side of it lies in the shade.
pub(super) fn shadow(rgb: &RgbFrame, rng: &mut Rng) -> Result<RgbFrame, FrameError> {
    let size = rgb.size();
    let (sin, cos) = rng.uniform_in(0.0, std::f32::consts::TAU).sin_cos();
    let (width, height) = (size.width as f32, size.height as f32);
    let edge = SHADOW_EDGE * width.hypot(height);
    let pixels = rgb.data().chunks_exact(3).enumerate();
    let values = pixels.flat_map(|(index, pixel)| {
        let (x, y) = ((index % size.width) as f32, (index / size.width) as f32);
        let across = (x - width / 2.0) * cos + (y - height / 2.0) * sin;
        let share = (across / edge + 0.5).clamp(0.0, 1.0);
        let light = 1.0 - SHADOW_DEPTH * share * share * (3.0 - 2.0 * share);
        pixel
            .iter()
            .map(move |&value| to_byte(f32::from(value) * light))
    });
    RgbFrame::new(size, values.collect())
}

/// A lens that is slightly out of focus.
pub(super) fn blur(rgb: &RgbFrame, sigma_px: f32) -> Result<RgbFrame, FrameError> {
    let size = rgb.size();
    let mut gaussian = Gaussian::new(sigma_px, size.width, size.height);
    let mut blurred = vec![0; rgb.data().len()];
    let mut smooth = vec![0.0; size.pixels()];
    for channel in 0..3 {
        let plane: Vec<f32> = rgb
            .data()
            .iter()
            .skip(channel)
            .step_by(3)
            .map(|&value| f32::from(value))
            .collect();
        gaussian.apply(&plane, &mut smooth);
        for (target, value) in blurred.iter_mut().skip(channel).step_by(3).zip(&smooth) {
            *target = to_byte(*value);
        }
    }
    RgbFrame::new(size, blurred)
}

/// The picture moved to the right; the left border's pixels go on.
pub(super) fn shift(rgb: &RgbFrame, columns: usize) -> Result<RgbFrame, FrameError> {
    let size = rgb.size();
    let rows = rgb.data().chunks_exact(3 * size.width);
    let values = rows.flat_map(|row| {
        (0..size.width).flat_map(move |x| {
            let from = 3 * x.saturating_sub(columns);
            row[from..from + 3].iter().copied()
        })
    });
    RgbFrame::new(size, values.collect())
}

fn to_byte(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
