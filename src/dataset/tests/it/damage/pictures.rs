//! Files that are no pictures, not whole, or hold something else than their place asks for.

use std::path::Path;

use image::{DynamicImage, ImageFormat};
use twinspect_core::frame::DepthFrame;
use twinspect_dataset::{DatasetError, Split, open};

use super::{check, cut_short, with_depth};
use crate::fixtures::{self, put, put_png};

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
fn an_empty_file_is_called_empty() {
    for file in ["train/good/000/rgb.png", "train/good/000/depth.png"] {
        let pieces = [file, "the file is empty"];
        check(with_depth, |root| put(&root.join(file), b""), &pieces);
    }
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

/// The usual mistake: depth in the place of colour.
#[test]
fn colour_of_sixteen_bits_is_refused_and_grey_of_eight_is_repeated() {
    let sixteen = [
        (DynamicImage::new_luma16(6, 4), "holds 16-bit grey,"),
        (DynamicImage::new_rgb16(6, 4), "holds 16-bit colour,"),
        (
            DynamicImage::new_rgba16(6, 4),
            "holds 16-bit colour with opacity,",
        ),
    ];
    for (picture, found) in sixteen {
        let damage = |root: &Path| put_png(&root.join("train/good/000/rgb.png"), &picture);
        let says = ["good/000/rgb.png", found, "must hold 8-bit colour or grey"];
        let error = check(with_depth, damage, &says);
        assert!(
            matches!(error, DatasetError::PixelFormat { .. }),
            "{error:?}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    with_depth(folder.path());
    let grey = image::GrayImage::from_pixel(6, 4, image::Luma([77]));
    put_png(&folder.path().join("train/good/000/rgb.png"), &grey.into());
    let dataset = open(folder.path()).unwrap();
    let part = dataset.load(&dataset.parts(Split::Train)[0]).unwrap();
    let colours = part.frame.rgb().unwrap().data();
    assert!(colours.iter().all(|value| *value == 77), "{colours:?}");
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
