//! What goes in and what comes out, for every kind of frame that a line produces.

mod ground;

use super::*;
use crate::frame::{DepthCounts, Intrinsics, OrganisedPoints};
use crate::plane::Plane;

const SIZE: usize = 64;

fn spec() -> PrepareSpec {
    PrepareSpec {
        size: SIZE,
        roi: None,
        rgb: Some(RgbSpec {
            mean: [127.0; 3],
            std: [128.0; 3],
        }),
        geometry: Some(GeometrySpec {
            belt: Plane {
                normal: [0.0, 0.0, -1.0],
                offset_mm: -450.0,
            },
            belt_bounds: BeltBounds::default(),
            height_range_mm: [-5.0, 40.0],
            foreground_mm: 1.0,
            part_share_min: 0.02,
            valid_share_min: 0.5,
            bank: BankSpec {
                sigma_px: BankSpec::sigmas(SIZE),
                spread_mm: [0.2; BANK_CHANNELS],
            },
        }),
        ground: None,
    }
}

fn camera(size: FrameSize) -> Intrinsics {
    let FrameSize { width, height } = size;
    let (cx, cy) = (width as f64 / 2.0 - 0.5, height as f64 / 2.0 - 0.5);
    Intrinsics {
        width,
        height,
        fx: 900.0,
        fy: 900.0,
        cx,
        cy,
        distortion: [0.0; 5],
    }
}

/// Depth in mm as counts of 0.1 mm.
fn depth(size: FrameSize, z_mm: impl Fn(usize, usize) -> f64) -> DepthFrame {
    let counts = (0..size.pixels())
        .map(|i| (z_mm(i % size.width, i / size.width) * 10.0).round() as u16)
        .collect();
    DepthFrame::Counts(DepthCounts::new(size, 1e-4, counts).unwrap())
}

fn grey(size: FrameSize, level: u8) -> RgbFrame {
    RgbFrame::new(size, vec![level; size.pixels() * 3]).unwrap()
}

/// A box of `height` mm on the belt that covers the given share of the frame's sides.
fn boxed(size: FrameSize, height: f64, from: f64, to: f64) -> DepthFrame {
    let inside = |index: usize, length: usize| {
        let at = (index as f64 + 0.5) / length as f64;
        at >= from && at < to
    };
    depth(size, |x, y| {
        if inside(x, size.width) && inside(y, size.height) {
            450.0 - height
        } else {
            450.0
        }
    })
}

fn prepare(frame: FramePair) -> PreparedPart {
    prepare_with(&spec(), frame).unwrap()
}

fn prepare_with(spec: &PrepareSpec, frame: FramePair) -> Result<PreparedPart, PrepareError> {
    let mut part = PreparedPart::new(spec);
    Preparer::new(spec).unwrap().prepare(&frame, &mut part)?;
    assert_sound(&part);
    Ok(part)
}

/// What holds for every prepared part, whatever came in.
fn assert_sound(part: &PreparedPart) {
    let tensors = [
        &part.rgb,
        &part.geometry,
        &part.height,
        &part.normals,
        &part.valid,
    ];
    assert!(
        tensors
            .iter()
            .all(|tensor| tensor.iter().all(|value| value.is_finite()))
    );
    for unit in [&part.foreground, &part.region, &part.valid] {
        assert!(unit.iter().all(|value| (0.0..=1.0).contains(value)));
    }
    let pixels = part.size * part.size;
    for i in 0..pixels {
        let squares: f32 = (0..3).map(|c| part.normals[c * pixels + i].powi(2)).sum();
        assert!((squares - 1.0).abs() < 1e-4);
    }
}

fn pair(rgb: Option<RgbFrame>, depth: Option<DepthFrame>) -> FramePair {
    let size = rgb
        .as_ref()
        .map(RgbFrame::size)
        .or(depth.as_ref().map(DepthFrame::size))
        .unwrap();
    FramePair::new(rgb, depth, Some(camera(size))).unwrap()
}

const FRAME: FrameSize = FrameSize {
    width: 320,
    height: 240,
};

#[test]
fn a_box_has_its_height_its_place_and_upright_normals() {
    let part = prepare(pair(
        Some(grey(FRAME, 128)),
        Some(boxed(FRAME, 12.0, 0.25, 0.75)),
    ));
    assert_eq!(
        (part.rgb_state, part.depth_state),
        (RgbState::Usable, DepthState::Usable)
    );
    assert!(matches!(part.belt, Some(Belt::Refined(_))));
    assert!((part.rgb[0] - 1.0 / 128.0).abs() < 1e-6);
    let at = |x: usize, y: usize| y * SIZE + x;
    assert!(
        (part.height[at(32, 32)] - 12.0).abs() < 0.05,
        "{}",
        part.height[at(32, 32)]
    );
    assert!(part.height[at(4, 4)].abs() < 0.05);
    assert!(part.normals[2 * SIZE * SIZE + at(32, 32)] > 0.999);
    assert!(part.foreground[at(32, 32)] > 0.99 && part.foreground[at(2, 2)] < 0.01);
    // Half of the least height counts half, so the blurred edge adds a rim of a pixel.
    assert!((part.part_share - 0.27).abs() < 0.03, "{}", part.part_share);
    assert_eq!(part.valid_share, 1.0);
    // The region reaches beyond the part, so that a missing piece has a place.
    let map = part.map_size();
    assert!(part.region[8 * map + 3] > 0.5 && part.region[0] < 0.01);
}

#[test]
fn counts_and_points_give_the_same_part() {
    let counts = boxed(FRAME, 9.0, 0.3, 0.6);
    let DepthFrame::Counts(data) = &counts else {
        unreachable!()
    };
    let camera = camera(FRAME);
    let points = data
        .data()
        .iter()
        .enumerate()
        .map(|(i, &count)| {
            let (x, y) = camera.ray((i % FRAME.width) as f64, (i / FRAME.width) as f64);
            let z = f64::from(count) * 0.1;
            [(x * z) as f32, (y * z) as f32, z as f32]
        })
        .collect();
    let points = DepthFrame::Points(OrganisedPoints::new(FRAME, points).unwrap());
    let (a, b) = (
        prepare(pair(None, Some(counts))),
        prepare(pair(None, Some(points))),
    );
    let worst = a
        .height
        .iter()
        .zip(&b.height)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst < 1e-2, "{worst} mm");
}

#[test]
fn a_tilted_and_lowered_belt_is_followed_within_its_bounds() {
    let slope = 0.01_f64;
    let tilted = depth(FRAME, |x, _| {
        452.0 / (1.0 - slope * (x as f64 - 159.5) / 900.0)
    });
    let part = prepare(pair(None, Some(tilted)));
    let Some(Belt::Refined(plane)) = part.belt else {
        panic!("{:?}", part.belt)
    };
    assert!(
        (plane.angle_deg(&Plane {
            normal: [0.0, 0.0, -1.0],
            offset_mm: 0.0
        }) - 0.573)
            .abs()
            < 0.05
    );
    assert!(part.height.iter().all(|height| height.abs() < 0.15));

    let moved = prepare(pair(None, Some(depth(FRAME, |_, _| 443.0))));
    assert!(
        matches!(moved.belt, Some(Belt::OutOfBounds(_))),
        "{:?}",
        moved.belt
    );
    assert!((moved.height[0] - 7.0).abs() < 0.1);
}

#[test]
fn a_missing_belt_leaves_the_taught_one() {
    let part = prepare(pair(None, Some(boxed(FRAME, 20.0, -1.0, 2.0))));
    assert!(matches!(part.belt, Some(Belt::NotSeen(_))));
    assert!((part.height[100] - 20.0).abs() < 0.05);
    assert!(part.part_share > 0.99);
}

#[test]
fn noise_of_the_bare_belt_is_no_region() {
    // Half a millimetre of noise, drawn anew for each pixel, and a part in one corner.
    let noisy = depth(FRAME, |x, y| {
        let noise = ((x * 7919 + y * 104_729) % 101) as f64 / 100.0 - 0.5;
        if x < 100 && y < 80 {
            440.0
        } else {
            450.0 + noise
        }
    });
    let part = prepare(pair(None, Some(noisy)));
    let map = part.map_size();
    let far = |index: usize| index % map > map / 2 || index / map > map / 2;
    assert!(part.region[0] > 0.99);
    assert!(
        (0..map * map)
            .filter(|&i| far(i))
            .all(|i| part.region[i] == 0.0)
    );
}

#[test]
fn a_part_at_the_border_is_measured_up_to_it() {
    let part = prepare(pair(None, Some(boxed(FRAME, 10.0, -1.0, 0.4))));
    assert!((part.height[0] - 10.0).abs() < 0.05);
    assert!(
        part.normals[2 * SIZE * SIZE] > 0.999,
        "no edge is made up at the border"
    );
    assert!(part.region[0] > 0.99);
}

#[test]
fn odd_and_non_square_frames_fill_the_square() {
    for (width, height) in [(37, 501), (641, 479), (33, 33), (1280, 720)] {
        let size = FrameSize { width, height };
        let part = prepare(pair(
            Some(grey(size, 200)),
            Some(boxed(size, 10.0, 0.25, 0.75)),
        ));
        assert!((part.height[32 * SIZE + 32] - 10.0).abs() < 0.05, "{size}");
        assert!(
            (part.part_share - 0.25).abs() < 0.05,
            "{size}: {}",
            part.part_share
        );
    }
}

#[test]
fn depth_without_a_single_value_is_lost_and_says_so() {
    let nan = vec![[f32::NAN; 3]; FRAME.pixels()];
    let lost = [
        depth(FRAME, |_, _| 0.0),
        DepthFrame::Points(OrganisedPoints::new(FRAME, nan).unwrap()),
        DepthFrame::Points(
            OrganisedPoints::new(FRAME, vec![[1.0, 1.0, -3.0]; FRAME.pixels()]).unwrap(),
        ),
    ];
    for depth in lost {
        let part = prepare(pair(Some(grey(FRAME, 90)), Some(depth)));
        assert_eq!(
            (part.rgb_state, part.depth_state),
            (RgbState::Usable, DepthState::MostlyInvalid)
        );
        assert_eq!(part.valid_share, 0.0);
        assert!(part.geometry.iter().all(|&value| value == 0.0));
        assert!(part.region.iter().all(|&value| value == 1.0));
    }
}

#[test]
fn holes_are_filled_marked_and_do_not_move_the_part() {
    let holed = depth(FRAME, |x, y| {
        if (150..170).contains(&x) && (110..130).contains(&y) {
            0.0
        } else if (80..240).contains(&x) && (60..180).contains(&y) {
            438.0
        } else {
            450.0
        }
    });
    let part = prepare(pair(None, Some(holed)));
    let hole = 32 * SIZE + 32;
    assert_eq!(part.valid[hole], 0.0);
    assert!(
        (part.height[hole] - 12.0).abs() < 0.1,
        "{}",
        part.height[hole]
    );
    assert!((part.valid_share - (1.0 - 400.0 / 76_800.0)).abs() < 2e-3);
}

#[test]
fn heights_beyond_the_range_are_clipped_and_stay_valid() {
    let part = prepare(pair(None, Some(boxed(FRAME, 300.0, 0.4, 0.6))));
    assert!((part.height[32 * SIZE + 32] - 40.0).abs() < 1e-3);
    assert_eq!(part.valid[32 * SIZE + 32], 1.0);
}

#[test]
fn black_white_and_absent_colour_are_told_apart() {
    let depth = || Some(boxed(FRAME, 10.0, 0.25, 0.75));
    for (rgb, state) in [
        (Some(grey(FRAME, 0)), RgbState::Black),
        (Some(grey(FRAME, 3)), RgbState::Black),
        (Some(grey(FRAME, 255)), RgbState::Saturated),
        (Some(grey(FRAME, 30)), RgbState::Usable),
        (None, RgbState::Absent),
    ] {
        let part = prepare(pair(rgb, depth()));
        assert_eq!(part.rgb_state, state);
        assert_eq!(part.depth_state, DepthState::Usable);
        assert_eq!(
            part.rgb.iter().all(|&value| value == 0.0),
            state != RgbState::Usable
        );
    }
}

#[test]
fn one_bright_pixel_changes_nothing_else() {
    let mut bytes = vec![100; FRAME.pixels() * 3];
    let dim = prepare(pair(
        Some(RgbFrame::new(FRAME, bytes.clone()).unwrap()),
        None,
    ));
    bytes[0..3].fill(255);
    let bright = prepare(pair(Some(RgbFrame::new(FRAME, bytes).unwrap()), None));
    let changed = dim
        .rgb
        .iter()
        .zip(&bright.rgb)
        .filter(|(a, b)| a != b)
        .count();
    assert_eq!(changed, 3, "normalisation uses constants, not the picture");
}

#[test]
fn products_with_one_modality_ignore_the_other() {
    let both = || pair(Some(grey(FRAME, 90)), Some(boxed(FRAME, 10.0, 0.25, 0.75)));
    let colour = prepare_with(
        &PrepareSpec {
            geometry: None,
            ..spec()
        },
        both(),
    )
    .unwrap();
    assert_eq!(
        (colour.rgb_state, colour.depth_state),
        (RgbState::Usable, DepthState::Absent)
    );
    let height = prepare_with(
        &PrepareSpec {
            rgb: None,
            ..spec()
        },
        both(),
    )
    .unwrap();
    assert_eq!(
        (height.rgb_state, height.depth_state),
        (RgbState::Absent, DepthState::Usable)
    );
}

#[test]
fn the_region_of_interest_is_what_is_prepared() {
    let roi = Some(Roi {
        x: 80,
        y: 60,
        width: 160,
        height: 120,
    });
    let inside = PrepareSpec { roi, ..spec() };
    let part = prepare_with(&inside, pair(None, Some(boxed(FRAME, 10.0, 0.25, 0.75))));
    assert!(
        part.unwrap()
            .height
            .iter()
            .all(|height| (height - 10.0).abs() < 0.1)
    );
    let roi = Some(Roi {
        x: 200,
        y: 0,
        width: 121,
        height: 240,
    });
    let outside = PrepareSpec { roi, ..spec() };
    let refused = prepare_with(&outside, pair(Some(grey(FRAME, 9)), None));
    assert!(matches!(refused, Err(PrepareError::RoiOutside { .. })));
}

#[test]
fn lens_distortion_is_undone() {
    let mut distorted = camera(FRAME);
    distorted.distortion = [-0.2, 0.05, 0.001, -0.002, 0.0];
    // A flat belt is flat through any lens: z along the axis is 450 mm everywhere.
    let frame = FramePair::new(None, Some(depth(FRAME, |_, _| 450.0)), Some(distorted)).unwrap();
    let part = prepare(frame);
    assert!(part.height.iter().all(|height| height.abs() < 0.05));
    let (x, y) = distorted.ray(300.0, 20.0);
    let (r2, [k1, k2, p1, p2, _]) = (x * x + y * y, distorted.distortion);
    let radial = 1.0 + r2 * (k1 + r2 * k2);
    let column = (x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x)) * 900.0 + distorted.cx;
    assert!((column - 300.0).abs() < 1e-6, "{column}");
}

#[test]
fn the_same_preparer_gives_the_same_part_twice_and_after_another_size() {
    let spec = spec();
    let mut preparer = Preparer::new(&spec).unwrap();
    let (mut first, mut again) = (PreparedPart::new(&spec), PreparedPart::new(&spec));
    let frame = pair(Some(grey(FRAME, 77)), Some(boxed(FRAME, 8.0, 0.2, 0.7)));
    preparer.prepare(&frame, &mut first).unwrap();
    let other = FrameSize {
        width: 100,
        height: 90,
    };
    preparer
        .prepare(&pair(None, Some(boxed(other, 3.0, 0.1, 0.2))), &mut again)
        .unwrap();
    preparer.prepare(&frame, &mut again).unwrap();
    assert_eq!(first, again);
}

#[test]
fn contradicting_constants_are_refused_by_name() {
    let refused = |change: &dyn Fn(&mut PrepareSpec)| {
        let mut spec = spec();
        change(&mut spec);
        Preparer::new(&spec).unwrap_err().to_string()
    };
    let geometry = |change: &dyn Fn(&mut GeometrySpec)| {
        refused(&|spec: &mut PrepareSpec| spec.geometry.iter_mut().for_each(change))
    };
    assert!(refused(&|s| s.size = 100).contains("multiple of 32"));
    assert!(refused(&|s| (s.rgb, s.geometry) = (None, None)).contains("needs rgb"));
    assert!(
        refused(&|s| s.rgb = Some(RgbSpec {
            mean: [0.0; 3],
            std: [1.0, 0.0, 1.0]
        }))
        .contains("rgb")
    );
    assert!(geometry(&|g| g.belt.normal = [0.0, 0.0, 1.0]).contains("belt"));
    assert!(geometry(&|g| g.height_range_mm = [5.0, -5.0]).contains("height_range_mm"));
    assert!(geometry(&|g| g.bank.spread_mm[7] = 0.0).contains("bank.spread_mm"));
    assert!(geometry(&|g| g.bank.sigma_px = [1.0, 1.0, 2.0, 3.0]).contains("bank.sigma_px"));
    assert!(geometry(&|g| g.valid_share_min = f32::NAN).contains("valid_share_min"));
}

#[test]
fn a_canvas_whose_measurements_are_taken_away_is_filled_as_a_frame_with_holes_is() {
    let mut canvas = Canvas::new(SIZE);
    canvas.height.fill(4.0);
    canvas.valid.fill(1.0);
    for i in (0..SIZE * SIZE).filter(|i| i % SIZE < SIZE / 4) {
        (canvas.height[i], canvas.valid[i]) = (99.0, 0.0);
    }
    canvas.fill_holes();
    assert!(
        canvas
            .height
            .iter()
            .all(|height| (height - 4.0).abs() < 1e-4)
    );
    assert_eq!(canvas.valid_share, 0.75);
}

/// As bundles of earlier releases may ask for.
#[test]
fn a_product_that_asks_for_nothing_gets_no_part_of_an_empty_belt() {
    let mut lax = spec();
    let geometry = lax.geometry.as_mut().unwrap();
    (geometry.part_share_min, geometry.valid_share_min) = (0.0, 0.0);
    assert_eq!(lax.part_share_min(), PrepareSpec::PART_SHARE_LEAST);
    // Measured in one column of 64, which is 1.6 % of the picture, and then in two.
    for (columns, state) in [
        (FRAME.width / SIZE, DepthState::MostlyInvalid),
        (2 * FRAME.width / SIZE, DepthState::Usable),
    ] {
        let little = depth(FRAME, |x, _| if x < columns { 450.0 } else { 0.0 });
        let part = prepare_with(&lax, pair(Some(grey(FRAME, 90)), Some(little))).unwrap();
        assert_eq!(part.depth_state, state, "{columns} columns");
    }
    let asking = spec();
    assert_eq!(asking.part_share_min(), 0.02);
    assert_eq!(asking.geometry.unwrap().valid_share_min(), 0.5);
}

/// What two constants say of each other: at the deviations where the foreground begins, and a little below.
#[test]
fn the_noise_of_a_bare_belt_is_no_part() {
    let covered = |deviations: f32| {
        let places = (0..8000).map(|i| 1e-3 * f64::from(i));
        let at = |x: f64| {
            let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            1e-3 * density * f64::from(ramp(x as f32, deviations / 2.0, deviations))
        };
        places.map(at).sum::<f64>()
    };
    let usual = covered(GeometrySpec::FOREGROUND_DEVIATIONS);
    assert!((usual - 0.0030).abs() < 1e-4, "{usual}");
    assert!(covered(3.8) < f64::from(PrepareSpec::PART_SHARE_LEAST));
}
