//! The control socket: questions, test parts, and one process a station.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use serde_json::Value;

use super::Service;
use crate::binaries::{program, run};
use crate::product::Site;
use crate::station::{check_laws, endless};

/// A station to whose parts nobody but a person or a machine points.
pub(super) fn by_request(spacing_min_ms: u32) -> Site {
    let site = Site::new();
    let rest = format!(
        "source = \"software\"\nspacing_min_ms = {spacing_min_ms}\nexposure_max_ms = 5000\n\
         [gate]\ndelay_ms = 2000\ndeadline_ms = 1900"
    );
    site.edit("station.toml", "rate_hz = 20.0", &rest);
    site
}

#[test]
fn a_station_says_what_it_is_doing() {
    let mut service = Service::start(endless());
    let first = service.answer("status");
    assert_eq!(first["ready"], first["obstacle"].is_null(), "{first}");
    service.wait_for("STATUS=ready");
    let status = service.wait_until(|status| status["last_part"]["number"].is_u64());
    assert_eq!(status["ready"], true, "{status}");
    assert_eq!(status["process"], service.process.id());
    assert_eq!(status["inspector"]["state"], "up");
    assert!(
        status["doing"]
            .as_str()
            .expect("text")
            .starts_with("ready: ")
    );
    let station = status["station"].as_str().expect("a path");
    assert!(std::path::Path::new(station).is_absolute(), "{station}");
    let text = run(program("twinspect")
        .current_dir(service.site.path("run"))
        .args(["status", "--socket", "control.sock"]));
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(
        text.starts_with("ready: ") && text.contains("\nlast part "),
        "{text}"
    );
    let socket = service.site.path("run/control.sock");
    assert!(socket.exists());
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
}

#[test]
fn parts_that_are_asked_for_are_judged_and_the_recording_s_end_ends_the_station() {
    let mut service = Service::start(by_request(40));
    service.wait_for("STATUS=ready");
    let left: Vec<Value> = (0..3).map(|_| service.answer("trigger")).collect();
    for (number, left) in (1_u64..).zip(&left) {
        assert_eq!(left["reply"], "left");
        assert_eq!(left["number"], number, "{left}");
    }
    let (parts, summary) = service.end();
    check_laws(&parts, &summary);
    let verdicts = |parts: &[Value]| -> Vec<Value> {
        let verdicts = parts.iter().map(|part| part["verdict"].clone());
        verdicts.collect()
    };
    assert_eq!(verdicts(&left), verdicts(&parts));
    assert!(
        !verdicts(&parts).contains(&Value::from("no_result")),
        "{parts:?}"
    );
    assert!(!service.site.path("run/control.sock").exists());
}

#[test]
fn a_part_that_is_asked_for_too_soon_is_none_and_spoils_the_one_before() {
    let mut service = Service::start(by_request(60_000));
    service.wait_for("STATUS=ready");
    let first = service
        .question("trigger")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    service.wait_until(|status| status["parts"]["triggered"] == 1);
    let refusal = service.refusal("trigger");
    assert!(refusal.contains("too close"), "{refusal}");
    let first = first.wait_with_output().expect("its end");
    let left: Value = serde_json::from_slice(&first.stdout).expect("a JSON object");
    assert_eq!(left["reason"], "position", "{left}");
    let (_, summary) = service.stop();
    assert_eq!(summary["trigger"]["doubles"], 1);
}

#[test]
fn a_test_part_is_judged_and_known_to_nobody_else() {
    let mut service = Service::start(by_request(40));
    service.wait_for("STATUS=ready");
    let tried = service.answer("trigger --test");
    assert_eq!(tried["reply"], "judged", "{tried}");
    assert!(tried["number"].is_null(), "{tried}");
    let status = service.answer("status");
    assert_eq!(status["parts"]["triggered"], 0, "{status}");
    assert!(status["last_part"].is_null(), "{status}");
    // The recording has three parts, and the test part was its first.
    let left: Vec<Value> = (0..2).map(|_| service.answer("trigger")).collect();
    assert_eq!(left[0]["number"], 1);
    assert_ne!(left[0]["part"], tried["part"]);
    let (parts, summary) = service.end();
    check_laws(&parts, &summary);
    assert_eq!(parts.len(), 2, "{parts:?}");
    assert_eq!(summary["inspector"]["inspected"], 2, "{summary}");

    // What it was judged to be is what a part would have been. The last recorded part can be tried too.
    let mut service = Service::start(by_request(40));
    service.wait_for("STATUS=ready");
    let part = service.answer("trigger");
    service.answer("trigger --test");
    assert_eq!(service.answer("trigger --test")["reply"], "judged");
    let (parts, summary) = service.end();
    check_laws(&parts, &summary);
    assert_eq!(summary["inspector"]["tickets"], 1, "{summary}");
    assert_eq!(summary["inspector"]["trials"], 2, "{summary}");
    assert_eq!(part["part"], tried["part"]);
    assert_eq!(
        (&part["verdict"], &part["score"]),
        (&tried["verdict"], &tried["score"])
    );
}

#[test]
fn a_test_part_has_to_wait_for_parts_under_way() {
    let mut service = Service::start(by_request(60_000));
    service.wait_for("STATUS=ready");
    let mut part = service
        .question("trigger")
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    service.wait_until(|status| status["parts"]["triggered"] == 1);
    let refusal = service.refusal("trigger --test");
    assert!(refusal.contains("under way"), "{refusal}");
    assert!(part.wait().expect("its end").success());
    service.stop();
}

#[test]
fn a_second_process_of_a_station_is_refused_and_told_of_the_first() {
    let service = Service::start(endless());
    let second = run(program("twinspect")
        .current_dir(service.site.path(""))
        .args(["run", "--config", "./station.toml"]));
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{said}");
    let holder = format!("process {}", service.process.id());
    assert!(
        said.contains("is run already") && said.contains(&holder),
        "{said}"
    );
    // An editor has put another file into its place.
    let file = service.site.read("station.toml");
    service.site.write("new.toml", file);
    service.site.rename("new.toml", "station.toml");
    let third = run(program("twinspect")
        .current_dir(service.site.path(""))
        .args(["run", "--config", "station.toml"]));
    let said = String::from_utf8_lossy(&third.stderr);
    assert_eq!(third.status.code(), Some(2), "{said}");
    assert!(said.contains("is run already"), "{said}");
    service.stop();
}

#[test]
fn two_stations_do_not_share_a_socket() {
    let service = Service::start(endless());
    std::fs::copy(
        service.site.path("station.toml"),
        service.site.path("other.toml"),
    )
    .expect("a copy");
    let other = run(program("twinspect")
        .current_dir(service.site.path(""))
        .env("RUNTIME_DIRECTORY", service.site.path("run"))
        .args(["run", "--config", "other.toml"]));
    let said = String::from_utf8_lossy(&other.stderr);
    assert_eq!(other.status.code(), Some(2), "{said}");
    assert!(said.contains("served by another station"), "{said}");
    service.stop();
}

#[test]
fn clients_that_say_nothing_or_nonsense_leave_the_others_their_answers() {
    let service = Service::start(endless());
    let connect = || UnixStream::connect(service.site.path("run/control.sock")).expect("a socket");
    let _silent: Vec<UnixStream> = (0..4).map(|_| connect()).collect();
    let mut rude = connect();
    rude.write_all(b"GET / HTTP/1.1\n").expect("it is read");
    let mut reply = String::new();
    BufReader::new(rude).read_line(&mut reply).expect("a reply");
    let reply: Value = serde_json::from_str(&reply).expect("a JSON object");
    assert_eq!(reply["reply"], "refused");
    assert_eq!(service.answer("status")["reply"], "status");
    service.stop();
}

#[test]
fn a_station_that_does_not_run_is_not_asked() {
    let site = Site::new();
    for arguments in [["--socket", "nobody.sock"], ["--config", "station.toml"]] {
        let output = run(program("twinspect")
            .current_dir(site.path(""))
            .arg("status")
            .args(arguments));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("hint: is the station running?"), "{said}");
    }
}
