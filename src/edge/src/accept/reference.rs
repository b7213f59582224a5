//! Reference parts: who they are, and what they are known to be.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::AcceptArgs;
use crate::error::EdgeError;

/// Most parts of one acceptance.
const PARTS_MAX: usize = 100_000;
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
        (Some(list), _) => {
            let found = fs_err::metadata(list).map_err(|source| unreadable(list, source))?;
            if found.len() > LIST_BYTES_MAX {
                return Err(wrong(
                    list,
                    0,
                    "the file is far longer than a list of parts",
                ));
            }
            let text = fs_err::read_to_string(list).map_err(|source| unreadable(list, source))?;
            parse(list, &text)
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

/// Lines of `identity,expected[,note]`, the first of which may name the columns. Quotes have no meaning: an
/// identity has no comma.
fn parse(path: &Path, text: &str) -> Result<Vec<Reference>, EdgeError> {
    let mut references: Vec<Reference> = Vec::new();
    let mut known = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let is_head = number == 1 && line.starts_with("identity,");
        if line.is_empty() || line.starts_with('#') || is_head {
            continue;
        }
        let mut columns = line.splitn(3, ',').map(str::trim);
        let identity = columns.next().unwrap_or_default();
        let expected = match columns.next() {
            Some("good") => Expected::Good,
            Some("bad") => Expected::Bad,
            _ => return Err(wrong(path, number, "expected must be `good` or `bad`")),
        };
        if identity.is_empty() {
            return Err(wrong(path, number, "a part without an identity"));
        }
        if !known.insert(identity.to_owned()) {
            return Err(wrong(
                path,
                number,
                "this part was listed before: one part is one sample",
            ));
        }
        if references.len() == PARTS_MAX {
            return Err(wrong(
                path,
                number,
                "more parts than an acceptance may have",
            ));
        }
        let note = columns.next().filter(|note| !note.is_empty());
        references.push(Reference {
            identity: identity.to_owned(),
            expected,
            note: note.map(str::to_owned),
        });
    }
    if references.is_empty() {
        return Err(wrong(path, 0, "there is no part in it"));
    }
    Ok(references)
}

fn unreadable(path: &Path, source: std::io::Error) -> EdgeError {
    EdgeError::Usage {
        message: format!("reading {}: {source}", path.display()),
        hint: "name a file with lines of identity,expected",
    }
}

fn wrong(path: &Path, line: usize, why: &str) -> EdgeError {
    EdgeError::Usage {
        message: format!("{}, line {line}: {why}", path.display()),
        hint: "each line is identity,expected[,note], with `good` or `bad` as expected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Reference>, String> {
        parse(Path::new("parts.csv"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_are_read_line_by_line() {
        let parts =
            read("identity,expected,note\n# limit samples\nref-1, good ,a, b\n\nref-2,bad\r\n");
        let parts = parts.unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].identity, "ref-1");
        assert_eq!(parts[0].expected, Expected::Good);
        assert_eq!(parts[0].note.as_deref(), Some("a, b"));
        assert_eq!(parts[1].expected, Expected::Bad);
        assert_eq!(parts[1].note, None);
    }

    #[test]
    fn what_would_count_wrongly_is_refused_with_its_line() {
        for (text, told) in [
            ("", "line 0: there is no part"),
            ("identity,expected\n", "there is no part"),
            ("ref-1,maybe", "line 1: expected must be"),
            ("ref-1", "line 1: expected must be"),
            ("ref-1,good\n,bad", "line 2: a part without"),
            (
                "ref-1,good\nref-1,bad",
                "line 2: this part was listed before",
            ),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(told), "{text}: {refused}");
        }
    }
}
