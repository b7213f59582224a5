//! Recording parts: the writer of the plain layout.
//!
//! A part is written into a folder with a dotted name, forced to disk and renamed, so that a crash
//! or a loss of power leaves it whole or absent. Dotted leftovers are never read and may be removed.

mod error;
mod files;

use std::path::{Path, PathBuf};

use twinspect_core::frame::{DepthFrame, FramePair, Intrinsics};

pub use self::error::WriteError;
pub(crate) use self::files::encode_pictures;
use self::files::{Partial, make_folders, sync_folder, write_file, writing};
use crate::camera::{CAMERA_FILE, Camera};
use crate::folder::Listing;
use crate::layout::{Layout, foreign_to_recorded, list_recorded, recognise};
use crate::part::{Label, Mask, Modalities, PartId, PartRecord, Split};
use crate::picture::MAX_PIXELS;

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
    /// `camera` goes to `camera.json` and holds for all parts; colour-only sets may do without. A camera that does not
    /// say how far the belt is takes over what the set's camera says.
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

    /// Whether parts could be added to a folder, which need not be there; nothing is written.
    ///
    /// # Errors
    /// When it holds something else, or parts that can't be read.
    pub fn examine(root: &Path) -> Result<(), WriteError> {
        if root.is_dir() {
            existing_parts(root)?;
        }
        Ok(())
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
        if frame.size().pixels() as u64 > MAX_PIXELS {
            return Err(WriteError::TooManyPixels {
                size: frame.size(),
                limit: MAX_PIXELS,
            });
        }
        self.refuse_other_camera(frame)?;
        let modalities = self.check_modalities(frame)?;
        self.check_mask(label, frame, mask)?;
        let class = make_folders(&self.root, split.folder(), Self::class_folder(label)?)?;

        let partial = Partial::create(&class)?;
        partial.write_pictures(frame, mask)?;
        partial.write_record(frame, record)?;
        let name = partial.install(&class)?;

        self.modalities = Some(modalities);
        if !label.is_good() {
            self.masks = Some(mask.is_some());
        }
        Ok(PartId::new(format!("{split}/{label}/{name}")))
    }

    /// The class folder of a label, if it can be one and would be read back as the same label.
    ///
    /// # Errors
    /// [`WriteError::KindName`].
    pub fn class_folder(label: &Label) -> Result<&str, WriteError> {
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

    fn agree_on_camera(&mut self, existing: &Listing) -> Result<(), WriteError> {
        let path = self.root.join(CAMERA_FILE);
        if let (Some(given), Some(found)) = (&mut self.camera, &existing.camera)
            && given.distance_to_belt_mm.is_none()
        {
            given.distance_to_belt_mm = found.distance_to_belt_mm;
        }
        match (&self.camera, &existing.camera) {
            (given, found) if given == found => Ok(()),
            (Some(camera), None) if existing.parts.is_empty() => {
                let text = camera.to_json()?;
                let draft = self
                    .root
                    .join(format!(".{CAMERA_FILE}.{}", std::process::id()));
                write_file(&draft, text.as_bytes())
                    .and_then(|()| fs_err::rename(&draft, &path).map_err(writing(&path)))
                    // It is never read: what became of it is no news beside the error.
                    .inspect_err(|_| fs_err::remove_file(&draft).unwrap_or_default())?;
                sync_folder(&self.root)
            }
            (given, found) => Err(self.other_camera(found.as_ref(), given.as_ref())),
        }
    }

    fn refuse_other_camera(&self, frame: &FramePair) -> Result<(), WriteError> {
        if let Some(DepthFrame::Points(_)) = frame.depth() {
            return Err(WriteError::PointsGiven);
        }
        let own = self.camera;
        let size = frame.size();
        // Colour need not say where it was seen from; its size is told all the same.
        let intrinsics = frame.intrinsics().copied().or_else(|| {
            own.map(|own| Intrinsics {
                width: size.width,
                height: size.height,
                ..own.intrinsics
            })
        });
        let depth_unit_m = match frame.depth() {
            Some(DepthFrame::Counts(counts)) => Some(counts.unit_m()),
            Some(DepthFrame::Points(_)) | None => own.and_then(|own| own.depth_unit_m),
        };
        let seen = intrinsics.map(|intrinsics| Camera {
            intrinsics,
            depth_unit_m,
            distance_to_belt_mm: own.and_then(|own| own.distance_to_belt_mm),
        });
        if seen == own {
            return Ok(());
        }
        Err(self.other_camera(own.as_ref(), seen.as_ref()))
    }

    fn other_camera(&self, existing: Option<&Camera>, given: Option<&Camera>) -> WriteError {
        WriteError::OtherCamera {
            root: self.root.clone(),
            differences: Camera::differences(existing, given),
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
        Ok(Layout::RecordedParts) => {}
        Ok(layout) => {
            return Err(WriteError::OtherLayout {
                root: root.to_owned(),
                layout,
            });
        }
        Err(_) => {
            if let Some(found) = foreign_to_recorded(root).map_err(unreadable)? {
                return Err(WriteError::Foreign {
                    root: root.to_owned(),
                    found,
                });
            }
        }
    }
    list_recorded(root).map_err(unreadable)
}
