//! Parts that are marked on the page: who may, who may not, and what becomes of a mark.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::{address, send, state, wait_until, with_page};
use crate::binaries::{program, succeed};
use crate::product::Site;
use crate::service::Service;
use crate::station::{check_laws, endless};

pub(super) const TOKEN: &str = "2f1e0d3c4b5a6978";

/// The same station with records, and with a page that has a token in a file with these rights.
pub(super) fn with_token(site: Site, mode: u32) -> Site {
    let keep = "[records]\nenabled = true\nevery_nth_pass = 1\nfree_min_mb = 0\n[trigger]";
    site.edit("station.toml", "[trigger]", keep);
    site.write("page.token", format!("{TOKEN}\n"));
    let rights = PermissionsExt::from_mode(mode);
    std::fs::set_permissions(site.path("page.token"), rights).expect("rights");
    let site = with_page(site);
    let token = "[page]\ntoken_file = \"page.token\"";
    site.edit("station.toml", "[page]", token);
    site
}

/// Status and text of the answer to a wish.
fn post(address: &str, path: &str, fields: &str) -> (u16, String) {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n{fields}\r\n"
    );
    let answer = String::from_utf8_lossy(&send(address, request.as_bytes())).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("a status"), answer)
}

fn bearer(address: &str, token: &str) -> String {
    format!("Origin: http://{address}\r\nAuthorization: Bearer {token}\r\n")
}

/// The marks of records, by the record's name.
pub(super) fn marks(folder: &Path) -> Vec<(String, String)> {
    let listed = succeed(program("twinspect").current_dir(folder).args([
        "records",
        "list",
        "--config",
        "station.toml",
    ]));
    let words =
        |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    listed
        .lines()
        .map(words)
        .filter(|line| line.len() > 3 && line[0].starts_with("record-"))
        .map(|line| (line[0].clone(), line[line.len() - 3].clone()))
        .collect()
}

fn first_with_record(state: &Value) -> Option<&Value> {
    let mut rejects = state["rejects"].as_array()?.iter();
    rejects.find(|part| part["record"].is_string())
}

#[test]
fn a_part_is_marked_with_the_token_and_the_mark_lies_beside_its_record() {
    let service = Service::start(with_token(endless(), 0o640));
    let address = address(&service);
    let seen = wait_until(&address, |state| first_with_record(state).is_some());
    let part = first_with_record(&seen).expect("a part with a record");
    let id = part["record"].as_str().expect("a name").to_owned();
    let path = format!("/api/records/{id}/true-reject");
    let record = service.site.read(&format!("records/{id}/record.json"));
    let record: Value = serde_json::from_slice(&record).expect("a JSON object");
    assert!(record["run"].is_string(), "{record}");
    assert_eq!(record["run"], seen["run"], "a process has its number again");
    let right = bearer(&address, TOKEN);
    for (fields, status) in [
        (String::new(), 403),
        (format!("Origin: http://{address}\r\n"), 401),
        (bearer(&address, "2f1e0d3c4b5a6979"), 401),
        (bearer("evil.example", TOKEN), 403),
    ] {
        assert_eq!(post(&address, &path, &fields).0, status, "{fields}");
    }
    assert!(
        marks(&service.site.path(""))
            .iter()
            .all(|(_, mark)| mark == "-")
    );

    let (status, answer) = post(&address, &path, &right);
    assert_eq!(status, 200, "{answer}");
    assert!(
        !answer.to_ascii_lowercase().contains("set-cookie"),
        "{answer}"
    );
    let now = state(&address);
    let rejects = now["rejects"].as_array().expect("a list").iter();
    for part in rejects.filter(|part| part["record"] == id.as_str()) {
        assert_eq!(part["mark"], "true_reject", "{part}");
    }
    let told = marks(&service.site.path(""));
    let told = told.iter().find(|(record, _)| *record == id);
    assert_eq!(told.map(|(_, mark)| mark.as_str()), Some("true-reject"));
    let review = service.site.read(&format!("records/{id}/review.json"));
    let review: Value = serde_json::from_slice(&review).expect("a JSON object");
    assert_eq!(review["who"], "page, 127.0.0.1");

    // What contradicts the record, and what is not there.
    let escape = format!("/api/records/{id}/escape");
    assert_eq!(post(&address, &escape, &right).0, 409);
    let gone = "/api/records/record-99999999-fail/false-reject";
    assert_eq!(post(&address, gone, &right).0, 404);
    let outside = "/api/records/..%2f..%2frecord-00000001-fail/escape";
    assert_eq!(post(&address, outside, &right).0, 404);

    // Somebody tries tokens: nobody from there is listened to any more, and the page is looked at as ever.
    let wrong = bearer(&address, "0000000000000000");
    let statuses: Vec<u16> = (0..6).map(|_| post(&address, &path, &wrong).0).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let (status, answer) = post(&address, &path, &right);
    assert_eq!(status, 429, "{answer}");
    assert!(
        answer.to_ascii_lowercase().contains("retry-after: "),
        "{answer}"
    );
    assert_eq!(state(&address)["station"], "station");
    let log = String::from_utf8(service.site.read("log")).expect("text");
    assert!(!log.contains(TOKEN), "the token stands in the log");
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    assert_eq!(summary["inspector_restarts"], 0);
}

#[test]
fn a_token_that_others_may_read_is_none_and_the_station_says_so_and_inspects() {
    let site = with_token(endless(), 0o644);
    let check = succeed(program("twinspect").current_dir(site.path("")).args([
        "check",
        "--config",
        "station.toml",
    ]));
    assert!(check.contains("the page will take no marks"), "{check}");
    let service = Service::start(site);
    let address = address(&service);
    let status = service.wait_until(|status| status["last_part"]["number"].is_u64());
    let attention = status["attention"].to_string();
    assert!(attention.contains("644: others may read it"), "{attention}");
    let state = wait_until(&address, |state| state["last"]["number"].is_u64());
    assert!(first_with_record(&state).is_none(), "{state}");
    let path = "/api/records/record-00000001-fail/true-reject";
    assert_eq!(post(&address, path, &bearer(&address, TOKEN)).0, 405);
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
}
