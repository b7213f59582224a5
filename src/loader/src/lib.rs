//! Looks at the file of a shared library before the system's loader gets it.
//!
//! A vendor's library that was copied in part has a sound beginning. The loader maps it by its headers, touches what lies beyond the
//! end, and the kernel ends the process by a signal: nobody is told anything. For a pipe it waits until somebody writes into it, without
//! end. [`look_at`] finds the file that the loader will take for a name, and refuses such a one. All else that can be wrong with a file
//! the loader says itself; [`plain`] makes its words a text that can be shown.
//!
//! ```no_run
//! use std::ffi::OsStr;
//!
//! twinspect_loader::look_at(OsStr::new("libnvinfer.so.10"))?;
//! # Ok::<(), twinspect_loader::Unloadable>(())
//! ```
//!
//! **What is absent**: loading, and the libraries that a library needs itself.
#![forbid(unsafe_code)]

mod elf;
mod search;

use std::path::PathBuf;

pub use search::look_at;

/// What the loader must not get.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unloadable {
    /// A file that ends before what is to be loaded of it.
    #[error("the library {file:?} is cut off: it has {bytes} bytes, at least {expected} expected")]
    CutOff {
        /// The file.
        file: PathBuf,
        /// The file has so many.
        bytes: u64,
        /// Its headers speak of so many at least.
        expected: u64,
    },
    /// Something that is opened otherwise than a file, or not at all.
    #[error("the library {file:?} is {found} and no file: a shared library is expected there")]
    NoFile {
        /// Its name.
        file: PathBuf,
        /// What it is.
        found: &'static str,
    },
}

/// What a loader or a library says, without what a terminal would obey: it may repeat bytes of a damaged file.
pub fn plain(words: &str) -> String {
    let shown = |letter: char| {
        if letter.is_control() || turns_text(letter) {
            '\u{25a1}'
        } else {
            letter
        }
    };
    words.chars().map(shown).collect()
}

/// Whether a letter changes the direction of those behind it (Unicode's bidirectional algorithm, UAX 9, section 2), so that a
/// name reads as another one.
fn turns_text(letter: char) -> bool {
    matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_a_text_that_no_terminal_obeys() {
        assert_eq!(
            plain("libx.so: undefined symbol: a\u{1b}[2J\n\u{7}"),
            "libx.so: undefined symbol: a\u{25a1}[2J\u{25a1}\u{25a1}"
        );
        for turn in ['\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            assert_eq!(plain(&format!("lib{turn}os.x")), "lib\u{25a1}os.x");
        }
        assert_eq!(
            plain("\u{2029}\u{202f}\u{2065}"),
            "\u{2029}\u{202f}\u{2065}"
        );
    }
}
