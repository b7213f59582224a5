//! What a defect does to colour: a gain that follows the noise, or a texture whose statistics are
//! aligned with the part's.

use twinspect_core::prepare::Canvas;
use twinspect_nn::Rng;

use super::foreground::Foreground;
use super::mask::Mask;
use super::texture::{Sources, Texture, TextureSpec};

/// Gain or loss of brightness at the top of the noise.
const STRENGTH: (f32, f32) = (0.10, 0.60);
/// Share of the strength at a mask's border; the rest follows the noise.
const STRENGTH_FLOOR: f32 = 0.5;
/// How much stronger or weaker each channel changes.
const CHANNEL: f32 = 0.2;
/// Opacity of a texture.
const OPACITY: (f32, f32) = (0.3, 1.0);
/// Shift of a texture's mean, in the part's deviations.
const SHIFT: f32 = 0.5;
/// The largest gain of a texture's contrast.
const CONTRAST_MAX: f32 = 4.0;
/// Least deviation that a texture is aligned to, of 255: on a part of one colour it would vanish.
const DEVIATION_MIN: f32 = 12.0;
/// Places that statistics are taken over, at most.
const SAMPLES: usize = 1500;

/// A change of colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Tint {
    /// `I' = I (1 + strength n m)`, n from one half to 1.
    Gain {
        /// Signed.
        strength: f32,
        /// Factor of each channel.
        channels: [f32; 3],
    },
    /// `I' = I + opacity m (X' - I)` with the aligned texture X'.
    Texture {
        texture: TextureSpec,
        /// In deviations of the part's channels.
        shift: [f32; 3],
        opacity: f32,
    },
}

impl Tint {
    pub(super) fn draw(sources: &Sources<'_>, rng: &mut Rng) -> Self {
        if rng.uniform() < 0.5 {
            let sign = if rng.uniform() < 0.5 { -1.0 } else { 1.0 };
            Self::Gain {
                strength: sign * rng.uniform_in(STRENGTH.0, STRENGTH.1),
                channels: [0; 3].map(|_| rng.uniform_in(1.0 - CHANNEL, 1.0 + CHANNEL)),
            }
        } else {
            Self::Texture {
                texture: TextureSpec::draw(sources, rng),
                shift: [0; 3].map(|_| rng.uniform_in(-SHIFT, SHIFT)),
                opacity: rng.uniform_in(OPACITY.0, OPACITY.1),
            }
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Gain { strength, .. } if *strength < 0.0 => "darker",
            Self::Gain { .. } => "brighter",
            Self::Texture { texture, .. } => texture.style.name(),
        }
    }

    /// Changes a canvas inside the mask and the soft foreground.
    pub(super) fn apply(
        &self,
        canvas: &mut Canvas,
        foreground: &Foreground,
        mask: &Mask,
        sources: &Sources<'_>,
    ) {
        let (pixels, size) = (canvas.height.len(), canvas.size);
        let inside = mask.inside(foreground);
        match self {
            Self::Gain { strength, channels } => {
                for &(i, amount) in &inside {
                    let rise = STRENGTH_FLOOR + (1.0 - STRENGTH_FLOOR) * mask.rise[i];
                    for (channel, factor) in channels.iter().enumerate() {
                        let value = &mut canvas.rgb[channel * pixels + i];
                        let gain = 1.0 + strength * factor * rise * amount;
                        *value = (*value * gain).clamp(0.0, 255.0);
                    }
                }
            }
            Self::Texture {
                texture,
                shift,
                opacity,
            } => {
                let Some(&(anchor, _)) = inside.get(inside.len() / 2) else {
                    return;
                };
                let texture = Texture::new(texture, size, anchor, foreground, sources);
                let aligned = Alignment::of(canvas, foreground, &texture, shift);
                for &(i, amount) in &inside {
                    let drawn = texture.at(i, size);
                    for (channel, drawn) in drawn.into_iter().enumerate() {
                        let value = &mut canvas.rgb[channel * pixels + i];
                        let wanted = aligned.channel(channel, drawn);
                        *value += opacity * amount * (wanted - *value);
                        *value = value.clamp(0.0, 255.0);
                    }
                }
            }
        }
    }
}

/// `X' = (X - mean_X) gain + mean_I + shift`, channel by channel; both statistics over the part.
struct Alignment {
    from: [f32; 3],
    gain: [f32; 3],
    to: [f32; 3],
}

impl Alignment {
    fn of(
        canvas: &Canvas,
        foreground: &Foreground,
        texture: &Texture<'_>,
        shift: &[f32; 3],
    ) -> Self {
        let pixels = canvas.height.len();
        let step = foreground.places.len().div_ceil(SAMPLES).max(1);
        let places: Vec<usize> = foreground.places.iter().copied().step_by(step).collect();
        let of_part = moments(&places, |i| {
            std::array::from_fn(|channel| canvas.rgb[channel * pixels + i])
        });
        let of_texture = moments(&places, |i| texture.at(i, canvas.size));
        let deviation = of_part.map(|[_, deviation]| deviation.max(DEVIATION_MIN));
        Self {
            from: of_texture.map(|[mean, _]| mean),
            gain: std::array::from_fn(|channel| {
                (deviation[channel] / of_texture[channel][1].max(1e-6)).min(CONTRAST_MAX)
            }),
            to: std::array::from_fn(|channel| {
                of_part[channel][0] + shift[channel] * deviation[channel]
            }),
        }
    }

    fn channel(&self, channel: usize, value: f32) -> f32 {
        (value - self.from[channel]) * self.gain[channel] + self.to[channel]
    }
}

/// Mean and standard deviation of each channel.
fn moments(places: &[usize], value: impl Fn(usize) -> [f32; 3]) -> [[f32; 2]; 3] {
    let mut sums = [[0.0_f64; 2]; 3];
    for &i in places {
        for (sums, value) in sums.iter_mut().zip(value(i)) {
            let value = f64::from(value);
            sums[0] += value;
            sums[1] += value * value;
        }
    }
    let count = places.len().max(1) as f64;
    sums.map(|[sum, squares]| {
        let mean = sum / count;
        let variance = (squares / count - mean * mean).max(0.0);
        [mean as f32, variance.sqrt() as f32]
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{block, relief};
    use super::super::texture::Style;
    use super::*;

    const NOTHING: Sources<'_> = Sources {
        parts: &[],
        pictures: &[],
    };

    /// Changes all of the block, and returns what its places had and have in a channel.
    fn changed(tint: &Tint, channel: usize) -> (Vec<f32>, Vec<f32>) {
        let good = block(64);
        let foreground = Foreground::of(&good, Some(&relief()), None);
        let mask = Mask {
            level: vec![1.0; 64 * 64],
            rise: vec![1.0; 64 * 64],
            covered: 0,
        };
        let mut made = good.clone();
        tint.apply(&mut made, &foreground, &mask, &NOTHING);
        let inner = foreground
            .places
            .iter()
            .filter(|&&i| foreground.soft[i] == 1.0);
        let level = |canvas: &Canvas, i: usize| canvas.rgb[channel * 64 * 64 + i];
        inner.map(|&i| (level(&good, i), level(&made, i))).unzip()
    }

    fn mean(values: &[f32]) -> f32 {
        values.iter().sum::<f32>() / values.len() as f32
    }

    #[test]
    fn a_gain_multiplies_each_channel_by_its_own_factor() {
        let tint = Tint::Gain {
            strength: -0.5,
            channels: [1.0, 0.8, 1.2],
        };
        for (channel, gain) in [0.5, 0.6, 0.4].into_iter().enumerate() {
            let (had, has) = changed(&tint, channel);
            for (had, has) in had.iter().zip(has) {
                assert!((has - gain * had).abs() < 1e-3, "{had} became {has}");
            }
        }
    }

    #[test]
    fn a_texture_has_the_parts_mean_and_the_least_contrast_on_a_plain_part() {
        let texture = TextureSpec {
            style: Style::Clouds,
            seed: 5,
        };
        let tint = Tint::Texture {
            texture,
            shift: [0.5, 0.0, -0.5],
            opacity: 1.0,
        };
        for (channel, shift) in [0.5, 0.0, -0.5].into_iter().enumerate() {
            let (had, has) = changed(&tint, channel);
            let moved = mean(&has) - mean(&had) - shift * DEVIATION_MIN;
            assert!(moved.abs() < 3.0, "{moved}");
            let squares: Vec<f32> = has.iter().map(|v| (v - mean(&has)).powi(2)).collect();
            let deviation = mean(&squares).sqrt();
            assert!((deviation - DEVIATION_MIN).abs() < 2.0, "{deviation}");
        }
    }
}
