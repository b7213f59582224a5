//! The names of what is installed, and of the stations that go by it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use twinspect_bundle::{Bundle, Manifest, Version};

/// Digits of a bundle's hash that are part of an installed model's name.
const DIGEST_DIGITS: usize = 12;
/// Longest name of an installed model; with what is put before it, it must be the name of a file.
const ID_BYTES_MAX: usize = 200;
/// Longest name of a station.
const STATION_BYTES_MAX: usize = 100;

/// The name of an installed model: `<name>-<version>-<first 12 digits of the bundle's hash>`.
///
/// It is the name of a folder: no value of this type leads out of the folder that it is looked for in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelId {
    text: String,
    /// Where the version starts, and where it ends.
    version: (usize, usize),
}

/// Text that names no installed model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no name of an installed model, expected NAME-VERSION-HASH like cap-1.4.0-0123456789ab"
)]
pub struct ModelIdError {
    /// The text.
    pub text: String,
}

impl ModelId {
    /// The name under which a bundle is installed.
    ///
    /// # Errors
    /// [`ModelIdError`] for a version that is too long to be part of a file's name.
    pub fn of(bundle: &Bundle) -> Result<Self, ModelIdError> {
        let manifest = bundle.manifest();
        let digest: String = bundle.hash().chars().take(DIGEST_DIGITS).collect();
        format!("{}-{}-{digest}", manifest.name, manifest.version).try_into()
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The product's name.
    pub fn name(&self) -> &str {
        self.text.get(..self.version.0 - 1).unwrap_or_default()
    }

    /// The model's version.
    pub fn version(&self) -> &str {
        let (start, end) = self.version;
        self.text.get(start..end).unwrap_or_default()
    }

    /// Which of two models has the newer version.
    pub(super) fn precedence(&self, other: &Self) -> Ordering {
        // What is no version is no model's name.
        match (
            self.version().parse::<Version>(),
            other.version().parse::<Version>(),
        ) {
            (Ok(one), Ok(other)) => one.precedence(&other),
            _ => Ordering::Equal,
        }
    }

    /// The first 12 digits of the bundle's hash.
    pub fn digest(&self) -> &str {
        self.text.get(self.version.1 + 1..).unwrap_or_default()
    }

    /// Whether this is what somebody means who types all of it, the name, name and version, or at least four
    /// digits of the hash.
    pub(super) fn is_meant_by(&self, typed: &str) -> bool {
        let is_hash = typed.len() >= 4 && typed.bytes().all(is_hex);
        // Of a whole hash, what the name holds of it.
        let digits = typed.get(..DIGEST_DIGITS).unwrap_or(typed);
        self.text == typed
            || self.name() == typed
            || self.text.get(..self.version.1) == Some(typed)
            || is_hash && self.digest().starts_with(digits)
    }
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// Start and end of the version. A product's name has no dot and a version has, so that the version starts
/// behind the last `-` before the first dot.
fn version_in(text: &str) -> Option<(usize, usize)> {
    let (rest, digest) = text.rsplit_once('-')?;
    let is_digest = digest.len() == DIGEST_DIGITS && digest.bytes().all(is_hex);
    let start = rest.get(..rest.find('.')?)?.rfind('-')? + 1;
    let name = rest.get(..start - 1)?;
    let version = rest.get(start..)?;
    let is_id = is_digest
        && text.len() <= ID_BYTES_MAX
        && Manifest::is_name(name)
        && version.parse::<Version>().is_ok();
    is_id.then_some((start, rest.len()))
}

impl TryFrom<String> for ModelId {
    type Error = ModelIdError;

    fn try_from(text: String) -> Result<Self, ModelIdError> {
        match version_in(&text) {
            Some(version) => Ok(Self { text, version }),
            None => Err(ModelIdError { text }),
        }
    }
}

impl std::str::FromStr for ModelId {
    type Err = ModelIdError;

    fn from_str(text: &str) -> Result<Self, ModelIdError> {
        text.to_owned().try_into()
    }
}

impl From<ModelId> for String {
    fn from(id: ModelId) -> Self {
        id.text
    }
}

impl std::fmt::Display for ModelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.text)
    }
}

/// The name of a station: that of its configuration's file, without the ending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StationName(String);

/// Text that can't be a station's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} can't be the name of a station, expected 1 to {STATION_BYTES_MAX} bytes of a file's name that does not start with a dot"
)]
pub struct StationNameError {
    /// The text.
    pub text: String,
}

impl StationName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for StationName {
    type Err = StationNameError;

    fn from_str(text: &str) -> Result<Self, StationNameError> {
        let is_name = (1..=STATION_BYTES_MAX).contains(&text.len())
            && !text.starts_with('.')
            && !text.contains('/')
            && !text.chars().any(char::is_control);
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(StationNameError {
                text: text.to_owned(),
            })
        }
    }
}

impl std::fmt::Display for StationName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "0123456789ab";

    #[test]
    fn a_name_is_taken_apart_where_it_was_joined() {
        for (name, version) in [
            ("cap", "1.0.0"),
            ("a-1", "2.0.0"),
            ("a-1-2", "10.20.30-rc.1+b-7.x"),
            ("-", "0.0.0-x-y.1"),
        ] {
            let id: ModelId = format!("{name}-{version}-{DIGEST}").parse().unwrap();
            assert_eq!(
                (id.name(), id.version(), id.digest()),
                (name, version, DIGEST)
            );
        }
    }

    #[test]
    fn nothing_that_leads_elsewhere_is_a_name() {
        for text in [
            "",
            "cap",
            "..",
            "cap-1.0.0",
            "cap-1.0.0-0123456789AB",
            "cap-1.0.0-0123456789a",
            "../cap-1.0.0-0123456789ab",
            "a/b-1.0.0-0123456789ab",
            "Cap-1.0.0-0123456789ab",
            ".incoming-cap-1.0.0-0123456789ab",
            "cap-1.0-0123456789ab",
            "cap-1.0.0 -0123456789ab",
        ] {
            assert!(text.parse::<ModelId>().is_err(), "{text}");
        }
        let long = format!("cap-1.0.0-{}-{DIGEST}", "x".repeat(ID_BYTES_MAX));
        assert!(long.parse::<ModelId>().is_err());
    }

    #[test]
    fn people_may_type_less() {
        let id: ModelId = format!("cap-1.0.0-{DIGEST}").parse().unwrap();
        let whole_hash = format!("{DIGEST}{}", "7".repeat(52));
        for typed in [id.as_str(), "cap", "cap-1.0.0", "0123", DIGEST, &whole_hash] {
            assert!(id.is_meant_by(typed), "{typed}");
        }
        for typed in [
            "",
            "ca",
            "cap-1",
            "cap-1.0.0-",
            "012",
            "1234",
            "0123456789AB",
        ] {
            assert!(!id.is_meant_by(typed), "{typed}");
        }
    }

    #[test]
    fn a_station_s_name_is_the_name_of_a_file() {
        for text in ["station", "left 2", "straße", "a.b"] {
            assert!(text.parse::<StationName>().is_ok(), "{text}");
        }
        for text in ["", ".", "..", ".hidden", "a/b", "a\nb", "a\0"] {
            assert!(text.parse::<StationName>().is_err(), "{text:?}");
        }
        assert!(
            "x".repeat(STATION_BYTES_MAX + 1)
                .parse::<StationName>()
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_back_and_stays_in_its_folder(text in "[a-z0-9./+_-]{0,40}") {
            if let Ok(id) = text.parse::<ModelId>() {
                prop_assert_eq!(id.to_string(), text.clone());
                prop_assert!(!text.contains('/') && !text.starts_with('.'));
                let joined = format!("{}-{}-{}", id.name(), id.version(), id.digest());
                prop_assert_eq!(joined, text);
            }
        }
    }
}
