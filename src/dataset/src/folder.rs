//! A data set on disk: what every layout's lister produces, and how its parts are loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use twinspect_core::frame::{DepthFrame, FramePair, FrameSize};

use crate::camera::{CAMERA_FILE, Camera};
use crate::dataset::Dataset;
use crate::depth_bounds::DepthBounds;
use crate::error::DatasetError;
use crate::layout::Layout;
use crate::part::{Label, Modalities, Part, PartFile, PartId, PartRecord, PartRef, Split};
use crate::picture;
use crate::text;

/// Of a set without validation parts, every how many-th good training part is held out for it.
const HELD_OUT_EVERY: usize = 10;

/// A part's files, relative to the root.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartFiles {
    pub(crate) rgb: Option<PathBuf>,
    pub(crate) depth: Option<DepthFile>,
    pub(crate) mask: Option<PathBuf>,
    pub(crate) record: Option<PathBuf>,
}

/// In which form depth was stored.
#[derive(Debug, Clone)]
pub(crate) enum DepthFile {
    /// 16-bit counts of the camera's unit.
    Counts(PathBuf),
    /// Points in metres.
    Points(PathBuf),
    /// 16-bit values between two bounds, which stand in a file of their own.
    Normalised { picture: PathBuf, bounds: PathBuf },
}

impl DepthFile {
    /// Where the picture lies below the root.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Counts(path) | Self::Points(path) | Self::Normalised { picture: path, .. } => {
                path
            }
        }
    }

    /// Where the file without which the picture means nothing lies below the root.
    fn bounds(&self) -> Option<&Path> {
        match self {
            Self::Counts(_) | Self::Points(_) => None,
            Self::Normalised { bounds, .. } => Some(bounds),
        }
    }
}

/// What a layout's lister found, split by folder.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Of `camera.json`, or as the set's publisher states it.
    pub(crate) camera: Option<Camera>,
    /// Files that say how to read the others, relative to the root.
    pub(crate) descriptions: Vec<PathBuf>,
    pub(crate) parts: Vec<(PartRef, PartFiles)>,
}

impl Listing {
    /// A set whose camera, if it has one, stands in `camera.json`.
    pub(crate) fn with_camera_file(
        camera: Option<Camera>,
        parts: Vec<(PartRef, PartFiles)>,
    ) -> Self {
        Self {
            camera,
            descriptions: camera.iter().map(|_| CAMERA_FILE.into()).collect(),
            parts,
        }
    }
}

/// A listed data set.
#[derive(Debug)]
pub(crate) struct Folder {
    name: String,
    root: PathBuf,
    layout: Layout,
    modalities: Modalities,
    camera: Option<Camera>,
    descriptions: Vec<PathBuf>,
    splits: BTreeMap<Split, Vec<PartRef>>,
    files: BTreeMap<PartId, PartFiles>,
    holds_out_validation: bool,
}

impl Folder {
    pub(crate) fn new(root: PathBuf, layout: Layout, listing: Listing) -> Self {
        let modalities = Modalities {
            rgb: listing.parts.iter().any(|(_, files)| files.rgb.is_some()),
            depth: listing.parts.iter().any(|(_, files)| files.depth.is_some()),
        };
        let mut splits = BTreeMap::<Split, Vec<PartRef>>::new();
        let mut files = BTreeMap::new();
        for (part, part_files) in listing.parts {
            files.insert(part.id.clone(), part_files);
            splits.entry(part.split).or_default().push(part);
        }
        let holds_out_validation = hold_out_validation(&mut splits);
        Self {
            name: name_of(&root),
            root,
            layout,
            modalities,
            camera: listing.camera,
            descriptions: listing.descriptions,
            splits,
            files,
            holds_out_validation,
        }
    }

    fn load_frame(&self, id: &PartId, files: &PartFiles) -> Result<FramePair, DatasetError> {
        let mut sized: Option<(PathBuf, FrameSize)> = None;
        let mut rgb = None;
        if let Some(file) = &files.rgb {
            let path = self.root.join(file);
            let picture = picture::read_rgb(&path)?;
            sized = Some((path, picture.size()));
            rgb = Some(picture);
        }
        let mut depth = None;
        if let Some(file) = &files.depth {
            let path = self.root.join(file.path());
            let picture = self.load_depth(file, &path)?;
            match &sized {
                Some((rgb_path, size)) => same_size(&path, picture.size(), rgb_path, *size)?,
                None => sized = Some((path, picture.size())),
            }
            depth = Some(picture);
        }
        if let (Some(camera), Some((path, size))) = (&self.camera, sized) {
            self.same_size_as_camera(path, size, camera.intrinsics.size())?;
        }
        let intrinsics = self.camera.map(|camera| camera.intrinsics);
        FramePair::new(rgb, depth, intrinsics).map_err(|source| DatasetError::JoiningFrame {
            id: id.clone(),
            source,
        })
    }

    fn same_size_as_camera(
        &self,
        path: PathBuf,
        found: FrameSize,
        expected: FrameSize,
    ) -> Result<(), DatasetError> {
        if self.descriptions.iter().any(|file| file == CAMERA_FILE) {
            same_size(&path, found, &self.root.join(CAMERA_FILE), expected)
        } else if found == expected {
            Ok(())
        } else {
            Err(DatasetError::ForeignSize {
                layout: self.layout,
                path,
                found,
                expected,
            })
        }
    }

    fn load_depth(&self, file: &DepthFile, path: &Path) -> Result<DepthFrame, DatasetError> {
        match file {
            DepthFile::Counts(_) => {
                let unit_m = self.camera.and_then(|camera| camera.depth_unit_m);
                let unit_m = unit_m.ok_or_else(|| self.missing_camera(path))?;
                Ok(DepthFrame::Counts(picture::read_depth(path, unit_m)?))
            }
            DepthFile::Points(_) => Ok(DepthFrame::Points(picture::read_points(path)?)),
            DepthFile::Normalised { bounds, .. } => {
                let bounds = DepthBounds::read(&self.root.join(bounds))?;
                let camera = self.camera.ok_or_else(|| self.missing_camera(path))?;
                let points = picture::read_normalised_depth(path, bounds, &camera.intrinsics)?;
                Ok(DepthFrame::Points(points))
            }
        }
    }

    fn missing_camera(&self, depth: &Path) -> DatasetError {
        DatasetError::MissingCamera {
            depth: depth.to_owned(),
            camera: self.root.join(CAMERA_FILE),
        }
    }

    fn load_record(&self, files: &PartFiles) -> Result<PartFile, DatasetError> {
        let Some(record) = &files.record else {
            return Ok(PartFile::default());
        };
        let path = self.root.join(record);
        let text = text::read(&path, text::BYTES_MAX)?;
        serde_json::from_str(&text).map_err(DatasetError::json(&path))
    }
}

impl Dataset for Folder {
    fn name(&self) -> &str {
        &self.name
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn modalities(&self) -> Modalities {
        self.modalities
    }

    fn camera(&self) -> Option<&Camera> {
        self.camera.as_ref()
    }

    fn parts(&self, split: Split) -> &[PartRef] {
        self.splits.get(&split).map_or(&[], Vec::as_slice)
    }

    fn holds_out_validation(&self) -> bool {
        self.holds_out_validation
    }

    fn load(&self, part: &PartRef) -> Result<Part, DatasetError> {
        let files = self
            .files
            .get(&part.id)
            .ok_or_else(|| DatasetError::UnknownPart {
                root: self.root.clone(),
                id: part.id.clone(),
            })?;
        let mut frame = self.load_frame(&part.id, files)?;
        let mask = match &files.mask {
            Some(file) => {
                let path = self.root.join(file);
                let mask = picture::read_mask(&path)?;
                let reference = files
                    .rgb
                    .as_deref()
                    .or(files.depth.as_ref().map(DepthFile::path));
                let reference =
                    reference.map_or_else(|| self.root.clone(), |file| self.root.join(file));
                same_size(&path, mask.size(), &reference, frame.size())?;
                let pixels = mask.defect_pixels();
                if part.label.is_good() && pixels > 0 {
                    return Err(DatasetError::MarkedGood { path, pixels });
                }
                Some(mask)
            }
            None => None,
        };
        let PartFile {
            session,
            time,
            part_id,
            camera,
            rgb_stamp,
            depth_stamp,
        } = self.load_record(files)?;
        (frame.rgb_stamp, frame.depth_stamp) = (rgb_stamp, depth_stamp);
        let record = PartRecord {
            session,
            time,
            part_id,
            camera,
        };
        Ok(Part {
            id: part.id.clone(),
            label: part.label.clone(),
            frame,
            mask,
            record,
        })
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut all = self.descriptions.clone();
        for files in self.files.values() {
            let depth = files.depth.as_ref();
            let those = [
                files.rgb.as_deref(),
                depth.map(DepthFile::path),
                depth.and_then(DepthFile::bounds),
                files.mask.as_deref(),
                files.record.as_deref(),
            ];
            all.extend(those.into_iter().flatten().map(Path::to_owned));
        }
        all.sort();
        all
    }
}

/// The name of a set's folder.
pub(crate) fn name_of(root: &Path) -> String {
    // A path such as `.` has no name of its own until it is resolved.
    let resolved = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    resolved.file_name().map_or_else(
        || "data".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn same_size(
    path: &Path,
    found: FrameSize,
    other: &Path,
    expected: FrameSize,
) -> Result<(), DatasetError> {
    if found == expected {
        return Ok(());
    }
    Err(DatasetError::SizeMismatch {
        path: path.to_owned(),
        found,
        other: other.to_owned(),
        expected,
    })
}

/// Moves good training parts to a validation split that has none; says whether it did.
fn hold_out_validation(splits: &mut BTreeMap<Split, Vec<PartRef>>) -> bool {
    if splits.contains_key(&Split::Validation) {
        return false;
    }
    let Some(train) = splits.remove(&Split::Train) else {
        return false;
    };
    let good = train
        .iter()
        .filter(|part| part.label == Label::Good)
        .count();
    let enough = good >= HELD_OUT_EVERY;
    let (mut kept, mut held_out, mut place) = (Vec::new(), Vec::new(), 0_usize);
    for part in train {
        let mut hold_out = false;
        if enough && part.label.is_good() {
            hold_out = place.is_multiple_of(HELD_OUT_EVERY);
            place += 1;
        }
        if hold_out {
            held_out.push(PartRef {
                split: Split::Validation,
                ..part
            });
        } else {
            kept.push(part);
        }
    }
    splits.insert(Split::Train, kept);
    if enough {
        splits.insert(Split::Validation, held_out);
    }
    enough
}
