//! Where parts go: a folder in the layout of recorded parts.

use std::path::{Path, PathBuf};

use twinspect_core::frame::{DepthFrame, FramePair};
use twinspect_dataset::{Camera, Label, PartId, PartRecord, RecordedPartsWriter, Split, file_kind};

use crate::cli::RecordArgs;
use crate::clock;
use crate::config::DISTANCES_MM;
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
    /// Of a camera that is not known yet.
    ///
    /// # Errors
    /// [`EdgeError::Usage`] for a wish that no camera can fulfil, [`EdgeError::Recording`] for a folder that holds something
    /// else.
    pub(super) fn new(args: &RecordArgs, root: &Path) -> Result<Self, EdgeError> {
        if let Some(belt_mm) = args.belt_mm
            && !DISTANCES_MM.contains(&belt_mm)
        {
            let (least, most) = (DISTANCES_MM.start(), DISTANCES_MM.end());
            return Err(EdgeError::Usage {
                message: format!(
                    "--belt-mm {belt_mm} is no distance from a camera to its belt: {least} to {most} mm"
                ),
                hint: "`twinspect calibrate` measures it, in millimetres",
            });
        }
        let label = Label::from_folder(&args.label);
        if let Err(error) = RecordedPartsWriter::class_folder(&label) {
            return Err(EdgeError::Usage {
                message: format!("--label: {error}"),
                hint: "use letters, digits, `_` and `-`: `good`, or what is wrong with the parts",
            });
        }
        if let Ok(found) = fs_err::metadata(root)
            && !found.is_dir()
        {
            let (out, found) = (root.display(), file_kind(found.file_type()));
            return Err(EdgeError::Usage {
                message: format!("--out {out} is {found} and no folder"),
                hint: "name a folder of recorded parts, or one that is not there yet",
            });
        }
        RecordedPartsWriter::examine(root).map_err(EdgeError::Recording)?;
        let session = args.session.clone();
        let folder = Self {
            root: root.to_owned(),
            writer: None,
            split: args.split.into(),
            label,
            session: session.unwrap_or_else(clock::now_rfc3339),
            camera: String::new(),
            belt_mm: args.belt_mm,
        };
        folder.tell_of_leftovers();
        Ok(folder)
    }

    /// Of this camera.
    pub(super) fn by(self, camera: String) -> Self {
        Self { camera, ..self }
    }

    /// Says where parts lie that somebody was writing when the process was killed. They are not removed: another machine
    /// may write into the same folder.
    fn tell_of_leftovers(&self) {
        let class = self.root.join(self.class());
        let left = leftovers(&class, |process| Path::new("/proc").join(process).exists());
        if let Some(first) = left.first() {
            log::warn!(
                "in {} lies what killed recordings have not finished ({} in all, the first is {first}): nobody reads it, and \
                 it may be deleted",
                class.display(),
                left.len()
            );
        }
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

/// Names of what processes that live no more have left in a folder of parts: `.partial-PROCESS-NUMBER`.
fn leftovers(class: &Path, lives: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(class) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_left = |name: &String| {
        name.strip_prefix(".partial-")
            .and_then(|rest| rest.split_once('-'))
            .is_some_and(|(process, _)| process.parse::<u32>().is_ok() && !lives(process))
    };
    let mut left: Vec<String> = names.filter(is_left).collect();
    left.sort();
    left
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_recording_has_left_is_told_from_what_is_being_written() {
        let class = tempfile::tempdir().unwrap();
        for name in [
            "000",
            ".partial-12-0",
            ".partial-7-3",
            ".partial-7-1",
            ".partial-notes-1",
            ".partial-7",
        ] {
            std::fs::create_dir(class.path().join(name)).unwrap();
        }
        let left = leftovers(class.path(), |process| process == "12");
        assert_eq!(left, [".partial-7-1", ".partial-7-3"]);
        assert!(leftovers(&class.path().join("absent"), |_| false).is_empty());
    }
}
