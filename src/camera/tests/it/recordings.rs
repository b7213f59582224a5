//! Recordings as cameras, in the format that the library at hand writes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use twinspect_camera::librealsense::software::Workshop;
use twinspect_camera::librealsense::{Context, Librealsense};
use twinspect_camera::realsense::{
    Pace, RealSenseCamera, RealSenseError, RealSenseSpec, RecordedDevice,
};
use twinspect_camera::{Camera, CameraError, CameraFrame};
use twinspect_core::frame::DepthFrame;

use crate::rig::{
    INTERVAL_US, SURELY, begin, colour_of, depth_of, number_of, session_of, show_pair,
    software_spec, spec,
};

/// Records the pairs 1 to `pairs`.
pub(crate) fn record(library: Librealsense, folder: &Path, pairs: u64) -> PathBuf {
    let extension = library.version().recording_extension();
    let file = folder.join(format!("shift.{extension}"));
    let workshop = Workshop::open(library).unwrap();
    let camera = workshop.camera(&software_spec("recorded")).unwrap();
    let recorder = workshop.record(&camera, &file).unwrap();
    for number in 1..=pairs {
        show_pair(&camera, number);
        for _ in 0..2 {
            assert!(recorder.wait(SURELY).unwrap(), "picture {number}");
        }
        // The recorder stamps by arrival: a pace as of a camera, only faster.
        std::thread::park_timeout(Duration::from_micros(INTERVAL_US / 10));
    }
    recorder.finish().unwrap();
    drop(camera);
    file
}

fn played(pace: Pace, repeat: bool) -> RealSenseSpec {
    RealSenseSpec {
        streams: None,
        pace,
        repeat,
        ..spec()
    }
}

fn open(library: Librealsense, file: &Path, spec: RealSenseSpec) -> RealSenseCamera {
    let context = Context::open(library).unwrap();
    RealSenseCamera::open(context, Box::new(RecordedDevice::new(file)), spec).unwrap()
}

fn assert_whole(frame: &CameraFrame) {
    let number = number_of(frame);
    assert_eq!(frame.pair.rgb().unwrap().data(), colour_of(number));
    let Some(DepthFrame::Counts(depth)) = frame.pair.depth() else {
        panic!("no depth counts");
    };
    assert_eq!(depth.data(), depth_of(number));
}

#[test]
fn a_recording_is_played_pair_by_pair_to_its_end() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 40);
    let mut camera = open(library, &file, played(Pace::AsRead, false));
    assert_eq!(camera.facts().serial, "recorded");
    let mut numbers = Vec::new();
    loop {
        match camera.capture(5_000) {
            Ok(frame) => {
                assert_whole(&frame);
                assert_eq!(frame.pair.rgb_stamp.unwrap().time_us, 5_000);
                numbers.push(number_of(&frame));
            }
            Err(CameraError::End) => break,
            Err(error) => panic!("{error}"),
        }
    }
    // One release was seen to lose the first pair at playback; none loses another one.
    let expected: Vec<u64> = (*numbers.first().unwrap()..=40).collect();
    assert_eq!(numbers, expected);
    assert!(numbers[0] <= 2, "{numbers:?}");
    assert!(camera.capture(0).unwrap_err().is_end());
}

#[test]
fn a_recording_at_the_sensor_s_pace_comes_by_itself() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 30);
    // However slow the reader is, one of the rounds has a pair for it.
    let mut camera = open(library, &file, played(Pace::Sensor, true));
    let mut last = (0, 0);
    for _ in 0..20 {
        let frame = camera.capture(0).unwrap();
        assert_whole(&frame);
        let at = (session_of(&frame), number_of(&frame));
        assert!(at > last, "{at:?} after {last:?}");
        last = at;
    }
    drop(camera);
    let mut camera = open(library, &file, played(Pace::Sensor, false));
    let mut last = 0;
    loop {
        match camera.capture(0) {
            Ok(frame) => {
                assert!(number_of(&frame) > last);
                last = number_of(&frame);
            }
            Err(CameraError::End) => break,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_recording_begins_again_if_it_should() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 5);
    let mut camera = open(library, &file, played(Pace::AsRead, true));
    let mut last = (0, 0);
    for _ in 0..15 {
        let frame = camera.capture(0).unwrap();
        assert_whole(&frame);
        let at = (session_of(&frame), number_of(&frame));
        assert!(at > last, "{at:?} after {last:?}");
        last = at;
    }
    assert!(last.0 >= 3, "{last:?}");
}

/// Playing stops in the middle, with pictures that wait: nothing hangs.
#[test]
fn a_recording_may_be_left_at_any_time() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 20);
    for pace in [Pace::AsRead, Pace::Sensor] {
        for captures in 0..4 {
            let mut camera = open(library, &file, played(pace, false));
            for _ in 0..captures {
                if let Err(error) = camera.capture(0) {
                    assert!(error.is_end(), "{error}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_recording_is_refused_by_name() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let extension = library.version().recording_extension();
    let nonsense = folder.path().join(format!("nonsense.{extension}"));
    std::fs::write(&nonsense, b"no recording at all").unwrap();
    let absent = folder.path().join(format!("absent.{extension}"));
    for file in [nonsense, absent] {
        let context = Context::open(library).unwrap();
        let finder = Box::new(RecordedDevice::new(&file));
        let error =
            RealSenseCamera::open(context, finder, played(Pace::AsRead, false)).unwrap_err();
        assert!(matches!(error, RealSenseError::Recording { .. }), "{error}");
        assert!(error.to_string().contains(&file.display().to_string()));
        assert!(error.hint().unwrap().contains(".bag"));
    }
}
