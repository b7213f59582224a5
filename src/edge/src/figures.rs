//! What a picture is like, in figures for people and scripts.

use serde::Serialize;
use twinspect_core::quality::{ColourFigures, DepthFigures};

/// Of a colour picture. Its keys are for scripts and stay.
#[derive(Debug, Serialize)]
pub(crate) struct Colour {
    pub(crate) brightness: f32,
    pub(crate) dark_share: f32,
    pub(crate) saturated_share: f32,
    pub(crate) sharpness: f32,
}

/// Of a depth picture. Its keys are for scripts and stay.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) measured_share: f32,
    pub(crate) median_mm: Option<f64>,
}

impl From<ColourFigures> for Colour {
    fn from(figures: ColourFigures) -> Self {
        Self {
            brightness: figures.brightness,
            dark_share: figures.dark_share,
            saturated_share: figures.saturated_share,
            sharpness: figures.sharpness,
        }
    }
}

impl From<DepthFigures> for Measured {
    fn from(figures: DepthFigures) -> Self {
        Self {
            measured_share: figures.measured_share,
            median_mm: figures.median_mm,
        }
    }
}
