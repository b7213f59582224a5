//! What a station does, in words: for people, and in those of OPC 40100-1.

use twinspect_core::readiness::NotReady;
use twinspect_core::recipe::Unchosen;
use twinspect_core::station::Station;

use super::messages::{EngineReport, Ready};
use crate::control::{InspectorState, MachineState};

/// What the words are made of; they are made anew when this changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mood {
    pub(super) obstacle: Option<NotReady>,
    pub(super) inspector: InspectorState,
    /// An inspect process was there before: it was ready, or has ended.
    again: bool,
    pub(super) restarts: u64,
}

impl Mood {
    pub(super) fn of(station: &Station) -> Self {
        let supervisor = station.supervisor();
        Self {
            obstacle: station.obstacle(),
            inspector: match (supervisor.is_up(), supervisor.is_running()) {
                (true, _) => InspectorState::Up,
                (false, true) => InspectorState::Starting,
                (false, false) => InspectorState::Down,
            },
            again: supervisor.was_up() || supervisor.has_failed(),
            restarts: supervisor.restarts(),
        }
    }

    /// In the words of OPC 40100-1. A station that was ready before has an error, and not another
    /// beginning.
    pub(super) fn machine_state(self, station: &Station) -> MachineState {
        match self.obstacle {
            Some(NotReady::Closing) => MachineState::Halted,
            Some(NotReady::Starting) if !self.again => MachineState::Preoperational,
            // Somebody wants it.
            Some(NotReady::Switching) => MachineState::Preoperational,
            // It is on its way, unless somebody has to do something about it.
            Some(NotReady::Recipe) => match station.unchosen() {
                Some(Unchosen::Lacking(..) | Unchosen::NotSaid) => MachineState::Error,
                _ => MachineState::Preoperational,
            },
            Some(_) => MachineState::Error,
            None if station.trigger().watches() => MachineState::ContinuousExecution,
            None if station.gate().parts_under_way() > 0 => MachineState::SingleExecution,
            None => MachineState::Ready,
        }
    }

    /// What the station is doing, in words. Begins with `ready` or `not ready: REASON`.
    pub(super) fn doing(self, known: Option<&Ready>) -> String {
        let Some(obstacle) = self.obstacle else {
            return known.map_or("ready".to_owned(), |ready| {
                let Ready {
                    model,
                    engine,
                    camera,
                    ..
                } = ready;
                let name = &engine.name;
                if let Some(missing) = engine.stands_in_for {
                    let why = &engine.why;
                    format!("ready: {model}, engine {name} in place of {missing} ({why}), {camera}")
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
                "not ready: engine: {name} is too slow for this belt: {slow}; it stands in: {why}"
            );
        }
        let why = match (obstacle, self.inspector, self.again) {
            (NotReady::Starting, InspectorState::Down, false) => {
                "the inspect process is to be started"
            }
            (NotReady::Starting, InspectorState::Down, true) => {
                "the inspect process has ended and will be started again; all parts are rejected"
            }
            (NotReady::Starting, _, false) => "the model is being proven and the camera opened",
            (NotReady::Starting, _, true) => {
                "the inspect process was started again and proves its model; all parts are rejected"
            }
            (NotReady::Switching, _, _) => {
                "another model takes over, and the camera is opened again; all parts are rejected"
            }
            (NotReady::Recipe, _, _) => {
                "the model in charge is not that of the selected recipe; all parts are rejected"
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ModelStatus;
    use crate::engines::Faster;

    const MOOD: Mood = Mood {
        obstacle: None,
        inspector: InspectorState::Up,
        again: false,
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
                stands_in_for: None,
                on_gpu: false,
                lacks_plans: false,
                too_slow: None,
            },
            camera: "recording".into(),
            parts_left: None,
        };
        let text = MOOD.doing(Some(&ready));
        assert_eq!(text, "ready: cap 1.0.0, engine tract, recording");
        let mut stand_in = ready.clone();
        stand_in.engine.stands_in_for = Some(Faster::TensorRt);
        stand_in.engine.why = "there is no plan".into();
        let text = MOOD.doing(Some(&stand_in));
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
        let text = slow.doing(Some(&stand_in));
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
            again: true,
            ..first
        };
        let (first, again) = (first.doing(None), again.doing(None));
        assert!(first.starts_with("not ready: starting: "), "{first}");
        assert!(
            first.contains("proven") && again.contains("again"),
            "{again}"
        );
    }
}
