//! What is asked of a camera's driver. The kernel answers in [`kernel`](super::kernel), a script in tests.

use std::io;
use std::time::Duration;

use twinspect_core::colour::YuvCode;
use twinspect_core::frame::FrameSize;

use super::error::V4l2Error;

/// A driver's names for a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The node, as `/dev/video0`; it may be another one after a reconnect.
    pub node: String,
    /// What the maker calls the camera.
    pub card: String,
    /// Where it is plugged in, as the driver tells it.
    pub bus: String,
    /// The driver.
    pub driver: String,
}

/// A format and size that a camera has, for people and for the choice between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The kernel's four characters.
    pub fourcc: [u8; 4],
    /// Width and height.
    pub size: FrameSize,
    /// Pictures a second, as far as the driver lists them.
    pub rates_hz: Vec<f64>,
}

/// Pictures as the driver says that it will send them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Granted {
    /// The kernel's four characters.
    pub fourcc: [u8; 4],
    /// Width and height.
    pub size: FrameSize,
    /// Bytes from row to row; of no meaning for compressed pictures.
    pub stride: usize,
    /// Most bytes of a picture.
    pub bytes_max: usize,
    /// What luma and colour differences mean; `None`: something that is not understood.
    pub code: Option<YuvCode>,
    /// Whether each picture is a whole one, and not every other line of one.
    pub is_whole: bool,
}

/// A setting of a camera, by the kernel's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ControlId(pub u32);

/// What a setting may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlRange {
    /// Which.
    pub id: ControlId,
    /// The driver's name for it.
    pub name: String,
    /// The least value.
    pub min: i64,
    /// The most.
    pub max: i64,
    /// Steps between.
    pub step: u64,
    /// What it is by itself.
    pub default: i64,
}

/// A picture in a buffer that the driver has filled. It goes back with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffer<'a> {
    /// What the driver has written, and no byte more.
    pub bytes: &'a [u8],
    /// The driver's counter; it wraps around.
    pub sequence: u32,
    /// The driver's stamp in microseconds.
    pub stamp_us: u64,
    /// Whether the stamp is by the system's monotonic clock.
    pub is_monotonic: bool,
    /// Whether the driver says that the picture is damaged.
    pub is_damaged: bool,
}

/// A camera that is open. Errors are the system's, with its numbers.
pub trait VideoDevice: Send {
    /// The driver's names for it.
    fn identity(&self) -> &Identity;

    /// Formats and sizes that it has.
    fn offers(&mut self) -> io::Result<Vec<Offer>>;

    /// Asks for a format, and tells what the driver made of that.
    fn set_format(&mut self, fourcc: [u8; 4], size: FrameSize) -> io::Result<Granted>;

    /// Pictures a second, if the driver knows.
    fn rate_hz(&mut self) -> io::Result<Option<f64>>;

    /// Asks for a rate. What came of it says [`rate_hz`](Self::rate_hz).
    fn set_rate(&mut self, hz: u32) -> io::Result<()>;

    /// The value of a setting; `None` if the camera has none such.
    fn control(&mut self, id: ControlId) -> io::Result<Option<i64>>;

    /// Makes a setting. What came of it says [`control`](Self::control).
    fn set_control(&mut self, id: ControlId, value: i64) -> io::Result<()>;

    /// All settings that are numbers, and what they may be.
    fn ranges(&mut self) -> io::Result<Vec<ControlRange>>;

    /// Begins to fill new buffers. Nothing that comes after it was taken before.
    fn start(&mut self) -> io::Result<()>;

    /// The next picture, or nothing within this time. After an error nothing but [`stop`](Self::stop) makes sense.
    fn next(&mut self, wait: Duration) -> io::Result<Option<Buffer<'_>>>;

    /// Ends, and gives all buffers back. A camera that does not run is not stopped again.
    fn stop(&mut self) -> io::Result<()>;
}

/// Finds a camera, again and again if need be.
pub trait FindDevice: Send {
    /// What is looked for, for people.
    fn describe(&self) -> String;

    /// The camera, opened, if it is there now.
    ///
    /// # Errors
    /// [`V4l2Error::Absent`] if it isn't, [`V4l2Error::Ambiguous`] if it could be any of several.
    fn find(&mut self) -> Result<Box<dyn VideoDevice>, V4l2Error>;
}
