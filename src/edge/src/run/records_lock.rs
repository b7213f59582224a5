//! One station a folder of records: two would write and delete each other's pictures.
//!
//! The line process holds the lock for as long as the station runs, so that it is refused before
//! the first part, and inspect processes come and go under it. The system takes the lock back when
//! the process ends, however it ends.

use std::fs::TryLockError;
use std::path::Path;

use crate::error::EdgeError;

/// The file that is locked. It is empty, and stays.
pub(super) const LOCK_FILE: &str = ".twinspect.lock";

/// A folder of records that no other station writes into.
#[derive(Debug)]
pub(super) struct RecordsLock {
    _file: fs_err::File,
}

impl RecordsLock {
    /// Makes the folder, and claims it.
    ///
    /// # Errors
    /// [`EdgeError::RecordsInUse`] if another station has done so, [`EdgeError::Store`] if the
    /// folder can't be written into.
    pub(super) fn take(folder: &Path) -> Result<Self, EdgeError> {
        fs_err::create_dir_all(folder).map_err(EdgeError::store(folder))?;
        let path = folder.join(LOCK_FILE);
        let mut options = fs_err::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(EdgeError::store(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(EdgeError::RecordsInUse {
                folder: folder.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(EdgeError::store(&path)(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_station_at_a_time() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("new/records");
        let first = RecordsLock::take(&folder).unwrap();
        let error = RecordsLock::take(&folder).unwrap_err();
        assert!(
            matches!(&error, EdgeError::RecordsInUse { folder: named } if *named == folder),
            "{error:?}"
        );
        drop(first);
        RecordsLock::take(&folder).unwrap();
    }
}
