//! Whether a bundle was made of a run.

use twinspect_bundle::Bundle;
use twinspect_core::modality::Modality;

use crate::export::{ExportError, TrainedModel};
use crate::run_folder::{RunFolder, RunRecord};

/// Everything that a bundle would say and hold otherwise if it had been made of this run. Thresholds
/// may be other ones: a bundle can be calibrated anew.
pub(super) fn differences(bundle: &Bundle, folder: &RunFolder, record: &RunRecord) -> Vec<String> {
    let manifest = bundle.manifest();
    let made_from = &manifest.provenance;
    let teacher = made_from.teacher.rgb.as_ref();
    let same_teacher = record
        .teacher_hash
        .as_ref()
        .is_none_or(|hash| teacher.is_some_and(|teacher| teacher.ends_with(hash.as_str())));
    let facts = [
        ("other data", made_from.data_hash == record.data_hash),
        ("another seed", made_from.seed == record.training.seed),
        (
            "another trainer",
            made_from.tool_version == record.tool_version,
        ),
        ("another teacher", same_teacher),
        ("another camera", manifest.camera == record.camera),
        ("another preparation", manifest.prepare == record.prepare),
    ];
    let facts = facts.into_iter().filter(|(_, same)| !same);
    let mut all: Vec<String> = facts.map(|(what, _)| what.to_owned()).collect();
    // What does not stand in the manifest shows in the weights.
    if all.is_empty() && can_compare(folder, record) {
        if !has_views_of(bundle, record) {
            all.push("other views of its maps".to_owned());
        }
        match other_networks(bundle, folder, record) {
            Ok(other) => all.extend(other.iter().map(|of| format!("another {of} network"))),
            Err(error) => log::warn!(
                "whether the bundle's networks are those of the run can't be told: {error}"
            ),
        }
    }
    all
}

/// Whether maps are looked at as the run's record says: those of a finished run may have changed.
fn has_views_of(bundle: &Bundle, record: &RunRecord) -> bool {
    let plans = TrainedModel::views(record);
    Modality::ALL.into_iter().all(|modality| {
        let known = bundle.manifest().score.modalities.get(modality);
        let views = known.map(|known| {
            let views = known.views.iter();
            views
                .map(|view| (view.maps, view.sigma_px))
                .collect::<Vec<_>>()
        });
        views == plans.get(modality).map(|plan| plan.views.clone())
    })
}

/// Whether the run's students are there, and another release would not write them otherwise.
fn can_compare(folder: &RunFolder, record: &RunRecord) -> bool {
    let mut there = record
        .students()
        .map(|student| folder.checkpoint(student).exists());
    record.tool_version == env!("CARGO_PKG_VERSION") && there.all(|there| there)
}

fn other_networks(
    bundle: &Bundle,
    folder: &RunFolder,
    record: &RunRecord,
) -> Result<Vec<Modality>, ExportError> {
    let stages = TrainedModel::load(folder, record)?.stages(&record.prepare)?;
    let other = stages
        .present()
        .filter(|(modality, onnx)| bundle.stage_model(*modality) != Some(onnx.as_slice()));
    Ok(other.map(|(modality, _)| modality).collect())
}
