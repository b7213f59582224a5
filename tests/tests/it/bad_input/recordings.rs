//! What is wrong with recorded parts, or with their camera.

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, RgbImage};
use twinspect_bundle::Bundle;

use super::*;
use crate::product::FRAME;

const PART: &str = "parts/test/good/001";

const BENCH: &[&str] = &[
    "bench",
    "--bundle",
    "block.twb",
    "--data",
    "parts",
    "--parts",
    "1",
];

fn size() -> (u32, u32) {
    (FRAME.width as u32, FRAME.height as u32)
}

fn save(site: &Site, name: &str, picture: impl Into<DynamicImage>) {
    let path = site.path(format!("{PART}/{name}"));
    let saved = picture.into().save_with_format(path, ImageFormat::Png);
    saved.expect("a picture is written");
}

/// A change of the camera's file, found by `replay` and by `check`.
fn camera(from: &'static str, to: &'static str, code: i32, says: &[&str]) {
    for arguments in [REPLAY_ARCHIVE, CHECK_STATION] {
        check(
            move |site| site.edit("parts/camera.json", from, to),
            arguments,
            code,
            says,
        );
    }
}

/// A change of one part, found by `replay`.
fn part(spoil: impl FnOnce(&Site), says: &[&str]) {
    check(spoil, REPLAY_ARCHIVE, DATA, says);
}

#[test]
fn a_missing_folder_is_named() {
    let spoil = |site: &Site| site.remove("parts");
    check(spoil, REPLAY_ARCHIVE, DATA, &["parts"]);
}

#[test]
fn a_station_without_its_recording_says_so_at_start() {
    for arguments in [CHECK_STATION, RUN_STATION] {
        check(
            |site: &Site| site.remove("parts"),
            arguments,
            DATA,
            &["camera.folder = \"", "parts\" can't be played"],
        );
    }
}

#[test]
fn parts_that_do_not_fit_are_told_by_the_key_that_names_them() {
    for arguments in [CHECK_STATION, RUN_STATION] {
        check(
            |site: &Site| site.edit("parts/camera.json", "\"fx\": 160.0", "\"fx\": 80.0"),
            arguments,
            BUNDLE,
            &["fx: bundle 160.0 px", "camera.folder = \"", "parts\""],
        );
    }
}

#[test]
fn a_file_is_no_recording() {
    let arguments = ["replay", "--bundle", "block.twb", "--data", "station.toml"];
    check(|_| {}, &arguments, DATA, &["station.toml", "not a folder"]);
}

#[test]
fn an_empty_folder_is_answered_with_how_one_looks() {
    let spoil = |site: &Site| {
        site.remove("parts");
        std::fs::create_dir(site.path("parts")).expect("a folder is made");
    };
    check(
        spoil,
        REPLAY_ARCHIVE,
        DATA,
        &["parts", "train/good/000/rgb.png"],
    );
}

#[test]
fn the_folder_above_is_answered_with_the_one_that_is_meant() {
    let arguments = ["replay", "--bundle", "block.twb", "--data", "."];
    check(|_| {}, &arguments, DATA, &["did you mean", "parts"]);
}

#[test]
fn a_split_without_parts_is_named() {
    let arguments = [REPLAY_ARCHIVE, &["--split", "calibration"]].concat();
    check(|_| {}, &arguments, DATA, &["`calibration`"]);
}

#[test]
fn a_camera_file_that_is_none_names_its_line() {
    let spoil = |site: &Site| site.write("parts/camera.json", "{\n\"width\": ");
    check(spoil, REPLAY_ARCHIVE, DATA, &["camera.json", "line 2"]);
}

#[test]
fn an_unknown_key_of_the_camera_is_named() {
    camera("\"fx\"", "\"fxx\"", DATA, &["camera.json", "`fxx`"]);
}

#[test]
fn a_focal_length_that_is_no_number_is_refused() {
    camera(
        "\"fx\": 160.0",
        "\"fx\": NaN",
        DATA,
        &["camera.json", "line"],
    );
}

#[test]
fn a_focal_length_of_zero_is_refused() {
    camera(
        "\"fx\": 160.0",
        "\"fx\": 0.0",
        DATA,
        &["camera.json", "fx is 0"],
    );
}

#[test]
fn a_negative_depth_unit_is_refused() {
    camera("0.0001", "-0.0001", DATA, &["camera.json", "depth_unit_m"]);
}

#[test]
fn a_depth_unit_that_the_distance_contradicts_is_refused() {
    let says = [
        "camera.json",
        "depth_unit_m is 1.0",
        "distance_to_belt_mm = 400.0 is not 100 to 65535 counts",
        "0.001 for depth in millimetres",
    ];
    camera("0.0001", "1.0", DATA, &says);
}

/// A bundle that does not know the camera's unit and distance.
fn forgetful(site: &Site) -> Bundle {
    let bundle = crate::product::bundle();
    let mut manifest = bundle.manifest().clone();
    (manifest.camera.depth_unit_m, manifest.camera.distance_mm) = (None, None);
    let text = manifest.render(&site.path("block"));
    site.write("block/manifest.toml", text.expect("a sound manifest"));
    super::bundles::seal(site);
    Bundle::open(site.path("block")).expect("a sound bundle")
}

#[test]
fn depth_that_was_measured_far_from_the_belt_is_refused() {
    let spoil = |site: &Site| {
        let bundle = forgetful(site);
        site.remove("block.twb");
        bundle
            .write_archive(site.path("block.twb"))
            .expect("the archive is written");
        site.edit(
            "parts/camera.json",
            "\"distance_to_belt_mm\": 400.0",
            "\"note\": \"\"",
        );
        site.edit("parts/camera.json", "0.0001", "0.001");
    };
    let says = [
        "distance to the belt: bundle 400 mm",
        "part test/dent/000 was measured at ",
        "is depth_unit_m = 0.001 in parts/camera.json right?",
    ];
    for arguments in [REPLAY_ARCHIVE, CHECK_STATION, RUN_STATION] {
        check(spoil, arguments, BUNDLE, &says);
    }
}

#[test]
fn another_bundle_is_held_against_the_camera_as_the_station_s_own() {
    let with_other = ["check", "--config", "station.toml", "--bundle", "block"];
    for (from, to, says) in [
        ("\"fx\": 160.0", "\"fx\": 320.0", "fx: bundle 160.0 px"),
        (
            "\"width\": 80",
            "\"width\": 160",
            "frame size: bundle 80 x 64",
        ),
        ("0.0001", "0.001", "depth unit: bundle 0.0001 m"),
        ("400.0", "600.0", "distance to the belt: bundle 400 mm"),
    ] {
        let spoil = |site: &Site| {
            // Only the other bundle can be meant.
            site.remove("block.twb");
            site.edit("parts/camera.json", from, to);
        };
        check(spoil, &with_other, BUNDLE, &["bundle block: ", says]);
    }
}

#[test]
fn a_missing_camera_file_is_named() {
    let spoil = |site: &Site| site.remove("parts/camera.json");
    check(spoil, REPLAY_ARCHIVE, DATA, &["camera.json", "depth"]);
}

#[test]
fn a_bundle_for_a_lens_of_another_kind_is_refused() {
    let says = ["block.twb", "fx: bundle 160.0 px, camera 320.0 px"];
    camera("\"fx\": 160.0", "\"fx\": 320.0", BUNDLE, &says);
}

#[test]
fn a_bundle_for_another_depth_unit_is_refused() {
    camera(
        "0.0001",
        "0.001",
        BUNDLE,
        &["block.twb", "depth unit: bundle 0.0001 m"],
    );
}

#[test]
fn a_bundle_for_another_distance_is_refused() {
    camera(
        "400.0",
        "600.0",
        BUNDLE,
        &["distance to the belt", "bundle 400 mm, camera 600 mm"],
    );
}

/// What is measured on parts of another camera says nothing of the bundle's.
#[test]
fn a_bench_with_parts_of_another_camera_is_refused() {
    for (from, to, says) in [
        ("\"fx\": 160.0", "\"fx\": 320.0", "fx: bundle 160.0 px"),
        (
            "\"width\": 80",
            "\"width\": 160",
            "frame size: bundle 80 x 64",
        ),
        ("400.0", "600.0", "distance to the belt: bundle 400 mm"),
    ] {
        let spoil = |site: &Site| site.edit("parts/camera.json", from, to);
        check(spoil, BENCH, BUNDLE, &["block.twb", says]);
    }
}

/// Without depth a set need not name its camera.
#[test]
fn pictures_of_another_size_are_refused_where_no_camera_is_named() {
    for arguments in [BENCH, REPLAY_ARCHIVE] {
        let says = [
            "block.twb",
            ": test/",
            ": frame size: bundle 80 x 64, camera 160 x 128",
        ];
        check(colours_of_another_size, arguments, BUNDLE, &says);
    }
}

/// The first part says nothing of those behind it: they are judged, and it is told; thresholds are not set by them.
#[test]
fn pictures_of_another_size_behind_the_first_are_told_and_set_no_threshold() {
    let spoil = |site: &Site| {
        colours_of_another_size(site);
        let picture = RgbImage::new(80, 64);
        for part in ["test/good/000", "test/dent/000"] {
            let path = site.path(format!("parts/{part}/rgb.png"));
            picture.save(path).expect("a picture is written");
        }
        let mask = GrayImage::from_pixel(80, 64, Luma([255]));
        let path = site.path("parts/test/dent/000/mask.png");
        mask.save(path).expect("a mask is written");
    };
    let site = Site::new();
    spoil(&site);
    let mut replay = program("twinspect");
    let output = run(replay.args(REPLAY_ARCHIVE).current_dir(site.path("")));
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{says}");
    let told = "the picture of test/good/001 is 160 x 128, and the bundle's camera has 80 x 64";
    assert_eq!(says.matches(told).count(), 1, "{says}");

    let calibrate = [
        "model",
        "calibrate",
        "--bundle",
        "block.twb",
        "--data",
        "parts",
        "--out",
        "new.twb",
    ];
    let says = [
        "train/good/",
        ": frame size: bundle 80 x 64, camera 160 x 128",
    ];
    check(spoil, &calibrate, BUNDLE, &says);
}

#[test]
fn a_bundle_of_two_senses_is_refused_for_parts_of_one() {
    let spoil = |site: &Site| {
        for file in crate::workspace::all_files(&site.path("parts")) {
            if file.ends_with("depth.png") {
                std::fs::remove_file(file).expect("a picture is removed");
            }
        }
    };
    check(spoil, REPLAY_ARCHIVE, BUNDLE, &["block.twb", "depth"]);
}

#[test]
fn a_truncated_picture_is_named() {
    let spoil = |site: &Site| {
        let picture = format!("{PART}/rgb.png");
        let mut bytes = site.read(&picture);
        bytes.truncate(bytes.len() / 2);
        site.write(&picture, bytes);
    };
    part(spoil, &["test/good/001", "rgb.png"]);
}

#[test]
fn an_empty_depth_picture_is_named() {
    part(
        |site| site.write(&format!("{PART}/depth.png"), ""),
        &["test/good/001/depth.png"],
    );
}

#[test]
fn a_text_in_the_place_of_a_picture_is_named() {
    part(
        |site| site.write(&format!("{PART}/rgb.png"), "smile"),
        &["test/good/001/rgb.png"],
    );
}

#[test]
fn depth_of_another_size_is_named_with_both_sizes() {
    let spoil = |site: &Site| {
        let depth = ImageBuffer::<Luma<u16>, _>::from_pixel(40, 32, Luma([4000]));
        save(site, "depth.png", depth);
    };
    part(spoil, &["test/good/001/depth.png", "40 x 32", "80 x 64"]);
}

#[test]
fn depth_of_eight_bits_is_refused() {
    let (width, height) = size();
    let spoil = |site: &Site| save(site, "depth.png", GrayImage::new(width, height));
    part(spoil, &["test/good/001/depth.png", "16"]);
}

#[test]
fn colours_in_the_place_of_depth_are_refused() {
    let (width, height) = size();
    let spoil = |site: &Site| save(site, "depth.png", RgbImage::new(width, height));
    part(spoil, &["test/good/001/depth.png", "16"]);
}

#[test]
fn a_mask_of_another_size_is_named_with_both_sizes() {
    let spoil = |site: &Site| {
        let path = site.path("parts/test/dent/000/mask.png");
        GrayImage::new(8, 8)
            .save(path)
            .expect("a picture is written");
    };
    part(spoil, &["test/dent/000/mask.png", "8 x 8", "80 x 64"]);
}

#[test]
fn a_part_without_the_depth_of_its_set_is_named() {
    part(
        |site| site.remove(&format!("{PART}/depth.png")),
        &["test/good/001", "depth.png"],
    );
}

#[test]
fn two_pictures_of_one_kind_are_named() {
    let spoil = |site: &Site| {
        let bytes = site.read(&format!("{PART}/rgb.png"));
        site.write(&format!("{PART}/rgb.jpg"), bytes);
    };
    part(spoil, &["rgb.jpg", "rgb.png"]);
}

#[test]
fn an_unknown_key_of_a_part_is_named() {
    let spoil = |site: &Site| site.write(&format!("{PART}/part.json"), "{\"sesion\": \"a\"}");
    part(spoil, &["test/good/001/part.json", "`sesion`"]);
}

#[test]
fn a_defect_marked_on_a_good_part_is_refused() {
    let (width, height) = size();
    let spoil = |site: &Site| {
        save(
            site,
            "mask.png",
            GrayImage::from_pixel(width, height, Luma([255])),
        );
    };
    part(spoil, &["test/good/001/mask.png", "good"]);
}
