//! How a gate is set up.

/// Which wire speaks, and what its silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputMode {
    /// A pulse lets a part through; silence rejects. The default: a dead gate rejects.
    PassPulse,
    /// A pulse throws a part out; silence passes. For rejectors that know nothing else.
    RejectPulse,
}

/// Times are counted from the trigger of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateSpec {
    /// When the part lies before the rejector: the pulse starts here.
    pub delay_us: u64,
    /// Answers count if they come before; at most `delay_us`.
    pub deadline_us: u64,
    /// Length of a pulse.
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
    #[error("a pulse must last at least one microsecond")]
    NoPulse,
}

impl GateSpec {
    /// Everything that is wrong with these numbers.
    pub fn problems(&self) -> impl Iterator<Item = GateError> {
        let no_deadline = (self.deadline_us == 0).then_some(GateError::NoDeadline);
        let behind =
            (self.deadline_us > self.delay_us).then_some(GateError::DeadlineBehindRejector {
                deadline_us: self.deadline_us,
                delay_us: self.delay_us,
            });
        let no_pulse = (self.pulse_us == 0).then_some(GateError::NoPulse);
        [no_deadline, behind, no_pulse].into_iter().flatten()
    }
}
