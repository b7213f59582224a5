//! What a station asks of its camera.

use std::path::PathBuf;
use std::time::Duration;

use twinspect_core::frame::FrameSize;
use twinspect_core::recovery::RecoverySpec;

/// How a camera runs, and when its pictures count.
#[derive(Debug, Clone, PartialEq)]
pub struct RealSenseSpec {
    /// Size and rate of both streams; `None` takes what a recording has.
    pub streams: Option<StreamsSpec>,
    /// What is set on the camera before it starts.
    pub settings: Settings,
    /// Largest distance of the stamps of a pair; `None`: half of the time from picture to picture.
    pub pair_distance_max: Option<Duration>,
    /// From the beginning of an exposure to the picture's arrival, at most, if nothing holds it up. A picture
    /// shows what lay there so long before it came.
    pub transfer_max: Duration,
    /// A picture that came so much later than usual is not judged.
    pub age_max: Duration,
    /// How long a part waits for a picture that shows it.
    pub wait_max: Duration,
    /// Whether each picture is asked for, and not one for each part: then the newest that was not handed out yet
    /// comes at once, whenever it was taken. Its stamp says when.
    pub every_picture: bool,
    /// Equal pictures in a row that are still believed; 0 believes all.
    pub equal_pictures_max: u32,
    /// How long the first start may take in all, with all that the ladder tries.
    pub open_max: Duration,
    /// When and how it is brought back, and how many pairs are passed over after each start until exposure has
    /// settled.
    pub recovery: RecoverySpec,
    /// How fast a recording plays.
    pub pace: Pace,
    /// Whether a recording begins again after its last picture.
    pub repeat: bool,
}

/// Size and rate of both streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamsSpec {
    /// Colour, and what depth is laid onto.
    pub colour: FrameSize,
    /// Depth as it is measured.
    pub depth: FrameSize,
    /// Pictures a second of each.
    pub rate_hz: u32,
}

/// How fast a recording plays. A camera knows the first alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As it was recorded; a pair that nobody asks for is gone.
    Sensor,
    /// A pair for each time that somebody asks, and none is left out.
    AsRead,
}

/// What is set on the camera. What is `None` stays as the camera has it, which after power has come is the
/// vendor's default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// A file that the vendor's viewer has saved, read before; set first.
    pub preset: Option<PresetFile>,
    /// One of the vendor's presets; set next.
    pub visual_preset: Option<u32>,
    /// Metres a count of depth.
    pub depth_unit_m: Option<f64>,
    /// Exposure of the depth camera; switches its automatic exposure off.
    pub depth_exposure: Option<Duration>,
    /// Gain of the depth camera; switches its automatic exposure off.
    pub depth_gain: Option<f64>,
    /// Whether the pattern projector is on.
    pub emitter: Option<bool>,
    /// Power of the projector in milliwatts.
    pub laser_power_mw: Option<f64>,
    /// Exposure of the colour camera; switches its automatic exposure off.
    pub colour_exposure: Option<Duration>,
    /// Gain of the colour camera; switches its automatic exposure off.
    pub colour_gain: Option<f64>,
    /// White balance in kelvin; switches the automatic one off.
    pub white_balance_k: Option<f64>,
    /// Frequency of the mains that light the scene: 0, 50 or 60.
    pub power_line_hz: Option<u32>,
}

/// A preset that was read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetFile {
    /// Where it was.
    pub path: PathBuf,
    /// What was in it.
    pub json: String,
}
