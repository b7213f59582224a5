//! State that a camera's thread shares with whoever asks for pictures.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A state, and a way to wait for its change.
#[derive(Debug, Default)]
pub(crate) struct Monitor<T> {
    state: Mutex<T>,
    changed: Condvar,
}

impl<T> Monitor<T> {
    pub(crate) fn new(state: T) -> Self {
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// The state. A thread that panicked with it has left it whole: nothing in it is changed in two steps.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who waits.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits until somebody tells, at most for so long.
    pub(crate) fn wait<'a>(&self, state: MutexGuard<'a, T>, time: Duration) -> MutexGuard<'a, T> {
        self.changed
            .wait_timeout(state, time)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}
