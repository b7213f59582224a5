//! `twinspect check --engine`: whether the GPU says what the CPU says, and how fast both are.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_engine::tensorrt::PlanStore;

use crate::cli::CheckArgs;
use crate::config::Station;
use crate::engines::{BoardReport, Compared};
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
    plans: PathBuf,
    board: BoardReport,
    comparison: Compared,
}

/// Compares the engines, whichever the configuration wants.
pub(super) fn check_engine(
    bundle: PathBuf,
    station: Option<&Station>,
    args: &CheckArgs,
    out: &mut dyn Write,
) -> Result<(), EdgeError> {
    let configured = station.map(|station| &station.engine.plans);
    let Some(plans) = args.plans.as_ref().or(configured).cloned() else {
        return Err(EdgeError::Usage {
            message: "no folder of plans is named".to_owned(),
            hint: "name it with --plans, or a station with --config",
        });
    };
    let opened = Bundle::open(&bundle)?;
    let board = open_board()?;
    let comparison = Compared::of(&opened, &board, &PlanStore::new(&plans))?;
    let manifest = opened.manifest();
    if !args.json {
        writeln!(out, "bundle    {} {}", manifest.name, manifest.version)?;
        writeln!(out, "board     {}", board.facts())?;
        comparison.print(out)?;
        return comparison.into_verdict();
    }
    let findings = Findings {
        bundle,
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        hash: opened.hash().to_owned(),
        plans,
        board: board.facts().into(),
        comparison,
    };
    write_json(out, &findings)?;
    findings.comparison.into_verdict()
}
