//! What a station says, and what it hears of its inspect processes.

use crate::changeover::{Model, RollBack, Settlement, Standing};
use crate::gate::{Action, Outcome, Ticket};
use crate::handshake::HandshakeWires;
use crate::recipe::{Chosen, Recipe};

/// What is to be done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Drive the rejector's wire, or tell that a part has left.
    Gate(Action),
    /// Hand a ticket to the inspect process; if that is impossible, [`Station::refused`](super::Station::refused).
    Inspect(Ticket),
    /// Start an inspect process of this generation.
    Start {
        /// The generation.
        generation: u64,
        /// With which model.
        model: Model,
    },
    /// Kill the inspect process, which is silent.
    Kill,
    /// Kill the inspect process: its model does not stay.
    Replace,
    /// Start a second inspect process, which proves its model and waits without a camera.
    Prove {
        /// The generation.
        generation: u64,
        /// With which model.
        model: Model,
    },
    /// In place of [`Effect::Prove`]: the second process is this one of the reserve.
    Engage {
        /// The generation.
        generation: u64,
        /// With which model.
        model: Model,
    },
    /// Start one more process, which proves its model and waits in reserve. If there is no memory for it, it has
    /// [`Inspector::Ended`].
    Reserve {
        /// The generation.
        generation: u64,
        /// With which model.
        model: Model,
    },
    /// Kill this process of the reserve.
    Spare {
        /// The generation.
        generation: u64,
    },
    /// Kill the second one.
    Discard,
    /// Let the inspect process close its camera and end by itself.
    Release,
    /// The inspect process has gone. The second one is in charge, and is to open its camera.
    TakeOver,
    /// Write down which model is in charge; [`Station::recorded`](super::Station::recorded) follows.
    Record(Standing),
    /// A wish for another model is settled.
    Settled(Settlement),
    /// The model before has come back by itself.
    RolledBack {
        /// The model that failed.
        from: Model,
        /// The one that is in charge.
        to: Model,
        /// Why.
        why: RollBack,
    },
    /// Look for a recipe's model; [`Station::found`](super::Station::found) follows.
    Seek(Recipe),
    /// What became of a recipe that was selected.
    Chosen(Chosen),
    /// Set READY.
    Ready(bool),
    /// Set BUSY.
    Busy(bool),
    /// Set the handshake's wires.
    Handshake(HandshakeWires),
}

/// What an inspect process has said or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inspector {
    /// Its model is proven; its camera is still closed.
    Proven,
    /// Its model is proven and its camera open.
    Ready,
    /// All of its threads have moved on.
    Advanced,
    /// All of its threads have moved on, and its camera gives no fresh pictures. It brings the camera back by
    /// itself, or ends.
    Blind,
    /// All of its threads have moved on, and its engine is too slow for this belt. What it says in time counts,
    /// and nobody should send it parts.
    Slow,
    /// It says what a part is.
    Verdict {
        /// The part.
        number: u64,
        /// What it is.
        outcome: Outcome,
    },
    /// It is about to end, since its camera has failed: no fault of its model.
    CameraFailed,
    /// It is about to end, since the machine has failed, as by a driver or a library: no fault of its model either.
    MachineFailed,
    /// It no longer speaks.
    Closed,
    /// It has ended, or could not be started.
    Ended,
}
