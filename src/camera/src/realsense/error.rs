//! Why a RealSense camera can't be opened, started or set.

mod remedy;

use std::borrow::Cow;
use std::io;
use std::path::Path;

use twinspect_core::align::AlignError;
use twinspect_core::pairing::Stream;

use self::remedy::{copy_again, open_another};
use super::{bag, recorded_file};
use crate::librealsense::{CallError, LoadError};

/// Why a RealSense camera, or its recording, can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RealSenseError {
    /// The library.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A call that should have worked.
    #[error("{doing}")]
    Call {
        /// What was attempted.
        doing: &'static str,
        /// What the library says.
        #[source]
        source: CallError,
    },
    /// The library does not know how the camera's two streams see each other.
    #[error("asking how the cameras stand")]
    Places(#[source] CallError),
    /// The camera isn't there.
    #[error("{}", absent(serial.as_deref(), found))]
    Absent {
        /// Its serial number, if a certain one was asked for.
        serial: Option<String>,
        /// Cameras that are there, name and serial number.
        found: Vec<String>,
    },
    /// The recording can't be opened.
    #[error("opening recording {file}")]
    Recording {
        /// The file.
        file: String,
        /// What the library says.
        #[source]
        source: CallError,
    },
    /// The recording can't be read.
    #[error("reading recording {file}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Something that the library would wait for, or read for ever.
    #[error("recording {file} is {found} and no file")]
    NoFile {
        /// Its name.
        file: String,
        /// What it is.
        found: &'static str,
    },
    /// The recording's own beginning says that it has more bytes.
    #[error("recording {file} has {found} bytes, of {wanted}: its end is missing")]
    CutOff {
        /// The file.
        file: String,
        /// Bytes of the file.
        found: u64,
        /// Bytes that it should have.
        wanted: u64,
    },
    /// The recording's own parts do not lead from one to the next.
    #[error("recording {file} is damaged at byte {at}: {what}")]
    Damaged {
        /// The file.
        file: String,
        /// Where, in bytes from its beginning.
        at: u64,
        /// What stands there.
        what: &'static str,
    },
    /// A file of a format that this release of the library does not know.
    #[error("recording {file}: librealsense {version} can't play .db3 files")]
    TooNew {
        /// The file.
        file: String,
        /// The library's version.
        version: String,
    },
    /// The library has not come to an end with opening it.
    #[error("librealsense has not opened recording {file} within {seconds} s")]
    Unopened {
        /// The file.
        file: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The recording is of one stream, as far as it can be played.
    #[error("recording {file} has no {stream} pictures to play: {found}")]
    OneStream {
        /// The file.
        file: String,
        /// Which stream is missing.
        stream: Stream,
        /// What there is of it.
        found: String,
    },
    /// The recording lacks how its cameras stand, which is written with the first picture of each stream.
    #[error("recording {file} does not say how its cameras stand to each other")]
    NoPlaces {
        /// The file.
        file: String,
        /// What the library says.
        #[source]
        source: CallError,
    },
    /// The library has read no further, though the recording says that it is longer.
    #[error("recording {file} broke off after {at_s:.1} s of {length_s:.1} s")]
    BrokenOff {
        /// The file.
        file: String,
        /// Where, in seconds from its beginning.
        at_s: f64,
        /// Its length in seconds, as it says itself.
        length_s: f64,
    },
    /// The recording has ended, or its time is up, and nothing can be judged.
    #[error("{recording} gives no usable pair of pictures: {trouble}")]
    NoPair {
        /// Which recording.
        recording: String,
        /// What was the matter at the end.
        trouble: String,
        /// The last step's own error.
        #[source]
        source: Option<Box<RealSenseError>>,
    },
    /// A recording that this release of the library can't write.
    #[error("recording into {file}: librealsense {version} writes .{wanted} files")]
    Ending {
        /// The file.
        file: String,
        /// The ending that it must have.
        wanted: &'static str,
        /// The library's version.
        version: String,
    },
    /// Pictures have passed that are not in the recording.
    #[error("{passed} bytes of pictures have passed, and {file} has {found}")]
    Unwritten {
        /// The file.
        file: String,
        /// Bytes of the pictures.
        passed: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// The camera has no such stream.
    #[error("{device} has no {stream} of {wanted}; it has {}", list(offered))]
    NoProfile {
        /// The camera.
        device: String,
        /// Which stream.
        stream: Stream,
        /// Size and rate, or format.
        wanted: String,
        /// What there is.
        offered: Vec<String>,
        /// On what kind of USB, if the camera says so.
        usb: Option<String>,
    },
    /// The camera has no such setting.
    #[error("{device} has no {setting} to set")]
    NoSetting {
        /// The camera.
        device: String,
        /// The setting, and whose.
        setting: String,
    },
    /// The camera can't be set so.
    #[error(
        "{setting} = {wanted} is not possible with {device}: {min} to {max} in steps of {step}"
    )]
    Range {
        /// The camera.
        device: String,
        /// The setting, and whose.
        setting: String,
        /// What was asked for.
        wanted: f32,
        /// The least.
        min: f32,
        /// The most.
        max: f32,
        /// Steps.
        step: f32,
    },
    /// The camera was set, and says something else.
    #[error("{setting} of {device} was set to {wanted} and is {found}")]
    ReadBack {
        /// The camera.
        device: String,
        /// The setting, and whose.
        setting: String,
        /// What was asked for.
        wanted: f32,
        /// What was read.
        found: f32,
        /// Whether a visual preset has set it since, when the sensor was opened, and it can't be set again.
        is_by_preset: bool,
    },
    /// Two wishes for one setting: depth and colour have one sensor.
    #[error(
        "{device} has one sensor, and its {setting} can't be {depth} for depth and {colour} for colour"
    )]
    OneSensor {
        /// The camera.
        device: String,
        /// The setting.
        setting: &'static str,
        /// What was asked for depth.
        depth: f32,
        /// What was asked for colour.
        colour: f32,
    },
    /// A lens that can't be computed with.
    #[error(
        "the {stream} camera's lens bends by the library's model {model}, which is not supported"
    )]
    Lens {
        /// Which camera.
        stream: Stream,
        /// The library's number.
        model: u32,
    },
    /// Depth can't be laid onto colour.
    #[error("laying depth onto colour")]
    Align(#[from] AlignError),
    /// Nothing came in time.
    #[error("no usable pair of pictures within {seconds} s of the start: {trouble}")]
    NoStart {
        /// How long was waited.
        seconds: u64,
        /// What was the matter at the end.
        trouble: String,
        /// The last step's own error.
        #[source]
        source: Option<Box<RealSenseError>>,
    },
}

fn absent(serial: Option<&str>, found: &[String]) -> String {
    let Some(serial) = serial else {
        return "no RealSense camera is connected".to_owned();
    };
    let others = if found.is_empty() {
        "nor is any other one".to_owned()
    } else {
        format!("connected: {}", found.join(", "))
    };
    format!("the RealSense camera {serial} is not connected; {others}")
}

pub(super) fn list(offered: &[String]) -> String {
    if offered.is_empty() {
        "none at all".to_owned()
    } else {
        offered.join(", ")
    }
}

impl RealSenseError {
    pub(super) fn call(doing: &'static str) -> impl FnOnce(CallError) -> Self {
        move |source| Self::Call { doing, source }
    }

    /// What is wrong with the file of a recording, as far as that is seen without the library.
    pub fn of_file(file: &Path) -> Option<Self> {
        recorded_file::check(file)
            .and_then(|()| bag::check(file))
            .err()
    }

    /// Whether no picture will ever come after this one.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::BrokenOff { .. })
    }

    /// Whether it is the recorded file itself that is wrong: another file, or a whole copy of this one, has none of it. A disk
    /// that fails for a moment is none of that, nor is a file of two streams that plays and has no [pair](Self::NoPair): it
    /// shows what was before the camera.
    pub fn is_of_the_file(&self) -> bool {
        match self {
            Self::Recording { .. }
            | Self::NoFile { .. }
            | Self::CutOff { .. }
            | Self::Damaged { .. }
            | Self::TooNew { .. }
            | Self::Unopened { .. }
            | Self::OneStream { .. }
            | Self::NoPlaces { .. }
            | Self::BrokenOff { .. } => true,
            Self::Unreadable { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
            ),
            _ => false,
        }
    }

    /// Whether it may go away without anybody changing the station's configuration.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Call { .. }
                | Self::Places(_)
                | Self::Absent { .. }
                | Self::ReadBack {
                    is_by_preset: false,
                    ..
                }
                | Self::NoStart { .. }
        )
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Load(error) => Some(error.hint().into()),
            Self::Absent { found, .. } if found.is_empty() => Some(
                "check cable and power, and that the user may open the device (the vendor's udev rules); `lsusb -d \
                 8086:` lists it if the system sees it"
                    .into(),
            ),
            Self::Absent { .. } => {
                Some("plug that camera in, or write the other one's number into `realsense.serial`".into())
            }
            Self::NoProfile { usb: Some(usb), .. } if usb.starts_with('2') => Some(
                format!(
                    "the camera runs on USB {usb}: use a USB 3 cable and port, and push the plug in quickly"
                )
                .into(),
            ),
            Self::NoProfile { .. } => {
                Some("write one of these sizes and rates into the table [realsense]".into())
            }
            Self::NoSetting { .. } => Some("take that key out of the table [realsense]".into()),
            Self::Range { .. } => Some("write a value from that range into the table [realsense]".into()),
            Self::OneSensor { .. } => Some(
                "its depth sensor gives colour too: write one value for both into the table [realsense], or leave one \
                 of the two keys out"
                    .into(),
            ),
            Self::Recording { file, source } => Some(open_another(file, &source.message).into()),
            Self::Unreadable { file, source } => Some(match source.kind() {
                io::ErrorKind::PermissionDenied => format!(
                    "whoever runs twinspect must be allowed to read it, as a service the user twinspect: `ls -l {file}` \
                     tells who may"
                )
                .into(),
                io::ErrorKind::NotFound => "write the name of a recording into `camera.file`".into(),
                _ => "look at the disk, or at the connection to it".into(),
            }),
            Self::NoFile { .. } => {
                Some("copy the recording onto a disk, and name the file in `camera.file`".into())
            }
            Self::CutOff { file, .. } | Self::Damaged { file, .. } => Some(copy_again(file).into()),
            Self::TooNew { .. } => Some(
                "install librealsense 2.58 or later, or record a .bag file with this one: `twinspect record --recording`"
                    .into(),
            ),
            Self::Unopened { file, .. } => Some(
                format!(
                    "it is damaged, or its disk is too slow: {}; `realsense.open_max_ms` is how long is waited",
                    copy_again(file)
                )
                .into(),
            ),
            Self::OneStream { .. } => Some(
                "a station plays depth and colour of one recording: record both, as `twinspect record --recording` does"
                    .into(),
            ),
            Self::NoPlaces { .. } => Some(
                "one of its streams has no picture: record depth and colour, as `twinspect record --recording` does"
                    .into(),
            ),
            Self::BrokenOff { file, .. } => Some(
                format!(
                    "it is damaged, unless its pictures ended before it did: {}",
                    copy_again(file)
                )
                .into(),
            ),
            Self::NoPair { .. } => Some(
                "look at it in the vendor's viewer: depth and colour must both be in it, at one rate and by one clock"
                    .into(),
            ),
            Self::Ending { wanted, .. } => Some(
                format!(
                    "name it with the ending .{wanted}; releases before 2.58 write .bag files, later ones .db3 files"
                )
                .into(),
            ),
            Self::Unwritten { .. } => Some(
                "the disk was full or failed, or could not follow: look at the system's log, record onto another disk, \
                 or at a lower rate"
                    .into(),
            ),
            Self::NoStart { source, .. } => source.as_ref().and_then(|source| source.hint()),
            Self::ReadBack {
                is_by_preset: true, ..
            } => Some(
                "the visual preset has set it otherwise, as it is applied again when the camera is opened: leave out \
                 `realsense.visual_preset` or `realsense.depth_unit_m`"
                    .into(),
            ),
            Self::Call { .. }
            | Self::Places(_)
            | Self::ReadBack { .. }
            | Self::Lens { .. }
            | Self::Align(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
