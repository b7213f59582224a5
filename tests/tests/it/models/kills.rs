//! The real program on the real file system, killed or refused in mid-write.
//!
//! `twinspect-store` cuts the power at each step, on a file system of its own. Here the kernel ends the program
//! by SIGXFSZ at the byte at which a file would grow beyond a limit, so that each limit kills it in another file. A
//! program that ignores the signal gets an error in its place, as of a full disk.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::*;
use crate::bad_input::STORAGE;
use crate::binaries::path;

const SIGXFSZ: i32 = 25;
/// Units of `ulimit -f` in bash.
const KILOBYTE: usize = 1024;

/// `twinspect model` with a largest file of so many kilobytes, a core dump not being one.
fn limited(site: &Site, kilobytes: usize, arguments: &str) -> Output {
    under(
        site,
        &format!("ulimit -c 0; ulimit -f {kilobytes}"),
        arguments,
    )
}

fn under(site: &Site, limits: &str, arguments: &str) -> Output {
    let limits = format!("{limits}; exec \"$@\"");
    let mut command = Command::new("bash");
    command
        .current_dir(site.path(""))
        .args(["-c", &limits, "bash"])
        .arg(path("twinspect"))
        .arg("model")
        .args(arguments.split(' '))
        .args(["--config", "station.toml"])
        .stdin(Stdio::null());
    run(&mut command)
}

/// Limits each of which lies in another file of the site's bundle.
fn limits(site: &Site) -> Vec<usize> {
    let sizes: Vec<usize> = all_files(&site.path("block"))
        .iter()
        .map(|file| file.metadata().expect("a file").len() as usize)
        .collect();
    let mut limits: Vec<usize> = sizes.iter().map(|size| (size - 1) / KILOBYTE).collect();
    limits.sort_unstable();
    limits.dedup();
    assert!(limits.len() >= 3, "files of different sizes: {sizes:?}");
    limits
}

fn is_killed(output: &Output) -> bool {
    output.status.signal() == Some(SIGXFSZ)
}

#[test]
fn a_killed_install_leaves_the_old_model_and_the_next_one_clears_it_away() {
    let site = site();
    done(&site, "install block.twb");
    done(&site, "activate block");
    let old = active(&site);
    version(&site, "1.1.0");
    let whole = listing(&site);
    for limit in limits(&site) {
        let output = limited(&site, limit, "install 1.1.0.twb");
        assert!(is_killed(&output), "{limit} KiB: {output:?}");
        assert_eq!(active(&site), old);
        let listed = done(&site, "list");
        assert_eq!(listed["models"].as_array().expect("a list").len(), 1);
        let left: Vec<String> = listing(&site)
            .into_keys()
            .filter(|name| !whole.contains_key(name))
            .collect();
        let is_hidden = |name: &String| name.starts_with("installed/.incoming-");
        assert!(!left.is_empty() && left.iter().all(is_hidden), "{left:?}");
    }
    let new = done(&site, "install 1.1.0.twb");
    assert!(!listing(&site).keys().any(|name| name.contains("/.")));
    // The file that is the switch, before its first byte.
    let id = new["id"].as_str().expect("text");
    assert!(is_killed(&limited(&site, 0, &format!("activate {id}"))));
    assert_eq!(active(&site), old);
    assert!(is_killed(&limited(&site, 0, "verify block-1.0.0")));
    done(&site, &format!("activate {id}"));
    assert_eq!(active(&site).as_deref(), Some(id));
    done(&site, "rollback");
    assert_eq!(active(&site), old);
}

#[test]
fn an_install_that_the_disk_refuses_leaves_nothing_behind() {
    let site = site();
    done(&site, "install block.twb");
    done(&site, "activate block");
    version(&site, "1.1.0");
    let whole = listing(&site);
    for limit in limits(&site) {
        let refuses = format!("trap '' XFSZ; ulimit -f {limit}");
        let output = under(&site, &refuses, "install 1.1.0.twb");
        assert_eq!(output.status.code(), Some(STORAGE), "{limit}: {output:?}");
        assert_eq!(listing(&site), whole, "{limit} KiB");
        let folders = std::fs::read_dir(site.path("models/installed")).expect("a folder");
        assert_eq!(folders.count(), 1, "{limit} KiB");
    }
    let new = done(&site, "install 1.1.0.twb");
    let id = new["id"].as_str().expect("text");
    let refused = under(
        &site,
        "trap '' XFSZ; ulimit -f 0",
        &format!("activate {id}"),
    );
    assert_eq!(refused.status.code(), Some(STORAGE), "{refused:?}");
    assert_ne!(active(&site).as_deref(), Some(id));
}
