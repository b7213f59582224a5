//! `twinspect-lab push`: a bundle to one station or to many, by the system's ssh.
//!
//! In the order of use: [`hosts`] reads who is meant; [`remote`] speaks to one of them, in the JSON of
//! `twinspect model`; this module does so for several at a time and makes a table of what happened where.
//!
//! **What is absent**: a protocol, keys and passwords of our own. What ssh asks, ssh's own configuration answers.

mod hosts;
mod remote;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde::Serialize;
use twinspect_bundle::{Bundle, BundleError};

pub(crate) use hosts::{Host, HostsError, read as read_hosts};
pub(crate) use remote::Remote;

/// What is to be done.
pub(crate) struct Job<'a> {
    pub(crate) hosts: &'a [Host],
    pub(crate) bundle: &'a Path,
    pub(crate) remote: Remote,
    /// Also makes it the station's model.
    pub(crate) activate: bool,
    /// Looks, and changes nothing.
    pub(crate) dry_run: bool,
    /// Hosts that are spoken to at a time.
    pub(crate) at_once: usize,
}

/// Why nothing was sent to anybody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    /// The bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The hosts.
    #[error(transparent)]
    Hosts(#[from] HostsError),
    /// The bundle can't be read again.
    #[error("reading {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The system gives no threads.
    #[error("starting threads that speak to hosts")]
    Threads(#[source] rayon::ThreadPoolBuildError),
}

impl PushError {
    /// The remedy, where there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Bundle(error) => error.hint(),
            Self::Hosts(error) => Some(error.hint().to_owned()),
            Self::Read { .. } => Some("name a .twb file, not its folder".to_owned()),
            Self::Threads(_) => Some("speak to fewer hosts at a time".to_owned()),
        }
    }
}

/// What became of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It answers, and lacks the model. Nothing was done.
    WouldInstall,
    /// It answers, and has the model. Nothing was done.
    Known,
    /// The model is installed and proven there.
    Installed,
    /// And it is the station's.
    Activated,
    /// Something was refused, or the host can't be reached.
    Failed,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::WouldInstall => "would install",
            Self::Known => "known",
            Self::Installed => "installed",
            Self::Activated => "activated",
            Self::Failed => "failed",
        }
    }
}

/// A line of the table. Its keys are for scripts and stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    pub(crate) host: String,
    pub(crate) outcome: Outcome,
    /// Name of the installed model.
    pub(crate) id: Option<String>,
    /// The engine that has proven it there.
    pub(crate) engine: Option<String>,
    /// When the station goes by it, in the words of `twinspect model activate`.
    pub(crate) takes_effect: Option<String>,
    /// Of the command that failed; 255 where ssh did.
    pub(crate) exit_code: u8,
    /// What it said last.
    pub(crate) error: Option<String>,
}

/// What happened where.
#[derive(Debug, Serialize)]
pub(crate) struct Pushed {
    bundle: PathBuf,
    hash: String,
    hosts: Vec<Row>,
}

impl Pushed {
    /// The largest exit code of all hosts.
    pub(crate) fn exit_code(&self) -> u8 {
        let codes = self.hosts.iter().map(|row| row.exit_code);
        codes.max().unwrap_or(0)
    }
}

/// Reads and checks the bundle, and does the job for each host.
pub(crate) fn push(job: &Job<'_>) -> Result<Pushed, PushError> {
    let bundle = Bundle::open(job.bundle)?;
    let bytes = fs_err::read(job.bundle).map_err(|source| PushError::Read {
        path: job.bundle.to_owned(),
        source,
    })?;
    let bar = ProgressBar::new(job.hosts.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{pos} of {len} hosts {wide_bar} {msg}") {
        bar.set_style(style);
    }
    let rows = for_each(job.hosts, job.at_once, |host| {
        let row = remote::send(job, host, &bytes, bundle.hash());
        log::info!("{}: {}", row.host, row.outcome.name());
        bar.inc(1);
        bar.set_message(row.host.clone());
        row
    })?;
    bar.finish_and_clear();
    Ok(Pushed {
        bundle: job.bundle.to_owned(),
        hash: bundle.hash().to_owned(),
        hosts: rows,
    })
}

/// Does something for each host, for so many at once; the answers are in the hosts' order.
fn for_each(
    hosts: &[Host],
    at_once: usize,
    work: impl Fn(&Host) -> Row + Send + Sync,
) -> Result<Vec<Row>, PushError> {
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(at_once.clamp(1, hosts.len().max(1)))
        .build()
        .map_err(PushError::Threads)?;
    Ok(threads.install(|| hosts.par_iter().with_max_len(1).map(work).collect()))
}

impl fmt::Display for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "host",
            "outcome",
            "model",
            "engine",
            "takes effect",
            "why not",
        ]);
        for row in &self.hosts {
            let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
            table.add_row([
                row.host.clone(),
                row.outcome.name().to_owned(),
                text(&row.id),
                text(&row.engine),
                text(&row.takes_effect).replace('_', " "),
                text(&row.error),
            ]);
        }
        let failed = self.hosts.iter().filter(|row| row.exit_code != 0).count();
        write!(f, "{table}\n{failed} of {} hosts failed", self.hosts.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn row(host: &Host) -> Row {
        Row {
            host: host.as_str().to_owned(),
            outcome: Outcome::Installed,
            id: None,
            engine: None,
            takes_effect: None,
            exit_code: 0,
            error: None,
        }
    }

    #[test]
    fn no_more_hosts_than_allowed_are_spoken_to_at_once_and_all_of_them_are() {
        let hosts: Vec<Host> = (0..20)
            .map(|number| format!("h{number}").parse().unwrap())
            .collect();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let rows = for_each(&hosts, 3, |host| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            row(host)
        })
        .unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.host.as_str()).collect();
        let expected: Vec<&str> = hosts.iter().map(Host::as_str).collect();
        assert_eq!(names, expected);
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn the_worst_host_is_the_exit_code() {
        let host: Host = "a".parse().unwrap();
        let codes = [0, 4, 255, 5].map(|exit_code| Row {
            exit_code,
            ..row(&host)
        });
        let pushed = Pushed {
            bundle: PathBuf::new(),
            hash: String::new(),
            hosts: codes.to_vec(),
        };
        assert_eq!(pushed.exit_code(), 255);
        assert!(pushed.to_string().ends_with("3 of 4 hosts failed"));
    }
}
