//! 16 bits, and 32 where they are not trusted.

use serde_json::Value;

use super::{Faults, Libraries, NONE, RELEASE, json, on, plans, report, said, site};
use crate::fusion;

const HALF: &str = "precision = \"fp16\"\n";
const BUILD: &str = "engine build --config station.toml --json";

/// Networks with casts to 16 bits are wrong.
const WRONG_AT_16_BITS: Faults = Faults {
    nvinfer: "half_gain=1.5",
    ..NONE
};

fn bits(built: &Value) -> Vec<(&str, u64)> {
    let stages = built["stages"].as_array().expect("stages");
    let of = |stage: &'_ Value| stage["bits"].as_u64().expect("a number");
    stages
        .iter()
        .map(|stage| (stage["stage"].as_str().expect("a name"), of(stage)))
        .collect()
}

#[test]
fn a_station_that_wants_16_bits_has_them_once_they_are_trusted() {
    for release in ["8.5.2", RELEASE, "11.4.0"] {
        let (gpu, site) = (Libraries::of(release), site(HALF));
        let built = json(&on(&gpu, NONE, &site, BUILD));
        assert_eq!(bits(&built), [("rgb", 16), ("geometry", 16)]);
        let comparison = &built["comparison"];
        assert_eq!(comparison["precision"], "fp16", "{built}");
        assert_eq!(comparison["trusted"], true, "{built}");
        assert_eq!(
            comparison["tolerance"].as_f64().map(|t| t > 1e-3),
            Some(true)
        );
        assert_eq!(built["refused"], Value::Null, "{built}");

        let checked = json(&on(&gpu, NONE, &site, "check --config station.toml --json"));
        assert_eq!(checked["engine"]["name"], "tensorrt", "{checked}");
        let why = checked["engine"]["why"].as_str().expect("a reason");
        assert!(why.contains("16 bits; maps within"), "{why}");
        let list = said(&on(&gpu, NONE, &site, "engine list --config station.toml"));
        assert!(list.contains("rgb, 16 bits"), "{list}");
    }
}

#[test]
fn where_16_bits_are_not_trusted_32_are_built_and_judge() {
    let (gpu, site) = (Libraries::of(RELEASE), site(HALF));
    let output = on(&gpu, WRONG_AT_16_BITS, &site, BUILD);
    let built = json(&output);
    let expected = [("rgb", 16), ("geometry", 16), ("rgb", 32), ("geometry", 32)];
    assert_eq!(bits(&built), expected);
    assert_eq!(built["refused"]["precision"], "fp16", "{built}");
    assert_eq!(built["refused"]["trusted"], false, "{built}");
    assert_eq!(built["comparison"]["precision"], "fp32", "{built}");
    assert_eq!(built["comparison"]["trusted"], true, "{built}");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("16 bits are refused"), "{log}");

    let typed = "check --config station.toml --json";
    let checked = json(&on(&gpu, WRONG_AT_16_BITS, &site, typed));
    assert_eq!(checked["engine"]["name"], "tensorrt", "{checked}");
    assert_eq!(checked["engine"]["stands_in"], false, "{checked}");
    let why = checked["engine"]["why"].as_str().expect("a reason");
    assert!(
        why.contains("32 bits; maps within") && why.contains("not 16 bits: "),
        "{why}"
    );
    let typed = "check --config station.toml --engine";
    let told = said(&on(&gpu, WRONG_AT_16_BITS, &site, typed));
    for part in [
        "tensorrt, 16 bits",
        "refused",
        "tensorrt, 32 bits",
        "trusted",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // Nothing is built twice.
    let again = json(&on(&gpu, WRONG_AT_16_BITS, &site, BUILD));
    let stages = again["stages"].as_array().expect("stages");
    assert!(stages.iter().all(|stage| stage["kept"] == true), "{again}");
}

/// The fusion has 32 bits, whatever the rest has.
#[test]
fn a_build_of_both_precisions_builds_the_fusion_once() {
    let (gpu, site) = (Libraries::of(RELEASE), site(HALF));
    let written = fusion::bundle().write_archive(site.path("fused.twb"));
    written.expect("the archive is written");
    let typed = "engine build --config station.toml --bundle fused.twb --again --json";
    for _ in 0..2 {
        let built = json(&on(&gpu, WRONG_AT_16_BITS, &site, typed));
        assert_eq!(built["comparison"]["precision"], "fp32", "{built}");
        let stages = built["stages"].as_array().expect("stages");
        let kept = stages.iter().map(|stage| {
            let name = stage["stage"].as_str().expect("a name");
            (name, stage["kept"].as_bool().expect("a flag"))
        });
        let kept: Vec<_> = kept.collect();
        let expected = [
            ("rgb", false),
            ("geometry", false),
            ("fusion", false),
            ("rgb", false),
            ("geometry", false),
            ("fusion", true),
        ];
        assert_eq!(kept, expected, "{built}");
    }
}

#[test]
fn without_plans_of_32_bits_refused_ones_of_16_are_stood_in_for() {
    let (gpu, site) = (Libraries::of(RELEASE), site(HALF));
    json(&on(&gpu, NONE, &site, BUILD));
    assert_eq!(plans(&site, "").len(), 3);
    let typed = "check --config station.toml --json";
    let checked = json(&on(&gpu, WRONG_AT_16_BITS, &site, typed));
    assert_eq!(checked["engine"]["name"], "native", "{checked}");
    assert_eq!(checked["engine"]["stands_in"], true, "{checked}");
    let typed = "check --config station.toml --engine";
    let told = report(&on(&gpu, WRONG_AT_16_BITS, &site, typed), 5);
    assert!(told.contains("32 bits can't be had either"), "{told}");
}

#[test]
fn a_precision_that_is_typed_wins() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    let typed = format!("{BUILD} --precision fp16");
    let built = json(&on(&gpu, NONE, &site, &typed));
    assert_eq!(built["comparison"]["precision"], "fp16", "{built}");
    let typed = "bench --bundle block.twb --data parts --parts 5 --engine tensorrt --plans plans \
                 --precision fp16 --json";
    let found = json(&on(&gpu, NONE, &site, typed));
    let why = found["engines"][0]["why"].as_str().expect("a reason");
    assert!(why.contains("16 bits"), "{why}");
    // The station itself wants 32 bits, of which there are no plans.
    let checked = json(&on(&gpu, NONE, &site, "check --config station.toml --json"));
    assert_eq!(checked["engine"]["name"], "native", "{checked}");
}

#[test]
fn where_16_bits_can_t_be_built_32_are() {
    let (gpu, site) = (Libraries::of(RELEASE), site(HALF));
    let gives_up_once = Faults {
        nvinfer: "fail=6",
        ..NONE
    };
    let output = on(&gpu, gives_up_once, &site, BUILD);
    let built = json(&output);
    assert_eq!(built["comparison"]["precision"], "fp32", "{built}");
    assert_eq!(built["comparison"]["trusted"], true, "{built}");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("16 bits can't be had"), "{log}");
}
