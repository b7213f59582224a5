//! Records of parts that nobody has kept a picture of: the camera gave nothing, no process judged, the answer came too late,
//! or the part was found good and left without a result all the same.
//!
//! [`spells`] says what is to be written and when: for each reason one record while parts leave for it, with their count.
//! So a camera that is dead at ten parts a second costs one record an hour and a write a minute. The records lie in a ring of
//! their own: those of real rejects never make room for them. [`Unseen`] is the thread that writes, since a disk may be slow and
//! the line may not; what finds no room on the way to it is counted in memory and written later, and so is what the disk
//! refuses: [`shelf`].

mod shelf;
mod spells;

pub(super) use spells::Missed;

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use shelf::Shelf;
use spells::{NOTES_MAX, Note, Spells};
use twinspect_store::records::{ModelFacts, RingSpec, unseen_folder};

use crate::clock::Clock;
use crate::config::RecordsSpec;

/// Records that are kept ...
const KEEP_RECORDS: usize = 500;
/// ... and bytes of their files, of which each has less than one thousand.
const KEEP_BYTES: u64 = 4_000_000;
/// How long the last ones are waited for when the station ends.
const END_MAX: Duration = Duration::from_secs(2);

/// The line process's end of the thread that writes.
#[derive(Debug)]
pub(super) struct Unseen {
    spells: Spells,
    notes: Sender<Note>,
    /// Ends with the thread.
    ended: Receiver<()>,
}

impl Unseen {
    /// Makes the thread; the folder is made with the first record. `run` is this run of the station.
    pub(super) fn start(spec: &RecordsSpec, station: &str, run: Option<String>) -> Self {
        let (notes, noted) = bounded::<Note>(NOTES_MAX);
        let (ends, ended) = bounded::<()>(0);
        let ring = RingSpec {
            folder: unseen_folder(&spec.ring.folder),
            keep_parts: KEEP_RECORDS,
            keep_bytes: KEEP_BYTES,
            free_min_bytes: spec.ring.free_min_bytes,
        };
        let shelf = Shelf::new(ring, station.to_owned(), run);
        std::thread::spawn(move || {
            shelf.serve(&noted);
            drop(ends);
        });
        Self {
            spells: Spells::default(),
            notes,
            ended,
        }
    }

    /// A part has left without a picture.
    pub(super) fn left(&mut self, missed: Missed, model: impl FnOnce() -> Option<ModelFacts>) {
        self.spells.left(missed, model);
    }

    /// Hands on what is due.
    pub(super) fn write(&mut self, now_us: u64) {
        let notes = &self.notes;
        self.spells
            .write(now_us, |note| notes.try_send(note).is_ok());
    }

    /// When there is something to hand on.
    pub(super) fn next_us(&self) -> Option<u64> {
        self.spells.next_us()
    }

    /// The station ends: what was not written is, if the disk allows.
    pub(super) fn finish(self) {
        let clock = Clock::start();
        let end_us = END_MAX.as_micros() as u64;
        for note in self.spells.rest() {
            if self.notes.send_timeout(note, clock.until(end_us)).is_err() {
                break;
            }
        }
        drop(self.notes);
        // Nothing is ever sent there: it is disconnected when the thread has ended.
        let ended = self.ended.recv_timeout(clock.until(end_us));
        if ended.is_err_and(|why| why.is_timeout()) {
            log::warn!(
                "the last records of parts without a picture are not written: the disk does not answer"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::verdict::{Reason, Verdict};

    use super::spells::missed;
    use super::*;

    const S: u64 = 1_000_000;

    #[test]
    fn records_grow_on_disk_and_are_whole_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let records = folder.path().join("records");
        let spec = RecordsSpec {
            ring: RingSpec {
                folder: records.clone(),
                keep_parts: 1,
                keep_bytes: 1,
                free_min_bytes: 0,
            },
            queue_parts: 1,
            every_nth_pass: None,
        };
        let mut unseen = Unseen::start(&spec, "left", Some("a run".to_owned()));
        for number in 1..=5 {
            let reason = match number {
                3 => Reason::Late,
                _ => Reason::Camera,
            };
            unseen.left(missed(number, reason, number * S), || None);
            unseen.write(number * S);
        }
        unseen.finish();
        let ids = twinspect_store::records::list_unseen(&records).unwrap();
        let mut told: Vec<_> = ids
            .iter()
            .map(|id| {
                let record = twinspect_store::records::read(&records, *id)
                    .unwrap()
                    .record;
                let spell = record.unseen.unwrap();
                let Verdict::NoResult { reason } = record.verdict else {
                    panic!("{record:?}");
                };
                (reason, record.number, spell.parts, spell.last_number)
            })
            .collect();
        told.sort();
        assert_eq!(told, [(Reason::Camera, 1, 4, 5), (Reason::Late, 3, 1, 3)]);
    }
}
