//! What can be wrong with a configuration, told with the nearest known key.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

/// A training configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("reading the training configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what the program expects.
    #[error("{}:{line}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// What is wrong, with the nearest known key if one was misspelt.
        message: String,
    },
    /// A value outside its range.
    #[error("{key} = {found}: expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
}

impl ConfigError {
    /// A value that was typed in a file, with the line where it stands.
    pub(super) fn at_its_line(self, path: &Path, text: &str) -> Self {
        let Self::Value { key, .. } = &self else {
            return self;
        };
        let Some(line) = line_of(key, text) else {
            return self;
        };
        Self::Parse {
            path: path.to_owned(),
            line,
            message: self.to_string(),
        }
    }
}

/// The line, from 1, where the value of a dotted key begins; none where it was not typed.
fn line_of(key: &str, text: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let (section, last) = match key.split_once('.') {
        Some((section, last)) => (table.get_ref().get(section)?.get_ref().as_table()?, last),
        None => (table.get_ref(), key),
    };
    let start = section.get(last)?.span().start;
    Some(text[..start].matches('\n').count() + 1)
}

/// What Rust calls numbers, as people do.
const NUMBERS: [(&str, &str); 5] = [
    ("expected usize", "expected a whole number, 0 or more"),
    ("expected u64", "expected a whole number, 0 or more"),
    (
        "expected a nonzero usize",
        "expected a whole number, 1 or more",
    ),
    ("expected f32", "expected a number"),
    ("expected f64", "expected a number"),
];

/// Line, message, and the nearest known key where one is unknown.
pub(super) fn parse_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text[..start].matches('\n').count() + 1;
    let mut message = error.message().to_owned();
    for (rust, words) in NUMBERS {
        message = message.replace(rust, words);
    }
    if let Some((unknown, known)) = unknown_field(&message) {
        let nearest = known
            .iter()
            .map(|key| (strsim::jaro_winkler(&unknown, key), key))
            .filter(|(likeness, _)| *likeness > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, key)) = nearest {
            message.push_str(&format!("; did you mean `{key}`?"));
        }
    }
    ConfigError::Parse {
        path: path.to_owned(),
        line,
        message,
    }
}

/// Splits serde's "unknown field `x`, expected one of `a`, `b`".
fn unknown_field(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    let known = rest
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    Some((unknown.to_owned(), known))
}
