use serde_json::{Value, json};
use twinspect_store::records::Mark;

use super::super::album::Shown;
use super::super::marks::Marked;
use super::*;

fn known(ready: bool, obstacle: Option<&str>, state: &str) -> Known {
    let status = serde_json::from_value(json!({
        "station": "/etc/twinspect/station.toml", "version": "0.1.0", "process": 1, "uptime_s": 100.0,
        "ready": ready, "obstacle": obstacle, "doing": match obstacle {
            Some(obstacle) => format!("not ready: {obstacle}: it is gone"),
            None => "ready: cap 1.0.0, engine tract, recording".to_owned(),
        },
        "state": state,
        "inspector": {"state": "up", "restarts": 0, "model": "cap 1.0.0", "engine": "tract",
                      "camera": "recording"},
        "parts": {"triggered": 2, "passed": 1, "failed": 1, "no_result": 0, "under_way": 0},
        "trigger": {"parts": 2, "doubles": 0, "missed": 0, "losses": 0, "recrossed": 0,
                    "unclear": 0, "stuck": 0},
        "late_results": 0, "last_part": null, "last_reload": null,
        "last_rejects": [{"number": 1, "at_s": 40.0, "passes": false, "score": 1.5, "seen_by": "rgb",
                          "reason": null}]
    }));
    let recent = serde_json::from_value(json!([
        {"number": 1, "at_s": 40.0, "passes": false, "score": 1.5, "seen_by": "rgb", "reason": null},
        {"number": 2, "at_s": 90.0, "passes": true, "score": 0.25, "seen_by": null, "reason": null}
    ]));
    Known {
        answer: Some(Answer {
            at_us: 1_000_000,
            status: status.unwrap(),
            recent: recent.unwrap(),
        }),
        ..Known::default()
    }
}

fn view(known: &Known, pictures: &[(u64, bool)]) -> Value {
    with_records(known, pictures, &[])
}

fn with_records(known: &Known, pictures: &[(u64, bool)], records: &[Marked]) -> Value {
    let pictures: Vec<Shown> = pictures
        .iter()
        .map(|&(number, passes)| Shown { number, passes })
        .collect();
    let shown = Pictured {
        pictures: &pictures,
        records,
        run: Some("boot.1"),
    };
    serde_json::to_value(View::new("left", known, shown, 3_500_000)).unwrap()
}

#[test]
fn a_part_with_a_record_can_be_marked() {
    let known = known(true, None, "ready");
    let record = |number, id: &str, mark| Marked {
        number,
        id: id.parse().unwrap(),
        mark,
    };
    let records = [
        record(2, "record-00000008-pass", None),
        record(1, "record-00000007-fail", Some(Mark::FalseReject)),
    ];
    let shown = with_records(&known, &[(2, true), (1, false)], &records);
    assert_eq!(shown["last"]["record"], "record-00000008-pass");
    assert_eq!(shown["last"].get("mark"), None);
    let reject = &shown["rejects"][0];
    assert_eq!(reject["record"], "record-00000007-fail");
    assert_eq!(reject["mark"], "false_reject");
    assert_eq!(reject["picture"], true);
    let without = view(&known, &[(1, false)]);
    assert_eq!(without["rejects"][0].get("record"), None);
}

#[test]
fn a_part_whose_record_says_something_else_can_t_be_marked() {
    let mut known = known(true, None, "ready");
    let late = json!([{"number": 1, "at_s": 40.0, "passes": false, "score": null, "seen_by": null,
                       "reason": "position"}]);
    let answer = known.answer.as_mut().unwrap();
    answer.recent = serde_json::from_value(late.clone()).unwrap();
    answer.status.last_rejects = serde_json::from_value(late).unwrap();
    let record = |id: &str| {
        [Marked {
            number: 1,
            id: id.parse().unwrap(),
            mark: None,
        }]
    };
    let told = |id: &str| with_records(&known, &[(1, true)], &record(id));
    let unfit = told("record-00000007-pass");
    assert_eq!(unfit["last"]["verdict"], "NO RESULT");
    assert_eq!(unfit["last"].get("record"), None);
    assert_eq!(unfit["rejects"][0].get("record"), None);
    for id in ["record-00000007-fail", "record-00000007-no_result"] {
        assert_eq!(told(id)["rejects"][0]["record"], id);
    }
}

#[test]
fn runs_of_a_station_are_told_apart_also_where_processes_have_the_same_number() {
    let known = known(true, None, "ready");
    assert_eq!(view(&known, &[])["run"], "boot.1");
    let shown = Pictured {
        pictures: &[],
        records: &[],
        run: None,
    };
    let nameless = serde_json::to_value(View::new("left", &known, shown, 0)).unwrap();
    assert_eq!(nameless["run"], "1");
}

#[test]
fn a_station_has_one_word_and_a_remedy_where_it_needs_one() {
    let running = view(&known(true, None, "ready"), &[]);
    assert_eq!(running["state"]["kind"], "running");
    assert_eq!(
        running["state"]["why"],
        "cap 1.0.0, engine tract, recording"
    );
    assert_eq!(running["state"]["remedy"], "");
    assert_eq!(running["age_ms"], 2_500);
    let lost = view(&known(false, Some("camera"), "error"), &[]);
    assert_eq!(lost["state"]["word"], "Not ready");
    assert_eq!(lost["state"]["machine"], "Error");
    assert_eq!(lost["state"]["why"], "It is gone");
    assert!(
        lost["state"]["remedy"]
            .as_str()
            .unwrap()
            .starts_with("Look at")
    );
    let kind =
        |obstacle, state| view(&known(false, Some(obstacle), state), &[])["state"]["kind"].clone();
    assert_eq!(kind("starting", "preoperational"), "starting");
    assert_eq!(kind("starting", "error"), "not_ready");
    assert_eq!(kind("closing", "halted"), "stopping");
}

#[test]
fn a_sentence_begins_with_a_capital_letter_and_a_name_stays_as_it_is() {
    let names = ["cap", "cap 1.0.0", "tract"];
    for (said, shown) in [
        ("ready: cap 1.0.0, engine tract", "cap 1.0.0, engine tract"),
        ("not ready: engine: tract is too slow", "tract is too slow"),
        ("not ready: starting: captured", "Captured"),
        ("not ready: camera: the camera", "The camera"),
    ] {
        assert_eq!(sentence(said, &names), shown);
    }
    assert_eq!(sentence("ready: cap 1.0.0", &[]), "Cap 1.0.0");
}

#[test]
fn what_was_said_long_ago_is_no_figure() {
    let known = known(true, None, "ready");
    assert!(known.said_by(5_000_000).is_some());
    assert!(known.said_by(5_000_001).is_none());
    assert!(Known::default().said_by(0).is_none());
}

#[test]
fn a_station_that_does_not_answer_shows_nothing_of_what_it_said_before() {
    let silent = view(&Known::default(), &[(2, true)]);
    assert_eq!(silent["state"]["kind"], "no_answer");
    assert_eq!(silent["age_ms"], Value::Null);
    assert!(
        silent.get("last").is_none() && silent.get("parts").is_none(),
        "{silent}"
    );
}

#[test]
fn the_last_part_is_the_newest_with_a_picture_that_has_left() {
    let known = known(true, None, "ready");
    let last = |pictures: &[(u64, bool)]| view(&known, pictures)["last"].clone();
    assert_eq!(last(&[]), Value::Null);
    let passed = last(&[(3, true), (2, true), (1, false)]);
    assert_eq!(
        (&passed["number"], &passed["verdict"]),
        (&json!(2), &json!("PASS"))
    );
    assert_eq!(
        (&passed["age_s"], &passed["picture"]),
        (&json!(10), &json!(true))
    );
    assert_eq!(last(&[(9, true)])["kind"], "w");
    let shown = view(&known, &[(1, false)]);
    assert_eq!(shown["rejects"][0]["detail"], "score 1.50, seen in colour");
    assert_eq!(shown["rejects"][0]["picture"], true);
    assert_eq!(shown["scores"], json!([[1, "f", 1.5], [2, "p", 0.25]]));
}
