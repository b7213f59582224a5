//! New thresholds for a bundle from other good parts, as a station does it for itself.

use std::path::{Path, PathBuf};

use twinspect_bundle::{Bundle, BundleError};
use twinspect_dataset::{DatasetError, Split};
use twinspect_engine::calibrate::{CalibrateError, Calibrator, Recalibrated};
use twinspect_engine::{EngineError, ProofError, TractEngine, prove};

use crate::good_parts::{self, PartsError};

/// A bundle that could not be calibrated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecalibrateError {
    /// The bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The data set.
    #[error("reading the data set")]
    Data(#[from] DatasetError),
    /// Its parts.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine does not reproduce the bundle.
    #[error("proving the engine with the bundle")]
    Proof(#[from] ProofError),
    /// The fit.
    #[error(transparent)]
    Fit(#[from] CalibrateError),
    /// A rate that is none.
    #[error("a false-reject rate of {rate}: expected a share between 0 and 1")]
    Rate {
        /// What was typed.
        rate: f64,
    },
    /// The old bundle would be gone.
    #[error("{} is the bundle that is read", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
}

impl RecalibrateError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Bundle(error) => error.hint(),
            Self::Data(error) => error.hint().map(Into::into),
            Self::Parts(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Proof(error) => error.hint(),
            Self::Fit(error) => error.hint(),
            Self::Rate { .. } => Some("0.02 is two of a hundred good parts".into()),
            Self::SameFile { .. } => Some("name another file with --out".into()),
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
    pub(crate) created: String,
}

/// Fits, and writes the new bundle.
pub(crate) fn calibrate(job: &Job<'_>) -> Result<Recalibrated, RecalibrateError> {
    if job.out.canonicalize().ok() == Some(job.bundle.canonicalize().unwrap_or_default()) {
        let path = job.out.to_owned();
        return Err(RecalibrateError::SameFile { path });
    }
    let bundle = Bundle::open(job.bundle)?;
    let old = bundle.manifest().score.fused.target_rate;
    let rate = job.false_reject_rate.unwrap_or(old);
    if !(rate > 0.0 && rate < 1.0) {
        return Err(RecalibrateError::Rate { rate });
    }
    let dataset = twinspect_dataset::open(job.data)?;
    let mut parts = good_parts::good(dataset.as_ref(), Split::Calibration, 0)?;
    if parts.is_empty() {
        parts = good_parts::good(dataset.as_ref(), Split::Validation, 0)?;
    }
    if parts.is_empty() {
        for split in Split::ALL {
            parts.extend(good_parts::good(dataset.as_ref(), split, 0)?);
        }
    }
    let mut engine = TractEngine::load(&bundle)?;
    prove(&mut engine, &bundle)?;
    let mut calibrator = Calibrator::new(&mut engine, &bundle)?;
    for part in &parts {
        let loaded = dataset.load(part)?;
        calibrator.see(part.id.as_str(), &loaded.frame)?;
    }
    let name = dataset.name().to_owned();
    let made = calibrator.finish(rate, job.created.clone(), name)?;
    made.bundle.write_archive(job.out)?;
    Ok(made)
}
