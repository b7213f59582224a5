//! Plans of a model that is installed, and a build that somebody ends.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use serde_json::Value;

use super::{Faults, Libraries, NONE, RELEASE, build, json, off, on, plans, report, said, site};
use crate::binaries::program;
use crate::product::{Site, edition};
use crate::station::signal;

const INSTALL: &str = "model install block.twb --config station.toml --json";

/// A station with a store of models.
fn store(engine: &str) -> Site {
    let site = site(engine);
    let table = "[models]\nfolder = \"models\"\n[camera]";
    site.edit("station.toml", "file = \"block.twb\"", "active = true");
    site.edit("station.toml", "[camera]", table);
    site
}

fn next(installed: &Value) -> Vec<&str> {
    let next = installed["next"].as_array().expect("commands");
    next.iter().filter_map(Value::as_str).collect()
}

#[test]
fn a_station_that_wants_a_gpu_gets_plans_with_its_model() {
    let (gpu, site) = (Libraries::of(RELEASE), store("kind = \"tensorrt\"\n"));
    let installed = json(&on(&gpu, NONE, &site, INSTALL));
    assert_eq!(installed["plans"], "built", "{installed}");
    assert_eq!(installed["engine"], "tensorrt", "{installed}");
    assert_eq!(installed["stands_in"], false, "{installed}");
    let [activate] = next(&installed)[..] else {
        panic!("{installed}");
    };
    assert!(activate.starts_with("twinspect model activate"));
    assert_eq!(plans(&site, "").len(), 3);

    let again = json(&on(&gpu, NONE, &site, INSTALL));
    assert_eq!(again["plans"], "kept", "{again}");
    assert_eq!(again["is_new"], false, "{again}");

    // Lost plans are built again, and the model is proven again.
    std::fs::remove_file(&plans(&site, "rgb")[0]).expect("a plan");
    let mended = json(&on(&gpu, NONE, &site, INSTALL));
    assert_eq!(mended["plans"], "built", "{mended}");
    assert_eq!(mended["engine"], "tensorrt", "{mended}");
}

#[test]
fn a_model_is_installed_though_its_plans_are_not_built() {
    let gpu = Libraries::of(RELEASE);
    let stuck = Faults {
        nvinfer: "stuck=1",
        ..NONE
    };
    let refused = Faults {
        nvinfer: "fail=6",
        ..NONE
    };
    let typed = |options: &str| format!("{INSTALL}{options}");
    let without_gpu = |site: &Site| off(site, &typed(""));
    let cut_off = |site: &Site| on(&gpu, stuck, site, &typed(" --build-limit-s 0"));
    let given_up = |site: &Site| on(&gpu, refused, site, &typed(""));
    let not_wanted = |site: &Site| on(&gpu, NONE, site, &typed(" --no-plans"));
    type Way<'a> = (&'a dyn Fn(&Site) -> std::process::Output, &'a str, &'a str);
    let ways: [Way<'_>; 4] = [
        (&without_gpu, "failed", "libcuda.so.1"),
        (&cut_off, "failed", "--build-limit-s may raise"),
        (&given_up, "failed", "exit code 5"),
        (&not_wanted, "not_asked", ""),
    ];
    for (way, expected, told) in ways {
        let site = store("kind = \"tensorrt\"\n");
        let output = way(&site);
        let installed = json(&output);
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(installed["plans"], expected, "{installed}");
        assert_eq!(installed["engine"], "native", "{installed}");
        assert_eq!(installed["stands_in"], true, "{installed}");
        assert!(
            next(&installed)[0].starts_with("twinspect engine build"),
            "{installed}"
        );
        assert!(log.contains(told), "{told}: {log}");
    }
}

/// What a wish does to the process that loads the driver's library: it crashes, or ends as if all were well.
const DEADLY: [&str; 3] = ["crash", "exit=0", "exit=77"];

/// Plans of the same product lie there, so that the GPU is tried.
fn prepared(gpu: &Libraries, engine: &str) -> Site {
    let site = store(engine);
    let built = "engine build --bundle block.twb --plans plans";
    said(&on(gpu, NONE, &site, built));
    site
}

#[test]
fn a_library_of_which_a_proof_dies_is_stood_in_for() {
    let gpu = Libraries::of(RELEASE);
    for cuda in DEADLY {
        let site = prepared(&gpu, "");
        let output = on(&gpu, Faults { cuda, ..NONE }, &site, INSTALL);
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let installed = json(&output);
        assert_eq!(installed["plans"], "failed", "{cuda}: {installed}");
        assert_eq!(installed["engine"], "native", "{cuda}: {installed}");
        assert_eq!(installed["stands_in"], true, "{cuda}: {installed}");
        for words in ["is proven without the GPU: ", "libcuda.so.1"] {
            assert!(log.contains(words), "{cuda}: {words}: {log}");
        }
        assert!(!log.contains("nonsense: EOF"), "{cuda}: {log}");
        let verify = "model verify block-1.0.0 --config station.toml --json";
        let verified = json(&on(&gpu, Faults { cuda, ..NONE }, &site, verify));
        assert_eq!(verified["engine"], "native", "{cuda}: {verified}");
    }
}

#[test]
fn a_library_of_which_a_proof_dies_is_named_where_nothing_may_stand_in() {
    let gpu = Libraries::of(RELEASE);
    for cuda in DEADLY {
        let site = prepared(&gpu, "fallback = \"stop\"\n");
        let output = on(&gpu, Faults { cuda, ..NONE }, &site, INSTALL);
        let told = report(&output, 5);
        for words in [
            "is installed, but not proven: its process has ",
            "libcuda.so.1",
            "engine.kind = \"cpu\"",
            "model verify",
        ] {
            assert!(told.contains(words), "{cuda}: {words}: {told}");
        }
    }
}

#[test]
fn a_gpu_that_nobody_has_prepared_is_left_alone() {
    let (gpu, site) = (Libraries::of(RELEASE), store(""));
    let text = "model install block.twb --config station.toml";
    let told = said(&on(&gpu, NONE, &site, text));
    assert!(!told.contains("plans"), "{told}");
    assert!(!site.path("plans").exists());

    let prepared = store("");
    on(
        &gpu,
        NONE,
        &prepared,
        "engine build --bundle block.twb --plans plans",
    );
    std::fs::remove_file(&plans(&prepared, "rgb")[0]).expect("a plan");
    let told = said(&on(&gpu, NONE, &prepared, text));
    assert!(told.contains("plans     built for this board"), "{told}");
}

/// A station that goes by a GPU alone, whose model before 1.1.0 was 1.0.0.
fn with_two(gpu: &Libraries) -> Site {
    let site = store("kind = \"tensorrt\"\nfallback = \"stop\"\n");
    for version in ["1.0.0", "1.1.0"] {
        let archive = site.path(format!("{version}.twb"));
        let written = edition(version, |_| {}).write_archive(archive);
        written.expect("the archive is written");
        for typed in [
            format!("model install {version}.twb --config station.toml"),
            format!("model activate block-{version} --config station.toml"),
        ] {
            said(&on(gpu, NONE, &site, &typed));
        }
    }
    site
}

/// Version and engine of what is installed, and whether it is the station's.
fn listed(site: &Site) -> Vec<(String, Option<String>, bool)> {
    let list = json(&off(site, "model list --config station.toml --json"));
    let models = list["models"].as_array().expect("models");
    let of = |model: &Value| {
        let text = |key: &str| model[key].as_str().map(str::to_owned);
        let active = model["active_for"].as_array().expect("stations");
        let version = text("version").expect("a version");
        (version, text("proven_by"), !active.is_empty())
    };
    let mut found: Vec<_> = models.iter().map(of).collect();
    found.sort();
    found
}

fn proven(version: &str, is_active: bool) -> (String, Option<String>, bool) {
    (version.to_owned(), Some("tensorrt".to_owned()), is_active)
}

#[test]
fn a_gpu_that_is_not_there_is_not_held_against_a_new_model() {
    let gpu = Libraries::of(RELEASE);
    let site = with_two(&gpu);
    let none = Faults {
        cuda: "devices=0",
        ..NONE
    };
    let typed = "run --config station.toml --parts 1 --json";
    let told = report(&on(&gpu, none, &site, typed), 5);
    assert!(!told.contains("was given up"), "{told}");
    assert_eq!(
        listed(&site),
        [proven("1.0.0", false), proven("1.1.0", true)]
    );
    // With the GPU it judges, as if nothing had been.
    said(&on(&gpu, NONE, &site, typed));
    assert_eq!(
        listed(&site),
        [proven("1.0.0", false), proven("1.1.0", true)]
    );
}

#[test]
fn a_gpu_that_is_not_there_takes_no_proof_away() {
    let gpu = Libraries::of(RELEASE);
    let site = with_two(&gpu);
    let told = report(&off(&site, "model verify --config station.toml"), 5);
    assert!(
        told.contains("was not proven anew, and stays proven as before"),
        "{told}"
    );
    assert!(told.contains("libcuda.so.1"), "{told}");
    assert_eq!(
        listed(&site),
        [proven("1.0.0", false), proven("1.1.0", true)]
    );
    said(&off(
        &site,
        "model activate block-1.0.0 --config station.toml",
    ));
}

#[test]
fn a_build_that_is_interrupted_keeps_what_it_has_finished() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    let mut command = program("twinspect");
    command
        .current_dir(site.path(""))
        .args(["engine", "build", "--config", "station.toml"])
        .env("TWINSPECT_LOG", "info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let stuck = Faults {
        nvinfer: "stuck=2",
        ..NONE
    };
    gpu.serve(&mut command, stuck);
    let mut process = command.spawn().expect("it starts");
    let log = BufReader::new(process.stderr.take().expect("its log"));
    let second = log
        .lines()
        .map_while(Result::ok)
        .find(|line| line.contains("geometry: building"));
    assert!(second.is_some(), "it never came to the second plan");
    // Ctrl-C does the same; but where tests run in a shell's background, that is ignored.
    signal(process.id(), "TERM");
    let status = process.wait().expect("it ends");
    assert_eq!(status.signal(), Some(15), "{status}");

    let files = plans(&site, "");
    let whole = plans(&site, "rgb");
    assert_eq!(whole.len(), 1, "{files:?}");
    let found = build(&gpu, &site);
    let kept: Vec<_> = found["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .map(|stage| (stage["stage"].as_str(), stage["kept"].as_bool()))
        .collect();
    assert_eq!(
        kept,
        [(Some("rgb"), Some(true)), (Some("geometry"), Some(false))]
    );
    assert_eq!(plans(&site, "").len(), 3, "nothing half-built is left");
}
