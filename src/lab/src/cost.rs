//! What a process has used so far, as the kernel counts it.

use std::time::Instant;

/// Ticks a second of the times in `/proc/self/stat`: 100 on every Linux that we ship for.
const TICKS: f64 = 100.0;

/// A stopwatch for CPU and wall time.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    cpu_seconds: f64,
}

impl Stopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            cpu_seconds: cpu_seconds(),
        }
    }

    /// Wall seconds since the start.
    pub(crate) fn wall_seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// CPU seconds, user and system, of all threads since the start.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu_seconds() - self.cpu_seconds
    }
}

/// CPU seconds of this process (proc_pid_stat(5), fields utime and stime); 0 where there is no `/proc`.
fn cpu_seconds() -> f64 {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field, the program's name, may hold spaces; it ends at the last parenthesis.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |index: usize| {
        fields
            .split_whitespace()
            .nth(index)
            .and_then(|t| t.parse::<f64>().ok())
    };
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / TICKS
}

/// Largest resident memory so far in MiB; 0 where there is no `/proc`.
pub(crate) fn peak_memory_mib() -> f64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
