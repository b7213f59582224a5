//! What a station that is started again knows of its challenge part: a small file, written by the clerk.
//!
//! A file that says less than it should makes the next challenge due at once. That costs somebody a walk; a station that had
//! forgotten would be silent.

use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use twinspect_core::challenge::{Challenge, Shown};

use crate::clock;
use crate::config::ChallengeSpec;
use crate::error::{EdgeError, WithCauses};
use crate::whole_file;

/// Longest file.
const BYTES_MAX: u64 = 4096;
const FORMAT: u32 = 1;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    /// The last one was caught, or there was none yet.
    Well,
    /// One was announced, and nobody has written what became of it.
    Awaited,
    /// The last one that had a result has passed.
    Missed,
}

/// The file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChallengeMemory {
    format: u32,
    /// When the last one was caught; before the first one, when the station began to count.
    since_unix_s: u64,
    standing: Standing,
    /// What became of the last part that was shown. Files of earlier releases don't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<Shown>,
}

impl ChallengeMemory {
    /// Of a station that counts from now on.
    pub(super) fn fresh() -> Self {
        Self {
            format: FORMAT,
            since_unix_s: clock::unix_s(),
            standing: Standing::Well,
            last: None,
        }
    }

    /// The same while nobody knows what becomes of the part that is awaited.
    pub(super) fn awaiting(self) -> Self {
        Self {
            standing: Standing::Awaited,
            ..self
        }
    }

    /// The same once a part was shown; one that was caught counts from now on.
    pub(super) fn after(self, shown: Shown) -> Self {
        let last = Some(shown);
        match shown {
            Shown::Caught => Self {
                last,
                ..Self::fresh()
            },
            Shown::Missed => Self {
                standing: Standing::Missed,
                last,
                ..self
            },
            // It proves nothing: all else is as it was.
            Shown::NoProof => Self { last, ..self },
        }
    }

    /// What the file says. `None` where there is none; `Err` where there is one that can't be read.
    fn read(path: &Path) -> Result<Option<Self>, String> {
        match fs_err::metadata(path) {
            Ok(found) if found.is_file() && found.len() <= BYTES_MAX => {}
            Ok(_) => return Err(format!("{} is something else", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        }
        let bytes = fs_err::read(path).map_err(|error| error.to_string())?;
        let memory: Self = serde_json::from_slice(&bytes)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        match memory.format {
            FORMAT => Ok(Some(memory)),
            other => Err(format!("{}: format {other}", path.display())),
        }
    }

    /// Writes it, whole.
    ///
    /// # Errors
    /// [`EdgeError::Store`].
    pub(super) fn write(self, path: &Path) -> Result<(), EdgeError> {
        let mut text = serde_json::to_vec(&self).map_err(std::io::Error::from)?;
        text.push(b'\n');
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder).map_err(EdgeError::store(folder))?;
        }
        whole_file::write(path, &text).map_err(EdgeError::store(path))
    }

    /// How long ago it counts from; unknown if the clock of the board has gone back, or a part was announced.
    fn age_us(&self, unix_s: u64) -> Option<u64> {
        let age = unix_s.checked_sub(self.since_unix_s)?;
        (self.standing != Standing::Awaited).then_some(age.saturating_mul(1_000_000))
    }

    /// What was shown last. A file that does not say it says at least that a part has passed.
    fn last(&self) -> Option<Shown> {
        let missed = (self.standing == Standing::Missed).then_some(Shown::Missed);
        self.last.or(missed)
    }
}

/// The challenge of a station that starts, and what is to be written of it now.
pub(super) fn resume(spec: &ChallengeSpec, now_us: u64) -> (Challenge, Option<ChallengeMemory>) {
    if spec.every_us.is_none() {
        return (Challenge::new(None, now_us), None);
    }
    match ChallengeMemory::read(&spec.memory) {
        Ok(Some(memory)) => {
            let since_us = memory.age_us(clock::unix_s());
            let is_missed = memory.standing == Standing::Missed;
            let last = memory.last();
            let challenge = Challenge::resumed(spec.every_us, now_us, since_us, is_missed, last);
            (challenge, Some(memory))
        }
        Ok(None) => {
            let fresh = Some(ChallengeMemory::fresh());
            (Challenge::new(spec.every_us, now_us), fresh)
        }
        Err(why) => {
            log::warn!(
                "when a challenge part was caught last is not known, the next one is due: {why}"
            );
            let fresh = ChallengeMemory::fresh().awaiting();
            let challenge = Challenge::resumed(spec.every_us, now_us, None, false, None);
            (challenge, Some(fresh))
        }
    }
}

/// Has it written; what went wrong is told.
pub(super) fn keep(memory: ChallengeMemory, path: &Path) {
    if let Err(error) = memory.write(path) {
        log::warn!(
            "a restart will not know of the challenge part: {}",
            WithCauses(&error)
        );
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::challenge::Alarm;

    use super::*;

    const HOUR: u64 = 3_600_000_000;

    fn spec(folder: &Path) -> ChallengeSpec {
        ChallengeSpec {
            every_us: Some(HOUR),
            part: String::new(),
            memory: folder.join("left/challenge.json"),
        }
    }

    /// The alarm right after a start with this memory.
    fn alarm(spec: &ChallengeSpec) -> Option<Alarm> {
        resume(spec, 7).0.alarm(7)
    }

    fn remember(spec: &ChallengeSpec, since_unix_s: u64, standing: Standing) {
        let memory = ChallengeMemory {
            format: FORMAT,
            since_unix_s,
            standing,
            last: None,
        };
        memory.write(&spec.memory).unwrap();
    }

    #[test]
    fn a_start_counts_from_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(folder.path());
        let now = clock::unix_s();
        assert_eq!(alarm(&spec), None);
        remember(&spec, now - 10, Standing::Well);
        let (challenge, _) = resume(&spec, 7);
        let left_us = challenge.due_in_us(7).unwrap();
        assert!(
            left_us > HOUR - 60_000_000 && left_us <= HOUR - 10_000_000,
            "{left_us}"
        );
        remember(&spec, now - 3601, Standing::Well);
        assert_eq!(alarm(&spec), Some(Alarm::Overdue));
        remember(&spec, now, Standing::Missed);
        assert_eq!(alarm(&spec), Some(Alarm::Missed));
    }

    #[test]
    fn what_nobody_can_know_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(folder.path());
        let now = clock::unix_s();
        remember(&spec, now, Standing::Awaited);
        assert_eq!(alarm(&spec), Some(Alarm::Overdue));
        // The board's clock has gone back.
        remember(&spec, now + 10_000, Standing::Well);
        assert_eq!(alarm(&spec), Some(Alarm::Overdue));
        let later = br#"{"format":2,"since_unix_s":1,"standing":"well"}"#;
        for damaged in [&b""[..], b"{\"format\":1}", &[b' '; 5000], later] {
            std::fs::write(&spec.memory, damaged).unwrap();
            assert_eq!(alarm(&spec), Some(Alarm::Overdue));
        }
    }

    #[test]
    fn what_was_shown_last_outlives_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(folder.path());
        let last = |memory: ChallengeMemory| {
            memory.write(&spec.memory).unwrap();
            resume(&spec, 7).0.last()
        };
        let fresh = ChallengeMemory::fresh();
        assert_eq!(last(fresh), None);
        for shown in Shown::ALL {
            assert_eq!(last(fresh.after(shown)), Some(shown));
            // Another one was announced, and nobody has seen what became of it.
            assert_eq!(last(fresh.after(shown).awaiting()), Some(shown));
            assert_eq!(alarm(&spec), Some(Alarm::Overdue));
        }
        // A part without a result takes no alarm away.
        let missed = fresh.after(Shown::Missed).after(Shown::NoProof);
        assert_eq!(last(missed), Some(Shown::NoProof));
        assert_eq!(alarm(&spec), Some(Alarm::Missed));
        assert_eq!(last(missed.after(Shown::Caught)), Some(Shown::Caught));
        assert_eq!(alarm(&spec), None);
    }

    #[test]
    fn files_of_earlier_releases_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(folder.path());
        std::fs::create_dir_all(spec.memory.parent().unwrap()).unwrap();
        let now = clock::unix_s();
        for (standing, known, is_missed) in [
            ("well", None, None),
            ("missed", Some(Shown::Missed), Some(Alarm::Missed)),
        ] {
            let text =
                format!("{{\"format\":1,\"since_unix_s\":{now},\"standing\":\"{standing}\"}}\n");
            std::fs::write(&spec.memory, text).unwrap();
            assert_eq!(resume(&spec, 7).0.last(), known, "{standing}");
            assert_eq!(alarm(&spec), is_missed, "{standing}");
        }
        let unknown = format!(
            "{{\"format\":1,\"since_unix_s\":{now},\"standing\":\"well\",\"last\":\"perhaps\"}}"
        );
        std::fs::write(&spec.memory, unknown).unwrap();
        assert_eq!(alarm(&spec), Some(Alarm::Overdue));
    }

    #[test]
    fn who_is_not_reminded_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let spec = ChallengeSpec {
            every_us: None,
            ..spec(folder.path())
        };
        assert_eq!(resume(&spec, 7).1, None);
    }
}
