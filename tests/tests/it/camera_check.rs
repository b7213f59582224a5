//! `check`, `check --camera`, `calibrate --picture` and `bench --camera` with recorded parts in the camera's place: what a
//! station would refuse is told, no file is lost, and nothing is no success.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use image::GrayImage;
use serde_json::Value;
use twinspect_core::frame::{FramePair, RgbFrame};
use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split};

use crate::bad_input::{BUNDLE, CAMERA, CONFIGURATION, DATA};
use crate::binaries::{program, run, succeed};
use crate::product::{FRAME, Site, any_colour};
use crate::record::{
    STATION, block, blocks, calibrate, empty, grey, picture, record, refused, site, told,
};
use crate::workspace::{all_files, root};

fn with_model() -> String {
    format!("[bundle]\nfile = \"block.twb\"\n{STATION}")
}

fn look(site: &Site, more: &[&str]) -> Output {
    let mut command = program("twinspect");
    command.current_dir(site.path(""));
    command.args(["check", "--config", "bare.toml", "--camera"]);
    run(command.args(["--out", "seen"]).args(more))
}

fn bench(site: &Site, more: &[&str]) -> Output {
    let mut command = program("twinspect");
    command.current_dir(site.path(""));
    command.args(["bench", "--config", "bare.toml", "--camera"]);
    run(command.args(more))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn pictures(site: &Site, name: &str) -> Vec<PathBuf> {
    let mut files = all_files(&site.path("source"));
    files.retain(|file| file.ends_with(name));
    assert!(!files.is_empty(), "no {name}");
    files
}

#[test]
fn a_recording_that_fits_is_well_however_often_it_begins_again() {
    for station in [with_model(), format!("{}repeat = true\n", with_model())] {
        let site = site(&station, &blocks(4));
        let output = look(&site, &[]);
        let said = said(&output);
        assert!(output.status.success(), "{output:?}");
        assert!(said.contains("pairs     4"), "{said}");
        assert!(said.contains("all is well"), "{said}");
    }
}

#[test]
fn a_camera_is_looked_through_before_there_is_a_model() {
    let site = site(STATION, &blocks(4));
    let output = look(&site, &[]);
    let text = said(&output);
    assert!(output.status.success(), "{output:?}");
    for says in ["bundle    none is named", "pairs     4", "picture   seen/"] {
        assert!(text.contains(says), "`{says}` is missing in {text}");
    }
    let bundle = |site: &Site| {
        let output = look(site, &["--json"]);
        assert!(output.status.success(), "{output:?}");
        let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        found["bundle"].clone()
    };
    assert_eq!(bundle(&site), Value::Null);
    let mut check = program("twinspect");
    check.current_dir(site.path(""));
    let refusal = run(check.args(["check", "--config", "bare.toml"]));
    refused(&refusal, CONFIGURATION, "bundle.file");

    site.write("bare.toml", with_model());
    assert_eq!(bundle(&site), "block.twb");
    // A model that is named is meant.
    site.edit("bare.toml", "block.twb", "nothing.twb");
    refused(&look(&site, &[]), BUNDLE, "nothing.twb");
}

/// It must fit for the station, and is shown and measured all the same.
fn unfit(spoil: impl FnOnce(&Site), says: &str) {
    let site = site(&with_model(), &blocks(4));
    spoil(&site);
    let output = look(&site, &[]);
    refused(&output, BUNDLE, says);
    let text = said(&output);
    assert!(text.contains(says), "{text}");
    assert!(text.contains("the camera does not fit"), "{text}");
    assert!(text.contains("picture   seen/"), "{text}");
    assert!(!text.contains("all is well"), "{text}");

    let output = look(&site, &["--json"]);
    assert_eq!(output.status.code(), Some(BUNDLE), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert!(found["warnings"].to_string().contains(says), "{found}");
}

#[test]
fn what_run_refuses_is_told_by_a_look_through_the_camera() {
    for (from, to, says) in [
        (
            "400.0",
            "300.0",
            "distance to the belt: bundle 400 mm, camera 300 mm",
        ),
        (
            "\"cx\": 39.5",
            "\"cx\": 5000.0",
            "cx: bundle 39.5 px, camera 5000.0 px",
        ),
        (
            "\"fx\": 160.0",
            "\"fx\": 80.0",
            "fx: bundle 160.0 px, camera 80.0 px",
        ),
        (
            "\"fx\": 160.0",
            "\"distortion\": [0.0, 0.0, 0.0, 0.1, 0.0], \"fx\": 160.0",
            "distortion: bundle [0.0000, 0.0000, 0.0000, 0.0000, 0.0000], camera [",
        ),
    ] {
        unfit(|site| site.edit("source/camera.json", from, to), says);
    }
    for (name, says) in [
        ("depth.png", "the bundle judges depth, the camera has none"),
        ("rgb.png", "the bundle judges colour, the camera has none"),
    ] {
        let spoil = |site: &Site| {
            for file in pictures(site, name) {
                std::fs::remove_file(file).expect("a picture is removed");
            }
        };
        unfit(spoil, says);
    }
}

#[test]
fn parts_that_can_t_be_read_and_copies_are_findings() {
    let mut frames = blocks(6);
    frames.push(block(1));
    let site = site(&with_model(), &frames);
    site.write("source/test/good/002/rgb.png", "no picture");
    let output = look(&site, &[]);
    let text = said(&output);
    assert!(output.status.success(), "{output:?}");
    for says in [
        "1 of 7 pictures could not be had, the first for this reason: replaying part test/good/002: ",
        "1 of 6 pictures have the colour and depth of another one before them",
    ] {
        assert!(text.contains(says), "`{says}` is missing in {text}");
    }
    assert!(!text.contains("all is well"), "{text}");
}

/// Which of its causes it is, no figure says: all are named.
#[test]
fn depth_that_is_missing_is_told_with_all_that_it_may_be() {
    let frame = picture(1, grey(1), |x, _| (x < FRAME.width / 2).then_some(0));
    let site = site(&with_model(), &[frame]);
    let output = look(&site, &[]);
    let text = said(&output);
    assert!(output.status.success(), "{output:?}");
    for says in [
        "only 50 % of the picture has a depth",
        "too near for this camera",
        "the emitter off",
        "sunlight or another projector",
        "a dirty window",
        "depth is missing (50.00 %): look for strong light",
    ] {
        assert!(text.contains(says), "`{says}` is missing in {text}");
    }
}

/// Pixels to each side over which colours are spread: far more than a sharp lens does.
const BLUR_PX: usize = 4;

/// Colours as a lens shows them that is out of focus: each is the mean of those around it.
fn out_of_focus(frame: &FramePair) -> FramePair {
    let rgb = frame.rgb().expect("colour");
    let (size, data) = (rgb.size(), rgb.data());
    let around = |at: usize, side: usize| at.saturating_sub(BLUR_PX)..(at + BLUR_PX + 1).min(side);
    let colours = (0..data.len()).map(|index| {
        let (pixel, channel) = (index / 3, index % 3);
        let rows = around(pixel / size.width, size.height);
        let (mut sum, mut count) = (0_usize, 0_usize);
        for row in rows {
            for column in around(pixel % size.width, size.width) {
                sum += usize::from(data[(row * size.width + column) * 3 + channel]);
                count += 1;
            }
        }
        (sum / count) as u8
    });
    let rgb = RgbFrame::new(size, colours.collect()).expect("as large as before");
    let (depth, camera) = (frame.depth().cloned(), frame.intrinsics().copied());
    FramePair::new(Some(rgb), depth, camera).expect("a pair")
}

/// The shipped model knows how sharp its good parts are.
#[test]
fn a_lens_that_is_out_of_focus_is_told() {
    let demo = twinspect_dataset::open(root().join("models/demo/cap")).expect("demo parts");
    let parts = demo.good_parts(Split::Test);
    let part = parts.first().expect("a good part");
    let sharp = demo.load(part).expect("a part").frame;
    let blurred = out_of_focus(&sharp);
    let text = [&sharp, &blurred].map(|frame| {
        let site = Site::empty();
        let mut writer = RecordedPartsWriter::create(site.path("source"), demo.camera().cloned())
            .expect("a new data set");
        writer
            .write(
                Split::Test,
                &Label::Good,
                frame,
                None,
                &PartRecord::default(),
            )
            .expect("a part is written");
        let model = root().join("models/cap.twb");
        site.write(
            "bare.toml",
            format!("[bundle]\nfile = {model:?}\n{STATION}"),
        );
        let output = look(&site, &[]);
        assert!(output.status.success(), "{output:?}");
        said(&output)
    });
    assert!(!text[0].contains("blurred"), "{}", text[0]);
    for says in ["colour is blurred (", "clean the lens", "focus"] {
        assert!(text[1].contains(says), "`{says}` is missing in {}", text[1]);
    }
}

#[test]
fn parts_of_which_none_can_be_read_are_bad_data_for_everybody() {
    let site = site(&with_model(), &blocks(3));
    for file in pictures(&site, "depth.png") {
        let eight_bit = GrayImage::new(FRAME.width as u32, FRAME.height as u32);
        eight_bit.save(file).expect("a picture is written");
    }
    let recorded = run(&mut record(&site, &["--every-ms", "1", "--parts", "2"]));
    let (_, summary) = told(&recorded, DATA);
    assert_eq!(summary["summary"]["recorded"], 0);
    for output in [
        look(&site, &[]),
        bench(&site, &["--seconds", "1"]),
        calibrate(&site, &[]),
        recorded,
    ] {
        refused(&output, DATA, "replaying part test/good/000");
        refused(&output, DATA, "holds 8-bit grey, must hold 16-bit");
    }
    assert!(!site.path("seen").exists());
    assert!(!site.path("cap").exists());
}

#[test]
fn nothing_that_was_measured_is_no_success() {
    let few = site(&with_model(), &blocks(4));
    let output = bench(&few, &["--seconds", "1"]);
    let says =
        "nothing was measured: the recording has ended with the 4 pictures that are passed over";
    refused(&output, CAMERA, says);
    assert!(!said(&output).contains("CPU"), "{output:?}");

    let unlike = site(&with_model(), &blocks(4));
    unlike.edit("source/camera.json", "400.0", "600.0");
    refused(&bench(&unlike, &["--seconds", "1"]), BUNDLE, "600 mm");
}

#[test]
fn a_measurement_that_ends_before_its_time_says_so() {
    let site = site(&with_model(), &blocks(25));
    let output = bench(&site, &["--seconds", "600", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(found["ended_by"], "camera", "{found}");
    assert_eq!(found["pictures"], 5, "20 were passed over: {found}");
    let text = said(&bench(&site, &["--seconds", "600"]));
    assert!(
        text.contains(" of 600 s: the camera has no more pictures"),
        "{text}"
    );
}

/// The same comparison as `run`, though nobody has opened the camera.
#[test]
fn a_bundle_that_a_colour_camera_can_t_serve_is_told_by_check() {
    let site = Site::new();
    let check = |site: &Site| {
        let mut command = program("twinspect");
        command.current_dir(site.path(""));
        command.args(["check", "--config", "colour.toml"]);
        command
    };
    let station = "[bundle]\nfile = \"block.twb\"\n[camera]\nkind = \"v4l2\"\n\
                   [v4l2]\ndevice = \"nobody\"\nwidth = 80\nheight = 64\n";
    site.write("colour.toml", station);
    let says = "the bundle judges depth, a V4L2 camera has none";
    refused(&run(&mut check(&site)), BUNDLE, says);

    site.remove("block.twb");
    let written = any_colour(FRAME).write_archive(site.path("block.twb"));
    written.expect("a bundle that fits");
    let told = succeed(&mut check(&site));
    assert!(told.contains("not yet   the camera"), "{told}");
    site.edit("colour.toml", "width = 80", "width = 640");
    let says = "frame size: bundle 80 x 64, camera 640 x 64";
    refused(&run(&mut check(&site)), BUNDLE, says);
}

fn twelve() -> Vec<FramePair> {
    (1..=12).map(empty).collect()
}

#[test]
fn a_picture_of_the_belt_takes_the_place_of_another_picture_alone() {
    let site = site(&with_model(), &twelve());
    let config = site.read("bare.toml");
    let part = "source/test/good/000/rgb.png";
    let before = site.read(part);
    site.write("shift.bag", "#ROSBAG V2.0");
    symlink(site.path("bare.toml"), site.path("link.png")).expect("a link");
    let made = Command::new("mkfifo")
        .arg(site.path("pipe.png"))
        .status()
        .expect("mkfifo starts");
    assert!(made.success());
    for (place, what) in [
        ("bare.toml", "the station's configuration"),
        ("shift.bag", "no PNG picture"),
        ("link.png", "the station's configuration"),
        ("pipe.png", "no plain file"),
        (part, "what the camera plays"),
    ] {
        for more in [&["--json"][..], &["--write"]] {
            let output = calibrate(&site, &[&["--picture", place][..], more].concat());
            refused(&output, CONFIGURATION, what);
            refused(&output, CONFIGURATION, "no picture takes its place");
            assert!(said(&output).is_empty(), "{output:?}");
        }
    }
    assert_eq!(site.read("bare.toml"), config);
    assert_eq!(site.read("shift.bag"), b"#ROSBAG V2.0");
    assert_eq!(site.read(part), before);
    assert!(site.path("link.png").is_symlink());

    site.write("belt.png", &before);
    let output = calibrate(&site, &["--picture", "belt.png"]);
    assert!(output.status.success(), "{output:?}");
    assert_ne!(site.read("belt.png"), before);
}

#[test]
fn pictures_of_a_look_take_the_place_of_no_other_file() {
    let site = site(&with_model(), &blocks(4));
    std::fs::create_dir(site.path("out")).expect("a folder");
    site.write("out/depth.png", "a thesis on depth");
    let look = |out: &str| {
        let mut command = program("twinspect");
        command.current_dir(site.path(""));
        command.args(["check", "--config", "bare.toml", "--camera"]);
        run(command.args(["--out", out]))
    };
    refused(&look("out"), CONFIGURATION, "out/depth.png is no PNG");
    assert!(!site.path("out/colour.png").exists(), "before any work");
    assert_eq!(site.read("out/depth.png"), b"a thesis on depth");

    let depth = site.read("source/test/good/000/depth.png");
    let output = look("source/test/good/000");
    refused(&output, CONFIGURATION, "what the camera plays");
    assert_eq!(site.read("source/test/good/000/depth.png"), depth);
    assert!(!site.path("source/test/good/000/colour.png").exists());

    // Twice into one folder: the second look's pictures are the newer ones.
    for _ in 0..2 {
        let output = look("seen");
        assert!(output.status.success(), "{output:?}");
    }
    assert!(site.path("seen/colour.png").is_file());
}

/// The camera could not be opened: that would have exit code 3.
#[test]
fn a_picture_s_name_is_looked_at_before_a_camera_is_opened() {
    let site = site(&STATION.replace("source", "absent"), &[]);
    for (place, says) in [
        ("belt.jpg", "belt.jpg has not the ending .png"),
        ("belt", "belt has not the ending .png"),
        (".png", ".png has no name before the ending .png"),
        ("seen/belt.png", "the folder seen is not there"),
        ("source/new/belt.png", "the folder source/new is not there"),
        ("bare.toml/belt.png", "bare.toml is a file and no folder"),
    ] {
        let output = calibrate(&site, &["--picture", place]);
        refused(&output, CONFIGURATION, says);
    }
    let output = calibrate(&site, &["--picture", "belt.png"]);
    refused(&output, DATA, "absent");
    assert!(!site.path("seen").exists() && !site.path("source/new").exists());

    for (out, says) in [
        ("bare.toml", "bare.toml is a file and no folder"),
        ("bare.toml/today", "bare.toml is a file and no folder"),
        (
            "seen/today",
            "the folder seen is not there, in which seen/today would be made",
        ),
        ("seen/new/today", "the folder seen/new is not there"),
    ] {
        let mut command = program("twinspect");
        command.current_dir(site.path(""));
        command.args(["check", "--config", "bare.toml", "--camera"]);
        let output = run(command.args(["--out", out]));
        refused(&output, CONFIGURATION, says);
    }
    assert!(!site.path("seen").exists());
}

#[test]
fn how_many_of_the_pictures_came_is_told() {
    let few = site(&with_model(), &twelve());
    let text = said(&calibrate(&few, &["--pictures", "80"]));
    assert!(text.contains("pictures  12 of 80 asked for"), "{text}");
    let text = said(&look(&few, &[]));
    assert!(text.contains("pairs     12 of 30 asked for"), "{text}");
    let output = calibrate(&few, &["--pictures", "80", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(
        (&found["pictures"], &found["asked"]),
        (&12.into(), &80.into())
    );
}
