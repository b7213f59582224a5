//! `twinspect-lab` from good parts to a bundle that the device takes, in a small form: 64 pixels, a
//! dozen parts, two passes. What it learns is little; that all of it hangs together is what counts.

use std::path::Path;
use std::process::{Command, Output};

use twinspect_bundle::Bundle;
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
    let mut command = lab(site);
    command.args(["train", "--data", "good", "--config", "training.toml"]);
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

const LEARNT: [&str; 3] = [
    "rgb.checkpoint",
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

    site.remove("two/geometry.checkpoint");
    let again = train(&site, "two");
    assert!(again.status.success(), "{}", told(&again));
    for file in LEARNT {
        assert!(values(&one, file) == values(&two, file), "{file}");
    }

    site.write("two/geometry.checkpoint", "");
    let refused = train(&site, "two");
    assert_ne!(refused.status.code(), Some(0));
    let told = told(&refused);
    assert!(
        told.contains("two/geometry.checkpoint is damaged"),
        "{told}"
    );
    assert!(told.contains("hint"), "{told}");
    let refused = run(lab(&site).args(["export", "--run", "two", "--out", "x.twb", "--name", "x"]));
    assert_eq!(refused.status.code(), Some(BUNDLE));
}
