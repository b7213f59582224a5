//! The files of a bundle in memory, with their digests, from a folder or from a tar.

mod archive;
mod directory;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::entry::{ENTRIES_MAX, SIGNATURE, SUMS, TOTAL_BYTES_MAX, is_allowed};
use crate::error::BundleError;
use crate::sums::{self, Digest};

pub(crate) use archive::write as write_archive;
pub(crate) use directory::write as write_directory;

/// Files by name. Those that come from [`read`] were compared with their digests.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Reads a bundle's folder or archive and compares every file with its digest.
pub(crate) fn read(path: &Path) -> Result<Files, BundleError> {
    let metadata = path.metadata().map_err(|source| BundleError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    let mut collector = Collector::new(path);
    if metadata.is_dir() {
        directory::read(path, &mut collector)?;
    } else {
        archive::read(path, &mut collector)?;
    }
    collector.verified()
}

/// Reads an archive that comes from anywhere, and compares every file with its digest. `path` is named
/// in errors.
pub(crate) fn read_archive(path: &Path, reader: impl Read) -> Result<Files, BundleError> {
    let mut collector = Collector::new(path);
    archive::read_from(path, reader, &mut collector)?;
    collector.verified()
}

/// Compares files that somebody has read with their digests.
pub(crate) fn collect(
    path: &Path,
    entries: impl IntoIterator<Item = (String, Vec<u8>)>,
) -> Result<Files, BundleError> {
    let mut collector = Collector::new(path);
    for (name, bytes) in entries {
        collector.add(name.as_bytes(), bytes.len() as u64, bytes.as_slice())?;
    }
    collector.verified()
}

/// Takes files one by one and holds them to the limits.
struct Collector {
    path: PathBuf,
    files: BTreeMap<String, (Vec<u8>, Digest)>,
    bytes_left: u64,
}

impl Collector {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            files: BTreeMap::new(),
            bytes_left: TOTAL_BYTES_MAX,
        }
    }

    /// Reads one file of `expected` bytes.
    fn add(&mut self, name: &[u8], expected: u64, reader: impl Read) -> Result<(), BundleError> {
        let path = || self.path.clone();
        let entry = String::from_utf8_lossy(name).into_owned();
        if !is_allowed(&entry) {
            return Err(BundleError::EntryName {
                path: path(),
                entry,
            });
        }
        if self.files.contains_key(&entry) {
            return Err(BundleError::DuplicateEntry {
                path: path(),
                entry,
            });
        }
        if self.files.len() == ENTRIES_MAX {
            return Err(BundleError::TooManyEntries { path: path() });
        }
        self.bytes_left = self
            .bytes_left
            .checked_sub(expected)
            .ok_or_else(|| BundleError::TooLarge { path: path() })?;
        // One byte more than expected shows that a file has grown since its size was asked.
        let (bytes, digest) =
            sums::read_hashed(reader, expected + 1).map_err(|source| BundleError::Read {
                path: path(),
                source,
            })?;
        if bytes.len() as u64 != expected {
            return Err(BundleError::Truncated {
                path: path(),
                entry,
                expected,
                found: bytes.len() as u64,
            });
        }
        self.files.insert(entry, (bytes, digest));
        Ok(())
    }

    /// The files, once each of them is the one that SHA256SUMS lists and none is missing.
    fn verified(self) -> Result<Files, BundleError> {
        let path = || self.path.clone();
        let missing = |entry: &str| BundleError::Missing {
            path: path(),
            entry: entry.to_owned(),
        };
        let (bytes, _) = self.files.get(SUMS).ok_or_else(|| missing(SUMS))?;
        let listed = std::str::from_utf8(bytes)
            .map_or(Err(0), sums::parse)
            .map_err(|line| BundleError::Sums { path: path(), line })?;
        for (name, expected) in &listed {
            let (_, found) = self.files.get(name).ok_or_else(|| missing(name))?;
            if found != expected {
                return Err(BundleError::Damaged {
                    path: path(),
                    entry: name.clone(),
                    expected: expected.to_string(),
                    found: found.to_string(),
                });
            }
        }
        let needs_no_digest = |name: &str| name == SUMS || name == SIGNATURE;
        let unlisted = self
            .files
            .keys()
            .find(|name| !needs_no_digest(name) && !listed.contains_key(*name));
        if let Some(name) = unlisted {
            return Err(BundleError::Unlisted {
                path: path(),
                entry: name.clone(),
                unlisted_in: SUMS,
            });
        }
        Ok(self
            .files
            .into_iter()
            .map(|(name, (bytes, _))| (name, bytes))
            .collect())
    }
}

#[cfg(test)]
mod tests;
