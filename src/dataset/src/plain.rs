//! Plain files, and what lies in their places.

use std::fs::FileType;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::DatasetError;
use crate::layout::Layout;

/// The path, if a plain file or a link to one lies there; none if nothing does.
///
/// # Errors
/// [`DatasetError::NotAFile`] for anything else: opening a pipe would wait for somebody who writes into it.
pub(crate) fn plain_file(path: PathBuf) -> Result<Option<PathBuf>, DatasetError> {
    match fs_err::metadata(&path) {
        Ok(found) if found.is_file() => Ok(Some(path)),
        Ok(found) => Err(DatasetError::NotAFile {
            found: file_kind(found.file_type()),
            path,
        }),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(DatasetError::ReadingFile { path, source }),
    }
}

/// Of a file that belongs to one that is there: it is missing, or no file.
pub(crate) fn lacking(layout: Layout, present: &Path, missing: PathBuf) -> DatasetError {
    match fs_err::symlink_metadata(&missing) {
        Ok(found) if !found.is_file() => DatasetError::NotAFile {
            found: file_kind(found.file_type()),
            path: missing,
        },
        _ => DatasetError::MissingCompanion {
            layout,
            present: present.to_owned(),
            missing,
        },
    }
}

/// What lies there, for people: "a pipe". A link is told as one that leads to no file: others have been followed.
pub fn file_kind(found: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if found.is_fifo() {
            return "a pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
        if found.is_char_device() || found.is_block_device() {
            return "a device";
        }
    }
    if found.is_file() {
        "a file"
    } else if found.is_dir() {
        "a folder"
    } else if found.is_symlink() {
        "a link that leads to no file"
    } else {
        "something else"
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use super::*;

    fn kind_of(path: &Path) -> &'static str {
        file_kind(std::fs::metadata(path).unwrap().file_type())
    }

    #[test]
    fn everything_has_its_name() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kind_of(folder.path()), "a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(kind_of(&file), "a file");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(kind_of(&link), "a file");
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(kind_of(&socket), "a socket");
        assert_eq!(kind_of(Path::new("/dev/null")), "a device");
    }
}
