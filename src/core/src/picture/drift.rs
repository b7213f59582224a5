//! Where a picture's own belt lies, however far it has moved.
//!
//! Preparation looks for the belt within some millimetres of the taught one, and rightly so: what lies further off may be
//! the part. Whoever asks whether the camera has moved must look further. The belt is looked for along the region's
//! sides, where training has found it too.

use serde::{Deserialize, Serialize};

use crate::frame::FramePair;
use crate::plane::{self, Plane};
use crate::prepare::Roi;
use crate::survey::{BELT_INLIER_MM, FACING_MIN, margin};

/// Places of the border that are looked at, about.
const PLACES: usize = 1200;
/// Share of the places that the belt takes at least.
const SHARE_MIN: f64 = 0.2;
/// A plane near to where the belt was, with so much of the points, is the belt: no other one is looked for.
const CLEAR: f64 = 0.6;
/// With so much of another plane's points it is preferred to that one, which may be the upper side of parts.
const RIVAL: f64 = 0.5;
/// Points this close to where the belt was are asked first, in mm.
const BAND_MM: f64 = 8.0;
/// Points that are asked for any other plane, and triples of them that are tried.
const ASKED: (usize, usize) = (400, 150);

/// How far a belt has moved against another one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BeltDrift {
    /// How much nearer to the camera, where the optical axis meets the other one, in mm.
    pub nearer_mm: f64,
    /// The angle between both in degrees, 0 or more.
    pub tilt_deg: f64,
}

impl BeltDrift {
    /// Of a belt against another one.
    pub fn between(from: &Plane, to: &Plane) -> Self {
        let meets_mm = from.offset_mm / from.normal[2];
        Self {
            nearer_mm: -to.height_mm([0.0, 0.0, meets_mm]),
            tilt_deg: to.angle_deg(from),
        }
    }
}

/// Finds the belt of one picture after the other. Its memory is used again, but where the belt has moved far.
#[derive(Debug, Clone, Default)]
pub(super) struct BeltFinder {
    points: Vec<[f64; 3]>,
    near: Vec<[f64; 3]>,
    residuals: Vec<f64>,
}

impl BeltFinder {
    /// Memory for every picture.
    pub(super) fn new() -> Self {
        // A step of whole pixels may take up to four times as many places as are wanted.
        let room = 4 * PLACES;
        Self {
            points: Vec::with_capacity(room),
            near: Vec::with_capacity(room),
            residuals: Vec::with_capacity(room),
        }
    }

    /// The picture's belt; `None` if too little of one is seen. `known` is where it was.
    pub(super) fn find(&mut self, frame: &FramePair, roi: Roi, known: &Plane) -> Option<Plane> {
        let looked_at = self.collect(frame, roi);
        let least = ((looked_at as f64 * SHARE_MIN) as usize).max(16);
        if self.points.len() < least {
            return None;
        }
        let near = self
            .settle(*known, least)
            .map(|plane| (plane, self.on(&plane)));
        if let Some((plane, count)) = near
            && count as f64 >= CLEAR * self.points.len() as f64
        {
            return Some(plane);
        }
        let (asked, draws) = ASKED;
        self.near.clear();
        let step = self.points.len().div_ceil(asked);
        self.near.extend(self.points.iter().copied().step_by(step));
        let far = Plane::teach(&self.near, BELT_INLIER_MM, draws)
            .and_then(|plane| self.settle(plane, least))
            .map(|plane| (plane, self.on(&plane)));
        let found = match (near, far) {
            (Some((near, near_count)), Some((far, far_count))) => {
                let is_near = near_count as f64 >= RIVAL * far_count as f64;
                Some(if is_near { near } else { far })
            }
            (one, other) => one.or(other).map(|(plane, _)| plane),
        };
        found.filter(|plane| plane.is_usable() && -plane.normal[2] >= FACING_MIN)
    }

    /// The plane through the points that lie near to this one.
    fn settle(&mut self, mut plane: Plane, least: usize) -> Option<Plane> {
        // A tilted belt leaves the first band at its ends and lies inside the second one.
        for _ in 0..2 {
            self.near.clear();
            let is_near = |point: &[f64; 3]| plane.height_mm(*point).abs() < BAND_MM;
            self.near
                .extend(self.points.iter().copied().filter(is_near));
            plane = plane::refine(&plane, &self.near, least, &mut self.residuals)?;
        }
        Some(plane)
    }

    /// How many points lie on a plane.
    fn on(&self, plane: &Plane) -> usize {
        let is_on = |point: &&[f64; 3]| plane.height_mm(**point).abs() < BELT_INLIER_MM;
        self.points.iter().filter(is_on).count()
    }

    /// Points along the region's sides; how many places were looked at.
    fn collect(&mut self, frame: &FramePair, roi: Roi) -> usize {
        let (margin_x, margin_y) = (margin(roi.width), margin(roi.height));
        let inner =
            roi.width.saturating_sub(2 * margin_x) * roi.height.saturating_sub(2 * margin_y);
        let border = roi.width * roi.height - inner;
        let step = ((border as f64 / PLACES as f64).sqrt().ceil() as usize).max(1);
        self.points.clear();
        let mut looked_at = 0;
        for row in (step / 2..roi.height).step_by(step) {
            let is_side_row = row < margin_y || row + margin_y >= roi.height;
            for column in (step / 2..roi.width).step_by(step) {
                if is_side_row || column < margin_x || column + margin_x >= roi.width {
                    looked_at += 1;
                    self.points.extend(frame.point(roi.x + column, roi.y + row));
                }
            }
        }
        looked_at
    }
}
