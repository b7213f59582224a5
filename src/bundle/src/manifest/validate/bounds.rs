//! What a camera, a preparation and an engine's tolerance can be. Some of these numbers guard something: that an empty belt is no
//! part, that the belt has not moved, that a network is the trainer's. A value that would switch a guard off is refused like one that
//! nothing measures. All that the trainer writes lies far inside, but for the tolerances, which are constants of it.
//!
//! **What is absent**: the least shares of part and depth. Earlier trainers wrote half of what the parts of a set showed, however little;
//! whoever judges by them raises them ([`PrepareSpec::part_share_min`], [`GeometrySpec::valid_share_min()`]).

use std::fmt::{Debug, Display};
use std::ops::RangeInclusive;

use twinspect_core::frame::FrameSize;
use twinspect_core::prepare::{BeltBounds, GeometrySpec, GroundSpec, PrepareSpec};

use super::{FRAME_SIDE_MAX, Problems};
use crate::manifest::{CameraFacts, Tolerance};

/// Metres a depth count: what a station's `realsense.depth_unit_m` may be.
const DEPTH_UNIT_M: RangeInclusive<f64> = 1e-6..=0.01;
/// From a camera to its belt along the optical axis. A station is calibrated from 50 mm to 5 m.
const DISTANCE_MM: RangeInclusive<f64> = 50.0..=20_000.0;
/// Above and below the belt: no part is higher than its camera hangs.
const HEIGHT_MM: RangeInclusive<f32> = -20_000.0..=20_000.0;
/// Where the foreground begins. The trainer writes 1 mm at least.
const FOREGROUND_MM: RangeInclusive<f32> = 0.2..=1000.0;
/// The same as a share of [`GeometrySpec::FOREGROUND_DEVIATIONS`], which the trainer writes at least. At 3.8 deviations the noise of
/// a bare belt covers 0.0042, less than [`PrepareSpec::PART_SHARE_LEAST`].
const FOREGROUND_SHARE_MIN: f32 = 0.95;
/// Levels of 255 by which parts differ from their ground. The trainer takes 16 and more.
const CONTRAST: RangeInclusive<f32> = 8.0..=255.0;
/// The trainer writes 0.001, and tract is within 0.0001 of it.
const TOLERANCE_F32_MAX: f32 = 0.01;
/// What the trainer writes. Sums of 16 bits miss it, as they should.
const TOLERANCE_F16_MAX: f32 = 0.02;

impl Problems {
    pub(super) fn product(&mut self, camera: &CameraFacts, prepare: &PrepareSpec) {
        self.camera(camera, prepare.geometry.is_some());
        self.prepare(prepare, camera.frame);
    }

    fn within<T>(&mut self, value: T, range: &RangeInclusive<T>, key: &str, of: &str)
    where
        T: PartialOrd + Debug + Display,
    {
        self.require(range.contains(&value), key, || {
            let (least, most) = (range.start(), range.end());
            format!("expected {least} to {most} {of}, found {value:?}")
        });
    }

    fn camera(&mut self, camera: &CameraFacts, is_by_depth: bool) {
        let FrameSize { width, height } = camera.frame;
        let sides = 1..=FRAME_SIDE_MAX;
        let fits = sides.contains(&width) && sides.contains(&height);
        self.require(fits, "camera.frame", || {
            format!(
                "expected sides of 1 to {FRAME_SIDE_MAX} pixels, found {}",
                camera.frame
            )
        });
        if let Some(intrinsics) = &camera.intrinsics {
            self.require(intrinsics.is_usable(), "camera.intrinsics", || {
                "expected finite numbers and positive focal lengths".to_owned()
            });
            let size = intrinsics.size();
            self.require(size == camera.frame, "camera.intrinsics", || {
                format!(
                    "belong to frames of {size}, camera.frame is {}",
                    camera.frame
                )
            });
        }
        if let Some(unit) = camera.depth_unit_m {
            self.within(
                unit,
                &DEPTH_UNIT_M,
                "camera.depth_unit_m",
                "metres a depth count",
            );
        }
        // Colour alone is judged at any distance.
        if let Some(distance) = camera.distance_mm.filter(|_| is_by_depth) {
            self.within(distance, &DISTANCE_MM, "camera.distance_mm", "mm");
        }
    }

    fn prepare(&mut self, spec: &PrepareSpec, frame: FrameSize) {
        match spec.validate() {
            Err(error) => self.require(false, "prepare", || error.to_string()),
            Ok(()) => {
                if let Some(geometry) = &spec.geometry {
                    self.geometry(geometry);
                }
                if let Some(ground) = &spec.ground {
                    self.ground(ground);
                }
            }
        }
        if let Some(geometry) = &spec.geometry {
            let widest = geometry.bank.sigma_px.iter().copied().fold(0.0, f32::max);
            let size = spec.size;
            self.require(
                f64::from(widest) <= size as f64,
                "prepare.geometry.bank.sigma_px",
                || format!("expected at most prepare.size, which is {size}, found {widest:?}"),
            );
        }
        if let Some(roi) = spec.roi {
            self.require(roi.lies_inside(frame), "prepare.roi", || {
                format!(
                    "{} x {} at ({}, {}) does not lie inside the frame of {frame}",
                    roi.width, roi.height, roi.x, roi.y
                )
            });
        }
    }

    /// Of numbers that are sound by themselves.
    fn geometry(&mut self, geometry: &GeometrySpec) {
        let key = |name: &str| format!("prepare.geometry.{name}");
        let distance_mm = geometry.belt.offset_mm / geometry.belt.normal[2];
        let of = "mm along the optical axis";
        self.within(distance_mm, &DISTANCE_MM, &key("belt"), of);
        let (bounds, most) = (&geometry.belt_bounds, BeltBounds::MOST);
        for (name, bound, most) in [
            ("belt_bounds.tilt_deg", bounds.tilt_deg, most.tilt_deg),
            ("belt_bounds.offset_mm", bounds.offset_mm, most.offset_mm),
        ] {
            self.require(bound <= most, &key(name), || {
                format!("expected at most {most}, found {bound:?}")
            });
        }
        let [low, high] = geometry.height_range_mm;
        let (lowest, highest) = (HEIGHT_MM.start(), HEIGHT_MM.end());
        let holds_belt = (*lowest..=0.0).contains(&low) && (0.0..=*highest).contains(&high);
        self.require(holds_belt, &key("height_range_mm"), || {
            format!(
                "expected heights from {lowest} to {highest} mm, with the belt's, 0, between them, found [{low:?}, {high:?}]"
            )
        });
        let (foreground_mm, most_mm) = (geometry.foreground_mm, *FOREGROUND_MM.end());
        let of_noise_mm = FOREGROUND_SHARE_MIN * geometry.foreground_of_noise_mm();
        let least_mm = of_noise_mm.max(*FOREGROUND_MM.start());
        let is_above = (least_mm..=most_mm).contains(&foreground_mm);
        self.require(is_above, &key("foreground_mm"), || {
            format!(
                "expected {least_mm} to {most_mm} mm, for the bare belt's noise is no part, found {foreground_mm:?}"
            )
        });
    }

    fn ground(&mut self, ground: &GroundSpec) {
        let of = "levels";
        self.within(ground.contrast, &CONTRAST, "prepare.ground.contrast", of);
    }

    pub(super) fn tolerance(&mut self, tolerance: &Tolerance) {
        let may_be = |value: f32, most: f32| value > 0.0 && value <= most;
        let (narrow, wide) = (tolerance.f32, tolerance.f16);
        let all = [
            ("tolerance.f32", narrow, TOLERANCE_F32_MAX),
            ("tolerance.f16", wide, TOLERANCE_F16_MAX),
        ];
        for (key, value, most) in all {
            self.require(may_be(value, most), key, || {
                format!("expected a share above 0 and at most {most}, found {value:?}")
            });
        }
        if all.iter().all(|(_, value, most)| may_be(*value, *most)) {
            self.require(narrow <= wide, "tolerance.f32", || {
                format!("expected at most tolerance.f16, which is {wide:?}, found {narrow:?}")
            });
        }
    }
}
