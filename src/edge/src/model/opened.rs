//! The bundles that commands and stations go by, wherever they lie.

use std::path::Path;

use twinspect_bundle::Bundle;
use twinspect_store::models::{ModelsError, installed_at, open_bundle_at};

use crate::config::Station;
use crate::error::EdgeError;

/// Opens a bundle. One that lies under a model's name in a store has to be that model, whoever asks: sound hashes alone
/// would do for any other one that was put there.
///
/// # Errors
/// [`EdgeError::Bundle`], and [`EdgeError::Models`] where another bundle, a link or a file lies in an installed model's
/// place.
pub(crate) fn open(path: &Path) -> Result<Bundle, EdgeError> {
    open_bundle_at(path).map_err(|error| match error {
        ModelsError::Bundle(error) => error.into(),
        error => error.into(),
    })
}

/// What `models.public_key` says against an installed model that a station goes by. It is told and keeps no station from
/// its work: the model was let in, and the key may have been changed since.
pub(crate) fn unsigned(station: &Station, bundle: &Bundle) -> Option<String> {
    let keys = &station.models.as_ref()?.keys;
    let _place = installed_at(bundle.path())?;
    let why = keys.verify(bundle).err()?;
    Some(format!(
        "the station's model would not be let in by `model install`: {why}"
    ))
}
