//! Everything that people hand to the device by mistake, against what it says and how it ends.
//!
//! Each case spoils one thing of a station that works, runs the real program, and expects the
//! documented exit code and a report that names what is wrong and what to do. No case may panic.

pub(crate) mod bundles;
mod cameras;
mod configuration;
mod good_parts;
mod recordings;
mod training;
mod usage;
mod wires;

use std::process::Output;

use crate::binaries::{program, run};
use crate::product::Site;

/// Exit codes of the documentation.
pub(crate) const CONFIGURATION: i32 = 2;
pub(crate) const DATA: i32 = 3;
pub(crate) const BUNDLE: i32 = 4;
pub(crate) const ENGINE: i32 = 5;
pub(crate) const CAMERA: i32 = 6;
pub(crate) const LINE: i32 = 7;
pub(crate) const STORAGE: i32 = 8;

const REPLAY_ARCHIVE: &[&str] = &["replay", "--bundle", "block.twb", "--data", "parts"];
const REPLAY_FOLDER: &[&str] = &["replay", "--bundle", "block", "--data", "parts"];
const CHECK_STATION: &[&str] = &["check", "--config", "station.toml"];
const RUN_STATION: &[&str] = &["run", "--config", "station.toml"];

/// A bundle of colours alone, and parts without depth and camera whose pictures have another size.
fn colours_of_another_size(site: &Site) {
    site.remove("block.twb");
    crate::product::colour_alone()
        .write_archive(site.path("block.twb"))
        .expect("the archive is written");
    site.remove("parts/camera.json");
    for file in crate::workspace::all_files(&site.path("parts")) {
        if file.ends_with("depth.png") {
            std::fs::remove_file(file).expect("a picture is removed");
        } else if file.ends_with("rgb.png") {
            let picture = image::RgbImage::new(160, 128);
            picture.save(file).expect("a picture is written");
        } else if file.ends_with("mask.png") {
            let mask = image::GrayImage::from_pixel(160, 128, image::Luma([255]));
            mask.save(file).expect("a mask is written");
        }
    }
}

/// Spoils a site, runs `twinspect` in it, and returns what it said after checking how it ended.
///
/// Every one of `says` must stand in the report; the remedy is looked for by [`check`] alone.
fn refuse(spoil: impl FnOnce(&Site), arguments: &[&str], code: i32, says: &[&str]) -> String {
    refuse_by("twinspect", spoil, arguments, code, says)
}

/// As [`refuse`], by any of the programs.
fn refuse_by(
    name: &str,
    spoil: impl FnOnce(&Site),
    arguments: &[&str],
    code: i32,
    says: &[&str],
) -> String {
    let site = Site::new();
    spoil(&site);
    let output = run(program(name).current_dir(site.path("")).args(arguments));
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let what = format!(
        "{name} {arguments:?} ended with {} and said:\n{report}",
        output.status
    );
    assert_eq!(output.status.code(), Some(code), "{what}");
    assert!(!report.contains("panicked at"), "{what}");
    for text in says {
        assert!(report.contains(text), "`{text}` is missing; {what}");
    }
    report
}

/// As [`refuse`], and the report must have an error with a remedy.
fn check(spoil: impl FnOnce(&Site), arguments: &[&str], code: i32, says: &[&str]) {
    assert_remedy(&refuse(spoil, arguments, code, says));
}

fn assert_remedy(report: &str) {
    let has = |start: &str| {
        report
            .lines()
            .any(|line| line.trim_start().starts_with(start))
    };
    assert!(has("error: "), "no error in:\n{report}");
    assert!(has("hint: "), "no remedy in:\n{report}");
}

#[test]
fn the_site_that_all_cases_spoil_works() {
    let site = Site::new();
    for arguments in [REPLAY_ARCHIVE, REPLAY_FOLDER, CHECK_STATION, RUN_STATION] {
        let Output { status, stderr, .. } = run(program("twinspect")
            .current_dir(site.path(""))
            .args(arguments));
        let report = String::from_utf8_lossy(&stderr);
        assert!(
            status.success(),
            "{arguments:?} ended with {status}:\n{report}"
        );
        assert!(!report.contains("error"), "{arguments:?} said:\n{report}");
    }
}
