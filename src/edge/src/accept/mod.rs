//! `twinspect accept`: reference parts of known truth through a running station, and a report in the
//! words of VDI/VDE/VDMA 2632: a *pseudo reject* is a good part that was rejected, a *slip* a bad one that has
//! passed. Neither camera nor engine is touched: the station is asked over its control socket.

mod figures;
mod page;
mod reference;
mod report;
mod seen;

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

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
    put_aside(&args.out)?;
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
}

impl Run<'_> {
    /// Looks whether the station is still the one that it was.
    fn compare(&mut self) -> Result<(), EdgeError> {
        if self.last == self.first {
            self.last = Stationed::new(&status(self.args)?);
        }
        Ok(())
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
            write_json(self.out, &report)?;
        } else {
            writeln!(self.out, "\n{}", report.text())?;
            writeln!(self.out, "report: {}", args.out.join(PAGE_FILE).display())?;
        }
        if report.accepted {
            Ok(())
        } else {
            let why = report.objections.join("; ");
            Err(EdgeError::NotAccepted { why })
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
        let part = judge(run.args, reference, way)?;
        run.add(reference, part)?;
    }
    Ok(())
}

/// Gives an older report another name, with its time: whatever comes of this run, a report under the usual name is its own.
fn put_aside(folder: &Path) -> Result<(), EdgeError> {
    for name in [JSON_FILE, PAGE_FILE] {
        let path = folder.join(name);
        let found = match fs_err::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            found => found.map_err(EdgeError::store(&path))?,
        };
        let written = found.modified().map_err(EdgeError::store(&path))?;
        let age = written.duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = clock::rfc3339(age.as_millis() as u64).replace(':', "");
        let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
        let free = (1..).map(|count| {
            let more = match count {
                1 => String::new(),
                more => format!("-{more}"),
            };
            folder.join(format!("{stem}-{time}{more}.{ending}"))
        });
        let aside = free.into_iter().find(|aside| !aside.exists());
        let aside = aside.unwrap_or_else(|| path.clone());
        fs_err::rename(&path, &aside).map_err(EdgeError::store(&path))?;
        log::info!("the older report is {} now", aside.display());
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

/// Has one part judged.
fn judge(args: &AcceptArgs, reference: &Reference, way: Way) -> Result<Judged, EdgeError> {
    let request = match way {
        Way::Test => Request::TestPart,
        Way::Trigger | Way::Seen => Request::Trigger,
    };
    let (number, recorded, verdict, took_ms) = match control::request(&args.station, request)? {
        Reply::Left(left) => (Some(left.number), left.part, left.verdict, left.took_ms),
        Reply::Judged(judged) => (None, judged.part, judged.verdict, judged.took_ms),
        _ => return Err(foreign()),
    };
    is_the_one(reference, recorded.as_deref())?;
    Ok(Judged::new(reference, number, verdict, took_ms))
}

/// A recording says which part it was: another one makes all truth wrong.
fn is_the_one(reference: &Reference, recorded: Option<&str>) -> Result<(), EdgeError> {
    match recorded {
        Some(recorded) if recorded != reference.identity => Err(EdgeError::Usage {
            message: format!(
                "the station has played {recorded} where {} is listed",
                reference.identity
            ),
            hint: "start the station anew, and name the recording that it plays with --data",
        }),
        _ => Ok(()),
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
