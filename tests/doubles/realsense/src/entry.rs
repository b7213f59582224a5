//! The list of what is connected, and what must not happen while a picture is shown.

use std::ffi::c_int;
use std::sync::OnceLock;

use realsense_sys as sys;
use twinspect_camera::librealsense::software::between_pictures;

use crate::gate;
use crate::show::{camera, real};

type Error = *mut *mut sys::rs2_error;

/// Stands for the list with one camera; its address is what counts.
static ONE: u8 = 0;

fn one() -> *mut sys::rs2_device_list {
    std::ptr::from_ref(&ONE).cast_mut().cast()
}

/// The real library. It is the one that this process has loaded already.
fn library() -> &'static libloading::Library {
    static REAL: OnceLock<libloading::Library> = OnceLock::new();
    REAL.get_or_init(|| {
        let file = real().join("librealsense2.so");
        // SAFETY: it is loaded already, so that nothing runs.
        unsafe { libloading::Library::new(file) }.expect("the real library")
    })
}

/// A function of the real library.
///
/// # Safety
/// `F` is its signature.
unsafe fn of_library<F>(name: &str) -> libloading::Symbol<'static, F> {
    // SAFETY: as the caller promises.
    let function = unsafe { library().get(name.as_bytes()) };
    function.expect("the library has it")
}

/// `rs2_query_devices`: whatever is connected in truth, one camera is.
#[unsafe(no_mangle)]
pub extern "C" fn rs2_query_devices(
    _context: *const sys::rs2_context,
    _error: Error,
) -> *mut sys::rs2_device_list {
    // It is warm when it is opened.
    let _ = camera();
    one()
}

/// `rs2_get_device_count`, of this list or of one of the library's own.
///
/// # Safety
/// As the vendor's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs2_get_device_count(
    list: *const sys::rs2_device_list,
    error: Error,
) -> c_int {
    if list == one().cast_const() {
        return 1;
    }
    // SAFETY: the header's signature; the arguments are the caller's.
    unsafe {
        of_library::<unsafe extern "C" fn(*const sys::rs2_device_list, Error) -> c_int>(
            "rs2_get_device_count",
        )(list, error)
    }
}

/// `rs2_create_device`.
///
/// # Safety
/// As the vendor's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs2_create_device(
    list: *const sys::rs2_device_list,
    index: c_int,
    error: Error,
) -> *mut sys::rs2_device {
    if list == one().cast_const() {
        return camera().raw_device().expect("a software camera");
    }
    // SAFETY: the header's signature; the arguments are the caller's.
    unsafe {
        of_library::<
            unsafe extern "C" fn(*const sys::rs2_device_list, c_int, Error) -> *mut sys::rs2_device,
        >("rs2_create_device")(list, index, error)
    }
}

/// `rs2_delete_device_list`.
///
/// # Safety
/// As the vendor's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs2_delete_device_list(list: *mut sys::rs2_device_list) {
    if list == one() {
        return;
    }
    // SAFETY: the header's signature; the argument is the caller's.
    unsafe {
        of_library::<unsafe extern "C" fn(*mut sys::rs2_device_list)>("rs2_delete_device_list")(
            list,
        );
    }
}

/// `rs2_create_context`: from now on pictures are shown.
///
/// # Safety
/// As the vendor's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs2_create_context(version: c_int, error: Error) -> *mut sys::rs2_context {
    // SAFETY: the header's signature; the arguments are the caller's.
    let context = unsafe {
        of_library::<unsafe extern "C" fn(c_int, Error) -> *mut sys::rs2_context>(
            "rs2_create_context",
        )(version, error)
    };
    if !context.is_null() {
        gate::opened();
    }
    context
}

/// `rs2_delete_context`: no picture is shown once nobody has one any more.
///
/// # Safety
/// As the vendor's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs2_delete_context(context: *mut sys::rs2_context) {
    gate::closed();
    // SAFETY: the header's signature; the argument is the caller's.
    unsafe {
        of_library::<unsafe extern "C" fn(*mut sys::rs2_context)>("rs2_delete_context")(context);
    }
}

/// `rs2_stop`, which returns once no picture is on its way, as with a camera.
///
/// # Safety
/// As the vendor's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs2_stop(sensor: *const sys::rs2_sensor, error: Error) {
    between_pictures(|| {
        // SAFETY: the header's signature; the arguments are the caller's.
        unsafe {
            of_library::<unsafe extern "C" fn(*const sys::rs2_sensor, Error)>("rs2_stop")(
                sensor, error,
            );
        }
    });
}
