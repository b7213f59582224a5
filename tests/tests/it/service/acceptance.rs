//! Acceptance of a station, as an integrator runs it.

use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::Service;
use super::control::by_request;
use crate::binaries::{program, run};
use crate::product::Site;
use crate::station::signal;

/// A station that goes on after its last recorded part, so that nobody's answer is lost by its end.
fn endless() -> Site {
    let site = by_request(40);
    site.edit("station.toml", "\"parts\"", "\"parts\"\nrepeat = true");
    site
}

fn accept(service: &Service, arguments: &[&str]) -> Output {
    accept_into(service, "acceptance", arguments)
}

fn accept_into(service: &Service, folder: &str, arguments: &[&str]) -> Output {
    run(program("twinspect")
        .current_dir(service.site.path(""))
        .args(["accept", "--socket", "run/control.sock", "--out", folder])
        .args(arguments))
}

fn report(service: &Service) -> Value {
    let text = service.site.read("acceptance/acceptance.json");
    serde_json::from_slice(&text).expect("a JSON object")
}

#[test]
fn a_recorded_station_is_accepted_by_what_its_parts_support() {
    let mut service = Service::start(endless());
    service.wait_for("STATUS=ready");
    let status = service.answer("status");
    // This product rejects whatever it sees: two pseudo rejects of two, no slip of one, whose bound is 95 %.
    let limits = [
        "--data",
        "parts",
        "--pseudo-rejects-max",
        "1",
        "--slip-max",
        "0.96",
    ];
    // Where no report can be written no part is shown.
    for folder in ["station.toml/acceptance", "/proc/acceptance"] {
        let output = accept_into(&service, folder, &limits);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(8), "{told}");
        assert!(told.contains(&format!("writing {folder}")), "{told}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert_eq!(service.answer("status")["parts"]["triggered"], 0);
    }
    let output = accept(&service, &limits);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("\naccepted\n"), "{said}");
    let report = report(&service);
    assert_eq!(report["accepted"], true);
    assert_eq!(report["mode"], "trigger");
    assert_eq!(report["pseudo_rejects"]["count"], 2);
    assert_eq!(report["pseudo_rejects"]["of"], 2);
    assert_eq!(report["slip"]["of"], 1);
    assert_eq!(report["pseudo_rejects"]["bound_95"], 1.0);
    assert_eq!(report["slip"]["count"], 0);
    let bound = report["slip"]["bound_95"].as_f64().expect("a bound");
    assert!((bound - 0.95).abs() < 1e-9, "{bound}");
    let kinds = report["slip"]["by_kind"].as_array().expect("kinds");
    assert_eq!(kinds.len(), 1, "{kinds:?}");
    assert_eq!(kinds[0]["kind"], "dent");
    assert_eq!(
        (&kinds[0]["count"], &kinds[0]["of"]),
        (&0.into(), &1.into())
    );
    assert_eq!(kinds[0]["bound_95"], report["slip"]["bound_95"]);
    assert_eq!(report["station"]["bundle"], status["inspector"]["bundle"]);
    let configuration = report["station"]["configuration_sha256"].as_str();
    assert_eq!(configuration.map(str::len), Some(64));
    assert_eq!(
        report["station"]["configuration_sha256"],
        status["configuration"]
    );
    let parts = report["parts"].as_array().expect("parts");
    let counted: Vec<_> = parts.iter().map(|part| part["counted"].as_str()).collect();
    assert_eq!(
        counted,
        [Some("reject"), Some("pseudo_reject"), Some("pseudo_reject")]
    );
    assert_eq!(parts[0]["identity"], "test/dent/000");
    let page = String::from_utf8(service.site.read("acceptance/acceptance.html")).expect("text");
    for text in [
        "Accepted",
        "Pseudo rejects",
        "Slip by kind of defect",
        "test/dent/000",
        "no safety function",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("http"), "nothing from elsewhere");

    // A run that comes to nothing leaves no report under the usual names, and the older one under its time.
    service
        .site
        .write("parts.csv", "identity,expected\ntest/none/000,good\n");
    let output = accept(&service, &["--list", "parts.csv"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let folder = std::fs::read_dir(service.site.path("acceptance")).expect("a folder");
    let mut names: Vec<String> = folder
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    for (name, ending) in names.iter().zip([".html", ".json"]) {
        assert!(
            name.starts_with("acceptance-20") && name.ends_with(ending),
            "{name}"
        );
    }
    let older = service.site.read(&format!("acceptance/{}", names[1]));
    let older: Value = serde_json::from_slice(&older).expect("a JSON object");
    assert_eq!(older, report);
    service.stop();
}

#[test]
fn too_few_parts_and_wrong_ones_are_not_accepted() {
    let mut service = Service::start(endless());
    service.wait_for("STATUS=ready");
    // The dent is listed as good, and the limits are those of a hundred parts.
    service.site.write(
        "parts.csv",
        "identity,expected\ntest/dent/000,good\ntest/good/000,bad,<b>limit</b>\n",
    );
    let output = accept(&service, &["--list", "parts.csv", "--test", "--json"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(9), "{told}");
    assert!(
        told.contains("not accepted: pseudo rejects: 1 of 1"),
        "{told}"
    );
    assert!(told.contains("slip: 0 of 1"), "{told}");
    assert!(told.contains("59 such parts"), "{told}");
    let report = report(&service);
    assert_eq!(report["accepted"], false);
    assert_eq!(report["mode"], "test");
    assert_eq!(report["slip"]["of"], 1);
    let page = String::from_utf8(service.site.read("acceptance/acceptance.html")).expect("text");
    assert!(
        page.contains("&lt;b&gt;limit") && !page.contains("<b>limit"),
        "{page}"
    );

    // The recording is at its third part: it is not the one that is listed next.
    service.site.remove("acceptance");
    let output = accept(&service, &["--data", "parts", "--test"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("has played test/good/001 where test/dent/000"),
        "{told}"
    );
    assert!(!service.site.path("acceptance").exists());
}

#[test]
fn a_list_that_a_spreadsheet_has_written_is_accepted_and_one_with_another_head_is_not() {
    let mut service = Service::start(endless());
    service.wait_for("STATUS=ready");
    let list = "\u{feff}Identity;Expected;Note\r\n\"test/dent/000\";bad;\"dent; deep\"\r\n\
                test/good/000;good;\r\n;;\r\n";
    service.site.write("parts.csv", list);
    let arguments = [
        "--list",
        "parts.csv",
        "--pseudo-rejects-max",
        "1",
        "--slip-max",
        "0.96",
    ];
    let output = accept(&service, &arguments);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let report = report(&service);
    assert_eq!(report["parts"][0]["note"], "dent; deep");
    assert_eq!(report["slip"]["by_kind"][0]["kind"], "dent; deep");
    assert_eq!(report["parts"].as_array().map(Vec::len), Some(2));

    service
        .site
        .write("parts.csv", "id,expected\ntest/good/001,good\n");
    let output = accept(&service, &["--list", "parts.csv"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("parts.csv, line 1: this is neither the head of a list"),
        "{told}"
    );
    assert_eq!(service.answer("status")["parts"]["triggered"], 2);
    service.stop();
}

#[test]
fn a_challenge_part_is_caught_or_missed_and_the_station_says_so() {
    let site = endless();
    site.edit(
        "station.toml",
        "[trigger]",
        "[challenge]\nevery_hours = 24.0\npart = \"ref-7\"\nmemory = \"challenge.json\"\n[trigger]",
    );
    let mut service = Service::start(site);
    service.wait_for("STATUS=ready");
    let marked = service.answer("challenge");
    assert_eq!(marked["reply"], "challenge_marked", "{marked}");
    assert_eq!(
        (&marked["number"], &marked["part"]),
        (&Value::from(1), &Value::from("ref-7"))
    );
    let refusal = service.refusal("challenge");
    assert!(refusal.contains("awaited already"), "{refusal}");
    // The recording begins with a dent.
    assert_eq!(service.answer("trigger")["verdict"], "fail");
    let challenge = service.answer("status")["challenge"].clone();
    assert_eq!(challenge["last"], "caught", "{challenge}");
    assert!(challenge["alarm"].is_null(), "{challenge}");
    let due_s = challenge["due_in_s"].as_f64().expect("a time");
    assert!((0.0..=86_400.0).contains(&due_s), "{due_s}");
    let due_unix_s = challenge["due_unix_s"].as_f64().expect("a time");
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let left_s = due_unix_s - now.expect("a clock that is set").as_secs_f64();
    assert!((left_s - due_s).abs() < 60.0, "{left_s} {due_s}");
    // Another one is awaited anew.
    let marked = service.answer("challenge");
    assert_eq!(marked["number"], 2, "{marked}");
    assert_eq!(service.answer("status")["challenge"]["awaited"], 2);

    // A restart knows that nobody has seen what became of it.
    let memory = service.site.path("challenge.json");
    let says = |standing: &str| {
        let text = std::fs::read_to_string(&memory).expect("what is remembered");
        text.contains(standing)
    };
    service.wait_until(|_| says("awaited"));
    signal(service.process.id(), "TERM");
    service.end();
    let mut service = service.start_again();
    service.wait_for("STATUS=ready");
    let challenge = service.answer("status")["challenge"].clone();
    assert_eq!(challenge["alarm"], "overdue", "{challenge}");
    // What was shown before is not forgotten.
    assert_eq!(challenge["last"], "caught", "{challenge}");
    let told = run(program("twinspect")
        .current_dir(service.site.path(""))
        .args(["status", "--socket", "run/control.sock"]));
    let told = String::from_utf8(told.stdout).expect("text");
    assert!(
        told.contains("challenge      last: caught, ALARM: overdue"),
        "{told}"
    );
    service.answer("challenge");
    assert_eq!(service.answer("trigger")["verdict"], "fail");
    service.wait_until(|status| status["challenge"]["alarm"].is_null() && says("well"));
    service.stop();
}
