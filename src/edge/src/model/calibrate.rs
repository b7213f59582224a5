//! `twinspect model calibrate`: a station's own good parts set its thresholds.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use twinspect_core::score::Threshold;
use twinspect_engine::TractEngine;
use twinspect_engine::calibrate::{Calibrator, require_new};

use super::far_lines;
use crate::cli::CalibrateArgs;
use crate::clock;
use crate::error::EdgeError;
use crate::fit::{check_camera, check_size};
use crate::replay::write_json;

/// What was done. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings<'a> {
    bundle: &'a Path,
    hash: &'a str,
    from: &'a str,
    good_parts: usize,
    rejected_before: usize,
    rejected_parts: &'a [String],
    rejected_now: usize,
    threshold_before: Threshold,
    threshold: Threshold,
}

/// Fits, and writes the new bundle.
pub(crate) fn calibrate(args: &CalibrateArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let bundle = super::open(&args.files.bundle)?;
    require_new(bundle.path(), &args.out)?;
    let dataset = twinspect_dataset::open(&args.files.data)?;
    check_camera(&bundle, dataset.as_ref())?;
    let parts = match args.split {
        Some(split) => dataset.good_parts(split.into()),
        None => dataset.calibration_parts(),
    };
    let mut engine = TractEngine::load(&bundle)?;
    let mut calibrator = Calibrator::new(&mut engine, &bundle, args.false_reject_rate)?;
    if args.accept_shift {
        calibrator = calibrator.accept_any_shift();
    }
    for part in &parts {
        let loaded = dataset.load(part)?;
        check_size(&bundle, &part.id, loaded.frame.size())?;
        calibrator.see(part.id.as_str(), &loaded.frame)?;
    }
    let made = calibrator.finish(clock::now_rfc3339(), dataset.name().to_owned())?;
    far_lines::warn(made.bundle.manifest());
    made.write_archive(&args.out)?;
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
                rejected_before: made.rejected_before.len(),
                rejected_parts: &made.rejected_before,
                rejected_now: made.threshold().good_parts_above,
                threshold_before: made.threshold_before,
                threshold: made.threshold(),
            },
        );
    }
    writeln!(
        out,
        "wrote {}: {} {}, from {} good parts of {}\n\
         {}\n\
         the way back: {}, {}",
        args.out.display(),
        bundle.manifest().name,
        bundle.manifest().version,
        parts.len(),
        dataset.name(),
        made.explain(),
        bundle.path().display(),
        bundle.hash()
    )?;
    Ok(())
}
