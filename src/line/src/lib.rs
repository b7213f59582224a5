//! The line's wires: what pass and reject mean to the machine around the station.
//!
//! The gate of `twinspect_core` decides when a wire has to change; a [`Line`] changes it. One
//! thread owns the line. [`SimulatedLine`] records what a real one would do; [`gpio`] is a real one,
//! with the inputs that belong to it.
//!
//! **What is absent**: decisions, clocks and threads. Times come in with each edge.
#![forbid(unsafe_code)]

pub mod gpio;
mod simulated;
mod timeline;

pub use simulated::{PULSES_KEPT, Pulse, SimulatedLine};

use twinspect_core::gate::OutputMode;

/// A wire that comes from a sensor, or from the machine around the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// High while a part lies before the part sensor.
    Sensor,
    /// The encoder's first or only channel.
    EncoderA,
    /// The encoder's second channel.
    EncoderB,
    /// The machine has read a result.
    Ack,
    /// The recipe's number: worth 1.
    Recipe0,
    /// Worth 2.
    Recipe1,
    /// Worth 4.
    Recipe2,
    /// Worth 8.
    Recipe3,
    /// High while the recipe's number counts.
    RecipeStrobe,
}

impl Input {
    /// All inputs.
    pub const ALL: [Self; 9] = [
        Self::Sensor,
        Self::EncoderA,
        Self::EncoderB,
        Self::Ack,
        Self::Recipe0,
        Self::Recipe1,
        Self::Recipe2,
        Self::Recipe3,
        Self::RecipeStrobe,
    ];

    /// The wires of a recipe's number, the one that is worth 1 first.
    pub const RECIPE: [Self; 4] = [Self::Recipe0, Self::Recipe1, Self::Recipe2, Self::Recipe3];

    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sensor => "sensor",
            Self::EncoderA => "encoder_a",
            Self::EncoderB => "encoder_b",
            Self::Ack => "ack",
            Self::Recipe0 => "recipe_0",
            Self::Recipe1 => "recipe_1",
            Self::Recipe2 => "recipe_2",
            Self::Recipe3 => "recipe_3",
            Self::RecipeStrobe => "recipe_strobe",
        }
    }
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

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
    /// The handshake: OK, NG and ERROR are to be read.
    ResultValid,
    /// The handshake: the part passes.
    Ok,
    /// The handshake: the part does not pass.
    Ng,
    /// The handshake: there is no result.
    Error,
}

/// What a station says that nobody runs: before its first and after its last decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stopped {
    /// Reject everything: PASS is low, and REJECT is high.
    #[default]
    Rejects,
    /// Let everything through where the wire is REJECT: for rejectors that must not be held.
    Passes,
}

impl Output {
    /// All outputs.
    pub const ALL: [Self; 8] = [
        Self::Pass,
        Self::Reject,
        Self::Ready,
        Self::Busy,
        Self::ResultValid,
        Self::Ok,
        Self::Ng,
        Self::Error,
    ];

    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Reject => "reject",
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::ResultValid => "result_valid",
            Self::Ok => "ok",
            Self::Ng => "ng",
            Self::Error => "error",
        }
    }

    /// The level that it has while nobody runs the station.
    pub fn safe_level(self, stopped: Stopped) -> bool {
        self == Self::Reject && stopped == Stopped::Rejects
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

/// The wires of a station, at their safe levels at first.
pub trait Line {
    /// Changes a wire. Setting the level that it has is no change and no fault.
    ///
    /// # Errors
    /// [`LineError`] if the wire's level can't be vouched for.
    fn drive(&mut self, edge: Edge) -> Result<(), LineError>;

    /// Sets every wire to its safe level.
    ///
    /// # Errors
    /// [`LineError`] if some wire's level can't be vouched for; the others are set all the same.
    fn rest(&mut self, at_us: u64) -> Result<(), LineError>;
}

/// A wire that did not do as it was told.
#[derive(Debug, thiserror::Error)]
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
    /// A wire of a board.
    #[error(transparent)]
    Gpio(#[from] gpio::GpioError),
}

impl LineError {
    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BackInTime { .. } => None,
            Self::Gpio(error) => error.hint(),
        }
    }
}
