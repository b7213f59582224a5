//! Looks at the file of a shared library before the system's loader gets it.
//!
//! A vendor's library that was copied in part has a sound beginning. The loader maps it by its headers, touches what lies beyond the
//! end, and the kernel ends the process by a signal: nobody is told anything. [`look_at`] finds the file that the loader will take for
//! a name, and refuses such a one. All else that can be wrong with a file the loader says itself.
//!
//! ```no_run
//! use std::ffi::OsStr;
//!
//! twinspect_loader::look_at(OsStr::new("libnvinfer.so.10"))?;
//! # Ok::<(), twinspect_loader::CutOff>(())
//! ```
//!
//! **What is absent**: loading, and the libraries that a library needs itself.
#![forbid(unsafe_code)]

mod elf;
mod search;

use std::path::PathBuf;

pub use search::look_at;

/// A file that ends before what is to be loaded of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the library {file:?} is cut off: it has {bytes} bytes, at least {expected} expected")]
pub struct CutOff {
    /// The file.
    pub file: PathBuf,
    /// The file has so many.
    pub bytes: u64,
    /// Its headers speak of so many at least.
    pub expected: u64,
}
