//! From frame to tensors: the only copy, called by trainer and device alike.
//!
//! ```text
//! FramePair ─► place: region of interest, belt, height, S x S, holes filled ─► Canvas
//!           ─► derive: colour normalised · bank · normals · foreground ─► PreparedPart
//! ```
//! Every constant comes from the [`PrepareSpec`], none from the picture, but for the belt's plane and the ground's
//! colour, which are refined within bounds. After the first frame of a size nothing is allocated.
//!
//! | what comes in | what goes out |
//! |---|---|
//! | no colour, or the product has none | `rgb` zeros, [`RgbState::Absent`] |
//! | black, or nearly all white | `rgb` zeros, [`RgbState::Black`] / [`RgbState::Saturated`] |
//! | no depth, or the product has none | `geometry` zeros, [`DepthState::Absent`]; region and foreground ones, or as the ground's colour tells |
//! | depth mostly without values, NaN included | the same, [`DepthState::MostlyInvalid`] |
//! | belt hidden, or elsewhere than taught | heights above the taught belt, [`Belt`] says so |
//! | a part at the border | the nearest pixel goes on beyond it |

mod bank;
mod canvas;
mod derive;
mod fill;
mod ground;
mod islands;
mod margin;
mod part;
mod relief;
mod resample;
mod spec;
#[cfg(test)]
mod tests;

pub use bank::{Bank, compress};
pub use canvas::Canvas;
pub use ground::{GroundContrast, border_colour, is_border};
pub use part::{Belt, DepthState, PreparedPart, RgbState};
pub use spec::{
    BANK_CHANNELS, BANK_SCALES, BankSpec, BeltBounds, GeometrySpec, GroundSpec, MAP_STRIDE,
    PrepareSpec, RgbSpec, Roi, SpecError,
};

use derive::Deriver;
use fill::HoleFiller;
use relief::Relief;
use resample::{Axis, Scratch, resample};

use crate::frame::{DepthFrame, FramePair, FrameSize, RgbFrame};

/// A frame that cannot be prepared as the product wants it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The region of interest does not lie inside the frame.
    #[error("region of interest {roi:?} does not lie inside a frame of {frame}")]
    RoiOutside {
        /// The region.
        roi: Roi,
        /// The frame.
        frame: FrameSize,
    },
}

/// Prepares parts of one product.
#[derive(Debug, Clone)]
pub struct Preparer {
    spec: PrepareSpec,
    canvas: Canvas,
    deriver: Deriver,
    placement: Option<Placement>,
}

/// What depends on the frame's size and camera.
#[derive(Debug, Clone)]
struct Placement {
    frame: FrameSize,
    roi: Roi,
    columns: Axis,
    rows: Axis,
    scratch: Scratch,
    relief: Option<Relief>,
    planes: Vec<f32>,
    filler: HoleFiller,
}

impl Preparer {
    /// Allocates for a product.
    ///
    /// # Errors
    /// [`SpecError`] when the constants contradict each other.
    pub fn new(spec: &PrepareSpec) -> Result<Self, SpecError> {
        spec.validate()?;
        Ok(Self {
            spec: spec.clone(),
            canvas: Canvas::new(spec.size),
            deriver: Deriver::new(spec),
            placement: None,
        })
    }

    /// The constants.
    pub fn spec(&self) -> &PrepareSpec {
        &self.spec
    }

    /// Writes all tensors of one part.
    ///
    /// # Errors
    /// [`PrepareError::RoiOutside`]; whatever else a frame lacks is told by the part's states.
    pub fn prepare(
        &mut self,
        frame: &FramePair,
        part: &mut PreparedPart,
    ) -> Result<(), PrepareError> {
        let mut canvas = std::mem::replace(&mut self.canvas, Canvas::new(0));
        let placed = self.place(frame, &mut canvas);
        if placed.is_ok() {
            self.derive(&canvas, part);
        }
        self.canvas = canvas;
        placed
    }

    /// First half: the region of interest on the S x S grid.
    ///
    /// # Errors
    /// [`PrepareError::RoiOutside`].
    pub fn place(&mut self, frame: &FramePair, canvas: &mut Canvas) -> Result<(), PrepareError> {
        let size = frame.size();
        let roi = self.spec.roi.unwrap_or_else(|| Roi::whole(size));
        if !roi.lies_inside(size) {
            return Err(PrepareError::RoiOutside { roi, frame: size });
        }
        if self
            .placement
            .as_ref()
            .is_none_or(|placement| placement.frame != size)
        {
            self.placement = Some(Placement::new(size, roi, self.spec.size));
        }
        let Some(placement) = &mut self.placement else {
            return Ok(());
        };
        match (frame.rgb(), &self.spec.rgb) {
            (Some(rgb), Some(_)) => placement.place_rgb(rgb, canvas),
            _ => {
                canvas.rgb.fill(0.0);
                canvas.rgb_state = RgbState::Absent;
            }
        }
        match (frame.depth(), &self.spec.geometry) {
            (Some(depth), Some(spec)) => placement.place_depth(depth, frame, spec, canvas),
            _ => {
                canvas.height.fill(0.0);
                canvas.valid.fill(0.0);
                canvas.depth_state = DepthState::Absent;
                canvas.belt = None;
                canvas.valid_share = 0.0;
            }
        }
        Ok(())
    }

    /// Second half: everything that the stages and the score need.
    pub fn derive(&mut self, canvas: &Canvas, part: &mut PreparedPart) {
        self.deriver.derive(&self.spec, canvas, part);
    }
}

impl Placement {
    fn new(frame: FrameSize, roi: Roi, size: usize) -> Self {
        Self {
            frame,
            roi,
            columns: Axis::new(roi.width, size),
            rows: Axis::new(roi.height, size),
            scratch: Scratch::default(),
            relief: None,
            planes: vec![0.0; 2 * size * size],
            filler: HoleFiller::new(size),
        }
    }

    fn place_rgb(&mut self, rgb: &RgbFrame, canvas: &mut Canvas) {
        let Roi { x, y, width, .. } = self.roi;
        let row = |index: usize, line: &mut [f32]| {
            let from = ((y + index) * self.frame.width + x) * 3;
            for (value, &byte) in line.iter_mut().zip(&rgb.data()[from..from + 3 * width]) {
                *value = f32::from(byte);
            }
        };
        self.scratch.fit(3 * width);
        resample(
            &self.columns,
            &self.rows,
            3,
            row,
            &mut self.scratch,
            &mut canvas.rgb,
        );
        canvas.rgb_state = exposure(&canvas.rgb);
    }

    fn place_depth(
        &mut self,
        depth: &DepthFrame,
        frame: &FramePair,
        spec: &GeometrySpec,
        canvas: &mut Canvas,
    ) {
        let camera = frame.intrinsics();
        if self
            .relief
            .as_ref()
            .is_none_or(|relief| !relief.fits(self.roi, camera))
        {
            self.relief = Some(Relief::new(self.roi, camera.copied()));
        }
        let Some(relief) = &mut self.relief else {
            return;
        };
        let belt = relief.belt(frame, spec);
        let row = |index: usize, line: &mut [f32]| relief.row(depth, belt.plane(), index, line);
        self.scratch.fit(2 * self.roi.width);
        resample(
            &self.columns,
            &self.rows,
            2,
            row,
            &mut self.scratch,
            &mut self.planes,
        );

        let (heights, shares) = self.planes.split_at(canvas.height.len());
        let mut measured = 0_usize;
        for (index, (&height, &share)) in heights.iter().zip(shares).enumerate() {
            let valid = share >= 0.5;
            canvas.height[index] = if valid { height / share } else { 0.0 };
            canvas.valid[index] = f32::from(u8::from(valid));
            measured += usize::from(valid);
        }
        self.filler
            .fill(canvas.size, &mut canvas.height, &canvas.valid);
        canvas.valid_share = measured as f32 / canvas.height.len() as f32;
        canvas.depth_state = if canvas.valid_share < spec.valid_share_min() || measured == 0 {
            DepthState::MostlyInvalid
        } else {
            DepthState::Usable
        };
        canvas.pitch_mm = relief.pitch_mm(belt.plane()).map_or((1.0, 1.0), |(x, y)| {
            let stretch = |length: usize| length as f32 / canvas.size as f32;
            (x * stretch(self.roi.width), y * stretch(self.roi.height))
        });
        canvas.belt = Some(belt);
    }
}

/// From 0 at `from` to 1 at `to`, smoothly.
fn ramp(value: f32, from: f32, to: f32) -> f32 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// Below this level (of 255) in all channels a pixel is black.
const BLACK_LEVEL: f32 = 8.0;
/// From this level on in all channels a pixel is white.
const WHITE_LEVEL: f32 = 250.0;

impl RgbState {
    /// What becomes of a colour picture of which all is looked at: whether a station could judge it.
    pub fn of(picture: &RgbFrame) -> Self {
        let pixels = picture.data().chunks_exact(3).map(|pixel| match pixel {
            [r, g, b] => [f32::from(*r), f32::from(*g), f32::from(*b)],
            _ => [0.0; 3],
        });
        exposure_of(pixels)
    }
}

fn exposure(rgb: &[f32]) -> RgbState {
    let (red, rest) = rgb.split_at(rgb.len() / 3);
    let (green, blue) = rest.split_at(rgb.len() / 3);
    exposure_of(
        red.iter()
            .zip(green)
            .zip(blue)
            .map(|((&r, &g), &b)| [r, g, b]),
    )
}

/// Black when fewer than one pixel in a thousand shows anything, saturated when nine of ten are white.
fn exposure_of(rgb: impl Iterator<Item = [f32; 3]>) -> RgbState {
    let (mut black, mut white, mut pixels) = (0_usize, 0_usize, 0_usize);
    for [r, g, b] in rgb {
        black += usize::from(r.max(g).max(b) < BLACK_LEVEL);
        white += usize::from(r.min(g).min(b) >= WHITE_LEVEL);
        pixels += 1;
    }
    if black * 1000 >= pixels * 999 {
        RgbState::Black
    } else if white * 10 >= pixels * 9 {
        RgbState::Saturated
    } else {
        RgbState::Usable
    }
}
