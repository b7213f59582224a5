//! Which layout a folder has, and what is said of one that has none.

use std::path::Path;

use twinspect_dataset::{DatasetError, Layout, Split, open};

use crate::fixtures;

fn refused(root: &Path) -> (Vec<Layout>, String, String) {
    match open(root).unwrap_err() {
        error @ DatasetError::UnknownLayout { .. } => {
            let (message, hint) = (error.to_string(), error.hint().unwrap().into_owned());
            let DatasetError::UnknownLayout { tried, .. } = error else {
                unreachable!()
            };
            (
                tried.iter().map(|missed| missed.layout).collect(),
                message,
                hint,
            )
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_folder_is_told_what_each_layout_misses() {
    let folder = tempfile::tempdir().unwrap();
    let (tried, message, hint) = refused(folder.path());
    assert_eq!(tried, Layout::ALL);
    for wanted in [
        "recorded parts: no",
        "both rgb/ and xyz/",
        "both rgb/ and depth/",
        "Eyecandies: no",
        "VisA: no Data/Images/",
        "VisA, split: no test/bad/",
        "BTAD: no {train,test}/{ok,ko}/",
        "MVTec AD: no",
        "anomalib Folder3D: no folder.json with normal_depth_dir",
        "anomalib Folder: no folder.json, and no normal/",
    ] {
        assert!(message.contains(wanted), "`{wanted}` in {message}");
    }
    assert!(hint.contains("train/good/000/rgb.png"), "{hint}");
}

#[test]
fn the_folder_above_the_categories_is_told_their_names() {
    let folder = tempfile::tempdir().unwrap();
    fixtures::recorded(&folder.path().join("lid"), false);
    fixtures::mvtec_ad(&folder.path().join("screw"));
    let (_, _, hint) = refused(folder.path());
    assert!(hint.contains("/lid`") && hint.contains("/screw`"), "{hint}");
}

#[test]
fn a_split_of_a_set_is_told_the_set() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lid");
    fixtures::recorded(&root, false);
    for inner in ["test", "test/good"] {
        let (_, _, hint) = refused(&root.join(inner));
        assert!(hint.contains("/lid`"), "{inner}: {hint}");
    }
}

#[test]
fn a_file_or_nothing_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rgb.png");
    fixtures::put(&file, b"");
    for path in [file, folder.path().join("absent")] {
        let error = open(&path).unwrap_err();
        assert!(matches!(&error, DatasetError::NotAFolder { path: named } if *named == path));
        assert!(error.hint().is_some());
    }
}

/// What can't be seen looks like nothing, and must not be told as a folder of no layout.
#[test]
#[cfg(unix)]
fn a_folder_that_may_not_be_looked_into_is_told_so() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lid");
    fixtures::recorded(&root, true);
    let allow = |mode| fs_err::set_permissions(&root, PermissionsExt::from_mode(mode)).unwrap();
    for mode in [0o000, 0o400, 0o300] {
        allow(mode);
        let is_allowed = fs_err::read_dir(&root).is_ok() && root.join("train").is_dir();
        let opened = open(&root);
        allow(0o700);
        if is_allowed {
            // Nothing is forbidden to root.
            continue;
        }
        let error = opened.unwrap_err();
        assert!(
            matches!(&error, DatasetError::ListingFolder { path, .. } if *path == root),
            "{mode:o}: {error:?}"
        );
        assert!(error.hint().is_some());
    }
    assert!(open(&root).is_ok());
}

#[test]
fn folders_without_pictures_are_no_data_set() {
    let folder = tempfile::tempdir().unwrap();
    for inner in ["train/good", "test/cut/000"] {
        fs_err::create_dir_all(folder.path().join(inner)).unwrap();
    }
    assert_eq!(refused(folder.path()).0, Layout::ALL);
}

#[test]
fn a_description_says_more_than_the_looks() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lid");
    fixtures::mvtec_ad(&root);
    let text = br#"{"normal_dir": "train/good", "abnormal_dir": "test/scratch"}"#;
    fixtures::put(&root.join("folder.json"), text);
    let dataset = open(&root).unwrap();
    assert_eq!(dataset.layout(), Layout::AnomalibFolder);
    let tested = dataset.parts(Split::Test);
    // Nobody named the masks, nor good parts to test with.
    let names: Vec<_> = tested.iter().map(|part| part.id.as_str()).collect();
    let wanted = ["train/good/004", "train/good/009", "test/scratch/000"];
    assert_eq!(names, wanted);
    assert!(dataset.load(&tested[2]).unwrap().mask.is_none());
}

#[test]
fn masks_tell_btad_from_a_set_like_mvtec_ad_whose_good_parts_are_called_ok() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lid");
    fixtures::mvtec_ad(&root);
    for split in ["train", "test"] {
        let class = root.join(split);
        fs_err::rename(class.join("good"), class.join("ok")).unwrap();
    }
    let dataset = open(&root).unwrap();
    assert_eq!(dataset.layout(), Layout::MvtecAd);
    let tested = dataset.parts(Split::Test);
    let defective = tested.iter().find(|part| !part.label.is_good()).unwrap();
    assert!(dataset.load(defective).unwrap().mask.is_some());
    assert!(dataset.good_parts(Split::Train).len() > 1);
}

/// Nobody has marked anything, and parts are judged all the same.
#[test]
fn sets_without_a_tree_of_masks_are_read_without_masks() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lid");
    let unmarked = |layout| {
        let dataset = open(&root).unwrap();
        assert_eq!(dataset.layout(), layout);
        let tested = dataset.parts(Split::Test);
        let (good, defective): (Vec<_>, Vec<_>) =
            tested.iter().partition(|part| part.label.is_good());
        assert!(!good.is_empty() && !defective.is_empty());
        for part in defective {
            assert!(dataset.load(part).unwrap().mask.is_none());
        }
    };
    let unmark = || fs_err::remove_dir_all(root.join("ground_truth")).unwrap();
    fixtures::mvtec_ad(&root);
    unmark();
    unmarked(Layout::MvtecAd);
    // Classes of BTAD are these two alone.
    for split in ["train", "test"] {
        let class = root.join(split);
        fs_err::rename(class.join("good"), class.join("ok")).unwrap();
    }
    unmarked(Layout::MvtecAd);
    // Something is there, and no folder.
    fixtures::put(&root.join("ground_truth"), b"to be done");
    let error = open(&root).unwrap_err().to_string();
    assert!(error.contains("ground_truth"), "{error}");
    fs_err::remove_dir_all(&root).unwrap();
    fixtures::btad(&root);
    unmark();
    unmarked(Layout::Btad);
}

#[test]
fn masks_tell_a_split_of_visa_from_a_defect_that_is_called_bad() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lid");
    fixtures::visa_split(&root);
    for name in ["000", "001"] {
        let masks = root.join("ground_truth/bad");
        let (plain, marked) = (format!("{name}.png"), format!("{name}_mask.png"));
        fs_err::rename(masks.join(plain), masks.join(marked)).unwrap();
    }
    assert_eq!(open(&root).unwrap().layout(), Layout::MvtecAd);
}
