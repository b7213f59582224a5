mod fusion;
mod trust;

use std::error::Error as _;

use twinspect_core::score::{FusionInputs, MapStack};

use super::*;
use crate::StageName;
use crate::conformance::fixture::{Senses, Twist, builder, bundle, frame, golden, manifest};
use crate::cpu::TractEngine;

/// An engine that changes the answers of another.
struct Tampered<F> {
    inner: TractEngine,
    precision: Precision,
    change: F,
}

impl<F: FnMut(&mut StageMaps) + Send> Engine for Tampered<F> {
    fn name(&self) -> &str {
        "tampered"
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn new_maps(&self) -> StageMaps {
        self.inner.new_maps()
    }

    fn infer(&mut self, part: &PreparedPart, maps: &mut StageMaps) -> Result<(), EngineError> {
        self.inner.infer(part, maps)?;
        (self.change)(maps);
        Ok(())
    }

    fn fuse(&mut self, inputs: &FusionInputs, maps: &mut FusionMaps) -> Result<(), EngineError> {
        self.inner.fuse(inputs, maps)
    }
}

fn prove_tampered(
    bundle: &Bundle,
    precision: Precision,
    change: impl FnMut(&mut StageMaps) + Send,
) -> Result<Proof, ProofError> {
    let inner = TractEngine::load(bundle).unwrap();
    let mut engine = Tampered {
        inner,
        precision,
        change,
    };
    prove(&mut engine, bundle)
}

fn range(stack: &MapStack) -> f32 {
    let high = stack.data.iter().copied().fold(f32::MIN, f32::max);
    high - stack.data.iter().copied().fold(f32::MAX, f32::min)
}

/// A value somewhere in map 2 of the geometry stage.
const PLACE: usize = 2 * 256 + 35;

#[test]
fn a_value_beyond_the_tolerance_is_named() {
    let bundle = bundle(Senses::Both, Twist::None);
    let goldens = bundle.goldens().unwrap();
    let expected = goldens[1].maps.geometry.as_ref().unwrap();
    let (value, step) = (expected.data[PLACE], 3e-4 * range(expected));
    let mut parts = 0;
    let error = prove_tampered(&bundle, Precision::F32, |maps| {
        parts += 1;
        let step = if parts == 2 { step } else { 0.0 };
        maps.geometry.as_mut().unwrap().data[PLACE] += step;
    })
    .unwrap_err();
    let ProofError::Maps {
        engine,
        worst,
        tolerance,
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((engine.as_str(), *tolerance), ("tampered", 1e-4));
    assert_eq!(
        (worst.golden.as_str(), worst.stage, worst.map, worst.index),
        ("001", StageName::Of(Modality::Geometry), 2, 35)
    );
    assert_eq!(worst.expected, value);
    assert!((worst.found - value - step).abs() < 0.1 * step, "{worst}");
    assert!((worst.share - 3e-4).abs() < 3e-5, "{worst}");
    assert!(error.hint().is_some());
}

#[test]
fn the_tolerance_is_that_of_the_precision() {
    let bundle = bundle(Senses::Geometry, Twist::None);
    let nudge = |maps: &mut StageMaps| {
        let stack = maps.geometry.as_mut().unwrap();
        let step = 1e-3 * range(stack);
        stack.data[PLACE] += step;
    };
    let error = prove_tampered(&bundle, Precision::F32, nudge).unwrap_err();
    assert!(matches!(error, ProofError::Maps { .. }), "{error:?}");
    let proof = prove_tampered(&bundle, Precision::F16, nudge).unwrap();
    assert_eq!(proof.tolerance, 1e-2);
    assert_eq!(proof.worst.map, 2);
}

#[test]
fn maps_that_are_no_numbers_are_refused() {
    let bundle = bundle(Senses::Rgb, Twist::None);
    let error = prove_tampered(&bundle, Precision::F32, |maps| {
        maps.rgb.as_mut().unwrap().data[3] = f32::NAN;
    })
    .unwrap_err();
    assert!(
        matches!(&error, ProofError::Maps { worst, .. } if worst.index == 3 && worst.found.is_nan()),
        "{error:?}"
    );
}

#[test]
fn evidence_must_agree_to_a_hundredth_of_the_threshold() {
    let manifest = manifest(Senses::Both);
    let prove_with = |offset: f32| {
        let mut golden = golden(&manifest, "000", frame(3));
        golden.evidence.fused += offset * manifest.score.fused.evidence;
        let bundle = builder(manifest.clone(), Twist::None)
            .golden(golden)
            .build()
            .unwrap();
        prove(&mut TractEngine::load(&bundle).unwrap(), &bundle)
    };
    let proof = prove_with(0.008).unwrap();
    assert!((proof.evidence_share - 0.008).abs() < 1e-3, "{proof:?}");
    let error = prove_with(-0.012).unwrap_err();
    assert!(
        matches!(&error, ProofError::Evidence { golden, found: Some(_), .. } if golden == "000"),
        "{error:?}"
    );
}

#[test]
fn one_sense_alone_is_measured_by_its_own_threshold() {
    let bundle = bundle(Senses::Both, Twist::None);
    let mut engine = TractEngine::load(&bundle).unwrap();
    let goldens = bundle.goldens().unwrap();
    let run = Run::new(&mut engine, &bundle).unwrap();
    let thresholds: Vec<f32> = goldens.iter().map(|golden| run.threshold(golden)).collect();
    assert_eq!(thresholds, [5.0, 5.0, 4.0]);
}

#[test]
fn a_bundle_without_goldens_proves_nothing() {
    let bundle = builder(manifest(Senses::Both), Twist::None)
        .build()
        .unwrap();
    let error = prove(&mut TractEngine::load(&bundle).unwrap(), &bundle).unwrap_err();
    assert!(matches!(error, ProofError::NoGoldens), "{error:?}");
    // Nor need anybody load an engine to see it.
    let error = provable(&bundle).unwrap_err();
    assert!(matches!(error, ProofError::NoGoldens), "{error:?}");
}

#[test]
fn a_golden_expects_what_its_frame_shows() {
    let manifest = manifest(Senses::Both);
    let prove_with = |golden| {
        let bundle = builder(manifest.clone(), Twist::None)
            .golden(golden)
            .build()
            .unwrap();
        prove(&mut TractEngine::load(&bundle).unwrap(), &bundle).unwrap_err()
    };
    let mut less = golden(&manifest, "000", frame(3));
    less.maps.rgb = None;
    less.evidence.modalities.rgb = None;
    let error = prove_with(less);
    assert!(
        matches!(
            &error,
            ProofError::Modality {
                modality: Modality::Rgb,
                usable: true,
                ..
            }
        ),
        "{error:?}"
    );
    let mut more = golden(&manifest, "000", frame(3));
    more.frame = more.frame.without_depth().unwrap();
    let error = prove_with(more);
    assert!(
        matches!(
            &error,
            ProofError::Modality {
                modality: Modality::Geometry,
                usable: false,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_network_that_no_golden_asks_is_not_proven() {
    for (senses, blind, unasked) in [
        (Senses::Both, false, StageName::Of(Modality::Geometry)),
        (Senses::Both, true, StageName::Of(Modality::Rgb)),
        (Senses::Fused, false, StageName::Of(Modality::Geometry)),
    ] {
        let manifest = manifest(senses);
        let seen = match blind {
            true => frame(3).without_rgb().unwrap(),
            false => frame(3).without_depth().unwrap(),
        };
        let bundle = builder(manifest.clone(), Twist::None)
            .golden(golden(&manifest, "000", seen))
            .build()
            .unwrap();
        let error = prove(&mut TractEngine::load(&bundle).unwrap(), &bundle).unwrap_err();
        for error in [error, provable(&bundle).unwrap_err()] {
            assert!(
                matches!(error, ProofError::Unproven { stage } if stage == unasked),
                "{error:?}"
            );
        }
    }
}

#[test]
fn a_golden_of_another_camera_is_named() {
    let mut manifest = manifest(Senses::Rgb);
    let golden = golden(&manifest, "000", frame(3));
    manifest.camera.frame.width = 1000;
    manifest.camera.intrinsics = None;
    manifest.prepare.roi = Some(twinspect_core::prepare::Roi {
        x: 900,
        y: 0,
        width: 64,
        height: 64,
    });
    let bundle = builder(manifest, Twist::None)
        .golden(golden)
        .build()
        .unwrap();
    let error = prove(&mut TractEngine::load(&bundle).unwrap(), &bundle).unwrap_err();
    assert!(
        matches!(&error, ProofError::Prepare { golden, .. } if golden == "000"),
        "{error:?}"
    );
    assert!(error.source().is_some());
}

#[test]
fn a_bundle_that_proves_nothing_is_told_from_an_engine_that_fails() {
    let broken = builder(manifest(Senses::Both), Twist::None)
        .model(Modality::Rgb, b"no network".to_vec())
        .build()
        .unwrap();
    assert!(TractEngine::load(&broken).unwrap_err().is_the_bundle_s());
    let stage = StageName::Of(Modality::Rgb);
    let infer = |source| ProofError::Infer {
        golden: "000".to_owned(),
        source,
    };
    assert!(ProofError::Unproven { stage }.is_the_bundle_s());
    assert!(infer(EngineError::NoModel { stage }).is_the_bundle_s());
    assert!(!infer(EngineError::Buffers { stage }).is_the_bundle_s());
    let bundle = bundle(Senses::Geometry, Twist::None);
    let error = prove_tampered(&bundle, Precision::F32, |maps| {
        let stack = maps.geometry.as_mut().unwrap();
        let step = range(stack);
        stack.data[PLACE] += step;
    });
    assert!(!error.unwrap_err().is_the_bundle_s());
}
