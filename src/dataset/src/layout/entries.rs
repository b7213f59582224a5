//! Sorted listings of folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Layout;
use crate::error::DatasetError;
use crate::folder::PartFiles;
use crate::part::{Label, PartRef, Split};
use crate::plain::plain_file;

/// Endings of picture files, without the dot, in lower case.
pub(super) const PICTURE_ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "bmp"];
/// Of those, what keeps every pixel as it was painted.
const MASK_ENDINGS: [&str; 2] = ["png", "bmp"];

/// Endings of pictures that are not read: a part that is left out in silence is a part lost.
const UNREAD_ENDINGS: [&str; 6] = ["tif", "tiff", "webp", "gif", "ppm", "pgm"];
/// What other tools call the folder of validation parts.
const OTHER_NAMES_OF_VALIDATION: [&str; 2] = ["val", "valid"];

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

/// The same of a set that is read: a folder that is meant as a split and is called otherwise is refused.
pub(super) fn read_class_folders(root: &Path) -> Result<Vec<ClassFolder>, DatasetError> {
    for name in OTHER_NAMES_OF_VALIDATION {
        let path = root.join(name);
        if path.is_dir() {
            return Err(DatasetError::MisnamedSplit {
                path,
                expected: Split::Validation,
            });
        }
    }
    class_folders(root)
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
    files(folder, &PICTURE_ENDINGS)
}

/// The same by stem, each of which may stand for one picture only; beside them lies none of a kind that is not read.
pub(super) fn pictures_by_stem(
    layout: Layout,
    folder: &Path,
) -> Result<BTreeMap<String, PathBuf>, DatasetError> {
    if let Some((_, path)) = files(folder, &UNREAD_ENDINGS)?.into_iter().next() {
        return Err(DatasetError::UnreadPicture { path });
    }
    by_stem(layout, pictures(folder)?)
}

/// The masks in a folder by stem; none if there's no such folder.
pub(super) fn masks_by_stem(
    layout: Layout,
    folder: &Path,
) -> Result<BTreeMap<String, PathBuf>, DatasetError> {
    if !folder.is_dir() {
        return Ok(BTreeMap::new());
    }
    by_stem(layout, files(folder, &MASK_ENDINGS)?)
}

fn by_stem(
    layout: Layout,
    found: Vec<(String, PathBuf)>,
) -> Result<BTreeMap<String, PathBuf>, DatasetError> {
    let mut all = BTreeMap::new();
    for (stem, path) in found {
        if let Some(first) = all.insert(stem, path.clone()) {
            return Err(DatasetError::AmbiguousPicture {
                layout,
                first,
                second: path,
            });
        }
    }
    Ok(all)
}

fn files(folder: &Path, endings: &[&str]) -> Result<Vec<(String, PathBuf)>, DatasetError> {
    let mut found = Vec::new();
    for (name, path) in visible(folder)? {
        let Some((stem, ending)) = name.rsplit_once('.') else {
            continue;
        };
        let known = endings
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known));
        // A folder may be called like a picture.
        if known
            && !path.is_dir()
            && let Some(path) = plain_file(path)?
        {
            found.push((stem.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

/// Names and paths of all that lies in a folder, sorted, dot names left out.
pub(super) fn visible(folder: &Path) -> Result<Vec<(String, PathBuf)>, DatasetError> {
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

/// Sorts parts that were not found class by class as if they had been.
pub(super) fn sort(parts: &mut [(PartRef, PartFiles)]) {
    parts.sort_by_cached_key(|(part, _)| {
        (part.split, part.label.as_str().to_owned(), part.id.clone())
    });
}

/// A path below the root, as the index keeps it.
pub(super) fn relative(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}
