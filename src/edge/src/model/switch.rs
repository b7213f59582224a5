//! `twinspect model activate` and `rollback`: another model becomes the station's.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_bundle::shell;
use twinspect_store::models::{Activation, ModelId, ModelsError, StationName};

use super::place::{StationPlace, StorePlace};
use crate::cli::{ActivateArgs, StoreArgs};
use crate::clock;
use crate::config::BundleSource;
use crate::control;
use crate::error::EdgeError;
use crate::records::plain;
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
    /// It runs, and has taken it over between two parts.
    Now,
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
    /// Of a running station: from the start of the process until the model was proven.
    proof_ms: Option<f64>,
    /// Of a running station: for so long it could judge no part.
    switch_ms: Option<f64>,
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
    if let BundleSource::Active { .. } = station.bundle
        && control::answers(&station.socket)
    {
        let taken_over = match wish {
            Wish::Activate(id) => control::activate(&station.socket, id.to_string()),
            Wish::RollBack => control::rollback(&station.socket),
        }?;
        // The station has written it down before it has answered.
        let Some(Activation {
            active, previous, ..
        }) = place.models.activation(name)?
        else {
            return Err(ModelsError::NoneActive {
                station: name.clone(),
                folder: place.models.root().to_owned(),
            }
            .into());
        };
        return Ok(Switched {
            station: name.to_string(),
            path: place.models.folder_of(&active),
            active,
            previous,
            takes_effect: TakesEffect::Now,
            proof_ms: Some(taken_over.proof_ms),
            switch_ms: Some(taken_over.switch_ms),
        });
    }
    let Activation {
        active, previous, ..
    } = {
        let change = place.models.change()?;
        // Either ends the recipe that was selected.
        let switched = match wish {
            Wish::Activate(id) => change.set_active(name, id, clock::unix_s()),
            Wish::RollBack => change.roll_back(name, clock::unix_s()),
        };
        switched.map_err(|error| match error {
            ModelsError::Unproven { id } => EdgeError::Unproven {
                again: place.verify(&id),
                model: id.to_string(),
            },
            error => error.into(),
        })?
    };
    let takes_effect = match station.bundle {
        BundleSource::File(_) => TakesEffect::NotAtAll,
        BundleSource::Active { .. } => TakesEffect::AtStart,
    };
    Ok(Switched {
        station: name.to_string(),
        path: place.models.folder_of(&active),
        active,
        previous,
        takes_effect,
        proof_ms: None,
        switch_ms: None,
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
        proof_ms,
        switch_ms,
        ..
    } = switched;
    writeln!(out, "active    {active}, for station {name}")?;
    if let Some(previous) = previous {
        let config = shell::word(&station.config);
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
        TakesEffect::Now => writeln!(
            out,
            "next      the running station judges by it: proven in {:.0} ms, and no part could be judged for {:.0} ms",
            proof_ms.unwrap_or_default(),
            switch_ms.unwrap_or_default()
        )?,
        TakesEffect::NotAtAll => writeln!(
            out,
            "\x1b[33mwarning\x1b[0m   the station goes by bundle.file: put bundle.active = true in its place in {}",
            plain(&station.config.to_string_lossy())
        )?,
    }
    Ok(())
}
