//! Whether a bundle belongs to the camera of a data set, as the device asks it before the first part.

use std::path::PathBuf;

use twinspect_bundle::Bundle;
use twinspect_dataset::Dataset;

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
    let known = manifest.camera.known();
    let differences = twinspect_dataset::differences(dataset, &known, &manifest.prepare);
    if differences.is_empty() {
        return Ok(());
    }
    Err(UnfitCamera {
        data: dataset.root().to_owned(),
        bundle: bundle.path().to_owned(),
        differences,
    })
}
