//! Whether parts come from the camera that a model was made with.
//!
//! A model that was trained with another camera, distance or depth unit sees every part as
//! defective, or worse, does not.

use crate::frame::{FramePair, FrameSize, Intrinsics};
use crate::number::{number, rounded};
use crate::plane::Plane;

/// Largest relative difference of focal lengths.
const FOCAL_TOLERANCE: f64 = 0.02;
/// Largest distance between principal points, as a share of the frame's longer side.
const CENTRE_TOLERANCE: f64 = 0.02;
/// Largest difference between the places at which two lenses show what is seen at the frame's sides, as the same share.
const LENS_TOLERANCE: f64 = 0.02;
/// Largest relative difference of distances to the belt.
const DISTANCE_TOLERANCE: f64 = 0.05;
/// Largest factor between the distance to the taught belt and that of most that a camera measures.
/// Parts may fill the picture and stand high; a wrong unit is further off.
const MEASURED_FACTOR: f64 = 3.0;
/// Pixels a side of the grid on which a frame is measured.
const GRID: usize = 32;

/// A camera as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownCamera {
    /// Size of its frames.
    pub frame: FrameSize,
    /// Where the frames are seen from.
    pub intrinsics: Option<Intrinsics>,
    /// Metres a count of its depth.
    pub depth_unit_m: Option<f64>,
    /// Distance to the empty belt in millimetres.
    pub distance_mm: Option<f64>,
}

impl KnownCamera {
    /// Everything in which the camera that took the parts differs from this one, for people. What
    /// either does not know is no difference.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.frame != found.frame {
            differences.push(format!(
                "frame size: bundle {}, camera {}",
                self.frame, found.frame
            ));
        } else if let (Some(known), Some(found)) = (&self.intrinsics, &found.intrinsics) {
            differences.extend(of_intrinsics(known, found));
        }
        if let (Some(known), Some(found)) = (self.depth_unit_m, found.depth_unit_m)
            && known != found
        {
            let (known, found) = (number(known), number(found));
            differences.push(format!("depth unit: bundle {known} m, camera {found} m"));
        }
        if let (Some(known), Some(found)) = (self.distance_mm, found.distance_mm)
            && (known - found).abs() > DISTANCE_TOLERANCE * known
        {
            let (known, found) = (rounded(known, 0), rounded(found, 0));
            differences.push(format!(
                "distance to the belt: bundle {known} mm, camera {found} mm"
            ));
        }
        differences
    }
}

fn of_intrinsics(known: &Intrinsics, found: &Intrinsics) -> Vec<String> {
    let longer_px = known.width.max(known.height) as f64;
    let centre_px = CENTRE_TOLERANCE * longer_px;
    let mut differences: Vec<String> = [
        ("fx", known.fx, found.fx, FOCAL_TOLERANCE * known.fx),
        ("fy", known.fy, found.fy, FOCAL_TOLERANCE * known.fy),
        ("cx", known.cx, found.cx, centre_px),
        ("cy", known.cy, found.cy, centre_px),
    ]
    .into_iter()
    .filter(|(_, known, found, tolerance)| (known - found).abs() > *tolerance)
    .map(|(name, known, found, _)| {
        let (known, found) = (rounded(known, 1), rounded(found, 1));
        format!("{name}: bundle {known} px, camera {found} px")
    })
    .collect();
    let shift_px = known.lens_shift_px(&found.distortion);
    if shift_px > LENS_TOLERANCE * longer_px {
        let list = |lens: [f64; 5]| lens.map(|value| rounded(value, 4)).join(", ");
        differences.push(format!(
            "distortion: bundle [{}], camera [{}], by which the picture's sides lie up to {} px elsewhere",
            list(known.distortion),
            list(found.distortion),
            rounded(shift_px, 0)
        ));
    }
    differences
}

/// How far most of a frame lies from the camera, against the taught belt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Distance to the taught belt along the optical axis.
    pub belt_mm: f64,
    /// The median of what the frame measures.
    pub median_mm: f64,
}

impl Measured {
    /// `None` for a frame that measures nothing.
    pub fn of(frame: &FramePair, belt: &Plane) -> Option<Self> {
        Some(Self {
            belt_mm: belt.offset_mm / belt.normal[2],
            median_mm: median_mm(frame)?,
        })
    }

    /// Whether that can be the belt with parts on it. If not, most likely the unit of depth is wrong,
    /// and each part would leave without a result.
    pub fn is_near(&self) -> bool {
        let near = self.belt_mm / MEASURED_FACTOR..=self.belt_mm * MEASURED_FACTOR;
        near.contains(&self.median_mm)
    }

    /// The difference, for people.
    pub fn tell(&self, part: &str) -> String {
        format!(
            "distance to the belt: bundle {} mm, part {part} was measured at {} mm",
            rounded(self.belt_mm, 0),
            rounded(self.median_mm, 0)
        )
    }
}

fn median_mm(frame: &FramePair) -> Option<f64> {
    let size = frame.size();
    let rows = (0..size.height).step_by(size.height.div_ceil(GRID));
    let mut distances_mm: Vec<f64> = rows
        .flat_map(|row| {
            let columns = (0..size.width).step_by(size.width.div_ceil(GRID));
            columns.filter_map(move |column| Some(frame.point(column, row)?[2]))
        })
        .collect();
    let middle = distances_mm.len() / 2;
    (!distances_mm.is_empty()).then(|| {
        *distances_mm
            .select_nth_unstable_by(middle, f64::total_cmp)
            .1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{DepthCounts, DepthFrame};

    const INTRINSICS: Intrinsics = Intrinsics {
        width: 320,
        height: 240,
        fx: 915.0,
        fy: 915.0,
        cx: 160.0,
        cy: 120.0,
        distortion: [0.0; 5],
    };
    const KNOWN: KnownCamera = KnownCamera {
        frame: FrameSize {
            width: 320,
            height: 240,
        },
        intrinsics: Some(INTRINSICS),
        depth_unit_m: Some(0.0001),
        distance_mm: Some(450.0),
    };

    fn check(change: impl FnOnce(&mut KnownCamera, &mut Intrinsics), expected: &[&str]) {
        let (mut found, mut intrinsics) = (KNOWN, INTRINSICS);
        change(&mut found, &mut intrinsics);
        found.intrinsics = found.intrinsics.map(|_| intrinsics);
        let differences = KNOWN.differences(&found);
        assert_eq!(differences.len(), expected.len(), "{differences:?}");
        for (difference, expected) in differences.iter().zip(expected) {
            assert!(difference.starts_with(expected), "{difference}");
        }
    }

    #[test]
    fn calibration_of_the_same_kind_of_camera_may_differ_a_little() {
        check(|_, _| {}, &[]);
        check(|_, intrinsics| intrinsics.fx = 925.0, &[]);
        check(|camera, _| camera.distance_mm = Some(455.0), &[]);
        check(|camera, _| camera.intrinsics = None, &[]);
        let lens = [-0.055, 0.065, 0.0003, -0.0005, -0.02];
        check(|_, intrinsics| intrinsics.distortion = lens, &[]);
    }

    #[test]
    fn everything_that_differs_is_named_and_stays_short() {
        check(
            |camera, intrinsics| {
                intrinsics.fx = 1e308;
                camera.depth_unit_m = Some(1e-300);
                camera.distance_mm = Some(600.0);
            },
            &[
                "fx: bundle 915.0 px, camera 1e308 px",
                "depth unit: bundle 0.0001 m, camera 1e-300 m",
                "distance to the belt: bundle 450 mm, camera 600 mm",
            ],
        );
        let lens = [0.0, 0.0, 0.0, 0.1, 0.0];
        check(
            |_, intrinsics| intrinsics.distortion = lens,
            &["distortion: bundle [0.0000, "],
        );
        check(
            |camera, _| camera.frame.width = 640,
            &["frame size: bundle 320 x 240, camera 640 x 240"],
        );
    }

    #[test]
    fn a_wrong_unit_lies_nowhere_near_the_belt() {
        let belt = Plane {
            normal: [0.0, 0.0, -1.0],
            offset_mm: -450.0,
        };
        let size = KNOWN.frame;
        let frame = |unit_m: f64, count: u16| {
            let counts = DepthCounts::new(size, unit_m, vec![count; size.pixels()]).unwrap();
            FramePair::new(None, Some(DepthFrame::Counts(counts)), Some(INTRINSICS)).unwrap()
        };
        let near = |frame: FramePair| Measured::of(&frame, &belt).map(|found| found.is_near());
        assert_eq!(near(frame(0.0001, 4400)), Some(true));
        assert_eq!(near(frame(0.001, 4400)), Some(false));
        assert_eq!(near(frame(0.0001, 0)), None);
    }
}
