//! The figures for a monitoring system: the text is one that Prometheus reads, the file for the node exporter
//! says the same, and what alerts and dashboard ask for exists.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::browser::jar_lids;
use super::{address, slow_to_recover, text, with_page};
use crate::binaries::{run, succeed};
use crate::service::Service;
use crate::station::{endless, inspect_process, signal};
use crate::workspace::root;

/// What a station tells that knows everything; this machine and a recorded camera know less.
const NOT_HERE: [&str; 9] = [
    "twinspect_board_temperature_celsius",
    "twinspect_board_throttled",
    "twinspect_camera_restarts_total",
    "twinspect_camera_removals_total",
    "twinspect_camera_bad_frames_total",
    "twinspect_camera_lost_frames_total",
    "twinspect_not_ready",
    "twinspect_mqtt_connected",
    "twinspect_mqtt_lost_total",
];

/// A sample: name, labels, value.
pub(crate) type Sample = (String, BTreeMap<String, String>, f64);

/// Reads the text format, as strictly as its description has it.
pub(crate) fn samples(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'));
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = Vec::new();
    let mut ended = BTreeSet::new();
    let mut family = "";
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# ") {
            let mut words = head.splitn(3, ' ');
            let (what, name) = (words.next().expect("a word"), words.next().expect("a name"));
            let rest = words.next().expect("a rest");
            if what == "TYPE" {
                assert!(["counter", "gauge", "histogram"].contains(&rest), "{line}");
                assert!(kinds.insert(name, rest).is_none(), "twice: {line}");
                assert_eq!(rest == "counter", name.ends_with("_total"), "{line}");
            } else {
                assert_eq!(what, "HELP", "{line}");
                if !family.is_empty() {
                    assert!(ended.insert(family), "in two pieces: {family}");
                }
                family = name;
            }
            continue;
        }
        let (name, rest) = line.split_once('{').expect("labels");
        let (labels, value) = rest.rsplit_once("} ").expect("a value");
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|ending| name.strip_suffix(ending))
            .find(|base| kinds.get(base) == Some(&"histogram"))
            .unwrap_or(name);
        assert_eq!(base, family, "a sample outside its family: {line}");
        assert!(kinds.contains_key(base), "no TYPE: {line}");
        let labels = labels.split("\",").map(|label| {
            let (key, value) = label.split_once("=\"").expect("a label");
            (key.to_owned(), value.trim_end_matches('"').to_owned())
        });
        let value = value.parse().expect("a number");
        found.push((name.to_owned(), labels.collect(), value));
    }
    let mut seen = BTreeSet::new();
    for (name, labels, _) in &found {
        assert!(seen.insert((name, labels)), "twice: {name} {labels:?}");
    }
    found
}

pub(crate) fn value(samples: &[Sample], name: &str, wanted: &[(&str, &str)]) -> Option<f64> {
    let has = |labels: &BTreeMap<String, String>| {
        wanted
            .iter()
            .all(|(key, value)| labels.get(*key).is_some_and(|found| found == value))
    };
    let found = samples
        .iter()
        .find(|(known, labels, _)| known == name && has(labels));
    found.map(|(_, _, value)| *value)
}

#[test]
fn figures_are_text_that_prometheus_reads_and_count_what_the_station_counts() {
    let service = Service::start(slow_to_recover(with_page(endless())));
    let address = address(&service);
    service.wait_until(|status| {
        status["counts"]["failed"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    });
    super::wait_until(&address, |state| {
        state["parts"]["failed"].as_u64() > Some(0)
    });
    let figures = samples(&text(&address, "/metrics"));
    let status = service.answer("status");
    let parts = |verdict| {
        let of = |(name, labels, value): &Sample| {
            let is_meant = name == "twinspect_parts_total"
                && labels.get("verdict").is_some_and(|it| it == verdict);
            is_meant.then_some(*value)
        };
        figures.iter().filter_map(of).sum::<f64>()
    };
    let counted = |key: &str| status["parts"][key].as_f64().expect("a count");
    assert!(parts("fail") > 0.0 && parts("fail") <= counted("failed"));
    assert!(parts("pass") <= counted("passed"));
    assert_eq!(
        value(&figures, "twinspect_up", &[("station", "station")]),
        Some(1.0)
    );
    assert_eq!(value(&figures, "twinspect_ready", &[]), Some(1.0));
    let model = [("name", "block"), ("version", "1.0.0")];
    assert_eq!(value(&figures, "twinspect_model_info", &model), Some(1.0));
    let whole = [("stage", "whole")];
    let times = value(&figures, "twinspect_stage_seconds_count", &whole).expect("times");
    assert!(times > 0.0);
    let last = [("stage", "whole"), ("le", "+Inf")];
    assert_eq!(
        value(&figures, "twinspect_stage_seconds_bucket", &last),
        Some(times)
    );
    let buckets: Vec<f64> = figures
        .iter()
        .filter(|(name, labels, _)| {
            name == "twinspect_stage_seconds_bucket"
                && labels.get("stage").is_some_and(|stage| stage == "infer")
        })
        .map(|(_, _, value)| *value)
        .collect();
    assert!(buckets.len() > 5 && buckets.is_sorted(), "{buckets:?}");
    let invalid =
        value(&figures, "twinspect_depth_invalid_ratio", &[]).expect("a product with depth");
    assert!((0.0..=1.0).contains(&invalid));
    for figure in ["depth_noise", "belt_height", "dark"] {
        let state = value(&figures, "twinspect_picture_state", &[("figure", figure)]);
        assert_eq!(state, Some(0.0), "{figure}");
    }
    let nearer = value(&figures, "twinspect_belt_nearer_metres", &[]).expect("a belt");
    assert!(nearer.abs() < 1e-3, "{nearer}");
    // Nobody is to be reminded of a challenge part.
    let missed = value(
        &figures,
        "twinspect_challenge_alarm",
        &[("alarm", "missed")],
    );
    assert_eq!(missed, Some(0.0));
    assert_eq!(
        value(&figures, "twinspect_challenge_due_timestamp_seconds", &[]),
        None
    );
    // A recording is no live camera, and nobody invents its restarts and its pictures.
    for name in [
        "twinspect_camera_restarts_total",
        "twinspect_camera_lost_frames_total",
    ] {
        assert_eq!(value(&figures, name, &[]), None, "{name}");
    }

    signal(inspect_process(service.process.id()), "KILL");
    let state = super::wait_until(&address, |state| state["state"]["kind"] != "running");
    // Not another beginning, from the first moment.
    assert_eq!(state["state"]["kind"], "not_ready", "{state}");
    let figures = samples(&text(&address, "/metrics"));
    assert_eq!(value(&figures, "twinspect_ready", &[]), Some(0.0));
    assert!(value(&figures, "twinspect_not_ready", &[]).is_some());
    service.stop();
}

#[test]
fn a_file_for_the_node_exporter_says_the_same_without_a_page() {
    let site = endless();
    site.edit(
        "station.toml",
        "enabled = false",
        "enabled = false\n[metrics]\ntextfile = \"left.prom\"",
    );
    let service = Service::start(site);
    let file = service.site.path("left.prom");
    let is_up = |_: &serde_json::Value| {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        // It appears whole, or is the one before.
        text.is_empty() || value(&samples(&text), "twinspect_model_info", &[]).is_some()
    };
    service.wait_until(|status| file.exists() && is_up(status));
    service.wait_until(|_| {
        let text = std::fs::read_to_string(&file).expect("it stays");
        value(&samples(&text), "twinspect_up", &[]) == Some(1.0)
    });
    assert!(service.answer("status")["page"]["url"].is_null());
    service.stop();
}

/// Every word of a text that begins like a figure of ours.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(|character: char| !is_name(character));
    words
        .filter(|word| word.starts_with("twinspect_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn alerts_and_dashboard_ask_for_what_exists() {
    let read = |name: &str| {
        let path = root().join("configs").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let (alerts, dashboard) = (
        read("prometheus-alerts.yml"),
        read("grafana-dashboard.json"),
    );
    let board: serde_json::Value = serde_json::from_str(&dashboard).expect("a JSON object");
    let panels = board["panels"].as_array().expect("panels");
    assert!(panels.len() >= 6, "{}", panels.len());
    assert!(
        panels
            .iter()
            .all(|panel| panel["targets"][0]["expr"].is_string())
    );

    // Of the product for tests nothing passes.
    let site = with_page(jar_lids());
    let challenge = "[challenge]\nevery_hours = 24.0\nmemory = \"challenge.json\"\n[page]";
    site.edit("station.toml", "[page]", challenge);
    let service = Service::start(site);
    let address = address(&service);
    super::wait_until(&address, |state| {
        state["parts"]["passed"].as_u64() > Some(0)
    });
    let figures = text(&address, "/metrics");
    let mut known: BTreeSet<String> = samples(&figures)
        .into_iter()
        .map(|(name, _, _)| name)
        .collect();
    known.extend(NOT_HERE.map(str::to_owned));
    service.stop();
    let page = std::fs::read_to_string(root().join("docs/page.md")).expect("the page about it");
    for (what, text) in [
        ("alerts", &alerts),
        ("dashboard", &dashboard),
        ("docs/page.md", &page),
    ] {
        let asked = names(text);
        assert!(asked.len() > 5, "{what}: {asked:?}");
        for name in asked {
            let families = ["_bucket", "_sum", "_count"].map(|ending| format!("{name}{ending}"));
            let exists = known.contains(&name) || families.iter().any(|name| known.contains(name));
            assert!(exists, "{what} asks for {name}, which no station tells");
        }
    }
    // Everything that a station tells stands in the handbook.
    let described = names(&page);
    for name in known {
        let family = name.strip_suffix("_bucket").or(name.strip_suffix("_sum"));
        let family = family.or(name.strip_suffix("_count")).unwrap_or(&name);
        assert!(
            described.contains(family),
            "docs/page.md does not name {family}"
        );
    }
}

#[test]
fn prometheus_s_own_parser_and_tool_find_nothing_to_complain_of() {
    let (python, promtool) = (
        std::env::var_os("TWINSPECT_PYTHON"),
        std::env::var_os("TWINSPECT_PROMTOOL"),
    );
    if python.is_none() && promtool.is_none() {
        println!("skipped: neither TWINSPECT_PYTHON nor TWINSPECT_PROMTOOL names a judge");
        return;
    }
    let service = Service::start(with_page(endless()));
    let address = address(&service);
    super::wait_until(&address, |state| {
        state["parts"]["failed"].as_u64() > Some(0)
    });
    let figures = text(&address, "/metrics");
    service.site.write("figures.prom", &figures);
    if let Some(python) = python {
        let script = root().join("tests/python/check_figures.py");
        let file = service.site.path("figures.prom");
        let said = succeed(Command::new(python).arg(script).arg(file));
        let counts: Vec<usize> = said
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        // Its samples of a counter are ours; it adds none of its own to text of this format.
        assert_eq!(counts.last(), Some(&samples(&figures).len()), "{said}");
    }
    if let Some(promtool) = promtool {
        let rules = root().join("configs/prometheus-alerts.yml");
        succeed(Command::new(&promtool).args(["check", "rules"]).arg(rules));
        let cases = root().join("tests/prometheus/alerts.yml");
        succeed(Command::new(&promtool).args(["test", "rules"]).arg(cases));
        let file = std::fs::File::open(service.site.path("figures.prom")).expect("the figures");
        let checked = run(Command::new(&promtool)
            .args(["check", "metrics"])
            .stdin(file));
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(checked.status.success(), "{said}");
    }
    service.stop();
}
