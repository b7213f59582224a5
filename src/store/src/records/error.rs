//! Why a record could not be written, read, marked or handed on.

use std::io;
use std::path::{Path, PathBuf};

use twinspect_dataset::{DatasetError, WriteError};

use super::name::RecordId;
use super::review::{Mark, ReviewError};

/// Which bound leaves no room for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The disk has less than the floor, and the ring's own records are not enough to make room.
    Disk {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        floor: u64,
    },
    /// The record alone is larger than all records may be.
    Record {
        /// Bytes of the record.
        bytes: u64,
        /// Bytes that all records may have.
        most: u64,
    },
    /// Older records can't be deleted.
    Undeleted,
}

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk { free, floor } => write!(
                f,
                "{} MB are free on its disk, {} MB must stay free",
                free / 1_000_000,
                floor / 1_000_000
            ),
            Self::Record { bytes, most } => write!(
                f,
                "one record has {bytes} bytes, all together may have {most}"
            ),
            Self::Undeleted => f.write_str("older records can't be deleted to make room"),
        }
    }
}

/// Why records are not what they should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// The system refuses to write, rename or delete.
    #[error("writing {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system refuses to read.
    #[error("reading {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no room for a record.
    #[error("no room for a record in {}: {full}", folder.display())]
    Full {
        /// The folder of records.
        folder: PathBuf,
        /// What is full.
        full: Full,
    },
    /// Another process writes records here, as for a moment while a model is switched.
    #[error("another process writes records into {}", folder.display())]
    InUse {
        /// The folder of records.
        folder: PathBuf,
    },
    /// A picture or a text could not be made.
    #[error("encoding {what} of a record")]
    Encode {
        /// Which file.
        what: &'static str,
        /// What the encoder said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such record.
    #[error("{} has no record {id}", folder.display())]
    Unknown {
        /// The folder of records.
        folder: PathBuf,
        /// The record.
        id: RecordId,
    },
    /// A record that this program did not write as it is now.
    #[error("{} {why}", path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A record of a later version of this program.
    #[error("{} has format {found}, this program reads format {known}", path.display())]
    Format {
        /// The record's text.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest that is known.
        known: u32,
    },
    /// A mark that contradicts what was said of the part.
    #[error("{id} can't be marked {mark}: it was {}", if id.kind.rejects() { "rejected" } else { "passed" })]
    Unfit {
        /// The record.
        id: RecordId,
        /// The mark.
        mark: Mark,
    },
    /// A review that can't be kept as it was said.
    #[error(transparent)]
    Review(#[from] ReviewError),
    /// Nobody has said what the part is.
    #[error("{id} is not labelled: {why}")]
    Unlabelled {
        /// The record.
        id: RecordId,
        /// What is missing.
        why: &'static str,
    },
    /// A record whose pictures are no frame pair as it was judged.
    #[error("{id} can't become a part: {why}")]
    NoFrame {
        /// The record.
        id: RecordId,
        /// What it lacks.
        why: &'static str,
    },
    /// A defective part among those that are learnt from.
    #[error("{id} is defective, and split `{split}` takes good parts alone")]
    DefectInTraining {
        /// The record.
        id: RecordId,
        /// The split.
        split: twinspect_dataset::Split,
    },
    /// The data set lies among the records.
    #[error("{} lies in the folder of records", out.display())]
    OutAmongRecords {
        /// Where the data set was to be.
        out: PathBuf,
    },
    /// Somebody else adds parts to the data set: two at once would take the same records for new ones.
    #[error("another export adds parts to {}", out.display())]
    SetInUse {
        /// The data set.
        out: PathBuf,
    },
    /// A record's pictures can't be read.
    #[error("reading the pictures of {id}")]
    Pictures {
        /// The record.
        id: RecordId,
        /// What is wrong with them.
        #[source]
        source: Box<DatasetError>,
    },
    /// The data set does not take the part.
    #[error("exporting {what}")]
    Export {
        /// The record, or the data set.
        what: String,
        /// Why not.
        #[source]
        source: Box<WriteError>,
    },
}

impl RecordsError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Write {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the records that come after this one can't be exported either: nothing can be written, or by somebody else.
    pub fn ends_an_export(&self) -> bool {
        match self {
            Self::SetInUse { .. } => true,
            Self::Export { source, .. } => matches!(**source, WriteError::Writing { .. }),
            _ => false,
        }
    }

    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Full { full, .. } => Some(
                match full {
                    Full::Disk { .. } => {
                        "free the disk, or lower `records.free_min_mb`; `records.keep_mb` bounds what records take"
                    }
                    Full::Record { .. } => "raise `records.keep_mb`",
                    Full::Undeleted => "look at the owner and the rights of the folder of records",
                }
                .to_owned(),
            ),
            Self::Write { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Some(
                "records belong to the station's user: `sudo -u twinspect twinspect records ...`".to_owned(),
            ),
            Self::Unknown { .. } => Some(
                "`twinspect records list` names them; older ones make room for newer ones".to_owned(),
            ),
            Self::Damaged { .. } => Some(
                "somebody has changed it; delete its folder, the station leaves it alone".to_owned(),
            ),
            Self::Format { .. } => Some("read it with the version that wrote it".to_owned()),
            Self::Unfit { .. } => Some(
                "rejected parts are false-reject or true-reject, passed ones escape; unsure fits both"
                    .to_owned(),
            ),
            Self::Review(error) => Some(error.hint().to_owned()),
            Self::Unlabelled { .. } => Some(
                "mark it with `twinspect records review`, or name its label with `--label`".to_owned(),
            ),
            Self::DefectInTraining { .. } => Some("export it with `--split test`".to_owned()),
            Self::OutAmongRecords { .. } => Some("export into another folder".to_owned()),
            Self::SetInUse { .. } => Some("wait for its end, then try again".to_owned()),
            Self::Pictures { source, .. } => source.hint().map(Into::into),
            Self::Export { source, .. } => source.hint().map(Into::into),
            _ => None,
        }
    }
}
