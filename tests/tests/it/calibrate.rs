//! `model calibrate` as a technician uses it, and `twinspect-lab calibrate`, which does the same.

use serde_json::Value;
use twinspect_bundle::Bundle;
use twinspect_core::frame::{DepthCounts, DepthFrame, FramePair};
use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split};

use crate::binaries::{program, run, succeed};
use crate::product::{self, Site};

/// A site with six good parts that nobody has seen before.
fn site() -> Site {
    let site = Site::new();
    record(&site, "good", product::frame);
    site
}

/// Records six parts as good ones.
fn record(site: &Site, folder: &str, frame: impl Fn(usize) -> FramePair) {
    let mut writer =
        RecordedPartsWriter::create(site.path(folder), Some(product::camera())).expect("a new set");
    for seed in 40..46 {
        let facts = PartRecord::default();
        writer
            .write(Split::Calibration, &Label::Good, &frame(seed), None, &facts)
            .expect("a part is written");
    }
}

/// The site's bundle has made-up constants that reject its own good parts.
const GOOD: &[&str] = &["--data", "good", "--accept-shift"];

fn calibrate(site: &Site, more: &[&str]) -> std::process::Output {
    let mut command = program("twinspect");
    command.current_dir(site.path(""));
    command.args(["model", "calibrate", "--bundle", "block.twb"]);
    run(command.args(more))
}

#[test]
fn a_station_s_own_parts_make_a_bundle_that_is_proven_and_names_the_old_one() {
    let site = site();
    let made = calibrate(&site, &[GOOD, &["--out", "new.twb", "--json"]].concat());
    assert!(made.status.success(), "{made:?}");
    let report: Value = serde_json::from_slice(&made.stdout).expect("one JSON object");
    let old = Bundle::open(site.path("block.twb")).expect("the old bundle is untouched");
    let new = Bundle::open(site.path("new.twb")).expect("a sound bundle");
    assert_eq!(report["from"], old.hash());
    assert_eq!(report["hash"], new.hash());
    assert_eq!(report["good_parts"], 6);
    let rejected = report["rejected_parts"].as_array().expect("names");
    assert_eq!(report["rejected_before"], rejected.len());
    let evidence = |bundle: &Bundle| Value::from(bundle.manifest().score.fused.evidence);
    let line = |key: &str| report[key]["evidence"].as_f64().map(|line| line as f32);
    assert_eq!(
        line("threshold_before").map(Value::from),
        Some(evidence(&old))
    );
    assert_eq!(line("threshold").map(Value::from), Some(evidence(&new)));
    assert_eq!(new.manifest().score.fused.good_parts, 6);
    assert_eq!(old.manifest().picture, None);
    let picture = new.manifest().picture.expect("figures of good parts");
    assert_eq!(picture.parts, 6);
    let noise = picture.depth_noise_mm.expect("depth");
    assert!(noise.low > 0.0 && noise.high < 0.3, "{noise:?}");

    let mut check = program("twinspect");
    check.current_dir(site.path(""));
    let told = succeed(check.args(["check", "--bundle", "new.twb"]));
    assert!(told.contains("6 good parts of good"), "{told}");
    assert!(told.contains(old.hash()), "{told}");

    let mut lab = program("twinspect-lab");
    lab.current_dir(site.path(""));
    lab.args(["calibrate", "--bundle", "block.twb"]).args(GOOD);
    succeed(lab.args(["--out", "lab.twb"]));
    let lab = Bundle::open(site.path("lab.twb")).expect("a sound bundle");
    assert_eq!(lab.manifest().score, new.manifest().score);
}

#[test]
fn the_old_bundle_stays_and_parts_that_say_nothing_are_refused() {
    let site = site();
    let before = site.read("block.twb");
    let refused = |more: &[&str], code: i32, says: &str| {
        let output = calibrate(&site, more);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(says) && told.contains("hint"), "{told}");
    };
    let out_of = |parts: &[&'static str], out| [parts, &["--out", out]].concat();
    refused(&out_of(GOOD, "block.twb"), 2, "that is read");
    refused(
        &[
            "--data",
            "good",
            "--out",
            "x.twb",
            "--false-reject-rate",
            "2",
        ],
        2,
        "0.001 to 0.5",
    );
    refused(
        &["--data", "parts", "--out", "x.twb"],
        3,
        "at least 5 are needed",
    );
    refused(&out_of(GOOD, "nowhere/x.twb"), 8, "nowhere");
    assert_eq!(site.read("block.twb"), before);
    // Before any work: nobody has looked for the parts.
    site.write("other.twb", "another product's");
    let nowhere = ["--data", "nowhere", "--out", "other.twb"];
    refused(&nowhere, 8, "other.twb exists already");
    let mut lab = program("twinspect-lab");
    lab.current_dir(site.path(""));
    lab.args(["calibrate", "--bundle", "block.twb"]);
    let output = run(lab.args(nowhere));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(8), "{told}");
    assert!(told.contains("other.twb exists already"), "{told}");
    assert_eq!(site.read("other.twb"), b"another product's");
    assert!(!site.path("x.twb").exists());
}

#[test]
fn parts_of_another_product_are_refused_until_somebody_vouches_for_them() {
    let site = site();
    let made = calibrate(&site, &[GOOD, &["--out", "own.twb"]].concat());
    assert!(made.status.success(), "{made:?}");
    record(&site, "others", tall);
    let refit = |more: &[&str]| {
        let mut command = program("twinspect");
        command.current_dir(site.path(""));
        command.args(["model", "calibrate", "--bundle", "own.twb"]);
        run(command
            .args(["--data", "others", "--out", "new.twb"])
            .args(more))
    };
    let refused = refit(&[]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains("reject 6 of these 6 parts: "), "{told}");
    assert!(told.contains("000"), "{told}");
    assert!(told.contains("--accept-shift"), "{told}");
    assert!(!site.path("new.twb").exists());

    let made = refit(&["--accept-shift"]);
    assert!(made.status.success(), "{made:?}");
    let told = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(told.contains("old ") && told.contains(", new "), "{told}");
    let new = Bundle::open(site.path("new.twb")).expect("a sound bundle");
    assert_eq!(new.manifest().score.fused.good_parts_above, 0);
}

/// A block of 60 mm, where the product has one of 10 mm.
fn tall(seed: usize) -> FramePair {
    let good = product::frame(seed);
    let Some(DepthFrame::Counts(depth)) = good.depth() else {
        panic!("the product has counts of depth");
    };
    let raised = |&count: &u16| if count < 3950 { count - 500 } else { count };
    let raised = depth.data().iter().map(raised).collect();
    let raised = DepthCounts::new(good.size(), depth.unit_m(), raised).expect("a depth picture");
    let (rgb, camera) = (good.rgb().cloned(), good.intrinsics().copied());
    FramePair::new(rgb, Some(DepthFrame::Counts(raised)), camera).expect("a pair")
}
