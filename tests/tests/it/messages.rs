//! The technician's page against the sources: each message of the device's program stands in it, and none
//! that is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source_text::strings;
use crate::workspace::{files, root};

const PAGE: &str = "docs/troubleshooting.md";

/// Below this heading a table's row begins with a message, as code.
const CHAPTER: &str = "\n## Messages\n";

/// Rooms of the device's program, below `src`.
const ROOMS: [&str; 11] = [
    "core", "dataset", "bundle", "engine", "native", "tensorrt", "loader", "camera", "line",
    "store", "edge",
];

/// What stands before a message that somebody may have to act on: errors, and what is logged as a warning or
/// an error.
const STARTS: [&str; 7] = [
    "#[error(",
    "log::warn!(",
    "log::error!(",
    "message:",
    "doing:",
    "system(",
    "Error::call(",
];

/// Folders and files that are in no program that a station runs.
const ELSEWHERE: [&str; 3] = ["tests", "tests.rs", "chaos"];

/// Where the tests in a source file begin.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

/// Stands for names and numbers.
const GAP: char = '…';

/// What the sources say, as the page writes it.
#[derive(Default)]
struct Sources {
    /// Messages, and where each was found first.
    messages: BTreeMap<String, String>,
    /// All texts, those of messages among them.
    texts: BTreeSet<String>,
}

impl Sources {
    fn read() -> Self {
        let root = root();
        let mut sources = Self::default();
        for room in ROOMS {
            for file in files(&root.join("src").join(room).join("src"), "rs") {
                let place = file.strip_prefix(&root).unwrap_or(&file);
                if is_elsewhere(place) {
                    continue;
                }
                let text = std::fs::read_to_string(&file).expect("a source file is text");
                sources.add(place, &text);
            }
        }
        sources
    }

    fn add(&mut self, place: &Path, source: &str) {
        let program = source
            .split_once(TESTS)
            .map_or(source, |(program, _)| program);
        for (at, raw) in strings(program) {
            let text = told(raw);
            let says_something = text.chars().any(char::is_alphabetic);
            if says_something && is_message(&program[..at]) {
                let line = program[..at].matches('\n').count() + 1;
                self.messages
                    .entry(text.clone())
                    .or_insert_with(|| format!("{}:{line}", place.display()));
            }
            self.texts.insert(text);
        }
    }
}

fn is_elsewhere(place: &Path) -> bool {
    place
        .iter()
        .any(|part| ELSEWHERE.iter().any(|known| part == *known))
}

/// Whether a message follows on this piece of source.
fn is_message(before: &str) -> bool {
    let before = before.trim_end();
    let before = before
        .strip_suffix("target: \"tensorrt\",")
        .unwrap_or(before)
        .trim_end();
    let before = before.strip_suffix("format!(").unwrap_or(before).trim_end();
    STARTS.iter().any(|start| before.ends_with(start))
}

/// A literal of the source as people read it, with a [`GAP`] for each placeholder, or for several that touch.
fn told(raw: &str) -> String {
    let mut text = String::new();
    let mut rest = raw.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\\' => match rest.next() {
                // The source's line goes on: the next one's indent is none of the text.
                Some('\n') => while rest.next_if(|blank| blank.is_whitespace()).is_some() {},
                Some('n') | None => text.push(' '),
                Some(escaped) => text.push(escaped),
            },
            '{' | '}' if rest.next_if_eq(&next).is_some() => text.push(next),
            '{' => {
                while rest.next().is_some_and(|inside| inside != '}') {}
                text.push(GAP);
            }
            _ => text.push(next),
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut text = words.join(" ");
    let (two, one) = (format!("{GAP}{GAP}"), GAP.to_string());
    while text.contains(&two) {
        text = text.replace(&two, &one);
    }
    text
}

/// The messages that a page explains.
fn explained(page: &str) -> Vec<String> {
    let chapter = page.split_once(CHAPTER).map_or("", |(_, chapter)| chapter);
    chapter
        .lines()
        .filter_map(|line| code_span(line.strip_prefix("| ")?))
        .collect()
}

/// The code that a table's cell begins with: up to as many backticks as it begins with.
fn code_span(cell: &str) -> Option<String> {
    let after = cell.trim_start_matches('`');
    let fence = &cell[..cell.len() - after.len()];
    if fence.is_empty() {
        return None;
    }
    let (span, _) = after.split_once(fence)?;
    Some(span.trim().to_owned())
}

#[test]
fn the_technicians_page_explains_each_message_and_none_that_is_gone() {
    let page = std::fs::read_to_string(root().join(PAGE)).expect("the page is text");
    let explained: BTreeSet<String> = explained(&page).into_iter().collect();
    let sources = Sources::read();
    assert!(
        sources.messages.len() > 300,
        "only {} messages were found in the sources",
        sources.messages.len()
    );
    let missing: Vec<String> = sources
        .messages
        .iter()
        .filter(|(message, _)| !explained.contains(*message))
        .map(|(message, place)| format!("{message}    ({place})"))
        .collect();
    let gone: Vec<&str> = explained
        .iter()
        .filter(|message| !sources.texts.contains(*message))
        .map(String::as_str)
        .collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "{PAGE} does not explain:\n{}\nand explains what no source says:\n{}",
        missing.join("\n"),
        gone.join("\n")
    );
}

#[test]
fn messages_are_read_as_people_see_them() {
    assert_eq!(told("reading {}"), "reading …");
    assert_eq!(told("{wire}{more}: {by:?} has {{it}}"), "…: … has {it}");
    assert_eq!(
        told("say \\\"no\\\" \\\n    twice\\nover"),
        "say \"no\" twice over"
    );
}

#[test]
fn messages_are_told_from_other_texts() {
    let mut sources = Sources::default();
    let text = "#[error(\n    \"one {}\", x)] log::warn!(target: \"tensorrt\", \"two\");\n\
                Usage { message: format!(\"three\"), hint: \"four\" } log::info!(\"five\");\n\
                // log::warn!(\"six\")\n#[error(\"{what}\")]\n#[cfg(test)]\nmod tests {\n#[error(\"seven\")]";
    sources.add(Path::new("a.rs"), text);
    let messages: Vec<&str> = sources.messages.keys().map(String::as_str).collect();
    assert_eq!(messages, ["one …", "three", "two"]);
    assert_eq!(sources.messages["one …"], "a.rs:2");
    assert!(sources.texts.contains("four") && !sources.texts.contains("seven"));
}

#[test]
fn only_what_a_row_begins_with_is_explained() {
    let page = "# A\n\n| `before` | |\n\n## Messages\n\n| message | |\n|---|---|\n| `one …` | `two` |\n\
                | `` set `…` `` | |\ntext `three`\n";
    assert_eq!(explained(page), ["one …", "set `…`"]);
}
