//! `twinspect model install`: a bundle becomes an installed and proven model.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use serde::Serialize;
use twinspect_bundle::{Bundle, shell};
use twinspect_store::models::{Installation, Installed, ModelId, ModelsError, Proof, Signed};

use super::far_lines;
use super::place::StorePlace;
use super::plans::{self, Plans};
use super::proof;
use crate::cli::InstallArgs;
use crate::engines;
use crate::error::EdgeError;
use crate::health::counted;
use crate::records::plain;
use crate::replay::write_json;

/// What errors call a bundle that comes by standard input.
const STANDARD_INPUT: &str = "from standard input";

/// What was done. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    id: ModelId,
    name: String,
    version: String,
    hash: String,
    path: PathBuf,
    /// Whether it was not there before, or not whole.
    is_new: bool,
    /// What the signer has written, if a key is configured and has signed it.
    signed: Option<String>,
    engine: String,
    /// In the place of one that can't be used.
    stands_in: bool,
    /// Of a GPU's engine.
    plans: Plans,
    goldens: u64,
    worst_map_share: f64,
    /// Commands that may come next.
    next: Vec<String>,
}

/// Reads, checks, installs and proves.
pub(super) fn install(args: &InstallArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let place = StorePlace::of(&args.store)?;
    let bundle = read(&args.bundle)?;
    let signed = place.keys.verify(&bundle).map_err(ModelsError::from)?;
    far_lines::warn(bundle.manifest());
    let (id, installation) = place.models.change()?.install(&bundle)?;
    log::info!("{id}: {installation:?}");
    let hash = bundle.hash();
    let path = place.models.folder_of(&id);
    let known = place.models.find(id.as_str())?;
    let plans = match &place.station {
        Some(station) if !args.no_plans => plans::build(station, &path, args.build_limit_s),
        _ => Plans::NotAsked,
    };
    let (mut next, mut stands_in) = (Vec::new(), false);
    let proof = proven_by_this_release(&known, installation)
        .filter(|proof| plans.leave_as_it_is(&proof.engine));
    let proof = match proof {
        Some(proof) => proof,
        None => {
            let proven = proof::prove(&place, &id, hash, &args.proof)
                .map_err(|error| place.of_a_belied(&id, error))?;
            stands_in = proven.stands_in_for.is_some();
            place.models.find(id.as_str())?.proof.ok_or_else(|| {
                // Somebody has removed it meanwhile.
                ModelsError::Unproven { id: id.clone() }
            })?
        }
    };
    if let Some(station) = &place.station {
        let config = shell::word(&station.config);
        let lacks_plans = args.no_plans && engines::wants_plans(&station.engine);
        if plans == Plans::Failed || lacks_plans {
            next.push(format!(
                "twinspect engine build --config {config} --bundle {}",
                shell::word(&path)
            ));
        }
        next.push(format!("twinspect model activate {id} --config {config}"));
    }
    let manifest = bundle.manifest();
    let findings = Findings {
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        hash: hash.to_owned(),
        path,
        is_new: installation == Installation::New,
        signed: match signed {
            Signed::NotAsked => None,
            Signed::By { trusted_comment } => Some(trusted_comment),
        },
        stands_in,
        plans,
        engine: proof.engine,
        goldens: proof.goldens,
        worst_map_share: proof.worst_map_share,
        next,
        id,
    };
    if args.store.json {
        write_json(out, &findings)
    } else {
        print(&findings, out)
    }
}

fn read(path: &Path) -> Result<Bundle, EdgeError> {
    if path != Path::new("-") {
        return super::open(path);
    }
    let input = io::stdin();
    if input.is_terminal() {
        return Err(EdgeError::Usage {
            message: "standard input is a terminal, and no bundle comes from there".to_owned(),
            hint: "ssh station twinspect model install - < cap.twb",
        });
    }
    let bar = ProgressBar::new_spinner();
    bar.set_message("reading a bundle from standard input");
    let bundle = Bundle::read(STANDARD_INPUT, bar.wrap_read(input.lock()));
    bar.finish_and_clear();
    Ok(bundle?)
}

/// A model that was there and whole, and that this very release has proven.
fn proven_by_this_release(known: &Installed, installation: Installation) -> Option<Proof> {
    let proof = known.proof.clone().filter(|_| known.is_proven())?;
    let is_ours = proof.program == env!("CARGO_PKG_VERSION");
    (installation == Installation::Known && is_ours).then_some(proof)
}

fn print(findings: &Findings, out: &mut dyn Write) -> Result<(), EdgeError> {
    let Findings {
        id,
        path,
        hash,
        is_new,
        signed,
        engine,
        goldens,
        worst_map_share,
        plans,
        next,
        ..
    } = findings;
    let what = if *is_new { "installed" } else { "known    " };
    writeln!(out, "{what} {id}, {}", plain(&path.to_string_lossy()))?;
    writeln!(out, "          sha256 {hash}")?;
    if let Some(comment) = signed {
        writeln!(out, "signed    {comment}")?;
    }
    match plans {
        Plans::NotAsked => {}
        Plans::Kept => writeln!(out, "plans     this board has them")?,
        Plans::Built => writeln!(out, "plans     built for this board")?,
        Plans::Failed => writeln!(out, "plans     not built or not trusted, see above")?,
    }
    writeln!(
        out,
        "proven    {engine}: {} reproduced to {worst_map_share:.1e} of the range",
        counted(*goldens, "golden")
    )?;
    for command in next {
        writeln!(out, "next      {command}")?;
    }
    Ok(())
}
