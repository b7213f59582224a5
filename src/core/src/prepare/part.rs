//! The prepared part: tensors that the stages take, allocated once and written for each part.

use super::spec::{BANK_CHANNELS, MAP_STRIDE, PrepareSpec};
use crate::plane::Plane;

/// What became of the colour picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RgbState {
    /// Usable.
    Usable,
    /// The frame has none, or the product does not use it.
    Absent,
    /// Hardly a pixel is brighter than black.
    Black,
    /// Nearly all pixels are white.
    Saturated,
}

/// What became of the depth picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepthState {
    /// Usable.
    Usable,
    /// The frame has none, or the product does not use it.
    Absent,
    /// Fewer pixels than the product's least share carry a value.
    MostlyInvalid,
}

/// Which plane heights were measured from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Belt {
    /// The frame's own belt, within bounds of the taught one.
    Refined(Plane),
    /// The taught belt: too little of the frame's belt is visible.
    NotSeen(Plane),
    /// The taught belt: the frame's own lies outside the bounds. Somebody moved something.
    OutOfBounds(Plane),
}

impl Belt {
    /// The plane that was used.
    pub fn plane(&self) -> &Plane {
        match self {
            Self::Refined(plane) | Self::NotSeen(plane) | Self::OutOfBounds(plane) => plane,
        }
    }
}

/// All that the stages and the score need to know of a part.
///
/// Tensors are NCHW with N = 1, rows from the top. Every value is finite whatever came in.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedPart {
    /// Side S.
    pub size: usize,
    /// 3 x S x S, normalised as the teacher wants it; zeros unless [`RgbState::Usable`].
    pub rgb: Vec<f32>,
    /// 12 x S/4 x S/4, compressed multiples of the belt's noise; zeros unless [`DepthState::Usable`].
    pub geometry: Vec<f32>,
    /// S x S, mm above the belt, holes filled.
    pub height: Vec<f32>,
    /// 3 x S x S unit normals of the smoothed height; x right, y down, z towards the camera.
    pub normals: Vec<f32>,
    /// S x S, 1 where depth was measured, else 0.
    pub valid: Vec<f32>,
    /// S x S in [0, 1], soft: where the part is. All ones if neither height nor the ground's colour tells.
    pub foreground: Vec<f32>,
    /// S/4 x S/4 in [0, 1]: where evidence counts, i.e. the part and a margin that also holds the
    /// place a missing piece is missing from. All ones where the foreground is.
    pub region: Vec<f32>,
    /// What became of colour.
    pub rgb_state: RgbState,
    /// What became of depth.
    pub depth_state: DepthState,
    /// The belt, where depth is there.
    pub belt: Option<Belt>,
    /// Share of S x S with a depth value.
    pub valid_share: f32,
    /// Share of S x S that the part covers; 1 if neither height nor the ground's colour tells.
    pub part_share: f32,
}

impl PreparedPart {
    /// Allocates for a product; nothing is allocated afterwards.
    pub fn new(spec: &PrepareSpec) -> Self {
        let (pixels, map_pixels) = (spec.size * spec.size, spec.map_size() * spec.map_size());
        Self {
            size: spec.size,
            rgb: vec![0.0; 3 * pixels],
            geometry: vec![0.0; BANK_CHANNELS * map_pixels],
            height: vec![0.0; pixels],
            normals: vec![0.0; 3 * pixels],
            valid: vec![0.0; pixels],
            foreground: vec![1.0; pixels],
            region: vec![1.0; map_pixels],
            rgb_state: RgbState::Absent,
            depth_state: DepthState::Absent,
            belt: None,
            valid_share: 0.0,
            part_share: 1.0,
        }
    }

    /// Side of the maps.
    pub fn map_size(&self) -> usize {
        self.size / MAP_STRIDE
    }
}
