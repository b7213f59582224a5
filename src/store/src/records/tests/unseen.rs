//! Records of parts that nobody has a picture of: a ring of their own, whose records grow.

use super::faults::{FAULTS, Fault, Faulty};
use super::*;

fn unseen(parts: u64) -> Record {
    Record {
        model: None,
        engine: None,
        thresholds: None,
        took_ms: None,
        stages_ms: None,
        unseen: Some(Spell {
            parts,
            last_number: 6 + parts,
            last_time_unix_ms: 1_764_160_009_000,
        }),
        ..record(
            7,
            Verdict::NoResult {
                reason: Reason::Camera,
            },
        )
    }
}

fn begin(ring: &mut Ring<impl Disk>) -> Result<RecordId, RecordsError> {
    ring.add(Taken {
        record: unseen(1),
        frame: None,
        scores: None,
        sheet: None,
    })
}

#[test]
fn unseen_parts_lie_apart_are_listed_apart_and_grow() {
    let (_temporary, folder) = temporary();
    assert_eq!(list_unseen(&folder).unwrap(), []);
    let mut seen = Ring::open(roomy(&folder)).unwrap();
    add(&mut seen, 1, fail()).unwrap();
    assert_eq!(list_unseen(&folder).unwrap(), []);
    let mut ring = Ring::open(roomy(&unseen_folder(&folder))).unwrap();
    let id = begin(&mut ring).unwrap();
    assert_eq!(id.to_string(), "record-00000001-unseen");
    assert_eq!(list_unseen(&folder).unwrap(), [id]);
    assert_eq!(list(&folder).unwrap().len(), 1);
    assert!(ring.amend(id, &unseen(40)).unwrap());
    let entry = read(&folder, id).unwrap();
    assert_eq!(entry.record, unseen(40));
    assert_eq!(names(&entry.folder), ["record.json"]);
    let text = std::fs::metadata(entry.folder.join("record.json")).unwrap();
    assert_eq!(ring.bytes(), text.len());
    let refused = entry.frame().unwrap_err();
    assert!(matches!(refused, RecordsError::NoFrame { .. }), "{refused}");
    // A person may still say something of it.
    mark(&folder, id, &review(Mark::Unsure)).unwrap();
    assert_eq!(
        read(&folder, id).unwrap().review.unwrap().mark,
        Mark::Unsure
    );
}

#[test]
fn what_has_made_room_or_is_somebody_elses_is_not_amended() {
    let (_temporary, folder) = temporary();
    let spec = RingSpec {
        keep_parts: 1,
        ..roomy(&unseen_folder(&folder))
    };
    let mut ring = Ring::open(spec).unwrap();
    let gone = begin(&mut ring).unwrap();
    let kept = begin(&mut ring).unwrap();
    assert!(!ring.amend(gone, &unseen(2)).unwrap());
    let own = read(&folder, kept).unwrap().folder;
    std::fs::write(own.join("notes.txt"), b"mine").unwrap();
    assert!(!ring.amend(kept, &unseen(2)).unwrap());
    assert_eq!(read(&folder, kept).unwrap().record, unseen(1));
}

/// Amends a record once, on a disk with a fault; whether it was promised, and how many requests it took.
fn amended(folder: &Path, fault: Option<(u64, Fault)>) -> (bool, u64) {
    let spec = roomy(&unseen_folder(folder));
    let mut ring = Ring::open_on(Faulty::new(None), spec.clone()).unwrap();
    let id = begin(&mut ring).unwrap();
    drop(ring);
    let mut disk = Faulty::new(fault);
    let promised = {
        let mut ring = Ring::open_on(&mut disk, spec).unwrap();
        ring.amend(id, &unseen(40)).is_ok_and(|there| there)
    };
    let requests = disk.requests;
    disk.reboot();
    (promised, requests)
}

#[test]
fn whatever_request_fails_one_of_both_texts_is_there() {
    let (_temporary, folder) = temporary();
    let (promised, requests) = amended(&folder, None);
    assert!(promised && requests >= 4, "{requests}");
    for fault in FAULTS {
        for at in 1..=requests {
            let (_temporary, folder) = temporary();
            let (promised, _) = amended(&folder, Some((at, fault)));
            let told = format!("{fault:?} at request {at}");
            let [id] = list_unseen(&folder).unwrap()[..] else {
                panic!("{told}");
            };
            let left = read(&folder, id).unwrap().record;
            assert!(
                left == unseen(40) || !promised && left == unseen(1),
                "{told}"
            );
            // The disk is well again: what was left half written is no obstacle.
            let mut ring = Ring::open(roomy(&unseen_folder(&folder))).unwrap();
            assert!(ring.amend(id, &unseen(41)).unwrap(), "{told}");
            let entry = read(&folder, id).unwrap();
            assert_eq!(entry.record, unseen(41), "{told}");
            assert_eq!(names(&entry.folder), ["record.json"], "{told}");
        }
    }
}

/// Begins a record on a disk one of whose requests fails: whether it was promised, whether it is there, and how many requests
/// that took.
fn begun(fault: Option<(u64, Fault)>) -> (bool, bool, u64) {
    let (_temporary, folder) = temporary();
    let mut disk = Faulty::new(fault);
    let (promised, newest) = {
        let mut ring = Ring::open_on(&mut disk, roomy(&unseen_folder(&folder))).unwrap();
        assert_eq!(ring.newest(), None);
        (begin(&mut ring).ok(), ring.newest())
    };
    assert_eq!(list_unseen(&folder).unwrap().first().copied(), newest);
    assert!(promised.is_none() || promised == newest, "{fault:?}");
    (promised.is_some(), newest.is_some(), disk.requests)
}

#[test]
fn what_is_there_and_was_not_promised_is_known_to_be_there() {
    let (promised, is_there, requests) = begun(None);
    assert!(promised && is_there && requests >= 4, "{requests}");
    let all = (1..=requests).map(|at| begun(Some((at, Fault::Io))));
    let unpromised = all.filter(|(promised, is_there, _)| *is_there && !promised);
    assert!(unpromised.count() > 0);
}

#[test]
fn marks_are_read_in_both_spellings() {
    for mark in Mark::ALL {
        assert_eq!(mark.to_string().parse(), Ok(mark));
        assert_eq!(mark.name().parse(), Ok(mark));
    }
    "false reject".parse::<Mark>().unwrap_err();
}
