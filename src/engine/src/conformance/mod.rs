//! What every engine must do, whatever it computes with. A back end's tests call [`suite`].

pub(crate) mod fixture;
mod fusion;

use twinspect_bundle::Bundle;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{DepthState, PreparedPart, RgbState};
use twinspect_core::score::{MapStack, StageMaps};

use crate::engine::{Engine, EngineError, Precision, StageName};
use fixture::{Senses, Twist, bundle, part, reference};

/// Makes an engine for a bundle.
pub(crate) type Load<'a> = &'a dyn Fn(&Bundle) -> Box<dyn Engine>;

/// Runs all cases.
pub(crate) fn suite(load: Load) {
    for senses in Senses::ALL {
        let bundle = bundle(senses, Twist::None);
        let mut engine = load(&bundle);
        buffers_have_the_shapes_of_the_manifest(engine.as_mut(), &bundle);
        maps_are_those_of_the_network(engine.as_mut(), &bundle);
        answers_do_not_depend_on_the_parts_before(engine.as_mut());
        a_modality_that_is_not_usable_has_zeros(engine.as_mut(), &bundle);
        buffers_of_another_product_are_refused(engine.as_mut(), &bundle);
        a_part_that_fails_spoils_no_other(engine.as_mut(), &bundle);
        the_goldens_are_reproduced(engine.as_mut(), &bundle);
        an_engine_can_go_at_any_time(load, &bundle);
    }
    answers_that_are_no_numbers_are_refused(load);
    fusion::suite(load);
}

fn tolerance(engine: &dyn Engine, bundle: &Bundle) -> f32 {
    match engine.precision() {
        Precision::F32 => bundle.manifest().tolerance.f32,
        Precision::F16 => bundle.manifest().tolerance.f16,
    }
}

/// Buffers full of what no stage answers.
fn dirty_maps(engine: &dyn Engine) -> StageMaps {
    let mut maps = engine.new_maps();
    for modality in Modality::ALL {
        if let Some(stack) = maps.get_mut(modality) {
            stack.data.fill(f32::NAN);
        }
    }
    maps
}

fn infer(engine: &mut dyn Engine, part: &PreparedPart) -> StageMaps {
    let mut maps = dirty_maps(engine);
    engine.infer(part, &mut maps).unwrap();
    maps
}

fn assert_close(found: &MapStack, expected: &MapStack, share: f32) {
    assert_eq!((found.count, found.side), (expected.count, expected.side));
    assert_values_close(&found.data, &expected.data, share);
}

fn assert_values_close(found: &[f32], expected: &[f32], share: f32) {
    assert_eq!(found.len(), expected.len());
    let low = expected.iter().copied().fold(f32::MAX, f32::min);
    let high = expected.iter().copied().fold(f32::MIN, f32::max);
    assert!(high > low);
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= share * (high - low),
            "index {index}: {found}, expected {expected}"
        );
    }
}

fn buffers_have_the_shapes_of_the_manifest(engine: &mut dyn Engine, bundle: &Bundle) {
    assert!(!engine.name().is_empty());
    let maps = engine.new_maps();
    for modality in Modality::ALL {
        let stage = bundle.manifest().stages.get(modality);
        let expected = stage.map(|stage| {
            let [_, count, side, _] = stage.output_shape;
            MapStack::new(count, side)
        });
        assert_eq!(maps.get(modality), expected.as_ref());
    }
}

fn maps_are_those_of_the_network(engine: &mut dyn Engine, bundle: &Bundle) {
    let share = tolerance(engine, bundle);
    for seed in 0..3 {
        let part = part(bundle.manifest(), seed);
        let found = infer(engine, &part);
        for (modality, found) in found.present() {
            assert_close(found, &reference(&part, modality), share);
        }
    }
}

fn answers_do_not_depend_on_the_parts_before(engine: &mut dyn Engine) {
    let bundle = bundle(Senses::Both, Twist::None);
    let [a, b] = [10, 11].map(|seed| part(bundle.manifest(), seed));
    let first = infer(engine, &a);
    assert_ne!(infer(engine, &b), first);
    assert_eq!(infer(engine, &a), first);
}

fn a_modality_that_is_not_usable_has_zeros(engine: &mut dyn Engine, bundle: &Bundle) {
    let share = tolerance(engine, bundle);
    for lost in Modality::ALL {
        let mut part = part(bundle.manifest(), 5);
        match lost {
            Modality::Rgb => part.rgb_state = RgbState::Black,
            Modality::Geometry => part.depth_state = DepthState::MostlyInvalid,
        }
        for (modality, found) in infer(engine, &part).present() {
            if modality == lost {
                assert!(found.data.iter().all(|value| *value == 0.0));
            } else {
                assert_close(found, &reference(&part, modality), share);
            }
        }
    }
}

fn a_part_that_fails_spoils_no_other(engine: &mut dyn Engine, bundle: &Bundle) {
    let good = part(bundle.manifest(), 6);
    let expected = infer(engine, &good);
    for (modality, _) in bundle.manifest().stages.present() {
        let mut bad = part(bundle.manifest(), 7);
        match modality {
            Modality::Rgb => bad.rgb[0] = f32::NAN,
            Modality::Geometry => bad.geometry[0] = f32::NAN,
        }
        for _ in 0..2 {
            let mut maps = engine.new_maps();
            let error = engine.infer(&bad, &mut maps).unwrap_err();
            assert!(
                matches!(error, EngineError::Run { stage, .. } if stage == modality.into()),
                "{error:?}"
            );
        }
        assert_eq!(infer(engine, &good), expected);
    }
}

/// Before its first part, after a good one, after one that failed.
fn an_engine_can_go_at_any_time(load: Load, bundle: &Bundle) {
    drop(load(bundle));
    let mut engine = load(bundle);
    infer(engine.as_mut(), &part(bundle.manifest(), 8));
    drop(engine);
    let mut engine = load(bundle);
    let mut bad = part(bundle.manifest(), 9);
    bad.rgb.fill(f32::NAN);
    bad.geometry.fill(f32::NAN);
    let mut maps = engine.new_maps();
    engine.infer(&bad, &mut maps).unwrap_err();
    drop(engine);
}

fn buffers_of_another_product_are_refused(engine: &mut dyn Engine, bundle: &Bundle) {
    let part = part(bundle.manifest(), 1);
    for modality in Modality::ALL {
        let mut maps = engine.new_maps();
        let wrong = match maps.get(modality) {
            Some(stack) => MapStack::new(stack.count, stack.side - 1),
            None => MapStack::new(1, 16),
        };
        maps.set(modality, Some(wrong));
        let error = engine.infer(&part, &mut maps).unwrap_err();
        assert!(
            matches!(error, EngineError::Buffers { stage } if stage == modality.into()),
            "{error:?}"
        );
    }
}

fn the_goldens_are_reproduced(engine: &mut dyn Engine, bundle: &Bundle) {
    let proof = crate::prove(engine, bundle).unwrap();
    assert_eq!(proof.goldens, bundle.golden_names().len());
    assert_eq!(proof.tolerance, tolerance(engine, bundle));
    assert!(proof.worst.share <= proof.tolerance);
}

fn answers_that_are_no_numbers_are_refused(load: Load) {
    let bundle = bundle(Senses::Both, Twist::NotNumbers);
    let mut engine = load(&bundle);
    let mut maps = engine.new_maps();
    let error = engine
        .infer(&part(bundle.manifest(), 0), &mut maps)
        .unwrap_err();
    assert!(
        matches!(
            error,
            EngineError::Run {
                stage: StageName::Of(Modality::Rgb),
                ..
            }
        ),
        "{error:?}"
    );
}
