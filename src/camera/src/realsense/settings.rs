//! What is set on a camera, and read back.

use super::error::RealSenseError;
use super::spec::Settings;
use crate::librealsense::{CameraOption, Device, Sensor};

/// A setting as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingFact {
    /// Whose, and what: "depth exposure".
    pub name: String,
    /// What was asked for; `None`: nothing, and this is what the camera has.
    pub wanted: Option<f32>,
    /// What the camera says.
    pub found: f32,
}

/// The exposure of a colour camera counts hundreds of microseconds (UVC's unit), that of a stereo module
/// microseconds.
const COLOUR_EXPOSURE_UNIT_US: f64 = 100.0;

/// Settings that are worth a line in a report even if nobody asked for them.
const TOLD: [CameraOption; 8] = [
    CameraOption::AutoExposure,
    CameraOption::Exposure,
    CameraOption::Gain,
    CameraOption::AutoWhiteBalance,
    CameraOption::WhiteBalance,
    CameraOption::Emitter,
    CameraOption::LaserPower,
    CameraOption::DepthUnits,
];

/// One sensor's settings in the order in which they must be made.
struct Wishes<'a> {
    device: &'a str,
    whose: &'static str,
    sensor: &'a Sensor,
    list: Vec<(CameraOption, f32)>,
}

/// Sets everything, then reads everything back. Presets first: they overwrite single settings.
pub(super) fn apply(
    name: &str,
    device: &Device,
    depth: &Sensor,
    colour: Option<&Sensor>,
    settings: &Settings,
) -> Result<Vec<SettingFact>, RealSenseError> {
    if let Some(preset) = &settings.preset {
        device
            .load_preset(&preset.json)
            .map_err(RealSenseError::call("loading the preset"))?;
    }
    let us = |duration: std::time::Duration| duration.as_secs_f64() * 1e6;
    let mut of_depth = Vec::new();
    let mut wish = |option, value: Option<f64>| {
        of_depth.extend(value.map(|value| (option, value as f32)));
    };
    wish(
        CameraOption::VisualPreset,
        settings.visual_preset.map(f64::from),
    );
    wish(CameraOption::DepthUnits, settings.depth_unit_m);
    let is_fixed = settings.depth_exposure.is_some() || settings.depth_gain.is_some();
    wish(CameraOption::AutoExposure, is_fixed.then_some(0.0));
    wish(CameraOption::Exposure, settings.depth_exposure.map(us));
    wish(CameraOption::Gain, settings.depth_gain);
    wish(
        CameraOption::Emitter,
        settings.emitter.map(|is_on| f64::from(u8::from(is_on))),
    );
    wish(CameraOption::LaserPower, settings.laser_power_mw);

    let mut of_colour = Vec::new();
    let mut wish = |option, value: Option<f64>| {
        of_colour.extend(value.map(|value| (option, value as f32)));
    };
    let is_fixed = settings.colour_exposure.is_some() || settings.colour_gain.is_some();
    wish(CameraOption::AutoExposure, is_fixed.then_some(0.0));
    let exposure = settings.colour_exposure.map(us);
    wish(
        CameraOption::Exposure,
        // Where the depth sensor gives colour too, its own unit holds.
        exposure.map(|us| colour.map_or(us, |_| (us / COLOUR_EXPOSURE_UNIT_US).round())),
    );
    wish(CameraOption::Gain, settings.colour_gain);
    let is_fixed = settings.white_balance_k.is_some();
    wish(CameraOption::AutoWhiteBalance, is_fixed.then_some(0.0));
    wish(CameraOption::WhiteBalance, settings.white_balance_k);
    // UVC: 0 off, 1 50 Hz, 2 60 Hz.
    let mains = settings.power_line_hz.map(|hz| match hz {
        50 => 1.0,
        60 => 2.0,
        _ => 0.0,
    });
    wish(CameraOption::PowerLineFrequency, mains);

    let wishes = [
        Wishes {
            device: name,
            whose: "depth",
            sensor: depth,
            list: of_depth,
        },
        Wishes {
            device: name,
            whose: "colour",
            sensor: colour.unwrap_or(depth),
            list: of_colour,
        },
    ];
    for wishes in &wishes {
        wishes.set()?;
    }
    let mut facts = Vec::new();
    for wishes in &wishes {
        facts.extend(wishes.read_back()?);
    }
    if colour.is_none() {
        // One sensor for both: what nobody asked of its colour was told with its depth.
        facts.retain(|fact| fact.wanted.is_some() || fact.name.starts_with("depth"));
    }
    Ok(facts)
}

impl Wishes<'_> {
    fn name(&self, option: CameraOption) -> String {
        format!("{} {}", self.whose, option.name())
    }

    fn set(&self) -> Result<(), RealSenseError> {
        for &(option, wanted) in &self.list {
            // Asking a camera that adjusts nothing by itself not to do so asks nothing of it.
            let is_auto = matches!(
                option,
                CameraOption::AutoExposure | CameraOption::AutoWhiteBalance
            );
            if !self.sensor.has(option) && is_auto {
                continue;
            }
            if !self.sensor.has(option) || self.sensor.is_read_only(option) {
                if self.is_so_already(option, wanted) {
                    continue;
                }
                return Err(RealSenseError::NoSetting {
                    device: self.device.to_owned(),
                    setting: self.name(option),
                });
            }
            let range = self
                .sensor
                .range(option)
                .map_err(RealSenseError::call("asking what a setting may be"))?;
            // A unit of depth is no whole number: its own rounding must not make it too small.
            let slack = 1e-6 * range.max.abs().max(range.min.abs());
            if wanted < range.min - slack || wanted > range.max + slack {
                return Err(RealSenseError::Range {
                    device: self.device.to_owned(),
                    setting: self.name(option),
                    wanted,
                    min: range.min,
                    max: range.max,
                    step: range.step,
                });
            }
            self.sensor
                .set(option, wanted)
                .map_err(RealSenseError::call("setting the camera"))?;
        }
        Ok(())
    }

    /// Whether what can't be set is what was asked for.
    fn is_so_already(&self, option: CameraOption, wanted: f32) -> bool {
        self.sensor.has(option)
            && self
                .sensor
                .get(option)
                .is_ok_and(|found| is_same(wanted, found, 0.0))
    }

    fn read_back(&self) -> Result<Vec<SettingFact>, RealSenseError> {
        let mut facts = Vec::new();
        for option in TOLD {
            let wanted = self
                .list
                .iter()
                .find(|(wished, _)| *wished == option)
                .map(|(_, value)| *value);
            if !self.sensor.has(option) {
                continue;
            }
            let found = self
                .sensor
                .get(option)
                .map_err(RealSenseError::call("reading a setting back"))?;
            let step = self.sensor.range(option).map_or(0.0, |range| range.step);
            if let Some(wanted) = wanted
                && !is_same(wanted, found, step)
            {
                return Err(RealSenseError::ReadBack {
                    device: self.device.to_owned(),
                    setting: self.name(option),
                    wanted,
                    found,
                });
            }
            facts.push(SettingFact {
                name: self.name(option),
                wanted,
                found,
            });
        }
        Ok(facts)
    }
}

/// Equal to within a step of the setting, and to what `f32` can tell.
fn is_same(wanted: f32, found: f32, step: f32) -> bool {
    (wanted - found).abs() <= step.max(1e-5 * wanted.abs().max(found.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_within_a_step() {
        assert!(is_same(0.0001, 0.000_1, 1e-6));
        assert!(is_same(8500.0, 8500.4, 1.0));
        assert!(!is_same(8500.0, 8502.0, 1.0));
        assert!(!is_same(0.001, 0.0001, 0.0));
    }
}
