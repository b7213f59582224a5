//! Folders with doubles of libraries, and processes that use them.
//!
//! Every scenario is a process of its own: a library is loaded once a process, doubles read what a
//! test wants of them from the environment, and some scenarios end in a crash.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// The releases whose tables are known.
pub(crate) const RELEASES: [&str; 6] = ["8.5.2", "8.6.1", "10.3.0", "10.13.3", "10.16.1", "11.4.0"];

/// A folder that the loader searches.
pub(crate) struct Installation {
    folder: TempDir,
    release: String,
}

impl Installation {
    /// Driver, TensorRT and parser of a release.
    pub(crate) fn of(release: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        twinspect_double_nvinfer::install(folder.path(), release).expect("doubles are linked");
        Self {
            folder,
            release: release.to_owned(),
        }
    }

    /// Puts a double there under a name.
    pub(crate) fn link(&self, double: &str, name: &str) {
        twinspect_double_nvinfer::link(double, &self.path(name)).expect("a double is linked");
    }

    /// Where a library is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Takes a library away.
    pub(crate) fn without(self, name: &str) -> Self {
        std::fs::remove_file(self.path(name)).expect("a link is removed");
        self
    }

    /// Makes a double forget a function, under all of these names: nobody finds it by its own name any more.
    pub(crate) fn without_function(self, names: &[&str], function: &str) -> Self {
        let mut library = std::fs::read(self.path(names[0])).expect("a double is read");
        let length = function.len();
        let mut after = 0;
        while let Some(found) = library[after..]
            .windows(length)
            .position(|window| window == function.as_bytes())
        {
            after += found + length;
            library[after - 1] = b'_';
        }
        assert!(after > 0, "no {function} in the double");
        std::fs::write(self.path("lame.so"), library).expect("a double is written");
        for name in names {
            std::fs::remove_file(self.path(name)).expect("a link is removed");
            std::os::unix::fs::symlink("lame.so", self.path(name)).expect("a link is made");
        }
        self
    }

    /// Runs a scenario of [`child`](crate::child) with these wishes to the doubles.
    pub(crate) fn run(&self, scenario: &str, cuda: &str, nvinfer: &str) -> Outcome {
        let nvinfer = format!("release={},{nvinfer}", self.release);
        let mut child = command(scenario);
        child.env("LD_LIBRARY_PATH", self.folder.path());
        child
            .env("TWINSPECT_DOUBLE_CUDA", cuda)
            .env("TWINSPECT_DOUBLE_NVINFER", nvinfer);
        Outcome::of(&mut child)
    }
}

/// Runs a scenario that brings its own libraries.
pub(crate) fn run_elsewhere(scenario: &str) -> Outcome {
    Outcome::of(&mut command(scenario))
}

/// This test program as a child, below what `TWINSPECT_TESTS_UNDER` says: `valgrind
/// --error-exitcode=99 ...`.
fn command(scenario: &str) -> Command {
    let this = std::env::current_exe().expect("this test's path");
    let under = std::env::var("TWINSPECT_TESTS_UNDER").unwrap_or_default();
    let mut words = under.split_whitespace();
    let mut child = match words.next() {
        Some(program) => Command::new(program),
        None => Command::new(&this),
    };
    if !under.is_empty() {
        child.args(words).arg(this);
    }
    child.args(["--exact", "child::play", "--nocapture", "--test-threads=1"]);
    child.env("TWINSPECT_SCENARIO", scenario);
    child
}

/// What became of a scenario.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Everything that was written.
    pub(crate) text: String,
    /// How it ended, unless it came to its own end.
    pub(crate) crash: Option<String>,
}

impl Outcome {
    fn of(child: &mut Command) -> Self {
        let output = child.output().expect("a child starts");
        let text = [output.stdout, output.stderr].concat();
        Self {
            text: String::from_utf8_lossy(&text).into_owned(),
            crash: (!output.status.success()).then(|| output.status.to_string()),
        }
    }

    /// What the scenario says under a key.
    pub(crate) fn said(&self, key: &str) -> Option<&str> {
        let prefix = format!("@{key} ");
        self.text
            .lines()
            .find_map(|line| Some(line.split_once(&prefix)?.1))
    }

    /// A number that the scenario says.
    pub(crate) fn number(&self, key: &str) -> u64 {
        let number = self.said(key).and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("no {key} in {self:#?}"))
    }

    /// Everything was as it should be, and nothing was left.
    pub(crate) fn is_good(&self) -> bool {
        self.crash.is_none() && self.said("result") == Some("ok") && self.has_no_leak()
    }

    /// Everything was given back.
    pub(crate) fn has_no_leak(&self) -> bool {
        self.number("alive-cuda") == 0 && self.number("alive-nvinfer") == 0
    }
}
