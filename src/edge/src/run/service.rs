//! A running station as others see it: what the service manager and the control socket are told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::Sender;
use twinspect_core::readiness::NotReady;
use twinspect_core::station::Station;

use super::history::History;
use super::messages::{EngineReport, Ready};
use super::notify::Notifier;
use super::station_report::Measured;
use crate::config::{self, Change, ReloadError};
use crate::control::{
    ChallengeStatus, Folders, InspectorState, InspectorStatus, LeftPart, MachineState,
    ModelsStatus, Parts, ReloadStatus, Reply, Status, UnderWay,
};
use crate::error::WithCauses;
use crate::page::Sign;

/// Parts whose end somebody may wait for.
const AWAITED_MAX: usize = 64;

/// Of the reason of a refused configuration, in the first line of a status.
const REASON_CHARS_MAX: usize = 300;

/// What the status is made of; the text is made anew when this changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mood {
    obstacle: Option<NotReady>,
    inspector: InspectorState,
    restarts: u64,
}

/// What the answer to `status` takes from elsewhere.
pub(super) struct Told<'a> {
    pub(super) models: ModelsStatus,
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
    awaited: Vec<(u64, Sender<Reply>)>,
    last_part: Option<LeftPart>,
    last_reload: Option<ReloadStatus>,
    /// A model that is to take over.
    under_way: Option<UnderWay>,
    /// A model that was given up, and why.
    given_up: Option<String>,
    history: History,
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
            awaited: Vec::with_capacity(AWAITED_MAX),
            last_part: None,
            last_reload: None,
            under_way: None,
            given_up: None,
            history: History::default(),
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
        let mood = mood(station);
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

    /// What is under way with another model.
    pub(super) fn under_way(&mut self, under_way: Option<UnderWay>) {
        self.under_way = under_way;
        self.show();
    }

    /// A model was given up, or another one works.
    pub(super) fn given_up(&mut self, text: Option<String>) {
        self.given_up = text;
        self.show();
    }

    /// Whether its camera gives so many pictures and no more: it is a recording.
    pub(super) fn camera_has_an_end(&self) -> bool {
        let known = self.inspector.as_ref();
        known.is_some_and(|ready| ready.parts_left.is_some())
    }

    /// Whether one more part may be waited for.
    pub(super) fn may_await(&self) -> bool {
        self.awaited.len() < AWAITED_MAX
    }

    /// Somebody waits for the end of this part.
    pub(super) fn wait_for(&mut self, number: u64, answer: Sender<Reply>) {
        self.awaited.push((number, answer));
    }

    /// A part has left.
    pub(super) fn left(&mut self, left: LeftPart, now_us: u64) {
        self.history.left(left.number, &left.verdict, now_us);
        if let Some(place) = self
            .awaited
            .iter()
            .position(|(number, _)| *number == left.number)
        {
            let (_, answer) = self.awaited.swap_remove(place);
            reply(&answer, Reply::Left(Box::new(left.clone())));
        }
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
            challenge,
            measured,
            configuration,
        } = told;
        let mood = mood(station);
        let Mood {
            obstacle,
            inspector: state,
            restarts,
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
            state: machine_state(mood, station),
            inspector: InspectorStatus {
                state,
                restarts,
                model: known.map(|ready| ready.model.to_string()),
                bundle: known.map(|ready| ready.model.bundle.clone()),
                engine: known.map(|ready| ready.engine.name.clone()),
                engine_why: known.map(|ready| ready.engine.why.clone()),
                engine_stands_in: known.is_some_and(|ready| ready.engine.stands_in),
                camera: known.map(|ready| ready.camera.clone()),
            },
            parts: Parts {
                triggered: gate.triggered,
                passed: gate.passed,
                failed: gate.failed,
                no_result: gate.no_result,
                under_way: station.gate().parts_under_way(),
            },
            trigger: station.trigger().counters().into(),
            late_results: gate.late_results,
            last_part: self.last_part.clone(),
            challenge: Some(challenge),
            last_reload: self.last_reload.clone(),
            models: Some(models),
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

    fn show(&mut self) {
        let Some(mood) = self.mood else { return };
        self.doing = doing(mood, self.inspector.as_ref());
        if let Some(reload) = self.last_reload.as_ref().filter(|last| !last.taken_over) {
            self.doing.push_str("; new configuration refused: ");
            let text = reload.text.replace('\n', " ");
            self.doing.extend(text.chars().take(REASON_CHARS_MAX));
        }
        if let Some(UnderWay { model, step }) = &self.under_way {
            self.doing.push_str(&format!("; {step} model {model}"));
        }
        if let Some(text) = &self.given_up {
            self.doing.push_str("; ");
            let text = text.replace('\n', " ");
            self.doing.extend(text.chars().take(REASON_CHARS_MAX));
        }
        self.notifier.status(&self.doing);
    }
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

fn mood(station: &Station) -> Mood {
    let supervisor = station.supervisor();
    Mood {
        obstacle: station.obstacle(),
        inspector: match (supervisor.is_up(), supervisor.is_running()) {
            (true, _) => InspectorState::Up,
            (false, true) => InspectorState::Starting,
            (false, false) => InspectorState::Down,
        },
        restarts: supervisor.restarts(),
    }
}

/// The same in the words of OPC 40100-1. A station that was ready before has an error, and not another
/// beginning.
fn machine_state(mood: Mood, station: &Station) -> MachineState {
    match mood.obstacle {
        Some(NotReady::Closing) => MachineState::Halted,
        Some(NotReady::Starting) if mood.restarts == 0 => MachineState::Preoperational,
        // Somebody wants it.
        Some(NotReady::Switching) => MachineState::Preoperational,
        Some(_) => MachineState::Error,
        None if station.trigger().watches() => MachineState::ContinuousExecution,
        None if station.gate().parts_under_way() > 0 => MachineState::SingleExecution,
        None => MachineState::Ready,
    }
}

/// What the station is doing, in words. Begins with `ready` or `not ready: REASON`.
fn doing(mood: Mood, known: Option<&Ready>) -> String {
    let Some(obstacle) = mood.obstacle else {
        return known.map_or("ready".to_owned(), |ready| {
            let Ready {
                model,
                engine,
                camera,
                ..
            } = ready;
            let name = &engine.name;
            if engine.stands_in {
                let why = &engine.why;
                format!("ready: {model}, engine {name} in place of tensorrt ({why}), {camera}")
            } else {
                format!("ready: {model}, engine {name}, {camera}")
            }
        });
    };
    if obstacle == NotReady::Engine
        && let Some(engine) = known.map(|ready| &ready.engine)
    {
        let EngineReport {
            name,
            why,
            too_slow,
            ..
        } = engine;
        let slow = too_slow.as_deref().unwrap_or("its speed is unknown");
        return format!(
            "not ready: engine: {name} is too slow for this belt: {slow}; it stands in for tensorrt: {why}"
        );
    }
    let why = match (obstacle, mood.inspector, mood.restarts) {
        (NotReady::Starting, InspectorState::Down, 0) => "the inspect process is to be started",
        (NotReady::Starting, InspectorState::Down, _) => {
            "the inspect process has ended and will be started again; all parts are rejected"
        }
        (NotReady::Starting, _, 0) => "the model is being proven and the camera opened",
        (NotReady::Starting, _, _) => {
            "the inspect process was started again and proves its model; all parts are rejected"
        }
        (NotReady::Switching, _, _) => {
            "another model takes over, and the camera is opened again; all parts are rejected"
        }
        (NotReady::Silent, _, _) => "the inspect process does not move on",
        (NotReady::Camera, _, _) => {
            "the camera gives no fresh pictures and is being brought back; all parts are rejected"
        }
        (NotReady::Engine, _, _) => "the engine is too slow for this belt",
        (NotReady::Late, _, _) => "too many results in a row came after their deadline",
        (NotReady::Fault, _, _) => {
            "edges, counts or pictures were lost, a part stays in sight, or the handshake failed"
        }
        (NotReady::Closing, _, _) => "the parts under way leave, then the station stops",
    };
    format!("not ready: {}: {why}", obstacle.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ModelStatus;

    const MOOD: Mood = Mood {
        obstacle: None,
        inspector: InspectorState::Up,
        restarts: 0,
    };

    #[test]
    fn the_status_says_whether_and_why_not() {
        let ready = Ready {
            model: ModelStatus {
                name: "cap".into(),
                version: "1.0.0".into(),
                created: "2026-11-23T14:05:00Z".into(),
                target_rate: 0.005,
                bundle: String::new(),
            },
            engine: EngineReport {
                name: "tract".into(),
                why: "the configuration wants it".into(),
                stands_in: false,
                on_gpu: false,
                too_slow: None,
            },
            camera: "recording".into(),
            parts_left: None,
        };
        let text = doing(MOOD, Some(&ready));
        assert_eq!(text, "ready: cap 1.0.0, engine tract, recording");
        let mut stand_in = ready.clone();
        stand_in.engine.stands_in = true;
        stand_in.engine.why = "there is no plan".into();
        let text = doing(MOOD, Some(&stand_in));
        assert!(text.starts_with("ready: "), "{text}");
        assert!(
            text.contains("in place of tensorrt (there is no plan)"),
            "{text}"
        );
        stand_in.engine.too_slow = Some("412 ms".into());
        let slow = Mood {
            obstacle: Some(NotReady::Engine),
            ..MOOD
        };
        let text = doing(slow, Some(&stand_in));
        assert!(
            text.starts_with("not ready: engine: tract is too slow"),
            "{text}"
        );
        assert!(
            text.contains("412 ms") && text.contains("there is no plan"),
            "{text}"
        );
        let first = Mood {
            obstacle: Some(NotReady::Starting),
            inspector: InspectorState::Starting,
            ..MOOD
        };
        let again = Mood {
            restarts: 1,
            ..first
        };
        let (first, again) = (doing(first, None), doing(again, None));
        assert!(first.starts_with("not ready: starting: "), "{first}");
        assert!(
            first.contains("proven") && again.contains("again"),
            "{again}"
        );
    }
}
