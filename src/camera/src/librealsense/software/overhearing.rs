//! A library that keeps what is done to its cameras, in order.
//!
//! A software camera takes no preset and can't be reset. Here both are kept, and nothing else is done about them; but
//! [`overheard_with_preset`] has one that is applied.

use std::ffi::{c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use realsense_sys as sys;

use super::super::api::ErrorSlot;
use super::super::library::Librealsense;
use super::super::option::CameraOption;

/// What was done to a camera.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// A preset of this text was loaded.
    Preset(String),
    /// A setting was set; `None` is one that this crate has no name for.
    Set(Option<CameraOption>, f32),
    /// A sensor was opened; only [`overheard_with_preset`] hears it.
    Opened,
    /// It was reset.
    Reset,
}

const NAMED: [CameraOption; 12] = [
    CameraOption::Exposure,
    CameraOption::Gain,
    CameraOption::AutoExposure,
    CameraOption::WhiteBalance,
    CameraOption::AutoWhiteBalance,
    CameraOption::VisualPreset,
    CameraOption::LaserPower,
    CameraOption::Emitter,
    CameraOption::PowerLineFrequency,
    CameraOption::DepthUnits,
    CameraOption::GlobalTime,
    CameraOption::AsicTemperature,
];

type SetOption = unsafe extern "C" fn(*const sys::rs2_options, sys::rs2_option, f32, ErrorSlot);

type Open = unsafe extern "C" fn(
    *mut sys::rs2_sensor,
    *mut *const sys::rs2_stream_profile,
    c_int,
    ErrorSlot,
);

/// The library's own.
static SET_OPTION: OnceLock<SetOption> = OnceLock::new();
static OPEN: OnceLock<Open> = OnceLock::new();

/// The visual preset that [`overheard_with_preset`] applies, 1: default.
const PRESET: f32 = 1.0;

/// What it sets on a D435 (`src/ds/advanced_mode/presets.cpp`, `default_430`), as far as software cameras have it.
const PRESET_SETS: [(CameraOption, f32); 5] = [
    (CameraOption::DepthUnits, 0.001),
    (CameraOption::Emitter, 1.0),
    (CameraOption::LaserPower, 150.0),
    (CameraOption::AutoExposure, 1.0),
    (CameraOption::AutoWhiteBalance, 1.0),
];

/// Whether it is the visual preset that was set last.
static IS_PRESET: AtomicBool = AtomicBool::new(false);

static DONE: Mutex<Vec<Done>> = Mutex::new(Vec::new());

/// The same library; [`heard`] tells what is done through it, and through all others of this process.
pub fn overheard(library: Librealsense) -> Librealsense {
    SET_OPTION.get_or_init(|| library.api().rs2_set_option);
    library.with(|api| {
        api.rs2_set_option = set_option;
        api.rs2_load_json = load_json;
        api.rs2_hardware_reset = hardware_reset;
    })
}

/// The same, with the visual preset 1 as D400 cameras have it: it is applied once more whenever a sensor is opened, and
/// stays when single settings are set after it (`src/ds/advanced_mode/advanced_mode.cpp`, `register_on_open`). Opening the
/// depth sensor sets the colour camera too; here each sensor is set when it is opened itself.
pub fn overheard_with_preset(library: Librealsense) -> Librealsense {
    OPEN.get_or_init(|| library.api().rs2_open_multiple);
    overheard(library).with(|api| {
        api.rs2_set_option = set_beside_preset;
        api.rs2_open_multiple = open;
    })
}

/// What was done since this was asked last.
pub fn heard() -> Vec<Done> {
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *done)
}

fn keep(done: Done) {
    let mut all = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(done);
}

fn keep_set(option: sys::rs2_option, value: f32) {
    let named = NAMED.into_iter().find(|named| named.number() == option);
    keep(Done::Set(named, value));
}

/// As the library's own, but that whatever is set after a preset makes it a custom one: what D400 cameras do when one
/// of their advanced controls is set, or a preset's file is loaded (`src/ds/advanced_mode/advanced_mode.cpp`).
unsafe extern "C" fn set_option(
    options: *const sys::rs2_options,
    option: sys::rs2_option,
    value: f32,
    error: ErrorSlot,
) {
    keep_set(option, value);
    let Some(&set) = SET_OPTION.get() else { return };
    let preset = CameraOption::VisualPreset.number();
    // SAFETY: the arguments are the caller's. A null pointer says that no error is wanted, of a sensor without presets.
    unsafe {
        set(options, option, value, error);
        if option != preset {
            set(options, preset, 0.0, null_mut());
        }
    }
}

unsafe extern "C" fn set_beside_preset(
    options: *const sys::rs2_options,
    option: sys::rs2_option,
    value: f32,
    error: ErrorSlot,
) {
    keep_set(option, value);
    if option == CameraOption::VisualPreset.number() {
        IS_PRESET.store(value == PRESET, Ordering::SeqCst);
    }
    let Some(&set) = SET_OPTION.get() else { return };
    // SAFETY: the arguments are the caller's.
    unsafe { set(options, option, value, error) };
}

/// What the preset sets is not heard: nobody asked for it.
unsafe extern "C" fn open(
    sensor: *mut sys::rs2_sensor,
    profiles: *mut *const sys::rs2_stream_profile,
    count: c_int,
    error: ErrorSlot,
) {
    let (Some(&open), Some(&set)) = (OPEN.get(), SET_OPTION.get()) else {
        return;
    };
    keep(Done::Opened);
    // SAFETY: the arguments are the caller's.
    unsafe { open(sensor, profiles, count, error) };
    if !IS_PRESET.load(Ordering::SeqCst) {
        return;
    }
    for (option, value) in PRESET_SETS {
        // SAFETY: the sensor is alive, and is derived from what has settings. A null pointer says that no error is
        // wanted, of a sensor without this one.
        unsafe {
            set(
                sensor.cast_const().cast(),
                option.number(),
                value,
                null_mut(),
            );
        }
    }
}

unsafe extern "C" fn load_json(
    _device: *mut sys::rs2_device,
    text: *const c_void,
    length: c_uint,
    _error: ErrorSlot,
) {
    // SAFETY: the caller's text has so many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length as usize) };
    keep(Done::Preset(String::from_utf8_lossy(bytes).into_owned()));
}

unsafe extern "C" fn hardware_reset(_device: *const sys::rs2_device, _error: ErrorSlot) {
    keep(Done::Reset);
}
