//! Lines between good and rejected that stand where no good parts have put one.
//!
//! The bundle's own rules refuse a line far beyond what any good part has set ([`Threshold::EVIDENCE_MAX`]). Below that a line may be meant, and
//! sound hashes say nothing of who has written it.

use twinspect_bundle::Manifest;
use twinspect_core::score::Threshold;

/// Warns of each in the log.
pub(crate) fn warn(manifest: &Manifest) {
    for warning in warnings(manifest) {
        log::warn!("{warning}");
    }
}

/// What is to be said of each, for people.
pub(crate) fn warnings(manifest: &Manifest) -> Vec<String> {
    let told = |(line, threshold): (String, Threshold)| {
        format!(
            "the {line} line of {} {} stands at {} standard deviations of good parts, and others at three to ten: it may reject nothing",
            manifest.name, manifest.version, threshold.evidence
        )
    };
    far(manifest).into_iter().map(told).collect()
}

fn far(manifest: &Manifest) -> Vec<(String, Threshold)> {
    let score = &manifest.score;
    let alone = score.modalities.present();
    let alone = alone.map(|(modality, known)| (modality.to_string(), known.threshold));
    let all = [("fused".to_owned(), score.fused)].into_iter().chain(alone);
    all.filter(|(_, threshold)| threshold.is_far()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twinspect_bundle::Bundle;

    use super::*;

    #[test]
    fn shipped_lines_are_not_far_and_each_that_is_is_named() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        for name in ["cap.twb", "bracket.twb"] {
            let bundle = Bundle::open(models.join(name)).unwrap();
            let mut manifest = bundle.manifest().clone();
            assert!(far(&manifest).is_empty(), "{name}");
            manifest.score.fused.evidence = 99.0;
            let geometry = manifest.score.modalities.geometry.as_mut().unwrap();
            geometry.threshold.evidence = 20.0;
            let named: Vec<String> = far(&manifest).into_iter().map(|(line, _)| line).collect();
            assert_eq!(named, ["fused", "geometry"], "{name}");
            let [fused, geometry] = &warnings(&manifest)[..] else {
                panic!("{name}: one for each");
            };
            assert!(
                fused.contains("the fused line") && fused.contains("at 99 "),
                "{fused}"
            );
            assert!(geometry.contains("the geometry line"), "{geometry}");
        }
    }
}
