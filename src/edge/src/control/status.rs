//! What a station says of itself: the answer to `status`. Names are for scripts and stay.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::LeftPart;
use super::figures::{
    CameraFigures, Counts, Folders, Inspected, LastHour, MachineState, ModelStatus, PageStatus,
    RecentPart, StageTimes,
};
use crate::config::Recipe;

/// What a station is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Its configuration.
    pub(crate) station: PathBuf,
    /// The program's.
    pub(crate) version: String,
    pub(crate) process: u32,
    pub(crate) uptime_s: f64,
    /// SHA-256 of every key of the configuration that it goes by, with its value.
    #[serde(default)]
    pub(crate) configuration: Option<String>,
    /// Whether READY beats.
    pub(crate) ready: bool,
    /// Why not: `starting`, `switching`, `recipe`, `silent`, `camera`, `engine`, `late`, `fault`, `closing`.
    pub(crate) obstacle: Option<String>,
    /// For people; the service manager shows the same.
    pub(crate) doing: String,
    /// In the words of OPC 40100-1.
    #[serde(default)]
    pub(crate) state: MachineState,
    pub(crate) inspector: InspectorStatus,
    pub(crate) parts: Parts,
    /// What brings parts: `sensor`, `presence` or `software`. A station of an earlier release does not say.
    #[serde(default)]
    pub(crate) trigger_source: Option<String>,
    pub(crate) trigger: Triggered,
    pub(crate) late_results: u64,
    pub(crate) last_part: Option<LeftPart>,
    #[serde(default)]
    pub(crate) challenge: Option<ChallengeStatus>,
    /// What became of the last wish for another configuration.
    pub(crate) last_reload: Option<ReloadStatus>,
    /// Which model is in charge, and what is under way. A station of an earlier release does not say.
    #[serde(default)]
    pub(crate) models: Option<ModelsStatus>,
    /// Of a station with recipes.
    #[serde(default)]
    pub(crate) recipes: Option<RecipesStatus>,
    #[serde(default)]
    pub(crate) counts: Counts,
    #[serde(default)]
    pub(crate) last_hour: LastHour,
    /// The last parts that were rejected, newest first.
    #[serde(default)]
    pub(crate) last_rejects: Vec<RecentPart>,
    /// Of all inspect processes since the start.
    #[serde(default)]
    pub(crate) inspected: Inspected,
    /// Times of the stages, of all inspect processes since the start.
    #[serde(default)]
    pub(crate) stages: StageTimes,
    #[serde(default)]
    pub(crate) camera: CameraFigures,
    #[serde(default)]
    pub(crate) model: Option<ModelStatus>,
    #[serde(default)]
    pub(crate) page: Option<PageStatus>,
    #[serde(default)]
    pub(crate) folders: Folders,
}

impl Status {
    /// Whether pictures of parts are there to be shown.
    pub(crate) fn is_up(&self) -> bool {
        self.inspector.state == InspectorState::Up
    }
}

/// The process that sees and judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InspectorStatus {
    pub(crate) state: InspectorState,
    pub(crate) restarts: u64,
    /// As of the last one that was ready.
    pub(crate) model: Option<String>,
    /// Digest of the model's bundle.
    #[serde(default)]
    pub(crate) bundle: Option<String>,
    pub(crate) engine: Option<String>,
    /// Why it is this engine.
    #[serde(default)]
    pub(crate) engine_why: Option<String>,
    /// Whether it stands in for another one that can't be used.
    #[serde(default)]
    pub(crate) engine_stands_in: bool,
    /// Plans that the GPU lacked, if the station has begun to build them since its start.
    #[serde(default)]
    pub(crate) plans: Option<PlansStatus>,
    pub(crate) camera: Option<String>,
}

/// Plans that a station builds beside its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlansStatus {
    pub(crate) state: PlansState,
    /// Why there are none.
    pub(crate) why: Option<String>,
}

/// What has become of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlansState {
    /// By a process that gives way to the station.
    Building,
    /// The next inspect process uses them.
    Built,
    /// Or they are not trusted. It is not tried again before the next start.
    Failed,
}

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InspectorState {
    /// Not there.
    Down,
    /// Opens its camera and proves its model.
    Starting,
    /// Judges parts.
    Up,
}

/// What became of parts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parts {
    pub(crate) triggered: u64,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) no_result: u64,
    pub(crate) under_way: u64,
}

/// What the trigger has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Triggered {
    pub(crate) parts: u64,
    pub(crate) doubles: u64,
    pub(crate) missed: u64,
    pub(crate) losses: u64,
    pub(crate) recrossed: u64,
    pub(crate) unclear: u64,
    pub(crate) stuck: u64,
}

impl From<&twinspect_core::trigger::Counters> for Triggered {
    fn from(counters: &twinspect_core::trigger::Counters) -> Self {
        Self {
            parts: counters.parts,
            doubles: counters.doubles,
            missed: counters.missed,
            losses: counters.losses,
            recrossed: counters.recrossed,
            unclear: counters.unclear,
            stuck: counters.stuck,
        }
    }
}

/// The part that shows now and then that this station still rejects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChallengeStatus {
    /// Which part it is, as the configuration says.
    pub(crate) part: String,
    /// `missed`: the last one has passed; `overdue`: none was caught in time.
    pub(crate) alarm: Option<String>,
    /// What became of the last one: `caught`, `missed`, `no_result`. If anybody is to be reminded, also of one before the start.
    pub(crate) last: Option<String>,
    /// The number of the part that is awaited.
    pub(crate) awaited: Option<u64>,
    /// Until when the next one has to be caught; 0 once that is over.
    pub(crate) due_in_s: Option<f64>,
    /// The same by the board's clock, in seconds since 1970; it stays when it is over. What was over at the start counts from there.
    #[serde(default)]
    pub(crate) due_unix_s: Option<u64>,
}

/// What became of a wish for another configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReloadStatus {
    pub(crate) taken_over: bool,
    /// What changed, or why nothing did.
    pub(crate) text: String,
}

/// The models of a station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelsStatus {
    /// Name of the installed model, or the bundle that the configuration names.
    pub(crate) active: String,
    /// For so long it has been in charge, since the start of the station at most.
    pub(crate) active_for_s: f64,
    /// What comes back if it has to.
    pub(crate) previous: Option<String>,
    /// Another one is to take over.
    pub(crate) under_way: Option<UnderWay>,
    /// Parts for which the active one is still watched, if it is.
    pub(crate) trial_parts_left: Option<u32>,
    /// What became of the last one that was to take over, or was given up.
    pub(crate) last: Option<ActivationStatus>,
}

/// A model that is to take over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnderWay {
    pub(crate) model: String,
    /// `proving`, `waiting`, `switching`, `recording`.
    pub(crate) step: String,
}

/// What became of a model that was to take over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActivationStatus {
    pub(crate) model: String,
    pub(crate) activated: bool,
    /// What it took, or why not.
    pub(crate) text: String,
}

/// The recipes of a station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecipesStatus {
    /// Whether the machine's lines choose.
    pub(crate) by_lines: bool,
    /// `live`; `none`: nobody has selected one, and the active model judges. In all others nothing is judged:
    /// `moving`, `not_said`, `awaited`, `lacking`.
    pub(crate) state: String,
    /// The recipe that was selected last, also if there is none of this number.
    pub(crate) number: Option<u32>,
    pub(crate) name: Option<String>,
    /// Why nothing is judged.
    pub(crate) why: Option<String>,
    /// The last one that went live.
    pub(crate) last: Option<RecipeSwitch>,
    /// Models whose processes wait, proven.
    pub(crate) preloaded: Vec<String>,
    /// Why there are not more of them.
    pub(crate) not_preloaded: Option<String>,
    pub(crate) list: Vec<RecipeStatus>,
}

/// A recipe that went live, and how long that took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecipeSwitch {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) model: String,
    /// From the selection until the model was in charge, and recorded. Parts that came meanwhile were rejected, but
    /// for a newer model of the same recipe.
    pub(crate) took_ms: f64,
    /// As of [`Reply::Activated`](super::Reply::Activated); none if its model was in charge already.
    pub(crate) proof_ms: Option<f64>,
    pub(crate) switch_ms: Option<f64>,
    /// Whether its process had waited, so that at most the rest of its proof was left.
    pub(crate) preloaded: bool,
}

impl std::fmt::Display for RecipeSwitch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            model,
            took_ms,
            proof_ms,
            switch_ms,
            preloaded,
            ..
        } = self;
        write!(f, "model {model}, {took_ms:.0} ms after the selection")?;
        match (proof_ms, switch_ms) {
            (Some(proof_ms), Some(switch_ms)) => {
                let preloaded = if *preloaded { ", preloaded" } else { "" };
                write!(
                    f,
                    " (proof {proof_ms:.0} ms, switch {switch_ms:.0} ms{preloaded})"
                )
            }
            _ => write!(f, " (it was in charge)"),
        }
    }
}

/// A recipe, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecipeStatus {
    pub(crate) number: u32,
    pub(crate) name: String,
    /// Name of the product.
    pub(crate) model: String,
    /// `newest`, or a version.
    pub(crate) version: String,
}

impl From<&Recipe> for RecipeStatus {
    fn from(recipe: &Recipe) -> Self {
        Self {
            number: recipe.number,
            name: recipe.name.clone(),
            model: recipe.model.clone(),
            version: recipe.version.to_string(),
        }
    }
}
