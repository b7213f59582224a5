//! What ships with the source: bundles that the device of today still proves, and example stations.

use serde_json::{Value, json};

use crate::binaries::{program, succeed};
use crate::workspace::{files, root};

/// Largest bundle that may be committed.
const BUNDLE_BYTES_MAX: u64 = 12 << 20;

#[test]
fn the_device_reproduces_every_shipped_bundle() {
    let bundles = files(&root().join("models"), "twb");
    assert!(!bundles.is_empty(), "models/ holds no bundle");
    for bundle in bundles {
        let bytes = std::fs::metadata(&bundle).expect("a file").len();
        assert!(
            bytes <= BUNDLE_BYTES_MAX,
            "{}: {bytes} bytes",
            bundle.display()
        );
        let mut check = program("twinspect");
        check.args(["check", "--json", "--bundle"]).arg(&bundle);
        let findings: Value = serde_json::from_str(&succeed(&mut check)).expect("a JSON object");
        assert!(
            findings["engine"]["goldens"].as_u64() >= Some(1),
            "{findings}"
        );
    }
}

#[test]
fn every_example_station_is_one() {
    let examples = files(&root().join("configs"), "toml");
    let stations = examples
        .iter()
        .filter(|path| !path.ends_with("training.toml"));
    let mut checked = 0;
    for station in stations {
        let mut check = program("twinspect");
        check.args(["check", "--json", "--config"]).arg(station);
        let findings: Value = serde_json::from_str(&succeed(&mut check)).expect("a JSON object");
        let settings = findings["settings"].as_array().expect("settings");
        let is_live = ["realsense", "v4l2"].into_iter().any(|kind| {
            let value = format!("\"{kind}\"");
            settings.contains(&json!({"key": "camera.kind", "value": value, "is_default": false}))
        });
        // A live camera is not opened unasked; recorded parts are counted.
        let has_parts = findings["camera"]["parts"].as_u64() >= Some(1);
        assert_eq!(has_parts, !is_live, "{findings}");
        checked += 1;
    }
    assert!(checked >= 2, "configs/ holds {checked} stations");
}
