//! What a name on the disk is, if it is no plain file.

use std::fs::FileType;
use std::os::unix::fs::FileTypeExt;

/// For people: "a pipe". A link has been followed.
pub(crate) fn file_kind(kind: FileType) -> &'static str {
    if kind.is_file() {
        "a file"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
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
