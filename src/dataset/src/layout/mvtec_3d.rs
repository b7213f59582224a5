//! MVTec 3D-AD: `{split}/{class}/{rgb,xyz,gt}/NNN.*`, or `depth` in place of `xyz`.
//!
//! The published `calibration/camera_parameters.json` (a division model) is not read: points carry
//! their own x and y, which fit better than the model does.

use std::path::{Path, PathBuf};

use super::Layout;
use super::entries::{ClassFolder, class_folders, pictures_by_stem, read_class_folders, relative};
use super::recorded::require_depth_unit;
use crate::camera::{CAMERA_FILE, Camera};
use crate::error::DatasetError;
use crate::folder::{DepthFile, Listing, PartFiles};
use crate::part::{PartId, PartRef};
use crate::plain::lacking;

/// Which of the two forms.
#[derive(Debug, Clone, Copy)]
pub(super) enum Depth {
    /// `xyz/NNN.tiff`.
    Points,
    /// `depth/NNN.png` and `camera.json`.
    Counts,
}

impl Depth {
    /// What the file of a part holds.
    pub(super) fn of(self, path: PathBuf) -> DepthFile {
        match self {
            Self::Points => DepthFile::Points(path),
            Self::Counts => DepthFile::Counts(path),
        }
    }

    fn layout(self) -> Layout {
        match self {
            Self::Points => Layout::Mvtec3dPoints,
            Self::Counts => Layout::Mvtec3dDepth,
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Points => "xyz",
            Self::Counts => "depth",
        }
    }

    /// The depth file of a picture, or the path where it should be.
    pub(super) fn file(self, folder: &Path, stem: &str) -> Result<PathBuf, PathBuf> {
        let endings: &[&str] = match self {
            Self::Points => &["tiff", "tif"],
            Self::Counts => &["png"],
        };
        let mut paths = endings
            .iter()
            .map(|ending| folder.join(format!("{stem}.{ending}")));
        let usual = folder.join(format!("{stem}.{}", endings[0]));
        paths.find(|path| path.is_file()).ok_or(usual)
    }
}

pub(super) fn missing_in(root: &Path, depth: Depth) -> Result<Option<String>, DatasetError> {
    for class in class_folders(root)? {
        if class.path.join("rgb").is_dir() && class.path.join(depth.folder()).is_dir() {
            return Ok(None);
        }
    }
    Ok(Some(format!(
        "no {{train,validation,test}}/{{class}}/ holds both rgb/ and {}/",
        depth.folder()
    )))
}

pub(super) fn list(root: &Path, depth: Depth) -> Result<Listing, DatasetError> {
    let mut parts = Vec::new();
    for class in read_class_folders(root)? {
        list_class(root, &class, depth, &mut parts)?;
    }
    let camera = match depth {
        Depth::Points => None,
        Depth::Counts => camera_of_counts(root, &parts)?,
    };
    Ok(Listing::with_camera_file(camera, parts))
}

/// The camera of a set with 16-bit depth, which must state their unit.
pub(super) fn camera_of_counts(
    root: &Path,
    parts: &[(PartRef, PartFiles)],
) -> Result<Option<Camera>, DatasetError> {
    let camera = Camera::at_the_top_of(root)?;
    if let Some(depth) = parts.iter().find_map(|(_, files)| files.depth.as_ref()) {
        let camera_path = root.join(CAMERA_FILE);
        require_depth_unit(camera.as_ref(), &root.join(depth.path()), &camera_path)?;
    }
    Ok(camera)
}

fn list_class(
    root: &Path,
    class: &ClassFolder,
    depth: Depth,
    parts: &mut Vec<(PartRef, PartFiles)>,
) -> Result<(), DatasetError> {
    let lacks = |present: &Path, missing: PathBuf| lacking(depth.layout(), present, missing);
    let colour = class.path.join("rgb");
    if !colour.is_dir() {
        return Err(DatasetError::MissingCompanion {
            layout: depth.layout(),
            present: class.path.clone(),
            missing: colour,
        });
    }
    for (stem, rgb) in pictures_by_stem(depth.layout(), &colour)? {
        let depth_file = depth
            .file(&class.path.join(depth.folder()), &stem)
            .map_err(|missing| lacks(&rgb, missing))?;
        let mask = class.path.join("gt").join(format!("{stem}.png"));
        if !class.label.is_good() && !mask.is_file() {
            return Err(lacks(&rgb, mask));
        }
        let part = PartRef {
            id: PartId::new(format!("{}/{}/{stem}", class.split, class.name)),
            split: class.split,
            label: class.label.clone(),
        };
        let files = PartFiles {
            rgb: Some(relative(root, &rgb)),
            depth: Some(depth.of(relative(root, &depth_file))),
            mask: mask.is_file().then(|| relative(root, &mask)),
            record: None,
        };
        parts.push((part, files));
    }
    Ok(())
}
