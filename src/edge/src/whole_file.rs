//! Files that stand under their name as a whole or not at all. They need not survive a power cut, but for those
//! that are [`replace`]d; what else must is `twinspect_store`'s.

use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::process;

/// Writes a file, in the place of another one if there is one.
///
/// # Errors
/// What the system says; what stood there stands there still.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(path, |partial| fs_err::write(partial, bytes))
}

/// Puts other bytes into a file that a person has written: with its owner and rights, behind the link that leads to it, and on the
/// disk before the old ones are gone.
///
/// # Errors
/// What the system says; what stood there stands there still.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &fs_err::canonicalize(path)?;
    let old = fs_err::metadata(path)?;
    write_beside(path, |partial| {
        let mut file = fs_err::File::create(partial)?;
        file.write_all(bytes)?;
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
            fchown(file.file(), Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())?;
        file.sync_all()
    })
}

/// How many names are tried that others have taken.
const NAMES_MAX: u32 = 100;

/// A new file beside the one that is meant: what lies there under such a name may be somebody's.
fn new_beside(path: &Path) -> io::Result<PathBuf> {
    let mut taken = None;
    for number in 0..NAMES_MAX {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        match number {
            0 => name.push(".partial"),
            _ => name.push(format!(".{}-{number}.partial", process::id())),
        }
        let partial = path.with_file_name(name);
        match fs_err::File::create_new(&partial) {
            Ok(_empty) => return Ok(partial),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(taken.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
}

/// Writes under another name in the same folder, then renames. What a full disk leaves is removed.
fn write_beside(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let partial = new_beside(path)?;
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
    fn what_has_the_name_of_a_file_that_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("belt.png");
        let other = folder.path().join("belt.png.partial");
        std::fs::write(&other, b"somebody's").unwrap();
        write(&path, b"a picture").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a picture");
        assert_eq!(std::fs::read(&other).unwrap(), b"somebody's");
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn a_replaced_file_keeps_its_rights_and_the_link_that_leads_to_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("left.toml"), folder.path().join("link"));
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        replace(&folder.path().join("nowhere"), b"new").unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
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
