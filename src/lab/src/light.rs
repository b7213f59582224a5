//! A picture as the same camera gives it under another light: other exposure, another white balance.

use twinspect_core::prepare::Canvas;
use twinspect_nn::Rng;

/// Largest change of all colours either way, as a logarithm: a fifth more or less light.
const EXPOSURE: f32 = 0.2;
/// Largest change of red and of blue against green either way, as a logarithm: some 1000 K about daylight.
const WHITE: f32 = 0.15;
/// The largest level; where a colour reaches it, it does not go with the light any more.
const CLIPPED: f32 = 255.0;

/// Factors of red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Light([f32; 3]);

impl Light {
    /// Draws a light that cameras with fixed settings may meet.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let exposure = rng.uniform_in(-EXPOSURE, EXPOSURE);
        let mut white = || rng.uniform_in(-WHITE, WHITE);
        Self([exposure + white(), exposure, exposure + white()].map(f32::exp))
    }

    /// Writes what the camera sees: whole levels, clipped at the largest. All but colour stays as it was.
    pub(crate) fn apply(&self, source: &Canvas, target: &mut Canvas) {
        target.clone_from(source);
        let planes = target.rgb.chunks_exact_mut(source.size * source.size);
        for (plane, factor) in planes.zip(self.0) {
            for level in plane {
                *level = (*level * factor).round().min(CLIPPED);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas(levels: [f32; 3]) -> Canvas {
        let mut canvas = Canvas::new(2);
        for (plane, level) in canvas.rgb.chunks_exact_mut(4).zip(levels) {
            plane.fill(level);
        }
        canvas.height.fill(7.0);
        canvas
    }

    #[test]
    fn colours_go_with_the_light_until_they_are_clipped() {
        let mut seen = Canvas::new(2);
        Light([1.1, 1.0, 0.9]).apply(&canvas([100.0, 33.0, 250.0]), &mut seen);
        assert_eq!(seen.rgb[0], 110.0);
        assert_eq!(seen.rgb[4], 33.0);
        assert_eq!(seen.rgb[8], 225.0);
        assert_eq!(seen.height, canvas([0.0; 3]).height);
        Light([1.1; 3]).apply(&canvas([240.0, 231.0, 10.0]), &mut seen);
        assert_eq!(
            [seen.rgb[0], seen.rgb[4], seen.rgb[8]],
            [255.0, 254.0, 11.0]
        );
    }

    #[test]
    fn lights_differ_within_their_bounds() {
        let mut rng = Rng::new(3);
        let drawn: Vec<Light> = (0..500).map(|_| Light::draw(&mut rng)).collect();
        for Light([red, green, blue]) in &drawn {
            assert!(green.ln().abs() <= EXPOSURE + 1e-6);
            assert!((red / green).ln().abs() <= WHITE + 1e-6);
            assert!((blue / green).ln().abs() <= WHITE + 1e-6);
        }
        let warmest = drawn.iter().map(|Light([r, _, b])| r / b);
        assert!(warmest.fold(0.0, f32::max) > 1.2);
    }
}
