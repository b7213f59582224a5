//! Records as a technician meets them: a station writes them, `twinspect records` lists, shows, reviews
//! and exports them, and the trainer's tools read what comes out.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;
use twinspect_dataset::Split;

use crate::binaries::{program, run, succeed};
use crate::product::Site;
use crate::service::Service;
use crate::station::{endless, inspect_process, patient, signal};

/// A station that has judged its three parts, a dent and two good ones, and has kept all of them.
fn recorded() -> Site {
    let site = patient();
    let keep = "[records]\nenabled = true\nevery_nth_pass = 1\nfree_min_mb = 0\n[trigger]";
    site.edit("station.toml", "[trigger]", keep);
    succeed(twinspect(&site).args(["run", "--config", "station.toml", "--json"]));
    site
}

fn twinspect(site: &Site) -> std::process::Command {
    let mut command = program("twinspect");
    command.current_dir(site.path(""));
    command
}

fn records(site: &Site, arguments: &[&str]) -> Output {
    let place = ["--config", "station.toml"];
    run(twinspect(site).arg("records").args(arguments).args(place))
}

/// Lines of JSON of a command that must succeed.
fn lines(site: &Site, arguments: &[&str]) -> Vec<Value> {
    let output = records(site, &[arguments, &["--json"]].concat());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    objects(&String::from_utf8_lossy(&output.stdout))
}

fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect()
}

fn ids(listed: &[Value]) -> Vec<&str> {
    listed
        .iter()
        .filter_map(|line| line["id"].as_str())
        .collect()
}

/// Scores of parts by what the recording called them first.
fn replayed(site: &Site, data: &str) -> BTreeMap<String, Value> {
    let replay = ["replay", "--bundle", "block.twb", "--json", "--data", data];
    let said = objects(&succeed(twinspect(site).args(replay)));
    said.iter()
        .filter_map(|part| Some((part["part"].as_str()?.to_owned(), part.clone())))
        .collect()
}

#[test]
fn what_a_station_has_kept_is_judged_alike_again_by_every_tool() {
    let site = recorded();
    let listed = lines(&site, &["list"]);
    assert_eq!(listed.len(), 3, "{listed:?}");
    for line in &listed {
        assert_eq!(line["station"], "station");
        assert_eq!(line["model"]["name"], "block");
        assert!(line["score"].is_number(), "{line}");
        assert!(line["took_ms"].is_number(), "{line}");
        let sheet = site.path(line["sheet"].as_str().expect("a picture"));
        assert!(image::open(sheet).is_ok(), "{line}");
    }
    // This product rejects whatever it sees; so one reject is right, and two are not.
    let dents: Vec<&Value> = listed
        .iter()
        .filter(|line| line["part"] == "test/dent/000")
        .collect();
    let [reject] = dents.as_slice() else {
        panic!("{listed:?}");
    };
    let reject_id = reject["id"].as_str().expect("a name").to_owned();
    for id in ids(&listed) {
        let mark = if id == reject_id {
            ["--mark", "true-reject", "--defect", "dent"].as_slice()
        } else {
            ["--mark", "false-reject"].as_slice()
        };
        lines(&site, &[&["review", id, "--who", "mia"], mark].concat());
    }

    let exported = lines(&site, &["export", "--out", "disputed"]);
    assert_eq!(exported.last().expect("a summary")["written"], 3);
    let set = twinspect_dataset::open(site.path("disputed")).expect("a data set");
    let old = twinspect_dataset::open(site.path("parts")).expect("a data set");
    let olds: Vec<_> = old
        .parts(Split::Test)
        .iter()
        .map(|part| old.load(part).expect("a part"))
        .collect();
    let scores = replayed(&site, "disputed");
    assert_eq!(scores.len(), 3, "{scores:?}");
    for (line, export) in listed.iter().rev().zip(&exported) {
        let name = export["part"].as_str().expect("a part's name");
        let judged = &scores[name];
        for key in ["verdict", "score", "seen_by", "regions"] {
            assert_eq!(judged[key], line[key], "{key} of {name}");
        }
        // Bit by bit what the station has played; its stamps are its own.
        let part = set
            .parts(Split::Test)
            .iter()
            .find(|part| part.id.as_str() == name);
        let part = set.load(part.expect("it is listed")).expect("a part");
        let played = olds.iter().find(|old| line["part"] == old.id.as_str());
        let played = &played.expect("it was played").frame;
        assert_eq!(part.frame.rgb(), played.rgb());
        assert_eq!(part.frame.depth(), played.depth());
        assert_eq!(part.frame.intrinsics(), played.intrinsics());
    }
    let again = lines(&site, &["export", "--out", "disputed"]);
    assert_eq!(again.last().expect("a summary")["before"], 3);

    // The trainer's own measurement takes the set; both good parts of the recording become its good ones.
    let good: Vec<&str> = ids(&listed)
        .into_iter()
        .filter(|id| *id != reject_id)
        .collect();
    let label = ["--out", "measured", "--label", "good"];
    lines(&site, &[&["export"], good.as_slice(), &label].concat());
    let label = ["--out", "measured", "--label", "dent"];
    lines(
        &site,
        &[&["export", reject_id.as_str()], label.as_slice()].concat(),
    );
    let evaluate = [
        "evaluate",
        "--bundle",
        "block.twb",
        "--data",
        "measured",
        "--json",
    ];
    let said = succeed(
        program("twinspect-lab")
            .current_dir(site.path(""))
            .args(evaluate),
    );
    let measured: Value = serde_json::from_str(&said).expect("a JSON object");
    assert!(measured.is_object(), "{said}");
    // And as training parts.
    let train = ["--out", "more", "--label", "good", "--split", "train"];
    lines(&site, &[&["export"], good.as_slice(), &train].concat());
    let more = twinspect_dataset::open(site.path("more")).expect("a data set");
    assert_eq!(more.parts(Split::Train).len(), 2);
}

#[test]
fn records_are_found_by_what_was_said_when_by_whom_and_since() {
    let site = recorded();
    let count = |arguments: &[&str]| lines(&site, &[&["list"], arguments].concat()).len();
    assert_eq!(count(&["--verdict", "fail"]), 3);
    assert_eq!(count(&["--verdict", "pass"]), 0);
    assert_eq!(count(&["--verdict", "pass", "--verdict", "fail"]), 3);
    assert_eq!(count(&["--verdict", "no-result"]), 0);
    assert_eq!(count(&["--since", "1h"]), 3);
    assert_eq!(count(&["--since", "2999-01-01"]), 0);
    assert_eq!(count(&["--model", "block"]), 3);
    assert_eq!(count(&["--model", "block 1.0.0"]), 3);
    assert_eq!(count(&["--model", "block 1.0.1"]), 0);
    assert_eq!(count(&["--limit", "2"]), 2);
    let rejected = lines(&site, &["list", "--verdict", "fail"]);
    // The oldest, which is the dent.
    let id = ids(&rejected)[2].to_owned();
    let seen: usize = ["rgb", "geometry", "both"]
        .iter()
        .map(|sense| {
            let alike = rejected.iter().filter(|line| line["seen_by"] == **sense);
            let found = count(&["--seen-by", sense]);
            assert_eq!(found, alike.count(), "{sense}");
            found
        })
        .sum();
    assert_eq!(seen, 3);

    assert_eq!(count(&["--mark", "none"]), 3);
    let marked = lines(
        &site,
        &[
            "review",
            &id,
            "--mark",
            "false-reject",
            "--who",
            "mia",
            "--note",
            "dust",
        ],
    );
    assert_eq!(marked[0]["review"]["mark"], "false_reject");
    assert_eq!(count(&["--mark", "none"]), 2);
    assert_eq!(count(&["--mark", "false-reject"]), 1);
    let shown = records(&site, &["show", &id]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for text in [
        "FAIL",
        "test/dent/000",
        "false-reject by mia",
        "dust",
        "block 1.0.0",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }

    let long = "x".repeat(100_000);
    for (arguments, code, told) in [
        (&["show", "record-00000099-fail"][..], 2, "has no record"),
        (&["show", "../../etc"], 2, "is no record's name"),
        (&["review", &id, "--mark", "escape"], 2, "it was rejected"),
        (
            &["review", &id, "--mark", "false-reject", "--defect", "dent"],
            2,
            "marked false-reject has no kind of defect",
        ),
        (
            &["review", &id, "--mark", "unsure", "--who", ""],
            2,
            "needs the name",
        ),
        (
            &["review", &id, "--mark", "unsure", "--note", &long],
            2,
            "100000 characters, and a review's at most 2000",
        ),
        (
            &["export", "--out", "records/new"],
            2,
            "lies in the folder of records",
        ),
        (&["list", "--since", "soon"], 2, "90min"),
        (&["export", "--out", "set", "--label", "../up"], 3, "../up"),
    ] {
        let refused = records(&site, arguments);
        let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
        let stdout = String::from_utf8_lossy(&refused.stdout).into_owned();
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(
            format!("{stdout}{stderr}").contains(told),
            "{arguments:?}: {stderr}{stdout}"
        );
    }
    assert!(!site.path("up").exists());
    let kept = records(&site, &["show", &id]);
    let kept = String::from_utf8_lossy(&kept.stdout).into_owned();
    assert!(kept.contains("false-reject by mia"), "{kept}");
}

#[test]
fn what_else_lies_among_records_is_passed_over_and_nothing_leaves_the_folder() {
    let site = recorded();
    let folder = site.path("records");
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, folder.join(name)).expect("a link");
    };
    link("/", "record-00000100-fail");
    link("/etc/passwd", "record-00000101-fail");
    for (name, text) in [
        ("record-00000102-fail", vec![b'['; 300_000]),
        ("record-00000103-fail", b"\x1b[2J\0garbage".to_vec()),
        ("record-00000104-no_result", Vec::new()),
    ] {
        std::fs::create_dir(folder.join(name)).expect("a folder");
        std::fs::write(folder.join(name).join("record.json"), text).expect("a file");
    }
    std::fs::create_dir(folder.join("record-00000105-fail")).expect("a folder");
    link("/dev/zero", "record-00000105-fail/record.json");
    std::fs::write(folder.join("notes.txt"), "mine").expect("a file");
    // One of the station's own whose picture leads elsewhere, and whose texts move the cursor.
    let rejected = lines(&site, &["list", "--verdict", "fail"]);
    let id = ids(&rejected)[0].to_owned();
    let text = folder.join(&id).join("record.json");
    let spoiled = std::fs::read_to_string(&text).expect("a text");
    let spoiled = spoiled.replace("\"name\": \"block\"", "\"name\": \"\\u001b[2Jblock\"");
    std::fs::write(&text, spoiled).expect("a text");
    let depth = folder.join(&id).join("depth.png");
    std::fs::remove_file(&depth).expect("a picture");
    std::os::unix::fs::symlink("/dev/zero", &depth).expect("a link");

    let listed = records(&site, &["list"]);
    assert!(listed.status.success());
    let said = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(said.contains("3 records in"), "{said}");
    assert!(said.contains(", 4 can't be read"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
    let refused = records(&site, &["export", "--out", "set", "--label", "good"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains("5 of 7 records were not exported"), "{told}");
    let set = twinspect_dataset::open(site.path("set")).expect("a data set");
    assert_eq!(set.parts(Split::Test).len(), 2);

    // The station goes on beside it, and touches nothing of it.
    succeed(twinspect(&site).args(["run", "--config", "station.toml", "--json"]));
    for name in ["record-00000100-fail", "record-00000103-fail", "notes.txt"] {
        assert!(folder.join(name).symlink_metadata().is_ok(), "{name}");
    }
    let newest = lines(&site, &["list", "--limit", "1"]);
    let first = newest[0]["id"].as_str().expect("a name");
    assert!(first.starts_with("record-0000010"), "{first}");
}

#[test]
fn a_disk_without_room_costs_records_and_no_part_and_says_so_once() {
    let site = patient();
    // A floor that no disk reaches.
    let keep = "[records]\nenabled = true\nevery_nth_pass = 1\nfree_min_mb = 10000000\n[trigger]";
    site.edit("station.toml", "[trigger]", keep);
    let output = run(twinspect(&site).args(["run", "--config", "station.toml", "--json"]));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let said = objects(&String::from_utf8_lossy(&output.stdout));
    let summary = said.last().expect("a summary");
    assert_eq!(summary["inspector"]["records_dropped"], 3, "{summary}");
    assert_eq!(summary["inspector"]["records_written"], 0);
    assert_eq!(said.len(), 4);
    assert_eq!(told.matches("no room for a record").count(), 1, "{told}");
    assert!(lines(&site, &["list"]).is_empty());
}

#[test]
fn parts_without_a_picture_have_one_record_for_all_and_nothing_to_export() {
    let site = endless();
    let keep = "[records]\nenabled = true\nkeep_parts = 2\nfree_min_mb = 0\n\
                [inspector]\nrestart_wait_ms = 4000\n[trigger]";
    site.edit("station.toml", "[trigger]", keep);
    let service = Service::start(site);
    service.wait_until(|status| status["inspected"]["records_written"].as_u64() >= Some(2));
    // Five parts a second, and nobody who sees them for four seconds.
    signal(inspect_process(service.process.id()), "KILL");
    let no_results = |status: &Value| {
        let counted = status["counts"]["no_result"].as_array().cloned();
        let mut counted = counted.unwrap_or_default().into_iter();
        let inspector = counted.find(|pair| pair[0] == "inspector");
        inspector.and_then(|pair| pair[1].as_u64()).unwrap_or(0)
    };
    service.wait_until(|status| no_results(status) >= 5);
    signal(service.process.id(), "TERM");
    let mut service = service;
    let (parts, _) = service.end();
    let site = &service.site;
    let unseen = |parts: &[Value], reason: &str| {
        parts.iter().filter(|part| part["reason"] == reason).count() as u64
    };
    let listed = lines(site, &["list", "--verdict", "no-result"]);
    let mut told = listed
        .iter()
        .filter(|line| line["reason"] == "inspector" && line["unseen"].is_object());
    let record = told.next().expect("a record of parts that nobody saw");
    assert_eq!(told.next(), None, "one for all of them: {listed:?}");
    assert_eq!(record["unseen"]["parts"], unseen(&parts, "inspector"));
    assert_eq!(record["model"]["name"], "block");
    assert!(
        record["run"].is_string() && record["sheet"].is_null(),
        "{record}"
    );
    let first = parts.iter().find(|part| part["reason"] == "inspector");
    assert_eq!(record["number"], first.expect("a part")["number"]);
    // They push nothing out of the ring of those that were seen.
    assert_eq!(lines(site, &["list", "--verdict", "fail"]).len(), 2);

    let id = record["id"].as_str().expect("a name");
    let shown = records(site, &["show", id]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("without a picture until"), "{shown}");
    let exported = lines(site, &["export", "--out", "set", "--label", "good"]);
    let summary = exported.last().expect("a summary");
    assert_eq!(summary["written"], 2, "{summary}");
    let all = lines(site, &["list"]).len() as u64;
    assert_eq!(summary["unseen"], all - 2, "{summary}");
    let refused = records(site, &["export", id, "--out", "set", "--label", "good"]);
    let told = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains("nobody has a picture of it"), "{told}");
}
