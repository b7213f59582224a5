//! Where parts go: a folder in the layout of recorded parts.

use std::path::{Path, PathBuf};

use twinspect_core::frame::{DepthFrame, FramePair, FrameSize};
use twinspect_dataset::{
    Camera, Label, PartId, PartRecord, RecordedPartsWriter, Split, WriteError, file_kind,
};

use crate::cli::RecordArgs;
use crate::clock;
use crate::config::{CameraSource, DISTANCES_MM};
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
    /// Of a camera that has not been opened yet.
    ///
    /// # Errors
    /// [`EdgeError::Usage`] for a wish that no camera can fulfil, [`EdgeError::Recording`] for a folder that holds something
    /// else.
    pub(super) fn new(
        args: &RecordArgs,
        root: &Path,
        source: &CameraSource,
    ) -> Result<Self, EdgeError> {
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
        let split = Split::from(args.split);
        if !label.is_good() && split != Split::Test {
            return Err(EdgeError::Usage {
                message: format!("--label {label}: split `{split}` takes good parts alone"),
                hint: "nothing is learnt from defective parts, and no line is drawn by them: record them with --split test",
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
        fits(root, args.belt_mm, source)?;
        let session = args.session.clone();
        let folder = Self {
            root: root.to_owned(),
            writer: None,
            split,
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

/// Whether the parts that are there, if any are, can be this camera's, as far as that is known before it is opened.
fn fits(root: &Path, belt_mm: Option<f64>, source: &CameraSource) -> Result<(), EdgeError> {
    // What can't be read, the writer tells.
    let Ok(dataset) = twinspect_dataset::open(root) else {
        return Ok(());
    };
    // Of a camera of colour alone nothing is written down.
    let known_mm = dataset.camera().map(|camera| camera.distance_to_belt_mm);
    if let (Some(belt_mm), Some(known_mm)) = (belt_mm, known_mm)
        && known_mm != Some(belt_mm)
    {
        let out = root.display();
        let known = known_mm.map_or("do not say how far".to_owned(), |mm| format!("say {mm} mm"));
        return Err(EdgeError::Usage {
            message: format!("--belt-mm {belt_mm}: the parts of {out} {known}"),
            hint: "the option is for the camera.json of a new folder: leave it away, or record into another one",
        });
    }
    if let (Some(camera), Some(size)) = (dataset.camera(), size_of(source)) {
        let there = camera.intrinsics.size();
        let differences = [
            ("width", there.width, size.width),
            ("height", there.height, size.height),
        ];
        let differences: Vec<String> = differences
            .into_iter()
            .filter(|(_, there, here)| there != here)
            .map(|(key, there, here)| format!("{key} is {there} there and {here} here"))
            .collect();
        if !differences.is_empty() {
            return Err(EdgeError::Recording(WriteError::OtherCamera {
                root: root.to_owned(),
                differences,
            }));
        }
    }
    Ok(())
}

/// The size of pictures, of a camera that is asked for one.
fn size_of(source: &CameraSource) -> Option<FrameSize> {
    match source {
        CameraSource::RealSense(source) => source.spec.streams.as_ref().map(|asked| asked.colour),
        CameraSource::V4l2(source) => Some(source.spec.stream.size),
        CameraSource::Replay(_) | CameraSource::Belt { .. } => None,
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
    use twinspect_core::frame::{Intrinsics, RgbFrame};

    use super::*;
    use crate::config;
    use crate::error::WithCauses;

    /// A camera of colour that is asked for pictures of this size.
    fn colour_camera(width: usize, height: usize) -> CameraSource {
        let text =
            format!("[camera]\nkind = \"v4l2\"\n[v4l2]\nwidth = {width}\nheight = {height}\n");
        let loaded = config::parse_without_model(Path::new("station.toml"), &text).unwrap();
        loaded.station.camera
    }

    #[test]
    fn parts_of_another_camera_are_known_before_this_one_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let size = FrameSize {
            width: 4,
            height: 2,
        };
        let intrinsics = Intrinsics {
            width: 4,
            height: 2,
            fx: 4.0,
            fy: 4.0,
            cx: 1.5,
            cy: 0.5,
            distortion: [0.0; 5],
        };
        let camera = Camera {
            intrinsics,
            depth_unit_m: None,
            distance_to_belt_mm: Some(400.0),
        };
        let rgb = RgbFrame::new(size, vec![90; 24]).unwrap();
        let pair = FramePair::new(Some(rgb), None, Some(intrinsics)).unwrap();
        // Nothing is there yet.
        fits(&root.join("new"), Some(450.0), &colour_camera(640, 480)).unwrap();
        RecordedPartsWriter::create(root, Some(camera))
            .unwrap()
            .write(
                Split::Train,
                &Label::Good,
                &pair,
                None,
                &PartRecord::default(),
            )
            .unwrap();
        for belt_mm in [None, Some(400.0)] {
            fits(root, belt_mm, &colour_camera(4, 2)).unwrap();
        }
        let told = |belt_mm, source| {
            let error = fits(root, belt_mm, &source).unwrap_err();
            (error.code(), WithCauses(&error).to_string())
        };
        let (code, text) = told(Some(450.0), colour_camera(4, 2));
        assert_eq!(code, 2);
        assert!(text.starts_with("--belt-mm 450: the parts of ") && text.ends_with(" say 400 mm"));
        let (code, text) = told(None, colour_camera(640, 2));
        assert_eq!(code, 3);
        assert!(
            text.ends_with("another camera: width is 4 there and 640 here"),
            "{text}"
        );
    }

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
