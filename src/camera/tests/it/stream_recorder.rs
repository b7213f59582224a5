//! Recording what a camera gives, and what the recording then plays.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use twinspect_camera::librealsense::software::{SoftwareCamera, Workshop};
use twinspect_camera::librealsense::{CameraOption, Context, Librealsense};
use twinspect_camera::realsense::{
    Pace, Passed, RealSenseCamera, RealSenseError, RealSenseSpec, RecordedCounts, RecordedDevice,
    StreamRecorder, bytes_a_second, play_time,
};
use twinspect_camera::{Camera, CameraError};
use twinspect_core::frame::DepthFrame;
use twinspect_core::pairing::Stream;

use crate::rig::{
    LIBRARY, SIZE, SURELY, Showing, Socket, begin, colour_of, depth_of, number_of, show, show_pair,
    software_spec, spec, wait_for_all_pictures,
};

/// Bytes of a pair of pictures.
const PAIR_BYTES: u64 = (SIZE.width * SIZE.height * 5) as u64;

/// Set in the process whose files may not grow.
const INSIDE: &str = "TWINSPECT_REALSENSE_SMALL_DISK";

/// A camera in its socket, to which `script` shows pictures.
pub(crate) fn live(
    library: Librealsense,
    mut script: impl FnMut(&SoftwareCamera, u64) + Send + 'static,
) -> (Showing, Socket, Arc<SoftwareCamera>) {
    let workshop = Workshop::open(library).unwrap();
    let software = Arc::new(workshop.camera(&software_spec("recorded")).unwrap());
    let socket = Socket::default();
    socket.plug(Some(Arc::clone(&software)));
    let showing = Showing::start({
        let software = Arc::clone(&software);
        move |number| script(&software, number)
    });
    (showing, socket, software)
}

pub(crate) fn file_in(library: Librealsense, folder: &Path) -> std::path::PathBuf {
    folder.join(format!("belt.{}", library.version().recording_extension()))
}

/// Records so many pairs.
pub(crate) fn record_pairs(recorder: &mut StreamRecorder, pairs: u64) {
    let began = Instant::now();
    while recorder.counts().pairs < pairs {
        recorder.look(Duration::from_millis(100)).unwrap();
        assert!(began.elapsed() < SURELY, "{recorder:?}");
    }
}

/// Plays a recording, looks at each pixel, and says which pictures there were.
pub(crate) fn played_numbers(library: Librealsense, file: &Path) -> Vec<u64> {
    let spec = RealSenseSpec {
        streams: None,
        pace: Pace::AsRead,
        ..spec()
    };
    let context = Context::open(library).unwrap();
    let finder = Box::new(RecordedDevice::new(file));
    let mut camera = RealSenseCamera::open(context, finder, spec).unwrap();
    assert_eq!(camera.facts().serial, "recorded");
    let mut numbers = Vec::new();
    loop {
        match camera.capture(0) {
            Ok(frame) => {
                let number = number_of(&frame);
                assert_eq!(frame.pair.rgb().unwrap().data(), colour_of(number));
                let Some(DepthFrame::Counts(depth)) = frame.pair.depth() else {
                    panic!("no depth counts");
                };
                assert_eq!(depth.data(), depth_of(number));
                numbers.push(number);
            }
            Err(CameraError::End) => return numbers,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_a_camera_gives_is_recorded_and_played_again() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(library, folder.path());
    let context = Context::open(library).unwrap();
    let (showing, mut socket, software) = live(library, show_pair);
    let mut spec = spec();
    spec.settings.laser_power_mw = Some(60.0);
    let mut recorder = StreamRecorder::start(&context, &mut socket, &spec, &file).unwrap();
    assert_eq!(recorder.facts().serial, "recorded");
    assert!(recorder.is_recording());
    record_pairs(&mut recorder, 30);
    // The camera itself was set, and says so.
    let laser = recorder.facts().settings.iter();
    let mut laser = laser.filter(|fact| fact.name == "depth laser power");
    assert_eq!(laser.next().unwrap().found, 60.0);
    let sensors = software.device().unwrap().sensors().unwrap();
    assert_eq!(sensors[0].get(CameraOption::LaserPower).unwrap(), 60.0);
    let shown = showing.shown();
    // A camera goes on while it is stopped; this one must not, see `Rig`.
    drop(showing);
    let RecordedCounts {
        pairs,
        bytes,
        corrupt,
        ..
    } = recorder.finish().unwrap();
    assert!(pairs >= 30 && corrupt == 0, "{pairs} {corrupt}");
    assert!(bytes >= pairs * PAIR_BYTES, "{pairs} {bytes}");
    assert!(std::fs::metadata(&file).unwrap().len() >= bytes);
    drop(software);
    socket.plug(None);
    wait_for_all_pictures();

    assert!(play_time(&context, &file).unwrap() > Duration::from_millis(30));
    // It can be renamed, and nothing lies beside it.
    let other = folder
        .path()
        .join("other")
        .with_extension(file.extension().unwrap());
    std::fs::rename(&file, &other).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let numbers = played_numbers(library, &other);
    assert!(numbers.len() as u64 + 2 >= pairs, "{pairs} {numbers:?}");
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "{numbers:?}"
    );
    assert!(
        numbers.last().unwrap() <= &(shown + 2),
        "{shown} {numbers:?}"
    );
}

#[test]
fn pictures_of_a_camera_that_settles_are_passed_over() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(library, folder.path());
    let context = Context::open(library).unwrap();
    let (showing, mut socket, software) = live(library, show_pair);
    let mut spec = spec();
    spec.recovery.settle_pairs = 21;
    let mut recorder = StreamRecorder::start(&context, &mut socket, &spec, &file).unwrap();
    let began = Instant::now();
    let mut settling = 0;
    while !recorder.is_recording() {
        settling += u64::from(recorder.look(SURELY).unwrap() == Passed::Pair);
        assert_eq!(recorder.counts(), RecordedCounts::default());
        assert!(began.elapsed() < SURELY);
    }
    assert_eq!(settling, 20);
    record_pairs(&mut recorder, 15);
    drop(showing);
    let counts = recorder.finish().unwrap();
    drop(software);
    let time = play_time(&context, &file).unwrap();
    // What was passed over takes no time when it is played: fifteen pairs of a few milliseconds do.
    assert!(time < began.elapsed(), "{time:?}");
    let numbers = played_numbers(library, &file);
    let first = numbers[0];
    let jump = numbers.windows(2).find(|pair| pair[1] - pair[0] >= 10);
    // The very first may be there: the library can't be told to wait before.
    assert!(first >= 20 || jump.is_some(), "{numbers:?}");
    assert!(
        numbers.len() as u64 >= counts.pairs.saturating_sub(2),
        "{numbers:?}"
    );
}

#[test]
fn a_stream_that_dies_is_seen_while_it_is_recorded() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(library, folder.path());
    let context = Context::open(library).unwrap();
    let (showing, mut socket, _software) = live(library, |camera, number| {
        show(camera, Stream::Depth, number);
        if number <= 10 {
            show(camera, Stream::Colour, number);
        }
    });
    let mut recorder = StreamRecorder::start(&context, &mut socket, &spec(), &file).unwrap();
    let began = Instant::now();
    // No pair among so many pictures.
    let mut singles = 0;
    while singles < 40 {
        match recorder.look(SURELY).unwrap() {
            Passed::Pair => singles = 0,
            Passed::Single => singles += 1,
            Passed::Nothing => panic!("depth goes on"),
        }
        assert!(began.elapsed() < SURELY);
    }
    drop(showing);
    let counts = recorder.finish().unwrap();
    assert!(counts.pairs <= 10, "{counts:?}");
    assert!(counts.bytes > counts.pairs * PAIR_BYTES, "{counts:?}");
}

#[test]
fn another_ending_is_refused_and_the_right_one_named() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let context = Context::open(library).unwrap();
    let (_showing, mut socket, _software) = live(library, show_pair);
    let right = library.version().recording_extension();
    let wrong = if right == "bag" { "db3" } else { "bag" };
    for name in [format!("belt.{wrong}"), "belt".to_owned()] {
        let file = folder.path().join(name);
        let error = StreamRecorder::start(&context, &mut socket, &spec(), &file).unwrap_err();
        assert!(matches!(error, RealSenseError::Ending { .. }), "{error}");
        assert!(!error.may_pass());
        let told = format!("{error} {}", error.hint().unwrap());
        assert!(told.contains(&format!(".{right}")), "{told}");
        assert!(told.contains(&library.version().to_string()), "{told}");
        assert!(!file.exists());
    }
}

#[test]
fn without_a_camera_there_is_no_file() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(library, folder.path());
    let context = Context::open(library).unwrap();
    let mut nothing = Socket::default();
    let error = StreamRecorder::start(&context, &mut nothing, &spec(), &file).unwrap_err();
    assert!(matches!(error, RealSenseError::Absent { .. }), "{error}");
    assert!(!file.exists());
    // A folder that isn't there.
    let (_showing, mut socket, _software) = live(library, show_pair);
    let file = file_in(library, &folder.path().join("absent"));
    let error = StreamRecorder::start(&context, &mut socket, &spec(), &file).unwrap_err();
    assert!(matches!(error, RealSenseError::Call { .. }), "{error}");
}

#[test]
fn a_second_of_both_streams_has_so_many_bytes() {
    assert_eq!(
        bytes_a_second(&spec().streams.unwrap()),
        PAIR_BYTES * u64::from(crate::rig::RATE_HZ)
    );
}

/// Releases from 2.58 on say nothing of a disk that is full and go on without what can't be written; those before end
/// their process. In a process of its own, whose files may have a megabyte.
#[test]
fn a_file_that_can_t_grow_is_noticed() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("stream_recorder::inside_a_file_that_can_t_grow")
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if library.version().recording_extension() == "bag" && output.status.code().is_none() {
        assert!(errors.contains("rosbag"), "{} {errors}", output.status);
        return;
    }
    assert!(output.status.success(), "{} {told} {errors}", output.status);
    assert!(told.contains("unwritten"), "{told} {errors}");
}

#[test]
fn inside_a_file_that_can_t_grow() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    let Some((_turn, library)) = begin() else {
        panic!("{LIBRARY} is gone");
    };
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(library, folder.path());
    let context = Context::open(library).unwrap();
    let (showing, mut socket, _software) = live(library, show_pair);
    let mut recorder = StreamRecorder::start(&context, &mut socket, &spec(), &file).unwrap();
    // Three megabytes.
    record_pairs(&mut recorder, 200);
    drop(showing);
    let behind = recorder.backlog_bytes();
    let error = recorder.finish().unwrap_err();
    println!("unwritten: {behind} bytes behind; {error}");
    assert!(matches!(error, RealSenseError::Unwritten { .. }), "{error}");
    assert!(behind > 1_000_000, "{behind}");
}
