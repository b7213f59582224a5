//! What a person says of a record. Kept beside it, in a file of its own: the record stays as the
//! station has written it, and the mark lives as long as the record.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::RecordsError;
use super::name::{REVIEW_FILE, RecordId};
use super::shelf;

/// Longest name of a reviewer or a kind of defect, in characters.
const NAME_MAX: usize = 80;
/// Longest note, in characters.
const NOTE_MAX: usize = 2_000;

/// What the part was, after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It was good, and was rejected.
    FalseReject,
    /// It was defective, and was rejected.
    TrueReject,
    /// It was defective, and has passed.
    Escape,
    /// Nobody can say.
    Unsure,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::FalseReject,
        Self::TrueReject,
        Self::Escape,
        Self::Unsure,
    ];

    /// As it is written, and read by scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::FalseReject => "false_reject",
            Self::TrueReject => "true_reject",
            Self::Escape => "escape",
            Self::Unsure => "unsure",
        }
    }

    fn fits(self, id: RecordId) -> bool {
        match self {
            Self::FalseReject | Self::TrueReject => id.kind.rejects(),
            Self::Escape => !id.kind.rejects(),
            Self::Unsure => true,
        }
    }
}

/// As people read it, and type it on a command line.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::FalseReject => "false-reject",
            Self::TrueReject => "true-reject",
            Self::Escape => "escape",
            Self::Unsure => "unsure",
        })
    }
}

/// A text that is no mark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no mark: false-reject, true-reject, escape or unsure")]
pub struct NoMark(String);

/// In both spellings.
impl FromStr for Mark {
    type Err = NoMark;

    fn from_str(text: &str) -> Result<Self, NoMark> {
        let mut all = Self::ALL.into_iter();
        all.find(|mark| text == mark.name() || text == mark.to_string())
            .ok_or_else(|| NoMark(text.to_owned()))
    }
}

/// A mark, and who has set it when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// What the part was.
    pub mark: Mark,
    /// What is wrong with a defective one, as a folder of a data set may be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<String>,
    /// Who says so.
    pub who: String,
    /// When, in milliseconds since 1970 in UTC.
    pub time_unix_ms: u64,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Puts a mark beside a record, in the place of an earlier one.
///
/// # Errors
/// [`RecordsError::Unfit`] if it contradicts the record, what [`read`](super::read) says of a record that
/// is not there or damaged, and [`RecordsError::Write`].
pub fn mark(folder: &Path, id: RecordId, review: &Review) -> Result<(), RecordsError> {
    // A damaged review is no reason against a new one.
    match shelf::read(folder, id) {
        Err(RecordsError::Damaged { path, .. }) if path.ends_with(REVIEW_FILE) => {}
        found => drop(found?),
    }
    if !review.mark.fits(id) {
        let mark = review.mark;
        return Err(RecordsError::Unfit { id, mark });
    }
    let own = id.folder_among(folder);
    let path = own.join(REVIEW_FILE);
    let limited = Review {
        who: cut(&review.who, NAME_MAX),
        defect: review.defect.as_deref().map(|kind| cut(kind, NAME_MAX)),
        note: review.note.as_deref().map(|note| cut(note, NOTE_MAX)),
        ..review.clone()
    };
    let text = serde_json::to_vec_pretty(&limited).map_err(|source| RecordsError::Encode {
        what: REVIEW_FILE,
        source: source.into(),
    })?;
    let partial = own.join(format!(".review-{}.partial", std::process::id()));
    let write = || {
        let mut file = fs_err::File::create(&partial)?;
        file.write_all(&text)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs_err::rename(&partial, &path)?;
        fs_err::File::open(&own)?.sync_all()
    };
    write().map_err(|source| {
        // The ring sweeps what can't be removed, with the record.
        fs_err::remove_file(&partial).unwrap_or_default();
        RecordsError::Write { path, source }
    })
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
