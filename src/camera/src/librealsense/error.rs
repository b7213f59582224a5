//! Why the library can't be used, and what it says when a call fails.

use std::path::PathBuf;

/// No usable librealsense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is none where it was looked for.
    #[error("librealsense was not found: {reason}")]
    NotFound {
        /// What the system's loader said of the first place.
        reason: String,
    },
    /// A file that is damaged, that is no librealsense, or one that lacks what is needed.
    #[error("{} is no usable librealsense: {reason}", path.display())]
    Unusable {
        /// The file, or the name by which it was loaded.
        path: PathBuf,
        /// What the system's loader said of it.
        reason: String,
    },
    /// Another release than those that are known to work.
    #[error("librealsense {found} is too old: 2.54 or a later 2.x is needed")]
    Version {
        /// The library's version.
        found: String,
    },
}

impl LoadError {
    /// The remedy.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => {
                "install the vendor's package `librealsense2` (docs/cameras.md names it for each system), or \
                 name the file or its folder in `realsense.library`"
            }
            Self::Unusable { .. } => {
                "it is damaged, of another processor, or lacks a library that it needs: install it again, or name another \
                 one in `realsense.library`"
            }
            Self::Version { .. } => {
                "update the package `librealsense2`; docs/cameras.md has the sources"
            }
        }
    }
}

/// A call of the library that failed.
///
/// Its text is for people: it differs from release to release, and most failures are of kind 8,
/// "unknown". What is decided is decided by which call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("librealsense: {function}: {message}")]
pub struct CallError {
    /// The library's number for the kind of error.
    pub kind: u32,
    /// The function that failed, as the library names it.
    pub function: String,
    /// What it says.
    pub message: String,
}
