//! `twinspect status`, `trigger` and `reload`: ask a running station and show what it answers.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::Asked;
use super::show_status::{self, Seen};
use super::whole_line::read_line;
use super::{ControlError, Reply, Request, USAGE, place};
use crate::cli::{AskArgs, TriggerArgs};
use crate::config;
use crate::error::EdgeError;
use crate::health::{Board, Disk, Looked, attention};
use crate::part_report::words;

/// Longest answer.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How much longer than the station itself its answer is waited for.
const SLACK: Duration = Duration::from_secs(3);

/// Says what a station is doing.
pub(crate) fn status(args: &AskArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let socket = socket(args)?;
    let (line, reply) = reply_of(&socket, Request::Status)?;
    let Reply::Status(status) = reply else {
        return Err(no_answer(&socket, &line).into());
    };
    let recent = match reply_of(&socket, Request::Recent) {
        Ok((_, Reply::Recent { parts })) => parts,
        // What is said of them is a hint; a station that has just ended has told what it was doing.
        _ => Vec::new(),
    };
    let (board, disks) = (Board::read(Path::new("/")), Disk::of(&status.folders));
    let attention = attention(&Looked {
        status: &status,
        recent: &recent,
        board: &board,
        disks: &disks,
    });
    let seen = Seen {
        board,
        disks,
        attention,
    };
    if args.json {
        return Ok(show_status::for_scripts(&line, &seen, out)?);
    }
    show_status::for_people(&status, &seen, out).map_err(EdgeError::Output)
}

/// Triggers a part, waits until it has left, and says what became of it; or has a test part judged.
pub(crate) fn trigger(args: &TriggerArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let request = if args.test {
        Request::TestPart
    } else {
        Request::Trigger
    };
    ask(&args.station, request, out)
}

/// Says that the next part is the challenge part.
pub(crate) fn challenge(args: &AskArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    ask(args, Request::Challenge, out)
}

/// Lets a station read its configuration again.
pub(crate) fn reload(args: &AskArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    ask(args, Request::Reload, out)
}

/// Lets a station try its GPU again.
pub(crate) fn retry_engine(args: &AskArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    ask(args, Request::RetryEngine, out)
}

/// Asks a station for something that it does.
pub(crate) fn request(args: &AskArgs, request: Request) -> Result<Reply, EdgeError> {
    reply_of(&socket(args)?, request).map(|(_, reply)| reply)
}

/// As [`request`], of the station at a socket.
pub(crate) fn request_at(socket: &Path, request: Request) -> Result<Reply, EdgeError> {
    reply_of(socket, request).map(|(_, reply)| reply)
}

/// What it took a station to take another model over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TakenOver {
    pub(crate) proof_ms: f64,
    pub(crate) switch_ms: f64,
}

/// Lets a running station take an installed model over, and waits until that is settled.
pub(crate) fn activate(socket: &Path, model: String) -> Result<TakenOver, EdgeError> {
    take_over(socket, Request::Activate { model })
}

/// Lets a running station take the model over that it had before.
pub(crate) fn rollback(socket: &Path) -> Result<TakenOver, EdgeError> {
    take_over(socket, Request::Rollback)
}

fn take_over(socket: &Path, request: Request) -> Result<TakenOver, EdgeError> {
    match reply_of(socket, request)? {
        (
            _,
            Reply::Activated {
                proof_ms,
                switch_ms,
                ..
            },
        ) => Ok(TakenOver {
            proof_ms,
            switch_ms,
        }),
        (line, _) => Err(no_answer(socket, &line).into()),
    }
}

fn no_answer(socket: &Path, line: &[u8]) -> ControlError {
    ControlError::Answer {
        path: socket.to_owned(),
        answer: String::from_utf8_lossy(line).into_owned(),
    }
}

/// The answer of a station that does what is asked, and its line.
fn reply_of(socket: &Path, request: Request) -> Result<(Vec<u8>, Reply), EdgeError> {
    let line = exchange(socket, request).map_err(|source| ControlError::Ask {
        path: socket.to_owned(),
        source,
    })?;
    match serde_json::from_slice::<Reply>(&line) {
        Ok(Reply::Refused {
            reason,
            exit_code,
            rejects,
        }) => Err(ControlError::Refused {
            reason,
            // 0 would say that it was done.
            exit_code: exit_code.filter(|code| *code != 0).unwrap_or(USAGE),
            rejects,
        }
        .into()),
        Ok(reply) => Ok((line, reply)),
        Err(_) => Err(no_answer(socket, &line).into()),
    }
}

fn ask(args: &AskArgs, request: Request, out: &mut dyn Write) -> Result<(), EdgeError> {
    let socket = socket(args)?;
    let (line, reply) = reply_of(&socket, request)?;
    if args.json {
        // As it came: a newer station may say more than this program knows.
        out.write_all(&line)?;
        return Ok(writeln!(out)?);
    }
    show(&reply, out).map_err(EdgeError::Output)
}

/// Whether a station answers there.
pub(crate) fn answers(socket: &Path) -> bool {
    exchange(socket, Request::Status).is_ok()
}

fn socket(args: &AskArgs) -> Result<PathBuf, EdgeError> {
    match (&args.socket, &args.config) {
        (Some(socket), _) => Ok(socket.clone()),
        (None, Some(config)) => {
            let configured = config::load(config)?.station.control_socket;
            Ok(place::socket_of(config, configured))
        }
        (None, None) => Ok(place::only_one()?),
    }
}

/// Asks a station, and returns the line that it answers, without its end.
///
/// # Errors
/// What the system says, and an answer that is too long or takes too long.
pub(crate) fn exchange(socket: &Path, request: Request) -> io::Result<Vec<u8>> {
    let most = request.answer_max() + SLACK;
    let mut stream = UnixStream::connect(socket)?;
    let mut line = serde_json::to_vec(&Asked { request })?;
    line.push(b'\n');
    stream.set_write_timeout(Some(SLACK))?;
    // A station that is busy says so before it has read anything.
    let written = stream.write_all(&line);
    let answer = read_line(&mut stream, ANSWER_BYTES_MAX, most);
    answer.map_err(|error| written.err().unwrap_or(error))
}

fn show(reply: &Reply, out: &mut dyn Write) -> io::Result<()> {
    match reply {
        // Those have a form of their own, or nobody who looks.
        Reply::Status(_) | Reply::Recent { .. } | Reply::RecipeSelected(_) => Ok(()),
        Reply::Left(left) => {
            let (word, detail) = words(&left.verdict);
            writeln!(
                out,
                "part {} has left: {word}  {}",
                left.number,
                detail.trim()
            )
        }
        Reply::Judged(judged) => {
            let (word, detail) = words(&judged.verdict);
            writeln!(out, "test part: {word}  {}", detail.trim())
        }
        Reply::Reloaded { changes } if changes.is_empty() => {
            writeln!(out, "read again: nothing has changed")
        }
        Reply::Reloaded { changes } => {
            writeln!(out, "taken over, for the parts to come:")?;
            changes
                .iter()
                .try_for_each(|change| writeln!(out, "  {change}"))
        }
        Reply::EngineRetried => writeln!(
            out,
            "the inspect process is started again and tries the GPU: `twinspect status` says what it came to"
        ),
        Reply::ChallengeMarked { number, part } => writeln!(
            out,
            "part {number} is the challenge part: show {} now. `twinspect status` and the log say what became of it",
            if part.is_empty() { "it" } else { part }
        ),
        Reply::Activated {
            model,
            proof_ms,
            switch_ms,
        } => writeln!(
            out,
            "model {model} is active: proven in {proof_ms:.0} ms, and switched within {switch_ms:.0} ms, in which no \
             part could be judged"
        ),
        Reply::RecipeFailed { reason, .. } | Reply::Refused { reason, .. } => {
            writeln!(out, "{reason}")
        }
    }
}
