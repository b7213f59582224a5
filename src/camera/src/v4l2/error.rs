//! Why a V4L2 camera can't be opened, started or set.

use std::borrow::Cow;
use std::io;

use rustix::io::Errno;
use twinspect_core::frame::FrameSize;

use super::spec::PixelFormat;

/// Why a V4L2 camera can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum V4l2Error {
    /// The camera isn't there.
    #[error("{wanted} is not there; {}", connected(found))]
    Absent {
        /// What was looked for.
        wanted: String,
        /// Cameras that are there.
        found: Vec<String>,
    },
    /// More than one camera fits.
    #[error("{wanted} could be any of {}", found.join(", "))]
    Ambiguous {
        /// What was looked for.
        wanted: String,
        /// Cameras that fit.
        found: Vec<String>,
    },
    /// The node can't be opened.
    #[error("opening {node}")]
    Open {
        /// The node.
        node: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// What has the node's name is something else.
    #[error("{node} is {found} and no video device")]
    NoDevice {
        /// The node.
        node: String,
        /// What it is.
        found: &'static str,
    },
    /// The node gives no pictures of a kind that is understood.
    #[error("{node} ({card}) {}", no_capture(*is_planar))]
    NoCapture {
        /// The node.
        node: String,
        /// What its driver calls it.
        card: String,
        /// Whether it is a camera all the same, with its pictures in several planes.
        is_planar: bool,
    },
    /// A call that should have worked.
    #[error("{doing}")]
    Call {
        /// What was attempted.
        doing: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The camera has no such pictures.
    #[error(
        "{camera} has no {wanted}, it offers {given}; it has {}",
        list(offered)
    )]
    NoFormat {
        /// The camera.
        camera: String,
        /// What was asked for.
        wanted: String,
        /// What its driver made of that.
        given: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// The camera's colours follow a standard that is not understood.
    #[error("{camera} codes colours of {format} in a way that is not supported")]
    Code {
        /// The camera.
        camera: String,
        /// The format.
        format: PixelFormat,
    },
    /// The camera does not run at this rate.
    #[error(
        "{camera} was asked for {wanted_hz} pictures a second of {size} and gives {}; it has {}",
        found_hz.map_or("what it likes".to_owned(), |hz| format!("{hz:.2}")),
        list(offered)
    )]
    Rate {
        /// The camera.
        camera: String,
        /// Size of its pictures.
        size: FrameSize,
        /// What was asked for.
        wanted_hz: u32,
        /// What the driver says.
        found_hz: Option<f64>,
        /// Rates that it has for this size.
        offered: Vec<String>,
    },
    /// The camera has no such setting.
    #[error("{camera} has no {setting} to set")]
    NoSetting {
        /// The camera.
        camera: String,
        /// The setting.
        setting: &'static str,
        /// The key of a station's file.
        key: &'static str,
    },
    /// The camera refuses a value.
    #[error("{setting} = {wanted} is not possible with {camera}{}", told(range))]
    Refused {
        /// The camera.
        camera: String,
        /// The setting.
        setting: &'static str,
        /// The key of a station's file.
        key: &'static str,
        /// What was asked for, in the camera's counts.
        wanted: i64,
        /// What it may be, if that is known.
        range: Option<(i64, i64, u64)>,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The camera was set, and says something else.
    #[error(
        "{setting} of {camera} was set to {wanted} and is {found}{}",
        told(range)
    )]
    ReadBack {
        /// The camera.
        camera: String,
        /// The setting.
        setting: &'static str,
        /// The key of a station's file.
        key: &'static str,
        /// What was asked for, in the camera's counts.
        wanted: i64,
        /// What was read.
        found: i64,
        /// What it may be, if that is known.
        range: Option<(i64, i64, u64)>,
    },
    /// Nothing came in time.
    #[error("no usable picture within {seconds} s of the start: {trouble}")]
    NoStart {
        /// How long was waited.
        seconds: u64,
        /// What was the matter at the end.
        trouble: String,
        /// The last step's own error.
        #[source]
        source: Option<Box<V4l2Error>>,
    },
}

fn no_capture(is_planar: bool) -> &'static str {
    if is_planar {
        "gives pictures in several planes, which is not supported"
    } else {
        "gives no pictures"
    }
}

fn connected(found: &[String]) -> String {
    if found.is_empty() {
        "no camera is".to_owned()
    } else {
        format!("there: {}", found.join(", "))
    }
}

fn list(offered: &[String]) -> String {
    if offered.is_empty() {
        "no list of them".to_owned()
    } else {
        offered.join(", ")
    }
}

fn told(range: &Option<(i64, i64, u64)>) -> String {
    range.map_or(String::new(), |(min, max, step)| {
        format!(": {min} to {max} in steps of {step}")
    })
}

/// Whether the system says that the device is gone.
pub(super) fn is_gone(error: &io::Error) -> bool {
    let gone = [Errno::NODEV, Errno::NXIO, Errno::NOENT];
    Errno::from_io_error(error).is_some_and(|number| gone.contains(&number))
}

impl V4l2Error {
    pub(super) fn call(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Call { doing, source }
    }

    /// Whether the device was gone, or went in the middle of this. Where a camera has run, one without pictures that are
    /// understood stands in its place.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Absent { .. } | Self::NoCapture { .. } => true,
            Self::Open { source, .. }
            | Self::Call { source, .. }
            | Self::Refused { source, .. } => is_gone(source),
            _ => false,
        }
    }

    /// Whether it may go away without anybody changing the station's configuration.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Absent { .. }
            | Self::Call { .. }
            | Self::ReadBack { .. }
            | Self::NoStart { .. } => true,
            Self::Open { source, .. } => source.kind() != io::ErrorKind::PermissionDenied,
            Self::Refused { .. } => self.is_absent(),
            _ => false,
        }
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Absent { found, .. } if found.is_empty() => {
                "check cable and power; `ls /dev/v4l/by-id` lists it if the system sees it".into()
            }
            Self::Absent { .. } => {
                "plug that camera in, or write another one's name into `v4l2.device`".into()
            }
            Self::Ambiguous { .. } => {
                "write a name below /dev/v4l/by-id, or /dev/v4l/by-path for a port, into `v4l2.device`".into()
            }
            Self::Open { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "whoever runs twinspect must be in the group `video`".into()
            }
            Self::Open { source, .. } | Self::Call { source, .. }
                if source.kind() == io::ErrorKind::ResourceBusy =>
            {
                "another program uses the camera; `fuser -v /dev/video*` tells which".into()
            }
            Self::NoDevice { .. } => {
                "name a camera: `ls -l /dev/v4l/by-id` lists them, each with its node; what else lies below /dev/video* \
                 was put there by somebody"
                    .into()
            }
            Self::NoCapture {
                is_planar: true, ..
            } => {
                "plug in or name another camera, or use a driver of this one that gives each picture in one plane; a RealSense \
                 camera wants `camera.kind = \"realsense\"`"
                    .into()
            }
            Self::NoCapture { .. } => "one camera has several nodes: name the one with pictures".into(),
            Self::NoFormat { .. } => {
                "write one of these formats and sizes into the table [v4l2]; sizes may lack on a USB 2 port".into()
            }
            Self::Code { .. } => "choose another `v4l2.format`".into(),
            Self::Rate { found_hz: None, .. } => {
                "`v4l2.rate_hz = 0` takes the rate that the camera has".into()
            }
            Self::Rate { .. } => "write one of these rates into `v4l2.rate_hz`".into(),
            Self::NoSetting { key, .. } => format!("take `v4l2.{key}` out of the table [v4l2]").into(),
            Self::Refused { key, .. } | Self::ReadBack { key, .. } => format!(
                "`twinspect check --camera` lists what `v4l2.{key}` may be; some settings hold only while an \
                 automatic one is off"
            )
            .into(),
            Self::NoStart { source, .. } => return source.as_ref().and_then(|source| source.hint()),
            Self::Open { .. } | Self::Call { .. } => return None,
        })
    }
}
