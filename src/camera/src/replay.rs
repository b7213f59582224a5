//! Recorded parts, played as if they came by now.

use twinspect_core::frame::{Intrinsics, Stamp, StampDomain};
use twinspect_dataset::{Dataset, Part, PartRef, Split};

use crate::{Camera, CameraError, CameraFrame, Truth};

/// What follows the last part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// [`CameraError::End`].
    Once,
    /// The first part again, as a new frame.
    Forever,
}

/// Plays a data set in its fixed order, one part a capture, as fast as it is asked.
///
/// Frames get new numbers, counted from 1, and the caller's time: a part that is played twice is
/// a new picture of an equal part, not a repeated picture.
#[derive(Debug)]
pub struct ReplayCamera {
    dataset: Box<dyn Dataset>,
    parts: Vec<PartRef>,
    repeat: Repeat,
    captures: usize,
}

impl ReplayCamera {
    /// Plays one split, or the parts that the data set offers for inspection.
    ///
    /// # Errors
    /// [`CameraError::NoParts`].
    pub fn new(
        dataset: Box<dyn Dataset>,
        split: Option<Split>,
        repeat: Repeat,
    ) -> Result<Self, CameraError> {
        let parts: Vec<PartRef> = match split {
            Some(split) => dataset.parts(split).to_vec(),
            None => dataset.inspection_parts().into_iter().cloned().collect(),
        };
        if parts.is_empty() {
            return Err(CameraError::NoParts { split });
        }
        Ok(Self {
            dataset,
            parts,
            repeat,
            captures: 0,
        })
    }

    /// Parts of one round.
    pub fn parts(&self) -> &[PartRef] {
        &self.parts
    }

    /// Goes on as if `captures` parts had been played, as after a restart.
    pub fn skip(&mut self, captures: usize) {
        self.captures = self.captures.saturating_add(captures);
    }

    /// The next part as it was recorded.
    pub(crate) fn next_part(&mut self) -> Result<Part, CameraError> {
        let place = match self.repeat {
            Repeat::Once => self.captures,
            Repeat::Forever => self.captures % self.parts.len(),
        };
        let part = self.parts.get(place).ok_or(CameraError::End)?;
        self.captures += 1;
        self.dataset.load(part).map_err(|source| CameraError::Part {
            id: part.id.clone(),
            source: Box::new(source),
        })
    }
}

impl Camera for ReplayCamera {
    fn description(&self) -> String {
        format!(
            "replay of {} parts of {}",
            self.parts.len(),
            self.dataset.root().display()
        )
    }

    fn intrinsics(&self) -> Option<&Intrinsics> {
        self.dataset.camera().map(|camera| &camera.intrinsics)
    }

    fn capture(&mut self, now_us: u64) -> Result<CameraFrame, CameraError> {
        let loaded = self.next_part()?;
        let stamp = Stamp {
            frame_number: self.captures as u64,
            time_us: now_us,
            domain: StampDomain::Host,
        };
        let mut pair = loaded.frame;
        pair.rgb_stamp = pair.rgb().is_some().then_some(stamp);
        pair.depth_stamp = pair.depth().is_some().then_some(stamp);
        Ok(CameraFrame {
            pair,
            truth: Some(Truth {
                id: loaded.id,
                label: loaded.label,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twinspect_core::frame::{FramePair, FrameSize, RgbFrame};
    use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter};

    use super::*;

    const SIZE: FrameSize = FrameSize {
        width: 4,
        height: 2,
    };

    fn record(root: &Path, labels: &[Label]) -> Box<dyn Dataset> {
        let mut writer = RecordedPartsWriter::create(root, None).unwrap();
        for (grey, label) in labels.iter().enumerate() {
            let rgb = RgbFrame::new(SIZE, vec![grey as u8; SIZE.pixels() * 3]).unwrap();
            let frame = FramePair::new(Some(rgb), None, None).unwrap();
            writer
                .write(Split::Test, label, &frame, None, &PartRecord::default())
                .unwrap();
        }
        twinspect_dataset::open(root).unwrap()
    }

    fn camera(root: &Path, repeat: Repeat) -> ReplayCamera {
        let dataset = record(root, &[Label::Good, Label::Defect("stain".into())]);
        ReplayCamera::new(dataset, None, repeat).unwrap()
    }

    fn ids(camera: &mut ReplayCamera, captures: usize) -> Vec<Option<String>> {
        (0..captures)
            .map(|_| {
                let frame = camera.capture(0).ok()?;
                frame.truth.map(|truth| truth.id.as_str().to_owned())
            })
            .collect()
    }

    #[test]
    fn parts_come_in_order_with_their_labels_and_then_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut camera = camera(&folder.path().join("lid"), Repeat::Once);
        let first = camera.capture(7).unwrap();
        assert_eq!(
            first.truth.as_ref().map(|truth| &truth.label),
            Some(&Label::Good)
        );
        let second = camera.capture(9).unwrap();
        let stamp = second.pair.rgb_stamp.unwrap();
        assert_eq!((stamp.frame_number, stamp.time_us), (2, 9));
        assert!(camera.capture(10).unwrap_err().is_end());
    }

    #[test]
    fn a_loop_starts_again_with_new_frame_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let mut camera = camera(&folder.path().join("lid"), Repeat::Forever);
        let names = ids(&mut camera, 3);
        assert_eq!(names[0], names[2]);
        let stamp = camera.capture(0).unwrap().pair.rgb_stamp.unwrap();
        assert_eq!(stamp.frame_number, 4);
    }

    #[test]
    fn skipping_goes_on_where_somebody_else_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let mut camera = camera(&folder.path().join("lid"), Repeat::Once);
        camera.skip(1);
        assert_eq!(
            ids(&mut camera, 2),
            [Some("test/stain/000".to_owned()), None]
        );
    }

    #[test]
    fn a_part_that_cannot_be_read_is_named_and_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lid");
        let mut camera = camera(&root, Repeat::Once);
        let picture = root.join("test/good/000/rgb.png");
        std::fs::write(&picture, b"not a picture").unwrap();
        let error = camera.capture(0).unwrap_err();
        assert!(
            matches!(&error, CameraError::Part { id, .. } if id.as_str() == "test/good/000"),
            "{error:?}"
        );
        assert!(camera.capture(0).is_ok());
    }

    #[test]
    fn an_empty_split_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = record(&folder.path().join("lid"), &[Label::Good]);
        let error = ReplayCamera::new(dataset, Some(Split::Train), Repeat::Once).unwrap_err();
        assert_eq!(
            error.to_string(),
            "recording has no parts in its split `train`"
        );
    }
}
