//! One station, one process: whoever runs a configuration holds a lock on its file.
//!
//! The kernel lets go of it when the process ends, however it ends. An editor may put another file in
//! the place of the locked one: [`StationLock::follow`] takes that one too, and the file's path is held as a name.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

use twinspect_store::models::lock_holder;

use crate::error::EdgeError;

/// Of a path, in a socket's name, which has 107 bytes; the end tells stations apart.
const NAME_BYTES_MAX: usize = 96;

/// The lock; it lasts as long as this does.
#[derive(Debug)]
pub(crate) struct StationLock {
    config: PathBuf,
    /// None where the file system knows no locks.
    file: Option<File>,
    /// Held for its name alone, which stays when another file is put into the place of the locked one. None
    /// where the system gives none.
    _name: Option<UnixListener>,
}

impl StationLock {
    /// Takes the lock of a configuration.
    ///
    /// # Errors
    /// [`EdgeError::StationTaken`] if another process has it.
    pub(crate) fn take(config: &Path) -> Result<Self, EdgeError> {
        let file = lock(config)?;
        Ok(Self {
            config: config.to_owned(),
            file,
            _name: claim(config)?,
        })
    }

    /// Takes the lock of the file that lies there now, if that is another one.
    ///
    /// # Errors
    /// As [`Self::take`]; the earlier lock stays then.
    pub(super) fn follow(&mut self) -> Result<(), EdgeError> {
        let place = |file: std::fs::Metadata| (file.dev(), file.ino());
        let held = self.file.as_ref().and_then(|file| file.metadata().ok());
        let there = std::fs::metadata(&self.config).ok();
        if held.map(place) != there.map(place) {
            self.file = lock(&self.config)?;
        }
        Ok(())
    }
}

fn lock(config: &Path) -> Result<Option<File>, EdgeError> {
    let unlocked = |error: std::io::Error| {
        log::warn!(
            "{} can't be locked, so a second station with it would not be noticed: {error}",
            config.display()
        );
        Ok(None)
    };
    let file = match File::open(config) {
        Ok(file) => file,
        Err(error) => return unlocked(error),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(EdgeError::StationTaken {
            config: config.to_owned(),
            holder: file
                .metadata()
                .ok()
                .and_then(|file| lock_holder(file.ino())),
        }),
        Err(TryLockError::Error(error)) => unlocked(error),
    }
}

/// A name in the kernel, which is gone with the process.
fn claim(config: &Path) -> Result<Option<UnixListener>, EdgeError> {
    let path = std::fs::canonicalize(config).unwrap_or_else(|_| config.to_owned());
    let path = path.as_os_str().as_bytes();
    let name = [
        b"twinspect/",
        &path[path.len().saturating_sub(NAME_BYTES_MAX)..],
    ]
    .concat();
    let claimed =
        SocketAddr::from_abstract_name(name).and_then(|name| UnixListener::bind_addr(&name));
    match claimed {
        Ok(name) => Ok(Some(name)),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(EdgeError::StationTaken {
            config: config.to_owned(),
            holder: None,
        }),
        Err(error) => {
            log::debug!("no name for {}: {error}", config.display());
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(config: &Path) -> bool {
        matches!(
            StationLock::take(config),
            Err(EdgeError::StationTaken { .. })
        )
    }

    #[test]
    fn a_station_is_held_once_and_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("station.toml");
        std::fs::write(&config, b"").unwrap();
        let lock = StationLock::take(&config).unwrap();
        assert!(is_taken(&config));
        drop(lock);
        assert!(!is_taken(&config));
    }

    #[test]
    fn the_lock_follows_a_file_that_an_editor_has_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("station.toml");
        std::fs::write(&config, b"").unwrap();
        let mut lock = StationLock::take(&config).unwrap();
        lock.follow().unwrap();
        let new = folder.path().join("new.toml");
        std::fs::write(&new, b"").unwrap();
        std::fs::rename(&new, &config).unwrap();
        lock.follow().unwrap();
        assert!(is_taken(&config));
    }
}
