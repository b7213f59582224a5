//! `twinspect engine list`: what lies in a folder of plans.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_engine::tensorrt::{PlanEntry, PlanError};

use super::{PlansPlace, megabytes, name, open_board};
use crate::cli::ListArgs;
use crate::engines::BoardReport;
use crate::error::EdgeError;
use crate::replay::write_json;

/// Everything that was found. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    plans: PathBuf,
    board: BoardReport,
    files: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    file: String,
    bytes: u64,
    /// Whether this board and one of the models have a use for it.
    current: bool,
    what: String,
}

/// Lists plans and timing caches.
pub(super) fn list(args: &ListArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = PlansPlace::of(&args.plans)?;
    let bundles = place.bundles(&args.bundle)?;
    let board = open_board()?;
    let entries = place.store().entries().map_err(PlanError::Read)?;
    let files = entries.iter().map(|entry: &PlanEntry| {
        let what = entry.use_on(&board, &bundles);
        Found {
            file: name(&entry.file),
            bytes: entry.bytes,
            current: what.is_current(),
            what: what.to_string(),
        }
    });
    let findings = Findings {
        files: files.collect(),
        board: board.facts().into(),
        plans: place.folder,
    };
    if args.json {
        return write_json(out, &findings);
    }
    writeln!(out, "board     {}", board.facts())?;
    writeln!(out, "plans     {}", findings.plans.display())?;
    for found in &findings.files {
        writeln!(
            out,
            "{:<34}{:>10}  {}",
            found.file,
            megabytes(found.bytes),
            found.what
        )?;
    }
    if findings.files.is_empty() {
        writeln!(out, "there are none")?;
    }
    Ok(())
}
