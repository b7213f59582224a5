//! `twinspect model list`: what is installed, and who goes by it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use twinspect_store::models::{Activation, Installed, ModelId, StationName};

use super::place::StorePlace;
use crate::cli::StoreArgs;
use crate::error::EdgeError;
use crate::replay::write_json;

/// Everything that was found. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    folder: PathBuf,
    models: Vec<Model>,
}

#[derive(Serialize)]
struct Model {
    id: ModelId,
    name: String,
    version: String,
    path: PathBuf,
    /// None if it is damaged.
    hash: Option<String>,
    /// As in RFC 3339.
    installed: String,
    /// The engine that has proven it.
    proven_by: Option<String>,
    /// Stations whose model it is.
    active_for: Vec<String>,
    /// Stations that could go back to it.
    previous_for: Vec<String>,
}

/// Lists models.
pub(super) fn list(args: &StoreArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = StorePlace::of(args)?;
    place.refuse_slip()?;
    let activations = place.models.activations()?;
    let models = place.models.list()?;
    let findings = Findings {
        folder: place.models.root().to_owned(),
        models: models
            .into_iter()
            .map(|model| describe(model, &activations))
            .collect(),
    };
    if args.json {
        return write_json(out, &findings);
    }
    writeln!(out, "models    {}", findings.folder.display())?;
    for model in &findings.models {
        writeln!(out, "{}", line(model))?;
    }
    if findings.models.is_empty() {
        let options = place.options();
        writeln!(
            out,
            "none is installed: twinspect model install FILE {options}"
        )?;
    }
    Ok(())
}

fn describe(model: Installed, activations: &BTreeMap<StationName, Activation>) -> Model {
    let stations = |is_meant: &dyn Fn(&Activation) -> bool| -> Vec<String> {
        let meant = activations.iter().filter(|(_, one)| is_meant(one));
        meant.map(|(name, _)| name.to_string()).collect()
    };
    let is_proven = model.is_proven();
    let seconds = i64::try_from(model.installed_s).unwrap_or_default();
    Model {
        name: model.id.name().to_owned(),
        version: model.id.version().to_owned(),
        installed: Timestamp::from_second(seconds)
            .unwrap_or_default()
            .to_string(),
        proven_by: model.proof.filter(|_| is_proven).map(|proof| proof.engine),
        active_for: stations(&|one| one.active == model.id),
        previous_for: stations(&|one| one.previous.as_ref() == Some(&model.id)),
        hash: model.hash,
        path: model.path,
        id: model.id,
    }
}

fn line(model: &Model) -> String {
    let Model {
        id,
        hash,
        installed,
        proven_by,
        active_for,
        previous_for,
        ..
    } = model;
    let state = match (hash, proven_by) {
        (None, _) => "damaged: install it again".to_owned(),
        (Some(_), None) => "not proven: verify it".to_owned(),
        (Some(_), Some(engine)) => format!("proven by {engine}"),
    };
    let mut line = format!("{id:<36}  {installed}  {state}");
    for (what, stations) in [("active for", active_for), ("before it for", previous_for)] {
        if !stations.is_empty() {
            line.push_str(&format!("; {what} {}", stations.join(", ")));
        }
    }
    line
}
