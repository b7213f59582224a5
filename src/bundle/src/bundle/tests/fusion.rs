//! Bundles with a fusion network.

use super::*;

fn fused() -> BundleBuilder {
    BundleBuilder::new(manifest::tests::fusion::sample())
        .model(Modality::Rgb, b"colour network".to_vec())
        .model(Modality::Geometry, b"height network".to_vec())
        .golden(golden::tests::fusion::sample("000"))
}

fn sample() -> Bundle {
    fused().fusion_model(b"gate".to_vec()).build().unwrap()
}

/// Changes the folder of the bundle with a fusion network and returns what is said about it.
fn refused(change: impl FnOnce(&Path)) -> BundleError {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("cap");
    sample().write_directory(&path).unwrap();
    change(&path);
    Bundle::open(&path).expect_err("must be refused")
}

#[test]
fn a_fusion_network_is_stored_and_read() {
    let temporary = tempfile::tempdir().unwrap();
    let built = sample();
    let [folder, twb] = ["cap", "cap.twb"].map(|name| temporary.path().join(name));
    built.write_directory(&folder).unwrap();
    built.write_archive(&twb).unwrap();
    for path in [folder, twb] {
        let read = Bundle::open(path).unwrap();
        assert_eq!(read.fusion_model(), Some(&b"gate"[..]));
        assert_eq!(
            read.goldens().unwrap(),
            [golden::tests::fusion::sample("000")]
        );
        assert_eq!(read.hash(), built.hash());
    }
    assert_eq!(super::sample().fusion_model(), None);
}

#[test]
fn a_fusion_network_that_is_missing_damaged_or_of_no_stage_is_named() {
    let missing = |error: &BundleError| matches!(error, BundleError::Missing { entry, .. } if entry == "fusion.onnx");
    let error = fused().build().unwrap_err();
    assert!(missing(&error), "{error:?}");
    let error = refused(|path| replace(path, "fusion.onnx", None));
    assert!(missing(&error), "{error:?}");
    let error = refused(|path| fs_err::write(path.join("fusion.onnx"), b"gape").unwrap());
    assert!(
        matches!(&error, BundleError::Damaged { entry, .. } if entry == "fusion.onnx"),
        "{error:?}"
    );
    let (_keep, path) = folder();
    replace(&path, "fusion.onnx", Some(b"gate"));
    let error = Bundle::open(&path).unwrap_err();
    assert!(
        matches!(
            &error,
            BundleError::Unlisted { entry, unlisted_in: MANIFEST, .. } if entry == "fusion.onnx"
        ),
        "{error:?}"
    );
}

#[test]
fn a_golden_without_the_network_s_answer_is_refused() {
    let error = fused()
        .fusion_model(b"gate".to_vec())
        .golden(golden::tests::sample("001"))
        .build()
        .unwrap_err();
    assert!(
        matches!(&error, BundleError::Golden { golden, .. } if golden == "001"),
        "{error:?}"
    );
}
