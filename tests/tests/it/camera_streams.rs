//! `record --recording` and `bench --camera` as a technician uses them, with the real librealsense, in which a double
//! of a camera is connected. Without `TWINSPECT_LIBREALSENSE` the tests say that they are skipped.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::bad_input::{CAMERA, CONFIGURATION, STORAGE};
use crate::binaries::{program, run, succeed};
use crate::station::signal;

/// Bytes of a pair of pictures of 160 x 120.
const PAIR_BYTES: u64 = 160 * 120 * 5;

/// The library that the tests were given; none, and a line that says so, where they were not.
#[expect(
    clippy::print_stdout,
    reason = "whoever runs the tests is told what is skipped"
)]
pub(crate) fn real_library() -> Option<PathBuf> {
    let given = std::env::var_os("TWINSPECT_LIBREALSENSE").map(PathBuf::from);
    if given.is_none() {
        println!("skipped: TWINSPECT_LIBREALSENSE names no librealsense");
    }
    given
}

/// A station with a RealSense camera, as far as its library can tell.
struct Site {
    folder: TempDir,
    real: PathBuf,
    ending: &'static str,
}

impl Site {
    /// None where there is no library to try it with.
    fn new() -> Option<Self> {
        let real = real_library()?;
        let library = twinspect_camera::librealsense::Librealsense::load(Some(&real));
        let ending = library
            .expect("the library")
            .version()
            .recording_extension();
        let folder = tempfile::tempdir().expect("a folder");
        twinspect_double_realsense::install(folder.path(), &real).expect("cc, and the double");
        let site = Self {
            folder,
            real,
            ending,
        };
        site.configure("station.toml", "[camera]\nkind = \"realsense\"\n", "");
        Some(site)
    }

    /// Patient: other work may run on this machine.
    fn configure(&self, name: &str, camera: &str, realsense: &str) {
        let live = format!(
            "width = 160\nheight = 120\ndepth_width = 160\ndepth_height = 120\nwarm_up_pairs = 5\n\
             first_pair_max_ms = 20000\n{realsense}"
        );
        self.write(name, camera, &live);
    }

    fn write(&self, name: &str, camera: &str, realsense: &str) {
        let text = format!(
            "{camera}[realsense]\nlibrary = {:?}\nwait_max_ms = 20000\nage_max_ms = 10000\n{realsense}",
            self.path("")
        );
        std::fs::write(self.path(name), text).expect("a new file");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `belt`, with the ending that this library writes.
    fn file(&self) -> PathBuf {
        self.path("belt").with_extension(self.ending)
    }

    fn partial(&self) -> PathBuf {
        self.path("belt")
            .with_extension(format!("partial.{}", self.ending))
    }

    fn twinspect(&self, arguments: &[&str], camera: &str) -> Command {
        let mut command = program("twinspect");
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env("TWINSPECT_LIBREALSENSE", &self.real)
            .env(
                "TWINSPECT_DOUBLE_REALSENSE",
                format!("size=160x120,{camera}"),
            );
        command
    }

    fn record(&self, file: &Path, more: &[&str], camera: &str) -> Command {
        let mut command = self.twinspect(&["record", "--config", "station.toml"], camera);
        command.arg("--recording").arg(file).args(more);
        command
    }

    /// A recording that is the camera.
    fn play(&self, more: &str) {
        let camera = format!(
            "[camera]\nkind = \"recording\"\nfile = {:?}\n{more}",
            self.file()
        );
        self.write("recording.toml", &camera, "");
    }
}

pub(crate) fn object(text: &str) -> Value {
    serde_json::from_str(text).expect("a JSON object")
}

/// Pairs of a recording, each a part or a picture that was there before.
fn pairs_of(site: &Site) -> usize {
    site.play("pace = \"as_read\"\n");
    let output = run(&mut site.twinspect(
        &[
            "record",
            "--config",
            "recording.toml",
            "--out",
            "parts",
            "--every-ms",
            "1",
            "--json",
        ],
        "",
    ));
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let pairs = text.lines().map(object).filter(|line| {
        line["part"].is_string() || line["refused"] == "repeated" || line["refused"] == "frozen"
    });
    pairs.count()
}

#[test]
fn seconds_of_a_camera_are_recorded_and_played_by_a_station() {
    let Some(site) = Site::new() else { return };
    let file = site.file();
    let told = succeed(&mut site.record(&file, &["--seconds", "2", "--json"], ""));
    let told = object(&told);
    assert_eq!(told["ended_by"], "seconds", "{told}");
    assert_eq!(told["corrupt"], 0);
    assert!(
        told["camera"]
            .as_str()
            .expect("a camera")
            .contains("double")
    );
    let [pairs, bytes] = ["pairs", "bytes"].map(|key| told[key].as_u64().expect("a number"));
    assert!(pairs >= 5, "{told}");
    assert!(bytes >= pairs * PAIR_BYTES, "{told}");
    assert_eq!(
        std::fs::metadata(&file).expect("the recording").len(),
        bytes
    );
    assert!(!site.partial().exists());
    let played = pairs_of(&site);
    // A release was seen to lose the first pair of a recording; the camera went on while it was closed.
    assert!(played as u64 + 2 >= pairs, "{played} of {told}");

    // Nothing is overwritten.
    let before = std::fs::read(&file).expect("the recording");
    let output = run(&mut site.record(&file, &["--seconds", "1"], ""));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(STORAGE), "{errors}");
    assert!(errors.contains("is there already"), "{errors}");
    assert!(std::fs::read(&file).expect("the recording") == before);
}

/// Starts it, and waits until it says that the camera has settled.
fn begin(site: &Site, camera: &str) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child = site
        .record(&site.file(), &[], camera)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut told = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("the next pictures are recorded") {
        let length = told.read_line(&mut text).expect("text");
        assert!(length > 0, "it ended: {text}");
    }
    (child, told, text)
}

fn until_there_is_something_in_it(site: &Site) {
    while std::fs::metadata(site.partial())
        .expect("it is written")
        .len()
        < 5 * PAIR_BYTES
    {
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
}

#[test]
fn ctrl_c_ends_it_with_a_file_that_plays() {
    let Some(site) = Site::new() else { return };
    let (child, mut told, mut text) = begin(&site, "");
    // What it needs is said before, and it has its name when it is whole.
    assert!(
        text.contains("MB a second") && text.contains("are free"),
        "{text}"
    );
    assert!(!site.file().exists() && site.partial().exists(), "{text}");
    until_there_is_something_in_it(&site);
    signal(child.id(), "INT");
    told.read_to_string(&mut text).expect("text");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{text} {output:?}");
    assert!(text.contains("pairs recorded into"), "{text}");
    assert!(site.file().exists() && !site.partial().exists(), "{text}");
    assert!(pairs_of(&site) >= 1);
}

/// A pipe that is full, as one whose reader stands still, or a terminal after Ctrl-S.
#[test]
fn output_that_nobody_takes_does_not_hold_up_a_recording() {
    let Some(site) = Site::new() else { return };
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let is_taken = Arc::new(AtomicBool::new(false));
    let filler = std::thread::spawn({
        let mut writer = writer.try_clone().expect("another end");
        let is_taken = Arc::clone(&is_taken);
        move || {
            while !is_taken.load(Ordering::Acquire) {
                writer.write_all(&[b'\n'; 4096]).expect("it is read");
            }
        }
    });
    let mut child = site
        .record(&site.file(), &["--seconds", "1"], "")
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    while !site.file().exists() {
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none() || site.file().exists(), "{ended:?}");
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    is_taken.store(true, Ordering::Release);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("text");
    filler.join().expect("it has filled");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{text} {output:?}");
    for line in [
        "MB a second",
        "the next pictures are recorded",
        "pairs recorded into",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!site.partial().exists());
}

#[test]
fn a_name_is_one_recording_s() {
    let Some(site) = Site::new() else { return };
    let (child, mut told, mut text) = begin(&site, "");
    // Another station, so that no lock of a configuration is in the way.
    site.configure("other.toml", "[camera]\nkind = \"realsense\"\n", "");
    let mut other = site.twinspect(&["record", "--config", "other.toml", "--recording"], "");
    let output = run(other.arg(site.file()));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(STORAGE), "{errors}");
    assert!(errors.contains("is there already"), "{errors}");
    assert!(site.partial().exists());
    until_there_is_something_in_it(&site);
    signal(child.id(), "INT");
    told.read_to_string(&mut text).expect("text");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{text} {output:?}");
    assert!(site.file().exists() && !site.partial().exists(), "{text}");
}

#[test]
fn a_recorder_that_is_killed_leaves_nothing_under_the_name() {
    let Some(site) = Site::new() else { return };
    let (mut child, _told, _) = begin(&site, "");
    child.kill().expect("it lives");
    child.wait().expect("it ends");
    assert!(!site.file().exists() && site.partial().exists());
    let output = run(&mut site.record(&site.file(), &["--seconds", "1"], ""));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(STORAGE), "{errors}");
    assert!(errors.contains("belt.partial."), "{errors}");
    assert!(errors.contains("may be deleted"), "{errors}");
}

#[test]
fn a_camera_that_stands_still_ends_it_with_what_came_before() {
    let Some(site) = Site::new() else { return };
    // In two seconds at the earliest: enough to start and to settle, however slow.
    let output = run(&mut site.record(&site.file(), &["--json"], "until=120"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(CAMERA), "{errors}");
    if errors.contains("no usable pair") || !site.file().exists() {
        // So slow that it had ended before.
        return;
    }
    let told = object(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(told["ended_by"], "camera");
    assert!(errors.contains("has stood still for"), "{errors}");
    assert!(pairs_of(&site) >= 1);
}

#[test]
fn what_can_t_be_recorded_is_refused_and_leaves_no_file() {
    let Some(site) = Site::new() else { return };
    let refused = |command: &mut Command, code: i32, words: &[&str]| {
        let output = run(command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{errors}");
        for word in words {
            assert!(errors.contains(word), "{word}: {errors}");
        }
        let belts = std::fs::read_dir(site.folder.path()).expect("the folder");
        let names = belts.map(|entry| entry.expect("an entry").file_name());
        let found: Vec<_> = names
            .filter(|name| name.to_string_lossy().contains("belt"))
            .collect();
        assert!(found.is_empty(), "{found:?}");
    };
    let wrong = if site.ending == "bag" { "db3" } else { "bag" };
    let wrong = site.path("belt").with_extension(wrong);
    let right = format!(".{}", site.ending);
    refused(
        &mut site.record(&wrong, &[], ""),
        CONFIGURATION,
        &["belt.", &right],
    );
    let output = run(&mut site.record(&wrong, &[], ""));
    assert!(output.stdout.is_empty(), "it needs no room: {output:?}");
    // A size that this camera has not.
    site.configure(
        "station.toml",
        "[camera]\nkind = \"realsense\"\n",
        "rate_hz = 60\n",
    );
    refused(
        &mut site.record(&site.file(), &[], ""),
        CAMERA,
        &["160 x 120 at 30 Hz"],
    );
    site.configure(
        "station.toml",
        "[camera]\nkind = \"realsense\"\n",
        "serial = \"other\"\n",
    );
    refused(
        &mut site.record(&site.file(), &[], ""),
        CAMERA,
        &["other", "double"],
    );
    // No folder for it.
    site.configure("station.toml", "[camera]\nkind = \"realsense\"\n", "");
    let absent = site.path("absent").join("belt").with_extension(site.ending);
    refused(
        &mut site.record(&absent, &[], ""),
        CONFIGURATION,
        &["absent is not there, for the recording"],
    );
    std::fs::write(
        site.path("station.toml"),
        "[camera]\nkind = \"replay\"\nfolder = \"parts\"\n",
    )
    .expect("a file");
    refused(
        &mut site.record(&site.file(), &[], ""),
        CONFIGURATION,
        &["RealSense", "--out"],
    );
    for more in [
        &["--parts", "3"][..],
        &["--out", "parts"],
        &["--label", "good"],
    ] {
        refused(
            &mut site.record(&site.file(), more, ""),
            CONFIGURATION,
            &["cannot be used with"],
        );
    }
}

/// No time is asserted, and what it costs is not either: only that it was measured.
pub(crate) fn assert_measured(told: &Value, stages: &[&str]) {
    let found = told["stages"].as_array().expect("stages");
    let names: Vec<&str> = found
        .iter()
        .map(|stage| stage["stage"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, stages, "{told}");
    for stage in found {
        let [p50, p99, p99_9] = ["p50_ms", "p99_ms", "p99_9_ms"].map(|key| stage[key].as_f64());
        assert!(Some(0.0) <= p50 && p50 <= p99 && p99 <= p99_9, "{stage}");
    }
    assert!(told["pictures"].as_u64() > Some(0), "{told}");
    let cpu = &told["cpu"];
    let [all, camera, capture, prepare] =
        ["all", "camera", "capture", "prepare"].map(|key| cpu[key].as_f64().expect("a share"));
    assert!(prepare > 0.0 && capture > 0.0, "{cpu}");
    assert!((camera + capture + prepare - all).abs() < 0.02, "{cpu}");
}

pub(crate) const ARRIVING: [&str; 5] = [
    "handed over",
    "colour",
    "depth onto colour",
    "prepare",
    "arrival to tensors",
];

#[test]
fn the_way_of_pictures_is_measured_with_a_camera_and_with_its_recording() {
    let Some(site) = Site::new() else { return };
    let bench = |config: &str| {
        let arguments = [
            "bench",
            "--camera",
            "--seconds",
            "2",
            "--json",
            "--config",
            config,
        ];
        object(&succeed(&mut site.twinspect(&arguments, "")))
    };
    let told = bench("station.toml");
    assert_measured(&told, &ARRIVING);
    assert_eq!(told["prepared_for"], "no model, 256 x 256");
    assert_eq!(
        told["frame"],
        serde_json::json!({ "width": 160, "height": 120 })
    );
    succeed(&mut site.record(&site.file(), &["--seconds", "2"], ""));
    site.play("repeat = true\n");
    assert_measured(&bench("recording.toml"), &ARRIVING);
}

/// Recorded parts come from files and not from a driver; they are prepared for the model that the station has.
#[test]
fn the_way_of_recorded_parts_is_measured_too() {
    let site = crate::product::Site::new();
    std::fs::write(
        site.path("station.toml"),
        "[bundle]\nfile = \"block.twb\"\n[camera]\nkind = \"replay\"\nfolder = \"parts\"\nrepeat = true\n",
    )
    .expect("a file");
    let mut bench = program("twinspect");
    bench.current_dir(site.path("")).args([
        "bench",
        "--camera",
        "--config",
        "station.toml",
        "--seconds",
        "1",
        "--json",
    ]);
    let told = object(&succeed(&mut bench));
    assert_measured(
        &told,
        &["read and decoded", "prepare", "arrival to tensors"],
    );
    assert!(
        told["prepared_for"]
            .as_str()
            .expect("a name")
            .starts_with("block"),
        "{told}"
    );
    let mut table = program("twinspect");
    table.current_dir(site.path("")).args([
        "bench",
        "--camera",
        "--config",
        "station.toml",
        "--seconds",
        "1",
    ]);
    let text = succeed(&mut table);
    for word in ["p99.9 ms", "arrival to tensors", "of one core"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    for more in [
        &["--bundle", "block.twb"][..],
        &["--parts", "3"],
        &["--seconds", "0"],
    ] {
        let output = run(bench.args(more));
        assert_eq!(output.status.code(), Some(CONFIGURATION), "{more:?}");
    }
}
