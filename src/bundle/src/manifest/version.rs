//! Semantic versions of models (semver.org 2.0.0).

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// `MAJOR.MINOR.PATCH`, with `-PRERELEASE` and `+BUILD` where wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// Text that is no semantic version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no semantic version, expected one like 1.4.0 or 2.0.0-rc.1")]
pub struct VersionError {
    /// The text.
    pub text: String,
}

impl Version {
    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which of two versions is the newer one (semver.org 2.0.0, item 11). Builds of one version are equal.
    pub fn precedence(&self, other: &Self) -> Ordering {
        let ((core, pre), (core_of_other, pre_of_other)) = (self.parts(), other.parts());
        let by_number = core
            .split('.')
            .zip(core_of_other.split('.'))
            .map(|(one, other)| numeric(one, other))
            .find(|order| order.is_ne());
        by_number.unwrap_or_else(|| match (pre, pre_of_other) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => by_identifiers(one, other),
        })
    }

    /// `MAJOR.MINOR.PATCH`, and the prerelease.
    fn parts(&self) -> (&str, Option<&str>) {
        split(split(&self.0, '+').0, '-')
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        if is_semantic(&text) {
            Ok(Self(text))
        } else {
            Err(VersionError { text })
        }
    }
}

impl std::str::FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        text.to_owned().try_into()
    }
}

fn is_semantic(text: &str) -> bool {
    let (rest, build) = split(text, '+');
    let (core, pre) = split(rest, '-');
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|number| is_number(number))
        && pre.is_none_or(|pre| identifiers(pre, |id| !is_digits(id) || is_number(id)))
        && build.is_none_or(|build| identifiers(build, |_| true))
}

/// Numbers without leading zeros, of any length.
fn numeric(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then(one.cmp(other))
}

fn by_identifiers(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(one), Some(other)) => match (is_digits(one), is_digits(other)) {
                (true, true) => numeric(one, other),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => one.cmp(other),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn identifiers(text: &str, extra: impl Fn(&str) -> bool) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.split('.')
        .all(|id| !id.is_empty() && id.bytes().all(known) && extra(id))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_semver_says() {
        // The order of its item 11, with numbers that no integer holds.
        let rising = [
            "0.9.10",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.9.0",
            "1.10.0",
            "99999999999999999999.0.0",
            "100000000000000000000.0.0",
        ]
        .map(|text| text.parse::<Version>().unwrap());
        for (place, one) in rising.iter().enumerate() {
            for (other_place, other) in rising.iter().enumerate() {
                assert_eq!(
                    one.precedence(other),
                    place.cmp(&other_place),
                    "{one} {other}"
                );
            }
        }
        let (one, other) = ("1.0.0+a".parse().unwrap(), "1.0.0+b".parse().unwrap());
        assert_eq!(Version::precedence(&one, &other), Ordering::Equal);
    }

    #[test]
    fn semantic_versions_and_no_others() {
        for good in [
            "0.0.0",
            "1.20.3",
            "1.0.0-rc.1",
            "1.0.0-0a.x-y+01.b",
            "1.0.0+7",
        ] {
            assert!(good.parse::<Version>().is_ok(), "{good}");
        }
        for bad in [
            "", "1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-01",
        ]
        .into_iter()
        .chain(["1.0.0+", "1.0.0-a..b", "1.0.0 ", "1.0.-1", "1.0.é"])
        {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
