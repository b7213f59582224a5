//! Names of records: a running number that never comes again, and what was said of the part.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use twinspect_core::verdict::Verdict;

use super::record::Record;

/// What a finished record's folder begins with.
const PREFIX: &str = "record-";
/// What a folder begins with that is being written.
const PARTIAL: &str = ".partial-";
/// What a folder begins with that is being deleted.
const TRASH: &str = ".trash-";

/// Where the records of unseen parts lie, in the folder of records: a ring of its own.
const UNSEEN: &str = "unseen";

/// The files that a record may have.
pub(super) const RECORD_FILE: &str = "record.json";
pub(super) const REVIEW_FILE: &str = "review.json";
/// What [`Ring::amend`](super::Ring::amend) writes before it renames.
pub(super) const AMENDED_FILE: &str = ".record.partial";
pub(super) const SHEET_FILE: &str = "sheet.png";
pub(super) const SCORE_FILE: &str = "score.png";
const FILES: [&str; 8] = [
    "rgb.png",
    "depth.png",
    "camera.json",
    SCORE_FILE,
    SHEET_FILE,
    RECORD_FILE,
    REVIEW_FILE,
    AMENDED_FILE,
];

/// What was said of a recorded part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It passed.
    Pass,
    /// It was rejected for what was seen.
    Fail,
    /// It was rejected because nothing could be said.
    NoResult,
    /// Parts were rejected of which there is no picture.
    Unseen,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Fail, Self::NoResult, Self::Unseen];

    /// `pass`, `fail`, `no_result` or `unseen`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NoResult => "no_result",
            Self::Unseen => "unseen",
        }
    }

    /// Whether the part was rejected.
    pub fn rejects(self) -> bool {
        self != Self::Pass
    }
}

impl From<&Record> for Kind {
    fn from(record: &Record) -> Self {
        match &record.verdict {
            Verdict::Pass { .. } => Self::Pass,
            Verdict::Fail { .. } => Self::Fail,
            Verdict::NoResult { .. } if record.unseen.is_some() => Self::Unseen,
            Verdict::NoResult { .. } => Self::NoResult,
        }
    }
}

/// The folder of the ring for unseen parts, in a folder of records.
pub fn unseen_folder(records: &Path) -> PathBuf {
    records.join(UNSEEN)
}

/// A record's name, `record-00000042-fail`. Ordered by number, which is by age; those of unseen parts are numbered apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The place in the folder of records; it grows over restarts. Not the part's number.
    pub place: u64,
    /// What was said.
    pub kind: Kind,
}

impl RecordId {
    /// In the folder of its ring.
    pub(super) fn folder(self, ring: &Path) -> PathBuf {
        ring.join(self.to_string())
    }

    /// In the folder of records, whichever ring has it.
    pub(super) fn folder_among(self, records: &Path) -> PathBuf {
        match self.kind {
            Kind::Unseen => self.folder(&unseen_folder(records)),
            Kind::Pass | Kind::Fail | Kind::NoResult => self.folder(records),
        }
    }

    pub(super) fn partial(self, records: &Path) -> PathBuf {
        records.join(format!("{PARTIAL}{self}"))
    }

    pub(super) fn trash(self, records: &Path) -> PathBuf {
        records.join(format!("{TRASH}{self}"))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:08}-{}", self.place, self.kind.name())
    }
}

/// A text that names no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no record's name, as record-00000042-fail is one")]
pub struct NoName(String);

impl FromStr for RecordId {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let parsed = || {
            let (place, kind) = text.strip_prefix(PREFIX)?.split_once('-')?;
            let place = place.parse().ok()?;
            let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
            Some(Self { place, kind })
        };
        // Only the one way of writing it: `record-42-fail` would be a second name of the same record.
        parsed()
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| NoName(text.to_owned()))
    }
}

impl Serialize for RecordId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The record whose writing or deletion a power cut has left under this name.
pub(super) fn leftover(name: &str) -> Option<RecordId> {
    name.strip_prefix(PARTIAL)
        .or(name.strip_prefix(TRASH))?
        .parse()
        .ok()
}

/// Whether the ring or [`mark`](super::mark) has written a file of this name.
pub(super) fn is_ours(name: &str) -> bool {
    FILES.contains(&name) || (name.starts_with(".review-") && name.ends_with(".partial"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_no_other_way() {
        for kind in Kind::ALL {
            let id = RecordId { place: 42, kind };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        let large = RecordId {
            place: u64::MAX,
            kind: Kind::Fail,
        };
        assert_eq!(large.to_string().parse(), Ok(large));
        for no_name in [
            "record-42-fail",
            "record-00000042",
            "record-00000042-maybe",
            "record-00000042-fail/..",
            "record-+0000042-fail",
            "reject-00000042.png",
            "",
        ] {
            no_name.parse::<RecordId>().unwrap_err();
        }
    }

    #[test]
    fn later_records_are_greater_whatever_was_said() {
        let id = |place, kind| RecordId { place, kind };
        assert!(id(9, Kind::NoResult) < id(10, Kind::Pass));
    }

    #[test]
    fn leftovers_are_told_by_their_names() {
        let id = RecordId {
            place: 7,
            kind: Kind::Pass,
        };
        let records = Path::new("records");
        for path in [id.partial(records), id.trash(records)] {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(leftover(name), Some(id));
        }
        assert_eq!(leftover(&id.to_string()), None);
        assert_eq!(leftover(".partial-notes"), None);
    }
}
