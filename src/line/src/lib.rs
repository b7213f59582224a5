//! The line's wires: what pass and reject mean to the machine around the station.
//!
//! The gate of `twinspect_core` decides when a wire has to change; a [`Line`] changes it. One
//! thread owns the line. [`SimulatedLine`] records what a real one would do.
//!
//! **What is absent**: decisions, clocks and threads. Times come in with each edge.
#![forbid(unsafe_code)]

mod simulated;
mod timeline;

pub use simulated::{PULSES_KEPT, Pulse, SimulatedLine};

use twinspect_core::gate::OutputMode;

/// A wire that leads to the rejector, or to the machine around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// High lets a part through.
    Pass,
    /// High throws a part out.
    Reject,
    /// Toggles while more parts may come.
    Ready,
    /// High while an answer is awaited.
    Busy,
}

impl Output {
    /// All outputs.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Reject, Self::Ready, Self::Busy];

    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Reject => "reject",
            Self::Ready => "ready",
            Self::Busy => "busy",
        }
    }

    /// Whether it moves parts; the others only tell.
    pub fn moves_parts(self) -> bool {
        matches!(self, Self::Pass | Self::Reject)
    }
}

impl From<OutputMode> for Output {
    fn from(mode: OutputMode) -> Self {
        match mode {
            OutputMode::PassPulse => Self::Pass,
            OutputMode::RejectPulse => Self::Reject,
        }
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A change of one wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The wire.
    pub output: Output,
    /// High or low.
    pub level: bool,
    /// When it happens, microseconds of the caller's monotonic clock.
    pub at_us: u64,
    /// Number of the part on whose behalf.
    pub part: u64,
}

/// The wires of a station, all low at first.
pub trait Line {
    /// Changes a wire. Setting the level that it has is no change and no fault.
    ///
    /// # Errors
    /// [`LineError`] if the wire's level can't be vouched for.
    fn drive(&mut self, edge: Edge) -> Result<(), LineError>;

    /// Sets every wire low, the state in which nothing is let through by a PASS pulse.
    ///
    /// # Errors
    /// [`LineError`] if some wire's level can't be vouched for; the others are set all the same.
    fn rest(&mut self, at_us: u64) -> Result<(), LineError>;
}

/// A wire that did not do as it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// An edge lies before the one that was driven last.
    #[error("edge of {output} at {at_us} us comes after one at {last_us} us")]
    BackInTime {
        /// The wire.
        output: Output,
        /// Time of this edge.
        at_us: u64,
        /// Time of the wire's last edge.
        last_us: u64,
    },
}
