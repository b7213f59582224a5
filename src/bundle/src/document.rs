//! TOML files of twinspect: read within a limit, parsed with errors that say where, which key, and
//! what was meant.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::DeTable;

/// Least similarity (Jaro-Winkler, 0 to 1) at which a known key is offered for an unknown one.
const SIMILARITY_MIN: f64 = 0.75;

/// A TOML file that says something that it must not say, at a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", file.display())]
pub struct DocumentError {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
    /// The unknown key, if that is what is wrong.
    pub key: Option<String>,
    /// The known key that the unknown one resembles most.
    pub nearest: Option<String>,
}

impl DocumentError {
    /// A value that is understood and refused, where it stands; `None` where nobody typed `key` (`key` or `table.key`).
    pub fn of_value(file: &Path, text: &str, key: &str, message: String) -> Option<Self> {
        let document = DeTable::parse(text).ok()?;
        let (table, last) = match key.split_once('.') {
            Some((table, last)) => (document.get_ref().get(table)?.get_ref().as_table()?, last),
            None => (document.get_ref(), key),
        };
        let offset = table.get(last)?.span().start;
        Some(Self::at(file, text, offset, message))
    }

    fn at(file: &Path, text: &str, offset: usize, message: String) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            file: file.to_path_buf(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
            key: None,
            nearest: None,
        }
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        match (&self.key, &self.nearest) {
            (Some(key), Some(nearest)) => Some(format!("did you mean `{nearest}` for `{key}`?")),
            (Some(key), None) => Some(format!("remove `{key}`")),
            _ => None,
        }
    }
}

/// Longest text that is read. A station's file has ten thousand bytes; a device or a recording that was
/// named by mistake has no end.
pub const TEXT_BYTES_MAX: u64 = 1 << 20;

/// The text of a file that a person has named. Whoever asks tells its name.
///
/// # Errors
/// As of reading a file; [`ErrorKind::FileTooLarge`] beyond [`TEXT_BYTES_MAX`],
/// [`ErrorKind::InvalidData`] where it is no UTF-8.
pub fn read(file: &Path) -> io::Result<String> {
    // A pipe would keep whoever opens it waiting.
    if !file.metadata()?.is_file() {
        let told = format!("{} is no regular file", file.display());
        return Err(io::Error::new(ErrorKind::InvalidInput, told));
    }
    let mut bytes = Vec::new();
    fs_err::File::open(file)?
        .take(TEXT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        let told = format!(
            "{} is longer than {TEXT_BYTES_MAX} bytes, which is more than any configuration needs",
            file.display()
        );
        return Err(io::Error::new(ErrorKind::FileTooLarge, told));
    }
    String::from_utf8(bytes).map_err(|_source| {
        let told = format!("{} is no text in UTF-8", file.display());
        io::Error::new(ErrorKind::InvalidData, told)
    })
}

/// Understands the text of a whole TOML file; `file` is only named in errors.
///
/// # Errors
/// The first problem, with its place. Types that deny unknown fields make unknown keys errors
/// that carry the nearest known key.
pub fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, DocumentError> {
    toml::from_str(text).map_err(|error| locate(file, text, &error))
}

/// What serde and TOML call a kind of value, and what people do.
const KINDS: [(&str, &str); 16] = [
    ("f32", "a number"),
    ("f64", "a number"),
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number, 0 or more"),
    ("usize", "a whole number, 0 or more"),
    ("a nonzero usize", "a whole number, 1 or more"),
    ("i32", "a whole number from -2147483648 to 2147483647"),
    ("i64", "a whole number"),
    ("a boolean", "true or false"),
    ("a string", "a text in quotes"),
    ("path string", "a path in quotes"),
    ("a borrowed string", "a text in quotes"),
    ("a sequence", "a list in brackets"),
    ("a map", "a table"),
];

/// Without the names of types, which say nothing to who writes a file.
fn plain(message: &str) -> String {
    // Of a key that knows some words, of which a value of another kind is none.
    if message == "wanted string or table" {
        return "invalid type: expected a word in quotes".to_owned();
    }
    let Some((before, kind)) = message.rsplit_once("expected ") else {
        return message.to_owned();
    };
    let in_words = KINDS.iter().find(|(name, _)| *name == kind);
    match (in_words, kind.strip_prefix("struct ")) {
        (Some((_, words)), _) => format!("{before}expected {words}"),
        (None, Some(name)) => {
            let after = name.trim_start_matches(|letter: char| letter.is_alphanumeric());
            format!("{before}expected a table{after}")
        }
        (None, None) => message.to_owned(),
    }
}

fn locate(file: &Path, text: &str, error: &toml::de::Error) -> DocumentError {
    let offset = error.span().map_or(0, |span| span.start);
    let message = plain(&error.message().trim().replace('\n', ", "));
    let (key, nearest) = unknown_key(&message);
    DocumentError {
        key,
        nearest,
        ..DocumentError::at(file, text, offset, message)
    }
}

/// The key that serde calls an unknown field, and the expected one that resembles it most.
///
/// Serde hands both over only inside its sentence, each name between backticks.
fn unknown_key(message: &str) -> (Option<String>, Option<String>) {
    if !message.starts_with("unknown field") {
        return (None, None);
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let Some(key) = names.next() else {
        return (None, None);
    };
    let nearest = names
        .map(|known| (strsim::jaro_winkler(key, known), known))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned());
    (Some(key.to_owned()), nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Camera {
        exposure_ms: f64,
        gain: f64,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Station {
        camera: Camera,
    }

    fn refused(text: &str) -> DocumentError {
        parse::<Station>(Path::new("station.toml"), text).expect_err("must be refused")
    }

    #[test]
    fn a_wrong_type_is_named_without_those_of_the_program() {
        let number = refused("[camera]\nexposure_ms = \"two\"\ngain = 1\n").message;
        assert!(number.ends_with("expected a number"), "{number}");
        let table = refused("camera = 3\n").message;
        assert!(table.ends_with("expected a table"), "{table}");
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Live,
        Recorded,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Kinds {
        count: usize,
        rate: u32,
        offset: i64,
        is_on: bool,
        name: String,
        file: PathBuf,
        list: Vec<f64>,
        kind: Kind,
    }

    impl Default for Kinds {
        fn default() -> Self {
            Self {
                count: 0,
                rate: 0,
                offset: 0,
                is_on: false,
                name: String::new(),
                file: PathBuf::new(),
                list: Vec::new(),
                kind: Kind::Live,
            }
        }
    }

    #[test]
    fn what_is_expected_is_told_in_words() {
        for (text, says) in [
            ("count = -1", "expected a whole number, 0 or more"),
            ("count = 1.5", "expected a whole number, 0 or more"),
            (
                "rate = 5000000000",
                "expected a whole number from 0 to 4294967295",
            ),
            ("rate = -1", "expected a whole number from 0 to 4294967295"),
            ("offset = \"a\"", "expected a whole number"),
            ("is_on = 1", "expected true or false"),
            ("name = 3", "expected a text in quotes"),
            ("file = 3", "expected a path in quotes"),
            ("list = 3", "expected a list in brackets"),
            ("list = [\"a\"]", "expected a number"),
            ("kind = 3", "expected a word in quotes"),
        ] {
            let told = parse::<Kinds>(Path::new("station.toml"), text).unwrap_err();
            assert!(told.message.ends_with(says), "{text}: {}", told.message);
        }
        let told = parse::<Kinds>(Path::new("station.toml"), "kind = \"alive\"").unwrap_err();
        let says = "unknown variant `alive`, expected `live` or `recorded`";
        assert_eq!(told.message, says);
        let kinds: Kinds = parse(Path::new("station.toml"), "kind = \"recorded\"").unwrap();
        assert!(matches!(kinds.kind, Kind::Recorded));
        let all = (kinds.count, kinds.rate, kinds.offset, kinds.is_on);
        assert_eq!(all, (0, 0, 0, false));
        assert!(kinds.name.is_empty() && kinds.list.is_empty());
        assert_eq!(kinds.file, Path::new(""));
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            read(folder.path()).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_correct_file_is_read() {
        let station: Station = parse(
            Path::new("station.toml"),
            "[camera]\nexposure_ms = 2\ngain = 1.5\n",
        )
        .unwrap();
        assert_eq!(
            (station.camera.exposure_ms, station.camera.gain),
            (2.0, 1.5)
        );
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_one() {
        let error = refused("[camera]\ngain = 1.0\n  exposure_mss = 2\n");
        assert_eq!((error.line, error.column), (3, 3));
        assert_eq!(error.key.as_deref(), Some("exposure_mss"));
        assert_eq!(error.nearest.as_deref(), Some("exposure_ms"));
        assert!(
            error
                .to_string()
                .starts_with("station.toml:3:3: unknown field")
        );
        assert_eq!(
            error.hint().as_deref(),
            Some("did you mean `exposure_ms` for `exposure_mss`?")
        );
    }

    #[test]
    fn a_key_like_no_other_is_offered_for_removal() {
        let error = refused("[camera]\nexposure_ms = 2\ngain = 1.0\nzzz = 3\n");
        assert_eq!(error.nearest, None);
        assert_eq!(error.hint().as_deref(), Some("remove `zzz`"));
    }

    #[test]
    fn broken_syntax_and_wrong_types_name_their_line() {
        assert_eq!(refused("[camera\n").line, 1);
        assert_eq!(
            refused("[camera]\ngain = 'high'\nexposure_ms = 2\n").line,
            2
        );
    }

    #[test]
    fn columns_count_characters() {
        let error = refused("camera = { \"é\" = 1 }\n");
        assert_eq!((error.line, error.column), (1, 12));
    }
}
