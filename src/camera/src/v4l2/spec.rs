//! What a station asks of its camera.

use std::time::Duration;

use twinspect_core::colour::PixelLayout;
use twinspect_core::frame::FrameSize;
use twinspect_core::recovery::RecoverySpec;

/// How a camera runs, and when its pictures count.
#[derive(Debug, Clone, PartialEq)]
pub struct V4l2Spec {
    /// Size, rate and format.
    pub stream: StreamSpec,
    /// What is set on the camera before it starts.
    pub settings: Settings,
    /// From the beginning of an exposure to the driver's stamp, at most. A picture shows what lay there so long
    /// before it was stamped.
    pub transfer_max: Duration,
    /// A picture that came so much later than usual, or than its stamp, is not judged.
    pub age_max: Duration,
    /// How long a part waits for a picture that shows it.
    pub wait_max: Duration,
    /// Whether each picture is asked for, and not one for each part: then the newest that was not handed out yet
    /// comes at once, whenever it was taken. Its stamp says when.
    pub every_picture: bool,
    /// So many equal pictures in a row are taken before the stream counts as frozen. No part gets the picture of the part
    /// before all the same, unless this is 0: then all are believed.
    pub equal_pictures_max: u32,
    /// How long the first start may take in all, with all that the ladder tries.
    pub open_max: Duration,
    /// When and how it is brought back, and how many pictures are passed over after each start until exposure has
    /// settled. Where the ladder says "reset", the device is let go of, found again and opened anew.
    pub recovery: RecoverySpec,
}

/// Size, rate and format of the pictures. The camera must have just these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StreamSpec {
    /// Width and height.
    pub size: FrameSize,
    /// Pictures a second; `None` takes what the camera has.
    pub rate_hz: Option<u32>,
    /// How its bytes lie.
    pub format: PixelFormat,
}

/// Formats that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    /// Bytes that are the pixels.
    Plain(PixelLayout),
    /// A JPEG file for each picture.
    Mjpg,
}

impl PixelFormat {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Plain(PixelLayout::Yuyv),
        Self::Plain(PixelLayout::Uyvy),
        Self::Plain(PixelLayout::Rgb24),
        Self::Plain(PixelLayout::Bgr24),
        Self::Plain(PixelLayout::Grey),
        Self::Mjpg,
    ];

    /// The kernel's four characters.
    pub fn fourcc(self) -> [u8; 4] {
        match self {
            Self::Plain(PixelLayout::Yuyv) => *b"YUYV",
            Self::Plain(PixelLayout::Uyvy) => *b"UYVY",
            Self::Plain(PixelLayout::Rgb24) => *b"RGB3",
            Self::Plain(PixelLayout::Bgr24) => *b"BGR3",
            Self::Plain(PixelLayout::Grey) => *b"GREY",
            Self::Mjpg => *b"MJPG",
        }
    }
}

impl std::fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.fourcc()))
    }
}

/// What is set on the camera. What is `None` stays as the camera has it, which after power has come is the
/// maker's default.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Settings {
    /// Exposure; switches the automatic one off.
    pub exposure: Option<Duration>,
    /// Gain in the camera's own counts; switches the automatic one off.
    pub gain: Option<i64>,
    /// White balance in kelvin; switches the automatic one off.
    pub white_balance_k: Option<i64>,
    /// Focus in the camera's own counts; switches the automatic one off.
    pub focus: Option<i64>,
    /// Brightness in the camera's own counts.
    pub brightness: Option<i64>,
    /// Frequency of the mains that light the scene: 0, 50 or 60.
    pub power_line_hz: Option<u32>,
}
