//! `twinspect bench`, as somebody who compares engines types it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binaries::{program, run, succeed};
use crate::product::Site;
use crate::station::signal;

const BENCH: [&str; 5] = ["bench", "--bundle", "block.twb", "--data", "parts"];

fn bench(site: &Site, more: &[&str]) -> std::process::Command {
    let mut command = program("twinspect");
    command.current_dir(site.path("")).args(BENCH).args(more);
    command
}

#[test]
fn engines_inspect_the_same_parts_in_turn_and_records_are_written_meanwhile() {
    let site = Site::new();
    let more = "--engine cpu,tract --parts 12 --records kept --json";
    let output = succeed(&mut bench(&site, &more.split(' ').collect::<Vec<_>>()));
    let found: Value = serde_json::from_str(&output).expect("a JSON object");
    assert_eq!(found["parts"], 12, "{found}");
    let engines = found["engines"].as_array().expect("engines");
    let names: Vec<&Value> = engines.iter().map(|engine| &engine["engine"]).collect();
    assert_eq!(names, ["native", "tract"]);
    for engine in engines {
        let stages = engine["stages"].as_array().expect("stages");
        let whole = stages.last().expect("the whole part");
        assert_eq!(whole["stage"], "whole part");
        let [p50, p99, p99_9] =
            ["p50_ms", "p99_ms", "p99_9_ms"].map(|key| whole[key].as_f64().expect("a time"));
        assert!(0.0 < p50 && p50 <= p99 && p99 <= p99_9, "{whole}");
        let ratio = engine["p99_9_over_p50"].as_f64().expect("a ratio");
        assert!((ratio * p50 - p99_9).abs() < 1e-9 * p99_9, "{engine}");
        // The thread that writes records asks for memory too.
        assert_eq!(engine["allocations_a_part"], Value::Null, "{engine}");
        assert!(engine["load_ms"].as_f64() > Some(0.0), "{engine}");
    }

    let [written, dropped] =
        ["written", "dropped"].map(|key| found["records"][key].as_u64().expect("a number"));
    let kept = std::fs::read_dir(site.path("kept")).expect("the folder of records");
    let records = kept.filter(|entry| {
        let entry = entry.as_ref().expect("an entry");
        entry.file_name().to_string_lossy().starts_with("record-")
    });
    assert_eq!(records.count() as u64, written, "{found}");
    // A warm-up part may be recorded too.
    assert!((1..=22).contains(&(written + dropped)), "{found}");
}

#[test]
fn our_own_engine_hardly_asks_for_memory() {
    let site = Site::new();
    let output = succeed(&mut bench(&site, &["--parts", "60", "--json"]));
    let found: Value = serde_json::from_str(&output).expect("a JSON object");
    let [native] = &found["engines"].as_array().expect("engines")[..] else {
        panic!("{found}");
    };
    assert_eq!(native["engine"], "native");
    few_allocations(native);
}

/// Its pool of threads does once in 63 parts, where there is one; our code never.
fn few_allocations(native: &Value) {
    let engine = native["allocations_a_part"]["engine"].as_f64();
    let engine = engine.expect("a number");
    assert!((0.0..0.1).contains(&engine), "{native}");
    assert_eq!(native["allocations_a_part"]["ours"], 0.0, "{native}");
}

#[test]
fn what_two_engines_ask_for_is_told_apart() {
    let site = Site::new();
    let more = ["--engine", "cpu,tract", "--parts", "130", "--json"];
    let output = succeed(&mut bench(&site, &more));
    let found: Value = serde_json::from_str(&output).expect("a JSON object");
    let [native, tract] = &found["engines"].as_array().expect("engines")[..] else {
        panic!("{found}");
    };
    few_allocations(native);
    let allocations = &tract["allocations_a_part"];
    assert!(allocations["engine"].as_f64() > Some(1.0), "{tract}");
    assert_eq!(allocations["ours"], 0.0, "{tract}");
}

#[test]
fn people_get_a_table_for_each_engine_and_the_ratio() {
    let site = Site::new();
    let text = succeed(&mut bench(
        &site,
        &["--engine", "tract,cpu", "--parts", "3"],
    ));
    for part in [
        "p99.9 ms",
        "engine         tract",
        "engine         native",
        "whole part     p99.9 is ",
        " times the p50\n",
        "times the p50 of tract",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Records are of one part each, so that more of them than parts warm up say that figures are there.
#[test]
fn a_bench_that_is_ended_early_says_what_it_has_measured() {
    let site = Site::new();
    let mut command = bench(&site, &["--minutes", "60", "--records", "kept", "--json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().expect("the program starts");
    let kept = || {
        let entries = std::fs::read_dir(site.path("kept")).into_iter().flatten();
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let records = names.filter(|name| name.to_string_lossy().starts_with("record-"));
        records.count()
    };
    let give_up = Instant::now() + Duration::from_secs(120);
    while kept() < 12 {
        assert!(Instant::now() < give_up, "no records are written");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    signal(child.id(), "INT");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    let found: Value = serde_json::from_slice(&output.stdout).expect("a JSON object");
    assert_eq!(found["ended_early"], true, "{found}");
    assert!(found["parts"].as_u64() > Some(0), "{found}");
}

#[test]
fn lengths_that_contradict_and_engines_that_are_none_are_refused() {
    let site = Site::new();
    for more in [
        &["--parts", "3", "--minutes", "1"][..],
        &["--minutes", "0"],
        &["--engine", "cpu,cuda"],
        &["--engine", "cpu,tensorrt"],
        &["--engine", "cpu,cpu"],
        &["--engine", "cpu,tract", "--plans", "plans"],
    ] {
        let output = run(&mut bench(&site, more));
        assert_eq!(output.status.code(), Some(2), "{more:?}");
    }
}
