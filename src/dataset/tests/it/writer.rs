//! What is recorded is read back the same, and nothing else gets in.

use std::path::Path;

use twinspect_core::frame::{
    DepthCounts, DepthFrame, FramePair, FrameSize, Intrinsics, OrganisedPoints, RgbFrame, Stamp,
    StampDomain,
};
use twinspect_dataset::{
    Camera, Label, Layout, Mask, PartRecord, RecordedPartsWriter, Split, WriteError, open,
};

use crate::fixtures;

const SIZE: FrameSize = FrameSize {
    width: 5,
    height: 3,
};

fn camera() -> Camera {
    let intrinsics = Intrinsics {
        width: SIZE.width,
        height: SIZE.height,
        // Digits that a careless reader of decimals loses.
        fx: 615.123_456_789_012_3,
        fy: 600.1 + 0.2,
        cx: 2.0 / 3.0,
        cy: 1.0,
        distortion: [0.1, -0.2, 1e-5, -3e-6, 1.0 / 7.0],
    };
    Camera {
        intrinsics,
        depth_unit_m: Some(0.000_1),
        distance_to_belt_mm: None,
    }
}

fn rgb(seed: u8) -> RgbFrame {
    RgbFrame::new(SIZE, (0..45).map(|i: u8| i.wrapping_mul(seed)).collect()).unwrap()
}

fn depth(seed: u16, unit_m: f64) -> DepthFrame {
    let counts = (0..15).map(|i: u16| i.wrapping_mul(seed)).collect();
    DepthFrame::Counts(DepthCounts::new(SIZE, unit_m, counts).unwrap())
}

fn pair(seed: u8) -> FramePair {
    let depth = depth(u16::from(seed) * 257, 0.000_1);
    FramePair::new(Some(rgb(seed)), Some(depth), Some(camera().intrinsics)).unwrap()
}

fn mask() -> Mask {
    Mask::new(SIZE, (0..15).map(|i| u8::from(i % 4 == 0)).collect()).unwrap()
}

fn bent() -> Label {
    Label::Defect("bent".into())
}

/// A set with one good part, and a writer that goes on with it.
fn begun(root: &Path) -> RecordedPartsWriter {
    let mut writer = RecordedPartsWriter::create(root, Some(camera())).unwrap();
    writer
        .write(
            Split::Train,
            &Label::Good,
            &pair(3),
            None,
            &PartRecord::default(),
        )
        .unwrap();
    writer
}

fn add(
    writer: &mut RecordedPartsWriter,
    label: &Label,
    frame: &FramePair,
    mask: Option<&Mask>,
) -> Result<String, WriteError> {
    let id = writer.write(Split::Test, label, frame, mask, &PartRecord::default())?;
    Ok(id.as_str().to_owned())
}

fn files_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

#[test]
fn a_part_is_read_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut frame = pair(7);
    let stamp = |time_us| {
        Some(Stamp {
            frame_number: 41,
            time_us,
            domain: StampDomain::Sensor,
        })
    };
    (frame.rgb_stamp, frame.depth_stamp) = (stamp(u64::MAX), stamp(12));
    let record = PartRecord {
        session: Some("shift 2".into()),
        time: Some("2026-11-23T06:00:00Z".into()),
        part_id: Some("A-17".into()),
        camera: Some("D435 0815".into()),
    };
    let mut writer = RecordedPartsWriter::create(folder.path(), Some(camera())).unwrap();
    let id = writer
        .write(Split::Test, &bent(), &frame, Some(&mask()), &record)
        .unwrap();

    let dataset = open(folder.path()).unwrap();
    assert_eq!(dataset.layout(), Layout::RecordedParts);
    assert_eq!(dataset.camera(), Some(&camera()));
    let part = dataset.load(&dataset.parts(Split::Test)[0]).unwrap();
    assert_eq!((part.id, part.label), (id, bent()));
    assert_eq!(part.frame, frame);
    assert_eq!(part.mask, Some(mask()));
    assert_eq!(part.record, record);
}

#[test]
fn colour_and_depth_alone_are_read_back_too() {
    for keep_rgb in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let frame = if keep_rgb {
            pair(5).without_depth()
        } else {
            pair(5).without_rgb()
        }
        .unwrap();
        let mut writer = RecordedPartsWriter::create(folder.path(), Some(camera())).unwrap();
        add(&mut writer, &Label::Good, &frame, None).unwrap();
        let dataset = open(folder.path()).unwrap();
        assert_eq!(
            dataset.load(&dataset.parts(Split::Test)[0]).unwrap().frame,
            frame
        );
    }
}

#[test]
fn numbers_go_on_after_the_highest_in_each_class() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = begun(folder.path());
    assert_eq!(
        add(&mut writer, &Label::Good, &pair(1), None).unwrap(),
        "test/good/000"
    );
    assert_eq!(
        add(&mut writer, &Label::Good, &pair(1), None).unwrap(),
        "test/good/001"
    );
    assert_eq!(
        add(&mut writer, &bent(), &pair(1), Some(&mask())).unwrap(),
        "test/bent/000"
    );
    fs_err::rename(
        folder.path().join("test/good/001"),
        folder.path().join("test/good/041"),
    )
    .unwrap();
    let mut writer = RecordedPartsWriter::create(folder.path(), Some(camera())).unwrap();
    assert_eq!(
        add(&mut writer, &Label::Good, &pair(1), None).unwrap(),
        "test/good/042"
    );
    assert_eq!(open(folder.path()).unwrap().parts(Split::Test).len(), 4);
}

#[test]
fn writers_at_work_at_once_never_share_a_number() {
    let folder = tempfile::tempdir().unwrap();
    begun(folder.path());
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let root = folder.path();
            scope.spawn(move || {
                let mut writer = RecordedPartsWriter::create(root, Some(camera())).unwrap();
                for _ in 0..8 {
                    add(&mut writer, &Label::Good, &pair(seed), None).unwrap();
                }
            });
        }
    });
    let dataset = open(folder.path()).unwrap();
    let names: Vec<_> = dataset
        .parts(Split::Test)
        .iter()
        .map(|part| part.id.name())
        .collect();
    let wanted: Vec<_> = (0..32).map(|number| format!("{number:03}")).collect();
    assert_eq!(names, wanted);
    assert!(
        files_below(folder.path())
            .iter()
            .all(|file| !file.contains(".partial"))
    );
}

#[test]
fn what_a_crash_leaves_is_not_read_and_not_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = begun(folder.path());
    let left = folder
        .path()
        .join(format!("train/good/.partial-{}-0", std::process::id()));
    fixtures::put(&left.join("rgb.png"), b"half a pic");
    assert_eq!(open(folder.path()).unwrap().parts(Split::Train).len(), 1);
    writer
        .write(
            Split::Train,
            &Label::Good,
            &pair(4),
            None,
            &PartRecord::default(),
        )
        .unwrap();
    assert_eq!(open(folder.path()).unwrap().parts(Split::Train).len(), 2);
}

#[test]
fn another_camera_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = begun(folder.path());
    let before = files_below(folder.path());
    let mut other = camera();
    other.intrinsics.cx += 1e-9;
    let refused = |error: WriteError| {
        assert!(matches!(error, WriteError::OtherCamera { .. }), "{error:?}");
        assert!(error.hint().is_some());
    };
    refused(RecordedPartsWriter::create(folder.path(), Some(other)).unwrap_err());
    refused(RecordedPartsWriter::create(folder.path(), None).unwrap_err());
    let moved = FramePair::new(
        Some(rgb(1)),
        Some(depth(1, 0.000_1)),
        Some(other.intrinsics),
    )
    .unwrap();
    refused(add(&mut writer, &Label::Good, &moved, None).unwrap_err());
    let seen = Some(camera().intrinsics);
    let scaled = FramePair::new(Some(rgb(1)), Some(depth(1, 0.001)), seen).unwrap();
    refused(add(&mut writer, &Label::Good, &scaled, None).unwrap_err());
    assert_eq!(files_below(folder.path()), before);
}

#[test]
fn what_differs_is_told_key_by_key_in_the_words_of_the_cameras_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = begun(folder.path());
    let mut other = camera();
    other.intrinsics.fx = 600.5;
    other.depth_unit_m = None;
    let told = |error: WriteError| {
        assert!(matches!(error, WriteError::OtherCamera { .. }), "{error:?}");
        error.to_string()
    };
    let create = |camera| told(RecordedPartsWriter::create(folder.path(), camera).unwrap_err());
    let error = create(Some(other));
    assert!(
        error.ends_with(
            "belongs to another camera: fx is 615.1234567890123 there and 600.5 here; \
             depth_unit_m is 0.0001 there and absent here"
        ),
        "{error}"
    );
    assert!(create(None).ends_with("camera.json is there, and no camera here"));
    let seen = Some(camera().intrinsics);
    let scaled = FramePair::new(Some(rgb(1)), Some(depth(1, 0.001)), seen).unwrap();
    let error = told(add(&mut writer, &Label::Good, &scaled, None).unwrap_err());
    assert!(
        error.ends_with("camera: depth_unit_m is 0.0001 there and 0.001 here"),
        "{error}"
    );

    let colour = tempfile::tempdir().unwrap();
    let flat = FramePair::new(Some(rgb(1)), None, None).unwrap();
    let mut writer = RecordedPartsWriter::create(colour.path(), None).unwrap();
    add(&mut writer, &Label::Good, &flat, None).unwrap();
    let error = RecordedPartsWriter::create(colour.path(), Some(camera())).unwrap_err();
    let error = told(error);
    assert!(
        error.ends_with("camera.json is absent there, and a camera here"),
        "{error}"
    );
}

#[test]
fn a_folder_of_other_things_is_left_alone() {
    let foreign = |inside: &str, is_folder: bool| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(inside);
        if is_folder {
            fs_err::create_dir_all(&path).unwrap();
        } else {
            fixtures::put(&path, b"mine");
        }
        let examined = RecordedPartsWriter::examine(folder.path()).unwrap_err();
        let error = RecordedPartsWriter::create(folder.path(), Some(camera())).unwrap_err();
        for error in [examined, error] {
            assert!(
                matches!(&error, WriteError::Foreign { found, .. } if *found == path),
                "{inside}: {error:?}"
            );
            assert!(error.hint().is_some());
        }
        assert!(!folder.path().join("camera.json").exists());
    };
    foreign("holiday.txt", false);
    foreign("letters", true);
    foreign("train", false);
    foreign("train/note.txt", false);
    foreign("train/good/000", true);

    // Begun, or touched by a desktop; and a set with a note beside its parts.
    let folder = tempfile::tempdir().unwrap();
    fixtures::put(&folder.path().join(".DS_Store"), b"");
    fs_err::create_dir_all(folder.path().join("train/good")).unwrap();
    RecordedPartsWriter::examine(folder.path()).unwrap();
    let mut writer = begun(folder.path());
    fixtures::put(&folder.path().join("note.txt"), b"");
    add(&mut writer, &Label::Good, &pair(2), None).unwrap();
    begun(folder.path());
    RecordedPartsWriter::examine(&folder.path().join("new")).unwrap();
    assert!(!folder.path().join("new").exists());
}

#[test]
fn who_does_not_know_the_distance_to_the_belt_takes_over_the_sets() {
    let folder = tempfile::tempdir().unwrap();
    let at = |distance_to_belt_mm| Camera {
        distance_to_belt_mm,
        ..camera()
    };
    let begin = |camera| RecordedPartsWriter::create(folder.path(), Some(camera));
    begin(at(Some(450.5))).unwrap();
    let mut writer = begin(at(None)).unwrap();
    add(&mut writer, &Label::Good, &pair(3), None).unwrap();
    assert_eq!(
        open(folder.path()).unwrap().camera(),
        Some(&at(Some(450.5)))
    );
    let error = begin(at(Some(451.5))).unwrap_err();
    assert!(matches!(error, WriteError::OtherCamera { .. }), "{error:?}");
}

#[test]
fn a_camera_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = camera();
    broken.intrinsics.fy = f64::NAN;
    let error = RecordedPartsWriter::create(folder.path(), Some(broken)).unwrap_err();
    assert!(
        matches!(&error, WriteError::CameraValue { key: "fy", .. }),
        "{error:?}"
    );
    assert!(files_below(folder.path()).is_empty());
}

#[test]
fn parts_that_do_not_fit_the_set_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = begun(folder.path());
    add(&mut writer, &bent(), &pair(2), Some(&mask())).unwrap();
    let before = files_below(folder.path());

    let flat = pair(1).without_depth().unwrap();
    let error = add(&mut writer, &Label::Good, &flat, None).unwrap_err();
    assert!(
        matches!(error, WriteError::OtherModalities { .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("have colour and depth, this one has colour"),
        "{error}"
    );

    let error = add(&mut writer, &bent(), &pair(1), None).unwrap_err();
    assert!(
        matches!(error, WriteError::OtherMasks { existing: true, .. }),
        "{error:?}"
    );

    let error = add(&mut writer, &Label::Good, &pair(1), Some(&mask())).unwrap_err();
    assert!(
        matches!(error, WriteError::MarkedGood { pixels: 4 }),
        "{error:?}"
    );

    let small = Mask::new(
        FrameSize {
            width: 1,
            height: 1,
        },
        vec![1],
    )
    .unwrap();
    let error = add(&mut writer, &bent(), &pair(1), Some(&small)).unwrap_err();
    assert_eq!(error.to_string(), "mask is 1 x 1, the frame is 5 x 3");

    for kind in ["", "good", "OK", "../bent", ".bent", "a/b", "a b"] {
        let label = Label::Defect(kind.into());
        let error = add(&mut writer, &label, &pair(1), Some(&mask())).unwrap_err();
        assert!(
            matches!(error, WriteError::KindName { .. }),
            "{kind}: {error:?}"
        );
    }

    let points = OrganisedPoints::new(SIZE, vec![[0.0, 0.0, 400.0]; 15]).unwrap();
    let points = Some(DepthFrame::Points(points));
    let frame = FramePair::new(Some(rgb(1)), points, Some(camera().intrinsics)).unwrap();
    let error = add(&mut writer, &Label::Good, &frame, None).unwrap_err();
    assert!(matches!(error, WriteError::PointsGiven), "{error:?}");

    assert_eq!(files_below(folder.path()), before);
}

#[test]
fn what_the_set_holds_is_remembered_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    add(&mut begun(folder.path()), &bent(), &pair(2), None).unwrap();
    let mut writer = RecordedPartsWriter::create(folder.path(), Some(camera())).unwrap();
    let error = add(&mut writer, &bent(), &pair(2), Some(&mask())).unwrap_err();
    assert!(
        matches!(
            error,
            WriteError::OtherMasks {
                existing: false,
                ..
            }
        ),
        "{error:?}"
    );
    let error = add(&mut writer, &bent(), &pair(2).without_rgb().unwrap(), None).unwrap_err();
    assert!(
        matches!(error, WriteError::OtherModalities { .. }),
        "{error:?}"
    );
}

#[test]
fn a_data_set_of_another_layout_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fixtures::mvtec_ad(folder.path());
    let error = RecordedPartsWriter::create(folder.path(), None).unwrap_err();
    assert!(
        matches!(
            error,
            WriteError::OtherLayout {
                layout: Layout::MvtecAd,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_damaged_set_is_not_added_to() {
    let folder = tempfile::tempdir().unwrap();
    fixtures::recorded(folder.path(), true);
    fs_err::remove_file(folder.path().join("train/good/000/depth.png")).unwrap();
    let error = RecordedPartsWriter::create(folder.path(), None).unwrap_err();
    assert!(
        matches!(error, WriteError::ReadingExisting { .. }),
        "{error:?}"
    );
    assert!(error.hint().is_some());
}
