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

    /// Whether it says that the part was defective.
    pub fn is_of_a_defect(self) -> bool {
        match self {
            Self::TrueReject | Self::Escape => true,
            Self::FalseReject | Self::Unsure => false,
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

/// What can't be kept of a review as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// Half of it would be lost.
    #[error("the {what} has {found} characters, and a review's at most {most}")]
    TooLong {
        /// Name, kind of defect or note.
        what: &'static str,
        /// Characters that were said.
        found: usize,
        /// Characters that are kept.
        most: usize,
    },
    /// Nobody says it.
    #[error("a mark needs the name of who sets it")]
    Nobody,
    /// A defect of a part that was good, or of which nobody can say what it was.
    #[error("a part that is marked {mark} has no kind of defect")]
    NoDefect {
        /// The mark.
        mark: Mark,
    },
}

impl ReviewError {
    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::TooLong { .. } => "say it in fewer words: what is longer is not cut",
            Self::Nobody => "name somebody with `--who`, or leave it out: then it is the user",
            Self::NoDefect { .. } => {
                "true-reject and escape say that the part was defective; without `--defect` the mark is taken as it is"
            }
        }
    }
}

impl Review {
    /// Whether it can be kept as it is. What lies on disk already is read without this.
    fn check(&self) -> Result<(), ReviewError> {
        if self.who.trim().is_empty() {
            return Err(ReviewError::Nobody);
        }
        if self.defect.is_some() && !self.mark.is_of_a_defect() {
            return Err(ReviewError::NoDefect { mark: self.mark });
        }
        let texts = [
            ("name", Some(&self.who), NAME_MAX),
            ("kind of defect", self.defect.as_ref(), NAME_MAX),
            ("note", self.note.as_ref(), NOTE_MAX),
        ];
        for (what, text, most) in texts {
            let found = text.map_or(0, |text| text.chars().count());
            if found > most {
                return Err(ReviewError::TooLong { what, found, most });
            }
        }
        Ok(())
    }
}

/// Puts a mark beside a record, in the place of an earlier one.
///
/// # Errors
/// [`RecordsError::Review`] if it can't be kept as it is, [`RecordsError::Unfit`] if it contradicts the record, what [`read`](super::read) says of a record that
/// is not there or damaged, and [`RecordsError::Write`].
pub fn mark(folder: &Path, id: RecordId, review: &Review) -> Result<(), RecordsError> {
    review.check()?;
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
    let text = serde_json::to_vec_pretty(review).map_err(|source| RecordsError::Encode {
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
