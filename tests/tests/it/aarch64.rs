//! The device's program for 64-bit ARM, against the one for this machine.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::binaries::{program, succeed};
use crate::workspace::root;

/// Largest difference of a score, as a share of the larger one of score and line. It is what the
/// proof of a bundle allows an engine.
const SCORE_DIFFERENCE_MAX: f64 = 0.01;
/// Of the demo's product: one good part, and one that each sense sees.
const PARTS: [&str; 3] = ["good/005", "sink/001", "warp/001"];

/// `cross/emulated`, if there is a program for it to start.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn emulated() -> Option<Command> {
    let found = std::env::var_os("TWINSPECT_AARCH64").map(Command::new);
    if found.is_none() {
        eprintln!("skipped: TWINSPECT_AARCH64 names no program that starts an arm64 twinspect");
    }
    found
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder is made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, to.join(name)).expect("a file is copied");
    }
}

/// What a program says of the parts, a line each and the summary.
fn replay(mut program: Command, parts: &Path) -> Vec<Value> {
    let bundle = root().join("models/cap.twb");
    program.args(["replay", "--json", "--bundle"]).arg(bundle);
    let said = succeed(program.arg("--data").arg(parts));
    said.lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect()
}

/// Removes the score and what was measured on this machine from what was said of a part.
fn take_score(said: &mut Value) -> Option<f64> {
    let fields = said.as_object_mut().expect("an object");
    fields.remove("ms");
    fields.remove("regions");
    fields.remove("score").and_then(|score| score.as_f64())
}

#[test]
fn it_starts() {
    let Some(mut emulated) = emulated() else {
        return;
    };
    let said = succeed(emulated.arg("--version"));
    assert_eq!(said, succeed(program("twinspect").arg("--version")));
}

#[test]
fn it_says_of_the_same_parts_what_this_machine_says() {
    let Some(emulated) = emulated() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = root().join("models/demo/cap");
    let camera = folder.path().join("camera.json");
    std::fs::copy(demo.join("camera.json"), camera).expect("the camera is copied");
    for part in PARTS {
        let place = Path::new("test").join(part);
        copy_folder(&demo.join(&place), &folder.path().join(&place));
    }
    let here = replay(program("twinspect"), folder.path());
    let there = replay(emulated, folder.path());
    assert_eq!(here.len(), PARTS.len() + 1);
    assert_eq!(there.len(), here.len());
    for (mut here, mut there) in here.into_iter().zip(there).take(PARTS.len()) {
        let scores = (take_score(&mut here), take_score(&mut there));
        let (Some(ours), Some(theirs)) = scores else {
            panic!("a part without a score: {here} {there}");
        };
        assert_eq!(here, there);
        let difference = (ours - theirs).abs();
        let allowed = SCORE_DIFFERENCE_MAX * ours.max(1.0);
        assert!(difference <= allowed, "{here}: {ours} {theirs}");
        println!("{}: {ours} here, {theirs} on aarch64", here["part"]);
    }
}
