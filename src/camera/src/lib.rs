//! Cameras behind one trait: a frame pair for each part that is asked for.
//!
//! One thread owns a [`Camera`] and asks it for a frame when a part has been triggered, or, where the
//! camera runs freely and its pictures are the trigger, for one after the other.
//! [`ReplayCamera`] plays recorded parts as if they came by now; [`BeltCamera`] plays the belt that
//! carries them. With the feature `realsense`, [`realsense`] has cameras and their recordings, on
//! [`librealsense`], which is loaded when one is opened. With the feature `v4l`, [`v4l2`] has colour cameras of
//! the kernel's own drivers.
//!
//! **What is absent**: preparation and judgement of pictures. The time of a capture comes in from the
//! caller; of clocks of its own, a live camera uses one to tell how long pictures take.

mod belt;
mod cost;
#[cfg(feature = "realsense")]
#[expect(
    unsafe_code,
    reason = "a C library is called; each block says why it may be"
)]
pub mod librealsense;
#[cfg(any(feature = "realsense", feature = "v4l"))]
mod live;
#[cfg(feature = "realsense")]
pub mod realsense;
mod replay;
mod trouble;
#[cfg(feature = "v4l")]
pub mod v4l2;

pub use belt::{BeltCamera, BeltView};
pub use cost::CaptureCost;
#[cfg(any(feature = "realsense", feature = "v4l"))]
pub use live::{CameraWatch, StreamCounts};
pub use replay::{Repeat, ReplayCamera};
pub use trouble::Trouble;

use std::borrow::Cow;

use twinspect_core::frame::{FramePair, Intrinsics};
use twinspect_dataset::{DatasetError, Label, PartId};

/// A source of frame pairs.
pub trait Camera: Send {
    /// What this camera is, for people.
    fn description(&self) -> String;

    /// Where aligned frames are seen from, if that is known before the first one.
    fn intrinsics(&self) -> Option<&Intrinsics>;

    /// Takes the frame pair of the part that lies before the camera now.
    ///
    /// `now_us` is the caller's monotonic clock; a source without a clock of its own stamps its
    /// pictures with it.
    ///
    /// # Errors
    /// [`CameraError`]; asking again is sensible unless it [ends](CameraError::is_end) the source.
    fn capture(&mut self, now_us: u64) -> Result<CameraFrame, CameraError>;

    /// When the next frame of a source that plays one by a clock is due: the caller waits until then.
    /// `None` for a camera that is asked at any time, or that waits for its next frame itself.
    fn next_frame_us(&self) -> Option<u64> {
        None
    }

    /// Whether no capture will ever succeed again, as far as that is known without one: a recording has played its last
    /// picture.
    fn has_ended(&self) -> bool {
        false
    }

    /// What the last picture that was captured has cost since it arrived; `None` of a source to which none arrives.
    fn last_cost(&self) -> Option<CaptureCost> {
        None
    }
}

/// What a camera saw.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraFrame {
    /// The pictures.
    pub pair: FramePair,
    /// What is known about a recorded part; live cameras know nothing. Never shown to the engine.
    pub truth: Option<Truth>,
}

/// What somebody has said of a recorded part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The part's name.
    pub id: PartId,
    /// Whether it is good, or what is wrong with it.
    pub label: Label,
}

/// Why there is no frame pair.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CameraError {
    /// The recording can't be opened or has no parts to play.
    #[error("recording has no parts{}", split.map(|split| format!(" in its split `{split}`")).unwrap_or_default())]
    NoParts {
        /// The split that was asked for, if any was.
        split: Option<twinspect_dataset::Split>,
    },
    /// One part of the recording can't be read; the next capture goes on with the next part.
    #[error("replaying part {id}")]
    Part {
        /// The part.
        id: PartId,
        /// What is wrong with it.
        #[source]
        source: Box<DatasetError>,
    },
    /// Recorded parts that can't be laid on a simulated belt.
    #[error("recorded part {id} can't be laid on a simulated belt: {problem}")]
    NoBelt {
        /// The part.
        id: PartId,
        /// What it lacks.
        problem: &'static str,
    },
    /// Every part of the recording has been played once.
    #[error("the recording has ended")]
    End,
    /// No picture came that shows the part; the next part may have more luck.
    #[error("{trouble}")]
    NoPicture {
        /// What is the matter.
        trouble: Trouble,
    },
    /// The same of a recording: what is the matter was recorded, or it plays too slowly.
    #[error("in the recording, {trouble}")]
    Recorded {
        /// What is the matter.
        trouble: Trouble,
    },
    /// A picture came and is none.
    #[error("a picture that can't be used")]
    Picture {
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The camera's depth counts something else than when it was opened.
    #[error("depth comes in counts of {found_m} m, and came in counts of {expected_m} m")]
    DepthUnit {
        /// Metres a count at first.
        expected_m: f64,
        /// Metres a count now.
        found_m: f64,
    },
    /// The camera's driver hangs, or everything else has been tried.
    #[error("{camera} can't be brought back in this process")]
    Lost {
        /// Which camera.
        camera: String,
    },
    /// The library hangs with a recording.
    #[error("{recording} can't be played on in this process")]
    RecordingLost {
        /// Which recording.
        recording: String,
    },
    /// A RealSense camera can't be opened, or its recording has broken off.
    #[cfg(feature = "realsense")]
    #[error(transparent)]
    RealSense(#[from] Box<realsense::RealSenseError>),
    /// A V4L2 camera can't be opened.
    #[cfg(feature = "v4l")]
    #[error(transparent)]
    V4l2(#[from] Box<v4l2::V4l2Error>),
}

impl CameraError {
    /// Whether no capture will ever succeed again.
    pub fn is_end(&self) -> bool {
        #[cfg(feature = "realsense")]
        if let Self::RealSense(error) = self {
            return error.is_end();
        }
        matches!(self, Self::End)
    }

    /// Whether it is what lies in a recording that is wrong: played again, it is wrong again.
    pub fn is_of_the_recording(&self) -> bool {
        matches!(self, Self::Recorded { trouble } if trouble.is_in_the_file())
    }

    /// Whether another process may have more luck, and this one none.
    pub fn wants_new_process(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::RecordingLost { .. })
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoParts { .. } => {
                Some("name a split that has parts, or none to play the test parts".into())
            }
            Self::Part { source, .. } => source.hint(),
            Self::NoBelt { .. } => {
                Some("play it part by part, with camera.kind = \"replay\" and a sensor".into())
            }
            Self::Lost { .. } => Some(
                "look at cable, port and power; if it comes again and again, change the camera"
                    .into(),
            ),
            Self::RecordingLost { .. } => Some(
                "copy it onto a disk of this machine, and see whether the vendor's viewer plays it; another release of \
                 librealsense may play what this one hangs with"
                    .into(),
            ),
            Self::Recorded { trouble } => Some(trouble.hint_of_recorded().into()),
            #[cfg(feature = "realsense")]
            Self::RealSense(error) => error.hint(),
            #[cfg(feature = "v4l")]
            Self::V4l2(error) => error.hint(),
            Self::End | Self::NoPicture { .. } | Self::Picture { .. } | Self::DepthUnit { .. } => {
                None
            }
        }
    }
}
