//! `twinspect model prune`: removes what nobody has a use for.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_store::models::ModelId;

use super::place::StorePlace;
use crate::cli::PruneModelsArgs;
use crate::error::EdgeError;
use crate::replay::write_json;

/// What was done. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    folder: PathBuf,
    /// Nothing was deleted, only looked for.
    dry_run: bool,
    removed: Vec<ModelId>,
    kept: Vec<ModelId>,
}

/// Removes models that no station goes by or could go back to, but for those that were installed last.
pub(super) fn prune(args: &PruneModelsArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = StorePlace::of(&args.store)?;
    let keep = args.keep.unwrap_or(place.keep);
    let pruned = {
        let change = place.models.change()?;
        match args.dry_run {
            true => change.what_to_prune(keep, &[])?,
            false => change.prune(keep, &[])?,
        }
    };
    let findings = Findings {
        folder: place.models.root().to_owned(),
        dry_run: args.dry_run,
        removed: pruned.removed,
        kept: pruned.kept,
    };
    if args.store.json {
        return write_json(out, &findings);
    }
    let verb = if args.dry_run {
        "would remove"
    } else {
        "removed"
    };
    for id in &findings.removed {
        writeln!(out, "{verb} {id}")?;
    }
    writeln!(
        out,
        "{} of {} models in {} stay",
        findings.kept.len(),
        findings.kept.len() + findings.removed.len(),
        findings.folder.display()
    )?;
    Ok(())
}
