mod export;
mod faults;
mod limits;
mod reading;
mod unseen;

use std::path::{Path, PathBuf};

use twinspect_core::frame::{
    DepthCounts, DepthFrame, FramePair, FrameSize, Intrinsics, RgbFrame, Stamp, StampDomain,
};
use twinspect_core::verdict::{Finding, Reason, Region, Score, SeenBy, Verdict};

use super::*;

const SIZE: FrameSize = FrameSize {
    width: 8,
    height: 6,
};

/// A frame pair whose pixels tell which one it is.
fn frame(seed: u8) -> FramePair {
    let rgb = (0..SIZE.pixels() * 3).map(|at| (at as u8).wrapping_mul(7).wrapping_add(seed));
    let counts = (0..SIZE.pixels()).map(|at| 4_000 + 13 * at as u16 + u16::from(seed));
    let intrinsics = Intrinsics {
        width: SIZE.width,
        height: SIZE.height,
        fx: 601.234_567,
        fy: 600.1,
        cx: 3.4,
        cy: 2.6,
        distortion: [0.1, 0.0, 0.0, 0.0, -0.02],
    };
    let mut pair = FramePair::new(
        Some(RgbFrame::new(SIZE, rgb.collect()).unwrap()),
        Some(DepthFrame::Counts(
            DepthCounts::new(SIZE, 0.000_1, counts.collect()).unwrap(),
        )),
        Some(intrinsics),
    )
    .unwrap();
    pair.rgb_stamp = Some(Stamp {
        frame_number: 10 + u64::from(seed),
        time_us: 1_000_000,
        domain: StampDomain::Host,
    });
    pair
}

fn fail() -> Verdict {
    let region = Region {
        x: 1,
        y: 2,
        width: 3,
        height: 2,
        peak: Score(1.42),
        seen_by: SeenBy::Geometry,
    };
    Verdict::Fail {
        finding: Finding {
            score: Score(1.42),
            seen_by: SeenBy::Geometry,
            regions: [region].into_iter().collect(),
        },
        missing: None,
    }
}

fn pass() -> Verdict {
    Verdict::Pass {
        score: Score(0.4),
        missing: None,
    }
}

fn no_result() -> Verdict {
    Verdict::NoResult {
        reason: Reason::NoDepth,
    }
}

fn record(number: u64, verdict: Verdict) -> Record {
    Record {
        format: FORMAT,
        station: "press-3".to_owned(),
        run: Some("one run".to_owned()),
        number,
        part: None,
        time_unix_ms: 1_764_160_000_000 + number,
        verdict,
        took_ms: Some(31.25),
        stages_ms: Some(StageTimes {
            prepare: 3.5,
            infer: 26.0,
            fusion: None,
            score: 1.75,
        }),
        model: Some(ModelFacts {
            name: "cap".to_owned(),
            version: "1.2.0".to_owned(),
            bundle: "ab".repeat(32),
        }),
        engine: Some(EngineFacts {
            name: "tract".to_owned(),
            stands_in: false,
        }),
        thresholds: Some(Thresholds {
            fused: 5.25,
            rgb: Some(4.0),
            geometry: Some(4.5),
        }),
        twinspect: "0.1.0".to_owned(),
        frame: None,
        map: None,
        unseen: None,
    }
}

const SCORES: [f32; 4] = [0.0, 0.5, 1.42, -0.25];

/// Adds a record with everything that one may have.
fn add(
    ring: &mut Ring<impl Disk>,
    number: u64,
    verdict: Verdict,
) -> Result<RecordId, RecordsError> {
    ring.add(Taken {
        record: record(number, verdict),
        frame: Some(&frame(number as u8)),
        scores: Some(ScoreMap {
            side: 2,
            scores: &SCORES,
        }),
        sheet: Some(b"a picture for people".to_vec()),
    })
}

/// A ring without bounds that a test could meet.
fn roomy(folder: &Path) -> RingSpec {
    RingSpec {
        folder: folder.to_owned(),
        keep_parts: 1_000,
        keep_bytes: u64::MAX,
        free_min_bytes: 0,
    }
}

fn review(mark: Mark) -> Review {
    Review {
        mark,
        defect: None,
        who: "mia".to_owned(),
        time_unix_ms: 1_764_170_000_000,
        note: Some("scratch was there before".to_owned()),
    }
}

/// Names in a folder, in order, without that of the lock.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".ring.lock")
        .collect();
    names.sort();
    names
}

/// Every visible record is one that was added, whole to the last bit; their numbers, oldest first.
fn all_whole(folder: &Path) -> Vec<u64> {
    let mut numbers = Vec::new();
    for id in list(folder).unwrap() {
        let entry = read(folder, id).unwrap_or_else(|error| panic!("{id}: {error}"));
        let number = entry.record.number;
        assert_eq!(entry.frame().unwrap().0, frame(number as u8), "{id}");
        let sheet = std::fs::read(entry.sheet().unwrap()).unwrap();
        assert_eq!(sheet, b"a picture for people", "{id}");
        let map = entry.record.map.as_ref().unwrap();
        assert!(image::open(entry.folder.join(&map.file)).is_ok(), "{id}");
        numbers.push(number);
    }
    numbers.reverse();
    numbers
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("records");
    (temporary, folder)
}
