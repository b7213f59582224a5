//! A bundle as a folder: what a device keeps, and what a person can look into.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{Collector, Files};
use crate::entry::{ENTRIES_MAX, GOLDENS, is_golden_name};
use crate::error::BundleError;

/// Reads the folder at `path` into the collector.
pub(super) fn read(path: &Path, collector: &mut Collector) -> Result<(), BundleError> {
    for (name, kind) in list(path, "")? {
        match name.as_str() {
            GOLDENS if kind.is_dir() => {
                for (golden, kind) in list(path, &name)? {
                    let name = format!("{GOLDENS}/{golden}");
                    if !(kind.is_dir() && is_golden_name(&golden)) {
                        return Err(BundleError::EntryName {
                            path: path.to_path_buf(),
                            entry: name,
                        });
                    }
                    for (file, kind) in list(path, &name)? {
                        read_file(path, &format!("{name}/{file}"), kind, collector)?;
                    }
                }
            }
            _ => read_file(path, &name, kind, collector)?,
        }
    }
    Ok(())
}

/// Names and kinds in a folder of the bundle, sorted.
fn list(path: &Path, folder: &str) -> Result<Vec<(String, std::fs::FileType)>, BundleError> {
    let read = |source| BundleError::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs_err::read_dir(path.join(folder)).map_err(read)? {
        if names.len() > ENTRIES_MAX {
            return Err(BundleError::TooManyEntries {
                path: path.to_path_buf(),
            });
        }
        let entry = entry.map_err(read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        names.push((name, entry.file_type().map_err(read)?));
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(names)
}

fn read_file(
    path: &Path,
    name: &str,
    kind: std::fs::FileType,
    collector: &mut Collector,
) -> Result<(), BundleError> {
    // Asked before opening: opening a pipe would wait for a writer.
    if !kind.is_file() {
        let found = match kind {
            kind if kind.is_symlink() => "a symbolic link",
            kind if kind.is_dir() => "a folder",
            _ => "a device, a pipe or a socket",
        };
        return Err(BundleError::EntryKind {
            path: path.to_path_buf(),
            entry: name.to_owned(),
            found,
        });
    }
    let read = |source| BundleError::Read {
        path: path.to_path_buf(),
        source,
    };
    let file = fs_err::File::open(path.join(name)).map_err(read)?;
    let expected = file.metadata().map_err(read)?.len();
    collector.add(name.as_bytes(), expected, file)
}

/// Writes a new folder at once or not at all.
pub(crate) fn write(path: &Path, files: &Files) -> Result<(), BundleError> {
    if fs_err::symlink_metadata(path).is_ok() {
        return Err(BundleError::Exists {
            path: path.to_path_buf(),
        });
    }
    write_folder(path, files).map_err(|source| BundleError::Write {
        path: path.to_path_buf(),
        source,
    })
}

fn write_folder(path: &Path, files: &Files) -> io::Result<()> {
    let folder = parent(path);
    let temporary = tempfile::Builder::new()
        .prefix(".twinspect-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir_in(folder)?;
    let mut folders = vec![temporary.path().to_path_buf()];
    for (name, bytes) in files {
        let target = temporary.path().join(name);
        let parent = parent(&target);
        if !folders.iter().any(|known| known == parent) {
            fs_err::create_dir_all(parent)?;
            folders.push(parent.to_path_buf());
        }
        let mut file = fs_err::File::create(&target)?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    let goldens = temporary.path().join(GOLDENS);
    folders.extend(goldens.is_dir().then_some(goldens));
    folders.iter().try_for_each(|folder| sync(folder))?;
    fs_err::rename(temporary.path(), path)?;
    // The folder has its name now; there is nothing temporary left to remove.
    let _gone: PathBuf = temporary.keep();
    sync(folder)
}

/// The folder in which `path` lies.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes the names in a folder survive a power cut.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    fs_err::File::open(folder)?.sync_all()
}
