//! The programs under test.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A command that runs one of the workspace's programs, free of the caller's settings.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(path(name));
    command.env("NO_COLOR", "1");
    for setting in [
        "TWINSPECT_CHAOS",
        "TWINSPECT_CHAOS_RECORD",
        "TWINSPECT_LOG",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "RUNTIME_DIRECTORY",
        "JOURNAL_STREAM",
    ] {
        command.env_remove(setting);
    }
    command
}

/// Standard output of a command that must succeed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output();
    output.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
}

/// A program beside this test's own: `target/PROFILE/deps/it-HASH` becomes `target/PROFILE/NAME`.
pub(crate) fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("a test lies in target/PROFILE/deps");
    let path = folder
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        path.is_file(),
        "{} is not built: run `cargo test --workspace`",
        path.display()
    );
    path
}
