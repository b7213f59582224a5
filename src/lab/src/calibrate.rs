//! New thresholds for a bundle from other good parts, as a station does it for itself.

use std::path::Path;

use twinspect_bundle::{Bundle, BundleError};
use twinspect_dataset::DatasetError;
use twinspect_engine::calibrate::{CalibrateError, Calibrator, Recalibrated, require_new};
use twinspect_engine::{EngineError, TractEngine};

use crate::camera_fit::{UnfitCamera, check_camera, check_size};

/// A bundle that could not be calibrated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecalibrateError {
    /// The bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The data set.
    #[error("reading the data set")]
    Data(#[from] DatasetError),
    /// A bundle of another camera.
    #[error(transparent)]
    Camera(#[from] UnfitCamera),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The fit.
    #[error(transparent)]
    Fit(#[from] CalibrateError),
}

impl RecalibrateError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Bundle(error) => error.hint(),
            Self::Data(error) => error.hint().map(Into::into),
            Self::Camera(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Fit(error) => error.hint(),
        }
    }
}

/// What to fit, and where to leave it.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) bundle: &'a Path,
    pub(crate) data: &'a Path,
    pub(crate) out: &'a Path,
    pub(crate) false_reject_rate: Option<f64>,
    pub(crate) accept_shift: bool,
    pub(crate) created: String,
}

/// Fits, and writes the new bundle.
pub(crate) fn calibrate(job: &Job<'_>) -> Result<Recalibrated, RecalibrateError> {
    let bundle = Bundle::open(job.bundle)?;
    require_new(bundle.path(), job.out)?;
    let dataset = twinspect_dataset::open(job.data)?;
    check_camera(&bundle, dataset.as_ref())?;
    let mut engine = TractEngine::load(&bundle)?;
    let mut calibrator = Calibrator::new(&mut engine, &bundle, job.false_reject_rate)?;
    if job.accept_shift {
        calibrator = calibrator.accept_any_shift();
    }
    for part in dataset.calibration_parts() {
        let loaded = dataset.load(&part)?;
        check_size(&bundle, dataset.as_ref(), &part.id, loaded.frame.size())?;
        calibrator.see(part.id.as_str(), &loaded.frame)?;
    }
    let made = calibrator.finish(job.created.clone(), dataset.name().to_owned())?;
    made.write_archive(job.out)?;
    Ok(made)
}
