use std::collections::VecDeque;

use twinspect_camera::CameraError;
use twinspect_core::frame::{DepthCounts, DepthFrame, FrameSize, Intrinsics, Stamp};
use twinspect_core::lookout::LookoutSpec;
use twinspect_core::plane::Plane;
use twinspect_core::prepare::{BANK_CHANNELS, BankSpec, BeltBounds, GeometrySpec, PrepareSpec};
use twinspect_core::verdict::Verdict;

use super::*;
use crate::run::messages::{Errand, VerdictMessage};

const SIZE: FrameSize = FrameSize {
    width: 20,
    height: 20,
};
const CAMERA: Intrinsics = Intrinsics {
    width: 20,
    height: 20,
    fx: 50.0,
    fy: 50.0,
    cx: 9.5,
    cy: 9.5,
    distortion: [0.0; 5],
};
const PRESENCE: PresenceSpec = PresenceSpec {
    on_share: 0.05,
    off_share: 0.02,
    most_share: 0.5,
    sight_max_us: 1_000,
    gap_max_us: 100,
};

fn product() -> PrepareSpec {
    PrepareSpec {
        size: 64,
        roi: None,
        rgb: None,
        geometry: Some(GeometrySpec {
            belt: Plane {
                normal: [0.0, 0.0, -1.0],
                offset_mm: -400.0,
            },
            belt_bounds: BeltBounds::default(),
            height_range_mm: [-5.0, 60.0],
            foreground_mm: 2.0,
            part_share_min: 0.01,
            valid_share_min: 0.5,
            bank: BankSpec {
                sigma_px: BankSpec::sigmas(64),
                spread_mm: [0.1; BANK_CHANNELS],
            },
        }),
        ground: None,
    }
}

/// A frame with its number and time: the columns that stand 10 mm high.
fn frame(number: u64, columns: std::ops::Range<usize>) -> CameraFrame {
    let counts = (0..SIZE.pixels()).map(|pixel| {
        let on_part = columns.contains(&(pixel % 20)) && (6..14).contains(&(pixel / 20));
        4000 - if on_part { 100 } else { 0 }
    });
    let depth = DepthCounts::new(SIZE, 1e-4, counts.collect()).unwrap();
    let depth = Some(DepthFrame::Counts(depth));
    let mut pair = FramePair::new(None, depth, Some(CAMERA)).unwrap();
    pair.depth_stamp = Some(Stamp {
        frame_number: number,
        time_us: 10 * number,
        domain: StampDomain::Host,
    });
    CameraFrame { pair, truth: None }
}

/// Gives its frames, none where an error is wanted, and ends.
struct Scripted(VecDeque<Option<CameraFrame>>);

impl Camera for Scripted {
    fn description(&self) -> String {
        "scripted".to_owned()
    }

    fn intrinsics(&self) -> Option<&Intrinsics> {
        Some(&CAMERA)
    }

    fn capture(&mut self, _now_us: u64) -> Result<CameraFrame, CameraError> {
        let frame = self.0.pop_front().ok_or(CameraError::End)?;
        frame.ok_or(CameraError::NoParts { split: None })
    }
}

fn watcher(
    camera: impl Camera + 'static,
    pictures: Pictures,
    answers: Sender<InspectorMessage>,
) -> Watcher {
    let spec = LookoutSpec {
        height_mm: 3.0,
        margin_share: 0.05,
    };
    Watcher {
        clock: Clock::start(),
        camera: Box::new(camera),
        lookout: Lookout::new(spec, &product()).unwrap(),
        presence: PRESENCE,
        freshness: Freshness::default(),
        pictures,
        answers,
        watch: Arc::default(),
    }
}

/// What is said while these frames come, and then while these tickets do; numbers of the frames that
/// are handed over.
fn watched(
    frames: Vec<Option<CameraFrame>>,
    tickets: &[(u64, u64)],
) -> (Vec<InspectorMessage>, Vec<u64>) {
    let (answers, said) = bounded(64);
    let (frame_sender, waiting) = bounded(1);
    let (ticket_sender, ticket_receiver) = bounded(16);
    let pictures: Pictures = Arc::new(Mutex::new(Shelf::new(PICTURES_MAX)));
    let (end_sender, ended) = bounded(1);
    let camera = Scripted(frames.into());
    watcher(camera, Arc::clone(&pictures), answers.clone()).run(&end_sender);
    for &(number, triggered_us) in tickets {
        ticket_sender
            .send(TicketMessage {
                errand: Errand::Part(number),
                triggered_us,
                decide_by_us: u64::MAX,
            })
            .unwrap();
    }
    drop(ticket_sender);
    let slot = Slot {
        frames: frame_sender,
        waiting: waiting.clone(),
        answers,
        watch: Arc::default(),
    };
    Namer {
        tickets: ticket_receiver,
        ended,
        pictures,
        slot,
    }
    .run();
    let handed: Vec<u64> = waiting
        .iter()
        .filter_map(|captured| captured.frame.pair.depth_stamp)
        .map(|stamp| stamp.frame_number)
        .collect();
    (said.iter().collect(), handed)
}

#[test]
fn every_new_picture_is_told_and_the_named_one_handed_over() {
    let frames = vec![
        Some(frame(1, 0..0)),
        Some(frame(2, 0..5)),
        Some(frame(3, 5..11)),
        Some(frame(3, 5..11)),
        None,
        Some(frame(5, 7..13)),
        Some(frame(6, 9..15)),
    ];
    let (said, handed) = watched(frames, &[(1, 50)]);
    let sights: Vec<(u64, bool)> = said
        .iter()
        .filter_map(|message| match message {
            InspectorMessage::Sight(sight) => Some((sight.at_us, sight.seen.is_whole)),
            _ => None,
        })
        .collect();
    assert_eq!(
        sights,
        [(10, false), (20, false), (30, true), (50, true), (60, true)]
    );
    assert!(matches!(
        said.last(),
        Some(InspectorMessage::CameraEnded { damage: None })
    ));
    assert_eq!(handed, [5]);
}

#[test]
fn a_ticket_that_names_no_picture_of_a_whole_part_has_no_result() {
    let frames = vec![Some(frame(1, 0..5)), Some(frame(2, 5..11))];
    for named in [10, 15, 21] {
        let (said, handed) = watched(frames.clone(), &[(7, named)]);
        assert!(handed.is_empty());
        let stale = said.iter().any(|message| {
            matches!(
                message,
                InspectorMessage::Verdict(VerdictMessage {
                    number: 7,
                    verdict: Verdict::NoResult {
                        reason: Reason::StaleFrame
                    },
                    ..
                })
            )
        });
        assert!(stale, "{named}: {said:?}");
    }
}

#[test]
fn a_watcher_whose_pictures_nobody_takes_ends_although_its_camera_does_not() {
    let (answers, said) = bounded(64);
    let (end_sender, _ended) = bounded(1);
    let pictures = Arc::new(Mutex::new(Shelf::new(1)));
    let camera = Scripted(vec![Some(frame(1, 5..11)); 3].into());
    watcher(camera, pictures, answers).run(&end_sender);
    assert_eq!(said.iter().count(), 0);
}

#[test]
fn a_watcher_that_dies_ends_the_process() {
    let (_ticket_sender, tickets) = bounded(1);
    let (end_sender, ended) = bounded(1);
    let (frames, waiting) = bounded(1);
    let (answers, _said) = bounded(1);
    drop(end_sender);
    let slot = Slot {
        frames,
        waiting,
        answers,
        watch: Arc::default(),
    };
    Namer {
        tickets,
        ended,
        pictures: Arc::new(Mutex::new(Shelf::new(1))),
        slot,
    }
    .run();
}

#[test]
fn a_picture_of_a_camera_with_its_own_clock_counts_from_when_it_came() {
    let mut own = frame(3, 0..0).pair;
    assert_eq!(taken_us(&own, 99), 30);
    own.depth_stamp = own.depth_stamp.map(|stamp| Stamp {
        domain: StampDomain::Sensor,
        ..stamp
    });
    assert_eq!(taken_us(&own, 99), 99);
}
