//! Plans that a station lacks, and builds beside whatever stands in.

use super::station::{by_request, log, on_a_belt, start_with};
use super::{Faults, Libraries, NONE, RELEASE, build, plans};
use crate::product::Site;
use crate::service::Service;
use crate::station::{check_laws, child, inspect_process, signal};

const STANDS_IN: &str = "STATUS=ready: block 1.0.0, engine native in place of tensorrt";
const ON_GPU: &str = "STATUS=ready: block 1.0.0, engine tensorrt,";
const BEGIN: &str = "are being built for the GPU";
/// A station's build that has had no end.
const MARK: &str = ".station-builds";
/// How often a process that is to be gone is looked for.
const LOOKS_MAX: u32 = 1_000_000;

/// The state of a station's plans, as it says.
fn state(service: &Service, wanted: &str) -> serde_json::Value {
    service.wait_until(|status| status["inspector"]["plans"]["state"] == wanted)
}

/// Nobody has built any.
fn none() -> Site {
    by_request("kind = \"tensorrt\"")
}

/// They were built with another release of TensorRT.
fn stale() -> Site {
    let site = by_request("");
    build(&Libraries::of("8.5.2"), &site);
    site
}

/// One is not what was written.
fn damaged() -> Site {
    let site = by_request("");
    build(&Libraries::of(RELEASE), &site);
    std::fs::write(&plans(&site, "rgb")[0], "cut off").expect("a file");
    site
}

#[test]
fn lacking_plans_are_built_and_taken_before_the_first_part() {
    let gpu = Libraries::of(RELEASE);
    for site in [none, stale, damaged] {
        let mut service = start_with(&gpu, NONE, site());
        service.wait_for(STANDS_IN);
        service.wait_for(ON_GPU);
        let status = state(&service, "built");
        assert_eq!(status["inspector"]["engine_stands_in"], false, "{status}");
        assert_eq!(service.answer("trigger")["reply"], "left");
        let told = log(&service);
        assert_eq!(told.matches(BEGIN).count(), 1, "{told}");
        assert!(told.contains("the plans are built and trusted"), "{told}");
        assert!(!told.contains("has ended: exit code 0"), "{told}");
        service.stop();
    }
}

#[test]
fn while_parts_come_the_stand_in_goes_on() {
    let gpu = Libraries::of(RELEASE);
    let mut service = start_with(&gpu, NONE, on_a_belt("kind = \"tensorrt\""));
    service.wait_for(STANDS_IN);
    let status = state(&service, "built");
    let before = status["parts"]["triggered"].as_u64();
    let status = service.wait_until(|status| {
        status["last_part"]["number"].as_u64() > before
            && status["last_part"]["verdict"] != "no_result"
    });
    assert_eq!(status["inspector"]["engine"], "native", "{status}");
    assert_eq!(status["inspector"]["restarts"], 0, "{status}");
    // Its end for any other reason is an occasion.
    signal(inspect_process(service.process.id()), "ABRT");
    service.wait_for(ON_GPU);
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
}

#[test]
fn a_build_that_fails_is_told_and_not_tried_again() {
    let gpu = Libraries::of(RELEASE);
    let gives_up = Faults {
        nvinfer: "fail=6",
        ..NONE
    };
    let mut service = start_with(&gpu, gives_up, none());
    service.wait_for(STANDS_IN);
    let status = state(&service, "failed");
    let why = status["inspector"]["plans"]["why"].as_str();
    assert!(
        why.is_some_and(|why| why.contains("exit code 5")),
        "{status}"
    );
    signal(inspect_process(service.process.id()), "ABRT");
    service.wait_for("STATUS=not ready: starting");
    service.wait_for(STANDS_IN);
    let status = service.answer("status");
    assert_eq!(status["inspector"]["plans"]["state"], "failed", "{status}");
    let told = log(&service);
    assert_eq!(told.matches(BEGIN).count(), 1, "{told}");
    assert!(told.contains("the GPU gets no plans"), "{told}");
    service.stop();
}

#[test]
fn a_station_that_ends_takes_its_build_along() {
    let gpu = Libraries::of(RELEASE);
    let stuck = Faults {
        nvinfer: "stuck=1",
        ..NONE
    };
    let mut service = start_with(&gpu, stuck, none());
    let told = service.wait_for(STANDS_IN);
    assert!(told.contains("plans for the GPU are being built"), "{told}");
    state(&service, "building");
    // Parts are judged meanwhile.
    assert_eq!(service.answer("trigger")["reply"], "left");
    let builds = child(service.process.id(), "engine").expect("a process that builds");
    let process = format!("/proc/{builds}/stat");
    let is_alive = || std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(is_alive());
    let mark = service.site.path("plans").join(MARK);
    assert!(mark.exists());
    service.stop();
    // The kernel ends it.
    let ended = (0..LOOKS_MAX).any(|_| {
        std::thread::yield_now();
        !is_alive()
    });
    assert!(ended, "process {builds} goes on");
    // The next start may begin it anew.
    assert!(!mark.exists());
}

/// Whoever builds by hand has seen it through.
#[test]
fn a_build_that_had_no_end_is_left_to_people() {
    let gpu = Libraries::of(RELEASE);
    let site = none();
    std::fs::create_dir(site.path("plans")).expect("a new folder");
    site.write(&format!("plans/{MARK}"), "");
    let mut service = start_with(&gpu, NONE, site);
    service.wait_for(STANDS_IN);
    let status = state(&service, "failed");
    let why = status["inspector"]["plans"]["why"].as_str();
    assert!(
        why.is_some_and(|why| why.contains("had no end") && why.contains(MARK)),
        "{status}"
    );
    assert_eq!(service.answer("trigger")["reply"], "left");
    build(&gpu, &service.site);
    assert_eq!(plans(&service.site, MARK), Vec::<std::path::PathBuf>::new());
    assert_eq!(plans(&service.site, "rgb").len(), 1);
    service.stop();
}

/// Two builds would do the same work twice.
#[test]
fn while_somebody_builds_by_hand_the_station_does_not() {
    let gpu = Libraries::of(RELEASE);
    let site = none();
    std::fs::create_dir(site.path("plans")).expect("a new folder");
    // What another `twinspect engine build` holds.
    let by_hand = std::fs::File::open(site.path("plans")).expect("the folder");
    by_hand.try_lock().expect("nobody holds it");
    let mut service = start_with(&gpu, NONE, site);
    service.wait_for(STANDS_IN);
    let status = state(&service, "failed");
    let why = status["inspector"]["plans"]["why"].as_str();
    assert!(
        why.is_some_and(|why| why.contains("builds plans in") && why.contains("engine retry")),
        "{status}"
    );
    assert_eq!(plans(&service.site, ""), Vec::<std::path::PathBuf>::new());
    by_hand.unlock().expect("it was held");
    build(&gpu, &service.site);
    service.stop();
}
