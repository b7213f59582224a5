//! The program with faults on request says what it is, and takes no script that it does not understand.
//!
//! What stations do under fault is tested in the package `twinspect-tests`. This test lets cargo build the
//! program beside it.
#![expect(clippy::expect_used, reason = "helpers of tests end a test")]

use std::process::{Command, Output};

fn run(argument: &str, script: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_twinspect-chaos"))
        .arg(argument)
        .env("TWINSPECT_CHAOS", script)
        .output()
        .expect("the program starts")
}

#[test]
fn it_says_what_it_is() {
    let said = run("--version", "");
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(said.contains("with chaos, for tests alone"), "{said}");
}

#[test]
fn a_script_that_is_not_understood_ends_the_program() {
    let refused = run("demo", "engine:hangs@1");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("`engine:hangs@1` is no fault"), "{said}");
}
