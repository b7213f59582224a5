//! How a station's decisions are set up.

use crate::belt::{EncoderError, EncoderSpec};
use crate::changeover::ChangeoverSpec;
use crate::gate::{GateError, GateSpec, OutputMode, Way};
use crate::handshake::HandshakeSpec;
use crate::readiness::{ReadinessError, ReadinessSpec};
use crate::recipe::{RecipeLinesError, RecipeSpec};
use crate::supervision::SupervisionSpec;
use crate::trigger::{SourceSpec, TriggerError, TriggerSpec};

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
    /// How another model takes over.
    pub changeover: ChangeoverSpec,
    /// How recipes choose the model, if they do.
    pub recipes: Option<RecipeSpec>,
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
    /// The recipe lines.
    #[error("recipes: {0}")]
    Recipes(RecipeLinesError),
    /// Space and way can't be compared.
    #[error("part spacing and way to the rejector must be told alike: both in time or in counts")]
    MixedAxes,
    /// Counts of nothing.
    #[error("places in counts need an encoder")]
    NoEncoder,
    /// Something else than the gate's numbers differs from those of the running station.
    #[error("only delay, deadline, pulse and merging can change while parts are under way")]
    NeedsRestart,
    /// A picture's place can't be told in counts.
    #[error(
        "parts that a camera sees have places in time: presence and an encoder don't go together"
    )]
    PresenceInCounts,
    /// What the camera does not see would pass.
    #[error("parts that a camera does not see would pass with a reject pulse")]
    UnseenPasses,
    /// A part would come to the rejector before it is known to have left the camera's sight alone.
    #[error(
        "a part may be in sight for {sight_max_us} us and its end be seen {gap_max_us} us later, while it \
         comes to the rejector after {delay_us} us"
    )]
    SightBehindRejector {
        /// The longest time that a part is in sight.
        sight_max_us: u64,
        /// The longest time between two pictures.
        gap_max_us: u64,
        /// The part's way to the rejector.
        delay_us: u64,
    },
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
        let presence = self.presence_problems();
        self.trigger
            .problems()
            .map(StationError::Trigger)
            .chain(encoder.into_iter().flatten().map(StationError::Encoder))
            .chain(self.gate.problems().map(StationError::Gate))
            .chain(self.readiness.problems().map(StationError::Readiness))
            .chain([mixed, blind, shared].into_iter().flatten())
            .chain(self.recipe_problems())
            .chain(presence)
    }

    fn recipe_problems(&self) -> impl Iterator<Item = StationError> + use<> {
        let lines = self.recipes.and_then(|recipes| recipes.lines);
        let problems = lines.map(|lines| lines.problems().map(StationError::Recipes));
        problems.into_iter().flatten()
    }

    /// What does not go together with a camera that runs freely.
    fn presence_problems(&self) -> impl Iterator<Item = StationError> + use<> {
        let presence = match self.trigger.source {
            SourceSpec::Presence(presence) => Some(presence),
            SourceSpec::Sensor { .. } | SourceSpec::Software => None,
        };
        let counts = self.encoder.map(|_| StationError::PresenceInCounts);
        let unseen =
            (self.gate.mode == OutputMode::RejectPulse).then_some(StationError::UnseenPasses);
        let behind = presence.and_then(|presence| {
            let (sight_max_us, gap_max_us) = (presence.sight_max_us, presence.gap_max_us);
            match self.gate.way {
                Way::Time { delay_us, .. }
                    if sight_max_us.saturating_add(gap_max_us) >= delay_us =>
                {
                    Some(StationError::SightBehindRejector {
                        sight_max_us,
                        gap_max_us,
                        delay_us,
                    })
                }
                _ => None,
            }
        });
        let problems = [counts, unseen, behind].into_iter().flatten();
        problems.filter(move |_| presence.is_some())
    }
}
