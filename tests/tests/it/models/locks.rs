//! Two who change a store at once: one does, the other says why not.

use std::fs::File;

use super::*;
use crate::bad_input::STORAGE;

#[test]
fn whoever_comes_second_is_told_who_was_first() {
    let site = site();
    done(&site, "install block.twb");
    done(&site, "activate block");
    version(&site, "1.1.0");
    let before = listing(&site);
    // What another `twinspect model` that writes just now holds.
    let lock = File::open(site.path("models/.lock")).expect("the lock");
    lock.try_lock().expect("nobody holds it");
    let us = format!("process {}", std::process::id());
    for command in ["install 1.1.0.twb", "activate block", "rollback", "prune"] {
        let error = refused(&site, command, STORAGE);
        assert!(
            error.contains("the models in ") && error.contains("models are being changed by"),
            "{error}"
        );
        // The kernel's table may be hidden where this test runs.
        assert!(
            error.contains(&us) || error.contains("another process"),
            "{error}"
        );
        assert_eq!(listing(&site), before, "{command}");
    }
    // Looking needs no lock.
    assert!(active(&site).is_some());
    drop(lock);
    done(&site, "install 1.1.0.twb");
}
