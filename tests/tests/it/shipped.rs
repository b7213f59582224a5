//! What ships with the source: bundles that the device of today still proves, and example stations.

use serde_json::{Value, json};

use crate::bad_input::BUNDLE;
use crate::binaries::{program, run, succeed};
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
        checked += 1;
        if station.ends_with("station-v4l2.toml") {
            // No bundle of colour alone ships: this is what its comment says of the one that stands there.
            let output = run(&mut check);
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(BUNDLE), "{told}");
            assert!(
                told.contains("the bundle judges depth, a V4L2 camera has none"),
                "{told}"
            );
            continue;
        }
        let findings: Value = serde_json::from_str(&succeed(&mut check)).expect("a JSON object");
        let settings = findings["settings"].as_array().expect("settings");
        let is_live = settings.contains(
            &json!({"key": "camera.kind", "value": "\"realsense\"", "is_default": false}),
        );
        // A live camera is not opened unasked; recorded parts are counted.
        let has_parts = findings["camera"]["parts"].as_u64() >= Some(1);
        assert_eq!(has_parts, !is_live, "{findings}");
    }
    assert!(checked >= 2, "configs/ holds {checked} stations");
}
