//! Lines for the logger that a program gave.

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::object::wrong;
use crate::release::release;
use crate::settings::settings;
use crate::table::Function;

static LOGGER: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

#[repr(C)]
struct InterfaceInfo {
    kind: *const c_char,
    major: i32,
    minor: i32,
}

/// Takes a logger, and asks it who it is where the release does that.
pub(crate) fn take_logger(logger: *mut c_void) {
    LOGGER.store(logger, Ordering::Relaxed);
    if let Some(info) = slot("getInterfaceInfo(") {
        // SAFETY: the slot of this method in this release.
        let info = unsafe {
            std::mem::transmute::<Function, extern "C" fn(*const c_void) -> InterfaceInfo>(info)(
                logger,
            )
        };
        // SAFETY: a C string, by the interface.
        let kind = unsafe { CStr::from_ptr(info.kind) };
        if (kind, info.major, info.minor) != (c"ILogger", 1, 0) {
            wrong("a logger that is none");
        }
    }
    if let Some(language) = slot("getAPILanguage(") {
        // SAFETY: the slot of this method in this release.
        let language = unsafe {
            std::mem::transmute::<Function, extern "C" fn(*const c_void) -> i32>(language)(logger)
        };
        if language != 0 {
            wrong("a logger that is not written in C++");
        }
    }
    if settings().is_noisy {
        make_noise();
    }
}

/// Severities: 1 error, 2 warning, 3 information.
pub(crate) fn log(severity: i32, text: &str) {
    let text = CString::new(text).expect("no zero inside");
    log_raw(severity, text.as_ptr());
}

fn log_raw(severity: i32, text: *const c_char) {
    type Log = extern "C" fn(*const c_void, i32, *const c_char);
    let log = slot("log(").expect("every logger logs");
    // SAFETY: the slot of this method in this release.
    unsafe {
        std::mem::transmute::<Function, Log>(log)(LOGGER.load(Ordering::Relaxed), severity, text)
    }
}

/// A method of the program's logger. A swap moves our idea of where it is.
fn slot(method: &str) -> Option<Function> {
    let slots = release().interfaces.get("ILogger")?;
    let mut slot = slots.iter().position(|slot| slot.starts_with(method))?;
    if let Some((of, name, by)) = &settings().swap
        && of == "ILogger"
        && method.strip_suffix('(') == Some(name)
    {
        slot = slot.checked_add_signed(*by).expect("a neighbour");
    }
    let logger = LOGGER.load(Ordering::Relaxed).cast::<*const Function>();
    // SAFETY: an object with a table, by the interface.
    Some(unsafe { *(*logger).add(slot) })
}

fn make_noise() {
    log_raw(3, std::ptr::null());
    log_raw(2, c"not \xff UTF-8".as_ptr());
    log_raw(99, c"a severity of the future".as_ptr());
    let threads: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(|| log(1, &"long ".repeat(20_000))))
        .collect();
    for thread in threads {
        thread.join().expect("a thread that logs");
    }
}
