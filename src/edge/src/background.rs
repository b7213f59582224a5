//! A process that does something long beside a station that may run.
//!
//! It gives way to all others, and is the first to go when memory is short: what nobody has run here yet may need much of both.

use rustix::io::Errno;
use rustix::process::{Signal, nice, set_parent_process_death_signal};

use crate::error::EdgeError;

/// Added to the process's own; from -20, the most urgent, to 19.
const NICE: i32 = 10;
/// Added to the score by which the kernel chooses whom to end when memory is short, from -1000 to 1000: a
/// station that runs beside this should not be the one.
const OOM_SCORE: &str = "800";

/// From here on this process gives way.
///
/// # Errors
/// [`EdgeError::System`] where the kernel refuses it. Memory's order alone is no reason to stop: where that can't be asked for, the
/// work goes on.
pub(crate) fn give_way() -> Result<(), EdgeError> {
    nice(NICE).map_err(system("asking for less of the processor"))?;
    if let Err(error) = fs_err::write("/proc/self/oom_score_adj", OOM_SCORE) {
        log::debug!("asking to be the first to go: {error}");
    }
    Ok(())
}

/// From here on this process ends with the one that has started it.
pub(crate) fn end_with_parent() -> Result<(), EdgeError> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(system("asking for a signal at the other process's end"))
}

fn system(doing: &'static str) -> impl Fn(Errno) -> EdgeError {
    move |error| EdgeError::System {
        doing,
        source: error.into(),
    }
}
