//! `twinspect engine build` as a process of its own, for whoever waits for it.

use std::ffi::OsStr;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde::Deserialize;

use crate::answer::{Answer, answer_of};

/// What has become of a build whose plans are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// Good plans were there already.
    AllKept,
    /// At least one was built.
    Done,
}

/// The keys of `engine build --json` that matter here.
#[derive(Deserialize)]
struct Told {
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct Stage {
    kept: bool,
}

/// Builds with these options, by a process that gives way to all others and ends with the thread that calls this. It is ended
/// where it takes longer than the limit, which is told with the name of what may raise it.
///
/// # Errors
/// Why there are no plans, or none that are trusted, for people.
pub(crate) fn build_apart(
    options: &[&OsStr],
    limit: Duration,
    raised_by: &'static str,
) -> Result<Build, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command
        .args(["engine", "build", "--json", "--end-with-parent"])
        .args(options)
        // It is no business of its to feed a station's watchdog.
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC");
    let answer = answer_of(&mut command, limit, raised_by).map_err(|error| error.to_string())?;
    outcome(&answer)
}

fn outcome(answer: &Answer) -> Result<Build, String> {
    if !answer.status.success() {
        return Err(ended(answer.status));
    }
    if answer.text.is_empty() {
        // One of the GPU's libraries has ended it.
        return Err("the process that builds them has ended without an answer".to_owned());
    }
    let told: Told = serde_json::from_slice(&answer.text)
        .map_err(|error| format!("its process answered: {error}"))?;
    Ok(if told.stages.iter().all(|stage| stage.kept) {
        Build::AllKept
    } else {
        Build::Done
    })
}

/// Its own report stands above, on standard error.
fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("building them ended with exit code {code}"),
        None => format!("the process that builds them has died: {status}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn outcome_of(status: i32, text: &str) -> Result<Build, String> {
        outcome(&Answer {
            status: ExitStatus::from_raw(status),
            text: text.as_bytes().to_vec(),
        })
    }

    #[test]
    fn a_build_that_ends_without_a_word_has_built_nothing() {
        let built = r#"{"stages":[{"kept":true},{"kept":false}]}"#;
        assert_eq!(outcome_of(0, built), Ok(Build::Done));
        assert_eq!(
            outcome_of(0, r#"{"stages":[{"kept":true}]}"#),
            Ok(Build::AllKept)
        );
        // As `wait` gives it: an exit code in the second byte, a signal in the first.
        for (status, text, told) in [
            (0, "", "ended without an answer"),
            (0, "{", "EOF"),
            (5 << 8, "", "exit code 5"),
            (11, "", "has died"),
        ] {
            let why = outcome_of(status, text).unwrap_err();
            assert!(why.contains(told), "{told}: {why}");
        }
    }
}
