//! `twinspect accept`: reference parts of known truth through a running station, and a report in the
//! words of VDI/VDE/VDMA 2632: a *pseudo reject* is a good part that was rejected, a *slip* a bad one that has
//! passed. Neither camera nor engine is touched: the station is asked over its control socket.

mod figures;
mod folder;
mod list;
mod page;
mod reference;
mod report;
mod seen;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal, Write};

use folder::Folder;
use reference::Reference;
use report::{Judged, Report, Stationed};

use crate::cli::AcceptArgs;
use crate::clock;
use crate::control::{self, Reply, Request, Status};
use crate::error::EdgeError;
use crate::part_report::words;
use crate::replay::write_json;
use crate::user::user;

/// How a part comes before the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is judged alone, without a pulse.
    Test,
    /// It is triggered like one of the line.
    Trigger,
    /// The camera sees it coming: nobody has to be asked for it, and nobody can be.
    Seen,
}

impl Way {
    fn of(args: &AcceptArgs, station: &Status) -> Self {
        match station.trigger_source.as_deref() {
            _ if args.test => Self::Test,
            Some("presence") => Self::Seen,
            _ => Self::Trigger,
        }
    }

    /// As the report says it.
    fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Trigger => "trigger",
            Self::Seen => "seen",
        }
    }
}

/// Runs the parts, writes the report, and ends with an error if the station is not accepted.
pub(crate) fn accept(args: &AcceptArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    folder::put_aside(&args.out)?;
    let references = reference::read(args)?;
    let before = status(args)?;
    if !before.ready {
        return Err(EdgeError::Usage {
            message: format!("the station is {}", before.doing),
            hint: "a station is accepted as it inspects: `twinspect status` says what it lacks",
        });
    }
    let way = Way::of(args, &before);
    let first = Stationed::new(&before);
    let mut run = Run {
        args,
        prompts: !args.yes && std::io::stdin().is_terminal(),
        last: first.clone(),
        first,
        judged: Vec::with_capacity(references.len()),
        another: for_another_part(before.trigger_source.as_deref()),
        folder: Folder::open(&args.out, references.len())?,
        out,
    };
    match (way, &args.data) {
        (Way::Seen, Some(_)) => seen::by_name(&mut run, &references)?,
        (Way::Seen, None) => seen::in_order(&mut run, &references, &before)?,
        (Way::Test | Way::Trigger, _) => asked(&mut run, &references, way)?,
    }
    run.finish(way)
}

/// An acceptance that is under way.
struct Run<'a> {
    args: &'a AcceptArgs,
    out: &'a mut dyn Write,
    /// Whether somebody has to be told which part is next.
    prompts: bool,
    /// The station before the first part, and the first one that was another, if any was.
    first: Stationed,
    last: Stationed,
    judged: Vec<Judged>,
    /// What to do where the station plays another part than the one that is meant.
    another: &'static str,
    folder: Folder<'a>,
}

impl Run<'_> {
    /// Looks whether the station is still the one that it was.
    fn compare(&mut self) -> Result<(), EdgeError> {
        if self.last == self.first {
            self.last = Stationed::new(&status(self.args)?);
        }
        Ok(())
    }

    /// Has one part judged.
    fn judge(&self, reference: &Reference, way: Way) -> Result<Judged, EdgeError> {
        let request = match way {
            Way::Test => Request::TestPart,
            Way::Trigger | Way::Seen => Request::Trigger,
        };
        let reply = control::request(&self.args.station, request)?;
        let (number, recorded, verdict, took_ms) = match reply {
            Reply::Left(left) => (Some(left.number), left.part, left.verdict, left.took_ms),
            Reply::Judged(judged) => (None, judged.part, judged.verdict, judged.took_ms),
            _ => return Err(foreign()),
        };
        self.is_the_one(reference, recorded.as_deref())?;
        Ok(Judged::new(reference, number, verdict, took_ms))
    }

    /// A recording says which part it was: another one makes all truth wrong.
    fn is_the_one(&self, reference: &Reference, recorded: Option<&str>) -> Result<(), EdgeError> {
        match recorded {
            Some(recorded) if recorded != reference.identity => Err(EdgeError::Usage {
                message: format!(
                    "the station has played {recorded} where {} is listed",
                    reference.identity
                ),
                hint: self.another,
            }),
            _ => Ok(()),
        }
    }

    /// A part was judged.
    fn add(&mut self, reference: &Reference, part: Judged) -> Result<(), EdgeError> {
        if !self.args.station.json {
            let (word, detail) = words(&part.verdict);
            writeln!(
                self.out,
                "{:<26} {:<4}  {word}  {:<28} {}",
                reference.identity,
                reference.expected.name(),
                detail.trim_end(),
                part.counted.name()
            )?;
        }
        self.judged.push(part);
        Ok(())
    }

    /// Writes the report.
    fn finish(mut self, way: Way) -> Result<(), EdgeError> {
        let args = self.args;
        match self.compare() {
            Ok(()) => {}
            // A station that plays a recording ends with it.
            Err(_) if args.data.is_some() => {}
            Err(error) => return Err(error),
        }
        let operator = args.operator.clone().unwrap_or_else(user);
        let time = clock::now_rfc3339();
        let report = Report::new(
            args,
            operator,
            time,
            way.name(),
            self.first,
            &self.last,
            self.judged,
        );
        let written = self.folder.write(&report);
        // Parts are not shown again for a disk that is full: whatever became of the files, the figures are said.
        let said = if args.station.json {
            write_json(self.out, &report)
        } else {
            writeln!(self.out, "\n{}", report.text()).map_err(EdgeError::Output)
        };
        let page = written?;
        said?;
        if !args.station.json {
            writeln!(self.out, "report: {}", page.display())?;
        }
        if report.accepted {
            Ok(())
        } else {
            let why = report.objections.join("; ");
            Err(EdgeError::NotAccepted { why })
        }
    }
}

/// What helps where another part was played than the one that is meant, by what brings this station's parts.
fn for_another_part(trigger_source: Option<&str>) -> &'static str {
    match trigger_source {
        Some("sensor") => {
            "its part sensor brings parts of the recording too: set trigger.source = \"software\" in the station's \
             configuration, so that they come by request alone, restart it, and name the recording that it plays with --data"
        }
        Some("presence") => {
            "list the parts in the order in which they come, and let nothing else come between; with --data those of a \
             recording are known by their names, in any order"
        }
        _ => {
            "restart the station, so that it plays its recording from the first part on, ask it for nothing else, and name \
             that recording with --data"
        }
    }
}

/// Has one part after the other judged.
fn asked(run: &mut Run<'_>, references: &[Reference], way: Way) -> Result<(), EdgeError> {
    for (place, reference) in references.iter().enumerate() {
        if run.prompts {
            prompt(place, references.len(), reference)?;
        }
        run.compare()?;
        let part = run.judge(reference, way)?;
        run.add(reference, part)?;
    }
    Ok(())
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
