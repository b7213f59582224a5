//! Everything that can end a command, and the exit code that it ends with.

use std::error::Error;
use std::process::ExitCode;

use twinspect_bundle::BundleError;
use twinspect_engine::calibrate::CalibrateError;
use twinspect_engine::{EngineError, ProofError};

use crate::calibrate::RecalibrateError;
use crate::config::ConfigError;
use crate::evaluate::EvaluateError;
use crate::export::ExportError;
use crate::measure::MeasureError;
use crate::outputs::OutputError;
use crate::push::{HostsError, PushError};
use crate::report::ReportError;
use crate::run_folder::RunError;
use crate::synth::preview::SynthError;
use crate::train::{CheckpointError, TrainError};

/// Exit code where files can't be written or read.
pub(crate) const STORAGE: u8 = 8;

/// Why a command ended without having done what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LabError {
    /// A place to write to.
    #[error(transparent)]
    Outputs(#[from] OutputError),
    /// The training configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// `train`.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// `export`.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// `evaluate`.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// `measure`.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// `calibrate`.
    #[error(transparent)]
    Calibrate(#[from] RecalibrateError),
    /// `report`.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// `synth`.
    #[error(transparent)]
    Synth(#[from] SynthError),
    /// `push`.
    #[error(transparent)]
    Push(#[from] PushError),
    /// Standard output.
    #[error("writing to standard output")]
    Output(#[source] std::io::Error),
}

impl LabError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let storage = || match self.code() {
            STORAGE => Some("see that the folder is there, may be written to and has space".into()),
            _ => None,
        };
        self.own_hint().or_else(storage)
    }

    fn own_hint(&self) -> Option<String> {
        match self {
            Self::Outputs(error) => Some(error.hint()),
            Self::Config(error) => Some(error.hint()),
            Self::Train(error) => error.hint(),
            Self::Export(error) => error.hint(),
            Self::Evaluate(error) => error.hint(),
            Self::Measure(error) => error.hint(),
            Self::Calibrate(error) => error.hint(),
            Self::Report(error) => error.hint(),
            Self::Synth(error) => error.hint(),
            Self::Push(error) => error.hint(),
            Self::Output(_) => Some("see that the file or program that it goes to takes it".into()),
        }
    }

    /// The documented exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Outputs(OutputError::InData { .. }) | Self::Config(_) => 2,
            Self::Outputs(OutputError::NotAFolder { .. }) => STORAGE,
            Self::Train(error) => train_code(error),
            Self::Export(error) => export_code(error),
            Self::Evaluate(error) => evaluate_code(error),
            Self::Measure(MeasureError::SameName { .. }) => 2,
            Self::Measure(MeasureError::Train(error)) => train_code(error),
            Self::Measure(MeasureError::Export(error)) => export_code(error),
            Self::Measure(MeasureError::Evaluate(error)) => evaluate_code(error),
            Self::Calibrate(error) => calibrate_code(error),
            Self::Report(error) => report_code(error),
            Self::Synth(error) => synth_code(error),
            Self::Push(PushError::Bundle(error)) => bundle_code(error),
            Self::Push(PushError::Hosts(HostsError::Read { .. }) | PushError::Read { .. }) => {
                STORAGE
            }
            Self::Push(PushError::Hosts(_)) => 2,
            Self::Push(PushError::Threads(_)) => 1,
            Self::Measure(MeasureError::File { .. }) | Self::Output(_) => STORAGE,
        }
    }
}

fn train_code(error: &TrainError) -> u8 {
    match error {
        TrainError::Open(_)
        | TrainError::Hash(_)
        | TrainError::Parts(_)
        | TrainError::Product(_)
        | TrainError::Unfit { .. }
        | TrainError::Pictures(_) => 3,
        TrainError::NoBranch { .. } => 2,
        TrainError::Course { source, .. } if source.is_storage() => STORAGE,
        TrainError::Teacher(_) | TrainError::Pool(_) | TrainError::Course { .. } => 4,
        TrainError::Checkpoint(CheckpointError::Damaged { .. })
        | TrainError::Run(RunError::Record { .. }) => 4,
        TrainError::Checkpoint(_) | TrainError::Run(_) => STORAGE,
        TrainError::Stages(error) => export_code(error),
        TrainError::Gate(_) => 5,
        TrainError::Threads(_) | TrainError::Interrupted { .. } => 1,
    }
}

fn export_code(error: &ExportError) -> u8 {
    match error {
        ExportError::Data(_)
        | ExportError::Moved { .. }
        | ExportError::OtherData { .. }
        | ExportError::Hash(_)
        | ExportError::Unfit { .. }
        | ExportError::Parts(_)
        | ExportError::Fit(_)
        | ExportError::NoGolden { .. } => 3,
        ExportError::Engine(_) | ExportError::Proof(_) | ExportError::Model(_) => 5,
        ExportError::Run(error) => run_code(error),
        ExportError::Bundle(error) => bundle_code(error),
        _ => 4,
    }
}

fn run_code(error: &RunError) -> u8 {
    match error {
        RunError::File { .. } => STORAGE,
        _ => 4,
    }
}

fn calibrate_code(error: &RecalibrateError) -> u8 {
    match error {
        RecalibrateError::Data(_) => 3,
        RecalibrateError::Bundle(error) => bundle_code(error),
        RecalibrateError::Engine(error) => engine_code(error),
        RecalibrateError::Camera(_) => 4,
        RecalibrateError::Fit(error) => match error {
            CalibrateError::Rate { .. } | CalibrateError::SameFile { .. } => 2,
            CalibrateError::Bundle(error) => bundle_code(error),
            CalibrateError::Infer { .. } => 5,
            CalibrateError::Proof(source) => proof_code(source),
            CalibrateError::Spec(_) | CalibrateError::Score(_) | CalibrateError::Golden { .. } => 4,
            _ => 3,
        },
    }
}

/// A bundle that can't be written is a matter of files.
fn bundle_code(error: &BundleError) -> u8 {
    match error {
        BundleError::Write { .. } | BundleError::Exists { .. } => STORAGE,
        _ => 4,
    }
}

fn evaluate_code(error: &EvaluateError) -> u8 {
    match error {
        EvaluateError::Bundle(_) | EvaluateError::Setup(_) | EvaluateError::Camera(_) => 4,
        EvaluateError::Proof { source, .. } => proof_code(source),
        EvaluateError::Data(_) | EvaluateError::Parts(_) | EvaluateError::NoParts { .. } => 3,
        EvaluateError::Engine(error) => engine_code(error),
        EvaluateError::Unrankable { .. } => 5,
        EvaluateError::Maps(_) => STORAGE,
    }
}

fn report_code(error: &ReportError) -> u8 {
    match error {
        ReportError::Run(error) => run_code(error),
        ReportError::Export(error) | ReportError::Data(error) => export_code(error),
        ReportError::Evaluate(error) => evaluate_code(error),
        ReportError::Foreign { .. } | ReportError::Losses { .. } => 4,
        ReportError::Hash(_) => 3,
        ReportError::Occupied { .. } | ReportError::Page { .. } => STORAGE,
    }
}

/// As the device's: 4 where the bundle's network is none, or not the one of its manifest.
fn engine_code(error: &EngineError) -> u8 {
    if error.is_the_bundle_s() { 4 } else { 5 }
}

/// As the device's: 4 where the bundle itself proves nothing, 5 where the engine fails it.
fn proof_code(error: &ProofError) -> u8 {
    if error.is_the_bundle_s() { 4 } else { 5 }
}

fn synth_code(error: &SynthError) -> u8 {
    match error {
        SynthError::Open(_)
        | SynthError::Parts(_)
        | SynthError::Product(_)
        | SynthError::Pictures(_) => 3,
        SynthError::NoBranch { .. } => 2,
        SynthError::Sheet { .. } => STORAGE,
    }
}

/// The whole chain, one cause a line, and the remedy.
pub(crate) fn report(error: &LabError) -> String {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("\n  caused by: {source}"));
        cause = source.source();
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\n  hint: {hint}"));
    }
    text
}
