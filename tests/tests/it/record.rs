//! `record` and `calibrate` as a technician uses them before there is a model. Recorded parts stand in for the
//! camera: which pictures it shows, and that it ends, is known then.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use twinspect_core::frame::{DepthCounts, DepthFrame, FramePair, RgbFrame};
use twinspect_dataset::{Camera, Dataset, Label, Part, PartRecord, RecordedPartsWriter, Split};

use crate::bad_input::{CAMERA, CONFIGURATION, DATA, STORAGE};
use crate::binaries::{path, program, run, succeed};
use crate::product::{FRAME, Site, camera};
use crate::service::Service;
use crate::station::{endless, signal};

/// A station without a model.
pub(crate) const STATION: &str = "[camera]\nkind = \"replay\"\nfolder = \"source\"\n";

/// Its parts come on a belt.
const BELT: &str = "\
[camera]
kind = \"belt\"
folder = \"source\"
frames_a_part = 10
[trigger]
source = \"presence\"
[presence]
on_share = 0.05
off_share = 0.02
most_share = 0.25
sight_max_ms = 600
gap_max_ms = 140
[ready]
silence_max_ms = 10000
[inspector]
silence_max_ms = 20000
[gate]
delay_ms = 5000
deadline_ms = 4900
";

/// Like a sensor's noise: no two pictures share it.
fn noise(seed: usize, at: usize) -> usize {
    let mixed = (at + 1_000_003 * seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33
}

/// What stands on a belt 400 mm away: so much at each pixel, or nothing measured there.
pub(crate) fn picture(
    seed: usize,
    colour: impl Fn(usize) -> u8,
    height_mm: impl Fn(usize, usize) -> Option<u16>,
) -> FramePair {
    let colours = (0..FRAME.pixels() * 3).map(colour);
    let counts = (0..FRAME.pixels()).map(|at| {
        let height_mm = height_mm(at % FRAME.width, at / FRAME.width);
        height_mm.map_or(0, |mm| 4000 - 10 * mm - (noise(seed, at) % 3) as u16)
    });
    let rgb = RgbFrame::new(FRAME, colours.collect()).expect("a picture");
    let unit_m = camera().depth_unit_m.expect("a camera with depth");
    let depth = DepthCounts::new(FRAME, unit_m, counts.collect()).expect("a depth picture");
    let (depth, intrinsics) = (DepthFrame::Counts(depth), camera().intrinsics);
    FramePair::new(Some(rgb), Some(depth), Some(intrinsics)).expect("a pair")
}

pub(crate) fn grey(seed: usize) -> impl Fn(usize) -> u8 {
    move |at| 100 + (noise(seed + 77, at) % 50) as u8
}

pub(crate) fn block(seed: usize) -> FramePair {
    picture(seed, grey(seed), |x, y| {
        let on_block = (25..55).contains(&x) && (18..46).contains(&y);
        Some(if on_block { 10 } else { 0 })
    })
}

pub(crate) fn empty(seed: usize) -> FramePair {
    picture(seed, grey(seed), |_, _| Some(0))
}

/// A site whose camera shows these pictures.
pub(crate) fn site(station: &str, frames: &[FramePair]) -> Site {
    let site = Site::new();
    let mut writer =
        RecordedPartsWriter::create(site.path("source"), Some(camera())).expect("a new data set");
    for frame in frames {
        let facts = PartRecord::default();
        writer
            .write(Split::Test, &Label::Good, frame, None, &facts)
            .expect("a part is written");
    }
    site.write("bare.toml", station);
    site
}

pub(crate) fn blocks(count: usize) -> Vec<FramePair> {
    (1..=count).map(block).collect()
}

pub(crate) fn record(site: &Site, more: &[&str]) -> Command {
    let mut command = program("twinspect");
    command.current_dir(site.path(""));
    command.args(["record", "--config", "bare.toml", "--out", "cap", "--json"]);
    command.args(more).stdin(Stdio::null());
    command
}

/// What somebody has typed.
fn typed(command: &mut Command, text: impl AsRef<[u8]>) -> Output {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = process.stdin.take().expect("a pipe");
    input.write_all(text.as_ref()).expect("it is read");
    drop(input);
    process.wait_with_output().expect("its end")
}

fn lines(out: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(out)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect()
}

/// Lines and summary of a run that ended so.
pub(crate) fn told(output: &Output, code: i32) -> (Vec<Value>, Value) {
    let report = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{report}");
    let mut lines = lines(&output.stdout);
    let summary = lines.pop().expect("a summary");
    (lines, summary)
}

fn open(site: &Site) -> Box<dyn Dataset> {
    twinspect_dataset::open(site.path("cap")).expect("a sound data set")
}

fn parts(site: &Site, split: Split) -> Vec<Part> {
    let dataset = open(site);
    let parts = dataset.parts(split).iter();
    parts
        .map(|part| dataset.load(part).expect("a part"))
        .collect()
}

/// The pictures, without their stamps.
fn same(found: &FramePair, expected: &FramePair) -> bool {
    (found.rgb(), found.depth(), found.intrinsics())
        == (expected.rgb(), expected.depth(), expected.intrinsics())
}

pub(crate) fn refused(output: &Output, code: i32, says: &str) {
    let report = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{report}");
    assert!(report.contains(says), "`{says}` is missing in {report}");
    assert!(report.contains("hint: "), "{report}");
    assert!(!report.contains("panicked"), "{report}");
}

#[test]
fn a_part_is_recorded_with_each_enter_as_the_camera_gave_it() {
    let frames = blocks(4);
    let site = site(STATION, &frames);
    let output = typed(&mut record(&site, &["--belt-mm", "400"]), "\n A-17 \n\n");
    let (said, summary) = told(&output, 0);
    let names: Vec<&str> = said
        .iter()
        .filter_map(|line| line["part"].as_str())
        .collect();
    assert_eq!(
        names,
        ["train/good/000", "train/good/001", "train/good/002"]
    );
    assert_eq!(summary["summary"]["recorded"], 3);
    assert_eq!(summary["summary"]["ended_by"], "input");
    let brightness = said[0]["colour"]["brightness"].as_f64().expect("a figure");
    assert!((brightness - 124.5).abs() < 1.0, "{}", said[0]);
    assert_eq!(said[0]["depth"]["measured_share"], 1.0);

    let dataset = open(&site);
    assert_eq!(dataset.camera(), Some(&camera()));
    let parts = parts(&site, Split::Train);
    assert_eq!(parts.len(), 3);
    for (number, (part, frame)) in (1..).zip(parts.iter().zip(&frames)) {
        assert!(same(&part.frame, frame), "{}", part.id);
        let stamp = part.frame.depth_stamp.expect("a stamp");
        assert_eq!(stamp.frame_number, number);
        assert_eq!(part.record.session.as_deref(), summary["session"].as_str());
        assert_eq!(part.record.camera.as_deref(), summary["camera"].as_str());
        assert!(part.record.time.is_some());
    }
    let ids: Vec<Option<&str>> = parts
        .iter()
        .map(|part| part.record.part_id.as_deref())
        .collect();
    assert_eq!(ids, [None, Some("A-17"), None]);
}

/// As a scanner sends them that was set to another alphabet.
#[test]
fn bytes_that_are_no_text_are_an_enter_like_any_other() {
    let site = site(STATION, &blocks(4));
    let output = typed(&mut record(&site, &[]), b"\xff\xfe\nA\x80B\n\n");
    let (said, summary) = told(&output, 0);
    let names: Vec<Option<&str>> = said.iter().map(|line| line["part_id"].as_str()).collect();
    let expected = [Some("\u{fffd}\u{fffd}"), Some("A\u{fffd}B"), None];
    assert_eq!(names, expected, "{said:?}");
    assert_eq!(summary["summary"]["recorded"], 3);
    assert_eq!(summary["summary"]["ended_by"], "input");
}

/// A scanner sends what somebody has printed.
#[test]
fn a_part_s_name_is_shown_without_what_a_terminal_obeys_and_kept_as_it_came() {
    let site = site(STATION, &blocks(2));
    let mut command = program("twinspect");
    command.current_dir(site.path(""));
    command.args(["record", "--config", "bare.toml", "--out", "cap"]);
    let output = typed(&mut command, b"A\x1b[2J17\n");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains("(A\u{25a1}[2J17)"), "{said:?}");
    let parts = parts(&site, Split::Train);
    let kept = parts.iter().map(|part| part.record.part_id.as_deref());
    assert_eq!(kept.collect::<Vec<_>>(), [Some("A\u{1b}[2J17")]);
}

#[test]
fn what_a_killed_recording_has_left_is_told_and_not_read() {
    let site = site(STATION, &blocks(4));
    let one = ["--every-ms", "1", "--parts", "1"];
    told(&run(&mut record(&site, &one)), 0);
    // No process has this number.
    let left = ".partial-4294967295-0";
    std::fs::create_dir(site.path(format!("cap/train/good/{left}"))).expect("a folder");
    let output = run(&mut record(&site, &["--every-ms", "1", "--parts", "2"]));
    let (said, _) = told(&output, 0);
    let names: Vec<&str> = said
        .iter()
        .filter_map(|line| line["part"].as_str())
        .collect();
    assert_eq!(names, ["train/good/001", "train/good/002"], "{said:?}");
    let report = String::from_utf8_lossy(&output.stderr);
    let says = format!("(1 in all, the first is {left})");
    assert!(report.contains(&says), "{report}");
    assert!(site.path(format!("cap/train/good/{left}")).exists());
}

#[test]
fn a_folder_is_added_to_and_nothing_in_it_is_overwritten() {
    let site = site(STATION, &blocks(5));
    let every: &[&str] = &["--every-ms", "1", "--parts"];
    let first = run(&mut record(
        &site,
        &[every, &["2", "--belt-mm", "401.5"][..]].concat(),
    ));
    told(&first, 0);
    let before = site.read("cap/train/good/000/rgb.png");
    let first = site.read("cap/train/good/000/part.json");
    // Somebody else's part, under a number of its own.
    site.rename("cap/train/good/001", "cap/train/good/007");

    let again = [every, &["3", "--session", "second shift"][..]].concat();
    // The camera begins anew: the first two pictures are those that the folder has.
    let (said, summary) = told(&run(&mut record(&site, &again)), 0);
    assert_eq!(said[0]["part"], "train/good/008", "{said:?}");
    assert_eq!(summary["session"], "second shift");
    assert_eq!(site.read("cap/train/good/000/rgb.png"), before);
    assert_eq!(site.read("cap/train/good/000/part.json"), first);
    let parts = parts(&site, Split::Train);
    let sessions = parts.iter().map(|part| part.record.session.as_deref());
    let later = sessions
        .filter(|name| *name == Some("second shift"))
        .count();
    assert_eq!((parts.len(), later), (5, 3));
    let distance = open(&site)
        .camera()
        .and_then(|camera| camera.distance_to_belt_mm);
    assert_eq!(distance, Some(401.5));

    let kinds = ["--every-ms", "1", "--parts", "1", "--split", "test"];
    let dent = run(&mut record(
        &site,
        &[&kinds[..], &["--label", "dent"]].concat(),
    ));
    assert_eq!(told(&dent, 0).0[0]["part"], "test/dent/000");
}

#[test]
fn pictures_that_nobody_should_learn_from_are_refused_and_counted() {
    let bare = |_: usize, _: usize| Some(0);
    let site = site(
        STATION,
        &[
            block(1),
            picture(2, |_| 2, bare),
            picture(3, |_| 255, bare),
            picture(4, grey(4), |x, _| (x < 4).then_some(0)),
            block(1),
            // Its depth is that of the first one.
            picture(1, grey(5), |x, y| {
                let on_block = (25..55).contains(&x) && (18..46).contains(&y);
                Some(if on_block { 10 } else { 0 })
            }),
            block(6),
            block(7),
        ],
    );
    site.write("source/test/good/006/rgb.png", "no picture");
    let (said, summary) = told(&run(&mut record(&site, &["--every-ms", "1"])), 0);
    let words: Vec<&str> = said
        .iter()
        .map(|line| line["refused"].as_str().unwrap_or("-"))
        .collect();
    assert_eq!(
        words,
        [
            "-",
            "black",
            "saturated",
            "unmeasured",
            "repeated",
            "frozen",
            "camera",
            "-"
        ]
    );
    let why = said[6]["why"].as_str().expect("a reason");
    assert!(why.contains("test/good/006"), "{why}");
    assert_eq!(summary["summary"]["recorded"], 2);
    assert_eq!(summary["summary"]["refused"]["black"], 1);
    assert_eq!(summary["summary"]["ended_by"], "camera");
    assert_eq!(parts(&site, Split::Train).len(), 2);

    let mut plain = program("twinspect");
    plain.current_dir(site.path("")).stdin(Stdio::null());
    plain.args(["record", "--config", "bare.toml", "--out", "again"]);
    let plain = succeed(plain.args(["--every-ms", "1"]));
    assert!(
        plain.contains("recorded  train/good/001  brightness "),
        "{plain}"
    );
    assert!(plain.contains("refused   black: "), "{plain}");
    let end = "2 parts recorded into again/train/good, refused: 1 black, 1 camera, 1 frozen, 1 repeated, 1 saturated, \
               1 unmeasured\n";
    assert!(plain.ends_with(end), "{plain}");
}

#[test]
fn a_camera_that_ends_too_soon_is_an_error_and_its_parts_are_there() {
    let site = site(STATION, &blocks(3));
    let output = run(&mut record(&site, &["--every-ms", "1", "--parts", "5"]));
    let (said, summary) = told(&output, CAMERA);
    assert_eq!(
        (said.len(), &summary["summary"]["ended_by"]),
        (3, &"camera".into())
    );
    assert_eq!(parts(&site, Split::Train).len(), 3);
}

#[test]
fn parts_that_begin_again_end_with_a_round_that_brings_nothing_new() {
    let site = site(&format!("{STATION}repeat = true\n"), &blocks(20));
    let output = run(&mut record(&site, &["--every-ms", "1", "--parts", "25"]));
    let (said, summary) = told(&output, CAMERA);
    refused(
        &output,
        CAMERA,
        "a whole round of 20 pictures has brought nothing new",
    );
    let again = said.iter().filter(|line| line["refused"] == "repeated");
    assert_eq!((said.len(), again.count()), (40, 20));
    assert_eq!(summary["summary"]["recorded"], 20);
    assert_eq!(summary["summary"]["ended_by"], "round");

    // Nobody has asked for more, and people are not told the same again and again.
    let mut plain = program("twinspect");
    plain.current_dir(site.path("")).stdin(Stdio::null());
    plain.args(["record", "--config", "bare.toml", "--out", "again"]);
    let plain = succeed(plain.args(["--every-ms", "1"]));
    let lines = plain.lines().filter(|line| line.starts_with("refused "));
    assert_eq!(lines.count(), 5, "{plain}");
    for says in [
        "refused   repeated: ",
        "refused   repeated, 16 times in a row: ",
        "ended     a whole round of 20 pictures",
        "20 parts recorded into again/train/good, refused: 20 repeated\n",
    ] {
        assert!(plain.contains(says), "`{says}` is missing in {plain}");
    }
}

#[test]
fn a_belt_that_begins_again_ends_with_a_round_too() {
    let endless = BELT.replace(
        "frames_a_part = 10\n",
        "frames_a_part = 10\nrepeat = true\n",
    );
    let site = site(&endless, &blocks(4));
    let (_, summary) = told(&run(&mut record(&site, &["--presence"])), 0);
    assert_eq!(summary["summary"]["recorded"], 4, "{summary}");
    assert_eq!(summary["summary"]["ended_by"], "round");
}

#[test]
fn ctrl_c_ends_it_with_a_summary() {
    let site = site(STATION, &blocks(3));
    let mut process = record(&site, &["--parts", "3"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = process.stdin.take().expect("a pipe");
    input.write_all(b"\n").expect("it is read");
    let mut said = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let part = said.next().expect("a line").expect("text");
    assert!(part.contains("train/good/000"), "{part}");
    signal(process.id(), "INT");
    let summary: Value =
        serde_json::from_str(&said.next().expect("a line").expect("text")).expect("a JSON object");
    assert_eq!(summary["summary"]["ended_by"], "signal");
    assert_eq!(summary["summary"]["recorded"], 1);
    assert!(process.wait().expect("its end").success());
}

#[test]
fn parts_on_a_belt_are_recorded_where_they_lie_in_the_middle() {
    let good = blocks(4);
    // From side to side: in no picture whole.
    let bar = picture(9, grey(9), |_, y| {
        Some(if (27..37).contains(&y) { 10 } else { 0 })
    });
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|at| good[at].clone());
    let site = site(BELT, &[first, second, bar, third, fourth]);
    let (said, summary) = told(&run(&mut record(&site, &["--presence"])), 0);
    let words: Vec<&str> = said
        .iter()
        .map(|line| line["refused"].as_str().unwrap_or("-"))
        .collect();
    assert_eq!(words, ["-", "-", "unclear", "-", "-"], "{said:?}");
    assert_eq!(summary["summary"]["recorded"], 4);
    let parts = parts(&site, Split::Train);
    for (part, frame) in parts.iter().zip(&good) {
        assert!(same(&part.frame, frame), "{}", part.id);
    }
    assert_eq!(parts.len(), 4);

    // Enough is enough, also in the middle of a belt.
    let two = ["--presence", "--parts", "2", "--split", "validation"];
    told(&run(&mut record(&site, &two)), 0);
    assert_eq!(open(&site).parts(Split::Validation).len(), 2);
}

#[test]
fn a_station_that_runs_keeps_its_camera() {
    let service = Service::start_with(endless(), |command, _| {
        command.arg("--json");
    });
    for command in [
        &["record", "--out", "cap", "--every-ms", "1"][..],
        &["calibrate"],
    ] {
        let output = run(program("twinspect")
            .current_dir(service.site.path(""))
            .stdin(Stdio::null())
            .args(command)
            .args(["--config", "station.toml"]));
        refused(&output, CONFIGURATION, "is run already, by");
        refused(&output, CONFIGURATION, "stop that one first");
    }
    assert!(!service.site.path("cap").exists());
    service.stop();
}

/// No file may be larger than two kilobytes, as on a disk on which there is no room for a picture.
#[test]
fn a_disk_that_is_full_ends_it_and_leaves_the_folder_as_it_was() {
    let site = site(STATION, &blocks(3));
    let one = ["--every-ms", "1", "--parts", "1"];
    told(&run(&mut record(&site, &one)), 0);
    let mut full = Command::new("sh");
    full.current_dir(site.path("")).stdin(Stdio::null());
    full.args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\""]);
    full.arg(path("twinspect"));
    full.args(["record", "--config", "bare.toml", "--out", "cap", "--json"]);
    let output = run(full.args(["--every-ms", "1"]));
    let (said, summary) = told(&output, STORAGE);
    refused(&output, STORAGE, "rgb.png");
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(summary["summary"]["recorded"], 0);
    assert!(summary["summary"]["ended_by"].is_null());
    let there = std::fs::read_dir(site.path("cap/train/good")).expect("the folder");
    assert_eq!(there.count(), 1, "the part of before, and nothing else");
    assert_eq!(parts(&site, Split::Train).len(), 1);
}

#[test]
fn what_can_t_be_recorded_is_refused_with_the_remedy() {
    let site = site(STATION, &blocks(2));
    let every = ["--every-ms", "1"];
    let recorded = |more: &[&str]| run(&mut record(&site, &[&every[..], more].concat()));
    refused(
        &run(&mut record(&site, &["--presence"])),
        CONFIGURATION,
        "--presence needs",
    );
    refused(&recorded(&["--belt-mm", "0"]), CONFIGURATION, "--belt-mm 0");
    told(&recorded(&["--belt-mm", "400"]), 0);
    let other = recorded(&["--belt-mm", "500"]);
    let says = "--belt-mm 500: the parts of cap say 400 mm";
    refused(&other, CONFIGURATION, says);
    refused(&other, CONFIGURATION, "leave it away");
    // Which is no reason to refuse the same one.
    let belt = ["--every-ms", "1", "--belt-mm", "400", "--split", "test"];
    told(&run(&mut record(&site, &belt)), 0);
    site.remove("cap");
    told(&recorded(&[]), 0);
    let says = "--belt-mm 400: the parts of cap do not say how far";
    refused(&recorded(&["--belt-mm", "400"]), CONFIGURATION, says);
    // A set of another layout.
    site.remove("cap");
    std::fs::create_dir_all(site.path("cap/train/good")).expect("folders");
    std::fs::create_dir_all(site.path("cap/ground_truth/dent")).expect("folders");
    std::fs::copy(
        site.path("source/test/good/000/rgb.png"),
        site.path("cap/train/good/000.png"),
    )
    .expect("a copy");
    refused(&recorded(&[]), DATA, "recorded parts only");

    // What is no set at all.
    site.remove("cap");
    std::fs::create_dir(site.path("cap")).expect("a folder");
    site.write("cap/letter.txt", "Dear Sir");
    let says = "`cap` is no set of recorded parts: it holds `cap/letter.txt`";
    refused(&recorded(&[]), DATA, says);
    assert!(!site.path("cap/train").exists());

    // Whoever judges parts needs a model.
    let output =
        run(program("twinspect")
            .current_dir(site.path(""))
            .args(["run", "--config", "bare.toml"]));
    refused(&output, CONFIGURATION, "bundle.file");
}

/// Its camera could not be opened: that would have exit code 3.
#[test]
fn what_was_typed_wrongly_is_refused_before_a_camera_is_opened() {
    let site = site(&STATION.replace("source", "absent"), &[]);
    site.write("letter.txt", "Dear Sir");
    let every = ["--every-ms", "1"];
    for (wrong, says) in [
        (&["--label", "a/b"][..], "--label: `a/b` cannot name"),
        (&["--label", "../.."], "--label: `../..` cannot name"),
        (&["--belt-mm", "0"], "--belt-mm 0 is no distance"),
        (&["--belt-mm", "1e300"], "is no distance"),
        (&["--belt-mm", "NaN"], "50 to 5000 mm"),
        (&["--belt-mm", "49.9"], "50 to 5000 mm"),
        (
            &["--label", "scratch"],
            "--label scratch: split `train` takes good parts alone",
        ),
        (
            &["--label", "scratch", "--split", "validation"],
            "split `validation` takes good parts alone",
        ),
    ] {
        let output = run(&mut record(&site, &[&every[..], wrong].concat()));
        refused(&output, CONFIGURATION, says);
    }
    let to = |out: &str| {
        let mut command = program("twinspect");
        command.current_dir(site.path("")).stdin(Stdio::null());
        command.args(["record", "--config", "bare.toml", "--out", out]);
        run(command.args(every))
    };
    let says = "--out letter.txt is a file and no folder";
    refused(&to("letter.txt"), CONFIGURATION, says);
    refused(&to("/dev/null"), CONFIGURATION, "is a device and no folder");
    assert_eq!(site.read("letter.txt"), b"Dear Sir");
    refused(&to("cap"), DATA, "absent");
    std::fs::create_dir(site.path("letters")).expect("a folder");
    site.write("letters/letter.txt", "Dear Sir");
    let says = "`letters` is no set of recorded parts";
    refused(&to("letters"), DATA, says);
    // Of these nobody has said how far the belt was.
    RecordedPartsWriter::create(
        site.path("cap"),
        Some(Camera {
            distance_to_belt_mm: None,
            ..camera()
        }),
    )
    .expect("a new data set")
    .write(
        Split::Train,
        &Label::Good,
        &block(1),
        None,
        &PartRecord::default(),
    )
    .expect("a part is written");
    let belt = run(&mut record(&site, &["--every-ms", "1", "--belt-mm", "400"]));
    refused(&belt, CONFIGURATION, "--belt-mm 400: the parts of cap");
}

/// Passes that teach little; that the recorded folder is one to learn from is what counts.
const TRAINING: &str = "\
size = 64
[rgb]
passes = 1
views = 1
width = 16
[geometry]
passes = 1
views = 1
width = 16
";

#[test]
fn what_was_recorded_can_be_learnt_from() {
    let site = site(STATION, &blocks(15));
    let count = |parts: &'static str| ["--every-ms", "1", "--parts", parts];
    told(&run(&mut record(&site, &count("9"))), 0);
    // The recording that is played begins anew; parts that were learnt from set no thresholds.
    for number in 0..9 {
        site.remove(&format!("source/test/good/{number:03}"));
    }
    let validation = [&count("5")[..], &["--split", "validation"]].concat();
    told(&run(&mut record(&site, &validation)), 0);
    site.write("training.toml", TRAINING);
    let mut train = program("twinspect-lab");
    train
        .current_dir(site.path(""))
        .args(["train", "--data", "cap"]);
    succeed(train.args(["--config", "training.toml", "--seed", "3", "--out", "run"]));
    assert!(site.path("run/geometry.checkpoint").is_file());
}

pub(crate) fn calibrate(site: &Site, more: &[&str]) -> Output {
    let mut command = program("twinspect");
    command.current_dir(site.path(""));
    run(command
        .args(["calibrate", "--config", "bare.toml"])
        .args(more))
}

fn found(site: &Site) -> Value {
    let output = calibrate(site, &["--json"]);
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    serde_json::from_slice(&output.stdout).expect("a JSON object")
}

fn near(value: &Value, expected: f64, tolerance: f64) {
    let found = value.as_f64().expect("a number");
    assert!(
        (found - expected).abs() <= tolerance,
        "{found}, not {expected}"
    );
}

/// What stands on the belt is red, what is bare is grey, and what has no depth is dark.
#[test]
fn the_belt_is_drawn_as_it_was_measured() {
    let scene = |seed: usize| {
        picture(seed, grey(seed), |x, y| match (x, y) {
            (0..10, _) => Some(9),
            (_, 0..8) => None,
            _ => Some(0),
        })
    };
    let site = site(STATION, &(1..=6).map(scene).collect::<Vec<_>>());
    std::fs::create_dir(site.path("seen")).expect("a folder");
    let output = calibrate(&site, &["--picture", "seen/belt.png"]);
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("picture   seen/belt.png"), "{told}");
    let drawn = image::open(site.path("seen/belt.png"))
        .expect("a picture")
        .to_rgb8();
    let [red, green, blue] = drawn.get_pixel(4, 30).0;
    assert!(
        red > 150 && green < 100 && blue < 100,
        "{red} {green} {blue}"
    );
    let dark = drawn.get_pixel(30, 3).0;
    assert!(dark.iter().all(|value| *value < 60), "{dark:?}");
    let bare = drawn.get_pixel(40, 30).0;
    assert!(bare.iter().all(|value| *value > 150), "{bare:?}");
}

#[test]
fn an_empty_belt_is_measured_without_a_model() {
    let frames: Vec<FramePair> = (1..=8).map(empty).collect();
    let site = site(STATION, &frames);
    let found = found(&site);
    // Counts are lowered by 0, 1 or 2 tenths of a millimetre.
    near(&found["distance_mm"], 399.9, 0.03);
    near(&found["tilt_deg"], 0.0, 0.05);
    near(&found["noise_mm"], 0.0816, 0.02);
    assert_eq!(found["measured_share"], 1.0);
    assert_eq!(found["pictures"], 8);
    let roi = &found["roi"];
    assert_eq!((&roi["x"], &roi["y"]), (&0.into(), &0.into()));
    assert_eq!(
        (&roi["width"], &roi["height"]),
        (&FRAME.width.into(), &FRAME.height.into())
    );
    assert_eq!(found["spread_mm"].as_array().map(Vec::len), Some(12));
    assert!(found["model"].is_null());
    assert_eq!(found["written"], false);
    assert_eq!(
        found["warnings"].as_array().map(Vec::len),
        Some(1),
        "too few pictures to write: {found}"
    );

    let output = calibrate(&site, &["--pictures", "3"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("pictures  3\n"), "{text}");
    let refuses =
        "nothing was changed, and `--write` would refuse this: take more, with --pictures 30";
    assert!(text.contains(refuses), "{text}");
    assert!(!text.contains("puts this into"), "{text}");
    assert!(text.contains("+ calibration.distance_mm = 399."), "{text}");
    assert_eq!(site.read("bare.toml"), STATION.as_bytes());
    let warnings = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        warnings.contains("this would not be written: only 3 pictures"),
        "{warnings}"
    );
    assert!(text.contains("--belt-mm 399.9"), "{text}");
}

#[test]
fn a_belt_is_held_against_the_model_s() {
    let with_model = format!("[bundle]\nfile = \"block.twb\"\n{STATION}");
    let frames: Vec<FramePair> = (1..=8).map(empty).collect();
    let there = site(&with_model, &frames);
    let found_there = found(&there);
    let model = &found_there["model"];
    assert_eq!(model["name"], "block", "{found_there}");
    near(&model["nearer_mm"], 0.1, 0.03);
    assert_eq!(model["is_within_bounds"], true);
    assert_eq!(found_there["size"], 64);

    let raised = |seed| picture(seed, grey(seed), |_, _| Some(9));
    let moved = site(&with_model, &(1..=4).map(raised).collect::<Vec<_>>());
    let found_moved = found(&moved);
    near(&found_moved["model"]["nearer_mm"], 9.1, 0.05);
    assert_eq!(found_moved["model"]["is_within_bounds"], false);
    let warnings = found_moved["warnings"].to_string();
    assert!(warnings.contains("the belt lies elsewhere"), "{warnings}");

    // A damaged model is no obstacle, and not passed over in silence.
    moved.write("block.twb", "no bundle");
    let damaged = found(&moved);
    assert!(damaged["model"].is_null());
    let warnings = damaged["warnings"].to_string();
    assert!(warnings.contains("nothing to compare with"), "{warnings}");
}

#[test]
fn pictures_without_a_belt_are_refused() {
    let holes = [picture(1, grey(1), |_, _| None)];
    refused(
        &calibrate(&site(STATION, &holes), &[]),
        CAMERA,
        "no belt found",
    );
    let colour = Site::new();
    let mut writer =
        RecordedPartsWriter::create(colour.path("source"), None).expect("a new data set");
    let flat = FramePair::new(block(1).rgb().cloned(), None, None).expect("a pair");
    writer
        .write(
            Split::Test,
            &Label::Good,
            &flat,
            None,
            &PartRecord::default(),
        )
        .expect("a part is written");
    colour.write("bare.toml", STATION);
    refused(&calibrate(&colour, &[]), CAMERA, "no depth");
    colour.write("bare.toml", BELT);
    let says = "the pictures have no depth";
    refused(&run(&mut record(&colour, &["--presence"])), CAMERA, says);
    colour.write("bare.toml", STATION);
    // Colour alone can be recorded all the same.
    told(&run(&mut record(&colour, &["--every-ms", "1"])), 0);
    assert!(same(&parts(&colour, Split::Train)[0].frame, &flat));
    assert!(!Path::new(&colour.path("cap/camera.json")).exists());
}

/// A station of somebody who writes comments.
fn commented() -> String {
    format!("# Line 3.\n[bundle]\nfile = \"block.twb\" # the new one\n\n# By hand.\n{STATION}")
}

#[test]
fn a_measured_belt_is_written_and_a_camera_that_has_moved_since_is_told() {
    let frames: Vec<FramePair> = (1..=40).map(empty).collect();
    let station = commented();
    let site = site(&station, &frames);
    let all = ["--pictures", "40", "--write"];
    let output = calibrate(&site, &all);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("pictures  40\n"), "{text}");
    assert!(text.contains("+ calibration.belt_normal = "), "{text}");
    assert!(text.contains("the configuration holds this now"), "{text}");
    let written = String::from_utf8(site.read("bare.toml")).expect("text");
    assert!(written.starts_with(&station), "{written}");
    assert!(written.contains("\n[calibration]\n"), "{written}");
    assert!(!site.path("bare.toml.partial").exists());
    let table: toml::Table = written.parse().expect("TOML");
    let known = &table["calibration"];
    let distance = known["distance_mm"].as_float().expect("a number");
    assert!((distance - 399.9).abs() < 0.03, "{distance}");
    assert_eq!(known["pictures"].as_integer(), Some(40));
    let belt = &known["belt_normal"].as_array().expect("three numbers")[2];
    assert!(belt.as_float() < Some(-0.999), "{belt}");

    // Again, and nothing but the time is another one.
    let again = calibrate(&site, &[&all[..], &["--json"]].concat());
    let again: Value = serde_json::from_slice(&again.stdout).expect("a JSON object");
    assert_eq!(again["written"], true);
    let others: Vec<&Value> = again["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .filter(|change| change["key"] != "calibration.date")
        .collect();
    assert!(others.is_empty(), "{others:?}");

    // The camera slips by 4 mm.
    site.remove("source");
    let mut writer =
        RecordedPartsWriter::create(site.path("source"), Some(camera())).expect("a new data set");
    for seed in 1..=3 {
        let nearer = picture(seed, grey(seed), |_, _| Some(4));
        writer
            .write(
                Split::Test,
                &Label::Good,
                &nearer,
                None,
                &PartRecord::default(),
            )
            .expect("a part is written");
    }
    let mut check = program("twinspect");
    check.current_dir(site.path(""));
    check.args([
        "check",
        "--config",
        "bare.toml",
        "--camera",
        "--json",
        "--out",
        "seen",
    ]);
    let found: Value = serde_json::from_str(&succeed(&mut check)).expect("a JSON object");
    near(&found["picture"]["station_belt"]["nearer_mm"], 4.0, 0.1);
    near(&found["picture"]["belt"]["nearer_mm"], 4.1, 0.1);
    let warnings = found["warnings"].to_string();
    assert!(
        warnings.contains("the belt does not lie where it lay (4.1 mm nearer)"),
        "{warnings}"
    );
}

#[test]
fn a_belt_that_is_not_to_be_believed_is_not_written() {
    let refuse = |frames: &[FramePair], says: &str| {
        let station = commented();
        let site = site(&station, frames);
        let output = calibrate(&site, &["--write"]);
        refused(&output, CAMERA, says);
        refused(&output, CAMERA, "hint");
        assert_eq!(site.read("bare.toml"), station.as_bytes());
    };
    let twelve = |frame: fn(usize) -> FramePair| (1..=12).map(frame).collect::<Vec<_>>();
    refuse(&twelve(empty)[..5], "only 5 pictures of the belt");
    refuse(&twelve(|_| empty(1)), "it is one picture again and again");
    let holes = |seed| picture(seed, grey(seed), |x, _| (x < 30).then_some(0));
    refuse(&twelve(holes), "of the pictures has a depth");
}

#[test]
fn a_configuration_that_can_t_be_written_stays() {
    let frames: Vec<FramePair> = (1..=12).map(empty).collect();
    let station = commented();
    let site = site(&station, &frames);
    // With so long a name there is none for the new text beside it.
    let long = site.path("l".repeat(250));
    std::fs::rename(site.path("bare.toml"), &long).expect("another name");
    std::os::unix::fs::symlink(&long, site.path("bare.toml")).expect("a link");
    let output = calibrate(&site, &["--write"]);
    refused(&output, STORAGE, "writing");
    refused(&output, STORAGE, "bare.toml");
    assert_eq!(site.read("bare.toml"), station.as_bytes());
}
