//! The few things that the store asks of a file system, and the real one.
//!
//! They are a trait so that a test can cut the power between any two of them. What each must do to survive
//! that is the store's business: nothing here syncs by itself.

use std::error::Error;
use std::fmt;
use std::fs::{File, FileType, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

use rustix::fs::OFlags;
use twinspect_bundle::{Bundle, BundleError};
use twinspect_dataset::file_kind;

/// Bits that every folder of the store gets: all members of its group install, activate and prune.
const FOLDER_MODE: u32 = 0o775;
/// A station reads what somebody else has installed, whatever that person's mask is.
const FILE_MODE: u32 = 0o644;
/// So often a lock is tried whose holder has gone before the kernel's table was read.
const LOCK_TRIES: usize = 3;

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The name, without its folder; what is no UTF-8 is changed and can't be opened by this name.
    pub name: String,
    /// Whether it is a folder; a link is none.
    pub is_folder: bool,
}

/// What became of the attempt to take a lock.
#[derive(Debug)]
pub enum Taken<L> {
    /// It is ours until this is dropped.
    Ours(L),
    /// Somebody has it: the process, if the kernel tells.
    ByAnother(Option<u32>),
}

/// What lies in the place of a file of the store, and is opened otherwise or not at all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Irregular {
    /// For people, as `a pipe`.
    pub(super) found: &'static str,
    /// A rename puts nothing in the place of a folder.
    pub(super) is_folder: bool,
}

impl fmt::Display for Irregular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is {} and no plain file", self.found)
    }
}

impl Error for Irregular {}

/// A file system, as far as the store needs one. All errors are those of the operating system.
pub trait FileSystem {
    /// A file that was written and not yet made durable.
    type Written;
    /// A lock that lasts as long as this.
    type Lock;

    /// Makes a folder whose parent exists.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Writes a whole file, new or in the place of another one.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<Self::Written>;
    /// Makes a file's content survive a power cut.
    fn sync_file(&self, file: Self::Written) -> io::Result<()>;
    /// Makes the names in a folder survive a power cut.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Gives another name to a file, in the place of another one if there is one, or to a folder. Both names
    /// are in one folder.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in any order.
    fn list(&self, path: &Path) -> io::Result<Vec<Named>>;
    /// A file's content, of which `most` bytes are enough.
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>>;
    /// When a file or a folder was changed, in seconds since 1970.
    fn changed_s(&self, path: &Path) -> io::Result<u64>;
    /// Reads the folder of a bundle and checks all of it.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    fn open_bundle(&self, path: &Path) -> Result<Bundle, BundleError>;
    /// Takes a lock on a file, which is made if need be, without waiting.
    fn try_lock(&self, path: &Path) -> io::Result<Taken<Self::Lock>>;
    /// Takes a lock, and waits for it. Holders of the store's lock write a few files and let go.
    fn lock(&self, path: &Path) -> io::Result<Self::Lock>;
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl FileSystem for Disk {
    type Written = fs_err::File;
    type Lock = LockedFile;

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs_err::create_dir(path)?;
        let mode = path.metadata()?.permissions().mode();
        // Folders inherit the set-group-ID bit, which must stay.
        if mode & FOLDER_MODE != FOLDER_MODE {
            fs_err::set_permissions(path, Permissions::from_mode(mode | FOLDER_MODE))?;
        }
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<fs_err::File> {
        let there = path.symlink_metadata();
        if there.is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            // A pipe would wait for a reader, and a link leads elsewhere.
            fs_err::remove_file(path)?;
        }
        let mut file = fs_err::File::create(path)?;
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
        file.write_all(bytes)?;
        Ok(file)
    }

    fn sync_file(&self, file: fs_err::File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs_err::File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs_err::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs_err::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs_err::remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Named>> {
        let entries = fs_err::read_dir(path)?;
        entries
            .map(|entry| {
                let entry = entry?;
                Ok(Named {
                    name: entry.file_name().to_string_lossy().into_owned(),
                    is_folder: entry.file_type()?.is_dir(),
                })
            })
            .collect()
    }

    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = open_plain(path, File::options().read(true))?;
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn changed_s(&self, path: &Path) -> io::Result<u64> {
        let changed = path.symlink_metadata()?.modified()?;
        Ok(changed
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()))
    }

    fn open_bundle(&self, path: &Path) -> Result<Bundle, BundleError> {
        Bundle::open(path)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Taken<LockedFile>> {
        let file = lock_file(path)?;
        let inode = file.metadata()?.ino();
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Taken::Ours(LockedFile(file))),
                Err(TryLockError::WouldBlock) => {
                    // Who is in no line of it has let go meanwhile.
                    if let Some(holder) = lock_holder(inode) {
                        return Ok(Taken::ByAnother(Some(holder)));
                    }
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(Taken::ByAnother(None))
    }

    fn lock(&self, path: &Path) -> io::Result<LockedFile> {
        let file = lock_file(path)?;
        file.lock()?;
        Ok(LockedFile(file))
    }
}

/// A lock that is let go of for good when this is dropped. Closing the file is not enough: a process that another thread starts
/// at that moment has it too until it begins its program, and the lock lasts as long as the last of them.
#[derive(Debug)]
pub struct LockedFile(File);

impl Drop for LockedFile {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            log::debug!("a lock goes with its file: {error}");
        }
    }
}

/// Whoever may read the file may lock it; only the first one makes it.
fn lock_file(path: &Path) -> io::Result<File> {
    match open_plain(path, File::options().read(true)) {
        Err(error) if error.kind() == ErrorKind::NotFound => File::options()
            .append(true)
            .create(true)
            .custom_flags(neither_waits_nor_follows())
            .open(path),
        opened => opened,
    }
}

/// Opens a file and nothing else: a pipe would wait for whoever is at its other end, and a link leads out of the store.
fn open_plain(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    require_plain(path.symlink_metadata()?.file_type())?;
    let file = options
        .custom_flags(neither_waits_nor_follows())
        .open(path)?;
    // It may have been replaced in between.
    require_plain(file.metadata()?.file_type())?;
    Ok(file)
}

fn neither_waits_nor_follows() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32
}

fn require_plain(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    let irregular = Irregular {
        found: match kind.is_symlink() {
            true => "a link",
            false => file_kind(kind),
        },
        is_folder: kind.is_dir(),
    };
    Err(io::Error::new(ErrorKind::InvalidInput, irregular))
}

/// The process that has locked a file (`flock`), if the kernel tells.
pub fn lock_holder(inode: u64) -> Option<u32> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| holder_in(line, inode))
}

/// A line of `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 4711 fe:01:1573064 0 EOF`. Who waits for a
/// lock has `->` after the number.
fn holder_in(line: &str, inode: u64) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    if (words.next(), words.next(), words.next())
        != (Some("FLOCK"), Some("ADVISORY"), Some("WRITE"))
    {
        return None;
    }
    let process: u32 = words.next()?.parse().ok()?;
    let locked: u64 = words.next()?.rsplit(':').next()?.parse().ok()?;
    // 0: a process that can't be seen from here.
    (locked == inode && process != 0).then_some(process)
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType as FileKind, Mode, mknodat};

    use super::*;

    #[test]
    fn the_holder_is_read_from_the_kernel_s_table() {
        let line = "1: FLOCK  ADVISORY  WRITE 4711 fe:01:1573064 0 EOF";
        assert_eq!(holder_in(line, 1_573_064), Some(4_711));
        assert_eq!(holder_in(line, 1), None);
        let waiting = "1: -> FLOCK  ADVISORY  WRITE 4711 fe:01:1573064 0 EOF";
        assert_eq!(holder_in(waiting, 1_573_064), None);
        let shared = "1: FLOCK  ADVISORY  READ 4711 fe:01:1573064 0 EOF";
        assert_eq!(holder_in(shared, 1_573_064), None);
        assert_eq!(holder_in("nonsense", 1), None);
    }

    #[test]
    fn members_of_the_group_may_change_what_others_have_made() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("a");
        Disk.create_folder(&folder).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o775);
        let file = folder.join("b");
        Disk.sync_file(Disk.write(&file, b"1").unwrap()).unwrap();
        assert_eq!(mode(&file), 0o644);
    }

    #[test]
    fn a_link_is_neither_listed_as_a_folder_nor_read() {
        let temporary = tempfile::tempdir().unwrap();
        let link = temporary.path().join("link");
        std::os::unix::fs::symlink("/", &link).unwrap();
        let listed = Disk.list(temporary.path()).unwrap();
        assert_eq!(listed.len(), 1);
        assert!(!listed[0].is_folder);
        assert_eq!(
            Disk.read(&link, 1).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }

    #[test]
    fn neither_a_pipe_nor_a_link_is_opened_or_written_through() {
        let temporary = tempfile::tempdir().unwrap();
        let path = |name: &str| temporary.path().join(name);
        std::os::unix::fs::symlink(path("elsewhere"), path("link")).unwrap();
        mknodat(CWD, path("pipe"), FileKind::Fifo, Mode::RWXU, 0).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        for name in ["link", "pipe", "folder"] {
            let read = Disk.read(&path(name), 1).unwrap_err();
            assert_eq!(read.kind(), ErrorKind::InvalidInput, "{name}");
            let locked = Disk.try_lock(&path(name)).unwrap_err();
            assert_eq!(locked.kind(), ErrorKind::InvalidInput, "{name}");
            let waited = Disk.lock(&path(name)).unwrap_err();
            assert_eq!(waited.kind(), ErrorKind::InvalidInput, "{name}");
        }
        for name in ["link", "pipe"] {
            drop(Disk.write(&path(name), b"1").unwrap());
            assert_eq!(Disk.read(&path(name), 9).unwrap(), b"1", "{name}");
        }
        assert!(!path("elsewhere").exists());
    }
}
