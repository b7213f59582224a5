//! Records as parts of a data set, read with the crate that the trainer reads with.

use twinspect_dataset::{Camera, Label, Layout, PartRecord, RecordedPartsWriter, Split};

use super::*;

fn shelf() -> (tempfile::TempDir, PathBuf, Vec<RecordId>) {
    let (temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    let ids = (1..)
        .zip([fail(), fail(), pass(), no_result()])
        .map(|(number, verdict)| add(&mut ring, number, verdict).unwrap())
        .collect();
    (temporary, folder, ids)
}

fn session() -> PartRecord {
    PartRecord {
        session: Some("press-3 2025-11-26".to_owned()),
        time: Some("2025-11-26T12:26:40Z".to_owned()),
        part_id: None,
        camera: None,
    }
}

#[test]
fn reviewed_records_become_test_parts_bit_by_bit_and_once() {
    let (temporary, folder, ids) = shelf();
    mark(&folder, ids[0], &review(Mark::FalseReject)).unwrap();
    let scratch = Review {
        defect: Some("scratch".to_owned()),
        ..review(Mark::TrueReject)
    };
    mark(&folder, ids[1], &scratch).unwrap();
    mark(&folder, ids[2], &review(Mark::Escape)).unwrap();
    let out = temporary.path().join("disputed");
    for round in 0..2 {
        let mut exporter = Exporter::new(&folder, &out, Split::Test, Labelled::ByReview).unwrap();
        for (id, name) in ids.iter().zip(["good/000", "scratch/000", "reject/000"]) {
            let exported = exporter
                .add(&read(&folder, *id).unwrap(), session())
                .unwrap();
            let name = twinspect_dataset::PartId::new(format!("test/{name}"));
            let expected = if round == 0 {
                Exported::Written(name)
            } else {
                Exported::Before(name)
            };
            assert_eq!(exported, expected);
        }
        let unmarked = exporter.add(&read(&folder, ids[3]).unwrap(), session());
        let unmarked = unmarked.unwrap_err();
        assert!(
            matches!(unmarked, RecordsError::Unlabelled { .. }),
            "{unmarked:?}"
        );
    }

    let set = twinspect_dataset::open(&out).unwrap();
    assert_eq!(set.layout(), Layout::RecordedParts);
    let parts = set.parts(Split::Test);
    assert_eq!(parts.len(), 3);
    for (part, number) in parts.iter().zip([1_u8, 3, 2]) {
        let loaded = set.load(part).unwrap();
        assert_eq!(loaded.frame, frame(number), "{}", part.id);
        assert_eq!(loaded.mask, None);
        let name = loaded.record.part_id.unwrap();
        assert!(name.starts_with("press-3/record-0000000"), "{name}");
        assert_eq!(loaded.record.session.as_deref(), Some("press-3 2025-11-26"));
    }
}

#[test]
fn a_false_reject_becomes_a_training_part_of_a_set_that_knows_more_of_its_camera() {
    let (temporary, folder, ids) = shelf();
    let out = temporary.path().join("good");
    let camera = Camera {
        intrinsics: *frame(0).intrinsics().unwrap(),
        depth_unit_m: Some(0.000_1),
        distance_to_belt_mm: Some(450.0),
    };
    let mut writer = RecordedPartsWriter::create(&out, Some(camera)).unwrap();
    writer
        .write(Split::Train, &Label::Good, &frame(9), None, &session())
        .unwrap();
    mark(&folder, ids[0], &review(Mark::FalseReject)).unwrap();
    mark(&folder, ids[1], &review(Mark::TrueReject)).unwrap();
    let mut exporter = Exporter::new(&folder, &out, Split::Train, Labelled::ByReview).unwrap();
    let entry = read(&folder, ids[0]).unwrap();
    let exported = exporter.add(&entry, session()).unwrap();
    let id = twinspect_dataset::PartId::new("train/good/001");
    assert_eq!(exported, Exported::Written(id));
    let defective = read(&folder, ids[1]).unwrap();
    let refused = exporter.add(&defective, session()).unwrap_err();
    assert!(
        matches!(refused, RecordsError::DefectInTraining { .. }),
        "{refused:?}"
    );
    let set = twinspect_dataset::open(&out).unwrap();
    assert_eq!(set.camera(), Some(&camera));
    assert_eq!(set.parts(Split::Train).len(), 2);
}

#[test]
fn what_an_ended_export_left_is_no_part() {
    let (temporary, folder, ids) = shelf();
    let out = temporary.path().join("begun");
    let good = || Labelled::As(Label::Good);
    let entry = read(&folder, ids[0]).unwrap();
    let mut exporter = Exporter::new(&folder, &out, Split::Test, good()).unwrap();
    exporter.add(&entry, session()).unwrap();
    drop(exporter);
    // As if it had been killed before the last rename.
    let class = out.join("test/good");
    fs_err::rename(class.join("000"), class.join(".partial-1-0")).unwrap();
    let mut exporter = Exporter::new(&folder, &out, Split::Test, good()).unwrap();
    let id = twinspect_dataset::PartId::new("test/good/000");
    let exported = exporter.add(&entry, session()).unwrap();
    assert_eq!(exported, Exported::Written(id));
}

#[test]
fn a_set_is_written_by_one_export_at_a_time_and_none_writes_a_record_again() {
    let (temporary, folder, ids) = shelf();
    let out = temporary.path().join("shared");
    let begin = || {
        let labelled = Labelled::As(Label::Good);
        Exporter::new(&folder, &out, Split::Test, labelled).unwrap()
    };
    let entry = |at: usize| read(&folder, ids[at]).unwrap();
    // Both have looked into the set before either has written.
    let (mut first, mut second) = (begin(), begin());
    first.add(&entry(0), session()).unwrap();
    let refused = second.add(&entry(0), session()).unwrap_err();
    assert!(
        matches!(refused, RecordsError::SetInUse { .. }) && refused.ends_an_export(),
        "{refused:?}"
    );
    drop(first);
    let id = twinspect_dataset::PartId::new("test/good/000");
    let exported = second.add(&entry(0), session()).unwrap();
    assert_eq!(exported, Exported::Before(id));
    let set = twinspect_dataset::open(&out).unwrap();
    assert_eq!(set.parts(Split::Test).len(), 1);
}

#[test]
fn a_set_of_another_camera_stays_as_it_is() {
    let (temporary, folder, ids) = shelf();
    let out = temporary.path().join("other");
    let mut intrinsics = *frame(0).intrinsics().unwrap();
    intrinsics.fx += 1.0;
    let camera = Camera {
        intrinsics,
        depth_unit_m: Some(0.000_1),
        distance_to_belt_mm: None,
    };
    RecordedPartsWriter::create(&out, Some(camera)).unwrap();
    let labelled = Labelled::As(Label::Good);
    let mut exporter = Exporter::new(&folder, &out, Split::Train, labelled).unwrap();
    let refused = exporter.add(&read(&folder, ids[0]).unwrap(), session());
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, RecordsError::Export { .. }),
        "{refused:?}"
    );
    assert_eq!(names(&out), ["camera.json"]);
}

#[test]
fn nothing_is_written_outside_of_the_set_or_among_the_records() {
    let (temporary, folder, ids) = shelf();
    for kind in ["../../escaped", "/etc", "..", "good", "a/b", ""] {
        let hostile = Review {
            defect: Some(kind.to_owned()),
            ..review(Mark::TrueReject)
        };
        mark(&folder, ids[0], &hostile).unwrap();
        let out = temporary.path().join("out/deep");
        let mut exporter = Exporter::new(&folder, &out, Split::Test, Labelled::ByReview).unwrap();
        let refused = exporter.add(&read(&folder, ids[0]).unwrap(), session());
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, RecordsError::Export { .. }),
            "{kind}: {refused:?}"
        );
    }
    assert_eq!(names(temporary.path()), ["out", "records"]);
    for inside in ["", "new", "record-00000001-fail", "new/deeper"] {
        let out = folder.join(inside);
        let refused = Exporter::new(&folder, &out, Split::Test, Labelled::ByReview).unwrap_err();
        assert!(
            matches!(refused, RecordsError::OutAmongRecords { .. }),
            "{refused:?}"
        );
    }
}
