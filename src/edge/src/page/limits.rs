//! What the page's process may use, as it has limited itself before it hears of anybody.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, nice, set_parent_process_death_signal, setrlimit,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// Address space, of which most is the program itself, libraries and stacks. The unit's memory limit counts what
/// is used, of all processes together.
const ADDRESS_SPACE_BYTES: u64 = 1 << 30;
/// Open files, connections among them.
pub(super) const FILES: u64 = 96;
/// Longest file that it writes: the figures for the textfile collector.
const FILE_BYTES: u64 = 4 << 20;
/// Below the processes that see and decide.
const NICE: i32 = 10;

/// Limits this process for good.
pub(super) fn obey() -> io::Result<()> {
    // The line process decides what a signal means, also when a terminal sends it to all.
    for signal in [SIGINT, SIGTERM, SIGQUIT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    set_parent_process_death_signal(Some(Signal::KILL))?;
    nice(NICE)?;
    for (resource, most) in [
        (Resource::As, ADDRESS_SPACE_BYTES),
        (Resource::Nofile, FILES),
        (Resource::Fsize, FILE_BYTES),
        (Resource::Core, 0),
    ] {
        let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX).min(most);
        let limit = Rlimit {
            current: Some(allowed),
            maximum: Some(allowed),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}
