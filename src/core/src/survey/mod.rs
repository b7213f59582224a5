//! The bare belt, measured from pictures: where it lies, how much its depth varies, and where it is seen well.
//!
//! The trainer asks good parts, around which the belt shows ([`teach_belt`], [`bare_belt_spread`]). Whoever sets a
//! station up asks the empty belt ([`BeltSurvey`]), by the same two functions, so that both speak of the same plane
//! and the same noise.

mod belt;
mod region;
#[cfg(test)]
mod tests;

pub(crate) use belt::margin;
pub use belt::{BELT_FRAMES, BELT_INLIER_MM, Where, bare_belt_spread, teach_belt};
pub use region::RoiProposal;

use crate::frame::{FramePair, FrameSize};
use crate::picture::depth_noise_floor_mm;
use crate::plane::Plane;
use crate::prepare::{
    BANK_CHANNELS, BankSpec, BeltBounds, Canvas, GeometrySpec, PrepareError, PrepareSpec, Preparer,
    SpecError,
};
use crate::quality::DepthNoise;
use belt::BareSpread;
use region::Heights;

/// Heights that nothing on a belt reaches: nothing is clipped.
const ANY_HEIGHT_MM: [f32; 2] = [-1e4, 1e4];

/// Cosine of the largest tilt of a belt. Steeper planes are found in noise: those that hold the camera itself share
/// rays of it, whatever is measured along them.
pub(crate) const FACING_MIN: f64 = 0.5;

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
    /// Whether each of several pictures was the first one again: the camera stands still.
    pub is_still: bool,
    /// Noise within each whole picture, in mm, by the measure that a station takes of each part: median of the
    /// pictures.
    pub noise_floor_mm: Option<f32>,
    /// What each channel of the filter bank varies by, in mm, as training measures it of the bare belt.
    pub spread_mm: [f32; BANK_CHANNELS],
    /// Where depth is measured and the belt is flat; `None` if that is nowhere.
    pub roi: Option<RoiProposal>,
    /// What the proposal is made from.
    pub surface: BeltSurface,
}

/// How far each pixel lies from the belt's plane.
#[derive(Debug, Clone, PartialEq)]
pub struct BeltSurface {
    /// Width and height.
    pub size: FrameSize,
    /// Rows from the top: height above the plane in mm, mean of all pictures; `None` where depth is measured in less
    /// than nine of ten.
    pub heights_mm: Vec<Option<f32>>,
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
    /// From the camera to the belt along the optical axis, in mm.
    pub fn distance_mm(&self) -> f64 {
        self.belt.offset_mm / self.belt.normal[2]
    }

    /// Angle between the optical axis and the belt's normal in degrees: 0 if the camera looks straight down.
    pub fn tilt_deg(&self) -> f64 {
        (-self.belt.normal[2]).clamp(-1.0, 1.0).acos().to_degrees()
    }
}

/// Looks at pictures of the empty belt one after the other. It holds the first [`BELT_FRAMES`] until they have taught the
/// belt, and of all others what they add to sums over pixels: its memory grows by one figure a picture.
#[derive(Debug)]
pub struct BeltSurveyor {
    size: usize,
    frame: Option<FrameSize>,
    held: Vec<FramePair>,
    taught: Option<Taught>,
}

/// A belt that is known, and what pictures have added to it.
#[derive(Debug)]
struct Taught {
    belt: Plane,
    frames: usize,
    preparer: Preparer,
    canvas: Canvas,
    spread: BareSpread,
    heights: Heights,
    noise: DepthNoise,
    floors_mm: Vec<f32>,
}

impl BeltSurveyor {
    /// `size` is the side S of the prepared part, by which the filter bank's scales go.
    pub fn new(size: usize) -> Self {
        Self {
            size,
            frame: None,
            held: Vec::with_capacity(BELT_FRAMES),
            taught: None,
        }
    }

    /// Takes the next picture.
    ///
    /// # Errors
    /// [`SurveyError`] for one that can't be taken; those before it are kept. That there is no belt shows with the
    /// last of the pictures that teach it.
    pub fn add(&mut self, frame: FramePair) -> Result<(), SurveyError> {
        if frame.size() != *self.frame.get_or_insert(frame.size()) {
            return Err(SurveyError::Sizes);
        }
        if frame.depth().is_none() {
            return Err(SurveyError::NoDepth);
        }
        if let Some(taught) = &mut self.taught {
            return taught.add(&frame);
        }
        self.held.push(frame);
        if self.held.len() == BELT_FRAMES {
            self.teach()?;
        }
        Ok(())
    }

    fn teach(&mut self) -> Result<(), SurveyError> {
        let frames = std::mem::take(&mut self.held);
        let first = frames.first().ok_or(SurveyError::NoPictures)?;
        let belt = teach_belt(&frames, Where::Everywhere)
            .filter(|belt| belt.is_usable() && -belt.normal[2] >= FACING_MIN)
            .ok_or(SurveyError::NoBelt {
                frames: frames.len(),
            })?;
        let mut taught = Taught::new(belt, self.size, first.size())?;
        for frame in &frames {
            taught.add(frame)?;
        }
        self.taught = Some(taught);
        Ok(())
    }

    /// What all pictures say.
    ///
    /// # Errors
    /// [`SurveyError::NoPictures`], [`SurveyError::NoBelt`], [`SurveyError::Spec`], [`SurveyError::Prepare`].
    pub fn finish(mut self) -> Result<BeltSurvey, SurveyError> {
        if self.taught.is_none() {
            self.teach()?;
        }
        let taught = self.taught.ok_or(SurveyError::NoPictures)?;
        Ok(taught.survey())
    }
}

impl Taught {
    fn new(belt: Plane, size: usize, frame: FrameSize) -> Result<Self, SurveyError> {
        let bank = BankSpec {
            sigma_px: BankSpec::sigmas(size),
            spread_mm: [1.0; BANK_CHANNELS],
        };
        Ok(Self {
            belt,
            frames: 0,
            preparer: Preparer::new(&bare_spec(belt, size))?,
            canvas: Canvas::new(size),
            spread: BareSpread::new(&bank, size),
            heights: Heights::new(frame),
            noise: DepthNoise::new(frame),
            floors_mm: Vec::new(),
        })
    }

    fn add(&mut self, frame: &FramePair) -> Result<(), SurveyError> {
        self.preparer.place(frame, &mut self.canvas)?;
        self.spread.add(&self.canvas);
        self.heights.add(frame, &self.belt);
        if !self.noise.add(frame) {
            return Err(SurveyError::Sizes);
        }
        let floor_mm = frame.depth().and_then(depth_noise_floor_mm);
        self.floors_mm.extend(floor_mm);
        self.frames += 1;
        Ok(())
    }

    fn survey(mut self) -> BeltSurvey {
        let roi = self.heights.propose();
        self.floors_mm.sort_unstable_by(f32::total_cmp);
        BeltSurvey {
            frames: self.frames,
            belt: self.belt,
            measured_share: self.heights.measured_share(),
            noise_mm: self.noise.noise_mm(roi.map(|proposal| proposal.roi)),
            is_still: self.noise.is_still(),
            noise_floor_mm: self.floors_mm.get(self.floors_mm.len() / 2).copied(),
            spread_mm: self.spread.spread_mm(),
            roi,
            surface: self.heights.surface(),
        }
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
        ground: None,
    }
}
