//! What the two processes say to each other: one JSON object a line.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use twinspect_camera::Truth;
use twinspect_core::trigger::Sight;
use twinspect_core::verdict::Verdict;
use twinspect_dataset::Label;

use crate::control::{CameraFigures, ModelStatus, StageTimes};
use crate::engines::{Faster, Fault, Gpu};

/// Longest line; a longer one is a fault of the other process.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// From the line process, first of all: the station's configuration, every key of it. The file may
/// have been edited since it was read, and both processes must go by the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SetupMessage {
    pub(super) config: String,
    /// Where the line process's clock has its zero. All times that are told count from there.
    pub(super) clock_start_ns: u64,
    /// Whether the GPU may be used: the line process has seen earlier inspect processes end.
    pub(super) gpu: Gpu,
    /// Digest of the bundle that the configuration names here, once it is known.
    pub(super) digest: Option<String>,
    /// Where pictures for the station's page go, if there is one.
    pub(super) pictures: Option<PathBuf>,
    /// This run of the station, as its records call it.
    pub(super) run: Option<String>,
    /// Another process is in charge: this one proves its model and waits without a camera, until it is told to
    /// take over by a [`TakeOverMessage`].
    pub(super) waits: bool,
}

/// From the line process, to one that waits: it is in charge now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TakeOverMessage {
    /// Parts of a recording that were seen before.
    pub(super) take_over_after: u64,
}

/// What a picture is taken for. Parts and trials are numbered apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Errand {
    /// A part on its way to the rejector, which the verdict decides on.
    Part(u64),
    /// What somebody has laid before the camera and wants to know of: the wires and the counts are no
    /// concern of it.
    Trial(u64),
}

impl Errand {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Part(number) | Self::Trial(number) => number,
        }
    }

    /// The answer to who has asked. `seen`: there is a picture of the part.
    pub(super) fn answer(
        self,
        verdict: Verdict,
        took_us: Option<u64>,
        truth: Option<&Truth>,
        seen: bool,
    ) -> InspectorMessage {
        let told = VerdictMessage {
            number: self.number(),
            verdict,
            took_us,
            part: truth.map(|truth| truth.id.as_str().to_owned()),
            label: truth.map(|truth| truth.label.clone()),
            seen,
        };
        match self {
            Self::Part(_) => InspectorMessage::Verdict(told),
            Self::Trial(_) => InspectorMessage::Trial(told),
        }
    }
}

impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(number) => write!(f, "part {number}"),
            Self::Trial(number) => write!(f, "test part {number}"),
        }
    }
}

/// From the line process: look at the part that lies before the camera now, or at the one that a certain
/// picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TicketMessage {
    pub(super) errand: Errand,
    /// When the part came to the sensor. Of a part that the camera has seen coming: when the picture was
    /// taken that is to be judged.
    pub(super) triggered_us: u64,
    /// An answer counts if it comes before.
    pub(super) decide_by_us: u64,
}

/// From the inspect process.
#[expect(
    clippy::large_enum_variant,
    reason = "a heartbeat follows each part; boxing it would allocate for each part"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub(super) enum InspectorMessage {
    /// The model is proven, the camera still closed.
    Proven(Proven),
    /// This process is about to end, and why.
    Failed {
        why: String,
        /// What it ends with.
        exit_code: u8,
        /// Whose fault that is.
        fault: Fault,
    },
    /// The model is proven, the camera open: tickets will be served.
    Ready(Ready),
    /// A part was judged.
    Verdict(VerdictMessage),
    /// A trial was judged.
    Trial(VerdictMessage),
    /// Both threads have moved on since the last heartbeat.
    Heartbeat {
        metrics: Metrics,
        /// What was measured on the way.
        figures: Figures,
        /// Whether the camera gives fresh pictures.
        sees: bool,
    },
    /// What the newest picture shows, of a camera that runs freely.
    Sight(Sight),
    /// No more pictures will come: a recording has ended.
    CameraEnded {
        /// What of it could not be played: it broke off there.
        damage: Option<String>,
    },
}

/// What was proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proven {
    pub(super) model: String,
    /// Digest of its bundle.
    pub(super) bundle: String,
}

/// What the inspect process found when it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ready {
    pub(super) model: ModelStatus,
    pub(super) engine: EngineReport,
    pub(super) camera: String,
    /// Parts until the recording ends, if it ever does.
    pub(super) parts_left: Option<u64>,
}

/// The engine that the inspect process has come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EngineReport {
    pub(super) name: String,
    /// Why it is this one, for people.
    pub(super) why: String,
    /// In whose place, though the station wants that one.
    pub(super) stands_in_for: Option<Faster>,
    /// It runs on a GPU, whose libraries may end the process.
    pub(super) on_gpu: bool,
    /// It stands in for a GPU that has everything but plans.
    pub(super) lacks_plans: bool,
    /// What it takes and what the belt allows, if it stands in and is too slow.
    pub(super) too_slow: Option<String>,
}

/// The answer to a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct VerdictMessage {
    pub(super) number: u64,
    pub(super) verdict: Verdict,
    /// From capture done to verdict, of a part that was inspected.
    pub(super) took_us: Option<u64>,
    /// Name of a recorded part.
    pub(super) part: Option<String>,
    /// What a recorded part is.
    pub(super) label: Option<Label>,
    /// Whether there is a picture of it, which is recorded where records are wanted.
    pub(super) seen: bool,
}

/// Counts since the inspect process started. Their names are for scripts and stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Metrics {
    /// Tickets of parts that were read.
    pub(super) tickets: u64,
    /// Those of test parts.
    pub(super) trials: u64,
    pub(super) inspected: u64,
    /// Tickets whose frame made way for a newer one.
    pub(super) displaced: u64,
    pub(super) camera_errors: u64,
    pub(super) records_written: u64,
    pub(super) records_dropped: u64,
}

impl Metrics {
    /// Of two processes, one after the other.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            tickets: self.tickets + other.tickets,
            trials: self.trials + other.trials,
            inspected: self.inspected + other.inspected,
            displaced: self.displaced + other.displaced,
            camera_errors: self.camera_errors + other.camera_errors,
            records_written: self.records_written + other.records_written,
            records_dropped: self.records_dropped + other.records_dropped,
        }
    }
}

/// What an inspect process has measured since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) stages: StageTimes,
    pub(super) camera: CameraFigures,
}

/// Writes one message. `line` is memory that is used again.
pub(super) fn write(
    stream: &mut impl Write,
    line: &mut Vec<u8>,
    message: &impl Serialize,
) -> io::Result<()> {
    line.clear();
    serde_json::to_writer(&mut *line, message)?;
    line.push(b'\n');
    stream.write_all(line)
}

/// Reads the next message; `None` when the other process has closed its end.
///
/// # Errors
/// What the system says, a line that is too long, and one that is no message.
pub(super) fn read<T: DeserializeOwned>(
    stream: &mut impl BufRead,
    line: &mut Vec<u8>,
) -> io::Result<Option<T>> {
    line.clear();
    stream
        .by_ref()
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(serde_json::from_slice(line)?)),
        Some(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("message of {} bytes without an end", line.len()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::modality::Modality;
    use twinspect_core::verdict::{Finding, Reason, Region, Score, SeenBy};

    use super::*;

    fn round_trip(verdict: Verdict) {
        let message = InspectorMessage::Verdict(VerdictMessage {
            number: 7,
            verdict,
            took_us: Some(31_000),
            part: Some("test/stain/003".into()),
            label: Some(Label::Defect("stain".into())),
            seen: true,
        });
        let (mut bytes, mut line) = (Vec::new(), Vec::new());
        write(&mut bytes, &mut line, &message).unwrap();
        let read_back: Option<InspectorMessage> = read(&mut bytes.as_slice(), &mut line).unwrap();
        assert_eq!(read_back, Some(message));
    }

    #[test]
    fn every_kind_of_verdict_survives_the_way() {
        round_trip(Verdict::Pass {
            score: Score(0.25),
            missing: Some(Modality::Geometry),
        });
        round_trip(Verdict::NoResult {
            reason: Reason::NoDepth,
        });
        let region = Region {
            x: 1,
            y: 2,
            width: 3,
            height: 4,
            peak: Score(1.5),
            seen_by: SeenBy::Both,
        };
        round_trip(Verdict::Fail {
            finding: Finding {
                score: Score(1.5),
                seen_by: SeenBy::Both,
                regions: [region; 2].into_iter().collect(),
            },
            missing: None,
        });
    }

    #[test]
    fn what_a_picture_shows_arrives_to_the_last_bit() {
        let seen = twinspect_core::lookout::Seen {
            share: 1.0 / 3.0,
            is_whole: true,
            offset: f32::MIN_POSITIVE,
        };
        let at_us = u64::MAX - 1;
        let message = InspectorMessage::Sight(Sight { at_us, seen });
        let (mut bytes, mut line) = (Vec::new(), Vec::new());
        write(&mut bytes, &mut line, &message).unwrap();
        let read_back: Option<InspectorMessage> = read(&mut bytes.as_slice(), &mut line).unwrap();
        assert_eq!(read_back, Some(message));
    }

    fn refused(bytes: &[u8]) -> io::Error {
        read::<TicketMessage>(&mut &bytes[..], &mut Vec::new()).unwrap_err()
    }

    #[test]
    fn what_is_no_message_is_refused() {
        refused(b"{\"number\":1}\n");
        refused(b"{\"number\":1");
        let long = vec![b' '; LINE_BYTES_MAX as usize + 10];
        assert!(refused(&long).to_string().contains("65536 bytes"));
    }

    #[test]
    fn a_closed_end_is_no_error() {
        let end: Option<TicketMessage> = read(&mut &b""[..], &mut Vec::new()).unwrap();
        assert_eq!(end, None);
    }
}
