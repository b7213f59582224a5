//! What every engine must do with a fusion stage.

use twinspect_bundle::Bundle;
use twinspect_core::frame::FrameSize;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{DepthState, RgbState};
use twinspect_core::score::{DegradedPolicy, FusionInputs, FusionMaps, MapStack, Scorer};
use twinspect_core::verdict::Verdict;

use super::fixture::{Senses, Twist, bundle, fusion, part};
use super::{Load, assert_values_close, tolerance};
use crate::engine::{Engine, EngineError, Precision, StageName, judge};

/// Side of the fixture's maps.
const SIDE: usize = 16;

/// Runs all cases.
pub(super) fn suite(load: Load) {
    let bundle = bundle(Senses::Fused, Twist::None);
    let mut engine = load(&bundle);
    fused_maps_are_those_of_the_network(engine.as_mut(), &bundle);
    an_answer_does_not_depend_on_the_ones_before(engine.as_mut());
    without_valid_depth_colour_decides(engine.as_mut());
    inputs_and_buffers_of_another_product_are_refused(engine.as_mut());
    a_part_goes_through_all_three_stages(engine.as_mut(), &bundle);
    a_lost_modality_is_judged_without_the_network(engine.as_mut(), &bundle);
    a_product_without_fusion_fuses_nothing(load);
    fused_answers_that_are_no_numbers_are_refused(load);
}

fn fuse(engine: &mut dyn Engine, inputs: &FusionInputs) -> FusionMaps {
    let mut maps = FusionMaps::new(SIDE);
    maps.fused.fill(f32::NAN);
    maps.weight.fill(f32::NAN);
    engine.fuse(inputs, &mut maps).unwrap();
    maps
}

fn fused_maps_are_those_of_the_network(engine: &mut dyn Engine, bundle: &Bundle) {
    let share = tolerance(engine, bundle);
    for seed in [20, 30, 40] {
        let inputs = fusion::inputs(seed);
        let (found, expected) = (fuse(engine, &inputs), fusion::reference(&inputs));
        assert_values_close(&found.fused, &expected.fused, share);
        assert_values_close(&found.weight, &expected.weight, share);
    }
}

fn an_answer_does_not_depend_on_the_ones_before(engine: &mut dyn Engine) {
    let [a, b] = [20, 30].map(fusion::inputs);
    let first = fuse(engine, &a);
    assert_ne!(fuse(engine, &b), first);
    assert_eq!(fuse(engine, &a), first);
}

/// A product of zero is zero in any precision, and what colour says goes through.
fn without_valid_depth_colour_decides(engine: &mut dyn Engine) {
    let mut inputs = fusion::inputs(50);
    inputs.valid.fill(0.0);
    let found = fuse(engine, &inputs);
    assert!(found.weight.iter().all(|&weight| weight == 0.0));
    if engine.precision() == Precision::F32 {
        assert_eq!(found.fused, inputs.rgb.data);
    }
}

fn inputs_and_buffers_of_another_product_are_refused(engine: &mut dyn Engine) {
    let mut wrong = Vec::from([20; 3].map(fusion::inputs));
    wrong[0].rgb = MapStack::new(fusion::RGB_VIEWS + 1, SIDE);
    wrong[1].geometry = MapStack::new(fusion::GEOMETRY_VIEWS, SIDE - 1);
    wrong[2].valid.pop();
    for inputs in &wrong {
        let error = engine.fuse(inputs, &mut FusionMaps::new(SIDE)).unwrap_err();
        assert!(is_buffers(&error), "{error:?}");
    }
    let mut maps = FusionMaps::new(SIDE + 1);
    let error = engine.fuse(&fusion::inputs(20), &mut maps).unwrap_err();
    assert!(is_buffers(&error), "{error:?}");
    fuse(engine, &fusion::inputs(20));
}

fn is_buffers(error: &EngineError) -> bool {
    let stage = StageName::Fusion;
    matches!(error, EngineError::Buffers { stage: s } if *s == stage)
}

const FRAME: FrameSize = FrameSize {
    width: 80,
    height: 72,
};

fn scorer(bundle: &Bundle) -> Scorer {
    let manifest = bundle.manifest();
    Scorer::new(&manifest.score, &manifest.prepare, manifest.join()).unwrap()
}

fn a_part_goes_through_all_three_stages(engine: &mut dyn Engine, bundle: &Bundle) {
    let share = tolerance(engine, bundle);
    let part = part(bundle.manifest(), 4);
    let (mut scorer, mut maps) = (scorer(bundle), engine.new_maps());
    let policy = DegradedPolicy::default();
    let verdict = judge(engine, &mut scorer, &part, &mut maps, FRAME, policy).unwrap();
    let expected = fusion::reference(scorer.fusion_inputs().unwrap());
    let found = scorer.fusion_maps().unwrap();
    assert_values_close(&found.fused, &expected.fused, share);
    let peak = scorer.fused_map().iter().copied().fold(f32::MIN, f32::max);
    let line = bundle.manifest().score.fused.evidence;
    assert_eq!(verdict.score().map(|score| score.0), Some(peak / line));
}

fn a_lost_modality_is_judged_without_the_network(engine: &mut dyn Engine, bundle: &Bundle) {
    let both = DegradedPolicy {
        rgb_alone: true,
        geometry_alone: true,
    };
    for lost in Modality::ALL {
        let mut part = part(bundle.manifest(), 4);
        match lost {
            Modality::Rgb => part.rgb_state = RgbState::Black,
            Modality::Geometry => part.depth_state = DepthState::Absent,
        }
        let (mut scorer, mut maps) = (scorer(bundle), engine.new_maps());
        let verdict = judge(engine, &mut scorer, &part, &mut maps, FRAME, both).unwrap();
        let (Verdict::Pass { missing, .. } | Verdict::Fail { missing, .. }) = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(missing, Some(lost));
        assert!(scorer.fusion_maps().is_none());
        let reject = DegradedPolicy::default();
        let verdict = judge(engine, &mut scorer, &part, &mut maps, FRAME, reject).unwrap();
        assert!(matches!(verdict, Verdict::NoResult { .. }), "{verdict:?}");
    }
}

fn a_product_without_fusion_fuses_nothing(load: Load) {
    for senses in [Senses::Both, Senses::Rgb] {
        let mut engine = load(&bundle(senses, Twist::None));
        let mut maps = FusionMaps::new(SIDE);
        let error = engine.fuse(&fusion::inputs(20), &mut maps).unwrap_err();
        assert!(
            matches!(
                error,
                EngineError::NoModel {
                    stage: StageName::Fusion
                }
            ),
            "{error:?}"
        );
    }
}

fn fused_answers_that_are_no_numbers_are_refused(load: Load) {
    let bundle = bundle(Senses::Fused, Twist::FusionNotNumbers);
    let mut engine = load(&bundle);
    let mut maps = FusionMaps::new(SIDE);
    let error = engine.fuse(&fusion::inputs(20), &mut maps).unwrap_err();
    assert!(
        matches!(
            error,
            EngineError::Run {
                stage: StageName::Fusion,
                ..
            }
        ),
        "{error:?}"
    );
}
