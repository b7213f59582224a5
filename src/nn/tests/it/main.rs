//! Whole networks: repeatability, saving and restoring, the optimiser.

mod net;
mod repeat;
mod state;
