//! Every key with its value and where the value came from.

use std::path::Path;

use serde::Serialize;
use toml::{Table, Value};
use twinspect_bundle::document;

use super::{ConfigError, StationToml};

/// One key of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Setting {
    /// Table and key: `gate.delay_ms`.
    pub(crate) key: String,
    /// As TOML.
    pub(crate) value: String,
    /// Whether the file does not name it.
    pub(crate) is_default: bool,
}

/// All keys, sorted by table and name.
pub(super) fn settings(
    path: &Path,
    text: &str,
    typed: &StationToml,
) -> Result<Vec<Setting>, ConfigError> {
    let written: Table = document::parse(path, text)?;
    Ok(keys(typed)
        .into_iter()
        .map(|(table, key, value)| Setting {
            is_default: written
                .get(&table)
                .and_then(|table| table.get(&key))
                .is_none(),
            key: format!("{table}.{key}"),
            value: value.to_string(),
        })
        .collect())
}

/// Table, key and value of everything that a configuration holds.
pub(super) fn keys(typed: &StationToml) -> Vec<(String, String, Value)> {
    let Ok(Value::Table(tables)) = Value::try_from(typed) else {
        return Vec::new();
    };
    tables
        .into_iter()
        .filter_map(|(name, table)| match table {
            Value::Table(keys) => Some((name, keys)),
            _ => None,
        })
        .flat_map(|(name, keys)| {
            keys.into_iter()
                .map(move |(key, value)| (name.clone(), key, value))
        })
        .collect()
}
