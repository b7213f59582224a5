//! What a bundle says of itself.

use twinspect_bundle::{FormatVersion, Manifest, Method, Provenance, Stage, Stages, Tolerance};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::picture::PictureExpectation;
use twinspect_core::score::ScoreCalibration;

use super::Job;
use super::fusion::Fusion;
use super::model::OUTPUT;
use super::stages::input_shape;
use crate::run_folder::RunRecord;

/// Largest difference between trainer and device, as a share of a map's range.
const TOLERANCE: Tolerance = Tolerance {
    f32: 1e-3,
    f16: 2e-2,
};

pub(super) fn manifest(
    job: &Job,
    record: &RunRecord,
    score: ScoreCalibration,
    fusion: Option<&Fusion>,
    picture: Option<PictureExpectation>,
) -> Manifest {
    let spec = &record.prepare;
    let side = spec.map_size();
    let mut stages = PerModality::default();
    let mut teacher = PerModality::default();
    for (modality, known) in score.modalities.present() {
        let stage = Stage {
            file: format!("{modality}.onnx"),
            input: modality.name().to_owned(),
            input_shape: input_shape(modality, spec),
            output: OUTPUT.to_owned(),
            output_shape: [1, known.maps.len(), side, side],
        };
        stages.set(modality, Some(stage));
        let name = match (modality, &record.teacher, &record.teacher_hash) {
            (Modality::Rgb, Some(teacher), Some(hash)) => format!("{} {hash}", teacher.name()),
            _ => "filter bank".to_owned(),
        };
        teacher.set(modality, Some(name));
    }
    let stages = Stages {
        fusion: fusion.map(|fusion| fusion.stage.clone()),
        ..stages.into()
    };
    Manifest {
        format: FormatVersion::of(&record.prepare, &stages, None, picture.as_ref()),
        name: job.name.clone().unwrap_or_else(|| record.name.clone()),
        version: job.version.clone(),
        created: job.created.clone(),
        method: Method::ReverseDistillation,
        provenance: Provenance {
            data_hash: record.data_hash.clone(),
            seed: record.training.seed,
            tool_version: record.tool_version.clone(),
            teacher,
        },
        camera: record.camera.clone(),
        prepare: spec.clone(),
        stages,
        score,
        tolerance: TOLERANCE,
        recalibration: None,
        picture,
    }
}
