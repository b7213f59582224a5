//! What a station makes of a GPU that can't be trusted, as `check` and the start of `run` say it.

use std::os::unix::fs::PermissionsExt as _;

use super::{Faults, Libraries, NONE, RELEASE, build, json, off, on, plans, report, site};
use crate::product;

const CHECK: &str = "check --config station.toml --json";
const RUN: &str = "run --config station.toml --parts 1 --json";

/// The engine that a station's check comes to, why, and whether it stands in.
fn chosen(output: &std::process::Output) -> (String, String, bool) {
    let found = json(output);
    let text = |key: &str| found["engine"][key].as_str().expect("a text").to_owned();
    let stands_in = found["engine"]["stands_in"].as_bool().expect("a flag");
    let warned = found["warnings"]
        .to_string()
        .contains("stands in for tensorrt");
    assert_eq!(warned, stands_in, "{found}");
    (text("name"), text("why"), stands_in)
}

#[test]
fn without_plans_nothing_of_nvidia_s_is_loaded_and_auto_is_the_cpu() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    // A library that is loaded would end the process.
    let faults = Faults {
        cuda: "nonsense",
        ..NONE
    };
    let (name, why, stands_in) = chosen(&on(&gpu, faults, &site, CHECK));
    assert_eq!((name.as_str(), stands_in), ("native", false));
    assert!(
        why.contains("holds no plans") && why.contains("twinspect engine build"),
        "{why}"
    );
}

#[test]
fn a_gpu_that_is_wanted_and_has_no_plans_is_stood_in_for_or_missed() {
    let gpu = Libraries::of(RELEASE);
    let wanted = site("kind = \"tensorrt\"");
    let (name, why, stands_in) = chosen(&on(&gpu, NONE, &wanted, CHECK));
    assert_eq!((name.as_str(), stands_in), ("native", true));
    assert!(why.contains("twinspect engine build"), "{why}");
    let by_tract = site("kind = \"tensorrt\"\nfallback = \"tract\"");
    let (name, ..) = chosen(&on(&gpu, NONE, &by_tract, CHECK));
    assert_eq!(name, "tract");
    let demanded = site("kind = \"tensorrt\"\nfallback = \"stop\"");
    for typed in [CHECK, RUN] {
        let told = report(&on(&gpu, NONE, &demanded, typed), 5);
        assert!(told.contains("twinspect engine build"), "{told}");
    }
}

/// A name that no file system has can't be read by root either.
#[test]
fn a_folder_of_plans_that_can_t_be_read_is_stood_in_for_or_ends_with_the_code_of_a_file() {
    let (gpu, unreadable) = (Libraries::of(RELEASE), "p".repeat(300));
    let with = |engine: &str| {
        let site = site(engine);
        let table = format!("plans = \"{unreadable}\"");
        site.edit("station.toml", "plans = \"plans\"", &table);
        site
    };
    // A library that is loaded would end the process.
    let deadly = Faults {
        cuda: "nonsense",
        ..NONE
    };
    for kind in ["auto", "tensorrt"] {
        let stop = with(&format!("kind = \"{kind}\"\nfallback = \"stop\""));
        for typed in [CHECK, RUN] {
            for output in [on(&gpu, deadly, &stop, typed), off(&stop, typed)] {
                let told = report(&output, 8);
                assert!(told.contains("can't be read"), "{kind}, {typed}: {told}");
            }
        }
        let cpu = with(&format!("kind = \"{kind}\""));
        let (name, why, stands_in) = chosen(&on(&gpu, deadly, &cpu, CHECK));
        assert_eq!((name.as_str(), stands_in), ("native", true), "{kind}");
        assert!(why.contains("can't be read"), "{kind}: {why}");
        assert!(!why.contains("were built"), "{kind}: {why}");
    }
    let bench = "bench --bundle block.twb --data parts --engine tensorrt --plans";
    let site = site("");
    let told = report(&off(&site, &format!("{bench} {unreadable}")), 8);
    assert!(told.contains("can't be read"), "{told}");
}

#[test]
fn plans_without_a_gpu_are_told_apart_from_a_gpu_that_is_broken() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    let faults = Faults {
        cuda: "devices=0",
        ..NONE
    };
    let (name, why, stands_in) = chosen(&on(&gpu, faults, &site, CHECK));
    assert_eq!((name.as_str(), stands_in), ("native", false), "{why}");
    let (name, why, stands_in) = chosen(&off(&site, CHECK));
    assert_eq!((name.as_str(), stands_in), ("native", true));
    assert!(why.contains("libcuda.so.1: file too short"), "{why}");
}

#[test]
fn the_cpu_by_choice_never_looks_at_the_gpu() {
    let gpu = Libraries::of(RELEASE);
    for (kind, expected) in [("cpu", "native"), ("tract", "tract")] {
        let site = site(&format!("kind = \"{kind}\""));
        build(&gpu, &site);
        let faults = Faults {
            cuda: "nonsense",
            ..NONE
        };
        let (name, _, stands_in) = chosen(&on(&gpu, faults, &site, CHECK));
        assert_eq!((name.as_str(), stands_in), (expected, false));
    }
}

#[test]
fn wrong_maps_are_refused() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    let gain = |nvinfer| Faults { nvinfer, ..NONE };
    // The bundle allows a ten-thousandth of the range.
    let (name, _, _) = chosen(&on(&gpu, gain("gain=1.00001"), &site, CHECK));
    assert_eq!(name, "tensorrt");
    for wrong in ["gain=1.01", "gain=0", "gain=NaN"] {
        let (name, why, stands_in) = chosen(&on(&gpu, gain(wrong), &site, CHECK));
        assert_eq!((name.as_str(), stands_in), ("native", true), "{wrong}");
        assert!(
            why.contains("other maps than tract") || why.contains("is NaN"),
            "{wrong}: {why}"
        );
    }
    let compared = on(
        &gpu,
        gain("gain=1.01"),
        &site,
        "check --config station.toml --engine",
    );
    let table = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(table.contains("refused"), "{table}");
    let told = report(&compared, 5);
    assert!(
        told.contains("other maps than tract") && told.contains("--again"),
        "{told}"
    );
    let scripts = on(
        &gpu,
        gain("gain=1.01"),
        &site,
        "check --config station.toml --engine --json",
    );
    let found: serde_json::Value =
        serde_json::from_slice(&scripts.stdout).expect("a JSON object, though it fails");
    assert_eq!(found["tensorrt"]["comparison"]["trusted"], false, "{found}");
    // Both speeds are told all the same.
    let speeds = found["tensorrt"]["comparison"]["speeds"].as_array();
    let engines: Vec<_> = speeds
        .expect("speeds")
        .iter()
        .map(|speed| &speed["engine"])
        .collect();
    assert_eq!(engines, ["tract", "tensorrt"], "{found}");
    report(&scripts, 5);
}

/// Scores count small deviations of good parts, so that only they tell.
#[test]
fn a_score_that_is_off_is_refused_where_the_maps_would_do() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    let mut manifest = product::manifest();
    (manifest.tolerance.f32, manifest.tolerance.f16) = (0.01, 0.01);
    let score = &mut manifest.score.modalities;
    for known in score.rgb.iter_mut().chain(&mut score.geometry) {
        for view in &mut known.views {
            view.maxima.sd = 0.05;
        }
    }
    let bundle = product::sealed(&manifest, |_| {});
    bundle
        .write_archive(site.path("wide.twb"))
        .expect("the archive is written");
    site.edit("station.toml", "block.twb", "wide.twb");
    build(&gpu, &site);
    let off = Faults {
        nvinfer: "gain=1.008",
        ..NONE
    };
    let (name, why, stands_in) = chosen(&on(&gpu, off, &site, CHECK));
    assert_eq!((name.as_str(), stands_in), ("native", true));
    assert!(
        why.contains("gives another score than tract to golden"),
        "{why}"
    );
    let typed = "check --config station.toml --engine --json";
    let output = on(&gpu, off, &site, typed);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a JSON object");
    let compared = &found["tensorrt"]["comparison"];
    let stages = compared["stages"].as_array().expect("stages");
    let tolerance = compared["tolerance"].as_f64();
    assert!(
        stages
            .iter()
            .all(|stage| stage["share"].as_f64() <= tolerance),
        "{found}"
    );
    assert_eq!(compared["trusted"], false, "{found}");
    let told = report(&output, 5);
    assert!(told.contains("gives another score than tract"), "{told}");
}

#[test]
fn an_engine_that_is_refused_by_its_libraries_is_stood_in_for() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    for faults in [
        Faults {
            nvinfer: "fail=2",
            ..NONE
        },
        Faults {
            cuda: "fail=9:2",
            ..NONE
        },
        // Sticky, while the engine is proven: the CPU does not mind.
        Faults {
            cuda: "kernel=4:700",
            ..NONE
        },
    ] {
        let (name, why, stands_in) = chosen(&on(&gpu, faults, &site, CHECK));
        assert_eq!((name.as_str(), stands_in), ("native", true), "{faults:?}");
        assert!(!why.is_empty());
    }
}

#[test]
fn plans_that_do_not_fit_are_stood_in_for_and_built_again() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    let file = &plans(&site, "geometry")[0];
    let good = std::fs::read(file).expect("a plan");
    let mut flipped = good.clone();
    *flipped.last_mut().expect("bytes") ^= 1;
    std::fs::write(file, flipped).expect("a plan");
    let (name, why, stands_in) = chosen(&on(&gpu, NONE, &site, CHECK));
    assert_eq!((name.as_str(), stands_in), ("native", true));
    assert!(
        why.contains("damaged") && why.contains("twinspect engine build"),
        "{why}"
    );
    build(&gpu, &site);
    assert_eq!(std::fs::read(file).expect("a plan"), good);

    // After an upgrade of TensorRT the old plans stay, and fit no more.
    let upgraded = Libraries::of("10.16.1");
    let (name, why, stands_in) = chosen(&on(&upgraded, NONE, &site, CHECK));
    assert_eq!((name.as_str(), stands_in), ("native", true));
    assert!(
        why.contains("no plan of the rgb network for this board"),
        "{why}"
    );
    assert_eq!(chosen(&on(&gpu, NONE, &site, CHECK)).0, "tensorrt");
}

#[test]
fn plans_that_others_may_write_are_not_run() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    let mode = |path: std::path::PathBuf, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    };
    mode(site.path("plans"), 0o775);
    let (name, why, _) = chosen(&on(&gpu, NONE, &site, CHECK));
    assert_eq!(name, "native");
    assert!(why.contains("can be written by others"), "{why}");
    mode(site.path("plans"), 0o755);
    mode(plans(&site, "rgb")[0].clone(), 0o646);
    let (name, ..) = chosen(&on(&gpu, NONE, &site, CHECK));
    assert_eq!(name, "native");
    let told = report(
        &on(&gpu, NONE, &site, "check --config station.toml --engine"),
        8,
    );
    assert!(told.contains("chmod go-w"), "{told}");
}
