//! Shared libraries, opened by name at run time.

use std::ffi::{CStr, OsStr};
use std::mem::ManuallyDrop;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use twinspect_loader::{look_at, plain};

use crate::Error;

/// A library that stays loaded until the process ends: those of NVIDIA leave threads and
/// thread-local destructors behind, which would then run in unmapped memory. That is also what
/// makes the functions taken from it free of lifetimes.
#[derive(Debug)]
pub(crate) struct SharedLibrary {
    name: String,
    library: ManuallyDrop<Library>,
}

impl SharedLibrary {
    /// Opens a library. A soname is searched for as the system's loader does.
    ///
    /// # Errors
    /// [`Error::Unloadable`] for what the loader would crash with, or wait for; [`Error::NotLoaded`] with its words.
    pub(crate) fn open(name: &(impl AsRef<OsStr> + ?Sized)) -> Result<Self, Error> {
        let name = name.as_ref();
        let readable = name.to_string_lossy().into_owned();
        let passed_over = look_at(name)?;
        // All symbols at once, so that a library that misses another one is refused here and
        // not in mid-call; and none of them offered to libraries that are loaded later.
        // SAFETY: runs the library's constructors. They are NVIDIA's, installed by root;
        // trusting them is what using TensorRT means.
        match unsafe { Library::open(Some(name), RTLD_NOW | RTLD_LOCAL) } {
            Ok(library) => Ok(Self {
                name: readable,
                library: ManuallyDrop::new(library),
            }),
            Err(error) => {
                let mut reason = loader_text(&error);
                if let Some(file) = passed_over {
                    reason = format!("{reason} ({file:?} is for another kind of processor)");
                }
                let tried = vec![(readable, reason)];
                Err(Error::NotLoaded { tried })
            }
        }
    }

    /// A function of the library.
    ///
    /// # Safety
    /// `F` must be the type of this function: `unsafe extern "C" fn` with its arguments and result.
    ///
    /// # Errors
    /// [`Error::MissingSymbol`].
    pub(crate) unsafe fn function<F: Copy>(&self, symbol: &'static CStr) -> Result<F, Error> {
        // SAFETY: the caller vouches for the type; libloading checks that it has a pointer's size.
        let found = unsafe { self.library.get::<F>(symbol) };
        let function = found.map_err(|error| Error::MissingSymbol {
            library: self.name.clone(),
            symbol: symbol.to_str().unwrap_or("?"),
            reason: loader_text(&error),
        })?;
        Ok(*function)
    }
}

/// The loader's own words, which name the library that is really missing.
fn loader_text(error: &libloading::Error) -> String {
    let words =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    plain(&words)
}
