//! What is wrong with a set is said with the paths and numbers that mend it.

use std::error::Error;
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use twinspect_core::frame::DepthFrame;
use twinspect_dataset::{DatasetError, Split, open};

use crate::fixtures::{self, Look, put, put_png};

/// A fixture, what is done to it, and pieces that the report must hold.
pub(crate) fn check(make: impl Fn(&Path), damage: impl Fn(&Path), pieces: &[&str]) -> DatasetError {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    damage(folder.path());
    let error = match open(folder.path()) {
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
fn truncated_pictures_are_errors_wherever_they_end() {
    for keep in [0.0, 0.1, 0.5, 0.8, 0.95] {
        check(
            with_depth,
            cut_short("train/good/001/rgb.png", keep),
            &["train/good/001/rgb.png"],
        );
        check(
            with_depth,
            cut_short("train/good/001/depth.png", keep),
            &["good/001/depth.png"],
        );
        check(
            with_depth,
            cut_short("test/cut/000/mask.png", keep),
            &["test/cut/000/mask.png"],
        );
        check(
            fixtures::mvtec_3d_points,
            cut_short("train/good/xyz/001.tiff", keep),
            &["train/good/xyz/001.tiff"],
        );
    }
}

#[test]
fn a_truncated_jpeg_is_an_error_wherever_it_ends() {
    let noise = image::RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb([x * 37 + y * 91, x * 11 + y * 17, x * y].map(|value| value as u8))
    });
    let jpeg = fixtures::encoded(&noise.into(), ImageFormat::Jpeg);
    for keep in (0..jpeg.len())
        .step_by(97)
        .chain([jpeg.len() - 2, jpeg.len() - 1])
    {
        let damage = |root: &Path| put(&root.join("test/good/001.jpg"), &jpeg[..keep]);
        check(fixtures::mvtec_ad, damage, &["test/good/001.jpg"]);
    }
}

#[test]
fn a_flipped_byte_in_a_png_is_an_error() {
    let flip = |root: &Path| {
        let path = root.join("train/good/000/depth.png");
        let mut bytes = fs_err::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        put(&path, &bytes);
    };
    let error = check(with_depth, flip, &["train/good/000/depth.png"]);
    assert!(error.hint().is_some());
}

#[test]
fn a_file_that_is_no_picture_is_an_error() {
    let damage = |root: &Path| {
        put(
            &root.join("train/good/000/rgb.png"),
            b"<html>not found</html>",
        )
    };
    let error = check(with_depth, damage, &["train/good/000/rgb.png"]);
    assert!(
        matches!(error, DatasetError::DecodingPicture { .. }),
        "{error:?}"
    );
}

#[test]
fn a_picture_that_claims_a_hundred_megapixels_is_refused_before_it_is_decoded() {
    let damage = |root: &Path| {
        let path = root.join("test/scratch/000.png");
        let mut bytes = fs_err::read(&path).unwrap();
        // IHDR's body is width and height, big-endian, then five bytes; its CRC follows.
        bytes[16..20].copy_from_slice(&10_000_u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&10_000_u32.to_be_bytes());
        let crc = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        put(&path, &bytes);
    };
    let error = check(
        fixtures::mvtec_ad,
        damage,
        &["test/scratch/000.png", "10000 x 10000"],
    );
    assert!(
        matches!(error, DatasetError::TooManyPixels { .. }),
        "{error:?}"
    );
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}

#[test]
fn pixels_of_the_wrong_kind_are_named() {
    let eight_bit = |root: &Path| {
        put_png(
            &root.join("train/good/000/depth.png"),
            &DynamicImage::new_luma8(6, 4),
        );
    };
    let error = check(
        with_depth,
        eight_bit,
        &["good/000/depth.png", "8-bit grey", "16-bit grey"],
    );
    assert!(
        matches!(error, DatasetError::PixelFormat { .. }),
        "{error:?}"
    );
    let colours = |root: &Path| {
        let picture = DynamicImage::new_rgb8(6, 4);
        put(
            &root.join("test/good/xyz/000.tiff"),
            &fixtures::encoded(&picture, ImageFormat::Tiff),
        );
    };
    check(
        fixtures::mvtec_3d_points,
        colours,
        &["good/xyz/000.tiff", "8-bit colour", "float"],
    );
}

#[test]
fn points_that_are_no_measurement_become_zeros() {
    let folder = tempfile::tempdir().unwrap();
    fixtures::mvtec_3d_points(folder.path());
    let odd = [
        [0.1, 0.2, f32::NAN],
        [f32::INFINITY, 0.0, 0.5],
        [0.1, 0.1, -0.5],
        [0.1, 0.1, 0.0],
        [0.0, 0.0, 0.5],
    ];
    let picture = image::Rgb32FImage::from_fn(6, 4, |x, y| {
        image::Rgb(odd[((y * 6 + x) as usize).min(odd.len() - 1)])
    });
    let bytes = fixtures::encoded(&picture.into(), ImageFormat::Tiff);
    put(&folder.path().join("train/good/xyz/000.tiff"), &bytes);
    let dataset = open(folder.path()).unwrap();
    let part = dataset.load(&dataset.parts(Split::Train)[0]).unwrap();
    let Some(DepthFrame::Points(points)) = part.frame.depth() else {
        panic!("no points");
    };
    assert_eq!(points.data()[..4], [[0.0; 3]; 4]);
    assert!(
        points.data()[4..]
            .iter()
            .all(|point| *point == [0.0, 0.0, 500.0])
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
