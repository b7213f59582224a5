//! `twinspect status`, `trigger` and `reload`: ask a running station and show what it answers.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::{Asked, read_line};
use super::{ControlError, InspectorState, ModelsStatus, Reply, Request, Status, UnderWay, place};
use crate::cli::{AskArgs, TriggerArgs};
use crate::config;
use crate::error::EdgeError;
use crate::part_report::words;

/// Longest answer.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How much longer than the station itself its answer is waited for.
const SLACK: Duration = Duration::from_secs(3);

/// Says what a station is doing.
pub(crate) fn status(args: &AskArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    ask(args, Request::Status, out)
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

/// Lets a station read its configuration again.
pub(crate) fn reload(args: &AskArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    ask(args, Request::Reload, out)
}

/// Lets a station try its GPU again.
pub(crate) fn retry_engine(args: &AskArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    ask(args, Request::RetryEngine, out)
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
        Ok(Reply::Refused { reason }) => Err(ControlError::Refused { reason }.into()),
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

fn exchange(socket: &Path, request: Request) -> io::Result<Vec<u8>> {
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
        Reply::Status(status) => show_status(status, out),
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
        Reply::Activated {
            model,
            proof_ms,
            switch_ms,
        } => writeln!(
            out,
            "model {model} is active: proven in {proof_ms:.0} ms, and switched within {switch_ms:.0} ms, in which no \
             part could be judged"
        ),
        Reply::Refused { reason } => writeln!(out, "{reason}"),
    }
}

fn show_status(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let Status {
        station,
        version,
        process,
        uptime_s,
        doing,
        inspector,
        parts,
        trigger,
        late_results,
        last_part,
        last_reload,
        models,
        ..
    } = status;
    let since = indicatif::HumanDuration(Duration::from_secs(*uptime_s as u64));
    writeln!(out, "{doing}")?;
    writeln!(
        out,
        "station        {}, twinspect {version}, process {process}, for {since}",
        station.display()
    )?;
    let state = match inspector.state {
        InspectorState::Down => "down",
        InspectorState::Starting => "starting",
        InspectorState::Up => "up",
    };
    let known = [&inspector.model, &inspector.engine, &inspector.camera];
    let known: String = known
        .into_iter()
        .flatten()
        .map(|what| format!(", {what}"))
        .collect();
    writeln!(
        out,
        "inspector      {state}, {} restarts{known}",
        inspector.restarts
    )?;
    if let Some(why) = &inspector.engine_why {
        let what = if inspector.engine_stands_in {
            "stands in for tensorrt"
        } else {
            "as wanted"
        };
        writeln!(out, "engine         {what}: {why}")?;
    }
    if let Some(models) = models {
        show_models(models, out)?;
    }
    writeln!(
        out,
        "parts          {} triggered: {} passed, {} failed, {} without a result ({late_results} \
         late answers), {} under way",
        parts.triggered, parts.passed, parts.failed, parts.no_result, parts.under_way
    )?;
    writeln!(
        out,
        "trigger        {} parts, {} doubles, {} missed, {} times edges or pictures lost, {} unclear, {} \
         stuck",
        trigger.parts,
        trigger.doubles,
        trigger.missed,
        trigger.losses,
        trigger.unclear,
        trigger.stuck
    )?;
    if let Some(left) = last_part {
        let (word, detail) = words(&left.verdict);
        writeln!(
            out,
            "last part      {}: {word}  {}",
            left.number,
            detail.trim()
        )?;
    }
    if let Some(reload) = last_reload {
        let what = if reload.taken_over {
            "taken over"
        } else {
            "refused"
        };
        writeln!(out, "last reload    {what}: {}", reload.text)?;
    }
    Ok(())
}

fn show_models(models: &ModelsStatus, out: &mut dyn Write) -> io::Result<()> {
    let ModelsStatus {
        active,
        active_for_s,
        previous,
        under_way,
        trial_parts_left,
        last,
    } = models;
    let since = indicatif::HumanDuration(Duration::from_secs(*active_for_s as u64));
    let before = previous
        .as_ref()
        .map_or(String::new(), |previous| format!("; before it {previous}"));
    let trial = trial_parts_left.map_or(String::new(), |left| {
        format!("; on trial for {left} more parts")
    });
    writeln!(out, "model          {active}, for {since}{before}{trial}")?;
    if let Some(UnderWay { model, step }) = under_way {
        writeln!(out, "under way      {model}: {step}")?;
    }
    if let Some(last) = last {
        let what = if last.activated {
            "activated"
        } else {
            "not active"
        };
        writeln!(out, "last model     {}, {what}: {}", last.model, last.text)?;
    }
    Ok(())
}
