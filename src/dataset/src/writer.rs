//! Recording parts: the writer of the plain layout.
//!
//! A part is written into a folder with a dotted name, forced to disk and renamed, so that a crash
//! or a loss of power leaves it whole or absent. Dotted leftovers are never read and may be removed.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageBuffer, Luma, Rgb};
use twinspect_core::frame::{DepthFrame, FramePair, FrameSize};

use crate::camera::{CAMERA_FILE, Camera};
use crate::error::DatasetError;
use crate::folder::Listing;
use crate::layout::{Layout, list_recorded, recognise};
use crate::part::{Label, Mask, Modalities, PartFile, PartId, PartRecord, Split};

/// Why a part could not be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// What is there already cannot be read, so nothing can be added to it.
    #[error("adding to data set `{}`", root.display())]
    ReadingExisting {
        /// The set's folder.
        root: PathBuf,
        /// What is wrong with it.
        #[source]
        source: DatasetError,
    },
    /// The folder holds a data set of another layout.
    #[error("`{}` holds {layout}, parts can be added to recorded parts only", root.display())]
    OtherLayout {
        /// The folder.
        root: PathBuf,
        /// What it holds.
        layout: Layout,
    },
    /// The set was recorded with another camera, or with another calibration of it.
    #[error("`{}` belongs to another camera: it has {existing}, these parts have {given}", root.display())]
    OtherCamera {
        /// The set's folder.
        root: PathBuf,
        /// The set's camera.
        existing: String,
        /// The frame's or the writer's.
        given: String,
    },
    /// A camera that can't be.
    #[error("camera: {key} is {found}, must be {expected}")]
    CameraValue {
        /// The key in `camera.json`.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// The part lacks or adds a picture that the set's other parts have or lack.
    #[error("parts of `{}` have {existing}, this one has {given}", root.display())]
    OtherModalities {
        /// The set's folder.
        root: PathBuf,
        /// What the set's parts have.
        existing: Modalities,
        /// What this part has.
        given: Modalities,
    },
    /// Some defective parts of the set would have masks, others none.
    #[error("defective parts of `{}` come {} masks, this one {}",
            root.display(), with(*existing), with(!*existing))]
    OtherMasks {
        /// The set's folder.
        root: PathBuf,
        /// Whether the set's defective parts have masks.
        existing: bool,
    },
    /// A mask that isn't the frame's.
    #[error("mask is {found}, the frame is {expected}")]
    MaskSize {
        /// The mask's size.
        found: FrameSize,
        /// The frame's.
        expected: FrameSize,
    },
    /// A good part on which something is marked.
    #[error("the mask marks {pixels} defective pixels on a part that is labelled good")]
    MarkedGood {
        /// How many.
        pixels: usize,
    },
    /// Organised points, which the layout has no file for.
    #[error("recorded parts hold depth in counts of a unit, not organised points")]
    PointsGiven,
    /// A kind of defect that cannot be a folder's name.
    #[error("`{kind}` cannot name a kind of defect")]
    KindName {
        /// The name.
        kind: String,
    },
    /// A file or folder could not be written.
    #[error("writing `{}`", path.display())]
    Writing {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A picture or record could not be encoded.
    #[error("encoding `{}`", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn with(masks: bool) -> &'static str {
    if masks { "with" } else { "without" }
}

impl WriteError {
    /// What to do about it, where there's something more to say than the message does.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::ReadingExisting { source, .. } => source.hint(),
            Self::OtherLayout { .. } | Self::OtherCamera { .. } | Self::OtherModalities { .. } => {
                Some("record into a new folder".into())
            }
            Self::OtherMasks { existing: true, .. } => Some("paint a mask for this part".into()),
            Self::OtherMasks {
                existing: false, ..
            } => Some("leave the mask out, or record into a new folder".into()),
            Self::PointsGiven => Some("record the depth stream as the sensor delivers it".into()),
            Self::KindName { .. } => Some(
                "use letters, digits, `_` and `-`; `good` and `ok` are kept for good parts".into(),
            ),
            _ => None,
        }
    }
}

/// Writes parts in the plain layout, one folder each.
#[derive(Debug)]
pub struct RecordedPartsWriter {
    root: PathBuf,
    camera: Option<Camera>,
    modalities: Option<Modalities>,
    masks: Option<bool>,
}

impl RecordedPartsWriter {
    /// Starts a data set, or goes on with one.
    ///
    /// `camera` goes to `camera.json` and holds for all parts; colour-only sets may do without.
    ///
    /// # Errors
    /// When the folder holds something else, or parts of another camera, or can't be written.
    pub fn create(root: impl Into<PathBuf>, camera: Option<Camera>) -> Result<Self, WriteError> {
        let root = root.into();
        fs_err::create_dir_all(&root).map_err(writing(&root))?;
        let existing = existing_parts(&root)?;
        let mut writer = Self {
            root,
            camera,
            modalities: None,
            masks: None,
        };
        writer.agree_on_camera(&existing)?;
        if let Some((_, files)) = existing.parts.first() {
            let modalities = Modalities {
                rgb: files.rgb.is_some(),
                depth: files.depth.is_some(),
            };
            writer.modalities = Some(modalities);
        }
        writer.masks = existing
            .parts
            .iter()
            .find(|(part, _)| !part.label.is_good())
            .map(|(_, files)| files.mask.is_some());
        Ok(writer)
    }

    /// Adds a part under the next free number of its class folder and returns its name.
    ///
    /// Colour goes to a lossless PNG, depth to a 16-bit PNG of its counts, the mask to a PNG of 0
    /// and 255, `record` and the frame's stamps to `part.json`. When this returns, the part is on
    /// disk; when it fails, nothing of it is.
    ///
    /// # Errors
    /// When the part doesn't fit the set (camera, modalities, masks), when `mask` doesn't fit the
    /// frame or label, or when a file can't be written.
    pub fn write(
        &mut self,
        split: Split,
        label: &Label,
        frame: &FramePair,
        mask: Option<&Mask>,
        record: &PartRecord,
    ) -> Result<PartId, WriteError> {
        self.refuse_other_camera(frame)?;
        let modalities = self.check_modalities(frame)?;
        self.check_mask(label, frame, mask)?;
        let class = self.root.join(split.folder()).join(class_name(label)?);
        fs_err::create_dir_all(&class).map_err(writing(&class))?;

        let partial = Partial::create(&class)?;
        write_pictures(&partial.path, frame, mask)?;
        write_record(&partial.path, frame, record)?;
        sync_folder(&partial.path)?;
        let name = partial.install(&class)?;

        self.modalities = Some(modalities);
        if !label.is_good() {
            self.masks = Some(mask.is_some());
        }
        Ok(PartId::new(format!("{split}/{label}/{name}")))
    }

    fn agree_on_camera(&self, existing: &Listing) -> Result<(), WriteError> {
        let path = self.root.join(CAMERA_FILE);
        match (&self.camera, &existing.camera) {
            (given, found) if given == found => Ok(()),
            (Some(camera), None) if existing.parts.is_empty() => {
                let text =
                    camera
                        .to_json()
                        .map_err(|(key, found, expected)| WriteError::CameraValue {
                            key,
                            found,
                            expected,
                        })?;
                let draft = self
                    .root
                    .join(format!(".{CAMERA_FILE}.{}", std::process::id()));
                write_file(&draft, text.as_bytes())?;
                fs_err::rename(&draft, &path).map_err(writing(&path))?;
                sync_folder(&self.root)
            }
            (given, found) => Err(self.other_camera(found, given)),
        }
    }

    fn refuse_other_camera(&self, frame: &FramePair) -> Result<(), WriteError> {
        let intrinsics = self.camera.map(|camera| camera.intrinsics);
        let fits = match (frame.intrinsics(), intrinsics) {
            (Some(seen), own) => own.as_ref() == Some(seen),
            (None, Some(own)) => own.size() == frame.size(),
            (None, None) => true,
        };
        if !fits {
            return Err(WriteError::OtherCamera {
                root: self.root.clone(),
                existing: described(&intrinsics),
                given: described(&frame.intrinsics()),
            });
        }
        let own_unit = self.camera.and_then(|camera| camera.depth_unit_m);
        match frame.depth() {
            Some(DepthFrame::Counts(counts)) if own_unit != Some(counts.unit_m()) => {
                Err(WriteError::OtherCamera {
                    root: self.root.clone(),
                    existing: format!("depth unit {}", described(&own_unit)),
                    given: format!("depth unit {} m", counts.unit_m()),
                })
            }
            _ => Ok(()),
        }
    }

    fn other_camera(&self, existing: &Option<Camera>, given: &Option<Camera>) -> WriteError {
        WriteError::OtherCamera {
            root: self.root.clone(),
            existing: described(existing),
            given: described(given),
        }
    }

    fn check_modalities(&self, frame: &FramePair) -> Result<Modalities, WriteError> {
        let given = Modalities {
            rgb: frame.rgb().is_some(),
            depth: frame.depth().is_some(),
        };
        match self.modalities {
            Some(existing) if existing != given => Err(WriteError::OtherModalities {
                root: self.root.clone(),
                existing,
                given,
            }),
            _ => Ok(given),
        }
    }

    fn check_mask(
        &self,
        label: &Label,
        frame: &FramePair,
        mask: Option<&Mask>,
    ) -> Result<(), WriteError> {
        if let Some(mask) = mask {
            if mask.size() != frame.size() {
                let (found, expected) = (mask.size(), frame.size());
                return Err(WriteError::MaskSize { found, expected });
            }
            let pixels = mask.defect_pixels();
            if label.is_good() && pixels > 0 {
                return Err(WriteError::MarkedGood { pixels });
            }
        }
        match self.masks {
            Some(existing) if !label.is_good() && existing != mask.is_some() => {
                Err(WriteError::OtherMasks {
                    root: self.root.clone(),
                    existing,
                })
            }
            _ => Ok(()),
        }
    }
}

fn existing_parts(root: &Path) -> Result<Listing, WriteError> {
    let unreadable = |source| WriteError::ReadingExisting {
        root: root.to_owned(),
        source,
    };
    match recognise(root).map_err(unreadable)? {
        Ok(Layout::RecordedParts) | Err(_) => list_recorded(root).map_err(unreadable),
        Ok(layout) => Err(WriteError::OtherLayout {
            root: root.to_owned(),
            layout,
        }),
    }
}

fn described<T: std::fmt::Debug>(value: &Option<T>) -> String {
    value
        .as_ref()
        .map_or_else(|| "none".to_owned(), |value| format!("{value:?}"))
}

/// The class folder of a label, if it can be one and would be read back as the same label.
fn class_name(label: &Label) -> Result<&str, WriteError> {
    let name = label.as_str();
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(plain) && Label::from_folder(name) == *label {
        Ok(name)
    } else {
        Err(WriteError::KindName {
            kind: name.to_owned(),
        })
    }
}

/// A part's folder that is not yet one; removed unless it is installed.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn create(class: &Path) -> Result<Self, WriteError> {
        let mut attempt = 0_u64;
        loop {
            let path = class.join(format!(".partial-{}-{attempt}", std::process::id()));
            match fs_err::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => attempt += 1,
                Err(source) => return Err(WriteError::Writing { path, source }),
            }
        }
    }

    /// Gives the folder the next free number as its name. Another writer may take a number in the
    /// meantime: a folder with files in it cannot be replaced by a rename, so the next one is tried.
    fn install(self, class: &Path) -> Result<String, WriteError> {
        let mut number = next_number(class)?;
        loop {
            let name = format!("{number:03}");
            let path = class.join(&name);
            match fs_err::rename(&self.path, &path) {
                Ok(()) => {
                    sync_folder(class)?;
                    return Ok(name);
                }
                Err(_) if path.exists() => number += 1,
                Err(source) => return Err(WriteError::Writing { path, source }),
            }
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Installed folders have moved away; a leftover that can't be removed is never read.
        fs_err::remove_dir_all(&self.path).unwrap_or_default();
    }
}

/// One more than the highest number in use.
fn next_number(class: &Path) -> Result<u64, WriteError> {
    let mut next = 0;
    for entry in fs_err::read_dir(class).map_err(writing(class))? {
        let name = entry.map_err(writing(class))?.file_name();
        if let Some(number) = name.to_str().and_then(|name| name.parse::<u64>().ok()) {
            next = next.max(number.saturating_add(1));
        }
    }
    Ok(next)
}

fn write_pictures(folder: &Path, frame: &FramePair, mask: Option<&Mask>) -> Result<(), WriteError> {
    let sides = |size: FrameSize| (size.width as u32, size.height as u32);
    if let Some(rgb) = frame.rgb() {
        let (width, height) = sides(rgb.size());
        let picture = ImageBuffer::<Rgb<u8>, _>::from_raw(width, height, rgb.data());
        write_png(&folder.join("rgb.png"), |encoder| {
            picture.map(|picture| picture.write_with_encoder(encoder))
        })?;
    }
    match frame.depth() {
        Some(DepthFrame::Counts(counts)) => {
            let (width, height) = sides(frame.size());
            let picture = ImageBuffer::<Luma<u16>, _>::from_raw(width, height, counts.data());
            write_png(&folder.join("depth.png"), |encoder| {
                picture.map(|picture| picture.write_with_encoder(encoder))
            })?;
        }
        Some(DepthFrame::Points(_)) => return Err(WriteError::PointsGiven),
        None => {}
    }
    if let Some(mask) = mask {
        let (width, height) = sides(mask.size());
        let marked: Vec<u8> = mask.data().iter().map(|&value| value * 255).collect();
        let picture = ImageBuffer::<Luma<u8>, _>::from_raw(width, height, marked);
        write_png(&folder.join("mask.png"), |encoder| {
            picture.map(|picture| picture.write_with_encoder(encoder))
        })?;
    }
    Ok(())
}

/// Encodes one picture; `encode` answers `None` when the buffer doesn't fill the picture.
fn write_png(
    path: &Path,
    encode: impl FnOnce(PngEncoder<&mut Vec<u8>>) -> Option<Result<(), image::ImageError>>,
) -> Result<(), WriteError> {
    let mut bytes = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    let encoded = encode(encoder).unwrap_or_else(|| {
        let cause = "the picture's buffer does not fill its size";
        Err(image::ImageError::Parameter(
            image::error::ParameterError::from_kind(image::error::ParameterErrorKind::Generic(
                cause.into(),
            )),
        ))
    });
    encoded.map_err(|source| WriteError::Encoding {
        path: path.to_owned(),
        source: source.into(),
    })?;
    write_file(path, &bytes)
}

fn write_record(folder: &Path, frame: &FramePair, record: &PartRecord) -> Result<(), WriteError> {
    let stamped = frame.rgb_stamp.is_some() || frame.depth_stamp.is_some();
    if !stamped && *record == PartRecord::default() {
        return Ok(());
    }
    let path = folder.join("part.json");
    let PartRecord {
        session,
        time,
        part_id,
    } = record.clone();
    let (rgb_stamp, depth_stamp) = (frame.rgb_stamp, frame.depth_stamp);
    let file = PartFile {
        session,
        time,
        part_id,
        rgb_stamp,
        depth_stamp,
    };
    let text = serde_json::to_string_pretty(&file).map_err(|source| WriteError::Encoding {
        path: path.clone(),
        source: source.into(),
    })?;
    write_file(&path, (text + "\n").as_bytes())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let write = || -> std::io::Result<()> {
        let mut file = fs_err::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(writing(path))
}

/// Forces a folder's entries to disk, where the system lets folders be opened.
fn sync_folder(path: &Path) -> Result<(), WriteError> {
    if cfg!(unix) {
        fs_err::File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(writing(path))?;
    }
    Ok(())
}

fn writing(path: &Path) -> impl Fn(std::io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError::Writing {
        path: path.clone(),
        source,
    }
}
