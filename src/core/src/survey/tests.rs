use proptest::prelude::*;

use super::*;
use crate::frame::{DepthCounts, DepthFrame, FrameSize, Intrinsics};
use crate::prepare::Roi;
use crate::quality::depth_noise_mm;

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

/// A plane by its slopes and where the optical axis meets it.
fn plane(slopes: [f64; 2], distance_mm: f64) -> Plane {
    let length = (slopes[0] * slopes[0] + slopes[1] * slopes[1] + 1.0).sqrt();
    Plane {
        normal: [slopes[0] / length, slopes[1] / length, -1.0 / length],
        offset_mm: -distance_mm / length,
    }
}

/// Noise between -1 and 1, another one for each picture.
fn noise(seed: usize, at: usize) -> f64 {
    // SplitMix64 (Steele, Lea, Flood, 2014): places at equal distances must not have equal differences.
    let mut mixed = ((at + 7919 * seed) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    ((mixed >> 40) & 0xFFFF) as f64 / 32_768.0 - 1.0
}

/// A picture of a plane in counts of 0.1 mm, with what stands on it, or nothing measured, by pixel.
fn picture(
    belt: &Plane,
    seed: usize,
    noise_mm: f64,
    height_mm: impl Fn(usize, usize) -> Option<f64>,
) -> FramePair {
    let counts = (0..SIZE.pixels()).map(|at| {
        let (x, y) = (at % SIZE.width, at / SIZE.width);
        let (ray_x, ray_y) = CAMERA.ray(x as f64, y as f64);
        let along = belt.normal[0] * ray_x + belt.normal[1] * ray_y + belt.normal[2];
        height_mm(x, y).map_or(0, |height_mm| {
            let z_mm = (belt.offset_mm + height_mm) / along + noise_mm * noise(seed, at);
            (10.0 * z_mm).round() as u16
        })
    });
    let counts = DepthCounts::new(SIZE, 1e-4, counts.collect()).unwrap();
    FramePair::new(None, Some(DepthFrame::Counts(counts)), Some(CAMERA)).unwrap()
}

fn bare(_: usize, _: usize) -> Option<f64> {
    Some(0.0)
}

fn pictures(
    belt: &Plane,
    noise_mm: f64,
    height_mm: impl Fn(usize, usize) -> Option<f64> + Copy,
) -> Vec<FramePair> {
    (0..6)
        .map(|seed| picture(belt, seed, noise_mm, height_mm))
        .collect()
}

fn survey_of(frames: &[FramePair], size: usize) -> Result<BeltSurvey, SurveyError> {
    let mut surveyor = BeltSurveyor::new(size);
    for frame in frames {
        surveyor.add(frame.clone())?;
    }
    surveyor.finish()
}

#[test]
fn an_empty_belt_says_where_it_lies_and_how_noisy_its_depth_is() {
    let belt = plane([0.03, -0.02], 420.0);
    let survey = survey_of(&pictures(&belt, 0.5, bare), 64).unwrap();
    assert!((survey.distance_mm() - 420.0).abs() < 0.05, "{survey:?}");
    assert!(survey.belt.angle_deg(&belt) < 0.03, "{survey:?}");
    let tilt_deg = (0.03_f64.powi(2) + 0.02_f64.powi(2))
        .sqrt()
        .atan()
        .to_degrees();
    assert!((survey.tilt_deg() - tilt_deg).abs() < 0.03);
    // An even distribution between -0.5 and 0.5 deviates by 0.5 / sqrt(3).
    let noise_mm = survey.noise_mm.unwrap();
    assert!((noise_mm - 0.289).abs() < 0.03, "{noise_mm}");
    assert_eq!(survey.measured_share, 1.0);
    let whole = Roi {
        x: 0,
        y: 0,
        width: SIZE.width,
        height: SIZE.height,
    };
    let proposal = survey.roi.unwrap();
    assert_eq!((proposal.roi, proposal.share), (whole, 1.0));
    assert!(proposal.unevenness_mm < 0.2, "{proposal:?}");
    // What is smoothed more varies less.
    let heights = [0, 3, 6, 9].map(|channel| survey.spread_mm[channel]);
    assert!(
        heights.windows(2).all(|pair| pair[1] < pair[0]) && heights[0] < 0.3,
        "{heights:?}"
    );
    let quiet = survey_of(&pictures(&belt, 0.1, bare), 64).unwrap();
    assert!(quiet.spread_mm[0] < 0.5 * survey.spread_mm[0]);
}

#[test]
fn rails_and_holes_are_left_out_of_the_proposal_and_a_speck_is_not() {
    let belt = plane([0.0, 0.0], 400.0);
    let scene = |x: usize, y: usize| match (x, y) {
        // A rail on the left, a window's reflection below, dirt of a few pixels.
        (0..24, _) => Some(20.0),
        (_, 80..) => None,
        (90..94, 40..44) => None,
        _ => Some(0.0),
    };
    let survey = survey_of(&pictures(&belt, 0.2, scene), 64).unwrap();
    assert!((survey.distance_mm() - 400.0).abs() < 0.1, "{survey:?}");
    let expected = Roi {
        x: 24,
        y: 0,
        width: 136,
        height: 80,
    };
    assert_eq!(survey.roi.map(|proposal| proposal.roi), Some(expected));
    let at = |x: usize, y: usize| survey.surface.heights_mm[y * SIZE.width + x];
    assert_eq!(
        (survey.surface.size, at(50, 90), at(91, 41)),
        (SIZE, None, None)
    );
    assert!((at(10, 10).unwrap() - 20.0).abs() < 0.3 && at(60, 10).unwrap().abs() < 0.3);
    let measured = 1.0 - (136.0 * 16.0 + 16.0) / SIZE.pixels() as f64;
    assert!((survey.measured_share - measured).abs() < 1e-9);
}

#[test]
fn parts_in_the_middle_do_not_hide_the_belt_around_them() {
    let belt = plane([0.02, 0.01], 400.0);
    let part = |x: usize, y: usize| {
        let on_part = (20..140).contains(&x) && (12..84).contains(&y);
        Some(if on_part { 12.0 } else { 0.0 })
    };
    let frames = pictures(&belt, 0.2, part);
    let border = teach_belt(&frames, Where::Border).unwrap();
    assert!(border.angle_deg(&belt) < 0.05);
    assert!((border.offset_mm - belt.offset_mm).abs() < 0.05);
    // The larger plane wins where all of the picture is asked: the part's upper side.
    let everywhere = teach_belt(&frames, Where::Everywhere).unwrap();
    assert!((everywhere.offset_mm - belt.offset_mm - 12.0).abs() < 0.2);
}

#[test]
fn pictures_that_show_no_belt_are_refused() {
    let belt = plane([0.0, 0.0], 400.0);
    let survey = |frames: &[FramePair]| survey_of(frames, 64).unwrap_err();
    assert_eq!(survey(&[]), SurveyError::NoPictures);
    let dark = [picture(&belt, 0, 0.0, |_, _| None)];
    assert_eq!(survey(&dark), SurveyError::NoBelt { frames: 1 });
    let rough = |x: usize, y: usize| Some(150.0 * noise(3, 160 * y + x));
    let rough = [picture(&belt, 0, 0.0, rough)];
    assert_eq!(survey(&rough), SurveyError::NoBelt { frames: 1 });
    let frames = pictures(&belt, 0.2, bare);
    assert!(matches!(survey_of(&frames, 63), Err(SurveyError::Spec(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_belt_before_a_camera_is_found(
        x in -0.15_f64..0.15,
        y in -0.15_f64..0.15,
        distance_mm in 250.0_f64..900.0,
        noise_mm in 0.0_f64..0.8,
    ) {
        let belt = plane([x, y], distance_mm);
        let frames = pictures(&belt, noise_mm, bare);
        let survey = survey_of(&frames, 64).unwrap();
        prop_assert!((survey.distance_mm() - distance_mm).abs() < 0.2, "{:?}", survey);
        prop_assert!(survey.belt.angle_deg(&belt) < 0.1, "{:?}", survey);
        prop_assert!(survey.belt.is_usable());
        let proposal = survey.roi.unwrap();
        prop_assert!(proposal.share > 0.99, "{:?}", proposal);
    }
}

#[test]
fn many_pictures_are_one_after_the_other_what_they_are_together() {
    let belt = plane([0.03, -0.02], 420.0);
    let frames: Vec<FramePair> = (0..30)
        .map(|seed| picture(&belt, seed, 0.4, bare))
        .collect();
    let mut surveyor = BeltSurveyor::new(64);
    for frame in frames.clone() {
        surveyor.add(frame).unwrap();
    }
    assert!(surveyor.held.is_empty());
    let survey = surveyor.finish().unwrap();
    assert_eq!(survey, survey_of(&frames, 64).unwrap());
    assert_eq!(survey.frames, 30);
    let whole = depth_noise_mm(&frames, survey.roi.map(|proposal| proposal.roi));
    assert_eq!(survey.noise_mm, whole);
    // Even between -0.4 and 0.4; its smaller half is not that of a normal distribution, and close to it.
    let floor_mm = survey.noise_floor_mm.unwrap();
    assert!((floor_mm - 0.231).abs() < 0.05, "{floor_mm}");
}

#[test]
fn a_picture_that_can_t_be_taken_leaves_those_before_it() {
    let belt = plane([0.0, 0.0], 400.0);
    let mut surveyor = BeltSurveyor::new(64);
    surveyor.add(picture(&belt, 0, 0.2, bare)).unwrap();
    let small = FrameSize {
        width: 8,
        height: 8,
    };
    let counts = DepthCounts::new(small, 1e-4, vec![4000; 64]).unwrap();
    let camera = Intrinsics {
        width: 8,
        height: 8,
        ..CAMERA
    };
    let other = FramePair::new(None, Some(DepthFrame::Counts(counts)), Some(camera)).unwrap();
    assert_eq!(surveyor.add(other).unwrap_err(), SurveyError::Sizes);
    assert_eq!(surveyor.finish().unwrap().frames, 1);
}
