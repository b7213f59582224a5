//! A station under fault: the real program, both processes, with faults on request (`twinspect-chaos`).
//!
//! Nothing waits for a time: each test waits until the station's own record says that the fault is over,
//! which may take as long as a busy machine needs.

mod death;
mod inspect_process;
mod laws;
mod line_process;
mod shipped;
mod trial;
