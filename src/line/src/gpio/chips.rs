//! What this room needs of the kernel's GPIO chips.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::GpioError;

/// Where a line is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The chip's device: `/dev/gpiochip0`. Its number may differ after the next boot.
    pub chip: PathBuf,
    /// The chip's label: `tegra234-gpio`.
    pub label: String,
    /// The line's number in the chip.
    pub offset: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "line {} of {} ({})",
            self.offset,
            self.chip.display(),
            self.label
        )
    }
}

/// A line that a chip has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub place: Place,
    /// Its name, if it has one.
    pub name: String,
    /// Who holds it, if somebody does; not everybody leaves a name.
    pub held_by: Option<String>,
}

/// All lines that could be looked at.
#[derive(Debug, Default)]
pub struct Lines {
    /// They.
    pub found: Vec<Found>,
    /// Chips that could not be opened, and why.
    pub closed: Vec<(PathBuf, io::Error)>,
}

/// How an output is to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputWish<'a> {
    /// Where.
    pub place: &'a Place,
    /// Who holds it.
    pub consumer: &'a str,
    /// Whether the pin is low where the level is high.
    pub active_low: bool,
    /// The level from the first moment on.
    pub level: bool,
}

/// How an input is to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputWish {
    /// The line's number in its chip.
    pub offset: u32,
    /// Whether the pin is low where the level is high.
    pub active_low: bool,
    /// A level must last for so long before the kernel tells of it; zero tells everything at once.
    pub debounce: Duration,
}

/// An edge as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawEdge {
    /// The line's number in its chip.
    pub offset: u32,
    /// The level after the edge.
    pub level: bool,
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub at_ns: u64,
    /// The edge's number among those of its line.
    pub line_seqno: u32,
}

/// An output that is held. It is given back when it is dropped.
pub trait OutputLine: Send {
    /// Sets the level.
    ///
    /// # Errors
    /// What the kernel says.
    fn set(&mut self, level: bool) -> io::Result<()>;
}

/// Inputs of one chip that are held together.
pub trait InputLines: Send {
    /// The level of one of them now.
    ///
    /// # Errors
    /// What the kernel says.
    fn level(&self, offset: u32) -> io::Result<bool>;

    /// Waits for edges, at most for so long, and appends those that have come, in the order in which
    /// the kernel saw them. A signal that arrives may end the waiting early, which is no error.
    ///
    /// # Errors
    /// What the kernel says.
    fn wait(&mut self, timeout: Duration, edges: &mut Vec<RawEdge>) -> io::Result<()>;
}

/// The chips of a machine.
pub trait Chips {
    /// All lines of all chips. Looking disturbs nobody.
    ///
    /// # Errors
    /// [`GpioError::NoChips`].
    fn lines(&self) -> Result<Lines, GpioError>;

    /// Holds an output.
    ///
    /// # Errors
    /// What the kernel says.
    fn hold_output(&self, wish: OutputWish<'_>) -> io::Result<Box<dyn OutputLine>>;

    /// Holds inputs of one chip.
    ///
    /// # Errors
    /// What the kernel says; it does not say of which of them.
    fn hold_inputs(
        &self,
        chip: &Path,
        consumer: &str,
        wishes: &[InputWish],
    ) -> io::Result<Box<dyn InputLines>>;
}
