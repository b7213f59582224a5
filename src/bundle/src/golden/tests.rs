pub(crate) mod fusion;

use std::path::Path;

use twinspect_core::frame::{DepthCounts, DepthFrame, Intrinsics, OrganisedPoints, RgbFrame};
use twinspect_core::score::MapStack;

use super::*;
use crate::manifest::Manifest;

fn manifest() -> Manifest {
    crate::manifest::tests::sample()
}

fn stack(count: usize) -> MapStack {
    let mut stack = MapStack::new(count, 16);
    for (index, value) in stack.data.iter_mut().enumerate() {
        *value = index as f32 / 7.0 - 3.0;
    }
    stack
}

fn rgb(size: FrameSize) -> RgbFrame {
    let data = (0..size.pixels() * 3)
        .map(|i| (i * 37 % 256) as u8)
        .collect();
    RgbFrame::new(size, data).unwrap()
}

/// A golden of both modalities that fits the sample manifest.
pub(crate) fn sample(name: &str) -> Golden {
    let size = manifest().camera.frame;
    let counts = (0..size.pixels())
        .map(|i| (i * 541 % 65_536) as u16)
        .collect();
    let intrinsics = Intrinsics {
        width: size.width,
        height: size.height,
        fx: 11.3,
        fy: 11.7,
        cx: 5.4,
        cy: 4.6,
        distortion: [0.1, -0.02, 1e-4, 0.0, 0.003],
    };
    let frame = FramePair::new(
        Some(rgb(size)),
        Some(DepthFrame::Counts(
            DepthCounts::new(size, 0.000_125, counts).unwrap(),
        )),
        Some(intrinsics),
    )
    .unwrap();
    Golden {
        name: name.to_owned(),
        frame,
        maps: PerModality {
            rgb: Some(stack(3)),
            geometry: Some(stack(4)),
        },
        fusion: None,
        evidence: GoldenEvidence {
            fused: 3.25,
            modalities: PerModality {
                rgb: Some(3.25),
                geometry: Some(-0.1),
            },
        },
    }
}

fn points() -> Golden {
    let size = manifest().camera.frame;
    let points = (0..size.pixels())
        .map(|i| match i % 5 {
            0 => [f32::NAN; 3],
            _ => [i as f32 * 0.1, -1.5, 400.25],
        })
        .collect();
    let depth = DepthFrame::Points(OrganisedPoints::new(size, points).unwrap());
    let mut golden = sample("001");
    golden.frame = FramePair::new(None, Some(depth), None).unwrap();
    golden.maps.rgb = None;
    golden.evidence.modalities.rgb = None;
    golden
}

fn files(golden: &Golden) -> Vec<(&'static str, Vec<u8>)> {
    encode(golden).unwrap().into_iter().collect()
}

fn borrowed<'a>(files: &'a [(&'static str, Vec<u8>)]) -> GoldenFiles<'a> {
    files
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect()
}

fn round_trip(golden: &Golden) -> Golden {
    let files = files(golden);
    check(&borrowed(&files), &manifest()).unwrap();
    decode(&golden.name, &borrowed(&files)).unwrap()
}

/// Applies a change to the files and returns what is said about it, at the check or at reading.
fn refused(golden: &Golden, change: impl FnOnce(&mut Vec<(&'static str, Vec<u8>)>)) -> GoldenError {
    let mut files = files(golden);
    change(&mut files);
    check(&borrowed(&files), &manifest())
        .and_then(|()| decode("000", &borrowed(&files)))
        .expect_err("must be refused")
}

fn of<'a>(files: &'a mut [(&'static str, Vec<u8>)], name: &str) -> &'a mut Vec<u8> {
    &mut files.iter_mut().find(|(file, _)| *file == name).unwrap().1
}

fn edit(files: &mut [(&'static str, Vec<u8>)], from: &str, to: &str) {
    let text = String::from_utf8(of(files, "golden.toml").clone()).unwrap();
    assert!(text.contains(from), "{text}");
    *of(files, "golden.toml") = text.replacen(from, to, 1).into_bytes();
}

#[test]
fn colour_and_counts_are_read_back() {
    let golden = sample("000");
    assert_eq!(round_trip(&golden), golden);
}

#[test]
fn points_are_read_back_bit_by_bit() {
    let golden = points();
    let back = round_trip(&golden);
    let bits = |golden: &Golden| match golden.frame.depth() {
        Some(DepthFrame::Points(points)) => points
            .data()
            .iter()
            .map(|point| point.map(f32::to_bits))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(bits(&back), bits(&golden));
    assert_eq!(back.maps, golden.maps);
    assert!(back.frame.rgb().is_none());
}

#[test]
fn files_that_contradict_the_description_are_named() {
    let golden = sample("000");
    for file in [
        "rgb.png",
        "depth.png",
        "rgb.maps",
        "geometry.maps",
        "golden.toml",
    ] {
        let error = refused(&golden, |files| files.retain(|(name, _)| *name != file));
        assert!(
            matches!(error, GoldenError::Missing { file: f } if f == file),
            "{error:?}"
        );
    }
    let error = refused(&golden, |files| files.push(("points.f32", vec![0; 12])));
    assert!(matches!(error, GoldenError::Stray { file } if file == "points.f32"));
    let error = refused(&golden, |files| of(files, "rgb.maps").truncate(100));
    assert!(
        matches!(
            error,
            GoldenError::Length {
                file: "rgb.maps",
                expected: 3072,
                found: 100
            }
        ),
        "{error:?}"
    );
    let error = refused(&points(), |files| of(files, "points.f32").push(0));
    assert!(matches!(
        error,
        GoldenError::Length {
            file: "points.f32",
            ..
        }
    ));
}

#[test]
fn numbers_that_are_none_are_refused() {
    let nan = f32::NAN.to_le_bytes();
    let error = refused(&sample("000"), |files| {
        of(files, "geometry.maps")[..4].copy_from_slice(&nan);
    });
    assert!(matches!(
        error,
        GoldenError::NotFinite {
            what: "geometry.maps"
        }
    ));
    let error = refused(&sample("000"), |files| {
        edit(files, "fused = 3.25", "fused = nan")
    });
    assert!(matches!(error, GoldenError::NotFinite { what: "evidence" }));
}

#[test]
fn shapes_sizes_and_kinds_must_fit() {
    let golden = sample("000");
    let error = refused(&golden, |files| edit(files, "count = 3", "count = 2"));
    assert!(
        matches!(
            error,
            GoldenError::MapShape {
                modality: Modality::Rgb,
                expected: Some([3, 16]),
                found: [2, 16]
            }
        ),
        "{error:?}"
    );
    let error = refused(&golden, |files| edit(files, "width = 12", "width = 13"));
    assert!(
        matches!(
            error,
            GoldenError::PictureKind {
                file: "rgb.png",
                ..
            }
        ),
        "{error:?}"
    );
    let error = refused(&golden, |files| {
        edit(files, "width = 12", "width = 1000000000")
    });
    assert!(matches!(error, GoldenError::FrameSize { .. }), "{error:?}");
    let error = refused(&golden, |files| {
        let colour = of(files, "rgb.png").clone();
        *of(files, "depth.png") = colour;
    });
    assert!(
        matches!(
            error,
            GoldenError::PictureKind {
                file: "depth.png",
                ..
            }
        ),
        "{error:?}"
    );
    let error = refused(&golden, |files| of(files, "rgb.png").truncate(60));
    assert!(
        matches!(
            error,
            GoldenError::Picture {
                file: "rgb.png",
                ..
            }
        ),
        "{error:?}"
    );
    let error = refused(&golden, |files| {
        edit(files, "depth_unit_m = 0.000125\n", "")
    });
    assert!(
        matches!(error, GoldenError::Frame(FrameError::DepthUnit { .. })),
        "{error:?}"
    );
    let error = refused(&golden, |files| {
        edit(files, "rgb = true", "rgb = true\nred = 1")
    });
    assert!(
        matches!(&error, GoldenError::Document(e) if e.key.as_deref() == Some("red") && e.file == Path::new("golden.toml")),
        "{error:?}"
    );
}

#[test]
fn maps_and_evidence_are_of_the_same_modalities() {
    let mut golden = sample("000");
    golden.evidence.modalities.rgb = None;
    assert!(matches!(encode(&golden), Err(GoldenError::Modalities)));
    golden.evidence.modalities = PerModality::default();
    golden.maps = PerModality::default();
    assert!(matches!(encode(&golden), Err(GoldenError::Modalities)));
    golden = sample("1");
    assert!(matches!(encode(&golden), Err(GoldenError::Name { .. })));
}
