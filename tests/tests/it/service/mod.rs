//! A station as a service: what the service manager, the control socket and the journal see of it.

mod acceptance;
mod control;
mod journal;
mod manager;
mod reload;
mod unit;

use std::fs::File;
use std::io::Write;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Child, Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::binaries::{program, run};
use crate::product::Site;
use crate::station::signal;

/// A message of the station comes by then, also on a busy machine.
const PATIENCE_S: u64 = 120;
const SECOND: Duration = Duration::from_secs(1);
/// How often a station is asked before a test gives up.
const QUESTIONS_MAX: usize = 5_000;

/// A running service. Standard output goes to `out`, the log to `log`.
pub(crate) struct Service {
    pub(crate) site: Site,
    pub(crate) process: Child,
    manager: UnixDatagram,
    /// All lines that the service manager was told so far.
    told: Vec<String>,
}

impl Service {
    /// Starts a station and waits until it is up.
    pub(crate) fn start(site: Site) -> Self {
        Self::start_with(site, |command, _| {
            command.arg("--json");
        })
    }

    /// As [`Self::start`], with a last word about the command and its log.
    pub(crate) fn start_with(site: Site, prepare: impl FnOnce(&mut Command, &File)) -> Self {
        Self::start_program(site, program("twinspect"), prepare)
    }

    /// As [`Self::start_with`], of a certain program. The site may have had a station before.
    pub(crate) fn start_program(
        site: Site,
        mut command: Command,
        prepare: impl FnOnce(&mut Command, &File),
    ) -> Self {
        // What a station before this one has left.
        if site.path("notify").exists() {
            site.remove("notify");
        }
        let manager = UnixDatagram::bind(site.path("notify")).expect("a socket");
        manager
            .set_read_timeout(Some(SECOND))
            .expect("a read timeout");
        std::fs::create_dir_all(site.path("run")).expect("a folder");
        let file = |name| File::create(site.path(name)).expect("a file");
        let (out, log) = (file("out"), file("log"));
        command
            .current_dir(site.path(""))
            .args(["run", "--config", "station.toml"])
            .env("NOTIFY_SOCKET", site.path("notify"))
            .env("RUNTIME_DIRECTORY", site.path("run"))
            .stdout(out);
        prepare(&mut command, &log);
        let process = command.stderr(log).spawn().expect("the station starts");
        let mut service = Self {
            site,
            process,
            manager,
            told: Vec::new(),
        };
        service.wait_for("READY=1");
        service
    }

    /// Starts a station that was killed once more, in its place.
    pub(crate) fn start_again(mut self) -> Self {
        let ended = self.process.try_wait().expect("its state");
        assert!(ended.is_some(), "it still runs");
        let site = std::mem::replace(&mut self.site, Site::empty());
        drop(self);
        std::fs::remove_file(site.path("notify")).expect("the old socket goes");
        Self::start(site)
    }

    /// Waits until the service manager is told something that begins like this, and returns it.
    pub(crate) fn wait_for(&mut self, wanted: &str) -> String {
        let mut message = [0; 4096];
        let mut silent_s = 0;
        loop {
            let length = match self.manager.recv(&mut message) {
                Ok(length) => length,
                Err(error) => {
                    let ended = self.process.try_wait().expect("its state");
                    silent_s += SECOND.as_secs();
                    let log = String::from_utf8_lossy(&self.site.read("log")).into_owned();
                    assert!(
                        ended.is_none() && silent_s < PATIENCE_S,
                        "waiting for {wanted}: {error}; the station: {ended:?}, {log}"
                    );
                    continue;
                }
            };
            let text = String::from_utf8_lossy(&message[..length]).into_owned();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            self.told.extend(lines.iter().cloned());
            if let Some(line) = lines.into_iter().find(|line| line.starts_with(wanted)) {
                return line;
            }
        }
    }

    /// All that the service manager was told so far.
    pub(crate) fn told(&self) -> &[String] {
        &self.told
    }

    /// Asks the station by the command line.
    pub(crate) fn ask(&self, command: &str) -> Output {
        run(&mut self.question(command))
    }

    /// A command with its options.
    pub(crate) fn question(&self, command: &str) -> Command {
        let mut question = program("twinspect");
        question
            .current_dir(self.site.path(""))
            .args(command.split(' '))
            .args(["--socket", "run/control.sock", "--json"]);
        question
    }

    /// The answer of a station that does what is asked.
    pub(crate) fn answer(&self, command: &str) -> Value {
        let output = self.ask(command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
        serde_json::from_slice(&output.stdout).expect("a JSON object")
    }

    /// Why a station does not do what is asked.
    pub(crate) fn refusal(&self, command: &str) -> String {
        let output = self.ask(command);
        assert_eq!(output.status.code(), Some(2), "{command}: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Asks what the station is doing until the answer is as wanted.
    pub(crate) fn wait_until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..QUESTIONS_MAX {
            let status = self.answer("status");
            if wanted(&status) {
                return status;
            }
        }
        panic!("{}", self.answer("status"));
    }

    /// Asks the station by one line on its socket, without waiting for the answer.
    pub(crate) fn say(&self, request: &Value) -> UnixStream {
        let mut stream = UnixStream::connect(self.site.path("run/control.sock")).expect("a socket");
        let line = format!("{}\n", serde_json::json!({ "request": request }));
        stream.write_all(line.as_bytes()).expect("it is taken");
        stream
    }

    /// Kills the station as a power cut would, and gives its folder back.
    pub(crate) fn kill(mut self) -> Site {
        self.process.kill().expect("the station is killed");
        self.process.wait().expect("its end");
        std::mem::replace(&mut self.site, Site::new())
    }

    /// Tells it to stop, and returns its parts and its summary.
    pub(crate) fn stop(mut self) -> (Vec<Value>, Value) {
        signal(self.process.id(), "TERM");
        self.end()
    }

    /// Waits for its end, and returns its parts and its summary.
    pub(crate) fn end(&mut self) -> (Vec<Value>, Value) {
        let status = self.process.wait().expect("its end");
        let log = String::from_utf8_lossy(&self.site.read("log")).into_owned();
        assert!(status.success(), "{status}: {log}");
        let said = String::from_utf8(self.site.read("out")).expect("text");
        let mut lines: Vec<Value> = said
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON object"))
            .collect();
        let summary = lines.pop().expect("a summary");
        (lines, summary)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A test that failed leaves nothing that runs on.
        if let Ok(None) = self.process.try_wait() {
            self.process.kill().expect("the station is killed");
            self.process.wait().expect("its end");
        }
    }
}
