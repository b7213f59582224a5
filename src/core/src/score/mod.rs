//! From the stages' maps to a verdict, and from good parts to the constants that it needs.
//!
//! ```text
//! StageMaps ─► views: standardise maps, average, mask by the part, smooth ─► standardise each view
//!              by good parts' maxima, take the largest ─► S x S ─► largest of both modalities
//!           ─► against the line: Verdict with regions
//! ```

mod calibration;
mod evidence;
mod fit;
mod maps;
mod regions;
mod scorer;
#[cfg(test)]
mod tests;
mod threshold;

pub use calibration::{
    MapRange, ModalityCalibration, Moments, ScoreCalibration, Threshold, ThresholdMethod, View,
};
pub use fit::{FitError, GoodPart, Standardise, ViewPlan, fit};
pub use maps::{MapStack, StageMaps};
pub use scorer::{DegradedPolicy, Evidence, ScoreError, Scorer};
