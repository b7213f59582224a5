//! Which package may build on which. A new room of the workspace needs a row here.

use std::collections::BTreeSet;

use cargo_metadata::DependencyKind;

use crate::workspace::{cargo, packages};

/// Packages and the workspace packages that each may depend on, apart from tests.
const ARROWS: [(&str, &[&str]); 19] = [
    ("twinspect-core", &[]),
    ("twinspect-dataset", &["twinspect-core"]),
    ("twinspect-line", &["twinspect-core"]),
    ("twinspect-onnx", &["twinspect-core"]),
    ("twinspect-nn", &["twinspect-core"]),
    ("twinspect-native", &[]),
    ("twinspect-tensorrt", &[]),
    ("twinspect-bundle", &["twinspect-core"]),
    ("twinspect-camera", &["twinspect-core", "twinspect-dataset"]),
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
