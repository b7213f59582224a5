//! Finding, choosing and setting a camera.

use std::time::Duration;

use twinspect_camera::Camera;
use twinspect_camera::librealsense::software::SoftwareSpec;
use twinspect_camera::librealsense::{CameraOption, Context};
use twinspect_camera::realsense::{
    ConnectedDevice, FindDevice, RealSenseCamera, RealSenseError, Settings, StreamsSpec,
};
use twinspect_core::frame::FrameSize;

use crate::rig::{Rig, SIZE, begin, show_pair, software_spec, spec};

#[test]
fn the_library_says_which_it_is() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let version = library.version().to_string();
    assert!(version.starts_with("2."), "{version}");
    let path = library.path().display().to_string();
    assert!(path.contains("librealsense2.so"), "{path}");
}

#[test]
fn without_a_camera_it_is_said_at_once_and_after_a_while_given_up() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    for serial in [None, Some("123456789012".to_owned())] {
        let context = Context::open(library).unwrap();
        let mut finder = ConnectedDevice::new(serial.clone());
        let error = finder.find(&context).unwrap_err();
        assert!(matches!(error, RealSenseError::Absent { .. }), "{error}");
        assert!(error.hint().unwrap().contains("cable"));
        let mut spec = spec();
        spec.open_max = Duration::from_millis(50);
        let error = RealSenseCamera::open(context, Box::new(finder), spec).unwrap_err();
        let text = error.to_string();
        match &serial {
            Some(serial) => assert!(text.contains(serial), "{text}"),
            None => assert!(text.contains("no RealSense camera is"), "{text}"),
        }
    }
}

/// What was asked for, and the error.
fn refused(change: impl FnOnce(&mut twinspect_camera::realsense::RealSenseSpec)) -> Option<String> {
    let (_turn, library) = begin()?;
    let mut spec = spec();
    change(&mut spec);
    let error = Rig::open(library, spec, show_pair).err().unwrap();
    let hint = error.hint().unwrap_or_default();
    Some(format!("{error} / {hint}"))
}

#[test]
fn a_size_that_the_camera_has_not_is_refused_with_those_that_it_has() {
    let wanted = FrameSize {
        width: 640,
        height: 480,
    };
    let told = refused(|spec| {
        spec.streams = Some(StreamsSpec {
            colour: SIZE,
            depth: wanted,
            rate_hz: 30,
        });
    });
    let Some(told) = told else { return };
    assert!(
        told.contains("no depth of 640 x 480 at 30 Hz; it has 64 x 48 at 30 Hz"),
        "{told}"
    );
}

#[test]
fn a_size_that_is_missing_on_usb_2_is_the_cable_s_fault() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let software = SoftwareSpec {
        usb: "2.1".to_owned(),
        ..software_spec("usb2")
    };
    let mut spec = spec();
    spec.streams = Some(StreamsSpec {
        colour: SIZE,
        depth: SIZE,
        rate_hz: 90,
    });
    let error = Rig::open_as(library, &software, spec, show_pair)
        .err()
        .unwrap();
    let hint = error.hint().unwrap();
    assert!(hint.contains("USB 2.1") && hint.contains("cable"), "{hint}");
}

fn settings() -> Settings {
    Settings {
        visual_preset: Some(3),
        depth_exposure: Some(Duration::from_micros(4_000)),
        depth_gain: Some(24.0),
        emitter: Some(true),
        laser_power_mw: Some(180.0),
        colour_exposure: Some(Duration::from_micros(5_000)),
        colour_gain: Some(40.0),
        white_balance_k: Some(5_000.0),
        ..Settings::default()
    }
}

#[test]
fn settings_are_made_and_read_back_and_told() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.settings = settings();
    let mut rig = Rig::open(library, spec, show_pair).unwrap();
    let found = |name: &str| {
        let facts = &rig.camera.facts().settings;
        let fact = facts.iter().find(|fact| fact.name == name);
        fact.map(|fact| (fact.wanted, fact.found))
    };
    let set = |value| Some((Some(value), value));
    assert_eq!(found("depth auto exposure"), set(0.0));
    assert_eq!(found("depth exposure"), set(4_000.0));
    assert_eq!(found("depth gain"), set(24.0));
    assert_eq!(found("depth laser power"), set(180.0));
    // Hundreds of microseconds.
    assert_eq!(found("colour exposure"), set(50.0));
    assert_eq!(found("colour auto white balance"), set(0.0));
    assert_eq!(found("colour white balance"), set(5_000.0));
    assert_eq!(found("colour emitter"), None, "the colour camera has none");
    let description = rig.camera.description();
    assert!(description.contains("colour 64 x 48"), "{description}");
    rig.capture().unwrap();
    // The camera itself holds them.
    let sensors = rig.software.device().unwrap().sensors().unwrap();
    assert_eq!(sensors[0].get(CameraOption::Exposure).unwrap(), 4_000.0);
}

#[test]
fn what_nobody_asked_for_stays_and_is_told() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let rig = Rig::open(library, spec(), show_pair).unwrap();
    let facts = &rig.camera.facts().settings;
    let exposure = facts
        .iter()
        .find(|fact| fact.name == "depth exposure")
        .unwrap();
    assert_eq!((exposure.wanted, exposure.found), (None, 8_500.0));
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    let told = refused(|spec| spec.settings.laser_power_mw = Some(900.0));
    let Some(told) = told else { return };
    assert!(
        told.contains("depth laser power = 900") && told.contains("0 to 360 in steps of 30"),
        "{told}"
    );
}

#[test]
fn a_setting_that_the_camera_has_not_is_refused() {
    let told = refused(|spec| spec.settings.power_line_hz = Some(50));
    let Some(told) = told else { return };
    assert!(
        told.contains("no colour power line frequency to set"),
        "{told}"
    );
    // What can't be set and is as it should be is no fault; the unit of depth is fixed here.
    let told = refused(|spec| {
        spec.settings.depth_unit_m = Some(0.0001);
    });
    assert!(told.unwrap().contains("no depth units to set"));
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.settings.depth_unit_m = Some(0.001);
    let rig = Rig::open(library, spec, show_pair).unwrap();
    assert_eq!(rig.camera.facts().depth_unit_m, 0.001);
}

#[test]
fn a_preset_that_the_device_cannot_take_is_an_error_and_no_crash() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.open_max = Duration::from_millis(300);
    spec.settings.preset = Some(twinspect_camera::realsense::PresetFile {
        path: "preset.json".into(),
        json: "{ \"viewer\": {} }".to_owned(),
    });
    let error = Rig::open(library, spec, show_pair).err().unwrap();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    assert!(text.contains("loading the preset: librealsense"), "{text}");
}
