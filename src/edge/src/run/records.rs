//! The thread that draws rejected parts and writes them to disk, as well as the disk can.
//!
//! Its memory is made at start: a fixed number of snapshots goes round between the inspect thread
//! and this one. If none is free the record is dropped, never the part.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use twinspect_core::verdict::Verdict;

use crate::chaos;
use crate::config::RecordsSpec;
use crate::error::{EdgeError, WithCauses};
use crate::pictures::{self, Snapshot};
use crate::pipeline::Pipeline;

/// Pictures that this program wrote, and may delete, are called like this.
const PREFIX: &str = "reject-";

/// A rejected part that is to be drawn.
struct Record {
    number: u64,
    part: Option<String>,
    verdict: Verdict,
    snapshot: Box<Snapshot>,
}

/// The inspect thread's end.
pub(super) struct Records {
    free: Receiver<Box<Snapshot>>,
    full: Sender<Record>,
    counts: Arc<RecordCounts>,
    writer: JoinHandle<()>,
}

/// What became of records.
#[derive(Debug, Default)]
pub(super) struct RecordCounts {
    pub(super) written: AtomicU64,
    pub(super) dropped: AtomicU64,
}

impl Records {
    /// Makes the folder, the memory and the thread.
    pub(super) fn start(spec: &RecordsSpec, pipeline: &Pipeline) -> Result<Self, EdgeError> {
        let mut shelf = Shelf::open(spec)?;
        let (give_back, free) = bounded(spec.queue_parts);
        let (full, records) = bounded::<Record>(spec.queue_parts);
        for _ in 0..spec.queue_parts {
            // There is room for each of them.
            if give_back.send(Box::new(pipeline.new_snapshot())).is_err() {
                break;
            }
        }
        let counts = Arc::new(RecordCounts::default());
        let written = Arc::clone(&counts);
        let writer = std::thread::spawn(move || {
            for record in records {
                // A picture that can't be drawn must not end all pictures to come. The shelf counts on
                // before it writes, so that it is sound whatever happens then.
                let drawn = catch_unwind(AssertUnwindSafe(|| shelf.write(&record)));
                match drawn {
                    Ok(Ok(())) => written.written.fetch_add(1, Ordering::Relaxed),
                    Ok(Err(error)) => {
                        log::warn!("recording part {}: {}", record.number, WithCauses(&error));
                        written.dropped.fetch_add(1, Ordering::Relaxed)
                    }
                    Err(_) => {
                        log::error!("recording part {} has panicked", record.number);
                        written.dropped.fetch_add(1, Ordering::Relaxed)
                    }
                };
                if give_back.send(record.snapshot).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            free,
            full,
            counts,
            writer,
        })
    }

    /// Keeps the part that the pipeline has just judged, if there is memory for it.
    pub(super) fn keep(
        &self,
        pipeline: &Pipeline,
        number: u64,
        part: Option<&str>,
        verdict: &Verdict,
    ) {
        let dropped = match self.free.try_recv() {
            Ok(mut snapshot) => {
                pipeline.keep(&mut snapshot);
                let record = Record {
                    number,
                    part: part.map(str::to_owned),
                    verdict: verdict.clone(),
                    snapshot,
                };
                self.full.try_send(record).is_err()
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => true,
        };
        if dropped {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of records so far.
    pub(super) fn counts(&self) -> &RecordCounts {
        &self.counts
    }

    /// Waits until everything that was kept is written.
    pub(super) fn finish(self) -> Arc<RecordCounts> {
        drop(self.full);
        if self.writer.join().is_err() {
            log::error!("the thread that writes records panicked");
        }
        self.counts
    }
}

/// The newest pictures of a folder.
struct Shelf {
    folder: PathBuf,
    keep: usize,
    /// Oldest first.
    pictures: VecDeque<PathBuf>,
    next: u64,
}

impl Shelf {
    /// Finds what earlier runs have left.
    fn open(spec: &RecordsSpec) -> Result<Self, EdgeError> {
        let folder = &spec.folder;
        fs_err::create_dir_all(folder).map_err(EdgeError::store(folder))?;
        let mut found: Vec<(u64, PathBuf)> = fs_err::read_dir(folder)
            .map_err(EdgeError::store(folder))?
            .flatten()
            .filter_map(|entry| Some((place(&entry.path())?, entry.path())))
            .collect();
        found.sort();
        Ok(Self {
            folder: folder.clone(),
            keep: spec.keep_parts,
            next: found.last().map_or(1, |(place, _)| place + 1),
            pictures: found.into_iter().map(|(_, path)| path).collect(),
        })
    }

    fn write(&mut self, record: &Record) -> Result<(), EdgeError> {
        let part = record.part.as_deref().unwrap_or("part");
        let title = format!("{part} (number {})", record.number);
        let caption = pictures::caption(&record.verdict);
        let picture = pictures::heatmap(&record.snapshot, &title, &caption);
        self.add(|path| {
            chaos::disk(record.number).map_err(EdgeError::store(path))?;
            pictures::save(&picture, path)
        })
    }

    /// Writes under the next name, then deletes what is too old.
    fn add(&mut self, write: impl FnOnce(&Path) -> Result<(), EdgeError>) -> Result<(), EdgeError> {
        let path = self.folder.join(format!("{PREFIX}{:08}.png", self.next));
        self.next += 1;
        write(&path)?;
        self.pictures.push_back(path);
        while self.pictures.len() > self.keep
            && let Some(oldest) = self.pictures.pop_front()
        {
            fs_err::remove_file(&oldest).map_err(EdgeError::store(&oldest))?;
        }
        Ok(())
    }
}

/// The running number in a picture's name.
fn place(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(PREFIX)?
        .strip_suffix(".png")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn touch(path: &Path) -> Result<(), EdgeError> {
        std::fs::write(path, b"").map_err(EdgeError::store(path))
    }

    #[test]
    fn the_oldest_pictures_make_room_and_foreign_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        touch(&folder.path().join("notes.txt")).unwrap();
        let spec = RecordsSpec {
            folder: folder.path().to_owned(),
            queue_parts: 1,
            keep_parts: 2,
        };
        for _ in 0..2 {
            let mut shelf = Shelf::open(&spec).unwrap();
            for _ in 0..2 {
                shelf.add(touch).unwrap();
            }
        }
        assert_eq!(
            names(folder.path()),
            ["notes.txt", "reject-00000003.png", "reject-00000004.png"]
        );
    }

    #[test]
    fn a_picture_that_was_not_written_is_no_reason_to_delete_another() {
        let folder = tempfile::tempdir().unwrap();
        let spec = RecordsSpec {
            folder: folder.path().to_owned(),
            queue_parts: 1,
            keep_parts: 1,
        };
        let mut shelf = Shelf::open(&spec).unwrap();
        shelf.add(touch).unwrap();
        let full = |path: &Path| {
            let cause = std::io::Error::from(std::io::ErrorKind::StorageFull);
            Err(EdgeError::store(path)(cause))
        };
        let told = WithCauses(&shelf.add(full).unwrap_err()).to_string();
        assert!(told.contains("reject-00000002.png: "), "{told}");
        assert!(told.ends_with("no storage space"), "{told}");
        assert_eq!(names(folder.path()), ["reject-00000001.png"]);
        shelf.add(touch).unwrap();
        assert_eq!(names(folder.path()), ["reject-00000003.png"]);
    }
}
