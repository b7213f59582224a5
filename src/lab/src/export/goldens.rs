//! Good parts with the trainer's answers, to which every engine is held.

use twinspect_bundle::{Golden, GoldenEvidence, Manifest};
use twinspect_core::prepare::{PreparedPart, Preparer};
use twinspect_core::score::{DegradedPolicy, Scorer};
use twinspect_core::verdict::Verdict;
use twinspect_dataset::{Dataset, Split};

use super::fusion::Fusion;
use super::model::TrainedModel;
use super::{ExportError, VALIDATION_MIN, prepare, setup};
use crate::good_parts;

/// Good validation parts that become goldens.
const GOLDENS: usize = 2;

pub(super) fn goldens(
    dataset: &dyn Dataset,
    manifest: &Manifest,
    model: &mut TrainedModel,
    mut fusion: Option<&mut Fusion>,
) -> Result<Vec<Golden>, ExportError> {
    let spec = &manifest.prepare;
    let mut preparer = Preparer::new(spec).map_err(setup("the preparation"))?;
    let scorer = Scorer::new(&manifest.score, spec, manifest.join());
    let mut scorer = scorer.map_err(setup("the score"))?;
    let mut part = PreparedPart::new(spec);
    let chosen: Vec<_> = good_parts::good(dataset, Split::Validation, VALIDATION_MIN)?
        .into_iter()
        .take(GOLDENS)
        .collect();
    let frames = good_parts::frames(dataset, &chosen)?;
    let mut goldens = Vec::with_capacity(GOLDENS);
    for (index, (reference, frame)) in chosen.iter().zip(frames).enumerate() {
        prepare(&mut preparer, reference, &frame, &mut part)?;
        let maps = model.maps(&part)?;
        let gathered = scorer.gather(&part, &maps, frame.size(), DegradedPolicy::default());
        let no_golden = |reason: &str| ExportError::NoGolden {
            part: reference.id.to_string(),
            reason: reason.to_owned(),
        };
        let mut fused_maps = None;
        let verdict = gathered.decide(|inputs, maps| match &mut fusion {
            Some(fusion) => {
                fusion.trained(inputs, maps);
                fused_maps = Some(maps.clone());
                Ok(())
            }
            None => Err(no_golden("no fusion network")),
        })?;
        let evidence = scorer.evidence();
        let reason = match &verdict {
            Verdict::NoResult { reason } => reason.name(),
            Verdict::Pass { .. } | Verdict::Fail { .. } => verdict.name(),
        };
        let fused = evidence.fused.ok_or_else(|| no_golden(reason))?;
        goldens.push(Golden {
            name: format!("{index:03}"),
            frame,
            maps,
            fusion: fused_maps,
            evidence: GoldenEvidence {
                fused,
                modalities: evidence.modalities,
            },
        });
    }
    Ok(goldens)
}
