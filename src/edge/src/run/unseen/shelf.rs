//! The thread's end: writes notes, and tries those again that the disk has refused.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use twinspect_core::verdict::Verdict;
use twinspect_store::records::{FORMAT, Record, RecordId, RecordsError, Ring, RingSpec, Taken};

use super::spells::{NOTES_MAX, Note};
use crate::chaos;
use crate::error::WithCauses;

/// From one try to the next while nothing else is to be written.
const RETRY: Duration = Duration::from_secs(60);
/// Notes that are kept for another try; the oldest makes room.
const OWED_MAX: usize = 4 * NOTES_MAX;

/// What the thread has.
pub(super) struct Shelf {
    spec: RingSpec,
    ring: Option<Ring>,
    station: String,
    run: Option<String>,
    /// Records of spells that grow.
    known: Vec<(u64, RecordId)>,
    /// What could not be written, one for each spell.
    owed: Vec<Note>,
    /// The last record could not be written.
    is_failing: bool,
}

impl Shelf {
    /// Opens nothing: the folder is made with the first record.
    pub(super) fn new(spec: RingSpec, station: String, run: Option<String>) -> Self {
        Self {
            spec,
            ring: None,
            station,
            run,
            known: Vec::new(),
            owed: Vec::new(),
            is_failing: false,
        }
    }

    /// Writes all that comes, until nobody sends any more.
    pub(super) fn serve(mut self, noted: &Receiver<Note>) {
        loop {
            let heard = if self.owed.is_empty() {
                noted.recv().map_err(RecvTimeoutError::from)
            } else {
                noted.recv_timeout(RETRY)
            };
            match heard {
                Ok(note) => self.note(note),
                Err(RecvTimeoutError::Timeout) => self.settle(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.settle();
        if !self.owed.is_empty() {
            log::warn!(
                "{} records of parts without a picture are not written, or not to their last part",
                self.owed.len()
            );
        }
    }

    /// Writes a note, and what is owed if the disk takes it.
    fn note(&mut self, note: Note) {
        // It counts all that an earlier one has counted.
        self.owed.retain(|owed| owed.key != note.key);
        if self.take(note) {
            self.settle();
        }
    }

    /// Tries again what could not be written, until that fails.
    fn settle(&mut self) {
        for _ in 0..self.owed.len() {
            let note = self.owed.remove(0);
            if !self.take(note) {
                return;
            }
        }
    }

    /// Writes a note, or keeps it for another try; whether the disk takes notes.
    fn take(&mut self, note: Note) -> bool {
        let written = catch_unwind(AssertUnwindSafe(|| self.write(&note)));
        let was_failing = self.is_failing;
        self.is_failing = !matches!(written, Ok(Ok(())));
        let parts = note.spell.parts;
        match written {
            Ok(Ok(())) if was_failing => {
                log::warn!("parts without a picture are recorded again");
            }
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                if was_failing {
                    log::debug!("recording {parts} parts without a picture: {error}");
                } else {
                    log::warn!(
                        "parts without a picture can't be recorded, and are rejected all the same: {}",
                        WithCauses(&error)
                    );
                }
                if self.owed.len() == OWED_MAX {
                    self.owed.remove(0);
                }
                self.owed.push(note);
            }
            // It would again.
            Err(_) => log::error!("recording {parts} parts without a picture has panicked"),
        }
        !self.is_failing
    }

    fn write(&mut self, note: &Note) -> Result<(), RecordsError> {
        let record = Record {
            format: FORMAT,
            station: self.station.clone(),
            run: self.run.clone(),
            number: note.first.number,
            part: None,
            time_unix_ms: note.first.time_unix_ms,
            verdict: Verdict::NoResult {
                reason: note.first.reason,
            },
            took_ms: None,
            stages_ms: None,
            model: note.model.clone(),
            engine: None,
            thresholds: None,
            twinspect: chaos::VERSION.to_owned(),
            frame: None,
            map: None,
            unseen: Some(note.spell),
        };
        let ring = match &mut self.ring {
            Some(ring) => ring,
            none => none.insert(Ring::open(self.spec.clone())?),
        };
        let known = self.known.iter().find(|(key, _)| *key == note.key);
        let written = match known.map(|(_, id)| *id) {
            Some(id) if ring.amend(id, &record)? => Ok(()),
            // A new one, or one that has made room meanwhile.
            _ => {
                let before = ring.newest();
                let added = ring.add(Taken {
                    record,
                    frame: None,
                    scores: None,
                    sheet: None,
                });
                // It may be there although the disk promises nothing: it is amended then, and not written twice.
                if let Some(id) = ring.newest().filter(|id| Some(*id) != before) {
                    self.known.retain(|(key, _)| *key != note.key);
                    self.known.push((note.key, id));
                }
                added.map(drop)
            }
        };
        if written.is_ok() && note.is_over {
            self.known.retain(|(key, _)| *key != note.key);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crossbeam_channel::bounded;
    use twinspect_core::verdict::Reason;
    use twinspect_store::records::{Spell, list_unseen, read, unseen_folder};

    use super::super::spells::Missed;
    use super::*;

    fn shelf(records: &Path) -> Shelf {
        let spec = RingSpec {
            folder: unseen_folder(records),
            keep_parts: 10,
            keep_bytes: 1_000_000,
            free_min_bytes: 0,
        };
        Shelf::new(spec, "left".to_owned(), None)
    }

    /// A spell's note: so many parts, the first of which has the number ten times the key.
    fn note(key: u64, parts: u64, is_over: bool) -> Note {
        let number = 10 * key;
        Note {
            key,
            first: Missed {
                number,
                reason: Reason::Camera,
                at_us: 0,
                time_unix_ms: 1,
            },
            spell: Spell {
                parts,
                last_number: number + parts - 1,
                last_time_unix_ms: 2,
            },
            model: None,
            is_over,
        }
    }

    /// First numbers and parts of the records, oldest record first.
    fn told(records: &Path) -> Vec<(u64, u64)> {
        let mut ids = list_unseen(records).unwrap();
        ids.sort_unstable();
        let told = ids.into_iter().map(|id| {
            let record = read(records, id).unwrap().record;
            (record.number, record.unseen.unwrap().parts)
        });
        told.collect()
    }

    /// Takes the folder of the ring away, and brings it back.
    fn disk(records: &Path, is_there: bool) {
        let (ring, away) = (unseen_folder(records), records.join("away"));
        let (from, to) = if is_there { (away, ring) } else { (ring, away) };
        std::fs::rename(from, to).unwrap();
    }

    #[test]
    fn a_spell_has_one_record_whatever_the_disk_does_meanwhile() {
        let temporary = tempfile::tempdir().unwrap();
        let records = temporary.path();
        let mut shelf = shelf(records);
        shelf.note(note(1, 1, false));
        disk(records, false);
        shelf.note(note(1, 5, false));
        shelf.note(note(1, 9, false));
        assert_eq!(shelf.owed, [note(1, 9, false)]);
        disk(records, true);
        assert_eq!(told(records), [(10, 1)]);
        shelf.note(note(1, 12, true));
        assert_eq!(told(records), [(10, 12)]);
        assert!(shelf.owed.is_empty() && shelf.known.is_empty());
    }

    #[test]
    fn the_last_word_of_a_spell_is_written_when_the_disk_is_back() {
        let temporary = tempfile::tempdir().unwrap();
        let records = temporary.path();
        let mut shelf = shelf(records);
        shelf.note(note(1, 1, false));
        disk(records, false);
        shelf.note(note(1, 7, true));
        shelf.note(note(2, 1, false));
        shelf.settle();
        assert_eq!(shelf.owed.len(), 2);
        disk(records, true);
        // Another spell's note shows that the disk takes notes again.
        shelf.note(note(3, 1, false));
        assert!(shelf.owed.is_empty());
        let mut all = told(records);
        all.sort_unstable();
        assert_eq!(all, [(10, 7), (20, 1), (30, 1)]);
    }

    #[test]
    fn what_is_owed_when_the_station_ends_is_tried_once_more() {
        let temporary = tempfile::tempdir().unwrap();
        let records = temporary.path();
        let mut shelf = shelf(records);
        shelf.note(note(1, 1, false));
        disk(records, false);
        shelf.note(note(1, 4, true));
        disk(records, true);
        let (notes, noted) = bounded(1);
        drop(notes);
        shelf.serve(&noted);
        assert_eq!(told(records), [(10, 4)]);
    }

    #[test]
    fn a_disk_that_is_gone_for_days_takes_no_memory() {
        let temporary = tempfile::tempdir().unwrap();
        let records = temporary.path();
        // No folder can be made there.
        std::fs::write(unseen_folder(records), "a file").unwrap();
        let mut shelf = shelf(records);
        for key in 1..=2 * OWED_MAX as u64 {
            shelf.note(note(key, 1, true));
        }
        assert_eq!(shelf.owed.len(), OWED_MAX);
        assert_eq!(shelf.owed[0].key, OWED_MAX as u64 + 1);
    }
}
