//! How a station's decisions are set up.

use crate::belt::{EncoderError, EncoderSpec};
use crate::gate::{GateError, GateSpec};
use crate::handshake::HandshakeSpec;
use crate::readiness::{ReadinessError, ReadinessSpec};
use crate::supervision::SupervisionSpec;
use crate::trigger::{TriggerError, TriggerSpec};

/// Everything that a station decides by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StationSpec {
    /// From sensor to parts.
    pub trigger: TriggerSpec,
    /// The belt's encoder, if there is one.
    pub encoder: Option<EncoderSpec>,
    /// From parts to pulses.
    pub gate: GateSpec,
    /// When more parts may come.
    pub readiness: ReadinessSpec,
    /// How the inspect process is watched.
    pub supervision: SupervisionSpec,
    /// The handshake, if the machine reads each result.
    pub handshake: Option<HandshakeSpec>,
    /// A station that is stopped waits for the parts under way no longer than this. On a belt that
    /// runs evenly, at least the way to the rejector and a pulse.
    pub drain_max_us: u64,
}

/// Why a station can't be set up like this.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StationError {
    /// The trigger.
    #[error("trigger: {0}")]
    Trigger(TriggerError),
    /// The encoder.
    #[error("encoder: {0}")]
    Encoder(EncoderError),
    /// The gate.
    #[error("gate: {0}")]
    Gate(GateError),
    /// READY.
    #[error("ready: {0}")]
    Readiness(ReadinessError),
    /// Space and way can't be compared.
    #[error("part spacing and way to the rejector must be told alike: both in time or in counts")]
    MixedAxes,
    /// Counts of nothing.
    #[error("places in counts need an encoder")]
    NoEncoder,
    /// Something else than the gate's numbers differs from those of the running station.
    #[error("only delay, deadline, pulse and merging can change while parts are under way")]
    NeedsRestart,
    /// Two parts would lie in one pulse.
    #[error("parts {spacing} apart could share a pulse of {pulse}: it must be shorter")]
    PulseBeyondSpacing {
        /// The least space between parts.
        spacing: u64,
        /// Length of a pulse, on the same axis.
        pulse: u64,
    },
}

impl StationSpec {
    /// Everything that is wrong with these numbers.
    pub fn problems(&self) -> impl Iterator<Item = StationError> + use<> {
        let axis = self.gate.axis();
        let spacing = self.trigger.spacing;
        let mixed = (spacing.axis() != axis).then_some(StationError::MixedAxes);
        let blind = (axis == crate::belt::Axis::Belt && self.encoder.is_none())
            .then_some(StationError::NoEncoder);
        let (space, pulse) = (spacing.min(), self.gate.window());
        let shared =
            (mixed.is_none() && pulse >= space).then_some(StationError::PulseBeyondSpacing {
                spacing: space,
                pulse,
            });
        let encoder = self.encoder.map(|encoder| encoder.problems());
        self.trigger
            .problems()
            .map(StationError::Trigger)
            .chain(encoder.into_iter().flatten().map(StationError::Encoder))
            .chain(self.gate.problems().map(StationError::Gate))
            .chain(self.readiness.problems().map(StationError::Readiness))
            .chain([mixed, blind, shared].into_iter().flatten())
    }
}
