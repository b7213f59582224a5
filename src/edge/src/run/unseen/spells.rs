//! What is to be written of parts without a picture, and when. No thread, no clock, no disk.

use twinspect_core::verdict::Reason;
use twinspect_store::records::{ModelFacts, Spell};

/// A record has ended when no part of its reason has left for so long ...
const QUIET_US: u64 = 60_000_000;
/// ... or when it is as old as this, so that times are told by the hour.
const LENGTH_US: u64 = 3_600_000_000;
/// From one writing of a record that grows to the next.
const AMEND_US: u64 = 60_000_000;
/// Wait after there was no room on the way to the thread.
const RETRY_US: u64 = 1_000_000;
/// Notes that may wait for the disk: one for each reason.
pub(super) const NOTES_MAX: usize = Reason::ALL.len();

/// A part that has left without a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) struct Missed {
    pub(in crate::run) number: u64,
    pub(in crate::run) reason: Reason,
    pub(in crate::run) at_us: u64,
    pub(in crate::run) time_unix_ms: u64,
}

/// What is to be written of a spell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Note {
    /// Which record, counted from the start.
    pub(super) key: u64,
    pub(super) first: Missed,
    pub(super) spell: Spell,
    pub(super) model: Option<ModelFacts>,
    /// It does not grow any more.
    pub(super) is_over: bool,
}

#[derive(Debug)]
struct Open {
    key: u64,
    first: Missed,
    last: Missed,
    parts: u64,
    model: Option<ModelFacts>,
    /// How many of its parts are written, and since when.
    written: Option<(u64, u64)>,
}

impl Open {
    fn is_over(&self, now_us: u64) -> bool {
        now_us >= self.ends_us()
    }

    fn ends_us(&self) -> u64 {
        let quiet = self.last.at_us.saturating_add(QUIET_US);
        quiet.min(self.first.at_us.saturating_add(LENGTH_US))
    }

    /// When it is to be written, if nothing comes before.
    fn due_us(&self) -> u64 {
        match self.written {
            None => 0,
            Some((parts, at_us)) if parts < self.parts => {
                self.ends_us().min(at_us.saturating_add(AMEND_US))
            }
            Some(_) => self.ends_us(),
        }
    }

    fn note(&self, now_us: u64) -> Note {
        Note {
            key: self.key,
            first: self.first,
            spell: Spell {
                parts: self.parts,
                last_number: self.last.number,
                last_time_unix_ms: self.last.time_unix_ms,
            },
            model: self.model.clone(),
            is_over: self.is_over(now_us),
        }
    }
}

/// The spells that grow, one for each reason at most.
#[derive(Debug, Default)]
pub(super) struct Spells {
    open: Vec<Open>,
    keys: u64,
    /// Nothing is written before: there was no room.
    not_before_us: u64,
}

impl Spells {
    /// A part has left; `model` was in charge.
    pub(super) fn left(&mut self, missed: Missed, model: impl FnOnce() -> Option<ModelFacts>) {
        let same =
            |open: &&mut Open| open.first.reason == missed.reason && !open.is_over(missed.at_us);
        if let Some(open) = self.open.iter_mut().find(same) {
            open.last = missed;
            open.parts += 1;
            return;
        }
        self.keys += 1;
        self.open.push(Open {
            key: self.keys,
            first: missed,
            last: missed,
            parts: 1,
            model: model(),
            written: None,
        });
    }

    /// Hands on what is due by `write`, which says whether there was room.
    pub(super) fn write(&mut self, now_us: u64, mut write: impl FnMut(Note) -> bool) {
        if now_us < self.not_before_us {
            return;
        }
        for open in &mut self.open {
            if open.due_us() > now_us {
                continue;
            }
            if !write(open.note(now_us)) {
                self.not_before_us = now_us.saturating_add(RETRY_US);
                break;
            }
            open.written = Some((open.parts, now_us));
        }
        // Those that are over and written to the last part.
        self.open.retain(|open| {
            let is_written = open.written.is_some_and(|(parts, _)| parts == open.parts);
            !(is_written && open.is_over(now_us))
        });
        // A station whose disk has hung for hours does not remember for ever: the oldest is given up.
        while self.open.len() > 4 * NOTES_MAX {
            self.open.remove(0);
        }
    }

    /// When to write next.
    pub(super) fn next_us(&self) -> Option<u64> {
        let due = self.open.iter().map(Open::due_us).min()?;
        Some(due.max(self.not_before_us))
    }

    /// All that was not written yet: the station ends.
    pub(super) fn rest(&self) -> impl Iterator<Item = Note> {
        let unwritten = |open: &&Open| open.written.is_none_or(|(parts, _)| parts < open.parts);
        self.open.iter().filter(unwritten).map(|open| Note {
            is_over: true,
            ..open.note(0)
        })
    }
}

/// A part for tests, whose clock on the wall began with the station.
#[cfg(test)]
pub(super) fn missed(number: u64, reason: Reason, at_us: u64) -> Missed {
    Missed {
        number,
        reason,
        at_us,
        time_unix_ms: at_us / 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    /// What is written by now: key, reason, parts, last number, and whether it is over.
    fn written(spells: &mut Spells, now_us: u64) -> Vec<(u64, Reason, u64, u64, bool)> {
        let mut all = Vec::new();
        spells.write(now_us, |note| {
            let Spell {
                parts, last_number, ..
            } = note.spell;
            let reason = note.first.reason;
            all.push((note.key, reason, parts, last_number, note.is_over));
            true
        });
        all
    }

    #[test]
    fn a_dead_camera_costs_a_record_an_hour_and_a_write_a_minute() {
        let mut spells = Spells::default();
        let (mut writes, mut keys) = (0, Vec::new());
        // Ten parts a second, for three hours, of which each fifth is late.
        for number in 1..=3 * 36_000_u64 {
            let at_us = number * S / 10;
            let reason = match number % 5 {
                0 => Reason::Late,
                _ => Reason::Camera,
            };
            spells.left(missed(number, reason, at_us), || None);
            for (key, ..) in written(&mut spells, at_us) {
                writes += 1;
                keys.push(key);
            }
        }
        keys.sort_unstable();
        keys.dedup();
        // The fourth of each begins with the last part.
        assert!(keys.len() <= 8, "{}", keys.len());
        assert!(writes <= 2 * (3 * 62 + 4), "{writes}");
        assert!(spells.open.len() <= 4, "{}", spells.open.len());
        let end = written(&mut spells, 4 * 36_000 * S);
        assert!(end.iter().all(|(.., is_over)| *is_over), "{end:?}");
        assert_eq!(spells.next_us(), None);
    }

    #[test]
    fn the_first_part_is_written_at_once_and_the_count_when_it_is_quiet() {
        let mut spells = Spells::default();
        spells.left(missed(7, Reason::Camera, 100 * S), || None);
        assert_eq!(spells.next_us(), Some(0));
        let first = written(&mut spells, 100 * S);
        assert_eq!(first, [(1, Reason::Camera, 1, 7, false)]);
        spells.left(missed(8, Reason::Camera, 101 * S), || None);
        spells.left(missed(9, Reason::Camera, 102 * S), || None);
        assert_eq!(written(&mut spells, 102 * S), []);
        assert_eq!(spells.next_us(), Some(160 * S));
        assert_eq!(
            written(&mut spells, 160 * S),
            [(1, Reason::Camera, 3, 9, false)]
        );
        assert_eq!(spells.next_us(), Some(162 * S));
        assert_eq!(
            written(&mut spells, 162 * S),
            [(1, Reason::Camera, 3, 9, true)]
        );
        assert_eq!(spells.next_us(), None);
        // The same reason, later, is another spell.
        spells.left(missed(10, Reason::Camera, 200 * S), || None);
        assert_eq!(
            written(&mut spells, 200 * S),
            [(2, Reason::Camera, 1, 10, false)]
        );
    }

    #[test]
    fn what_finds_no_room_is_counted_and_written_later() {
        let mut spells = Spells::default();
        spells.left(missed(1, Reason::Late, S), || None);
        spells.write(S, |_| false);
        spells.left(missed(2, Reason::Late, S), || None);
        assert_eq!(spells.next_us(), Some(2 * S));
        assert_eq!(written(&mut spells, S), []);
        assert_eq!(
            written(&mut spells, 2 * S),
            [(1, Reason::Late, 2, 2, false)]
        );
        spells.left(missed(3, Reason::Late, 3 * S), || None);
        let rest: Vec<u64> = spells.rest().map(|note| note.spell.parts).collect();
        assert_eq!(rest, [3]);
    }

    #[test]
    fn a_disk_that_hangs_for_days_takes_no_memory() {
        let mut spells = Spells::default();
        for number in 0..10_000 {
            let at_us = number * 2 * QUIET_US;
            spells.left(missed(number, Reason::Inspector, at_us), || None);
            spells.write(at_us, |_| false);
        }
        assert!(spells.open.len() <= 4 * NOTES_MAX + 1);
    }
}
