//! `twinspect model verify`: is an installed model still what it was, and still proven?

use std::io::Write;

use serde::Serialize;
use twinspect_store::models::{ModelId, ModelsError, Signed};

use super::far_lines;
use super::place::StorePlace;
use super::proof::{self, Proven};
use crate::cli::VerifyArgs;
use crate::error::EdgeError;
use crate::health::counted;
use crate::replay::write_json;

/// What was found. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    id: ModelId,
    hash: String,
    /// What the signer has written, if a key is configured and has signed it.
    signed: Option<String>,
    #[serde(flatten)]
    proven: Proven,
}

/// Reads everything, compares, and proves anew.
pub(super) fn verify(args: &VerifyArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = StorePlace::of(&args.store)?;
    let id = match &args.id {
        Some(typed) => place.models.find(typed)?.id,
        None => {
            let station = place.station.as_ref().ok_or(EdgeError::Usage {
                message: "no model is named, and a store alone has no station whose model could be meant".to_owned(),
                hint: "name one that `twinspect model list` shows, or the station's configuration with --config",
            })?;
            let name = &station.name;
            let activation = place.models.activation(name)?;
            let none = || ModelsError::NoneActive {
                station: name.clone(),
                folder: place.models.root().to_owned(),
            };
            activation.ok_or_else(none)?.active
        }
    };
    let bundle = place.models.open_bundle(&id)?;
    let signed = place.keys.verify(&bundle).map_err(ModelsError::from)?;
    far_lines::warn(bundle.manifest());
    let proven = proof::prove(&place, &id, bundle.hash(), &args.proof)
        .map_err(|error| place.of_a_belied(&id, error))?;
    let findings = Findings {
        hash: bundle.hash().to_owned(),
        signed: match signed {
            Signed::NotAsked => None,
            Signed::By { trusted_comment } => Some(trusted_comment),
        },
        id,
        proven,
    };
    if args.store.json {
        return write_json(out, &findings);
    }
    let Findings {
        id,
        hash,
        signed,
        proven,
    } = &findings;
    writeln!(out, "whole     {id}, sha256 {hash}")?;
    if let Some(comment) = signed {
        writeln!(out, "signed    {comment}")?;
    }
    writeln!(
        out,
        "proven    {}: {} reproduced to {:.1e} of the range (tolerance {:.1e}); {}",
        proven.engine,
        counted(proven.goldens as u64, "golden"),
        proven.worst_map_share,
        proven.tolerance,
        proven.why
    )?;
    Ok(())
}
