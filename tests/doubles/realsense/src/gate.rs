//! When pictures may be shown: as long as somebody looks for cameras. After that the process may be ending, and the
//! library's own things with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Contexts that are open. Held while a picture is shown.
static OPEN: Mutex<usize> = Mutex::new(0);

fn open() -> MutexGuard<'static, usize> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A context was opened.
pub(crate) fn opened() {
    *open() += 1;
}

/// A context is about to be closed.
pub(crate) fn closed() {
    let mut open = open();
    *open = open.saturating_sub(1);
}

/// Shows a picture, if there is somebody to see it.
pub(crate) fn show(picture: impl FnOnce()) {
    let open = open();
    if *open > 0 {
        picture();
    }
}
