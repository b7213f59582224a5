//! Where a recording is written, and where it is when it is whole.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::error::EdgeError;

/// A name that nothing has yet, and another one beside it.
#[derive(Debug)]
pub(super) struct Places {
    file: PathBuf,
    /// It has the same ending, by which the library knows what to write.
    partial: PathBuf,
}

impl Places {
    /// # Errors
    /// [`EdgeError::RecordingExists`] if one of the names is taken.
    pub(super) fn new(file: &Path) -> Result<Self, EdgeError> {
        let mut name = OsString::from(file.file_stem().unwrap_or_default());
        name.push(".partial");
        if let Some(ending) = file.extension() {
            name.push(".");
            name.push(ending);
        }
        let places = Self {
            file: file.to_owned(),
            partial: file.with_file_name(name),
        };
        for path in [&places.file, &places.partial] {
            if path.symlink_metadata().is_ok() {
                return Err(EdgeError::RecordingExists { path: path.clone() });
            }
        }
        Ok(places)
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn partial(&self) -> &Path {
        &self.partial
    }

    /// The folder of both.
    pub(super) fn folder(&self) -> &Path {
        match self.file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// What was written is whole, and gets its name if nobody else has taken it meanwhile.
    pub(super) fn finish(&self) -> Result<(), EdgeError> {
        let (file, partial) = (&self.file, &self.partial);
        let kept = |source| {
            self.tell_of_remains();
            EdgeError::store(file)(source)
        };
        fs_err::File::open(partial)
            .and_then(|written| written.sync_all())
            .map_err(kept)?;
        match renameat_with(CWD, partial, CWD, file, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::EXIST) => Err(EdgeError::RecordingExists { path: file.clone() }),
            // Not every file system can promise it: FAT on a stick can't.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                if file.symlink_metadata().is_ok() {
                    return Err(EdgeError::RecordingExists { path: file.clone() });
                }
                fs_err::rename(partial, file).map_err(kept)
            }
            Err(error) => Err(kept(io::Error::from(error))),
        }
    }

    /// Says where that lies which is not whole.
    pub(super) fn tell_of_remains(&self) {
        if self.partial.exists() {
            log::warn!("what was recorded lies in {}", self.partial.display());
        }
    }

    /// Nothing was written that anybody would want.
    pub(super) fn remove(&self) {
        if let Err(error) = fs_err::remove_file(&self.partial) {
            log::debug!("{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_stays_and_taken_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("belt.2.bag");
        let places = Places::new(&file).unwrap();
        let partial = folder.path().join("belt.2.partial.bag");
        assert_eq!(places.partial(), partial);
        assert_eq!(places.folder(), folder.path());
        for taken in [&file, &partial] {
            std::fs::write(taken, "somebody's").unwrap();
            let error = Places::new(&file).unwrap_err();
            assert!(error.to_string().contains(&taken.display().to_string()));
            std::fs::remove_file(taken).unwrap();
        }
        assert_eq!(
            Places::new(Path::new("belt.bag")).unwrap().folder(),
            Path::new(".")
        );
    }

    #[test]
    fn what_is_whole_gets_its_name_unless_somebody_has_taken_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("belt.bag");
        let places = Places::new(&file).unwrap();
        std::fs::write(places.partial(), "new").unwrap();
        std::fs::write(&file, "somebody's").unwrap();
        assert!(places.finish().is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "somebody's");
        assert_eq!(std::fs::read_to_string(places.partial()).unwrap(), "new");
        std::fs::remove_file(&file).unwrap();
        places.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert!(!places.partial().exists());
    }
}
