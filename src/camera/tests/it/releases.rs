//! One program for all releases of the library: the same tests against each, and recordings from one to another.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::long_runs::{CYCLES, FRAMES};
use crate::recordings::record;
use crate::rig::{LIBRARY, begin};
use crate::stream_recorder::played_numbers;

/// Folders of further releases, as in `PATH`.
const OTHERS: &str = "TWINSPECT_LIBREALSENSE_OTHERS";

/// Set in the process of another release that records: the folder into which it does.
const INTO: &str = "TWINSPECT_REALSENSE_INTO";

/// Pairs that it records.
const PAIRS: u64 = 12;

/// The further releases, or a line that says what is skipped.
fn others() -> Vec<PathBuf> {
    let Some(folders) = std::env::var_os(OTHERS) else {
        println!("skipped: {OTHERS} names no librealsense");
        return Vec::new();
    };
    std::env::split_paths(&folders).collect()
}

/// These tests in a process of their own: a loaded library stays.
fn tests_with(release: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--test-threads=1").env(LIBRARY, release);
    command
}

/// What it has said.
fn succeed(release: &Path, command: &mut Command) -> String {
    let Output { status, stdout, .. } = command.output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{}: {status}\n{text}", release.display());
    text
}

#[test]
fn other_releases_pass_the_same_tests() {
    let test = |release: &Path| {
        let mut tests = tests_with(release);
        tests.arg("--skip=releases::");
        // What a start or a picture leaves behind is found all the same, if it is a thread or a descriptor.
        tests.env(CYCLES, "10").env(FRAMES, "100");
        succeed(release, &mut tests)
    };
    let releases = others();
    // Their cameras go by the clock, so that both take hardly longer than one.
    std::thread::scope(|scope| {
        let running = releases
            .iter()
            .map(|release| scope.spawn(move || test(release)));
        let running: Vec<_> = running.collect();
        for (release, running) in releases.iter().zip(running) {
            let text = running.join().expect("a release fails its tests");
            let result = text.lines().find(|line| line.starts_with("test result"));
            println!("{}: {}", release.display(), result.unwrap_or_default());
        }
    });
}

/// A recording outlives the release that made it.
#[test]
fn what_other_releases_have_recorded_is_played() {
    for release in others() {
        let Some((_turn, library)) = begin() else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let mut recording = tests_with(&release);
        recording
            .args(["--exact", "releases::inside_a_release_that_records"])
            .env(INTO, folder.path());
        succeed(&release, &mut recording);
        let entry = std::fs::read_dir(folder.path()).unwrap().next();
        let file = entry.unwrap().unwrap().path();
        let is_older = file.extension().is_some_and(|ending| ending == "bag");
        if !is_older && library.version().recording_extension() == "bag" {
            println!("skipped: {} is of a later kind", file.display());
            continue;
        }
        let numbers = played_numbers(library, &file);
        let expected: Vec<u64> = (*numbers.first().unwrap()..=PAIRS).collect();
        assert_eq!(numbers, expected, "{}", release.display());
        // As of one's own, the first pair may be lost.
        assert!(numbers[0] <= 2, "{numbers:?}");
        println!("{}: {} pairs", release.display(), numbers.len());
    }
}

#[test]
fn inside_a_release_that_records() {
    let Some(folder) = std::env::var_os(INTO) else {
        return;
    };
    let Some((_turn, library)) = begin() else {
        panic!("{LIBRARY} is gone");
    };
    record(library, Path::new(&folder), PAIRS);
}
