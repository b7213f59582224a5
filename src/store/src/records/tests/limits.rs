//! The ring's bounds, and what it may never touch.

use super::*;

fn ids(folder: &Path) -> Vec<String> {
    let mut ids: Vec<String> = list(folder)
        .unwrap()
        .iter()
        .map(|id| id.to_string())
        .collect();
    ids.reverse();
    ids
}

#[test]
fn the_oldest_make_room_over_restarts_and_names_never_repeat() {
    let (_temporary, folder) = temporary();
    let spec = RingSpec {
        keep_parts: 2,
        ..roomy(&folder)
    };
    for round in 0..2 {
        let mut ring = Ring::open(spec.clone()).unwrap();
        for number in 1..=2 {
            add(&mut ring, 2 * round + number, fail()).unwrap();
        }
        assert_eq!(ring.len(), 2);
    }
    assert_eq!(
        ids(&folder),
        ["record-00000003-fail", "record-00000004-fail"]
    );
    assert_eq!(names(&folder).len(), 2);
}

#[test]
fn bytes_are_bounded_and_counted_as_they_lie_on_disk() {
    let (_temporary, folder) = temporary();
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    add(&mut ring, 1, fail()).unwrap();
    let one = ring.bytes();
    let on_disk: u64 = std::fs::read_dir(folder.join("record-00000001-fail"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!(one, on_disk);
    drop(ring);

    let spec = RingSpec {
        keep_bytes: 3 * one + one / 2,
        ..roomy(&folder)
    };
    let mut ring = Ring::open(spec.clone()).unwrap();
    assert_eq!(ring.bytes(), one);
    for number in 2..=6 {
        add(&mut ring, number, fail()).unwrap();
        assert!(ring.bytes() <= spec.keep_bytes);
    }
    assert_eq!(all_whole(&folder), [4, 5, 6]);
    drop(ring);

    let spec = RingSpec {
        keep_bytes: one / 2,
        ..spec
    };
    let mut ring = Ring::open(spec).unwrap();
    let refused = add(&mut ring, 7, fail()).unwrap_err();
    assert!(
        matches!(
            refused,
            RecordsError::Full {
                full: Full::Record { .. },
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(
        all_whole(&folder),
        [4, 5, 6],
        "nothing went for what could not come"
    );
}

#[test]
fn reviewed_records_go_last_up_to_half_of_what_is_kept() {
    let (_temporary, folder) = temporary();
    let spec = RingSpec {
        keep_parts: 4,
        ..roomy(&folder)
    };
    let mut ring = Ring::open(spec.clone()).unwrap();
    let marked: Vec<RecordId> = (1..=3)
        .map(|number| add(&mut ring, number, fail()).unwrap())
        .collect();
    // Marked after the ring has seen them, as by another process.
    for id in &marked[..2] {
        mark(&folder, *id, &review(Mark::FalseReject)).unwrap();
    }
    for number in 4..=8 {
        add(&mut ring, number, fail()).unwrap();
    }
    assert_eq!(all_whole(&folder), [1, 2, 7, 8]);

    // A third one is more than half: now age decides.
    let newest = list(&folder).unwrap()[0];
    mark(&folder, newest, &review(Mark::TrueReject)).unwrap();
    drop(ring);
    let mut ring = Ring::open(spec).unwrap();
    add(&mut ring, 9, fail()).unwrap();
    assert_eq!(all_whole(&folder), [2, 7, 8, 9]);
}

#[test]
fn what_the_ring_has_not_written_stays() {
    let (_temporary, folder) = temporary();
    std::fs::create_dir_all(&folder).unwrap();
    let write = |path: &str| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"mine").unwrap();
    };
    write("notes.txt");
    write("reject-00000001.png");
    // Looks like a record, and is none.
    write("record-00000001-fail/rgb.png");
    // One that somebody has put something into.
    write("record-00000002-fail/record.json");
    write("record-00000002-fail/letter.txt");
    write(".partial-record-00000003-fail/letter.txt");
    write(".partial-notes/record.json");
    let elsewhere = folder.parent().unwrap().join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("record.json"), b"mine").unwrap();
    let link = folder.join("record-00000004-fail");
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    let link = folder.join(".trash-record-00000005-fail");
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    let before = names(&folder);

    let spec = RingSpec {
        keep_parts: 1,
        ..roomy(&folder)
    };
    let mut ring = Ring::open(spec).unwrap();
    assert!(ring.is_empty());
    for number in 1..=3 {
        add(&mut ring, number, fail()).unwrap();
    }
    let mut after = names(&folder);
    after.retain(|name| name != "record-00000008-fail");
    assert_eq!(after, before);
    assert_eq!(names(&elsewhere), ["record.json"]);
    assert!(folder.join("record-00000002-fail/letter.txt").is_file());
}

#[test]
fn a_record_that_somebody_has_put_something_into_is_left_alone_from_then_on() {
    let (_temporary, folder) = temporary();
    let spec = RingSpec {
        keep_parts: 1,
        ..roomy(&folder)
    };
    let mut ring = Ring::open(spec).unwrap();
    let first = add(&mut ring, 1, fail()).unwrap();
    std::fs::write(folder.join(first.to_string()).join("letter.txt"), b"mine").unwrap();
    for number in 2..=3 {
        add(&mut ring, number, fail()).unwrap();
    }
    assert_eq!(all_whole(&folder), [1, 3]);
    assert!(folder.join(first.to_string()).join("letter.txt").is_file());
}

#[test]
fn what_a_crash_has_left_is_swept_at_the_next_start() {
    let (_temporary, folder) = temporary();
    for name in [
        ".partial-record-00000007-fail",
        ".trash-record-00000002-pass",
    ] {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("rgb.png"), b"half of a pict").unwrap();
    }
    let mut ring = Ring::open(roomy(&folder)).unwrap();
    assert!(names(&folder).is_empty());
    let id = add(&mut ring, 1, pass()).unwrap();
    assert_eq!(id.to_string(), "record-00000008-pass");
}

#[test]
fn a_folder_has_one_ring_at_a_time() {
    let (_temporary, folder) = temporary();
    let first = Ring::open(roomy(&folder)).unwrap();
    let refused = Ring::open(roomy(&folder)).unwrap_err();
    assert!(matches!(refused, RecordsError::InUse { .. }), "{refused:?}");
    drop(first);
    Ring::open(roomy(&folder)).unwrap();
}
