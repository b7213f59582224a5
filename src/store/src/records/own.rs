//! What may be deleted: a record's folder with nothing in it but our own files.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::disk::Disk;
use super::name::{RECORD_FILE, REVIEW_FILE, is_ours};
use super::shelf;

/// Bytes of a record's files, and whether it is reviewed; `None` if it is no record that may be deleted.
pub(super) fn own_files(path: &Path) -> Option<(u64, bool)> {
    if !path.symlink_metadata().ok()?.is_dir() {
        return None;
    }
    let (mut bytes, mut is_record, mut is_marked) = (0, false, false);
    for entry in fs_err::read_dir(path).ok()? {
        let entry = entry.ok()?;
        // Of a link this is the link's own.
        let found = entry.metadata().ok()?;
        let name = entry.file_name();
        let name = name.to_str().filter(|name| is_ours(name))?;
        if !found.is_file() {
            return None;
        }
        is_record |= name == RECORD_FILE;
        is_marked |= name == REVIEW_FILE;
        bytes += found.len();
    }
    is_record.then_some((bytes, is_marked))
}

/// Removes our files of a folder, and the folder if nothing else is in it. What is foreign stays.
pub(super) fn remove(disk: &mut impl Disk, path: &Path) -> io::Result<()> {
    if !path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    let mut is_empty = true;
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        let is_own = entry.file_name().to_str().is_some_and(is_ours);
        if is_own && shelf::is_plain(&entry.path()) {
            disk.remove_file(&entry.path())?;
        } else {
            is_empty = false;
        }
    }
    if !is_empty {
        return Ok(());
    }
    match disk.remove_folder(path) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => removed,
    }
}
