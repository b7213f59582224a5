//! A product whose senses a network joins, as a user meets it.

use serde_json::Value;
use twinspect_bundle::{Bundle, FormatVersion, FusionStage, Manifest};
use twinspect_core::score::{FusionInputs, FusionMaps};
use twinspect_onnx::{Graph, GraphError, WeightFormat};

use crate::binaries::{program, run, succeed};
use crate::product::{self, SIDE, Site};

fn manifest() -> Manifest {
    let mut manifest = product::manifest();
    manifest.stages.fusion = Some(FusionStage::new(1, 1, SIDE));
    manifest.format = FormatVersion::V2;
    manifest.name = "fused-block".to_owned();
    manifest
}

/// Believes height by half where it was measured.
fn network() -> Result<Vec<u8>, GraphError> {
    let stage = FusionStage::new(1, 1, SIDE);
    let mut graph = Graph::new("halves", WeightFormat::F32);
    let [rgb, geometry, valid] = stage
        .inputs
        .named()
        .map(|(name, shape)| graph.input(name, &shape));
    let (rgb, geometry) = (rgb?, geometry?);
    let weight = graph.scale("half", valid?, 0.5)?;
    let lead = graph.sub("lead", geometry, rgb)?;
    let share = graph.mul("share", weight, lead)?;
    let fused = graph.add("sum", rgb, share)?;
    graph.output("fused", fused)?;
    graph.output("weight", weight)?;
    graph.encode()
}

/// The same.
fn fuse(inputs: &FusionInputs) -> FusionMaps {
    let mut maps = FusionMaps::new(SIDE);
    for at in 0..SIDE * SIDE {
        let (rgb, geometry) = (inputs.rgb.data[at], inputs.geometry.data[at]);
        maps.weight[at] = 0.5 * inputs.valid[at];
        maps.fused[at] = rgb + maps.weight[at] * (geometry - rgb);
    }
    maps
}

/// The product's bundle with the network.
pub(crate) fn bundle() -> Bundle {
    let manifest = manifest();
    let network = network().expect("the network is sound");
    let golden = product::golden(&manifest, "000", product::frame(1), fuse);
    let builder = product::builder(&manifest).fusion_model(network);
    builder.golden(golden).build().expect("the bundle is sound")
}

/// A site with the bundle beside the other one.
fn site() -> Site {
    let site = Site::new();
    let bundle = bundle();
    bundle
        .write_archive(site.path("fused.twb"))
        .expect("a new file");
    bundle
        .write_directory(site.path("fused"))
        .expect("a new folder");
    site
}

fn json(site: &Site, arguments: &[&str]) -> Vec<Value> {
    let mut command = program("twinspect");
    command
        .current_dir(site.path(""))
        .args(arguments)
        .arg("--json");
    let lines = succeed(&mut command);
    let lines = lines.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect()
}

#[test]
fn all_three_stages_are_checked_run_and_timed() {
    let site = site();
    let found = json(&site, &["check", "--bundle", "fused.twb"]);
    let stages = serde_json::json!(["rgb", "geometry", "fusion"]);
    assert_eq!(found[0]["stages"], stages);
    assert_eq!(found[0]["engine"]["goldens"], 1);
    let mut check = program("twinspect");
    check
        .current_dir(site.path(""))
        .args(["check", "--bundle", "fused.twb"]);
    let text = succeed(&mut check);
    assert!(text.contains(": 1 golden reproduced to "), "{text}");
    let arguments = ["replay", "--bundle", "fused.twb", "--data", "parts"];
    let parts = json(
        &site,
        &[&arguments[..], &["--pictures", "rejects"]].concat(),
    );
    assert!(parts[0]["verdict"].is_string() && parts[0]["ms"]["fusion"].is_number());
    let allow = ["--without", "geometry", "--allow-rgb-alone"];
    let alone = json(&site, &[&arguments[..], &allow].concat());
    assert_eq!(alone[0]["missing"], "geometry");
    assert!(alone[0]["ms"].get("fusion").is_none(), "{}", alone[0]);
    let arguments = ["bench", "--data", "parts", "--parts", "2", "--bundle"];
    for (bundle, times) in [("fused.twb", 1), ("block.twb", 0)] {
        let found = json(&site, &[&arguments[..], &[bundle]].concat());
        let stages = found[0]["engines"][0]["stages"]
            .as_array()
            .expect("the stages");
        let rows = stages.iter().filter(|row| row["stage"] == "fusion");
        let timed = rows.filter(|row| row["p99_ms"].is_number());
        assert_eq!(timed.count(), times, "{bundle}: {stages:?}");
        assert_eq!(
            found[0]["engines"][0]["allocations_a_part"]["ours"], 0.0,
            "{bundle}"
        );
    }
}

#[test]
fn a_fusion_network_that_is_not_there_is_named() {
    let site = site();
    site.remove("fused/fusion.onnx");
    let mut check = program("twinspect");
    check
        .current_dir(site.path(""))
        .args(["check", "--bundle", "fused"]);
    let output = run(&mut check);
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("fusion.onnx"), "{said}");
}
