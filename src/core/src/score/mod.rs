//! From the stages' maps to a verdict.

mod calibration;
mod maps;

pub use calibration::{
    ModalityCalibration, Moments, ScoreCalibration, Smoothing, Threshold, ThresholdMethod,
};
pub use maps::{MapStack, StageMaps};
