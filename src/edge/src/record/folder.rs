//! Where parts go: a folder in the layout of recorded parts.

use std::path::{Path, PathBuf};

use twinspect_core::frame::{DepthFrame, FramePair};
use twinspect_dataset::{Camera, Label, PartId, PartRecord, RecordedPartsWriter, Split};

use crate::cli::RecordArgs;
use crate::clock;
use crate::error::EdgeError;

/// A part that is on disk.
pub(super) struct Kept {
    pub(super) id: PartId,
    pub(super) record: PartRecord,
}

/// The folder, which is made with its first part: only that one tells what its camera is.
pub(super) struct PartsFolder {
    root: PathBuf,
    writer: Option<RecordedPartsWriter>,
    split: Split,
    label: Label,
    session: String,
    camera: String,
    belt_mm: Option<f64>,
}

impl PartsFolder {
    pub(super) fn new(args: &RecordArgs, root: &Path, camera: String) -> Result<Self, EdgeError> {
        if let Some(belt_mm) = args.belt_mm
            && !(belt_mm.is_finite() && belt_mm > 0.0)
        {
            return Err(EdgeError::Usage {
                message: format!("--belt-mm {belt_mm} is no distance"),
                hint: "`twinspect calibrate` measures it, in millimetres",
            });
        }
        let label = Label::from_folder(&args.label);
        RecordedPartsWriter::class_folder(&label).map_err(EdgeError::Recording)?;
        let session = args.session.clone();
        Ok(Self {
            root: root.to_owned(),
            writer: None,
            split: args.split.into(),
            label,
            session: session.unwrap_or_else(clock::now_rfc3339),
            camera,
            belt_mm: args.belt_mm,
        })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn session(&self) -> &str {
        &self.session
    }

    /// `train/good`: below this the parts lie.
    pub(super) fn class(&self) -> String {
        format!("{}/{}", self.split, self.label)
    }

    /// Writes a part, whole or not at all, under a number that nothing has yet.
    pub(super) fn keep(
        &mut self,
        pair: &FramePair,
        part_id: Option<String>,
    ) -> Result<Kept, EdgeError> {
        let record = PartRecord {
            session: Some(self.session.clone()),
            time: Some(clock::now_rfc3339()),
            part_id,
            camera: Some(self.camera.clone()),
        };
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let camera = camera(pair, self.belt_mm);
                let writer = RecordedPartsWriter::create(&self.root, camera);
                self.writer.insert(writer.map_err(EdgeError::Recording)?)
            }
        };
        let id = writer
            .write(self.split, &self.label, pair, None, &record)
            .map_err(EdgeError::Recording)?;
        Ok(Kept { id, record })
    }
}

/// The camera of a set, as far as a picture tells.
fn camera(pair: &FramePair, belt_mm: Option<f64>) -> Option<Camera> {
    let depth_unit_m = match pair.depth() {
        Some(DepthFrame::Counts(counts)) => Some(counts.unit_m()),
        Some(DepthFrame::Points(_)) | None => None,
    };
    Some(Camera {
        intrinsics: *pair.intrinsics()?,
        depth_unit_m,
        distance_to_belt_mm: belt_mm,
    })
}
