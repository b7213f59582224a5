//! What differs between good parts and is no defect: light, focus, noise, holes, a slight tilt.
//! Nothing of it is labelled.

use twinspect_core::blur::Gaussian;
use twinspect_core::prepare::{Canvas, DepthState, RgbState};
use twinspect_nn::Rng;

use super::foreground::Foreground;
use super::mask::Mask;
use super::noise::{Noise, NoiseSpec};
use super::pixels_at;
use super::sensor::Relief;

/// How often each distractor is there.
const OFTEN: f64 = 0.5;
/// Change of brightness, and of each channel against the others.
const GAIN: f32 = 0.10;
const BALANCE: f32 = 0.04;
/// Depth of a soft shadow.
const SHADOW: f32 = 0.05;
/// Largest deviation of the blur, in pixels of 256.
const BLUR_PX: f32 = 0.8;
/// Largest noise of depth over the sensor's usual one.
const DEPTH_NOISE: f32 = 1.5;
/// Largest share of the part without depth values.
const HOLES: f32 = 0.05;
/// Largest tilt of the part on the belt.
const TILT_DEG: f32 = 0.3;

/// One set of distractors; [`Distractors::default`] does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Distractors {
    /// Change of each channel: brightness and white balance together.
    gain: [f32; 3],
    shadow: Option<NoiseSpec>,
    /// Deviation in pixels of 256.
    blur_px: f32,
    /// Deviation of the noise that is added, over the sensor's.
    depth_noise: f32,
    holes: Option<(NoiseSpec, f32)>,
    /// Slopes along x and y.
    tilt: [f32; 2],
    seed: u64,
}

impl Distractors {
    /// Each of them is there half of the time.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut distractors = Self::default();
        let there = |rng: &mut Rng| rng.uniform() < OFTEN;
        if there(rng) {
            let all = rng.uniform_in(-GAIN, GAIN);
            distractors.gain = [all; 3];
        }
        if there(rng) {
            for gain in &mut distractors.gain {
                *gain += rng.uniform_in(-BALANCE, BALANCE);
            }
        }
        if there(rng) {
            let cells = 1 + rng.below(2);
            distractors.shadow = Some(NoiseSpec::of([cells, cells], 1, rng));
        }
        if there(rng) {
            distractors.blur_px = rng.uniform_in(0.0, BLUR_PX);
        }
        if there(rng) {
            // Variances add.
            let whole = rng.uniform_in(1.0, DEPTH_NOISE);
            distractors.depth_noise = (whole * whole - 1.0).max(0.0).sqrt();
        }
        if there(rng) {
            distractors.holes = Some((NoiseSpec::draw(rng), rng.uniform_in(0.0, HOLES)));
        }
        if there(rng) {
            let slope = rng.uniform_in(0.0, TILT_DEG).to_radians().tan();
            let (sin, cos) = rng.uniform_in(0.0, std::f32::consts::TAU).sin_cos();
            distractors.tilt = [slope * cos, slope * sin];
        }
        distractors.seed = rng.next_u64();
        distractors
    }

    /// Changes a canvas. Holes are filled as preparation fills them.
    pub(crate) fn apply(
        &self,
        canvas: &mut Canvas,
        foreground: &Foreground,
        relief: Option<&Relief>,
    ) {
        if canvas.rgb_state == RgbState::Usable {
            self.light(canvas);
        }
        if let Some(relief) = relief.filter(|_| canvas.depth_state == DepthState::Usable) {
            self.depth(canvas, foreground, relief);
        }
    }

    fn light(&self, canvas: &mut Canvas) {
        let (pixels, size) = (canvas.height.len(), canvas.size);
        let shadow = self.shadow.map(|shadow| Noise::new(&shadow, size).field());
        let lit = |i: usize| 1.0 + SHADOW * shadow.as_ref().map_or(0.0, |shadow| shadow[i]);
        if shadow.is_some() || self.gain != [0.0; 3] {
            for (channel, gain) in canvas.rgb.chunks_exact_mut(pixels).zip(self.gain) {
                for (i, value) in channel.iter_mut().enumerate() {
                    *value = (*value * (1.0 + gain) * lit(i)).clamp(0.0, 255.0);
                }
            }
        }
        if self.blur_px > 0.0 {
            let mut gaussian = Gaussian::new(pixels_at(self.blur_px, size), size, size);
            let mut blurred = vec![0.0; pixels];
            for channel in canvas.rgb.chunks_exact_mut(pixels) {
                gaussian.apply(channel, &mut blurred);
                channel.copy_from_slice(&blurred);
            }
        }
    }

    fn depth(&self, canvas: &mut Canvas, foreground: &Foreground, relief: &Relief) {
        let size = canvas.size;
        if self.tilt != [0.0; 2] {
            // The belt is found anew on each frame, so only the part can seem tilted.
            let middle = 0.5 * (size as f32 - 1.0);
            let (along_x, along_y) = (
                self.tilt[0] * canvas.pitch_mm.0,
                self.tilt[1] * canvas.pitch_mm.1,
            );
            for (i, height) in canvas.height.iter_mut().enumerate() {
                let (x, y) = ((i % size) as f32 - middle, (i / size) as f32 - middle);
                *height += foreground.part[i] * (along_x * x + along_y * y);
            }
        }
        if self.depth_noise > 0.0 {
            let mut rng = Rng::new(self.seed);
            let deviation = f64::from(self.depth_noise * relief.noise_mm);
            for height in &mut canvas.height {
                *height += (deviation * rng.normal()) as f32;
            }
        }
        if let Some((noise, share)) = &self.holes {
            let noise = Noise::new(noise, size).field();
            let mask = Mask::cut(&noise, size, foreground, *share, None);
            for (i, level) in mask.iter().flat_map(|mask| mask.level.iter().enumerate()) {
                if level * foreground.soft[i] >= 0.5 {
                    canvas.valid[i] = 0.0;
                }
            }
        }
        let changed = self.depth_noise > 0.0 || self.tilt != [0.0; 2] || self.holes.is_some();
        if changed && canvas.valid.contains(&0.0) {
            canvas.fill_holes();
        }
    }
}
