//! What is said of a part: exactly one of pass, fail, no result.

use heapless::Vec as FixedVec;
use serde::{Deserialize, Serialize};

use crate::modality::Modality;

/// Most regions that a verdict lists; further ones are dropped, weakest first.
pub const REGIONS_MAX: usize = 16;

/// Evidence over threshold: 1.0 is the line between good and rejected, for every product.
///
/// Evidence counts standard deviations of good parts around the typical good part, so scores
/// below zero exist: the part is cleaner than most.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(pub f32);

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What is rounded to zero has no sign: -0.00 would look like a fault.
        let smallest = f
            .precision()
            .map_or(0.0, |digits| 0.5 * 0.1_f64.powi(digits as i32));
        let shown = if f64::from(self.0.abs()) <= smallest {
            0.0
        } else {
            self.0
        };
        shown.fmt(f)
    }
}

/// Which modality holds evidence beyond its own line, or peaks where the fused map peaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenBy {
    /// Colour alone.
    Rgb,
    /// Height alone.
    Geometry,
    /// Each on its own.
    Both,
}

impl SeenBy {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::Geometry => "geometry",
            Self::Both => "both",
        }
    }
}

impl std::fmt::Display for SeenBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A connected place of a part where the fused map crosses the line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Left column in pixels of the frame.
    pub x: u32,
    /// Top row in pixels of the frame.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The highest score inside.
    pub peak: Score,
    /// Who saw it at its peak.
    pub seen_by: SeenBy,
}

/// What made a part fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// At least 1.0.
    pub score: Score,
    /// Who saw it.
    pub seen_by: SeenBy,
    /// Where, strongest first.
    pub regions: FixedVec<Region, REGIONS_MAX>,
}

/// Why a part has no result. Every one of them rejects the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The camera delivered nothing, or nothing usable.
    Camera,
    /// A repeated, frozen, stale or mispaired picture.
    StaleFrame,
    /// No part, or far less of it than of any good one, lies in the region of interest.
    NoPart,
    /// Colour is absent, black or saturated and the station does not pass parts on height alone.
    NoColour,
    /// Depth is absent or mostly invalid and the station does not pass parts on colour alone.
    NoDepth,
    /// The engine failed, or answered with numbers that are not finite.
    Engine,
    /// The inspect process died, hung or was being replaced.
    Inspector,
    /// The result came after the part's deadline.
    Late,
    /// More parts were under way than the station can hold.
    Overrun,
    /// Nobody is sure which part lies where: parts followed each other too closely, or events of
    /// the part sensor or the encoder were lost.
    Position,
    /// The station was stopped before the part came to the rejector.
    Stopped,
    /// The model in charge is not the one of the recipe that was selected.
    Recipe,
    /// The picture is the one before, or nearly.
    PictureRepeated,
    /// The belt lies nearer or further than the model's, or the station's, by more than its limit: the camera has moved.
    PictureBeltHeight,
    /// The same of its tilt.
    PictureBeltTilt,
    /// Depth is noisier than its limit.
    PictureDepthNoise,
    /// More depth is missing than its limit.
    PictureDepthHoles,
    /// Colour is darker than its limit.
    PictureDark,
    /// Colour is brighter than its limit.
    PictureBright,
    /// More of the colour picture than its limit is as bright as can be.
    PictureSaturated,
    /// Colour is more blurred than its limit.
    PictureBlurred,
}

impl Reason {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 21] = [
        Self::Camera,
        Self::StaleFrame,
        Self::NoPart,
        Self::NoColour,
        Self::NoDepth,
        Self::Engine,
        Self::Inspector,
        Self::Late,
        Self::Overrun,
        Self::Position,
        Self::Stopped,
        Self::Recipe,
        Self::PictureRepeated,
        Self::PictureBeltHeight,
        Self::PictureBeltTilt,
        Self::PictureDepthNoise,
        Self::PictureDepthHoles,
        Self::PictureDark,
        Self::PictureBright,
        Self::PictureSaturated,
        Self::PictureBlurred,
    ];

    /// The name that users see and scripts read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::StaleFrame => "stale_frame",
            Self::NoPart => "no_part",
            Self::NoColour => "no_colour",
            Self::NoDepth => "no_depth",
            Self::Engine => "engine",
            Self::Inspector => "inspector",
            Self::Late => "late",
            Self::Overrun => "overrun",
            Self::Position => "position",
            Self::Stopped => "stopped",
            Self::Recipe => "recipe",
            Self::PictureRepeated => "picture_repeated",
            Self::PictureBeltHeight => "picture_belt_height",
            Self::PictureBeltTilt => "picture_belt_tilt",
            Self::PictureDepthNoise => "picture_depth_noise",
            Self::PictureDepthHoles => "picture_depth_holes",
            Self::PictureDark => "picture_dark",
            Self::PictureBright => "picture_bright",
            Self::PictureSaturated => "picture_saturated",
            Self::PictureBlurred => "picture_blurred",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The one thing that is said of a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "boxing the finding would allocate for each part"
)]
pub enum Verdict {
    /// Nothing crossed the line.
    Pass {
        /// Below 1.0.
        score: Score,
        /// The modality that was missing, if the station passes parts on the other one alone.
        missing: Option<Modality>,
    },
    /// Something crossed the line.
    Fail {
        /// What and where.
        #[serde(flatten)]
        finding: Finding,
        /// The modality that was missing, if any.
        missing: Option<Modality>,
    },
    /// Nothing can be said; the part is rejected.
    NoResult {
        /// Why.
        reason: Reason,
    },
}

impl Verdict {
    /// Whether the part may go on. Only [`Verdict::Pass`] may.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Pass { .. })
    }

    /// `pass`, `fail` or `no_result`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass { .. } => "pass",
            Self::Fail { .. } => "fail",
            Self::NoResult { .. } => "no_result",
        }
    }

    /// The score, where there is one.
    pub fn score(&self) -> Option<Score> {
        match self {
            Self::Pass { score, .. } => Some(*score),
            Self::Fail { finding, .. } => Some(finding.score),
            Self::NoResult { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_is_rounded_to_zero_has_no_sign() {
        for (score, text) in [
            (-0.0, "0.00"),
            (-0.004, "0.00"),
            (-0.006, "-0.01"),
            (0.004, "0.00"),
            (-1.25, "-1.25"),
            (f32::NAN, "NaN"),
        ] {
            assert_eq!(format!("{:.2}", Score(score)), text);
        }
        assert_eq!(
            format!("{:>6.2}|{}", Score(-0.001), Score(-0.0)),
            "  0.00|0"
        );
    }
}
