//! A recording as a file, looked at before the library gets it.
//!
//! The library waits without end for a pipe, reads a device as if it were a file, and says of a file that nobody may
//! read only that it could not be opened.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::bag;
use super::error::RealSenseError;
use super::recording::Beside;
use twinspect_dataset::file_kind;

/// The beginning of a file of SQLite, by which all its pages are described.
const HEADER_BYTES: usize = 100;
const SQLITE: &[u8] = b"SQLite format 3\0";

/// What a recording is, whatever its name ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Bytes of the format 2.0 of ROS.
    Bag,
    /// A file of SQLite, as releases of the library from 2.58 on write.
    Db3,
}

impl Content {
    /// By the first bytes; `None` of another file, and of one that can't be read.
    pub(super) fn of(path: &Path) -> Option<Self> {
        // A pipe would be waited for.
        let is_file = std::fs::metadata(path).is_ok_and(|found| found.is_file());
        let opened = is_file.then(|| File::open(path).ok()).flatten()?;
        let mut first = Vec::with_capacity(SQLITE.len());
        opened
            .take(SQLITE.len() as u64)
            .read_to_end(&mut first)
            .ok()?;
        if first.starts_with(SQLITE) {
            Some(Self::Db3)
        } else if first.starts_with(bag::MAGIC) {
            Some(Self::Bag)
        } else {
            None
        }
    }

    /// How names of such files end.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Bag => "bag",
            Self::Db3 => "db3",
        }
    }
}

/// Whether a release of the library plays such a file, by what it writes itself: all play bags, and files of SQLite those that
/// write them.
pub(super) fn check_release(
    path: &Path,
    writes: &str,
    version: impl Display,
) -> Result<(), RealSenseError> {
    if writes == Content::Db3.ending() || Content::of(path) != Some(Content::Db3) {
        return Ok(());
    }
    Err(RealSenseError::TooNew {
        file: path.display().to_string(),
        version: version.to_string(),
    })
}

/// Whether it is a file that can be read, and has its end.
pub(super) fn check(path: &Path) -> Result<(), RealSenseError> {
    let file = path.display().to_string();
    let unreadable = |source| RealSenseError::Unreadable {
        file: file.clone(),
        source,
    };
    let kind = std::fs::metadata(path).map_err(unreadable)?.file_type();
    if !kind.is_file() {
        return Err(RealSenseError::NoFile {
            file,
            found: file_kind(kind),
        });
    }
    let opened = File::open(path).map_err(unreadable)?;
    let found = opened.metadata().map_err(unreadable)?.len();
    let mut header = Vec::with_capacity(HEADER_BYTES);
    opened
        .take(HEADER_BYTES as u64)
        .read_to_end(&mut header)
        .map_err(unreadable)?;
    match bytes_told(&header) {
        Some(wanted) if found < wanted && !has_log(path) => Err(RealSenseError::CutOff {
            file,
            found,
            wanted,
        }),
        _ => Ok(()),
    }
}

/// Bytes that a file of SQLite must have, if it says so.
/// By [its format](https://www.sqlite.org/fileformat.html), section 1.3: big-endian, the size of a page at 16 (1 stands
/// for 65536), the number of pages at 28, which holds only if the numbers at 24 and at 92 are equal.
fn bytes_told(header: &[u8]) -> Option<u64> {
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    if !header.starts_with(SQLITE) || number(24)? != number(92)? {
        return None;
    }
    let page = match number(16)? >> 16 {
        1 => 65_536,
        page if (512..=32_768).contains(&page) && page.is_power_of_two() => page,
        _ => return None,
    };
    Some(u64::from(page) * u64::from(number(28)?))
}

/// Whether SQLite has something beside the file that is no part of it yet.
fn has_log(path: &Path) -> bool {
    Beside::of(path)
        .logs
        .iter()
        .any(|log| std::fs::metadata(log).is_ok_and(|found| found.len() > 0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    /// The beginning of a database of so many pages.
    fn header(page: u16, pages: u32) -> Vec<u8> {
        let mut header = vec![0; HEADER_BYTES];
        header[..SQLITE.len()].copy_from_slice(SQLITE);
        header[16..18].copy_from_slice(&page.to_be_bytes());
        header[24..28].copy_from_slice(&7_u32.to_be_bytes());
        header[28..32].copy_from_slice(&pages.to_be_bytes());
        header[92..96].copy_from_slice(&7_u32.to_be_bytes());
        header
    }

    fn written(folder: &Path, bytes: &[u8]) -> PathBuf {
        let path = folder.join("belt.db3");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn a_database_says_how_long_it_is() {
        assert_eq!(bytes_told(&header(4096, 3)), Some(12_288));
        assert_eq!(bytes_told(&header(1, 2)), Some(131_072));
        assert_eq!(bytes_told(&header(4095, 3)), None, "no page has that size");
        let mut old = header(4096, 3);
        old[95] += 1;
        assert_eq!(bytes_told(&old), None, "an old program wrote last");
        assert_eq!(bytes_told(&header(4096, 3)[..99]), Some(12_288));
        assert_eq!(bytes_told(&header(4096, 3)[..90]), None);
        assert_eq!(bytes_told(b"#ROSBAG V2.0\n"), None);
    }

    #[test]
    fn a_database_without_its_end_is_refused_with_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = header(512, 2);
        bytes.resize(1024, 0);
        let path = written(folder.path(), &bytes);
        check(&path).unwrap();
        let path = written(folder.path(), &bytes[..1023]);
        let error = check(&path).unwrap_err();
        assert!(
            error.to_string().contains("has 1023 bytes, of 1024"),
            "{error}"
        );
        let hint = error.hint().unwrap();
        assert!(
            hint.contains("copy it again")
                && hint.contains("sqlite3 FILE 'pragma integrity_check'"),
            "{hint}"
        );
        assert!(!error.may_pass());
        // The rest may be beside it: then the library puts it in.
        std::fs::write(folder.path().join("belt.db3-wal"), "pages").unwrap();
        check(&path).unwrap();
    }

    #[test]
    fn a_file_that_this_release_does_not_know_is_told_with_the_release_that_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), &header(512, 2));
        let error = check_release(&path, "bag", "2.57.7").unwrap_err();
        let told = error.to_string();
        assert!(
            told.ends_with("belt.db3: librealsense 2.57.7 can't play .db3 files"),
            "{told}"
        );
        let hint = error.hint().unwrap();
        assert!(hint.contains("2.58") && hint.contains(".bag"), "{hint}");
        assert!(error.is_of_the_file() && !error.may_pass());
        check_release(&path, "db3", "2.58.0").unwrap();
        // It goes by what is in it.
        let path = written(folder.path(), b"#ROSBAG V2.0\n and more");
        check_release(&path, "bag", "2.57.7").unwrap();
        assert_eq!(Content::of(&path), Some(Content::Bag));
        assert_eq!(Content::of(&folder.path().join("absent.db3")), None);
    }

    #[test]
    fn what_is_no_file_is_refused_by_its_kind_before_anybody_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.db3");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        for (path, what) in [
            (pipe.as_path(), "a pipe"),
            (Path::new("/dev/zero"), "a device"),
            (folder.path(), "a folder"),
        ] {
            let error = check(path).unwrap_err();
            let told = error.to_string();
            assert!(
                told.contains(&path.display().to_string()) && told.contains(what),
                "{told}"
            );
            assert!(error.hint().is_some() && !error.may_pass());
        }
    }

    #[test]
    fn a_file_that_nobody_may_read_or_that_is_not_there_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let absent = check(&folder.path().join("absent.db3")).unwrap_err();
        assert!(absent.hint().unwrap().contains("camera.file"), "{absent}");
        let path = written(folder.path(), b"whatever");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
        // Nothing is forbidden to root.
        if let Err(error) = check(&path) {
            let hint = error.hint().unwrap();
            assert!(hint.contains("allowed to read"), "{hint}");
        }
        let source = std::io::ErrorKind::PermissionDenied.into();
        let file = "belt.db3".to_owned();
        let refused = RealSenseError::Unreadable { file, source };
        assert!(refused.hint().unwrap().contains("allowed to read"));
    }
}
