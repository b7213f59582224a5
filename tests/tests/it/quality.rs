//! Pictures that have become worse than the model knows them: parts leave without a result, by a reason that names the
//! figure, and not as failed ones.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;
use twinspect_bundle::Bundle;
use twinspect_core::frame::{DepthCounts, DepthFrame, FramePair, RgbFrame};
use twinspect_core::picture::depth_noise_floor_mm;
use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split};

use crate::bad_input::CONFIGURATION;
use crate::bad_input::bundles::seal;
use crate::binaries::{program, run, succeed};
use crate::product::{self, Site};
use crate::workspace::root;

const DEMO: &str = "models/demo/cap";
const SHIPPED: &str = "models/cap.twb";

/// Pixels of a side over which the added noise is the same, as that of a sensor that matches windows is alike.
const GRAIN_PX: usize = 3;

/// SplitMix64 (Steele, Lea, Flood, 2014), as values from 0 to 1.
fn even(seed: usize, at: usize) -> f64 {
    let mut mixed = ((at + 1_000_003 * seed) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 40) as f64 / (1_u64 << 24) as f64
}

/// Nearly normal with a deviation of 1.
fn normal(seed: usize, at: usize) -> f64 {
    (0..12)
        .map(|one| even(seed + 10_007 * one, at))
        .sum::<f64>()
        - 6.0
}

/// A frame with other depths: from place and mm to mm, 0 for none.
fn with_depth(frame: &FramePair, change: impl Fn(usize, f64) -> f64) -> FramePair {
    let Some(DepthFrame::Counts(depth)) = frame.depth() else {
        panic!("depth comes in counts");
    };
    let unit_mm = 1000.0 * depth.unit_m();
    let changed = depth
        .data()
        .iter()
        .enumerate()
        .map(|(at, count)| match count {
            0 => 0,
            count => (change(at, f64::from(*count) * unit_mm) / unit_mm).round() as u16,
        });
    let changed = DepthCounts::new(frame.size(), depth.unit_m(), changed.collect());
    let depth = DepthFrame::Counts(changed.expect("as large as before"));
    let intrinsics = frame.intrinsics().copied();
    FramePair::new(frame.rgb().cloned(), Some(depth), intrinsics).expect("a pair")
}

/// Noise that makes, with the noise that is there, twice as much.
fn twice_as_noisy(seed: usize, frame: &FramePair) -> FramePair {
    let own_mm = depth_noise_floor_mm(frame.depth().expect("depth")).expect("noise");
    let (width, added_mm) = (frame.size().width, f64::from(own_mm) * 3.0_f64.sqrt());
    with_depth(frame, |at, mm| {
        let (x, y) = (at % width / GRAIN_PX, at / width / GRAIN_PX);
        mm + added_mm * normal(seed, y * width + x)
    })
}

/// A twentieth of the picture is in round holes.
fn with_holes(seed: usize, frame: &FramePair) -> FramePair {
    const RADIUS: f64 = 5.0;
    let size = frame.size();
    let count = 0.051 * size.pixels() as f64 / (std::f64::consts::PI * RADIUS * RADIUS);
    let holes: Vec<(f64, f64)> = (0..count.ceil() as usize)
        .map(|hole| {
            let place = |side: usize, at| even(seed, at) * side as f64;
            (
                place(size.width, 2 * hole),
                place(size.height, 2 * hole + 1),
            )
        })
        .collect();
    with_depth(frame, |at, mm| {
        let (x, y) = ((at % size.width) as f64, (at / size.width) as f64);
        let is_hole = holes
            .iter()
            .any(|hole| (x - hole.0).hypot(y - hole.1) < RADIUS);
        if is_hole { 0.0 } else { mm }
    })
}

/// The shipped model, fitted to the demo's good parts, and these under other conditions.
struct Worse {
    folder: TempDir,
}

impl Worse {
    fn get() -> &'static Self {
        static WORSE: OnceLock<Worse> = OnceLock::new();
        WORSE.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let worse = Self { folder };
            let mut fit = program("twinspect");
            fit.current_dir(root());
            fit.args(["model", "calibrate", "--bundle", SHIPPED, "--data", DEMO]);
            fit.args(["--accept-shift", "--out"])
                .arg(worse.path("fitted.twb"));
            succeed(&mut fit);
            worse
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// What a bundle says of the demo's good parts, each of them changed.
fn verdicts(bundle: &Path, change: impl Fn(usize, &FramePair) -> FramePair) -> Vec<Value> {
    let demo = twinspect_dataset::open(root().join(DEMO)).expect("demo parts");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let camera = demo.camera().cloned();
    let set = folder.path().join("parts");
    let mut writer = RecordedPartsWriter::create(&set, camera).expect("a new data set");
    for (seed, part) in demo.good_parts(Split::Test).iter().enumerate() {
        let frame = change(seed, &demo.load(part).expect("a part").frame);
        let facts = PartRecord::default();
        writer
            .write(Split::Test, &Label::Good, &frame, None, &facts)
            .expect("a part is written");
    }
    let mut replay = program("twinspect");
    replay.args(["replay", "--json", "--bundle"]).arg(bundle);
    parts(&succeed(replay.arg("--data").arg(&set)))
}

/// The parts among what a program has said.
fn parts(said: &str) -> Vec<Value> {
    let lines = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"));
    lines
        .filter(|line: &Value| line["verdict"].is_string())
        .collect()
}

/// Asserts that all parts have left without a result for one reason.
fn all_without_result(parts: &[Value], reason: &str) {
    assert!(parts.len() > 10, "{}", parts.len());
    for part in parts {
        assert_eq!(
            (&part["verdict"], &part["reason"]),
            (&Value::from("no_result"), &Value::from(reason)),
            "{part}"
        );
    }
}

/// The shipped model as one of an earlier release would be, without figures of its good parts.
fn ignorant() -> Site {
    let site = Site::empty();
    twinspect_bundle::unpack(root().join(SHIPPED), site.path("block")).expect("the shipped model");
    let manifest = String::from_utf8(site.read("block/manifest.toml")).expect("a text file");
    let (manifest, _) = manifest.split_once("[picture]").expect("figures");
    site.write(
        "block/manifest.toml",
        manifest.replacen("format = 3", "format = 2", 1),
    );
    seal(&site);
    site
}

fn count(parts: &[Value], verdict: &str) -> usize {
    let is_meant = |part: &&Value| part["verdict"] == verdict;
    parts.iter().filter(is_meant).count()
}

#[test]
fn good_parts_as_they_are_have_a_result() {
    let worse = Worse::get();
    let fitted = Bundle::open(worse.path("fitted.twb")).expect("a sound bundle");
    let known = fitted.manifest().picture.expect("figures of good parts");
    assert_eq!(known.parts, 12);
    assert_eq!(known.present().count(), 5);
    let parts = verdicts(&worse.path("fitted.twb"), |_, frame| frame.clone());
    assert_eq!(count(&parts, "no_result"), 0, "{parts:?}");
    assert!(count(&parts, "pass") > 10, "{parts:?}");
    assert!(
        parts
            .iter()
            .all(|part| part["ms"]["picture"].as_f64() > Some(0.0))
    );
    let shipped = verdicts(&root().join(SHIPPED), |_, frame| frame.clone());
    assert_eq!(count(&shipped, "no_result"), 0, "{shipped:?}");
}

#[test]
fn depth_that_is_twice_as_noisy_is_the_reason_and_not_the_parts() {
    let worse = Worse::get();
    let parts = verdicts(&worse.path("fitted.twb"), twice_as_noisy);
    all_without_result(&parts, "picture_depth_noise");
    // A bundle that does not know its good parts' pictures can't say so: that is what this is for.
    let ignorant = ignorant();
    let before = verdicts(&ignorant.path("block"), twice_as_noisy);
    assert!(count(&before, "fail") > 8, "{before:?}");
}

#[test]
fn depth_that_is_missing_is_the_reason_and_not_the_parts() {
    let parts = verdicts(&Worse::get().path("fitted.twb"), with_holes);
    all_without_result(&parts, "picture_depth_holes");
}

#[test]
fn a_camera_that_has_slipped_is_the_reason_whatever_the_bundle_knows() {
    for by_mm in [-10.0, 10.0] {
        let moved = |_, frame: &FramePair| with_depth(frame, |_, mm| mm + by_mm);
        all_without_result(
            &verdicts(&root().join(SHIPPED), moved),
            "picture_belt_height",
        );
    }
    let tilted = |_, frame: &FramePair| {
        let width = frame.size().width as f64;
        let camera = frame.intrinsics().copied().expect("a camera");
        // Two degrees around the picture's middle.
        with_depth(frame, move |at, mm| {
            let x = (at as f64 % width - camera.cx) / camera.fx * mm;
            mm + x * 2.0_f64.to_radians().tan()
        })
    };
    let parts = verdicts(&root().join(SHIPPED), tilted);
    all_without_result(&parts, "picture_belt_tilt");
}

#[test]
fn a_lamp_that_is_dim_is_told_and_parts_are_judged() {
    let worse = Worse::get();
    let dim = |_: usize, frame: &FramePair| {
        let rgb = frame.rgb().expect("colour");
        let data = rgb
            .data()
            .iter()
            .map(|value| (f32::from(*value) * 0.7) as u8);
        let rgb = RgbFrame::new(rgb.size(), data.collect()).expect("as large as before");
        let (depth, camera) = (frame.depth().cloned(), frame.intrinsics().copied());
        FramePair::new(Some(rgb), depth, camera).expect("a pair")
    };
    let parts = verdicts(&worse.path("fitted.twb"), dim);
    assert_eq!(count(&parts, "no_result"), 0, "{parts:?}");
}

/// A station whose belt has come 9 mm nearer than its model's.
fn slipped(quality: &str) -> Site {
    let site = Site::new();
    site.remove("parts");
    let camera = Some(product::camera());
    let mut writer =
        RecordedPartsWriter::create(site.path("parts"), camera).expect("a new data set");
    for seed in 20..26 {
        let frame = with_depth(&product::frame(seed), |_, mm| mm - 9.0);
        let facts = PartRecord::default();
        writer
            .write(Split::Test, &Label::Good, &frame, None, &facts)
            .expect("a part is written");
    }
    site.edit("station.toml", "[page]", &format!("{quality}[page]"));
    site
}

/// Reasons of the station's parts, and what it has logged.
fn run_station(site: &Site) -> (Vec<Value>, String) {
    let mut station = program("twinspect");
    station.current_dir(site.path(""));
    let output = run(station.args(["run", "--config", "station.toml", "--json"]));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let said = String::from_utf8_lossy(&output.stdout);
    let left = parts(&said);
    (
        left.iter().map(|part| part["reason"].clone()).collect(),
        log,
    )
}

#[test]
fn a_station_says_once_that_its_camera_has_slipped() {
    let (reasons, log) = run_station(&slipped(""));
    assert_eq!(
        reasons,
        vec![Value::from("picture_belt_height"); 6],
        "{log}"
    );
    let told = log
        .matches("the belt does not lie where it lay (9.")
        .count();
    assert_eq!(told, 1, "{log}");
    assert!(
        log.contains("nearer): parts have no result (picture_belt_height)"),
        "{log}"
    );

    let (reasons, log) = run_station(&slipped("[quality]\nbelt_reject_mm = 0\n"));
    assert!(
        !reasons.contains(&Value::from("picture_belt_height")),
        "{reasons:?}"
    );
    assert_eq!(
        log.matches("the belt does not lie where it lay").count(),
        1,
        "{log}"
    );

    let (reasons, log) = run_station(&slipped("[quality]\nenabled = false\n"));
    assert!(
        !reasons.contains(&Value::from("picture_belt_height")),
        "{reasons:?}"
    );
    assert!(!log.contains("the belt"), "{log}");
}

#[test]
fn limits_that_can_t_be_are_named() {
    let site = slipped(
        "[quality]\nnoise_warn_factor = 0.5\nholes_reject_share = 2\nbelt_warn_mm = 6\ntilt_reject_deg = -1\n\
         [calibration]\ndate = \"today\"\ncamera = \"x\"\npictures = 30\ndistance_mm = 4\n\
         belt_normal = [0.0, 0.0, 1.0]\nmeasured_share = 1.0\n",
    );
    let mut check = program("twinspect");
    check.current_dir(site.path(""));
    let output = run(check.args(["check", "--config", "station.toml"]));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(CONFIGURATION), "{told}");
    for key in [
        "quality.noise_warn_factor = 0.5 must be a factor from 1 to 100",
        "quality.holes_reject_share = 2 must be a share",
        "quality.belt_warn_mm = 6 must be at most quality.belt_reject_mm = 5",
        "quality.tilt_reject_deg = -1 must be",
        "calibration.distance_mm = 4 must be 50 to 5000",
        "calibration.belt_normal = [0.0, 0.0, 1.0] must be a unit vector",
        "calibration.date = \"today\" must be a time",
    ] {
        assert!(told.contains(key), "{key} in\n{told}");
    }
}
