//! The simulator of a whole station, around the state machines that ship, and the laws of a real one with
//! faults.
//!
//! Tests of the binaries as a user runs them, and of the rules that the workspace keeps, lie in
//! `tests/it`.
#![forbid(unsafe_code)]

pub mod chaos;
pub mod simulator;
