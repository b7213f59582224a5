//! Colour cameras that aren't there, are named badly, or see less than the bundle needs.

use super::*;
use crate::product::{FRAME, any_colour};

const CHECK_CAMERA: &[&str] = &["check", "--config", "station.toml", "--camera"];

/// A station with a colour camera of this table, and pictures of the bundle's size.
fn station(rest: &str) -> impl FnOnce(&Site) {
    let text = format!(
        "[bundle]\nfile = \"block.twb\"\n[camera]\nkind = \"v4l2\"\n\
         [v4l2]\nwidth = 80\nheight = 64\nwarm_up_pictures = 0\nopen_max_ms = 50\n{rest}\n"
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
