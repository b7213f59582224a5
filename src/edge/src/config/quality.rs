//! How good pictures must be.

use serde::{Deserialize, Serialize};
use twinspect_core::picture::{PictureLimits, Steps};

use super::checker::Checker;

/// Limits of the pictures' figures, as typed; 0 is no limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QualityToml {
    pub(crate) enabled: bool,
    pub(crate) noise_warn_factor: f64,
    pub(crate) noise_reject_factor: f64,
    pub(crate) noise_warn_mm: f64,
    pub(crate) noise_reject_mm: f64,
    pub(crate) holes_more_warn_share: f64,
    pub(crate) holes_more_reject_share: f64,
    pub(crate) holes_warn_share: f64,
    pub(crate) holes_reject_share: f64,
    pub(crate) belt_warn_mm: f64,
    pub(crate) belt_reject_mm: f64,
    pub(crate) tilt_warn_deg: f64,
    pub(crate) tilt_reject_deg: f64,
    pub(crate) brightness_warn_factor: f64,
    pub(crate) brightness_reject_factor: f64,
    pub(crate) saturated_more_warn_share: f64,
    pub(crate) saturated_more_reject_share: f64,
    pub(crate) saturated_warn_share: f64,
    pub(crate) saturated_reject_share: f64,
    pub(crate) blur_warn_factor: f64,
    pub(crate) blur_reject_factor: f64,
    pub(crate) repeated_warn_share: f64,
    pub(crate) repeated_reject_share: f64,
}

impl Default for QualityToml {
    fn default() -> Self {
        Self {
            enabled: true,
            noise_warn_factor: 1.25,
            noise_reject_factor: 1.5,
            noise_warn_mm: 0.0,
            noise_reject_mm: 0.0,
            holes_more_warn_share: 0.01,
            holes_more_reject_share: 0.03,
            holes_warn_share: 0.4,
            holes_reject_share: 0.0,
            belt_warn_mm: 3.0,
            belt_reject_mm: 5.0,
            tilt_warn_deg: 0.6,
            tilt_reject_deg: 1.0,
            brightness_warn_factor: 1.25,
            brightness_reject_factor: 0.0,
            saturated_more_warn_share: 0.05,
            saturated_more_reject_share: 0.0,
            saturated_warn_share: 0.0,
            saturated_reject_share: 0.0,
            blur_warn_factor: 2.0,
            blur_reject_factor: 0.0,
            repeated_warn_share: 1.0,
            repeated_reject_share: 0.0,
        }
    }
}

/// What a limit counts in.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Share,
    Factor,
    Length,
    Angle,
}

impl Unit {
    fn holds(self, limit: f64) -> bool {
        match self {
            Self::Share => (0.0..=1.0).contains(&limit),
            Self::Factor => (1.0..=100.0).contains(&limit),
            Self::Length => (0.0..=1000.0).contains(&limit),
            Self::Angle => (0.0..=45.0).contains(&limit),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Share => "a share above 0 and at most 1, or 0 for no limit",
            Self::Factor => "a factor from 1 to 100, or 0 for no limit",
            Self::Length => "above 0 and at most 1000, or 0 for no limit",
            Self::Angle => "above 0 and at most 45, or 0 for no limit",
        }
    }
}

type Limit = (&'static str, f64);

impl Checker {
    /// A warning and a rejection; the first one may not come later.
    fn steps(&mut self, unit: Unit, warn: Limit, reject: Limit) -> Steps {
        let [warn_at, reject_at] = [warn, reject].map(|(key, limit)| {
            let holds = limit == 0.0 || unit.holds(limit);
            self.require(holds, key, limit, unit.expected());
            (holds && limit != 0.0).then_some(limit)
        });
        if let (Some(warn_at), Some(reject_at)) = (warn_at, reject_at) {
            let expected = format!("at most {} = {reject_at}", reject.0);
            self.require(warn_at <= reject_at, warn.0, warn_at, expected);
        }
        Steps {
            warn: warn_at.map(|limit| limit as f32),
            reject: reject_at.map(|limit| limit as f32),
        }
    }

    pub(super) fn quality(&mut self, typed: &QualityToml) -> PictureLimits {
        let limits = PictureLimits {
            noise_factor: self.steps(
                Unit::Factor,
                ("quality.noise_warn_factor", typed.noise_warn_factor),
                ("quality.noise_reject_factor", typed.noise_reject_factor),
            ),
            noise_mm: self.steps(
                Unit::Length,
                ("quality.noise_warn_mm", typed.noise_warn_mm),
                ("quality.noise_reject_mm", typed.noise_reject_mm),
            ),
            holes_more: self.steps(
                Unit::Share,
                ("quality.holes_more_warn_share", typed.holes_more_warn_share),
                (
                    "quality.holes_more_reject_share",
                    typed.holes_more_reject_share,
                ),
            ),
            holes: self.steps(
                Unit::Share,
                ("quality.holes_warn_share", typed.holes_warn_share),
                ("quality.holes_reject_share", typed.holes_reject_share),
            ),
            belt_mm: self.steps(
                Unit::Length,
                ("quality.belt_warn_mm", typed.belt_warn_mm),
                ("quality.belt_reject_mm", typed.belt_reject_mm),
            ),
            tilt_deg: self.steps(
                Unit::Angle,
                ("quality.tilt_warn_deg", typed.tilt_warn_deg),
                ("quality.tilt_reject_deg", typed.tilt_reject_deg),
            ),
            brightness_factor: self.steps(
                Unit::Factor,
                (
                    "quality.brightness_warn_factor",
                    typed.brightness_warn_factor,
                ),
                (
                    "quality.brightness_reject_factor",
                    typed.brightness_reject_factor,
                ),
            ),
            saturated_more: self.steps(
                Unit::Share,
                (
                    "quality.saturated_more_warn_share",
                    typed.saturated_more_warn_share,
                ),
                (
                    "quality.saturated_more_reject_share",
                    typed.saturated_more_reject_share,
                ),
            ),
            saturated: self.steps(
                Unit::Share,
                ("quality.saturated_warn_share", typed.saturated_warn_share),
                (
                    "quality.saturated_reject_share",
                    typed.saturated_reject_share,
                ),
            ),
            blur_factor: self.steps(
                Unit::Factor,
                ("quality.blur_warn_factor", typed.blur_warn_factor),
                ("quality.blur_reject_factor", typed.blur_reject_factor),
            ),
            repeated: self.steps(
                Unit::Share,
                ("quality.repeated_warn_share", typed.repeated_warn_share),
                ("quality.repeated_reject_share", typed.repeated_reject_share),
            ),
        };
        if typed.enabled {
            limits
        } else {
            PictureLimits::NONE
        }
    }
}

/// Limits of who has no configuration.
pub(crate) fn usual_limits() -> PictureLimits {
    Checker::default().quality(&QualityToml::default())
}
