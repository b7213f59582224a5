//! Faults of the line process's loop and of the threads around it.

use std::process::{Command, Stdio};

use serde_json::Value;
use twinspect_tests::chaos::Event;

use super::trial::{Limits, Trial, outlive, site, station};
use crate::binaries::{program, run};
use crate::product::Site;
use crate::station::signal;

fn ask(site: &Site, command: &str) -> Command {
    let mut question = program("twinspect");
    question
        .current_dir(site.path(""))
        .args([command, "--socket", "control.sock", "--json"]);
    question
}

#[test]
fn a_loop_that_stands_still_for_a_while_shortens_pulses_and_shifts_none() {
    let ended = outlive(Limits::PATIENT, "loop:slow=1500@8");
    let late = |reason: &Option<String>| reason.as_deref() == Some("late");
    assert!(
        ended.parts.iter().any(|part| late(&part.reason)),
        "{:?}",
        ended.parts
    );
}

#[test]
fn tickets_that_can_t_be_sent_are_found_though_the_heart_beats() {
    for fault in ["sender:panic@6", "sender:hang@6"] {
        let ended = outlive(Limits::STRICT, fault);
        assert!(ended.restarts() >= 1);
        let reason = ended.reason(fault);
        assert!(["inspector", "late"].contains(&reason), "{reason}");
    }
}

#[test]
fn answers_that_can_t_be_heard_are_silence() {
    for fault in ["listener:panic@6", "listener:hang@6"] {
        let ended = outlive(Limits::STRICT, fault);
        assert!(ended.restarts() >= 1);
        let reason = ended.reason(fault);
        assert!(["inspector", "late"].contains(&reason), "{reason}");
    }
}

#[test]
fn connections_that_panic_or_hang_leave_the_others_their_answers() {
    let faults = "control:panic@1;control:hang@2";
    let mut trial = Trial::start(site(Limits::PATIENT), faults);
    trial.wait_until("a part", |trial| !trial.parts().is_empty());
    let panicked = run(&mut ask(&trial.site, "status"));
    assert!(!panicked.status.success(), "{panicked:?}");
    let mut hanging = ask(&trial.site, "status");
    let mut hanging = hanging
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    trial.wait_until("the second connection", |trial| {
        trial.record().after("control:hang@2").is_some()
    });
    let answered = run(&mut ask(&trial.site, "status"));
    assert!(answered.status.success(), "{answered:?}");
    hanging.kill().expect("the question is given up");
    hanging.wait().expect("its end");
    for fault in faults.split(';') {
        trial.outlive(fault);
    }
    assert_eq!(trial.stop().restarts(), 0);
}

#[test]
fn a_reading_that_panics_keeps_the_configuration_and_the_station_s_lock() {
    let fault = "reload:panic@1";
    let mut trial = Trial::start(site(Limits::PATIENT), fault);
    trial.wait_until("a part", |trial| !trial.parts().is_empty());
    let refused = run(&mut ask(&trial.site, "reload"));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("has panicked"), "{said}");
    let again = run(&mut ask(&trial.site, "reload"));
    let answer: Value = serde_json::from_slice(&again.stdout).expect("a JSON object");
    assert_eq!(answer["reply"], "reloaded");
    let second = run(&mut station(&trial.site, ""));
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("is run already"), "{said}");
    trial.outlive(fault);
    assert_eq!(trial.stop().restarts(), 0);
}

#[test]
fn a_disk_that_never_reads_the_configuration_stops_no_part() {
    let fault = "reload:hang@1";
    let mut trial = Trial::start(site(Limits::PATIENT), fault);
    trial.wait_until("a part", |trial| !trial.parts().is_empty());
    signal(trial.process.id(), "HUP");
    trial.outlive(fault);
    assert_eq!(trial.stop().restarts(), 0);
}

/// Runs a station for some parts to its end, and returns for how many of them an answer was heard.
fn answers(script: &str) -> usize {
    let site = site(Limits::PATIENT);
    let ended = run(station(&site, script).args(["--parts", "9"]));
    assert!(ended.status.success(), "{script}: {ended:?}");
    let record = twinspect_tests::chaos::Record::read(&site.path("record"));
    assert!(record.after(script).is_some(), "{script} has not struck");
    let is_answer = |event: &Event| matches!(event, Event::Answered { .. });
    let moments = record.0.iter();
    moments.filter(|moment| is_answer(&moment.event)).count()
}

#[test]
fn threads_that_write_output_and_log_may_die_or_hang() {
    for script in [
        "output:panic@3",
        "output:hang@3",
        "log:panic@1",
        "log:hang@1",
    ] {
        assert_eq!(answers(script), 9, "{script}");
    }
}
