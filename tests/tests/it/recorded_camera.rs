//! A station whose camera is a recording, played by the real librealsense: it must judge as it judges the parts from
//! which the recording was made. Without `TWINSPECT_LIBREALSENSE` the tests say that they are skipped.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use twinspect_camera::librealsense::Librealsense;
use twinspect_camera::librealsense::software::{
    Moment, SoftwareCamera, SoftwareRecorder, SoftwareSpec, Workshop,
};
use twinspect_core::frame::{DepthFrame, FramePair};
use twinspect_core::pairing::{SensorClock, Stream};

use crate::bad_input::DATA;
use crate::binaries::{program, run, succeed};
use crate::workspace::root;

/// Parts that are recorded, each once. A release was seen to lose the first pair of a recording.
const PARTS: usize = 8;

const SKIPPED: &str = "skipped: TWINSPECT_LIBREALSENSE names no librealsense";

/// The library's folder, if the environment names one.
fn library() -> Option<PathBuf> {
    std::env::var_os("TWINSPECT_LIBREALSENSE").map(PathBuf::from)
}

/// The first parts of the demo, as a camera of their geometry would have recorded them.
fn record(library: &Path, folder: &Path) -> PathBuf {
    record_with_lull(library, folder, Duration::ZERO)
}

/// A camera of the demo's geometry, what writes down what it shows, and into which file.
fn recorder(library: &Path, folder: &Path) -> (SoftwareCamera, SoftwareRecorder, PathBuf) {
    let dataset = twinspect_dataset::open(root().join("models/demo/cap")).expect("demo parts");
    let camera = dataset.camera().expect("the demo's camera");
    let library = Librealsense::load(Some(library)).expect("the library");
    let workshop = Workshop::open(library).expect("its internals");
    let double = workshop
        .camera(&SoftwareSpec {
            serial: "cap".to_owned(),
            usb: "3.2".to_owned(),
            depth: camera.intrinsics,
            colour: camera.intrinsics,
            rate_hz: 30,
            translation_m: [0.0; 3],
            depth_unit_m: camera.depth_unit_m.expect("a unit") as f32,
            one_sensor: false,
            options: [Vec::new(), Vec::new()],
        })
        .expect("a software camera");
    let file = folder.join(format!("shift.{}", library.version().recording_extension()));
    let recorder = workshop.record(&double, &file).expect("a recording");
    (double, recorder, file)
}

/// The moment of a picture.
fn moment(number: u64) -> Moment {
    Moment {
        number,
        time_us: 1_000_000 + number * 33_333,
        clock: SensorClock(0),
    }
}

/// One stream's pictures alone.
fn record_one_stream(library: &Path, folder: &Path, stream: Stream) -> PathBuf {
    let (double, recorder, file) = recorder(library, folder);
    for number in 1..=10 {
        let pixels = 320 * 320;
        let (depth, colour) = (vec![4_000; pixels], vec![number as u8; 3 * pixels]);
        match stream {
            Stream::Depth => double.depth(&depth, moment(number)),
            Stream::Colour => double.colour(&colour, moment(number)),
        }
        .expect("a picture is taken");
        let passed = recorder.wait(Duration::from_secs(30));
        assert!(passed.expect("the recorder runs"));
    }
    recorder.finish().expect("a whole recording");
    file
}

/// The same as `record` with a lull before the second half.
fn record_with_lull(library: &Path, folder: &Path, lull: Duration) -> PathBuf {
    record_frames(library, folder, lull, &demo())
}

/// Its first parts.
fn demo() -> Vec<FramePair> {
    let dataset = twinspect_dataset::open(root().join("models/demo/cap")).expect("demo parts");
    let parts = dataset.inspection_parts().into_iter().take(PARTS);
    parts
        .map(|part| dataset.load(part).expect("a part").frame)
        .collect()
}

fn record_frames(library: &Path, folder: &Path, lull: Duration, frames: &[FramePair]) -> PathBuf {
    let (double, recorder, file) = recorder(library, folder);
    for (place, frame) in frames.iter().enumerate() {
        let Some(DepthFrame::Counts(depth)) = frame.depth() else {
            panic!("the demo's depth comes in counts");
        };
        if place == PARTS / 2 {
            let until = Instant::now() + lull;
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                std::thread::park_timeout(left);
            }
        }
        let moment = moment(place as u64 + 1);
        double.depth(depth.data(), moment).expect("depth is taken");
        double
            .colour(frame.rgb().expect("colour").data(), moment)
            .expect("colour is taken");
        for _ in 0..2 {
            assert!(
                recorder
                    .wait(Duration::from_secs(30))
                    .expect("the recorder runs")
            );
        }
    }
    recorder.finish().expect("a whole recording");
    file
}

/// A station with that recording, played again and again, and time enough for a slow machine.
fn station(library: &Path, folder: &Path, file: &Path) -> PathBuf {
    let playing = "pace = \"as_read\"\nrepeat = true\n";
    let belt = "[trigger]\nrate_hz = 0.25\nexposure_max_ms = 20000\n[gate]\ndelay_ms = 10000\ndeadline_ms = 10000\n";
    station_as(library, folder, file, playing, belt)
}

fn station_as(library: &Path, folder: &Path, file: &Path, playing: &str, belt: &str) -> PathBuf {
    let config = folder.join("station.toml");
    let text = format!(
        "[bundle]\nfile = {:?}\n[camera]\nkind = \"recording\"\nfile = {file:?}\n{playing}\
         [realsense]\nlibrary = {library:?}\nwait_max_ms = 20000\n{belt}\
         [inspector]\nsilence_max_ms = 60000\n",
        root().join("models/cap.twb"),
    );
    std::fs::write(&config, text).expect("a new file");
    config
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect()
}

/// Verdict and score of a part's line.
fn judged(line: &Value) -> (Option<&str>, Option<f64>) {
    (line["verdict"].as_str(), line["score"].as_f64())
}

#[test]
fn a_recorded_camera_is_judged_as_its_parts_are() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = record(&library, folder.path());
    let config = station(&library, folder.path(), &file);
    let replayed = replayed();
    let told = succeed(
        program("twinspect")
            .args(["run", "--json", "--parts", "4", "--config"])
            .arg(&config),
    );
    let told = lines(&told);
    let (summary, parts) = told.split_last().expect("a summary");
    assert_eq!(parts.len(), 4, "{told:?}");
    let expected: Vec<_> = replayed.iter().take(PARTS).map(judged).collect();
    let found: Vec<_> = parts.iter().map(judged).collect();
    // The first one may be lost.
    let is_found = expected[..=4].windows(4).any(|window| window == found);
    assert!(is_found, "{found:?} of {expected:?}");
    assert_eq!(summary["inspector_restarts"], 0, "{summary}");
}

/// What is said of the demo's parts as they lie on the disk.
fn replayed() -> Vec<Value> {
    let told = succeed(program("twinspect").args(["replay", "--json"]).args([
        "--bundle".as_ref(),
        root().join("models/cap.twb").as_os_str(),
        "--data".as_ref(),
        root().join("models/demo/cap").as_os_str(),
    ]));
    lines(&told)
}

/// Numbers and stamps go on, and so does the other stream. Ten equal pictures are believed before a stream counts as
/// frozen; no part is judged by the second one.
#[test]
fn no_part_is_judged_by_a_half_of_the_part_before() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let replayed = replayed();
    let demo = demo();
    for still in [Stream::Depth, Stream::Colour] {
        // From the third part on one stream shows what it showed of that.
        let frames: Vec<FramePair> = (0..PARTS)
            .map(|place| {
                let (depth, colour) = match still {
                    Stream::Depth => (place.min(2), place),
                    Stream::Colour => (place, place.min(2)),
                };
                FramePair::new(
                    demo[colour].rgb().cloned(),
                    demo[depth].depth().cloned(),
                    demo[place].intrinsics().copied(),
                )
                .expect("a pair")
            })
            .collect();
        let folder = tempfile::tempdir().expect("a folder");
        let file = record_frames(&library, folder.path(), Duration::ZERO, &frames);
        let config = station(&library, folder.path(), &file);
        let output = run(program("twinspect")
            .args(["run", "--json", "--parts", "5", "--config"])
            .arg(&config));
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        let told = lines(&String::from_utf8_lossy(&output.stdout));
        let (_, parts) = told.split_last().expect("a summary");
        assert_eq!(parts.len(), 5, "{told:?}");
        let is_refused = |part: &&Value| part["reason"] == "camera";
        let seen = parts.iter().take_while(|part| !is_refused(part)).count();
        // The first one may be lost.
        assert!((2..=3).contains(&seen), "{told:?}");
        let expected: Vec<_> = replayed[3 - seen..3].iter().map(judged).collect();
        let found: Vec<_> = parts[..seen].iter().map(judged).collect();
        assert_eq!(found, expected, "{told:?}");
        assert!(
            parts[seen..].iter().all(|part| is_refused(&part)),
            "{told:?}"
        );
        let says = format!("the {still} picture is the one before again, to the last bit");
        assert!(log.contains(&says), "`{says}` of {log}");
    }
}

/// One picture again and again, under new numbers.
fn one_picture() -> Vec<FramePair> {
    let first = demo().swap_remove(0);
    vec![first; PARTS]
}

/// No cable mends what was recorded, and whoever believes equal pictures has said so.
#[test]
fn equal_pictures_of_a_recording_that_are_believed_are_not_the_cable_s_fault() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = record_frames(&library, folder.path(), Duration::ZERO, &one_picture());
    let playing = "pace = \"as_read\"\nrepeat = true\n";
    let believed = "equal_pictures_max = 0\n[trigger]\nrate_hz = 0.25\nexposure_max_ms = 20000\n\
                    [gate]\ndelay_ms = 10000\ndeadline_ms = 10000\n";
    let config = station_as(&library, folder.path(), &file, playing, believed);
    let output = run(program("twinspect")
        .args(["run", "--json", "--parts", "5", "--config"])
        .arg(&config));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let told = lines(&String::from_utf8_lossy(&output.stdout));
    let (_, parts) = told.split_last().expect("a summary");
    let verdicts: Vec<_> = parts.iter().map(judged).collect();
    assert_eq!(verdicts, vec![verdicts[0]; 5], "{told:?}");
    assert!(verdicts[0].1.is_some(), "they were judged: {told:?}");
    for word in ["the picture is the one before", "cable"] {
        assert!(!log.contains(word), "`{word}` in {log}");
    }
}

#[test]
fn a_recording_of_one_picture_is_bad_data_for_whoever_looks() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = record_frames(&library, folder.path(), Duration::ZERO, &one_picture());
    let playing = "pace = \"as_read\"\nrepeat = false\n";
    let config = station_as(&library, folder.path(), &file, playing, "");
    let output = run(program("twinspect")
        .current_dir(folder.path())
        .args(["check", "--camera", "--config"])
        .arg(&config));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(DATA), "{told}");
    let (_, report) = told.split_once("error: ").expect("a report");
    let says = "in the recording, the camera shows one picture again and again";
    assert!(report.contains(says), "`{says}` of {report}");
    // To believe them would let whatever stood still pass.
    assert!(
        report.contains("record anew") && !report.contains("equal_pictures_max"),
        "{report}"
    );
}

/// Parts come faster than they can be judged, perhaps, and go on coming. The number of them is for a station that does
/// not end by itself.
#[test]
fn a_recording_is_played_once_and_the_station_ends_with_it() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = record(&library, folder.path());
    let belt = "[trigger]\nrate_hz = 4.0\nexposure_max_ms = 20000\n[gate]\ndelay_ms = 3000\ndeadline_ms = 3000\n";
    for pace in ["as_read", "sensor"] {
        let playing = format!("pace = {pace:?}\nrepeat = false\n");
        let config = station_as(&library, folder.path(), &file, &playing, belt);
        let told = succeed(
            program("twinspect")
                .args(["run", "--json", "--parts", "60", "--config"])
                .arg(&config),
        );
        let told = lines(&told);
        let (summary, parts) = told.split_last().expect("a summary");
        assert!(parts.len() < 60, "{pace}: it went on without pictures");
        assert_eq!(summary["inspector_restarts"], 0, "{pace}: {summary}");
        let without = |part: &&Value| part["reason"] != "camera" && part["reason"] != "stopped";
        let seen = parts.iter().filter(without).count();
        assert!(
            seen <= PARTS,
            "{pace}: something was played twice: {told:?}"
        );
        if pace == "as_read" {
            assert!(seen >= PARTS - 1, "{told:?}");
        }
    }
}

/// What lies in the midst of it belongs to pictures, whose pages point to each other.
#[test]
fn a_recording_that_broke_off_ends_the_station_with_its_summary_and_the_place() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    // A lull, since what is missing behind the damage has to be more than the last pictures before an end.
    let file = record_with_lull(&library, folder.path(), Duration::from_millis(900));
    if file.extension().is_none_or(|extension| extension != "db3") {
        println!("skipped: this release's recordings have no pages that point to each other");
        return;
    }
    let mut bytes = std::fs::read(&file).expect("a recording");
    let place = bytes.len() / 4;
    bytes[place..place + 65_536].fill(0xff);
    std::fs::write(&file, bytes).expect("a damaged recording");
    let belt = "[trigger]\nrate_hz = 4.0\nexposure_max_ms = 20000\n[gate]\ndelay_ms = 3000\ndeadline_ms = 3000\n";
    let playing = "pace = \"as_read\"\nrepeat = false\n";
    let config = station_as(&library, folder.path(), &file, playing, belt);
    let output = run(program("twinspect")
        .args(["run", "--json", "--parts", "60", "--config"])
        .arg(&config));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(DATA), "{told}");
    let name = file.display().to_string();
    assert!(
        told.contains("not all of the recording was played") && told.contains(&name),
        "{told}"
    );
    let said = lines(&String::from_utf8_lossy(&output.stdout));
    let (summary, parts) = said.split_last().expect("a summary");
    assert_eq!(summary["inspector_restarts"], 0, "{summary}");
    assert!(parts.len() < 60, "{summary}");

    // The same fault by the same exit code, with what was recorded before that place.
    let output = run(program("twinspect")
        .args(["record", "--json", "--every-ms", "1", "--config"])
        .arg(&config)
        .arg("--out")
        .arg(folder.path().join("parts")));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(DATA), "{told}");
    assert!(
        told.contains("broke off after") && told.contains(&name),
        "{told}"
    );

    // So does whoever looks, behind what was seen.
    for command in [
        &["check", "--camera"][..],
        &["calibrate", "--pictures", "80"],
        &["bench", "--camera", "--seconds", "600"],
    ] {
        let output = run(program("twinspect")
            .current_dir(folder.path())
            .args(command)
            .arg("--config")
            .arg(&config));
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(DATA), "{command:?}: {told}");
        assert!(told.contains("broke off after"), "{command:?}: {told}");
    }
}

/// What every command says of a recording that is wrong itself.
fn assert_bad_data(library: &Path, folder: &Path, file: &Path, says: &str) {
    let playing = "pace = \"as_read\"\nrepeat = true\n";
    let config = station_as(library, folder, file, playing, "");
    for command in [
        &["run", "--parts", "4"][..],
        &["check", "--camera"],
        &["calibrate"],
        &["bench", "--camera", "--seconds", "1"],
    ] {
        let output = run(program("twinspect")
            .current_dir(folder)
            .args(command)
            .arg("--config")
            .arg(&config));
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(DATA), "{command:?}: {told}");
        assert!(told.contains(says), "`{says}` of {command:?}: {told}");
    }
}

/// Each release plays bags. Its reader would take any four of these bytes for a length, and not come back.
#[test]
fn a_bag_with_nonsense_in_its_middle_ends_every_command_as_bad_data() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut header = Vec::new();
    let (index_at, count) = (2_100_000_u64.to_le_bytes(), 7_u32.to_le_bytes());
    for (name, value) in [
        ("op", &[3_u8][..]),
        ("index_pos", &index_at),
        ("conn_count", &count),
        ("chunk_count", &count),
    ] {
        let field = [name.as_bytes(), b"=", value].concat();
        header.extend((field.len() as u32).to_le_bytes());
        header.extend(field);
    }
    let length = (header.len() as u32).to_le_bytes();
    let mut bytes = [&b"#ROSBAG V2.0\n"[..], &length, &header, &[0; 4]].concat();
    let place = bytes.len();
    bytes.resize(2_200_000, 0xee);
    let file = folder.path().join("belt.bag");
    std::fs::write(&file, bytes).expect("a new file");
    let says = format!("recording {} is damaged at byte {place}: ", file.display());
    assert_bad_data(&library, folder.path(), &file, &says);
}

#[test]
fn a_recording_of_one_stream_ends_every_command_as_bad_data() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    for stream in [Stream::Depth, Stream::Colour] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = record_one_stream(&library, folder.path(), stream);
        let says = format!(
            "recording {} does not say how its cameras stand to each other",
            file.display()
        );
        assert_bad_data(&library, folder.path(), &file, &says);
    }
}

/// No waiting mends it: what is there is no recording, or nothing is there.
#[test]
fn a_recording_that_can_t_be_opened_ends_every_command_as_bad_data() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let ending = Librealsense::load(Some(&library))
        .expect("the library")
        .version()
        .recording_extension();
    std::fs::write(
        folder.path().join("other").with_extension(ending),
        "no recording",
    )
    .expect("a new file");
    for (name, says) in [
        ("absent", "reading recording"),
        ("other", "opening recording"),
    ] {
        let file = folder.path().join(name).with_extension(ending);
        assert_bad_data(&library, folder.path(), &file, says);
    }
}

#[test]
fn parts_are_recorded_of_a_recording_once_whatever_the_station_does_with_it() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = record(&library, folder.path());
    let playing = "pace = \"as_read\"\nrepeat = true\n";
    let config = station_as(&library, folder.path(), &file, playing, "");
    let parts = folder.path().join("parts");
    let told = succeed(
        program("twinspect")
            .args(["record", "--json", "--every-ms", "1", "--config"])
            .arg(&config)
            .arg("--out")
            .arg(&parts),
    );
    let told = lines(&told);
    let (_, pictures) = told.split_last().expect("a summary");
    let recorded = twinspect_dataset::open(&parts).expect("recorded parts");
    let recorded = recorded.parts(twinspect_dataset::Split::Train).len();
    assert!(
        (PARTS - 1..=PARTS).contains(&recorded),
        "{recorded}: {told:?}"
    );
    assert!(pictures.len() <= PARTS, "{told:?}");
}

#[test]
fn a_camera_is_looked_through_and_told_of_in_pictures_and_figures() {
    let Some(library) = library() else {
        println!("{SKIPPED}");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = record(&library, folder.path());
    let config = station(&library, folder.path(), &file);
    let out = folder.path().join("pictures");
    let told = succeed(
        program("twinspect")
            .args(["check", "--camera", "--json", "--config"])
            .arg(&config)
            .arg("--out")
            .arg(&out),
    );
    let told: Value = serde_json::from_str(&told).expect("a JSON object");
    assert_eq!(told["device"]["serial"], "cap", "{told}");
    assert_eq!(told["device"]["colour_size"], "320 x 320");
    assert_eq!(told["device"]["depth_unit_m"], 0.0001);
    assert_eq!(told["device"]["fx"], 915.0);
    assert_eq!(told["warnings"], Value::Array(Vec::new()), "{told}");
    assert!(told["depth"]["measured_share"].as_f64() > Some(0.9));
    let median_mm = told["depth"]["median_mm"].as_f64().expect("a distance");
    assert!((400.0..460.0).contains(&median_mm), "{median_mm}");
    for name in ["colour.png", "depth.png"] {
        let picture = image::open(out.join(name)).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (320, 320));
    }
}

/// What a technician sees on a machine without the library.
#[test]
fn without_the_library_a_station_says_what_to_install() {
    let folder = tempfile::tempdir().expect("a folder");
    // Of a recording that is not there, that is told.
    std::fs::write(folder.path().join("shift.bag"), "").expect("a new file");
    let config = station(folder.path(), folder.path(), Path::new("shift.bag"));
    let output = run(program("twinspect")
        .args(["check", "--camera", "--config"])
        .arg(&config));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(
        told.contains("librealsense was not found") && told.contains("librealsense2"),
        "{told}"
    );
    // Everything else works.
    succeed(
        program("twinspect")
            .args(["check", "--config"])
            .arg(&config),
    );
}

/// The preset is read before anything else: a pipe would hold it up, and a device has no end.
#[test]
fn a_preset_that_is_no_file_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("station.toml");
    let text = format!(
        "[bundle]\nfile = {:?}\n[camera]\nkind = \"realsense\"\n[realsense]\npreset_file = \"/dev/zero\"\n",
        root().join("models/cap.twb"),
    );
    std::fs::write(&config, text).expect("a new file");
    let output = run(program("twinspect")
        .args(["check", "--camera", "--config"])
        .arg(&config)
        .arg("--out")
        .arg(folder.path().join("pictures")));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("reading preset /dev/zero") && told.contains("it is a device and no file"),
        "{told}"
    );
}
