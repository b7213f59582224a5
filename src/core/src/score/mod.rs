//! From the stages' maps to a verdict.

mod calibration;

pub use calibration::{
    ModalityCalibration, Moments, ScoreCalibration, Smoothing, Threshold, ThresholdMethod,
};
