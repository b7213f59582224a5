//! Recordings as cameras, in the format that the library at hand writes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use twinspect_camera::librealsense::software::{SoftwareCamera, Workshop};
use twinspect_camera::librealsense::{Context, Librealsense};
use twinspect_camera::realsense::{
    Pace, RealSenseCamera, RealSenseError, RealSenseSpec, RecordedDevice,
};
use twinspect_camera::{Camera, CameraError, CameraFrame, Trouble};
use twinspect_core::frame::DepthFrame;
use twinspect_core::pairing::Stream;
use twinspect_core::recovery::Health;

use crate::rig::{
    INTERVAL_US, SIZE, SURELY, begin, colour_of, depth_of, moment, number_of, session_of, show,
    show_pair, software_spec, spec,
};

/// Records the pairs 1 to `pairs`.
pub(crate) fn record(library: Librealsense, folder: &Path, pairs: u64) -> PathBuf {
    record_as(library, folder, pairs, show_pair)
}

/// The same, each shown in its way.
pub(crate) fn record_as(
    library: Librealsense,
    folder: &Path,
    pairs: u64,
    show: impl Fn(&SoftwareCamera, u64),
) -> PathBuf {
    let extension = library.version().recording_extension();
    let file = folder.join(format!("shift.{extension}"));
    let workshop = Workshop::open(library).unwrap();
    let camera = workshop.camera(&software_spec("recorded")).unwrap();
    let recorder = workshop.record(&camera, &file).unwrap();
    for number in 1..=pairs {
        show(&camera, number);
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
    assert!(camera.has_ended());
    assert_eq!(camera.watch().health(), Health::Well);
}

/// Numbers of all pairs until the end, and what the end is.
fn played_to_the_end(camera: &mut RealSenseCamera) -> (Vec<u64>, CameraError) {
    let mut numbers = Vec::new();
    loop {
        match camera.capture(0) {
            Ok(frame) => {
                assert_eq!(session_of(&frame), 1, "it is played once");
                numbers.push(number_of(&frame));
            }
            Err(error) => return (numbers, error),
        }
    }
}

#[test]
fn somebody_else_goes_on_where_a_recording_was_left() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 12);
    let skipping = |skip_pairs| RealSenseSpec {
        skip_pairs,
        ..played(Pace::AsRead, false)
    };
    let (all, _) = played_to_the_end(&mut open(library, &file, skipping(0)));
    let mut camera = open(library, &file, skipping(5));
    assert!(!camera.has_ended(), "a pair waits");
    let (rest, end) = played_to_the_end(&mut camera);
    assert_eq!(rest, all[5..]);
    assert!(matches!(end, CameraError::End), "{end}");
    // Everything was had before: that is no reason not to open it.
    let mut camera = open(library, &file, skipping(100));
    assert!(camera.has_ended());
    assert!(matches!(camera.capture(0), Err(CameraError::End)));
}

/// A stall of any length is more than it is patient with.
#[test]
fn a_recording_that_stands_still_is_not_begun_again() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // From the fourth pair on the camera has shown one picture, and another one at the very end.
    let file = record_as(library, folder.path(), 30, |camera, number| {
        let shown = if number == 30 { 30 } else { number.min(4) };
        camera.depth(&depth_of(shown), moment(number)).unwrap();
        camera.colour(&colour_of(shown), moment(number)).unwrap();
    });
    let mut spec = played(Pace::AsRead, false);
    spec.equal_pictures_max = 2;
    spec.recovery.stall_max_us = 1;
    spec.recovery.first_pair_max_us = 1;
    let mut camera = open(library, &file, spec);
    let (numbers, refused) = given_and_refused(&mut camera);
    // One release was seen to lose the first pair at playback.
    assert!(numbers.ends_with(&[2, 3, 4, 30]), "{numbers:?}");
    assert_eq!(refused.len(), 1, "the second equal one: {refused:?}");
    assert!(camera.watch().counts().frozen > 15);
    assert_eq!(camera.watch().counts().recovery.restarts, 0);
}

/// Numbers of all pairs until the end, and what was said of those that nobody got.
fn given_and_refused(camera: &mut RealSenseCamera) -> (Vec<u64>, Vec<Trouble>) {
    let (mut numbers, mut refused) = (Vec::new(), Vec::new());
    loop {
        match camera.capture(0) {
            Ok(frame) => {
                assert_eq!(session_of(&frame), 1, "it is played once");
                numbers.push(number_of(&frame));
            }
            Err(CameraError::Recorded { trouble }) => refused.push(trouble),
            Err(CameraError::End) => return (numbers, refused),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Under new numbers and stamps, and long before so many are equal that the stream counts as frozen.
#[test]
fn no_part_gets_the_picture_of_the_part_before_from_a_recording() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    for still in [Stream::Depth, Stream::Colour] {
        let folder = tempfile::tempdir().unwrap();
        let file = record_as(library, folder.path(), 8, |camera, number| {
            let is_still = (5..=6).contains(&number);
            let shown = |stream| {
                if is_still && stream == still {
                    4
                } else {
                    number
                }
            };
            let [depth, colour] = [Stream::Depth, Stream::Colour].map(shown);
            camera.depth(&depth_of(depth), moment(number)).unwrap();
            camera.colour(&colour_of(colour), moment(number)).unwrap();
        });
        let mut spec = played(Pace::AsRead, false);
        let mut camera = open(library, &file, spec.clone());
        let (numbers, refused) = given_and_refused(&mut camera);
        assert!(numbers.ends_with(&[2, 3, 4, 7, 8]), "{numbers:?}");
        assert_eq!(refused, [Trouble::Again { stream: still }; 2]);
        assert_eq!(camera.watch().counts().frozen, 2);
        // Unless all are to be believed.
        spec.equal_pictures_max = 0;
        let (numbers, refused) = given_and_refused(&mut open(library, &file, spec));
        assert!(
            numbers.ends_with(&[2, 3, 4, 5, 6, 7, 8]) && refused.is_empty(),
            "{numbers:?} {refused:?}"
        );
    }
}

/// Whoever judges has words of its own for a sense that is missing.
#[test]
fn a_picture_that_shows_nothing_is_given_as_often_as_it_comes() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record_as(library, folder.path(), 8, |camera, number| {
        let (mut depth, mut colour) = (depth_of(number), colour_of(number));
        if (3..=4).contains(&number) {
            depth.fill(0);
        }
        if (6..=7).contains(&number) {
            colour = vec![u8::MAX; 3 * SIZE.pixels()];
        }
        camera.depth(&depth, moment(number)).unwrap();
        camera.colour(&colour, moment(number)).unwrap();
    });
    let mut camera = open(library, &file, played(Pace::AsRead, false));
    let (numbers, refused) = given_and_refused(&mut camera);
    assert!(
        numbers.ends_with(&[2, 3, 4, 5, 6, 7, 8]) && refused.is_empty(),
        "{numbers:?} {refused:?}"
    );
}

/// What it showed last may be what it shows first.
#[test]
fn a_recording_that_begins_again_may_show_what_it_has_shown() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // Of two pairs a release may play one.
    let file = record_as(library, folder.path(), 2, |camera, number| {
        camera.depth(&depth_of(1), moment(number)).unwrap();
        camera.colour(&colour_of(1), moment(number)).unwrap();
    });
    let mut camera = open(library, &file, played(Pace::AsRead, true));
    let mut rounds = Vec::new();
    while rounds.len() < 3 {
        match camera.capture(0) {
            Ok(frame) => rounds.push(session_of(&frame)),
            Err(CameraError::Recorded {
                trouble: Trouble::Again { .. },
            }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(rounds, [1, 2, 3], "one of each round");
}

/// Places at which a file of SQLite says where the rest of a picture lies: the first bytes of a page that has a
/// picture's middle. By [its format](https://www.sqlite.org/fileformat.html), section 1.6; pages of trees begin with 2, 5,
/// 10 or 13.
fn links(bytes: &[u8]) -> Vec<usize> {
    const PAGE: usize = 4096;
    let pages = bytes.len() / PAGE;
    let link = |page: usize| {
        let first = bytes[page * PAGE..].first_chunk().unwrap();
        u32::from_be_bytes(*first) as usize
    };
    (1..pages)
        .filter(|page| (1..=pages).contains(&link(*page)))
        .map(|page| page * PAGE)
        .collect()
}

/// The library ends it there, as if it were its end, and says nothing.
#[test]
fn a_recording_that_is_damaged_has_broken_off_and_not_ended() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    if library.version().recording_extension() != "db3" {
        // Pixels of others may be wrong, but not missing.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = record_as(library, folder.path(), 20, |camera, number| {
        if number == 11 {
            // What is missing behind the damage is more than the last pictures before an end.
            let until = Instant::now() + Duration::from_millis(900);
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                std::thread::park_timeout(left);
            }
        }
        show_pair(camera, number);
    });
    let whole = std::fs::read(&file).unwrap();
    let places = links(&whole);
    // One for each picture of colour.
    assert!(places.len() >= 18, "{places:?}");
    let damaged = |places: &[usize]| {
        let mut bytes = whole.clone();
        for place in places {
            bytes[*place..place + 4].fill(0xff);
        }
        std::fs::write(&file, bytes).unwrap();
    };
    damaged(&places[5..6]);
    let mut camera = open(library, &file, played(Pace::AsRead, false));
    let (numbers, end) = played_to_the_end(&mut camera);
    assert!((1..=10).contains(&numbers.len()), "{numbers:?}");
    let told = end.to_string();
    assert!(
        told.contains(&file.display().to_string()) && told.contains("broke off after"),
        "{told}"
    );
    assert!(end.is_end() && camera.has_ended());
    assert!(end.hint().unwrap().contains("pragma integrity_check"));
    // A station that has no part to ask for hears of it so.
    let again = camera.capture(0).unwrap_err();
    assert_eq!((again.is_end(), again.to_string()), (true, told));
    drop(camera);
    // It would give nothing, again and again.
    damaged(&places);
    for repeat in [false, true] {
        let context = Context::open(library).unwrap();
        let finder = Box::new(RecordedDevice::new(&file));
        let spec = played(Pace::AsRead, repeat);
        let error = RealSenseCamera::open(context, finder, spec).unwrap_err();
        assert!(matches!(error, RealSenseError::BrokenOff { .. }), "{error}");
    }
}

/// Its reader would take nonsense for lengths, some of which it never comes to an end with.
#[test]
fn a_bag_with_nonsense_in_its_middle_is_refused_with_the_place() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    if library.version().recording_extension() != "bag" {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 40);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    for (at, byte) in bytes[middle..middle + 100_000].iter_mut().enumerate() {
        *byte = (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
    }
    std::fs::write(&file, bytes).unwrap();
    for repeat in [false, true] {
        let context = Context::open(library).unwrap();
        let finder = Box::new(RecordedDevice::new(&file));
        let spec = played(Pace::AsRead, repeat);
        let error = RealSenseCamera::open(context, finder, spec).unwrap_err();
        let RealSenseError::Damaged { at, .. } = error else {
            panic!("{error}");
        };
        let at = usize::try_from(at).unwrap();
        assert!((middle - 20_000..middle + 100_000).contains(&at), "{at}");
    }
}

#[test]
fn a_recording_of_one_stream_is_refused() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    for shown in [Stream::Depth, Stream::Colour] {
        let folder = tempfile::tempdir().unwrap();
        let file = record_as(library, folder.path(), 10, |camera, number| {
            show(camera, shown, 2 * number);
            show(camera, shown, 2 * number + 1);
        });
        for repeat in [false, true] {
            let context = Context::open(library).unwrap();
            let finder = Box::new(RecordedDevice::new(&file));
            let spec = played(Pace::AsRead, repeat);
            let error = RealSenseCamera::open(context, finder, spec).unwrap_err();
            // Both sensors were started, and the place of one is not there without its pictures.
            assert!(matches!(error, RealSenseError::NoPlaces { .. }), "{error}");
            assert!(error.to_string().contains(&file.display().to_string()));
            assert!(error.is_of_the_file() && error.hint().is_some());
        }
    }
}

#[test]
fn a_recording_without_pairs_names_itself_and_what_it_lacks() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // No two stamps belong together.
    let file = record_as(library, folder.path(), 10, |camera, number| {
        show(camera, Stream::Depth, number);
        show(camera, Stream::Colour, number + 1_000);
    });
    let context = Context::open(library).unwrap();
    let finder = Box::new(RecordedDevice::new(&file));
    let spec = played(Pace::AsRead, false);
    let error = RealSenseCamera::open(context, finder, spec).unwrap_err();
    assert!(matches!(error, RealSenseError::NoPair { .. }), "{error}");
    assert!(error.to_string().contains(&file.display().to_string()));
}

#[test]
fn a_recording_that_is_too_slow_is_told_as_one() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = record(library, folder.path(), 20);
    let mut spec = played(Pace::Sensor, true);
    spec.wait_max = Duration::ZERO;
    let mut camera = open(library, &file, spec);
    // What waits was taken before the part came, and nothing is waited for.
    let error = (0..1_000).find_map(|_| camera.capture(0).err());
    let error = error.expect("no machine is so fast");
    assert!(matches!(error, CameraError::Recorded { .. }), "{error}");
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
    let device = Path::new("/dev/zero");
    for (file, remedy) in [
        (nonsense.as_path(), ".bag"),
        (&absent, "camera.file"),
        (device, "onto a disk"),
    ] {
        let context = Context::open(library).unwrap();
        let finder = Box::new(RecordedDevice::new(file));
        let error =
            RealSenseCamera::open(context, finder, played(Pace::AsRead, false)).unwrap_err();
        assert!(error.to_string().contains(&file.display().to_string()));
        let hint = error.hint().unwrap();
        assert!(hint.contains(remedy), "{error}: {hint}");
    }
}
