//! `twinspect engine prune`: deletes what nobody has a use for.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_engine::tensorrt::PlanError;

use super::{PlansPlace, megabytes, name, open_board};
use crate::cli::PruneArgs;
use crate::error::EdgeError;
use crate::replay::write_json;

/// What was done. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    plans: PathBuf,
    /// Nothing was deleted, only looked for.
    dry_run: bool,
    deleted: Vec<Deleted>,
    kept: Vec<String>,
}

#[derive(Serialize)]
struct Deleted {
    file: String,
    bytes: u64,
    what: String,
}

/// Deletes damaged plans, those of other boards and releases, and those of models that were not named. Without a
/// board that can be asked nothing is deleted, for all plans would look foreign.
pub(super) fn prune(args: &PruneArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = PlansPlace::of(&args.plans)?;
    let bundles = place.bundles(&args.bundle)?;
    let board = open_board()?;
    let (mut deleted, mut kept) = (Vec::new(), Vec::new());
    for entry in place.store().entries().map_err(PlanError::Read)? {
        let what = entry.use_on(&board, &bundles);
        if what.is_current() {
            kept.push(name(&entry.file));
            continue;
        }
        if !args.dry_run {
            fs_err::remove_file(&entry.file).map_err(PlanError::Write)?;
        }
        deleted.push(Deleted {
            file: name(&entry.file),
            bytes: entry.bytes,
            what: what.to_string(),
        });
    }
    let findings = Findings {
        plans: place.folder,
        dry_run: args.dry_run,
        deleted,
        kept,
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
        let size = megabytes(one.bytes);
        writeln!(out, "{verb} {}, {size}: {}", one.file, one.what)?;
    }
    writeln!(
        out,
        "{} of {} files in {} stay",
        findings.kept.len(),
        findings.kept.len() + findings.deleted.len(),
        findings.plans.display()
    )?;
    Ok(())
}
