//! Eyecandies: `{train,val,test_public}/data/NNN_{image_0.png,depth.png,info_depth.yaml,...}`.
//!
//! Of the six lights the first is read, with all spotlights on. Depth is normalised between bounds
//! of its own in each picture, and becomes points through the one camera of the set. Nobody knows
//! what is wrong in `test_private`, so it's not listed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use twinspect_core::frame::Intrinsics;

use super::Layout;
use super::entries::{pictures, relative, sort};
use crate::camera::{CAMERA_FILE, Camera};
use crate::error::DatasetError;
use crate::folder::{DepthFile, Listing, PartFiles};
use crate::part::{Label, PartId, PartRef, Split};
use crate::picture;
use crate::plain::lacking;
use crate::text;
use crate::yaml;

const LAYOUT: Layout = Layout::Eyecandies;

/// The publisher's names of the splits, and ours.
const SPLITS: [(&str, Split); 3] = [
    ("train", Split::Train),
    ("val", Split::Validation),
    ("test_public", Split::Test),
];
const COLOUR: &str = "image_0";
const DEPTH: &str = "depth";
/// Masks of one kind of defect each.
const KINDS: [&str; 4] = ["bumps", "colors", "dents", "normals"];
/// A part with several kinds, as MVTec 3D-AD calls it.
const COMBINED: &str = "combined";
/// A defective part without masks by kind.
const UNKNOWN_KIND: &str = "bad";
/// The most bytes of `metadata.yaml`.
const MAX_BYTES: u64 = 65_536;

/// The camera of all pictures, as the publisher's page "Depth Map To Pointcloud Conversion" has it.
const CAMERA: Camera = Camera {
    intrinsics: Intrinsics {
        width: 512,
        height: 512,
        fx: 711.11,
        fy: 711.11,
        cx: 256.0,
        cy: 256.0,
        distortion: [0.0; 5],
    },
    depth_unit_m: None,
    distance_to_belt_mm: None,
};

pub(super) fn missing_in(root: &Path) -> Result<Option<String>, DatasetError> {
    for (folder, _) in SPLITS {
        if !numbers(&root.join(folder).join("data"))?.is_empty() {
            return Ok(None);
        }
    }
    Ok(Some(format!(
        "no {{train,val,test_public}}/data/ holds NNN_{COLOUR}.png or NNN_{DEPTH}.png"
    )))
}

pub(super) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let (mut parts, mut labels) = (Vec::new(), Vec::new());
    for (folder, split) in SPLITS {
        let data = root.join(folder).join("data");
        for number in numbers(&data)? {
            let sample = Sample {
                root,
                data: &data,
                number: &number,
            };
            parts.push(sample.part(split, &mut labels)?);
        }
    }
    sort(&mut parts);
    let mut listing = match Camera::at_the_top_of(root)? {
        None => Listing {
            camera: Some(CAMERA),
            descriptions: Vec::new(),
            parts,
        },
        Some(Camera {
            depth_unit_m: Some(unit),
            ..
        }) => {
            return Err(DatasetError::CameraValue {
                path: root.join(CAMERA_FILE),
                key: "depth_unit_m",
                found: unit.to_string(),
                expected: "absent: each depth picture has bounds of its own in info_depth.yaml",
            });
        }
        camera => Listing::with_camera_file(camera, parts),
    };
    listing.descriptions.append(&mut labels);
    Ok(listing)
}

/// Numbers of all samples of which there is colour or depth, sorted.
fn numbers(data: &Path) -> Result<BTreeSet<String>, DatasetError> {
    if !data.is_dir() {
        return Ok(BTreeSet::new());
    }
    let number = |stem: &str| {
        let (number, item) = stem.split_once('_')?;
        [COLOUR, DEPTH].contains(&item).then(|| number.to_owned())
    };
    let found = pictures(data)?;
    Ok(found.iter().filter_map(|(stem, _)| number(stem)).collect())
}

/// The files of one number in one split.
struct Sample<'a> {
    root: &'a Path,
    data: &'a Path,
    number: &'a str,
}

impl Sample<'_> {
    fn file(&self, item: &str) -> PathBuf {
        self.data.join(format!("{}_{item}", self.number))
    }

    /// Adds the files that told the label to `labels`.
    fn part(
        &self,
        split: Split,
        labels: &mut Vec<PathBuf>,
    ) -> Result<(PartRef, PartFiles), DatasetError> {
        let picture = |item: &str| self.file(&format!("{item}.png"));
        let (rgb, depth) = (picture(COLOUR), picture(DEPTH));
        let present = if rgb.is_file() { &rgb } else { &depth };
        let bounds = self.file("info_depth.yaml");
        for needed in [&rgb, &depth, &bounds] {
            require(present, needed)?;
        }
        // All of train and val is good.
        let label = match split {
            Split::Test => self.label(&rgb, labels)?,
            _ => Label::Good,
        };
        let mask = picture("mask");
        if !label.is_good() {
            require(&rgb, &mask)?;
        }
        let part = PartRef {
            id: PartId::new(format!("{split}/{label}/{}", self.number)),
            split,
            label,
        };
        let files = PartFiles {
            rgb: Some(relative(self.root, &rgb)),
            depth: Some(DepthFile::Normalised {
                picture: relative(self.root, &depth),
                bounds: relative(self.root, &bounds),
            }),
            mask: mask.is_file().then(|| relative(self.root, &mask)),
            record: None,
        };
        Ok((part, files))
    }

    fn label(&self, rgb: &Path, labels: &mut Vec<PathBuf>) -> Result<Label, DatasetError> {
        let path = self.file("metadata.yaml");
        require(rgb, &path)?;
        let text = text::read(&path, MAX_BYTES)?;
        labels.push(relative(self.root, &path));
        match yaml::scalar(&text, &["anomalous"]).unwrap_or("absent") {
            "0" | "false" | "False" => Ok(Label::Good),
            "1" | "true" | "True" => self.kind(labels),
            found => Err(DatasetError::SampleValue {
                path,
                key: "anomalous",
                found: found.to_owned(),
                expected: "0 for a good part or 1 for a defective one".into(),
            }),
        }
    }

    /// What is wrong, by which masks mark anything.
    fn kind(&self, labels: &mut Vec<PathBuf>) -> Result<Label, DatasetError> {
        let mut kinds = Vec::new();
        for kind in KINDS {
            let path = self.file(&format!("{kind}_mask.png"));
            if !path.is_file() {
                continue;
            }
            labels.push(relative(self.root, &path));
            if picture::read_mask(&path)?.defect_pixels() > 0 {
                kinds.push(kind);
            }
        }
        let kind = match kinds[..] {
            [] => UNKNOWN_KIND,
            [kind] => kind,
            _ => COMBINED,
        };
        Ok(Label::Defect(kind.into()))
    }
}

fn require(present: &Path, missing: &Path) -> Result<(), DatasetError> {
    if missing.is_file() {
        return Ok(());
    }
    Err(lacking(LAYOUT, present, missing.to_owned()))
}
