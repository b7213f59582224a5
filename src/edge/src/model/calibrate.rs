//! `twinspect model calibrate`: a station's own good parts set its thresholds.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_core::score::Threshold;
use twinspect_dataset::{Dataset, PartRef, Split};
use twinspect_engine::calibrate::Calibrator;
use twinspect_engine::{TractEngine, prove};

use crate::cli::CalibrateArgs;
use crate::clock;
use crate::error::EdgeError;
use crate::fit::check_camera;
use crate::replay::write_json;

/// What was done. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings<'a> {
    bundle: &'a Path,
    hash: &'a str,
    from: &'a str,
    good_parts: usize,
    rejected_before: usize,
    rejected_now: usize,
    threshold: Threshold,
}

/// Fits, and writes the new bundle.
pub(crate) fn calibrate(args: &CalibrateArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let bundle = Bundle::open(&args.source.bundle)?;
    let old = &bundle.manifest().score.fused;
    let rate = args.false_reject_rate.unwrap_or(old.target_rate);
    if !(rate > 0.0 && rate < 1.0) {
        return Err(EdgeError::Usage {
            message: format!("--false-reject-rate {rate}: expected a share between 0 and 1"),
            hint: "0.02 is two of a hundred good parts",
        });
    }
    if is_same(&args.out, &args.source.bundle) {
        return Err(EdgeError::Usage {
            message: "--out names the bundle that is read".to_owned(),
            hint: "choose another file: the old bundle is the way back",
        });
    }
    let dataset = twinspect_dataset::open(&args.source.data)?;
    check_camera(&bundle, dataset.as_ref())?;
    let parts = good_parts(dataset.as_ref(), args.source.split.map(Into::into));
    let mut engine = TractEngine::load(&bundle)?;
    prove(&mut engine, &bundle).map_err(|source| EdgeError::Proof {
        bundle: bundle.path().to_owned(),
        source: Box::new(source),
    })?;
    let mut calibrator = Calibrator::new(&mut engine, &bundle)?;
    for part in &parts {
        let loaded = dataset.load(part)?;
        calibrator.see(part.id.as_str(), &loaded.frame)?;
    }
    let made = calibrator.finish(rate, clock::now_rfc3339(), dataset.name().to_owned())?;
    made.bundle.write_archive(&args.out)?;
    let threshold = made.bundle.manifest().score.fused;
    if 2 * made.rejected_before > parts.len() {
        log::warn!(
            "the old constants reject {} of these {} parts: see that they are good, and of this product",
            made.rejected_before,
            parts.len()
        );
    }
    log::info!(
        "{} made of {} with {} good parts",
        made.bundle.hash(),
        bundle.hash(),
        parts.len()
    );
    if args.json {
        return write_json(
            out,
            &Findings {
                bundle: &args.out,
                hash: made.bundle.hash(),
                from: bundle.hash(),
                good_parts: parts.len(),
                rejected_before: made.rejected_before,
                rejected_now: threshold.good_parts_above,
                threshold,
            },
        );
    }
    writeln!(
        out,
        "wrote {}: {} {}, from {} good parts of {}\n\
         threshold: {}\n\
         of these parts the old constants reject {}, the new ones {}\n\
         the way back: {}, {}",
        args.out.display(),
        bundle.manifest().name,
        bundle.manifest().version,
        parts.len(),
        dataset.name(),
        threshold.explain(),
        made.rejected_before,
        threshold.good_parts_above,
        bundle.path().display(),
        bundle.hash()
    )?;
    Ok(())
}

/// Good parts of a split; of the first that has any, or of all.
fn good_parts(dataset: &dyn Dataset, split: Option<Split>) -> Vec<PartRef> {
    let good = |split: Split| -> Vec<PartRef> {
        let parts = dataset.parts(split).iter();
        parts.filter(|part| part.label.is_good()).cloned().collect()
    };
    if let Some(split) = split {
        return good(split);
    }
    let first = [Split::Calibration, Split::Validation].map(good);
    match first.into_iter().find(|parts| !parts.is_empty()) {
        Some(parts) => parts,
        None => Split::ALL.into_iter().flat_map(good).collect(),
    }
}

/// Whether two names lead to one file.
fn is_same(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    a == b || real(a).is_some_and(|a| Some(a) == real(b))
}
