//! `twinspect engine prune`: deletes what nobody has a use for.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_engine::tensorrt::{Board, PlanError};

use super::{PlansPlace, megabytes, name};
use crate::cli::PruneArgs;
use crate::engines::Unusable;
use crate::error::EdgeError;
use crate::records::plain;
use crate::replay::write_json;

/// What was done. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    plans: PathBuf,
    /// Nothing was deleted, only looked for.
    dry_run: bool,
    deleted: Vec<Deleted>,
    kept: Vec<String>,
    /// Nothing that was ever written here, or can't be read: it stays, whatever it is.
    left: Vec<Left>,
}

#[derive(Serialize)]
struct Left {
    file: String,
    what: String,
}

#[derive(Serialize)]
struct Deleted {
    file: String,
    bytes: u64,
    what: String,
}

/// Deletes damaged plans, those of other boards and releases, and those of models that are neither installed nor named. Without a
/// board that can be asked nothing is deleted, for all plans would look foreign; nor is anything where others may write.
pub(super) fn prune(args: &PruneArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = PlansPlace::of(&args.plans)?;
    let bundles = place.bundles(&args.bundle)?;
    let store = place.store();
    let entries = store.entries()?;
    if store.is_there()? {
        // Whoever else writes there decides what is deleted.
        store.hold_private()?;
    }
    if bundles.is_empty() {
        return Err(EdgeError::Usage {
            message: "no model is named, so that no plan would have a use".to_owned(),
            hint: "name the models whose plans stay with --bundle, or a station that has models with --config",
        });
    }
    let board = Board::open().map_err(Unusable::Unsorted)?;
    let (mut deleted, mut kept, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let what = entry.use_on(&board, &bundles);
        let file = name(&entry.file);
        if what.is_current() {
            kept.push(file);
            continue;
        }
        if !what.is_waste() {
            let what = what.to_string();
            left.push(Left { file, what });
            continue;
        }
        if !args.dry_run {
            fs_err::remove_file(&entry.file).map_err(PlanError::Write)?;
        }
        deleted.push(Deleted {
            file,
            bytes: entry.bytes,
            what: what.to_string(),
        });
    }
    let findings = Findings {
        plans: place.folder,
        dry_run: args.dry_run,
        deleted,
        kept,
        left,
    };
    if args.json {
        return write_json(out, &findings);
    }
    let verb = if args.dry_run {
        "would delete"
    } else {
        "deleted"
    };
    for one in &findings.deleted {
        let (file, what) = (plain(&one.file), plain(&one.what));
        let size = megabytes(one.bytes);
        writeln!(out, "{verb} {file}, {size}: {what}")?;
    }
    for one in &findings.left {
        writeln!(out, "left {}: {}", plain(&one.file), one.what)?;
    }
    let stay = findings.kept.len() + findings.left.len();
    writeln!(
        out,
        "{stay} of {} files in {} stay",
        stay + findings.deleted.len(),
        plain(&findings.plans.to_string_lossy())
    )?;
    Ok(())
}
