use proptest::prelude::*;

use super::drift::BeltFinder;
use super::*;
use crate::frame::{DepthCounts, DepthFrame, FramePair, FrameSize, Intrinsics, RgbFrame};
use crate::plane::Plane;
use crate::prepare::{PrepareSpec, RgbSpec, Roi};
use crate::survey::bare_spec;
use crate::verdict::Reason;

const SIZE: FrameSize = FrameSize {
    width: 160,
    height: 96,
};

const CAMERA: Intrinsics = Intrinsics {
    width: SIZE.width,
    height: SIZE.height,
    fx: 200.0,
    fy: 200.0,
    cx: 79.5,
    cy: 47.5,
    distortion: [0.0; 5],
};

const WHOLE: Roi = Roi::whole(SIZE);

/// A plane by its slopes and where the optical axis meets it.
fn plane(slopes: [f64; 2], distance_mm: f64) -> Plane {
    let length = (slopes[0] * slopes[0] + slopes[1] * slopes[1] + 1.0).sqrt();
    Plane {
        normal: [slopes[0] / length, slopes[1] / length, -1.0 / length],
        offset_mm: -distance_mm / length,
    }
}

/// Values from -1 to 1.
fn even(seed: usize, at: usize) -> f64 {
    // SplitMix64 (Steele, Lea, Flood, 2014): places at equal distances must not have equal differences.
    let mut mixed = ((at + 7919 * seed) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    ((mixed >> 40) & 0xFFFF) as f64 / 32_768.0 - 1.0
}

/// Nearly normal, with a deviation of 1: the sum of twelve even values has a variance of 4.
fn normal(seed: usize, at: usize) -> f64 {
    (0..12).map(|one| even(seed + 1009 * one, at)).sum::<f64>() / 2.0
}

/// A part of 12 mm in the middle, on a belt, in counts of 0.1 mm.
fn depth(belt: &Plane, seed: usize, noise_mm: f64, holes: f64) -> DepthFrame {
    let counts = (0..SIZE.pixels()).map(|at| {
        let (x, y) = (at % SIZE.width, at / SIZE.width);
        if even(seed + 1000, at / 7) < 2.0 * holes - 1.0 {
            return 0;
        }
        let (ray_x, ray_y) = CAMERA.ray(x as f64, y as f64);
        let along = belt.normal[0] * ray_x + belt.normal[1] * ray_y + belt.normal[2];
        let is_part = (50..110).contains(&x) && (30..66).contains(&y);
        let height_mm = if is_part { 12.0 } else { 0.0 };
        let z_mm = (belt.offset_mm + height_mm) / along + noise_mm * normal(seed, at);
        (10.0 * z_mm).round() as u16
    });
    DepthFrame::Counts(DepthCounts::new(SIZE, 1e-4, counts.collect()).unwrap())
}

/// Stripes of a texture in a light, of which `soft` neighbours are the same.
fn colour(seed: usize, light: f64, soft: usize) -> RgbFrame {
    let data = (0..SIZE.pixels()).flat_map(|at| {
        let (x, y) = (at % SIZE.width / soft, at / SIZE.width / soft);
        let value = light * (120.0 + 40.0 * even(seed, x + 1000 * y));
        [value.round().clamp(0.0, 255.0) as u8; 3]
    });
    RgbFrame::new(SIZE, data.collect()).unwrap()
}

fn frame(depth: DepthFrame, colour: RgbFrame) -> FramePair {
    FramePair::new(Some(colour), Some(depth), Some(CAMERA)).unwrap()
}

fn good(seed: usize) -> FramePair {
    frame(
        depth(&plane([0.02, -0.01], 420.0), seed, 0.4, 0.01),
        colour(seed, 1.0, 1),
    )
}

fn spec() -> PrepareSpec {
    PrepareSpec {
        rgb: Some(RgbSpec {
            mean: [127.0; 3],
            std: [64.0; 3],
        }),
        ..bare_spec(plane([0.02, -0.01], 420.0), 64)
    }
}

const LIMITS: PictureLimits = PictureLimits {
    holes_more: Steps::new(0.01, 0.03),
    noise_factor: Steps::new(1.25, 1.5),
    belt_mm: Steps::new(3.0, 5.0),
    tilt_deg: Steps::new(0.6, 1.0),
    brightness_factor: Steps::new(1.25, 2.0),
    saturated_more: Steps::new(0.05, 0.5),
    blur_factor: Steps::new(1.5, 4.0),
    repeated: Steps::new(0.999, 1.0),
    ..PictureLimits::NONE
};

fn expectation() -> PictureExpectation {
    let mut meter = PictureMeter::new(&spec(), None, false);
    let parts: Vec<_> = (0..12).map(|seed| meter.measure(&good(seed))).collect();
    PictureExpectation::of(&parts).unwrap()
}

fn judge(frame: &FramePair) -> Levels {
    let figures = PictureMeter::new(&spec(), None, false).measure(frame);
    LIMITS.judge(&figures, Some(&expectation()))
}

/// All that is beyond a limit.
fn beyond(frame: &FramePair) -> (Vec<Figure>, Vec<Figure>) {
    let levels = judge(frame);
    (
        levels.at(Level::Warn).collect(),
        levels.at(Level::Reject).collect(),
    )
}

#[test]
fn the_noise_of_a_known_deviation_is_found_in_spite_of_the_part() {
    // The part's edges take the place of a tenth of the smaller half.
    for (noise_mm, tolerance) in [(0.2, 0.03), (0.8, 0.12), (2.0, 0.3)] {
        let depth = depth(&plane([0.05, 0.02], 420.0), 3, noise_mm, 0.0);
        let found = depth_noise_floor_mm(&depth).unwrap();
        assert!(
            (f64::from(found) - noise_mm).abs() < tolerance,
            "{found}, not {noise_mm}"
        );
    }
    let still = depth(&plane([0.05, 0.02], 420.0), 3, 0.0, 0.0);
    assert!(depth_noise_floor_mm(&still).unwrap() < 0.05);
    let nothing = depth(&plane([0.0, 0.0], 420.0), 3, 0.0, 1.0);
    assert_eq!(depth_noise_floor_mm(&nothing), None);
}

#[test]
fn good_pictures_that_were_not_looked_at_are_fine() {
    for seed in 100..130 {
        assert_eq!(judge(&good(seed)), Levels::default(), "{seed}");
    }
}

#[test]
fn what_the_model_can_t_bear_has_its_own_name() {
    let belt = plane([0.02, -0.01], 420.0);
    let rejected = |depth| judge(&frame(depth, colour(5, 1.0, 1))).rejected();
    assert_eq!(
        rejected(depth(&belt, 5, 0.8, 0.01)),
        Some(Figure::DepthNoise)
    );
    assert_eq!(
        rejected(depth(&belt, 5, 0.4, 0.06)),
        Some(Figure::DepthHoles)
    );
    let nearer = plane([0.02, -0.01], 410.0);
    assert_eq!(
        rejected(depth(&nearer, 5, 0.4, 0.01)),
        Some(Figure::BeltHeight)
    );
    let tilted = plane([0.06, -0.01], 420.0);
    assert_eq!(
        rejected(depth(&tilted, 5, 0.4, 0.01)),
        Some(Figure::BeltTilt)
    );
    assert_eq!(Figure::BeltTilt.reason(), Reason::PictureBeltTilt);
    assert_eq!(Figure::DepthNoise.reason().name(), "picture_depth_noise");
}

#[test]
fn between_the_limits_somebody_is_told_and_nothing_rejected() {
    let belt = plane([0.02, -0.01], 420.0);
    let of = |depth, colour| beyond(&frame(depth, colour));
    let clean = || depth(&belt, 5, 0.4, 0.01);
    let warns = |figure| (vec![figure], Vec::new());
    assert_eq!(
        of(depth(&belt, 5, 0.56, 0.01), colour(5, 1.0, 1)),
        warns(Figure::DepthNoise)
    );
    let further = depth(&plane([0.02, -0.01], 424.0), 5, 0.4, 0.01);
    assert_eq!(of(further, colour(5, 1.0, 1)), warns(Figure::BeltHeight));
    assert_eq!(of(clean(), colour(5, 0.7, 1)), warns(Figure::Dark));
    assert_eq!(of(clean(), colour(5, 1.4, 1)), warns(Figure::Bright));
    assert_eq!(of(clean(), colour(5, 1.0, 3)), warns(Figure::Blurred));
    let (_, bright) = of(clean(), colour(5, 3.0, 1));
    // White has no edges.
    assert_eq!(bright, [Figure::Bright, Figure::Saturated, Figure::Blurred]);
}

#[test]
fn without_what_good_parts_were_like_only_limits_by_themselves_count() {
    let mut meter = PictureMeter::new(&spec(), None, false);
    let noisy = depth(&plane([0.02, -0.01], 420.0), 5, 0.8, 0.06);
    let figures = meter.measure(&frame(noisy, colour(5, 0.3, 4)));
    assert_eq!(LIMITS.judge(&figures, None), Levels::default());
    let limits = PictureLimits {
        noise_mm: Steps::new(0.5, 0.7),
        holes: Steps::warn(0.03),
        ..LIMITS
    };
    let levels = limits.judge(&figures, None);
    assert_eq!(levels.rejected(), Some(Figure::DepthNoise));
    assert_eq!(levels.of(Figure::DepthHoles), Level::Warn);
    assert_eq!(
        PictureLimits::NONE.judge(&figures, Some(&expectation())),
        Levels::default()
    );
}

#[test]
fn a_station_s_own_belt_counts_beside_the_model_s() {
    let there = plane([0.02, -0.01], 417.0);
    let mut meter = PictureMeter::new(&spec(), Some(plane([0.02, -0.01], 423.5)), false);
    let figures = meter.measure(&frame(depth(&there, 1, 0.4, 0.0), colour(1, 1.0, 1)));
    let (taught, own) = (figures.belt.unwrap(), figures.station_belt.unwrap());
    assert!((taught.nearer_mm - 3.0).abs() < 0.1, "{taught:?}");
    assert!((own.nearer_mm - 6.5).abs() < 0.1, "{own:?}");
    let levels = LIMITS.judge(&figures, None);
    assert_eq!(levels.rejected(), Some(Figure::BeltHeight));
}

#[test]
fn what_a_product_does_not_use_is_not_looked_at() {
    let colour_alone = PrepareSpec {
        geometry: None,
        ..spec()
    };
    let figures =
        PictureMeter::new(&colour_alone, Some(plane([0.0; 2], 400.0)), false).measure(&good(1));
    assert_eq!(figures.depth_noise_mm.or(figures.depth_holes), None);
    assert_eq!((figures.belt, figures.station_belt), (None, None));
    assert!(figures.brightness.is_some());
    let depth_alone = PrepareSpec {
        rgb: None,
        ..spec()
    };
    let figures = PictureMeter::new(&depth_alone, None, false).measure(&good(1));
    assert_eq!(figures.brightness, None);
    assert!(figures.depth_noise_mm.is_some() && figures.repeated.is_none());
}

#[test]
fn a_live_camera_that_repeats_itself_is_found_and_a_recording_is_let() {
    let mut live = PictureMeter::new(&spec(), None, true);
    assert_eq!(live.measure(&good(1)).repeated, None);
    let same = live.measure(&good(1));
    assert_eq!(same.repeated, Some(1.0));
    assert_eq!(LIMITS.judge(&same, None).rejected(), Some(Figure::Repeated));
    let next = live.measure(&good(2)).repeated.unwrap();
    assert!(next < 0.1, "{next}");
    let mut recorded = PictureMeter::new(&spec(), None, false);
    recorded.measure(&good(1));
    assert_eq!(recorded.measure(&good(1)).repeated, None);
}

#[test]
fn a_state_changes_when_several_pictures_agree() {
    let mut watch = PictureWatch::default();
    let mut told = Vec::new();
    let mut see = |pictures: &[Level]| {
        told.clear();
        for level in pictures {
            let mut levels = Levels::default();
            levels.raise(Figure::DepthNoise, *level);
            watch.see(&levels, |figure, level| told.push((figure, level)));
        }
        (told.clone(), watch.states().of(Figure::DepthNoise))
    };
    use Level::{Fine, Reject, Warn};
    let noise = |level| vec![(Figure::DepthNoise, level)];
    assert_eq!(see(&[Warn, Warn, Fine, Reject, Warn]), (vec![], Fine));
    assert_eq!(see(&[Reject]), (noise(Warn), Warn));
    assert_eq!(see(&[Reject, Reject, Warn, Reject, Reject]), (vec![], Warn));
    assert_eq!(see(&[Reject]), (noise(Reject), Reject));
    assert_eq!(see(&[Fine; 9]), (vec![], Reject));
    assert_eq!(see(&[Reject]), (vec![], Reject));
    assert_eq!(see(&[Fine; 10]), (noise(Fine), Fine));
    assert_eq!(see(&[Fine; 100]), (vec![], Fine));
}

#[test]
fn spans_are_in_order_and_others_are_no_spans() {
    let known = expectation();
    assert_eq!(known.parts, 12);
    assert_eq!(known.present().count(), 5);
    assert!(known.present().all(|(_, span)| span.is_usable()));
    let wrong = Span {
        low: 2.0,
        median: 1.0,
        high: 3.0,
    };
    assert!(!wrong.is_usable());
    assert!(
        !Span {
            high: f32::NAN,
            ..wrong
        }
        .is_usable()
    );
    assert_eq!(PictureExpectation::of(&[]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_belt_that_has_moved_anywhere_is_found(
        x in -0.06_f64..0.06,
        y in -0.06_f64..0.06,
        moved_mm in -60.0_f64..60.0,
        noise_mm in 0.0_f64..1.0,
    ) {
        let known = plane([0.0, 0.0], 450.0);
        let there = plane([x, y], 450.0 - moved_mm);
        let frame = frame(depth(&there, 9, noise_mm, 0.05), colour(1, 1.0, 1));
        let found = BeltFinder::new().find(&frame, WHOLE, &known).unwrap();
        let error = BeltDrift::between(&there, &found);
        prop_assert!(error.nearer_mm.abs() < 0.5, "{error:?}");
        prop_assert!(error.tilt_deg < 0.3, "{error:?}");
        let drift = BeltDrift::between(&known, &found);
        prop_assert!((drift.nearer_mm - moved_mm).abs() < 1.0, "{drift:?}");
    }

    #[test]
    fn worse_figures_are_never_judged_better(
        noise in 0.0_f32..3.0,
        holes in 0.0_f32..1.0,
        more in 0.0_f32..1.0,
    ) {
        let figures = |noise, holes| PictureFigures {
            depth_noise_mm: Some(noise),
            depth_holes: Some(holes),
            ..PictureFigures::default()
        };
        let known = expectation();
        let better = LIMITS.judge(&figures(noise, holes), Some(&known));
        let worse = LIMITS.judge(&figures(noise + more, holes + more), Some(&known));
        for figure in Figure::ALL {
            prop_assert!(worse.of(figure) >= better.of(figure));
        }
    }
}
