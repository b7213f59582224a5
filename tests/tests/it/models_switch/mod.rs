//! Another model on a running line: taken over between two parts, or refused with the reason; and the way back.
//!
//! Nothing waits for a time: each test waits for what the station says of itself. An inspect process that is
//! stopped by a signal keeps a part waiting for as long as a test wants.

mod codes;
mod faults;
mod power;
mod recipes;
mod takeover;

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use twinspect_bundle::{Bundle, Golden};
use twinspect_store::models::{ModelId, Models, Proof, StationName};

use crate::binaries::program;
use crate::product::{Site, edition};
use crate::service::Service;
use crate::station::signal;

/// An answer comes by then, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Of the stations here.
const SPACING_MIN_MS: f64 = 40.0;

/// A station whose parts come by request. A part has left within a second, or after `way_ms`.
fn by_request(way_ms: u32) -> Site {
    let site = Site::new();
    site.write(
        "station.toml",
        format!(
            "[bundle]\nactive = true\n\
             [camera]\nkind = \"replay\"\nfolder = \"parts\"\nrepeat = true\n\
             [trigger]\nsource = \"software\"\nspacing_min_ms = {SPACING_MIN_MS}\nexposure_max_ms = 100000\n\
             [gate]\ndelay_ms = {way_ms}\ndeadline_ms = {}\n\
             [inspector]\nsilence_max_ms = 120000\n\
             [ready]\nsilence_max_ms = 120000\n\
             [page]\nenabled = false\n[models]\nfolder = \"models\"\n",
            way_ms - 100
        ),
    );
    site
}

fn name() -> StationName {
    "station".parse().expect("a name")
}

fn models(site: &Site) -> Models {
    Models::open(site.path("models"))
}

/// Installs a bundle, and says that it was proven here.
pub(crate) fn install(site: &Site, bundle: &Bundle) -> ModelId {
    let models = models(site);
    let change = models.change().expect("nobody changes the store");
    let (id, _) = change.install(bundle).expect("it is installed");
    let proof = Proof {
        hash: bundle.hash().to_owned(),
        engine: "tract".to_owned(),
        program: "0".to_owned(),
        goldens: 2,
        worst_map_share: 0.0,
        tolerance: 1e-4,
        worst_evidence_share: 0.0,
        at_s: 0,
    };
    change.prove(&id, &proof).expect("the proof is written");
    id
}

fn make_active(site: &Site, id: &ModelId) {
    let models = models(site);
    let change = models.change().expect("nobody changes the store");
    change.set_active(&name(), id, 0).expect("it is active");
}

fn sound(_: &mut Golden) {}

/// What no engine answers.
fn spoilt(golden: &mut Golden) {
    for value in golden.maps.rgb.iter_mut().flat_map(|maps| &mut maps.data) {
        *value += 1.0;
    }
}

/// Installs 1.0.0, which is active, and 1.1.0, which is as good, or whose goldens are spoilt.
fn with_two(site: &Site, spoil: impl Fn(&mut Golden)) -> [ModelId; 2] {
    let old = install(site, &edition("1.0.0", sound));
    make_active(site, &old);
    [old, install(site, &edition("1.1.0", spoil))]
}

/// Which model a restart would begin with, and which one is the way back.
fn recorded(site: &Site) -> (ModelId, Option<ModelId>) {
    let activation = models(site).activation(&name()).expect("a record");
    let activation = activation.expect("a record");
    (activation.active, activation.previous)
}

fn start(site: Site) -> Service {
    start_under(site, "")
}

/// With faults on request.
fn start_under(site: Site, script: &str) -> Service {
    let mut service = begin_under(site, script);
    service.wait_for("STATUS=ready");
    service
}

/// The same, of a station that may never be ready.
fn begin_under(site: Site, script: &str) -> Service {
    let command = program(if script.is_empty() {
        "twinspect"
    } else {
        "twinspect-chaos"
    });
    let record = site.path("chaos");
    Service::start_program(site, command, |command, _| {
        command
            .arg("--json")
            .env("TWINSPECT_LOG", "info")
            .env("TWINSPECT_CHAOS", script)
            .env("TWINSPECT_CHAOS_RECORD", record);
    })
}

/// A wish for a model; the answer comes when it is settled.
fn activate(service: &Service, model: &str) -> UnixStream {
    service.say(&json!({ "activate": { "model": model } }))
}

fn answer(stream: UnixStream) -> Value {
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a read timeout");
    let mut line = String::new();
    BufReader::new(stream)
        .read_line(&mut line)
        .expect("an answer");
    serde_json::from_str(&line).expect("a JSON object")
}

fn is_active(status: &Value, id: &ModelId) -> bool {
    status["models"]["active"] == id.as_str()
}

fn step(status: &Value) -> &str {
    status["models"]["under_way"]["step"]
        .as_str()
        .unwrap_or_default()
}

/// Has a part judged.
fn judge(service: &Service) -> Value {
    service.answer("trigger")
}

fn is_judged(left: &Value) -> bool {
    left["verdict"] == "pass" || left["verdict"] == "fail"
}

/// All processes that a station has started and that live.
fn children(station: u32) -> Vec<u32> {
    let parent = format!("PPid:\t{station}");
    let lives = |pid: &u32| {
        std::fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| {
            status.lines().any(|line| line == parent) && !status.contains("State:\tZ")
        })
    };
    let entries = std::fs::read_dir("/proc").expect("/proc");
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(lives)
        .collect()
}

/// A part that awaits its answer, for which the inspect process would need a signal.
struct Held {
    inspector: u32,
    trigger: std::process::Child,
}

fn hold(service: &Service) -> Held {
    let children = children(service.process.id());
    assert_eq!(children.len(), 1, "one process judges");
    let inspector = children[0];
    signal(inspector, "STOP");
    let before = service.answer("status")["parts"]["triggered"].clone();
    let trigger = service
        .question("trigger")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let seen = service.wait_until(|status| status["parts"]["triggered"] != before);
    // A part that is asked for now would be too close behind it: a quick machine gets there.
    let up_s = |status: &Value| status["uptime_s"].as_f64().expect("a time");
    service.wait_until(|status| up_s(status) > up_s(&seen) + SPACING_MIN_MS / 1e3);
    Held { inspector, trigger }
}

impl Held {
    fn let_go(&self) {
        signal(self.inspector, "CONT");
    }

    /// What became of the part.
    fn left(self) -> Value {
        let output = self.trigger.wait_with_output().expect("its end");
        serde_json::from_slice(&output.stdout).expect("a JSON object")
    }
}

fn log(service: &Service) -> String {
    String::from_utf8_lossy(&service.site.read("log")).into_owned()
}
