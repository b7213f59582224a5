//! Recorded parts: `{split}/{class}/{part}/{rgb.*, depth.png, mask.png, part.json}`.

use std::path::{Path, PathBuf};

use super::Layout;
use super::entries::{
    ClassFolder, PICTURE_ENDINGS, class_folders, folders, pictures, read_class_folders, relative,
    visible,
};
use crate::camera::{CAMERA_FILE, Camera};
use crate::error::DatasetError;
use crate::folder::{DepthFile, Listing, PartFiles};
use crate::part::{PartId, PartRef, Split};
use crate::plain::{lacking, plain_file};

const LAYOUT: Layout = Layout::RecordedParts;

/// A part's folder and what lies in it.
struct Found {
    part: PartRef,
    folder: PathBuf,
    rgb: Option<PathBuf>,
    depth: Option<PathBuf>,
    mask: Option<PathBuf>,
    record: Option<PathBuf>,
}

pub(super) fn missing_in(root: &Path) -> Result<Option<String>, DatasetError> {
    for class in class_folders(root)? {
        for (_, folder) in folders(&class.path)? {
            if rgb_file(&folder)?.is_some() || plain_file(folder.join("depth.png"))?.is_some() {
                return Ok(None);
            }
        }
    }
    Ok(Some(
        "no {train,validation,calibration,test}/{class}/{part}/ holds rgb.png, rgb.jpg or depth.png"
            .into(),
    ))
}

pub(crate) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let mut found = Vec::new();
    for class in read_class_folders(root)? {
        for (name, folder) in folders(&class.path)? {
            found.push(look_into(&class, &name, folder)?);
        }
    }
    refuse_gaps(&found)?;
    let camera_path = root.join(CAMERA_FILE);
    let camera = Camera::at_the_top_of(root)?;
    if let Some(depth) = found.iter().find_map(|found| found.depth.as_ref()) {
        require_depth_unit(camera.as_ref(), depth, &camera_path)?;
    }
    let parts = found
        .into_iter()
        .map(|found| {
            let rel = |path: PathBuf| relative(root, &path);
            let files = PartFiles {
                rgb: found.rgb.map(rel),
                depth: found.depth.map(rel).map(DepthFile::Counts),
                mask: found.mask.map(rel),
                record: found.record.map(rel),
            };
            (found.part, files)
        })
        .collect();
    Ok(Listing::with_camera_file(camera, parts))
}

/// What lies in a folder without parts, and belongs to no set of recorded parts that was begun: there may be a camera,
/// and folders for parts.
pub(crate) fn foreign(root: &Path) -> Result<Option<PathBuf>, DatasetError> {
    for (name, path) in visible(root)? {
        if name == CAMERA_FILE {
            continue;
        }
        if !Split::ALL.iter().any(|split| split.folder() == name) || !path.is_dir() {
            return Ok(Some(path));
        }
        for (_, class) in visible(&path)? {
            if !class.is_dir() {
                return Ok(Some(class));
            }
            if let Some((_, part)) = visible(&class)?.into_iter().next() {
                return Ok(Some(part));
            }
        }
    }
    Ok(None)
}

/// Depth counts mean nothing without a camera that states their unit.
pub(super) fn require_depth_unit(
    camera: Option<&Camera>,
    depth: &Path,
    camera_path: &Path,
) -> Result<(), DatasetError> {
    match camera.map(|camera| camera.depth_unit_m) {
        Some(Some(_)) => Ok(()),
        Some(None) => Err(DatasetError::CameraValue {
            path: camera_path.to_owned(),
            key: "depth_unit_m",
            found: "absent".into(),
            expected: "given, because the set has depth pictures",
        }),
        None => Err(DatasetError::MissingCamera {
            depth: depth.to_owned(),
            camera: camera_path.to_owned(),
        }),
    }
}

fn look_into(class: &ClassFolder, name: &str, folder: PathBuf) -> Result<Found, DatasetError> {
    let file = |name: &str| plain_file(folder.join(name));
    let id = PartId::new(format!("{}/{}/{name}", class.split, class.name));
    Ok(Found {
        part: PartRef {
            id,
            split: class.split,
            label: class.label.clone(),
        },
        rgb: rgb_file(&folder)?,
        depth: file("depth.png")?,
        mask: file("mask.png")?,
        record: file("part.json")?,
        folder,
    })
}

/// The one `rgb.*` of a part's folder.
fn rgb_file(folder: &Path) -> Result<Option<PathBuf>, DatasetError> {
    let mut colour = pictures(folder)?
        .into_iter()
        .filter(|(stem, _)| stem == "rgb");
    match (colour.next(), colour.next()) {
        (Some((_, first)), Some((_, second))) => Err(DatasetError::AmbiguousPicture {
            layout: LAYOUT,
            first,
            second,
        }),
        (Some((_, first)), None) => Ok(Some(first)),
        (None, _) => {
            for ending in PICTURE_ENDINGS {
                plain_file(folder.join(format!("rgb.{ending}")))?;
            }
            Ok(None)
        }
    }
}

/// What some parts have, all must have: colour, depth, and, on defective parts, masks. A hole in
/// a set is far more often a lost file than an intention.
fn refuse_gaps(found: &[Found]) -> Result<(), DatasetError> {
    let with_rgb = found.iter().any(|found| found.rgb.is_some());
    let with_depth = found.iter().any(|found| found.depth.is_some());
    let with_masks = found
        .iter()
        .any(|found| !found.part.label.is_good() && found.mask.is_some());
    for part in found {
        let needs_mask = with_masks && !part.part.label.is_good();
        let gap = if with_rgb && part.rgb.is_none() {
            Some("rgb.png")
        } else if with_depth && part.depth.is_none() {
            Some("depth.png")
        } else if needs_mask && part.mask.is_none() {
            Some("mask.png")
        } else {
            None
        };
        if let Some(missing) = gap {
            let present = part
                .rgb
                .as_ref()
                .or(part.depth.as_ref())
                .unwrap_or(&part.folder);
            return Err(lacking(LAYOUT, present, part.folder.join(missing)));
        }
    }
    Ok(())
}
