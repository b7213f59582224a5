//! Collects everything that is wrong with a configuration before any of it is refused.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use twinspect_core::belt::Axis;

use super::contradiction;
use twinspect_core::number::{ms, number};

/// Longest time that any key may ask for.
pub(super) const DURATION_MAX_MS: f64 = 3_600_000.0;

/// A value that is impossible, or contradicts another one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum StationError {
    /// A number outside its range.
    #[error("{key} = {found} must be {expected}")]
    Range {
        key: &'static str,
        found: String,
        expected: String,
    },
    /// Trigger, encoder, gate or READY can't work like this.
    #[error("{}", contradiction::in_keys(error, *axis))]
    Decisions {
        error: twinspect_core::station::StationError,
        /// On which places are told.
        axis: Axis,
    },
    /// Two keys in the wrong order.
    #[error(
        "{} = {} must be less than {} = {}",
        lesser.0,
        milliseconds(lesser.1),
        greater.0,
        milliseconds(greater.1)
    )]
    Order {
        lesser: (&'static str, Duration),
        greater: (&'static str, Duration),
    },
    /// A wire that is missing, or that nothing would use.
    #[error("line.{wire} {problem}")]
    Wire { wire: &'static str, problem: String },
}

/// Collects everything that is wrong on the way from typed to meant.
#[derive(Default)]
pub(super) struct Checker {
    pub(super) problems: Vec<StationError>,
}

impl StationError {
    /// The example that explains what it is about, with its bounds.
    pub(super) fn explained_in(&self) -> &'static str {
        match self {
            Self::Range { key, .. }
            | Self::Order {
                lesser: (key, _), ..
            } => example_of(key),
            Self::Wire { .. } => WIRES,
            Self::Decisions { .. } => STATION,
        }
    }
}

/// Examples that explain keys, each the keys of some tables.
pub(super) const STATION: &str = "station-replay.toml";
pub(super) const WIRES: &str = "station-gpio.toml";
pub(super) const REALSENSE: &str = "station-realsense.toml";
pub(super) const V4L2: &str = "station-v4l2.toml";

/// The example that explains a key.
fn example_of(key: &str) -> &'static str {
    let table = key.split_once('.').map_or(key, |(table, _)| table);
    match (table, key) {
        ("realsense", _) | (_, "camera.file") => REALSENSE,
        ("v4l2", _) => V4L2,
        ("line" | "handshake", _) => WIRES,
        _ => STATION,
    }
}

impl Checker {
    pub(super) fn require(
        &mut self,
        holds: bool,
        key: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) {
        if !holds {
            self.problems.push(StationError::Range {
                key,
                found: found.to_string(),
                expected: expected.to_string(),
            });
        }
    }

    /// Milliseconds above zero.
    pub(super) fn duration(&mut self, key: &'static str, milliseconds: f64) -> Duration {
        let holds = milliseconds > 0.0 && milliseconds <= DURATION_MAX_MS;
        let expected = format!("above 0 and at most {DURATION_MAX_MS}");
        self.require(holds, key, number(milliseconds), expected);
        let sane = if holds { milliseconds } else { 1.0 };
        Duration::from_secs_f64(sane / 1e3)
    }

    pub(super) fn order(
        &mut self,
        lesser: (&'static str, Duration),
        greater: (&'static str, Duration),
    ) {
        if lesser.1 >= greater.1 && !self.is_told(lesser.0) && !self.is_told(greater.0) {
            self.problems.push(StationError::Order { lesser, greater });
        }
    }

    /// Whether a number is wrong by itself, and something else was put in its place.
    fn is_told(&self, key: &str) -> bool {
        let mut told = self.problems.iter().filter_map(|problem| match problem {
            StationError::Range { key, .. } => Some(*key),
            _ => None,
        });
        told.any(|told| told == key)
    }

    pub(super) fn count(&mut self, key: &'static str, count: usize, most: usize) -> usize {
        let holds = (1..=most).contains(&count);
        self.require(holds, key, count, format!("from 1 to {most}"));
        count
    }

    /// A file or folder; relative ones start at `base`.
    pub(super) fn path(&mut self, key: &'static str, typed: &Path, base: &Path) -> PathBuf {
        let is_named = !typed.as_os_str().is_empty();
        self.require(is_named, key, "\"\"", "the path of a file or folder");
        self.without_zero(key, typed);
        base.join(typed)
    }

    /// A path that the system can be asked for: it takes what stands behind a zero for no part of it, or nothing at all.
    pub(super) fn without_zero(&mut self, key: &'static str, typed: &Path) {
        let has_zero = typed.as_os_str().as_bytes().contains(&0);
        let found = quoted(&typed.to_string_lossy());
        self.require(!has_zero, key, found, "a path without a zero byte (\\0)");
    }

    pub(super) fn us(&mut self, key: &'static str, milliseconds: f64) -> u64 {
        self.duration(key, milliseconds).as_micros() as u64
    }

    /// Milliseconds, or none for zero.
    pub(super) fn optional_us(&mut self, key: &'static str, milliseconds: f64) -> u64 {
        let holds = (0.0..=DURATION_MAX_MS).contains(&milliseconds);
        let expected = format!("from 0 to {DURATION_MAX_MS}");
        self.require(holds, key, number(milliseconds), expected);
        let sane = if holds { milliseconds } else { 0.0 };
        Duration::from_secs_f64(sane / 1e3).as_micros() as u64
    }
}

/// A time as it may have been typed.
fn milliseconds(time: Duration) -> String {
    ms(time.as_micros() as u64)
}

/// What was found, in quotes, so that blanks and what can't be seen are.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}
