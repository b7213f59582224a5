//! How much room is left where a station writes.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::control::Folders;

/// Room of the file system that a folder lies on. Names are for scripts and stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Disk {
    /// `records` or `models`.
    pub(crate) what: &'static str,
    pub(crate) folder: PathBuf,
    /// For others than root.
    pub(crate) free_bytes: u64,
    pub(crate) all_bytes: u64,
}

/// Less room than this share of a disk, or ...
const FREE_SHARE_MIN: f64 = 0.05;
/// ... than this is too little.
const FREE_BYTES_MIN: u64 = 200 << 20;

impl Disk {
    /// Whether there is too little room.
    pub(crate) fn is_short(&self) -> bool {
        let share = self.free_bytes as f64 / self.all_bytes.max(1) as f64;
        share < FREE_SHARE_MIN || self.free_bytes < FREE_BYTES_MIN
    }

    /// Those of a station's folders. One that can't be asked is absent.
    pub(crate) fn of(folders: &Folders) -> Vec<Self> {
        let asked = [("records", &folders.records), ("models", &folders.models)];
        asked
            .into_iter()
            .filter_map(|(what, folder)| Self::read(what, folder.as_deref()?))
            .collect()
    }

    /// Of a folder, or of the nearest one around it that is there.
    pub(crate) fn read(what: &'static str, folder: &Path) -> Option<Self> {
        let there = folder.ancestors().find(|path| path.exists())?;
        let found = rustix::fs::statvfs(there).ok()?;
        Some(Self {
            what,
            folder: folder.to_owned(),
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
            all_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_the_one_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let disks = Disk::of(&Folders {
            records: Some(folder.path().join("new/records")),
            models: None,
        });
        assert_eq!(disks.len(), 1);
        assert_eq!(disks[0].what, "records");
        assert!(disks[0].all_bytes >= disks[0].free_bytes && disks[0].all_bytes > 0);
    }
}
