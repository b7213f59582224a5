//! Whether a bundle belongs to the camera of a data set, as the device asks it before the first part, and whether what
//! the set tells of its camera is so.

use std::path::PathBuf;

use twinspect_bundle::{Bundle, CameraFacts};
use twinspect_core::frame::FrameSize;
use twinspect_core::prepare::PrepareSpec;
use twinspect_dataset::{Dataset, PartId};

/// What a tape measure may be off, as a share of the distance: beyond it somebody moved the camera, or took another unit.
const DISTANCE_SHARE_MAX: f64 = 0.05;

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

/// Refuses a part whose picture has another size than the bundle's camera takes: where no camera is named, nothing else tells.
pub(crate) fn check_size(
    bundle: &Bundle,
    dataset: &dyn Dataset,
    part: &PartId,
    size: FrameSize,
) -> Result<(), UnfitCamera> {
    let known = bundle.manifest().camera.frame;
    if size == known {
        return Ok(());
    }
    Err(UnfitCamera {
        data: dataset.root().to_owned(),
        bundle: bundle.path().to_owned(),
        differences: vec![format!(
            "frame size of {part}: bundle {known}, camera {size}"
        )],
    })
}

/// How many pictures have another size than the bundle's camera takes: sets from elsewhere mix sizes, and none is refused for
/// some of them. A set without a single picture of that size is another camera's.
pub(crate) fn other_sizes(
    bundle: &Bundle,
    dataset: &dyn Dataset,
    pictures: &[(&PartId, FrameSize)],
) -> Result<usize, UnfitCamera> {
    let known = bundle.manifest().camera.frame;
    let others: Vec<_> = pictures.iter().filter(|(_, size)| *size != known).collect();
    if let Some((part, size)) = others.first()
        && others.len() == pictures.len()
    {
        check_size(bundle, dataset, part, *size)?;
    }
    Ok(others.len())
}

/// The distance that was told and that of the belt that parts lie on, both in millimetres, if they contradict each other.
pub(crate) fn other_distance(camera: &CameraFacts, spec: &PrepareSpec) -> Option<(f64, f64)> {
    let belt = spec.geometry.as_ref()?.belt;
    let seen_mm = (belt.offset_mm / belt.normal[2]).abs();
    let told_mm = camera.distance_mm?;
    ((told_mm - seen_mm).abs() > DISTANCE_SHARE_MAX * seen_mm).then_some((told_mm, seen_mm))
}
