//! The exit code that each error ends a command with.

use std::io;

use twinspect_bundle::BundleError;
use twinspect_camera::CameraError;
use twinspect_camera::realsense::RealSenseError;
use twinspect_dataset::WriteError;
use twinspect_engine::ProofError;
use twinspect_engine::calibrate::CalibrateError;
use twinspect_engine::tensorrt::PlanError;
use twinspect_store::models::ModelsError;
use twinspect_store::records::RecordsError;

use super::EdgeError;

impl EdgeError {
    /// The table of PRODUCT.md 3 and of `twinspect --help`.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::System { .. } => 1,
            Self::Config(_)
            | Self::Edited { .. }
            | Self::StationTaken { .. }
            | Self::Usage { .. }
            | Self::Unseeable { .. }
            | Self::Preset { .. }
            | Self::Page { .. }
            | Self::Station(_)
            | Self::Gate(_) => 2,
            Self::Control(error) => error.exit_code(),
            Self::Recording(WriteError::Writing { .. }) => 8,
            Self::Data(_)
            | Self::CameraFolder { .. }
            | Self::BrokenOff { .. }
            | Self::Recording(_)
            | Self::Prepare { .. }
            | Self::Camera(
                CameraError::Part { .. } | CameraError::NoParts { .. } | CameraError::NoBelt { .. },
            ) => 3,
            Self::Bundle(BundleError::Write { .. } | BundleError::Exists { .. })
            | Self::Calibrate(CalibrateError::Bundle(
                BundleError::Write { .. } | BundleError::Exists { .. },
            )) => 8,
            Self::Bundle(_)
            | Self::BundleReplaced { .. }
            | Self::Preparation { .. }
            | Self::Score { .. }
            | Self::UnfitCamera { .. } => 4,
            Self::Proof { source, .. } => proof_code(source),
            Self::Calibrate(error) => match error {
                CalibrateError::Rate { .. } | CalibrateError::SameFile { .. } => 2,
                CalibrateError::Infer { .. } => 5,
                CalibrateError::Proof(source) => proof_code(source),
                CalibrateError::Bundle(_)
                | CalibrateError::Spec(_)
                | CalibrateError::Score(_)
                | CalibrateError::Golden { .. } => 4,
                _ => 3,
            },
            Self::Engine(error) if error.is_the_bundle_s() => 4,
            Self::Engine(_) => 5,
            Self::Unusable(error) => error.code(),
            Self::Plans(error) if error.is_of_storage() => 8,
            Self::Plans(PlanError::NoModel { .. }) => 4,
            Self::Plans(_) => 5,
            Self::Camera(CameraError::RealSense(error))
                if matches!(**error, RealSenseError::Unwritten { .. }) =>
            {
                8
            }
            Self::Camera(CameraError::RealSense(error))
                if matches!(**error, RealSenseError::Ending { .. }) =>
            {
                2
            }
            Self::Camera(CameraError::RealSense(error)) if error.is_of_the_file() => 3,
            Self::Camera(error) if error.is_of_the_recording() => 3,
            Self::Camera(_)
            | Self::Survey(_)
            | Self::Implausible(_)
            | Self::NothingRecorded
            | Self::NothingNew { .. }
            | Self::NothingMeasured { .. } => 6,
            Self::Line(_) => 7,
            Self::Records(error) => records_code(error),
            Self::NotExported { .. } => 3,
            Self::NotAccepted { .. } => 9,
            Self::RecipeFailed { .. } => 4,
            Self::Store { .. }
            | Self::RecordsInUse { .. }
            | Self::RecordingExists { .. }
            | Self::NoRoom { .. }
            | Self::SlowDisk { .. }
            | Self::Output(_) => 8,
            Self::InspectProcess { code }
            | Self::NotProven { code, .. }
            | Self::Belied { code, .. }
            | Self::NotProvenAnew { code, .. } => *code,
            Self::ProofBroken { .. } => 5,
            Self::Unproven { .. } => 4,
            Self::Models(error) => models_code(error),
        }
    }
}

/// 2 for a wish, 3 for what lies in the folder, 8 for what the disk does.
fn records_code(error: &RecordsError) -> u8 {
    match error {
        RecordsError::Unknown { .. }
        | RecordsError::Unfit { .. }
        | RecordsError::Review(_)
        | RecordsError::Unlabelled { .. }
        | RecordsError::OutAmongRecords { .. } => 2,
        RecordsError::Damaged { .. }
        | RecordsError::Format { .. }
        | RecordsError::NoFrame { .. }
        | RecordsError::DefectInTraining { .. }
        | RecordsError::Pictures { .. } => 3,
        RecordsError::Export { .. } if !error.ends_an_export() => 3,
        _ => 8,
    }
}

/// 8 for what the disk does, or who else uses it; 4 for the model.
pub(crate) fn models_code(error: &ModelsError) -> u8 {
    match error {
        ModelsError::Bundle(BundleError::Write { .. }) => 8,
        error if error.is_of_storage() => 8,
        _ => 4,
    }
}

/// 4 if the bundle proves nothing, whatever the engine; else 5.
fn proof_code(error: &ProofError) -> u8 {
    if error.is_the_bundle_s() { 4 } else { 5 }
}
