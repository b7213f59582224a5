//! What a broker is told. Names are for those who subscribe, and stay.

use serde::Serialize;
use twinspect_core::verdict::{Reason, SeenBy};
use twinspect_store::records::Kind;

use crate::clock::rfc3339_ms;
use crate::control::{MachineState, RecentPart};
use crate::health::{Attention, Looked, attention};

/// Where it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topics {
    /// `true`, or `false` as the last will; retained.
    pub(super) online: String,
    /// A [`StatusMessage`]; retained.
    pub(super) status: String,
    /// A [`PartMessage`] for each part.
    pub(super) part: String,
}

impl Topics {
    pub(super) fn under(topic: &str) -> Self {
        Self {
            online: format!("{topic}/online"),
            status: format!("{topic}/status"),
            part: format!("{topic}/part"),
        }
    }
}

/// What the station does.
#[derive(Debug, Serialize)]
pub(super) struct StatusMessage<'a> {
    station: &'a str,
    time: String,
    ready: bool,
    state: MachineState,
    obstacle: Option<&'a str>,
    doing: &'a str,
    model: Option<String>,
    engine: Option<&'a str>,
    /// Since the start.
    triggered: u64,
    passed: u64,
    failed: u64,
    no_result: u64,
    late_results: u64,
    attention: Vec<Attention>,
}

impl<'a> StatusMessage<'a> {
    pub(super) fn new(station: &'a str, looked: &Looked<'a>, now_unix_ms: u64) -> Self {
        let status = looked.status;
        Self {
            station,
            time: rfc3339_ms(now_unix_ms),
            ready: status.ready,
            state: status.state,
            obstacle: status.obstacle.as_deref(),
            doing: &status.doing,
            model: status.model.as_ref().map(ToString::to_string),
            engine: status.inspector.engine.as_deref(),
            triggered: status.parts.triggered,
            passed: status.parts.passed,
            failed: status.parts.failed,
            no_result: status.parts.no_result,
            late_results: status.late_results,
            attention: attention(looked),
        }
    }
}

/// A part that has left.
#[derive(Debug, Serialize)]
pub(super) struct PartMessage<'a> {
    station: &'a str,
    /// Since the station's start.
    number: u64,
    /// When it left, by this machine's clock.
    time: String,
    verdict: Kind,
    /// 1.0 is the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_by: Option<SeenBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

impl<'a> PartMessage<'a> {
    /// `uptime_s` is the station's at `now_unix_ms`.
    pub(super) fn new(
        station: &'a str,
        part: &RecentPart,
        uptime_s: f64,
        now_unix_ms: u64,
    ) -> Self {
        let ago_ms = (1e3 * (uptime_s - part.at_s)).round() as u64;
        Self {
            station,
            number: part.number,
            time: rfc3339_ms(now_unix_ms.saturating_sub(ago_ms)),
            verdict: part.kind(),
            score: part.score,
            seen_by: part.seen_by,
            reason: part.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::verdict::{Score, Verdict};

    use super::*;

    #[test]
    fn a_part_is_told_with_the_time_at_which_it_left() {
        let now = "2026-11-26T12:00:10Z".parse::<jiff::Timestamp>().unwrap();
        let now = now.as_millisecond() as u64;
        let verdict = Verdict::Pass {
            score: Score(0.25),
            missing: None,
        };
        let part = RecentPart::new(7, &verdict, 98.5);
        let message = PartMessage::new("left", &part, 100.0, now);
        let expected = serde_json::json!({
            "station": "left",
            "number": 7,
            "time": "2026-11-26T12:00:08.500Z",
            "verdict": "pass",
            "score": 0.25,
        });
        assert_eq!(serde_json::to_value(&message).unwrap(), expected);
        let reason = Reason::Camera;
        let part = RecentPart::new(8, &Verdict::NoResult { reason }, 100.0);
        let message = serde_json::to_value(PartMessage::new("left", &part, 100.0, now)).unwrap();
        assert_eq!(
            (&message["verdict"], &message["reason"]),
            (&"no_result".into(), &"camera".into())
        );
        assert_eq!(message.get("score"), None);
    }
}
