//! What must not take the time of whoever judges: a process that proves a model beside it, and threads of its own that
//! can wait.

use rustix::process::{Pid, Resource, getpriority_process, getrlimit, setpriority_process};

/// How nice they are; 19 would be the most.
const NICE: i32 = 10;
/// CAP_SYS_NICE of `capabilities(7)`.
const MAY_RISE: u32 = 23;

/// This thread lets others go first from here on, those of its own process too: Linux counts niceness by thread. A
/// kernel that refuses it is no reason to stop.
pub(super) fn let_others_first() {
    let stood_back =
        getpriority_process(None).and_then(|before| setpriority_process(None, before.max(NICE)));
    if let Err(error) = stood_back {
        log::debug!("asking for less of the processor: {error}");
    }
}

/// It is nice to others until this is given up. Whoever judges must not be, so nobody is nice who could not
/// come back.
#[derive(Debug)]
pub(super) struct Nice {
    before: i32,
}

impl Nice {
    /// Lets others go first, if that can be undone.
    pub(super) fn begin() -> Option<Self> {
        let before = getpriority_process(None).ok()?;
        if !may_return(before) {
            log::info!(
                "the model is proven at this station's own priority: LimitNICE=+0 of its unit would let it step back"
            );
            return None;
        }
        setpriority_process(None, before.max(NICE)).ok()?;
        Some(Self { before })
    }

    /// Takes the old place again, with all threads: those that were started meanwhile were nice too.
    pub(super) fn end(self) {
        let threads = std::fs::read_dir("/proc/self/task");
        let numbers = threads.into_iter().flatten().filter_map(|entry| {
            let name = entry.ok()?.file_name();
            name.to_str()?.parse().ok().and_then(Pid::from_raw)
        });
        for thread in numbers {
            if let Err(error) = setpriority_process(Some(thread), self.before) {
                log::warn!("taking the station's priority again: {error}");
            }
        }
    }
}

/// Whether the kernel lets a process return to a niceness once it has left it: it may rise up to its limit,
/// which counts from 20 - 19 to 20 + 20, or has the right to rise anyhow.
fn may_return(to: i32) -> bool {
    let limit = getrlimit(Resource::Nice).current;
    let may_by_limit =
        limit.is_none_or(|limit| i64::from(20 - to) <= limit.try_into().unwrap_or(i64::MAX));
    may_by_limit || has_the_right(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
}

fn has_the_right(status: &str) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.is_some_and(|bits| (bits >> MAY_RISE) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stands_back_alone() {
        let before = getpriority_process(None).unwrap();
        let stood_back = std::thread::spawn(|| {
            let_others_first();
            getpriority_process(None).unwrap()
        });
        assert_eq!(stood_back.join().unwrap(), before.max(NICE));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }

    #[test]
    fn the_right_to_rise_is_read_from_the_kernel_s_words() {
        assert!(has_the_right("Name:\tx\nCapEff:\t000001ffffffffff\n"));
        assert!(has_the_right("CapEff:\t0000000000800000"));
        assert!(!has_the_right("CapEff:\t0000000000000000"));
        assert!(!has_the_right("CapPrm:\t0000000000800000"));
    }
}
