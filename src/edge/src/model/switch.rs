//! `twinspect model activate` and `rollback`: another model becomes the station's.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_store::models::{Activation, ModelId, StationName};

use super::place::{StationPlace, StorePlace};
use crate::cli::{ActivateArgs, StoreArgs};
use crate::clock;
use crate::config::BundleSource;
use crate::control;
use crate::error::EdgeError;
use crate::replay::write_json;

/// What somebody wants.
enum Wish {
    Activate(ModelId),
    RollBack,
}

/// When the station goes by its new model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum TakesEffect {
    /// It does not run.
    AtStart,
    /// It runs with the old one.
    AtRestart,
    /// Its configuration names a file.
    NotAtAll,
}

/// What was done. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Switched {
    station: String,
    active: ModelId,
    previous: Option<ModelId>,
    path: PathBuf,
    takes_effect: TakesEffect,
}

/// Makes an installed model the station's.
pub(super) fn activate(args: &ActivateArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = StorePlace::of(&args.store)?;
    let station = place.station()?;
    let wish = Wish::Activate(place.models.find(&args.id)?.id);
    let switched = switch(&place, station, &wish)?;
    tell(&switched, station, args.store.json, out)
}

/// Gives the station the model back that it had before.
pub(super) fn roll_back(args: &StoreArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = StorePlace::of(args)?;
    let station = place.station()?;
    let switched = switch(&place, station, &Wish::RollBack)?;
    tell(&switched, station, args.json, out)
}

/// The one place that knows what a station that runs has to do with it.
fn switch(place: &StorePlace, station: &StationPlace, wish: &Wish) -> Result<Switched, EdgeError> {
    let name: &StationName = &station.name;
    let Activation {
        active, previous, ..
    } = {
        let change = place.models.change()?;
        match wish {
            Wish::Activate(id) => change.set_active(name, id, clock::unix_s()),
            Wish::RollBack => change.roll_back(name, clock::unix_s()),
        }?
    };
    let takes_effect = match station.bundle {
        BundleSource::File(_) => TakesEffect::NotAtAll,
        BundleSource::Active { .. } if control::answers(&station.socket) => TakesEffect::AtRestart,
        BundleSource::Active { .. } => TakesEffect::AtStart,
    };
    Ok(Switched {
        station: name.to_string(),
        path: place.models.folder_of(&active),
        active,
        previous,
        takes_effect,
    })
}

fn tell(
    switched: &Switched,
    station: &StationPlace,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), EdgeError> {
    if json {
        return write_json(out, switched);
    }
    let Switched {
        station: name,
        active,
        previous,
        takes_effect,
        ..
    } = switched;
    writeln!(out, "active    {active}, for station {name}")?;
    if let Some(previous) = previous {
        let config = station.config.display();
        writeln!(
            out,
            "before it {previous}; back to it: twinspect model rollback --config {config}"
        )?;
    }
    match takes_effect {
        TakesEffect::AtStart => writeln!(
            out,
            "next      the station does not run, and starts with it"
        )?,
        TakesEffect::AtRestart => writeln!(
            out,
            "next      the station runs with its old model: systemctl restart twinspect@{name}"
        )?,
        TakesEffect::NotAtAll => writeln!(
            out,
            "\x1b[33mwarning\x1b[0m   the station goes by bundle.file: put bundle.active = true in its place in {}",
            station.config.display()
        )?,
    }
    Ok(())
}
