//! What was recorded, for people and scripts.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::Path;

use indicatif::ProgressBar;
use serde::Serialize;
use twinspect_core::frame::FramePair;
use twinspect_core::quality::{ColourFigures, DepthFigures};

use super::Ended;
use super::folder::{Kept, PartsFolder};
use super::scrutiny::Refusal;
use crate::cli::RecordArgs;
use crate::error::EdgeError;
use crate::figures::{Colour, Measured};
use crate::logging;
use crate::replay::write_json;
use crate::taking::Taker;

/// A recorded part. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Part<'a> {
    part: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<Colour>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<Measured>,
}

/// A picture that was not recorded. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Refused<'a> {
    refused: &'a str,
    why: String,
}

/// The whole run. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Run<'a> {
    folder: &'a Path,
    class: &'a str,
    session: &'a str,
    camera: &'a str,
    summary: Summary<'a>,
}

#[derive(Serialize)]
struct Summary<'a> {
    recorded: u64,
    /// By their reasons.
    refused: &'a BTreeMap<&'static str, u64>,
    /// What ended it; nothing after an error.
    ended_by: Option<&'a str>,
}

/// Tells what becomes of pictures.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    json: bool,
    progress: ProgressBar,
    root: std::path::PathBuf,
    class: String,
    session: String,
    camera: String,
    recorded: u64,
    refused: BTreeMap<&'static str, u64>,
    row: Row,
    /// Who presses Enter wants an answer each time.
    by_hand: bool,
}

/// Refusals for one reason, one after the other.
#[derive(Debug, Default)]
struct Row {
    reason: String,
    length: u64,
}

impl Row {
    /// Counts a refusal; the length of its row if it is one to tell of: the first, the second, the fourth, and ever
    /// fewer.
    fn add(&mut self, refusal: &Refusal) -> Option<u64> {
        let reason = match refusal {
            // Each may have failed for another one.
            Refusal::Camera { why } => why.as_str(),
            refusal => refusal.word(),
        };
        if self.reason != reason {
            *self = Self {
                reason: reason.to_owned(),
                length: 0,
            };
        }
        self.length += 1;
        self.length.is_power_of_two().then_some(self.length)
    }
}

impl<'a> Report<'a> {
    pub(super) fn new(
        args: &RecordArgs,
        folder: &PartsFolder,
        taker: &Taker,
        out: &'a mut dyn Write,
    ) -> Result<Self, EdgeError> {
        let by_hand = args.every_ms.is_none() && !args.presence;
        let progress = match args.parts {
            // Who presses Enter sees what comes of it.
            _ if by_hand => ProgressBar::hidden(),
            Some(parts) => ProgressBar::new(parts),
            None => ProgressBar::new_spinner(),
        };
        let (class, session, camera) = (folder.class(), folder.session(), taker.description());
        if !args.json {
            writeln!(
                out,
                "camera    {camera}\nfolder    {}, parts go to {class}, session {session}",
                folder.root().display()
            )?;
        }
        if by_hand && std::io::stdin().is_terminal() {
            writeln!(
                anstream::stderr(),
                "Enter records what lies before the camera; what is typed before it becomes the part's name. Ctrl-D ends."
            )?;
        }
        Ok(Self {
            out,
            json: args.json,
            progress,
            root: folder.root().to_owned(),
            session: session.to_owned(),
            class,
            camera,
            recorded: 0,
            refused: BTreeMap::new(),
            row: Row::default(),
            by_hand,
        })
    }

    /// Parts so far.
    pub(super) fn recorded(&self) -> u64 {
        self.recorded
    }

    /// A part is on disk.
    pub(super) fn recorded_part(&mut self, kept: &Kept, pair: &FramePair) -> Result<(), EdgeError> {
        self.recorded += 1;
        self.row = Row::default();
        self.progress.inc(1);
        let colour = pair
            .rgb()
            .map(|picture| Colour::from(ColourFigures::of(picture, None)));
        let depth = DepthFigures::of(pair, None).map(Measured::from);
        if self.json {
            let part = Part {
                part: kept.id.as_str(),
                part_id: kept.record.part_id.as_deref(),
                time: kept.record.time.as_deref(),
                colour,
                depth,
            };
            return write_json(self.out, &part);
        }
        let mut figures = Vec::new();
        if let Some(colour) = colour {
            figures.push(format!(
                "brightness {:.0} of 255, {:.1} % saturated, sharpness {:.0}",
                colour.brightness,
                100.0 * colour.saturated_share,
                colour.sharpness
            ));
        }
        if let Some(depth) = depth {
            let median = depth
                .median_mm
                .map_or(String::new(), |mm| format!(", median {mm:.0} mm"));
            figures.push(format!(
                "depth {:.1} % measured{median}",
                100.0 * depth.measured_share
            ));
        }
        let name = kept.record.part_id.as_deref();
        let name = name.map_or(String::new(), |name| format!(" ({})", logging::shown(name)));
        self.line(&format!(
            "recorded  {}{name}  {}",
            kept.id,
            figures.join("; ")
        ))
    }

    /// A picture was not recorded.
    pub(super) fn refused(&mut self, refusal: &Refusal) -> Result<(), EdgeError> {
        *self.refused.entry(refusal.word()).or_default() += 1;
        if self.json {
            let refused = refusal.word();
            let why = refusal.to_string();
            return write_json(self.out, &Refused { refused, why });
        }
        let word = refusal.word();
        let times = match self.row.add(refusal) {
            _ if self.by_hand => String::new(),
            Some(1) => String::new(),
            Some(times) => format!(", {times} times in a row"),
            None => return Ok(()),
        };
        self.line(&format!(
            "\x1b[33mrefused\x1b[0m   {word}{times}: {refusal}"
        ))
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, ended: Option<Ended>) -> Result<(), EdgeError> {
        self.progress.finish_and_clear();
        let ended_by = ended.map(Ended::word);
        if self.json {
            let run = Run {
                folder: &self.root,
                class: &self.class,
                session: &self.session,
                camera: &self.camera,
                summary: Summary {
                    recorded: self.recorded,
                    refused: &self.refused,
                    ended_by,
                },
            };
            return write_json(self.out, &run);
        }
        if let Some(Ended::Round { pictures }) = ended {
            self.line(&format!(
                "ended     a whole round of {pictures} pictures has brought nothing new: the recorded parts begin again \
                 and again (camera.repeat)"
            ))?;
        }
        let reasons: Vec<String> = self
            .refused
            .iter()
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let refused = match reasons.as_slice() {
            [] => "none refused".to_owned(),
            reasons => format!("refused: {}", reasons.join(", ")),
        };
        let parts = if self.recorded == 1 { "part" } else { "parts" };
        self.line(&format!(
            "{} {parts} recorded into {}/{}, {refused}",
            self.recorded,
            self.root.display(),
            self.class
        ))
    }

    /// One line, beside the progress bar.
    fn line(&mut self, line: &str) -> Result<(), EdgeError> {
        let out = &mut self.out;
        Ok(self.progress.suspend(|| writeln!(out, "{line}"))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_refusals_is_told_ever_more_seldom_and_a_new_reason_at_once() {
        let mut row = Row::default();
        let told = (0..40).filter_map(|_| row.add(&Refusal::Repeated));
        assert_eq!(told.collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32]);
        assert_eq!(row.add(&Refusal::Unmeasured { share: 0.01 }), Some(1));
        assert_eq!(row.add(&Refusal::Unmeasured { share: 0.02 }), Some(2));
        assert_eq!(row.add(&Refusal::Unmeasured { share: 0.03 }), None);
        let lost = |why: &str| Refusal::Camera {
            why: why.to_owned(),
        };
        assert_eq!(row.add(&lost("part 1")), Some(1));
        assert_eq!(row.add(&lost("part 2")), Some(1));
        assert_eq!(row.add(&lost("part 2")), Some(2));
    }
}
