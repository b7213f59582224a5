//! Colour alone: masks of other names, and other formats.

use std::path::Path;

use image::DynamicImage;
use twinspect_dataset::DatasetError;

use super::{cut_short, mendable, remove};
use crate::fixtures::{self, mask_image, put_png};

#[test]
fn masks_are_found_by_stem_or_missed() {
    for (make, file, pieces) in [
        (
            fixtures::btad as fn(&Path),
            "ground_truth/ko/0001.bmp",
            [
                "BTAD",
                "test/ko/0001.png",
                "beside",
                "ground_truth/ko/0001.png",
            ],
        ),
        (
            fixtures::visa_split,
            "ground_truth/bad/001.png",
            [
                "VisA, split",
                "test/bad/001.JPG",
                "beside",
                "ground_truth/bad/001.png",
            ],
        ),
    ] {
        let error = mendable(make, remove(file), &pieces);
        assert!(
            matches!(error, DatasetError::MissingCompanion { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_mask_in_two_formats_is_refused() {
    let twice = |root: &Path| {
        put_png(&root.join("ground_truth/ko/0001.png"), &mask_image(255));
    };
    let pieces = ["ko/0001.bmp", "ko/0001.png", "same picture"];
    let error = mendable(fixtures::btad, twice, &pieces);
    assert!(
        matches!(error, DatasetError::AmbiguousPicture { .. }),
        "{error:?}"
    );
}

#[test]
fn masks_of_another_size_are_named_with_both_sizes() {
    for (make, file, beside) in [
        (
            fixtures::btad as fn(&Path),
            "ground_truth/ko/0000.png",
            "test/ko/0000.bmp",
        ),
        (
            fixtures::visa_split,
            "ground_truth/bad/000.png",
            "test/bad/000.JPG",
        ),
    ] {
        let small = |root: &Path| put_png(&root.join(file), &DynamicImage::new_luma8(5, 4));
        mendable(make, small, &[file, "5 x 4", beside, "6 x 4"]);
    }
}

#[test]
fn a_truncated_bmp_is_an_error_wherever_it_ends() {
    for keep in [0.0, 0.02, 0.1, 0.3, 0.5, 0.8, 0.99] {
        for file in ["train/ok/0003.bmp", "ground_truth/ko/0001.bmp"] {
            mendable(fixtures::btad, cut_short(file, keep), &["decoding", file]);
        }
    }
}
