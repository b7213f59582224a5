//! The small files of the store: which model is a station's, and what is known of an installed one.

use serde::{Deserialize, Serialize};

use super::ModelId;

/// How a model came to be a station's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It was chosen.
    Activated,
    /// The one after it was given up.
    RolledBack,
}

/// Which model is a station's: `active/STATION.toml`. The file is replaced as a whole by one rename, and
/// nothing else says which model is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The station's model.
    pub active: ModelId,
    /// The one before it: the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ModelId>,
    /// Since when, in seconds since 1970; for people.
    pub since_s: u64,
    /// By which way.
    pub how: How,
}

/// Which recipe somebody has selected at a station: `selected/STATION.toml`. It is there from the selection on, so that
/// nothing else is judged when the power comes back before its model was in charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Its number.
    pub recipe: u32,
}

/// That an engine of this machine has reproduced a model's goldens: `proofs/ID.toml`. Without it a model
/// can't be activated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The whole hash of the bundle.
    pub hash: String,
    /// The engine's name.
    pub engine: String,
    /// Release of the program that has proven it.
    pub program: String,
    /// Number of goldens.
    pub goldens: u64,
    /// Largest difference of a map from a golden's, as a share of the golden's range.
    pub worst_map_share: f64,
    /// Largest difference of a map that was allowed.
    pub tolerance: f64,
    /// Largest difference of the evidence, as a share of the threshold.
    pub worst_evidence_share: f64,
    /// When, in seconds since 1970; for people.
    pub at_s: u64,
}
