//! A camera that watches the belt: what it takes for a part, and what it goes together with.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinspect_core::lookout::LookoutSpec;
use twinspect_core::trigger::PresenceSpec;

use super::camera::{BeltPace, CameraKind, CameraToml};
use super::checker::Checker;
use super::typed::{StationToml, TriggerChoice};
use twinspect_core::number::number;

/// Highest parts that a margin of error of the taught belt would not hide, and lowest.
const HEIGHT_MM: RangeInclusive<f64> = 0.1..=1_000.0;
/// A margin that leaves something of the region.
const MARGIN_SHARE: RangeInclusive<f64> = 0.0..=0.4;
/// Frames a second of a simulated belt.
const FRAME_HZ: RangeInclusive<f64> = 0.1..=1_000.0;
/// Frames from part to part: at least an empty one, two on the way, and the middle.
const FRAMES_A_PART: RangeInclusive<u32> = 4..=1_000;

/// What a camera that watches the belt takes for a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PresenceToml {
    pub(crate) height_mm: f64,
    pub(crate) margin_share: f64,
    pub(crate) on_share: f64,
    pub(crate) off_share: f64,
    pub(crate) most_share: f64,
    pub(crate) sight_max_ms: f64,
    pub(crate) gap_max_ms: f64,
}

impl Default for PresenceToml {
    fn default() -> Self {
        Self {
            height_mm: 3.0,
            margin_share: 0.04,
            on_share: 0.05,
            off_share: 0.02,
            most_share: 0.5,
            sight_max_ms: 300.0,
            gap_max_ms: 80.0,
        }
    }
}

/// What the camera looks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WatchSpec {
    pub(crate) lookout: LookoutSpec,
    pub(crate) presence: PresenceSpec,
}

impl Checker {
    /// How pictures become parts.
    pub(super) fn presence(&mut self, typed: &PresenceToml) -> PresenceSpec {
        PresenceSpec {
            on_share: typed.on_share as f32,
            off_share: typed.off_share as f32,
            most_share: typed.most_share as f32,
            sight_max_us: self.us("presence.sight_max_ms", typed.sight_max_ms),
            gap_max_us: self.us("presence.gap_max_ms", typed.gap_max_ms),
        }
    }

    /// The camera's side of it, which needs a camera that runs freely; and that one needs it.
    pub(super) fn watch(&mut self, typed: &StationToml) -> Option<WatchSpec> {
        let watches = typed.trigger.source == TriggerChoice::Presence;
        let runs_freely = typed.camera.kind == CameraKind::Belt;
        self.require(
            runs_freely || !watches,
            "camera.kind",
            format!("\"{}\"", typed.camera.kind.name()),
            match typed.camera.kind {
                CameraKind::RealSense | CameraKind::Recording | CameraKind::V4l2 => {
                    "\"belt\" with trigger.source = \"presence\": this release can't watch a live \
                     camera, which needs a part sensor"
                }
                CameraKind::Replay | CameraKind::Belt => {
                    "\"belt\" with trigger.source = \"presence\": a part of a replay comes when a trigger \
                     asks for it, and never by itself"
                }
            },
        );
        self.require(
            watches || !runs_freely,
            "trigger.source",
            typed.trigger.source.name(),
            "\"presence\" with camera.kind = \"belt\": which part lies before a camera that runs freely \
             is seen in its pictures alone",
        );
        if !watches {
            return None;
        }
        let PresenceToml {
            height_mm,
            margin_share,
            ..
        } = typed.presence;
        let told =
            |range: &RangeInclusive<f64>| format!("from {} to {}", range.start(), range.end());
        let holds = HEIGHT_MM.contains(&height_mm);
        self.require(
            holds,
            "presence.height_mm",
            number(height_mm),
            told(&HEIGHT_MM),
        );
        let holds = MARGIN_SHARE.contains(&margin_share);
        self.require(
            holds,
            "presence.margin_share",
            number(margin_share),
            told(&MARGIN_SHARE),
        );
        let sane = |milliseconds: f64| Duration::try_from_secs_f64(milliseconds / 1e3);
        if let (Ok(gap_max), Ok(silence_max)) = (
            sane(typed.presence.gap_max_ms),
            sane(typed.ready.silence_max_ms),
        ) {
            self.order(
                ("presence.gap_max_ms", gap_max),
                ("ready.silence_max_ms", silence_max),
            );
        }
        if runs_freely {
            let frame_ms = 1e3 / typed.camera.frame_hz;
            self.require(
                frame_ms.is_nan() || frame_ms <= typed.presence.gap_max_ms,
                "camera.frame_hz",
                number(typed.camera.frame_hz),
                format!(
                    "at least {}, for a picture each presence.gap_max_ms",
                    number(1e3 / typed.presence.gap_max_ms)
                ),
            );
        }
        Some(WatchSpec {
            lookout: LookoutSpec {
                height_mm: height_mm as f32,
                margin_share: margin_share as f32,
            },
            // What is wrong with it is said once, by the trigger.
            presence: Self::default().presence(&typed.presence),
        })
    }

    /// How a simulated belt goes through the picture.
    pub(super) fn pace(&mut self, typed: &CameraToml) -> BeltPace {
        let holds = FRAME_HZ.contains(&typed.frame_hz);
        let expected = format!("from {} to {}", FRAME_HZ.start(), FRAME_HZ.end());
        self.require(holds, "camera.frame_hz", number(typed.frame_hz), expected);
        let frame_hz = if holds { typed.frame_hz } else { 1.0 };
        let holds = FRAMES_A_PART.contains(&typed.frames_a_part);
        let expected = format!("from {} to {}", FRAMES_A_PART.start(), FRAMES_A_PART.end());
        self.require(holds, "camera.frames_a_part", typed.frames_a_part, expected);
        BeltPace {
            period_us: (1e6 / frame_hz) as u64,
            frames_a_part: typed.frames_a_part,
        }
    }
}
