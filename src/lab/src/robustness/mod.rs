//! How much of a bundle's figures is left when the test parts are seen under worse conditions than
//! those it was trained under.

mod colour;
mod depth;
mod disturbed;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Serialize;

use crate::evaluate::{self, EvaluateError, Evaluation, evaluate_before};
use crate::metrics::Report;
use disturbed::Disturbed;

/// One thing that differs from training. Each is the same for a part whenever it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Disturbance {
    /// Colour values times 1.2.
    Brighter,
    /// Colour values times 0.8.
    Darker,
    /// Red times 1.1, blue times 0.9.
    WarmerWhite,
    /// A shadow over half of the picture that takes up to two fifths of the light, with a soft edge.
    SoftShadow,
    /// A Gaussian of one pixel over the colour picture.
    Blur,
    /// Twice the depth's own noise.
    DepthNoise,
    /// A twentieth of the measured depth is missing in round holes.
    Holes,
    /// The whole depth 10 mm further away.
    FurtherAway,
    /// Colour lies three pixels beside depth.
    Misaligned,
}

impl Disturbance {
    /// All of them, in the order of tables.
    pub(crate) const ALL: [Self; 9] = [
        Self::Brighter,
        Self::Darker,
        Self::WarmerWhite,
        Self::SoftShadow,
        Self::Blur,
        Self::DepthNoise,
        Self::Holes,
        Self::FurtherAway,
        Self::Misaligned,
    ];

    /// What it says in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brighter => "brightness +20 %",
            Self::Darker => "brightness -20 %",
            Self::WarmerWhite => "white balance",
            Self::SoftShadow => "soft shadow",
            Self::Blur => "blur",
            Self::DepthNoise => "depth noise x 2",
            Self::Holes => "5 % more holes",
            Self::FurtherAway => "10 mm further",
            Self::Misaligned => "misaligned by 3 px",
        }
    }

    fn needs_colour(self) -> bool {
        !matches!(self, Self::DepthNoise | Self::Holes | Self::FurtherAway)
    }

    fn needs_depth(self) -> bool {
        matches!(
            self,
            Self::DepthNoise | Self::Holes | Self::FurtherAway | Self::Misaligned
        )
    }
}

/// What is left under one disturbance.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Robustness {
    /// What was done to the pictures.
    pub(crate) disturbance: Disturbance,
    /// The map that decides.
    pub(crate) fused: Left,
    /// Each modality by itself, where the product has two.
    pub(crate) modalities: std::collections::BTreeMap<&'static str, Left>,
}

/// The figures that a table has room for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Left {
    /// AUROC of image scores.
    pub(crate) i_auroc: Option<f64>,
    /// AU-PRO up to a false-positive rate of 0.3.
    pub(crate) au_pro_30: Option<f64>,
    /// Good parts that are rejected.
    pub(crate) false_rejects: usize,
    /// Defective parts that are passed.
    pub(crate) escapes: usize,
    /// Parts without a result; rejected.
    pub(crate) no_results: usize,
}

impl Left {
    fn of(report: &Report) -> Self {
        Self {
            i_auroc: report.i_auroc,
            au_pro_30: report.au_pro_30,
            false_rejects: report.false_rejects,
            escapes: report.escapes,
            no_results: report.no_results,
        }
    }
}

/// Inspects all test parts once more under each disturbance that the data set has the pictures for.
pub(crate) fn robustness(bundle: &Path, data: &Path) -> Result<Vec<Robustness>, EvaluateError> {
    let (bundle, dataset) = evaluate::open(bundle, data)?;
    let has = dataset.modalities();
    Disturbance::ALL
        .into_iter()
        .filter(|disturbance| {
            (has.rgb || !disturbance.needs_colour()) && (has.depth || !disturbance.needs_depth())
        })
        .map(|disturbance| {
            log::info!("{}: {}", dataset.name(), disturbance.name());
            let disturbed = Disturbed::new(dataset.as_ref(), disturbance);
            let Evaluation {
                fused, modalities, ..
            } = evaluate_before(&bundle, &disturbed, None, &|_| {})?;
            Ok(Robustness {
                disturbance,
                fused: Left::of(&fused),
                modalities: modalities
                    .iter()
                    .map(|(name, report)| (*name, Left::of(report)))
                    .collect(),
            })
        })
        .collect()
}
