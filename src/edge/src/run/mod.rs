//! `twinspect run`: a station in two processes.
//!
//! ```text
//! line process                                   inspect process
//! machine ◄─► station             tickets ─►     capture ─► inspect ─► records
//!                                 ◄─ verdicts, heartbeats, sights
//! ```
//! What the station decides by, from sensor edges to pulses, is `twinspect_core::station`. Belt and
//! wires, simulated or those of a board, are `machine`.
//! The line process owns the wires and never waits for anybody. The inspect process owns camera and
//! engine and may die; the line process starts it again. Between them runs one socket with one
//! JSON object a line. Every queue is bounded.
//!
//! Around the line process's loop, each in a thread of its own: the control socket, the reading of a
//! new configuration, signals, the service manager, standard output and the log. `orders` is the way
//! in, `service` the way out, and the loop waits for none of them.

mod awaited;
mod belt;
mod camera_end;
mod capture;
mod challenge_memory;
mod clerk;
mod engine_health;
mod history;
mod inspect_process;
mod inspecting;
mod inspector;
mod line_process;
mod machine;
mod memory;
mod messages;
mod mood;
mod notify;
mod orders;
mod priority;
mod records;
mod records_lock;
mod records_trial;
mod reload;
mod service;
mod showcase;
mod station_lock;
mod station_report;
mod tickets;
mod troubles;
mod unseen;
mod watch;

pub(crate) use inspect_process::inspect_process;
pub(crate) use line_process::run;
pub(crate) use records::{Judged, Records};
pub(crate) use records_trial::try_folder;
pub(crate) use station_lock::StationLock;
pub(crate) use watch::taken_us;
