//! A reference of the library's, given back when it is dropped.

use std::ptr::NonNull;

use super::error::CallError;
use super::library::Librealsense;

/// One reference to an object of the library's. It has one owner and is given back once.
pub(super) struct Handle<T> {
    library: Librealsense,
    raw: NonNull<T>,
    release: unsafe extern "C" fn(*mut T),
}

// SAFETY: the library's objects are C++ objects behind counted references; they guard themselves by locks
// of their own and belong to no thread. A handle is used by one thread at a time.
unsafe impl<T> Send for Handle<T> {}

impl<T> Handle<T> {
    /// Takes over what a call has just made.
    ///
    /// # Safety
    /// `raw` is null or a reference that this handle alone will give back, and `release` does that.
    pub(super) unsafe fn take(
        library: Librealsense,
        raw: *mut T,
        release: unsafe extern "C" fn(*mut T),
        function: &str,
    ) -> Result<Self, CallError> {
        // A function that reports no error and returns nothing.
        let raw = NonNull::new(raw).ok_or_else(|| CallError {
            kind: 8,
            function: function.to_owned(),
            message: "returned nothing".to_owned(),
        })?;
        Ok(Self {
            library,
            raw,
            release,
        })
    }

    pub(super) fn raw(&self) -> *mut T {
        self.raw.as_ptr()
    }

    pub(super) fn library(&self) -> Librealsense {
        self.library
    }

    /// Gives the reference to somebody else, who gives it back.
    #[cfg(feature = "double")]
    pub(super) fn into_raw(self) -> *mut T {
        let raw = self.raw();
        std::mem::forget(self);
        raw
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        // SAFETY: the reference is this handle's own and has not been given back, see `take`.
        unsafe { (self.release)(self.raw()) }
    }
}

impl<T> std::fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:p}", self.raw)
    }
}
