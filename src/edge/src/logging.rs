//! The log: one line a record on standard error, as a terminal or the journal wants it.
//!
//! Under systemd (`JOURNAL_STREAM` names standard error) a line begins with its priority, `<3>` error,
//! `<4>` warning, `<6>` information, `<7>` the rest, and has no time, for the journal keeps its own.
//! Then comes the process's name. A line about a part ([`PART`]) has always the same fields.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use env_logger::Target;
use log::{Level, Record};
use twinspect_core::verdict::Verdict;

use crate::chaos;
use crate::clock::Clock;
use crate::outlet::{Lossy, Outlet, Waiter};

/// Target of the lines about parts, one a part, which are not limited.
pub(crate) const PART: &str = "part";
/// So many lines may come from one place of the source ...
const LINES_MAX: u32 = 5;
/// ... in so long.
const WINDOW_US: u64 = 10_000_000;
/// How long the last lines are waited for.
const END_MAX: Duration = Duration::from_secs(1);

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// A command that runs in one process.
    Command,
    /// The process that owns the wires, which must not wait for who reads its log.
    Line,
    /// The process that sees and judges: a log that nobody reads must not look like an engine that hangs.
    Inspect,
    /// The process that shows the page.
    Page,
}

impl Speaker {
    fn name(self) -> &'static str {
        match self {
            Self::Command => "twinspect",
            Self::Line => "line",
            Self::Inspect => "inspect",
            Self::Page => "page",
        }
    }
}

/// The log of a process that does not wait for its readers, to wait for it at the end.
static LAST_LINES: OnceLock<Waiter> = OnceLock::new();

/// Sets the log up for this process.
pub(crate) fn start(speaker: Speaker) {
    let is_journal = is_journal();
    let level = if is_journal { "info" } else { "warn" };
    let mut builder =
        env_logger::Builder::from_env(env_logger::Env::new().filter_or("TWINSPECT_LOG", level));
    let (clock, limit) = (Clock::start(), Mutex::new(RateLimit::default()));
    builder.format(move |to, record| {
        let mut limit = limit.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left_out) = limit.admit(record, clock.now_us()) else {
            return Ok(());
        };
        let text = line(&record.args().to_string(), left_out);
        let name = speaker.name();
        if is_journal {
            return writeln!(to, "<{}>{name}: {text}", priority(record.level()));
        }
        let style = to.default_level_style(record.level());
        let (time, level) = (to.timestamp(), record.level());
        writeln!(to, "[{time} {style}{level:<5}{style:#} {name}] {text}")
    });
    if speaker != Speaker::Command {
        // Nobody is left to be told that the log is gone.
        let outlet = Outlet::start(chaos::Place::Log, io::stderr, |_| {});
        let is_first = LAST_LINES.set(outlet.waiter()).is_ok();
        debug_assert!(is_first, "a process sets its log up once");
        let start = if is_journal {
            format!("<{}>{}: ", priority(Level::Warn), speaker.name())
        } else {
            format!("[{:<5} {}] ", Level::Warn, speaker.name())
        };
        builder.target(Target::Pipe(Box::new(Lossy::new(outlet, start))));
    }
    builder.init();
}

/// Waits for the last lines, but not for long.
pub(crate) fn finish() {
    if let Some(waiter) = LAST_LINES.get()
        && waiter.wait(END_MAX).is_err()
    {
        log::debug!("the log is not read");
    }
}

/// Whether standard error leads to the journal, and not to what a shell made of it.
pub(crate) fn is_journal() -> bool {
    let Some(named) = std::env::var_os("JOURNAL_STREAM") else {
        return false;
    };
    let standard_error = std::io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|file| std::fs::File::from(file).metadata());
    standard_error.is_ok_and(|file| *named == *format!("{}:{}", file.dev(), file.ino()))
}

/// Text of several lines about an error, as standard error wants it.
pub(crate) fn error(text: &str) -> Cow<'_, str> {
    if is_journal() {
        let start = format!("<{}>", priority(Level::Error));
        Cow::Owned(format!(
            "{start}{}",
            text.replace('\n', &format!("\n{start}"))
        ))
    } else {
        Cow::Borrowed(text)
    }
}

/// As the journal counts.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// Words of others as a terminal may have them: what it would obey is a box. Lines stay lines.
pub(crate) fn shown(text: &str) -> String {
    let letter = |letter: char| match letter {
        '\n' | '\t' => letter,
        letter if is_obeyed(letter) => '\u{25a1}',
        letter => letter,
    };
    text.chars().map(letter).collect()
}

/// Whether a terminal obeys a letter in the place of showing it: a control, or what changes the direction of the text behind
/// it, so that a name reads as another one (Unicode's bidirectional algorithm, UAX 9, section 2).
pub(crate) fn is_obeyed(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A record on one line, whatever it says.
fn line(text: &str, left_out: u64) -> String {
    let text = shown(text).replace('\n', " ");
    match left_out {
        0 => text,
        left_out => format!("{text} (and {left_out} more like it that were left out)"),
    }
}

/// What the log says of each part: always these fields, in this order, `-` for what there is not.
pub(crate) struct PartLine<'a> {
    pub(crate) number: u64,
    pub(crate) verdict: &'a Verdict,
    pub(crate) took_ms: Option<f64>,
    /// Name of a recorded part.
    pub(crate) name: Option<&'a str>,
}

impl fmt::Display for PartLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            verdict,
            took_ms,
            name,
        } = self;
        let reason = match verdict {
            Verdict::NoResult { reason } => reason.name(),
            Verdict::Pass { .. } | Verdict::Fail { .. } => "-",
        };
        let seen_by = match verdict {
            Verdict::Fail { finding, .. } => finding.seen_by.to_string(),
            Verdict::Pass { .. } | Verdict::NoResult { .. } => "-".to_owned(),
        };
        let number_or = |value: Option<f64>, digits| {
            value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let score = number_or(verdict.score().map(|score| f64::from(score.0)), 3);
        let took_ms = number_or(*took_ms, 1);
        write!(
            f,
            "part={number} verdict={} reason={reason} score={score} seen_by={seen_by} \
             took_ms={took_ms} name={}",
            verdict.name(),
            name.unwrap_or("-")
        )
    }
}

/// Keeps one fault from filling the log: so many lines from one place of the source, then none until
/// some time has passed.
#[derive(Default)]
struct RateLimit {
    /// As many as the source has places that log.
    places: HashMap<(Option<&'static str>, Option<u32>), Place>,
}

struct Place {
    since_us: u64,
    lines: u32,
    left_out: u64,
}

impl RateLimit {
    /// If the record is to be written: how many like it were left out before.
    fn admit(&mut self, record: &Record<'_>, now_us: u64) -> Option<u64> {
        if record.target() == PART {
            return Some(0);
        }
        let place = self
            .places
            .entry((record.file_static(), record.line()))
            .or_insert(Place {
                since_us: now_us,
                lines: 0,
                left_out: 0,
            });
        if now_us.saturating_sub(place.since_us) >= WINDOW_US {
            place.since_us = now_us;
            place.lines = 0;
        }
        if place.lines == LINES_MAX {
            place.left_out += 1;
            return None;
        }
        place.lines += 1;
        Some(std::mem::take(&mut place.left_out))
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::verdict::{Finding, Reason, Score, SeenBy};

    use super::*;

    fn admitted(limit: &mut RateLimit, target: &str, line: u32, now_us: u64) -> Option<u64> {
        let record = Record::builder()
            .target(target)
            .file_static(Some("run.rs"))
            .line(Some(line))
            .build();
        limit.admit(&record, now_us)
    }

    #[test]
    fn a_fault_that_repeats_fills_no_log_and_is_counted() {
        let mut limit = RateLimit::default();
        let at = |limit: &mut RateLimit, now_us| admitted(limit, "fault", 7, now_us);
        for now_us in 0..u64::from(LINES_MAX) {
            assert_eq!(at(&mut limit, now_us), Some(0));
        }
        assert_eq!(at(&mut limit, 10), None);
        assert_eq!(at(&mut limit, WINDOW_US - 1), None);
        assert_eq!(
            admitted(&mut limit, "fault", 8, 11),
            Some(0),
            "another place"
        );
        assert_eq!(at(&mut limit, WINDOW_US), Some(2));
        assert_eq!(at(&mut limit, WINDOW_US), Some(0));
    }

    #[test]
    fn parts_are_all_written() {
        let mut limit = RateLimit::default();
        let written = (0..99).filter_map(|now_us| admitted(&mut limit, PART, 7, now_us));
        assert_eq!(written.count(), 99);
    }

    fn fields(verdict: &Verdict) -> String {
        let line = PartLine {
            number: 12,
            verdict,
            took_ms: Some(31.25),
            name: None,
        };
        line.to_string()
    }

    #[test]
    fn every_part_has_the_same_fields() {
        let pass = Verdict::Pass {
            score: Score(0.25),
            missing: None,
        };
        let fail = Verdict::Fail {
            finding: Finding {
                score: Score(1.5),
                seen_by: SeenBy::Both,
                regions: Default::default(),
            },
            missing: None,
        };
        let none = Verdict::NoResult {
            reason: Reason::NoDepth,
        };
        let names = |verdict| -> Vec<String> {
            let line = fields(verdict);
            let fields = line.split(' ').map(|field| field.split_once('=').unwrap());
            fields.map(|(name, _)| name.to_owned()).collect()
        };
        assert_eq!(names(&pass), names(&fail));
        assert_eq!(names(&pass), names(&none));
        assert_eq!(
            fields(&none),
            "part=12 verdict=no_result reason=no_depth score=- seen_by=- took_ms=31.2 name=-"
        );
    }

    #[test]
    fn a_record_is_one_line() {
        assert_eq!(line("a\nb", 0), "a b");
        assert_eq!(line("a\u{1b}]0;b\u{7}", 0), "a\u{25a1}]0;b\u{25a1}");
        assert_eq!(line("a\u{202e}gab.b\u{2069}", 0), "a\u{25a1}gab.b\u{25a1}");
        assert_eq!(line("a", 3), "a (and 3 more like it that were left out)");
    }
}
