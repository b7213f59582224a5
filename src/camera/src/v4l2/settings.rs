//! What is set on a camera, and read back.

use std::io;

use super::device::{ControlId, ControlRange, VideoDevice};
use super::error::V4l2Error;
use super::spec::Settings;

// Numbers of `linux/v4l2-controls.h`.
const BRIGHTNESS: ControlId = ControlId(0x0098_0900);
const AUTO_WHITE_BALANCE: ControlId = ControlId(0x0098_090c);
const AUTO_GAIN: ControlId = ControlId(0x0098_0912);
const GAIN: ControlId = ControlId(0x0098_0913);
const POWER_LINE_FREQUENCY: ControlId = ControlId(0x0098_0918);
const WHITE_BALANCE_TEMPERATURE: ControlId = ControlId(0x0098_091a);
const EXPOSURE_AUTO: ControlId = ControlId(0x009a_0901);
const EXPOSURE_ABSOLUTE: ControlId = ControlId(0x009a_0902);
const EXPOSURE_AUTO_PRIORITY: ControlId = ControlId(0x009a_0903);
const FOCUS_ABSOLUTE: ControlId = ControlId(0x009a_090a);
const FOCUS_AUTO: ControlId = ControlId(0x009a_090c);
const ANALOGUE_GAIN: ControlId = ControlId(0x009e_0903);

/// The menu of [`EXPOSURE_AUTO`]: the host says how long.
const EXPOSURE_MANUAL: i64 = 1;

/// [`EXPOSURE_ABSOLUTE`] counts hundreds of microseconds.
const EXPOSURE_UNIT_US: u128 = 100;

/// What adjusts itself, with the value that says it does not, and what hides behind it.
const AUTOMATIC: [(ControlId, &str, i64); 5] = [
    (EXPOSURE_AUTO, "automatic exposure", EXPOSURE_MANUAL),
    (EXPOSURE_AUTO_PRIORITY, "rate that follows the exposure", 0),
    (AUTO_GAIN, "automatic gain", 0),
    (AUTO_WHITE_BALANCE, "automatic white balance", 0),
    (FOCUS_AUTO, "automatic focus", 0),
];

/// Settings that are worth a line in a report even if nobody asked for them.
const TOLD: [(ControlId, &str); 7] = [
    (EXPOSURE_ABSOLUTE, "exposure"),
    (GAIN, "gain"),
    (ANALOGUE_GAIN, "gain of the sensor"),
    (WHITE_BALANCE_TEMPERATURE, "white balance"),
    (FOCUS_ABSOLUTE, "focus"),
    (BRIGHTNESS, "brightness"),
    (POWER_LINE_FREQUENCY, "power line frequency"),
];

/// A setting as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFact {
    /// What.
    pub name: &'static str,
    /// What was asked for in the camera's counts; `None`: nothing, and this is what the camera has.
    pub wanted: Option<i64>,
    /// What the camera says.
    pub found: i64,
    /// Whether it adjusts something to the picture by itself, now.
    pub is_automatic: bool,
}

/// Something to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    id: ControlId,
    setting: &'static str,
    /// The key of a station's file, for those that a camera must have.
    key: Option<&'static str>,
    value: i64,
}

/// All wishes in the order in which they must be fulfilled: what is automatic lets nothing be set beside it.
fn wishes(settings: &Settings, device: &mut dyn VideoDevice) -> io::Result<Vec<Wish>> {
    let mut wishes = Vec::new();
    let mut fixed = |is_fixed: bool, ids: &[ControlId]| {
        let automatic = AUTOMATIC
            .iter()
            .filter(|(id, ..)| is_fixed && ids.contains(id));
        wishes.extend(automatic.map(|(id, setting, value)| Wish {
            id: *id,
            setting,
            key: None,
            value: *value,
        }));
    };
    fixed(
        settings.exposure.is_some(),
        &[EXPOSURE_AUTO, EXPOSURE_AUTO_PRIORITY],
    );
    fixed(settings.gain.is_some(), &[AUTO_GAIN]);
    fixed(settings.white_balance_k.is_some(), &[AUTO_WHITE_BALANCE]);
    fixed(settings.focus.is_some(), &[FOCUS_AUTO]);
    let exposure = settings
        .exposure
        .map(|exposure| ((exposure.as_micros() + EXPOSURE_UNIT_US / 2) / EXPOSURE_UNIT_US) as i64);
    // Sensors without a processor of their own know the gain under another number.
    let gain = match device.control(GAIN)? {
        Some(_) => GAIN,
        None => device
            .control(ANALOGUE_GAIN)?
            .map_or(GAIN, |_| ANALOGUE_GAIN),
    };
    // The kernel's menu: 0 off, 1 50 Hz, 2 60 Hz.
    let mains = settings.power_line_hz.map(|hz| match hz {
        50 => 1,
        60 => 2,
        _ => 0,
    });
    let values = [
        (EXPOSURE_ABSOLUTE, "exposure", "exposure_ms", exposure),
        (gain, "gain", "gain", settings.gain),
        (
            WHITE_BALANCE_TEMPERATURE,
            "white balance",
            "white_balance_k",
            settings.white_balance_k,
        ),
        (FOCUS_ABSOLUTE, "focus", "focus", settings.focus),
        (BRIGHTNESS, "brightness", "brightness", settings.brightness),
        (
            POWER_LINE_FREQUENCY,
            "power line frequency",
            "mains_hz",
            mains,
        ),
    ];
    wishes.extend(values.into_iter().filter_map(|(id, setting, key, value)| {
        Some(Wish {
            id,
            setting,
            key: Some(key),
            value: value?,
        })
    }));
    Ok(wishes)
}

/// Sets everything, then reads everything back.
///
/// # Errors
/// [`V4l2Error::NoSetting`], [`V4l2Error::Refused`], [`V4l2Error::ReadBack`] and the system's own.
pub(super) fn apply(
    device: &mut dyn VideoDevice,
    camera: &str,
    settings: &Settings,
) -> Result<(), V4l2Error> {
    let reading = V4l2Error::call("asking the camera for its settings");
    let wishes = wishes(settings, device).map_err(reading)?;
    for wish in &wishes {
        set(device, camera, wish)?;
    }
    for wish in &wishes {
        read_back(device, camera, wish)?;
    }
    Ok(())
}

/// Reads back what was set before. Some cameras forget it when they start.
pub(super) fn verify(
    device: &mut dyn VideoDevice,
    camera: &str,
    settings: &Settings,
) -> Result<Vec<SettingFact>, V4l2Error> {
    let reading = || V4l2Error::call("reading a setting back");
    let wishes = wishes(settings, device).map_err(reading())?;
    for wish in &wishes {
        read_back(device, camera, wish)?;
    }
    let wanted = |id: ControlId| {
        wishes
            .iter()
            .find(|wish| wish.id == id)
            .map(|wish| wish.value)
    };
    let mut facts = Vec::new();
    for (id, name, off) in AUTOMATIC {
        if let Some(found) = device.control(id).map_err(reading())? {
            facts.push(SettingFact {
                name,
                wanted: wanted(id),
                found,
                is_automatic: found != off,
            });
        }
    }
    for (id, name) in TOLD {
        if let Some(found) = device.control(id).map_err(reading())? {
            facts.push(SettingFact {
                name,
                wanted: wanted(id),
                found,
                is_automatic: false,
            });
        }
    }
    Ok(facts)
}

fn set(device: &mut dyn VideoDevice, camera: &str, wish: &Wish) -> Result<(), V4l2Error> {
    let found = device
        .control(wish.id)
        .map_err(V4l2Error::call("asking the camera for a setting"))?;
    match (found, wish.key) {
        // Asking a camera that adjusts nothing by itself not to do so asks nothing of it.
        (None, None) => return Ok(()),
        (None, Some(key)) => {
            return Err(V4l2Error::NoSetting {
                camera: camera.to_owned(),
                setting: wish.setting,
                key,
            });
        }
        (Some(found), _) if found == wish.value => return Ok(()),
        (Some(_), _) => {}
    }
    device
        .set_control(wish.id, wish.value)
        .map_err(|source| V4l2Error::Refused {
            camera: camera.to_owned(),
            setting: wish.setting,
            key: wish.key.unwrap_or("exposure_ms"),
            wanted: wish.value,
            range: range(device, wish.id),
            source,
        })
}

fn read_back(device: &mut dyn VideoDevice, camera: &str, wish: &Wish) -> Result<(), V4l2Error> {
    let found = device
        .control(wish.id)
        .map_err(V4l2Error::call("reading a setting back"))?;
    let Some(found) = found else { return Ok(()) };
    if found == wish.value {
        return Ok(());
    }
    let range = range(device, wish.id);
    // The nearest value that the camera has is what was asked for.
    if range.is_some_and(|(.., step)| found.abs_diff(wish.value) < step) {
        return Ok(());
    }
    Err(V4l2Error::ReadBack {
        camera: camera.to_owned(),
        setting: wish.setting,
        key: wish.key.unwrap_or("exposure_ms"),
        wanted: wish.value,
        found,
        range,
    })
}

/// What a setting may be, as far as the driver tells.
fn range(device: &mut dyn VideoDevice, id: ControlId) -> Option<(i64, i64, u64)> {
    let ranges = device.ranges().ok()?;
    let of = |range: &ControlRange| (range.min, range.max, range.step);
    ranges.iter().find(|range| range.id == id).map(of)
}
