//! What the service manager is told.

use std::process::Stdio;

use super::Service;
use crate::product::Site;
use crate::station::{endless, inspect_process, signal};

#[test]
fn the_service_manager_hears_of_start_readiness_and_end() {
    let mut service = Service::start(endless());
    service.wait_for("STATUS=not ready: starting: the model is being proven");
    let ready = service.wait_for("STATUS=ready: ");
    assert!(ready.contains("block"), "{ready}");
    signal(service.process.id(), "TERM");
    service.wait_for("STOPPING=1");
    let more_us = service.told.iter().find_map(|line| {
        let us = line.strip_prefix("EXTEND_TIMEOUT_USEC=")?;
        us.parse::<u64>().ok()
    });
    // Four seconds from sensor to rejector.
    assert!(more_us > Some(4_000_000), "{:?}", service.told);
    service.end();
    assert_eq!(service.told[0], "READY=1", "before the model is proven");
}

#[test]
fn the_watchdog_is_fed_by_the_process_that_owns_the_wires_alone() {
    let site = endless();
    let limits = "[inspector]\nsilence_max_ms = 60000\n[trigger]";
    site.edit("station.toml", "[trigger]", limits);
    let mut service = Service::start_with(site, |command, _| {
        command.arg("--json").env("WATCHDOG_USEC", "300000");
    });
    service.wait_for("STATUS=ready");
    service.wait_for("WATCHDOG=1");
    // A process that hangs is noticed, and is no reason to end the one that holds the wires.
    let inspector = inspect_process(service.process.id());
    signal(inspector, "STOP");
    service.wait_for("STATUS=not ready: silent");
    for _ in 0..6 {
        service.wait_for("WATCHDOG=1");
    }
    signal(inspector, "CONT");
    service.wait_for("STATUS=ready");
    service.stop();
}

#[test]
fn nobody_is_told_how_long_the_watchdog_waits_without_one() {
    let mut service = Service::start(endless());
    service.wait_for("STATUS=ready");
    signal(service.process.id(), "TERM");
    service.wait_for("STOPPING=1");
    service.end();
    assert!(!service.told.iter().any(|line| line == "WATCHDOG=1"));
}

#[test]
fn a_reader_that_stands_still_does_not_stop_the_line() {
    let site = Site::new();
    let fast = "debounce_ms = 0\nspacing_min_ms = 2\nrate_hz = 400\n[gate]\npulse_ms = 1";
    site.edit("station.toml", "rate_hz = 20.0", fast);
    site.edit("station.toml", "\"parts\"", "\"parts\"\nrepeat = true");
    let mut service = Service::start_with(site, |command, _| {
        command
            .stdout(Stdio::piped())
            .env("WATCHDOG_USEC", "300000");
    });
    // A pipe holds 64 KiB and the station some lines more; each part has a line of 80 bytes or more.
    service.wait_until(|status| status["parts"]["triggered"].as_u64() >= Some(3_000));
    // More than can have been sent before, unread.
    for _ in 0..40 {
        service.wait_for("WATCHDOG=1");
    }
    signal(service.process.id(), "TERM");
    service.wait_for("STOPPING=1");
    drop(service.process.stdout.take());
    assert!(service.process.wait().expect("its end").success());
}
