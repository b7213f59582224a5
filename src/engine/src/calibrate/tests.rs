use twinspect_bundle::BundleError;
use twinspect_core::modality::Modality;
use twinspect_core::score::FitError;

use super::*;
use crate::conformance::fixture::{self, Senses, Twist, frame};
use crate::cpu::TractEngine;

const CREATED: &str = "2026-11-24T12:00:00Z";

fn recalibrate(
    bundle: &Bundle,
    seeds: std::ops::Range<u32>,
    rate: f64,
) -> Result<Recalibrated, CalibrateError> {
    let mut engine = TractEngine::load(bundle).unwrap();
    // The fixture's constants are made up and reject its own parts.
    let mut calibrator = Calibrator::new(&mut engine, bundle, Some(rate))?.accept_any_shift();
    for seed in seeds {
        calibrator.see(&format!("{seed:03}"), &frame(seed))?;
    }
    calibrator.finish(CREATED.to_owned(), "station 3".to_owned())
}

#[test]
fn networks_stay_and_constants_are_those_of_the_parts() {
    for senses in Senses::ALL {
        let old = fixture::bundle(senses, Twist::None);
        let Recalibrated { bundle, .. } = recalibrate(&old, 100..124, 0.02).unwrap();
        let manifest = bundle.manifest();
        for modality in Modality::ALL {
            assert_eq!(bundle.stage_model(modality), old.stage_model(modality));
        }
        assert_eq!(bundle.fusion_model(), old.fusion_model());
        assert_eq!(manifest.prepare, old.manifest().prepare);
        assert_eq!(manifest.picture.map(|known| known.parts), Some(24));
        let record = manifest.recalibration.as_ref().unwrap();
        assert_eq!((record.from.as_str(), record.good_parts), (old.hash(), 24));
        assert_eq!(manifest.score.fused.good_parts, 24);
        assert_ne!(manifest.score, old.manifest().score);

        let mut engine = TractEngine::load(&bundle).unwrap();
        let mut calibrator = Calibrator::new(&mut engine, &bundle, Some(0.02)).unwrap();
        for seed in 100..124 {
            calibrator
                .see(&format!("again {seed}"), &frame(seed))
                .unwrap();
        }
        let again = calibrator
            .finish(CREATED.to_owned(), String::new())
            .unwrap();
        let above = manifest.score.fused.good_parts_above;
        assert_eq!(again.rejected_before.len(), above, "{senses:?}");
        let (found, expected) = (&again.bundle.manifest().score, &manifest.score);
        assert_eq!(found, expected, "the same parts give the same constants");
    }
}

#[test]
fn a_part_that_can_not_be_seen_is_named_and_can_be_left_out() {
    let bundle = fixture::bundle(Senses::Both, Twist::None);
    let mut engine = TractEngine::load(&bundle).unwrap();
    let calibrator = Calibrator::new(&mut engine, &bundle, Some(0.02)).unwrap();
    let mut calibrator = calibrator.accept_any_shift();
    for seed in 0..5 {
        calibrator.see("good", &frame(seed)).unwrap();
    }
    let blind = frame(7).without_depth().unwrap();
    let refused = calibrator.see("blind", &blind).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "good part blind has no usable geometry"
    );
    assert!(refused.hint().is_some());
    let made = calibrator.finish(CREATED.to_owned(), "five".to_owned());
    assert_eq!(made.unwrap().bundle.manifest().score.fused.good_parts, 5);
}

#[test]
fn parts_that_the_old_constants_reject_need_somebody_who_vouches_for_them() {
    let bundle = fixture::bundle(Senses::Both, Twist::None);
    let mut engine = TractEngine::load(&bundle).unwrap();
    let mut calibrator = Calibrator::new(&mut engine, &bundle, Some(0.02)).unwrap();
    for seed in 0..6 {
        calibrator.see(&format!("{seed:03}"), &frame(seed)).unwrap();
    }
    let refused = calibrator.finish(CREATED.to_owned(), "others".to_owned());
    let told = refused.unwrap_err();
    assert_eq!(
        told.to_string(),
        "the old constants reject 6 of these 6 parts: 000, 001, 002, 003, 004 and 1 more"
    );
    assert!(told.hint().unwrap().contains("--accept-shift"));
}

#[test]
fn more_than_a_fifth_of_rejected_parts_is_a_shift_and_one_part_is_none() {
    let made_up = fixture::bundle(Senses::Both, Twist::None);
    let Recalibrated { bundle, .. } = recalibrate(&made_up, 100..124, 0.3).unwrap();
    let mut engine = TractEngine::load(&bundle).unwrap();
    let seeds: Vec<u32> = (100..200).collect();
    let mut calibrator = Calibrator::new(&mut engine, &bundle, Some(0.02)).unwrap();
    for &seed in &seeds {
        calibrator.see(&format!("{seed}"), &frame(seed)).unwrap();
    }
    let rejected: Vec<u32> = calibrator
        .rejected
        .iter()
        .map(|n| n.parse().unwrap())
        .collect();
    let passed: Vec<u32> = seeds
        .into_iter()
        .filter(|seed| !rejected.contains(seed))
        .collect();
    let mut fit = |bad: usize, good: usize| {
        let mut calibrator = Calibrator::new(&mut engine, &bundle, Some(0.02)).unwrap();
        let chosen = rejected.iter().take(bad).chain(passed.iter().take(good));
        for seed in chosen {
            calibrator.see(&format!("{seed}"), &frame(*seed)).unwrap();
        }
        calibrator.finish(CREATED.to_owned(), String::new())
    };
    let made = fit(1, 4).unwrap();
    assert_eq!(made.rejected_before, [rejected[0].to_string()]);
    assert_eq!(made.threshold_before, bundle.manifest().score.fused);
    assert!(
        made.explain()
            .contains(&format!("reject 1 ({})", rejected[0]))
    );
    assert!(fit(2, 8).is_ok());
    let refused = fit(3, 9).unwrap_err();
    assert!(matches!(refused, CalibrateError::Shifted { parts: 12, .. }));
}

#[test]
fn a_copy_of_a_part_is_refused_by_the_names_of_both() {
    let bundle = fixture::bundle(Senses::Both, Twist::None);
    let mut engine = TractEngine::load(&bundle).unwrap();
    let mut calibrator = Calibrator::new(&mut engine, &bundle, Some(0.02)).unwrap();
    calibrator.see("000", &frame(0)).unwrap();
    calibrator.see("001", &frame(1)).unwrap();
    let refused = calibrator.see("002", &frame(0)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "good part 002 is the same picture as good part 000"
    );
    assert!(refused.hint().is_some());
}

#[test]
fn too_few_parts_and_impossible_rates_are_refused() {
    let bundle = fixture::bundle(Senses::Fused, Twist::None);
    assert!(matches!(
        recalibrate(&bundle, 0..4, 0.02),
        Err(CalibrateError::Fit(FitError::TooFew { found: 4, .. }))
    ));
    let mut engine = TractEngine::load(&bundle).unwrap();
    for rate in [0.0, 1e-300, 0.0009, 0.51, 1.0, f64::NAN] {
        let refused = Calibrator::new(&mut engine, &bundle, Some(rate));
        assert!(matches!(refused, Err(CalibrateError::Rate { .. })));
    }
}

#[test]
fn no_bundle_is_ever_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.twb");
    let made = fixture::bundle(Senses::Rgb, Twist::None);
    made.write_archive(&path).unwrap();
    let made = recalibrate(&Bundle::open(&path).unwrap(), 0..6, 0.02).unwrap();
    let before = std::fs::read(&path).unwrap();
    let roundabout = folder.path().join(".").join("old.twb");
    for same in [&path, &roundabout] {
        let refused = made.write_archive(same);
        assert!(matches!(refused, Err(CalibrateError::SameFile { .. })));
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let new = folder.path().join("new.twb");
    made.write_archive(&new).unwrap();
    let before = std::fs::read(&new).unwrap();
    let refused = made.write_archive(&new).unwrap_err();
    assert!(
        matches!(&refused, CalibrateError::Bundle(BundleError::Exists { path }) if *path == new),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(&new).unwrap(), before);
}
