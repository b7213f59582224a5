//! Models and processes that fail at each step of a take-over.

use super::{
    activate, answer, by_request, children, hold, install, is_active, is_judged, judge, log,
    make_active, recorded, sound, spoilt, start, start_under, step, with_two,
};
use crate::product::edition;
use crate::station::signal;

#[test]
fn a_candidate_that_is_killed_while_it_waits_costs_no_part() {
    let site = by_request(20_000);
    let [old, new] = with_two(&site, sound);
    let service = start(site);
    let part = hold(&service);
    let wish = activate(&service, new.as_str());
    service.wait_until(|status| step(status) == "waiting");
    let candidate = children(service.process.id());
    let candidate = candidate.iter().find(|pid| **pid != part.inspector);
    signal(*candidate.expect("a second process"), "KILL");
    let told = answer(wish);
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains("while it waited"), "{reason}");
    part.let_go();
    assert!(is_judged(&part.left()));
    assert_eq!(recorded(&service.site), (old, None));
    let (_, summary) = service.stop();
    assert_eq!(summary["inspector_restarts"], 0);
}

/// A model whose process fails before it is ready: the old one is started again.
fn comes_back(fault: &str, limits: &str, expected: &str, code: u8) {
    let site = by_request(1_000);
    site.edit("station.toml", "[models]", limits);
    let [old, new] = with_two(&site, sound);
    let service = start_under(site, fault);
    assert!(is_judged(&judge(&service)));
    let told = answer(activate(&service, new.as_str()));
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains(expected), "{reason}");
    assert_eq!(told["exit_code"], code, "{told}");
    service.wait_until(|status| status["ready"] == true);
    assert!(is_judged(&judge(&service)));
    let status = service.answer("status");
    assert!(is_active(&status, &old), "{status}");
    assert_eq!(children(service.process.id()).len(), 1);
    assert_eq!(recorded(&service.site), (old, None));
    service.stop();
}

#[test]
fn a_model_that_gets_no_camera_makes_way_for_the_old_one() {
    comes_back("open:fail@2", "[models]", "before it was ready", 6);
}

#[test]
fn a_model_that_never_gets_ready_makes_way_for_the_old_one() {
    comes_back(
        "open:hang@2",
        "[models]\nswitch_max_ms = 5000",
        "models.switch_max_ms",
        6,
    );
}

#[test]
fn a_model_that_can_t_be_recorded_makes_way_for_the_old_one() {
    comes_back("model:fail@1", "[models]", "written down", 8);
}

#[test]
fn a_proof_that_never_ends_is_given_up() {
    let site = by_request(1_000);
    site.edit(
        "station.toml",
        "[inspector]",
        "[inspector]\nstart_max_ms = 15000",
    );
    let [old, new] = with_two(&site, sound);
    let service = start_under(site, "start:hang@2");
    let wish = activate(&service, new.as_str());
    service.wait_until(|status| step(status) == "proving");
    assert!(is_judged(&judge(&service)), "beside the proof");
    let told = answer(wish);
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains("inspector.start_max_ms"), "{reason}");
    assert_eq!(told["exit_code"], 5, "{told}");
    assert!(is_active(&service.answer("status"), &old));
    service.stop();
}

#[test]
fn a_model_that_can_t_judge_its_first_parts_is_given_up() {
    let site = by_request(1_000);
    let [old, new] = with_two(&site, sound);
    // The old model's part is the first one.
    let service = start_under(site, "engine:fail@2..4");
    assert!(is_judged(&judge(&service)));
    let told = answer(activate(&service, new.as_str()));
    assert_eq!(told["reply"], "activated", "{told}");
    for left in [20, 19, 18] {
        let status = service.answer("status");
        assert_eq!(status["models"]["trial_parts_left"], left, "{status}");
        assert_eq!(judge(&service)["reason"], "engine");
    }
    let status = service.wait_until(|status| is_active(status, &old) && status["ready"] == true);
    let doing = status["doing"].as_str().expect("text");
    assert!(doing.contains("was given up"), "{doing}");
    assert!(is_judged(&judge(&service)));
    assert_eq!(recorded(&service.site), (old, None));
    let text = log(&service);
    assert!(
        text.contains("first parts could not be inspected"),
        "{text}"
    );
    service.stop();
}

#[test]
fn a_station_whose_model_can_t_be_proven_begins_with_the_one_before_it() {
    let site = by_request(1_000);
    let old = install(&site, &edition("1.0.0", sound));
    make_active(&site, &old);
    let bad = install(&site, &edition("1.1.0", spoilt));
    make_active(&site, &bad);
    assert_eq!(recorded(&site), (bad.clone(), Some(old.clone())));
    let service = start(site);
    let status = service.wait_until(|status| status["ready"] == true);
    assert!(is_active(&status, &old), "{status}");
    assert_eq!(status["inspector"]["restarts"], 3, "{status}");
    let doing = status["doing"].as_str().expect("text");
    assert!(
        doing.contains("could not be proven at three starts"),
        "{doing}"
    );
    assert!(is_judged(&judge(&service)));
    assert_eq!(recorded(&service.site), (old, None));
    service.stop();
}
