//! Engines that agree with another one, and engines that don't.

use super::*;

fn tampered<F: FnMut(&mut StageMaps) + Send>(
    bundle: &Bundle,
    precision: Precision,
    change: F,
) -> Tampered<F> {
    Tampered {
        inner: TractEngine::load(bundle).unwrap(),
        precision,
        change,
    }
}

fn compared(
    bundle: &Bundle,
    precision: Precision,
    change: impl FnMut(&mut StageMaps) + Send,
) -> Comparison {
    let mut tract = TractEngine::load(bundle).unwrap();
    compare(&mut tampered(bundle, precision, change), &mut tract, bundle).unwrap()
}

/// Moves one value by a share of its maps' range.
fn nudge(share: f32) -> impl FnMut(&mut StageMaps) + Send {
    move |maps| {
        let stack = maps.geometry.as_mut().unwrap();
        let step = share * range(stack);
        stack.data[PLACE] += step;
    }
}

#[test]
fn an_engine_agrees_with_itself_on_every_stage_and_golden() {
    for (senses, stages) in [(Senses::Rgb, 1), (Senses::Both, 2), (Senses::Fused, 3)] {
        let bundle = bundle(senses, Twist::None);
        let found = compared(&bundle, Precision::F32, |_| ());
        assert_eq!(found.verdict(), Ok(()));
        assert_eq!(found.goldens, bundle.goldens().unwrap().len());
        assert_eq!(found.scores.len(), found.goldens);
        assert_eq!(found.stages.len(), stages, "{found:?}");
        let stages = found.stages.iter().map(|worst| worst.stage.to_string());
        let order = ["rgb", "geometry", "fusion"];
        assert!(stages.zip(order).all(|(stage, place)| stage == place));
        assert!(found.stages.iter().all(|worst| worst.share == 0.0));
        assert!(found.scores.iter().all(|score| score.share() == 0.0));
        assert_eq!(
            (found.engine.as_str(), found.reference.as_str()),
            ("tampered", "tract")
        );
    }
}

#[test]
fn a_map_beyond_the_tolerance_is_named() {
    let bundle = bundle(Senses::Both, Twist::None);
    assert_eq!(
        compared(&bundle, Precision::F32, nudge(5e-5)).verdict(),
        Ok(())
    );
    let error = compared(&bundle, Precision::F32, nudge(3e-4)).verdict();
    let Err(Mistrust::Maps {
        reference,
        worst,
        tolerance,
        ..
    }) = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((reference.as_str(), *tolerance), ("tract", 1e-4));
    assert_eq!(
        (worst.stage, worst.map, worst.index),
        (StageName::Of(Modality::Geometry), 2, 35)
    );
    // The tolerance is that of the engine that is looked at.
    assert_eq!(
        compared(&bundle, Precision::F16, nudge(3e-4)).verdict(),
        Ok(())
    );
}

#[test]
fn maps_that_are_no_numbers_are_no_agreement() {
    let bundle = bundle(Senses::Rgb, Twist::None);
    let found = compared(&bundle, Precision::F32, |maps| {
        maps.rgb.as_mut().unwrap().data[3] = f32::NAN;
    });
    assert!(
        matches!(found.verdict(), Err(Mistrust::Maps { .. })),
        "{found:?}"
    );
}

/// Both reproduce the goldens, each to its side of the tolerance.
#[test]
fn two_engines_that_are_proven_need_not_agree() {
    let bundle = bundle(Senses::Both, Twist::None);
    let mut above = tampered(&bundle, Precision::F32, nudge(8e-5));
    let mut below = tampered(&bundle, Precision::F32, nudge(-8e-5));
    prove(&mut above, &bundle).unwrap();
    prove(&mut below, &bundle).unwrap();
    let found = compare(&mut above, &mut below, &bundle).unwrap();
    assert!(
        matches!(found.verdict(), Err(Mistrust::Maps { .. })),
        "{found:?}"
    );
}

#[test]
fn a_score_that_is_off_by_more_than_a_hundredth_of_the_line_is_named() {
    let bundle = bundle(Senses::Rgb, Twist::None);
    // With 16 bits the maps may differ by a hundredth of their range.
    let shrink = |share: f32| {
        move |maps: &mut StageMaps| {
            let stack = maps.rgb.as_mut().unwrap();
            stack
                .data
                .iter_mut()
                .for_each(|value| *value *= 1.0 - share);
        }
    };
    let mut close = compared(&bundle, Precision::F16, shrink(1e-3));
    let share = |found: &Comparison| {
        found
            .scores
            .iter()
            .map(ScoreDifference::share)
            .fold(0.0, f32::max)
    };
    assert!(share(&close) > 0.0, "{close:?}");
    // The same comparison with scores that lie as far apart as they may, and further.
    close.scores[0].found = Some(close.scores[0].expected + 0.009);
    assert_eq!(close.verdict(), Ok(()));
    close.scores[0].found = Some(close.scores[0].expected - 0.011);
    let golden = close.scores[0].golden.clone();
    assert!(
        matches!(close.verdict(), Err(Mistrust::Score { golden: named, .. }) if named == golden)
    );
    for none in [None, Some(f32::NAN)] {
        close.scores[0].found = none;
        assert!(matches!(close.verdict(), Err(Mistrust::Score { .. })));
    }
}
