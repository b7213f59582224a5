//! The fastest belt that a station keeps up with on this machine: the real program, both processes, the
//! replay camera and a simulated line, at rising rates of parts until one is not judged in time.
//!
//! ```text
//! cargo build --release
//! cargo run --release --package twinspect-tests --example fastest_belt
//! cargo run --release --package twinspect-tests --example device_site -- target/site
//! cargo run --release --package twinspect-tests --example fastest_belt -- \
//!     --bundle target/site/block.twb --data target/site/parts
//! ```
//! The second one measures everything but the networks: the model of `device_site` only picks and
//! rectifies.
//!
//! A rate is kept up with if each part of a run is judged by its deadline and each pulse comes; a run
//! that fails is tried once more (`--tries`), since a shared machine stands still now and then. The rate is doubled
//! until it fails, then halved in between. The camera decodes two PNG files a part, which a real camera
//! does not; it has a thread of its own.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use clap::Parser;
use serde_json::Value;

/// A configuration allows no more.
const RATE_MAX_HZ: f64 = 1_000.0;
/// Parts that lie between sensor and rejector at most; the gate has room for 63.
const PARTS_UNDER_WAY: f64 = 40.0;
/// Way from the sensor to the rejector, if not more parts than that lie on it.
const DELAY_MS: f64 = 400.0;
/// Of the way, until a part must be judged: as the defaults of a configuration have it.
const DEADLINE_SHARE: f64 = 0.875;
/// A thread that is busy for so much of its time is full, per cent: its parts do not all take the same time.
const FULL: f64 = 70.0;
/// Reasons that lie in a part and not in the station's speed.
const OF_THE_PART: [&str; 3] = ["no_colour", "no_depth", "no_part"];

#[derive(Debug, Parser)]
struct Arguments {
    /// The program.
    #[arg(long, default_value = "target/release/twinspect")]
    program: PathBuf,
    /// A model ...
    #[arg(long, default_value = "models/cap.twb")]
    bundle: PathBuf,
    /// ... and its recorded parts.
    #[arg(long, default_value = "models/demo/cap")]
    data: PathBuf,
    /// The first rate, parts a second.
    #[arg(long, default_value_t = 4.0)]
    from_hz: f64,
    /// Length of a run.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// A rate has failed when so many runs have.
    #[arg(long, default_value_t = 2)]
    tries: usize,
    /// The answer is right to this share.
    #[arg(long, default_value_t = 0.03)]
    within: f64,
}

/// A run at a rate.
struct Run {
    rate_hz: f64,
    summary: Value,
}

impl Run {
    fn ms(&self, what: &str, percentile: &str) -> f64 {
        let latency = match what {
            "inspect" => &self.summary["summary"]["latency_ms"],
            _ => &self.summary["answer_ms"],
        };
        latency[percentile].as_f64().unwrap_or(f64::NAN)
    }

    fn count(&self, pointer: &str) -> u64 {
        let value = self.summary.pointer(pointer);
        value.and_then(Value::as_u64).unwrap_or(0)
    }

    /// Reasons of parts that were not judged because the station was too slow, and how often.
    fn losses(&self) -> Vec<(String, u64)> {
        let reasons = self.summary["summary"]["no_result_reasons"].as_object();
        let counts = reasons.into_iter().flatten();
        let mut losses: Vec<(String, u64)> = counts
            .filter(|(reason, _)| !OF_THE_PART.contains(&reason.as_str()))
            .map(|(reason, count)| (reason.clone(), count.as_u64().unwrap_or(0)))
            .collect();
        for (name, pointer) in [
            ("missed pulses", "/missed_pulses"),
            ("doubles", "/trigger/doubles"),
            ("restarts", "/inspector_restarts"),
        ] {
            let count = self.count(pointer);
            losses.extend((count > 0).then(|| (name.to_owned(), count)));
        }
        losses
    }

    fn print(&self) {
        let losses = self.losses();
        let verdict = if losses.is_empty() {
            "kept up".to_owned()
        } else {
            let told: Vec<String> = losses
                .iter()
                .map(|(reason, count)| format!("{count} {reason}"))
                .collect();
            told.join(", ")
        };
        println!(
            "{:8.2} parts/s, {:5} parts: sensor to answer p50 {:6.1} ms, p99 {:6.1} ms; of it inspecting p50 {:5.1} ms, \
             busy {:3.0} %; {} frames displaced; {verdict}",
            self.rate_hz,
            self.count("/summary/parts"),
            self.ms("answer", "p50"),
            self.ms("answer", "p99"),
            self.ms("inspect", "p50"),
            self.busy(),
            self.count("/inspector/displaced"),
        );
    }

    /// Share of its time that the inspect thread works, per cent.
    fn busy(&self) -> f64 {
        self.ms("inspect", "p50") * self.rate_hz / 10.0
    }

    /// What stands in the way of more at this rate. `around_ms` is what an answer takes beside the inspection
    /// while nothing waits: the capture, and the way there and back.
    fn limit(&self, around_ms: f64) -> String {
        let (inspecting, around) = (self.busy(), around_ms * self.rate_hz / 10.0);
        if inspecting >= FULL {
            "the inspect thread: preparation, engine and score".to_owned()
        } else if around >= FULL {
            "the capture thread: here, reading and decoding two PNG files a part".to_owned()
        } else {
            format!(
                "the machine: the inspect thread would be busy for {inspecting:.0} % of its time and all around it for \
                 {around:.0} %, so processes have waited for a processor"
            )
        }
    }
}

fn run(arguments: &Arguments, rate_hz: f64) -> anyhow::Result<Run> {
    let period_ms = 1e3 / rate_hz;
    let spacing_ms = (0.9 * period_ms).min(40.0);
    let delay_ms = (PARTS_UNDER_WAY * period_ms).min(DELAY_MS);
    let folder = tempfile::tempdir()?;
    let [bundle, data] = [&arguments.bundle, &arguments.data].map(|path| absolute(path));
    let text = format!(
        "[bundle]\nfile = {:?}\n[camera]\nkind = \"replay\"\nfolder = {:?}\nrepeat = true\n\
         [trigger]\nrate_hz = {rate_hz:?}\nspacing_min_ms = {spacing_ms:?}\ndebounce_ms = {:?}\n\
         [gate]\ndelay_ms = {delay_ms:?}\ndeadline_ms = {:?}\npulse_ms = {:?}\n",
        bundle?,
        data?,
        (0.2 * period_ms).min(2.0),
        DEADLINE_SHARE * delay_ms,
        (0.5 * spacing_ms).min(30.0),
    );
    fs_err::write(folder.path().join("station.toml"), text)?;
    let parts = (rate_hz * arguments.seconds).ceil().max(60.0);
    let output = Command::new(absolute(&arguments.program)?)
        .current_dir(folder.path())
        .args(["run", "--config", "station.toml", "--json", "--parts"])
        .arg(parts.to_string())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(
        output.status.success(),
        "the station ended with {}",
        output.status
    );
    let said = String::from_utf8(output.stdout)?;
    let summary = said.lines().last().context("a summary")?;
    Ok(Run {
        rate_hz,
        summary: serde_json::from_str(summary)?,
    })
}

/// The first run that keeps up, or the last one.
fn attempt(arguments: &Arguments, rate_hz: f64) -> anyhow::Result<Run> {
    let mut tries = arguments.tries;
    loop {
        let run = run(arguments, rate_hz)?;
        run.print();
        tries = tries.saturating_sub(1);
        if tries == 0 || run.losses().is_empty() {
            return Ok(run);
        }
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    fs_err::canonicalize(path).context("build it first, or name another one")
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let load = fs_err::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before {}", load.trim());
    let mut kept = attempt(&arguments, arguments.from_hz)?;
    ensure!(
        kept.losses().is_empty(),
        "already the first rate is too fast"
    );
    let slowest = run(&arguments, arguments.from_hz)?;
    let around_ms = slowest.ms("answer", "p50") - slowest.ms("inspect", "p50");
    let mut failed: Option<Run> = None;
    loop {
        let next_hz = match &failed {
            None if kept.rate_hz >= RATE_MAX_HZ => break,
            None => (2.0 * kept.rate_hz).min(RATE_MAX_HZ),
            Some(failed) if failed.rate_hz / kept.rate_hz <= 1.0 + arguments.within => break,
            Some(failed) => (kept.rate_hz * failed.rate_hz).sqrt(),
        };
        let run = attempt(&arguments, next_hz)?;
        if run.losses().is_empty() {
            kept = run;
        } else {
            failed = Some(run);
        }
    }
    println!(
        "\nfastest belt   {:.1} parts/s, {:.0} parts/min\n\
         there          sensor to answer p50 {:.1} ms, p99 {:.1} ms\n\
         at {:.0} parts/s   p50 {:.1} ms, p99 {:.1} ms\n\
         inspect thread busy for {:.0} % of its time\n\
         limit          {}",
        kept.rate_hz,
        kept.rate_hz * 60.0,
        kept.ms("answer", "p50"),
        kept.ms("answer", "p99"),
        slowest.rate_hz,
        slowest.ms("answer", "p50"),
        slowest.ms("answer", "p99"),
        kept.busy(),
        failed.map_or(
            "none: a configuration allows no more parts".to_owned(),
            |run| run.limit(around_ms)
        ),
    );
    Ok(())
}
