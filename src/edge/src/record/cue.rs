//! When a part is recorded.

use std::io::{self, BufRead, ErrorKind};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded, select};
use twinspect_core::frame::FramePair;

use super::Ended;
use super::belt_watch::BeltWatch;
use super::scrutiny::Refusal;
use super::stop::StopSignals;
use crate::cli::RecordArgs;
use crate::config::Station;
use crate::error::EdgeError;
use crate::taking::{Taken, Taker};

/// Bytes of a part's name that are kept; scanners send some dozens.
const NAME_BYTES_MAX: usize = 4_096;

/// What comes next.
#[expect(
    clippy::large_enum_variant,
    reason = "one is alive at a time, and is mostly a picture"
)]
pub(super) enum Next {
    /// A part, and what the line calls it.
    Shown {
        pair: FramePair,
        part_id: Option<String>,
    },
    Refused(Refusal),
    Ended(Ended),
}

/// Who says that a part is there.
pub(super) enum Cue {
    /// Somebody presses Enter.
    Enter(Receiver<String>),
    /// Time goes by.
    Every { period: Duration, due_us: u64 },
    /// It is seen on the belt.
    Presence(Box<BeltWatch>),
}

impl Cue {
    pub(super) fn new(args: &RecordArgs, station: &Station) -> Result<Self, EdgeError> {
        if let Some(ms) = args.every_ms {
            let period = Duration::from_millis(ms);
            return Ok(Self::Every { period, due_us: 0 });
        }
        if !args.presence {
            return Ok(Self::Enter(lines()));
        }
        BeltWatch::new(station).map(|watch| Self::Presence(Box::new(watch)))
    }

    /// Waits for it.
    pub(super) fn next(
        &mut self,
        taker: &mut Taker,
        stop: &StopSignals,
    ) -> Result<Next, EdgeError> {
        let part_id = match self {
            Self::Presence(watch) => return watch.next(taker, stop),
            Self::Enter(lines) => select! {
                recv(stop.told()) -> _ => return Ok(Next::Ended(Ended::Signal)),
                recv(lines) -> line => match line {
                    Ok(line) => Some(line.trim().to_owned()).filter(|line| !line.is_empty()),
                    Err(_) => return Ok(Next::Ended(Ended::Input)),
                },
            },
            Self::Every { period, due_us } => {
                let clock = taker.clock();
                if stop.is_told() || stop.wait(clock.until(*due_us)) {
                    return Ok(Next::Ended(Ended::Signal));
                }
                // Pictures that are late are not caught up with.
                *due_us = clock.now_us() + period.as_micros() as u64;
                None
            }
        };
        Ok(match taker.take()? {
            Taken::Picture(pair) => Next::Shown { pair, part_id },
            Taken::Failed(why) => Next::Refused(Refusal::Camera { why }),
            Taken::End => Next::Ended(Ended::Camera),
        })
    }
}

/// Lines of standard input. The thread that reads them ends with the process.
fn lines() -> Receiver<String> {
    let (sender, lines) = bounded(1);
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        let told = loop {
            match line(&mut input) {
                Ok(Some(line)) => {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => break error,
            }
        };
        log::warn!("reading standard input: {told}");
    });
    lines
}

/// A line without its end, or what comes before the end of all; `None`: nothing does. Bytes that are no text stand for
/// themselves as well as text can have them: what counts is that somebody has pressed Enter.
fn line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut has_begun = false;
    loop {
        let read = match input.fill_buf() {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = read.iter().position(|byte| *byte == b'\n');
        let is_over = end.is_some() || read.is_empty();
        has_begun |= !read.is_empty();
        let text = &read[..end.unwrap_or(read.len())];
        let room = NAME_BYTES_MAX - line.len();
        line.extend_from_slice(&text[..text.len().min(room)]);
        let taken = text.len() + usize::from(end.is_some());
        input.consume(taken);
        if is_over {
            return Ok(has_begun.then(|| String::from_utf8_lossy(&line).into_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// All lines, whatever the size of what is read at once.
    fn lines_of(bytes: &[u8]) -> Vec<String> {
        let read = |size| {
            let mut input = BufReader::with_capacity(size, bytes);
            std::iter::from_fn(|| line(&mut input).unwrap()).collect::<Vec<String>>()
        };
        let lines = read(8_192);
        assert_eq!(read(1), lines);
        lines
    }

    #[test]
    fn each_end_of_a_line_is_one_enter_and_the_last_line_need_not_have_one() {
        assert_eq!(lines_of(b"\nA-17\r\n\nlast"), ["", "A-17\r", "", "last"]);
        assert_eq!(lines_of(b"A-17\n"), ["A-17"]);
        assert!(lines_of(b"").is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_end_nothing() {
        let lines = lines_of(b"\xff\xfe\nA\x80B\nC\n");
        assert_eq!(lines, ["\u{fffd}\u{fffd}", "A\u{fffd}B", "C"]);
    }

    #[test]
    fn a_line_without_end_takes_no_more_room_than_a_name() {
        let mut bytes = vec![b'x'; 100_000];
        bytes.extend_from_slice(b"\nnext\n");
        let lines = lines_of(&bytes);
        assert_eq!(lines[0].len(), NAME_BYTES_MAX);
        assert_eq!(lines[1], "next");
    }
}
