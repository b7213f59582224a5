//! The wires of a board: lines of the kernel's GPIO chips.
//!
//! ```text
//! names ─► find ─► outputs held at their safe levels ─► GpioLine    (owned by who decides)
//!                └► inputs held, one request a chip ──► GpioInputs  (owned by who waits for edges)
//! ```
//! A line is named as the board's device tree names it, with the label of its chip where the name
//! alone is not unique. Levels are those of the wires' meaning: whether the pin is low for them is
//! the kernel's business (`active_low`).
//!
//! The kernel stamps edges with CLOCK_MONOTONIC and numbers them for each line; what its buffer
//! loses leaves a gap in the numbers, which is for `twinspect_core` to notice. Nothing promises a
//! level once a line is given back (Linux, userspace API, GPIO_V2_GET_LINE_IOCTL): the wiring has to.
//!
//! [`Chips`] is the seam: [`KernelChips`] is the kernel, and the tests have a double.

mod chips;
#[cfg(test)]
mod double;
mod error;
mod find;
mod inputs;
mod kernel;
mod outputs;
mod survey;
mod wire_test;

pub use chips::{
    Chips, Found, InputLines, InputWish, Lines, OutputLine, OutputWish, Place, RawEdge,
};
pub use error::GpioError;
pub use inputs::{GpioInputs, InputEdge};
pub use kernel::KernelChips;
pub use outputs::GpioLine;
pub use survey::{WireFinding, WireState, survey};
pub use wire_test::{LoopBack, loop_back, pulse};

use std::fmt::Display;
use std::time::Duration;

use crate::{Input, Output, Stopped};

/// A line as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineName {
    /// Its name on the board: `PN.01`.
    pub name: String,
    /// The label of its chip, where the name alone is not unique: `tegra234-gpio`.
    pub chip: Option<String>,
}

impl Display for LineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.name)?;
        match &self.chip {
            Some(chip) => write!(f, " of chip {chip:?}"),
            None => Ok(()),
        }
    }
}

/// A wire of the station and the line that it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wired<W> {
    /// The wire.
    pub wire: W,
    /// The line.
    pub line: LineName,
    /// Whether the pin is low where the wire is high.
    pub active_low: bool,
}

/// All wires of a station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpioSpec {
    /// Who holds the lines, as `gpioinfo` shows it; the wire's name is added.
    pub consumer: String,
    /// Wires that the station drives.
    pub outputs: Vec<Wired<Output>>,
    /// Wires that it reads.
    pub inputs: Vec<Wired<Input>>,
    /// What the wires say while nobody runs the station.
    pub stopped: Stopped,
    /// A level of ACK counts when it has lasted for so long. The kernel sees to it; the other inputs
    /// are told with all of their edges.
    pub ack_debounce: Duration,
}

/// Holds all wires of a station: outputs at their safe levels first, then inputs.
///
/// Inputs of one chip are read together, in the order in which the kernel saw their edges.
///
/// # Errors
/// The first wire that can't be held; those before it are given back at their safe levels.
pub fn open(chips: &dyn Chips, spec: &GpioSpec) -> Result<(GpioLine, Vec<GpioInputs>), GpioError> {
    let found = chips.lines()?;
    let line = GpioLine::hold(chips, &found, spec)?;
    let inputs = inputs::hold(chips, &found, spec)?;
    Ok((line, inputs))
}
