//! The bare belt, measured from pictures: where it lies, how much its depth varies, and where it is seen well.
//!
//! The trainer asks good parts, around which the belt shows ([`teach_belt`], [`bare_belt_spread`]). Whoever sets a
//! station up asks the empty belt ([`BeltSurvey`]), by the same two functions, so that both speak of the same plane
//! and the same noise.

mod belt;
mod region;
#[cfg(test)]
mod tests;

pub use belt::{BELT_FRAMES, BELT_INLIER_MM, Where, bare_belt_spread, teach_belt};
pub use region::RoiProposal;

use crate::frame::FramePair;
use crate::plane::Plane;
use crate::prepare::{
    BANK_CHANNELS, BankSpec, BeltBounds, Canvas, GeometrySpec, PrepareError, PrepareSpec, Preparer,
    SpecError,
};
use crate::quality::depth_noise_mm;

/// Heights that nothing on a belt reaches: nothing is clipped.
const ANY_HEIGHT_MM: [f32; 2] = [-1e4, 1e4];

/// Cosine of the largest tilt of a belt. Steeper planes are found in noise: those that hold the camera itself share
/// rays of it, whatever is measured along them.
const FACING_MIN: f64 = 0.5;

/// What pictures of an empty belt say.
#[derive(Debug, Clone, PartialEq)]
pub struct BeltSurvey {
    /// Pictures that were looked at.
    pub frames: usize,
    /// The belt.
    pub belt: Plane,
    /// Share of all pixels of all pictures that have a depth.
    pub measured_share: f64,
    /// How much depth changes from picture to picture, in mm: median of the pixels' deviations. `None` for a
    /// single picture, and if no pixel was measured in all of them.
    pub noise_mm: Option<f64>,
    /// What each channel of the filter bank varies by, in mm, as training measures it of the bare belt.
    pub spread_mm: [f32; BANK_CHANNELS],
    /// Where depth is measured and the belt is flat; `None` if that is nowhere.
    pub roi: Option<RoiProposal>,
}

/// Pictures that show no belt.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SurveyError {
    /// No picture at all.
    #[error("there is no picture of the belt")]
    NoPictures,
    /// Pictures of colour alone.
    #[error("the pictures have no depth, and nothing else tells where a belt is")]
    NoDepth,
    /// Pictures of different sizes.
    #[error("the pictures of the belt differ in size")]
    Sizes,
    /// No plane.
    #[error("no belt found: {frames} pictures don't share a plane to within {BELT_INLIER_MM} mm")]
    NoBelt {
        /// Pictures that were looked at.
        frames: usize,
    },
    /// The side S can't be.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A picture that can't be placed.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

impl BeltSurvey {
    /// Looks at pictures of the empty belt; `size` is the side S of the prepared part, by which the filter bank's
    /// scales go.
    ///
    /// # Errors
    /// [`SurveyError`].
    pub fn of(frames: &[FramePair], size: usize) -> Result<Self, SurveyError> {
        let first = frames.first().ok_or(SurveyError::NoPictures)?;
        if frames.iter().any(|frame| frame.size() != first.size()) {
            return Err(SurveyError::Sizes);
        }
        if frames.iter().any(|frame| frame.depth().is_none()) {
            return Err(SurveyError::NoDepth);
        }
        let belt = teach_belt(frames, Where::Everywhere)
            .filter(|belt| belt.is_usable() && -belt.normal[2] >= FACING_MIN)
            .ok_or(SurveyError::NoBelt {
                frames: frames.len(),
            })?;
        let spec = bare_spec(belt, size);
        let mut preparer = Preparer::new(&spec)?;
        let mut canvases = Vec::with_capacity(frames.len());
        for frame in frames {
            let mut canvas = Canvas::new(size);
            preparer.place(frame, &mut canvas)?;
            canvases.push(canvas);
        }
        let bank = BankSpec {
            sigma_px: BankSpec::sigmas(size),
            spread_mm: [1.0; BANK_CHANNELS],
        };
        let (roi, measured_share) = region::propose(frames, &belt);
        Ok(Self {
            frames: frames.len(),
            belt,
            measured_share,
            noise_mm: depth_noise_mm(frames, roi.map(|proposal| proposal.roi)),
            spread_mm: bare_belt_spread(&bank, size, &canvases),
            roi,
        })
    }

    /// From the camera to the belt along the optical axis, in mm.
    pub fn distance_mm(&self) -> f64 {
        self.belt.offset_mm / self.belt.normal[2]
    }

    /// Angle between the optical axis and the belt's normal in degrees: 0 if the camera looks straight down.
    pub fn tilt_deg(&self) -> f64 {
        (-self.belt.normal[2]).clamp(-1.0, 1.0).acos().to_degrees()
    }
}

/// A product of which nothing is known but its belt.
pub fn bare_spec(belt: Plane, size: usize) -> PrepareSpec {
    PrepareSpec {
        size,
        roi: None,
        rgb: None,
        geometry: Some(GeometrySpec {
            belt,
            belt_bounds: BeltBounds::default(),
            height_range_mm: ANY_HEIGHT_MM,
            foreground_mm: 1.0,
            part_share_min: 0.0,
            valid_share_min: 0.0,
            bank: BankSpec {
                sigma_px: BankSpec::sigmas(size),
                spread_mm: [1.0; BANK_CHANNELS],
            },
        }),
    }
}
