//! What a camera is asked for, and what it makes of that.

use std::time::Duration;

use twinspect_core::colour::{YuvCode, YuvMatrix, YuvRange};
use twinspect_core::frame::FrameSize;

use super::double::{AUTO_GAIN, EXPOSURE, EXPOSURE_AUTO, GAIN, MAINS, Rig, SIZE};
use super::{capture, captures_until_well, open, open_with, spec};
use crate::v4l2::{PixelFormat, SettingFact, Settings, V4l2Error, V4l2Spec};

fn with_settings(settings: Settings) -> V4l2Spec {
    V4l2Spec { settings, ..spec() }
}

fn refused(rig: &Rig, spec: V4l2Spec, expected: &str) -> V4l2Error {
    let began_us = rig.now_us();
    let error = open_with(rig, spec).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(error.hint().is_some(), "{error}");
    assert!(rig.now_us() - began_us < 1_000_000, "at once");
    error
}

#[test]
fn what_is_fixed_is_set_with_its_automatic_off_and_read_back() {
    let rig = Rig::new();
    let camera = open_with(
        &rig,
        with_settings(Settings {
            exposure: Some(Duration::from_micros(8_460)),
            gain: Some(100),
            power_line_hz: Some(50),
            ..Settings::default()
        }),
    )
    .unwrap();
    let values = [EXPOSURE_AUTO, EXPOSURE, AUTO_GAIN, GAIN, MAINS].map(|id| rig.value(id));
    assert_eq!(values, [1, 85, 0, 100, 1], "in units of 0.1 ms, rounded");
    let fact = |name: &str| {
        let facts = &camera.facts().settings;
        facts.iter().find(|fact| fact.name == name).cloned()
    };
    assert_eq!(
        fact("exposure"),
        Some(SettingFact {
            name: "exposure",
            wanted: Some(85),
            found: 85,
            is_automatic: false
        })
    );
    assert!(!fact("automatic gain").unwrap().is_automatic);
    assert_eq!(fact("automatic white balance"), None, "it has none");
}

#[test]
fn what_nobody_asks_for_stays_and_is_told() {
    let rig = Rig::new();
    let camera = open(&rig);
    let values = [EXPOSURE_AUTO, EXPOSURE, AUTO_GAIN, GAIN, MAINS].map(|id| rig.value(id));
    assert_eq!(values, [3, 156, 1, 40, 2]);
    let automatic = camera
        .facts()
        .settings
        .iter()
        .filter(|fact| fact.is_automatic);
    let names: Vec<&str> = automatic.map(|fact| fact.name).collect();
    assert_eq!(names, ["automatic exposure", "automatic gain"]);
}

#[test]
fn a_setting_that_the_camera_does_not_have_is_named() {
    let settings = Settings {
        focus: Some(10),
        ..Settings::default()
    };
    let error = refused(&Rig::new(), with_settings(settings), "has no focus to set");
    assert!(matches!(error, V4l2Error::NoSetting { key: "focus", .. }));
    let settings = Settings {
        white_balance_k: Some(4600),
        ..Settings::default()
    };
    let error = refused(&Rig::new(), with_settings(settings), "has no white balance");
    assert!(error.hint().unwrap().contains("v4l2.white_balance_k"));
}

#[test]
fn a_value_that_the_camera_does_not_have_is_told_with_what_it_may_be() {
    let settings = Settings {
        gain: Some(300),
        ..Settings::default()
    };
    refused(
        &Rig::new(),
        with_settings(settings),
        "gain = 300 is not possible with Script (/dev/video0): 0 to 255 in steps of 1",
    );
}

#[test]
fn the_nearest_step_is_what_was_asked_for_and_anything_else_is_not() {
    let settings = Settings {
        gain: Some(101),
        ..Settings::default()
    };
    let rig = Rig::new();
    rig.world().controls.get_mut(&GAIN).unwrap().step = 4;
    rig.power_cycle();
    open_with(&rig, with_settings(settings)).unwrap();
    assert_eq!(rig.value(GAIN), 100);
    // A camera that forgets what it was told when it starts.
    let rig = Rig::new();
    rig.world().forgets = vec![GAIN];
    let mut quick = with_settings(settings);
    quick.open_max = Duration::from_millis(100);
    let error = open_with(&rig, quick).unwrap_err();
    let text = format!("{error:?}");
    assert!(matches!(error, V4l2Error::NoStart { .. }), "{text}");
    assert!(
        text.contains("ReadBack") && text.contains("found: 40"),
        "{text}"
    );
    assert!(error.hint().unwrap().contains("v4l2.gain"));
}

#[test]
fn settings_are_made_again_after_a_restart() {
    let rig = Rig::new();
    let settings = Settings {
        gain: Some(90),
        ..Settings::default()
    };
    let mut camera = open_with(&rig, with_settings(settings)).unwrap();
    capture(&mut camera).unwrap();
    rig.power_cycle();
    rig.then([super::Event::Fails(rustix::io::Errno::IO)]);
    captures_until_well(&mut camera);
    assert_eq!(rig.value(GAIN), 90);
}

#[test]
fn another_format_or_size_than_asked_for_is_refused() {
    let rig = Rig::new();
    rig.world().granted.fourcc = *b"MJPG";
    let error = refused(
        &rig,
        spec(),
        "has no YUYV of 8 x 4, it offers MJPG of 8 x 4",
    );
    assert!(
        error.to_string().contains("it has MJPG of 8 x 4"),
        "{error}"
    );
    let rig = Rig::new();
    rig.world().granted.size = FrameSize {
        width: 6,
        height: 4,
    };
    refused(&rig, spec(), "it offers YUYV of 6 x 4");
    let rig = Rig::new();
    rig.world().granted.is_whole = false;
    refused(&rig, spec(), "every other line");
}

#[test]
fn another_rate_than_asked_for_is_refused() {
    let rig = Rig::new();
    rig.world().can_set_rate = false;
    rig.world().rate_hz = Some(15.0);
    refused(
        &rig,
        spec(),
        "was asked for 30 pictures a second of 8 x 4 and gives 15.00",
    );
    let rig = Rig::new();
    rig.world().can_set_rate = false;
    rig.world().rate_hz = None;
    let error = refused(&rig, spec(), "gives what it likes");
    assert!(error.hint().unwrap().contains("rate_hz = 0"));
    let mut any = spec();
    any.stream.rate_hz = None;
    assert_eq!(open_with(&rig, any).unwrap().facts().rate_hz, None);
    let rig = Rig::new();
    rig.world().can_set_rate = false;
    rig.world().rate_hz = Some(30_000.0 / 1001.0);
    open(&rig);
}

#[test]
fn colours_follow_what_the_driver_says_and_are_refused_if_that_is_unknown() {
    let rig = Rig::new();
    rig.world().granted.code = None;
    refused(
        &rig,
        spec(),
        "codes colours of YUYV in a way that is not supported",
    );
    let rig = Rig::new();
    rig.world().granted.code = Some(YuvCode {
        matrix: YuvMatrix::Bt601,
        range: YuvRange::Full,
    });
    let mut every = spec();
    every.every_picture = true;
    let pair = capture(&mut open_with(&rig, every).unwrap()).unwrap();
    let number = pair.rgb_stamp.unwrap().frame_number;
    assert_eq!(pair.rgb().unwrap().data()[0], 16 + number as u8);
}

#[test]
fn rows_may_be_longer_than_their_pixels_and_not_shorter() {
    let rig = Rig::new();
    // The script sends rows of 16 bytes, 64 in all: with 18 bytes a row, the picture is too short.
    rig.world().granted.stride = 18;
    let error = open_with(&rig, spec()).unwrap_err();
    assert!(
        error.to_string().contains("pictures come damaged"),
        "{error}"
    );
    let rig = Rig::new();
    rig.world().granted.stride = 0;
    capture(&mut open(&rig)).unwrap();
}

#[test]
fn formats_have_the_kernels_names() {
    let names = PixelFormat::ALL.map(|format| format.to_string());
    assert_eq!(names, ["YUYV", "UYVY", "RGB3", "BGR3", "GREY", "MJPG"]);
    assert_eq!(SIZE.width % 2, 0);
}

#[test]
fn a_camera_of_jpeg_pictures_that_sends_none_is_told() {
    let rig = Rig::new();
    rig.world().granted.fourcc = *b"MJPG";
    let mut spec = spec();
    spec.stream.format = PixelFormat::Mjpg;
    let error = open_with(&rig, spec).unwrap_err();
    assert!(
        error.to_string().contains("pictures come damaged"),
        "{error}"
    );
}
