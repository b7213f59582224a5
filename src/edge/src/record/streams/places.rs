//! Where a recording is written, and where it is when it is whole.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use twinspect_camera::realsense::Beside;
use twinspect_dataset::file_kind;

use crate::error::EdgeError;

/// A name that nothing has yet, and another one beside it, which is this run's alone from now on: an empty file has it,
/// into whose place each release of the library writes (seen with 2.54.1 to 2.59.1). If it is still empty when this is
/// dropped, it is removed.
#[derive(Debug)]
pub(super) struct Places {
    file: PathBuf,
    /// It has the same ending, by which the library knows what to write.
    partial: PathBuf,
    is_reserved: bool,
}

impl Places {
    /// # Errors
    /// [`EdgeError::Usage`] without a folder for it, [`EdgeError::RecordingExists`] if one of the names is taken, or one that
    /// SQLite would use beside them: it would take what it finds there for a part of the recording. [`EdgeError::Store`] if
    /// nothing can be written there.
    pub(super) fn reserve(file: &Path) -> Result<Self, EdgeError> {
        require_folder(file)?;
        let mut name = OsString::from(file.file_stem().unwrap_or_default());
        name.push(".partial");
        if let Some(ending) = file.extension() {
            name.push(".");
            name.push(ending);
        }
        let partial = file.with_file_name(name);
        // What has its name is told of first: the other one may belong to the same recording.
        free(file)?;
        let beside = [Beside::of(file), Beside::of(&partial)];
        beside.iter().flat_map(Beside::paths).try_for_each(free)?;
        match fs_err::File::create_new(&partial) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(EdgeError::RecordingExists { path: partial });
            }
            Err(error) => return Err(EdgeError::store(&partial)(error)),
        }
        let places = Self {
            file: file.to_owned(),
            partial,
            is_reserved: true,
        };
        // Another run may have named its recording since; from now on none can.
        free(file)?;
        Ok(places)
    }

    pub(super) fn partial(&self) -> &Path {
        &self.partial
    }

    /// The folder of both.
    pub(super) fn folder(&self) -> &Path {
        folder_of(&self.file)
    }

    /// What was written is whole, and gets its name if nobody else has taken it meanwhile.
    ///
    /// # Errors
    /// [`EdgeError::RecordingExists`] and [`EdgeError::Store`]; it has its partial name still.
    pub(super) fn finish(mut self) -> Result<(), EdgeError> {
        self.name().inspect_err(|_| self.tell_of_remains())?;
        self.is_reserved = false;
        // It has its name now, which a power cut may still take from it.
        match fs_err::File::open(self.folder()).and_then(|folder| folder.sync_all()) {
            // Some file systems of a network know no such thing.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                log::debug!("{error}");
                Ok(())
            }
            synced => synced.map_err(EdgeError::store(&self.file)),
        }
    }

    fn name(&self) -> Result<(), EdgeError> {
        let (file, partial) = (&self.file, &self.partial);
        let beside = Beside::of(partial);
        let unfinished = |log: &&PathBuf| length(log).is_some_and(|bytes| bytes > 0);
        if let Some(log) = beside.logs.iter().find(unfinished) {
            let source = io::Error::other(format!(
                "{} belongs to it: the library has not finished it",
                log.display()
            ));
            return Err(EdgeError::store(file)(source));
        }
        beside.paths().for_each(remove);
        fs_err::File::open(partial)
            .and_then(|written| written.sync_all())
            .map_err(EdgeError::store(file))?;
        match renameat_with(CWD, partial, CWD, file, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::EXIST) => Err(EdgeError::RecordingExists { path: file.clone() }),
            // Not every file system can promise it: FAT on a stick can't.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                free(file)?;
                fs_err::rename(partial, file).map_err(EdgeError::store(file))
            }
            Err(error) => Err(EdgeError::store(file)(io::Error::from(error))),
        }
    }

    /// Says where that lies which is not whole.
    pub(super) fn tell_of_remains(&self) {
        if length(&self.partial).is_some_and(|bytes| bytes > 0) {
            log::warn!("what was recorded lies in {}", self.partial.display());
        }
    }

    /// Nothing was written that anybody would want.
    pub(super) fn remove(mut self) {
        self.is_reserved = false;
        remove(&self.partial);
        Beside::of(&self.partial).paths().for_each(remove);
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        if self.is_reserved && length(&self.partial) == Some(0) {
            remove(&self.partial);
        }
    }
}

/// The folder of a file. A name alone lies in the one that the program runs in.
fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Whether there is a folder in which the file could be. What else keeps it from being written, writing tells.
fn require_folder(file: &Path) -> Result<(), EdgeError> {
    let folder = folder_of(file);
    match folder.metadata() {
        Ok(found) if !found.is_dir() => Err(EdgeError::Usage {
            message: format!(
                "{} is {} and no folder: no recording lies in it",
                folder.display(),
                file_kind(found.file_type())
            ),
            hint: "name a folder that is there, or none for the one that you are in",
        }),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Err(EdgeError::Usage {
                message: format!(
                    "the folder {} is not there, for the recording {}",
                    folder.display(),
                    file.display()
                ),
                hint: "make the folder, or name another one; none is made for a recording, which may have been mistyped",
            })
        }
        _ => Ok(()),
    }
}

fn free(path: &Path) -> Result<(), EdgeError> {
    match path.symlink_metadata() {
        Ok(_) => Err(EdgeError::RecordingExists {
            path: path.to_owned(),
        }),
        Err(_) => Ok(()),
    }
}

/// None if it is not there.
fn length(path: &Path) -> Option<u64> {
    path.metadata().ok().map(|found| found.len())
}

fn remove(path: &Path) {
    if let Err(error) = fs_err::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        log::debug!("{error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn assert_taken(file: &Path, by: &Path) {
        let error = Places::reserve(file).unwrap_err();
        assert!(
            matches!(&error, EdgeError::RecordingExists { path } if path == by),
            "{error}"
        );
    }

    #[test]
    fn the_ending_stays_and_taken_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("belt.2.bag");
        let partial = folder.path().join("belt.2.partial.bag");
        let places = Places::reserve(&file).unwrap();
        assert_eq!(places.partial(), partial);
        assert_eq!(places.folder(), folder.path());
        drop(places);
        let beside = [Beside::of(&file), Beside::of(&partial)];
        let beside = beside.iter().flat_map(Beside::paths);
        for taken in beside.chain([file.as_path(), &partial]) {
            std::fs::write(taken, "").unwrap();
            assert_taken(&file, taken);
            assert!(taken.exists() && names(folder.path()).len() == 1);
            std::fs::remove_file(taken).unwrap();
        }
        let absent = folder.path().join("absent").join("belt.bag");
        let error = Places::reserve(&absent).unwrap_err();
        assert_eq!(error.code(), 2, "{error}");
        assert!(error.to_string().contains("absent is not there, for"));
        std::fs::write(folder.path().join("letter"), "Dear Sir").unwrap();
        let error = Places::reserve(&folder.path().join("letter/belt.bag")).unwrap_err();
        assert_eq!(error.code(), 2, "{error}");
        assert!(error.to_string().contains("letter is a file and no folder"));
        std::fs::remove_file(folder.path().join("letter")).unwrap();
        let here = Places {
            file: PathBuf::from("belt.bag"),
            partial: PathBuf::from("belt.partial.bag"),
            is_reserved: false,
        };
        assert_eq!(here.folder(), Path::new("."));
    }

    #[test]
    fn one_run_has_a_name_before_anything_is_written_and_lets_go_of_what_stays_empty() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("belt.bag");
        let first = Places::reserve(&file).unwrap();
        // The second one fails, and takes nothing from the first.
        assert_taken(&file, first.partial());
        assert_eq!(names(folder.path()), ["belt.partial.bag"]);
        std::fs::write(first.partial(), "pictures").unwrap();
        assert_taken(&file, first.partial());
        assert_eq!(std::fs::read(first.partial()).unwrap(), b"pictures");
        // What was recorded stays, whatever has ended it.
        drop(first);
        assert_eq!(names(folder.path()), ["belt.partial.bag"]);
        std::fs::remove_file(folder.path().join("belt.partial.bag")).unwrap();
        drop(Places::reserve(&file).unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn what_is_whole_gets_its_name_unless_somebody_has_taken_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("belt.bag");
        let write = || {
            let places = Places::reserve(&file).unwrap();
            std::fs::write(places.partial(), "new").unwrap();
            places
        };
        let places = write();
        let partial = places.partial().to_owned();
        std::fs::write(&file, "somebody's").unwrap();
        assert!(places.finish().is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "somebody's");
        assert_eq!(std::fs::read_to_string(&partial).unwrap(), "new");
        std::fs::remove_file(&file).unwrap();
        std::fs::remove_file(&partial).unwrap();
        write().finish().unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert!(!partial.exists());
    }

    #[test]
    fn a_recording_with_bytes_beside_it_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("belt.db3");
        let beside = Beside::of(&folder.path().join("belt.partial.db3"));
        for log in &beside.logs {
            let places = Places::reserve(&file).unwrap();
            let partial = places.partial().to_owned();
            std::fs::write(&partial, "pages").unwrap();
            std::fs::write(log, "more pages").unwrap();
            let error = places.finish().unwrap_err();
            assert!(matches!(error, EdgeError::Store { .. }), "{error}");
            assert!(partial.exists() && log.exists() && !file.exists());
            std::fs::remove_file(&partial).unwrap();
            std::fs::remove_file(log).unwrap();
        }
        // Empty ones, and the index, say nothing of it.
        let places = Places::reserve(&file).unwrap();
        std::fs::write(places.partial(), "pages").unwrap();
        std::fs::write(&beside.logs[0], "").unwrap();
        std::fs::write(&beside.index, "index").unwrap();
        places.finish().unwrap();
        assert_eq!(names(folder.path()), ["belt.db3"]);
    }

    #[test]
    fn what_nobody_wants_is_removed_with_what_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::reserve(&folder.path().join("belt.db3")).unwrap();
        std::fs::write(places.partial(), "header").unwrap();
        for path in Beside::of(places.partial()).paths() {
            std::fs::write(path, "page").unwrap();
        }
        places.remove();
        assert!(names(folder.path()).is_empty());
    }
}
