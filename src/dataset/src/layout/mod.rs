//! How the files of a data set may lie, and which of the layouts a folder has.

mod anomalib;
mod colour;
mod entries;
mod eyecandies;
mod mvtec_3d;
mod recorded;
mod visa;

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::dataset::Dataset;
use crate::error::{DatasetError, Missed};
use crate::folder::{Folder, Listing};

pub(crate) use recorded::{foreign as foreign_to_recorded, list as list_recorded};

/// How the files of a data set lie; the crate's page has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// The project's own: a folder a part, `camera.json` at the top.
    RecordedParts,
    /// MVTec 3D-AD as published: organised points in TIFF files.
    Mvtec3dPoints,
    /// MVTec 3D-AD with 16-bit depth and `camera.json` in place of points.
    Mvtec3dDepth,
    /// Eyecandies: rendered under six lights, depth normalised in each picture.
    Eyecandies,
    /// VisA as published, with a list of splits for all objects.
    Visa,
    /// VisA after its own script has split it.
    VisaSplit,
    /// BTAD: colour alone, classes `ok` and `ko`.
    Btad,
    /// MVTec AD: colour alone, masks in a tree of their own.
    MvtecAd,
    /// What anomalib reads as `Folder3D`: folders of any names, with depth.
    AnomalibFolder3d,
    /// What anomalib reads as `Folder`: folders of any names.
    AnomalibFolder,
}

impl Layout {
    /// All layouts, in the order in which they are listed and a folder is tried. A folder with
    /// `folder.json` is one of anomalib's whatever else it looks like.
    pub const ALL: [Self; 10] = [
        Self::RecordedParts,
        Self::Mvtec3dPoints,
        Self::Mvtec3dDepth,
        Self::Eyecandies,
        Self::Visa,
        Self::VisaSplit,
        Self::Btad,
        Self::MvtecAd,
        Self::AnomalibFolder3d,
        Self::AnomalibFolder,
    ];

    /// `None` if the folder looks like it, else what it lacks.
    fn missing_in(self, root: &Path) -> Result<Option<String>, DatasetError> {
        match self {
            Self::RecordedParts => recorded::missing_in(root),
            Self::Mvtec3dPoints => mvtec_3d::missing_in(root, mvtec_3d::Depth::Points),
            Self::Mvtec3dDepth => mvtec_3d::missing_in(root, mvtec_3d::Depth::Counts),
            Self::Eyecandies => eyecandies::missing_in(root),
            Self::Visa => visa::missing_in(root),
            Self::VisaSplit => colour::missing_in(root, colour::Set::Visa),
            Self::Btad => colour::missing_in(root, colour::Set::Btad),
            Self::MvtecAd => colour::missing_in(root, colour::Set::MvtecAd),
            Self::AnomalibFolder3d => anomalib::missing_in(root, anomalib::Form::Folder3d),
            Self::AnomalibFolder => anomalib::missing_in(root, anomalib::Form::Folder),
        }
    }

    fn list(self, root: &Path) -> Result<Listing, DatasetError> {
        match self {
            Self::RecordedParts => recorded::list(root),
            Self::Mvtec3dPoints => mvtec_3d::list(root, mvtec_3d::Depth::Points),
            Self::Mvtec3dDepth => mvtec_3d::list(root, mvtec_3d::Depth::Counts),
            Self::Eyecandies => eyecandies::list(root),
            Self::Visa => visa::list(root),
            Self::VisaSplit => colour::list(root, colour::Set::Visa),
            Self::Btad => colour::list(root, colour::Set::Btad),
            Self::MvtecAd => colour::list(root, colour::Set::MvtecAd),
            Self::AnomalibFolder3d => anomalib::list(root, anomalib::Form::Folder3d),
            Self::AnomalibFolder => anomalib::list(root, anomalib::Form::Folder),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RecordedParts => "recorded parts",
            Self::Mvtec3dPoints => "MVTec 3D-AD with points",
            Self::Mvtec3dDepth => "MVTec 3D-AD with 16-bit depth",
            Self::Eyecandies => "Eyecandies",
            Self::Visa => "VisA",
            Self::VisaSplit => "VisA, split",
            Self::Btad => "BTAD",
            Self::MvtecAd => "MVTec AD",
            Self::AnomalibFolder3d => "anomalib Folder3D",
            Self::AnomalibFolder => "anomalib Folder",
        })
    }
}

/// Opens a data set's folder, whichever of the layouts it has.
///
/// Lists the files and reads what describes them, such as `camera.json`; pictures are read by
/// [`Dataset::load`].
///
/// # Errors
/// [`DatasetError::UnknownLayout`] with what each layout would have needed; otherwise the first
/// thing that is wrong with the set: a missing file, a camera that can't be.
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn Dataset>, DatasetError> {
    let root = path.as_ref();
    require_folder(root)?;
    match recognise(root)? {
        Ok(layout) => Ok(Box::new(Folder::new(
            root.to_owned(),
            layout,
            layout.list(root)?,
        ))),
        Err(tried) => Err(DatasetError::UnknownLayout {
            path: root.to_owned(),
            tried,
            nearby: data_sets_near(root),
        }),
    }
}

/// Refuses what is no folder, and a folder in which nothing can be seen: it would look like one of no layout.
fn require_folder(root: &Path) -> Result<(), DatasetError> {
    let listing = |source| DatasetError::ListingFolder {
        path: root.to_owned(),
        source,
    };
    match fs_err::metadata(root) {
        Ok(found) if found.is_dir() => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(listing(error)),
        Ok(_) | Err(_) => {
            return Err(DatasetError::NotAFolder {
                path: root.to_owned(),
            });
        }
    }
    fs_err::read_dir(root).map_err(listing)?;
    // Whoever may list a folder need not be allowed to look at what it lists.
    fs_err::metadata(root.join(".")).map_err(listing)?;
    Ok(())
}

/// The folder's layout, or what each layout misses.
pub(crate) fn recognise(root: &Path) -> Result<Result<Layout, Vec<Missed>>, DatasetError> {
    if let Some(layout) = anomalib::described(root)? {
        return Ok(Ok(layout));
    }
    let mut tried = Vec::new();
    for layout in Layout::ALL {
        match layout.missing_in(root)? {
            None => return Ok(Ok(layout)),
            Some(missing) => tried.push(Missed { layout, missing }),
        }
    }
    Ok(Err(tried))
}

/// Folders that somebody who named `root` may have meant.
fn data_sets_near(root: &Path) -> Vec<PathBuf> {
    let below = entries::folders(root)
        .unwrap_or_default()
        .into_iter()
        .map(|(_, path)| path);
    let above = root.canonicalize().ok().into_iter().flat_map(|path| {
        path.ancestors()
            .skip(1)
            .take(2)
            .map(Path::to_owned)
            .collect::<Vec<_>>()
    });
    below
        .chain(above)
        .filter(|path| matches!(recognise(path), Ok(Ok(_))))
        .collect()
}
