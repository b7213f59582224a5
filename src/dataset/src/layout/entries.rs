//! Sorted listings of folders.

use std::path::{Path, PathBuf};

use crate::error::DatasetError;
use crate::part::{Label, Split};

/// Endings of picture files, without the dot, in lower case.
const PICTURE_ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// A folder `{split}/{class}` that exists.
pub(super) struct ClassFolder {
    pub(super) split: Split,
    pub(super) name: String,
    pub(super) label: Label,
    pub(super) path: PathBuf,
}

/// All class folders, splits in the order of their use, names sorted.
pub(super) fn class_folders(root: &Path) -> Result<Vec<ClassFolder>, DatasetError> {
    let mut all = Vec::new();
    for split in Split::ALL {
        let folder = root.join(split.folder());
        if !folder.is_dir() {
            continue;
        }
        for (name, path) in folders(&folder)? {
            all.push(ClassFolder {
                split,
                label: Label::from_folder(&name),
                name,
                path,
            });
        }
    }
    Ok(all)
}

/// Names and paths of the folders in a folder, sorted by name, dot names left out.
pub(super) fn folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, DatasetError> {
    Ok(visible(folder)?
        .into_iter()
        .filter(|(_, path)| path.is_dir())
        .collect())
}

/// Stems and paths of the picture files in a folder, sorted by stem, dot names left out.
pub(super) fn pictures(folder: &Path) -> Result<Vec<(String, PathBuf)>, DatasetError> {
    let mut found: Vec<_> = visible(folder)?
        .into_iter()
        .filter_map(|(name, path)| {
            let (stem, ending) = name.rsplit_once('.')?;
            let picture = PICTURE_ENDINGS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known));
            (picture && path.is_file()).then(|| (stem.to_owned(), path))
        })
        .collect();
    found.sort();
    Ok(found)
}

fn visible(folder: &Path) -> Result<Vec<(String, PathBuf)>, DatasetError> {
    let listing = |source| DatasetError::ListingFolder {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(listing)? {
        let path = entry.map_err(listing)?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.starts_with('.') => {}
            Some(name) => found.push((name.to_owned(), path)),
            None => return Err(DatasetError::NameNotUnicode { path }),
        }
    }
    found.sort();
    Ok(found)
}

/// A path below the root, as the index keeps it.
pub(super) fn relative(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}
