//! Finding, choosing and setting a camera.

use std::time::Duration;

use twinspect_camera::librealsense::software::SoftwareSpec;
use twinspect_camera::librealsense::{Context, DeviceInfo};
use twinspect_camera::realsense::{
    ConnectedDevice, FindDevice, RealSenseCamera, RealSenseError, StreamsSpec,
};
use twinspect_core::frame::FrameSize;

use crate::recordings::record;
use crate::rig::{Rig, SIZE, begin, show_pair, software_spec, spec};
use crate::settings::refused;

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

/// A recording is a device too, once it is put in.
#[test]
fn a_camera_is_found_by_its_serial_number() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 3);
    let context = Context::open(library).unwrap();
    let device = context.play(&file).unwrap();
    for serial in [None, Some("recorded".to_owned())] {
        let found = ConnectedDevice::new(serial).find(&context).unwrap();
        let serial = found.info(DeviceInfo::SerialNumber);
        assert_eq!(serial.as_deref(), Some("recorded"));
    }
    let mut other = ConnectedDevice::new(Some("123456789012".to_owned()));
    let error = other.find(&context).unwrap_err();
    assert!(matches!(error, RealSenseError::Absent { .. }), "{error}");
    let told = format!("{error} / {}", error.hint().unwrap());
    assert!(
        told.contains("connected: Software D400 recorded") && told.contains("realsense.serial"),
        "{told}"
    );
    drop(device);
}

#[test]
fn a_size_that_the_camera_has_not_is_refused_with_those_that_it_has() {
    let wanted = FrameSize {
        width: 640,
        height: 480,
    };
    let told = refused(&software_spec("rig"), |spec| {
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
