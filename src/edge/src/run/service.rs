//! A running station as others see it: what the service manager and the control socket are told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::Sender;
use twinspect_core::readiness::NotReady;
use twinspect_core::station::Station;
use twinspect_core::trigger::SourceSpec;

use super::awaited::Awaited;
use super::history::History;
use super::messages::Ready;
use super::mood::Mood;
use super::notify::Notifier;
use super::station_report::Measured;
use crate::config::{self, Change, ReloadError};
use crate::control::{
    ChallengeStatus, Folders, InspectorStatus, LeftPart, ModelStatus, ModelsStatus, Parts,
    PlansState, PlansStatus, RecipesStatus, ReloadStatus, Reply, Status, UnderWay,
};
use crate::error::WithCauses;
use crate::page::Sign;

/// Of each reason in the first line of a status, of which a service manager takes 4096 bytes. Log and status have all
/// of it.
const REASON_CHARS_MAX: usize = 400;

/// What the answer to `status` takes from elsewhere.
pub(super) struct Told<'a> {
    pub(super) models: ModelsStatus,
    pub(super) recipes: Option<RecipesStatus>,
    pub(super) challenge: ChallengeStatus,
    pub(super) measured: Measured,
    /// Digest of the configuration.
    pub(super) configuration: &'a str,
}

/// What is remembered for others.
#[derive(Debug)]
pub(super) struct Service {
    config: PathBuf,
    notifier: Notifier,
    mood: Option<Mood>,
    doing: String,
    /// What the last inspect process that was ready has said of itself.
    inspector: Option<Ready>,
    awaited: Awaited,
    last_part: Option<LeftPart>,
    last_reload: Option<ReloadStatus>,
    /// A model that is to take over.
    under_way: Option<UnderWay>,
    /// Why the model in charge is not that of the selected recipe.
    unchosen: Option<String>,
    /// A model that was given up, and why.
    given_up: Option<String>,
    /// Plans that the GPU has lacked since the start.
    plans: Option<PlansStatus>,
    history: History,
    /// What brings parts.
    trigger_source: &'static str,
    folders: Folders,
    /// What is known of the page.
    sign: Sign,
}

impl Service {
    pub(super) fn new(config: &Path, station: &config::Station, sign: Sign) -> Self {
        Self {
            config: absolute(config),
            notifier: Notifier::start(),
            mood: None,
            doing: String::new(),
            inspector: None,
            awaited: Awaited::default(),
            last_part: None,
            last_reload: None,
            under_way: None,
            unchosen: None,
            given_up: None,
            plans: None,
            history: History::default(),
            trigger_source: match station.decisions.trigger.source {
                SourceSpec::Sensor { .. } => "sensor",
                SourceSpec::Presence(_) => "presence",
                SourceSpec::Software => "software",
            },
            folders: Folders {
                records: station
                    .records
                    .as_ref()
                    .map(|records| absolute(&records.ring.folder)),
                models: station.bundle.folder(),
            },
            sign,
        }
    }

    /// The lines are held and the control socket answers.
    pub(super) fn up(&self) {
        self.notifier.up();
    }

    /// The loop has gone round once more; what has changed by that is told.
    pub(super) fn advanced(&mut self, station: &Station, now_us: u64) {
        self.notifier.advanced(now_us);
        let mood = Mood::of(station);
        if self.mood != Some(mood) {
            self.mood = Some(mood);
            self.show();
        }
    }

    /// When the loop has to have gone round again.
    pub(super) fn next_us(&self) -> Option<u64> {
        self.notifier.next_us()
    }

    /// An inspect process is ready.
    pub(super) fn inspector(&mut self, ready: Ready) {
        self.inspector = Some(ready);
        self.mood = None;
    }

    /// The model of the inspect process that was ready last.
    pub(super) fn model(&self) -> Option<&ModelStatus> {
        self.inspector.as_ref().map(|ready| &ready.model)
    }

    /// What is under way with another model.
    pub(super) fn under_way(&mut self, under_way: Option<UnderWay>) {
        self.under_way = under_way;
        self.show();
    }

    /// Why the model in charge is not that of the selected recipe, if it is not.
    pub(super) fn unchosen(&mut self, unchosen: Option<String>) {
        self.unchosen = unchosen;
        self.show();
    }

    /// A model was given up, or another one works.
    pub(super) fn given_up(&mut self, text: Option<String>) {
        self.given_up = text;
        self.show();
    }

    /// What has become of plans that the GPU lacks.
    pub(super) fn plans(&mut self, plans: PlansStatus) {
        self.plans = Some(plans);
        self.show();
    }

    /// Whether its camera gives so many pictures and no more: it is a recording.
    pub(super) fn camera_has_an_end(&self) -> bool {
        let known = self.inspector.as_ref();
        known.is_some_and(|ready| ready.parts_left.is_some())
    }

    /// Who waits for parts.
    pub(super) fn awaited(&mut self) -> &mut Awaited {
        &mut self.awaited
    }

    /// Whether the part of this number has left; they leave in order.
    pub(super) fn has_left(&self, number: u64) -> bool {
        let last = self.last_part.as_ref();
        last.is_some_and(|last| last.number >= number)
    }

    /// A part has left.
    pub(super) fn left(&mut self, left: LeftPart, now_us: u64) {
        self.history.left(left.number, &left.verdict, now_us);
        self.awaited.left(&left);
        self.last_part = Some(left);
    }

    /// A configuration is about to be taken over.
    pub(super) fn reloading(&self) {
        self.notifier.reloading();
    }

    /// What became of that; `answer` is told too.
    pub(super) fn reloaded(
        &mut self,
        outcome: Result<Vec<Change>, ReloadError>,
        answer: Option<&Sender<Reply>>,
    ) {
        let taken_over = outcome.is_ok();
        let (text, told) = match outcome {
            Ok(changes) => {
                let texts: Vec<String> = changes.iter().map(Change::to_string).collect();
                let text = if texts.is_empty() {
                    "nothing has changed".to_owned()
                } else {
                    texts.join(", ")
                };
                log::info!("configuration read again: {text}");
                (text, Reply::Reloaded { changes })
            }
            Err(error) => {
                let hint = error
                    .hint()
                    .map_or(String::new(), |hint| format!("; {hint}"));
                let text = format!("{}{hint}", WithCauses(&error));
                log::error!("the station goes on with its old configuration: {text}");
                (text.clone(), Reply::refused(text))
            }
        };
        self.last_reload = Some(ReloadStatus { taken_over, text });
        self.show();
        self.notifier.up();
        if let Some(answer) = answer {
            reply(answer, told);
        }
    }

    /// The station is about to end, and may take so long.
    pub(super) fn stopping(&self, most: Duration) {
        self.notifier.stopping(most);
    }

    /// The station has ended.
    pub(super) fn finish(mut self, failed: Option<&dyn std::error::Error>) {
        if let Some(error) = failed {
            self.notifier.status(&format!("ended: {error}"));
        }
        self.notifier.finish();
    }

    /// The answer to who asks what the station is doing.
    pub(super) fn status(&self, station: &Station, told: Told<'_>, now_us: u64) -> Reply {
        let Told {
            models,
            recipes,
            challenge,
            measured,
            configuration,
        } = told;
        let mood = Mood::of(station);
        let Mood {
            obstacle,
            inspector: state,
            restarts,
            ..
        } = mood;
        let gate = station.gate().counters();
        let known = self.inspector.as_ref();
        Reply::Status(Box::new(Status {
            station: self.config.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            uptime_s: now_us as f64 / 1e6,
            configuration: Some(configuration.to_owned()),
            ready: obstacle.is_none(),
            obstacle: obstacle.map(|obstacle| obstacle.name().to_owned()),
            doing: self.doing.clone(),
            state: mood.machine_state(station),
            inspector: InspectorStatus {
                state,
                restarts,
                model: known.map(|ready| ready.model.to_string()),
                bundle: known.map(|ready| ready.model.bundle.clone()),
                engine: known.map(|ready| ready.engine.name.clone()),
                engine_why: known.map(|ready| ready.engine.why.clone()),
                engine_stands_in: known.is_some_and(|ready| ready.engine.stands_in_for.is_some()),
                plans: self.plans.clone(),
                camera: known.map(|ready| ready.camera.clone()),
            },
            parts: Parts {
                triggered: gate.triggered,
                passed: gate.passed,
                failed: gate.failed,
                no_result: gate.no_result,
                under_way: station.gate().parts_under_way(),
            },
            trigger_source: Some(self.trigger_source.to_owned()),
            trigger: station.trigger().counters().into(),
            late_results: gate.late_results,
            last_part: self.last_part.clone(),
            challenge: Some(challenge),
            last_reload: self.last_reload.clone(),
            models: Some(models),
            recipes,
            counts: self.history.counts().clone(),
            last_hour: self.history.last_hour(now_us),
            last_rejects: self.history.rejects(),
            inspected: measured.inspected,
            stages: measured.stages,
            camera: measured.camera,
            model: known.map(|ready| ready.model.clone()),
            page: self.sign.read(),
            folders: self.folders.clone(),
        }))
    }

    /// What became of the last parts.
    pub(super) fn recent(&self) -> Reply {
        Reply::Recent {
            parts: self.history.recent(),
        }
    }

    fn is_building_plans(&self) -> bool {
        let plans = self.plans.as_ref();
        plans.is_some_and(|plans| plans.state == PlansState::Building)
    }

    fn show(&mut self) {
        let Some(mood) = self.mood else { return };
        self.doing = match &self.unchosen {
            Some(why) if mood.obstacle == Some(NotReady::Recipe) => {
                let why = shortened(why);
                format!("not ready: recipe: {why}; all parts are rejected")
            }
            _ => mood.doing(self.inspector.as_ref()),
        };
        if let Some(reload) = self.last_reload.as_ref().filter(|last| !last.taken_over) {
            self.doing.push_str("; new configuration refused: ");
            self.doing.push_str(&shortened(&reload.text));
        }
        if let Some(UnderWay { model, step }) = &self.under_way {
            self.doing.push_str(&format!("; {step} model {model}"));
        }
        if self.is_building_plans() {
            self.doing.push_str("; plans for the GPU are being built");
        }
        if let Some(text) = &self.given_up {
            self.doing.push_str("; ");
            self.doing.push_str(&shortened(text));
        }
        self.notifier.status(&self.doing);
    }
}

/// A reason on one line; a long one ends behind a word.
fn shortened(text: &str) -> String {
    let text = text.replace('\n', " ");
    let Some((end, _)) = text.char_indices().nth(REASON_CHARS_MAX) else {
        return text;
    };
    let start = text.get(..end).unwrap_or_default();
    let words = start.rsplit_once(' ').map_or(start, |(words, _)| words);
    format!("{} ...", words.trim_end_matches([' ', ',', ';', ':', '.']))
}

/// Who asks may be elsewhere.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Answers who may have gone.
pub(super) fn reply(answer: &Sender<Reply>, told: Reply) {
    if answer.try_send(told).is_err() {
        log::debug!("nobody waits for the answer");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_ends_behind_a_word() {
        assert_eq!(shortened("one\ntwo"), "one two");
        let fits = "ü".repeat(REASON_CHARS_MAX);
        assert_eq!(shortened(&fits), fits);
        let long = "rights, and the space; ".repeat(REASON_CHARS_MAX);
        let short = shortened(&long);
        assert!(short.chars().count() <= REASON_CHARS_MAX + 4, "{short}");
        let kept = short.strip_suffix(" ...").unwrap();
        let next = long.strip_prefix(kept).unwrap();
        assert!(next.starts_with([' ', ',', ';']), "{kept}");
        assert!(kept.ends_with(char::is_alphabetic), "{kept}");
        let one_word = "x".repeat(REASON_CHARS_MAX + 1);
        assert_eq!(
            shortened(&one_word),
            format!("{} ...", "x".repeat(REASON_CHARS_MAX))
        );
    }
}
