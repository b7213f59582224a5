//! How a gate is set up.

use crate::belt::Axis;

/// Which wire speaks, and what its silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputMode {
    /// A pulse lets a part through; silence rejects. The default: a dead gate rejects.
    PassPulse,
    /// A pulse throws a part out; silence passes. For rejectors that know nothing else.
    RejectPulse,
}

/// The way of a part from the sensor to the rejector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The belt runs evenly: places are times.
    Time {
        /// From the trigger until the part lies before the rejector: the pulse starts here.
        delay_us: u64,
        /// Reject pulses that would follow each other sooner than this become one.
        merge_us: u64,
    },
    /// The belt may stop and turn back: places are counts of its encoder.
    Belt {
        /// From the sensor to the rejector: the pulse starts here.
        delay_counts: u64,
        /// How far the belt goes while a pulse lasts.
        pulse_counts: u64,
        /// Reject pulses that would follow each other closer than this become one.
        merge_counts: u64,
    },
}

/// Times are counted from the trigger of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateSpec {
    /// The way to the rejector.
    pub way: Way,
    /// Answers count if they come before; at most the delay, where that is a time.
    pub deadline_us: u64,
    /// Length of a pulse. With an encoder: the longest that a PASS pulse lasts, even if the belt
    /// stands; a reject pulse then lasts until the belt has moved on.
    pub pulse_us: u64,
    /// The wire.
    pub mode: OutputMode,
}

/// Why a gate can't be set up like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// No time to answer.
    #[error("the deadline must lie after the trigger")]
    NoDeadline,
    /// Answers could come after the part has left.
    #[error(
        "the deadline, {deadline_us} us after the trigger, lies behind the rejector, {delay_us} us after it"
    )]
    DeadlineBehindRejector {
        /// The deadline.
        deadline_us: u64,
        /// The part's way to the rejector.
        delay_us: u64,
    },
    /// A pulse without length.
    #[error("a pulse must last at least one microsecond, and one count with an encoder")]
    NoPulse,
    /// The rejector lies at the sensor.
    #[error("the rejector must lie at least one count behind the sensor")]
    NoWay,
    /// One PASS pulse would let through what lies between two parts.
    #[error("PASS pulses can't be merged over a gap: what lies in it was not inspected")]
    MergedPass,
    /// The places of the parts under way are of another kind.
    #[error("output mode and kind of way can't be changed while the gate is in use")]
    Incompatible,
}

impl GateSpec {
    /// On which axis places are told.
    pub fn axis(&self) -> Axis {
        match self.way {
            Way::Time { .. } => Axis::Time,
            Way::Belt { .. } => Axis::Belt,
        }
    }

    /// From sensor to rejector on the gate's axis.
    pub(super) fn delay(&self) -> u64 {
        match self.way {
            Way::Time { delay_us, .. } => delay_us,
            Way::Belt { delay_counts, .. } => delay_counts,
        }
    }

    /// Length of a pulse on the gate's axis.
    pub fn window(&self) -> u64 {
        match self.way {
            Way::Time { .. } => self.pulse_us,
            Way::Belt { pulse_counts, .. } => pulse_counts,
        }
    }

    /// Largest gap that is merged.
    pub(super) fn merge(&self) -> u64 {
        match self.way {
            Way::Time { merge_us, .. } => merge_us,
            Way::Belt { merge_counts, .. } => merge_counts,
        }
    }

    /// Everything that is wrong with these numbers.
    pub fn problems(&self) -> impl Iterator<Item = GateError> + use<> {
        let no_deadline = (self.deadline_us == 0).then_some(GateError::NoDeadline);
        let place = match self.way {
            Way::Time { delay_us, .. } if self.deadline_us > delay_us => {
                Some(GateError::DeadlineBehindRejector {
                    deadline_us: self.deadline_us,
                    delay_us,
                })
            }
            Way::Belt {
                delay_counts: 0, ..
            } => Some(GateError::NoWay),
            _ => None,
        };
        let no_pulse = (self.pulse_us == 0 || self.window() == 0).then_some(GateError::NoPulse);
        let merged = (self.mode == OutputMode::PassPulse && self.merge() > 0)
            .then_some(GateError::MergedPass);
        [no_deadline, place, no_pulse, merged].into_iter().flatten()
    }
}
