//! A camera of a script through the whole of what a station uses, on the script's clock: nothing here waits for
//! time to pass.

mod double;
mod faults;
mod setting;

use std::time::Duration;

use twinspect_core::colour::PixelLayout;
use twinspect_core::frame::FramePair;
use twinspect_core::recovery::{Health, RecoverySpec};

use super::shared::HostClock;
use super::{PixelFormat, Settings, StreamSpec, Turns, V4l2Camera, V4l2Error, V4l2Spec};
use crate::{Camera, CameraError, Trouble};
use double::{Event, Rig, SIZE, WAY_US};

const WARM_UP: u32 = 3;
const TRANSFER_US: u64 = 50_000;

fn spec() -> V4l2Spec {
    V4l2Spec {
        stream: StreamSpec {
            size: SIZE,
            rate_hz: Some(30),
            format: PixelFormat::Plain(PixelLayout::Yuyv),
        },
        settings: Settings::default(),
        transfer_max: Duration::from_micros(TRANSFER_US),
        age_max: Duration::from_millis(100),
        wait_max: Duration::from_millis(250),
        every_picture: false,
        equal_pictures_max: 3,
        open_max: Duration::from_secs(45),
        recovery: RecoverySpec {
            stall_max_us: 1_000_000,
            first_pair_max_us: 3_000_000,
            start_max_us: 5_000_000,
            reset_max_us: 15_000_000,
            look_every_us: 1_000_000,
            silence_max_us: 10_000_000,
            settle_pairs: WARM_UP + 1,
            cured_us: 30_000_000,
            can_reset: true,
        },
    }
}

fn open_with(rig: &Rig, spec: V4l2Spec) -> Result<V4l2Camera, V4l2Error> {
    let clock = HostClock::Scripted(rig.clock.clone());
    V4l2Camera::open_with(clock, Box::new(rig.clone()), spec, |worker| {
        Turns::Inline(Box::new(worker))
    })
}

fn open(rig: &Rig) -> V4l2Camera {
    open_with(rig, spec()).unwrap()
}

/// The picture of a part that came now, by a clock of the caller's that is an hour ahead.
fn capture(camera: &mut V4l2Camera) -> Result<FramePair, CameraError> {
    let now_us = camera.shared.clock.now_us();
    camera.capture(now_us + HOUR_US).map(|frame| frame.pair)
}

const HOUR_US: u64 = 3_600_000_000;

/// What is the matter, if no picture comes.
fn trouble(camera: &mut V4l2Camera) -> Trouble {
    match capture(camera) {
        Err(CameraError::NoPicture { trouble }) => trouble,
        other => panic!("{other:?}"),
    }
}

/// Captures until a picture comes; how many captures were in vain.
fn captures_until_well(camera: &mut V4l2Camera) -> usize {
    let failures = (0..200).take_while(|_| capture(camera).is_err()).count();
    assert!(failures < 200, "it never came back");
    failures
}

#[test]
fn a_part_gets_a_picture_that_was_taken_after_it_came() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    let mut last_number = 0;
    for _ in 0..20 {
        let asked_us = rig.now_us();
        let pair = capture(&mut camera).unwrap();
        let stamp = pair.rgb_stamp.unwrap();
        // No earlier than the part, and no later than the newest picture that there can be.
        assert!(stamp.time_us >= asked_us + HOUR_US);
        assert!(stamp.time_us <= rig.now_us() + HOUR_US - WAY_US - TRANSFER_US);
        assert!(stamp.frame_number > last_number);
        last_number = stamp.frame_number;
        assert_eq!(pair.size(), SIZE);
        assert!(pair.depth().is_none() && pair.intrinsics().is_none());
    }
}

#[test]
fn the_pixels_are_those_of_that_very_picture() {
    let rig = Rig::new();
    let mut spec = spec();
    spec.every_picture = true;
    let mut camera = open_with(&rig, spec).unwrap();
    for _ in 0..10 {
        let pair = capture(&mut camera).unwrap();
        // The script counts luma up from 16 with each picture, and numbers count with it.
        let number = pair.rgb_stamp.unwrap().frame_number;
        let grey = (number as f64 * 255.0 / 219.0).round() as u8;
        let rgb = pair.rgb().unwrap().data();
        assert!(
            rgb.iter().all(|byte| *byte == grey),
            "{number}: {:?}",
            &rgb[..3]
        );
    }
}

#[test]
fn the_first_pictures_of_a_start_are_passed_over() {
    let rig = Rig::new();
    let mut spec = spec();
    spec.every_picture = true;
    let mut camera = open_with(&rig, spec).unwrap();
    let first = capture(&mut camera).unwrap().rgb_stamp.unwrap();
    assert_eq!(first.frame_number, u64::from(WARM_UP) + 1);
    assert_eq!(camera.watch().counts().warm_up, u64::from(WARM_UP));
    assert_eq!(camera.watch().health(), Health::Well);
}

#[test]
fn a_part_does_not_get_a_picture_that_was_there_before_it() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    // The picture that waits was taken before now. Then nothing comes any more.
    rig.world().then = Event::Silence(u64::MAX);
    assert_eq!(trouble(&mut camera), Trouble::Slow);
}

#[test]
fn what_is_not_asked_for_makes_way() {
    let rig = Rig::new();
    let mut camera = open(&rig);
    let Turns::Inline(worker) = &mut camera.turns else {
        panic!("nobody else works")
    };
    for _ in 0..10 {
        assert!(worker.go_on());
    }
    assert_eq!(camera.watch().counts().replaced, 10);
    assert_eq!(camera.watch().counts().age_us, Some(WAY_US));
}

#[test]
fn its_thread_ends_with_it() {
    // The real clock; the camera gives a picture at each call.
    let rig = Rig::new();
    let mut spec = spec();
    spec.every_picture = true;
    // Its stamps are by the script's clock, which is far behind.
    spec.age_max = Duration::MAX;
    let camera = V4l2Camera::open(Box::new(rig.clone()), spec);
    drop(camera.unwrap());
    let log = rig.world().log.clone();
    assert_eq!(log, ["open", "start", "stop"]);
}
