//! What is done about a camera that gives nothing, rung by rung.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use twinspect_camera::CameraError;
use twinspect_camera::librealsense::CameraOption;
use twinspect_camera::librealsense::software::{Done, SoftwareCamera, heard, overheard};
use twinspect_camera::realsense::RealSenseSpec;
use twinspect_core::recovery::RecoverySpec;

use crate::faults::{Breakable, impatient};
use crate::rig::{Rig, Socket, begin, session_of, show_pair, software_spec};

/// Limits of a ladder that is climbed at once.
fn quick_ladder() -> RealSenseSpec {
    let mut spec = impatient();
    spec.recovery.stall_max_us = 150_000;
    spec.recovery.first_pair_max_us = 150_000;
    spec.recovery.look_every_us = 10_000;
    spec
}

#[test]
fn streams_that_stand_still_are_started_anew() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let breakable = Breakable::new();
    // Mended by whoever starts it anew.
    let broken = Arc::clone(&breakable.broken);
    let mut spec = quick_ladder();
    spec.recovery.first_pair_max_us = 3_600_000_000;
    spec.settings.laser_power_mw = Some(60.0);
    let mut rig = Rig::open(library, spec, breakable.script(|_, _| {})).unwrap();
    let before = session_of(&rig.capture_until(Result::is_ok).unwrap());
    // Somebody else sets it, or it comes up anew.
    let sensors = rig.software.device().unwrap().sensors().unwrap();
    sensors[0].set(CameraOption::LaserPower, 90.0).unwrap();
    let found = rig.socket.found();
    breakable.set(true);
    let socket = rig.socket.clone();
    let frame = rig.capture_until(|outcome| {
        if socket.found() > found {
            broken.store(false, Ordering::SeqCst);
        }
        outcome.is_ok() && socket.found() > found
    });
    assert!(session_of(&frame.unwrap()) > before);
    assert!(rig.camera.watch().counts().recovery.restarts >= 1);
    assert_eq!(sensors[0].get(CameraOption::LaserPower).unwrap(), 60.0);
}

#[test]
fn what_nothing_brings_back_asks_for_a_new_process() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let breakable = Breakable::new();
    let mut rig = Rig::open(library, quick_ladder(), breakable.script(|_, _| {})).unwrap();
    breakable.set(true);
    let error = rig
        .capture_until(|outcome| matches!(outcome, Err(CameraError::Lost { .. })))
        .unwrap_err();
    assert!(error.wants_new_process());
    assert!(rig.camera.watch().is_lost());
}

/// A camera that stands still until it has been reset: once, after its streams were started anew, and then it gives
/// pictures again. How long that took.
fn reset_brings_it_back(reset_max_us: u64, is_told: bool) -> Option<Duration> {
    let (_turn, library) = begin()?;
    let library = overheard(library);
    let mut spec = impatient();
    spec.recovery = RecoverySpec {
        stall_max_us: 3_000_000,
        first_pair_max_us: 3_000_000,
        reset_max_us,
        can_reset: true,
        ..spec.recovery
    };
    let socket = Socket::default();
    let sound_from = Arc::new(AtomicU64::new(0));
    let script = {
        let (socket, sound_from) = (socket.clone(), Arc::clone(&sound_from));
        move |camera: &SoftwareCamera, number| {
            if socket.found() >= sound_from.load(Ordering::SeqCst) {
                show_pair(camera, number);
            }
        }
    };
    let software = software_spec("reset");
    let mut rig = Rig::open_in(socket.clone(), library, &software, spec, script).unwrap();
    let before = session_of(&rig.capture_until(Result::is_ok).unwrap());
    heard();
    // It is found for the second rung, and for the third one.
    sound_from.store(socket.found() + 2, Ordering::SeqCst);
    let began = Instant::now();
    let changes = Arc::clone(&rig.changes);
    let frame = rig.capture_until(|outcome| {
        if is_told {
            changes.tell_added();
        }
        let mut frames = outcome.iter();
        frames.any(|frame| session_of(frame) > before)
    });
    let took = began.elapsed();
    assert_eq!(session_of(&frame.unwrap()), before + 2);
    let counts = rig.camera.watch().counts().recovery;
    let steps = (counts.restarts, counts.resets, counts.removals);
    assert_eq!(steps, (1, 1, 0));
    let resets = heard().into_iter().filter(|done| *done == Done::Reset);
    assert_eq!(resets.count(), 1);
    Some(took)
}

/// One that takes no reset stays where it is. It is reset after six seconds, and waited for half of what a reset may take.
#[test]
fn a_camera_that_is_reset_and_never_goes_is_started_all_the_same() {
    if let Some(took) = reset_brings_it_back(6_000_000, false) {
        assert!(took >= Duration::from_secs(9), "{took:?}");
    }
}

/// It would be waited for half an hour.
#[test]
fn a_camera_that_is_reset_is_started_once_one_has_come() {
    reset_brings_it_back(3_600_000_000, true);
}
