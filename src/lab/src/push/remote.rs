//! One host: `twinspect model` there, its JSON and its exit code here.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Host, Job, Outcome, Row};

/// What ssh is told each time: no terminal, no questions, and an end where nobody answers.
const OPTIONS: [&str; 7] = [
    "-T",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=15",
    "-o",
    "ServerAliveInterval=15",
];
/// What ssh ends with when it is ssh that failed.
const SSH_FAILED: u8 = 255;
/// What a login prints to standard output may stand before and behind an answer: so many lines are looked at.
const LINES_MAX: usize = 1_000;
/// Of what a host says last, so many characters are shown.
const ERROR_CHARS_MAX: usize = 200;

/// How hosts are spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    /// The ssh of this machine.
    pub(crate) ssh: PathBuf,
    /// The device's program there, as its shell finds it.
    pub(crate) program: String,
    /// The station's configuration there, as one word of its shell.
    pub(crate) config: Option<String>,
}

/// What is read of the answer to `twinspect model install`.
#[derive(Deserialize)]
struct Installed {
    id: String,
    hash: String,
    engine: String,
}

/// What is read of the answer to `twinspect model activate`.
#[derive(Deserialize)]
struct Switched {
    active: String,
    takes_effect: Option<String>,
}

/// What is read of the answer to `twinspect model list`.
#[derive(Deserialize)]
struct Listed {
    models: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    id: String,
    hash: Option<String>,
    proven_by: Option<String>,
}

/// Why a host did not do what it should.
struct Failure {
    exit_code: u8,
    error: String,
}

/// Does the job for one host.
pub(super) fn send(job: &Job<'_>, host: &Host, bundle: &[u8], hash: &str) -> Row {
    let mut row = Row {
        host: host.as_str().to_owned(),
        outcome: Outcome::Failed,
        id: None,
        engine: None,
        takes_effect: None,
        exit_code: 0,
        error: None,
    };
    if let Err(failure) = go(job, host, bundle, hash, &mut row) {
        row.outcome = Outcome::Failed;
        row.exit_code = failure.exit_code;
        row.error = Some(failure.error);
    }
    row
}

fn go(job: &Job<'_>, host: &Host, bundle: &[u8], hash: &str, row: &mut Row) -> Result<(), Failure> {
    if job.dry_run {
        let listed: Listed = ask(&job.remote, host, &["list"], &[])?;
        let mut models = listed.models.into_iter();
        let known = models.find(|model| model.hash.as_deref() == Some(hash));
        row.outcome = known
            .as_ref()
            .map_or(Outcome::WouldInstall, |_| Outcome::Known);
        (row.id, row.engine) =
            known.map_or((None, None), |known| (Some(known.id), known.proven_by));
        return Ok(());
    }
    let installed: Installed = ask(&job.remote, host, &["install", "-"], bundle)?;
    row.id = Some(installed.id.clone());
    row.engine = Some(installed.engine);
    if installed.hash != hash {
        return Err(nonsense(format!(
            "it has installed another bundle: {}",
            installed.hash
        )));
    }
    row.outcome = Outcome::Installed;
    if !job.activate {
        return Ok(());
    }
    // It becomes a word of the shell there.
    if !is_id(&installed.id) {
        return Err(nonsense(format!(
            "{:?} is no name of a model",
            installed.id
        )));
    }
    let switched: Switched = ask(&job.remote, host, &["activate", &installed.id], &[])?;
    if switched.active != installed.id {
        return Err(nonsense(format!("{} is active instead", switched.active)));
    }
    row.takes_effect = switched.takes_effect;
    row.outcome = Outcome::Activated;
    Ok(())
}

fn is_id(text: &str) -> bool {
    let known = |letter: char| letter.is_ascii_alphanumeric() || "._+-".contains(letter);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(known)
}

fn nonsense(error: String) -> Failure {
    Failure {
        exit_code: 1,
        error,
    }
}

/// Runs one command there, and reads its answer.
fn ask<T: DeserializeOwned>(
    remote: &Remote,
    host: &Host,
    words: &[&str],
    input: &[u8],
) -> Result<T, Failure> {
    let mut command = Command::new(&remote.ssh);
    command
        .args(OPTIONS)
        .arg(host.as_str())
        .arg("--")
        .args([&remote.program, "model"])
        .args(words)
        .arg("--json");
    if let Some(config) = &remote.config {
        command.args(["--config", config]);
    }
    let output = exchange(&mut command, input).map_err(|error| Failure {
        exit_code: SSH_FAILED,
        error: format!("running {}: {error}", remote.ssh.display()),
    })?;
    if output.status.success() {
        return answer_in(&output.stdout).ok_or_else(|| nonsense(no_answer(remote, host, words)));
    }
    let code = output
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok());
    Err(Failure {
        exit_code: code.unwrap_or(SSH_FAILED),
        error: last_line(&output),
    })
}

/// The answer, which is one line, among what the host's login may say.
fn answer_in<T: DeserializeOwned>(said: &[u8]) -> Option<T> {
    let lines = said.split(|byte| *byte == b'\n').take(LINES_MAX);
    lines
        .filter(|line| line.trim_ascii_start().starts_with(b"{"))
        .find_map(|line| serde_json::from_slice(line).ok())
}

/// What is known of a host whose command has ended well and has given no answer.
fn no_answer(remote: &Remote, host: &Host, words: &[&str]) -> String {
    let change = match words.first() {
        Some(&"list") => "nothing was changed there",
        _ => "whether anything was changed there is not known",
    };
    let config = remote.config.as_ref();
    let config = config.map_or(String::new(), |config| format!(" --config {config}"));
    format!(
        "it gave no answer that can be understood, {change}: `ssh {} {} model list{config}` tells what is there, and \
         whether its login prints or runs something else",
        host.as_str(),
        remote.program
    )
}

/// A command that may end before it has read everything.
fn exchange(command: &mut Command, input: &[u8]) -> std::io::Result<Output> {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = process.stdin.take();
    thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(Err(error)) = stdin.as_mut().map(|stdin| stdin.write_all(input)) {
                // Its exit code says why.
                log::debug!("sending: {error}");
            }
        });
        process.wait_with_output()
    })
}

/// What it said last; its remedy, where it has told one, comes after the error.
fn last_line(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().rfind(|line| line.starts_with("error: "));
    let line = error.or_else(|| lines().next_back());
    let line = line.map_or_else(|| output.status.to_string(), str::to_owned);
    line.chars()
        .filter(|letter| !letter.is_control())
        .take(ERROR_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_among_what_a_login_says() {
        let answer = "{\"active\":\"cap\",\"takes_effect\":\"now\",\"more\":1}\n";
        let active = |said: &str| answer_in::<Switched>(said.as_bytes()).map(|found| found.active);
        for said in [
            answer.to_owned(),
            format!(
                "Welcome to line 3!\n\n{{ maintenance on Friday }}\n{{\"motd\":1}}\n{answer}bye\n"
            ),
            format!("\u{1b}[0m\r\n{answer}"),
        ] {
            assert_eq!(active(&said).as_deref(), Some("cap"), "{said}");
        }
        let flood = format!("{}{answer}", "~\n".repeat(LINES_MAX));
        for said in ["", "Welcome!\n", "{\"active\":", "[]\n", flood.as_str()] {
            assert_eq!(active(said), None);
        }
    }

    #[test]
    fn who_gets_no_answer_is_told_what_is_known_and_how_to_look() {
        let remote = Remote {
            ssh: "ssh".into(),
            program: "twinspect".to_owned(),
            config: Some("/etc/twinspect/left.toml".to_owned()),
        };
        let host: Host = "tech@line3".parse().unwrap();
        let installed = no_answer(&remote, &host, &["install", "-"]);
        let command = "`ssh tech@line3 twinspect model list --config /etc/twinspect/left.toml`";
        assert!(
            installed.contains("is not known") && installed.contains(command),
            "{installed}"
        );
        let looked = no_answer(&remote, &host, &["list"]);
        assert!(looked.contains("nothing was changed"), "{looked}");
    }
}
