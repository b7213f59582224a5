//! `twinspect check --engine`: whether the faster engines say what tract says, and how fast all are.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_engine::tensorrt::PlanStore;

use crate::cli::CheckArgs;
use crate::config::{PrecisionChoice, Station};
use crate::engines::{self, BoardReport, Compared, OnGpu, Unusable};
use crate::error::EdgeError;
use crate::plans::open_board;
use crate::replay::write_json;

/// Everything that was found. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    bundle: PathBuf,
    name: String,
    version: String,
    hash: String,
    native: Compared,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensorrt: Option<PlansFound>,
}

#[derive(Serialize)]
struct PlansFound {
    plans: PathBuf,
    board: BoardReport,
    #[serde(flatten)]
    compared: OnGpu,
}

/// Compares our own engine with tract, whatever the configuration wants; and TensorRT where it is wanted or its plans are.
pub(super) fn check_engine(
    bundle: PathBuf,
    station: Option<&Station>,
    args: &CheckArgs,
    out: &mut dyn Write,
) -> Result<(), EdgeError> {
    let opened = crate::model::open(&bundle)?;
    let manifest = opened.manifest();
    crate::model::far_lines::warn(manifest);
    let native = Compared::native(&opened)?;
    if !args.json {
        writeln!(out, "bundle    {} {}", manifest.name, manifest.version)?;
        native.print(out)?;
    }
    let tensorrt = gpu_plans(station, args)
        .map(|(plans, precision)| -> Result<PlansFound, EdgeError> {
            let store = PlanStore::new(&plans);
            if store.is_empty()? {
                return Err(Unusable::NoPlans { folder: plans }.into());
            }
            let board = open_board()?;
            let compared = OnGpu::of(&opened, &board, &store, precision, &mut |_| Ok(()))?;
            if !args.json {
                writeln!(out, "\nboard     {}", board.facts())?;
                compared.print(out)?;
            }
            Ok(PlansFound {
                plans,
                board: board.facts().into(),
                compared,
            })
        })
        .transpose();
    // What was found of the one is told, whatever became of the other.
    let (tensorrt, failed) = match tensorrt {
        Ok(found) => (found, None),
        Err(error) => (None, Some(error)),
    };
    let findings = Findings {
        bundle,
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        hash: opened.hash().to_owned(),
        native,
        tensorrt,
    };
    if args.json {
        write_json(out, &findings)?;
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let on_gpu = findings.tensorrt.map(|found| found.compared);
    on_gpu.map_or(Ok(()), OnGpu::into_verdict)?;
    findings.native.into_verdict()
}

/// The folder of plans that somebody has a wish for, and the precision.
fn gpu_plans(station: Option<&Station>, args: &CheckArgs) -> Option<(PathBuf, PrecisionChoice)> {
    let engine = station.map(|station| &station.engine);
    let configured = engine.filter(|engine| engines::wants_plans(engine));
    let named = args.plans.clone();
    let plans = named.or(configured.map(|engine| engine.plans.clone()))?;
    let precision = args.precision.or(engine.map(|engine| engine.precision));
    Some((plans, precision.unwrap_or(PrecisionChoice::Fp32)))
}
