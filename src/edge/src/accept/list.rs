//! A list of reference parts: CSV, as people write it and as spreadsheets do.

use std::collections::BTreeSet;
use std::path::Path;

use super::reference::{Expected, Reference, wrong};
use crate::error::EdgeError;

/// Most parts of one acceptance.
const PARTS_MAX: usize = 100_000;

/// Lines of identity, expected and, if anybody likes, a note, the first of which may name these columns.
///
/// A part is a line, also where something is quoted: else a quote that nobody has closed would take the parts behind it into a
/// note, and nobody would miss them.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Reference>, EdgeError> {
    // Spreadsheets begin UTF-8 with a mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n");
    let mut references: Vec<Reference> = Vec::new();
    let mut known = BTreeSet::new();
    let mut known_separator = None;
    let mut is_first = true;
    for (number, line) in (1..).zip(text.split(['\n', '\r'])) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        known_separator = known_separator.or_else(|| separator_of(line));
        let separator = known_separator.unwrap_or(',');
        let Some(columns) = columns(line, separator) else {
            return Err(wrong(
                path,
                number,
                "a quote that begins a column is not closed in this line",
            ));
        };
        let Some((identity, rest)) = columns.split_first() else {
            continue;
        };
        let identity = identity.trim();
        // Spreadsheets quote a remark that has a comma.
        if identity.starts_with('#') && rest.is_empty() {
            continue;
        }
        let was_first = std::mem::take(&mut is_first);
        let word = rest.first().map_or("", |word| word.trim());
        if was_first && is(identity, "identity") && is(word, "expected") {
            continue;
        }
        let expected = if is(word, "good") {
            Expected::Good
        } else if is(word, "bad") {
            Expected::Bad
        } else if was_first {
            return Err(wrong(
                path,
                number,
                "this is neither the head of a list, `identity,expected,note`, nor a part, whose expected must be `good` or \
                 `bad`",
            ));
        } else {
            return Err(wrong(path, number, "expected must be `good` or `bad`"));
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
        // Whoever writes by hand quotes no note for its commas.
        let note = rest.get(1..).unwrap_or_default();
        let note = note.join(&*separator.encode_utf8(&mut [0; 4]));
        let note = Some(note.trim()).filter(|note| !note.is_empty());
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

fn is(word: &str, wanted: &str) -> bool {
    word.eq_ignore_ascii_case(wanted)
}

/// Comma or semicolon, whichever comes first outside of quotes: spreadsheets take what the language of their user has.
fn separator_of(line: &str) -> Option<char> {
    let mut is_quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' | ';' if !is_quoted => return Some(letter),
            _ => {}
        }
    }
    None
}

/// The columns of a line but for empty ones at its end. `None` if a quote is not closed.
fn columns(line: &str, separator: char) -> Option<Vec<String>> {
    let mut columns: Vec<String> = if line.contains('"') {
        quoted_columns(line, separator)?
    } else {
        // Most lines; a reader takes longer to be made than to read one.
        line.split(separator).map(str::to_owned).collect()
    };
    while columns.last().is_some_and(|last| last.trim().is_empty()) {
        columns.pop();
    }
    Some(columns)
}

fn quoted_columns(line: &str, separator: char) -> Option<Vec<String>> {
    // With one separator more the last column is empty, unless a quote has taken it in.
    let line = format!("{line}{separator}\n");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(u8::try_from(separator).ok()?)
        .buffer_capacity(line.len())
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    reader.read_record(&mut record).ok()?;
    let mut columns: Vec<String> = record.iter().map(str::to_owned).collect();
    columns.pop().filter(String::is_empty)?;
    Some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Reference>, String> {
        parse(Path::new("parts.csv"), text).map_err(|error| error.to_string())
    }

    /// What was read, a part a line.
    fn told(text: &str) -> Vec<String> {
        let part = |part: Reference| {
            let note = part.note.as_deref().unwrap_or("-");
            format!("{}|{}|{note}", part.identity, part.expected.name())
        };
        read(text).unwrap().into_iter().map(part).collect()
    }

    #[test]
    fn lists_are_read_line_by_line() {
        assert_eq!(
            told(
                "identity,expected,note\n# limit samples\nref-1, good ,a, b\n\n  # one more\nref-2,bad\r\n"
            ),
            ["ref-1|good|a, b", "ref-2|bad|-"]
        );
    }

    #[test]
    fn lists_of_spreadsheets_are_read() {
        let parts = ["ref-1|good|-", "ref-2|bad|dent"];
        for text in [
            // UTF-8 with a mark, and what an empty row and columns that were used once leave.
            "\u{feff}identity,expected,note\r\nref-1,good,\r\n,,\r\nref-2,bad,dent\r\n",
            "\u{feff}ref-1,good,,\r\nref-2,bad,dent,\r\n",
            "\"# limit samples, mine\",,\r\nidentity,expected,note\r\nref-1,good,\r\nref-2,bad,dent\r\n",
            "\u{feff}Identity;Expected;Note\r\nref-1;good;\r\nref-2;bad;dent\r\n",
            "\"# limit samples; mine\"\nref-1;good\nref-2;bad;dent",
            ";;\nIDENTITY;EXPECTED\nref-1;Good\nref-2;BAD;dent",
            "identity,expected\rref-1,good\rref-2,bad,dent\r",
            "\"identity\",\"expected\",\"note\"\n\"ref-1\",\"good\",\"\"\n\"ref-2\",\"bad\",\"dent\"\n",
        ] {
            assert_eq!(told(text), parts, "{text:?}");
        }
    }

    #[test]
    fn quotes_are_those_of_csv() {
        assert_eq!(
            told("\"left, 1\",good,\"so-called \"\"dent\"\", small\"\n"),
            ["left, 1|good|so-called \"dent\", small"]
        );
        assert_eq!(
            told("\"left; 1\";bad;5\" wide, flat\nright;good"),
            ["left; 1|bad|5\" wide, flat", "right|good|-"]
        );
        // The first line tells: what is written as an identity needs no other separator.
        assert_eq!(
            told("identity,expected\na;1,good\nb;2,bad,x;y\n"),
            ["a;1|good|-", "b;2|bad|x;y"]
        );
    }

    #[test]
    fn what_would_count_wrongly_is_refused_with_its_line() {
        for (text, said) in [
            ("", "line 0: there is no part"),
            ("\u{feff}", "line 0: there is no part"),
            ("identity,expected\n", "there is no part"),
            ("ref-1,maybe", "line 1: this is neither the head"),
            ("ref-1", "line 1: this is neither the head"),
            ("id,expected\nref-1,good", "line 1: this is neither"),
            (
                "# mine\n\nidentity,is\nref-1,good",
                "line 3: this is neither",
            ),
            ("ref-1\tgood\n", "line 1: this is neither"),
            ("ref-1,good\nref-2,maybe", "line 2: expected must be"),
            ("ref-1,good\nref-2;bad", "line 2: expected must be"),
            ("ref-1,good\nidentity,expected", "line 2: expected must be"),
            ("ref-1,good\n\"# 2\",maybe", "line 2: expected must be"),
            ("ref-1,good\n,bad", "line 2: a part without"),
            (",bad", "line 1: a part without"),
            (
                "ref-1,good\nref-1,bad",
                "line 2: this part was listed before",
            ),
            (
                "ref-1,good\n \"ref-1\" , bad",
                "line 2: this part was listed before",
            ),
            // Read as CSV, the second part would be within the first one's note.
            (
                "ref-1,good,\"limit\nref-2,bad,\"dent",
                "line 1: a quote that begins a column is not closed",
            ),
            (
                "ref-1,good\n\"ref-2,bad",
                "line 2: a quote that begins a column is not closed",
            ),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(said), "{text:?}: {refused}");
        }
    }

    #[test]
    fn a_list_has_an_end() {
        let lines = (0..=PARTS_MAX).map(|number| format!("ref-{number},good\n"));
        let refused = read(&lines.collect::<String>()).unwrap_err();
        assert!(refused.contains("line 100001: more parts"), "{refused}");
    }
}
