//! Goldens of products with a fusion network.

use twinspect_core::score::FusionMaps;

use super::*;

fn manifest() -> Manifest {
    crate::manifest::tests::fusion::sample()
}

/// A golden that fits the sample manifest with a fusion network.
pub(crate) fn sample(name: &str) -> Golden {
    let [fused, weight] = [0.25, 0.001].map(|step| {
        let values = (0..256).map(|index| index as f32 * step);
        values.collect::<Vec<_>>()
    });
    Golden {
        fusion: Some(FusionMaps { fused, weight }),
        ..super::sample(name)
    }
}

/// What is said about files after a change.
fn refused(golden: &Golden, change: impl FnOnce(&mut Vec<(&'static str, Vec<u8>)>)) -> GoldenError {
    let mut files = files(golden);
    change(&mut files);
    check(&borrowed(&files), &manifest())
        .and_then(|()| decode("000", &borrowed(&files)))
        .expect_err("must be refused")
}

#[test]
fn fused_maps_and_weights_are_read_back() {
    let golden = sample("000");
    let files = files(&golden);
    check(&borrowed(&files), &manifest()).unwrap();
    assert_eq!(decode("000", &borrowed(&files)).unwrap(), golden);
    assert!(
        encode(&super::sample("000"))
            .unwrap()
            .keys()
            .all(|file| *file != "fusion.maps")
    );
}

#[test]
fn a_product_with_fusion_wants_its_answer_where_both_senses_are_there() {
    let error = refused(&super::sample("000"), |_| ());
    assert!(
        matches!(error, GoldenError::Fusion { expected: true }),
        "{error:?}"
    );
    let mut alone = super::sample("000");
    alone.maps.rgb = None;
    alone.evidence.modalities.rgb = None;
    check(&borrowed(&files(&alone)), &manifest()).unwrap();
    alone.fusion = sample("000").fusion;
    let error = refused(&alone, |_| ());
    assert!(
        matches!(error, GoldenError::Fusion { expected: false }),
        "{error:?}"
    );
    let files = files(&sample("000"));
    let error = check(&borrowed(&files), &super::manifest()).unwrap_err();
    assert!(
        matches!(error, GoldenError::Fusion { expected: false }),
        "{error:?}"
    );
}

#[test]
fn an_answer_of_another_shape_or_without_numbers_is_refused() {
    let golden = sample("000");
    let error = refused(&golden, |files| of(files, "fusion.maps").truncate(1024));
    assert!(
        matches!(
            error,
            GoldenError::Length {
                file: "fusion.maps",
                expected: 2048,
                found: 1024
            }
        ),
        "{error:?}"
    );
    let error = refused(&golden, |files| edit(files, "count = 2\n", "count = 1\n"));
    assert!(
        matches!(
            error,
            GoldenError::FusionShape {
                expected: [2, 16],
                found: [1, 16]
            }
        ),
        "{error:?}"
    );
    let error = refused(&golden, |files| {
        files.retain(|(name, _)| *name != "fusion.maps")
    });
    assert!(
        matches!(
            error,
            GoldenError::Missing {
                file: "fusion.maps"
            }
        ),
        "{error:?}"
    );
    let error = refused(&golden, |files| {
        of(files, "fusion.maps")[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(
        matches!(
            error,
            GoldenError::NotFinite {
                what: "fusion.maps"
            }
        ),
        "{error:?}"
    );
    let mut broken = sample("000");
    broken.fusion.as_mut().unwrap().weight.pop();
    assert!(matches!(
        encode(&broken),
        Err(GoldenError::NotFinite { .. })
    ));
}
