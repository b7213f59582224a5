//! Recorded parts on a simulated belt, seen by a camera that runs freely.

use twinspect_core::frame::{
    DepthCounts, DepthFrame, FramePair, Intrinsics, RgbFrame, Stamp, StampDomain,
};
use twinspect_core::plane::Plane;
use twinspect_dataset::Part;

use crate::{Camera, CameraError, CameraFrame, ReplayCamera, Truth};

/// What says how high something stands, and where.
const NO_PLACE: &str = "it needs depth in counts and the camera's intrinsics";

/// How the belt is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BeltView {
    /// The bare belt, which continues beyond the recorded pictures.
    pub belt: Plane,
    /// From frame to frame.
    pub period_us: u64,
    /// Frames from part to part, at least 4. The frame in the middle of them is the recorded one.
    pub frames_a_part: u32,
}

/// Carries each recorded part across the picture, from the left side to the right.
///
/// A frame's time is its turn, however late somebody asks for it, as a camera's driver keeps frames that
/// nobody has fetched yet: which frames come, and with which times, depends on no other program. A part
/// keeps its heights above the belt where it moves; it is not seen from another side, as it would be by a
/// camera close by. Between two parts the picture is empty.
#[derive(Debug)]
pub struct BeltCamera {
    parts: ReplayCamera,
    view: BeltView,
    start_us: Option<u64>,
    frames: u64,
    /// The part that is on its way. A recording's last one is followed by the empty belt.
    part: Option<Part>,
    has_ended: bool,
}

impl BeltCamera {
    /// Lays the parts of a recording on a belt.
    ///
    /// # Errors
    /// [`CameraError::NoBelt`] for parts without depth in counts, or from a camera that nobody knows.
    pub fn new(parts: ReplayCamera, view: BeltView) -> Result<Self, CameraError> {
        if let (None, Some(first)) = (parts.intrinsics(), parts.parts().first()) {
            return Err(CameraError::NoBelt {
                id: first.id.clone(),
                problem: NO_PLACE,
            });
        }
        Ok(Self {
            parts,
            view,
            start_us: None,
            frames: 0,
            part: None,
            has_ended: false,
        })
    }

    /// The next part, when its turn has come.
    fn advance(&mut self, turn: u64) -> Result<(), CameraError> {
        if turn > 0 {
            return Ok(());
        }
        if self.has_ended {
            return Err(CameraError::End);
        }
        self.part = match self.parts.next_part() {
            Err(CameraError::End) if self.part.is_some() => {
                // The belt runs on, so that the end of the last part is seen.
                self.has_ended = true;
                return Ok(());
            }
            part => Some(part?),
        };
        Ok(())
    }

    /// Pixels by which the part lies to the right of where it was recorded.
    fn shift(&self, turn: u64, width: usize) -> i64 {
        let middle = i64::from(self.view.frames_a_part / 2);
        let (turn, width) = (i64::try_from(turn).unwrap_or(0), width as i64);
        (turn - middle) * width / middle
    }

    /// The part as it lies at a turn.
    fn picture(&self, part: &Part, turn: u64) -> Result<FramePair, CameraError> {
        let refuse = |problem| CameraError::NoBelt {
            id: part.id.clone(),
            problem,
        };
        let frame = &part.frame;
        let width = frame.size().width;
        let shift = if self.has_ended {
            // The last part has gone, and none follows.
            width as i64
        } else {
            self.shift(turn, width)
        };
        if shift == 0 {
            return Ok(frame.clone());
        }
        let camera = frame.intrinsics();
        let depth = match (frame.depth(), camera) {
            (Some(DepthFrame::Counts(counts)), Some(camera)) => {
                moved_depth(counts, camera, &self.view.belt, shift)
            }
            _ => return Err(refuse(NO_PLACE)),
        };
        let rgb = frame.rgb().map(|rgb| moved_colour(rgb, shift));
        rgb.transpose()
            .and_then(|rgb| FramePair::new(rgb, Some(DepthFrame::Counts(depth?)), camera.copied()))
            .map_err(|_sizes| refuse("its pictures differ in size"))
    }
}

/// Where a column of the moved picture was recorded.
fn source(column: usize, shift: i64, width: usize) -> Option<usize> {
    let source = usize::try_from(column as i64 - shift).ok()?;
    (source < width).then_some(source)
}

/// Beyond the recorded picture the colours of its side go on.
fn moved_colour(rgb: &RgbFrame, shift: i64) -> Result<RgbFrame, twinspect_core::frame::FrameError> {
    let width = rgb.size().width;
    let side = if shift > 0 { 0 } else { width - 1 };
    let rows = rgb.data().chunks_exact(3 * width);
    let moved = rows.flat_map(|row| {
        (0..width).flat_map(move |column| {
            let from = 3 * source(column, shift, width).unwrap_or(side);
            row.iter().skip(from).take(3).copied()
        })
    });
    RgbFrame::new(rgb.size(), moved.collect())
}

/// Beyond the recorded picture lies the bare belt. What was not measured is not measured elsewhere.
fn moved_depth(
    counts: &DepthCounts,
    camera: &Intrinsics,
    belt: &Plane,
    shift: i64,
) -> Result<DepthCounts, twinspect_core::frame::FrameError> {
    let (width, unit_mm) = (camera.width, counts.unit_m() * 1e3);
    // The distance along the optical axis at which a ray has a height above the belt.
    let along = |column: usize, row: usize| {
        let (x, y) = camera.ray(column as f64, row as f64);
        belt.normal[0] * x + belt.normal[1] * y + belt.normal[2]
    };
    let rows = counts.data().chunks_exact(width).enumerate();
    let moved = rows.flat_map(|(row, line)| {
        (0..width).map(move |column| {
            let height_mm = match source(column, shift, width).map(|from| (from, line.get(from))) {
                Some((_, Some(0) | None)) => return 0,
                Some((from, Some(&count))) => {
                    f64::from(count) * unit_mm * along(from, row) - belt.offset_mm
                }
                None => 0.0,
            };
            let z_mm = (belt.offset_mm + height_mm) / along(column, row);
            (z_mm / unit_mm).round().clamp(0.0, f64::from(u16::MAX)) as u16
        })
    });
    DepthCounts::new(camera.size(), counts.unit_m(), moved.collect())
}

impl Camera for BeltCamera {
    fn description(&self) -> String {
        format!("belt with a {}", self.parts.description())
    }

    fn intrinsics(&self) -> Option<&Intrinsics> {
        self.parts.intrinsics()
    }

    fn capture(&mut self, now_us: u64) -> Result<CameraFrame, CameraError> {
        let start_us = *self.start_us.get_or_insert(now_us);
        let turn = self.frames % u64::from(self.view.frames_a_part.max(4));
        let time_us = start_us + self.frames * self.view.period_us;
        self.frames += 1;
        self.advance(turn)?;
        let part = self.part.as_ref().ok_or(CameraError::End)?;
        let mut pair = self.picture(part, turn)?;
        let stamp = Stamp {
            frame_number: self.frames,
            time_us,
            domain: StampDomain::Host,
        };
        pair.rgb_stamp = pair.rgb().is_some().then_some(stamp);
        pair.depth_stamp = pair.depth().is_some().then_some(stamp);
        Ok(CameraFrame {
            pair,
            truth: (!self.has_ended).then(|| Truth {
                id: part.id.clone(),
                label: part.label.clone(),
            }),
        })
    }

    fn next_frame_us(&self) -> Option<u64> {
        let start_us = self.start_us?;
        Some(start_us + self.frames * self.view.period_us)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twinspect_core::frame::FrameSize;
    use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split};

    use super::*;
    use crate::Repeat;

    const CAMERA: Intrinsics = Intrinsics {
        width: 40,
        height: 8,
        fx: 100.0,
        fy: 100.0,
        cx: 19.5,
        cy: 3.5,
        distortion: [0.0; 5],
    };
    const SIZE: FrameSize = FrameSize {
        width: 40,
        height: 8,
    };
    /// Tilted: one millimetre in fifty.
    fn belt() -> Plane {
        let normal = [0.02_f64, 0.0, -1.0];
        let length = normal[0].hypot(1.0);
        Plane {
            normal: normal.map(|value| value / length),
            offset_mm: -300.0,
        }
    }

    const VIEW_FRAMES: u32 = 8;

    fn view() -> BeltView {
        BeltView {
            belt: belt(),
            period_us: 10_000,
            frames_a_part: VIEW_FRAMES,
        }
    }

    /// A block of 6 mm in the columns from 16 to 24, on the tilted belt.
    fn block() -> FramePair {
        let belt = belt();
        let counts = (0..SIZE.pixels()).map(|pixel| {
            let (column, row) = (pixel % SIZE.width, pixel / SIZE.width);
            let (x, y) = CAMERA.ray(column as f64, row as f64);
            let along = belt.normal[0] * x + belt.normal[1] * y + belt.normal[2];
            let height_mm = if (16..24).contains(&column) { 6.0 } else { 0.0 };
            ((belt.offset_mm + height_mm) / along / 0.05).round() as u16
        });
        let depth = DepthCounts::new(SIZE, 5e-5, counts.collect()).unwrap();
        let colours = (0..SIZE.pixels()).flat_map(|pixel| [(pixel % 40) as u8; 3]);
        let rgb = RgbFrame::new(SIZE, colours.collect()).unwrap();
        FramePair::new(Some(rgb), Some(DepthFrame::Counts(depth)), Some(CAMERA)).unwrap()
    }

    fn camera(root: &Path, repeat: Repeat) -> BeltCamera {
        let recorded = twinspect_dataset::Camera {
            intrinsics: CAMERA,
            depth_unit_m: Some(5e-5),
            distance_to_belt_mm: Some(300.0),
        };
        let mut writer = RecordedPartsWriter::create(root, Some(recorded)).unwrap();
        for label in [Label::Good, Label::Defect("dent".into())] {
            writer
                .write(Split::Test, &label, &block(), None, &PartRecord::default())
                .unwrap();
        }
        let dataset = twinspect_dataset::open(root).unwrap();
        BeltCamera::new(ReplayCamera::new(dataset, None, repeat).unwrap(), view()).unwrap()
    }

    /// Columns that stand above the belt, by more than so much; and none below it.
    fn high_columns(pair: &FramePair) -> Vec<usize> {
        (0..SIZE.width)
            .filter(|column| {
                let height_mm = belt().height_mm(pair.point(*column, 4).unwrap());
                assert!(height_mm > -0.1, "{column}: {height_mm}");
                height_mm > 5.8
            })
            .collect()
    }

    #[test]
    fn a_part_comes_from_the_left_is_the_recorded_one_and_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let mut camera = camera(&folder.path().join("lid"), Repeat::Once);
        let frames: Vec<CameraFrame> = (0..8).map(|_| camera.capture(500).unwrap()).collect();
        let columns: Vec<Vec<usize>> = frames
            .iter()
            .map(|frame| high_columns(&frame.pair))
            .collect();
        let eight = |from: usize| (from..from + 8).collect::<Vec<_>>();
        let expected = [
            vec![],
            vec![],
            (0..4).collect(),
            eight(6),
            eight(16),
            eight(26),
            (36..40).collect(),
            vec![],
        ];
        assert_eq!(columns, expected);
        let middle = &frames[4].pair;
        assert_eq!(
            (middle.depth(), middle.rgb()),
            (block().depth(), block().rgb())
        );
        let colours = frames[3].pair.rgb().unwrap().data();
        assert_eq!((colours[0], colours[3 * 10], colours[3 * 39]), (10, 20, 39));
    }

    #[test]
    fn frames_have_the_times_of_their_turns_and_end_after_an_empty_belt() {
        let folder = tempfile::tempdir().unwrap();
        let mut camera = camera(&folder.path().join("lid"), Repeat::Once);
        assert_eq!(
            camera.next_frame_us(),
            None,
            "it starts when somebody looks"
        );
        let mut names = Vec::new();
        for turn in 0..3 * u64::from(VIEW_FRAMES) {
            // However late somebody asks.
            let frame = camera.capture(500 + 35_000 * turn).unwrap();
            let stamp = frame.pair.depth_stamp.unwrap();
            assert_eq!(
                (stamp.frame_number, stamp.time_us),
                (turn + 1, 500 + 10_000 * turn)
            );
            assert_eq!(camera.next_frame_us(), Some(500 + 10_000 * (turn + 1)));
            if turn >= 2 * u64::from(VIEW_FRAMES) {
                assert!(high_columns(&frame.pair).is_empty());
            }
            names.push(frame.truth.map(|truth| truth.id.as_str().to_owned()));
        }
        assert_eq!(names[4].as_deref(), Some("test/dent/000"));
        assert_eq!(names[12].as_deref(), Some("test/good/000"));
        assert_eq!(names[20], None);
        assert!(camera.capture(0).unwrap_err().is_end());
    }

    #[test]
    fn parts_without_depth_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lid");
        let mut writer = RecordedPartsWriter::create(&root, None).unwrap();
        let rgb = FramePair::new(block().rgb().cloned(), None, None).unwrap();
        writer
            .write(
                Split::Test,
                &Label::Good,
                &rgb,
                None,
                &PartRecord::default(),
            )
            .unwrap();
        let dataset = twinspect_dataset::open(&root).unwrap();
        let parts = ReplayCamera::new(dataset, None, Repeat::Forever).unwrap();
        let error = BeltCamera::new(parts, view()).unwrap_err();
        assert!(
            error.to_string().contains("needs depth in counts"),
            "{error}"
        );
        assert!(error.hint().is_some());
    }
}
