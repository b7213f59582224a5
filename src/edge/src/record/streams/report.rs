//! What is being recorded, for people and scripts.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::Receiver;
use indicatif::{HumanBytes, ProgressBar};
use serde::Serialize;
use twinspect_camera::realsense::RecordedCounts;

use super::room::Room;
use super::writer::{Step, Written};
use crate::error::EdgeError;
use crate::replay::write_json;

/// A recording that is whole. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Whole<'a> {
    recording: &'a Path,
    camera: &'a str,
    /// How long it plays.
    seconds: f64,
    pairs: u64,
    gaps: u64,
    corrupt: u64,
    bytes: u64,
    ended_by: &'a str,
}

/// Tells of a recording.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    json: bool,
    /// In seconds, on standard error, and on a terminal alone.
    progress: ProgressBar,
    camera: String,
}

impl<'a> Report<'a> {
    pub(super) fn new(json: bool, seconds: Option<Duration>, out: &'a mut dyn Write) -> Self {
        let progress = match seconds {
            Some(time) => ProgressBar::new(time.as_secs()),
            None => ProgressBar::new_spinner(),
        };
        Self {
            out,
            json,
            progress,
            camera: String::new(),
        }
    }

    /// Tells how far it is, until nobody has more to tell.
    ///
    /// # Errors
    /// [`EdgeError::Output`], and no more is told.
    pub(super) fn follow(
        &mut self,
        file: &Path,
        room: &Room,
        steps: &Receiver<Step>,
    ) -> Result<(), EdgeError> {
        for step in steps {
            match step {
                // Not before: what is refused needs no room.
                Step::Accepted => self.room(file, room)?,
                Step::Started { description } => self.camera(description)?,
                Step::Settled => self.begins()?,
                Step::Counted { time, counts } => self.counted(time, counts),
            }
        }
        Ok(())
    }

    fn room(&mut self, file: &Path, room: &Room) -> Result<(), EdgeError> {
        let each = megabytes(room.bytes_a_second);
        let needed = room.needed.map_or(String::new(), |bytes| {
            format!(", {} in all", megabytes(bytes))
        });
        let free = room.free.map_or(String::new(), |bytes| {
            format!("; {} are free", megabytes(bytes))
        });
        self.line(&format!(
            "file      {}, {each} a second{needed}{free}",
            file.display()
        ))
    }

    fn camera(&mut self, description: String) -> Result<(), EdgeError> {
        let line = format!("camera    {description}");
        self.camera = description;
        self.line(&line)
    }

    /// The camera has settled.
    fn begins(&mut self) -> Result<(), EdgeError> {
        self.line(
            "recording: the camera has settled, the next pictures are recorded; Ctrl-C ends it",
        )
    }

    fn counted(&mut self, time: Duration, counts: RecordedCounts) {
        self.progress.set_position(time.as_secs());
        let bytes = HumanBytes(counts.bytes);
        self.progress
            .set_message(format!("{} pairs, {bytes}", counts.pairs));
    }

    /// It has its name.
    pub(super) fn whole(&mut self, recording: &Path, written: &Written) -> Result<(), EdgeError> {
        self.progress.finish_and_clear();
        let Written {
            counts,
            time,
            ended,
        } = written;
        let bytes = fs_err::metadata(recording).map_or(counts.bytes, |found| found.len());
        if self.json {
            let whole = Whole {
                recording,
                camera: &self.camera,
                seconds: time.as_secs_f64(),
                pairs: counts.pairs,
                gaps: counts.gaps,
                corrupt: counts.corrupt,
                bytes,
                ended_by: ended.word(),
            };
            return write_json(self.out, &whole);
        }
        self.line(&format!(
            "{} pairs recorded into {}: {:.1} s, {}, {} gaps, {} damaged pictures",
            counts.pairs,
            recording.display(),
            time.as_secs_f64(),
            megabytes(bytes),
            counts.gaps,
            counts.corrupt
        ))?;
        self.line(&format!(
            "play it with camera.kind = \"recording\" and camera.file = {:?}",
            recording.display().to_string()
        ))
    }

    /// One line, beside the progress bar.
    fn line(&mut self, line: &str) -> Result<(), EdgeError> {
        if self.json {
            return Ok(());
        }
        let out = &mut self.out;
        Ok(self.progress.suspend(|| writeln!(out, "{line}"))?)
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
