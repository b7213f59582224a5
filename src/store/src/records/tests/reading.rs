//! What is read back, and what a hostile folder can't do.

use super::*;

fn damaged(folder: &Path, id: RecordId) -> String {
    match read(folder, id).unwrap_err() {
        RecordsError::Damaged { path, why } => format!("{} {why}", path.display()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_record_is_read_back_as_it_was_given() {
    let (_temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    for (number, verdict) in (1..).zip([fail(), pass(), no_result()]) {
        let id = add(&mut ring, number, verdict.clone()).unwrap();
        let entry = read(&folder, id).unwrap();
        let (seen, _) = entry.frame().unwrap();
        assert_eq!(seen, frame(number as u8), "stamps included");
        let mut given = record(number, verdict);
        (given.frame, given.map) = (entry.record.frame.clone(), entry.record.map.clone());
        assert_eq!(entry.record, given);
        assert_eq!(entry.review, None);
    }
}

#[test]
fn a_part_without_pictures_has_a_text_alone() {
    let (_temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    let id = ring
        .add(Taken {
            record: record(1, no_result()),
            frame: None,
            scores: None,
            sheet: None,
        })
        .unwrap();
    let entry = read(&folder, id).unwrap();
    assert_eq!(names(&entry.folder), ["record.json"]);
    assert_eq!(entry.sheet(), None);
    let refused = entry.frame().unwrap_err();
    assert!(
        matches!(refused, RecordsError::NoFrame { .. }),
        "{refused:?}"
    );
}

#[test]
fn points_are_told_to_be_left_out() {
    use twinspect_core::frame::OrganisedPoints;
    let (_temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    let points = OrganisedPoints::new(SIZE, vec![[1.0, 2.0, 400.0]; SIZE.pixels()]).unwrap();
    let rgb = frame(1).rgb().cloned();
    let pair = FramePair::new(rgb, Some(DepthFrame::Points(points)), None).unwrap();
    let id = ring
        .add(Taken {
            record: record(1, fail()),
            frame: Some(&pair),
            scores: None,
            sheet: None,
        })
        .unwrap();
    let entry = read(&folder, id).unwrap();
    let facts = entry.record.frame.as_ref().unwrap();
    assert_eq!(facts.depth, DepthKept::PointsLeftOut);
    assert_eq!(names(&entry.folder), ["record.json", "rgb.png"]);
    let refused = entry.frame().unwrap_err().to_string();
    assert!(refused.contains("points"), "{refused}");
}

#[test]
fn the_newest_come_first_and_what_is_broken_is_listed_and_not_read() {
    let (_temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    for (number, verdict) in (1..).zip([fail(), no_result(), pass(), fail(), pass()]) {
        add(&mut ring, number, verdict).unwrap();
    }
    std::fs::write(folder.join("record-00000004-fail/record.json"), b"{").unwrap();
    let listed = list(&folder).unwrap();
    let rejects = listed.iter().map(|id| id.kind.rejects());
    assert_eq!(
        rejects.collect::<Vec<_>>(),
        [false, true, false, true, true]
    );
    let read = listed.into_iter().filter_map(|id| read(&folder, id).ok());
    let numbers: Vec<u64> = read.map(|entry| entry.record.number).collect();
    assert_eq!(numbers, [5, 3, 2, 1]);
}

#[test]
fn texts_that_are_no_records_are_refused_with_what_is_wrong() {
    let (_temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    let id = add(&mut ring, 1, fail()).unwrap();
    let own = folder.join(id.to_string());
    let text = own.join("record.json");
    let sound = std::fs::read(&text).unwrap();

    std::fs::write(&text, vec![b' '; 300_000]).unwrap();
    assert!(damaged(&folder, id).contains("longer than 262144 bytes"));
    for garbage in [
        &b""[..],
        b"[]",
        b"{\"format\":1}",
        &[0xff; 9],
        b"{\"format\":\"x\"}",
    ] {
        std::fs::write(&text, garbage).unwrap();
        assert!(damaged(&folder, id).contains("is no such text"));
    }
    let deep = b"[".repeat(100_000);
    std::fs::write(&text, deep).unwrap();
    assert!(damaged(&folder, id).contains("is no such text"));

    let later = String::from_utf8(sound.clone()).unwrap();
    std::fs::write(&text, later.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let refused = read(&folder, id).unwrap_err();
    assert!(
        matches!(refused, RecordsError::Format { found: 2, .. }),
        "{refused:?}"
    );

    std::fs::write(
        &text,
        later.replace("\"verdict\": \"fail\"", "\"verdict\": \"pass\""),
    )
    .unwrap();
    assert!(damaged(&folder, id).contains("something else than its folder"));

    std::fs::remove_file(&text).unwrap();
    assert!(damaged(&folder, id).contains("has no record.json"));
    for target in ["/dev/zero", "/etc/passwd", "nowhere"] {
        std::os::unix::fs::symlink(target, &text).unwrap();
        assert!(
            damaged(&folder, id).contains("is no plain file"),
            "{target}"
        );
        std::fs::remove_file(&text).unwrap();
    }
    std::fs::create_dir(&text).unwrap();
    assert!(damaged(&folder, id).contains("is no plain file"));
    std::fs::remove_dir(&text).unwrap();

    std::fs::write(&text, sound).unwrap();
    std::fs::write(own.join("review.json"), b"{\"mark\":\"fine\"}").unwrap();
    assert!(damaged(&folder, id).contains("review.json"));
    mark(&folder, id, &review(Mark::Unsure)).unwrap();
    assert!(read(&folder, id).unwrap().review.is_some());
}

#[test]
fn pictures_that_are_none_or_lie_elsewhere_are_not_read() {
    let (_temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    let id = add(&mut ring, 1, fail()).unwrap();
    let own = folder.join(id.to_string());
    let depth = own.join("depth.png");
    let sound = std::fs::read(&depth).unwrap();
    let refused = || read(&folder, id).unwrap().frame().unwrap_err();

    std::fs::write(&depth, &sound[..sound.len() / 2]).unwrap();
    assert!(matches!(refused(), RecordsError::Pictures { .. }));
    std::fs::remove_file(&depth).unwrap();
    assert!(matches!(refused(), RecordsError::Damaged { .. }));
    std::os::unix::fs::symlink("/dev/zero", &depth).unwrap();
    assert!(matches!(refused(), RecordsError::Damaged { .. }));
    std::fs::remove_file(&depth).unwrap();
    std::fs::write(&depth, sound).unwrap();
    read(&folder, id).unwrap().frame().unwrap();
    std::fs::remove_file(own.join("rgb.png")).unwrap();
    assert!(matches!(refused(), RecordsError::Damaged { .. }));
}

#[test]
fn a_review_is_kept_as_it_was_said_or_refused() {
    let (_temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    let id = add(&mut ring, 1, fail()).unwrap();
    let of = |length: usize| "ü".repeat(length);
    let longest = Review {
        defect: Some(of(80)),
        who: of(80),
        note: Some(of(2_000)),
        ..review(Mark::TrueReject)
    };
    mark(&folder, id, &longest).unwrap();
    let too_long = |what, found, most| ReviewError::TooLong { what, found, most };
    let named = |who: &str| Review {
        who: who.to_owned(),
        ..longest.clone()
    };
    let of_a_defect = |mark| Review {
        mark,
        ..longest.clone()
    };
    for (refused, why) in [
        (named(&of(81)), too_long("name", 81, 80)),
        (named(""), ReviewError::Nobody),
        (named(" \t"), ReviewError::Nobody),
        (
            Review {
                defect: Some(of(300)),
                ..longest.clone()
            },
            too_long("kind of defect", 300, 80),
        ),
        (
            Review {
                note: Some(of(2_001)),
                ..longest.clone()
            },
            too_long("note", 2_001, 2_000),
        ),
        (
            of_a_defect(Mark::FalseReject),
            ReviewError::NoDefect {
                mark: Mark::FalseReject,
            },
        ),
        (
            of_a_defect(Mark::Unsure),
            ReviewError::NoDefect { mark: Mark::Unsure },
        ),
    ] {
        match mark(&folder, id, &refused).unwrap_err() {
            RecordsError::Review(found) => assert_eq!(found, why),
            other => panic!("{other:?}, and not {why:?}"),
        }
    }
    let kept = read(&folder, id).unwrap().review;
    assert_eq!(kept.as_ref(), Some(&longest));

    // What an earlier release has written is read.
    let odd = format!(
        r#"{{"mark":"false_reject","defect":"{}","who":"","time_unix_ms":1,"note":"{}"}}"#,
        of(300),
        of(3_000)
    );
    std::fs::write(folder.join(id.to_string()).join("review.json"), odd).unwrap();
    let old = read(&folder, id).unwrap().review.unwrap();
    assert_eq!((old.mark, old.who.as_str()), (Mark::FalseReject, ""));
}

#[test]
fn marks_are_kept_beside_the_record_and_fit_it() {
    let (_temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    let rejected = add(&mut ring, 1, fail()).unwrap();
    let passed = add(&mut ring, 2, pass()).unwrap();
    for mark_of in Mark::ALL {
        for id in [rejected, passed] {
            let marked = mark(&folder, id, &review(mark_of));
            let fits = match mark_of {
                Mark::Unsure => true,
                Mark::Escape => id == passed,
                Mark::FalseReject | Mark::TrueReject => id == rejected,
            };
            assert_eq!(marked.is_ok(), fits, "{mark_of} {id}");
            if fits {
                let read_back = read(&folder, id).unwrap().review;
                assert_eq!(read_back, Some(review(mark_of)));
            }
        }
    }
    assert!(names(&folder.join(rejected.to_string())).contains(&"review.json".to_owned()));
    let gone = RecordId {
        place: 99,
        kind: Kind::Fail,
    };
    let refused = mark(&folder, gone, &review(Mark::Unsure)).unwrap_err();
    assert!(
        matches!(refused, RecordsError::Unknown { .. }),
        "{refused:?}"
    );
}
