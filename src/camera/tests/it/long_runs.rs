//! Many starts and many pictures: no thread, descriptor or memory is left behind, and the process ends by itself.
//!
//! Each run is a process of its own, so that what it counts is its own. Longer runs:
//! `TWINSPECT_REALSENSE_CYCLES=1000 TWINSPECT_REALSENSE_FRAMES=10000 cargo test -p twinspect-camera --test it long_runs`.

use std::process::Command;
use std::time::{Duration, Instant};

use twinspect_camera::librealsense::Context;
use twinspect_camera::librealsense::software::{Workshop, pixels_alive};
use twinspect_camera::realsense::{Pace, RealSenseCamera, RealSenseSpec, RecordedDevice};
use twinspect_camera::{Camera, CameraError};

use crate::recordings::record;
use crate::rig::{
    LIBRARY, Rig, SURELY, library, number_of, show_pair, software_spec, spec, turn,
    wait_for_all_pictures,
};

/// Set in the process that does the work.
const INSIDE: &str = "TWINSPECT_REALSENSE_RUN";

/// Memory that may come on top after the first tenth, in kilobytes, however many rounds there are. The library's logs and
/// allocators keep some: at most 600 were seen. A pair of pictures of the size used here has fifteen, so that one kept in
/// each round is found by 150 rounds; of cycles there are 170 by default for that.
const GROWTH_MAX_KB: u64 = 2_048;

/// How often cameras are opened, and how many pictures are taken.
pub(crate) const CYCLES: &str = "TWINSPECT_REALSENSE_CYCLES";
pub(crate) const FRAMES: &str = "TWINSPECT_REALSENSE_FRAMES";

fn count(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .map_or(otherwise, |text| text.parse().unwrap())
}

/// Threads, descriptors and resident kilobytes of this process.
#[derive(Debug, Clone, Copy)]
struct Usage {
    threads: usize,
    descriptors: usize,
    resident_kb: u64,
}

fn usage() -> Usage {
    let entries = |folder| std::fs::read_dir(folder).unwrap().count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    Usage {
        threads: entries("/proc/self/task"),
        descriptors: entries("/proc/self/fd"),
        resident_kb: resident.split_whitespace().nth(1).unwrap().parse().unwrap(),
    }
}

/// Does something `times` times and holds what is used afterwards against what was used after a tenth.
fn nothing_is_left_behind(times: u64, mut once: impl FnMut(u64)) {
    let mut first = None;
    for round in 0..times {
        if round == times / 10 {
            first = Some(usage());
        }
        once(round);
    }
    let first = first.unwrap();
    let mut last = usage();
    // A thread that has ended is listed for a moment longer.
    let began = Instant::now();
    while last.threads > first.threads && began.elapsed() < SURELY {
        std::thread::park_timeout(Duration::from_millis(10));
        last = usage();
    }
    println!("{times} rounds: {first:?}, then {last:?}");
    assert!(last.threads <= first.threads, "{first:?} {last:?}");
    assert!(last.descriptors <= first.descriptors, "{first:?} {last:?}");
    let growth_kb = last.resident_kb.saturating_sub(first.resident_kb);
    assert!(growth_kb <= GROWTH_MAX_KB, "{first:?} {last:?}");
}

/// Runs the test of this name in a process of its own; whether this is that process.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if library().is_none() {
        println!("skipped: {LIBRARY} names no librealsense");
        return false;
    }
    let _turn = turn();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    // No signal, no code: it has ended by itself, with the library's threads in it.
    assert!(
        output.status.success(),
        "{}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("rounds"), "{text}");
    println!("{text}");
    false
}

#[test]
fn starts_leave_nothing_behind() {
    if !inside("long_runs::starts_leave_nothing_behind") {
        return;
    }
    let library = library().unwrap();
    nothing_is_left_behind(count(CYCLES, 170), |_| {
        let mut rig = Rig::open(library, spec(), show_pair).unwrap();
        rig.capture().unwrap();
        drop(rig);
        wait_for_all_pictures();
    });
}

#[test]
fn pictures_leave_nothing_behind() {
    if !inside("long_runs::pictures_leave_nothing_behind") {
        return;
    }
    let library = library().unwrap();
    let mut rig = Rig::open(library, spec(), show_pair).unwrap();
    let mut last = 0;
    nothing_is_left_behind(count(FRAMES, 1_000), |_| {
        let number = number_of(&rig.capture().unwrap());
        assert!(number > last);
        last = number;
        // The newest, those that wait for a partner, and those in the queue: less than the library's pool.
        assert!(pixels_alive() <= 16, "{}", pixels_alive());
    });
}

#[test]
fn recordings_leave_nothing_behind() {
    if !inside("long_runs::recordings_leave_nothing_behind") {
        return;
    }
    let library = library().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 10);
    nothing_is_left_behind(count(CYCLES, 170), |round| {
        let spec = RealSenseSpec {
            streams: None,
            pace: Pace::AsRead,
            ..spec()
        };
        let context = Context::open(library).unwrap();
        let finder = Box::new(RecordedDevice::new(&file));
        let mut camera = RealSenseCamera::open(context, finder, spec).unwrap();
        // To the end, or left before it.
        for _ in 0..round % 15 {
            match camera.capture(0) {
                Ok(_) | Err(CameraError::End) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}

/// The double itself, so that it is known whose leak a leak is.
#[test]
fn software_cameras_leave_nothing_behind() {
    if !inside("long_runs::software_cameras_leave_nothing_behind") {
        return;
    }
    let library = library().unwrap();
    let workshop = Workshop::open(library).unwrap();
    nothing_is_left_behind(count(CYCLES, 170), |_| {
        let context = Context::open(library).unwrap();
        let camera = workshop.camera(&software_spec("leak")).unwrap();
        drop(camera.device().unwrap().sensors().unwrap());
        drop(context);
    });
}
