//! What is wrong with a set is said with the paths and numbers that mend it.

mod anomalib;
mod eyecandies;
mod pictures;
mod visa_and_btad;

use std::error::Error;
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use twinspect_dataset::{DatasetError, Split, open};

use crate::fixtures::{self, Look, put, put_png};

/// A fixture, what is done to it, and pieces that the report must hold.
pub(crate) fn check(make: impl Fn(&Path), damage: impl Fn(&Path), pieces: &[&str]) -> DatasetError {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lid");
    make(&root);
    damage(&root);
    let error = match open(&root) {
        Err(error) => error,
        Ok(dataset) => Split::ALL
            .iter()
            .flat_map(|&split| dataset.parts(split))
            .find_map(|part| dataset.load(part).err())
            .expect("the damage was not noticed"),
    };
    let report = chain(&error);
    for piece in pieces {
        assert!(report.contains(piece), "`{piece}` in {report}");
    }
    error
}

/// The same of damage for which there is a remedy.
fn mendable(make: impl Fn(&Path), damage: impl Fn(&Path), pieces: &[&str]) -> DatasetError {
    let error = check(make, damage, pieces);
    let hint = error.hint().unwrap_or_default();
    assert!(!hint.is_empty(), "no remedy for {error:?}");
    error
}

/// Replaces a piece of a text file, which must be there.
fn edit(path: &Path, old: &str, new: &str) {
    let text = fs_err::read_to_string(path).unwrap();
    assert!(text.contains(old), "no `{old}` in {text}");
    put(path, text.replace(old, new).as_bytes());
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(" <- {inner}");
        cause = inner.source();
    }
    text
}

pub(crate) fn with_depth(root: &Path) {
    fixtures::recorded(root, true);
}

pub(crate) fn remove(file: &'static str) -> impl Fn(&Path) {
    move |root| fs_err::remove_file(root.join(file)).unwrap()
}

fn cut_short(file: &'static str, keep: f64) -> impl Fn(&Path) {
    move |root| {
        let bytes = fs_err::read(root.join(file)).unwrap();
        put(
            &root.join(file),
            &bytes[..(bytes.len() as f64 * keep) as usize],
        );
    }
}

#[test]
fn a_missing_companion_is_named_beside_the_file_that_is_there() {
    let named = |error: &DatasetError| {
        assert!(
            matches!(error, DatasetError::MissingCompanion { .. }),
            "{error:?}"
        );
        assert!(error.hint().is_some());
    };
    named(&check(
        with_depth,
        remove("train/good/001/depth.png"),
        &[
            "recorded parts",
            "train/good/001/rgb.png",
            "train/good/001/depth.png",
        ],
    ));
    named(&check(
        with_depth,
        remove("train/good/001/rgb.png"),
        &["train/good/001/rgb.png", "train/good/001/depth.png"],
    ));
    named(&check(
        with_depth,
        remove("test/cut/000/mask.png"),
        &["test/cut/000/rgb.png", "test/cut/000/mask.png"],
    ));
    named(&check(
        fixtures::mvtec_3d_points,
        remove("train/good/xyz/001.tiff"),
        &[
            "MVTec 3D-AD with points",
            "train/good/rgb/001.png",
            "train/good/xyz/001.tiff",
        ],
    ));
    named(&check(
        fixtures::mvtec_3d_points,
        remove("test/hole/gt/007.png"),
        &["test/hole/rgb/007.png", "test/hole/gt/007.png"],
    ));
    named(&check(
        fixtures::mvtec_3d_depth,
        remove("test/good/depth/000.png"),
        &[
            "MVTec 3D-AD with 16-bit depth",
            "test/good/rgb/000.png",
            "test/good/depth/000.png",
        ],
    ));
    named(&check(
        fixtures::mvtec_3d_depth,
        |root| fs_err::remove_dir_all(root.join("test/cut/rgb")).unwrap(),
        &["test/cut", "test/cut/rgb"],
    ));
    named(&check(
        fixtures::mvtec_ad,
        remove("ground_truth/scratch/000_mask.png"),
        &[
            "MVTec AD",
            "test/scratch/000.png",
            "ground_truth/scratch/000_mask.png",
        ],
    ));
}

#[test]
fn what_would_be_left_out_in_silence_is_refused() {
    for (name, make) in [
        ("val", fixtures::mvtec_ad as fn(&Path)),
        ("valid", fixtures::mvtec_3d_points),
        ("val", with_depth),
    ] {
        let other = |root: &Path| put(&root.join(name).join("good/000.png"), b"");
        let error = mendable(make, other, &[name, "is called `validation`"]);
        assert!(
            matches!(error, DatasetError::MisnamedSplit { .. }),
            "{error:?}"
        );
    }
    for file in ["train/good/100.TIFF", "test/scratch/100.webp"] {
        let error = mendable(
            fixtures::mvtec_ad,
            |root| put(&root.join(file), b""),
            &[file],
        );
        assert!(
            matches!(error, DatasetError::UnreadPicture { .. }),
            "{error:?}"
        );
    }
}

fn replace_by_a_folder(file: &'static str) -> impl Fn(&Path) {
    move |root| {
        remove(file)(root);
        fs_err::create_dir(root.join(file)).unwrap();
    }
}

/// Whoever opened it would wait for ever, were it a pipe.
#[cfg(unix)]
fn replace_by_a_socket(file: &'static str) -> impl Fn(&Path) {
    move |root| {
        remove(file)(root);
        std::os::unix::net::UnixListener::bind(root.join(file)).unwrap();
    }
}

#[cfg(unix)]
fn replace_by_a_link_to_nowhere(file: &'static str) -> impl Fn(&Path) {
    move |root| {
        remove(file)(root);
        std::os::unix::fs::symlink("nowhere", root.join(file)).unwrap();
    }
}

#[test]
#[cfg(unix)]
fn what_is_no_plain_file_is_told_as_what_it_is() {
    let told = |error: &DatasetError| {
        assert!(matches!(error, DatasetError::NotAFile { .. }), "{error:?}");
        assert!(error.hint().is_some());
    };
    for file in [
        "train/good/001/rgb.png",
        "train/good/001/depth.png",
        "test/cut/000/mask.png",
        "camera.json",
    ] {
        let says = |found: &'static str| [file, found, "must be a plain file"];
        told(&check(
            with_depth,
            replace_by_a_folder(file),
            &says("is a folder"),
        ));
        told(&check(
            with_depth,
            replace_by_a_socket(file),
            &says("is a socket"),
        ));
    }
    told(&check(
        with_depth,
        replace_by_a_link_to_nowhere("train/good/001/depth.png"),
        &["train/good/001/depth.png", "a link that leads to no file"],
    ));
    told(&check(
        fixtures::mvtec_3d_points,
        replace_by_a_folder("train/good/xyz/001.tiff"),
        &["train/good/xyz/001.tiff", "is a folder"],
    ));
    told(&check(
        fixtures::mvtec_ad,
        replace_by_a_socket("ground_truth/scratch/000_mask.png"),
        &["ground_truth/scratch/000_mask.png", "is a socket"],
    ));
}

#[test]
#[cfg(unix)]
fn a_link_to_a_file_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lid");
    with_depth(&root);
    let (file, elsewhere) = (
        root.join("train/good/001/depth.png"),
        folder.path().join("elsewhere.png"),
    );
    fs_err::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let dataset = open(&root).unwrap();
    let part = dataset.load(&dataset.parts(Split::Train)[1]).unwrap();
    assert!(part.frame.depth().is_some());
}

#[test]
fn a_good_part_needs_no_mask() {
    let folder = tempfile::tempdir().unwrap();
    fixtures::mvtec_3d_points(folder.path());
    fs_err::remove_file(folder.path().join("test/good/gt/000.png")).unwrap();
    let dataset = open(folder.path()).unwrap();
    assert!(
        dataset
            .load(&dataset.parts(Split::Test)[1])
            .unwrap()
            .mask
            .is_none()
    );
}

#[test]
fn defects_that_nobody_painted_have_no_masks() {
    let folder = tempfile::tempdir().unwrap();
    with_depth(folder.path());
    for part in ["cut/000", "hole/007"] {
        fs_err::remove_file(folder.path().join(format!("test/{part}/mask.png"))).unwrap();
    }
    let dataset = open(folder.path()).unwrap();
    let part = dataset.load(&dataset.parts(Split::Test)[0]).unwrap();
    assert!(!part.label.is_good() && part.mask.is_none());
}

#[test]
fn two_files_for_one_picture_are_refused() {
    for (make, twin) in [
        (with_depth as fn(&Path), "train/good/000/rgb.jpg"),
        (fixtures::mvtec_3d_points, "train/good/rgb/000.jpg"),
        (fixtures::mvtec_ad, "train/good/003.jpeg"),
    ] {
        let jpeg = fixtures::encoded(&Look(0).rgb_image(), ImageFormat::Jpeg);
        let error = check(make, |root| put(&root.join(twin), &jpeg), &[twin, ".png"]);
        assert!(
            matches!(error, DatasetError::AmbiguousPicture { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn pictures_of_another_size_are_named_with_both_sizes() {
    let small = |file: &'static str, picture: DynamicImage| {
        move |root: &Path| put_png(&root.join(file), &picture)
    };
    for (make, file, picture, beside) in [
        (
            with_depth as fn(&Path),
            "test/cut/000/depth.png",
            DynamicImage::new_luma16(5, 4),
            "test/cut/000/rgb.png",
        ),
        (
            with_depth,
            "test/cut/000/mask.png",
            DynamicImage::new_luma8(5, 4),
            "test/cut/000/rgb.png",
        ),
        (
            fixtures::mvtec_3d_depth,
            "train/good/depth/001.png",
            DynamicImage::new_luma16(5, 4),
            "train/good/rgb/001.png",
        ),
        (
            fixtures::mvtec_ad,
            "ground_truth/scratch/000_mask.png",
            DynamicImage::new_luma8(5, 4),
            "test/scratch/000.png",
        ),
    ] {
        let error = check(
            make,
            small(file, picture),
            &[file, beside, "5 x 4", "6 x 4"],
        );
        assert!(
            matches!(error, DatasetError::SizeMismatch { .. }),
            "{error:?}"
        );
    }
    let points = |root: &Path| {
        let picture = DynamicImage::new_rgb32f(5, 4);
        put(
            &root.join("test/cut/xyz/000.tiff"),
            &fixtures::encoded(&picture, ImageFormat::Tiff),
        );
    };
    check(
        fixtures::mvtec_3d_points,
        points,
        &[
            "test/cut/xyz/000.tiff",
            "test/cut/rgb/000.png",
            "5 x 4",
            "6 x 4",
        ],
    );
}

#[test]
fn a_marked_good_part_is_refused() {
    let damage =
        |root: &Path| put_png(&root.join("test/good/gt/000.png"), &fixtures::mask_image(1));
    let error = check(
        fixtures::mvtec_3d_points,
        damage,
        &["test/good/gt/000.png", "1 defective"],
    );
    assert!(error.hint().is_some());
}
