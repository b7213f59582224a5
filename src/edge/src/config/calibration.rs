//! What `twinspect calibrate` has measured of the empty belt, and written.

use serde::{Deserialize, Serialize};
use twinspect_core::plane::Plane;
use twinspect_core::prepare::Roi;

use super::checker::Checker;

/// Nearest and furthest belts that a depth camera sees, in mm.
pub(crate) const DISTANCES_MM: std::ops::RangeInclusive<f64> = 50.0..=5000.0;
/// Largest tilt in degrees that a station is calibrated with: parts hide what lies behind them.
pub(crate) const TILT_MAX_DEG: f64 = 30.0;

/// As typed. Nobody needs to type it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalibrationToml {
    /// RFC 3339.
    pub(crate) date: String,
    /// What the camera says of itself, its serial number among it.
    pub(crate) camera: String,
    pub(crate) pictures: u64,
    pub(crate) distance_mm: f64,
    /// Unit vector towards the camera.
    pub(crate) belt_normal: [f64; 3],
    pub(crate) measured_share: f64,
    /// From picture to picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) noise_mm: Option<f64>,
    /// Within each whole picture, by the measure that is taken of each part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) noise_floor_mm: Option<f64>,
    /// A proposal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) roi: Option<Roi>,
}

/// Where a station's belt lay when it was empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CalibrationSpec {
    pub(crate) belt: Plane,
    /// What the camera said of itself then.
    pub(crate) camera: String,
    /// RFC 3339.
    pub(crate) date: String,
}

impl CalibrationSpec {
    /// Whether it was another camera than the one of this description.
    pub(crate) fn is_of_another(&self, description: &str) -> bool {
        // Releases before this one left a blank behind a camera that tells no serial number.
        !description.contains(self.camera.trim_end())
    }
}

impl Checker {
    pub(super) fn calibration(&mut self, typed: &CalibrationToml) -> CalibrationSpec {
        const REPEAT: &str = "as `twinspect calibrate --write` measures it";
        let squares = typed.belt_normal.iter().map(|value| value * value);
        let length = squares.sum::<f64>().sqrt();
        // Digits that were rounded away would be an angle of hundredths of a degree.
        let normal = typed.belt_normal.map(|value| value / length);
        let [_, _, z] = normal;
        let belt = Plane {
            normal,
            offset_mm: typed.distance_mm * z,
        };
        let distances = format!(
            "{} to {}, {REPEAT}",
            DISTANCES_MM.start(),
            DISTANCES_MM.end()
        );
        self.require(
            DISTANCES_MM.contains(&typed.distance_mm),
            "calibration.distance_mm",
            typed.distance_mm,
            distances,
        );
        let faces = (length - 1.0).abs() < 1e-3 && -z >= TILT_MAX_DEG.to_radians().cos();
        self.require(
            faces,
            "calibration.belt_normal",
            format!("{:?}", typed.belt_normal),
            format!("a unit vector within {TILT_MAX_DEG} degrees of [0.0, 0.0, -1.0], {REPEAT}"),
        );
        let is_date = typed.date.parse::<jiff::Timestamp>().is_ok();
        self.require(
            is_date,
            "calibration.date",
            format!("{:?}", typed.date),
            format!("a time like 2026-11-26T14:05:00Z, {REPEAT}"),
        );
        let share = typed.measured_share;
        self.require(
            (0.0..=1.0).contains(&share),
            "calibration.measured_share",
            share,
            format!("from 0 to 1, {REPEAT}"),
        );
        for (key, value) in [
            ("calibration.noise_mm", typed.noise_mm),
            ("calibration.noise_floor_mm", typed.noise_floor_mm),
        ] {
            let value = value.unwrap_or_default();
            self.require(
                (0.0..=1000.0).contains(&value),
                key,
                value,
                format!("from 0 to 1000, {REPEAT}"),
            );
        }
        CalibrationSpec {
            belt,
            camera: typed.camera.clone(),
            date: typed.date.clone(),
        }
    }
}
