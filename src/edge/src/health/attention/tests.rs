use serde_json::json;
use twinspect_core::verdict::{Score, Verdict};

use super::*;
use crate::control::LastHour;

/// A station of which everything is well.
fn well() -> Status {
    serde_json::from_value(json!({
        "station": "/etc/twinspect/station.toml", "version": "0.1.0", "process": 1, "uptime_s": 10.0,
        "ready": true, "obstacle": null, "doing": "ready", "state": "ready",
        "inspector": {"state": "up", "restarts": 0, "model": "cap 1.0.0", "engine": "tract",
                      "camera": "recording"},
        "parts": {"triggered": 0, "passed": 0, "failed": 0, "no_result": 0, "under_way": 0},
        "trigger": {"parts": 0, "doubles": 0, "missed": 0, "losses": 0, "recrossed": 0,
                    "unclear": 0, "stuck": 0},
        "late_results": 0, "last_part": null, "last_reload": null,
        "model": {"name": "cap", "version": "1.0.0", "created": "2026-11-23T14:05:00Z",
                  "target_rate": 0.005, "bundle": ""}
    }))
    .unwrap()
}

fn said(status: &Status, recent: &[RecentPart], board: &Board, disks: &[Disk]) -> String {
    let looked = Looked {
        status,
        recent,
        board,
        disks,
    };
    let texts = attention(&looked).into_iter().map(|one| one.what);
    texts.collect::<Vec<_>>().join("\n")
}

fn of(status: &Status) -> String {
    said(status, &[], &Board::default(), &[])
}

#[test]
fn a_challenge_part_that_has_passed_and_a_model_that_was_refused_need_somebody() {
    let mut status = well();
    status.challenge = serde_json::from_value(json!({
        "part": "the scratched one", "alarm": null, "last": "caught", "awaited": null, "due_in_s": 10.0
    }))
    .unwrap();
    status.models = serde_json::from_value(json!({
        "active": "cap-1.0.0", "active_for_s": 10.0, "previous": null, "under_way": null,
        "trial_parts_left": null,
        "last": {"model": "cap-1.1.0", "activated": true, "text": ""}
    }))
    .unwrap();
    assert_eq!(of(&status), "");
    status.challenge.as_mut().unwrap().alarm = Some("missed".to_owned());
    let last = status.models.as_mut().unwrap().last.as_mut().unwrap();
    (last.activated, last.text) = (false, "given up".to_owned());
    assert_eq!(
        of(&status),
        "the challenge part was not rejected\nmodel cap-1.1.0 is not active: given up"
    );
    status.challenge.as_mut().unwrap().alarm = Some("overdue".to_owned());
    assert!(of(&status).starts_with("the challenge part is overdue\n"));
}

#[test]
fn pictures_that_are_worse_than_they_should_be_are_told_worst_first() {
    let mut status = well();
    status.camera = serde_json::from_value(json!({
        "depth_invalid_ratio": 0.5,
        "picture": {
            "depth_noise_mm": 1.26, "depth_holes": 0.5,
            "belt": {"nearer_mm": -4.0, "tilt_deg": 0.1},
            "states": {"belt_height": "warn", "depth_noise": "reject"}
        }
    }))
    .unwrap();
    assert_eq!(
        of(&status),
        "depth is noisy (1.26 mm): parts have no result\n\
         the belt does not lie where it lay (4.0 mm further away)\n\
         no depth in 50 % of the region of interest"
    );
    let told = serde_json::to_value(status.camera).unwrap();
    assert_eq!(told["picture"]["states"]["depth_noise"], "reject");
    assert_eq!(
        told["picture"]["states"].as_object().map(|map| map.len()),
        Some(2)
    );
}

#[test]
fn a_station_that_is_well_needs_nobody() {
    assert_eq!(of(&well()), "");
}

#[test]
fn more_failed_parts_than_the_model_s_own_are_a_hint_and_its_own_are_not() {
    let mut status = well();
    let hour = |passed, failed| LastHour {
        passed,
        failed,
        no_result: 0,
        span_s: 3600,
    };
    status.last_hour = hour(1_993, 7);
    assert_eq!(of(&status), "", "ten are expected");
    status.last_hour = hour(1_960, 40);
    assert!(of(&status).starts_with("40 of 2000 judged parts failed"));
    status.last_hour = hour(6, 4);
    assert_eq!(of(&status), "", "too few to say");
}

#[test]
fn a_line_however_fast_has_the_hint() {
    // Two standard deviations above the 1,800 that are expected of 360,000, and twice as many.
    assert!(chance_of(1_885, 360_000, 0.005) > CHANCE_MIN);
    assert!(chance_of(3_600, 360_000, 0.005) < CHANCE_MIN);
    // P(X >= 3) and P(X >= 10) where the means are 1 and 5.
    assert!((chance_of(3, 100_000, 1e-5) - 0.080_301_4).abs() < 1e-5);
    assert!((chance_of(10, 100_000, 5e-5) - 0.031_828_1).abs() < 1e-5);
}

#[test]
fn scores_that_creep_towards_the_line_are_told_before_parts_fail() {
    let parts = |score: f32| -> Vec<RecentPart> {
        let pass = Verdict::Pass {
            score: Score(score),
            missing: None,
        };
        (0..60)
            .map(|number| RecentPart::new(number, &pass, 0.0))
            .collect()
    };
    let with = |parts: &[RecentPart]| said(&well(), parts, &Board::default(), &[]);
    assert_eq!(with(&parts(0.5)), "");
    assert!(with(&parts(0.85)).contains("score 0.85 or more"));
    assert_eq!(with(&parts(0.85)[..40]), "");
}

#[test]
fn parts_without_a_result_are_told_with_the_reason() {
    let mut status = well();
    status.last_hour = LastHour {
        passed: 90,
        failed: 0,
        no_result: 10,
        span_s: 3600,
    };
    status.counts.no_result = vec![(Reason::Late, 2), (Reason::NoDepth, 8)];
    assert!(of(&status).ends_with("no_depth"), "{}", of(&status));
}

#[test]
fn heat_throttling_and_full_disks_are_told() {
    let board = |celsius, critical| Board {
        temperature_celsius: Some(celsius),
        critical_celsius: critical,
        ..Board::default()
    };
    let with = |board: &Board, disks: &[Disk]| said(&well(), &[], board, disks);
    assert_eq!(with(&board(85.0, Some(104.0)), &[]), "");
    assert!(with(&board(93.0, Some(104.0)), &[]).contains("93 degrees"));
    assert!(with(&board(91.0, None), &[]).contains("91 degrees"));
    let disk = |free_bytes| Disk {
        what: "records",
        folder: "/var".into(),
        free_bytes,
        all_bytes: 10 << 30,
    };
    assert_eq!(with(&Board::default(), &[disk(1 << 30)]), "");
    assert!(with(&Board::default(), &[disk(100 << 20)]).contains("100 MB free"));
}

#[test]
fn what_keeps_a_station_from_being_ready_comes_first_and_has_a_remedy() {
    let mut status = well();
    status.ready = false;
    status.obstacle = Some("camera".to_owned());
    status.doing = "not ready: camera".to_owned();
    status.inspector.restarts = 3;
    assert!(of(&status).starts_with("not ready: camera\nthe inspect process"));
    for obstacle in [
        "starting", "silent", "camera", "engine", "late", "fault", "closing",
    ] {
        assert_ne!(remedy(obstacle), remedy(""), "{obstacle}");
    }
}
