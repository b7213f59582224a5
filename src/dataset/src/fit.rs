//! Whether a data set's parts come from the camera that a model knows, asked before the first part is judged.

use twinspect_core::camera_fit::{KnownCamera, Measured};
use twinspect_core::frame::DepthFrame;
use twinspect_core::plane::Plane;
use twinspect_core::prepare::PrepareSpec;

use crate::camera::CAMERA_FILE;
use crate::dataset::Dataset;

/// Recorded parts that are looked at until one was measured where the belt is.
const PARTS_MEASURED: usize = 3;

/// Everything in which a data set differs from what a model was made with, for people: modalities, camera, and where
/// the first parts were measured. Nothing if it fits.
pub fn differences(
    dataset: &dyn Dataset,
    known: &KnownCamera,
    prepare: &PrepareSpec,
) -> Vec<String> {
    let has = dataset.modalities();
    let mut differences = Vec::new();
    if prepare.rgb.is_some() && !has.rgb {
        differences.push("the bundle judges colour, the camera has none".to_owned());
    }
    if prepare.geometry.is_some() && !has.depth {
        differences.push("the bundle judges depth, the camera has none".to_owned());
    }
    if let Some(camera) = dataset.camera() {
        differences.extend(known.differences(&camera.known()));
    }
    if let Some(geometry) = &prepare.geometry
        && differences.is_empty()
    {
        differences.extend(measured_elsewhere(&geometry.belt, dataset));
    }
    differences
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
