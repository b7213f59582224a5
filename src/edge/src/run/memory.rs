//! Whether this machine has memory for one more inspect process: what the kernel says that it could give, what the
//! service's own limit leaves, and what the process in charge has taken.

use std::path::{Path, PathBuf};

/// What may not be asked for because nobody knows.
const UNKNOWN: &str = "the kernel does not say how much memory there is";

/// Room for a process that waits, for the one that a switch to a model without one needs, and for what has to stay
/// free. Each is taken to be as large as `process` has ever been, which has loaded a model and judged by it.
///
/// # Errors
/// Why there is none, in words.
pub(super) fn has_room(process: u32, free_min_bytes: u64) -> Result<(), String> {
    let root = Path::new("/");
    let size = read(&root.join(format!("proc/{process}/status")))
        .and_then(|text| kibibytes(&text, "VmHWM:"));
    let (Some(size), Some(available)) = (size, available(root)) else {
        return Err(UNKNOWN.to_owned());
    };
    let needed = size.saturating_mul(2).saturating_add(free_min_bytes);
    if available >= needed {
        return Ok(());
    }
    let mb = |bytes: u64| bytes / 1_000_000;
    Err(format!(
        "{} MB of memory are to be had, and {} MB are needed: twice the {} MB of an inspect process, and \
         recipes.preload_free_min_mb",
        mb(available),
        mb(needed),
        mb(size)
    ))
}

/// Bytes that could be had without anybody's losing any. Of the limits of this process's control group and of the
/// groups around it the narrowest counts.
fn available(root: &Path) -> Option<u64> {
    let machine = kibibytes(&read(&root.join("proc/meminfo"))?, "MemAvailable:")?;
    let groups = read(&root.join("proc/self/cgroup")).unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let mounted = root.join("sys/fs/cgroup");
    let own = mounted.join(group.unwrap_or_default());
    let limits = own
        .ancestors()
        .take_while(|folder| folder.starts_with(&mounted))
        .filter_map(|folder| left_in(folder.to_owned()));
    limits.chain([machine]).min()
}

/// What a control group's limit leaves; none without a limit. Files that are read and could be read again are given
/// back before anybody suffers (Linux, Documentation/admin-guide/cgroup-v2, memory.stat).
fn left_in(folder: PathBuf) -> Option<u64> {
    let most: u64 = read(&folder.join("memory.max"))?.trim().parse().ok()?;
    let used: u64 = read(&folder.join("memory.current"))?.trim().parse().ok()?;
    let stat = read(&folder.join("memory.stat")).unwrap_or_default();
    let cached = stat
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file "))
        .and_then(|bytes| bytes.trim().parse().ok())
        .unwrap_or(0);
    Some(most.saturating_sub(used.saturating_sub(cached)))
}

fn read(path: &Path) -> Option<String> {
    fs_err::read_to_string(path).ok()
}

/// A line of the kernel's, in bytes.
fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let count: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    count.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    const MEMORY: (&str, &str) = (
        "proc/meminfo",
        "MemTotal:  8000 kB\nMemFree: 10 kB\nMemAvailable:    4000 kB\n",
    );
    const GROUP: (&str, &str) = ("proc/self/cgroup", "0::/system.slice/twinspect.service\n");

    #[test]
    fn the_machine_or_its_narrowest_group_says_what_there_is() {
        let group = "sys/fs/cgroup/system.slice/twinspect.service";
        let limit = |name: &str| format!("{group}/{name}");
        let alone = machine(&[MEMORY]);
        assert_eq!(available(alone.path()), Some(4_096_000));
        let unlimited = machine(&[MEMORY, GROUP, (&limit("memory.max"), "max\n")]);
        assert_eq!(available(unlimited.path()), Some(4_096_000));
        let limited = machine(&[
            MEMORY,
            GROUP,
            (&limit("memory.max"), "3000000\n"),
            (&limit("memory.current"), "2500000\n"),
            (
                &limit("memory.stat"),
                "anon 7\ninactive_file 100000\nactive_file 3\n",
            ),
        ]);
        assert_eq!(available(limited.path()), Some(600_000));
        let around = machine(&[
            MEMORY,
            GROUP,
            (&limit("memory.max"), "3000000\n"),
            (&limit("memory.current"), "0\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "900000\n"),
            ("sys/fs/cgroup/system.slice/memory.current", "899999\n"),
        ]);
        assert_eq!(available(around.path()), Some(1));
        assert_eq!(available(machine(&[]).path()), None);
    }

    #[test]
    fn what_nobody_knows_is_refused_and_so_is_what_does_not_fit() {
        let told = has_room(0, 0).unwrap_err();
        assert_eq!(told, UNKNOWN);
        if read(Path::new("/proc/self/status")).is_none() {
            return;
        }
        let told = has_room(std::process::id(), u64::MAX).unwrap_err();
        assert!(told.contains("preload_free_min_mb"), "{told}");
    }
}
