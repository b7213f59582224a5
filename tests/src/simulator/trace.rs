//! An episode as lines that a person can read: time, what happened, what the device did.

use twinspect_core::gate::Action;
use twinspect_core::station::{Effect, Inspector};
use twinspect_core::trigger::Sight;

use super::fault::FaultKind;

/// Lines, if anybody wants them.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn kept() -> Self {
        Self {
            lines: Some(Vec::new()),
        }
    }

    pub(crate) fn lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }

    pub(crate) fn event(&mut self, at_us: u64, event: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.3} ms  {}", at_us as f64 / 1e3, event()));
        }
    }

    pub(crate) fn fault(&mut self, at_us: u64, kind: FaultKind) {
        self.event(at_us, || format!("FAULT {}", kind.name()));
    }

    pub(crate) fn said(&mut self, at_us: u64, what: Inspector) {
        self.event(at_us, || match what {
            Inspector::Proven => "inspect process: proven".to_owned(),
            Inspector::CameraFailed => "inspect process: its camera has failed".to_owned(),
            Inspector::MachineFailed => "inspect process: the machine has failed".to_owned(),
            Inspector::Ready => "inspect process: ready".to_owned(),
            Inspector::Advanced => "inspect process: heartbeat".to_owned(),
            Inspector::Blind => "inspect process: heartbeat, without a camera".to_owned(),
            Inspector::Slow => "inspect process: heartbeat, with a slow engine".to_owned(),
            Inspector::Verdict { number, outcome } => format!("answer for {number}: {outcome:?}"),
            Inspector::Closed => "inspect process: closed".to_owned(),
            Inspector::Ended => "inspect process: ended".to_owned(),
        });
    }

    pub(crate) fn sight(&mut self, at_us: u64, sight: Sight) {
        // An empty belt would fill the page.
        if sight.seen.share > 0.0 {
            self.event(at_us, || {
                let Sight { at_us, seen } = sight;
                let whole = if seen.is_whole { ", whole" } else { "" };
                format!(
                    "seen at {:.3} ms: share {:.2}{whole}, {:.2} from the middle",
                    at_us as f64 / 1e3,
                    seen.share,
                    seen.offset
                )
            });
        }
    }

    pub(crate) fn effect(&mut self, at_us: u64, effect: Effect) {
        self.event(at_us, || {
            let text = match effect {
                Effect::Gate(Action::Drive { level, number, .. }) => {
                    format!("rejector's wire {} for {number}", u8::from(level))
                }
                Effect::Gate(Action::Leave {
                    number, outcome, ..
                }) => format!("{number} leaves as {outcome:?}"),
                Effect::Inspect(ticket) => format!("ticket {}", ticket.number),
                Effect::Start { generation, model } => {
                    format!("start inspect process {generation} with model {}", model.0)
                }
                Effect::Prove { generation, model } => {
                    format!("inspect process {generation} proves model {}", model.0)
                }
                Effect::Replace => "kill the inspect process, for another model".to_owned(),
                Effect::Discard
                | Effect::Release
                | Effect::TakeOver
                | Effect::Record(_)
                | Effect::Settled(_)
                | Effect::Engage { .. }
                | Effect::Reserve { .. }
                | Effect::Spare { .. }
                | Effect::Seek(_)
                | Effect::Chosen(_)
                | Effect::RolledBack { .. } => format!("{effect:?}"),
                Effect::Kill => "kill the inspect process".to_owned(),
                Effect::Ready(level) => format!("READY {}", u8::from(level)),
                Effect::Busy(level) => format!("BUSY {}", u8::from(level)),
                Effect::Handshake(wires) => format!("handshake {wires:?}"),
            };
            format!("  -> {text}")
        });
    }
}
