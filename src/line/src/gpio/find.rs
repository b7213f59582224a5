//! From a line's name to its place.

use super::chips::Lines;
use super::{Found, GpioError, LineName};

/// Names at least so alike may have been meant.
const LIKENESS_MIN: f64 = 0.8;

/// The only line of this name.
///
/// A name that occurs twice is refused: the first one found may be another pin after the next boot.
pub(super) fn find<'a>(
    lines: &'a Lines,
    wire: &'static str,
    line: &LineName,
) -> Result<&'a Found, GpioError> {
    let is_meant = |found: &&Found| {
        let is_on_chip = line.chip.as_ref();
        found.name == line.name && is_on_chip.is_none_or(|chip| *chip == found.place.label)
    };
    let candidates: Vec<&Found> = lines.found.iter().filter(is_meant).collect();
    match candidates[..] {
        [found] => Ok(found),
        [] => Err(missing(lines, wire, line)),
        _ => Err(GpioError::Ambiguous {
            wire,
            line: line.clone(),
            places: candidates
                .into_iter()
                .map(|found| found.place.clone())
                .collect(),
        }),
    }
}

fn missing(lines: &Lines, wire: &'static str, line: &LineName) -> GpioError {
    // Each closed chip may be the one, and its errno is what the reader needs.
    if let Some((chip, source)) = lines.closed.first() {
        return GpioError::Closed {
            wire,
            line: line.clone(),
            chip: chip.clone(),
            source: copy(source),
        };
    }
    let elsewhere = lines.found.iter().find(|found| found.name == line.name);
    let similar = || {
        let alike = lines
            .found
            .iter()
            .map(|found| (likeness(&found.name, &line.name), found))
            .filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
        alike.max_by(|one, other| one.0.total_cmp(&other.0))
    };
    let hint = match (elsewhere, similar()) {
        (Some(found), _) => format!("the line of this name is {}", found.place),
        (None, Some((_, found))) => format!("did you mean {:?}, {}?", found.name, found.place),
        (None, None) => {
            "`gpioinfo` lists the names; a kernel without names for this board needs them in its \
             device tree (gpio-line-names)"
                .to_owned()
        }
    };
    GpioError::Missing {
        wire,
        line: line.clone(),
        hint,
    }
}

fn likeness(one: &str, other: &str) -> f64 {
    strsim::jaro_winkler(&one.to_lowercase(), &other.to_lowercase())
}

/// The same error once more, as far as the kernel has said it.
fn copy(error: &std::io::Error) -> std::io::Error {
    match error.raw_os_error() {
        Some(code) => std::io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::double::{Double, found};
    use super::super::{Chips, LineName};
    use super::*;

    fn line(name: &str, chip: Option<&str>) -> LineName {
        LineName {
            name: name.to_owned(),
            chip: chip.map(str::to_owned),
        }
    }

    fn lines() -> Lines {
        Double::new([
            found("main", 3, "PN.01"),
            found("aon", 4, "PCC.04"),
            found("main", 5, "PCC.04"),
            found("main", 6, ""),
        ])
        .lines()
        .unwrap()
    }

    #[test]
    fn a_line_is_found_by_its_name_and_where_needed_by_its_chip() {
        let lines = lines();
        let offset = |name, chip| {
            find(&lines, "sensor", &line(name, chip))
                .ok()
                .map(|found| found.place.offset)
        };
        assert_eq!(offset("PN.01", None), Some(3));
        assert_eq!(offset("PCC.04", Some("aon")), Some(4));
        assert_eq!(offset("PCC.04", Some("main")), Some(5));
        assert_eq!(offset("PN.01", Some("aon")), None);
    }

    #[test]
    fn a_name_that_occurs_twice_is_refused_with_the_labels() {
        let error = find(&lines(), "pass", &line("PCC.04", None)).unwrap_err();
        assert!(error.to_string().contains("2 lines are called \"PCC.04\""));
        assert!(error.hint().unwrap().contains("chip = \"aon\""));
    }

    #[test]
    fn the_labels_don_t_help_where_they_are_the_same() {
        let lines = Double::new([found("twin", 1, "IN"), found("twin", 2, "IN")])
            .lines()
            .unwrap();
        let error = find(&lines, "pass", &line("IN", Some("twin"))).unwrap_err();
        assert!(error.hint().unwrap().contains("device"), "{error}");
    }

    #[test]
    fn a_missing_line_has_a_remedy() {
        for (name, chip, expected) in [
            ("pn.01", None, "did you mean \"PN.01\""),
            ("PN.01", Some("aon"), "line 3 of /dev/main (main)"),
            ("READY", None, "gpioinfo"),
        ] {
            let error = find(&lines(), "ready", &line(name, chip)).unwrap_err();
            let hint = error.hint().unwrap();
            assert!(hint.contains(expected), "{hint}");
        }
    }

    #[test]
    fn a_line_that_may_be_on_a_closed_chip_is_a_matter_of_rights() {
        for (code, expected) in [(13, "group gpio"), (1, "DeviceAllow")] {
            let mut lines = lines();
            let error = std::io::Error::from_raw_os_error(code);
            lines.closed.push(("/dev/gpiochip9".into(), error));
            let error = find(&lines, "ready", &line("READY", None)).unwrap_err();
            assert!(error.to_string().contains("/dev/gpiochip9"), "{error}");
            assert!(error.hint().unwrap().contains(expected), "{error:?}");
            assert!(find(&lines, "pass", &line("PN.01", None)).is_ok());
        }
    }
}
