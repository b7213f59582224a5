//! Deliberately broken variants of trigger, encoder, gate and what surrounds them. Each of them
//! must break a law of the simulator, or the simulator proves nothing.
//!
//! What ships is not touched: a variant changes the numbers that a station is made from, what it
//! hears, or what it says.

mod broken;
mod wires;

pub use broken::Broken;

use twinspect_core::belt::EncoderKind;
use twinspect_core::gate::Way;
use twinspect_core::recovery::RecoverySpec;
use twinspect_core::station::{StationError, StationSpec};
use twinspect_core::trigger::{SourceSpec, SpacingSpec};

use super::Maker;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The sensor's edges count at once.
    NoDebounce,
    /// What follows a part too closely is not noticed.
    DoublesIgnored,
    /// Gaps in the numbers of the sensor's edges are not noticed.
    SensorGapsIgnored,
    /// Gaps in the numbers of the encoder's edges are not noticed.
    EncoderGapsIgnored,
    /// A belt that turns back counts as one that goes on.
    DirectionIgnored,
    /// A belt that turns back counts as one that stands.
    BackwardDropped,
    /// A bouncing pulse of a single channel counts.
    GlitchesCounted,
    /// Places are kept in time although the belt may stop.
    EncoderIgnored,
    /// Pulses come a quarter of the way too late.
    DelayTooLong,
    /// Pulses come before the part.
    DelayTooShort,
    /// Pulses are longer than they may be.
    PulseTooLong,
    /// Pulses end before the part is there.
    PulseTooShort,
    /// Answers after the deadline count.
    LateAnswersCount,
    /// The last answer counts, not the first.
    LastAnswerWins,
    /// Answers belong to the ticket after their own.
    AnswersOffByOne,
    /// Answers belong to the oldest ticket, whatever their number.
    AnswersByOrder,
    /// A defective part passes.
    FailPasses,
    /// A part without a result passes.
    NoResultPasses,
    /// A part that nobody has answered for passes.
    SilencePasses,
    /// A pulse does not end.
    PulseSticks,
    /// A part fires again after its pulse.
    FiresTwice,
    /// The wire says the opposite.
    WireInverted,
    /// Pulses come for the part behind.
    PulseForNeighbour,
    /// Now and then a part does not leave.
    LeaveLost,
    /// Now and then a part leaves twice.
    LeaveTwice,
    /// Parts leave in pairs, the second one first.
    LeavesSwapped,
    /// The end of an inspect process is not noticed.
    EndUnnoticed,
    /// A silent inspect process is not killed.
    NoKill,
    /// Any answer is a sign of life.
    AnswersAreLife,
    /// The line process takes its own ticks for a sign of life.
    HeartbeatOfItsOwn,
    /// A heartbeat without a camera is one like others.
    BlindnessIgnored,
    /// A heartbeat with an engine that is too slow is one like others.
    SlownessIgnored,
    /// READY rises and stays.
    ReadyIsLevel,
    /// Late results don't drop READY.
    LateNeverDropsReady,
    /// BUSY never rises.
    BusyNever,
    /// A repeated picture is believed.
    RepeatsBelieved,
    /// A picture of another time is believed.
    AnyTimeBelieved,
    /// A reload forgets the parts under way.
    ReloadForgets,
    /// A reload takes what contradicts itself.
    BadReloadTaken,
    /// The handshake tells of a part before its turn.
    HandshakeSkips,
    /// A station that is stopped waits for a belt that stands.
    StopWaitsForever,
    /// The first picture that shows anything of a part is judged.
    PartialPictures,
    /// The first picture that shows a part wholly is its place, wherever it lies there.
    FirstWholePicture,
    /// The newest picture is judged, whichever a ticket names.
    NewestPicture,
    /// A part's place is where it was when somebody heard of its picture.
    PlaceByMessage,
    /// A part that does not leave the camera's sight is not noticed for long.
    StandingUnnoticed,
    /// Parts that touch are one.
    CrowdIsOne,
    /// Another model takes over although a part awaits its answer.
    TakesOverAtOnce,
    /// What the process before says counts.
    OldAnswersCount,
    /// The new process opens its camera before the old one has let go of it.
    TwoEyes,
    /// The process of a refused model stays.
    CandidateStays,
    /// Nobody writes down which model is in charge.
    RecordNever,
    /// A model is written down before it was ready.
    RecordEarly,
    /// A record that failed is not written again.
    RecordGivenUp,
    /// A model that can't judge stays.
    NoRollBack,
    /// READY beats on while another model takes over.
    ReadyWhileSwitching,
    /// A camera that only a new process brings back gets none.
    NoNewProcess,
    /// A camera that isn't there is looked for once.
    NeverLooksAgain,
    /// A camera that stands still counts as well.
    StillIsWell,
    /// A driver that does not return is waited for.
    CameraHangUnnoticed,
    /// Nobody looks at the recipe lines.
    RecipesIgnored,
    /// Each number that goes by on the recipe lines is a recipe.
    RecipesUnsettled,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 62] = [
        Self::NoDebounce,
        Self::DoublesIgnored,
        Self::SensorGapsIgnored,
        Self::EncoderGapsIgnored,
        Self::DirectionIgnored,
        Self::BackwardDropped,
        Self::GlitchesCounted,
        Self::EncoderIgnored,
        Self::DelayTooLong,
        Self::DelayTooShort,
        Self::PulseTooLong,
        Self::PulseTooShort,
        Self::LateAnswersCount,
        Self::LastAnswerWins,
        Self::AnswersOffByOne,
        Self::AnswersByOrder,
        Self::FailPasses,
        Self::NoResultPasses,
        Self::SilencePasses,
        Self::PulseSticks,
        Self::FiresTwice,
        Self::WireInverted,
        Self::PulseForNeighbour,
        Self::LeaveLost,
        Self::LeaveTwice,
        Self::LeavesSwapped,
        Self::EndUnnoticed,
        Self::NoKill,
        Self::AnswersAreLife,
        Self::HeartbeatOfItsOwn,
        Self::BlindnessIgnored,
        Self::SlownessIgnored,
        Self::ReadyIsLevel,
        Self::LateNeverDropsReady,
        Self::BusyNever,
        Self::RepeatsBelieved,
        Self::AnyTimeBelieved,
        Self::ReloadForgets,
        Self::BadReloadTaken,
        Self::HandshakeSkips,
        Self::StopWaitsForever,
        Self::PartialPictures,
        Self::FirstWholePicture,
        Self::NewestPicture,
        Self::PlaceByMessage,
        Self::StandingUnnoticed,
        Self::CrowdIsOne,
        Self::TakesOverAtOnce,
        Self::OldAnswersCount,
        Self::TwoEyes,
        Self::CandidateStays,
        Self::RecordNever,
        Self::RecordEarly,
        Self::RecordGivenUp,
        Self::NoRollBack,
        Self::ReadyWhileSwitching,
        Self::NoNewProcess,
        Self::NeverLooksAgain,
        Self::StillIsWell,
        Self::CameraHangUnnoticed,
        Self::RecipesIgnored,
        Self::RecipesUnsettled,
    ];

    /// The numbers that the broken station is made from.
    fn spec(self, mut spec: StationSpec) -> StationSpec {
        match self {
            Self::NoDebounce => {
                if let SourceSpec::Sensor { debounce_us } = &mut spec.trigger.source {
                    *debounce_us = 0;
                }
            }
            Self::StandingUnnoticed => {
                if let SourceSpec::Presence(presence) = &mut spec.trigger.source {
                    presence.sight_max_us = 320_000;
                    if let SpacingSpec::Time { max_us, .. } = &mut spec.trigger.spacing {
                        *max_us = None;
                    }
                }
            }
            Self::CrowdIsOne => {
                if let SourceSpec::Presence(presence) = &mut spec.trigger.source {
                    presence.most_share = 0.99;
                }
            }
            Self::GlitchesCounted => {
                if let Some(encoder) = &mut spec.encoder {
                    encoder.pulse_min_us = 0;
                }
            }
            Self::EncoderIgnored => {
                spec.gate.way = Way::Time {
                    delay_us: 380_000,
                    merge_us: 0,
                };
                spec.gate.pulse_us = 40_000;
                spec.trigger.spacing = SpacingSpec::Time {
                    min_us: 60_000,
                    max_us: None,
                };
            }
            Self::DelayTooLong => shift(&mut spec.gate.way, 1, 4),
            Self::DelayTooShort => shift(&mut spec.gate.way, -1, 10),
            Self::PulseTooLong => match &mut spec.gate.way {
                Way::Time { .. } => spec.gate.pulse_us = 55_000,
                Way::Belt { pulse_counts, .. } => {
                    *pulse_counts = 5;
                    spec.gate.pulse_us = 90_000;
                }
            },
            Self::PulseTooShort => match &mut spec.gate.way {
                Way::Time { .. } => spec.gate.pulse_us = 10_000,
                Way::Belt { pulse_counts, .. } => *pulse_counts = 1,
            },
            Self::LateAnswersCount => spec.gate.deadline_us = 380_000,
            Self::StopWaitsForever => spec.drain_max_us = u64::MAX,
            Self::NoRollBack => spec.changeover.trial.parts = 0,
            Self::RecordGivenUp => spec.changeover.record_again_us = u64::MAX,
            Self::RecipesIgnored => spec.recipes = None,
            Self::RecipesUnsettled => {
                let recipes = spec.recipes.as_mut();
                if let Some(lines) = recipes.and_then(|recipes| recipes.lines.as_mut()) {
                    lines.settle_us = 1;
                }
            }
            Self::LateNeverDropsReady => spec.readiness.late_max = u32::MAX,
            _ => {}
        }
        spec
    }
}

impl Mutation {
    /// The limits that the broken ladder climbs by.
    fn recovery(self, mut spec: RecoverySpec) -> RecoverySpec {
        match self {
            Self::NeverLooksAgain => spec.look_every_us = u64::MAX,
            Self::CameraHangUnnoticed => {
                spec.start_max_us = u64::MAX;
                spec.reset_max_us = u64::MAX;
                spec.silence_max_us = u64::MAX;
            }
            _ => {}
        }
        spec
    }
}

/// Moves the rejector by a share of the way.
fn shift(way: &mut Way, parts: i64, of: i64) {
    let moved = |place: u64| place.saturating_add_signed(parts * place as i64 / of);
    match way {
        Way::Time { delay_us, .. } => *delay_us = moved(*delay_us),
        Way::Belt { delay_counts, .. } => *delay_counts = moved(*delay_counts),
    }
}

/// Whether a station has an encoder that tells directions.
fn is_quadrature(spec: &StationSpec) -> bool {
    spec.encoder
        .is_some_and(|encoder| encoder.kind == EncoderKind::Quadrature)
}

impl Maker for Mutation {
    type Device = Broken;

    fn make(&self, spec: StationSpec) -> Result<Broken, StationError> {
        Broken::new(*self, spec)
    }
}
