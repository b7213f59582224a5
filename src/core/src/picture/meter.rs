//! The figures of one picture, cheap enough for each part: places of a grid are looked at, not all pixels.

use serde::{Deserialize, Serialize};

use super::drift::{BeltDrift, BeltFinder};
use crate::frame::{DepthFrame, FramePair, RgbFrame, point_is_measured};
use crate::plane::Plane;
use crate::prepare::{PrepareSpec, Roi};
use crate::quality::ColourFigures;

/// Places of the region that are looked at, at most about.
const PLACES: usize = 20_000;
/// Pixels between the three places whose depths are compared: further apart than a sensor's own smoothing reaches.
const LAG: usize = 8;
/// Mean of the smaller half of the absolute values of a normal distribution, over its deviation:
/// 4 (phi(0) - phi(0.6745)) with the density phi.
const SMALLER_HALF: f32 = 0.3247;
/// Bytes that a place has for whether it was the same before: three colours and depth.
const PRINT: usize = 4;

/// What one picture is like. A figure that the picture can't have is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct PictureFigures {
    /// Share of the region of interest without depth, 0 to 1.
    pub depth_holes: Option<f32>,
    /// Noise of depth in mm, by [`depth_noise_floor_mm`].
    pub depth_noise_mm: Option<f32>,
    /// The visible belt against the one that the model was taught.
    pub belt: Option<BeltDrift>,
    /// The same against the one that the station was calibrated with.
    pub station_belt: Option<BeltDrift>,
    /// Mean luma, 0 to 255.
    pub brightness: Option<f32>,
    /// Share of pixels that are as bright as can be, 0 to 1.
    pub saturated: Option<f32>,
    /// Deviation of the Laplacian of luma over mean luma: how strong edges are, whatever the light.
    pub sharpness: Option<f32>,
    /// Of a live camera: share of pixels that were just the same in the picture before, 0 to 1.
    pub repeated: Option<f32>,
}

/// Measures the pictures of one product, one after the other. After the first picture of a size nothing is allocated.
#[derive(Debug, Clone)]
pub struct PictureMeter {
    roi: Option<Roi>,
    colour: bool,
    taught: Option<Plane>,
    station: Option<Plane>,
    finder: BeltFinder,
    differences: Vec<f32>,
    /// What each place showed before; none where pictures may truly repeat.
    before: Option<Vec<u8>>,
}

impl PictureMeter {
    /// For a product. `station` is where the station's own calibration has found the belt. Only pictures of a camera that
    /// `is_live` are compared with the one before: a recording may show one part twice.
    pub fn new(spec: &PrepareSpec, station: Option<Plane>, is_live: bool) -> Self {
        let taught = spec.geometry.as_ref().map(|geometry| geometry.belt);
        Self {
            roi: spec.roi,
            colour: spec.rgb.is_some(),
            taught,
            station,
            finder: BeltFinder::new(),
            differences: Vec::with_capacity(2 * PLACES),
            before: is_live.then(|| Vec::with_capacity(2 * PLACES * PRINT)),
        }
    }

    /// Looks at a picture; what the product does not use is not looked at.
    pub fn measure(&mut self, frame: &FramePair) -> PictureFigures {
        let size = frame.size();
        let is_inside =
            |roi: &Roi| roi.x + roi.width <= size.width && roi.y + roi.height <= size.height;
        let roi = self
            .roi
            .filter(is_inside)
            .unwrap_or_else(|| Roi::whole(size));
        let mut figures = PictureFigures::default();
        if let Some(picture) = frame.rgb().filter(|_| self.colour) {
            let colour = ColourFigures::sampled(picture, Some(roi), step(roi));
            figures.brightness = Some(colour.brightness);
            figures.saturated = Some(colour.saturated_share);
            figures.sharpness = Some(colour.sharpness.sqrt() / colour.brightness.max(1.0));
        }
        if let (Some(depth), Some(taught)) = (frame.depth(), self.taught) {
            figures.depth_holes = Some(holes(depth, roi));
            figures.depth_noise_mm = noise_mm(depth, roi, &mut self.differences);
            let found = self.finder.find(frame, roi, &taught);
            figures.belt = found.map(|found| BeltDrift::between(&taught, &found));
            let station = self.station.zip(found);
            figures.station_belt = station.map(|(known, found)| BeltDrift::between(&known, &found));
        }
        if let Some(before) = &mut self.before {
            figures.repeated = repeated(frame, roi, before);
        }
        figures
    }
}

/// Pixels from place to place, along rows and columns.
fn step(roi: Roi) -> usize {
    let pixels = (roi.width * roi.height) as f64;
    ((pixels / PLACES as f64).sqrt().ceil() as usize).max(1)
}

/// The noise of a depth picture in mm: by second differences along rows, of which planes and
/// slopes have none. Edges and curved places have large ones, so that only the smaller half counts, and the deviation
/// follows as if the noise were normal. `None` if nowhere three places in a row were measured.
pub fn depth_noise_floor_mm(depth: &DepthFrame) -> Option<f32> {
    noise_mm(depth, Roi::whole(depth.size()), &mut Vec::new())
}

fn noise_mm(depth: &DepthFrame, roi: Roi, differences: &mut Vec<f32>) -> Option<f32> {
    let step = step(roi);
    let width = depth.size().width;
    differences.clear();
    for row in (roi.y + step / 2..roi.y + roi.height).step_by(step) {
        for column in (roi.x..(roi.x + roi.width).saturating_sub(2 * LAG)).step_by(step) {
            let at = row * width + column;
            let [left, middle, right] = [at, at + LAG, at + 2 * LAG].map(|at| z_mm(depth, at));
            if left > 0.0 && middle > 0.0 && right > 0.0 {
                differences.push((left - 2.0 * middle + right).abs());
            }
        }
    }
    let half = differences.len().div_ceil(2);
    if half == 0 {
        return None;
    }
    differences.select_nth_unstable_by(half - 1, f32::total_cmp);
    let sum: f64 = differences.iter().take(half).copied().map(f64::from).sum();
    // Variances of independent values add up: 1 + 4 + 1.
    Some((sum / half as f64) as f32 / SMALLER_HALF / 6.0_f32.sqrt())
}

/// Share of a region's places without depth.
fn holes(depth: &DepthFrame, roi: Roi) -> f32 {
    let (mut missing, mut all) = (0_u32, 0_u32);
    places(roi, depth.size().width, |at| {
        all += 1;
        missing += u32::from(z_mm(depth, at) <= 0.0);
    });
    missing as f32 / all.max(1) as f32
}

/// Share of a region's places that are as they were before, and what they are like now; `None` for the first picture.
fn repeated(frame: &FramePair, roi: Roi, before: &mut Vec<u8>) -> Option<f32> {
    let (mut next, mut same, mut all) = (0_usize, 0_u32, 0_u32);
    let had = before.len();
    places(roi, frame.size().width, |at| {
        let print = print(frame.rgb(), frame.depth(), at);
        all += 1;
        match before.get_mut(next..next + PRINT) {
            Some(known) => {
                same += u32::from(*known == print);
                known.copy_from_slice(&print);
            }
            None => before.extend_from_slice(&print),
        }
        next += PRINT;
    });
    before.truncate(next);
    (had == next && all > 0).then(|| same as f32 / all as f32)
}

fn print(rgb: Option<&RgbFrame>, depth: Option<&DepthFrame>, at: usize) -> [u8; PRINT] {
    let colour = rgb.and_then(|rgb| rgb.data().get(3 * at..3 * at + 3));
    let [r, g, b] = match colour {
        Some([r, g, b]) => [*r, *g, *b],
        _ => [0; 3],
    };
    let depth = match depth {
        Some(DepthFrame::Counts(counts)) => counts.data().get(at).map(|count| *count as u8),
        Some(DepthFrame::Points(points)) => {
            let point = points.data().get(at);
            point.map(|point| (point[2].to_bits() >> 8) as u8)
        }
        None => None,
    };
    [r, g, b, depth.unwrap_or_default()]
}

fn places(roi: Roi, width: usize, mut visit: impl FnMut(usize)) {
    let step = step(roi);
    for row in (roi.y + step / 2..roi.y + roi.height).step_by(step) {
        for column in (roi.x + step / 2..roi.x + roi.width).step_by(step) {
            visit(row * width + column);
        }
    }
}

/// Distance along the optical axis, 0 where nothing was measured.
fn z_mm(depth: &DepthFrame, at: usize) -> f32 {
    match depth {
        DepthFrame::Counts(counts) => {
            let count = counts.data().get(at).copied().unwrap_or_default();
            (f64::from(count) * counts.unit_m() * 1000.0) as f32
        }
        DepthFrame::Points(points) => match points.data().get(at) {
            Some(point) if point_is_measured(*point) => point[2],
            _ => 0.0,
        },
    }
}
