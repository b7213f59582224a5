//! anomalib's folders: what `folder.json` may not say, and files without their companions.

use std::path::Path;

use image::DynamicImage;
use twinspect_dataset::DatasetError;

use super::{check, cut_short, edit, mendable, remove};
use crate::fixtures::{self, Look, put, put_png};

fn described(text: &'static str) -> impl Fn(&Path) {
    move |root| put(&root.join("folder.json"), text.as_bytes())
}

#[test]
fn companions_are_found_by_stem_or_missed() {
    for (make, file, pieces) in [
        (
            fixtures::folder as fn(&Path),
            "mask/colour/000_mask.png",
            ["anomalib Folder", "colour/000.png", "mask/colour/000.png"],
        ),
        (
            fixtures::folder_by_names,
            "ground_truth/000.png",
            [
                "anomalib Folder",
                "abnormal/000.png",
                "ground_truth/000.png",
            ],
        ),
        (
            fixtures::folder_3d_points,
            "normal_test_depth/000.tiff",
            [
                "anomalib Folder3D",
                "normal_test/000.png",
                "normal_test_depth/000.tiff",
            ],
        ),
        (
            fixtures::folder_3d_depth,
            "z/abnormal_depth/000.png",
            [
                "anomalib Folder3D",
                "rgb/abnormal/000.png",
                "z/abnormal_depth/000.png",
            ],
        ),
        (
            fixtures::folder_3d_depth,
            "gt/000.png",
            ["anomalib Folder3D", "rgb/abnormal/000.png", "gt/000.png"],
        ),
    ] {
        let error = mendable(make, remove(file), &pieces);
        assert!(
            matches!(error, DatasetError::MissingCompanion { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn two_files_for_one_picture_are_refused() {
    let twice = |root: &Path| put_png(&root.join("good/003.JPG"), &Look(3).rgb_image());
    let pieces = ["anomalib Folder", "good/003.png", "good/003.JPG"];
    mendable(fixtures::folder, twice, &pieces);
}

#[test]
fn pictures_of_the_wrong_form_are_named() {
    for (make, file, picture, beside) in [
        (
            fixtures::folder as fn(&Path),
            "mask/crack/000.png",
            DynamicImage::new_luma8(5, 4),
            "crack/000.png",
        ),
        (
            fixtures::folder_3d_depth,
            "z/normal_depth/000.png",
            DynamicImage::new_luma16(5, 4),
            "rgb/normal/000.png",
        ),
    ] {
        let small = |root: &Path| put_png(&root.join(file), &picture);
        mendable(make, small, &[file, "5 x 4", beside, "6 x 4"]);
    }
    let eight_bit = |root: &Path| {
        put_png(
            &root.join("z/normal_depth/000.png"),
            &DynamicImage::new_luma8(6, 4),
        );
    };
    let pieces = ["z/normal_depth/000.png", "8-bit grey", "16-bit grey"];
    check(fixtures::folder_3d_depth, eight_bit, &pieces);
    for (make, file) in [
        (fixtures::folder as fn(&Path), "good/003.png"),
        (fixtures::folder_by_names, "ground_truth/000.png"),
        (fixtures::folder_3d_points, "normal_depth/000.tiff"),
    ] {
        check(make, cut_short(file, 0.6), &[file]);
    }
}

#[test]
fn sixteen_bit_depth_needs_a_camera_with_a_unit() {
    let pieces = ["z/normal_depth/000.png", "camera.json"];
    let error = mendable(fixtures::folder_3d_depth, remove("camera.json"), &pieces);
    assert!(
        matches!(error, DatasetError::MissingCamera { .. }),
        "{error:?}"
    );
    let without = |root: &Path| {
        let camera = root.join("camera.json");
        edit(&camera, r#""depth_unit_m": 0.0001, "#, "");
    };
    let pieces = ["camera.json", "depth_unit_m is absent"];
    check(fixtures::folder_3d_depth, without, &pieces);
}

#[test]
fn a_description_names_folders_below_its_own_that_hold_pictures() {
    // Each exists, so that only the path can be at fault.
    let neighbour = |root: &Path| put_png(&root.join("../aside/000.png"), &Look(1).rgb_image());
    for (text, pieces) in [
        (
            r#"{"normal_dir": "../aside"}"#,
            ["normal_dir is `../aside`", "without `..`"],
        ),
        (
            r#"{"normal_dir": "good/../../aside"}"#,
            ["normal_dir is `good/../../aside`", "without `..`"],
        ),
        (
            r#"{"normal_dir": "/etc"}"#,
            ["normal_dir is `/etc`", "below the set's folder"],
        ),
        (
            r#"{"normal_dir": "goods"}"#,
            ["normal_dir is `goods`", "a folder that exists"],
        ),
        (
            r#"{"normal_dir": ""}"#,
            ["normal_dir is ``", "a folder that exists"],
        ),
        (
            r#"{"normal_dir": "."}"#,
            ["normal_dir is `.`", "a folder that exists"],
        ),
        (
            r#"{"normal_dir": "mask"}"#,
            [
                "normal_dir is `mask`",
                "with pictures and no further folders",
            ],
        ),
        (
            r#"{"normal_dir": "good", "abnormal_dir": "crack", "mask_dir": "../aside"}"#,
            ["mask_dir is `../aside`", "without `..`"],
        ),
        (
            r#"{"normal_dir": "good", "normal_depth_dir": "../aside"}"#,
            ["normal_depth_dir is `../aside`", "without `..`"],
        ),
    ] {
        let damage = |root: &Path| {
            neighbour(root);
            put(&root.join("folder.json"), text.as_bytes());
        };
        let pieces = ["folder.json", pieces[0], pieces[1]];
        let error = mendable(fixtures::folder, damage, &pieces);
        assert!(
            matches!(error, DatasetError::FolderValue { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn folders_that_belong_together_are_named_together() {
    for (text, pieces) in [
        (
            r#"{"normal_dir": "good", "abnormal_dir": ["crack", "colour"], "mask_dir": "mask/crack"}"#,
            ["mask_dir is `mask/crack`", "as many folders"],
        ),
        (
            r#"{"normal_dir": "good", "mask_dir": "mask/crack"}"#,
            ["mask_dir is `mask/crack`", "no abnormal_dir"],
        ),
        (
            r#"{"normal_dir": "good", "abnormal_dir": ["crack", "mask/crack"]}"#,
            ["abnormal_dir is `mask/crack`", "differ"],
        ),
        (
            r#"{"normal_dir": "crack", "abnormal_dir": "good"}"#,
            ["abnormal_dir is `good`", "not good or ok"],
        ),
        (
            r#"{"normal_dir": "good", "abnormal_dir": "crack", "abnormal_depth_dir": "colour"}"#,
            ["abnormal_depth_dir is `colour`", "no normal_depth_dir"],
        ),
        (
            r#"{"normal_dir": "good", "normal_depth_dir": "mask", "abnormal_dir": "crack"}"#,
            ["abnormal_depth_dir is absent", "a folder"],
        ),
        (
            r#"{"normal_dir": "good", "normal_test_dir": "./good/."}"#,
            ["normal_test_dir is `good`", "no other key names"],
        ),
        (
            r#"{"normal_dir": "crack", "abnormal_dir": "crack"}"#,
            ["abnormal_dir is `crack`", "no other key names"],
        ),
        (
            r#"{"normal_dir": "good", "normal_test_depth_dir": "mask"}"#,
            ["normal_test_depth_dir is `mask`", "no normal_test_dir"],
        ),
    ] {
        let pieces = ["folder.json", pieces[0], pieces[1]];
        mendable(fixtures::folder, described(text), &pieces);
    }
}

#[test]
fn folders_called_by_convention_must_fit_too() {
    let lonely = |root: &Path| fs_err::remove_dir_all(root.join("abnormal_depth")).unwrap();
    let pieces = ["lid`", "abnormal_depth_dir is absent", "normal_depth_dir"];
    mendable(fixtures::folder_3d_points, lonely, &pieces);
}

#[test]
fn a_description_that_says_something_else_is_refused() {
    for (text, piece) in [
        (r#"{"abnormal_dir": "crack"}"#, "missing field `normal_dir`"),
        (
            r#"{"normal_dir": "good", "task": 1}"#,
            "unknown field `task`",
        ),
        (
            r#"{"normal_dir": "good", "abnormal_dir": 3}"#,
            "a folder or a list of folders",
        ),
        (r#"["good"]"#, "line 1"),
        ("normal_dir: good", "line 1"),
        ("", "EOF"),
    ] {
        check(
            fixtures::folder,
            described(text),
            &["parsing", "folder.json", piece],
        );
    }
    let long = |root: &Path| put(&root.join("folder.json"), &vec![b' '; 65_537]);
    mendable(
        fixtures::folder,
        long,
        &["folder.json", "longer than 65536"],
    );
}
