//! A deterministic simulator of a whole station around the production state machines.
//!
//! Belt, part sensor, encoder, kernel, camera, engine, inspect process and machine are simulated;
//! trigger, encoder, gate, READY, handshake, supervision and the checks of pictures are those that
//! ship. An episode, a [`Story`], is drawn from one seed, and after each event the laws of
//! `checker` are held to it: nothing passes that the engine did not itself pass, no neighbour is
//! hit, each part leaves once and in order, counters add up. The last parts of each story meet no
//! fault; the station must have recovered by then.
//!
//! A story that breaks a law is replayed by its seed, and shrunk to the faults and parts that it
//! takes.

mod belt;
mod campaign;
mod chance;
mod checker;
mod device;
mod fault;
mod inspector;
mod kernel;
pub mod mutants;
mod shrink;
mod story;
mod trace;
mod world;

pub use campaign::{Campaign, Report, story_seed};
pub use checker::{Outcomes, Violation};
pub use device::{Device, Exposure, Production};
pub use fault::{Fault, FaultKind};
pub use shrink::{Found, shrink};
pub use story::Story;

use twinspect_core::station::{StationError, StationSpec};

use trace::Trace;
use world::{Episode, World};

/// Makes the device under test for a story's station.
pub trait Maker {
    /// What it makes.
    type Device: Device;

    /// A device whose wires are low.
    ///
    /// # Errors
    /// What the station says of its spec.
    fn make(&self, spec: StationSpec) -> Result<Self::Device, StationError>;
}

/// Makes what ships.
#[derive(Debug, Clone, Copy)]
pub struct Shipped;

impl Maker for Shipped {
    type Device = Production;

    fn make(&self, spec: StationSpec) -> Result<Production, StationError> {
        Production::new(spec)
    }
}

/// Plays a story. A station that refuses its spec breaks a law too.
fn play(story: &Story, maker: &impl Maker, trace: Trace) -> (Episode, Trace) {
    match maker.make(story.station) {
        Ok(device) => World::new(story, device, trace).run(),
        Err(error) => {
            let violation = Some(Violation {
                at_us: 0,
                part: 0,
                law: "a sound station is accepted",
                detail: error.to_string(),
            });
            let episode = Episode {
                violation,
                ..Episode::default()
            };
            (episode, trace)
        }
    }
}
