//! What can be set on a sensor.

use realsense_sys as sys;

/// A setting of a sensor. Not every sensor has every one: ask before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameraOption {
    /// Microseconds at a stereo module, hundreds of microseconds at a colour camera.
    Exposure,
    /// In the sensor's own steps.
    Gain,
    /// 0 or 1.
    AutoExposure,
    /// Kelvin.
    WhiteBalance,
    /// 0 or 1.
    AutoWhiteBalance,
    /// 0 custom, 1 default, 3 high accuracy, 4 high density, 5 medium density.
    VisualPreset,
    /// Milliwatts.
    LaserPower,
    /// 0 off, 1 on; further numbers for further ways.
    Emitter,
    /// 0 none, 1 50 Hz, 2 60 Hz, 3 by itself.
    PowerLineFrequency,
    /// Metres a count of depth.
    DepthUnits,
    /// Whether stamps are brought to the host's clock; 0 or 1.
    GlobalTime,
    /// Degrees Celsius; can only be read.
    AsicTemperature,
}

impl CameraOption {
    pub(super) fn number(self) -> sys::rs2_option {
        match self {
            Self::Exposure => sys::rs2_option_RS2_OPTION_EXPOSURE,
            Self::Gain => sys::rs2_option_RS2_OPTION_GAIN,
            Self::AutoExposure => sys::rs2_option_RS2_OPTION_ENABLE_AUTO_EXPOSURE,
            Self::WhiteBalance => sys::rs2_option_RS2_OPTION_WHITE_BALANCE,
            Self::AutoWhiteBalance => sys::rs2_option_RS2_OPTION_ENABLE_AUTO_WHITE_BALANCE,
            Self::VisualPreset => sys::rs2_option_RS2_OPTION_VISUAL_PRESET,
            Self::LaserPower => sys::rs2_option_RS2_OPTION_LASER_POWER,
            Self::Emitter => sys::rs2_option_RS2_OPTION_EMITTER_ENABLED,
            Self::PowerLineFrequency => sys::rs2_option_RS2_OPTION_POWER_LINE_FREQUENCY,
            Self::DepthUnits => sys::rs2_option_RS2_OPTION_DEPTH_UNITS,
            Self::GlobalTime => sys::rs2_option_RS2_OPTION_GLOBAL_TIME_ENABLED,
            Self::AsicTemperature => sys::rs2_option_RS2_OPTION_ASIC_TEMPERATURE,
        }
    }

    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exposure => "exposure",
            Self::Gain => "gain",
            Self::AutoExposure => "auto exposure",
            Self::WhiteBalance => "white balance",
            Self::AutoWhiteBalance => "auto white balance",
            Self::VisualPreset => "visual preset",
            Self::LaserPower => "laser power",
            Self::Emitter => "emitter",
            Self::PowerLineFrequency => "power line frequency",
            Self::DepthUnits => "units",
            Self::GlobalTime => "global time",
            Self::AsicTemperature => "ASIC temperature",
        }
    }
}

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptionRange {
    /// The least value.
    pub min: f32,
    /// The largest value.
    pub max: f32,
    /// Distance of two values.
    pub step: f32,
    /// What it is after power has come.
    pub default: f32,
}
