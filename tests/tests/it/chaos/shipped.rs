//! What ships knows no faults.

use std::process::Command;

use crate::binaries::{path, program, run, succeed};
use crate::workspace::root;

/// The name of the script's variable stands in each program that would read it.
const MARK: &[u8] = b"TWINSPECT_CHAOS";

fn is_marked(name: &str) -> bool {
    let program = std::fs::read(path(name)).expect("the program is read");
    program.windows(MARK.len()).any(|piece| piece == MARK)
}

#[test]
fn the_device_s_program_reads_no_script_of_faults() {
    assert!(is_marked("twinspect-chaos"), "else this test sees nothing");
    assert!(!is_marked("twinspect"));
}

#[test]
fn the_device_s_program_says_nothing_else() {
    let said = succeed(program("twinspect").arg("--version"));
    assert_eq!(said, concat!("twinspect ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_program_with_faults_is_not_packed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packed = run(Command::new(root().join("cross/package"))
        .arg(path("twinspect-chaos"))
        .arg("amd64")
        .arg(folder.path()));
    let said = String::from_utf8_lossy(&packed.stderr);
    assert!(!packed.status.success(), "{said}");
    assert!(said.contains("faults on request"), "{said}");
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0);
}
