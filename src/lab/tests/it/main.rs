//! The program starts, and trainer and device agree on operators. A package's programs are built for
//! its integration tests alone, so this one also sees to it that `cargo test --workspace` builds what
//! the tests in `tests/` run.

mod operators;

#[test]
fn the_program_tells_its_version() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_twinspect-lab"))
        .arg("--version")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        said,
        concat!("twinspect-lab ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
