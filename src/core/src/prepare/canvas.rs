//! The region of interest brought to S x S, before anything is derived from it. Training augments
//! here: whatever happens to a canvas happens before the bank and the normalisation see it.

use super::fill::HoleFiller;
use super::part::{Belt, DepthState, RgbState};

/// Colour and height of one part on the S x S grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Canvas {
    /// Side S.
    pub size: usize,
    /// 3 x S x S, 0 to 255.
    pub rgb: Vec<f32>,
    /// S x S, mm above the belt, holes filled from their surroundings.
    pub height: Vec<f32>,
    /// S x S: 1 where at least half of the pixel was measured, else 0.
    pub valid: Vec<f32>,
    /// What became of colour.
    pub rgb_state: RgbState,
    /// What became of depth.
    pub depth_state: DepthState,
    /// The belt that heights were measured from.
    pub belt: Option<Belt>,
    /// Share of the S x S pixels with a depth value.
    pub valid_share: f32,
    /// Millimetres between neighbouring columns and rows of the grid at the belt; 1 if unknown.
    pub pitch_mm: (f32, f32),
}

impl Canvas {
    /// Allocates for side S.
    pub fn new(size: usize) -> Self {
        let pixels = size * size;
        Self {
            size,
            rgb: vec![0.0; 3 * pixels],
            height: vec![0.0; pixels],
            valid: vec![0.0; pixels],
            rgb_state: RgbState::Absent,
            depth_state: DepthState::Absent,
            belt: None,
            valid_share: 0.0,
            pitch_mm: (1.0, 1.0),
        }
    }

    /// Gives pixels without a measurement their surroundings' height, and counts the others anew:
    /// for whoever has changed heights or taken measurements away.
    pub fn fill_holes(&mut self) {
        HoleFiller::new(self.size).fill(self.size, &mut self.height, &self.valid);
        let measured = self.valid.iter().filter(|valid| **valid > 0.0).count();
        self.valid_share = measured as f32 / self.valid.len().max(1) as f32;
    }
}
