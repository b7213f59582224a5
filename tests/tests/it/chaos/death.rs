//! The line process dies: the inspect process ends too, and the next station judges as ever.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use super::trial::{Limits, PATIENCE, Trial, is_good, site, station};
use crate::station::signal;

/// Kills the line process with a signal that it can't see coming once a fault has struck. Both processes
/// hold the log, so that it ends when neither is left.
fn killed_after(fault: &str) {
    let site = site(Limits::PATIENT);
    let mut command = station(&site, fault);
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the station starts");
    let log = process.stderr.take().expect("a pipe");
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    loop {
        let line = lines.recv_timeout(PATIENCE);
        if line.expect("the fault strikes").contains(fault) {
            break;
        }
    }
    signal(process.id(), "KILL");
    process.wait().expect("its end");
    let end = loop {
        if let Err(error) = lines.recv_timeout(PATIENCE) {
            break error;
        }
    };
    assert_eq!(
        end,
        RecvTimeoutError::Disconnected,
        "the inspect process is still there"
    );
}

#[test]
fn a_hanging_engine_keeps_no_inspect_process_alive() {
    killed_after("engine:hang@2");
}

#[test]
fn a_hanging_camera_keeps_no_inspect_process_alive() {
    killed_after("camera:hang@2");
}

#[test]
fn a_hanging_disk_keeps_no_inspect_process_alive() {
    killed_after("records:hang@2");
}

#[test]
fn a_hanging_start_keeps_no_inspect_process_alive() {
    killed_after("start:hang@1");
}

#[test]
fn threads_that_hang_at_the_socket_keep_no_inspect_process_alive() {
    killed_after("answers:hang@2");
}

/// The line process dies by itself; the station that is started after it judges as ever.
fn dies(fault: &str) {
    let site = site(Limits::STRICT);
    let mut trial = Trial::start(site, fault);
    while trial.read_on() {}
    let status = trial.process.wait().expect("its end");
    assert!(!status.success(), "{status}");
    let parts = trial.parts();
    let places: Vec<u64> = parts.iter().map(|part| part.number).collect();
    assert_eq!(places, (1..=parts.len() as u64).collect::<Vec<_>>());
    let escaped = parts
        .iter()
        .find(|part| part.verdict == "pass" && !part.label.as_deref().is_some_and(is_good));
    assert_eq!(escaped, None);
    // The same folder, the same lock, the same socket; the fault is remembered as spent.
    let site = Rc::clone(&trial.site);
    drop(trial);
    std::fs::rename(site.path("record"), site.path("record.1")).expect("a record");
    let mut trial = Trial::start(site, "");
    trial.wait_until(fault, |trial| {
        trial.parts().iter().filter(|part| part.is_judged()).count() >= 3
    });
    trial.stop();
}

#[test]
fn a_line_process_that_crashes_can_be_started_again_at_once() {
    dies("loop:segfault@10");
}

#[test]
fn a_line_process_that_panics_can_be_started_again_at_once() {
    dies("loop:panic@10");
}

#[test]
fn a_line_process_that_is_killed_can_be_started_again_at_once() {
    dies("loop:kill@10");
}
