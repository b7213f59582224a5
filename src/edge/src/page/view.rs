//! What a browser shows, made of what is known: words and numbers, ready to be put on the page.
//!
//! Names are for `page.js` and for scripts that read `/api/state`, and stay.

use serde::Serialize;
use twinspect_store::records::{Kind, Mark, RecordId};

use super::album::{REJECTS_SHOWN, Shown};
use super::marks::Marked;
use super::poll::{Answer, Known};
use crate::control::{LastHour, MachineState, Parts, RecentPart, Status};
use crate::health::{Attention, attention, counted, is_depth_poor, remedy};

/// What the station is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    Running,
    Starting,
    NotReady,
    Stopping,
    NoAnswer,
}

impl Word {
    fn of(status: &Status) -> Self {
        match (status.ready, status.state) {
            (true, _) => Self::Running,
            (false, MachineState::Halted) => Self::Stopping,
            (false, MachineState::Preoperational) => Self::Starting,
            (false, _) => Self::NotReady,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Starting => "Starting",
            Self::NotReady => "Not ready",
            Self::Stopping => "Stopping",
            Self::NoAnswer => "No answer",
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct View {
    station: String,
    /// Since the station has said this.
    age_ms: Option<u64>,
    state: State,
    #[serde(flatten)]
    rest: Option<Rest>,
}

#[derive(Debug, Serialize)]
struct State {
    kind: Word,
    word: &'static str,
    /// In the words of OPC 40100-1.
    machine: Option<&'static str>,
    why: String,
    remedy: String,
}

#[derive(Debug, Serialize)]
struct Rest {
    /// Tells one run of the station from the next: parts have numbers since the start. As records call it; the process's
    /// number where nobody knows a name.
    run: String,
    uptime_s: f64,
    parts: Parts,
    last_hour: LastHour,
    /// Newest part of which there is a picture.
    last: Option<Card>,
    /// Newest first.
    rejects: Vec<Card>,
    /// Number, `p`, `f` or `n`, and score of the last parts, oldest first.
    scores: Vec<(u64, char, Option<f32>)>,
    attention: Vec<Attention>,
    health: Vec<Row>,
}

/// A part.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Card {
    number: u64,
    picture: bool,
    /// `p`, `f`, `n`, or `w` while it is on its way to the rejector.
    kind: char,
    /// The verdict in one word.
    verdict: &'static str,
    /// Score and who saw it, or why there is none.
    detail: String,
    age_s: Option<u64>,
    /// Its record, where somebody may mark it.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<RecordId>,
    /// What somebody has said that it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<Mark>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Row {
    name: &'static str,
    value: String,
    is_well: bool,
}

/// What there is of parts beside what the station says of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pictured<'a> {
    /// Newest first.
    pub(super) pictures: &'a [Shown],
    /// None where nobody may mark parts.
    pub(super) records: &'a [Marked],
    /// This run of the station, as its records call it.
    pub(super) run: Option<&'a str>,
}

impl Pictured<'_> {
    /// With picture, record and mark of its part.
    fn card(self, card: Card) -> Card {
        let mut records = self.records.iter();
        // One that left without a result although it was to pass may have a passed record: what could be said of that one
        // is not true of the part.
        let rejects = card.kind != 'p';
        let record = records
            .find(|record| record.number == card.number && record.id.kind.rejects() == rejects);
        Card {
            picture: self
                .pictures
                .iter()
                .any(|shown| shown.number == card.number),
            record: record.map(|record| record.id),
            mark: record.and_then(|record| record.mark),
            ..card
        }
    }
}

impl View {
    pub(super) fn new(station: &str, known: &Known, shown: Pictured<'_>, now_us: u64) -> Self {
        let answer = known.answer.as_ref();
        Self {
            station: station.to_owned(),
            age_ms: answer.map(|answer| now_us.saturating_sub(answer.at_us) / 1_000),
            state: state(known),
            rest: answer.map(|answer| rest(known, answer, shown)),
        }
    }
}

fn state(known: &Known) -> State {
    let Some(answer) = &known.answer else {
        return State {
            kind: Word::NoAnswer,
            word: Word::NoAnswer.text(),
            machine: None,
            why: match &known.trouble {
                Some(trouble) => format!("The station does not answer: {trouble}"),
                None => "The station has not been asked yet".to_owned(),
            },
            remedy: "Wait a moment; if it stays so, `systemctl status twinspect@NAME` tells more"
                .to_owned(),
        };
    };
    let status = &answer.status;
    let kind = Word::of(status);
    State {
        kind,
        word: kind.text(),
        machine: Some(status.state.name()),
        why: sentence(&status.doing),
        remedy: status
            .obstacle
            .as_deref()
            .map_or(String::new(), |obstacle| sentence(remedy(obstacle))),
    }
}

/// Without the word that stands above it, and with a capital letter.
fn sentence(text: &str) -> String {
    let text = text.strip_prefix("ready: ").unwrap_or(text);
    let text = match text.strip_prefix("not ready: ") {
        Some(rest) => rest.split_once(": ").map_or(rest, |(_, why)| why),
        None => text,
    };
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn rest(known: &Known, answer: &Answer, shown: Pictured<'_>) -> Rest {
    let Answer { status, recent, .. } = answer;
    let card = |part: &RecentPart| {
        shown.card(Card {
            age_s: Some((status.uptime_s - part.at_s).max(0.0) as u64),
            ..card(part)
        })
    };
    Rest {
        run: shown
            .run
            .map_or_else(|| status.process.to_string(), str::to_owned),
        uptime_s: status.uptime_s,
        parts: status.parts,
        last_hour: status.last_hour,
        last: last(recent, status, shown.pictures, card),
        rejects: status
            .last_rejects
            .iter()
            .take(REJECTS_SHOWN)
            .map(card)
            .collect(),
        scores: recent
            .iter()
            .map(|part| (part.number, kind(part), part.score))
            .collect(),
        attention: known.looked().map_or_else(Vec::new, |looked| {
            let mut list = attention(&looked);
            // That one is what the page says first, in the largest letters.
            list.retain(|one| one.what != status.doing);
            list
        }),
        health: health(known, status),
    }
}

fn kind(part: &RecentPart) -> char {
    match part.kind() {
        Kind::Pass => 'p',
        Kind::Fail => 'f',
        Kind::NoResult | Kind::Unseen => 'n',
    }
}

fn card(part: &RecentPart) -> Card {
    let (verdict, detail) = match (part.passes, part.reason) {
        (_, Some(reason)) => ("NO RESULT", reason.name().replace('_', " ")),
        (true, None) => ("PASS", score(part)),
        (false, None) => {
            let seen_by = part.seen_by.map_or("", |seen_by| match seen_by.name() {
                "rgb" => ", seen in colour",
                "geometry" => ", seen in height",
                _ => ", seen in colour and height",
            });
            ("FAIL", format!("{}{seen_by}", score(part)))
        }
    };
    Card {
        number: part.number,
        picture: false,
        kind: kind(part),
        verdict,
        detail,
        age_s: None,
        record: None,
        mark: None,
    }
}

fn score(part: &RecentPart) -> String {
    part.score
        // To add zero takes the sign from a rounded -0.00.
        .map_or(String::new(), |score| {
            format!("score {:.2}", (100.0 * score).round() / 100.0 + 0.0)
        })
}

/// The newest part that has left and of which there is a picture; on a long way to the rejector that may be none,
/// and the newest picture is shown for itself.
fn last(
    recent: &[RecentPart],
    status: &Status,
    pictures: &[Shown],
    card: impl Fn(&RecentPart) -> Card,
) -> Option<Card> {
    let left = pictures.iter().find_map(|shown| {
        let same = |part: &&RecentPart| part.number == shown.number;
        let part = recent.iter().find(same);
        part.or_else(|| status.last_rejects.iter().find(same))
    });
    match left {
        Some(part) => Some(card(part)),
        None => pictures.first().map(|shown| Card {
            number: shown.number,
            picture: true,
            kind: 'w',
            verdict: "ON ITS WAY",
            detail: "to the rejector".to_owned(),
            age_s: None,
            record: None,
            mark: None,
        }),
    }
}

fn health(known: &Known, status: &Status) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name, value: String, is_well| {
        rows.push(Row {
            name,
            value,
            is_well,
        });
    };
    let camera = status
        .inspector
        .camera
        .clone()
        .unwrap_or("not known yet".to_owned());
    let sees = status.obstacle.as_deref() != Some("camera") && status.is_up();
    let stream = status.camera.stream.map_or(String::new(), |stream| {
        format!(
            ", {}",
            counted(stream.restarts + stream.removals, "restart")
        )
    });
    let missing = if sees { "" } else { ", no pictures" };
    add("Camera", format!("{camera}{stream}{missing}"), sees);
    if let Some(share) = status.camera.depth_invalid_ratio {
        let measured = 100.0 * (1.0 - share);
        add(
            "Depth",
            format!("{measured:.0} % measured"),
            !is_depth_poor(share),
        );
    }
    let engine = status
        .inspector
        .engine
        .clone()
        .unwrap_or("not known yet".to_owned());
    let stands_in = status.inspector.engine_stands_in;
    let what = if stands_in {
        ", in place of another"
    } else {
        ""
    };
    let took = status.last_part.as_ref().and_then(|part| part.took_ms);
    let took = took.map_or(String::new(), |took| format!(", {took:.0} ms a part"));
    add("Engine", format!("{engine}{what}{took}"), !stands_in);
    if let Some(model) = &status.model {
        let age = age(&model.created).map_or(String::new(), |age| format!(", {age}"));
        add(
            "Model",
            format!("{} {}{age}", model.name, model.version),
            true,
        );
    }
    if let Some(celsius) = known.board.temperature_celsius {
        let slow = !known.board.throttled.is_empty();
        let slowed = if slow { ", slowed down" } else { "" };
        let mode = known.board.power_mode.as_ref();
        let mode = mode.map_or(String::new(), |mode| format!(", power mode {mode}"));
        add("Board", format!("{celsius:.0} °C{slowed}{mode}"), !slow);
    }
    for disk in &known.disks {
        let percent = disk.free_bytes * 100 / disk.all_bytes.max(1);
        let name = if disk.what == "records" {
            "Records"
        } else {
            "Disk"
        };
        let value = format!(
            "{} free ({percent} %)",
            indicatif::HumanBytes(disk.free_bytes)
        );
        add(name, value, !disk.is_short());
    }
    let restarts = status.inspector.restarts;
    add(
        "Inspection",
        format!("{} since the start", counted(restarts, "restart")),
        restarts == 0,
    );
    rows
}

/// How old something is, in words; nothing for what was made in the future.
fn age(created: &str) -> Option<String> {
    let created: jiff::Timestamp = created.parse().ok()?;
    let days = (jiff::Timestamp::now().as_second() - created.as_second()) / 86_400;
    match days {
        ..0 => None,
        0 => Some("made today".to_owned()),
        1 => Some("1 day old".to_owned()),
        days => Some(format!("{days} days old")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
            "Cap 1.0.0, engine tract, recording"
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
        let kind = |obstacle, state| {
            view(&known(false, Some(obstacle), state), &[])["state"]["kind"].clone()
        };
        assert_eq!(kind("starting", "preoperational"), "starting");
        assert_eq!(kind("starting", "error"), "not_ready");
        assert_eq!(kind("closing", "halted"), "stopping");
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
}
