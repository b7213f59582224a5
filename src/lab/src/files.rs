//! Files that are there whole or not at all.

use std::io::{self, Write as _};
use std::path::Path;

/// Replaces a file in one piece: an interruption, or a full disk, leaves the old one.
///
/// # Errors
/// What the system said first; nothing new is left beside the file.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let written = write_to_disk(partial, bytes).and_then(|()| fs_err::rename(partial, path));
    if written.is_err() {
        // It may not be there, and the first error is the one that matters.
        std::fs::remove_file(partial).ok();
    }
    written
}

fn write_to_disk(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs_err::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_or_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.toml");
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");

        let full = folder.path().join("full");
        std::fs::create_dir_all(full.join("occupied")).unwrap();
        assert!(replace(&full, b"a file in the place of a folder").is_err());
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["full", "run.toml"]);
    }
}
