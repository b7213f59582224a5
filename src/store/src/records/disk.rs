//! What the ring asks of a file system, so that tests can have one that fails at each request.

use std::io::{self, Write};
use std::path::Path;

/// Changes of a file system, one request each.
pub trait Disk {
    /// Makes one folder, which must not exist.
    ///
    /// # Errors
    /// What the system says.
    fn create_folder(&mut self, path: &Path) -> io::Result<()>;

    /// Writes a file that must not exist. It need not survive a power cut yet.
    ///
    /// # Errors
    /// What the system says; a part of the file may be there then.
    fn write_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Forces a file, or a folder's list of names, to the disk.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&mut self, path: &Path) -> io::Result<()>;

    /// Gives a file or folder another name, at once.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove_file(&mut self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    ///
    /// # Errors
    /// What the system says, also if something lies in it.
    fn remove_folder(&mut self, path: &Path) -> io::Result<()>;

    /// Bytes that this user may still write.
    ///
    /// # Errors
    /// What the system says.
    fn free_bytes(&mut self, path: &Path) -> io::Result<u64>;
}

/// The one of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        fs_err::create_dir(path)
    }

    fn write_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = fs_err::OpenOptions::new();
        let mut file = options.write(true).create_new(true).open(path)?;
        file.write_all(bytes)
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        // A file that is open for reading is synced as well as one that is open for writing.
        fs_err::File::open(path)?.sync_all()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs_err::rename(from, to)
    }

    fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        fs_err::remove_file(path)
    }

    fn remove_folder(&mut self, path: &Path) -> io::Result<()> {
        fs_err::remove_dir(path)
    }

    fn free_bytes(&mut self, path: &Path) -> io::Result<u64> {
        let told = rustix::fs::statvfs(path)?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }
}
