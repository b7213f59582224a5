//! What a part lies on, told by colour alone: products without depth have no height that says where the part is.

use super::canvas::Canvas;
use super::spec::GroundSpec;
use crate::blur::Gaussian;

/// Deviation at S = 256 of the Gaussian under which colours are compared: specks of the ground and the sensor's noise
/// vanish, a thin part stays.
const SIGMA_PX: f32 = 1.2;
/// The border is S / 32 wide: 8 px at 256.
const BORDER_SHARE: usize = 32;
/// Levels of a channel.
const LEVELS: usize = 256;

/// Compares pictures with their ground; allocated once.
#[derive(Debug, Clone)]
pub struct GroundContrast {
    gaussian: Gaussian,
    smoothed: Vec<f32>,
    contrast: Vec<f32>,
}

impl GroundContrast {
    /// For canvases of side `size`.
    pub fn new(size: usize) -> Self {
        Self {
            gaussian: Gaussian::new(SIGMA_PX * size as f32 / 256.0, size, size),
            smoothed: vec![0.0; size * size],
            contrast: vec![0.0; size * size],
        }
    }

    /// S x S, 0 to 255: how far the smoothed picture is from `ground`, in the channel that differs most.
    pub fn against(&mut self, canvas: &Canvas, ground: [f32; 3]) -> &[f32] {
        self.contrast.fill(0.0);
        let planes = canvas.rgb.chunks_exact(self.contrast.len());
        for (plane, level) in planes.zip(ground) {
            self.gaussian.apply(plane, &mut self.smoothed);
            for (contrast, value) in self.contrast.iter_mut().zip(&self.smoothed) {
                *contrast = contrast.max((value - level).abs());
            }
        }
        &self.contrast
    }
}

/// Whether a place of an S x S picture lies in its border.
pub fn is_border(x: usize, y: usize, size: usize) -> bool {
    let width = size / BORDER_SHARE;
    let inner = width..size - width;
    !inner.contains(&x) || !inner.contains(&y)
}

/// Median of the border in each channel, to a level: the ground's colour, if the part leaves half of the border free.
pub fn border_colour(canvas: &Canvas) -> [f32; 3] {
    let size = canvas.size;
    let mut planes = canvas.rgb.chunks_exact(size * size);
    std::array::from_fn(|_| {
        let mut counts = [0_usize; LEVELS];
        let mut total = 0;
        for (y, row) in planes
            .next()
            .into_iter()
            .flat_map(|p| p.chunks_exact(size))
            .enumerate()
        {
            for (x, value) in row.iter().enumerate() {
                if is_border(x, y, size) {
                    counts[value.round().clamp(0.0, 255.0) as usize] += 1;
                    total += 1;
                }
            }
        }
        let mut below = 0;
        let median = counts.iter().position(|count| {
            below += count;
            2 * below >= total
        });
        median.unwrap_or_default() as f32
    })
}

impl GroundSpec {
    /// The ground of a picture: that of its border, as light changes, unless that is nothing like the taught one.
    pub fn seen(&self, canvas: &Canvas) -> [f32; 3] {
        let border = border_colour(canvas);
        let is_ground = border
            .iter()
            .zip(self.colour)
            .all(|(seen, taught)| (seen - taught).abs() < self.contrast);
        if is_ground { border } else { self.colour }
    }
}
