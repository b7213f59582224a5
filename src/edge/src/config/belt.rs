//! The belt of a station whose line is simulated: what brings its parts.

use std::ops::RangeInclusive;

use twinspect_core::belt::EncoderKind;

use super::checker::Checker;
use super::typed::{EncoderToml, TriggerChoice, TriggerToml};
use twinspect_core::number::number;

/// Lowest rate of triggers: a part in a quarter of an hour.
const RATE_MIN_HZ: f64 = 0.001;
/// Highest rate of triggers.
const RATE_MAX_HZ: f64 = 1_000.0;
/// Least and most counts a second of a simulated encoder.
const BELT_MIN_HZ: f64 = 0.001;
const BELT_MAX_HZ: f64 = 10_000.0;

/// A simulated belt, for cameras that show a part whenever they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BeltSpec {
    /// From part to part; none if parts come by request alone, or are seen by the camera.
    pub(crate) period_us: Option<u64>,
    /// What turns with it, and the time of a count.
    pub(crate) encoder: Option<(EncoderKind, u64)>,
}

impl Checker {
    /// The simulated belt, whose parts must be as far apart as the trigger wants them.
    pub(super) fn belt(&mut self, typed: &TriggerToml, encoder: &EncoderToml) -> BeltSpec {
        let rate = |checker: &mut Self, key, rate_hz: f64, range: RangeInclusive<f64>| {
            let holds = range.contains(&rate_hz);
            let (least, most) = range.into_inner();
            checker.require(
                holds,
                key,
                number(rate_hz),
                format!("from {least} to {most}"),
            );
            let sane = if holds { rate_hz } else { 1.0 };
            (1e6 / sane) as u64
        };
        let period_us = rate(
            self,
            "trigger.rate_hz",
            typed.rate_hz,
            RATE_MIN_HZ..=RATE_MAX_HZ,
        );
        let count_us = rate(
            self,
            "encoder.belt_hz",
            encoder.belt_hz,
            BELT_MIN_HZ..=BELT_MAX_HZ,
        );
        let kind = encoder.kind.kind();
        if typed.source != TriggerChoice::Sensor {
            // No part comes to a sensor by itself.
            return BeltSpec {
                period_us: None,
                encoder: kind.map(|kind| (kind, count_us)),
            };
        }
        let apart_ms = match kind {
            None => typed.spacing_min_ms,
            Some(_) => (encoder.spacing_min_counts * count_us) as f64 / 1e3,
        };
        let (most, apart) = (number(1e3 / apart_ms), number(apart_ms));
        let expected = format!("at most {most}, for parts {apart} ms apart");
        let holds = period_us as f64 / 1e3 >= apart_ms;
        self.require(holds, "trigger.rate_hz", number(typed.rate_hz), expected);
        let holds = typed.debounce_ms < period_us as f64 / 2e3;
        let expected = "less than half of the time from part to part";
        let found = number(typed.debounce_ms);
        self.require(holds, "trigger.debounce_ms", found, expected);
        BeltSpec {
            period_us: Some(period_us),
            encoder: kind.map(|kind| (kind, count_us)),
        }
    }
}
