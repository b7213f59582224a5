//! The measured belt against the one that a model was taught.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_core::picture::BeltDrift;
use twinspect_core::plane::Plane;
use twinspect_core::prepare::{BeltBounds, GeometrySpec, Roi};
use twinspect_core::survey::BeltSurvey;

use crate::error::EdgeError;

/// Noise that is so many times the model's is another camera's, another distance's, or another light's.
const NOISE_FACTOR_MAX: f32 = 1.5;

/// What differs. Its keys are for scripts and stay.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    bundle: PathBuf,
    hash: String,
    name: String,
    version: String,
    belt: Plane,
    distance_mm: f64,
    /// Between both planes.
    angle_deg: f64,
    /// How much nearer the belt is now, where the optical axis meets the model's.
    nearer_mm: f64,
    /// Whether a station makes up for that, on each picture.
    is_within_bounds: bool,
    bounds: BeltBounds,
    /// Of the noise of all channels of the filter bank, now and then, the largest quotient.
    noise_factor: f32,
    roi: Option<Roi>,
}

impl Comparison {
    /// Nothing, for a model that is inspected by colour alone.
    pub(super) fn of(bundle: &Bundle, survey: &BeltSurvey) -> Option<Self> {
        let manifest = bundle.manifest();
        let taught = manifest.prepare.geometry.as_ref()?;
        let Difference {
            angle_deg,
            nearer_mm,
            is_within_bounds,
            noise_factor,
        } = Difference::of(taught, survey);
        Some(Self {
            bundle: bundle.path().to_owned(),
            hash: bundle.hash().to_owned(),
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            belt: taught.belt,
            distance_mm: taught.belt.offset_mm / taught.belt.normal[2],
            angle_deg,
            nearer_mm,
            is_within_bounds,
            bounds: taught.belt_bounds,
            noise_factor,
            roi: manifest.prepare.roi,
        })
    }

    pub(super) fn print(&self, out: &mut dyn Write) -> Result<(), EdgeError> {
        let Comparison { bounds, .. } = self;
        let way = if self.nearer_mm < 0.0 {
            "further"
        } else {
            "nearer"
        };
        let region = self.roi.map_or("the whole picture".to_owned(), |roi| {
            format!("{} x {} from ({}, {})", roi.width, roi.height, roi.x, roi.y)
        });
        writeln!(
            out,
            "model     {} {}, {}: belt {:.1} mm away, region {region}\n\
             differs   {:.2} mm {way} and {:.2} degrees; each picture makes up for {} mm and {} degrees\n\
             {:10}noise is {:.2} times the model's, at the scale where that is most",
            self.name,
            self.version,
            self.bundle.display(),
            self.distance_mm,
            self.nearer_mm.abs(),
            self.angle_deg,
            bounds.offset_mm,
            bounds.tilt_deg,
            "",
            self.noise_factor
        )?;
        Ok(())
    }

    /// What a station with this model would get wrong here.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.is_within_bounds {
            warnings.push(format!(
                "the belt lies elsewhere than the model's, by more than a picture makes up for: heights would be \
                 measured from {:.1} mm where the belt is {:.1} mm nearer. Put the camera where it stood, or record \
                 parts here and train again",
                self.distance_mm, self.nearer_mm
            ));
        }
        if self.noise_factor > NOISE_FACTOR_MAX {
            warnings.push(format!(
                "depth is {:.1} times as noisy as the model's: good parts will score higher. Find the cause with \
                 `check --camera`, or fit the thresholds with `model calibrate`",
                self.noise_factor
            ));
        }
        warnings
    }
}

/// In numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Difference {
    angle_deg: f64,
    nearer_mm: f64,
    is_within_bounds: bool,
    noise_factor: f32,
}

impl Difference {
    fn of(taught: &GeometrySpec, survey: &BeltSurvey) -> Self {
        // As preparation asks whether a picture's own belt is one.
        let BeltDrift {
            nearer_mm,
            tilt_deg: angle_deg,
        } = BeltDrift::between(&taught.belt, &survey.belt);
        let bounds = taught.belt_bounds;
        let quotients = survey
            .spread_mm
            .iter()
            .zip(&taught.bank.spread_mm)
            .map(|(now, then)| now / then);
        Self {
            angle_deg,
            nearer_mm,
            is_within_bounds: angle_deg <= bounds.tilt_deg && nearer_mm.abs() <= bounds.offset_mm,
            noise_factor: quotients.fold(0.0, f32::max),
        }
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::frame::FrameSize;
    use twinspect_core::prepare::BANK_CHANNELS;
    use twinspect_core::survey::{BeltSurface, bare_spec};

    use super::*;

    fn flat(distance_mm: f64) -> Plane {
        Plane {
            normal: [0.0, 0.0, -1.0],
            offset_mm: -distance_mm,
        }
    }

    fn difference(belt: Plane, spread_mm: f32) -> Difference {
        let survey = BeltSurvey {
            frames: 1,
            belt,
            measured_share: 1.0,
            noise_mm: None,
            is_still: false,
            noise_floor_mm: None,
            spread_mm: [spread_mm; BANK_CHANNELS],
            roi: None,
            surface: BeltSurface {
                size: FrameSize {
                    width: 0,
                    height: 0,
                },
                heights_mm: Vec::new(),
            },
        };
        let taught = bare_spec(flat(400.0), 64).geometry.unwrap();
        Difference::of(&taught, &survey)
    }

    #[test]
    fn a_belt_that_was_moved_is_told_by_how_much_and_whether_that_matters() {
        let same = difference(flat(400.0), 1.0);
        assert_eq!((same.nearer_mm, same.angle_deg), (0.0, 0.0));
        assert!(same.is_within_bounds);
        assert_eq!(same.noise_factor, 1.0);
        let nearer = difference(flat(396.0), 2.0);
        assert!((nearer.nearer_mm - 4.0).abs() < 1e-9, "{nearer:?}");
        assert!(nearer.is_within_bounds && nearer.noise_factor == 2.0);
        let further = difference(flat(406.0), 1.0);
        assert!((further.nearer_mm + 6.0).abs() < 1e-9, "{further:?}");
        assert!(!further.is_within_bounds);
        let (sin, cos) = 2.0_f64.to_radians().sin_cos();
        let tilted = Plane {
            normal: [sin, 0.0, -cos],
            offset_mm: -400.0 * cos,
        };
        let tilted = difference(tilted, 1.0);
        assert!((tilted.angle_deg - 2.0).abs() < 1e-6, "{tilted:?}");
        assert!(tilted.nearer_mm.abs() < 1e-9 && !tilted.is_within_bounds);
    }
}
