//! `twinspect engine`: a GPU engine's plans, which this board builds for itself.
//!
//! Each command is a process of its own, beside a station that may run: TensorRT takes minutes and a
//! multiple of the plans' memory to build them, and may crash.

mod apart;
mod build;
mod folder;
mod list;
mod mark;
mod prune;

pub(crate) use apart::{Build, build_apart};
pub(crate) use mark::{mark_in, set_mark, take_mark};

use std::io::Write;
use std::path::{Path, PathBuf};

use twinspect_bundle::Bundle;
use twinspect_engine::tensorrt::{Board, PlanStore};
use twinspect_store::models::ModelsError;

use crate::cli::{EngineArgs, EngineCommand, PlansArgs};
use crate::config::{self, PrecisionChoice};
use crate::control;
use crate::engines::Unusable;
use crate::error::EdgeError;

/// Runs the command that was typed.
pub(crate) fn engine(args: &EngineArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    match &args.command {
        EngineCommand::Build(args) => build::build(args, out),
        EngineCommand::List(args) => list::list(args, out),
        EngineCommand::Prune(args) => prune::prune(args, out),
        EngineCommand::Retry(args) => control::retry_engine(args, out),
    }
}

/// A folder of plans, and the model that they are for.
pub(crate) struct PlansPlace {
    pub(crate) folder: PathBuf,
    /// The station's; 32 bits without one.
    pub(crate) precision: PrecisionChoice,
    /// The station's, if one was named.
    pub(crate) bundle: Option<PathBuf>,
    /// Those that it may come to go by.
    installed: Vec<PathBuf>,
}

impl PlansPlace {
    /// What was typed, over what the configuration says.
    pub(crate) fn of(args: &PlansArgs) -> Result<Self, EdgeError> {
        let station = args.config.as_deref().map(config::load).transpose()?;
        let station = station.map(|loaded| loaded.station);
        let configured = station.as_ref().map(|station| &station.engine.plans);
        let folder = args.plans.as_ref().or(configured).cloned();
        let precision = station.as_ref().map(|station| station.engine.precision);
        Ok(Self {
            precision: precision.unwrap_or(PrecisionChoice::Fp32),
            folder: folder.ok_or(EdgeError::Usage {
                message: "no folder of plans is named".to_owned(),
                hint: "name it with --plans, or a station with --config",
            })?,
            bundle: match station.as_ref().map(|station| station.bundle.resolve()) {
                // A model may be named instead.
                None | Some(Err(ModelsError::NoneActive { .. })) => None,
                Some(bundle) => Some(bundle?),
            },
            installed: station.map_or(Ok(Vec::new()), |station| station.bundle.installed())?,
        })
    }

    /// The folder's plans.
    pub(crate) fn store(&self) -> PlanStore {
        PlanStore::new(&self.folder)
    }

    /// The station's bundle, all that are installed beside it and those that were named, opened.
    fn bundles(&self, named: &[PathBuf]) -> Result<Vec<Bundle>, EdgeError> {
        let others = self.installed.iter();
        let others = others.filter(|path| Some(*path) != self.bundle.as_ref());
        let all = self.bundle.iter().chain(others).chain(named);
        all.map(|path| crate::model::open(path)).collect()
    }
}

/// The board, or why it can't be used.
pub(crate) fn open_board() -> Result<Board, EdgeError> {
    Ok(Board::open().map_err(Unusable::Board)?)
}

/// A file's name without its folder.
fn name(file: &Path) -> String {
    file.file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// A size as people read it.
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
