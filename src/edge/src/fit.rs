//! Whether a bundle belongs to a camera.
//!
//! A model that was trained with another camera, distance or depth unit sees every part as
//! defective, or worse, does not. So bundle and camera are compared before the first part, and
//! where the belt was taught with where the first parts were measured.

use twinspect_bundle::Bundle;
use twinspect_camera::realsense::CameraFacts as LiveFacts;
use twinspect_core::camera_fit::KnownCamera;
use twinspect_core::frame::FrameSize;
use twinspect_core::lookout::{Lookout, LookoutError};
use twinspect_core::plane::Plane;
use twinspect_dataset::{Camera, Dataset, PartId};

use crate::config::WatchSpec;
use crate::error::EdgeError;

/// Recorded parts of which one must be readable.
const PARTS_READ: usize = 3;

/// Refuses a camera that the bundle was not made for, naming everything that differs.
pub(crate) fn check_camera(bundle: &Bundle, dataset: &dyn Dataset) -> Result<(), EdgeError> {
    let manifest = bundle.manifest();
    let known = manifest.camera.known();
    let mut differences = twinspect_dataset::differences(dataset, &known, &manifest.prepare);
    if differences.is_empty() && dataset.camera().is_none() {
        differences = seen_by_another(dataset, &known);
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(EdgeError::UnfitCamera {
        bundle: bundle.path().to_owned(),
        differences,
    })
}

/// In what the first part's picture differs from the bundle's, where the set names no camera; each with the part's name,
/// as sets mix pictures of several sizes.
fn seen_by_another(dataset: &dyn Dataset, known: &KnownCamera) -> Vec<String> {
    let parts = dataset.inspection_parts().into_iter();
    // A part that can't be read is told when it is its turn.
    let first = parts
        .take(PARTS_READ)
        .find_map(|part| Some((dataset.load(part).ok()?, part)));
    let Some((first, part)) = first else {
        return Vec::new();
    };
    let differences = known.differences(&KnownCamera {
        frame: first.frame.size(),
        intrinsics: first.frame.intrinsics().copied(),
        depth_unit_m: None,
        distance_mm: None,
    });
    let named = differences.into_iter();
    named.map(|told| format!("{}: {told}", part.id)).collect()
}

/// Refuses a part whose picture has another size than the bundle's camera takes: where no camera is named, nothing else tells.
pub(crate) fn check_size(bundle: &Bundle, part: &PartId, size: FrameSize) -> Result<(), EdgeError> {
    let known = bundle.manifest().camera.frame;
    if size == known {
        return Ok(());
    }
    Err(EdgeError::UnfitCamera {
        bundle: bundle.path().to_owned(),
        differences: vec![format!("{part}: frame size: bundle {known}, camera {size}")],
    })
}

/// Looks for the bundle's parts on the belt, which only height can tell from it.
pub(crate) fn lookout(bundle: &Bundle, watch: WatchSpec) -> Result<Lookout, EdgeError> {
    Lookout::new(watch.lookout, &bundle.manifest().prepare)
        .map_err(|source| unseeable(bundle, source))
}

/// The belt as the bundle was taught it.
pub(crate) fn taught_belt(bundle: &Bundle) -> Result<Plane, EdgeError> {
    let geometry = bundle.manifest().prepare.geometry.as_ref();
    let belt = geometry.map(|geometry| geometry.belt);
    belt.ok_or_else(|| unseeable(bundle, LookoutError::NoGeometry))
}

fn unseeable(bundle: &Bundle, source: LookoutError) -> EdgeError {
    EdgeError::Unseeable {
        bundle: bundle.path().to_owned(),
        source,
    }
}

/// Refuses a live camera that the bundle was not made for, naming everything that differs.
pub(crate) fn check_facts(bundle: &Bundle, facts: &LiveFacts) -> Result<(), EdgeError> {
    let camera = Camera {
        intrinsics: facts.intrinsics,
        depth_unit_m: Some(facts.depth_unit_m),
        // Where the belt is, the pictures say; see `twinspect check --camera`.
        distance_to_belt_mm: None,
    };
    let known = bundle.manifest().camera.known();
    let differences = known.differences(&camera.known());
    if differences.is_empty() {
        return Ok(());
    }
    Err(EdgeError::UnfitCamera {
        bundle: bundle.path().to_owned(),
        differences,
    })
}

/// Refuses a camera of colour alone, with pictures of this size, for a bundle that needs more or another size.
pub(crate) fn check_colour(bundle: &Bundle, size: FrameSize) -> Result<(), EdgeError> {
    let manifest = bundle.manifest();
    let mut differences = Vec::new();
    if manifest.prepare.geometry.is_some() {
        differences.push(
            "the bundle judges depth, a V4L2 camera has none: it needs a product that is inspected by colour \
             alone, or the station a RealSense camera"
                .to_owned(),
        );
    }
    if manifest.camera.frame != size {
        let known = manifest.camera.frame;
        differences.push(format!("frame size: bundle {known}, camera {size}"));
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(EdgeError::UnfitCamera {
        bundle: bundle.path().to_owned(),
        differences,
    })
}

#[cfg(test)]
mod tests {
    use twinspect_bundle::CameraFacts;
    use twinspect_core::frame::Intrinsics;

    use super::*;

    const INTRINSICS: Intrinsics = Intrinsics {
        width: 320,
        height: 240,
        fx: 915.0,
        fy: 915.0,
        cx: 160.0,
        cy: 120.0,
        distortion: [0.0; 5],
    };

    fn check(change: impl FnOnce(&mut Camera), expected: &[&str]) {
        let facts = CameraFacts {
            depth_unit_m: Some(0.0001),
            distance_mm: Some(450.0),
            frame: FrameSize {
                width: 320,
                height: 240,
            },
            intrinsics: Some(INTRINSICS),
        };
        let mut camera = Camera {
            intrinsics: INTRINSICS,
            depth_unit_m: Some(0.0001),
            distance_to_belt_mm: Some(450.0),
        };
        change(&mut camera);
        let differences = facts.known().differences(&camera.known());
        assert_eq!(differences.len(), expected.len(), "{differences:?}");
        for (difference, expected) in differences.iter().zip(expected) {
            assert!(difference.starts_with(expected), "{difference}");
        }
    }

    #[test]
    fn the_same_camera_fits() {
        check(|_| {}, &[]);
    }

    #[test]
    fn calibration_of_the_same_kind_of_camera_may_differ_a_little() {
        check(|camera| camera.intrinsics.fx = 925.0, &[]);
        check(|camera| camera.distance_to_belt_mm = Some(455.0), &[]);
        let lens = [-0.055, 0.065, 0.0003, -0.0005, -0.02];
        check(|camera| camera.intrinsics.distortion = lens, &[]);
    }

    #[test]
    fn everything_that_differs_is_named() {
        check(
            |camera| {
                camera.intrinsics.fx = 610.0;
                camera.depth_unit_m = Some(0.001);
            },
            &["fx: bundle 915.0 px, camera 610.0 px", "depth unit"],
        );
        check(
            |camera| camera.distance_to_belt_mm = Some(600.0),
            &["distance"],
        );
        check(
            |camera| camera.intrinsics.distortion = [0.0, 0.0, 0.0, 0.1, 0.0],
            &[
                "distortion: bundle [0.0000, 0.0000, 0.0000, 0.0000, 0.0000], camera [0.0000, 0.0000, 0.0000, 0.1000, 0.0000], by",
            ],
        );
    }

    #[test]
    fn impossible_numbers_stay_short() {
        check(
            |camera| {
                camera.intrinsics.fx = 1e308;
                camera.depth_unit_m = Some(1e-300);
            },
            &[
                "fx: bundle 915.0 px, camera 1e308 px",
                "depth unit: bundle 0.0001 m, camera 1e-300 m",
            ],
        );
    }

    #[test]
    fn another_frame_size_is_one_difference() {
        let change = |camera: &mut Camera| {
            camera.intrinsics.width = 640;
            camera.intrinsics.cx = 320.0;
        };
        check(change, &["frame size: bundle 320 x 240, camera 640 x 240"]);
    }
}
