//! What a camera hands over for one part: colour, depth, or both, and where they were seen from.
//!
//! Coordinates are the camera's: x right, y down, z forward, millimetres. Pixel centres lie at integers.

use serde::{Deserialize, Serialize};

/// Width and height of a picture in pixels; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameSize {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl FrameSize {
    /// Number of pixels.
    pub fn pixels(self) -> usize {
        self.width * self.height
    }
}

impl std::fmt::Display for FrameSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} x {}", self.width, self.height)
    }
}

/// A frame whose parts contradict each other.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A picture without pixels.
    #[error("picture of {size}: both sides must be at least one pixel")]
    Empty {
        /// The size that was given.
        size: FrameSize,
    },
    /// The buffer's length does not fit the picture's size.
    #[error("picture of {size} needs {expected} values, found {found}")]
    Length {
        /// The size that was given.
        size: FrameSize,
        /// Values that this size needs.
        expected: usize,
        /// Values in the buffer.
        found: usize,
    },
    /// Colour and depth of a pair, or picture and intrinsics, differ in size.
    #[error("{what} is {found}, the frame is {expected}")]
    SizeMismatch {
        /// Which picture differs.
        what: &'static str,
        /// Size of the frame.
        expected: FrameSize,
        /// Size that was found.
        found: FrameSize,
    },
    /// A depth unit that is not a positive finite number of metres.
    #[error("depth unit {unit_m} m must be positive and finite")]
    DepthUnit {
        /// The unit that was given, metres a count.
        unit_m: f64,
    },
    /// Neither colour nor depth.
    #[error("a frame pair needs colour, depth, or both")]
    NoModality,
    /// Depth counts without intrinsics cannot become points.
    #[error("depth without intrinsics: lengths in millimetres need fx, fy, cx, cy")]
    NoIntrinsics,
}

fn checked<T>(
    size: FrameSize,
    values_per_pixel: usize,
    data: Vec<T>,
) -> Result<Vec<T>, FrameError> {
    let expected = size
        .width
        .checked_mul(size.height)
        .and_then(|pixels| pixels.checked_mul(values_per_pixel))
        .filter(|&values| values > 0)
        .ok_or(FrameError::Empty { size })?;
    if data.len() == expected {
        Ok(data)
    } else {
        Err(FrameError::Length {
            size,
            expected,
            found: data.len(),
        })
    }
}

/// An 8-bit sRGB picture, rows from the top, `R G B` interleaved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbFrame {
    size: FrameSize,
    data: Vec<u8>,
}

impl RgbFrame {
    /// Takes `width * height * 3` bytes.
    ///
    /// # Errors
    /// [`FrameError::Empty`] or [`FrameError::Length`].
    pub fn new(size: FrameSize, data: Vec<u8>) -> Result<Self, FrameError> {
        Ok(Self {
            size,
            data: checked(size, 3, data)?,
        })
    }

    /// Width and height.
    pub fn size(&self) -> FrameSize {
        self.size
    }

    /// All bytes, `R G B` interleaved.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Gives the buffer back, to be filled again.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }
}

/// Depth as a sensor delivers it, aligned pixel by pixel with the colour picture.
#[derive(Debug, Clone, PartialEq)]
pub enum DepthFrame {
    /// Distance along the optical axis in counts of a unit; 0 means no measurement.
    Counts(DepthCounts),
    /// Organised points in millimetres; a point with `z <= 0` or a NaN is no measurement.
    Points(OrganisedPoints),
}

impl DepthFrame {
    /// Width and height.
    pub fn size(&self) -> FrameSize {
        match self {
            Self::Counts(counts) => counts.size,
            Self::Points(points) => points.size,
        }
    }
}

/// Sixteen-bit depth: `z = count * unit`, 0 means no measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct DepthCounts {
    size: FrameSize,
    unit_m: f64,
    data: Vec<u16>,
}

impl DepthCounts {
    /// Takes `width * height` counts of `unit_m` metres each.
    ///
    /// # Errors
    /// [`FrameError::Empty`], [`FrameError::Length`] or [`FrameError::DepthUnit`].
    pub fn new(size: FrameSize, unit_m: f64, data: Vec<u16>) -> Result<Self, FrameError> {
        if !(unit_m.is_finite() && unit_m > 0.0) {
            return Err(FrameError::DepthUnit { unit_m });
        }
        Ok(Self {
            size,
            unit_m,
            data: checked(size, 1, data)?,
        })
    }

    /// Metres a count.
    pub fn unit_m(&self) -> f64 {
        self.unit_m
    }

    /// All counts, rows from the top.
    pub fn data(&self) -> &[u16] {
        &self.data
    }
}

/// Whether an organised point holds a measurement.
pub(crate) fn point_is_measured(point: [f32; 3]) -> bool {
    point[2] > 0.0 && point.iter().all(|value| value.is_finite())
}

/// A grid of points in millimetres in the camera's frame, one for each pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct OrganisedPoints {
    size: FrameSize,
    data: Vec<[f32; 3]>,
}

impl OrganisedPoints {
    /// Takes `width * height` points in millimetres.
    ///
    /// # Errors
    /// [`FrameError::Empty`] or [`FrameError::Length`].
    pub fn new(size: FrameSize, data: Vec<[f32; 3]>) -> Result<Self, FrameError> {
        Ok(Self {
            size,
            data: checked(size, 1, data)?,
        })
    }

    /// All points, rows from the top.
    pub fn data(&self) -> &[[f32; 3]] {
        &self.data
    }
}

/// A pinhole camera with lens distortion: where the *aligned* frame was seen from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intrinsics {
    /// Columns of the frame that these numbers belong to.
    pub width: usize,
    /// Rows of the frame.
    pub height: usize,
    /// Focal length in pixels along x.
    pub fx: f64,
    /// Focal length in pixels along y.
    pub fy: f64,
    /// Column of the principal point.
    pub cx: f64,
    /// Row of the principal point.
    pub cy: f64,
    /// Brown-Conrady coefficients `k1, k2, p1, p2, k3`; all zero for rectified frames.
    #[serde(default)]
    pub distortion: [f64; 5],
}

impl Intrinsics {
    /// Width and height of the frame.
    pub fn size(&self) -> FrameSize {
        FrameSize {
            width: self.width,
            height: self.height,
        }
    }

    /// Whether every number is finite and both focal lengths are positive.
    pub fn is_usable(&self) -> bool {
        let finite = [self.fx, self.fy, self.cx, self.cy]
            .iter()
            .chain(&self.distortion)
            .all(|value| value.is_finite());
        finite && self.fx > 0.0 && self.fy > 0.0 && self.width > 0 && self.height > 0
    }

    /// Column and row at which a direction `(x / z, y / z)` is seen; inverse of [`ray`](Self::ray).
    #[inline]
    pub fn project(&self, x: f64, y: f64) -> (f64, f64) {
        let [k1, k2, p1, p2, k3] = self.distortion;
        let r2 = x * x + y * y;
        let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
        let dx = 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x);
        let dy = p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y;
        (
            (x * radial + dx) * self.fx + self.cx,
            (y * radial + dy) * self.fy + self.cy,
        )
    }

    /// Direction `(x / z, y / z)` in which the pixel's centre looks.
    ///
    /// Distortion is inverted by fixed-point iteration (OpenCV's convention for the coefficients);
    /// eight rounds reach 1e-9 for lenses that cameras of this field ship with.
    pub fn ray(&self, column: f64, row: f64) -> (f64, f64) {
        let (x0, y0) = ((column - self.cx) / self.fx, (row - self.cy) / self.fy);
        let [k1, k2, p1, p2, k3] = self.distortion;
        if self.distortion == [0.0; 5] {
            return (x0, y0);
        }
        let (mut x, mut y) = (x0, y0);
        for _ in 0..8 {
            let r2 = x * x + y * y;
            let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
            let dx = 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x);
            let dy = p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y;
            (x, y) = ((x0 - dx) / radial, (y0 - dy) / radial);
        }
        (x, y)
    }

    /// How far a lens of other coefficients would shift what is seen at the frame's sides and corners, in pixels at most.
    pub fn lens_shift_px(&self, distortion: &[f64; 5]) -> f64 {
        let other = Self {
            distortion: *distortion,
            ..*self
        };
        let last = |length: usize| length.saturating_sub(1) as f64;
        let (right, bottom) = (last(self.width), last(self.height));
        let mut most = 0.0_f64;
        for column in [0.0, right / 2.0, right] {
            for row in [0.0, bottom / 2.0, bottom] {
                let (x, y) = ((column - self.cx) / self.fx, (row - self.cy) / self.fy);
                let (seen, elsewhere) = (self.project(x, y), other.project(x, y));
                let shift = (seen.0 - elsewhere.0).hypot(seen.1 - elsewhere.1);
                // What has no number lies far away.
                most = most.max(if shift.is_nan() { f64::INFINITY } else { shift });
            }
        }
        most
    }
}

/// Clock in which a camera stamps its frames. Stamps of different clocks are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StampDomain {
    /// The sensor's own clock.
    Sensor,
    /// The host's monotonic clock.
    Host,
}

/// When and as which frame of its stream a picture was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The stream's frame counter; a live stream's grows by at least one from picture to picture.
    pub frame_number: u64,
    /// Microseconds in the clock of `domain`.
    pub time_us: u64,
    /// The clock.
    pub domain: StampDomain,
}

/// Colour and depth of one moment, aligned pixel by pixel. At least one of the two is there.
#[derive(Debug, Clone, PartialEq)]
pub struct FramePair {
    rgb: Option<RgbFrame>,
    depth: Option<DepthFrame>,
    intrinsics: Option<Intrinsics>,
    /// Stamp of the colour picture, where the source has one.
    pub rgb_stamp: Option<Stamp>,
    /// Stamp of the depth picture, where the source has one.
    pub depth_stamp: Option<Stamp>,
}

impl FramePair {
    /// Joins what one moment gave.
    ///
    /// # Errors
    /// [`FrameError::NoModality`], [`FrameError::SizeMismatch`] when sizes differ, and
    /// [`FrameError::NoIntrinsics`] when depth comes as counts without a camera to place them.
    pub fn new(
        rgb: Option<RgbFrame>,
        depth: Option<DepthFrame>,
        intrinsics: Option<Intrinsics>,
    ) -> Result<Self, FrameError> {
        let size = match (&rgb, &depth) {
            (Some(rgb), _) => rgb.size(),
            (None, Some(depth)) => depth.size(),
            (None, None) => return Err(FrameError::NoModality),
        };
        let agree = |what, found: FrameSize| {
            if found == size {
                Ok(())
            } else {
                Err(FrameError::SizeMismatch {
                    what,
                    expected: size,
                    found,
                })
            }
        };
        if let Some(depth) = &depth {
            agree("depth", depth.size())?;
        }
        match (&intrinsics, &depth) {
            (Some(intrinsics), _) => agree("the camera's intrinsics", intrinsics.size())?,
            (None, Some(DepthFrame::Counts(_))) => return Err(FrameError::NoIntrinsics),
            (None, _) => {}
        }
        Ok(Self {
            rgb,
            depth,
            intrinsics,
            rgb_stamp: None,
            depth_stamp: None,
        })
    }

    /// Width and height, the same for everything in the pair.
    pub fn size(&self) -> FrameSize {
        match (&self.rgb, &self.depth) {
            (Some(rgb), _) => rgb.size(),
            (None, Some(depth)) => depth.size(),
            (None, None) => unreachable!("FramePair::new refuses a pair without pictures"),
        }
    }

    /// The colour picture.
    pub fn rgb(&self) -> Option<&RgbFrame> {
        self.rgb.as_ref()
    }

    /// The depth picture.
    pub fn depth(&self) -> Option<&DepthFrame> {
        self.depth.as_ref()
    }

    /// The camera that saw it.
    pub fn intrinsics(&self) -> Option<&Intrinsics> {
        self.intrinsics.as_ref()
    }

    /// The point that a pixel saw, in mm in the camera's frame; `None` where nothing was measured.
    ///
    /// z alone decides, as x or y may truly be zero; NaN is never measured. `column` and `row` lie
    /// inside the frame.
    pub fn point(&self, column: usize, row: usize) -> Option<[f64; 3]> {
        let depth = self.depth.as_ref()?;
        let index = row * depth.size().width + column;
        match depth {
            DepthFrame::Points(points) => {
                let point = points.data[index];
                point_is_measured(point).then(|| point.map(f64::from))
            }
            DepthFrame::Counts(counts) => {
                let count = counts.data[index];
                let z = f64::from(count) * counts.unit_m * 1000.0;
                let (x, y) = self.intrinsics.as_ref()?.ray(column as f64, row as f64);
                (count > 0).then_some([x * z, y * z, z])
            }
        }
    }

    /// The same moment without colour, or `None` if nothing would be left.
    pub fn without_rgb(self) -> Option<Self> {
        self.depth.is_some().then_some(Self {
            rgb: None,
            rgb_stamp: None,
            ..self
        })
    }

    /// The same moment without depth, or `None` if nothing would be left.
    pub fn without_depth(self) -> Option<Self> {
        self.rgb.is_some().then_some(Self {
            depth: None,
            depth_stamp: None,
            ..self
        })
    }
}
