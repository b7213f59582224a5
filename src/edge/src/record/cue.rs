//! When a part is recorded.

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
        for line in std::io::stdin().lines() {
            let Ok(line) = line else {
                log::warn!("standard input is no text");
                return;
            };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
