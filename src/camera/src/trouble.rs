//! What is the matter with a camera that gives no picture.

use twinspect_core::pairing::Stream;

/// Why there was no picture that shows the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The camera isn't there.
    Absent {
        /// Since when, in milliseconds.
        for_ms: u64,
    },
    /// It is being opened, started or reset.
    Starting {
        /// Since when, in milliseconds.
        for_ms: u64,
    },
    /// It has just started: its first pictures are passed over.
    Settling,
    /// One stream stands still, and the other goes on.
    StreamStill {
        /// Which.
        stream: Stream,
        /// Since when, in milliseconds.
        for_ms: u64,
    },
    /// Nothing comes at all.
    Still {
        /// Since when, in milliseconds.
        for_ms: u64,
    },
    /// Both streams run by different clocks.
    ClocksApart,
    /// Both streams run, and no two of their pictures belong together.
    Unpaired,
    /// It shows one picture again and again.
    Frozen,
    /// One stream's picture is the one that was given before.
    Again {
        /// Which.
        stream: Stream,
    },
    /// Its pictures come later than they may.
    Late {
        /// By how much, in milliseconds.
        by_ms: u64,
    },
    /// Pictures come, and none of them in time for this part.
    Slow,
    /// Pictures come whose number or stamp is the last one's.
    Repeated,
    /// Pictures are stamped by a clock that can't be compared with the host's.
    OtherClock,
    /// Pictures come damaged.
    Corrupt,
}

impl Trouble {
    /// Whether a recording that has this trouble has it in its file, whoever plays it. That pictures are late, or not there,
    /// may be a slow machine's doing.
    pub(crate) fn is_in_the_file(self) -> bool {
        matches!(
            self,
            Self::Frozen | Self::Again { .. } | Self::Repeated | Self::Corrupt
        )
    }

    /// The remedy, if it is a recording that has this trouble: no cable will cure it. That equal pictures can be believed
    /// (`equal_pictures_max = 0`) is none: whatever stood still would pass as good as it was then.
    pub(crate) fn hint_of_recorded(self) -> &'static str {
        match self {
            Self::Frozen | Self::Again { .. } | Self::Repeated => {
                "the camera stood still when it was recorded: record anew"
            }
            Self::Late { .. } | Self::Slow => {
                "this machine or its disk plays it too slowly, or it was recorded so: `camera.pace = \"as_read\"` waits \
                 for whoever looks, and a part waits as long as `realsense.wait_max_ms`"
            }
            _ => "look at it in the vendor's viewer; if it was recorded so, record anew",
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent { for_ms } => write!(f, "the camera has not been there for {for_ms} ms"),
            Self::Starting { for_ms } => {
                write!(f, "the camera has been starting for {for_ms} ms")
            }
            Self::Settling => f.write_str("the camera has just started"),
            Self::StreamStill { stream, for_ms } => {
                write!(f, "the {stream} stream has stood still for {for_ms} ms")
            }
            Self::Still { for_ms } => write!(f, "the camera has stood still for {for_ms} ms"),
            Self::ClocksApart => f.write_str("depth and colour are stamped by different clocks"),
            Self::Unpaired => f.write_str("no depth and colour picture belong together"),
            Self::Frozen => f.write_str("the camera shows one picture again and again"),
            Self::Again { stream } => write!(
                f,
                "the {stream} picture is the one before again, to the last bit: its stream stands still"
            ),
            Self::Late { by_ms } => write!(f, "pictures come {by_ms} ms late"),
            Self::Slow => f.write_str("no picture in time"),
            Self::Repeated => f.write_str("the last picture comes again under its number or stamp"),
            Self::OtherClock => f.write_str(
                "the driver stamps pictures by a clock that is not the system's monotonic one",
            ),
            Self::Corrupt => f.write_str("pictures come damaged"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CameraError;

    #[test]
    fn what_was_recorded_is_told_as_such_and_no_cable_cures_it() {
        for trouble in [
            Trouble::Frozen,
            Trouble::Again {
                stream: Stream::Depth,
            },
            Trouble::Late { by_ms: 120 },
            Trouble::Slow,
            Trouble::Unpaired,
        ] {
            let error = CameraError::Recorded { trouble };
            assert_eq!(error.to_string(), format!("in the recording, {trouble}"));
            let hint = error.hint().unwrap();
            assert!(!hint.contains("cable") && !hint.contains("power"), "{hint}");
            assert!(!error.is_end() && !error.wants_new_process());
            assert!(!hint.contains("equal_pictures_max"), "{hint}");
        }
        let is_in_the_file = |trouble| CameraError::Recorded { trouble }.is_of_the_recording();
        let stream = Stream::Colour;
        assert!(is_in_the_file(Trouble::Frozen) && is_in_the_file(Trouble::Again { stream }));
        assert!(!is_in_the_file(Trouble::Slow) && !is_in_the_file(Trouble::Late { by_ms: 7 }));
        let live = CameraError::NoPicture {
            trouble: Trouble::Frozen,
        };
        assert!(!live.is_of_the_recording());
        let lost = CameraError::RecordingLost {
            recording: "recording belt.db3".to_owned(),
        };
        assert!(lost.wants_new_process());
        let hint = lost.hint().unwrap();
        assert!(
            hint.contains("copy it") && !hint.contains("cable"),
            "{hint}"
        );
    }
}
