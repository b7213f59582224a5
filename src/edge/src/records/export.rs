//! `twinspect records export`: records into a data set.

use std::cell::Cell;
use std::io::Write;

use serde::Serialize;
use twinspect_dataset::{Label, PartRecord};
use twinspect_store::records::{self, Entry, Exported, Exporter, Kind, Labelled, RecordsError};

use super::{folder, wanted};
use crate::cli::ExportRecordsArgs;
use crate::clock;
use crate::error::{EdgeError, WithCauses};
use crate::replay::write_json;

/// What a record is called that nobody has labelled.
const UNLABELLED: &str = "unlabelled";
/// And one without a picture.
const UNSEEN: &str = "unseen";

/// What became of a record. Its JSON keys are for scripts and stay.
#[derive(Serialize)]
struct Told<'a> {
    id: String,
    /// `written`, `before`, `unlabelled`, `unseen` or `refused`.
    became: &'static str,
    /// The part's name in the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    written: usize,
    before: usize,
    unlabelled: usize,
    /// Records of parts that nobody has a picture of.
    unseen: usize,
    refused: usize,
    /// Records that somebody or something has damaged; the log says which.
    unreadable: usize,
}

pub(super) fn export(args: &ExportRecordsArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let folder = folder(&args.place)?;
    let labelled = args.label.as_deref().map_or(Labelled::ByReview, |label| {
        Labelled::As(Label::from_folder(label))
    });
    let mut exporter = Exporter::new(&folder, &args.out, args.split.into(), labelled)?;
    let unreadable = Cell::new(0);
    let mut entries: Vec<Entry> = if args.ids.is_empty() {
        wanted(&folder, &args.filter, &unreadable)?.collect()
    } else {
        let named = args.ids.iter().map(|id| records::read(&folder, *id));
        named.collect::<Result<_, _>>()?
    };
    // Parts are numbered as they came.
    entries.sort_by_key(|entry| (entry.id.kind == Kind::Unseen, entry.id));
    let mut summary = Summary {
        unreadable: unreadable.get(),
        ..Summary::default()
    };
    let mut broken_off = None;
    for entry in &entries {
        let exported = match exporter.add(entry, session(entry)) {
            Err(error) if error.ends_an_export() => {
                broken_off = Some(error);
                break;
            }
            exported => exported,
        };
        let id = entry.id.to_string();
        let told = match &exported {
            Ok(Exported::Written(part)) => {
                summary.written += 1;
                Told {
                    id,
                    became: "written",
                    part: Some(part.as_str()),
                    why: None,
                }
            }
            Ok(Exported::Before(part)) => {
                summary.before += 1;
                Told {
                    id,
                    became: "before",
                    part: Some(part.as_str()),
                    why: None,
                }
            }
            Err(error @ RecordsError::NoFrame { .. })
                if args.ids.is_empty() && entry.id.kind == Kind::Unseen =>
            {
                summary.unseen += 1;
                Told {
                    id,
                    became: UNSEEN,
                    part: None,
                    why: Some(error.to_string()),
                }
            }
            // Who names a record wants it; who names none wants those that are labelled.
            Err(error @ RecordsError::Unlabelled { .. }) if args.ids.is_empty() => {
                summary.unlabelled += 1;
                Told {
                    id,
                    became: UNLABELLED,
                    part: None,
                    why: Some(error.to_string()),
                }
            }
            Err(error) => {
                summary.refused += 1;
                let mut why = WithCauses(error).to_string();
                if let Some(hint) = error.hint() {
                    why = format!("{why}; {hint}");
                }
                Told {
                    id,
                    became: "refused",
                    part: None,
                    why: Some(why),
                }
            }
        };
        if args.json {
            write_json(out, &told)?;
        } else if [UNLABELLED, UNSEEN].contains(&told.became) {
            // Most are: their number at the end says enough.
        } else if let Some(why) = &told.why {
            let why = super::show::plain(why);
            writeln!(out, "{:<26} {}: {why}", told.id, told.became)?;
        } else {
            let part = told.part.unwrap_or_default();
            writeln!(out, "{:<26} {:<8} {part}", told.id, told.became)?;
        }
    }
    if args.json {
        write_json(out, &summary)?;
    } else {
        let Summary {
            written,
            before,
            unlabelled,
            unseen,
            refused,
            unreadable,
        } = &summary;
        writeln!(
            out,
            "{written} written to {}, {before} were there before, {unlabelled} are not labelled, {unseen} are of parts without a \
             picture, {refused} refused, {unreadable} can't be read",
            args.out.display()
        )?;
    }
    if let Some(error) = broken_off {
        return Err(error.into());
    }
    let failed = summary.refused + summary.unreadable;
    if failed > 0 {
        let all = entries.len() + summary.unreadable;
        return Err(EdgeError::NotExported { failed, all });
    }
    Ok(())
}

/// Parts of one station and day belong together: a split should not tear them apart.
fn session(entry: &Entry) -> PartRecord {
    let time = clock::rfc3339(entry.record.time_unix_ms);
    let day: String = time.chars().take(10).collect();
    PartRecord {
        session: Some(format!("{} {day}", entry.record.station)),
        time: Some(time),
        part_id: None,
        camera: None,
    }
}
