//! Faults on request, for tests alone: threads and processes of a station crash, hang, fail or are slow
//! at a place and a part that a script names.
//!
//! Only a program that was built with the feature `chaos` knows them, `twinspect-chaos` of
//! `tests/chaos`. In every other program each of these functions is empty. The script stands in
//! `TWINSPECT_CHAOS`, of which both processes of a station get the same:
//!
//! ```text
//! engine:segfault@12                    crashes before part 12, or the first one after it
//! camera:slow=300@5..9; log:hang@40     several; each part from 5 to 9; the 40th line of the log
//! ```
//! A place counts what goes through it: parts by their numbers, the inspect process's starts, or from
//! one on what has no number. A fault at a single number strikes once in the life of a station, also
//! if the process that it ends is started again. `TWINSPECT_CHAOS_RECORD` names a file that remembers
//! that, and in which each strike, each edge of a wire, each change of readiness and each answer is a
//! line of JSON with the moment of CLOCK_MONOTONIC.

#[cfg(not(feature = "chaos"))]
mod absent;
#[cfg(feature = "chaos")]
mod armed;
#[cfg(feature = "chaos")]
mod script;

#[cfg(not(feature = "chaos"))]
use absent as chosen;
#[cfg(feature = "chaos")]
use armed as chosen;

pub(crate) use chosen::{
    VERSION, answer, arm, begin, camera, disk, engine, meet, model, open, prepare, readiness,
    visit, wire,
};

/// Where a fault may strike.
#[cfg_attr(
    not(feature = "chaos"),
    expect(dead_code, reason = "some places are met by functions of their own")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The inspect process before it proves its model, by its starts.
    Start,
    /// The inspect process before it opens its camera, by its starts. May fail.
    Open,
    /// Its thread that reads tickets, by parts.
    Tickets,
    /// Its capture thread before it asks the camera, by parts. May fail.
    Camera,
    /// Its inspect thread before it asks the engine, by parts. May fail.
    Engine,
    /// Its thread that writes answers, by parts that were answered for.
    Answers,
    /// Its thread that writes records, by parts. May fail, as a full disk does.
    Records,
    /// The line process's loop, by parts that have come.
    Loop,
    /// The line process's thread that sends tickets, by parts.
    Sender,
    /// The line process's thread that hears the inspect process, by parts that were answered for.
    Listener,
    /// A thread that answers on the control socket, by connections.
    Control,
    /// The thread that reads configurations, by readings.
    Reload,
    /// The thread that writes down which model is in charge, by records. May fail, as a full disk does.
    Model,
    /// The thread that writes standard output, by lines.
    Output,
    /// The thread that writes the log, by lines; each process has its own.
    Log,
}
