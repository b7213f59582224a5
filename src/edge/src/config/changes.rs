//! What may change while a station runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use twinspect_core::station::StationError;

use super::{ConfigError, Loaded, StationToml, explain};

/// Keys that a running station takes over, for the parts to come. All others belong to what is
/// opened, proven or timed at start.
const WHILE_RUNNING: [&str; 7] = [
    "gate.delay_ms",
    "gate.deadline_ms",
    "gate.pulse_ms",
    "gate.merge_ms",
    "encoder.delay_counts",
    "encoder.pulse_counts",
    "encoder.merge_counts",
];

/// Of these, what a station with an encoder does not go by.
const OF_TIME: [&str; 2] = ["gate.delay_ms", "gate.merge_ms"];

/// A key with another value. Its names are for scripts and stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) key: String,
    /// As TOML.
    pub(crate) from: String,
    /// As TOML.
    pub(crate) to: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {} (was {})", self.key, self.to, self.from)
    }
}

/// Why a running station keeps its configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// The file can't be used by any station.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file wants what only a start can do.
    #[error("{} can't change while the station runs: restart it", keys.join(", "))]
    NeedsRestart { keys: Vec<String> },
    /// The file changes what this station does not go by.
    #[error(
        "{} would change nothing: {}",
        keys.join(", "),
        if *by_encoder {
            "the encoder's counts say where a part lies"
        } else {
            "there is no encoder"
        }
    )]
    NoEffect { keys: Vec<String>, by_encoder: bool },
    /// The state machines refuse.
    #[error(transparent)]
    Station(#[from] StationError),
}

impl ReloadError {
    /// The remedy, where there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::NoEffect { by_encoder: true, .. } => Some(
                "change encoder.delay_counts, pulse_counts or merge_counts, or leave the key as it was"
                    .to_owned(),
            ),
            Self::NoEffect { .. } => Some("leave the key as it was".to_owned()),
            Self::NeedsRestart { .. } | Self::Station(_) => None,
        }
    }
}

impl Loaded {
    /// Every key with another value.
    pub(crate) fn differences(&self, new: &Self) -> Vec<Change> {
        let (old, new) = (values(&self.typed), values(&new.typed));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let value = |values: &BTreeMap<String, String>, key| {
            values.get(key).map_or("absent", String::as_str).to_owned()
        };
        names
            .into_iter()
            .filter(|key| old.get(*key) != new.get(*key))
            .map(|key| Change {
                key: key.clone(),
                from: value(&old, key),
                to: value(&new, key),
            })
            .collect()
    }

    /// What another reading of the file changes, if a running station can take all of it over.
    ///
    /// # Errors
    /// [`ReloadError::NeedsRestart`] with every key that it can't, and [`ReloadError::NoEffect`] with those
    /// that would change nothing: whoever has changed them believes that they did.
    pub(crate) fn changes(&self, new: &Self) -> Result<Vec<Change>, ReloadError> {
        let changes = self.differences(new);
        let named = |is_meant: &dyn Fn(&str) -> bool| -> Vec<String> {
            let keys = changes.iter().map(|change| &change.key);
            keys.filter(|key| is_meant(key)).cloned().collect()
        };
        let keys = named(&|key| !WHILE_RUNNING.contains(&key));
        if !keys.is_empty() {
            return Err(ReloadError::NeedsRestart { keys });
        }
        let by_encoder = self.station.decisions.encoder.is_some();
        let keys = named(&|key| match by_encoder {
            true => OF_TIME.contains(&key),
            false => key.starts_with("encoder."),
        });
        if !keys.is_empty() {
            return Err(ReloadError::NoEffect { keys, by_encoder });
        }
        Ok(changes)
    }
}

/// Every key with its value as TOML.
fn values(typed: &StationToml) -> BTreeMap<String, String> {
    explain::keys(typed)
        .into_iter()
        .map(|(table, key, value)| (format!("{table}.{key}"), value.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twinspect_core::station::Station;

    use super::super::parse;
    use super::*;

    const LEAST: &str =
        "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"replay\"\nfolder = \"cap\"\n";
    const ENCODER: &str = "[encoder]\nkind = \"single\"\n";

    fn station(rest: &str) -> Loaded {
        parse(Path::new("station.toml"), &format!("{LEAST}{rest}")).unwrap()
    }

    /// The keys that changed, after a running station has taken them over.
    fn taken_over(from: &str, to: &str) -> Vec<String> {
        let (old, new) = (station(from), station(to));
        let mut running = Station::new(old.station.decisions, [false; 2]).unwrap();
        running.reload(new.station.decisions).unwrap();
        let changes = old.changes(&new).unwrap();
        changes.into_iter().map(|change| change.key).collect()
    }

    #[test]
    fn the_state_machines_take_over_every_key_that_may_change() {
        let mut taken = taken_over(
            "[gate]\noutput = \"reject_pulse\"\n",
            "[gate]\noutput = \"reject_pulse\"\ndelay_ms = 410\ndeadline_ms = 340\npulse_ms = 31\n\
             merge_ms = 5\n",
        );
        taken.extend(taken_over(
            &format!("{ENCODER}[gate]\noutput = \"reject_pulse\"\n"),
            &format!(
                "{ENCODER}delay_counts = 410\npulse_counts = 31\nmerge_counts = 5\n\
                 [gate]\noutput = \"reject_pulse\"\n"
            ),
        ));
        taken.sort();
        let mut all = WHILE_RUNNING.map(str::to_owned);
        all.sort();
        assert_eq!(taken, all);
    }

    #[test]
    fn all_other_keys_that_changed_are_named_and_nothing_else() {
        let new = station("[gate]\ndelay_ms = 410\n[trigger]\nrate_hz = 3\ndebounce_ms = 1\n");
        let error = station("").changes(&new).unwrap_err();
        assert_eq!(
            error.to_string(),
            "trigger.debounce_ms, trigger.rate_hz can't change while the station runs: restart it"
        );
    }

    #[test]
    fn what_a_station_does_not_go_by_is_refused() {
        let change = format!("{ENCODER}[gate]\ndelay_ms = 1700\n");
        let error = station(ENCODER).changes(&station(&change)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "gate.delay_ms would change nothing: the encoder's counts say where a part lies"
        );
        assert!(error.hint().unwrap().contains("encoder.delay_counts"));
        let change = "[encoder]\ndelay_counts = 410\n";
        let error = station("").changes(&station(change)).unwrap_err();
        assert!(
            error.to_string().ends_with("there is no encoder"),
            "{error}"
        );
    }

    #[test]
    fn the_same_values_in_other_words_are_no_change() {
        let written = station("[gate]\ndelay_ms = 400\n");
        assert_eq!(station("").changes(&written).unwrap(), []);
    }

    #[test]
    fn a_change_tells_both_values() {
        let changes = station("")
            .changes(&station("[gate]\ndelay_ms = 410\n"))
            .unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].to_string(), "gate.delay_ms = 410.0 (was 400.0)");
    }

    #[test]
    fn what_is_handed_over_means_the_same() {
        let loaded = station("[gate]\ndelay_ms = 410.1\n");
        let text = loaded.text(Path::new("cap.twb")).unwrap();
        let again = parse(Path::new("station.toml"), &text).unwrap();
        assert_eq!(again.station, loaded.station);
    }

    #[test]
    fn what_is_handed_over_names_one_bundle() {
        let path = Path::new("/etc/twinspect/left.toml");
        let text = LEAST.replace("file = \"cap.twb\"", "active = true");
        let loaded = parse(path, &text).unwrap();
        let bundle = Path::new("/var/lib/twinspect/models/installed/cap");
        let again = parse(path, &loaded.text(bundle).unwrap()).unwrap();
        assert_eq!(again.station.bundle.resolve().unwrap(), bundle);
        let recipes = "[line]\nkind = \"gpio\"\nsensor = { name = \"IN\" }\npass = { name = \"OUT\" }\n\
                       recipe_0 = { name = \"R\" }\n\
                       [recipes]\nlist = [{ number = 1, model = \"cap\" }]\n";
        let loaded = parse(path, &format!("{text}{recipes}")).unwrap();
        let again = parse(path, &loaded.text(bundle).unwrap()).unwrap();
        assert!(again.station.recipes.is_none(), "it was chosen by a recipe");
    }
}
