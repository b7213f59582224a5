//! `twinspect engine list`: what lies in a folder of plans.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_bundle::shell;
use twinspect_engine::tensorrt::{Board, PlanEntry, PlanError, PlanUse};

use super::{PlansPlace, megabytes, name, open_board};
use crate::cli::ListArgs;
use crate::engines::BoardReport;
use crate::error::{EdgeError, WithCauses};
use crate::records::plain;
use crate::replay::write_json;

/// Everything that was found. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    plans: PathBuf,
    /// Others than its owner may write the folder: nothing there is run.
    exposed: bool,
    board: Option<BoardReport>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    board_unknown: Option<String>,
    files: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    file: String,
    bytes: u64,
    /// Whether this board and one of the models have a use for it; unknown without a board, unless it is no plan at all.
    current: Option<bool>,
    /// Others than its owner may write it: it is not run.
    exposed: bool,
    what: String,
}

impl Found {
    fn of(entry: &PlanEntry, what: &PlanUse) -> Self {
        Self {
            current: Some(what.is_current()),
            ..Self::unsorted(entry, what.to_string())
        }
    }

    fn unsorted(entry: &PlanEntry, what: String) -> Self {
        Self {
            file: name(&entry.file),
            bytes: entry.bytes,
            current: entry.built_for().is_none().then_some(false),
            exposed: entry.is_exposed,
            what,
        }
    }
}

/// Lists plans and timing caches; without a board that can be asked, what they say of themselves.
pub(super) fn list(args: &ListArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = PlansPlace::of(&args.plans)?;
    let bundles = place.bundles(&args.bundle)?;
    let store = place.store();
    let entries = store.entries()?;
    let is_there = store.is_there()?;
    let exposed = match store.hold_private() {
        Err(PlanError::Exposed { .. }) => true,
        Err(error) if is_there => return Err(error.into()),
        _ => false,
    };
    let board = open_board();
    let files = entries.iter().map(|entry| match &board {
        Ok(board) => Found::of(entry, &entry.use_on(board, &bundles)),
        Err(_) => Found::unsorted(entry, entry.own_words(&bundles)),
    });
    let findings = Findings {
        files: files.collect(),
        exposed,
        board: board.as_ref().ok().map(|board| board.facts().into()),
        board_unknown: board
            .as_ref()
            .err()
            .map(|error| WithCauses(error).to_string()),
        plans: place.folder,
    };
    if args.json {
        return write_json(out, &findings);
    }
    print(out, &findings, board.as_ref().ok(), is_there)
}

fn print(
    out: &mut dyn Write,
    findings: &Findings,
    board: Option<&Board>,
    is_there: bool,
) -> Result<(), EdgeError> {
    if let Some(board) = board {
        writeln!(out, "board     {}", board.facts())?;
    }
    let folder = plain(&findings.plans.to_string_lossy());
    writeln!(out, "plans     {folder}")?;
    for found in &findings.files {
        let exposed = if found.exposed {
            "; others than its owner may write it: it is not run"
        } else {
            ""
        };
        writeln!(
            out,
            "{:<34}{:>10}  {}{exposed}",
            plain(&found.file),
            megabytes(found.bytes),
            plain(&found.what)
        )?;
    }
    match (findings.files.is_empty(), is_there) {
        (true, true) => writeln!(out, "there are none")?,
        (true, false) => writeln!(out, "there are none: the folder is not there")?,
        (false, _) => {}
    }
    if findings.exposed {
        writeln!(
            out,
            "others than its owner may write the folder: nothing in it is run; `chmod go-w {}`, after a look at who wrote there",
            shell::word(&findings.plans)
        )?;
    }
    if let Some(why) = &findings.board_unknown {
        writeln!(out, "whether this board could use them is not known: {why}")?;
    }
    Ok(())
}
