//! A station with a script of faults, from its start to its end.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use twinspect_tests::chaos::{LeftPart, Record, violations};

use crate::binaries::program;
use crate::product::Site;
use crate::sequence;
use crate::station::signal;

/// Something is heard of a station within this time, also on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);
/// Most parts that a test waits for.
const PARTS_MAX: usize = 600;
/// `gate.pulse_ms` is its default.
const PULSE_US: u64 = 30_000;

/// What a station allows the inspect process, milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) silence_max_ms: u32,
    pub(super) start_max_ms: u32,
}

impl Limits {
    /// For faults that the supervision has to find.
    pub(super) const STRICT: Self = Self {
        silence_max_ms: 1_500,
        start_max_ms: 60_000,
    };
    /// For faults that no process has to be killed for.
    pub(super) const PATIENT: Self = Self {
        silence_max_ms: 30_000,
        start_max_ms: 60_000,
    };
}

/// A folder with a station whose parts' verdicts are known. Parts come between the pulses of others.
pub(super) fn site(limits: Limits) -> Site {
    let Limits {
        silence_max_ms,
        start_max_ms,
    } = limits;
    let site = Site::new();
    let line = site.path("line");
    std::fs::create_dir(&line).expect("a new folder");
    sequence::write(&line);
    site.write(
        "station.toml",
        format!(
            "[bundle]\nfile = \"line/block.twb\"\n\
             [camera]\nkind = \"replay\"\nfolder = \"line/parts\"\nrepeat = true\n\
             [trigger]\nrate_hz = 2.5\n\
             [gate]\ndelay_ms = 3000\ndeadline_ms = 2900\n\
             [inspector]\nsilence_max_ms = {silence_max_ms}\nstart_max_ms = {start_max_ms}\n\
             [records]\nenabled = true\n\
             [control]\nsocket = \"control.sock\"\n\
             [page]\nenabled = false\n"
        ),
    );
    site
}

/// The program with a script. It records into the site's `record`.
pub(super) fn station(site: &Site, script: &str) -> Command {
    let mut command = program("twinspect-chaos");
    command
        .current_dir(site.path(""))
        .args(["run", "--config", "station.toml", "--json"])
        .env("TWINSPECT_CHAOS", script)
        .env("TWINSPECT_CHAOS_RECORD", site.path("record"))
        .env("TWINSPECT_LOG", "info");
    command
}

/// A running station.
pub(super) struct Trial {
    pub(super) site: Rc<Site>,
    pub(super) process: Child,
    lines: Receiver<String>,
    said: Vec<Value>,
}

/// What a station leaves behind.
pub(super) struct Ended {
    pub(super) parts: Vec<LeftPart>,
    pub(super) summary: Value,
    pub(super) record: Record,
    pub(super) log: String,
}

impl Trial {
    /// Starts a station. What it logs is written to the site's `log`.
    pub(super) fn start(site: impl Into<Rc<Site>>, script: &str) -> Self {
        let site = site.into();
        let log = File::create(site.path("log")).expect("a new file");
        let mut command = station(&site, script);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the station starts");
        let output = process.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            site,
            process,
            lines,
            said: Vec::new(),
        }
    }

    /// Whether one more line came, or the station has ended.
    pub(super) fn read_on(&mut self) -> bool {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(error) => panic!("{error}: {}", self.log()),
        };
        self.said
            .push(serde_json::from_str(&line).expect("a JSON object"));
        true
    }

    /// Looks again with each part that leaves until it is as wanted.
    pub(super) fn wait_until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            assert!(self.said.len() < PARTS_MAX, "{what}: {}", self.log());
            assert!(self.read_on(), "{what}: it has ended: {}", self.log());
        }
    }

    /// Waits until a fault has struck and is over.
    pub(super) fn outlive(&mut self, fault: &str) {
        self.wait_until(fault, |trial| trial.record().is_over(fault));
    }

    pub(super) fn record(&self) -> Record {
        Record::read(&self.site.path("record"))
    }

    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&self.site.read("log")).into_owned()
    }

    /// The parts that have left so far.
    pub(super) fn parts(&self) -> Vec<LeftPart> {
        self.said.iter().filter_map(LeftPart::read).collect()
    }

    /// Tells it to stop and waits for its end, in which all laws must hold.
    pub(super) fn stop(mut self) -> Ended {
        signal(self.process.id(), "TERM");
        while self.read_on() {}
        let status = self.process.wait().expect("its end");
        let ended = Ended {
            parts: self.parts(),
            summary: self.said.last().expect("a summary").clone(),
            record: self.record(),
            log: self.log(),
        };
        assert!(status.success(), "{status}: {}", ended.log);
        ended.check();
        ended
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        // A test that failed leaves nothing that runs on.
        if let Ok(None) = self.process.try_wait() {
            self.process.kill().expect("the station is killed");
            self.process.wait().expect("its end");
        }
    }
}

impl Ended {
    fn check(&self) {
        let found = violations(&self.parts, &self.record, PULSE_US, is_good);
        assert!(found.is_empty(), "{found:#?}\n{}", self.log);
        let parts = self.parts.len() as u64;
        assert_eq!(self.summary["trigger"]["parts"], parts);
        assert_eq!(self.summary["summary"]["parts"], parts);
    }

    pub(super) fn restarts(&self) -> u64 {
        self.summary["inspector_restarts"]
            .as_u64()
            .expect("a count")
    }

    pub(super) fn inspector(&self, count: &str) -> u64 {
        self.summary["inspector"][count].as_u64().expect("a count")
    }

    /// Why there is no result for the part at which a fault struck.
    pub(super) fn reason(&self, fault: &str) -> &str {
        let (number, ..) = self.record.after(fault).expect("the fault has struck");
        let part = self.parts.iter().find(|part| part.number == number);
        let part = part.unwrap_or_else(|| panic!("{fault}: part {number} has not left"));
        part.reason.as_deref().unwrap_or(&part.verdict)
    }
}

/// Whether a part of this label may pass.
pub(super) fn is_good(label: &str) -> bool {
    label.ends_with("-pass")
}

/// Runs a station until all faults of a script are over.
pub(super) fn outlive(limits: Limits, script: &str) -> Ended {
    let mut trial = Trial::start(site(limits), script);
    for fault in script.split(';') {
        trial.outlive(fault);
    }
    trial.stop()
}
