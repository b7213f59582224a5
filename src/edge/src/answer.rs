//! What a process answers that this one has started and waits for, but not for ever.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Longest answer of a process.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// From its last word to its end.
const GOES_WITHIN: Duration = Duration::from_secs(20);

/// How a process has ended, and what it has written to its standard output.
pub(crate) struct Answer {
    pub(crate) status: ExitStatus,
    pub(crate) text: Vec<u8>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("{doing} its process: {source}")]
    Lost {
        doing: &'static str,
        source: io::Error,
    },
    #[error("its process was ended after {} s, which {option} may raise", limit.as_secs())]
    TooSlow {
        limit: Duration,
        option: &'static str,
    },
}

/// Starts a command of this very program, waits until it has ended, and ends it where that takes longer than the limit that
/// an option has set.
pub(crate) fn answer_of(
    command: &mut Command,
    limit: Duration,
    option: &'static str,
) -> Result<Answer, Unanswered> {
    let lost = |doing| move |source| Unanswered::Lost { doing, source };
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(lost("starting"))?;
    let (sender, answers) = bounded(1);
    if let Some(stdout) = child.stdout.take() {
        let reads = thread::Builder::new().spawn(move || {
            let mut answer = Vec::new();
            let read = stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
            // Nobody waits for it after the limit.
            sender.send(read.map(|_count| answer)).unwrap_or_default();
        });
        if let Err(source) = reads {
            end(&mut child);
            let doing = "reading the answer of";
            return Err(Unanswered::Lost { doing, source });
        }
    }
    let answer = match answers.recv_timeout(limit) {
        Ok(answer) => answer.map_err(lost("reading the answer of")),
        Err(RecvTimeoutError::Timeout) => Err(Unanswered::TooSlow { limit, option }),
        Err(RecvTimeoutError::Disconnected) => Ok(Vec::new()),
    };
    // One that has said all may still hang in what a vendor's library does at the end.
    let ended = answer.and_then(|text| {
        let status = wait(&mut child, GOES_WITHIN).map_err(lost("waiting for"))?;
        let status = status.ok_or(Unanswered::TooSlow { limit, option })?;
        Ok(Answer { status, text })
    });
    if ended.is_err() {
        end(&mut child);
    }
    ended
}

/// Waits for its end, or says that it did not come.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
    // A station that waits may be asked for a reload meanwhile.
    retry_on_intr(|| poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)))?;
    child.try_wait()
}

/// It may have ended by itself meanwhile.
fn end(child: &mut Child) {
    if let Err(error) = child.kill().and_then(|()| child.wait()) {
        log::warn!("ending process {}: {error}", child.id());
    }
}
