//! Whether a bundle belongs to the camera of a data set, as the device asks it before the first part.

use std::path::PathBuf;

use twinspect_bundle::{Bundle, CameraFacts};
use twinspect_core::camera_fit::{KnownCamera, Measured};
use twinspect_core::frame::DepthFrame;
use twinspect_core::plane::Plane;
use twinspect_dataset::{CAMERA_FILE, Camera, Dataset};

/// Recorded parts that are looked at until one was measured where the belt is.
const PARTS_MEASURED: usize = 3;

/// Bundle and camera do not belong together.
#[derive(Debug, thiserror::Error)]
#[error("the camera of {} does not fit bundle {}: {}", data.display(), bundle.display(), differences.join("; "))]
pub(crate) struct UnfitCamera {
    data: PathBuf,
    bundle: PathBuf,
    differences: Vec<String>,
}

impl UnfitCamera {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        Some(
            "use a bundle that was trained with this camera and this distance, or record good parts with it \
             and train again"
                .into(),
        )
    }
}

/// Refuses a camera that the bundle was not made for, naming everything that differs.
pub(crate) fn check_camera(bundle: &Bundle, dataset: &dyn Dataset) -> Result<(), UnfitCamera> {
    let manifest = bundle.manifest();
    let has = dataset.modalities();
    let mut differences = Vec::new();
    if manifest.prepare.rgb.is_some() && !has.rgb {
        differences.push("the bundle judges colour, the camera has none".to_owned());
    }
    if manifest.prepare.geometry.is_some() && !has.depth {
        differences.push("the bundle judges depth, the camera has none".to_owned());
    }
    if let Some(camera) = dataset.camera() {
        differences.extend(known(&manifest.camera).differences(&found(camera)));
    }
    if let Some(geometry) = &manifest.prepare.geometry
        && differences.is_empty()
    {
        differences.extend(measured_elsewhere(&geometry.belt, dataset));
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(UnfitCamera {
        data: dataset.root().to_owned(),
        bundle: bundle.path().to_owned(),
        differences,
    })
}

fn known(facts: &CameraFacts) -> KnownCamera {
    KnownCamera {
        frame: facts.frame,
        intrinsics: facts.intrinsics,
        depth_unit_m: facts.depth_unit_m,
        distance_mm: facts.distance_mm,
    }
}

fn found(camera: &Camera) -> KnownCamera {
    KnownCamera {
        frame: camera.intrinsics.size(),
        intrinsics: Some(camera.intrinsics),
        depth_unit_m: camera.depth_unit_m,
        distance_mm: camera.distance_to_belt_mm,
    }
}

/// How far the first parts lie from the camera, if that is nowhere near the belt.
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
