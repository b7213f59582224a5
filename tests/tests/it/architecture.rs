//! Which package may build on which, and what a build and the device's program may need beside them. A new room of
//! the workspace needs a row here.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use cargo_metadata::DependencyKind;

use crate::binaries::path;
use crate::workspace::{cargo, packages, root};

/// Packages and the workspace packages that each may depend on, apart from tests.
const ARROWS: [(&str, &[&str]); 20] = [
    ("twinspect-core", &[]),
    ("twinspect-dataset", &["twinspect-core"]),
    ("twinspect-line", &["twinspect-core"]),
    ("twinspect-onnx", &["twinspect-core"]),
    ("twinspect-nn", &["twinspect-core"]),
    ("twinspect-native", &[]),
    ("twinspect-loader", &[]),
    ("twinspect-tensorrt", &["twinspect-loader"]),
    ("twinspect-bundle", &["twinspect-core"]),
    (
        "twinspect-camera",
        &["twinspect-core", "twinspect-dataset", "twinspect-loader"],
    ),
    (
        "twinspect-engine",
        &[
            "twinspect-core",
            "twinspect-bundle",
            "twinspect-native",
            "twinspect-tensorrt",
        ],
    ),
    (
        "twinspect-store",
        &["twinspect-core", "twinspect-bundle", "twinspect-dataset"],
    ),
    (
        "twinspect",
        &[
            "twinspect-core",
            "twinspect-dataset",
            "twinspect-bundle",
            "twinspect-engine",
            "twinspect-camera",
            "twinspect-line",
            "twinspect-store",
        ],
    ),
    // The device's own source.
    (
        "twinspect-chaos",
        &[
            "twinspect-core",
            "twinspect-dataset",
            "twinspect-bundle",
            "twinspect-engine",
            "twinspect-camera",
            "twinspect-line",
            "twinspect-store",
        ],
    ),
    (
        "twinspect-lab",
        &[
            "twinspect-core",
            "twinspect-dataset",
            "twinspect-bundle",
            "twinspect-engine",
            "twinspect-onnx",
            "twinspect-nn",
        ],
    ),
    ("twinspect-tests", &["twinspect-core"]),
    ("twinspect-double-cuda", &[]),
    ("twinspect-double-nvinfer", &[]),
    ("twinspect-double-onnx", &[]),
    (
        "twinspect-double-realsense",
        &["twinspect-core", "twinspect-camera"],
    ),
];

/// What the device must never carry: the trainer's engine, its matrix product, its file writer,
/// and the frameworks that could creep in instead of them.
const NOT_ON_THE_DEVICE: [&str; 8] = [
    "twinspect-nn",
    "twinspect-onnx",
    "twinspect-lab",
    "gemm-common",
    "burn",
    "candle-core",
    "tch",
    "ort",
];

/// Crates of C's types. They can generate them when they are built; here they come generated.
const GENERATED: [&str; 2] = ["realsense-sys", "v4l2-sys-mit"];

/// What would generate them, and needs libclang for it.
const GENERATORS: [&str; 2] = ["bindgen", "clang-sys"];

/// Beginnings of the shared libraries that the device's program may need to start: the C library's and the
/// compiler's own. librealsense, libcuda and libnvinfer are loaded when a camera or an engine is opened, and libv4l
/// not at all, so that the program starts where they aren't.
const AT_START: [&str; 8] = [
    "ld-linux-aarch64.so",
    "ld-linux-x86-64.so",
    "libc.so",
    "libdl.so",
    "libgcc_s.so",
    "libm.so",
    "libpthread.so",
    "librt.so",
];

#[test]
fn packages_depend_only_on_what_their_row_allows() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        ours, known,
        "the table of arrows must name every package of the workspace"
    );
    for package in &packages {
        let row = ARROWS
            .iter()
            .find(|(name, _)| *name == package.name.as_str());
        let allowed = row.map_or(&[][..], |(_, allowed)| allowed);
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if ours.contains(name) && dependency.kind != DependencyKind::Development {
                assert!(
                    allowed.contains(&name),
                    "{} must not depend on {name}",
                    package.name
                );
            }
        }
    }
}

#[test]
fn nothing_depends_on_a_binary_not_even_in_tests() {
    for package in packages() {
        for dependency in &package.dependencies {
            assert!(
                !["twinspect", "twinspect-chaos", "twinspect-lab"]
                    .contains(&dependency.name.as_str()),
                "{} must not depend on {}",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn the_device_carries_nothing_of_the_trainer() {
    let tree = cargo(&[
        "tree",
        "--package",
        "twinspect",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    let listing = String::from_utf8_lossy(&tree.stdout);
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let carried: BTreeSet<&str> = listing
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(
        carried.contains("twinspect-engine"),
        "not a tree of the device: {listing}"
    );
    for name in NOT_ON_THE_DEVICE {
        assert!(!carried.contains(name), "the device carries {name}");
    }
}

#[test]
fn a_build_needs_no_libclang() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is read");
    let lock: toml::Table = toml::from_str(&lock).expect("the lock file is TOML");
    let listed = lock["package"].as_array().expect("a list of packages");
    let locked: BTreeSet<&str> = listed
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    for name in GENERATED {
        assert!(locked.contains(name), "{name} is gone: drop it here too");
    }
    for name in GENERATORS {
        assert!(!locked.contains(name), "a build needs libclang for {name}");
    }
}

/// The shared libraries that a program names in its dynamic section, if there is a `readelf` to show them.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn needed(program: &Path) -> Option<BTreeSet<String>> {
    let mut readelf = Command::new("readelf");
    let started = readelf
        .env("LC_ALL", "C")
        .args(["--wide", "--dynamic"])
        .arg(program)
        .output();
    let output = match started {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: there is no readelf; Debian has it in its package binutils");
            return None;
        }
        started => started.expect("readelf starts"),
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let shown = String::from_utf8_lossy(&output.stdout);
    let names = shown
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.trim_end().strip_suffix(']')?.rsplit('[').next());
    Some(names.map(str::to_owned).collect())
}

#[test]
fn the_device_starts_without_the_libraries_of_cameras_and_engines() {
    let Some(needed) = needed(&path("twinspect")) else {
        return;
    };
    assert!(
        needed.iter().any(|name| name.starts_with("libc.so")),
        "not what a program needs: {needed:?}"
    );
    let others: Vec<&String> = needed
        .iter()
        .filter(|name| !AT_START.iter().any(|known| name.starts_with(known)))
        .collect();
    assert!(
        others.is_empty(),
        "the device does not start without {others:?}"
    );
}
