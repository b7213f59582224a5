//! `twinspect-lab` from good parts to a bundle that the device takes, in a small form: 64 pixels, a
//! dozen parts, two passes. What it learns is little; that all of it hangs together is what counts.

use std::path::Path;
use std::process::{Command, Output};

use twinspect_bundle::{Bundle, FormatVersion};
use twinspect_core::frame::{FramePair, FrameSize, RgbFrame};
use twinspect_core::modality::Modality;
use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split};

use crate::bad_input::BUNDLE;
use crate::binaries::{program, run, succeed};
use crate::product::{self, Site};

const CONFIGURATION: &str = "\
size = 64
[rgb]
passes = 2
views = 1
width = 16
[geometry]
passes = 2
views = 1
width = 16
";

/// A site with good parts to learn from in `good`.
fn site() -> Site {
    let site = Site::new();
    let mut writer =
        RecordedPartsWriter::create(site.path("good"), Some(product::camera())).expect("a new set");
    let splits = [(Split::Train, 10), (Split::Validation, 6), (Split::Test, 4)];
    let parts = splits
        .into_iter()
        .flat_map(|(split, count)| std::iter::repeat_n(split, count));
    for (seed, split) in parts.enumerate() {
        let (frame, facts) = (product::frame(100 + seed), PartRecord::default());
        writer
            .write(split, &Label::Good, &frame, None, &facts)
            .expect("a part is written");
    }
    site.write("training.toml", CONFIGURATION);
    site
}

fn lab(site: &Site) -> Command {
    let mut command = program("twinspect-lab");
    command.current_dir(site.path(""));
    command
}

fn train(site: &Site, out: &str) -> Output {
    train_with(site, "training.toml", out)
}

fn train_with(site: &Site, config: &str, out: &str) -> Output {
    let mut command = lab(site);
    command.args(["train", "--data", "good", "--config", config]);
    run(command.args(["--seed", "3", "--out", out]))
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a checkpoint holds, after its header, in which the order of facts is left to chance.
fn values(folder: &Path, file: &str) -> Vec<u8> {
    let bytes = std::fs::read(folder.join(file)).expect("a finished run has its files");
    let (length, rest) = bytes.split_first_chunk().expect("the length of the header");
    rest[u64::from_le_bytes(*length) as usize..].to_vec()
}

const LEARNT: [&str; 4] = [
    "rgb.checkpoint",
    "memory.checkpoint",
    "geometry.checkpoint",
    "codebook.checkpoint",
];

#[test]
fn good_parts_become_a_bundle_that_the_device_takes() {
    let site = site();
    let trained = train(&site, "run");
    assert!(trained.status.success(), "{}", told(&trained));
    let mut export = lab(&site);
    export.args(["export", "--run", "run", "--out", "made.twb"]);
    succeed(export.args(["--name", "block"]));
    let bundle = Bundle::open(site.path("made.twb")).expect("a sound bundle");
    assert_eq!(bundle.manifest().name, "block");
    // No run takes another one's bundle away, whether or not there is such a run.
    let refused = run(lab(&site).args(["export", "--run", "none", "--out", "made.twb"]));
    assert_eq!(refused.status.code(), Some(8), "{}", told(&refused));
    assert!(
        told(&refused).contains("made.twb exists already"),
        "{}",
        told(&refused)
    );
    let same = Bundle::open(site.path("made.twb")).expect("a sound bundle");
    assert_eq!(same.hash(), bundle.hash());
    // An earlier release may have trained with what no bundle may hold.
    let record = site.read("run/run.toml");
    site.edit("run/run.toml", "tilt_deg = 1.0", "tilt_deg = 45.0");
    let unfit = run(lab(&site).args(["export", "--run", "run", "--out", "unfit.twb"]));
    assert_eq!(unfit.status.code(), Some(3), "{}", told(&unfit));
    assert!(
        told(&unfit).contains("belt_bounds.tilt_deg: expected at most 10"),
        "{}",
        told(&unfit)
    );
    site.write("run/run.toml", record);
    assert_eq!(bundle.manifest().score.fused.good_parts, 6);
    let picture = bundle.manifest().picture.expect("figures of good parts");
    assert!(
        picture.parts > 6 && picture.depth_noise_mm.is_some(),
        "{picture:?}"
    );

    let mut check = program("twinspect");
    check.current_dir(site.path(""));
    succeed(check.args(["check", "--bundle", "made.twb"]));
    let mut replay = program("twinspect");
    replay.current_dir(site.path(""));
    replay.args(["replay", "--bundle", "made.twb", "--data", "good", "--json"]);
    let lines = succeed(&mut replay);
    let judged = lines
        .lines()
        .filter(|line| line.contains("\"score\":"))
        .count();
    assert_eq!(judged, 4, "{lines}");
}

fn export(site: &Site, run: &str, out: &str) -> Bundle {
    let export = ["export", "--run", run, "--out", out, "--name", "block"];
    succeed(lab(site).args(export));
    Bundle::open(site.path(out)).expect("a sound bundle")
}

#[test]
fn a_distance_that_the_parts_contradict_is_told() {
    let site = site();
    let trained = train(&site, "run");
    assert!(
        !told(&trained).contains("distance_to_belt_mm"),
        "{}",
        told(&trained)
    );

    let mut camera: serde_json::Value =
        serde_json::from_slice(&site.read("good/camera.json")).expect("a camera");
    camera["distance_to_belt_mm"] = (1.1 * product::DISTANCE_MM).into();
    site.write("good/camera.json", camera.to_string());
    let contradicted = train(&site, "other");
    assert!(contradicted.status.success(), "{}", told(&contradicted));
    assert!(
        told(&contradicted).contains("distance_to_belt_mm = "),
        "{}",
        told(&contradicted)
    );
}

#[test]
fn students_of_one_branch_learn_by_themselves() {
    let site = site();
    let several = CONFIGURATION
        .replace("[rgb]\n", "[rgb]\nstudents = 2\n")
        .replace("[geometry]\n", "[geometry]\nstudents = 2\n");
    site.write("several.toml", several);
    for (config, out) in [("training.toml", "one"), ("several.toml", "several")] {
        let trained = train_with(&site, config, out);
        assert!(trained.status.success(), "{}", told(&trained));
    }
    let learnt = |run: &str, file: &str| values(&site.path(run), file);
    for file in LEARNT {
        assert!(learnt("one", file) == learnt("several", file), "{file}");
    }
    let second = learnt("several", "geometry-2.checkpoint");
    assert!(second != learnt("several", "geometry.checkpoint"));
    assert!(learnt("several", "rgb.checkpoint") != learnt("several", "rgb-2.checkpoint"));

    site.remove("several/geometry-2.checkpoint");
    let again = train_with(&site, "several.toml", "several");
    assert!(again.status.success(), "{}", told(&again));
    assert!(learnt("several", "geometry-2.checkpoint") == second);
}

#[test]
fn a_finished_run_takes_a_palette_without_training_again() {
    let site = site();
    site.write(
        "plain.toml",
        format!("{CONFIGURATION}[palette]\nenabled = false\n"),
    );
    let trained = train_with(&site, "plain.toml", "run");
    assert!(trained.status.success(), "{}", told(&trained));
    let without = export(&site, "run", "without.twb");
    let students: Vec<_> = LEARNT
        .iter()
        .map(|file| values(&site.path("run"), file))
        .collect();

    let again = train(&site, "run");
    assert!(again.status.success(), "{}", told(&again));
    assert!(told(&again).contains("trained before"), "{}", told(&again));
    assert!(
        told(&again).contains("from now on with a palette"),
        "{}",
        told(&again)
    );
    let with = export(&site, "run", "with.twb");
    let views = |bundle: &Bundle| {
        let colour = bundle.manifest().score.modalities.rgb.as_ref();
        colour.expect("a product of colour").views.len()
    };
    assert_eq!(views(&with), views(&without) + 1);
    let palette = values(&site.path("run"), "palette.checkpoint");
    for (file, before) in LEARNT.iter().zip(&students) {
        assert!(values(&site.path("run"), file) == *before, "{file}");
    }

    // What is lost is learnt again, and the same.
    site.remove("run/palette.checkpoint");
    let again = train(&site, "run");
    assert!(again.status.success(), "{}", told(&again));
    assert!(values(&site.path("run"), "palette.checkpoint") == palette);

    // A run that is to do without it makes what it made.
    let again = train_with(&site, "plain.toml", "run");
    assert!(again.status.success(), "{}", told(&again));
    assert!(
        told(&again).contains("from now on without a palette"),
        "{}",
        told(&again)
    );
    let once_more = export(&site, "run", "once-more.twb");
    assert_eq!(views(&once_more), views(&without));
}

#[test]
fn a_finished_run_is_looked_at_under_other_gaussians_without_training_again() {
    let site = site();
    let trained = train(&site, "run");
    assert!(trained.status.success(), "{}", told(&trained));
    let smoothings = |bundle: &Bundle, modality: Modality| {
        let known = bundle.manifest().score.modalities.get(modality);
        let views = known.expect("a product of both").views.iter();
        views.map(|view| view.sigma_px).collect::<Vec<_>>()
    };
    let before = export(&site, "run", "before.twb");
    let codebook = [0.7, 1.5, 4.0];
    assert_eq!(
        smoothings(&before, Modality::Geometry),
        [codebook, codebook].concat()
    );
    let student = values(&site.path("run"), "geometry.checkpoint");

    let few = CONFIGURATION.replace("width = 16\n", "width = 16\nsmoothing_px = [2.0]\n");
    site.write(
        "few.toml",
        format!("{few}[codebook]\nsmoothing_px = [0.5, 3.0]\n"),
    );
    let again = train_with(&site, "few.toml", "run");
    assert!(again.status.success(), "{}", told(&again));
    for says in ["trained before", "looked at under other Gaussians"] {
        assert!(told(&again).contains(says), "{}", told(&again));
    }
    let after = export(&site, "run", "after.twb");
    // One of the student; then memory and palette, which have their own.
    assert_eq!(smoothings(&after, Modality::Rgb), [2.0, 1.0, 2.0]);
    assert_eq!(smoothings(&after, Modality::Geometry), [2.0, 0.5, 3.0]);
    // A page would show the one's maps and tell the other's Gaussians.
    let report = [
        "report",
        "--run",
        "run",
        "--bundle",
        "before.twb",
        "--out",
        "page.html",
    ];
    let refused = run(lab(&site).args(report));
    assert_eq!(refused.status.code(), Some(BUNDLE), "{}", told(&refused));
    assert!(
        told(&refused).contains("other views of its maps"),
        "{}",
        told(&refused)
    );
    assert!(values(&site.path("run"), "geometry.checkpoint") == student);
}

#[test]
fn a_finished_run_is_joined_otherwise_without_training_again() {
    let site = site();
    let trained = train(&site, "run");
    assert!(trained.status.success(), "{}", told(&trained));
    assert!(export(&site, "run", "squares.twb").fusion_model().is_some());
    let student = values(&site.path("run"), "rgb.checkpoint");

    let joined = |rule: &str| format!("{CONFIGURATION}[fusion]\njoin = \"{rule}\"\n");
    site.write("larger.toml", joined("maximum"));
    let again = train_with(&site, "larger.toml", "run");
    assert!(again.status.success(), "{}", told(&again));
    assert!(
        told(&again).contains("were joined by: quadrature; from now on by: maximum"),
        "{}",
        told(&again)
    );
    assert!(export(&site, "run", "larger.twb").fusion_model().is_none());
    // A page speaks of its bundle, and not of what the run would make now.
    for (bundle, rule) in [("squares.twb", "quadrature"), ("larger.twb", "maximum")] {
        let page = format!("{rule}.html");
        let report = ["report", "--run", "run", "--bundle", bundle, "--out", &page];
        succeed(lab(&site).args(report));
        let page = site.read(&page);
        let page = String::from_utf8_lossy(&page);
        assert!(page.contains(&format!("joined by: {rule}")), "{rule}");
    }
    assert!(values(&site.path("run"), "rgb.checkpoint") == student);

    site.write("gate.toml", joined("gate"));
    let gate = train_with(&site, "gate.toml", "run");
    assert_eq!(gate.status.code(), Some(8), "{}", told(&gate));
    assert!(
        told(&gate).contains(r#"fusion.join = "maximum", not "gate""#),
        "{}",
        told(&gate)
    );
}

/// A bar on a light ground, or the ground alone, in colour.
fn on_ground(seed: usize, bar: bool) -> FramePair {
    let size = FrameSize {
        width: 80,
        height: 72,
    };
    let noise = |index: usize| ((index.wrapping_mul(2_654_435_761) >> 9) ^ (seed * 7919)) % 9;
    let level = |index: usize| {
        let (x, y) = (index / 3 % size.width, index / 3 / size.width);
        let is_part = bar && (20..60).contains(&x) && (28..44).contains(&y);
        (if is_part { 60 } else { 180 } + noise(index)) as u8
    };
    let colours = (0..size.pixels() * 3).map(level).collect();
    let rgb = RgbFrame::new(size, colours).expect("a picture");
    FramePair::new(Some(rgb), None, None).expect("a frame")
}

#[test]
fn without_depth_the_ground_is_learnt_and_an_empty_picture_never_passes() {
    let site = Site::new();
    let mut writer = RecordedPartsWriter::create(site.path("good"), None).expect("a new set");
    let splits = [(Split::Train, 10), (Split::Validation, 6), (Split::Test, 3)];
    let parts = splits
        .into_iter()
        .flat_map(|(split, count)| std::iter::repeat_n(split, count));
    for (seed, split) in parts.enumerate() {
        // The last of all shows nothing.
        let frame = on_ground(seed, seed < 18);
        writer
            .write(split, &Label::Good, &frame, None, &PartRecord::default())
            .expect("a part is written");
    }
    site.write("training.toml", CONFIGURATION);
    let trained = train(&site, "run");
    assert!(trained.status.success(), "{}", told(&trained));
    assert!(
        told(&trained).contains("parts lie on a ground of colour (184, 184, 184)"),
        "{}",
        told(&trained)
    );
    succeed(lab(&site).args(["export", "--run", "run", "--out", "bar.twb"]));
    let bundle = Bundle::open(site.path("bar.twb")).expect("a sound bundle");
    assert_eq!(bundle.manifest().format, FormatVersion::V4);
    let mut replay = program("twinspect");
    replay.current_dir(site.path(""));
    replay.args(["replay", "--bundle", "bar.twb", "--data", "good", "--json"]);
    let lines = succeed(&mut replay);
    let of = |what: &str| lines.lines().filter(|line| line.contains(what)).count();
    let (judged, empty) = (of("\"regions\":"), of("\"reason\":\"no_part\""));
    assert_eq!((judged, empty), (2, 1), "{lines}");

    // The same without a ground: evidence counts everywhere, and nobody can tell that no part is there.
    site.write(
        "whole.toml",
        format!("{CONFIGURATION}[ground]\nenabled = false\n"),
    );
    let trained = train_with(&site, "whole.toml", "whole");
    assert!(trained.status.success(), "{}", told(&trained));
    let record = String::from_utf8(site.read("whole/run.toml")).expect("text");
    assert!(!record.contains("[prepare.ground]"), "{record}");
}

#[test]
fn a_run_can_be_repeated_and_what_is_lost_of_it_is_learnt_anew() {
    let site = site();
    for out in ["one", "two"] {
        let trained = train(&site, out);
        assert!(trained.status.success(), "{}", told(&trained));
    }
    let (one, two) = (site.path("one"), site.path("two"));
    for file in LEARNT {
        assert!(values(&one, file) == values(&two, file), "{file}");
    }

    let before = cpu_seconds(&two);
    site.remove("two/geometry.checkpoint");
    let again = train(&site, "two");
    assert!(again.status.success(), "{}", told(&again));
    assert!(
        cpu_seconds(&two) > before,
        "what was learnt before costs nothing"
    );
    site.remove("two/losses.csv");
    let again = train(&site, "two");
    assert!(again.status.success(), "{}", told(&again));
    assert!(site.read("one/losses.csv") == site.read("two/losses.csv"));
    for file in LEARNT {
        assert!(values(&one, file) == values(&two, file), "{file}");
    }

    site.write("two/geometry.checkpoint", "");
    let refused = train(&site, "two");
    assert_eq!(refused.status.code(), Some(BUNDLE));
    let told = told(&refused);
    assert!(
        told.contains("two/geometry.checkpoint is damaged"),
        "{told}"
    );
    assert!(told.contains("hint"), "{told}");
    let refused = run(lab(&site).args(["export", "--run", "two", "--out", "x.twb", "--name", "x"]));
    assert_eq!(refused.status.code(), Some(BUNDLE));
}

/// What a finished run has cost so far.
fn cpu_seconds(run: &Path) -> f64 {
    let record = std::fs::read_to_string(run.join("run.toml")).expect("a finished run");
    let record: toml::Table = record.parse().expect("a record is TOML");
    record["cost"]["cpu_seconds"].as_float().expect("a number")
}

/// A refusal by its exit code, with what it has to say.
fn refused(command: &mut Command, code: i32, says: &[&str]) {
    let output = run(command);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(code), "{told}");
    for text in says.iter().chain(&["hint: "]) {
        assert!(told.contains(text), "`{text}` is missing in:\n{told}");
    }
}

#[test]
fn what_belongs_to_another_run_or_other_data_is_refused() {
    let site = site();
    let other = CONFIGURATION.replace("passes = 2", "passes = 1");
    site.write("other.toml", other);
    for (config, out) in [("training.toml", "one"), ("other.toml", "two")] {
        let trained = train_with(&site, config, out);
        assert!(trained.status.success(), "{}", told(&trained));
    }
    succeed(lab(&site).args([
        "export", "--run", "one", "--out", "one.twb", "--name", "block",
    ]));

    // Data, seed and preparation are the same: only the networks tell.
    let report = [
        "report",
        "--run",
        "two",
        "--bundle",
        "one.twb",
        "--out",
        "page.html",
    ];
    refused(
        lab(&site).args(report),
        4,
        &["was not made of the run in two", "another rgb network"],
    );
    let report = [
        "report",
        "--run",
        "one",
        "--bundle",
        "one.twb",
        "--out",
        "page.html",
    ];
    succeed(lab(&site).args(report));

    let again = train_with(&site, "other.toml", "one");
    assert_eq!(again.status.code(), Some(8));
    let said = told(&again);
    assert!(said.contains("rgb.passes = 2, not 1"), "{said}");

    let export = [
        "export", "--run", "one", "--out", "new.twb", "--name", "block",
    ];
    let own = site.read("one/rgb.checkpoint");
    site.write("one/rgb.checkpoint", site.read("two/rgb.checkpoint"));
    refused(
        lab(&site).args(export),
        4,
        &["one/rgb.checkpoint belongs to another run"],
    );
    site.write("one/rgb.checkpoint", own);

    site.remove("good/test/good/003");
    refused(
        lab(&site).args(export),
        3,
        &[
            "is not the data set that the run in one was trained on",
            "--data",
        ],
    );
    site.rename("good", "moved");
    refused(lab(&site).args(export), 3, &["is not at good", "--data"]);
    assert!(!site.path("new.twb").exists());
}

#[test]
fn a_training_that_has_diverged_says_so() {
    let site = site();
    site.write(
        "wild.toml",
        "size = 64\n[rgb]\nenabled = false\n[geometry]\npasses = 2\nviews = 1\nwidth = 16\nlearning_rate = 1e6\n",
    );
    let trained = train_with(&site, "wild.toml", "wild");
    assert_eq!(trained.status.code(), Some(4), "{}", told(&trained));
    assert!(
        told(&trained).contains("learning_rate"),
        "{}",
        told(&trained)
    );
}
