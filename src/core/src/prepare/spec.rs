//! The constants of preparation. They belong to the bundle and never depend on the picture at hand.

use serde::{Deserialize, Serialize};

use crate::frame::FrameSize;
use crate::plane::Plane;

/// Channels of the filter bank: height, slope and curvature at four scales.
pub const BANK_CHANNELS: usize = 12;
/// Scales of the filter bank.
pub const BANK_SCALES: usize = 4;
/// The bank's height at its second scale, in which the foreground is looked for.
const FOREGROUND_CHANNEL: usize = 3;
/// Side of a prepared part over side of a map: S = 256 gives maps of 64.
pub const MAP_STRIDE: usize = 4;

/// A rectangle of the frame in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roi {
    /// Left column.
    pub x: usize,
    /// Top row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Roi {
    /// All of a frame.
    pub const fn whole(size: FrameSize) -> Self {
        Self {
            x: 0,
            y: 0,
            width: size.width,
            height: size.height,
        }
    }

    /// Whether it has pixels, and all of them are the frame's.
    pub fn lies_inside(self, frame: FrameSize) -> bool {
        let within = |start: usize, length: usize, limit: usize| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= limit)
        };
        within(self.x, self.width, frame.width) && within(self.y, self.height, frame.height)
    }
}

/// How frames of a product become tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareSpec {
    /// Side S of the prepared part in pixels, a multiple of 32 from 64 to 1024.
    pub size: usize,
    /// Region of interest; the whole frame if absent. It is stretched to S x S.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roi: Option<Roi>,
    /// Colour, unless the product is inspected by height alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rgb: Option<RgbSpec>,
    /// Height, unless the product is inspected by colour alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geometry: Option<GeometrySpec>,
    /// What a part lies on, where colour has to tell it: products that are inspected by colour alone, on a ground of one
    /// colour. Without it their evidence counts everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<GroundSpec>,
}

/// Constants of preparation that contradict each other.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// S does not suit the maps and the bank.
    #[error("size {found} must be a multiple of 32 from 64 to 1024")]
    Size {
        /// The size that was given.
        found: usize,
    },
    /// Neither colour nor height.
    #[error("a product needs rgb, geometry, or both")]
    NoModality,
    /// A number outside its range.
    #[error("{key} is {found}, expected {expected}")]
    Value {
        /// The key, as the manifest spells it.
        key: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
}

impl PrepareSpec {
    /// Where parts are told from what they lie on, no less than this is one, whatever a product asks for: a square of 18 pixels
    /// of 256. The noise of a bare belt alone covers 0.003 of it (see [`GeometrySpec::FOREGROUND_DEVIATIONS`]), and must not
    /// be a part.
    pub const PART_SHARE_LEAST: f32 = 0.005;

    /// Checks every number.
    ///
    /// # Errors
    /// The first [`SpecError`].
    pub fn validate(&self) -> Result<(), SpecError> {
        if !(64..=1024).contains(&self.size) || !self.size.is_multiple_of(32) {
            return Err(SpecError::Size { found: self.size });
        }
        let roi_is_empty = self
            .roi
            .is_some_and(|roi| roi.width == 0 || roi.height == 0);
        require(
            "roi",
            !roi_is_empty,
            || format!("{:?}", self.roi),
            "at least one pixel",
        )?;
        if self.rgb.is_none() && self.geometry.is_none() {
            return Err(SpecError::NoModality);
        }
        self.rgb.iter().try_for_each(RgbSpec::validate)?;
        self.geometry.iter().try_for_each(GeometrySpec::validate)?;
        let by_colour_alone = self.rgb.is_some() && self.geometry.is_none();
        require(
            "ground",
            self.ground.is_none() || by_colour_alone,
            || "there".into(),
            "none: it belongs to products that are inspected by colour alone",
        )?;
        self.ground.iter().try_for_each(GroundSpec::validate)
    }

    /// Least share of the region of interest that a part covers; less is "no part". At least [`Self::PART_SHARE_LEAST`], and 0 if
    /// nothing tells where a part is.
    pub fn part_share_min(&self) -> f32 {
        let by_height = self
            .geometry
            .as_ref()
            .map(|geometry| geometry.part_share_min);
        let by_colour = self.ground.map(|ground| ground.part_share_min);
        let asked = by_height.or(by_colour);
        asked.map_or(0.0, |share| share.max(Self::PART_SHARE_LEAST))
    }

    /// Side of the maps, S / 4.
    pub fn map_size(&self) -> usize {
        self.size / MAP_STRIDE
    }
}

/// Normalisation of colour: `(value - mean) / std` with values from 0 to 255, channels R, G, B.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RgbSpec {
    /// Subtracted from each channel.
    pub mean: [f32; 3],
    /// Divides each channel.
    pub std: [f32; 3],
}

/// The ground that parts lie on, of one colour, and what stands out from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroundSpec {
    /// Its colour as taught: R, G, B from 0 to 255. The median of a picture's own border counts in its place, if all
    /// channels are within `contrast` of it.
    pub colour: [f32; 3],
    /// Levels of 255 in any channel from which on a place certainly belongs to the part; half of it: not at all.
    pub contrast: f32,
    /// Least share of the region of interest that a part covers, as it is written down: [`PrepareSpec::part_share_min`] is what
    /// counts.
    pub part_share_min: f32,
}

impl GroundSpec {
    fn validate(&self) -> Result<(), SpecError> {
        let level = |value: &f32| (0.0..=255.0).contains(value);
        require(
            "ground.colour",
            self.colour.iter().all(level),
            || format!("{:?}", self.colour),
            "three levels from 0 to 255",
        )?;
        require(
            "ground.contrast",
            level(&self.contrast) && self.contrast > 0.0,
            || self.contrast.to_string(),
            "a level above 0, at most 255",
        )?;
        require(
            "ground.part_share_min",
            (0.0..=1.0).contains(&self.part_share_min),
            || self.part_share_min.to_string(),
            "a share from 0 to 1",
        )
    }
}

fn require(
    key: &'static str,
    holds: bool,
    found: impl FnOnce() -> String,
    expected: &'static str,
) -> Result<(), SpecError> {
    if holds {
        Ok(())
    } else {
        Err(SpecError::Value {
            key,
            found: found(),
            expected,
        })
    }
}

impl RgbSpec {
    fn validate(&self) -> Result<(), SpecError> {
        let finite = self.mean.iter().all(|mean| mean.is_finite());
        let positive = self.std.iter().all(|std| std.is_finite() && *std > 0.0);
        require(
            "rgb",
            finite && positive,
            || format!("{self:?}"),
            "finite means, positive stds",
        )
    }
}

impl GeometrySpec {
    /// Depth on less than this share of the region of interest is no depth, whatever a product asks for: it shows nothing of a
    /// part's shape.
    pub const VALID_SHARE_LEAST: f32 = 0.02;

    /// The foreground begins at so many deviations of the bare belt at the bank's second scale, or further. Of normal noise, the
    /// mean of the soft foreground is then 0.0030.
    pub const FOREGROUND_DEVIATIONS: f32 = 4.0;

    /// Least share of the region of interest with a depth value; less is "no depth". At least [`Self::VALID_SHARE_LEAST`].
    pub fn valid_share_min(&self) -> f32 {
        self.valid_share_min.max(Self::VALID_SHARE_LEAST)
    }

    /// That height over the bare belt in mm.
    pub fn foreground_of_noise_mm(&self) -> f32 {
        Self::FOREGROUND_DEVIATIONS * self.bank.spread_mm[FOREGROUND_CHANNEL]
    }

    fn validate(&self) -> Result<(), SpecError> {
        let [low, high] = self.height_range_mm;
        let share = |value: f32| (0.0..=1.0).contains(&value);
        let positive =
            |values: &[f32]| values.iter().all(|value| value.is_finite() && *value > 0.0);
        let bounds = &self.belt_bounds;
        let bounded = bounds.tilt_deg > 0.0 && bounds.offset_mm > 0.0;
        let rising = self.bank.sigma_px.windows(2).all(|pair| pair[0] < pair[1]);
        require(
            "belt",
            self.belt.is_usable(),
            || format!("{:?}", self.belt),
            "a unit normal towards the camera (z < 0) and a negative offset",
        )?;
        require(
            "belt_bounds",
            bounded,
            || format!("{bounds:?}"),
            "positive bounds",
        )?;
        require(
            "height_range_mm",
            low < high && low.is_finite() && high.is_finite(),
            || format!("[{low}, {high}]"),
            "the lower height first",
        )?;
        require(
            "foreground_mm",
            positive(&[self.foreground_mm]),
            || self.foreground_mm.to_string(),
            "a positive height",
        )?;
        require(
            "part_share_min",
            share(self.part_share_min),
            || self.part_share_min.to_string(),
            "a share from 0 to 1",
        )?;
        require(
            "valid_share_min",
            share(self.valid_share_min),
            || self.valid_share_min.to_string(),
            "a share from 0 to 1",
        )?;
        require(
            "bank.sigma_px",
            rising && positive(&self.bank.sigma_px),
            || format!("{:?}", self.bank.sigma_px),
            "positive sigmas, finest first",
        )?;
        require(
            "bank.spread_mm",
            positive(&self.bank.spread_mm),
            || format!("{:?}", self.bank.spread_mm),
            "positive spreads",
        )
    }
}

/// From depth to the filter bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeometrySpec {
    /// The belt as taught; refined on each frame within `belt_bounds`.
    pub belt: Plane,
    /// How far a frame's own belt may lie from the taught one.
    pub belt_bounds: BeltBounds,
    /// Heights are clipped to this range in mm; a clipped height is evidence, not a hole.
    pub height_range_mm: [f32; 2],
    /// Height in mm from which on a place certainly belongs to the part; half of it: not at all.
    pub foreground_mm: f32,
    /// Least share of the region of interest that a part covers, as it is written down: [`PrepareSpec::part_share_min`] is what
    /// counts.
    pub part_share_min: f32,
    /// Least share of the region of interest with a depth value, as it is written down: [`Self::valid_share_min()`] is what
    /// counts.
    pub valid_share_min: f32,
    /// The filter bank.
    pub bank: BankSpec,
}

/// Bounds of the per-frame refinement of the belt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeltBounds {
    /// Largest angle to the taught plane.
    pub tilt_deg: f64,
    /// Largest distance to the taught plane below the middle of the region of interest.
    pub offset_mm: f64,
}

impl BeltBounds {
    /// Wider ones would bound nothing: points further than this from the taught belt are no belt, and ten degrees lift one side
    /// of a part by a sixth of its length.
    pub const MOST: Self = Self {
        tilt_deg: 10.0,
        offset_mm: 8.0,
    };
}

impl Default for BeltBounds {
    fn default() -> Self {
        Self {
            tilt_deg: 1.0,
            offset_mm: 5.0,
        }
    }
}

/// The fixed geometry teacher: height, slope and curvature in mm at four scales.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankSpec {
    /// Standard deviations of the Gaussians in pixels of the S x S picture, finest first.
    pub sigma_px: [f32; BANK_SCALES],
    /// What each channel varies by on the bare belt, in mm: the sensor's noise at that scale.
    /// Order: height, slope, curvature of the finest scale, then the next.
    pub spread_mm: [f32; BANK_CHANNELS],
}

impl BankSpec {
    /// Sigmas in proportion to S: 1.2, 2.4, 4.8 and 9.6 px at 256.
    pub fn sigmas(size: usize) -> [f32; BANK_SCALES] {
        [1.2, 2.4, 4.8, 9.6].map(|sigma| sigma * size as f32 / 256.0)
    }
}
