//! The machine around the station: the edges that come from it, and the wires that lead to it.
//!
//! The line process is the same whether they are simulated or a board's. It waits on
//! [`Machine::heard`] for edges of a board, and for [`Machine::next_us`] for those that are known.

mod gpio;

use crossbeam_channel::Receiver;
use twinspect_core::belt::EncoderEdge;
use twinspect_core::recipe::{RecipeEdge, RecipeLevels};
use twinspect_core::trigger::SensorEdge;
use twinspect_line::{Edge, Line, SimulatedLine};

use self::gpio::GpioMachine;
pub(super) use self::gpio::Heard;
use super::belt::{BeltEdge, SimulatedBelt};
use crate::chaos;
use crate::clock::Clock;
use crate::config::{self, LineSource};
use crate::error::EdgeError;

/// An edge that the station has to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MachineEdge {
    Sensor(SensorEdge),
    Encoder(EncoderEdge),
    Ack(bool),
    Recipe(RecipeEdge),
    /// What follows came before what was told already.
    OutOfOrder,
}

impl From<BeltEdge> for MachineEdge {
    fn from(edge: BeltEdge) -> Self {
        match edge {
            BeltEdge::Sensor(edge) => Self::Sensor(edge),
            BeltEdge::Encoder(edge) => Self::Encoder(edge),
        }
    }
}

/// Where edges come from, and where pulses go.
enum Kind {
    Simulated {
        belt: SimulatedBelt,
        line: SimulatedLine,
    },
    Gpio(GpioMachine),
}

/// The machine around the station.
pub(super) struct Machine {
    /// Edges of a board, to wait for; [`Machine::hear`] takes them over.
    pub(super) heard: Receiver<Heard>,
    kind: Kind,
}

impl Machine {
    /// Takes hold of the station's wires, all at their safe levels.
    pub(super) fn open(
        station: &config::Station,
        parts: Option<u64>,
        clock: Clock,
    ) -> Result<Self, EdgeError> {
        match &station.line {
            LineSource::Simulated(belt) => Ok(Self {
                heard: crossbeam_channel::never(),
                kind: Kind::Simulated {
                    belt: SimulatedBelt::new(belt, parts),
                    line: SimulatedLine::new(station.stopped),
                },
            }),
            LineSource::Gpio { spec, settle_us } => {
                let machine = GpioMachine::open(spec, *settle_us, parts, clock)?;
                Ok(Self {
                    heard: machine.heard(),
                    kind: Kind::Gpio(machine),
                })
            }
        }
    }

    /// Levels of the encoder's channels at the start.
    pub(super) fn encoder(&self) -> [bool; 2] {
        match &self.kind {
            // A simulated encoder stands with both channels low.
            Kind::Simulated { .. } => [false; 2],
            Kind::Gpio(machine) => machine.encoder(),
        }
    }

    /// Levels of the recipe lines at the start.
    pub(super) fn recipe_levels(&self) -> RecipeLevels {
        match &self.kind {
            Kind::Simulated { .. } => RecipeLevels::default(),
            Kind::Gpio(machine) => machine.recipe_levels(),
        }
    }

    /// The inspect process is ready: a simulated belt begins to move. A real one does as it likes.
    pub(super) fn start(&mut self, now_us: u64) {
        if let Kind::Simulated { belt, .. } = &mut self.kind {
            belt.start(now_us);
        }
    }

    /// No more parts are wanted: a simulated belt brings none.
    pub(super) fn stop(&mut self) {
        if let Kind::Simulated { belt, .. } = &mut self.kind {
            belt.stop();
        }
    }

    /// Whether one of the wanted parts is left that somebody could put before the camera by hand,
    /// `triggered` so far.
    pub(super) fn has_parts(&self, triggered: u64) -> bool {
        match &self.kind {
            Kind::Simulated { belt, .. } => belt.has_parts(),
            Kind::Gpio(machine) => !machine.has_ended(triggered),
        }
    }

    /// One of the wanted parts has come by another way than the belt's sensor: by hand, or seen by the
    /// camera. A real station counts it by its number.
    pub(super) fn take_part(&mut self) {
        if let Kind::Simulated { belt, .. } = &mut self.kind {
            belt.take_part();
        }
    }

    /// A part of a recording was looked at, and will not come on the belt.
    pub(super) fn take_recorded(&mut self) {
        match &mut self.kind {
            Kind::Simulated { belt, .. } => belt.take_part(),
            Kind::Gpio(machine) => machine.take_recorded(),
        }
    }

    /// No more than so many parts are wanted from here on.
    pub(super) fn limit(&mut self, parts: u64, triggered: u64) {
        match &mut self.kind {
            Kind::Simulated { belt, .. } => belt.limit(parts),
            Kind::Gpio(machine) => machine.limit(triggered.saturating_add(parts)),
        }
    }

    /// Whether all parts that were wanted have come, `triggered` so far.
    pub(super) fn has_ended(&self, triggered: u64) -> bool {
        match &self.kind {
            Kind::Simulated { belt, .. } => belt.has_ended(),
            Kind::Gpio(machine) => machine.has_ended(triggered),
        }
    }

    /// Something was heard while waiting.
    pub(super) fn hear(&mut self, heard: Heard) -> Result<(), EdgeError> {
        match &mut self.kind {
            Kind::Simulated { .. } => Ok(()),
            Kind::Gpio(machine) => machine.hear(heard),
        }
    }

    /// Takes over all edges that have come, so that [`Machine::next`] gives them in order.
    pub(super) fn gather(&mut self) -> Result<(), EdgeError> {
        match &mut self.kind {
            Kind::Simulated { .. } => Ok(()),
            Kind::Gpio(machine) => machine.gather(),
        }
    }

    /// The next edge that has come by now, in the order of their times.
    pub(super) fn next(&mut self, now_us: u64) -> Option<MachineEdge> {
        match &mut self.kind {
            Kind::Simulated { belt, .. } => belt.next(now_us).map(MachineEdge::from),
            Kind::Gpio(machine) => machine.next(now_us),
        }
    }

    /// When an edge comes next that is known already.
    pub(super) fn next_us(&self) -> Option<u64> {
        match &self.kind {
            Kind::Simulated { belt, .. } => belt.next_us(),
            Kind::Gpio(machine) => machine.next_us(),
        }
    }

    /// Changes a wire.
    pub(super) fn drive(&mut self, edge: Edge) -> Result<(), EdgeError> {
        self.line().drive(edge)?;
        chaos::wire(&edge);
        Ok(())
    }

    /// Sets every wire to its safe level.
    pub(super) fn rest(&mut self, at_us: u64) -> Result<(), EdgeError> {
        Ok(self.line().rest(at_us)?)
    }

    /// The pulses that were given.
    pub(super) fn record(&self) -> &SimulatedLine {
        match &self.kind {
            Kind::Simulated { line, .. } => line,
            Kind::Gpio(machine) => machine.record(),
        }
    }

    fn line(&mut self) -> &mut dyn Line {
        match &mut self.kind {
            Kind::Simulated { line, .. } => line,
            Kind::Gpio(machine) => machine.line(),
        }
    }
}
