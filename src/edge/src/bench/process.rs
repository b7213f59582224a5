//! What the kernel knows of this process; `None` where there is no /proc.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of all threads that live, to the nanosecond.
pub(super) fn cpu_time() -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for task in fs_err::read_dir("/proc/self/task").ok()? {
        // A thread that ended since the folder was listed has no file any more.
        if let Ok(text) = fs_err::read_to_string(task.ok()?.path().join("schedstat")) {
            sum += parse_schedstat(&text)?;
        }
    }
    Some(sum).filter(|sum| *sum > Duration::ZERO)
}

/// CPU time of the thread that asks.
pub(super) fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

/// The most memory that was resident at any time, in megabytes of 1024 KiB.
pub(super) fn peak_memory_mb() -> Option<f64> {
    parse_status(&fs_err::read_to_string("/proc/self/status").ok()?)
}

/// The first number: nanoseconds on a CPU (Linux, Documentation/scheduler/sched-stats).
fn parse_schedstat(text: &str) -> Option<Duration> {
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

fn parse_status(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_files_are_understood() {
        assert_eq!(
            parse_schedstat("1500000 320 7\n"),
            Some(Duration::from_micros(1500))
        );
        assert_eq!(parse_status("VmPeak: 9 kB\nVmHWM:\t  2048 kB\n"), Some(2.0));
        assert_eq!(parse_schedstat("\n"), None);
        assert_eq!(parse_status("VmRSS: 1 kB\n"), None);
    }

    #[test]
    fn this_process_has_cost_cpu_time_while_its_threads_come_and_go() {
        if !std::path::Path::new("/proc/self/task").exists() {
            return;
        }
        std::thread::scope(|scope| {
            scope.spawn(|| (0..200).for_each(|_| drop(std::thread::spawn(|| ()).join())));
            assert!((0..200).all(|_| cpu_time().is_some()));
        });
    }
}
