//! Known maps, known verdicts.

use super::*;
use crate::frame::FrameSize;
use crate::modality::{Modality, PerModality};
use crate::plane::Plane;
use crate::prepare::{
    BANK_CHANNELS, BankSpec, BeltBounds, DepthState, GeometrySpec, PrepareSpec, PreparedPart,
    RgbSpec, RgbState,
};
use crate::verdict::{Reason, SeenBy, Verdict};

pub(super) const SIDE: usize = 16;
pub(super) const SIZE: usize = 64;
pub(super) const FRAME: FrameSize = FrameSize {
    width: 320,
    height: 160,
};

pub(super) fn spec() -> PrepareSpec {
    PrepareSpec {
        size: SIZE,
        roi: None,
        rgb: Some(RgbSpec {
            mean: [0.0; 3],
            std: [1.0; 3],
        }),
        geometry: Some(GeometrySpec {
            belt: Plane {
                normal: [0.0, 0.0, -1.0],
                offset_mm: -450.0,
            },
            belt_bounds: BeltBounds::default(),
            height_range_mm: [-5.0, 40.0],
            foreground_mm: 1.0,
            part_share_min: 0.05,
            valid_share_min: 0.5,
            bank: BankSpec {
                sigma_px: BankSpec::sigmas(SIZE),
                spread_mm: [0.2; BANK_CHANNELS],
            },
        }),
        ground: None,
    }
}

pub(super) fn part() -> PreparedPart {
    let mut part = PreparedPart::new(&spec());
    (part.rgb_state, part.depth_state) = (RgbState::Usable, DepthState::Usable);
    part
}

/// Pseudo-random maps around 1 with a spread that is the same for all parts of a seed.
pub(super) fn maps(seed: u32) -> StageMaps {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let mut stack = |count: usize| {
        let mut stack = MapStack::new(count, SIDE);
        stack
            .data
            .iter_mut()
            .for_each(|value| *value = 1.0 + 0.2 * noise());
        stack
    };
    PerModality {
        rgb: Some(stack(3)),
        geometry: Some(stack(4)),
    }
}

pub(super) fn plan(views: Vec<(MapRange, f32)>) -> ViewPlan {
    ViewPlan {
        standardise: Standardise::Each,
        views,
    }
}

pub(super) fn calibration() -> ScoreCalibration {
    let good: Vec<GoodPart> = (0..60)
        .map(|seed| GoodPart {
            maps: maps(seed),
            region: vec![1.0; SIDE * SIDE],
            valid: vec![1.0; SIDE * SIDE],
        })
        .collect();
    let maps = |first, count| MapRange { first, count };
    let views = PerModality {
        rgb: Some(plan(vec![(maps(0, 3), 0.5), (maps(0, 3), 2.0)])),
        geometry: Some(plan(vec![(maps(0, 3), 1.0), (maps(3, 1), 1.0)])),
    };
    fit(&spec(), &views, &good, &good, 0.05, None).unwrap()
}

/// Adds to a 2 x 2 block of every map of a modality.
pub(super) fn blemish(maps: &mut StageMaps, modality: Modality, at: (usize, usize), by: f32) {
    for map in maps
        .get_mut(modality)
        .unwrap()
        .data
        .chunks_exact_mut(SIDE * SIDE)
    {
        for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            map[(at.1 + dy) * SIDE + at.0 + dx] += by;
        }
    }
}

fn score(part: &PreparedPart, maps: &StageMaps, policy: DegradedPolicy) -> Verdict {
    let mut scorer = scorer();
    verdict(scorer.gather(part, maps, FRAME, policy))
}

fn scorer() -> Scorer {
    Scorer::new(&calibration(), &spec(), Join::Maximum).unwrap()
}

/// The verdict of a product without a fusion network.
fn verdict(gathered: Gathered<'_>) -> Verdict {
    match gathered {
        Gathered::Verdict(verdict) => verdict,
        Gathered::NeedsFusion(_) => panic!("there is no network to ask"),
    }
}

#[test]
fn good_parts_pass_and_the_promised_share_is_kept() {
    let rejected =
        (0..60).filter(|&seed| !score(&part(), &maps(seed), Default::default()).passes());
    // 60 parts support 5 % with their maximum: none of them lies above it.
    assert_eq!(rejected.count(), 0);
    let fresh =
        (1000..1200).filter(|&seed| !score(&part(), &maps(seed), Default::default()).passes());
    assert!(fresh.count() <= 20, "200 unseen good parts");
}

#[test]
fn a_blemish_fails_names_its_modality_and_its_place() {
    for (modality, seen_by) in [
        (Modality::Rgb, SeenBy::Rgb),
        (Modality::Geometry, SeenBy::Geometry),
    ] {
        let mut answer = maps(7);
        blemish(&mut answer, modality, (10, 4), 3.0);
        let Verdict::Fail { finding, missing } = score(&part(), &answer, Default::default()) else {
            panic!("passed")
        };
        assert_eq!((finding.seen_by, missing), (seen_by, None));
        assert!(finding.score.0 > 1.0 && finding.regions[0].peak == finding.score);
        let region = finding.regions[0];
        let (x, y) = (11.0 * 320.0 / 16.0, 5.0 * 160.0 / 16.0);
        assert!(
            (region.x as f32) < x && x < (region.x + region.width) as f32,
            "{region:?}"
        );
        assert!(
            (region.y as f32) < y && y < (region.y + region.height) as f32,
            "{region:?}"
        );
    }
    let mut answer = maps(7);
    blemish(&mut answer, Modality::Rgb, (3, 3), 3.0);
    blemish(&mut answer, Modality::Geometry, (12, 12), 3.0);
    let Verdict::Fail { finding, .. } = score(&part(), &answer, Default::default()) else {
        panic!()
    };
    assert_eq!((finding.seen_by, finding.regions.len()), (SeenBy::Both, 2));
    assert!(finding.regions[0].peak >= finding.regions[1].peak);
}

#[test]
fn evidence_outside_the_part_does_not_count() {
    let mut beside = part();
    beside.region[..SIDE * SIDE / 2].fill(0.0);
    let mut answer = maps(7);
    blemish(&mut answer, Modality::Rgb, (5, 2), 5.0);
    assert!(score(&beside, &answer, Default::default()).passes());
    assert!(!score(&part(), &answer, Default::default()).passes());
}

#[test]
fn a_lost_modality_rejects_unless_the_station_allows_the_other_alone() {
    let states = [
        (
            RgbState::Usable,
            DepthState::MostlyInvalid,
            Reason::NoDepth,
            Modality::Geometry,
        ),
        (
            RgbState::Usable,
            DepthState::Absent,
            Reason::NoDepth,
            Modality::Geometry,
        ),
        (
            RgbState::Black,
            DepthState::Usable,
            Reason::NoColour,
            Modality::Rgb,
        ),
        (
            RgbState::Saturated,
            DepthState::Usable,
            Reason::NoColour,
            Modality::Rgb,
        ),
    ];
    let allowed = DegradedPolicy {
        rgb_alone: true,
        geometry_alone: true,
    };
    for (rgb_state, depth_state, reason, lost) in states {
        let part = PreparedPart {
            rgb_state,
            depth_state,
            ..part()
        };
        assert_eq!(
            score(&part, &maps(7), Default::default()),
            Verdict::NoResult { reason }
        );
        let Verdict::Pass { missing, .. } = score(&part, &maps(7), allowed) else {
            panic!("{reason}")
        };
        assert_eq!(missing, Some(lost));
        let mut answer = maps(7);
        blemish(&mut answer, lost, (5, 5), 9.0);
        assert!(
            score(&part, &answer, allowed).passes(),
            "the lost modality's numbers don't count"
        );
    }
    let nothing = PreparedPart {
        rgb_state: RgbState::Black,
        depth_state: DepthState::Absent,
        ..part()
    };
    assert!(!score(&nothing, &maps(7), allowed).passes());
}

#[test]
fn an_empty_belt_is_no_part_and_never_a_pass() {
    let empty = PreparedPart {
        part_share: 0.01,
        region: vec![0.0; SIDE * SIDE],
        ..part()
    };
    assert_eq!(
        score(&empty, &maps(7), Default::default()),
        Verdict::NoResult {
            reason: Reason::NoPart
        }
    );
}

#[test]
fn answers_that_are_no_numbers_or_of_another_size_are_no_result() {
    let mut nan = maps(7);
    nan.rgb.as_mut().unwrap().data[5] = f32::NAN;
    let mut infinite = maps(7);
    infinite.geometry.as_mut().unwrap().data[5] = f32::INFINITY;
    let small = PerModality {
        rgb: Some(MapStack::new(3, 8)),
        ..maps(7)
    };
    let fewer = PerModality {
        rgb: Some(MapStack::new(2, SIDE)),
        ..maps(7)
    };
    let none = PerModality {
        rgb: None,
        ..maps(7)
    };
    for answer in [nan, infinite, small, fewer, none] {
        let verdict = score(&part(), &answer, Default::default());
        assert_eq!(
            verdict,
            Verdict::NoResult {
                reason: Reason::Engine
            }
        );
    }
}

#[test]
fn scores_are_evidence_over_the_line_everywhere() {
    let mut scorer = scorer();
    let mut answer = maps(7);
    blemish(&mut answer, Modality::Geometry, (8, 8), 1.0);
    let verdict = verdict(scorer.gather(&part(), &answer, FRAME, Default::default()));
    let peak = scorer.score_map().fold(f32::NEG_INFINITY, f32::max);
    assert_eq!(verdict.score().unwrap().0, peak);
    assert_eq!(
        scorer.evidence().fused.unwrap() / calibration().fused.evidence,
        peak
    );
}

#[test]
fn a_calibration_for_another_product_is_refused() {
    let colour = PrepareSpec {
        geometry: None,
        ..spec()
    };
    let refused = Scorer::new(&calibration(), &colour, Join::Maximum).unwrap_err();
    assert_eq!(
        refused,
        ScoreError::Modality {
            modality: Modality::Geometry
        }
    );
    let mut broken = calibration();
    broken.modalities.rgb.as_mut().unwrap().maps[1].sd = 0.0;
    let refused = Scorer::new(&broken, &spec(), Join::Maximum).unwrap_err();
    assert_eq!(
        refused,
        ScoreError::Constant {
            modality: Modality::Rgb,
            what: "maps"
        }
    );
}

#[test]
fn fitting_needs_parts_maps_and_a_sensible_target() {
    let all = MapRange { first: 0, count: 3 };
    let views = PerModality {
        rgb: Some(plan(vec![(all, 1.0)])),
        geometry: None,
    };
    let good = |seed| GoodPart {
        maps: maps(seed),
        region: vec![1.0; SIDE * SIDE],
        valid: vec![1.0; SIDE * SIDE],
    };
    let few: Vec<_> = (0..4).map(good).collect();
    let refuse =
        |parts: &[GoodPart], rate| fit(&spec(), &views, parts, parts, rate, None).unwrap_err();
    let refused = refuse(&few, 0.02);
    assert!(
        matches!(
            refused,
            FitError::TooFew {
                found: 4,
                needed: 5
            }
        ),
        "{refused:?}"
    );
    let mut some: Vec<_> = (0..6).map(good).collect();
    assert!(matches!(refuse(&some, 1.5), FitError::Target { rate: 1.5 }));
    some[3].maps.rgb = None;
    let refused = refuse(&some, 0.02);
    assert!(
        matches!(
            refused,
            FitError::MapsMissing {
                part: 3,
                modality: Modality::Rgb
            }
        ),
        "{refused:?}"
    );
}

#[test]
fn maps_that_share_a_unit_are_standardised_together() {
    let good: Vec<GoodPart> = (0..6)
        .map(|seed| {
            let mut maps = maps(seed);
            let stack = maps.geometry.as_mut().unwrap();
            stack.data[SIDE * SIDE..2 * SIDE * SIDE]
                .iter_mut()
                .for_each(|value| *value *= 3.0);
            GoodPart {
                maps,
                region: vec![1.0; SIDE * SIDE],
                valid: vec![1.0; SIDE * SIDE],
            }
        })
        .collect();
    let views = vec![
        (MapRange { first: 0, count: 2 }, 1.0),
        (MapRange { first: 2, count: 2 }, 1.0),
    ];
    let fitted = |standardise| {
        let plan = ViewPlan {
            standardise,
            views: views.clone(),
        };
        let plans = PerModality {
            rgb: None,
            geometry: Some(plan),
        };
        fit(&spec(), &plans, &good, &good, 0.05, None)
            .unwrap()
            .modalities
            .geometry
            .unwrap()
            .maps
    };
    let (each, together) = (fitted(Standardise::Each), fitted(Standardise::Together));
    assert!((each[1].mean / each[0].mean - 3.0).abs() < 0.05);
    assert_eq!(together[0], together[1]);
    assert_eq!(together[2], together[3]);
    assert!((together[0].mean - 0.5 * (each[0].mean + each[1].mean)).abs() < 1e-4);
    assert!(
        together[0].sd > each[0].sd,
        "the difference between the maps counts"
    );
}
