//! Cameras that go away and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use twinspect_camera::librealsense::Context;
use twinspect_camera::realsense::RealSenseCamera;
use twinspect_camera::{CameraError, Trouble};

use crate::recordings::record;
use crate::rig::{Rig, SURELY, Socket, begin, session_of, show_pair, spec};

/// The library's own events, on its own thread: a recording is a device that can be put in and taken out.
#[test]
fn the_library_s_events_are_counted() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 3);
    let context = Context::open(library).unwrap();
    let changes = context.changes();
    assert_eq!((changes.added(), changes.removed()), (0, 0));
    let wait_for = |what: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !what() {
            assert!(began.elapsed() < SURELY, "{changes:?}");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    };
    let device = context.play(&file).unwrap();
    wait_for(&|| changes.added() == 1);
    assert_eq!(context.devices().unwrap().len(), 1);
    context.forget(&file).unwrap();
    wait_for(&|| changes.removed() == 1);
    assert!(context.devices().unwrap().is_empty());
    drop(device);
}

/// A camera that comes later is found, and waited for until then.
#[test]
fn a_camera_that_is_plugged_in_later_is_opened_then() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let rig = Rig::open(library, spec(), show_pair).unwrap();
    let socket = Socket::default();
    let opened = std::thread::spawn({
        let socket = socket.clone();
        move || {
            let context = Context::open(library).unwrap();
            RealSenseCamera::open(context, Box::new(socket), spec()).map(drop)
        }
    });
    // The other rig's camera, which nobody uses any more.
    let Rig {
        camera,
        showing,
        software,
        ..
    } = rig;
    drop(camera);
    socket.plug(Some(Arc::clone(&software)));
    opened.join().unwrap().unwrap();
    drop(showing);
}

/// Unplugged: no picture any more, whatever the streams still say, and found again when it comes back.
#[test]
fn an_unplugged_camera_is_found_again() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.wait_max = Duration::from_millis(100);
    spec.recovery.stall_max_us = 100_000;
    spec.recovery.first_pair_max_us = 3_600_000_000;
    let is_plugged = Arc::new(AtomicBool::new(true));
    let current = Arc::clone(&is_plugged);
    let mut rig = Rig::open(library, spec, move |camera, number| {
        if current.load(Ordering::SeqCst) {
            show_pair(camera, number);
        }
    })
    .unwrap();
    let before = session_of(&rig.capture_until(Result::is_ok).unwrap());
    is_plugged.store(false, Ordering::SeqCst);
    rig.socket.plug(None);
    is_missed_until_it_is_back(&mut rig, &is_plugged, before);
}

/// It is told as absent, and gives pictures of a later session once it is plugged in.
fn is_missed_until_it_is_back(rig: &mut Rig, is_plugged: &AtomicBool, before: u64) {
    rig.capture_until(|outcome| {
        matches!(
            outcome,
            Err(CameraError::NoPicture {
                trouble: Trouble::Absent { .. }
            })
        )
    })
    .unwrap_err();
    rig.socket.plug(Some(Arc::clone(&rig.software)));
    is_plugged.store(true, Ordering::SeqCst);
    let frame = rig.capture_until(Result::is_ok).unwrap();
    assert!(session_of(&frame) > before);
}

/// The library tells that a device has gone, long before a picture is missed.
#[test]
fn a_camera_that_the_library_tells_gone_is_looked_for_at_once() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    // Nothing else is done about it for an hour.
    let mut spec = spec();
    spec.wait_max = Duration::from_millis(100);
    let is_plugged = Arc::new(AtomicBool::new(true));
    let current = Arc::clone(&is_plugged);
    let mut rig = Rig::open(library, spec, move |camera, number| {
        if current.load(Ordering::SeqCst) {
            show_pair(camera, number);
        }
    })
    .unwrap();
    let before = session_of(&rig.capture_until(Result::is_ok).unwrap());
    // Another one has gone: ours is looked for, and is there.
    let (socket, found) = (rig.socket.clone(), rig.socket.found());
    rig.changes.tell_removed();
    let frame = rig.capture_until(|outcome| outcome.is_ok() && socket.found() > found);
    assert_eq!(session_of(&frame.unwrap()), before);
    assert_eq!(rig.camera.watch().counts().recovery.removals, 0);

    is_plugged.store(false, Ordering::SeqCst);
    rig.showing.settle();
    rig.socket.plug(None);
    rig.changes.tell_removed();
    is_missed_until_it_is_back(&mut rig, &is_plugged, before);
    let counts = rig.camera.watch().counts().recovery;
    assert_eq!((counts.removals, counts.restarts), (1, 0));
}
