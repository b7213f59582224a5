//! What the model was made from, so that it can be made again.

use twinspect_core::modality::Modality;

use super::ReportError;
use super::html::{count, text};
use super::page::{Material, Section, name};
use crate::config::{FusionConfig, TrainingConfig};
use crate::run_folder::RunError;

/// The section.
pub(super) fn section(material: &Material<'_>) -> Result<Section, ReportError> {
    let (record, manifest) = (material.record, material.manifest);
    let training = TrainingConfig {
        fusion: FusionConfig {
            join: material.join,
        },
        ..record.training.clone()
    };
    let config = toml::to_string(&training).map_err(RunError::Render)?;
    let data = if material.data_hash == record.data_hash {
        format!("{} (as it was trained on)", record.data_hash)
    } else {
        format!(
            "{} when trained, {} now",
            record.data_hash, material.data_hash
        )
    };
    let mut facts: Vec<(&str, String)> = vec![
        ("product", format!("{} {}", manifest.name, manifest.version)),
        ("bundle made", manifest.created.clone()),
        ("bundle, SHA-256", material.bundle_hash.to_owned()),
        ("bundle format", u32::from(manifest.format).to_string()),
        ("data set", record.name.clone()),
        ("data, SHA-256", data),
    ];
    facts.extend(manifest.recalibration.as_ref().map(|change| {
        let parts = count(change.good_parts, "good part", "good parts");
        (
            "calibrated anew",
            format!(
                "{} on {parts} ({}), from bundle {}",
                change.created, change.data, change.from
            ),
        )
    }));
    if material.has_both() {
        facts.push(("colour and height", format!("joined by: {}", material.join)));
    }
    let teachers = manifest.provenance.teacher.present();
    facts.extend(teachers.map(|(modality, teacher)| match modality {
        Modality::Rgb => ("teacher of colour", teacher.clone()),
        Modality::Geometry => ("teacher of height", teacher.clone()),
    }));
    facts.push(("seed", record.training.seed.to_string()));
    facts.push((
        "trained by",
        format!("twinspect-lab {}", record.tool_version),
    ));
    let version = env!("CARGO_PKG_VERSION");
    facts.push((
        "page by",
        format!("twinspect-lab {version}, {}", material.created),
    ));
    let rows: String = facts
        .iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", text(value)))
        .collect();
    let lines: String = material
        .manifest
        .score
        .modalities
        .present()
        .map(|(modality, known)| {
            let name = name(modality);
            format!(
                "<li>{name} alone: {}</li>",
                text(&known.threshold.explain())
            )
        })
        .collect();
    let body = format!(
        "<dl class=\"facts\">{rows}</dl><details><summary>Configuration of the training</summary><pre>{}</pre></details>\
         <details><summary>Thresholds</summary><ul><li>deciding: {}</li>{lines}</ul></details>",
        text(&config),
        text(&manifest.score.fused.explain()),
    );
    Ok(Section {
        id: "provenance",
        heading: "Provenance".to_owned(),
        body,
    })
}
