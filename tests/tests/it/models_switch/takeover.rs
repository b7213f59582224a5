//! What becomes of parts while another model takes over.

use serde_json::{Value, json};

use super::{
    activate, answer, by_request, children, hold, install, is_active, is_judged, judge, log,
    recorded, sound, spoilt, start, step, with_two,
};
use crate::product::hung_higher;
use crate::station::{check_laws, endless, signal};

#[test]
fn a_running_line_takes_another_model_over_and_accounts_for_every_part() {
    let site = endless();
    site.edit("station.toml", "file = \"block.twb\"", "active = true");
    site.edit(
        "station.toml",
        "[trigger]",
        "[models]\nfolder = \"models\"\n[trigger]",
    );
    let [old, new] = with_two(&site, sound);
    let service = start(site);
    let is_judging = |status: &Value| status["last_part"]["verdict"].is_string();
    service.wait_until(is_judging);
    let told = answer(activate(&service, "block-1.1.0"));
    assert_eq!(told["reply"], "activated", "{told}");
    assert_eq!(told["model"], new.as_str());
    let (proof_ms, switch_ms) = (&told["proof_ms"], &told["switch_ms"]);
    assert!(
        proof_ms.as_f64() > Some(0.0) && switch_ms.as_f64() > Some(0.0),
        "{told}"
    );
    assert_eq!(recorded(&service.site), (new.clone(), Some(old.clone())));
    let status = service.answer("status");
    assert!(is_active(&status, &new), "{status}");
    assert_eq!(status["models"]["previous"], old.as_str());
    assert_eq!(status["models"]["last"]["activated"], true);
    assert!(status["models"]["under_way"].is_null());
    let seen = status["parts"]["triggered"].as_u64().expect("a count");
    let judged = service.wait_until(|status| {
        let last = &status["last_part"];
        last["number"].as_u64() > Some(seen) && last["verdict"] != "no_result"
    });
    assert_eq!(judged["inspector"]["model"], "block 1.1.0");
    assert_eq!(
        children(service.process.id()).len(),
        1,
        "one process is left"
    );
    let text = log(&service);
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    assert_eq!(summary["trigger"]["parts"], parts.len());
    assert_eq!(summary["inspector_restarts"], 0);
    let lost: Vec<&Value> = parts
        .iter()
        .filter(|part| part["verdict"] == "no_result")
        .collect();
    assert!(
        lost.iter().all(|part| part["reason"] == "inspector"),
        "{lost:?}"
    );
    for line in ["is being proven", "takes over", "judges, and", "is active"] {
        let told = text.lines().filter(|told| told.contains(line));
        assert_eq!(told.count(), 1, "{line}: {text}");
    }
}

#[test]
fn a_part_that_awaits_its_answer_is_judged_by_the_old_model_first() {
    let site = by_request(20_000);
    let [_, new] = with_two(&site, sound);
    let service = start(site);
    let part = hold(&service);
    let wish = activate(&service, new.as_str());
    let status = service.wait_until(|status| step(status) == "waiting");
    assert_eq!(status["parts"]["under_way"], 1, "{status}");
    assert_eq!(children(service.process.id()).len(), 2);
    // Nobody else may take a model over meanwhile.
    let other = answer(activate(&service, "block-1.0.0"));
    assert_eq!(other["reply"], "refused", "{other}");
    part.let_go();
    let told = answer(wish);
    assert_eq!(told["reply"], "activated", "{told}");
    let left = part.left();
    assert!(is_judged(&left), "{left}");
    let (_, summary) = service.stop();
    assert_eq!(summary["inspector"]["inspected"], 1, "{summary}");
}

#[test]
fn where_parts_leave_no_moment_the_old_model_stays() {
    let site = by_request(20_000);
    site.edit("station.toml", "[models]", "[models]\nmoment_max_ms = 500");
    let [old, new] = with_two(&site, sound);
    let service = start(site);
    let part = hold(&service);
    let told = answer(activate(&service, new.as_str()));
    let reason = told["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("no moment") && reason.contains("gap in the infeed"),
        "{reason}"
    );
    assert_eq!(told["exit_code"], Value::Null, "{told}");
    part.let_go();
    let left = part.left();
    assert!(is_judged(&left), "{left}");
    let status = service.answer("status");
    assert!(is_active(&status, &old), "{status}");
    assert_eq!(status["models"]["last"]["activated"], false);
    assert_eq!(children(service.process.id()).len(), 1);
    assert_eq!(recorded(&service.site), (old, None));
    service.stop();
}

#[test]
fn a_model_that_can_t_be_proven_costs_nothing() {
    let site = by_request(1_000);
    let [old, new] = with_two(&site, spoilt);
    let mut service = start(site);
    let told = answer(activate(&service, new.as_str()));
    let reason = told["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("does not go live") && reason.contains("proving the engine"),
        "{reason}"
    );
    assert_eq!(told["exit_code"], 5, "{told}");
    assert!(is_judged(&judge(&service)));
    let status = service.answer("status");
    assert!(
        is_active(&status, &old) && status["ready"] == true,
        "{status}"
    );
    signal(service.process.id(), "TERM");
    service.wait_for("STOPPING=1");
    let (_, summary) = service.end();
    assert_eq!(summary["inspector_restarts"], 0);
    let fell = service
        .told()
        .iter()
        .any(|line| line.contains("not ready: switching"));
    assert!(!fell, "{:?}", service.told());
}

#[test]
fn a_model_for_another_camera_is_refused_before_the_old_one_makes_way() {
    let site = by_request(1_000);
    let [old, _] = with_two(&site, sound);
    let higher = install(&site, &hung_higher("2.0.0"));
    let service = start(site);
    let told = answer(activate(&service, higher.as_str()));
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains("the camera does not fit"), "{reason}");
    assert_eq!(told["exit_code"], 4, "{told}");
    assert!(is_active(&service.answer("status"), &old));
    assert!(is_judged(&judge(&service)));
    let (_, summary) = service.stop();
    assert_eq!(summary["inspector_restarts"], 0);
}

#[test]
fn the_way_back_is_a_take_over_too() {
    let site = by_request(1_000);
    let [old, new] = with_two(&site, sound);
    let service = start(site);
    let none = answer(service.say(&json!("rollback")));
    assert!(
        none["reason"]
            .as_str()
            .is_some_and(|why| why.contains("no model before")),
        "{none}"
    );
    answer(activate(&service, new.as_str()));
    assert!(is_judged(&judge(&service)));
    let told = answer(service.say(&json!("rollback")));
    assert_eq!(told["model"], old.as_str(), "{told}");
    assert!(is_judged(&judge(&service)));
    // It had stood its trial, and there was none before it.
    assert_eq!(recorded(&service.site), (old.clone(), None));
    let same = answer(activate(&service, old.as_str()));
    let reason = same["reason"].as_str().expect("a reason");
    assert!(reason.contains("active already"), "{reason}");
    let unknown = answer(activate(&service, "cap"));
    let reason = unknown["reason"].as_str().expect("a reason");
    assert!(reason.contains("no model \"cap\" is installed"), "{reason}");
    service.stop();
}

#[test]
fn a_station_that_goes_by_a_file_takes_nothing_over() {
    let site = by_request(1_000);
    site.edit("station.toml", "active = true", "file = \"block.twb\"");
    let service = start(site);
    let told = answer(activate(&service, "block"));
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains("bundle.active"), "{reason}");
    service.stop();
}
