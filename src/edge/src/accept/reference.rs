//! Reference parts: who they are, and what they are known to be.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::list;
use crate::cli::AcceptArgs;
use crate::error::EdgeError;

/// Longest list.
const LIST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a part is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Expected {
    Good,
    Bad,
}

impl Expected {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

/// A part of known truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) identity: String,
    pub(super) expected: Expected,
    pub(super) note: Option<String>,
}

/// The reference parts in their order.
pub(super) fn read(args: &AcceptArgs) -> Result<Vec<Reference>, EdgeError> {
    match (&args.list, &args.data) {
        (Some(path), _) => {
            let found = path.metadata().map_err(|source| unreadable(path, source))?;
            if found.len() > LIST_BYTES_MAX {
                return Err(wrong(
                    path,
                    0,
                    "the file is far longer than a list of parts",
                ));
            }
            let text = fs_err::read_to_string(path).map_err(|source| unreadable(path, source))?;
            list::parse(path, &text)
        }
        (None, Some(data)) => {
            let set = twinspect_dataset::open(data)?;
            let parts = set.inspection_parts().into_iter();
            Ok(parts
                .map(|part| Reference {
                    identity: part.id.as_str().to_owned(),
                    expected: if part.label.is_good() {
                        Expected::Good
                    } else {
                        Expected::Bad
                    },
                    note: (!part.label.is_good()).then(|| part.label.as_str().to_owned()),
                })
                .collect())
        }
        (None, None) => Err(EdgeError::Usage {
            message: "no reference parts were named".to_owned(),
            hint: "name a list with --list, or a recording with --data",
        }),
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> EdgeError {
    EdgeError::Usage {
        message: format!("reading {}: {source}", path.display()),
        hint: "name a text file in UTF-8 with lines of identity,expected; a spreadsheet calls it `CSV UTF-8`",
    }
}

/// A list that is none.
pub(super) fn wrong(path: &Path, line: usize, why: &str) -> EdgeError {
    EdgeError::Usage {
        message: format!("{}, line {line}: {why}", path.display()),
        hint: "each line is identity,expected[,note], all with commas or all with semicolons, and `good` or `bad` as expected",
    }
}
