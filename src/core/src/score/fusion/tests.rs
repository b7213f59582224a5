//! A gate that honours validity, known maps, known verdicts.

use super::super::tests::{FRAME, SIDE, SIZE, blemish, calibration, maps, part, spec};
use super::super::{
    DegradedPolicy, FitError, Gathered, GoodPart, MapRange, ScoreCalibration, Scorer, Standardise,
    Threshold, ViewPlan, fit,
};
use super::*;
use crate::prepare::{DepthState, RgbState};
use crate::verdict::{Reason, SeenBy, Verdict};

const BOTH_ALONE: DegradedPolicy = DegradedPolicy {
    rgb_alone: true,
    geometry_alone: true,
};

/// `v sigmoid(a_g - a_r)` of the means over the views, and the convex combination by it.
fn gate(inputs: &FusionInputs, maps: &mut FusionMaps) -> Result<(), String> {
    let mean = |stack: &MapStack, at: usize| {
        stack.maps().map(|map| map[at]).sum::<f32>() / stack.count as f32
    };
    for at in 0..inputs.valid.len() {
        let (rgb, geometry) = (mean(&inputs.rgb, at), mean(&inputs.geometry, at));
        let weight = inputs.valid[at] / (1.0 + (rgb - geometry).exp());
        maps.weight[at] = weight;
        maps.fused[at] = (1.0 - weight) * rgb + weight * geometry;
    }
    Ok(())
}

/// A measured part.
fn whole() -> PreparedPart {
    PreparedPart {
        valid: vec![1.0; SIZE * SIZE],
        ..part()
    }
}

fn scorer() -> Scorer {
    Scorer::new(&calibration(), &spec(), Join::Fusion).unwrap()
}

fn judge(scorer: &mut Scorer, part: &PreparedPart, maps: &StageMaps) -> Verdict {
    let gathered = scorer.gather(part, maps, FRAME, DegradedPolicy::default());
    gathered.decide(gate).unwrap()
}

fn good(seed: u32) -> GoodPart {
    GoodPart::new(&whole(), maps(seed))
}

#[test]
fn both_modalities_wait_for_the_network_and_its_map_decides() {
    let mut scorer = scorer();
    let line = calibration().fused.evidence;
    let gathered = scorer.gather(&whole(), &maps(7), FRAME, DegradedPolicy::default());
    let Gathered::NeedsFusion(pending) = gathered else {
        panic!("{gathered:?}");
    };
    let answer = |_: &FusionInputs, maps: &mut FusionMaps| {
        maps.weight.fill(0.25);
        maps.fused.fill(-1.0);
        maps.fused[3 * SIDE + 5] = 3.0 * line;
        Ok::<(), ()>(())
    };
    let Verdict::Fail { finding, missing } = pending.decide(answer).unwrap() else {
        panic!("passed");
    };
    assert_eq!(missing, None);
    // Half-pixel enlargement by four leaves 7/8 of a single pixel's height in each direction.
    let peak = -1.0 + (3.0 * line + 1.0) * 49.0 / 64.0;
    assert!((scorer.evidence().fused.unwrap() - peak).abs() < 1e-4);
    assert!((finding.score.0 - peak / line).abs() < 1e-4);
    let region = finding.regions[0];
    let (x, y) = (5.5 * 320.0 / 16.0, 3.5 * 160.0 / 16.0);
    assert!((region.x as f32) < x && x < (region.x + region.width) as f32);
    assert!((region.y as f32) < y && y < (region.y + region.height) as f32);
    assert_eq!(scorer.fusion_maps().unwrap().weight[0], 0.25);
}

#[test]
fn what_neither_modality_sees_alone_is_named_by_the_weight_at_the_peak() {
    let line = calibration().fused.evidence;
    for (weight, seen_by) in [(0.2, SeenBy::Rgb), (0.8, SeenBy::Geometry)] {
        let mut scorer = scorer();
        let gathered = scorer.gather(&whole(), &maps(7), FRAME, DegradedPolicy::default());
        let answer = |_: &FusionInputs, maps: &mut FusionMaps| {
            maps.weight.fill(1.0 - weight);
            maps.fused.fill(0.0);
            let peak = 9 * SIDE + 2;
            (maps.fused[peak], maps.weight[peak]) = (2.0 * line, weight);
            Ok::<(), ()>(())
        };
        let Verdict::Fail { finding, .. } = gathered.decide(answer).unwrap() else {
            panic!("passed");
        };
        let own = scorer.evidence().modalities;
        assert!(own.rgb.unwrap().max(own.geometry.unwrap()) < line);
        assert_eq!(
            (finding.seen_by, finding.regions[0].seen_by),
            (seen_by, seen_by)
        );
    }
}

#[test]
fn who_crosses_the_line_alone_is_named_whatever_the_weight() {
    for (modality, seen_by) in [
        (Modality::Rgb, SeenBy::Rgb),
        (Modality::Geometry, SeenBy::Geometry),
    ] {
        let mut answer = maps(7);
        blemish(&mut answer, modality, (10, 4), 3.0);
        let Verdict::Fail { finding, .. } = judge(&mut scorer(), &whole(), &answer) else {
            panic!("{modality} passed");
        };
        assert_eq!(
            (finding.seen_by, finding.regions[0].seen_by),
            (seen_by, seen_by)
        );
    }
}

#[test]
fn the_network_takes_views_in_order_masked_clipped_and_finite() {
    let mut scorer = scorer();
    let mut answer = maps(7);
    blemish(&mut answer, Modality::Rgb, (3, 3), 1e30);
    answer.geometry.as_mut().unwrap().data.fill(-1e30);
    let mut part = whole();
    part.region[SIDE * SIDE - 1] = 0.0;
    for pixel in 0..4 {
        part.valid[pixel * SIZE..][..2].fill(0.0);
    }
    let gathered = scorer.gather(&part, &answer, FRAME, DegradedPolicy::default());
    gathered.decide(gate).unwrap();
    let inputs = scorer.fusion_inputs().unwrap();
    assert_eq!((inputs.rgb.count, inputs.geometry.count), (2, 2));
    let [low, high] = FUSION_EVIDENCE;
    for stack in [&inputs.rgb, &inputs.geometry] {
        assert!(stack.data.iter().all(|v| (low..=high).contains(v)));
    }
    assert_eq!(inputs.rgb.data[3 * SIDE + 3], high);
    assert_eq!((inputs.valid[0], inputs.valid[1]), (0.5, 1.0));
    // The larger view is what the modality's own map shows, wherever nothing was clipped.
    let own = scorer.evidence().modalities.geometry.unwrap();
    let largest = inputs
        .geometry
        .data
        .iter()
        .copied()
        .fold(f32::MIN, f32::max);
    assert!((own.clamp(low, high) - largest).abs() < 1e-4);
}

#[test]
fn the_same_inputs_are_made_outside_of_a_scorer() {
    let mut scorer = scorer();
    judge(&mut scorer, &whole(), &maps(3));
    let mut views = FusionViews::new(&calibration().modalities, &spec()).unwrap();
    let good = good(3);
    assert_eq!(
        views.of(&good.maps, &good.region, &good.valid),
        scorer.fusion_inputs()
    );
    let nothing = StageMaps {
        geometry: None,
        ..maps(3)
    };
    assert_eq!(views.of(&nothing, &good.region, &good.valid), None);
}

#[test]
fn without_any_valid_depth_the_gate_gives_colour_s_evidence_bit_for_bit() {
    let mut scorer = scorer();
    let unmeasured = part();
    assert!(unmeasured.valid.iter().all(|&valid| valid == 0.0));
    let mut answer = maps(7);
    blemish(&mut answer, Modality::Geometry, (5, 5), 9.0);
    judge(&mut scorer, &unmeasured, &answer);
    let (inputs, fused) = (
        scorer.fusion_inputs().unwrap(),
        scorer.fusion_maps().unwrap(),
    );
    assert!(fused.weight.iter().all(|&weight| weight == 0.0));
    for at in 0..SIDE * SIDE {
        let mean = (inputs.rgb.data[at] + inputs.rgb.data[SIDE * SIDE + at]) / 2.0;
        assert_eq!(fused.fused[at], mean);
    }
}

#[test]
fn a_lost_modality_is_not_fused_and_the_other_one_decides_by_its_own_line() {
    let maximum = |part: &PreparedPart, maps: &StageMaps| {
        let mut scorer = Scorer::new(&calibration(), &spec(), Join::Maximum).unwrap();
        let gathered = scorer.gather(part, maps, FRAME, BOTH_ALONE);
        gathered.decide(gate).unwrap()
    };
    for lost in Modality::ALL {
        let mut part = whole();
        match lost {
            Modality::Rgb => part.rgb_state = RgbState::Black,
            Modality::Geometry => part.depth_state = DepthState::Absent,
        }
        for by in [0.0, 3.0] {
            let mut answer = maps(7);
            for modality in Modality::ALL {
                blemish(&mut answer, modality, (4, 9), by);
            }
            let mut scorer = scorer();
            let gathered = scorer.gather(&part, &answer, FRAME, BOTH_ALONE);
            let never = |_: &FusionInputs, _: &mut FusionMaps| Err("asked");
            let verdict = gathered.decide(never).unwrap();
            assert_eq!(verdict, maximum(&part, &answer));
            assert_eq!(verdict.passes(), by == 0.0);
            assert!(scorer.fusion_maps().is_none());
            let gathered = scorer.gather(&part, &answer, FRAME, DegradedPolicy::default());
            let refused = gathered.decide(never).unwrap();
            assert!(matches!(refused, Verdict::NoResult { .. }));
        }
    }
}

#[test]
fn an_answer_that_is_none_is_no_result() {
    type Spoil = fn(&mut FusionMaps);
    let spoils: [Spoil; 6] = [
        |_| {},
        |maps| maps.fused.fill(0.0),
        |maps| maps.weight.fill(0.0),
        |maps| {
            *maps = FusionMaps::new(SIDE);
            maps.fused[7] = f32::INFINITY;
        },
        |maps| {
            *maps = FusionMaps::new(SIDE);
            maps.weight[7] = f32::NAN;
        },
        |maps| *maps = FusionMaps::new(SIDE - 1),
    ];
    for (index, spoil) in spoils.into_iter().enumerate() {
        let mut scorer = scorer();
        judge(&mut scorer, &whole(), &maps(2));
        let gathered = scorer.gather(&whole(), &maps(7), FRAME, DegradedPolicy::default());
        let verdict = gathered.decide(|_, maps| {
            spoil(maps);
            Ok::<(), ()>(())
        });
        let reason = Reason::Engine;
        assert_eq!(verdict, Ok(Verdict::NoResult { reason }), "{index}");
        assert!(scorer.fusion_maps().is_none() && scorer.evidence().fused.is_none());
    }
    let mut scorer = scorer();
    let gathered = scorer.gather(&whole(), &maps(7), FRAME, DegradedPolicy::default());
    assert_eq!(gathered.decide(|_, _| Err("broken")), Err("broken"));
    assert!(judge(&mut scorer, &whole(), &maps(7)).score().is_some());
}

#[test]
fn a_product_of_one_modality_has_nothing_to_fuse() {
    let colour = PrepareSpec {
        geometry: None,
        ..spec()
    };
    let mut known = calibration();
    known.modalities.geometry = None;
    let refused = Scorer::new(&known, &colour, Join::Fusion).unwrap_err();
    assert_eq!(refused, ScoreError::OneModality);
    assert!(FusionViews::new(&known.modalities, &colour).is_err());
}

fn fitted(
    parts: &[GoodPart],
    fuse: &mut super::super::Fuse<'_>,
) -> Result<ScoreCalibration, FitError> {
    let plan = |maps, views: &[f32]| ViewPlan {
        standardise: Standardise::Each,
        views: views.iter().map(|&sigma| (maps, sigma)).collect(),
    };
    let plans = PerModality {
        rgb: Some(plan(MapRange { first: 0, count: 3 }, &[0.5, 2.0])),
        geometry: Some(plan(MapRange { first: 0, count: 4 }, &[1.0])),
    };
    fit(&spec(), &plans, parts, parts, 0.05, Some(fuse))
}

#[test]
fn the_fused_line_comes_from_the_network_s_maps() {
    let parts: Vec<_> = (0..60).map(good).collect();
    let fit = fitted(&parts, &mut |inputs, maps| Ok(gate(inputs, maps)?)).unwrap();
    let mut scorer = Scorer::new(&fit, &spec(), Join::Fusion).unwrap();
    let peaks: Vec<f32> = (0..60)
        .map(|seed| {
            judge(&mut scorer, &whole(), &maps(seed));
            scorer.evidence().fused.unwrap()
        })
        .collect();
    assert_eq!(fit.fused, Threshold::from_good_parts(&peaks, 0.05));
    assert_ne!(
        fit.fused.evidence,
        fit.modalities.rgb.unwrap().threshold.evidence
    );
}

#[test]
fn a_network_that_fails_on_a_good_part_is_told() {
    let parts: Vec<_> = (0..6).map(good).collect();
    let mut asked = 0;
    let refused = fitted(&parts, &mut |inputs, maps| {
        asked += 1;
        match asked {
            3 => Err("broken".into()),
            _ => Ok(gate(inputs, maps)?),
        }
    });
    assert!(matches!(refused, Err(FitError::Fusion { part: 2, .. })));
    let silent = fitted(&parts, &mut |_, _| Ok(()));
    assert!(matches!(silent, Err(FitError::FusionAnswer { part: 0 })));
}
