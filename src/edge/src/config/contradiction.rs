//! What the line's decisions can't work with, told by the keys that were typed.
//!
//! `twinspect_core` knows neither keys nor milliseconds; whoever mends a station's file knows
//! nothing else.

use twinspect_core::belt::{Axis, EncoderError};
use twinspect_core::gate::GateError;
use twinspect_core::readiness::ReadinessError;
use twinspect_core::station::StationError;
use twinspect_core::trigger::TriggerError;

use twinspect_core::number::ms;

/// A problem of a station whose places are told on `axis`.
pub(super) fn in_keys(error: &StationError, axis: Axis) -> String {
    match error {
        StationError::Trigger(error) => trigger(error, axis),
        StationError::Encoder(EncoderError::FilteredQuadrature { pulse_min_us }) => format!(
            "encoder.pulse_min_ms = {} must be 0 with encoder.kind = \"quadrature\", whose bouncing \
             goes back and forth by itself",
            ms(*pulse_min_us)
        ),
        StationError::Gate(error) => gate(error, axis),
        StationError::Readiness(ReadinessError::NoPeriod) => {
            "ready.toggle_ms must be at least 0.001".to_owned()
        }
        StationError::Readiness(ReadinessError::NoLate { late_max }) => {
            format!("ready.late_max = {late_max} must be at least 1")
        }
        StationError::PresenceInCounts => {
            "trigger.source = \"presence\" needs encoder.kind = \"none\": a \
             picture has a time and no count; with an encoder use a part sensor"
                .to_owned()
        }
        StationError::UnseenPasses => {
            "trigger.source = \"presence\" needs gate.output = \"pass_pulse\": \
             with a reject pulse, what the camera does not see goes through; a part sensor sees it"
                .to_owned()
        }
        StationError::SightBehindRejector {
            sight_max_us,
            gap_max_us,
            delay_us,
        } => format!(
            "presence.sight_max_ms = {} and presence.gap_max_ms = {} must be less than gate.delay_ms = {} \
             together, or a part could pass before it is known to have left the camera's sight alone",
            ms(*sight_max_us),
            ms(*gap_max_us),
            ms(*delay_us)
        ),
        StationError::PulseBeyondSpacing { spacing, pulse } => {
            let pulse = match axis {
                Axis::Time => format!("gate.pulse_ms = {}", ms(*pulse)),
                Axis::Belt => format!("encoder.pulse_counts = {pulse}"),
            };
            format!(
                "{pulse} must be less than {}, or two parts could share a pulse",
                spacing_min(axis, *spacing)
            )
        }
        // No station's file can say these.
        _ => error.to_string(),
    }
}

fn trigger(error: &TriggerError, axis: Axis) -> String {
    match error {
        TriggerError::NoSpacing => match axis {
            Axis::Time => "trigger.spacing_min_ms must be at least 0.001".to_owned(),
            Axis::Belt => "encoder.spacing_min_counts = 0 must be at least 1".to_owned(),
        },
        TriggerError::SpacingReversed { min, max } => {
            let max = match axis {
                Axis::Time => format!("trigger.spacing_max_ms = {}", ms(*max)),
                Axis::Belt => format!("encoder.spacing_max_counts = {max}"),
            };
            format!("{max} must be 0 or more than {}", spacing_min(axis, *min))
        }
        TriggerError::DebounceBeyondSpacing {
            debounce_us,
            min_us,
        } => format!(
            "trigger.debounce_ms = {} must be less than {}, or two parts could flow into one",
            ms(*debounce_us),
            spacing_min(Axis::Time, *min_us)
        ),
        TriggerError::JitterBeyondSpacing { jitter, min } => format!(
            "encoder.jitter_counts = {jitter} must be less than {}, or a belt that shakes brings parts",
            spacing_min(Axis::Belt, *min)
        ),
        TriggerError::Shares { presence } => format!(
            "presence.off_share = {}, on_share = {} and most_share = {} must rise, above 0 and below 1",
            presence.off_share, presence.on_share, presence.most_share
        ),
        TriggerError::NoSight => {
            "presence.sight_max_ms and presence.gap_max_ms must be at least 0.001".to_owned()
        }
        TriggerError::GapBeyondSight {
            gap_max_us,
            sight_max_us,
        } => format!(
            "presence.gap_max_ms = {} must be less than presence.sight_max_ms = {}, or parts could go by \
             between two pictures",
            ms(*gap_max_us),
            ms(*sight_max_us)
        ),
        TriggerError::SightBeyondSpacing {
            sight_max_us,
            max_us,
        } => format!(
            "trigger.spacing_max_ms = {} must be 0 or more than presence.sight_max_ms = {}, or a part would \
             be missed while another one is in sight",
            ms(*max_us),
            ms(*sight_max_us)
        ),
        // No station's file can say these.
        _ => error.to_string(),
    }
}

fn gate(error: &GateError, axis: Axis) -> String {
    match error {
        GateError::NoDeadline => "gate.deadline_ms must be at least 0.001".to_owned(),
        GateError::DeadlineBehindRejector {
            deadline_us,
            delay_us,
        } => format!(
            "gate.deadline_ms = {} must be at most gate.delay_ms = {}, or answers could come when the \
             part lies behind the rejector",
            ms(*deadline_us),
            ms(*delay_us)
        ),
        GateError::NoPulse => match axis {
            Axis::Time => "gate.pulse_ms must be at least 0.001".to_owned(),
            Axis::Belt => {
                "gate.pulse_ms must be at least 0.001 and encoder.pulse_counts at least 1"
                    .to_owned()
            }
        },
        GateError::NoWay => "encoder.delay_counts = 0 must be at least 1".to_owned(),
        GateError::MergedPass => {
            let key = match axis {
                Axis::Time => "gate.merge_ms",
                Axis::Belt => "encoder.merge_counts",
            };
            format!(
                "{key} must be 0 with gate.output = \"pass_pulse\": what lies between two parts was \
                 not inspected"
            )
        }
        // No station's file can say these.
        _ => error.to_string(),
    }
}

fn spacing_min(axis: Axis, least: u64) -> String {
    match axis {
        Axis::Time => format!("trigger.spacing_min_ms = {}", ms(least)),
        Axis::Belt => format!("encoder.spacing_min_counts = {least}"),
    }
}
