//! One program for all releases of the library: the same tests against each.

use std::path::Path;
use std::process::Command;

use crate::rig::LIBRARY;

/// Folders of further releases, as in `PATH`.
const OTHERS: &str = "TWINSPECT_LIBREALSENSE_OTHERS";

#[test]
fn other_releases_pass_the_same_tests() {
    let Some(folders) = std::env::var_os(OTHERS) else {
        println!("skipped: {OTHERS} names no librealsense");
        return;
    };
    for folder in std::env::split_paths(&folders) {
        pass(&folder);
    }
}

/// Runs all other tests but the long ones, in a process of their own: a loaded library stays.
fn pass(folder: &Path) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--test-threads=1",
            "--skip=long_runs::",
            "--skip=releases::",
        ])
        .env(LIBRARY, folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}: {}\n{text}",
        folder.display(),
        output.status
    );
    let result = text.lines().find(|line| line.starts_with("test result"));
    println!("{}: {}", folder.display(), result.unwrap_or_default());
}
