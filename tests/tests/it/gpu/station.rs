//! A station whose parts are judged on a GPU, from its start to the end of the GPU.

use serde_json::Value;

use super::{Faults, Libraries, NONE, RELEASE, build, site};
use crate::product::Site;
use crate::service::Service;
use crate::station::{check_laws, inspect_process, signal};

/// Kernels of a start: each of two stages once as it is loaded, twice for each of two goldens, and for each part
/// by which the speed is measured.
const KERNELS_OF_A_START: u64 = 2 + 2 * (2 * 2 + 30);

/// A GPU that is wanted, and plans that nobody builds but people.
const ONLY_BY_HAND: &str = "kind = \"tensorrt\"\nbuild_plans = false";

fn start(libraries: &Libraries, cuda: &str, site: Site) -> Service {
    Service::start_with(site, |command, _| {
        libraries.serve(command, NONE);
        command
            .env("TWINSPECT_DOUBLE_CUDA", cuda)
            .env("TWINSPECT_LOG", "info")
            .arg("--json");
    })
}

/// With libraries that go wrong in the same way in each process.
pub(super) fn start_with(libraries: &Libraries, faults: Faults, site: Site) -> Service {
    Service::start_with(site, |command, _| {
        libraries.serve(command, faults);
        command.env("TWINSPECT_LOG", "info").arg("--json");
    })
}

/// A station that waits for its parts even on a busy machine, and begins again after the last one.
pub(super) fn on_a_belt(engine: &str) -> Site {
    let site = site(engine);
    let gate = "rate_hz = 5.0\n[gate]\ndelay_ms = 4000\ndeadline_ms = 3900";
    site.edit("station.toml", "rate_hz = 20.0", gate);
    site.edit("station.toml", "\"parts\"", "\"parts\"\nrepeat = true");
    site
}

/// A station to whose parts people point.
pub(super) fn by_request(engine: &str) -> Site {
    let site = site(engine);
    let rest = "source = \"software\"\nexposure_max_ms = 5000\n[gate]\ndelay_ms = 2000\ndeadline_ms = 1900";
    site.edit("station.toml", "rate_hz = 20.0", rest);
    site.edit("station.toml", "\"parts\"", "\"parts\"\nrepeat = true");
    site
}

pub(super) fn log(service: &Service) -> String {
    String::from_utf8_lossy(&service.site.read("log")).into_owned()
}

#[test]
fn parts_are_judged_on_the_gpu_as_on_the_cpu() {
    let gpu = Libraries::of(RELEASE);
    let judged = |engine: &str| -> Vec<Value> {
        let site = by_request(engine);
        build(&gpu, &site);
        let mut service = start(&gpu, "", site);
        service.wait_for("STATUS=ready");
        let parts = (0..3).map(|_| service.answer("trigger"));
        let verdicts = parts.map(|part| part["verdict"].clone()).collect();
        let status = service.answer("status");
        let used = if engine.is_empty() {
            "tensorrt"
        } else {
            "tract"
        };
        assert_eq!(status["inspector"]["engine"], used, "{status}");
        assert_eq!(status["inspector"]["engine_stands_in"], false, "{status}");
        service.stop();
        verdicts
    };
    assert_eq!(judged(""), judged("kind = \"tract\""));
}

#[test]
fn a_gpu_that_fails_is_tried_once_more_and_then_given_up() {
    for (engine, stand_in) in [("", "native"), ("fallback = \"tract\"", "tract")] {
        given_up(engine, stand_in);
    }
}

fn given_up(engine: &str, stand_in: &str) {
    let (gpu, site) = (Libraries::of(RELEASE), on_a_belt(engine));
    build(&gpu, &site);
    // With the twentieth part, or run on an idle line, of each process.
    let kernel = KERNELS_OF_A_START + 40;
    let mut service = start(&gpu, &format!("kernel={kernel}:700"), site);
    let first = service.wait_for("STATUS=ready");
    assert!(first.contains("engine tensorrt,"), "{first}");
    service.wait_for("STATUS=not ready: starting");
    service.wait_for("STATUS=ready: block 1.0.0, engine tensorrt,");
    let told = service.wait_for(&format!(
        "STATUS=ready: block 1.0.0, engine {stand_in} in place of tensorrt"
    ));
    assert!(told.contains("failed too often"), "{told}");
    let status = service.answer("status");
    assert_eq!(status["inspector"]["restarts"], 2, "{status}");
    assert_eq!(status["inspector"]["engine_stands_in"], true, "{status}");
    let before = status["parts"]["triggered"].as_u64();
    service.wait_until(|status| {
        status["last_part"]["number"].as_u64() > before
            && status["last_part"]["verdict"] != "no_result"
    });
    let told = log(&service);
    assert!(told.contains("CUDA_ERROR_ILLEGAL_ADDRESS"), "{told}");
    assert!(told.contains("the next one tries it again"), "{told}");
    assert!(told.contains("for the second time"), "{told}");
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    assert_eq!(summary["inspector_restarts"], 2);
}

/// Each error alone would be one of a part; in a row they are the engine's end.
#[test]
fn a_gpu_that_fails_with_each_part_is_given_up_too() {
    let (gpu, site) = (Libraries::of(RELEASE), on_a_belt("keep_warm = false"));
    build(&gpu, &site);
    let kernel = KERNELS_OF_A_START + 1;
    let mut service = start(&gpu, &format!("kernel={kernel}:2"), site);
    for _ in 0..2 {
        service.wait_for("STATUS=ready: block 1.0.0, engine tensorrt,");
        service.wait_for("STATUS=not ready: starting");
    }
    service.wait_for("STATUS=ready: block 1.0.0, engine native in place of tensorrt");
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    // Three of each process; the last one's answer may be lost with its process.
    let by_engine = parts.iter().filter(|part| part["reason"] == "engine");
    assert!((4..=6).contains(&by_engine.count()), "{parts:?}");
}

#[test]
fn a_library_that_crashes_counts_and_retry_forgives() {
    let (gpu, site) = (Libraries::of(RELEASE), by_request(""));
    build(&gpu, &site);
    let mut service = start(&gpu, "", site);
    for _ in 0..2 {
        service.wait_for("STATUS=ready: block 1.0.0, engine tensorrt,");
        signal(inspect_process(service.process.id()), "ABRT");
        service.wait_for("STATUS=not ready: starting");
    }
    service.wait_for("STATUS=ready: block 1.0.0, engine native in place of tensorrt");
    // On the CPU a crash is nobody's fault, and changes nothing.
    signal(inspect_process(service.process.id()), "ABRT");
    service.wait_for("STATUS=not ready: starting");
    service.wait_for("STATUS=ready: block 1.0.0, engine native in place of tensorrt");
    assert_eq!(service.answer("engine retry")["reply"], "engine_retried");
    service.wait_for("STATUS=ready: block 1.0.0, engine tensorrt,");
    service.stop();
}

/// Nobody is told why, and the exit code says that all is well.
#[test]
fn a_library_that_ends_its_process_at_the_start_counts_too() {
    let (gpu, site) = (Libraries::of(RELEASE), by_request(""));
    build(&gpu, &site);
    let mut service = start(&gpu, "exit=0", site);
    let told = service.wait_for("STATUS=ready");
    assert!(
        told.contains("engine native in place of tensorrt"),
        "{told}"
    );
    let told = log(&service);
    assert!(told.contains("has ended: exit code 0"), "{told}");
    assert!(told.contains("for the second time"), "{told}");
    service.stop();
}

#[test]
fn a_gpu_that_nobody_may_stand_in_for_is_tried_again_and_again() {
    let (gpu, site) = (Libraries::of(RELEASE), by_request("fallback = \"stop\""));
    build(&gpu, &site);
    let kernel = KERNELS_OF_A_START + 1;
    let mut service = start(&gpu, &format!("kernel={kernel}:719"), site);
    for _ in 0..4 {
        service.wait_for("STATUS=ready: block 1.0.0, engine tensorrt,");
        // No part was asked for: it is found on the idle line.
        service.wait_for("STATUS=not ready: starting");
    }
    let told = log(&service);
    assert!(told.contains("on the idle line"), "{told}");
    assert!(!told.contains("second time"), "{told}");
    service.stop();
}

/// Nothing is missing that the station insists on, and somebody has built plans.
#[test]
fn a_station_that_could_go_by_a_gpu_warns_where_there_is_none() {
    let (gpu, site) = (Libraries::of(RELEASE), by_request(""));
    build(&gpu, &site);
    let mut service = start(&gpu, "devices=0", site);
    service.wait_for("STATUS=ready");
    // What it says in its log of being ready it has said when it answers.
    let status = service.answer("status");
    let told = log(&service);
    let warning = "engine native judges, though plans were built for tensorrt: ";
    let warned = told.lines().find(|line| line.contains(warning));
    assert!(
        warned.is_some_and(|line| line.contains("0 devices")),
        "{told}"
    );
    let why = status["inspector"]["engine_why"].as_str();
    assert!(
        why.is_some_and(|why| why.contains("plans were built, and their GPU is not there")),
        "{status}"
    );
    assert_eq!(status["inspector"]["engine_stands_in"], false, "{status}");
    service.stop();
}

#[test]
fn a_stand_in_that_is_too_slow_keeps_ready_low_and_says_so() {
    let (gpu, site) = (Libraries::of(RELEASE), site(ONLY_BY_HAND));
    let gate = "source = \"software\"\n[gate]\ndelay_ms = 3000\ndeadline_ms = 0.001";
    site.edit("station.toml", "rate_hz = 20.0", gate);
    let mut service = start(&gpu, "", site);
    let told = service.wait_for("STATUS=not ready: engine");
    assert!(told.contains("too slow for this belt"), "{told}");
    assert!(told.contains("holds no plans"), "{told}");
    let status = service.answer("status");
    assert_eq!(status["ready"], false, "{status}");
    assert_eq!(status["obstacle"], "engine", "{status}");
    assert_eq!(status["inspector"]["state"], "up", "{status}");
    service.stop();
}

#[test]
fn a_station_takes_plans_that_were_built_beside_it_when_it_is_told_to() {
    let (gpu, site) = (Libraries::of(RELEASE), by_request(ONLY_BY_HAND));
    let mut service = start(&gpu, "", site);
    let told = service.wait_for("STATUS=ready");
    assert!(
        told.contains("engine native in place of tensorrt"),
        "{told}"
    );
    let status = service.answer("status");
    assert_eq!(status["inspector"]["plans"], Value::Null, "{status}");
    build(&gpu, &service.site);
    assert_eq!(service.answer("engine retry")["reply"], "engine_retried");
    service.wait_for("STATUS=ready: block 1.0.0, engine tensorrt,");
    let told = log(&service);
    assert!(!told.contains("has ended: exit code 0"), "{told}");
    let refusal = service.refusal("engine retry");
    assert!(refusal.contains("in use"), "{refusal}");
    assert_eq!(service.answer("trigger")["reply"], "left");
    service.stop();
}

#[test]
fn a_station_that_wants_the_cpu_tries_no_gpu() {
    let (gpu, site) = (Libraries::of(RELEASE), by_request("kind = \"cpu\""));
    let mut service = start(&gpu, "nonsense", site);
    service.wait_for("STATUS=ready");
    let refusal = service.refusal("engine retry");
    assert!(refusal.contains("wants the CPU"), "{refusal}");
    service.stop();
}
