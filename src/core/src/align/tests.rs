use proptest::prelude::*;

use super::round::{nearest_count_less_1, places};
use super::*;
use reference::Reference;

mod reference;

const UNIT_M: f64 = 0.001;

fn camera(width: usize, height: usize, focal: f64) -> Intrinsics {
    Intrinsics {
        width,
        height,
        fx: focal,
        fy: focal,
        cx: (width as f64 - 1.0) / 2.0,
        cy: (height as f64 - 1.0) / 2.0,
        distortion: [0.0; 5],
    }
}

fn beside(x_mm: f64) -> DepthToColour {
    DepthToColour {
        translation_mm: [x_mm, 0.0, 0.0],
        ..DepthToColour::SAME
    }
}

fn aligned(
    depth: &Intrinsics,
    colour: &Intrinsics,
    place: &DepthToColour,
    counts: &[u16],
) -> Vec<u16> {
    let aligner = Aligner::new(depth, colour, place).unwrap();
    // What was there before must not shine through.
    let mut out = vec![7; colour.size().pixels()];
    aligner.align(counts, UNIT_M, &mut out).unwrap();
    out
}

#[test]
fn a_plane_seen_by_one_camera_stays_a_plane() {
    let camera = camera(64, 48, 64.0);
    let out = aligned(&camera, &camera, &DepthToColour::SAME, &[500; 64 * 48]);
    assert!(out.iter().all(|&count| count == 500));
}

/// Arithmetic: f = 64 px, 50 mm aside, at 640 mm: 5 pixels to the right.
#[test]
fn an_offset_moves_by_focal_length_times_offset_over_distance() {
    let camera = camera(64, 48, 64.0);
    let mut counts = vec![0; 64 * 48];
    counts[20 * 64 + 30] = 640;
    let out = aligned(&camera, &camera, &beside(50.0), &counts);
    let hit: Vec<usize> = (0..out.len()).filter(|&at| out[at] > 0).collect();
    assert_eq!(hit, [20 * 64 + 35]);
    assert_eq!(out[20 * 64 + 35], 640);
}

#[test]
fn the_nearer_surface_hides_the_further_one() {
    let camera = camera(64, 48, 64.0);
    // Two depth pixels that meet in one colour pixel: 320 mm moves by 10 pixels, 640 mm by 5.
    let mut counts = vec![0; 64 * 48];
    counts[20 * 64 + 30] = 640;
    counts[20 * 64 + 25] = 320;
    let out = aligned(&camera, &camera, &beside(50.0), &counts);
    assert_eq!(out[20 * 64 + 35], 320);
}

#[test]
fn what_the_depth_camera_does_not_see_stays_without_a_measurement() {
    let camera = camera(64, 48, 64.0);
    let out = aligned(&camera, &camera, &beside(50.0), &[640; 64 * 48]);
    for row in out.chunks_exact(64) {
        assert!(row[..5].iter().all(|&count| count == 0));
        assert!(row[5..].iter().all(|&count| count == 640));
    }
}

#[test]
fn depth_is_told_along_the_colour_camera_s_axis() {
    let camera = camera(64, 48, 64.0);
    let ahead = DepthToColour {
        translation_mm: [0.0, 0.0, -12.0],
        ..DepthToColour::SAME
    };
    let out = aligned(&camera, &camera, &ahead, &[500; 64 * 48]);
    assert_eq!(out[24 * 64 + 32], 488);
}

/// A finer colour picture has no gaps between the patches of a coarser depth picture.
#[test]
fn a_finer_colour_picture_has_no_gaps() {
    let out = aligned(
        &camera(32, 24, 32.0),
        &camera(96, 72, 96.0),
        &DepthToColour::SAME,
        &[400; 32 * 24],
    );
    assert!(out.iter().all(|&count| count == 400));
}

#[test]
fn a_lens_that_bends_is_followed() {
    let mut colour = camera(64, 48, 64.0);
    colour.distortion = [0.1, 0.02, 0.001, -0.002, 0.005];
    for (column, row) in [(3.0, 4.0), (60.5, 40.25), (32.0, 24.0)] {
        let (x, y) = colour.ray(column, row);
        let (back_column, back_row) = colour.project(x, y);
        assert!((back_column - column).abs() < 1e-6 && (back_row - row).abs() < 1e-6);
    }
    let mut counts = vec![0; 64 * 48];
    counts[4 * 64 + 5] = 500;
    let depth = camera(64, 48, 64.0);
    let out = aligned(&depth, &colour, &DepthToColour::SAME, &counts);
    let (x, y) = depth.ray(5.0, 4.0);
    let (column, row) = colour.project(x, y);
    assert_eq!(
        out[row.round() as usize * 64 + column.round() as usize],
        500
    );
}

#[test]
fn what_can_t_be_aligned_is_refused() {
    let good = camera(8, 6, 8.0);
    // Rows and columns are kept in 16 bits.
    let wide = camera(65_536, 1, 8.0);
    assert!(Aligner::new(&good, &wide, &DepthToColour::SAME).is_err());
    let mut bad = good;
    bad.fx = f64::NAN;
    assert!(matches!(
        Aligner::new(&bad, &good, &DepthToColour::SAME),
        Err(AlignError::Intrinsics {
            camera: "depth",
            ..
        })
    ));
    let nowhere = beside(f64::INFINITY);
    assert_eq!(
        Aligner::new(&good, &good, &nowhere).unwrap_err(),
        AlignError::Place
    );
    let aligner = Aligner::new(&good, &good, &DepthToColour::SAME).unwrap();
    let error = aligner.align(&[1; 5], UNIT_M, &mut [0; 48]).unwrap_err();
    assert_eq!(error.to_string(), "depth of 8 x 6 needs 48 counts, found 5");
    assert!(aligner.align(&[1; 48], UNIT_M, &mut [0; 5]).is_err());
}

proptest! {
    /// Whatever the places of both: nothing panics, and every depth that comes out was measured, to
    /// within the cameras' distance along the axis.
    #[test]
    fn no_depth_is_invented(
        counts in prop::collection::vec(0_u16.., 48),
        turn in -3.2_f64..3.2,
        translation_mm in prop::array::uniform3(-1e3_f64..1e3),
        focal in 0.5_f64..2000.0,
    ) {
        let (depth, colour) = (camera(8, 6, focal), camera(10, 7, 12.0));
        let (sin, cos) = turn.sin_cos();
        let place = DepthToColour {
            rotation: [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]],
            translation_mm,
        };
        let out = aligned(&depth, &colour, &place, &counts);
        for count in out.into_iter().filter(|&count| count > 0) {
            let z_mm = f64::from(count) - translation_mm[2];
            let measured = counts.iter().any(|&count| {
                count > 0 && (f64::from(count) - z_mm).abs() <= 1.0
            });
            prop_assert!(measured, "{count}");
        }
    }
}

proptest! {
    /// Both are the library's functions, written so that no function is called.
    #[test]
    fn places_and_counts_are_what_ceil_and_round_say(
        edge in -3.0_f32..2_100.0,
        counts in -2.0_f32..70_000.0,
        end in 1_usize..2_000,
    ) {
        let place = |edge: f32| (edge.ceil().max(0.0) as usize).min(end);
        for edge in [edge, edge.round(), edge.round() + 0.5, edge.round().next_up(), edge.round().next_down()] {
            let found = places(edge, end as f32, end as f32);
            prop_assert_eq!(found.start as usize..found.end as usize, place(edge)..end, "{}", edge);
            let found = places(0.0, edge, end as f32);
            prop_assert_eq!(found.start as usize..found.end as usize, 0..place(edge), "{}", edge);
        }
        prop_assert!(places(f32::NAN, edge, end as f32).is_empty());
        prop_assert!(places(edge, f32::NAN, end as f32).is_empty());
        let half = counts.round() + 0.5;
        for counts in [
            counts, half, half.next_up(), half.next_down(), counts.round(), 1.0 - half.fract(), 0.5_f32.next_down(),
            f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 65_535.5, 65_535.0, 65_536.0,
        ] {
            let rounded = counts.round();
            let expected = if (1.0..=65_535.0).contains(&rounded) { rounded as u16 - 1 } else { NOTHING };
            prop_assert_eq!(nearest_count_less_1(counts), expected, "{}", counts);
        }
    }
}

/// Rotation by three angles, one axis after the other.
fn turned([a, b, c]: [f64; 3]) -> [[f64; 3]; 3] {
    let ((sa, ca), (sb, cb), (sc, cc)) = (a.sin_cos(), b.sin_cos(), c.sin_cos());
    [
        [cc * cb, cc * sb * sa - sc * ca, cc * sb * ca + sc * sa],
        [sc * cb, sc * sb * sa + cc * ca, sc * sb * ca - cc * sa],
        [-sb, cb * sa, cb * ca],
    ]
}

fn any_camera(sides: std::ops::Range<usize>) -> impl Strategy<Value = Intrinsics> {
    let focal = || prop_oneof![4 => 10.0_f64..300.0, 1 => 1e-3_f64..1e5];
    let distortion = prop_oneof![
        Just([0.0; 5]),
        prop::array::uniform5(-0.1_f64..0.1),
        // Bends so that not all rays are numbers.
        prop::array::uniform5(-1e30_f64..1e30),
    ];
    let centre = || prop_oneof![Just(0.5), -0.2_f64..1.2];
    (
        sides.clone(),
        sides,
        focal(),
        focal(),
        centre(),
        centre(),
        distortion,
    )
        .prop_map(
            |(width, height, fx, fy, across, down, distortion)| Intrinsics {
                width,
                height,
                fx,
                fy,
                cx: (width as f64 - 1.0) * across,
                cy: (height as f64 - 1.0) * down,
                distortion,
            },
        )
}

fn any_place() -> impl Strategy<Value = DepthToColour> {
    let rotation = prop_oneof![
        Just(DepthToColour::SAME.rotation),
        prop::array::uniform3(-0.05_f64..0.05).prop_map(turned),
        prop::array::uniform3(-3.2_f64..3.2).prop_map(turned),
        // No rotation, but numbers; products of the last ones are infinite in 32 bits.
        prop::array::uniform3(prop::array::uniform3(-2.0_f64..2.0)),
        prop::array::uniform3(prop::array::uniform3(-1e38_f64..1e38)),
    ];
    let translation_mm = prop_oneof![
        Just([0.0; 3]),
        prop::array::uniform3(-60.0_f64..60.0),
        prop::array::uniform3(-1e3_f64..1e3),
        // At the edge of what 32 bits hold.
        prop::array::uniform3(-1e38_f64..1e38),
    ];
    (rotation, translation_mm).prop_map(|(rotation, translation_mm)| DepthToColour {
        rotation,
        translation_mm,
    })
}

/// A surface with noise and holes, or any numbers: rows of one to three stretches, whole and not.
fn any_counts() -> impl Strategy<Value = Vec<u16>> {
    let pixels = 80 * 80;
    prop_oneof![
        prop::collection::vec(prop_oneof![1 => Just(0), 4 => 440_u16..460], pixels),
        prop::collection::vec(prop_oneof![1 => Just(0), 1 => 1_u16..], pixels),
        prop::collection::vec(prop_oneof![50 => Just(0), 1 => 1_u16..2_000], pixels),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Every pixel of every picture to the last bit, also of cameras and places that are none.
    #[test]
    fn it_says_what_the_plain_way_says(
        depth in any_camera(1..80),
        colour in any_camera(1..120),
        place in any_place(),
        counts in any_counts(),
        unit_m in prop_oneof![4 => Just(0.001), 2 => 1e-5_f64..1e-2, 1 => prop::num::f64::ANY],
    ) {
        let counts = &counts[..depth.width * depth.height];
        let mut expected = vec![7; colour.size().pixels()];
        let mut found = vec![9; colour.size().pixels()];
        let plain = Reference::new(&depth, &colour, &place).unwrap();
        plain.align(counts, unit_m, &mut expected).unwrap();
        let aligner = Aligner::new(&depth, &colour, &place).unwrap();
        aligner.align(counts, unit_m, &mut found).unwrap();
        prop_assert_eq!(expected, found);
    }
}
