//! Files that stand under their name as a whole or not at all. They need not survive a power cut; what must is
//! `twinspect_store`'s.

use std::io;
use std::path::Path;

/// Writes a file, in the place of another one if there is one.
///
/// # Errors
/// What the system says; what stood there stands there still.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(path, |partial| fs_err::write(partial, bytes))
}

/// Writes under another name in the same folder, then renames. What a full disk leaves is removed.
fn write_beside(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let written = write(&partial).and_then(|()| fs_err::rename(&partial, path));
    if written.is_err()
        && let Err(error) = fs_err::remove_file(&partial)
    {
        log::debug!("removing what was written: {error}");
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_full_disk_leaves_nothing_and_keeps_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.png");
        let full = |partial: &Path| {
            std::fs::write(partial, b"half of a pict")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        write_beside(&path, full).unwrap_err();
        assert!(names(folder.path()).is_empty());
        std::fs::write(&path, b"the old one").unwrap();
        write_beside(&path, full).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"the old one");
        assert_eq!(names(folder.path()), ["part.png"]);
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_one_that_can_t_be_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("left.prom");
        write(&path, b"one\n").unwrap();
        write(&path, b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
        let taken = folder.path().join("taken.prom");
        std::fs::create_dir_all(taken.join("by a folder")).unwrap();
        write(&taken, b"one\n").unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
