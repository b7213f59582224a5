//! `twinspect records`: lists, shows, reviews and exports what a station has kept of its parts.
//!
//! A running station is not asked: its folder is read beside it.

mod export;
mod filter;
mod show;

pub(crate) use show::plain;

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use twinspect_store::records::{self, Entry, Record, RecordId, Review};

use crate::cli::{
    ListRecordsArgs, RecordsArgs, RecordsCommand, RecordsPlace, ReviewArgs, ShowRecordArgs,
};
use crate::clock;
use crate::config;
use crate::error::{EdgeError, WithCauses};
use crate::replay::write_json;
use crate::user::user;

/// Runs one of the commands.
pub(crate) fn records(args: &RecordsArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    match &args.command {
        RecordsCommand::List(args) => list(args, out),
        RecordsCommand::Show(args) => show_one(args, out),
        RecordsCommand::Export(args) => export::export(args, out),
        RecordsCommand::Review(args) => review(args, out),
    }
}

/// What scripts read of a record. Its JSON keys stay.
#[derive(Serialize)]
struct Listed<'a> {
    id: RecordId,
    folder: &'a Path,
    sheet: Option<PathBuf>,
    #[serde(flatten)]
    record: &'a Record,
    review: Option<&'a Review>,
}

impl<'a> From<&'a Entry> for Listed<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            id: entry.id,
            folder: &entry.folder,
            sheet: entry.sheet(),
            record: &entry.record,
            review: entry.review.as_ref(),
        }
    }
}

fn list(args: &ListRecordsArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let folder = folder(&args.place)?;
    let (mut listed, mut more) = (0_usize, 0_usize);
    let unreadable = Cell::new(0);
    for entry in wanted(&folder, &args.filter, &unreadable)? {
        if listed == args.limit {
            more += 1;
            continue;
        }
        listed += 1;
        if args.json {
            write_json(out, &Listed::from(&entry))?;
        } else {
            writeln!(out, "{}", show::line(&entry))?;
        }
    }
    if !args.json {
        let rest = match more {
            0 => String::new(),
            more => format!(", {more} older ones are not listed (--limit)"),
        };
        let rest = match unreadable.get() {
            0 => rest,
            unreadable => format!("{rest}, {unreadable} can't be read"),
        };
        writeln!(out, "{listed} records in {}{rest}", folder.display())?;
    }
    Ok(())
}

/// Records that a filter leaves, the newest first. What can't be read is told in the log, once each, and counted.
fn wanted<'a>(
    folder: &'a Path,
    filter: &'a crate::cli::RecordsFilter,
    unreadable: &'a Cell<usize>,
) -> Result<impl Iterator<Item = Entry> + 'a, EdgeError> {
    let read = move |ids: Vec<RecordId>| {
        ids.into_iter()
            .filter(|id| filter::may_want(filter, *id))
            .filter_map(|id| match records::read(folder, id) {
                Ok(entry) => Some(entry),
                // It has made room meanwhile.
                Err(records::RecordsError::Unknown { .. }) => None,
                Err(error) => {
                    log::warn!("{id} is passed over: {}", WithCauses(&error));
                    unreadable.set(unreadable.get() + 1);
                    None
                }
            })
            .filter(|entry| filter::wants(filter, entry))
            .peekable()
    };
    // Both are numbered by age, each by itself.
    let mut seen = read(records::list(folder)?);
    let mut unseen = read(records::list_unseen(folder)?);
    Ok(std::iter::from_fn(move || {
        let time = |entry: Option<&Entry>| entry.map(|entry| entry.record.time_unix_ms);
        match time(unseen.peek()) > time(seen.peek()) {
            true => unseen.next(),
            false => seen.next(),
        }
    }))
}

fn show_one(args: &ShowRecordArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let entry = records::read(&folder(&args.place)?, args.id)?;
    if args.json {
        return write_json(out, &Listed::from(&entry));
    }
    Ok(show::all(&entry, out)?)
}

fn review(args: &ReviewArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let folder = folder(&args.place)?;
    let review = Review {
        mark: args.mark.into(),
        defect: args.defect.clone(),
        who: args.who.clone().unwrap_or_else(user),
        time_unix_ms: clock::now_unix_ms(),
        note: args.note.clone(),
    };
    records::mark(&folder, args.id, &review)?;
    let entry = records::read(&folder, args.id)?;
    if args.json {
        return write_json(out, &Listed::from(&entry));
    }
    Ok(writeln!(out, "{}", show::line(&entry))?)
}

/// The folder of records, whether or not the station writes them now.
fn folder(place: &RecordsPlace) -> Result<PathBuf, EdgeError> {
    match (&place.folder, &place.config) {
        (Some(folder), _) => Ok(folder.clone()),
        (None, Some(config)) => Ok(config::load(config)?.records_folder()),
        (None, None) => Err(EdgeError::Usage {
            message: "no folder of records was named".to_owned(),
            hint: "name one with --folder, or the station's configuration with --config",
        }),
    }
}
