//! A station whose camera is the trigger: parts on a simulated belt, seen by a camera that runs freely, in
//! the real program.
//!
//! The belt's pictures have times of their own, so that what is seen does not depend on how busy the
//! machine is; only answers do, and they have seconds.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use twinspect_bundle::Bundle;
use twinspect_core::frame::FramePair;
use twinspect_core::score::FusionInputs;
use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split};

use crate::binaries::{program, run, succeed};
use crate::product::{
    Site, block, builder, camera, colour_alone, frame, golden, manifest, picture,
};
use crate::service::Service;
use crate::station::{check_laws, endless};

/// Pictures of a part, at 20 a second.
const STATION: &str = "\
[bundle]
file = \"told.twb\"
[camera]
kind = \"belt\"
folder = \"parts\"
frame_hz = 20.0
frames_a_part = 10
[trigger]
source = \"presence\"
[presence]
on_share = 0.05
off_share = 0.02
most_share = 0.25
sight_max_ms = 600
gap_max_ms = 140
[ready]
silence_max_ms = 10000
[inspector]
silence_max_ms = 20000
[gate]
delay_ms = 5000
deadline_ms = 4900
";

/// Height of a defective block; good ones have 10.
const HIGH_MM: u16 = 50;

/// The product with its line halfway between good blocks and high ones.
fn bundle() -> Bundle {
    let mut manifest = manifest();
    let none = |_: &FusionInputs| panic!("there is no network to ask");
    let evidence = |height_mm| {
        golden(&manifest, "000", block(1, height_mm), none)
            .evidence
            .fused
    };
    let (good, high) = (evidence(10), evidence(HIGH_MM));
    assert!(high > 1.5 * good, "{good} and {high} can't be told apart");
    manifest.score.fused.evidence = (good + high) / 2.0;
    let mut builder = builder(&manifest);
    for (name, seed) in [("000", 1), ("001", 2)] {
        builder = builder.golden(golden(&manifest, name, frame(seed), none));
    }
    builder.build().expect("the bundle is sound")
}

/// A site whose recording has these parts, in the order of their names.
fn site(parts: &[(&str, FramePair)]) -> Site {
    let site = Site::new();
    bundle()
        .write_archive(site.path("told.twb"))
        .expect("the archive is written");
    site.remove("parts");
    let mut writer =
        RecordedPartsWriter::create(site.path("parts"), Some(camera())).expect("a new data set");
    for (label, frame) in parts {
        writer
            .write(
                Split::Test,
                &Label::from_folder(label),
                frame,
                None,
                &PartRecord::default(),
            )
            .expect("a part is written");
    }
    site.write("station.toml", STATION);
    site
}

/// Parts and summary of a run until its end.
fn run_to_end(site: &Site) -> (Vec<Value>, Value) {
    let said = succeed(
        program("twinspect")
            .current_dir(site.path(""))
            .args(["run", "--config", "station.toml", "--json"])
            .stderr(Stdio::inherit()),
    );
    let mut lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    let summary = lines.pop().expect("a summary");
    check_laws(&lines, &summary);
    (lines, summary)
}

fn names(parts: &[Value]) -> Vec<&str> {
    parts
        .iter()
        .map(|part| part["part"].as_str().unwrap_or("-"))
        .collect()
}

#[test]
fn parts_on_a_belt_are_seen_judged_and_let_through_in_their_order() {
    // Folders come in the order of their names: parts of another height lie between good ones.
    let site = site(&[
        ("a", frame(1)),
        ("b", block(2, HIGH_MM)),
        ("c", frame(3)),
        ("d", block(4, HIGH_MM)),
        ("e", frame(5)),
        ("f", frame(6)),
    ]);
    // What `replay` says of the very same pictures.
    let said = succeed(program("twinspect").current_dir(site.path("")).args([
        "replay", "--bundle", "told.twb", "--data", "parts", "--json",
    ]));
    let known: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    let (parts, summary) = run_to_end(&site);
    let expected = ["a", "b", "c", "d", "e", "f"].map(|label| format!("test/{label}/000"));
    assert_eq!(names(&parts), expected);
    for (part, known) in parts.iter().zip(&known) {
        assert_eq!(part["verdict"], known["verdict"], "{part}");
        let judged = (&part["score"], &part["finding"]);
        let expected = (&known["score"], &known["finding"]);
        assert_eq!(judged, expected, "the recorded picture itself");
    }
    let verdicts: Vec<&str> = parts
        .iter()
        .map(|part| part["verdict"].as_str().expect("a word"))
        .collect();
    assert_eq!(verdicts, ["pass", "fail", "pass", "fail", "pass", "pass"]);
    // A part leaves by the time of its picture, and pictures of two parts are ten frames apart.
    let left: Vec<f64> = parts
        .iter()
        .map(|part| part["left_ms"].as_f64().expect("a time"))
        .collect();
    for pair in left.windows(2) {
        assert!((pair[1] - pair[0] - 500.0).abs() < 0.01, "{left:?}");
    }
    let trigger = &summary["trigger"];
    for count in ["doubles", "missed", "losses", "unclear", "stuck"] {
        assert_eq!(trigger[count], 0, "{count}: {summary}");
    }
    assert_eq!(summary["pulses"], 4);
}

#[test]
fn a_station_whose_camera_is_the_trigger_is_accepted_by_the_parts_that_it_sees() {
    let site = site(&[
        ("good", frame(1)),
        ("good", frame(3)),
        ("high", block(2, HIGH_MM)),
        ("high", block(4, HIGH_MM)),
    ]);
    let repeat = "frames_a_part = 10\nrepeat = true";
    site.edit("station.toml", "frames_a_part = 10", repeat);
    let mut service = Service::start(site);
    service.wait_for("STATUS=ready");
    let limits = ["--pseudo-rejects-max", "0.9", "--slip-max", "0.9"];
    let output = run(program("twinspect")
        .current_dir(service.site.path(""))
        .args([
            "accept",
            "--socket",
            "run/control.sock",
            "--out",
            "acceptance",
        ])
        .args(["--data", "parts"])
        .args(limits));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let report: Value =
        serde_json::from_slice(&service.site.read("acceptance/acceptance.json")).expect("a report");
    assert_eq!(report["mode"], "seen", "{report}");
    assert_eq!(
        (
            &report["pseudo_rejects"]["count"],
            &report["pseudo_rejects"]["of"]
        ),
        (&0.into(), &2.into())
    );
    assert_eq!(
        (&report["slip"]["count"], &report["slip"]["of"]),
        (&0.into(), &2.into())
    );
    let parts = report["parts"].as_array().expect("parts");
    let mut seen = names_of(parts);
    seen.sort_unstable();
    let all = [
        "test/good/000",
        "test/good/001",
        "test/high/000",
        "test/high/001",
    ];
    assert_eq!(seen, all, "each counts once");
    // A list means the very next part; here others have come already.
    let line = answer_to(&service, &serde_json::json!({"next_part": {"after": 0}}));
    assert!(
        line.contains("another part than the one that is meant"),
        "{line}"
    );
    service.stop();
}

#[test]
fn parts_of_a_list_are_those_that_lie_on_the_belt_one_after_the_other() {
    // Of each two that follow each other one is good and one is not.
    let played = ["test/a/000", "test/b/000", "test/c/000", "test/d/000"];
    let site = site(&[
        ("a", frame(1)),
        ("b", block(2, HIGH_MM)),
        ("c", frame(3)),
        ("d", block(4, HIGH_MM)),
    ]);
    // Somebody who lays parts down waits for the one before to leave.
    for (usual, slow) in [
        ("frames_a_part = 10", "frames_a_part = 120\nrepeat = true"),
        ("sight_max_ms = 600", "sight_max_ms = 4000"),
        ("delay_ms = 5000", "delay_ms = 4500"),
        ("deadline_ms = 4900", "deadline_ms = 4400"),
    ] {
        site.edit("station.toml", usual, slow);
    }
    let mut service = Service::start(site);
    service.wait_for("STATUS=ready");
    let accept = |list: &str| {
        service.site.write("list.csv", list);
        let arguments = [
            "accept",
            "--socket",
            "run/control.sock",
            "--list",
            "list.csv",
        ];
        let limits = ["--pseudo-rejects-max", "0.99", "--slip-max", "0.99"];
        let output = run(program("twinspect")
            .current_dir(service.site.path(""))
            .args(arguments)
            .args(["--out", "acceptance"])
            .args(limits));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), told)
    };
    let comes = |ahead: usize| {
        let triggered = service.answer("status")["parts"]["triggered"].as_u64();
        let next = triggered.expect("a count") as usize + ahead;
        played[next % played.len()]
    };
    let expected = |name: &str| match name {
        "test/a/000" | "test/c/000" => "good",
        _ => "bad",
    };

    // Nobody can tell the simulated belt to wait: where a part has come meanwhile, another list is meant.
    let accepted = (0..10).find_map(|_| {
        let pair = [comes(0), comes(1)];
        let list = pair.map(|name| format!("{name},{}\n", expected(name)));
        let (code, told) = accept(&list.concat());
        if code == Some(0) {
            return Some(pair);
        }
        let is_late = told.contains("than the one that is meant") || told.contains("has played");
        assert!(is_late, "{told}");
        None
    });
    let pair = accepted.expect("in ten tries");
    let report: Value =
        serde_json::from_slice(&service.site.read("acceptance/acceptance.json")).expect("a report");
    assert_eq!(report["mode"], "seen", "{report}");
    let parts = report["parts"].as_array().expect("parts");
    assert_eq!(names_of(parts), pair);
    let numbers: Vec<u64> = parts
        .iter()
        .map(|part| part["number"].as_u64().expect("a number"))
        .collect();
    assert_eq!(numbers[1], numbers[0] + 1);
    for number in 0..2 {
        assert_eq!(parts[number]["expected"], expected(pair[number]));
    }

    // The part that comes is another one than the list says: no report, and the older one is not taken for it.
    let is_told = (0..10).any(|_| {
        let (code, told) = accept("test/a/099,good\n");
        assert_eq!(code, Some(2), "{told}");
        told.contains("where test/a/099 is listed")
    });
    assert!(is_told, "in ten tries");
    assert!(!service.site.path("acceptance/acceptance.json").exists());
    service.stop();
}

fn names_of(parts: &[Value]) -> Vec<&str> {
    let names = parts.iter().map(|part| part["identity"].as_str());
    names.map(|name| name.expect("a name")).collect()
}

#[test]
fn what_is_no_part_has_no_number_and_harms_its_neighbours_alone() {
    let site = site(&[
        ("a", frame(1)),
        // From the left side of the picture to the right one: in no picture whole.
        (
            "b",
            picture(2, |x, y| (0..80).contains(&x) && (27..37).contains(&y)),
        ),
        ("c", frame(3)),
        // Two that touch, as large as two.
        (
            "d",
            picture(4, |x, y| (12..68).contains(&x) && (18..46).contains(&y)),
        ),
        ("e", frame(5)),
    ]);
    let (parts, summary) = run_to_end(&site);
    assert_eq!(names(&parts), ["test/a/000", "test/c/000", "test/e/000"]);
    assert!(
        parts.iter().all(|part| part["verdict"] == "pass"),
        "{parts:?}"
    );
    let trigger = &summary["trigger"];
    assert_eq!(
        (&trigger["unclear"], &trigger["doubles"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        (&trigger["stuck"], &trigger["losses"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn something_that_stays_in_sight_costs_all_parts_under_way() {
    let site = site(&[
        ("a", frame(1)),
        (
            "b",
            picture(2, |x, y| (0..80).contains(&x) && (27..37).contains(&y)),
        ),
        ("c", frame(3)),
    ]);
    // The bar is in sight for 400 ms, a part for 300.
    site.edit("station.toml", "sight_max_ms = 600", "sight_max_ms = 320");
    let keep = "[records]\nenabled = true\nfree_min_mb = 0\n[trigger]";
    site.edit("station.toml", "[trigger]", keep);
    let (parts, summary) = run_to_end(&site);
    assert_eq!(names(&parts)[1..], ["test/c/000"]);
    assert_eq!(parts[0]["reason"], "position", "{parts:?}");
    assert_eq!(parts[1]["verdict"], "pass");
    assert_eq!(summary["trigger"]["stuck"], 1);
    // It is a good part, of which no picture is kept; that it was rejected is recorded all the same.
    let arguments = ["records", "list", "--config", "station.toml", "--json"];
    let said = succeed(
        program("twinspect")
            .current_dir(site.path(""))
            .args(arguments),
    );
    let listed: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    let [record] = listed.as_slice() else {
        panic!("{said}");
    };
    assert_eq!(record["reason"], "position", "{record}");
    assert_eq!(record["unseen"]["parts"], 1, "{record}");
    assert_eq!(record["number"], parts[0]["number"]);
}

/// The station's answer to one line.
fn answer_to(service: &Service, request: &Value) -> String {
    let mut line = String::new();
    BufReader::new(service.say(request))
        .read_line(&mut line)
        .expect("an answer");
    line
}

#[test]
fn nobody_waits_for_a_part_that_can_t_come() {
    let site = Site::new();
    let by_request = "source = \"software\"\nspacing_min_ms = 40\nexposure_max_ms = 5000\n\
                      [gate]\ndelay_ms = 2000\ndeadline_ms = 1900";
    site.edit("station.toml", "rate_hz = 20.0", by_request);
    let service = Service::start(site);
    let refused = answer_to(&service, &serde_json::json!({"next_part": {}}));
    assert!(refused.contains("comes by itself"), "{refused}");
    service.stop();

    let service = Service::start(endless());
    let first = answer_to(&service, &serde_json::json!({"next_part": {"number": 0}}));
    assert!(first.contains("counted from 1"), "{first}");
    let far = answer_to(
        &service,
        &serde_json::json!({"next_part": {"number": 1_000_000_000}}),
    );
    assert!(far.contains("is not the next one"), "{far}");
    let next = answer_to(&service, &serde_json::json!({"next_part": {}}));
    assert!(next.contains("\"reply\":\"left\""), "{next}");
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
}

#[test]
fn a_product_without_depth_is_refused_with_the_remedy() {
    let site = site(&[("a", frame(1))]);
    colour_alone()
        .write_archive(site.path("colour.twb"))
        .expect("the archive is written");
    site.edit("station.toml", "told.twb", "colour.twb");
    for command in ["check", "run"] {
        let refused = run(program("twinspect").current_dir(site.path("")).args([
            command,
            "--config",
            "station.toml",
        ]));
        let told = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{command}: {told}");
        assert!(told.contains("trigger.source = \"presence\""), "{told}");
        assert!(told.contains("hint: use a part sensor"), "{told}");
    }
}

#[test]
fn check_says_what_recorded_parts_cover() {
    let site = site(&[("a", frame(1)), ("b", frame(2))]);
    site.edit("station.toml", "most_share = 0.25", "most_share = 0.1");
    let said = succeed(program("twinspect").current_dir(site.path("")).args([
        "check",
        "--config",
        "station.toml",
        "--json",
    ]));
    let found: Value = serde_json::from_str(&said).expect("a JSON object");
    let presence = &found["presence"];
    assert_eq!(
        (&presence["parts"], &presence["whole"]),
        (&2.into(), &2.into())
    );
    let share = presence["largest_share"].as_f64().expect("a share");
    // 30 x 28 of 80 x 64 pixels.
    assert!((share - 0.164).abs() < 0.02, "{share}");
    let warnings = found["warnings"].to_string();
    assert!(warnings.contains("presence.most_share"), "{warnings}");
}
