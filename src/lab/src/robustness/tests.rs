use twinspect_core::frame::{
    DepthCounts, DepthFrame, FramePair, FrameSize, Intrinsics, OrganisedPoints, RgbFrame,
};
use twinspect_nn::Rng;

use super::depth::own_noise_mm;
use super::disturbed::disturb;
use super::{Disturbance, Left};
use crate::summary;

const SIZE: FrameSize = FrameSize {
    width: 160,
    height: 120,
};
const NOISE_MM: f64 = 0.5;

fn intrinsics() -> Intrinsics {
    Intrinsics {
        width: SIZE.width,
        height: SIZE.height,
        fx: 150.0,
        fy: 150.0,
        cx: 80.0,
        cy: 60.0,
        distortion: [0.0; 5],
    }
}

/// A noisy slope in counts of 0.01 mm under a picture of ramps with a white spot.
fn frame() -> FramePair {
    let mut rng = Rng::new(7);
    let colours = (0..SIZE.pixels()).flat_map(|index| {
        let x = (index % SIZE.width) as u8;
        if index == 100 * SIZE.width + 5 {
            [255; 3]
        } else {
            [x, 100, 200]
        }
    });
    let rgb = RgbFrame::new(SIZE, colours.collect()).unwrap();
    let counts = (0..SIZE.pixels()).map(|index| {
        let slope = 400.0 + 0.2 * (index % SIZE.width) as f64;
        ((slope + NOISE_MM * rng.normal()) * 100.0).round() as u16
    });
    let depth = DepthCounts::new(SIZE, 0.00001, counts.collect()).unwrap();
    FramePair::new(
        Some(rgb),
        Some(DepthFrame::Counts(depth)),
        Some(intrinsics()),
    )
    .unwrap()
}

fn after(disturbance: Disturbance) -> FramePair {
    disturb(&frame(), disturbance, &mut Rng::new(3)).unwrap()
}

fn pixel(frame: &FramePair, x: usize, y: usize) -> [u8; 3] {
    let from = 3 * (y * SIZE.width + x);
    frame.rgb().unwrap().data()[from..from + 3]
        .try_into()
        .unwrap()
}

fn distances_mm(frame: &FramePair) -> Vec<Option<f64>> {
    (0..SIZE.pixels())
        .map(|index| frame.point(index % SIZE.width, index / SIZE.width))
        .map(|point| point.map(|[_, _, z]| z))
        .collect()
}

#[test]
fn each_touches_its_own_modality_alone() {
    let before = frame();
    for disturbance in Disturbance::ALL {
        let after = after(disturbance);
        let colour = after.rgb() != before.rgb();
        let depth = after.depth() != before.depth();
        let shape = !disturbance.needs_colour();
        assert_eq!((colour, depth), (!shape, shape), "{disturbance:?}");
        assert_eq!(after.intrinsics(), before.intrinsics());
    }
}

#[test]
fn a_part_is_disturbed_alike_each_time() {
    for disturbance in Disturbance::ALL {
        assert_eq!(after(disturbance), after(disturbance), "{disturbance:?}");
    }
}

#[test]
fn light_changes_by_its_factor_up_to_white() {
    assert_eq!(pixel(&after(Disturbance::Brighter), 50, 9), [60, 120, 240]);
    assert_eq!(pixel(&after(Disturbance::Darker), 50, 9), [40, 80, 160]);
    assert_eq!(
        pixel(&after(Disturbance::WarmerWhite), 50, 9),
        [55, 100, 180]
    );
}

#[test]
fn a_shadow_takes_two_fifths_at_one_end_and_nothing_at_the_other() {
    let shaded = after(Disturbance::SoftShadow);
    let corners = [(0, 0), (159, 0), (0, 119), (159, 119)];
    let greens = corners.map(|(x, y)| pixel(&shaded, x, y)[1]);
    assert_eq!(greens.iter().min(), Some(&60), "{greens:?}");
    assert_eq!(greens.iter().max(), Some(&100), "{greens:?}");
}

#[test]
fn colour_is_moved_beside_depth() {
    let moved = after(Disturbance::Misaligned);
    assert_eq!(pixel(&moved, 80, 5), pixel(&frame(), 77, 5));
    assert_eq!(pixel(&moved, 1, 5), pixel(&frame(), 0, 5));
}

#[test]
fn blur_keeps_ramps_and_flattens_points() {
    let mut data = vec![0; 3 * SIZE.pixels()];
    data[3 * (60 * SIZE.width + 80)] = 255;
    let point = FramePair::new(Some(RgbFrame::new(SIZE, data).unwrap()), None, None).unwrap();
    let blurred = disturb(&point, Disturbance::Blur, &mut Rng::new(1)).unwrap();
    // The middle of a Gaussian of one pixel holds 1 / (2 pi) of the whole.
    assert_eq!(pixel(&blurred, 80, 60), [41, 0, 0]);
    assert_eq!(
        pixel(&after(Disturbance::Blur), 80, 60),
        pixel(&frame(), 80, 60)
    );
}

#[test]
fn the_noise_that_is_there_is_measured_and_doubled() {
    let own = own_noise_mm(frame().depth().unwrap());
    assert!((f64::from(own) / NOISE_MM - 1.0).abs() < 0.03, "{own}");
    let doubled = own_noise_mm(after(Disturbance::DepthNoise).depth().unwrap());
    assert!(
        (f64::from(doubled) / NOISE_MM - 2.0).abs() < 0.06,
        "{doubled}"
    );
}

#[test]
fn a_twentieth_is_missing_and_the_rest_is_as_before() {
    let (before, after) = (
        distances_mm(&frame()),
        distances_mm(&after(Disturbance::Holes)),
    );
    let missing = after.iter().filter(|z| z.is_none()).count();
    assert_eq!(missing, SIZE.pixels() / 20);
    let changed = before
        .iter()
        .zip(&after)
        .filter(|(b, a)| a.is_some() && a != b);
    assert_eq!(changed.count(), 0);
}

#[test]
fn points_move_along_their_rays() {
    let points: Vec<[f32; 3]> = distances_mm(&frame())
        .iter()
        .enumerate()
        .map(|(index, z)| match z {
            Some(z) if index > 0 => [0.1 * *z as f32, -0.2 * *z as f32, *z as f32],
            _ => [0.0; 3],
        })
        .collect();
    let depth = DepthFrame::Points(OrganisedPoints::new(SIZE, points).unwrap());
    let frame = FramePair::new(None, Some(depth), None).unwrap();
    let moved = disturb(&frame, Disturbance::FurtherAway, &mut Rng::new(1)).unwrap();
    assert_eq!(moved.point(0, 0), None);
    for (x, y) in [(5, 5), (80, 60), (159, 119)] {
        let ([x0, y0, z0], [x1, y1, z1]) = (frame.point(x, y).unwrap(), moved.point(x, y).unwrap());
        assert!((z1 - z0 - 10.0).abs() < 1e-3);
        assert!((x1 / z1 - x0 / z0).abs() < 1e-6 && (y1 / z1 - y0 / z0).abs() < 1e-6);
    }
}

#[test]
fn the_table_has_a_row_for_each() {
    let left = Left {
        i_auroc: Some(0.9),
        au_pro_30: None,
        false_rejects: 2,
        escapes: 3,
        no_results: 1,
    };
    let all = Disturbance::ALL.map(|disturbance| super::Robustness {
        disturbance,
        fused: left.clone(),
        modalities: [("rgb", left.clone())].into(),
    });
    let table = summary::robustness(&all);
    for disturbance in Disturbance::ALL {
        assert!(table.contains(disturbance.name()), "{table}");
    }
    assert_eq!(table.matches("90.0").count(), 18, "{table}");
}
