//! `twinspect accept`: reference parts of known truth through a running station, and a report in the
//! words of VDI/VDE/VDMA 2632: a *pseudo reject* is a good part that was rejected, a *slip* a bad one that has
//! passed. Neither camera nor engine is touched: the station is asked over its control socket.

mod figures;
mod page;
mod reference;
mod report;

use std::io::{IsTerminal, Write};

use reference::Reference;
use report::{Judged, Report, Stationed};

use crate::cli::AcceptArgs;
use crate::clock;
use crate::control::{self, Reply, Request, Status};
use crate::error::EdgeError;
use crate::part_report::words;
use crate::replay::write_json;
use crate::user::user;
use crate::whole_file;

/// The report for scripts, and for people.
const JSON_FILE: &str = "acceptance.json";
const PAGE_FILE: &str = "acceptance.html";

/// Runs the parts, writes the report, and ends with an error if the station is not accepted.
pub(crate) fn accept(args: &AcceptArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let references = reference::read(args)?;
    let before = status(args)?;
    if !before.ready {
        return Err(EdgeError::Usage {
            message: format!("the station is {}", before.doing),
            hint: "a station is accepted as it inspects: `twinspect status` says what it lacks",
        });
    }
    let prompts = !args.yes && std::io::stdin().is_terminal();
    let first = Stationed::new(&before);
    let mut last = first.clone();
    let mut judged = Vec::with_capacity(references.len());
    for (place, reference) in references.iter().enumerate() {
        if prompts {
            prompt(place, references.len(), reference)?;
        }
        if last == first {
            last = Stationed::new(&status(args)?);
        }
        let part = judge(args, reference)?;
        if !args.station.json {
            let (word, detail) = words(&part.verdict);
            writeln!(
                out,
                "{:<26} {:<4}  {word}  {:<28} {}",
                reference.identity,
                reference.expected.name(),
                detail.trim_end(),
                part.counted.name()
            )?;
        }
        judged.push(part);
    }
    match status(args) {
        Ok(after) if last == first => last = Stationed::new(&after),
        Ok(_) => {}
        // A station that plays a recording ends with it.
        Err(_) if args.data.is_some() => {}
        Err(error) => return Err(error),
    }
    let operator = args.operator.clone().unwrap_or_else(user);
    let report = Report::new(args, operator, clock::now_rfc3339(), first, &last, judged);
    fs_err::create_dir_all(&args.out).map_err(EdgeError::store(&args.out))?;
    let mut text = serde_json::to_vec_pretty(&report).map_err(std::io::Error::from)?;
    text.push(b'\n');
    for (name, bytes) in [
        (JSON_FILE, text),
        (PAGE_FILE, page::page(&report).into_bytes()),
    ] {
        let path = args.out.join(name);
        whole_file::write(&path, &bytes).map_err(EdgeError::store(&path))?;
    }
    if args.station.json {
        write_json(out, &report)?;
    } else {
        writeln!(out, "\n{}", report.text())?;
        writeln!(out, "report: {}", args.out.join(PAGE_FILE).display())?;
    }
    if report.accepted {
        Ok(())
    } else {
        let why = report.objections.join("; ");
        Err(EdgeError::NotAccepted { why })
    }
}

fn status(args: &AcceptArgs) -> Result<Status, EdgeError> {
    match control::request(&args.station, Request::Status)? {
        Reply::Status(status) => Ok(*status),
        _ => Err(foreign()),
    }
}

fn foreign() -> EdgeError {
    EdgeError::Usage {
        message: "the station answered something else than it was asked".to_owned(),
        hint: "is it another release? Restart the station after an update",
    }
}

/// Has one part judged.
fn judge(args: &AcceptArgs, reference: &Reference) -> Result<Judged, EdgeError> {
    let request = if args.test {
        Request::TestPart
    } else {
        Request::Trigger
    };
    let (number, recorded, verdict, took_ms) = match control::request(&args.station, request)? {
        Reply::Left(left) => (Some(left.number), left.part, left.verdict, left.took_ms),
        Reply::Judged(judged) => (None, judged.part, judged.verdict, judged.took_ms),
        _ => return Err(foreign()),
    };
    // A recording says which part it was: another one makes all truth wrong.
    if let Some(recorded) = recorded
        && recorded != reference.identity
    {
        return Err(EdgeError::Usage {
            message: format!(
                "the station has played {recorded} where {} is listed",
                reference.identity
            ),
            hint: "start the station anew, and name the recording that it plays with --data",
        });
    }
    Ok(Judged::new(reference, number, verdict, took_ms))
}

/// Asks a person to lay a part down.
fn prompt(place: usize, all: usize, reference: &Reference) -> Result<(), EdgeError> {
    let note = reference
        .note
        .as_deref()
        .map_or(String::new(), |note| format!(" ({note})"));
    write!(
        anstream::stderr(),
        "{} of {all}: lay {}{note} before the station, then press Enter; q ends without a report: ",
        place + 1,
        reference.identity
    )?;
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line)?;
    if read == 0 || line.trim() == "q" {
        return Err(EdgeError::Usage {
            message: format!(
                "stopped before part {} of {all}: there is no report",
                place + 1
            ),
            hint: "begin anew: parts of two runs make no acceptance",
        });
    }
    Ok(())
}
