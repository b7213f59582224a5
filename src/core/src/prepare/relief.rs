//! From depth to height above the belt: the frame's points, its own belt, and one row of heights.

use super::part::Belt;
use super::spec::{BeltBounds, GeometrySpec, Roi};
use crate::frame::{DepthFrame, FramePair, Intrinsics, point_is_measured};
use crate::plane::{self, Plane};

/// Belt points of a frame that the refinement looks at; more would not move the plane.
const BELT_SAMPLES_MAX: usize = 3000;
/// Share of the samples that must lie on the belt for its refinement to count.
const BELT_SHARE_MIN: f64 = 0.05;
/// Points this close to the taught belt may be belt.
const BELT_BAND_MM: f64 = BeltBounds::MOST.offset_mm;

/// Rays through the columns and rows of the region of interest.
#[derive(Debug, Clone, PartialEq)]
enum Rays {
    /// Rectified frames: a ray's x depends on the column alone, its y on the row alone.
    Separable { x: Vec<f64>, y: Vec<f64> },
    /// Frames with lens distortion: `(x, y)` for each pixel of the region.
    Each(Vec<(f64, f64)>),
}

/// Geometry of one region of one camera, rebuilt only when either changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Relief {
    roi: Roi,
    intrinsics: Option<Intrinsics>,
    rays: Rays,
    samples: Vec<[f64; 3]>,
    residuals: Vec<f64>,
}

impl Relief {
    pub(super) fn new(roi: Roi, intrinsics: Option<Intrinsics>) -> Self {
        let rays = match intrinsics {
            Some(camera) if camera.distortion != [0.0; 5] => {
                let ray = |index: usize| {
                    let (row, column) = (roi.y + index / roi.width, roi.x + index % roi.width);
                    camera.ray(column as f64, row as f64)
                };
                Rays::Each((0..roi.width * roi.height).map(ray).collect())
            }
            Some(camera) => Rays::Separable {
                x: (0..roi.width)
                    .map(|column| camera.ray((roi.x + column) as f64, 0.0).0)
                    .collect(),
                y: (0..roi.height)
                    .map(|row| camera.ray(0.0, (roi.y + row) as f64).1)
                    .collect(),
            },
            None => Rays::Each(Vec::new()),
        };
        Self {
            roi,
            intrinsics,
            rays,
            samples: Vec::with_capacity(BELT_SAMPLES_MAX),
            residuals: Vec::with_capacity(BELT_SAMPLES_MAX),
        }
    }

    /// Whether this geometry still fits.
    pub(super) fn fits(&self, roi: Roi, intrinsics: Option<&Intrinsics>) -> bool {
        self.roi == roi && self.intrinsics.as_ref() == intrinsics
    }

    /// Fits the frame's own belt near the taught one and says whether it may be used.
    pub(super) fn belt(&mut self, frame: &FramePair, spec: &GeometrySpec) -> Belt {
        let taught = spec.belt;
        let mut samples = std::mem::take(&mut self.samples);
        samples.clear();
        let step = ((self.roi.width * self.roi.height) as f64 / BELT_SAMPLES_MAX as f64)
            .sqrt()
            .ceil() as usize;
        let mut looked_at = 0_usize;
        for row in (step / 2..self.roi.height).step_by(step) {
            for column in (step / 2..self.roi.width).step_by(step) {
                looked_at += 1;
                let point = frame.point(self.roi.x + column, self.roi.y + row);
                if let Some(point) =
                    point.filter(|&point| taught.height_mm(point).abs() < BELT_BAND_MM)
                {
                    samples.push(point);
                }
            }
        }
        let points_min = ((looked_at as f64 * BELT_SHARE_MIN) as usize).max(16);
        let refined = plane::refine(&taught, &samples, points_min, &mut self.residuals);
        self.samples = samples;
        match refined {
            None => Belt::NotSeen(taught),
            Some(plane) if self.within_bounds(&plane, spec) => Belt::Refined(plane),
            Some(_) => Belt::OutOfBounds(taught),
        }
    }

    fn within_bounds(&self, plane: &Plane, spec: &GeometrySpec) -> bool {
        // Where the optical axis meets the taught belt stands in for the middle of the region.
        let z = spec.belt.offset_mm / spec.belt.normal[2];
        plane.angle_deg(&spec.belt) <= spec.belt_bounds.tilt_deg
            && plane.height_mm([0.0, 0.0, z]).abs() <= spec.belt_bounds.offset_mm
    }

    /// Millimetres between neighbouring columns and rows at the plane's distance.
    pub(super) fn pitch_mm(&self, plane: &Plane) -> Option<(f32, f32)> {
        let camera = self.intrinsics?;
        let distance = plane.offset_mm / plane.normal[2];
        Some(((distance / camera.fx) as f32, (distance / camera.fy) as f32))
    }

    /// Writes `(height * valid, valid)` pairs for one row of the region.
    pub(super) fn row(&self, depth: &DepthFrame, plane: &Plane, row: usize, pairs: &mut [f32]) {
        let from = (self.roi.y + row) * depth.size().width + self.roi.x;
        let offset = plane.offset_mm as f32;
        match depth {
            DepthFrame::Counts(counts) => {
                let unit_mm = (counts.unit_m() * 1000.0) as f32;
                let counts = &counts.data()[from..from + self.roi.width];
                let along = |(x, y): (f64, f64)| {
                    (plane.normal[0] * x + plane.normal[1] * y + plane.normal[2]) as f32
                };
                let fill = |pair: &mut [f32], count: u16, along: f32| {
                    let valid = f32::from(u8::from(count > 0));
                    pair[0] = valid * (f32::from(count) * unit_mm * along - offset);
                    pair[1] = valid;
                };
                match &self.rays {
                    Rays::Separable { x, y } => {
                        for ((pair, &count), &x) in pairs.chunks_exact_mut(2).zip(counts).zip(x) {
                            fill(pair, count, along((x, y[row])));
                        }
                    }
                    Rays::Each(rays) => {
                        let rays = &rays[row * self.roi.width..];
                        for ((pair, &count), &ray) in
                            pairs.chunks_exact_mut(2).zip(counts).zip(rays)
                        {
                            fill(pair, count, along(ray));
                        }
                    }
                }
            }
            DepthFrame::Points(points) => {
                let normal = plane.normal.map(|value| value as f32);
                let points = &points.data()[from..from + self.roi.width];
                for (pair, point) in pairs.chunks_exact_mut(2).zip(points) {
                    let height =
                        normal[0] * point[0] + normal[1] * point[1] + normal[2] * point[2] - offset;
                    (pair[0], pair[1]) = if point_is_measured(*point) {
                        (height, 1.0)
                    } else {
                        (0.0, 0.0)
                    };
                }
            }
        }
    }
}
