//! How long a station takes to be itself again after each kind of fault, as a table.
//!
//! ```text
//! cargo build --release --package twinspect-chaos
//! cargo run --release --package twinspect-tests --example recovery_times
//! ```
//! Each row is the median of some runs of the real program, both processes, with a model that ships,
//! the replay camera and a simulated line, four parts a second. All limits are a configuration's defaults, but
//! for the way to the rejector, which leaves a busy machine time to judge. A fault begins when the record says that it has struck.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what it is for"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use clap::Parser;
use twinspect_tests::chaos::{Record, Recovery};

/// What strikes, and the words for it.
const FAULTS: [(&str, &str); 21] = [
    ("engine:fail@8", "engine gives an error"),
    ("camera:fail@8", "camera gives an error"),
    ("engine:slow=500@8", "engine takes 0.5 s longer, once"),
    (
        "engine:segfault@8",
        "inspect process: segmentation fault in the engine",
    ),
    ("engine:kill@8", "inspect process: SIGKILL"),
    ("engine:panic@8", "inspect thread panics"),
    ("camera:panic@8", "capture thread panics"),
    ("tickets:panic@8", "thread that reads tickets panics"),
    ("answers:panic@8", "thread that writes answers panics"),
    ("engine:hang@8", "engine hangs"),
    ("engine:stop@8", "inspect process stands still as a whole"),
    ("camera:hang@8", "camera hangs"),
    ("tickets:hang@8", "thread that reads tickets hangs"),
    (
        "sender:hang@8",
        "line process: thread that sends tickets hangs",
    ),
    (
        "listener:hang@8",
        "line process: thread that hears answers hangs",
    ),
    ("records:hang@1", "disk hangs"),
    ("records:fail@1", "disk is full"),
    ("output:hang@3", "standard output is not taken"),
    ("log:hang@1", "log is not taken"),
    ("loop:slow=1500@8", "line process stands still for 1.5 s"),
    (
        "loop:segfault@8",
        "line process: segmentation fault, started again at once",
    ),
];

#[derive(Debug, Parser)]
struct Arguments {
    /// The program with faults on request.
    #[arg(long, default_value = "target/release/twinspect-chaos")]
    program: PathBuf,
    /// A model ...
    #[arg(long, default_value = "models/cap.twb")]
    bundle: PathBuf,
    /// ... and its recorded parts.
    #[arg(long, default_value = "models/demo/cap")]
    data: PathBuf,
    /// Runs of each fault.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only the faults whose script has this in it.
    #[arg(long, default_value = "")]
    only: String,
}

/// A folder with a station's configuration.
struct Site {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Site {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (bundle, data) = (absolute(&arguments.bundle)?, absolute(&arguments.data)?);
        let text = format!(
            "[bundle]\nfile = {bundle:?}\n\
             [camera]\nkind = \"replay\"\nfolder = {data:?}\nrepeat = true\n\
             [trigger]\nrate_hz = 4.0\n[gate]\ndelay_ms = 1600\ndeadline_ms = 1500\n\
             [records]\nenabled = true\n"
        );
        fs_err::write(folder.path().join("station.toml"), text)?;
        Ok(Self {
            folder,
            program: absolute(&arguments.program)?,
        })
    }

    fn record(&self) -> Record {
        Record::read(&self.folder.path().join("record"))
    }

    fn start(&self, script: &str) -> anyhow::Result<Child> {
        let folder = self.folder.path();
        let child = Command::new(&self.program)
            .current_dir(folder)
            .args(["run", "--config", "station.toml", "--json"])
            .env("TWINSPECT_CHAOS", script)
            .env("TWINSPECT_CHAOS_RECORD", folder.join("record"))
            .env("TWINSPECT_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(fs_err::File::create(folder.join("log"))?.into_parts().0)
            .spawn();
        child.with_context(|| format!("{} does not start", self.program.display()))
    }

    /// How long the fault lasted, if it is over by now.
    fn recovery(&self, fault: &str) -> Option<Recovery> {
        let record = self.record();
        record.recovery(fault).filter(|_| record.is_over(fault))
    }

    /// Reads on until the fault is over; nothing if the station ends before.
    fn outlive(
        &self,
        child: &mut Child,
        fault: &str,
        is_silent: bool,
    ) -> anyhow::Result<Option<Recovery>> {
        let output = child.stdout.take().context("a pipe")?;
        if is_silent {
            // Its lines don't come: the record is all that tells.
            loop {
                if let Some(recovery) = self.recovery(fault) {
                    return Ok(Some(recovery));
                }
                ensure!(child.try_wait()?.is_none(), "{fault}: it has ended");
                std::thread::park_timeout(std::time::Duration::from_millis(50));
            }
        }
        for line in BufReader::new(output).lines() {
            line?;
            if let Some(recovery) = self.recovery(fault) {
                return Ok(Some(recovery));
            }
        }
        Ok(None)
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    fs_err::canonicalize(path).context("build it first, or name another one")
}

/// One run: a station until the fault is over.
fn measure(arguments: &Arguments, fault: &str) -> anyhow::Result<Recovery> {
    let site = Site::new(arguments)?;
    let mut child = site.start(fault)?;
    let mut recovery = site.outlive(&mut child, fault, fault.starts_with("output"))?;
    if recovery.is_none() {
        // The line process has died: as systemd would, but at once.
        child.wait()?;
        child = site.start("")?;
        recovery = site.outlive(&mut child, fault, false)?;
    }
    // Nobody reads on, and the laws are the tests' affair.
    child.kill()?;
    child.wait()?;
    let log = || fs_err::read_to_string(site.folder.path().join("log")).unwrap_or_default();
    recovery.with_context(|| format!("{fault}: {}", log()))
}

fn spread(mut values: Vec<u64>) -> String {
    values.sort_unstable();
    let seconds = |value: Option<&u64>| value.map_or(f64::NAN, |us| *us as f64 / 1e6);
    format!(
        "{:.2} s ({:.2} to {:.2})",
        seconds(values.get(values.len() / 2)),
        seconds(values.first()),
        seconds(values.last())
    )
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!("| fault | READY again | next part judged |\n|---|---|---|");
    let faults = FAULTS.iter();
    for (fault, words) in faults.filter(|(fault, _)| fault.contains(&arguments.only)) {
        let mut found = Vec::new();
        for run in 0..arguments.runs {
            eprintln!("{fault}, run {}", run + 1);
            found.push(measure(&arguments, fault)?);
        }
        let fell: Vec<u64> = found.iter().filter_map(|found| found.ready_us).collect();
        let ready = match fell.len() {
            0 => "never fell".to_owned(),
            count if count == found.len() => spread(fell),
            count => format!("fell in {count} of {} runs: {}", found.len(), spread(fell)),
        };
        let judged = spread(found.iter().map(|found| found.judged_us).collect());
        println!("| {words} | {ready} | {judged} |");
    }
    Ok(())
}
