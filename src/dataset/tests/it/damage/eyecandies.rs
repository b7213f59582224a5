//! Eyecandies: companions of each number, bounds of depth, labels, the camera.

use std::path::Path;

use image::{DynamicImage, ImageBuffer, Luma};
use twinspect_core::frame::DepthFrame;
use twinspect_dataset::{DatasetError, Layout, Split, open};

use super::{check, cut_short, edit, mendable, remove};
use crate::fixtures::{eyecandies, mask_image, put, put_png};

const TESTED: &str = "test_public/data/02_";

#[test]
fn every_number_has_colour_depth_bounds_and_where_it_matters_a_label_and_a_mask() {
    for (file, beside) in [
        ("train/data/001_image_0.png", "train/data/001_depth.png"),
        ("train/data/001_depth.png", "train/data/001_image_0.png"),
        ("val/data/00_info_depth.yaml", "val/data/00_image_0.png"),
        (
            "test_public/data/01_metadata.yaml",
            "test_public/data/01_image_0.png",
        ),
        (
            "test_public/data/02_mask.png",
            "test_public/data/02_image_0.png",
        ),
    ] {
        let error = mendable(eyecandies, remove(file), &["Eyecandies", beside, file]);
        assert!(
            matches!(error, DatasetError::MissingCompanion { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn depth_means_nothing_without_two_sensible_bounds() {
    let file = "train/data/000_info_depth.yaml";
    for (text, pieces) in [
        (
            "normalization:\n  max: 0.5\n",
            ["normalization.min is absent", "a distance in metres"],
        ),
        (
            "min: 0.1\nmax: 0.5\n",
            ["normalization.min is absent", "a distance in metres"],
        ),
        (
            "normalization:\n  min: 0.1\n  max: .inf\n",
            ["normalization.max is .inf", "a distance in metres"],
        ),
        (
            "normalization:\n  min: NaN\n  max: 0.5\n",
            ["normalization.min is NaN", "a distance in metres"],
        ),
        (
            "normalization: {min: -0.1, max: 0.5}\n",
            ["normalization.min is -0.1", "a distance in metres"],
        ),
        (
            "normalization: {min: 0.5, max: 0.5}\n",
            ["normalization.max is 0.5", "larger than normalization.min"],
        ),
        ("", ["normalization.min is absent", "a distance in metres"]),
    ] {
        let damage = |root: &Path| put(&root.join(file), text.as_bytes());
        let error = mendable(eyecandies, damage, &[file, pieces[0], pieces[1]]);
        assert!(
            matches!(error, DatasetError::SampleValue { .. }),
            "{error:?}"
        );
    }
    let long = |root: &Path| put(&root.join(file), &vec![b'#'; 65_537]);
    mendable(eyecandies, long, &[file, "longer than 65536 bytes"]);
}

#[test]
fn a_test_part_says_whether_it_is_good() {
    for (text, found) in [
        ("anomalous: maybe\n", "anomalous is maybe"),
        ("label: 1\n", "anomalous is absent"),
    ] {
        let file = "test_public/data/01_metadata.yaml";
        let damage = |root: &Path| put(&root.join(file), text.as_bytes());
        mendable(eyecandies, damage, &[file, found, "0 for a good part"]);
    }
}

#[test]
fn a_good_part_has_an_empty_mask() {
    let file = "test_public/data/01_mask.png";
    let damage = |root: &Path| put_png(&root.join(file), &mask_image(255));
    let error = mendable(eyecandies, damage, &[file, "1 defective"]);
    assert!(
        matches!(error, DatasetError::MarkedGood { .. }),
        "{error:?}"
    );
}

#[test]
fn a_defect_without_masks_by_kind_is_only_bad() {
    let folder = tempfile::tempdir().unwrap();
    eyecandies(folder.path());
    for kind in ["bumps", "colors", "dents", "normals"] {
        remove(format!("{TESTED}{kind}_mask.png").leak())(folder.path());
    }
    let dataset = open(folder.path()).unwrap();
    let names: Vec<_> = dataset
        .parts(Split::Test)
        .iter()
        .map(|part| part.id.as_str())
        .collect();
    assert_eq!(names, ["test/bad/02", "test/combined/00", "test/good/01"]);
}

#[test]
fn pictures_of_the_wrong_form_are_named() {
    let depth = "train/data/001_depth.png";
    let eight_bit = |root: &Path| put_png(&root.join(depth), &DynamicImage::new_luma8(6, 4));
    check(eyecandies, eight_bit, &[depth, "8-bit grey", "16-bit grey"]);
    for (file, picture) in [
        (depth, DynamicImage::new_luma16(5, 4)),
        (
            "test_public/data/02_mask.png",
            DynamicImage::new_luma8(5, 4),
        ),
    ] {
        let small = |root: &Path| put_png(&root.join(file), &picture);
        mendable(eyecandies, small, &[file, "5 x 4", "image_0.png", "6 x 4"]);
    }
    for file in [
        depth,
        "val/data/00_image_0.png",
        "test_public/data/02_bumps_mask.png",
    ] {
        mendable(eyecandies, cut_short(file, 0.6), &["decoding", file]);
    }
}

#[test]
fn another_size_needs_another_camera() {
    let pieces = [
        "Eyecandies",
        "train/data/000_image_0.png",
        "6 x 4",
        "512 x 512",
    ];
    let error = mendable(eyecandies, remove("camera.json"), &pieces);
    assert!(
        matches!(error, DatasetError::ForeignSize { .. }),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("camera.json"));
}

#[test]
fn a_camera_cannot_state_a_unit_that_differs_from_picture_to_picture() {
    let damage = |root: &Path| {
        let camera = root.join("camera.json");
        edit(&camera, r#""fx""#, r#""depth_unit_m": 0.001, "fx""#);
    };
    let pieces = ["camera.json", "depth_unit_m is 0.001", "info_depth.yaml"];
    check(eyecandies, damage, &pieces);
}

#[test]
fn the_published_camera_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let file = |item: &str| folder.path().join(format!("train/data/000_{item}"));
    put_png(&file("image_0.png"), &DynamicImage::new_rgb8(512, 512));
    let depth = ImageBuffer::from_pixel(512, 512, Luma([u16::MAX / 3]));
    put_png(&file("depth.png"), &DynamicImage::from(depth));
    put(
        &file("info_depth.yaml"),
        b"normalization:\n  max: 0.6\n  min: 0.3\n",
    );
    let dataset = open(folder.path()).unwrap();
    assert_eq!(dataset.layout(), Layout::Eyecandies);
    assert!(!dataset.files().contains(&"camera.json".into()));
    let part = dataset.load(&dataset.parts(Split::Train)[0]).unwrap();
    let Some(DepthFrame::Points(points)) = part.frame.depth() else {
        panic!("no points");
    };
    // A third of the way, seen through 711.11 px and (256, 256).
    let [x, y, z] = points.data()[10 * 512 + 456];
    let wanted = [400.0 * 200.0 / 711.11, -400.0 * 246.0 / 711.11, 400.0];
    for (found, wanted) in [x, y, z].into_iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-3, "{found}, not {wanted}");
    }
    assert_eq!(part.frame.intrinsics().unwrap().fx, 711.11);
}
