//! From the stages' maps to a verdict, and from good parts to the constants that it needs.
//!
//! ```text
//! StageMaps ─► views: standardise maps, average, mask by the part, smooth ─► standardise each view
//!              by good parts' maxima, take the largest ─► S x S ─► largest of both modalities
//!           ─► against the line: Verdict with regions
//! ```
//! Where the product has a fusion network, the standardised views of both modalities go to it
//! instead, and its map, brought to S x S, meets the line. So a score has two halves:
//! [`Scorer::gather`] and [`Gathered::decide`].

mod calibration;
mod evidence;
mod fit;
mod fusion;
mod gathered;
mod maps;
mod regions;
mod scorer;
#[cfg(test)]
mod tests;
mod threshold;

pub use calibration::{
    MapRange, ModalityCalibration, Moments, ScoreCalibration, Threshold, ThresholdMethod, View,
};
pub use fit::{FitError, Fuse, GoodPart, Standardise, ViewPlan, fit};
pub use fusion::{FUSION_EVIDENCE, FusionInputs, FusionMaps, FusionViews, Join, valid_shares};
pub use gathered::{Gathered, NeedsFusion};
pub use maps::{MapStack, StageMaps};
pub use scorer::{DegradedPolicy, Evidence, ScoreError, Scorer};
