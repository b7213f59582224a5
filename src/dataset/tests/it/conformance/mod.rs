//! What every layout owes its callers.

mod layouts;

use std::path::Path;

use twinspect_core::frame::{DepthFrame, FrameSize};
use twinspect_dataset::{Dataset, Label, Layout, Modalities, Part, PartId, PartRef, Split, open};

use crate::fixtures::{self, HEIGHT, Look, MARKED, UNIT_M, WIDTH};

struct Expected {
    layout: Layout,
    depth: bool,
    camera: bool,
    /// Point of a pixel in millimetres, where depth comes as points.
    point: fn(Look, u32, u32) -> [f64; 3],
    holds_out_validation: bool,
    /// Names by split, in order, each with the picture it must have.
    parts: Vec<(Split, &'static str, Look)>,
    /// Places in the picture list whose pictures are grey.
    grey: fn(&str) -> bool,
    files: usize,
}

fn check_fixture(make: impl Fn(&Path), expected: &Expected) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lid");
    make(&root);
    check(&*open(&root).unwrap(), &root, expected);
}

fn check(dataset: &dyn Dataset, root: &Path, expected: &Expected) {
    assert_eq!(dataset.name(), "lid");
    assert_eq!(dataset.root(), root);
    assert_eq!(dataset.layout(), expected.layout);
    assert_eq!(
        dataset.modalities(),
        Modalities {
            rgb: true,
            depth: expected.depth
        }
    );
    assert_eq!(
        dataset.holds_out_validation(),
        expected.holds_out_validation
    );
    assert_eq!(dataset.camera().is_some(), expected.camera);
    if let Some(camera) = dataset.camera() {
        let seen = camera.intrinsics;
        assert_eq!((seen.fx, seen.fy, seen.cx, seen.cy), (9.5, 9.25, 2.5, 1.5));
        let counts = expected.layout != Layout::Eyecandies;
        assert_eq!(camera.depth_unit_m, counts.then_some(UNIT_M));
        assert_eq!(camera.distance_to_belt_mm, Some(450.0));
    }
    check_lists(dataset, expected);
    for (split, id, look) in &expected.parts {
        let part = dataset
            .parts(*split)
            .iter()
            .find(|part| part.id.as_str() == *id)
            .unwrap();
        let loaded = dataset.load(part).unwrap();
        check_part(&loaded, part, *look, expected);
    }
    check_files(dataset, root, expected);
    let stranger = PartRef {
        id: PartId::new("test/good/999"),
        split: Split::Test,
        label: Label::Good,
    };
    let message = dataset.load(&stranger).unwrap_err().to_string();
    assert!(message.contains("test/good/999"), "{message}");
}

fn check_lists(dataset: &dyn Dataset, expected: &Expected) {
    for split in Split::ALL {
        let wanted: Vec<_> = expected
            .parts
            .iter()
            .filter(|part| part.0 == split)
            .map(|part| part.1)
            .collect();
        let listed = dataset.parts(split);
        let names: Vec<_> = listed.iter().map(|part| part.id.as_str()).collect();
        assert_eq!(names, wanted, "{split}");
        assert!(listed.iter().all(|part| part.split == split));
    }
    let inspected: Vec<_> = dataset.inspection_parts().into_iter().cloned().collect();
    assert_eq!(inspected, dataset.parts(Split::Test));
}

fn check_part(part: &Part, listed: &PartRef, look: Look, expected: &Expected) {
    let id = listed.id.as_str();
    assert_eq!((&part.id, &part.label), (&listed.id, &listed.label));
    let class = id.split('/').nth(1).unwrap();
    let label = if class == "ok" { "good" } else { class };
    assert_eq!(part.label.as_str(), label, "{id}");
    assert_eq!(
        part.frame.size(),
        FrameSize {
            width: 6,
            height: 4
        }
    );
    assert_eq!(part.frame.intrinsics().is_some(), expected.camera);
    let rgb = part.frame.rgb().unwrap().data();
    for (pixel, (x, y)) in rgb.chunks(3).zip(pixels()) {
        if (expected.grey)(id) {
            assert!(
                pixel[0] == pixel[1] && pixel[1] == pixel[2],
                "{id} at {x}, {y}"
            );
        } else {
            assert_eq!(pixel, look.rgb(x, y), "{id} at {x}, {y}");
        }
    }
    assert_eq!(part.frame.depth().is_some(), expected.depth, "{id}");
    match part.frame.depth() {
        Some(DepthFrame::Counts(counts)) => {
            assert_eq!(counts.unit_m(), UNIT_M);
            for (&count, (x, y)) in counts.data().iter().zip(pixels()) {
                assert_eq!(count, look.depth(x, y), "{id} at {x}, {y}");
            }
        }
        Some(DepthFrame::Points(points)) => {
            for (point, (x, y)) in points.data().iter().zip(pixels()) {
                let wanted = (expected.point)(look, x, y);
                let off = point
                    .iter()
                    .zip(wanted)
                    .map(|(&a, b)| (f64::from(a) - b).abs());
                assert!(
                    off.fold(0.0, f64::max) < 1e-3,
                    "{id} at {x}, {y}: {point:?}, {wanted:?}"
                );
            }
        }
        None => {}
    }
    match (&part.mask, part.label.is_good()) {
        (Some(mask), good) => {
            for (&value, at) in mask.data().iter().zip(pixels()) {
                assert_eq!(value, u8::from(!good && at == MARKED), "{id} at {at:?}");
            }
        }
        (None, good) => assert!(good, "{id} has no mask"),
    }
}

fn check_files(dataset: &dyn Dataset, root: &Path, expected: &Expected) {
    let files = dataset.files();
    assert!(files.is_sorted());
    assert_eq!(files.len(), expected.files, "{files:?}");
    assert!(
        files
            .iter()
            .all(|file| file.is_relative() && root.join(file).is_file())
    );
    assert_eq!(files.contains(&"camera.json".into()), expected.camera);
}

fn pixels() -> impl Iterator<Item = (u32, u32)> {
    (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)))
}

#[test]
fn a_set_with_few_training_parts_and_no_validation_keeps_them_all() {
    let folder = tempfile::tempdir().unwrap();
    for place in 0..9 {
        let path = folder.path().join(format!("train/good/{place:03}.png"));
        fixtures::put_png(&path, &Look(place).rgb_image());
    }
    let dataset = open(folder.path()).unwrap();
    assert_eq!(dataset.parts(Split::Train).len(), 9);
    assert!(dataset.parts(Split::Validation).is_empty());
    assert!(!dataset.holds_out_validation());
}

#[test]
fn a_set_without_test_parts_is_inspected_whole() {
    let folder = tempfile::tempdir().unwrap();
    fixtures::recorded(folder.path(), true);
    fs_err::remove_dir_all(folder.path().join("test")).unwrap();
    let dataset = open(folder.path()).unwrap();
    let names: Vec<_> = dataset
        .inspection_parts()
        .iter()
        .map(|part| part.id.as_str())
        .collect();
    assert_eq!(
        names,
        ["train/good/000", "train/good/001", "validation/good/000"]
    );
}

#[test]
fn calibration_parts_are_a_split_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    fixtures::recorded(folder.path(), false);
    let path = folder.path().join("calibration/good/000/rgb.png");
    fixtures::put_png(&path, &Look(9).rgb_image());
    let dataset = open(folder.path()).unwrap();
    assert_eq!(dataset.parts(Split::Calibration).len(), 1);
    assert_eq!(dataset.parts(Split::Validation).len(), 1);
}

#[test]
fn parts_of_one_set_may_differ_in_size() {
    let folder = tempfile::tempdir().unwrap();
    fixtures::mvtec_ad(folder.path());
    let small = image::DynamicImage::new_rgb8(3, 2);
    fixtures::put_png(&folder.path().join("test/good/001.png"), &small);
    let dataset = open(folder.path()).unwrap();
    let sizes: Vec<_> = dataset.parts(Split::Test)[..2]
        .iter()
        .map(|part| dataset.load(part).unwrap().frame.size().to_string())
        .collect();
    assert_eq!(sizes, ["6 x 4", "3 x 2"]);
}

#[test]
fn jpeg_pictures_and_names_with_a_dot_in_front() {
    let folder = tempfile::tempdir().unwrap();
    fixtures::mvtec_ad(folder.path());
    let jpeg = fixtures::encoded(&Look(1).rgb_image(), image::ImageFormat::Jpeg);
    fixtures::put(&folder.path().join("test/good/001.JPG"), &jpeg);
    fixtures::put(
        &folder.path().join("test/good/._001.jpg"),
        b"what a file manager leaves",
    );
    fixtures::put(
        &folder.path().join("test/good/Thumbs.db"),
        b"what another one leaves",
    );
    let dataset = open(folder.path()).unwrap();
    let names: Vec<_> = dataset
        .parts(Split::Test)
        .iter()
        .map(|part| part.id.as_str())
        .collect();
    assert_eq!(
        names,
        ["test/good/000", "test/good/001", "test/scratch/000"]
    );
    assert!(dataset.load(&dataset.parts(Split::Test)[1]).is_ok());
}
