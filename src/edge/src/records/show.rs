//! Records for people. Texts come from files that anybody may have written: what would move a terminal's
//! cursor is shown as a box.

use std::io::{self, Write};

use twinspect_store::records::Entry;

use crate::clock;
use crate::health::counted;
use crate::logging;
use crate::part_report::words;

/// A line of columns: name, time, verdict, mark, model.
pub(super) fn line(entry: &Entry) -> String {
    let record = &entry.record;
    let (word, mut detail) = words(&record.verdict);
    if let Some(spell) = &record.unseen {
        let parts = counted(spell.parts, "part");
        detail = format!("{}, {parts} unseen", detail.trim());
    }
    let review = entry.review.as_ref();
    let mark = review.map_or("-".to_owned(), |review| review.mark.to_string());
    let model = record.model.as_ref().map_or("-".to_owned(), |model| {
        format!("{} {}", plain(&model.name), plain(&model.version))
    });
    format!(
        "{:<26} {}  {word}  {:<28} {mark:<12} {model}",
        entry.id.to_string(),
        clock::rfc3339(record.time_unix_ms),
        detail.trim_end(),
    )
}

/// All that is known, a line each.
pub(super) fn all(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let record = &entry.record;
    writeln!(out, "{}", line(entry))?;
    let mut say = |what: &str, text: String| writeln!(out, "{what:<12} {}", plain(&text));
    say(
        "part",
        format!(
            "number {} of station {}{}",
            record.number,
            record.station,
            record
                .part
                .as_deref()
                .map_or(String::new(), |part| format!(", {part}"))
        ),
    )?;
    if let twinspect_core::verdict::Verdict::Fail { finding, .. } = &record.verdict {
        for region in &finding.regions {
            say(
                "region",
                format!(
                    "{} x {} pixels at {}, {}: peak {:.2}, seen by {}",
                    region.width, region.height, region.x, region.y, region.peak, region.seen_by
                ),
            )?;
        }
    }
    if let Some(spell) = &record.unseen {
        say(
            "unseen",
            format!(
                "{} without a picture until {}, the last one number {}",
                counted(spell.parts, "part"),
                clock::rfc3339(spell.last_time_unix_ms),
                spell.last_number
            ),
        )?;
    }
    if let Some(thresholds) = &record.thresholds {
        let one = |name: &str, line: Option<f32>| {
            line.map_or(String::new(), |line| format!(", {name} alone {line:.2}"))
        };
        say(
            "1.00 is",
            format!(
                "{:.2} standard deviations of good parts{}{}",
                thresholds.fused,
                one("rgb", thresholds.rgb),
                one("geometry", thresholds.geometry)
            ),
        )?;
    }
    let model = record.model.as_ref().map_or("none".to_owned(), |model| {
        let digest: String = model.bundle.chars().take(12).collect();
        format!("{} {} ({digest})", model.name, model.version)
    });
    let engine = record
        .engine
        .as_ref()
        .map_or(String::new(), |engine| match engine.stands_in {
            true => format!(", engine {} in the place of another one", engine.name),
            false => format!(", engine {}", engine.name),
        });
    // Nobody has judged what nobody has seen.
    let what = match record.unseen {
        Some(_) => "in charge",
        None => "judged by",
    };
    say(
        what,
        format!("{model}{engine}, twinspect {}", record.twinspect),
    )?;
    if let Some(took_ms) = record.took_ms {
        let stages = record.stages_ms.map_or(String::new(), |stages| {
            let fusion = stages
                .fusion
                .map_or(String::new(), |ms| format!(", fusion {ms:.1}"));
            format!(
                ": prepare {:.1}, infer {:.1}{fusion}, score {:.1}",
                stages.prepare, stages.infer, stages.score
            )
        });
        say("took", format!("{took_ms:.1} ms{stages}"))?;
    }
    if let Some(review) = &entry.review {
        let defect = review
            .defect
            .as_deref()
            .map_or(String::new(), |kind| format!(" ({kind})"));
        let note = review
            .note
            .as_deref()
            .map_or(String::new(), |note| format!(": {note}"));
        say(
            "review",
            format!(
                "{}{defect} by {}, {}{note}",
                review.mark,
                review.who,
                clock::rfc3339(review.time_unix_ms)
            ),
        )?;
    }
    say("folder", entry.folder.display().to_string())
}

/// A text without what a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if logging::is_obeyed(c) { '\u{25a1}' } else { c })
        .collect()
}
