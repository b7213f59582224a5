//! Whole networks: their backward passes, repeatability, saving and restoring, the optimiser.

mod modules;
mod net;
mod repeat;
mod state;
