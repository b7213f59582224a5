//! From sensor edges to pulses: what trigger, gate, READY, handshake and supervision are told, and whether they can work
//! together.

use std::time::Duration;

use twinspect_core::belt::EncoderSpec;
use twinspect_core::gate::{GateSpec, OutputMode, Way};
use twinspect_core::handshake::HandshakeSpec;
use twinspect_core::readiness::ReadinessSpec;
use twinspect_core::station::StationSpec;
use twinspect_core::supervision::SupervisionSpec;
use twinspect_core::trigger::{SourceSpec, SpacingSpec, TriggerSpec};

use super::checker::{Checker, StationError};
use super::presence::PresenceToml;
use super::typed::{
    EncoderChoice, EncoderToml, GateToml, HandshakeToml, OutputToml, StationToml, TriggerChoice,
    TriggerToml,
};

/// A station that is stopped waits for so much longer than its last part takes on an even belt.
const DRAIN_SLACK_US: u64 = 1_000_000;

impl Checker {
    pub(super) fn decisions(&mut self, typed: &StationToml) -> StationSpec {
        let known = self.problems.len();
        let inspector = &typed.inspector;
        let restart_wait = self.duration("inspector.restart_wait_ms", inspector.restart_wait_ms);
        let key = "inspector.restart_wait_max_ms";
        let restart_wait_max = self.duration(key, inspector.restart_wait_max_ms);
        self.order(
            ("inspector.restart_wait_ms", restart_wait),
            (key, restart_wait_max),
        );
        let pulse_min_us = self.optional_us("encoder.pulse_min_ms", typed.encoder.pulse_min_ms);
        let kind = typed.encoder.kind.kind();
        let proof_max = Duration::try_from_secs_f64(inspector.start_max_ms / 1e3);
        let proof_max_us = proof_max.unwrap_or_default().as_micros() as u64;
        let gate = self.gate(&typed.gate, &typed.encoder);
        let handshake = self.handshake(&typed.handshake);
        let spec = StationSpec {
            trigger: self.trigger(&typed.trigger, &typed.presence, &typed.encoder),
            encoder: kind.map(|kind| EncoderSpec { kind, pulse_min_us }),
            gate,
            readiness: ReadinessSpec {
                toggle_us: self.us("ready.toggle_ms", typed.ready.toggle_ms),
                silence_max_us: self.us("ready.silence_max_ms", typed.ready.silence_max_ms),
                late_max: typed.ready.late_max,
                hold_us: self.us("ready.hold_ms", typed.ready.hold_ms),
            },
            supervision: SupervisionSpec {
                silence_max_us: self.us("inspector.silence_max_ms", inspector.silence_max_ms),
                start_max_us: self.us("inspector.start_max_ms", inspector.start_max_ms),
                restart_wait_us: restart_wait.as_micros() as u64,
                restart_wait_max_us: restart_wait_max.as_micros() as u64,
            },
            changeover: self.changeover(&typed.models, proof_max_us),
            recipes: self.recipe_rules(typed, proof_max_us),
            handshake,
            drain_max_us: self.drain_max_us(&gate, &typed.encoder, handshake),
        };
        // What is wrong with a number by itself was said above.
        if self.problems.len() == known {
            let axis = spec.gate.axis();
            let told = |error| StationError::Decisions { error, axis };
            self.problems.extend(spec.problems().map(told));
        }
        spec
    }

    fn trigger(
        &mut self,
        typed: &TriggerToml,
        presence: &PresenceToml,
        encoder: &EncoderToml,
    ) -> TriggerSpec {
        let debounce_us = self.optional_us("trigger.debounce_ms", typed.debounce_ms);
        let min_us = self.us("trigger.spacing_min_ms", typed.spacing_min_ms);
        let max_us = self.optional_us("trigger.spacing_max_ms", typed.spacing_max_ms);
        let some = |largest: u64| Some(largest).filter(|largest| *largest > 0);
        TriggerSpec {
            source: match typed.source {
                TriggerChoice::Sensor => SourceSpec::Sensor { debounce_us },
                TriggerChoice::Presence => SourceSpec::Presence(self.presence(presence)),
                TriggerChoice::Software => SourceSpec::Software,
            },
            spacing: match encoder.kind {
                EncoderChoice::None => SpacingSpec::Time {
                    min_us,
                    max_us: some(max_us),
                },
                EncoderChoice::Single | EncoderChoice::Quadrature => SpacingSpec::Belt {
                    min_counts: encoder.spacing_min_counts,
                    max_counts: some(encoder.spacing_max_counts),
                    jitter_counts: encoder.jitter_counts,
                },
            },
        }
    }

    fn gate(&mut self, typed: &GateToml, encoder: &EncoderToml) -> GateSpec {
        let (delay_us, merge_us) = (
            self.us("gate.delay_ms", typed.delay_ms),
            self.optional_us("gate.merge_ms", typed.merge_ms),
        );
        GateSpec {
            way: match encoder.kind {
                EncoderChoice::None => Way::Time { delay_us, merge_us },
                EncoderChoice::Single | EncoderChoice::Quadrature => Way::Belt {
                    delay_counts: encoder.delay_counts,
                    pulse_counts: encoder.pulse_counts,
                    merge_counts: encoder.merge_counts,
                },
            },
            deadline_us: self.us("gate.deadline_ms", typed.deadline_ms),
            pulse_us: self.us("gate.pulse_ms", typed.pulse_ms),
            mode: match typed.output {
                OutputToml::PassPulse => OutputMode::PassPulse,
                OutputToml::RejectPulse => OutputMode::RejectPulse,
            },
        }
    }

    fn handshake(&mut self, typed: &HandshakeToml) -> Option<HandshakeSpec> {
        let setup_us = self.us("handshake.setup_ms", typed.setup_ms);
        let key = "handshake.ack_max_ms";
        let ack_max = self.duration(key, typed.ack_max_ms);
        let debounce_us = self.optional_us("handshake.ack_debounce_ms", typed.ack_debounce_ms);
        let debounce = Duration::from_micros(debounce_us);
        self.order(("handshake.ack_debounce_ms", debounce), (key, ack_max));
        typed.enabled.then_some(HandshakeSpec {
            setup_us,
            ack_max_us: ack_max.as_micros() as u64,
        })
    }

    /// Time in which a part that has come to the sensor has left, and its result was told.
    fn drain_max_us(
        &mut self,
        gate: &GateSpec,
        encoder: &EncoderToml,
        handshake: Option<HandshakeSpec>,
    ) -> u64 {
        let drain_max_us = self.us("encoder.drain_max_ms", encoder.drain_max_ms);
        let told_us = handshake.map_or(0, |spec| spec.setup_us + 2 * spec.ack_max_us);
        match gate.way {
            Way::Time { delay_us, .. } => delay_us + gate.pulse_us + told_us + DRAIN_SLACK_US,
            Way::Belt { .. } => drain_max_us,
        }
    }
}
