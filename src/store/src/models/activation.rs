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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Its number, which is not 0.
    pub recipe: u32,
}

/// What `selected/STATION.toml` holds. Where a model ends the recipe, or brings another one, both files have to change
/// at once, and only one rename can: this file is written first and says what counts before and after the other one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Selected {
    /// The number of the recipe; 0: none.
    recipe: u32,
    /// What counts in its place from a certain activation on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    recipe: u32,
    /// All of it: a model that is activated once more has another time, or another model before it.
    activation: Activation,
}

impl Selected {
    /// Whatever the station's model is.
    pub(super) fn plain(selection: Selection) -> Self {
        Self {
            recipe: selection.recipe,
            next: None,
        }
    }

    /// `before` until this activation is written, and `after` from then on.
    pub(super) fn changing(
        before: Option<Selection>,
        after: Option<Selection>,
        activation: Activation,
    ) -> Self {
        Self {
            recipe: number(before),
            next: Some(Next {
                recipe: number(after),
                activation,
            }),
        }
    }

    /// Whether the station's model has no say in it.
    pub(super) fn is_plain(&self) -> bool {
        self.next.is_none()
    }

    /// What counts while the station goes by this activation.
    pub(super) fn under(&self, activation: Option<&Activation>) -> Option<Selection> {
        let next = self.next.as_ref();
        let next = next.filter(|next| Some(&next.activation) == activation);
        let recipe = next.map_or(self.recipe, |next| next.recipe);
        (recipe != 0).then_some(Selection { recipe })
    }
}

fn number(selection: Option<Selection>) -> u32 {
    selection.map_or(0, |selection| selection.recipe)
}

/// That an installed bundle is at fault itself, whatever the engine: `proofs/ID.toml`, in the place of its [`Proof`]. Who
/// looks need not have it proven again to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Disproof {
    /// The whole hash of the bundle.
    pub(super) belied: String,
    /// The release that has found it; another one may read more.
    pub(super) program: String,
}

impl Disproof {
    /// Of this bundle, by this release.
    pub(super) fn of(hash: String) -> Self {
        Self {
            belied: hash,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
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
