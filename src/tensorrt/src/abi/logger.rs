//! The logger, the one object that TensorRT calls.
//!
//! TensorRT says why something failed in its log and nowhere else. So lines are kept, and those
//! that come during a call are attached to its error. TensorRT keeps one logger a process and may
//! call it from threads of its own: it is a static, and what it heard is one list. Two calls at the
//! same time on two threads of ours can each get the other's lines, too.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_void};
use std::panic::catch_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Generation;

/// What TensorRT logged during a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(Vec<String>);

impl Said {
    /// The lines, oldest first: errors and warnings.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("it logged nothing");
        }
        write!(f, "it logged: {}", self.0.join("; "))
    }
}

impl std::error::Error for Said {}

/// Lines that are kept; older ones are dropped. One failed parse writes about ten.
const LINES_MAX: usize = 64;
/// Bytes of a line that are kept.
const LINE_BYTES_MAX: usize = 1000;

/// Errors and warnings that were heard while somebody listened.
struct Heard {
    lines: VecDeque<String>,
    /// Lines that were ever pushed: the number of the next one.
    count: u64,
    listeners: usize,
}

static HEARD: Mutex<Heard> = Mutex::new(Heard {
    lines: VecDeque::new(),
    count: 0,
    listeners: 0,
});

/// A poisoned list is still a list.
fn heard() -> MutexGuard<'static, Heard> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens for the time of a call. Lines that nobody asks for, since the call succeeded, go to the
/// program's log.
pub(crate) struct Listener {
    since: u64,
}

impl Listener {
    pub(crate) fn new() -> Self {
        let mut heard = heard();
        heard.listeners += 1;
        Self { since: heard.count }
    }

    /// What was logged since.
    pub(crate) fn said(self) -> Said {
        let said = {
            let mut heard = heard();
            heard.listeners -= 1;
            Said(self.lines(&heard))
        };
        // Its drop would pass the lines on as if nobody had them.
        std::mem::forget(self);
        said
    }

    fn lines(&self, heard: &Heard) -> Vec<String> {
        let new = usize::try_from(heard.count - self.since).unwrap_or(usize::MAX);
        let old = heard.lines.len().saturating_sub(new);
        heard.lines.iter().skip(old).cloned().collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let lines = {
            let mut heard = heard();
            heard.listeners -= 1;
            self.lines(&heard)
        };
        for line in lines {
            log::warn!(target: "tensorrt", "{line}");
        }
    }
}

/// `nvinfer1::ILogger`: an object without fields but its table.
#[repr(C)]
pub(crate) struct Logger {
    table: *const c_void,
}

/// A table as C++ lays it out: two words, which nobody reads without run-time type information,
/// then the slots.
#[repr(C)]
struct Table<const SLOTS: usize> {
    offset_to_top: usize,
    type_information: usize,
    slots: [*const c_void; SLOTS],
}

// SAFETY: nothing of it ever changes.
unsafe impl Sync for Logger {}
// SAFETY: nothing of it ever changes.
unsafe impl<const SLOTS: usize> Sync for Table<SLOTS> {}

/// Up to 10.
static TABLE_V8_V10: Table<3> = Table {
    offset_to_top: 0,
    type_information: 0,
    slots: [
        log_line as *const c_void,
        destroy as *const c_void,
        destroy as *const c_void,
    ],
};

/// From 11 on a logger says first who it is.
static TABLE_V11: Table<5> = Table {
    offset_to_top: 0,
    type_information: 0,
    slots: [
        language as *const c_void,
        interface_info as *const c_void,
        destroy as *const c_void,
        destroy as *const c_void,
        log_line as *const c_void,
    ],
};

static LOGGER_V8_V10: Logger = Logger {
    table: (&raw const TABLE_V8_V10.slots).cast(),
};
static LOGGER_V11: Logger = Logger {
    table: (&raw const TABLE_V11.slots).cast(),
};

/// The logger for a library's factories. The wrong one would be a crash in the first call, so it is
/// chosen by the library's version, which can be asked without a logger.
pub(crate) fn logger(generation: Generation) -> *const Logger {
    match generation {
        Generation::V8 | Generation::V10 => &raw const LOGGER_V8_V10,
        Generation::V11 => &raw const LOGGER_V11,
    }
}

/// `log(severity, text)`. A panic must not unwind into C++, and the program's own logger is called
/// here.
unsafe extern "C" fn log_line(_: *const Logger, severity: i32, text: *const c_char) {
    // What a panic says goes where panics go; the line is lost, which is all that can be done here.
    drop(catch_unwind(|| {
        let line = if text.is_null() {
            "(no text)".to_owned()
        } else {
            // SAFETY: TensorRT gives a C string that lives during the call.
            let text = unsafe { CStr::from_ptr(text) };
            let bytes = text.to_bytes();
            let kept = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
            String::from_utf8_lossy(kept).into_owned()
        };
        take(severity, line);
    }));
}

/// Severities: 0 internal error, 1 error, 2 warning, 3 information, 4 details.
fn take(severity: i32, line: String) {
    match severity {
        ..=2 => {
            let unheard = {
                let mut heard = heard();
                if heard.listeners == 0 {
                    Some(line)
                } else {
                    heard.count += 1;
                    heard.lines.push_back(line);
                    while heard.lines.len() > LINES_MAX {
                        heard.lines.pop_front();
                    }
                    None
                }
            };
            if let Some(line) = unheard {
                log::warn!(target: "tensorrt", "{line}");
            }
        }
        3 => log::debug!(target: "tensorrt", "{line}"),
        _ => log::trace!(target: "tensorrt", "{line}"),
    }
}

/// Both destructors. TensorRT deletes no logger; it is a static in any case.
unsafe extern "C" fn destroy(_: *mut Logger) {}

/// `getAPILanguage`: C++.
unsafe extern "C" fn language(_: *const Logger) -> i32 {
    0
}

/// `nvinfer1::InterfaceInfo`, 16 bytes, returned in two registers.
#[repr(C)]
struct InterfaceInfo {
    kind: *const c_char,
    major: i32,
    minor: i32,
}

unsafe extern "C" fn interface_info(_: *const Logger) -> InterfaceInfo {
    InterfaceInfo {
        kind: c"ILogger".as_ptr(),
        major: 1,
        minor: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(severity: i32, text: &CStr) {
        // SAFETY: a C string; the logger has no fields that are read.
        unsafe { log_line(logger(Generation::V8), severity, text.as_ptr()) }
    }

    /// One test, since what was heard is one list for the process.
    #[test]
    fn a_listener_gets_errors_and_warnings_of_its_time_only() {
        say(1, c"before");
        let outer = Listener::new();
        say(1, c"first");
        let inner = Listener::new();
        say(3, c"information");
        say(2, c"second");
        assert_eq!(inner.said().lines(), ["second"]);
        say(0, c"not \xff UTF-8");
        // SAFETY: null is allowed.
        unsafe { log_line(logger(Generation::V11), 1, std::ptr::null()) };
        let said = outer.said();
        assert_eq!(
            said.lines(),
            ["first", "second", "not \u{fffd} UTF-8", "(no text)"]
        );
        assert_eq!(heard().listeners, 0);

        let flood = Listener::new();
        let long = std::ffi::CString::new(vec![b'x'; 100_000]).expect("no zero inside");
        for _ in 0..1000 {
            say(1, &long);
        }
        let said = flood.said();
        assert_eq!(said.lines().len(), LINES_MAX);
        assert!(said.lines().iter().all(|line| line.len() == LINE_BYTES_MAX));
    }
}
