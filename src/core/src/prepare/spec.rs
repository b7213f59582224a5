//! The constants of preparation. They belong to the bundle and never depend on the picture at hand.

use serde::{Deserialize, Serialize};

use crate::plane::Plane;

/// Channels of the filter bank: height, slope and curvature at four scales.
pub const BANK_CHANNELS: usize = 12;
/// Scales of the filter bank.
pub const BANK_SCALES: usize = 4;
/// Side of a prepared part over side of a map: S = 256 gives maps of 64.
pub const MAP_STRIDE: usize = 4;

/// A rectangle of the frame in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roi {
    /// Left column.
    pub x: usize,
    /// Top row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// How frames of a product become tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareSpec {
    /// Side S of the prepared part in pixels, a multiple of 32 from 64 to 1024.
    pub size: usize,
    /// Region of interest; the whole frame if absent. It is stretched to S x S.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roi: Option<Roi>,
    /// Colour, unless the product is inspected by height alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rgb: Option<RgbSpec>,
    /// Height, unless the product is inspected by colour alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geometry: Option<GeometrySpec>,
}

impl PrepareSpec {
    /// Side of the maps, S / 4.
    pub fn map_size(&self) -> usize {
        self.size / MAP_STRIDE
    }
}

/// Normalisation of colour: `(value - mean) / std` with values from 0 to 255, channels R, G, B.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RgbSpec {
    /// Subtracted from each channel.
    pub mean: [f32; 3],
    /// Divides each channel.
    pub std: [f32; 3],
}

/// From depth to the filter bank (METHODS 4.3, 4.5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeometrySpec {
    /// The belt as taught; refined on each frame within `belt_bounds`.
    pub belt: Plane,
    /// How far a frame's own belt may lie from the taught one.
    pub belt_bounds: BeltBounds,
    /// Heights are clipped to this range in mm; a clipped height is evidence, not a hole.
    pub height_range_mm: [f32; 2],
    /// Height in mm from which on a place certainly belongs to the part; half of it: not at all.
    pub foreground_mm: f32,
    /// Least share of the region of interest that a part covers; less is "no part".
    pub part_share_min: f32,
    /// Least share of the region of interest with a depth value; less is "no depth".
    pub valid_share_min: f32,
    /// The filter bank.
    pub bank: BankSpec,
}

/// Bounds of the per-frame refinement of the belt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeltBounds {
    /// Largest angle to the taught plane.
    pub tilt_deg: f64,
    /// Largest distance to the taught plane below the middle of the region of interest.
    pub offset_mm: f64,
}

impl Default for BeltBounds {
    fn default() -> Self {
        Self {
            tilt_deg: 1.0,
            offset_mm: 5.0,
        }
    }
}

/// The fixed geometry teacher: height, slope and curvature in mm at four scales.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankSpec {
    /// Standard deviations of the Gaussians in pixels of the S x S picture, finest first.
    pub sigma_px: [f32; BANK_SCALES],
    /// What each channel varies by on the bare belt, in mm: the sensor's noise at that scale.
    /// Order: height, slope, curvature of the finest scale, then the next.
    pub spread_mm: [f32; BANK_CHANNELS],
}

impl BankSpec {
    /// Sigmas in proportion to S: 1.2, 2.4, 4.8 and 9.6 px at 256.
    pub fn sigmas(size: usize) -> [f32; BANK_SCALES] {
        [1.2, 2.4, 4.8, 9.6].map(|sigma| sigma * size as f32 / 256.0)
    }
}
