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
const TOLD: [CameraOption; 10] = [
    CameraOption::VisualPreset,
    CameraOption::AutoExposure,
    CameraOption::Exposure,
    CameraOption::Gain,
    CameraOption::AutoWhiteBalance,
    CameraOption::WhiteBalance,
    CameraOption::Emitter,
    CameraOption::LaserPower,
    CameraOption::DepthUnits,
    CameraOption::PowerLineFrequency,
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
    let wishes = wishes(name, depth, colour, settings);
    let [of_depth, of_colour] = &wishes;
    if colour.is_none()
        && let Some((option, of_depth, of_colour)) = at_odds(&of_depth.list, &of_colour.list)
    {
        return Err(RealSenseError::OneSensor {
            device: name.to_owned(),
            setting: option.name(),
            depth: of_depth,
            colour: of_colour,
        });
    }
    if let Some(preset) = &settings.preset {
        device
            .load_preset(&preset.json)
            .map_err(RealSenseError::call("loading the preset"))?;
    }
    for wishes in &wishes {
        wishes.set()?;
    }
    read_back(&wishes, colour.is_none(), false)
}

/// Sets again what a visual preset has overwritten, of sensors that run, then reads everything back.
///
/// The library applies the preset once more when the depth sensor is opened (librealsense,
/// `src/ds/advanced_mode/advanced_mode.cpp`, `register_on_open`), after all that [`apply`] has set and read back. What it
/// has set then is of the colour camera too. The depth unit is only read: it has to be set before the streams start,
/// and the pictures say the one that was read before the preset was applied, whatever their counts are.
pub(super) fn apply_again(
    name: &str,
    depth: &Sensor,
    colour: Option<&Sensor>,
    settings: &Settings,
) -> Result<Vec<SettingFact>, RealSenseError> {
    let wishes = wishes(name, depth, colour, settings);
    for wishes in &wishes {
        wishes.set_again()?;
    }
    read_back(&wishes, colour.is_none(), true)
}

/// What is asked of the depth sensor, and of the colour sensor.
fn wishes<'a>(
    name: &'a str,
    depth: &'a Sensor,
    colour: Option<&'a Sensor>,
    settings: &Settings,
) -> [Wishes<'a>; 2] {
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

    [
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
    ]
}

/// Reads everything back, of one sensor or of two.
fn read_back(
    wishes: &[Wishes<'_>; 2],
    is_one_sensor: bool,
    is_again: bool,
) -> Result<Vec<SettingFact>, RealSenseError> {
    let mut facts = Vec::new();
    for wishes in wishes {
        facts.extend(wishes.read_back(is_again)?);
    }
    if is_one_sensor {
        // One sensor for both: what nobody asked of its colour was told with its depth.
        facts.retain(|fact| fact.wanted.is_some() || fact.name.starts_with("depth"));
    }
    Ok(facts)
}

/// The first setting of which one sensor can't have both, and both.
fn at_odds(
    of_depth: &[(CameraOption, f32)],
    of_colour: &[(CameraOption, f32)],
) -> Option<(CameraOption, f32, f32)> {
    of_depth.iter().find_map(|&(option, depth)| {
        let mut others = of_colour.iter();
        let (_, colour) = others.find(|(other, colour)| *other == option && *colour != depth)?;
        Some((option, depth, *colour))
    })
}

impl Wishes<'_> {
    fn name(&self, option: CameraOption) -> String {
        format!("{} {}", self.whose, option.name())
    }

    fn set(&self) -> Result<(), RealSenseError> {
        self.list
            .iter()
            .try_for_each(|&(option, wanted)| self.set_one(option, wanted))
    }

    /// From the first single setting on that is not as it was asked for: what comes after it may depend on it, as an
    /// exposure on its automatic.
    fn set_again(&self) -> Result<(), RealSenseError> {
        let is_set_before = |option| {
            matches!(
                option,
                CameraOption::VisualPreset | CameraOption::DepthUnits
            )
        };
        self.list
            .iter()
            .filter(|(option, _)| !is_set_before(*option))
            .skip_while(|(option, wanted)| self.is_so_already(*option, *wanted))
            .try_for_each(|&(option, wanted)| self.set_one(option, wanted))
    }

    fn set_one(&self, option: CameraOption, wanted: f32) -> Result<(), RealSenseError> {
        if !self.sensor.has(option) || self.sensor.is_read_only(option) {
            if self.is_so_already(option, wanted) {
                return Ok(());
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
            .map_err(RealSenseError::call("setting the camera"))
    }

    /// Whether nothing is left to be done for what was asked for.
    fn is_so_already(&self, option: CameraOption, wanted: f32) -> bool {
        if !self.sensor.has(option) {
            // Asking a camera that adjusts nothing by itself not to do so asks nothing of it.
            return matches!(
                option,
                CameraOption::AutoExposure | CameraOption::AutoWhiteBalance
            );
        }
        self.sensor
            .get(option)
            .is_ok_and(|found| is_same(wanted, found, 0.0))
    }

    /// `is_again`: after a visual preset was applied once more.
    fn read_back(&self, is_again: bool) -> Result<Vec<SettingFact>, RealSenseError> {
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
            // The camera calls its preset custom, 0, once an advanced control is set after it.
            if let Some(wanted) = wanted
                && option != CameraOption::VisualPreset
                && !is_same(wanted, found, step)
            {
                return Err(RealSenseError::ReadBack {
                    device: self.device.to_owned(),
                    setting: self.name(option),
                    wanted,
                    found,
                    is_by_preset: is_again && option == CameraOption::DepthUnits,
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

/// Less than a step of the setting apart, or than what `f32` can tell: the nearest value that the camera has is what was
/// asked for. A whole step is what lies between off and on.
fn is_same(wanted: f32, found: f32, step: f32) -> bool {
    let off = (wanted - found).abs();
    off < step || off <= 1e-5 * wanted.abs().max(found.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sensor_can_t_have_two_values_of_a_setting() {
        let depth = [
            (CameraOption::AutoExposure, 0.0),
            (CameraOption::Exposure, 4_000.0),
        ];
        let odd = [
            (CameraOption::AutoExposure, 0.0),
            (CameraOption::Exposure, 5_000.0),
        ];
        assert_eq!(
            at_odds(&depth, &odd),
            Some((CameraOption::Exposure, 4_000.0, 5_000.0))
        );
        assert_eq!(at_odds(&depth, &depth), None);
        let another = [(CameraOption::Gain, 16.0)];
        assert_eq!(at_odds(&depth, &another), None);
    }

    #[test]
    fn values_are_the_same_if_they_are_less_than_a_step_apart() {
        assert!(is_same(0.0001, 0.000_1, 1e-6));
        assert!(is_same(8500.0, 8500.4, 1.0));
        assert!(!is_same(8500.0, 8502.0, 1.0));
        assert!(!is_same(0.0, 1.0, 1.0), "off is not on");
        assert!(!is_same(180.0, 150.0, 30.0));
        assert!(is_same(170.0, 180.0, 30.0));
        assert!(is_same(0.0, 0.0, 0.0));
        assert!(!is_same(0.001, 0.0001, 0.0));
    }
}
