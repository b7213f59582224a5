//! `twinspect model list`: what is installed, and who goes by it.

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use twinspect_bundle::{BundleError, shell};
use twinspect_store::models::{
    Activation, Installed, ModelId, Models, ModelsError, StationName, Stations,
};

use super::place::{CONFIGURATIONS, StorePlace};
use crate::cli::StoreArgs;
use crate::error::{EdgeError, WithCauses};
use crate::records::plain;
use crate::replay::write_json;

/// Everything that was found. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    folder: PathBuf,
    models: Vec<Model>,
    /// Stations of which nobody can tell what they go by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged_stations: Vec<DamagedStation>,
}

#[derive(Serialize)]
struct Model {
    id: ModelId,
    name: String,
    version: String,
    path: PathBuf,
    /// None if it is damaged.
    hash: Option<String>,
    /// What is wrong with its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<String>,
    #[serde(skip)]
    trouble: Trouble,
    /// As in RFC 3339.
    installed: String,
    /// The engine that has proven it.
    proven_by: Option<String>,
    /// Its own networks or goldens are at fault: no engine proves it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    at_fault: bool,
    /// Stations whose model it is.
    active_for: Vec<String>,
    /// Stations that could go back to it.
    previous_for: Vec<String>,
    /// Whether a station means it, or may: where nobody can tell, it stays.
    #[serde(skip)]
    is_needed: bool,
}

/// Whose fault the damage is.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    /// The disk's, or somebody's rights, and the model may be whole.
    Storage,
    /// Its hashes hold: another release has let it in.
    Release,
    Damage,
}

#[derive(Serialize)]
struct DamagedStation {
    station: String,
    /// What is wrong with its file.
    damage: String,
    remedy: String,
}

/// Lists models. All of each is read and compared with its hashes, as whoever goes by it would.
///
/// # Errors
/// After all that can be told: the first station's whose file can't be read.
pub(super) fn list(args: &StoreArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = StorePlace::of(args)?;
    place.refuse_slip()?;
    let stations = place.models.stations()?;
    let mut models = place.models.list()?;
    models.extend(place.models.strays()?);
    models.sort_by_cached_key(|model| model.id.clone());
    let findings = Findings {
        folder: place.models.root().to_owned(),
        models: models
            .into_iter()
            .map(|model| describe(model, &place.models, &stations))
            .collect(),
        damaged_stations: damaged(&place, &stations),
    };
    if args.json {
        write_json(out, &findings)?;
    } else {
        print(&findings, &place, out)?;
    }
    match stations.into_values().find_map(Result::err) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

fn print(findings: &Findings, place: &StorePlace, out: &mut dyn Write) -> Result<(), EdgeError> {
    let folder = plain(&findings.folder.to_string_lossy());
    writeln!(out, "models    {folder}")?;
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
    for one in &findings.damaged_stations {
        let (damage, remedy) = (plain(&one.damage), &one.remedy);
        writeln!(
            out,
            "station {} can't be told: {damage}; {remedy}",
            one.station
        )?;
    }
    Ok(())
}

fn damaged(place: &StorePlace, stations: &Stations) -> Vec<DamagedStation> {
    let damaged = stations
        .iter()
        .filter_map(|(name, read)| Some((name, read.as_ref().err()?)));
    damaged
        .map(|(name, error)| DamagedStation {
            station: name.to_string(),
            damage: WithCauses(error).to_string(),
            remedy: remedy(place, name, error),
        })
        .collect()
}

/// What is to be done about this station's file, whichever station was asked for.
fn remedy(place: &StorePlace, station: &StationName, error: &ModelsError) -> String {
    let config = match error.is_of_a_file_to_replace() {
        true => config_of(place, station),
        false => None,
    };
    match config {
        Some(config) => format!(
            "`twinspect model activate ID --config {}` writes it anew",
            shell::word(&config)
        ),
        None => error.hint().unwrap_or_default(),
    }
}

/// A station has its configuration's name; it lies beside the one that was asked for, or where those of services lie.
fn config_of(place: &StorePlace, station: &StationName) -> Option<PathBuf> {
    let name = format!("{station}.toml");
    let own = place.station.as_ref();
    let beside = own.map(|own| own.config.with_file_name(&name));
    let of_services = Path::new(CONFIGURATIONS).join(&name);
    beside
        .into_iter()
        .chain([of_services])
        .find(|config| config.is_file())
}

fn describe(model: Installed, models: &Models, stations: &Stations) -> Model {
    let named = |is_meant: &dyn Fn(&Activation) -> bool| -> Vec<String> {
        let meant = stations
            .iter()
            .filter(|(_, read)| read.as_ref().is_ok_and(is_meant));
        meant.map(|(name, _)| name.to_string()).collect()
    };
    // Its list of hashes says nothing of the files that it lists.
    let error = models.open_bundle(&model.id).err();
    let trouble = match &error {
        Some(ModelsError::Bundle(BundleError::Read { .. }) | ModelsError::Io { .. }) => {
            Trouble::Storage
        }
        Some(ModelsError::Bundle(
            BundleError::Document { .. }
            | BundleError::Manifest { .. }
            | BundleError::Golden { .. }
            | BundleError::Format { .. },
        )) => Trouble::Release,
        _ => Trouble::Damage,
    };
    let damage = error.map(|error| WithCauses(&error).to_string());
    let is_proven = damage.is_none() && model.is_proven();
    let seconds = i64::try_from(model.installed_s).unwrap_or_default();
    Model {
        name: model.id.name().to_owned(),
        version: model.id.version().to_owned(),
        installed: Timestamp::from_second(seconds)
            .unwrap_or_default()
            .to_string(),
        proven_by: model.proof.filter(|_| is_proven).map(|proof| proof.engine),
        at_fault: damage.is_none() && model.is_belied,
        active_for: named(&|one| one.active == model.id),
        previous_for: named(&|one| one.previous.as_ref() == Some(&model.id)),
        hash: model.hash.filter(|_| damage.is_none()),
        damage,
        trouble,
        is_needed: is_needed(&model.id, stations),
        path: model.path,
        id: model.id,
    }
}

fn is_needed(id: &ModelId, stations: &Stations) -> bool {
    stations.values().any(|read| match read {
        Ok(one) => one.active == *id || one.previous.as_ref() == Some(id),
        Err(_) => true,
    })
}

fn line(model: &Model) -> String {
    let Model {
        id,
        path,
        damage,
        trouble,
        is_needed,
        installed,
        proven_by,
        at_fault,
        active_for,
        previous_for,
        ..
    } = model;
    let state = match (damage, proven_by) {
        (Some(damage), _) => {
            let what = match trouble {
                Trouble::Storage => "can't be read:",
                Trouble::Release => "can't be used by this release:",
                Trouble::Damage => "damaged: install it again;",
            };
            format!("{what} {}", plain(damage))
        }
        (None, None) if *at_fault => {
            let other = "not proven, and can't be: its networks or goldens are at fault; install another one";
            match *is_needed {
                true => other.to_owned(),
                false => format!("{other}, `rm -r {}` removes this one", shell::word(path)),
            }
        }
        (None, None) => "not proven: verify it".to_owned(),
        (None, Some(engine)) => format!("proven by {engine}"),
    };
    let mut line = format!("{id:<36}  {installed}  {state}");
    for (what, stations) in [("active for", active_for), ("before it for", previous_for)] {
        if !stations.is_empty() {
            line.push_str(&format!("; {what} {}", stations.join(", ")));
        }
    }
    line
}
