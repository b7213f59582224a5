//! Whether a bundle belongs to a camera.
//!
//! A model that was trained with another camera, distance or depth unit sees every part as
//! defective, or worse, does not. So bundle and camera are compared before the first part, and
//! where the belt was taught with where the first parts were measured.

use twinspect_bundle::{Bundle, CameraFacts};
use twinspect_camera::realsense::CameraFacts as LiveFacts;
use twinspect_core::camera_fit::{KnownCamera, Measured};
use twinspect_core::frame::{DepthFrame, FrameSize};
use twinspect_core::lookout::{Lookout, LookoutError};
use twinspect_core::plane::Plane;
use twinspect_dataset::{CAMERA_FILE, Camera, Dataset};

use crate::config::WatchSpec;
use crate::error::EdgeError;

/// Recorded parts that are looked at until one was measured where the belt is.
const PARTS_MEASURED: usize = 3;
/// Refuses a camera that the bundle was not made for, naming everything that differs.
pub(crate) fn check_camera(bundle: &Bundle, dataset: &dyn Dataset) -> Result<(), EdgeError> {
    let manifest = bundle.manifest();
    let mut differences = Vec::new();
    if manifest.prepare.rgb.is_some() && !dataset.modalities().rgb {
        differences.push("the bundle judges colour, the camera has none".to_owned());
    }
    if manifest.prepare.geometry.is_some() && !dataset.modalities().depth {
        differences.push("the bundle judges depth, the camera has none".to_owned());
    }
    if let Some(camera) = dataset.camera() {
        differences.extend(compare(&manifest.camera, camera));
    }
    if let Some(geometry) = manifest.prepare.geometry.as_ref()
        && differences.is_empty()
    {
        differences.extend(measured_elsewhere(&geometry.belt, dataset));
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(EdgeError::UnfitCamera {
        bundle: bundle.path().to_owned(),
        differences,
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
    let differences = compare(&bundle.manifest().camera, &camera);
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

/// Everything in which a camera differs from the one that a bundle knows.
fn compare(facts: &CameraFacts, camera: &Camera) -> Vec<String> {
    let known = KnownCamera {
        frame: facts.frame,
        intrinsics: facts.intrinsics,
        depth_unit_m: facts.depth_unit_m,
        distance_mm: facts.distance_mm,
    };
    known.differences(&KnownCamera {
        frame: camera.intrinsics.size(),
        intrinsics: Some(camera.intrinsics),
        depth_unit_m: camera.depth_unit_m,
        distance_mm: camera.distance_to_belt_mm,
    })
}

/// How far the first parts lie from the camera, if that is nowhere near the belt: most likely the
/// unit of their depth is wrong, and each of them would leave without a result.
fn measured_elsewhere(belt: &Plane, dataset: &dyn Dataset) -> Option<String> {
    let mut elsewhere = None;
    for part in dataset.inspection_parts().into_iter().take(PARTS_MEASURED) {
        // A part that can't be read is told when it is its turn.
        let Ok(loaded) = dataset.load(part) else {
            continue;
        };
        let Some(measured) = Measured::of(&loaded.frame, belt) else {
            continue;
        };
        if measured.is_near() {
            return None;
        }
        elsewhere.get_or_insert_with(|| {
            let doubt = match loaded.frame.depth() {
                Some(DepthFrame::Counts(counts)) => format!(
                    "is depth_unit_m = {:?} in {} right?",
                    counts.unit_m(),
                    dataset.root().join(CAMERA_FILE).display()
                ),
                Some(DepthFrame::Points(_)) | None => "are its points in metres?".to_owned(),
            };
            format!("{}; {doubt}", measured.tell(part.id.as_str()))
        });
    }
    elsewhere
}

#[cfg(test)]
mod tests {
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
        let differences = compare(&facts, &camera);
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
