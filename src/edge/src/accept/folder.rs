//! Where the report goes: an older one makes way, and whether one can be written is known before the first part.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::page;
use super::report::Report;
use crate::clock;
use crate::error::EdgeError;
use crate::whole_file;

/// The report for scripts, and for people.
const JSON_FILE: &str = "acceptance.json";
const PAGE_FILE: &str = "acceptance.html";
/// What is written to see whether anything can be, and goes again.
const TRIAL_FILE: &str = ".acceptance.trial";
/// More than both reports take: without any part, and for each part with a note of some words.
const REPORT_BYTES: usize = 16 * 1024;
const PART_BYTES: usize = 1024;

/// A folder in which a report of so many parts has had room. Where none is written it goes again, if it was made for it.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    path: &'a Path,
    /// Folders that were missing, the innermost one first.
    made: Vec<&'a Path>,
}

impl<'a> Folder<'a> {
    /// Makes the folder, and tries to write as much as a report of so many parts may be.
    ///
    /// # Errors
    /// [`EdgeError::Store`]. Nothing is left then.
    pub(super) fn open(path: &'a Path, parts: usize) -> Result<Self, EdgeError> {
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let folder = Self {
            path,
            made: path.ancestors().take_while(is_missing).collect(),
        };
        fs_err::create_dir_all(path).map_err(EdgeError::store(path))?;
        let trial = path.join(TRIAL_FILE);
        let bytes = vec![b' '; REPORT_BYTES + parts.saturating_mul(PART_BYTES)];
        whole_file::write(&trial, &bytes)
            .and_then(|()| fs_err::remove_file(&trial))
            .map_err(EdgeError::store(path))?;
        Ok(folder)
    }

    /// Writes a report, and says where the one for people lies.
    ///
    /// # Errors
    /// [`EdgeError::Store`].
    pub(super) fn write(&self, report: &Report) -> Result<PathBuf, EdgeError> {
        let mut text = serde_json::to_vec_pretty(report).map_err(std::io::Error::from)?;
        text.push(b'\n');
        let (json, page) = (self.path.join(JSON_FILE), self.path.join(PAGE_FILE));
        whole_file::write(&json, &text).map_err(EdgeError::store(&json))?;
        let text = page::page(report).into_bytes();
        whole_file::write(&page, &text).map_err(EdgeError::store(&page))?;
        Ok(page)
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        for folder in &self.made {
            // The system keeps what is not empty, as most often there is a report in it.
            if let Err(error) = fs_err::remove_dir(folder) {
                log::debug!("a folder stays: {error}");
            }
        }
    }
}

/// Gives an older report another name, with its time: whatever comes of this run, a report under the usual name is its own.
pub(super) fn put_aside(folder: &Path) -> Result<(), EdgeError> {
    for name in [JSON_FILE, PAGE_FILE] {
        let path = folder.join(name);
        let found = match path.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            found => found.map_err(EdgeError::store(&path))?,
        };
        let written = found.modified().map_err(EdgeError::store(&path))?;
        let age = written.duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = clock::rfc3339(age.as_millis() as u64).replace(':', "");
        let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
        let free = (1..).map(|count| {
            let more = match count {
                1 => String::new(),
                more => format!("-{more}"),
            };
            folder.join(format!("{stem}-{time}{more}.{ending}"))
        });
        let aside = free.into_iter().find(|aside| !aside.exists());
        let aside = aside.unwrap_or_else(|| path.clone());
        fs_err::rename(&path, &aside).map_err(EdgeError::store(&path))?;
        log::info!("the older report is {} now", aside.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_takes_no_report_is_known_before() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "no folder").unwrap();
        for path in [
            file.join("acceptance"),
            file.clone(),
            "/proc/acceptance".into(),
        ] {
            let refused = Folder::open(&path, 3).unwrap_err();
            assert!(matches!(refused, EdgeError::Store { .. }), "{refused}");
            let path = path.display().to_string();
            assert!(refused.to_string().contains(&path), "{refused}");
        }
        // Something stands in the way of the file.
        let taken = root.path().join("taken");
        std::fs::create_dir_all(taken.join(TRIAL_FILE).join("by")).unwrap();
        Folder::open(&taken, 3).unwrap_err();
        assert_eq!(std::fs::read_dir(&taken).unwrap().count(), 1);
        assert_eq!(std::fs::read(&file).unwrap(), b"no folder");
    }

    #[test]
    fn a_run_without_a_report_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let folder = Folder::open(&path, 3).unwrap();
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
        drop(folder);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
        // What was there before stays, and so does what something lies in.
        std::fs::create_dir(root.path().join("a")).unwrap();
        drop(Folder::open(&path, 3).unwrap());
        assert!(root.path().join("a").exists() && !path.exists());
        let folder = Folder::open(&path, 3).unwrap();
        std::fs::write(path.join(JSON_FILE), "{}").unwrap();
        drop(folder);
        assert!(path.join(JSON_FILE).exists());
    }
}
