//! Sensors that stop between two pictures.
//!
//! A camera's driver waits for its own thread before a sensor has stopped. A software sensor is called by whoever shows it
//! a picture, and calls the queue by a plain pointer (`frame_source::invoke_callback`, read in 2.59.1), which another thread
//! may be giving back at that moment: programs were seen to end by a segmentation fault.

use std::sync::{Mutex, OnceLock, PoisonError};

use realsense_sys as sys;

use super::super::api::ErrorSlot;
use super::super::library::Librealsense;

/// Held while a picture is shown, and while a sensor is being stopped.
static PICTURE: Mutex<()> = Mutex::new(());

type Stop = unsafe extern "C" fn(*const sys::rs2_sensor, ErrorSlot);

/// The library's own.
static STOP: OnceLock<Stop> = OnceLock::new();

/// Does it while no software camera of this process is being shown a picture.
pub fn between_pictures<T>(what: impl FnOnce() -> T) -> T {
    let _none = PICTURE.lock().unwrap_or_else(PoisonError::into_inner);
    what()
}

/// The same library, which stops sensors between two pictures.
pub fn stopping_between_pictures(library: Librealsense) -> Librealsense {
    STOP.get_or_init(|| library.api().rs2_stop);
    library.with(|api| api.rs2_stop = stop)
}

unsafe extern "C" fn stop(sensor: *const sys::rs2_sensor, error: ErrorSlot) {
    let Some(&stop) = STOP.get() else { return };
    // SAFETY: the arguments are the caller's.
    between_pictures(|| unsafe { stop(sensor, error) });
}
