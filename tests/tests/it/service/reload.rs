//! Another configuration while parts are under way: taken over, or refused and said why.

use serde_json::Value;

use super::Service;
use crate::station::{check_laws, endless, inspect_process, signal};

/// A running station that has judged a part.
fn judging() -> Service {
    let mut service = Service::start(endless());
    service.wait_for("STATUS=ready");
    service
}

#[test]
fn what_may_change_is_taken_over_without_losing_a_part() {
    let mut service = judging();
    service.wait_until(|status| status["parts"]["under_way"].as_u64() > Some(2));
    service
        .site
        .edit("station.toml", "delay_ms = 4000", "delay_ms = 4100");
    let answer = service.answer("reload");
    let change = &answer["changes"][0];
    assert_eq!(change["key"], "gate.delay_ms");
    assert_eq!(
        (&change["from"], &change["to"]),
        (&Value::from("4000.0"), &Value::from("4100.0"))
    );
    service.wait_for("RELOADING=1");
    service.wait_for("READY=1");
    assert_eq!(
        service.answer("reload")["changes"],
        Value::Array(Vec::new())
    );
    let seen = service.answer("status")["parts"]["triggered"]
        .as_u64()
        .expect("a count");
    service.wait_until(|status| status["last_part"]["number"].as_u64() > Some(seen));
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    assert_eq!(summary["trigger"]["parts"], parts.len());
}

#[test]
fn what_needs_a_restart_is_refused_by_its_name_and_changes_nothing() {
    let mut service = judging();
    let both = "\n[gate]\ndelay_ms = 4100";
    service
        .site
        .edit("station.toml", "\n[gate]\ndelay_ms = 4000", both);
    service.site.edit("station.toml", "block.twb", "other.twb");
    let refusal = service.refusal("reload");
    assert!(
        refusal.contains("bundle.file can't change while the station runs"),
        "{refusal}"
    );
    assert!(!refusal.contains("delay_ms"), "{refusal}");
    service.wait_for("STATUS=ready: ");
    let status = service.answer("status");
    assert_eq!(status["ready"], true);
    assert_eq!(status["last_reload"]["taken_over"], false);
    let doing = status["doing"].as_str().expect("text");
    assert!(
        doing.contains("new configuration refused: bundle.file"),
        "{doing}"
    );
    // A new inspect process goes by what the line process goes by, and not by the file.
    signal(inspect_process(service.process.id()), "KILL");
    service.wait_for("STATUS=not ready: starting: the inspect process was started again");
    service.wait_for("STATUS=ready: ");
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    assert_eq!(summary["inspector_restarts"], 1);
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_place() {
    let service = judging();
    service.site.edit("station.toml", "delay_ms", "delay_mss");
    let refusal = service.refusal("reload");
    assert!(
        refusal.contains("station.toml:") && refusal.contains("`delay_mss`"),
        "{refusal}"
    );
    service.site.remove("station.toml");
    let refusal = service.refusal("reload");
    assert!(refusal.contains("station.toml"), "{refusal}");
    service.stop();
}

#[test]
fn a_file_that_is_half_written_is_refused() {
    let service = judging();
    let whole = service.site.read("station.toml");
    let text = String::from_utf8(whole.clone()).expect("text");
    let cut = text.find("delay_ms = 4000").expect("the key") + "delay_ms = 40".len();
    service.site.write("station.toml", &text[..cut]);
    let refusal = service.refusal("reload");
    assert!(refusal.contains("being written now"), "{refusal}");
    service.site.write("station.toml", b"\xff\n");
    let refusal = service.refusal("reload");
    assert!(
        refusal.contains("no text in UTF-8"),
        "the cause too: {refusal}"
    );
    service.site.write("station.toml", whole);
    assert_eq!(
        service.answer("reload")["changes"],
        Value::Array(Vec::new())
    );
    service.stop();
}

#[test]
fn a_bundle_that_was_replaced_does_not_go_live_by_a_crash() {
    let mut service = judging();
    let old = service.site.read("block.twb");
    let new = std::fs::read(crate::workspace::root().join("models/cap.twb")).expect("a bundle");
    service.site.write("new.twb", new);
    service.site.rename("new.twb", "block.twb");
    signal(inspect_process(service.process.id()), "KILL");
    service.wait_until(|status| status["inspector"]["restarts"].as_u64() >= Some(2));
    service.site.write("old.twb", old);
    service.site.rename("old.twb", "block.twb");
    service.wait_for("STATUS=not ready: starting: the inspect process was started again");
    service.wait_for("STATUS=ready: ");
    let log = String::from_utf8_lossy(&service.site.read("log")).into_owned();
    assert!(
        log.contains("block.twb is not the bundle that this station has begun with"),
        "{log}"
    );
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
}

#[test]
fn a_hang_up_signal_reloads() {
    let mut service = judging();
    service
        .site
        .edit("station.toml", "deadline_ms = 3900", "deadline_ms = 3800");
    signal(service.process.id(), "HUP");
    service.wait_for("RELOADING=1");
    service.wait_for("READY=1");
    let status = service.answer("status");
    let text = status["last_reload"]["text"].as_str().expect("text");
    assert_eq!(text, "gate.deadline_ms = 3800.0 (was 3900.0)");
    service.stop();
}
