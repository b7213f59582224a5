//! The ring: writes records, and deletes the oldest when there are too many, they are too large, or the
//! disk has too little left.

use std::collections::VecDeque;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use super::disk::{Disk, SystemDisk};
use super::encode::{encode, text};
use super::error::{Full, RecordsError};
use super::name::{AMENDED_FILE, Kind, RECORD_FILE, RecordId, leftover};
use super::own::{own_files, remove};
use super::record::{Record, Taken};
use super::shelf::is_plain;

/// How much may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingSpec {
    /// The folder of records. It is made if it is not there.
    pub folder: PathBuf,
    /// Most records.
    pub keep_parts: usize,
    /// Most bytes of all files of all records. What the file system needs for them is not counted.
    pub keep_bytes: u64,
    /// Bytes that stay free on the disk. Records make room for others only if that is enough.
    pub free_min_bytes: u64,
}

/// The file that is locked while a ring is open. It is empty, and stays.
const LOCK_FILE: &str = ".ring.lock";

/// Writes and deletes records. A folder has one at a time: while a model is switched two processes live
/// side by side, and would sweep each other's half written records.
#[derive(Debug)]
pub struct Ring<D = SystemDisk> {
    _lock: fs_err::File,
    spec: RingSpec,
    disk: D,
    /// Oldest first.
    kept: VecDeque<Kept>,
    bytes: u64,
    marked: usize,
    next: u64,
    /// Half deleted.
    trash: Vec<RecordId>,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    id: RecordId,
    bytes: u64,
    /// Somebody has reviewed it.
    is_marked: bool,
}

impl Ring {
    /// Finds what earlier runs have left, and sweeps what a power cut has left half written.
    ///
    /// # Errors
    /// [`RecordsError::InUse`] while another ring is open here; [`RecordsError::Write`] and
    /// [`RecordsError::Read`] if the folder can't be made or listed.
    pub fn open(spec: RingSpec) -> Result<Self, RecordsError> {
        Self::open_on(SystemDisk, spec)
    }
}

impl<D: Disk> Ring<D> {
    /// The same on a certain disk; reading goes to the system in any case.
    ///
    /// # Errors
    /// As [`Ring::open`].
    pub fn open_on(disk: D, spec: RingSpec) -> Result<Self, RecordsError> {
        let folder = &spec.folder;
        fs_err::create_dir_all(folder).map_err(RecordsError::write(folder))?;
        let lock = lock(folder)?;
        let (mut kept, mut trash, mut next) = (Vec::new(), Vec::new(), 1);
        for entry in fs_err::read_dir(folder)
            .map_err(RecordsError::read(folder))?
            .flatten()
        {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(id) = leftover(name) {
                trash.push(id);
                next = next.max(id.place.saturating_add(1));
            }
            let Ok(id) = name.parse::<RecordId>() else {
                continue;
            };
            next = next.max(id.place.saturating_add(1));
            if let Some((bytes, is_marked)) = own_files(&entry.path()) {
                kept.push(Kept {
                    id,
                    bytes,
                    is_marked,
                });
            }
        }
        kept.sort_unstable_by_key(|kept| kept.id);
        let mut ring = Self {
            _lock: lock,
            bytes: kept.iter().map(|kept| kept.bytes).sum(),
            marked: kept.iter().filter(|kept| kept.is_marked).count(),
            kept: kept.into(),
            spec,
            disk,
            next,
            trash,
        };
        // A folder that can't be written yet is told with the first record.
        ring.sweep().unwrap_or_default();
        Ok(ring)
    }

    /// Records that this ring has.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The one that was written last of those that it has.
    pub fn newest(&self) -> Option<RecordId> {
        self.kept.back().map(|kept| kept.id)
    }

    /// Bytes of their files, as they were written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes a record, which is on disk when this returns; then what is too old makes room.
    ///
    /// # Errors
    /// [`RecordsError::Full`], [`RecordsError::Encode`] and [`RecordsError::Write`]. The record is not
    /// there then, but for one case: if the disk can't promise that the new name survives a power cut.
    pub fn add(&mut self, taken: Taken<'_>) -> Result<RecordId, RecordsError> {
        let id = RecordId {
            place: self.next,
            kind: Kind::from(&taken.record),
        };
        // Whatever happens now, the name does not come again.
        self.next = self.next.saturating_add(1);
        let files = encode(taken)?;
        let bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        self.make_room(bytes)?;
        self.write(id, &files)?;
        self.kept.push_back(Kept {
            id,
            bytes,
            is_marked: false,
        });
        self.bytes += bytes;
        let folder = &self.spec.folder;
        let synced = self.disk.sync(folder).map_err(RecordsError::write(folder));
        // What can't be deleted now is told when the next record needs its room.
        self.prune(true).unwrap_or_default();
        synced.map(|()| id)
    }

    /// Puts another text into a record's place, at once: what is known of it has grown. Whether the record is still there
    /// and nobody else's; if not, nothing was done.
    ///
    /// # Errors
    /// [`RecordsError::Encode`] and [`RecordsError::Write`]; one of both texts is there then.
    pub fn amend(&mut self, id: RecordId, record: &Record) -> Result<bool, RecordsError> {
        let own = id.folder(&self.spec.folder);
        let Some(place) = self.kept.iter().position(|kept| kept.id == id) else {
            return Ok(false);
        };
        debug_assert_eq!(Kind::from(record), id.kind, "its name says so");
        if own_files(&own).is_none() {
            return Ok(false);
        }
        let text = text(record)?;
        let (partial, path) = (own.join(AMENDED_FILE), own.join(RECORD_FILE));
        let disk = &mut self.disk;
        // What a power cut has left.
        if is_plain(&partial) {
            disk.remove_file(&partial)
                .map_err(RecordsError::write(&partial))?;
        }
        disk.write_file(&partial, &text)
            .and_then(|()| disk.sync(&partial))
            .and_then(|()| disk.rename(&partial, &path))
            .and_then(|()| disk.sync(&own))
            .map_err(RecordsError::write(&path))?;
        if let (Some(kept), Some((bytes, _))) = (self.kept.get_mut(place), own_files(&own)) {
            self.bytes = self.bytes.saturating_sub(kept.bytes).saturating_add(bytes);
            kept.bytes = bytes;
        }
        Ok(true)
    }

    /// What must be true before a record of so many bytes is written.
    fn make_room(&mut self, bytes: u64) -> Result<(), RecordsError> {
        let full = |folder: &Path, full| RecordsError::Full {
            folder: folder.to_owned(),
            full,
        };
        if bytes > self.spec.keep_bytes {
            let most = self.spec.keep_bytes;
            return Err(full(&self.spec.folder, Full::Record { bytes, most }));
        }
        self.sweep()?;
        self.prune(false)?;
        if !self.trash.is_empty() || self.is_over() {
            return Err(full(&self.spec.folder, Full::Undeleted));
        }
        let floor = self.spec.free_min_bytes;
        let needed = floor.saturating_add(bytes);
        let free = self.free_bytes()?;
        let missing = needed.saturating_sub(free);
        if missing > self.bytes {
            // All records would go, and there would still be no room: then they stay.
            return Err(full(&self.spec.folder, Full::Disk { free, floor }));
        }
        while self.free_bytes()? < needed {
            if !self.delete_next(false)? {
                let free = self.free_bytes()?;
                return Err(full(&self.spec.folder, Full::Disk { free, floor }));
            }
        }
        Ok(())
    }

    fn free_bytes(&mut self) -> Result<u64, RecordsError> {
        let folder = &self.spec.folder;
        let free = self.disk.free_bytes(folder);
        free.map_err(RecordsError::read(folder))
    }

    /// Writes a record's files, forces them to disk, and makes them visible.
    fn write(
        &mut self,
        id: RecordId,
        files: &[(&'static str, Vec<u8>)],
    ) -> Result<(), RecordsError> {
        let partial = id.partial(&self.spec.folder);
        let written = self.write_partial(id, &partial, files);
        if written.is_err() {
            self.trash.push(id);
            // The next record tries again.
            self.sweep().unwrap_or_default();
        }
        written
    }

    fn write_partial(
        &mut self,
        id: RecordId,
        partial: &Path,
        files: &[(&'static str, Vec<u8>)],
    ) -> Result<(), RecordsError> {
        let disk = &mut self.disk;
        disk.create_folder(partial)
            .map_err(RecordsError::write(partial))?;
        for (name, bytes) in files {
            let path = partial.join(name);
            disk.write_file(&path, bytes)
                .and_then(|()| disk.sync(&path))
                .map_err(RecordsError::write(&path))?;
        }
        disk.sync(partial).map_err(RecordsError::write(partial))?;
        let path = id.folder(&self.spec.folder);
        disk.rename(partial, &path)
            .map_err(RecordsError::write(&path))
    }

    fn is_over(&self) -> bool {
        self.kept.len() > self.spec.keep_parts || self.bytes > self.spec.keep_bytes
    }

    /// Deletes until nothing is over a limit; the newest record stays if it was just written.
    fn prune(&mut self, spare_newest: bool) -> Result<(), RecordsError> {
        while self.is_over() && self.delete_next(spare_newest)? {}
        Ok(())
    }

    /// Deletes the record that is the next to go; whether there was one.
    fn delete_next(&mut self, spare_newest: bool) -> Result<bool, RecordsError> {
        loop {
            let Some(place) = self.victim(spare_newest) else {
                return Ok(false);
            };
            let Some(kept) = self.kept.get_mut(place) else {
                return Ok(false);
            };
            let path = kept.id.folder(&self.spec.folder);
            let found = own_files(&path);
            if let Some((_, true)) = found
                && !kept.is_marked
            {
                // Somebody has reviewed it since: it may not be its turn any more.
                kept.is_marked = true;
                self.marked += 1;
                continue;
            }
            let Kept {
                id,
                bytes,
                is_marked,
            } = *kept;
            let is_own = found.is_some();
            if is_own {
                let trash = id.trash(&self.spec.folder);
                self.disk
                    .rename(&path, &trash)
                    .map_err(RecordsError::write(&path))?;
                self.trash.push(id);
            } else if path.symlink_metadata().is_ok() {
                log::warn!(
                    "{}: somebody keeps something else in it; it is left alone from now on",
                    path.display()
                );
            }
            self.kept.remove(place);
            self.bytes = self.bytes.saturating_sub(bytes);
            self.marked -= usize::from(is_marked);
            if is_own {
                // Else a power cut could leave the old name, and files behind it already gone.
                let folder = &self.spec.folder;
                self.disk
                    .sync(folder)
                    .map_err(RecordsError::write(folder))?;
            }
            self.sweep()?;
            return Ok(true);
        }
    }

    /// The place of the record that is the next to go: the oldest that nobody has reviewed. Of reviewed
    /// ones so many are spared as are half of all that may be kept, lest new ones find no room.
    fn victim(&self, spare_newest: bool) -> Option<usize> {
        let candidates = self.kept.len().checked_sub(usize::from(spare_newest))?;
        if self.marked <= self.spec.keep_parts / 2
            && let Some(unmarked) = self
                .kept
                .iter()
                .take(candidates)
                .position(|kept| !kept.is_marked)
        {
            return Some(unmarked);
        }
        (candidates > 0).then_some(0)
    }

    /// Removes what is half written or half deleted, as far as it is ours.
    fn sweep(&mut self) -> Result<(), RecordsError> {
        let (disk, folder) = (&mut self.disk, &self.spec.folder);
        let mut failed = None;
        self.trash.retain(|id| {
            let mut remains = false;
            for path in [id.partial(folder), id.trash(folder)] {
                if let Err(source) = remove(disk, &path) {
                    failed = Some(RecordsError::Write { path, source });
                    remains = true;
                }
            }
            remains
        });
        failed.map_or(Ok(()), Err)
    }
}

/// The system takes it back when the process ends, however it ends.
fn lock(folder: &Path) -> Result<fs_err::File, RecordsError> {
    let path = folder.join(LOCK_FILE);
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.open(&path).map_err(RecordsError::write(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RecordsError::InUse {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(RecordsError::Write { path, source }),
    }
}
