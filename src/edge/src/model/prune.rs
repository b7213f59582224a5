//! `twinspect model prune`: removes what nobody has a use for.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use twinspect_store::models::ModelId;

use super::place::StorePlace;
use crate::cli::PruneModelsArgs;
use crate::config::{self, ModelsSpec};
use crate::error::EdgeError;
use crate::recipe::model_of;
use crate::records::plain;
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

/// Removes models that no station goes by, could go back to or has in a recipe, but for those that were installed last;
/// what was not proven goes first.
pub(super) fn prune(args: &PruneModelsArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = StorePlace::of(&args.store)?;
    place.refuse_slip()?;
    let keep = args.keep.unwrap_or(place.keep);
    let spared = of_recipes(&place);
    let pruned = {
        let change = place.models.change()?;
        match args.dry_run {
            true => change.what_to_prune(keep, &spared)?,
            false => change.prune(keep, &spared)?,
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
        plain(&findings.folder.to_string_lossy())
    )?;
    Ok(())
}

/// Models that a selection of a recipe would take: those of the station, and of others that have their configuration
/// beside its own and the same store.
fn of_recipes(place: &StorePlace) -> Vec<ModelId> {
    let Some(station) = &place.station else {
        return Vec::new();
    };
    let folder = station.config.parent().unwrap_or(Path::new(""));
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    let beside = fs_err::read_dir(folder).into_iter().flatten();
    let beside = beside.filter_map(|entry| Some(entry.ok()?.path()));
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    let configs: BTreeSet<PathBuf> = beside
        .filter(is_toml)
        .chain([station.config.clone()])
        .collect();
    let mut spared = Vec::new();
    for config in configs {
        // What is no station's file has no recipes.
        let Ok(loaded) = config::load(&config) else {
            continue;
        };
        let of_store = |spec: &ModelsSpec| spec.folder == place.models.root();
        if !loaded.station.models.as_ref().is_some_and(of_store) {
            continue;
        }
        for recipe in loaded.station.recipes.iter().flat_map(|spec| &spec.list) {
            // One without a model has nothing to lose.
            spared.extend(model_of(&place.models, recipe).ok());
        }
    }
    spared
}
