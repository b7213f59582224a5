//! Each layout's fixture, and what the suite must find in it.

use twinspect_dataset::{Layout, Split};

use super::{Expected, check_fixture};
use crate::fixtures::{self, HOLE, Look, eyecandies_bounds_m};

/// What is the same for most.
fn colour_alone(layout: Layout, parts: Vec<(Split, &'static str, Look)>, files: usize) -> Expected {
    Expected {
        layout,
        depth: false,
        camera: false,
        point: |_, _, _| unreachable!("colour alone"),
        holds_out_validation: false,
        parts,
        grey: |_| false,
        files,
    }
}

/// As the fixtures write points: x and y are whatever.
fn written_point(look: Look, x: u32, y: u32) -> [f64; 3] {
    if (x, y) == HOLE {
        [0.0; 3]
    } else {
        let z_mm = f64::from(look.depth(x, y)) * 0.1;
        [f64::from(x), f64::from(y) * 2.0, z_mm]
    }
}

/// As the camera saw normalised depth.
fn seen_point(look: Look, x: u32, y: u32) -> [f64; 3] {
    let z_mm = if (x, y) == HOLE {
        eyecandies_bounds_m(look).0 * 1000.0
    } else {
        f64::from(look.depth(x, y)) * 0.1
    };
    let (right, down) = ((f64::from(x) - 2.5) / 9.5, (f64::from(y) - 1.5) / 9.25);
    [right * z_mm, down * z_mm, z_mm]
}

fn split_parts() -> Vec<(Split, &'static str, Look)> {
    vec![
        (Split::Train, "train/good/000", Look(0)),
        (Split::Train, "train/good/001", Look(1)),
        (Split::Validation, "validation/good/000", Look(2)),
        (Split::Test, "test/cut/000", Look(3)),
        (Split::Test, "test/good/000", Look(4)),
        (Split::Test, "test/hole/007", Look(5)),
    ]
}

/// Twelve good training pictures, of which every tenth is held out for validation.
fn twelve_trained(class: &str, digits: usize) -> Vec<(Split, &'static str, Look)> {
    (0..12)
        .map(|place: u32| {
            let split = if place.is_multiple_of(10) {
                Split::Validation
            } else {
                Split::Train
            };
            let id: &'static str = format!("train/{class}/{place:0digits$}").leak();
            (split, id, Look(place))
        })
        .collect()
}

#[test]
fn recorded_parts() {
    let expected = Expected {
        depth: true,
        camera: true,
        ..colour_alone(Layout::RecordedParts, split_parts(), 1 + 6 * 2 + 2)
    };
    check_fixture(|root| fixtures::recorded(root, true), &expected);
}

#[test]
fn recorded_parts_in_colour_alone() {
    let expected = Expected {
        camera: true,
        ..colour_alone(Layout::RecordedParts, split_parts(), 1 + 6 + 2)
    };
    check_fixture(|root| fixtures::recorded(root, false), &expected);
}

#[test]
fn mvtec_3d_with_points() {
    let expected = Expected {
        depth: true,
        point: written_point,
        ..colour_alone(Layout::Mvtec3dPoints, split_parts(), 6 * 2 + 3)
    };
    check_fixture(fixtures::mvtec_3d_points, &expected);
}

#[test]
fn mvtec_3d_with_sixteen_bit_depth() {
    let expected = Expected {
        depth: true,
        camera: true,
        ..colour_alone(Layout::Mvtec3dDepth, split_parts(), 1 + 6 * 2 + 2)
    };
    check_fixture(fixtures::mvtec_3d_depth, &expected);
}

#[test]
fn mvtec_ad_with_a_tenth_of_the_training_pictures_held_out() {
    let mut parts = twelve_trained("good", 3);
    parts.push((Split::Test, "test/good/000", Look(12)));
    parts.push((Split::Test, "test/scratch/000", Look(13)));
    let expected = Expected {
        holds_out_validation: true,
        grey: |id| id.starts_with("train/"),
        ..colour_alone(Layout::MvtecAd, parts, 12 + 2 + 1)
    };
    check_fixture(fixtures::mvtec_ad, &expected);
}

#[test]
fn btad_in_formats_that_differ_between_picture_and_mask() {
    let mut parts = twelve_trained("ok", 4);
    parts.push((Split::Test, "test/ko/0000", Look(12)));
    parts.push((Split::Test, "test/ko/0001", Look(13)));
    parts.push((Split::Test, "test/ok/0000", Look(14)));
    let expected = Expected {
        holds_out_validation: true,
        ..colour_alone(Layout::Btad, parts, 12 + 3 + 2)
    };
    check_fixture(fixtures::btad, &expected);
}

/// Published or split, the same parts have the same names.
fn visa_parts() -> Vec<(Split, &'static str, Look)> {
    vec![
        (Split::Train, "train/good/0001", Look(0)),
        (Split::Train, "train/good/0003", Look(1)),
        (Split::Test, "test/bad/000", Look(2)),
        (Split::Test, "test/bad/001", Look(3)),
        (Split::Test, "test/good/0002", Look(4)),
    ]
}

#[test]
fn visa_as_published() {
    let expected = colour_alone(Layout::Visa, visa_parts(), 1 + 5 + 2);
    check_fixture(fixtures::visa, &expected);
}

#[test]
fn visa_as_its_script_splits_it() {
    let expected = colour_alone(Layout::VisaSplit, visa_parts(), 5 + 2);
    check_fixture(fixtures::visa_split, &expected);
}

#[test]
fn eyecandies_with_normalised_depth() {
    let parts = vec![
        (Split::Train, "train/good/000", Look(0)),
        (Split::Train, "train/good/001", Look(1)),
        (Split::Validation, "validation/good/00", Look(2)),
        (Split::Test, "test/bumps/02", Look(3)),
        (Split::Test, "test/combined/00", Look(4)),
        (Split::Test, "test/good/01", Look(5)),
    ];
    // Labels of tested parts stand in a file each, kinds in four masks.
    let files = 1 + 6 * 4 + 3 + 2 * 4;
    let expected = Expected {
        depth: true,
        camera: true,
        point: seen_point,
        ..colour_alone(Layout::Eyecandies, parts, files)
    };
    check_fixture(fixtures::eyecandies, &expected);
}

#[test]
fn anomalib_folder_with_a_description() {
    let mut parts = twelve_trained("good", 3);
    parts.push((Split::Test, "test/colour/000", Look(14)));
    parts.push((Split::Test, "test/crack/000", Look(13)));
    parts.push((Split::Test, "test/good/000", Look(12)));
    let expected = Expected {
        holds_out_validation: true,
        ..colour_alone(Layout::AnomalibFolder, parts, 1 + 12 + 3 + 2)
    };
    check_fixture(fixtures::folder, &expected);
}

#[test]
fn anomalib_folder_by_names_with_a_fifth_of_the_good_pictures_held_out_for_the_test() {
    let mut parts = vec![(Split::Validation, "train/good/000", Look(0))];
    for place in [1, 2, 3, 5, 6, 7, 8, 10, 11] {
        let id: &'static str = format!("train/good/{place:03}").leak();
        parts.push((Split::Train, id, Look(place)));
    }
    parts.push((Split::Test, "test/abnormal/000", Look(12)));
    parts.push((Split::Test, "train/good/004", Look(4)));
    parts.push((Split::Test, "train/good/009", Look(9)));
    let expected = Expected {
        holds_out_validation: true,
        ..colour_alone(Layout::AnomalibFolder, parts, 12 + 1 + 1)
    };
    check_fixture(fixtures::folder_by_names, &expected);
}

fn folder_3d(files: usize) -> Expected {
    let parts = vec![
        (Split::Train, "train/good/000", Look(0)),
        (Split::Test, "test/abnormal/000", Look(2)),
        (Split::Test, "test/good/000", Look(1)),
    ];
    Expected {
        depth: true,
        ..colour_alone(Layout::AnomalibFolder3d, parts, files)
    }
}

#[test]
fn anomalib_folder_3d_by_names_with_points() {
    let expected = Expected {
        point: written_point,
        ..folder_3d(3 * 2 + 1)
    };
    check_fixture(fixtures::folder_3d_points, &expected);
}

#[test]
fn anomalib_folder_3d_with_a_description_and_sixteen_bit_depth() {
    let expected = Expected {
        camera: true,
        ..folder_3d(2 + 3 * 2 + 1)
    };
    check_fixture(fixtures::folder_3d_depth, &expected);
}
