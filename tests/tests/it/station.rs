//! A station in two processes, as a line integrator runs it: what comes out when all is well, and
//! what when the process that sees and judges is killed, hangs or is slow.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::bad_input::STORAGE;
use crate::binaries::{program, run, succeed};
use crate::product::Site;

/// Most lines that a test reads before it gives up: a minute of parts.
const LINES_MAX: usize = 3_000;

/// A running station and what it says.
struct Station {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<Value>,
}

impl Station {
    /// What it logs is written to the site's `log`.
    fn start(site: &Site) -> Self {
        let log = std::fs::File::create(site.path("log")).expect("a new file");
        let mut process = program("twinspect")
            .current_dir(site.path(""))
            .args(["run", "--config", "station.toml", "--json"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the station starts");
        let output = process.stdout.take().expect("a pipe");
        Self {
            process,
            lines: BufReader::new(output).lines(),
            said: Vec::new(),
        }
    }

    /// The next line, or `None` when the station has ended.
    fn next(&mut self) -> Option<&Value> {
        assert!(self.said.len() < LINES_MAX, "{:?}", self.said.last());
        let line = self.lines.next()?.expect("a line of text");
        self.said
            .push(serde_json::from_str(&line).expect("a JSON object"));
        self.said.last()
    }

    /// Reads until a part's line is as wanted.
    fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) {
        while let Some(line) = self.next() {
            if wanted(line) {
                return;
            }
        }
        panic!("the station has ended: {:?}", self.said.last());
    }

    fn inspect_process(&self) -> u32 {
        inspect_process(self.process.id())
    }

    /// Tells it to stop, and returns its parts and its summary.
    fn stop(mut self) -> (Vec<Value>, Value) {
        signal(self.process.id(), "TERM");
        while self.next().is_some() {}
        assert!(self.process.wait().expect("its end").success());
        let summary = self.said.pop().expect("a summary");
        (self.said, summary)
    }
}

/// The process that sees and judges.
pub(crate) fn inspect_process(station: u32) -> u32 {
    child(station, "inspect-process").expect("the station has a child that inspects")
}

/// A process that a station has started with this command.
pub(crate) fn child(station: u32, command: &str) -> Option<u32> {
    let parent = format!("PPid:\t{station}");
    let does = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).nth(1) == Some(command.as_bytes()))
    };
    let is_child = |pid: &u32| {
        std::fs::read_to_string(format!("/proc/{pid}/status"))
            .is_ok_and(|status| status.lines().any(|line| line == parent))
    };
    std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .find(|pid| is_child(pid) && does(pid))
}

pub(crate) fn signal(pid: u32, signal: &str) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {pid}")])
        .status();
    assert!(status.expect("a shell").success());
}

fn is(line: &Value, verdict: &str) -> bool {
    line["verdict"] == verdict
}

fn is_abandoned(line: &Value) -> bool {
    line["reason"] == "inspector"
}

/// The laws of every run: each part once, in order; a pulse for passed parts alone.
pub(crate) fn check_laws(parts: &[Value], summary: &Value) {
    for (place, part) in (1_u64..).zip(parts) {
        assert_eq!(part["number"], place, "{part}");
    }
    let passed = parts.iter().filter(|part| is(part, "pass")).count() as u64;
    let pulses = summary["pulses"].as_u64().expect("a count");
    // Neighbours' pulses may touch and become one.
    assert!(pulses <= passed, "{pulses} pulses for {passed} parts");
    assert_eq!(summary["summary"]["parts"], parts.len());
}

/// A station that waits for its parts even on a busy machine.
pub(crate) fn patient() -> Site {
    let site = Site::new();
    let gate = "rate_hz = 5.0\n[gate]\ndelay_ms = 4000\ndeadline_ms = 3900";
    site.edit("station.toml", "rate_hz = 20.0", gate);
    site
}

/// A station that goes on until it is told to stop.
pub(crate) fn endless() -> Site {
    let site = patient();
    site.edit("station.toml", "\"parts\"", "\"parts\"\nrepeat = true");
    site
}

/// Makes a part one that is rejected without a result.
fn lose_depth(site: &Site, part: &str) {
    let depth = site.path(format!("parts/test/{part}/depth.png"));
    let picture = image::open(&depth).expect("a depth picture");
    let empty = image::ImageBuffer::<image::Luma<u16>, _>::new(picture.width(), picture.height());
    empty.save(&depth).expect("a depth picture is written");
}

/// Names of the records, in order.
fn records(site: &Site) -> Vec<String> {
    let folder = std::fs::read_dir(site.path("records")).expect("a folder of records");
    let names = folder.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut pictures: Vec<String> = names
        .filter_map(|name| name.ok().filter(|name| name.starts_with("record-")))
        .collect();
    pictures.sort();
    pictures
}

#[test]
fn every_part_of_a_recording_leaves_once_and_is_counted_by_its_label() {
    let site = patient();
    let arguments = ["run", "--config", "station.toml", "--json"];
    let said = succeed(
        program("twinspect")
            .current_dir(site.path(""))
            .args(arguments),
    );
    let mut lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    let summary = lines.pop().expect("a summary");
    check_laws(&lines, &summary);
    let labels: Vec<_> = lines.iter().map(|line| line["label"].as_str()).collect();
    assert_eq!(labels, [Some("dent"), Some("good"), Some("good")]);
    assert_eq!(summary["inspector"]["inspected"], 3);
    assert_eq!(summary["inspector_restarts"], 0);
}

#[test]
fn no_more_parts_come_than_were_asked_for() {
    let site = endless();
    let arguments = ["run", "--config", "station.toml", "--parts", "2"];
    let said = succeed(
        program("twinspect")
            .current_dir(site.path(""))
            .args(arguments),
    );
    assert!(said.contains("\n     2  "), "{said}");
    assert!(!said.contains("\n     3  "), "{said}");
}

#[test]
fn a_station_goes_on_when_nobody_reads_what_it_says() {
    let site = endless();
    let mut child = program("twinspect")
        .current_dir(site.path(""))
        .args(["run", "--config", "station.toml", "--parts", "4"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("the program ends");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{told}");
    assert_eq!(told.matches("goes on without it").count(), 1, "{told}");
}

#[test]
fn a_station_whose_output_can_t_be_written_goes_on_and_says_so_at_its_end() {
    let site = endless();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let ended = program("twinspect")
        .current_dir(site.path(""))
        .args(["run", "--config", "station.toml", "--parts", "4"])
        .stdout(full.expect("a disk that is full"))
        .stderr(Stdio::piped())
        .output()
        .expect("the program runs");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(STORAGE), "{told}");
    assert_eq!(told.matches("goes on without it").count(), 1, "{told}");
}

#[test]
fn parts_of_a_killed_inspect_process_are_rejected_until_another_one_is_up() {
    let site = endless();
    let mut station = Station::start(&site);
    station.wait_for(|line| !is(line, "no_result"));
    signal(station.inspect_process(), "KILL");
    station.wait_for(is_abandoned);
    station.wait_for(|line| !is(line, "no_result"));
    let (parts, summary) = station.stop();
    check_laws(&parts, &summary);
    assert_eq!(summary["inspector_restarts"], 1);
    let log = String::from_utf8(site.read("log")).expect("a text");
    assert!(log.contains("ended: killed by signal 9"), "{log}");
}

#[test]
fn an_inspect_process_that_hangs_is_killed_and_replaced() {
    let site = endless();
    let limits = "[inspector]\nsilence_max_ms = 1000\n[trigger]";
    site.edit("station.toml", "[trigger]", limits);
    let mut station = Station::start(&site);
    station.wait_for(|line| !is(line, "no_result"));
    signal(station.inspect_process(), "STOP");
    station.wait_for(is_abandoned);
    station.wait_for(|line| !is(line, "no_result"));
    let (parts, summary) = station.stop();
    check_laws(&parts, &summary);
    assert!(summary["inspector_restarts"].as_u64() >= Some(1));
}

#[test]
fn answers_after_the_deadline_reject() {
    let site = Site::new();
    // Answers that come when the last part has left are not counted.
    let gate = "rate_hz = 20.0\n[gate]\ndelay_ms = 3000\ndeadline_ms = 0.001";
    site.edit("station.toml", "rate_hz = 20.0", gate);
    let (parts, summary) = {
        let mut station = Station::start(&site);
        while station.next().is_some() {}
        let summary = station.said.pop().expect("a summary");
        (station.said, summary)
    };
    check_laws(&parts, &summary);
    assert!(
        parts.iter().all(|part| part["reason"] == "late"),
        "{parts:?}"
    );
    assert_eq!(summary["pulses"], 0);
    assert_eq!(summary["late_results"], parts.len());
}

#[test]
fn records_of_rejected_parts_are_kept_up_to_the_limit() {
    let site = patient();
    // Depth is lost, so that every part is rejected without a result.
    site.edit(
        "station.toml",
        "[trigger]",
        "[records]\nenabled = true\nkeep_parts = 2\n[trigger]",
    );
    for part in ["good/000", "good/001", "dent/000"] {
        lose_depth(&site, part);
    }
    let arguments = ["run", "--config", "station.toml", "--json"];
    let said = succeed(
        program("twinspect")
            .current_dir(site.path(""))
            .args(arguments),
    );
    assert!(said.contains("\"no_depth\""), "{said}");
    assert!(said.contains("\"records_written\":3"), "{said}");
    assert_eq!(records(&site).len(), 2);
}

#[test]
fn a_folder_of_records_belongs_to_one_station_through_restarts_and_for_no_longer() {
    let site = endless();
    site.edit(
        "station.toml",
        "[trigger]",
        "[records]\nenabled = true\n[trigger]",
    );
    lose_depth(&site, "dent/000");
    let mut station = Station::start(&site);
    station.wait_for(|line| !is(line, "no_result"));
    signal(station.inspect_process(), "KILL");
    station.wait_for(is_abandoned);
    station.wait_for(|line| !is(line, "no_result"));

    // A station's own configuration is locked too, so the second one has a copy.
    site.write("second.toml", site.read("station.toml"));
    let second = ["run", "--config", "second.toml", "--parts", "3"];
    let refused = run(program("twinspect").current_dir(site.path("")).args(second));
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(8), "{told}");
    assert!(told.contains("another station writes"), "{told}");
    assert!(told.contains("records\n"), "{told}");
    assert!(told.contains("hint: stop that station"), "{told}");

    station.stop();
    let first = records(&site);
    succeed(program("twinspect").current_dir(site.path("")).args(second));
    let both = records(&site);
    assert!(both.len() > first.len(), "{both:?}");
    assert_eq!(both[..first.len()], first);
}
