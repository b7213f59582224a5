mod fusion;

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;
use crate::builder::BundleBuilder;
use crate::{golden, manifest};

pub(crate) fn sample() -> Bundle {
    BundleBuilder::new(manifest::tests::sample())
        .model(Modality::Rgb, b"colour network".to_vec())
        .model(Modality::Geometry, b"height network".to_vec())
        .golden(golden::tests::sample("000"))
        .golden(golden::tests::sample("007"))
        .build()
        .unwrap()
}

/// The sample as a folder.
fn folder() -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("cap");
    sample().write_directory(&path).unwrap();
    (temporary, path)
}

fn archive() -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("cap.twb");
    sample().write_archive(&path).unwrap();
    (temporary, path)
}

/// Files under a folder by relative name.
fn listing(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), fs_err::read(&path).unwrap());
            }
        }
    }
    found
}

/// Changes the sample's folder and returns what is said about it.
fn refused(change: impl FnOnce(&Path)) -> BundleError {
    let (_keep, path) = folder();
    change(&path);
    Bundle::open(&path).expect_err("must be refused")
}

/// Replaces a file and takes all digests again.
fn replace(folder: &Path, name: &str, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => fs_err::write(folder.join(name), bytes).unwrap(),
        None => fs_err::remove_file(folder.join(name)).unwrap(),
    }
    let sums: String = listing(folder)
        .iter()
        .filter(|(name, _)| *name != SUMS)
        .map(|(name, bytes)| format!("{}  {name}\n", Digest::of(bytes)))
        .collect();
    fs_err::write(folder.join(SUMS), sums).unwrap();
}

#[test]
fn a_bundle_may_come_from_anywhere() {
    let built = sample();
    let (_keep, path) = archive();
    let bytes = fs_err::read(path).unwrap();
    let read = Bundle::read("a stream", bytes.as_slice()).unwrap();
    assert_eq!(read.files, built.files);
    let error = Bundle::read("a stream", &bytes[..bytes.len() / 2]).unwrap_err();
    assert!(error.to_string().contains("a stream"), "{error}");
    let entries = || {
        let files = built.files();
        files.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
    };
    let collected = Bundle::from_entries("entries", entries()).unwrap();
    assert_eq!(collected.hash(), identity(built.sums()));
    assert_eq!(collected.signature(), None);
    let more = entries().chain([("../x".to_owned(), Vec::new())]);
    let error = Bundle::from_entries("entries", more).unwrap_err();
    assert!(matches!(error, BundleError::EntryName { .. }), "{error:?}");
    let less = entries().filter(|(name, _)| name != "rgb.onnx");
    let error = Bundle::from_entries("entries", less).unwrap_err();
    assert!(matches!(error, BundleError::Missing { .. }), "{error:?}");
}

#[test]
fn a_folder_and_an_archive_hold_the_same_bundle() {
    let built = sample();
    assert_eq!(
        built.stage_model(Modality::Rgb),
        Some(&b"colour network"[..])
    );
    assert_eq!(built.golden_names(), ["000", "007"]);
    assert_eq!(built.hash().len(), 64);
    for (_keep, path) in [folder(), archive()] {
        let read = Bundle::open(&path).unwrap();
        assert_eq!(read.path(), path);
        assert_eq!(read.manifest(), built.manifest());
        assert_eq!(read.hash(), built.hash());
        assert_eq!(read.files, built.files);
        assert_eq!(
            read.goldens().unwrap(),
            [golden::tests::sample("000"), golden::tests::sample("007")]
        );
    }
}

#[test]
fn packing_and_unpacking_give_back_every_byte() {
    let (keep, path) = folder();
    let [twb, again, copy] = ["cap.twb", "again.twb", "copy"].map(|name| keep.path().join(name));
    pack(&path, &twb).unwrap();
    unpack(&twb, &copy).unwrap();
    pack(&copy, &again).unwrap();
    assert_eq!(listing(&path), listing(&copy));
    assert_eq!(fs_err::read(&twb).unwrap(), fs_err::read(&again).unwrap());
    let names: Vec<String> = listing(keep.path()).into_keys().collect();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
}

#[test]
fn an_archive_says_nothing_of_the_place_and_time_of_its_making() {
    let (_keep, path) = archive();
    let mut archive = tar::Archive::new(fs_err::File::open(&path).unwrap());
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(header.mode().unwrap(), 0o644);
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.mtime().unwrap(), 0);
        names.push(entry.path().unwrap().to_str().unwrap().to_owned());
    }
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.len(), 14);
}

#[test]
fn digests_cover_every_file_and_make_the_identity() {
    let (_keep, path) = folder();
    let mut files = listing(&path);
    let sums = String::from_utf8(files.remove(SUMS).unwrap()).unwrap();
    let expected: String = files
        .iter()
        .map(|(name, bytes)| format!("{}  {name}\n", Digest::of(bytes)))
        .collect();
    assert_eq!(sums, expected);
    assert_eq!(sample().hash(), Digest::of(sums.as_bytes()).to_string());
}

#[test]
fn nothing_is_written_over() {
    let (_keep, path) = folder();
    let before = listing(&path);
    let error = sample().write_directory(&path).unwrap_err();
    assert!(matches!(error, BundleError::Exists { .. }), "{error:?}");
    assert!(error.hint().is_some());
    assert_eq!(listing(&path), before);
    let refused = require_vacant(&path).unwrap_err();
    assert!(matches!(refused, BundleError::Exists { .. }), "{refused:?}");
    let link = path.with_extension("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    require_vacant(&link).unwrap_err();
    require_vacant(path.join("new.twb")).unwrap();
}

#[test]
fn a_flipped_byte_in_any_file_of_a_folder_is_found() {
    let (_keep, path) = folder();
    for (name, bytes) in listing(&path) {
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs_err::write(path.join(&name), &changed).unwrap();
            let error = Bundle::open(&path).expect_err(&name);
            if name != SUMS {
                assert!(
                    matches!(&error, BundleError::Damaged { entry, .. } if *entry == name),
                    "{name}: {error:?}"
                );
                assert!(error.hint().unwrap().contains("copy it again"));
            }
        }
        fs_err::write(path.join(&name), &bytes).unwrap();
    }
    Bundle::open(&path).unwrap();
}

#[test]
fn a_flipped_byte_of_an_archive_is_found_or_without_effect() {
    let (keep, path) = archive();
    let (bytes, whole) = (fs_err::read(&path).unwrap(), sample());
    let changed_path = keep.path().join("changed.twb");
    let mut found = 0;
    for at in (0..bytes.len()).step_by(61) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        fs_err::write(&changed_path, &changed).unwrap();
        match Bundle::open(&changed_path) {
            Ok(bundle) => assert_eq!(bundle.files, whole.files, "byte {at}"),
            Err(_) => found += 1,
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    let (keep, path) = archive();
    let bytes = fs_err::read(&path).unwrap();
    let cut = keep.path().join("cut.twb");
    for length in (0..bytes.len()).step_by(173).chain([bytes.len() - 1]) {
        fs_err::write(&cut, &bytes[..length]).unwrap();
        assert!(Bundle::open(&cut).is_err(), "{length}");
    }
}

#[test]
fn files_that_are_missing_or_not_listed_are_named() {
    let missing = |name: &str| {
        let error = refused(|path| fs_err::remove_file(path.join(name)).unwrap());
        assert!(
            matches!(&error, BundleError::Missing { entry, .. } if entry == name),
            "{name}: {error:?}"
        );
    };
    missing("SHA256SUMS");
    missing("manifest.toml");
    missing("geometry.onnx");
    missing("goldens/007/golden.toml");
    let error = refused(|path| {
        fs_err::remove_dir_all(path.join("goldens/000")).unwrap();
    });
    assert!(
        matches!(&error, BundleError::Missing { entry, .. } if entry.starts_with("goldens/000/")),
        "{error:?}"
    );
    let error = refused(|path| fs_err::write(path.join("goldens/007/points.f32"), b"").unwrap());
    assert!(
        matches!(
            &error,
            BundleError::Unlisted {
                unlisted_in: "SHA256SUMS",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn names_and_kinds_that_no_bundle_has_are_refused() {
    for name in [
        "notes.txt",
        ".hidden",
        "merger.onnx",
        "goldens/000/a.png",
        "goldens/x",
    ] {
        let error = refused(|path| fs_err::write(path.join(name), b"x").unwrap());
        assert!(
            matches!(&error, BundleError::EntryName { entry, .. } if entry == name),
            "{error:?}"
        );
    }
    let error = refused(|path| fs_err::create_dir(path.join("goldens/0001")).unwrap());
    assert!(matches!(error, BundleError::EntryName { .. }), "{error:?}");
    let error = refused(|path| fs_err::create_dir(path.join("SHA256SUMS.minisig")).unwrap());
    assert!(
        matches!(
            error,
            BundleError::EntryKind {
                found: "a folder",
                ..
            }
        ),
        "{error:?}"
    );
    let error = refused(|path| {
        let model = path.join("rgb.onnx");
        fs_err::rename(&model, path.parent().unwrap().join("outside")).unwrap();
        std::os::unix::fs::symlink("../outside", model).unwrap();
    });
    assert!(
        matches!(
            error,
            BundleError::EntryKind {
                found: "a symbolic link",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn the_reserved_name_of_the_signature_is_accepted() {
    let (_keep, path) = folder();
    fs_err::write(path.join("SHA256SUMS.minisig"), b"signature").unwrap();
    let bundle = Bundle::open(&path).unwrap();
    assert_eq!(bundle.hash(), sample().hash());
}

#[test]
fn networks_and_stages_belong_together() {
    let error = refused(|path| replace(path, "rgb.onnx", None));
    assert!(
        matches!(&error, BundleError::Missing { entry, .. } if entry == "rgb.onnx"),
        "{error:?}"
    );
    let mut manifest = manifest::tests::sample();
    manifest.prepare.rgb = None;
    manifest.stages.rgb = None;
    manifest.score.modalities.rgb = None;
    manifest.provenance.teacher.rgb = None;
    let error = BundleBuilder::new(manifest)
        .model(Modality::Rgb, b"x".to_vec())
        .model(Modality::Geometry, b"y".to_vec())
        .build()
        .unwrap_err();
    assert!(
        matches!(&error, BundleError::Unlisted { entry, unlisted_in: "manifest.toml", .. } if entry == "rgb.onnx"),
        "{error:?}"
    );
}

#[test]
fn what_is_not_there_is_refused_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let error = Bundle::open(folder.path().join("nothere.twb")).unwrap_err();
    assert!(matches!(error, BundleError::Read { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains(".twb"));
}

#[test]
fn a_wrong_document_with_right_digests_is_still_refused() {
    let error = refused(|path| replace(path, MANIFEST, Some(b"format = 5\n")));
    assert!(matches!(error, BundleError::Format { .. }), "{error:?}");
    let error = refused(|path| replace(path, "goldens/007/rgb.maps", Some(b"1234")));
    assert!(
        matches!(&error, BundleError::Golden { golden, .. } if golden == "007"),
        "{error:?}"
    );
    let error = refused(|path| {
        let text = fs_err::read_to_string(path.join(MANIFEST)).unwrap();
        let text = text.replace("tool_version", "tool_versoin");
        replace(path, MANIFEST, Some(text.as_bytes()));
    });
    assert!(
        error
            .hint()
            .unwrap()
            .contains("the twinspect release that wrote this bundle"),
        "{error:?}"
    );
}

#[test]
fn two_goldens_of_one_name_are_refused() {
    let error = BundleBuilder::new(manifest::tests::sample())
        .golden(golden::tests::sample("000"))
        .golden(golden::tests::sample("000"))
        .build()
        .unwrap_err();
    assert!(
        matches!(error, BundleError::DuplicateEntry { .. }),
        "{error:?}"
    );
}

#[test]
fn what_is_not_there_is_named() {
    let error = Bundle::open("no/such/bundle.twb").unwrap_err();
    assert!(error.to_string().contains("no/such/bundle.twb"), "{error}");
    assert!(matches!(error, BundleError::Read { .. }));
}
