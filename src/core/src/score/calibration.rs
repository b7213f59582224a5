//! What good parts taught the score: the constants that the host applies and a station may refit.

use serde::{Deserialize, Serialize};

use super::fit::{Standardise, ViewPlan};
use super::maps::{MapStack, StageMaps};
use super::scorer::ScoreError;
use crate::modality::{Modality, PerModality};

/// Mean and standard deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// Mean.
    pub mean: f32,
    /// Standard deviation, positive.
    pub sd: f32,
}

/// Neighbouring maps of a stage that are averaged before they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapRange {
    /// Index of the first map.
    pub first: usize,
    /// Number of maps, at least one.
    pub count: usize,
}

/// One way to look at a modality's maps: which ones, and under which Gaussian.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The maps.
    pub maps: MapRange,
    /// Standard deviation in pixels of the S/4 map; 0 leaves the map as it is.
    pub sigma_px: f32,
    /// Maxima of the smoothed map over good validation parts.
    pub maxima: Moments,
}

/// How a threshold came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMethod {
    /// The k-th largest score of the good parts; their number supports the target at 95 %.
    OrderStatistic,
    /// The larger of the maximum and a Gumbel fit: too few good parts for the target.
    Extrapolated,
}

/// The line between good and rejected in units of evidence, with what supports it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Evidence from which on a part is rejected; positive.
    pub evidence: f32,
    /// Rule that was used.
    pub method: ThresholdMethod,
    /// The false-reject rate that was asked for.
    pub target_rate: f64,
    /// Good parts behind it.
    pub good_parts: usize,
    /// Good parts of these that lie above the threshold.
    pub good_parts_above: usize,
    /// 95 % upper bound of the true false-reject rate, from the good parts alone.
    pub rate_bound_95: f64,
}

/// One modality's constants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModalityCalibration {
    /// Pixel statistics of each map of the stage over the part region of good validation parts.
    pub maps: Vec<Moments>,
    /// Ways to look at the maps; at least one. The largest evidence of all counts.
    pub views: Vec<View>,
    /// The line when this modality decides alone.
    pub threshold: Threshold,
}

impl ModalityCalibration {
    /// Checks that every divisor is positive.
    pub(super) fn check(&self, modality: Modality) -> Result<(), ScoreError> {
        let positive = |value: f32| value.is_finite() && value > 0.0;
        let moments = |m: &Moments| m.mean.is_finite() && positive(m.sd);
        let in_range =
            |m: &MapRange| m.count > 0 && m.first.saturating_add(m.count) <= self.maps.len();
        let view = |v: &View| {
            in_range(&v.maps) && v.sigma_px.is_finite() && v.sigma_px >= 0.0 && moments(&v.maxima)
        };
        let checks = [
            (
                "maps",
                !self.maps.is_empty() && self.maps.iter().all(moments),
            ),
            (
                "views",
                !self.views.is_empty() && self.views.iter().all(view),
            ),
            ("threshold", positive(self.threshold.evidence)),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(ScoreError::Constant { modality, what }),
            None => Ok(()),
        }
    }

    /// How the maps were looked at, to fit the same views anew. Maps that share a unit were given the
    /// same moments, which tells them from those that were standardised one by one.
    pub fn view_plan(&self) -> ViewPlan {
        let shares = |view: &View| {
            let range = view.maps.first..view.maps.first + view.maps.count;
            let maps = self.maps.get(range).unwrap_or_default();
            maps.windows(2).all(|pair| pair[0] == pair[1])
        };
        let standardise = match self.views.iter().all(shares) {
            true => Standardise::Together,
            false => Standardise::Each,
        };
        ViewPlan {
            standardise,
            views: self.plan(),
        }
    }

    /// The views without their maxima.
    pub(super) fn plan(&self) -> Vec<(MapRange, f32)> {
        let views = self.views.iter();
        views.map(|view| (view.maps, view.sigma_px)).collect()
    }

    /// The stage's answer, if it is what these constants are for.
    pub(super) fn answer<'a>(
        &self,
        modality: Modality,
        maps: &'a StageMaps,
        side: usize,
    ) -> Option<&'a MapStack> {
        maps.get(modality).filter(|stack| {
            stack.is_finite() && stack.side == side && stack.count == self.maps.len()
        })
    }
}

/// All constants of the score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreCalibration {
    /// Constants of each modality that the product has.
    pub modalities: PerModality<ModalityCalibration>,
    /// The line of the fused map; of the only modality, if there is just one.
    pub fused: Threshold,
}
