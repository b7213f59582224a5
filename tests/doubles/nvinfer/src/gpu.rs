//! The double of libcuda, which must be loaded already.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use crate::network::Network;

/// `double_cuda_launch` of the other double.
type Launch = unsafe extern "C" fn(
    *mut c_void,
    extern "C" fn(*const c_void, *const *mut u8) -> bool,
    *const c_void,
    extern "C" fn(*const c_void),
    *const u64,
    *const usize,
    usize,
) -> i32;

fn launcher() -> Option<Launch> {
    // SAFETY: a library that is loaded or not, and a function with the type that the other double
    // gives it.
    unsafe {
        let library = libc::dlopen(
            c"libcuda.so.1".as_ptr(),
            libc::RTLD_LAZY | libc::RTLD_NOLOAD,
        );
        if library.is_null() {
            return None;
        }
        let launch = libc::dlsym(library, c"double_cuda_launch".as_ptr());
        (!launch.is_null()).then(|| std::mem::transmute::<*mut c_void, Launch>(launch))
    }
}

/// Whether there is a driver.
pub(crate) fn is_there() -> bool {
    launcher().is_some()
}

/// Queues a run of a network, and gives the driver's code.
pub(crate) fn launch(network: &Arc<Network>, addresses: &[u64], stream: *mut c_void) -> i32 {
    let bytes: Vec<usize> = network
        .tensors
        .iter()
        .map(|tensor| tensor.numbers() * 4)
        .collect();
    let argument = Arc::into_raw(Arc::clone(network)).cast::<c_void>();
    let Some(launch) = launcher() else {
        return 3;
    };
    // SAFETY: as many addresses as lengths; kernel and release take a network.
    unsafe {
        launch(
            stream,
            kernel,
            argument,
            release,
            addresses.as_ptr(),
            bytes.as_ptr(),
            bytes.len(),
        )
    }
}

extern "C" fn kernel(network: *const c_void, places: *const *mut u8) -> bool {
    // SAFETY: the argument of `launch`, and places of its tensors.
    unsafe { (*network.cast::<Network>()).run(places) }
}

extern "C" fn release(network: *const c_void) {
    // SAFETY: the argument of `launch`, given back once.
    drop(unsafe { Arc::from_raw(network.cast::<Network>()) });
}

/// A text that a program gave.
///
/// # Safety
/// A C string, or null.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Option<&'a std::ffi::CStr> {
    // SAFETY: the caller's promise.
    (text.addr() >= 4096).then(|| unsafe { std::ffi::CStr::from_ptr(text) })
}
