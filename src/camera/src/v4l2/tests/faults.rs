//! What goes wrong while a camera runs.

use rustix::io::Errno;
use twinspect_core::frame::FramePair;
use twinspect_core::pairing::Stream;
use twinspect_core::recovery::Health;

use super::double::{Event, INTERVAL_US, Rig};
use super::{capture, captures_until_well, open, open_with, spec, trouble};
use crate::live::test_log;
use crate::v4l2::V4l2Error;
use crate::{CameraError, Trouble};

const FOR_EVER: Event = Event::Silence(u64::MAX);

#[test]
fn a_stall_is_cured_by_starting_the_stream_anew() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    // A second is waited for; the rest of the silence is cut off by the new start.
    rig.then([Event::Silence(1_050_000)]);
    assert_eq!(trouble(&mut camera), Trouble::Slow);
    let failures = captures_until_well(&mut camera);
    assert!((2..6).contains(&failures), "{failures}");
    let counts = camera.watch().counts();
    assert_eq!((counts.recovery.restarts, counts.recovery.resets), (1, 0));
    assert_eq!(rig.world().log, ["open", "start", "stop", "start"]);
    // Pictures after the start were passed over again.
    assert_eq!(counts.warm_up, 6);
}

#[test]
fn a_camera_that_stands_still_for_ever_is_lost_after_the_last_step() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    let watch = camera.watch();
    rig.world().then = FOR_EVER;
    let began_us = rig.now_us();
    let lost = (0..200).find_map(|_| match capture(&mut camera) {
        Err(CameraError::NoPicture { trouble }) => {
            assert!(
                matches!(
                    trouble,
                    Trouble::Slow | Trouble::Starting { .. } | Trouble::Still { .. }
                ),
                "{trouble}"
            );
            None
        }
        Err(error) => Some(error),
        Ok(_) => panic!("nothing came"),
    });
    let error = lost.expect("it must be given up");
    assert!(error.wants_new_process(), "{error}");
    assert!(error.to_string().contains("scripted camera"), "{error}");
    assert_eq!(watch.health(), Health::Lost);
    assert!(watch.is_lost());
    // One second of patience, and three for each of two starts.
    let took_us = rig.now_us() - began_us;
    assert!((7_000_000..8_000_000).contains(&took_us), "{took_us}");
    assert_eq!(
        rig.world().log,
        [
            "open", "start", "stop", "start", "stop", "open", "start", "stop"
        ],
        "its stream anew, then the device anew"
    );
}

#[test]
fn an_error_of_the_driver_is_cured_by_starting_anew() {
    for error in [Errno::IO, Errno::INVAL] {
        let rig = Rig::new();
        let mut camera = open(&rig);
        rig.then([Event::Picture, Event::Fails(error)]);
        assert!(captures_until_well(&mut camera) > 0, "{error}");
        assert_eq!(camera.watch().counts().recovery.restarts, 1);
        assert_eq!(
            rig.world().log,
            ["open", "start", "stop", "start"],
            "a driver that failed is asked for nothing before it is stopped"
        );
    }
}

#[test]
fn a_start_that_fails_is_tried_by_the_next_step() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    rig.then([Event::Fails(Errno::IO)]);
    rig.world().bad_starts = 1;
    captures_until_well(&mut camera);
    let counts = camera.watch().counts();
    assert_eq!((counts.recovery.restarts, counts.recovery.resets), (1, 1));
}

#[test]
fn a_camera_that_is_plugged_in_again_is_found_and_climbs_no_step() {
    let rig = Rig::new();
    let mut spec = spec();
    spec.settings.gain = Some(77);
    let mut camera = open_with(&rig, spec).unwrap();
    rig.then([Event::Unplugged]);
    let mut troubles = (0..40).map(|_| trouble(&mut camera));
    assert!(troubles.all(|trouble| matches!(trouble, Trouble::Absent { .. } | Trouble::Slow)));
    assert!(matches!(camera.watch().health(), Health::Absent { for_us } if for_us > 5_000_000));
    assert_eq!(rig.value(super::double::GAIN), 40, "the maker's default");
    {
        let mut world = rig.world();
        world.is_there = true;
        world.node = 4;
    }
    assert!(
        captures_until_well(&mut camera) < 10,
        "it is looked for every second"
    );
    assert_eq!(rig.value(super::double::GAIN), 77, "set anew");
    let counts = camera.watch().counts().recovery;
    assert_eq!((counts.removals, counts.restarts, counts.resets), (1, 0, 0));
}

#[test]
fn a_camera_that_is_not_there_at_the_start_is_waited_for_and_told() {
    let rig = Rig::new();
    rig.world().is_there = false;
    let began_us = rig.now_us();
    let error = open_with(&rig, spec()).unwrap_err();
    assert!(matches!(error, V4l2Error::Absent { .. }), "{error}");
    assert!(rig.now_us() - began_us >= 45_000_000);
}

/// At once, then after ten and after thirty seconds, though it is looked for every second.
#[test]
fn a_camera_that_is_not_there_is_told_of_ever_more_seldom() {
    let rig = Rig::new();
    rig.world().is_there = false;
    test_log::listen();
    open_with(&rig, spec()).unwrap_err();
    let lines = test_log::heard();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let is_told = |line: &String| line.contains("has not been there");
    assert!(lines.iter().all(is_told), "{lines:#?}");

    rig.world().is_there = true;
    let mut camera = open(&rig);
    rig.then([Event::Unplugged]);
    test_log::listen();
    let until_us = rig.now_us() + 45_000_000;
    while rig.now_us() < until_us {
        capture(&mut camera).unwrap_err();
    }
    let mut lines = test_log::heard();
    lines.retain(|line| line.starts_with("WARN"));
    // And once what the driver said.
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert_eq!(lines.into_iter().filter(is_told).count(), 3);
}

#[test]
fn each_step_of_a_camera_that_stands_still_is_told_once() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    test_log::listen();
    rig.world().then = FOR_EVER;
    while !camera.watch().is_lost() {
        capture(&mut camera).unwrap_err();
    }
    let lines = test_log::heard();
    let told = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    assert_eq!(told("has stood still"), 1, "{lines:#?}");
    assert_eq!(told("starting its stream anew"), 1, "{lines:#?}");
    assert_eq!(told("opening it anew"), 1, "{lines:#?}");
    assert_eq!(told("only a new process can help"), 1, "{lines:#?}");
}

#[test]
fn a_camera_that_gives_nothing_after_its_start_is_told_with_how_long() {
    let rig = Rig::new();
    rig.world().then = FOR_EVER;
    let error = open_with(&rig, spec()).unwrap_err();
    // Three starts of three seconds each.
    assert!(
        matches!(
            error,
            V4l2Error::NoStart {
                seconds: 9..=10,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn left_out_numbers_are_counted_and_nothing_else() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    rig.then([Event::Gap(3), Event::Picture, Event::Gap(1)]);
    for _ in 0..5 {
        capture(&mut camera).unwrap();
    }
    let counts = camera.watch().counts();
    assert_eq!(counts.pairing.gaps, 4);
    assert_eq!(counts.corrupt + counts.late + counts.frozen, 0);
    assert_eq!(counts.recovery.restarts, 0);
}

/// What is said when one fault comes again and again, after its pictures were counted.
fn again_and_again(event: Event) -> (Trouble, crate::StreamCounts) {
    let rig = Rig::new();
    let mut camera = open(&rig);
    rig.then([event; 25]);
    // A few equal pictures are believed.
    let trouble = (0..3).find_map(|_| match capture(&mut camera) {
        Err(CameraError::NoPicture { trouble }) => Some(trouble),
        _ => None,
    });
    let trouble = trouble.expect("it must be told");
    let counts = camera.watch().counts();
    // Afterwards the very next picture is good.
    rig.world().events.clear();
    captures_until_well(&mut camera);
    (trouble, counts)
}

#[test]
fn a_buffer_that_is_handed_out_again_is_refused() {
    for event in [Event::SameNumber, Event::SameStamp] {
        let (trouble, counts) = again_and_again(event);
        assert_eq!(trouble, Trouble::Repeated);
        assert!(counts.pairing.repeated > 5, "{event:?}: {counts:?}");
    }
}

#[test]
fn pixels_that_never_change_are_refused() {
    let (trouble, counts) = again_and_again(Event::SamePixels);
    assert_eq!(trouble, Trouble::Frozen);
    assert!(counts.frozen > 0);
}

/// Under a new number and stamp, and before so many are equal that the stream counts as frozen.
#[test]
fn no_part_gets_the_picture_of_the_part_before() {
    let rig = Rig::new();
    let mut spec = spec();
    spec.every_picture = true;
    let mut camera = open_with(&rig, spec).unwrap();
    capture(&mut camera).unwrap();
    rig.then([Event::SamePixels]);
    let stream = Stream::Colour;
    assert_eq!(trouble(&mut camera), Trouble::Again { stream });
    assert_eq!(camera.watch().counts().frozen, 1);
    capture(&mut camera).unwrap();
    assert_eq!(camera.watch().counts().recovery.restarts, 0);
}

/// It shows what lay there when it came first, which is before the part came; the next one that is new is the part's.
#[test]
fn a_part_waits_for_a_picture_that_did_not_come_before() {
    let rig = Rig::new();
    let mut camera = open_with(&rig, spec()).unwrap();
    let before = capture(&mut camera).unwrap();
    rig.then([Event::SamePixels; 2]);
    let after = capture(&mut camera).unwrap();
    let number = |pair: &FramePair| pair.rgb_stamp.map(|stamp| stamp.frame_number);
    assert!(number(&after) > number(&before).map(|number| number + 2));
    assert_ne!(after.rgb(), before.rgb());
    assert_eq!(camera.watch().counts().frozen, 0);
}

#[test]
fn equal_pictures_are_believed_if_all_should_be() {
    let rig = Rig::new();
    let mut spec = spec();
    spec.every_picture = true;
    spec.equal_pictures_max = 0;
    let mut camera = open_with(&rig, spec).unwrap();
    rig.then([Event::SamePixels; 5]);
    for _ in 0..6 {
        capture(&mut camera).unwrap();
    }
    assert_eq!(camera.watch().counts().frozen, 0);
}

#[test]
fn damaged_and_short_pictures_are_refused() {
    for event in [Event::Damaged, Event::Short] {
        let (trouble, counts) = again_and_again(event);
        assert_eq!(trouble, Trouble::Corrupt, "{event:?}");
        assert!(counts.corrupt > 5);
    }
}

#[test]
fn another_clock_is_refused() {
    let (trouble, counts) = again_and_again(Event::OtherClock);
    assert_eq!(trouble, Trouble::OtherClock);
    assert!(counts.pairing.clocks_apart > 5);
}

#[test]
fn a_picture_that_was_held_up_is_refused() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    rig.then([Event::HeldUp(240_000)]);
    assert_eq!(trouble(&mut camera), Trouble::Late { by_ms: 240 });
    capture(&mut camera).unwrap();
    assert_eq!(camera.watch().counts().late, 1);
}

#[test]
fn a_stamp_ahead_of_the_clock_makes_no_picture_younger() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    rig.then([Event::Ahead(30_000); 9]);
    let asked_us = rig.now_us();
    let pair = capture(&mut camera).unwrap();
    let stamped_us = pair.rgb_stamp.unwrap().time_us - super::HOUR_US;
    assert!((asked_us..=rig.now_us() - super::TRANSFER_US).contains(&stamped_us));
}

#[test]
fn pictures_that_are_all_unfit_are_a_stall() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    let pictures = 1_200_000 / INTERVAL_US as usize;
    rig.then(vec![Event::Damaged; pictures]);
    captures_until_well(&mut camera);
    captures_until_well(&mut camera);
    assert_eq!(camera.watch().counts().recovery.restarts, 1);
}
