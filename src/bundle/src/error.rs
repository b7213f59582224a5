//! What can be wrong with a bundle, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::document::DocumentError;
use crate::entry::{ENTRIES_MAX, TOTAL_BYTES_MAX};
use crate::golden::GoldenError;
use crate::manifest::Problem;

/// A bundle that can't be read, checked or written. `path` is the bundle's file or folder;
/// for a bundle that is only being built it is the bundle's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The operating system refused to read.
    #[error("reading bundle {}", path.display())]
    Read {
        /// The bundle.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The operating system refused to write.
    #[error("writing bundle {}", path.display())]
    Write {
        /// The bundle.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The place to write to is taken.
    #[error("{} exists already", path.display())]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// Neither a folder nor a tar.
    #[error("bundle {} is not a readable archive", path.display())]
    Archive {
        /// The bundle.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The archive ends too early.
    #[error("bundle {} ends inside {entry}: expected {expected} bytes, found {found}", path.display())]
    Truncated {
        /// The bundle.
        path: PathBuf,
        /// The file in it, or the end mark.
        entry: String,
        /// Bytes that should be there.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// Something follows the end of the archive.
    #[error("bundle {} goes on after the end of the archive", path.display())]
    TrailingBytes {
        /// The bundle.
        path: PathBuf,
    },
    /// More bytes than a bundle may hold.
    #[error("bundle {} holds more than {TOTAL_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The bundle.
        path: PathBuf,
    },
    /// More files than a bundle may hold.
    #[error("bundle {} holds more than {ENTRIES_MAX} files", path.display())]
    TooManyEntries {
        /// The bundle.
        path: PathBuf,
    },
    /// A name that no bundle holds; paths that lead out of the bundle are of this kind.
    #[error("bundle {} holds {entry:?}, which is no file of a bundle", path.display())]
    EntryName {
        /// The bundle.
        path: PathBuf,
        /// The name.
        entry: String,
    },
    /// A link, a device, a folder or something else in the place of a file.
    #[error("{entry:?} in bundle {} is {found}, expected a plain file", path.display())]
    EntryKind {
        /// The bundle.
        path: PathBuf,
        /// The name.
        entry: String,
        /// What it is.
        found: &'static str,
    },
    /// The same name twice.
    #[error("bundle {} holds {entry} twice", path.display())]
    DuplicateEntry {
        /// The bundle.
        path: PathBuf,
        /// The name.
        entry: String,
    },
    /// A file that a bundle needs, or that its digests list, is not there.
    #[error("bundle {} lacks {entry}", path.display())]
    Missing {
        /// The bundle.
        path: PathBuf,
        /// The name.
        entry: String,
    },
    /// A file is there that nothing in the bundle asks for.
    #[error("bundle {} holds {entry}, which {unlisted_in} does not list", path.display())]
    Unlisted {
        /// The bundle.
        path: PathBuf,
        /// The name.
        entry: String,
        /// The file that should have listed it.
        unlisted_in: &'static str,
    },
    /// A line of SHA256SUMS that is not `DIGEST  NAME`, or names a file again.
    #[error("bundle {}: SHA256SUMS, line {line}: expected a digest, two spaces and a new name", path.display())]
    Sums {
        /// The bundle.
        path: PathBuf,
        /// The line, from 1; 0 if the file is not text.
        line: usize,
    },
    /// A file is not the one whose digest was taken.
    #[error("{entry} in bundle {} has digest {found}, expected {expected}", path.display())]
    Damaged {
        /// The bundle.
        path: PathBuf,
        /// The name.
        entry: String,
        /// Digest in SHA256SUMS.
        expected: String,
        /// Digest of the file.
        found: String,
    },
    /// A manifest of another format.
    #[error("bundle {} is of format {found}, this program reads formats 1 to {supported}", path.display())]
    Format {
        /// The bundle.
        path: PathBuf,
        /// What the manifest says.
        found: String,
        /// The newest that this program reads.
        supported: u32,
    },
    /// A TOML file of the bundle does not say what it should.
    #[error("reading a document of bundle {}", path.display())]
    Document {
        /// The bundle.
        path: PathBuf,
        /// Where and what.
        #[source]
        source: Box<DocumentError>,
    },
    /// The manifest contradicts itself.
    #[error("the manifest of bundle {} is wrong: {}", path.display(), join(problems))]
    Manifest {
        /// The bundle.
        path: PathBuf,
        /// All problems, in the order of the file.
        problems: Vec<Problem>,
    },
    /// The manifest can't be written as TOML.
    #[error("writing the manifest of bundle {}", path.display())]
    WriteManifest {
        /// The bundle.
        path: PathBuf,
        /// Why.
        #[source]
        source: toml::ser::Error,
    },
    /// A golden that can't be used.
    #[error("golden {golden} of bundle {}", path.display())]
    Golden {
        /// The bundle.
        path: PathBuf,
        /// Its three digits.
        golden: String,
        /// Why.
        #[source]
        source: Box<GoldenError>,
    },
}

fn join(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("; ")
}

impl BundleError {
    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Archive { .. } => {
                "name a .twb file that `twinspect-lab export` wrote; if it is one, it was damaged in \
                 transit: copy it again"
            }
            Self::Truncated { .. }
            | Self::TrailingBytes { .. }
            | Self::Missing { .. }
            | Self::Damaged { .. } => "the file was damaged in transit: copy it again",
            Self::Exists { .. } => "choose another place, or move what is there away",
            Self::TooLarge { .. }
            | Self::TooManyEntries { .. }
            | Self::EntryName { .. }
            | Self::EntryKind { .. }
            | Self::DuplicateEntry { .. }
            | Self::Unlisted { .. }
            | Self::Sums { .. } => {
                "a bundle holds only what `twinspect-lab export` writes: export it again"
            }
            // A key that is not known, or misspelt, can't be mended in the file: its digest would be another one.
            Self::Format { .. } | Self::Document { .. } => {
                "use the twinspect release that wrote this bundle, or export it again"
            }
            Self::Manifest { .. } | Self::Golden { .. } => {
                "the bundle was made wrongly: export it again"
            }
            Self::Write { .. } => "check the folder, its rights and the free space",
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "see that the path is right; a bundle is a .twb file that `twinspect-lab export` wrote"
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "let the user that runs this read the file"
            }
            Self::Read { .. } | Self::WriteManifest { .. } => return None,
        };
        Some(text.to_owned())
    }
}
