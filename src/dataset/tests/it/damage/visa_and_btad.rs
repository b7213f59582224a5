//! Colour alone: masks, formats, and the list that splits VisA.

use std::path::Path;

use image::DynamicImage;
use twinspect_dataset::DatasetError;

use super::{cut_short, edit, mendable, remove};
use crate::fixtures::{self, mask_image, put, put_png};

const LIST: &str = "../split_csv/1cls.csv";

fn in_list(old: &'static str, new: &'static str) -> impl Fn(&Path) {
    move |root| edit(&root.join(LIST), old, new)
}

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
            fixtures::visa,
            "Data/Masks/Anomaly/000.png",
            "Data/Images/Anomaly/000.JPG",
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

#[test]
fn a_truncated_picture_of_visa_is_an_error() {
    for file in ["Data/Images/Normal/0002.JPG", "Data/Masks/Anomaly/001.png"] {
        mendable(fixtures::visa, cut_short(file, 0.6), &["decoding", file]);
    }
}

#[test]
fn visa_without_its_list_is_told_where_that_belongs() {
    let pieces = ["VisA", "lid/Data/Images", "split_csv/1cls.csv", "absent"];
    let error = mendable(fixtures::visa, remove(LIST), &pieces);
    assert!(
        matches!(error, DatasetError::MissingSplitList { .. }),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("unpack `split_csv`"));
}

#[test]
fn a_line_that_names_an_absent_file_is_named() {
    for (file, line, column) in [
        ("Data/Images/Normal/0001.JPG", "line 10", "image"),
        ("Data/Masks/Anomaly/001.png", "line 4", "mask"),
    ] {
        let named = format!("{column} is `lid/{file}`, must be a file");
        let pieces = ["1cls.csv", line, named.as_str(), "absent"];
        let error = mendable(fixtures::visa, remove(file), &pieces);
        assert!(
            matches!(error, DatasetError::ListedValue { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_picture_that_the_list_does_not_name_is_named() {
    let more = |root: &Path| {
        let picture = root.join("Data/Images/Normal/0777.JPG");
        put_png(&picture, &fixtures::Look(7).rgb_image());
    };
    let pieces = ["1cls.csv", "does not name", "Images/Normal/0777.JPG"];
    let error = mendable(fixtures::visa, more, &pieces);
    assert!(
        matches!(error, DatasetError::UnlistedPicture { .. }),
        "{error:?}"
    );
}

#[test]
fn the_list_leads_nowhere_outside_the_object() {
    // Files that do exist, so that only the path can be at fault.
    let outside = |root: &Path| {
        put_png(&root.join("../secret.JPG"), &mask_image(0));
        put_png(&root.join("Data/Images/Normal/deep/a.JPG"), &mask_image(0));
    };
    let folder = "must be `lid/Data/Images/Normal/` and a file's name";
    for path in [
        "lid/../secret.JPG",
        "../secret.JPG",
        "lid/Data/Images/Normal/../../../../secret.JPG",
        "lid/Data/Images/Normal/deep/a.JPG",
        "lid/Data/Images/Normal/deep\\a.JPG",
        "lid/Data/Images/Normal/..",
        "lid/Data/Images/Normal/",
        "lid/Data/Images/Anomaly/000.JPG",
        "/etc/hostname",
        "C:\\secret.JPG",
        "",
    ] {
        let damage = |root: &Path| {
            outside(root);
            edit(&root.join(LIST), "lid/Data/Images/Normal/0001.JPG", path);
        };
        let found = format!("image is `{path}`");
        mendable(
            fixtures::visa,
            damage,
            &["1cls.csv", "line 10", &found, folder],
        );
    }
}

#[test]
fn lines_that_say_something_else_are_named() {
    for (old, new, pieces) in [
        (
            "lid,train,normal,lid/Data/Images/Normal/0001",
            "lid,val,normal,lid/Data/Images/Normal/0001",
            ["line 10", "split is `val`", "`train` or `test`"],
        ),
        (
            "lid,train,normal,lid/Data/Images/Normal/0001",
            "lid,train,good,lid/Data/Images/Normal/0001",
            ["line 10", "label is `good`", "`normal` or `anomaly`"],
        ),
        (
            "lid/Data/Images/Normal/0003.JPG",
            "lid/Data/Images/Normal/0001.JPG",
            ["line 10", "image is", "no earlier line names"],
        ),
        (
            "lid/Data/Images/Normal/0001.JPG,",
            "lid/Data/Images/Normal/0001.JPG,lid/Data/Masks/Anomaly/000.png",
            ["line 10", "mask is", "empty"],
        ),
        (
            "lid/Data/Masks/Anomaly/000.png",
            "",
            ["line 6", "mask is ``", "`lid/Data/Masks/Anomaly/`"],
        ),
        (
            "object,split",
            "object,set",
            ["line 1", "header is", "`object,split,label,image,mask`"],
        ),
        (
            "lid/Data/Images/Normal/0001.JPG,",
            "lid/Data/Images/Normal/0001.JPG",
            ["parsing", "line: 10", "5 fields"],
        ),
    ] {
        mendable(fixtures::visa, in_list(old, new), &pieces);
    }
}

#[test]
fn a_list_without_the_object_tells_its_objects() {
    let renamed = |root: &Path| {
        let path = root.join(LIST);
        let text = fs_err::read_to_string(&path).unwrap();
        put(&path, text.replace("lid", "candle").as_bytes());
    };
    let pieces = ["1cls.csv", "`lid`", "candle, other"];
    let error = mendable(fixtures::visa, renamed, &pieces);
    assert!(
        matches!(error, DatasetError::ObjectNotListed { .. }),
        "{error:?}"
    );
}

#[test]
fn a_list_that_is_no_text_or_has_no_end_is_an_error() {
    let bytes = |root: &Path| put(&root.join(LIST), &[0xFF, 0xFE, 0, 0x80]);
    super::check(fixtures::visa, bytes, &["reading", "1cls.csv", "UTF-8"]);
    let long = |root: &Path| put(&root.join(LIST), &vec![b'a'; (16 << 20) + 1]);
    mendable(
        fixtures::visa,
        long,
        &["1cls.csv", "longer than 16777216 bytes"],
    );
}
