//! Manifests of products with a fusion network.

use super::*;

/// The sample with a fusion network.
pub(crate) fn sample() -> Manifest {
    let mut manifest = super::sample();
    manifest.format = FormatVersion::V2;
    manifest.stages.fusion = Some(FusionStage::new(2, 2, 16));
    manifest
}

/// Asserts that exactly the named keys are complained about.
fn check(change: impl FnOnce(&mut Manifest), keys: &[&str]) {
    let mut manifest = sample();
    change(&mut manifest);
    let problems = manifest.problems();
    let found: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(found, keys, "{problems:?}");
}

fn fusion(manifest: &mut Manifest) -> &mut FusionStage {
    manifest.stages.fusion.as_mut().unwrap()
}

#[test]
fn a_fusion_stage_is_read_back() {
    let text = sample().render(Path::new("cap.twb")).unwrap();
    assert!(text.starts_with("format = 2\n"), "{text}");
    assert_eq!(parse(&text).unwrap(), sample());
    assert_eq!(sample().join(), Join::Fusion);
    assert_eq!(super::sample().join(), Join::Maximum);
}

#[test]
fn the_format_is_the_oldest_that_can_say_it() {
    check(|m| m.format = FormatVersion::V1, &["format"]);
    check(|m| m.stages.fusion = None, &["format"]);
}

#[test]
fn a_fusion_stage_takes_what_the_score_makes() {
    check(|_| (), &[]);
    check(
        |m| fusion(m).file = "rgb.onnx".to_owned(),
        &["stages.fusion.file"],
    );
    check(
        |m| fusion(m).inputs.valid[1] = 2,
        &["stages.fusion.inputs.valid"],
    );
    check(
        |m| fusion(m).outputs.fused[3] = 64,
        &["stages.fusion.outputs.fused"],
    );
    check(
        |m| fusion(m).outputs.weight[0] = 2,
        &["stages.fusion.outputs.weight"],
    );
    check(
        |m| {
            let views = &mut m.score.modalities.geometry.as_mut().unwrap().views;
            views.pop();
        },
        &["stages.fusion.inputs.evidence_geometry"],
    );
}

#[test]
fn all_that_a_missing_modality_contradicts_is_told() {
    check(
        |m| {
            m.format = FormatVersion::V1;
            m.prepare.geometry = None;
            m.stages.geometry = None;
            m.score.modalities.geometry = None;
            m.provenance.teacher.geometry = None;
        },
        &["format", "stages.fusion"],
    );
    check(|m| m.stages.rgb = None, &["stages.rgb", "stages.fusion"]);
}

#[test]
fn tensors_are_neither_forgotten_nor_added() {
    let text = sample().render(Path::new("cap.twb")).unwrap();
    let weight = "weight = [";
    assert!(text.contains(weight), "{text}");
    for other in ["gate = [", "gate = 1\nweight = ["] {
        let refused = parse(&text.replacen(weight, other, 1)).unwrap_err();
        assert!(
            matches!(&refused, BundleError::Document { source, .. } if source.key.as_deref() == Some("gate")),
            "{refused:?}"
        );
    }
}

#[test]
fn a_recalibration_says_when_and_from_what() {
    let recalibration = Recalibration {
        created: "2026-11-24T10:00:00Z".to_owned(),
        from: "a5".repeat(32),
        good_parts: 40,
        data: "station 3".to_owned(),
    };
    let mut manifest = super::sample();
    manifest.recalibration = Some(recalibration.clone());
    assert_eq!(manifest.problems().len(), 1, "format 1 does not know it");
    manifest.format = FormatVersion::V2;
    let text = manifest.render(Path::new("cap.twb")).unwrap();
    assert_eq!(parse(&text).unwrap(), manifest);
    let wrong: [fn(&mut Recalibration); 4] = [
        |r| r.created = "yesterday".to_owned(),
        |r| r.from.truncate(63),
        |r| r.from.replace_range(..1, "x"),
        |r| r.good_parts = 0,
    ];
    for change in wrong {
        let mut recalibration = recalibration.clone();
        change(&mut recalibration);
        manifest.recalibration = Some(recalibration);
        let problems = manifest.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].key.starts_with("recalibration."),
            "{problems:?}"
        );
    }
}
