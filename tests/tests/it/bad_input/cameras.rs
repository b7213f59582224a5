//! Colour cameras that aren't there, are named badly, or see less than the bundle needs.

use std::process::Command;

use super::*;
use crate::product::{FRAME, any_colour};

const CHECK_CAMERA: &[&str] = &["check", "--config", "station.toml", "--camera"];

/// A station with a colour camera of this table, and pictures of the bundle's size.
fn station(rest: &str) -> impl FnOnce(&Site) {
    let text = format!(
        "[bundle]\nfile = \"block.twb\"\n[camera]\nkind = \"v4l2\"\n\
         [v4l2]\nwidth = 80\nheight = 64\nwarm_up_pictures = 0\nopen_max_ms = 1000\n{rest}\n"
    );
    move |site| site.write("station.toml", text)
}

#[test]
fn a_bundle_that_needs_depth_is_refused_before_the_camera_is_opened() {
    let says = [
        "block.twb",
        "the bundle judges depth, a V4L2 camera has none",
    ];
    check(station("device = \"nobody\""), RUN_STATION, BUNDLE, &says);
}

#[test]
fn another_picture_size_than_the_bundle_s_is_told() {
    let spoil = |site: &Site| {
        station("")(site);
        site.edit("station.toml", "width = 80", "width = 640");
    };
    let says = ["frame size: bundle 80 x 64, camera 640 x 64"];
    check(spoil, RUN_STATION, BUNDLE, &says);
}

#[test]
fn a_camera_that_is_not_there_is_told_by_the_name_that_was_looked_for() {
    let says = ["V4L2 camera nobody has this one is not there"];
    let spoil = |site: &Site| {
        station("device = \"nobody has this one\"")(site);
        site.remove("block.twb");
        let written = any_colour(FRAME).write_archive(site.path("block.twb"));
        written.expect("a bundle that fits");
    };
    check(spoil, CHECK_CAMERA, CAMERA, &says);
}

#[test]
fn a_number_is_no_name() {
    let says = ["v4l2.device", "/dev/v4l/by-id", "v4l2.by_number"];
    check(
        station("device = \"/dev/video0\""),
        CHECK_STATION,
        CONFIGURATION,
        &says,
    );
}

#[test]
fn a_node_that_is_not_there_is_told() {
    let spoil = station("device = \"/dev/video4711\"\nby_number = true");
    check(
        spoil,
        CHECK_CAMERA,
        CAMERA,
        &["/dev/video4711 is not there"],
    );
}

#[test]
fn an_unknown_key_or_format_is_told() {
    let near = ["expose_ms", "exposure_ms"];
    check(
        station("expose_ms = 3"),
        CHECK_STATION,
        CONFIGURATION,
        &near,
    );
    let formats = ["h264", "yuyv"];
    check(
        station("format = \"h264\""),
        CHECK_STATION,
        CONFIGURATION,
        &formats,
    );
}

/// A station with a RealSense camera, or a recording of one.
fn realsense(camera: &str, rest: &str) -> String {
    format!("[bundle]\nfile = \"block.twb\"\n[camera]\n{camera}\n[realsense]\n{rest}\n")
}

const RECORDING: &str = "kind = \"recording\"\nfile = \"shift.bag\"";

fn pipe(site: &Site, name: &str) {
    let made = Command::new("mkfifo").arg(site.path(name)).status();
    assert!(made.expect("mkfifo starts").success());
}

#[test]
fn a_preset_that_is_no_json_is_told_with_its_place_before_a_camera_is_there() {
    let spoil = |preset: &'static str| {
        move |site: &Site| {
            let text = realsense("kind = \"realsense\"", "preset_file = \"preset.json\"");
            site.write("station.toml", text);
            site.write("preset.json", preset);
        }
    };
    for arguments in [CHECK_STATION, RUN_STATION, CHECK_CAMERA] {
        for (preset, place) in [
            ("{\n  \"a\": 1,\n  oops\n}\n", "line 3 column"),
            ("[1]", "line 1 column"),
            ("", "line 1 column"),
        ] {
            let says = ["reading preset", "preset.json", "no JSON object", place];
            check(spoil(preset), arguments, CONFIGURATION, &says);
        }
    }
    let site = Site::new();
    spoil("\u{feff}{ \"param-depthunits\": \"100\" }")(&site);
    let output = run(program("twinspect")
        .current_dir(site.path(""))
        .args(CHECK_STATION));
    assert!(output.status.success(), "{output:?}");
}

/// The loader would wait for who writes into it.
#[test]
fn a_pipe_in_the_place_of_the_library_is_told() {
    let spoil = |site: &Site| {
        pipe(site, "lib.so");
        let text = realsense("kind = \"realsense\"", "library = \"lib.so\"");
        site.write("station.toml", text);
    };
    let says = ["lib.so is no usable librealsense: it is a pipe and no file"];
    check(spoil, CHECK_CAMERA, CAMERA, &says);
}

/// The terminal would obey it.
#[test]
fn names_and_words_of_the_loader_are_shown_with_boxes() {
    let spoil = |site: &Site| {
        let text = realsense("kind = \"realsense\"", "library = \"a\\u001B[2Jb.so\"");
        site.write("station.toml", text);
    };
    let says = ["librealsense was not found", "a\u{25a1}[2Jb.so"];
    let report = refuse(spoil, CHECK_CAMERA, CAMERA, &says);
    assert!(!report.contains('\u{1b}'), "{report:?}");
}

#[test]
fn a_recording_that_is_wrong_itself_is_told_without_the_library() {
    let station = realsense(RECORDING, "library = \"nowhere.so\"");
    let spoiled = |spoil: fn(&Site)| {
        let station = station.clone();
        move |site: &Site| {
            site.write("station.toml", station);
            spoil(site);
        }
    };
    type Break = fn(&Site);
    let cases: [(Break, &str); 3] = [
        (|_| {}, "reading recording"),
        (|site| pipe(site, "shift.bag"), "is a pipe and no file"),
        (
            |site| site.write("shift.bag", b"#ROSBAG V2.0\n\xff\xff\xff\xff"),
            "is damaged at byte 13",
        ),
    ];
    for (spoil, says) in cases {
        for arguments in [
            RUN_STATION,
            CHECK_CAMERA,
            &["calibrate", "--config", "station.toml"],
            &["bench", "--config", "station.toml", "--camera"],
        ] {
            check(spoiled(spoil), arguments, DATA, &["shift.bag", says]);
        }
    }
    let sound = spoiled(|site| site.write("shift.bag", ""));
    check(sound, CHECK_CAMERA, CAMERA, &["librealsense was not found"]);
}
