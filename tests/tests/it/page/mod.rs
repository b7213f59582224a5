//! The page on the line's screen and the figures for a monitoring system, as their users meet them: over HTTP,
//! in a browser, from a client that means harm.

mod browser;
mod chromium;
pub(crate) mod figures;
mod hostile;
mod marks;
mod mqtt;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::product::Site;
use crate::service::Service;
use crate::station::{check_laws, child, endless, signal};

/// No answer takes as long, also on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Nothing that is waited for takes longer, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A station with a page on a port that nobody has.
fn with_page(site: Site) -> Site {
    let page = "[page]\nlisten = \"127.0.0.1:0\"";
    site.edit("station.toml", "[page]\nenabled = false", page);
    site
}

/// A station that waits before it starts another inspect process, so that everybody can see that there is none.
fn slow_to_recover(site: Site) -> Site {
    let wait = "[inspector]\nrestart_wait_ms = 4000\n[page]";
    site.edit("station.toml", "[page]", wait);
    site
}

/// Address and port of a station's page, once it is up.
pub(crate) fn address(service: &Service) -> String {
    let status = service.wait_until(|status| status["page"]["url"].is_string());
    let url = status["page"]["url"].as_str().expect("a text");
    let address = url
        .strip_prefix("http://")
        .and_then(|url| url.strip_suffix('/'));
    address.expect("the address of a page").to_owned()
}

/// Sends bytes and returns all that comes back until the connection is closed.
fn send(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream
        .set_read_timeout(Some(ANSWER_MAX))
        .expect("a time to wait");
    stream.write_all(bytes).expect("it is read");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

/// Status and body of what lies at a path.
fn get(address: &str, path: &str) -> (u16, Vec<u8>) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = send(address, request.as_bytes());
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.expect("an end of the head") + 4);
    let head = std::str::from_utf8(head).expect("a head is text");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("a status"), body.to_vec())
}

pub(crate) fn text(address: &str, path: &str) -> String {
    let (status, body) = get(address, path);
    let body = String::from_utf8(body).expect("text");
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn state(address: &str) -> Value {
    serde_json::from_str(&text(address, "/api/state")).expect("a JSON object")
}

/// Looks at the page's state until it is as wanted.
fn wait_until(address: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let state = state(address);
        if wanted(&state) {
            return state;
        }
    }
    panic!("{}", state(address));
}

#[test]
fn the_page_says_what_the_station_does_and_shows_its_last_parts() {
    let service = Service::start(with_page(endless()));
    let address = address(&service);
    assert!(text(&address, "/").contains("<script src=\"/page.js\""));
    let seen = wait_until(&address, |state| {
        state["rejects"]
            .as_array()
            .is_some_and(|rejects| rejects.iter().any(|part| part["picture"] == true))
            && state["last"]["picture"] == true
    });
    assert_eq!(seen["station"], "station");
    assert_eq!(seen["state"]["kind"], "running", "{seen}");
    assert_eq!(seen["last_hour"]["passed"], seen["parts"]["passed"]);
    let rejects = seen["rejects"].as_array().expect("a list");
    let reject = rejects.iter().find(|part| part["picture"] == true);
    let reject = reject.expect("a reject with a picture");
    let detail = reject["detail"].as_str().expect("a text");
    assert!(detail.contains("seen in "), "{reject}");
    let (status, jpeg) = get(&address, &format!("/pictures/{}.jpg", reject["number"]));
    assert_eq!(status, 200);
    let picture = image::load_from_memory(&jpeg).expect("a JPEG");
    // Colour, map and height of 64 pixels each.
    assert_eq!((picture.width(), picture.height()), (192, 64));
    for nothing in [
        "/pictures/0.jpg",
        "/pictures/../station.toml",
        "/station.toml",
    ] {
        assert_eq!(get(&address, nothing).0, 404, "{nothing}");
    }
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
}

#[test]
fn a_browser_that_was_led_here_by_another_name_learns_nothing() {
    let service = Service::start(with_page(endless()));
    let address = address(&service);
    for host in ["evil.example", "localhost.evil.example:8080"] {
        let request =
            format!("GET /api/state HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = String::from_utf8_lossy(&send(&address, request.as_bytes())).into_owned();
        assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
        assert!(!answer.contains("parts"), "{answer}");
    }
    service.stop();
}

#[test]
fn a_page_that_dies_is_started_again_and_no_part_notices() {
    let service = Service::start(with_page(endless()));
    address(&service);
    let station = service.process.id();
    let page = child(station, "page-process").expect("a process for the page");
    signal(page, "KILL");
    service
        .wait_until(|status| status["page"]["restarts"] == 1 && status["page"]["url"].is_string());
    let parts = service.answer("status")["parts"]["triggered"].as_u64();
    service.wait_until(|status| status["parts"]["triggered"].as_u64() > parts);
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    assert_eq!(summary["inspector_restarts"], 0);
}

#[test]
fn a_page_lives_no_longer_than_its_station() {
    let mut service = Service::start(with_page(endless()));
    address(&service);
    let page = child(service.process.id(), "page-process").expect("a process for the page");
    signal(service.process.id(), "KILL");
    service.process.wait().expect("its end");
    wait_for_end(page);
}

/// Waits until a process has ended, whoever is to hear of that.
fn wait_for_end(pid: u32) {
    let lives = || {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
    };
    let start = Instant::now();
    while lives() {
        assert!(start.elapsed() < PATIENCE, "it lives on");
    }
}

#[test]
fn a_page_that_hangs_does_not_keep_its_station_from_ending() {
    let mut service = Service::start(with_page(endless()));
    address(&service);
    let page = child(service.process.id(), "page-process").expect("a process for the page");
    // It can't end itself any more.
    signal(page, "STOP");
    signal(service.process.id(), "TERM");
    let (parts, summary) = service.end();
    check_laws(&parts, &summary);
    let log = String::from_utf8(service.site.read("log")).expect("text");
    assert!(log.contains("the page's process does not end"), "{log}");
    // And is killed by the kernel, with its station.
    wait_for_end(page);
}

#[test]
fn a_page_that_can_t_be_shown_is_no_reason_not_to_inspect() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let site = endless();
    let page = format!("[page]\nlisten = \"127.0.0.1:{port}\"");
    site.edit("station.toml", "[page]\nenabled = false", &page);
    let service = Service::start(site);
    let status = service.wait_until(|status| {
        status["last_part"]["number"].is_u64() && status["page"]["restarts"].as_u64() >= Some(1)
    });
    assert!(status["page"]["url"].is_null(), "{status}");
    let log = String::from_utf8(service.site.read("log")).expect("text");
    assert!(
        log.contains(&format!("showing the page on 127.0.0.1:{port}")),
        "{log}"
    );
    assert!(log.contains("page.listen"), "{log}");
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
}

#[test]
fn status_tells_people_and_scripts_what_needs_attention() {
    let service = Service::start(slow_to_recover(endless()));
    let status = service.wait_until(|status| {
        status["last_rejects"]
            .as_array()
            .is_some_and(|rejects| !rejects.is_empty())
    });
    assert_eq!(status["model"]["name"], "block");
    assert!(status["page"].is_null(), "{status}");
    let disks = status["disks"].as_array().expect("a list");
    assert!(
        disks
            .iter()
            .any(|disk| disk["what"] == "models" && disk["all_bytes"].as_u64() > Some(0))
    );
    assert!(status["board"]["throttled"].is_array(), "{status}");
    assert!(
        !status["attention"]
            .to_string()
            .contains("inspect process was started again")
    );
    signal(
        crate::station::inspect_process(service.process.id()),
        "KILL",
    );
    let status = service.wait_until(|status| status["state"] == "error");
    let first = &status["attention"][0];
    assert_eq!(first["what"], status["doing"], "{status}");
    assert!(
        first["remedy"]
            .as_str()
            .expect("a text")
            .starts_with("wait; "),
        "{status}"
    );
    service.wait_until(|status| status["ready"] == true);
    let text = crate::binaries::succeed(
        crate::binaries::program("twinspect")
            .current_dir(service.site.path("run"))
            .args(["status", "--socket", "control.sock"]),
    );
    for said in [
        "\nstate          Operational / ",
        "\nlast hour      ",
        "\nreject         ",
        "\ndisk           models: ",
        "\nneeds attention:\n",
        "the inspect process was started again, 1 time since the start\n    `journalctl",
    ] {
        assert!(text.contains(said), "{said} in\n{text}");
    }
    service.stop();
}
