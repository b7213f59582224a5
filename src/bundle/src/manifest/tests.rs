mod bounds;
pub(crate) mod fusion;

use std::path::Path;

use proptest::prelude::*;
use twinspect_core::picture::{PictureExpectation, Span};
use twinspect_core::plane::Plane;
use twinspect_core::prepare::{BankSpec, BeltBounds, GeometrySpec, GroundSpec, RgbSpec, Roi};
use twinspect_core::score::{
    MapRange, ModalityCalibration, Moments, Threshold, ThresholdMethod, View,
};

use super::*;

fn threshold(evidence: f32) -> Threshold {
    Threshold {
        evidence,
        method: ThresholdMethod::Extrapolated,
        target_rate: 0.01,
        good_parts: 20,
        good_parts_above: 0,
        rate_bound_95: 0.139,
    }
}

fn calibration(maps: usize) -> ModalityCalibration {
    let moments = Moments {
        mean: 0.5,
        sd: 0.25,
    };
    let view = |sigma_px| View {
        maps: MapRange {
            first: 0,
            count: maps,
        },
        sigma_px,
        maxima: moments,
    };
    ModalityCalibration {
        maps: vec![moments; maps],
        views: vec![view(0.0), view(1.5)],
        threshold: threshold(4.5),
    }
}

/// A product of both modalities at the smallest size.
pub(crate) fn sample() -> Manifest {
    let stage = |name: &str, channels, side, maps| Stage {
        file: format!("{name}.onnx"),
        input: "input".to_owned(),
        input_shape: [1, channels, side, side],
        output: "maps".to_owned(),
        output_shape: [1, maps, 16, 16],
    };
    Manifest {
        format: FormatVersion::V1,
        name: "cap".to_owned(),
        version: "1.2.0-rc.1".parse().unwrap(),
        created: "2026-11-23T14:05:00Z".to_owned(),
        method: Method::ReverseDistillation,
        provenance: Provenance {
            data_hash: "5e1f".to_owned(),
            seed: 7,
            tool_version: "0.1.0".to_owned(),
            teacher: PerModality {
                rgb: Some("efficientnet_lite0".to_owned()),
                geometry: Some("filter_bank".to_owned()),
            },
        },
        camera: CameraFacts {
            depth_unit_m: Some(0.00025),
            distance_mm: Some(400.0),
            frame: FrameSize {
                width: 12,
                height: 10,
            },
            intrinsics: None,
        },
        prepare: PrepareSpec {
            size: 64,
            roi: Some(Roi {
                x: 1,
                y: 2,
                width: 8,
                height: 8,
            }),
            rgb: Some(RgbSpec {
                mean: [127.0; 3],
                std: [128.0; 3],
            }),
            geometry: Some(GeometrySpec {
                belt: Plane {
                    normal: [0.0, 0.0, -1.0],
                    offset_mm: -400.0,
                },
                belt_bounds: BeltBounds::default(),
                height_range_mm: [-5.0, 60.0],
                foreground_mm: 2.0,
                part_share_min: 0.01,
                valid_share_min: 0.3,
                bank: BankSpec {
                    sigma_px: BankSpec::sigmas(64),
                    spread_mm: [0.1; 12],
                },
            }),
            ground: None,
        },
        stages: Stages {
            rgb: Some(stage("rgb", 3, 64, 3)),
            geometry: Some(stage("geometry", 12, 16, 4)),
            fusion: None,
        },
        score: ScoreCalibration {
            modalities: PerModality {
                rgb: Some(calibration(3)),
                geometry: Some(calibration(4)),
            },
            fused: threshold(5.0),
        },
        tolerance: Tolerance {
            f32: 1e-3,
            f16: 2e-2,
        },
        recalibration: None,
        picture: None,
    }
}

fn parse(text: &str) -> Result<Manifest, BundleError> {
    Manifest::parse(Path::new("cap.twb"), text)
}

fn text() -> String {
    sample().render(Path::new("cap.twb")).unwrap()
}

/// Asserts that exactly the named keys are complained about.
fn check(change: impl FnOnce(&mut Manifest), keys: &[&str]) {
    let mut manifest = sample();
    change(&mut manifest);
    let problems = manifest.problems();
    let found: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(found, keys, "{problems:?}");
}

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(parse(&text()).unwrap(), sample());
}

/// The same product, inspected by colour alone.
fn colour_alone() -> Manifest {
    let mut manifest = sample();
    manifest.prepare.geometry = None;
    manifest.stages.geometry = None;
    manifest.score.modalities.geometry = None;
    manifest.provenance.teacher.geometry = None;
    manifest.camera.depth_unit_m = None;
    manifest
}

#[test]
fn a_product_of_one_modality_is_read_back() {
    let manifest = colour_alone();
    let text = manifest.render(Path::new("cap.twb")).unwrap();
    assert_eq!(parse(&text).unwrap(), manifest);
    assert!(!text.contains("geometry"));
}

#[test]
fn a_ground_makes_a_fourth_format_of_products_without_depth() {
    let ground = GroundSpec {
        colour: [181.0, 180.0, 178.5],
        contrast: 48.0,
        part_share_min: 0.04,
    };
    check(|m| m.prepare.ground = Some(ground), &["format", "prepare"]);
    let mut manifest = colour_alone();
    manifest.prepare.ground = Some(ground);
    manifest.format = FormatVersion::V4;
    let text = manifest.render(Path::new("screw.twb")).unwrap();
    assert!(
        text.starts_with("format = 4\n") && text.contains("[prepare.ground]"),
        "{text}"
    );
    assert_eq!(parse(&text).unwrap(), manifest);
    manifest.format = FormatVersion::V1;
    assert!(manifest.render(Path::new("screw.twb")).is_err());
}

#[test]
fn another_format_is_refused_before_the_rest_is_read() {
    for (head, found) in [
        ("format = 5", "5"),
        ("format = 0", "0"),
        ("format = -1", "-1"),
        ("format = 'one'", "\"one\""),
        ("", "unknown"),
    ] {
        let error = parse(&format!("{head}\n[fusion]\nkind = 'new'\n")).unwrap_err();
        let BundleError::Format {
            found: got,
            supported: 4,
            ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(got, found);
        assert!(error.hint().is_some());
    }
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_one() {
    let text = text().replace("seed = 7", "sed = 7\nseed = 7");
    let line = text.lines().position(|line| line == "sed = 7").unwrap() + 1;
    let error = parse(&text).unwrap_err();
    let BundleError::Document { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((source.line, source.column), (line, 1));
    assert_eq!(source.file, Path::new("manifest.toml"));
    assert_eq!(source.key.as_deref(), Some("sed"));
    assert_eq!(source.nearest.as_deref(), Some("seed"));
    // What is in a bundle can't be mended there: its digest would be another one.
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("export it again") && !hint.contains("seed"),
        "{hint}"
    );
}

#[test]
fn unknown_keys_are_refused_in_every_table() {
    let text = text();
    let tables: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert!(tables.len() > 15, "{tables:?}");
    for table in std::iter::once("").chain(tables) {
        let edited = match table {
            "" => format!("zzz = 1\n{text}"),
            _ => text.replacen(&format!("{table}\n"), &format!("{table}\nzzz = 1\n"), 1),
        };
        assert!(
            matches!(parse(&edited), Err(BundleError::Document { source, .. }) if source.key.as_deref() == Some("zzz")),
            "{table}"
        );
    }
}

#[test]
fn syntax_wrong_types_and_missing_keys_name_their_line() {
    for (from, to) in [
        ("seed = 7", "seed = = 7"),
        ("seed = 7", "seed = 'seven'"),
        ("seed = 7", "seed = -7"),
        ("1.2.0-rc.1", "1.2"),
        ("reverse_distillation", "guess"),
    ] {
        let text = text();
        let line = text.lines().position(|line| line.contains(from)).unwrap() + 1;
        match parse(&text.replacen(from, to, 1)) {
            Err(BundleError::Document { source, .. }) => assert_eq!(source.line, line, "{to}"),
            other => panic!("{to}: {other:?}"),
        }
    }
    let text = text().replacen("seed = 7\n", "", 1);
    let line = text
        .lines()
        .position(|line| line == "[provenance]")
        .unwrap()
        + 1;
    match parse(&text) {
        Err(BundleError::Document { source, .. }) => {
            assert_eq!(source.line, line);
            assert!(source.message.contains("`seed`"), "{source}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_rule_between_values_has_its_key() {
    check(|_| (), &[]);
    check(|m| m.name = "Cap 1".to_owned(), &["name"]);
    check(|m| m.created = "yesterday".to_owned(), &["created"]);
    check(
        |m| m.provenance.data_hash.clear(),
        &["provenance.data_hash"],
    );
    check(|m| m.provenance.seed = u64::MAX, &["provenance.seed"]);
    check(
        |m| m.camera.depth_unit_m = Some(0.0),
        &["camera.depth_unit_m"],
    );
    check(
        |m| m.camera.distance_mm = Some(-1.0),
        &["camera.distance_mm"],
    );
    check(|m| m.camera.frame.width = 8, &["prepare.roi"]);
    check(
        |m| m.camera.frame.height = 0,
        &["camera.frame", "prepare.roi"],
    );
    check(
        |m| {
            m.camera.intrinsics = Some(Intrinsics {
                width: 11,
                height: 10,
                fx: 0.0,
                fy: 9.0,
                cx: 6.0,
                cy: 5.0,
                distortion: [0.0; 5],
            });
        },
        &["camera.intrinsics", "camera.intrinsics"],
    );
    check(
        |m| m.prepare.roi.as_mut().unwrap().x = usize::MAX,
        &["prepare.roi"],
    );
    check(
        |m| m.prepare.rgb.as_mut().unwrap().std[1] = 0.0,
        &["prepare"],
    );
    check(
        |m| m.prepare.geometry.as_mut().unwrap().bank.sigma_px[0] = -1.0,
        &["prepare"],
    );
    check(
        |m| m.stages.rgb.as_mut().unwrap().file = "geometry.onnx".to_owned(),
        &["stages.rgb.file"],
    );
    check(
        |m| m.stages.rgb.as_mut().unwrap().input.clear(),
        &["stages.rgb.input"],
    );
    check(
        |m| m.stages.geometry.as_mut().unwrap().input_shape[2] = 64,
        &["stages.geometry.input_shape"],
    );
    check(
        |m| m.stages.geometry.as_mut().unwrap().output_shape[3] = 64,
        &["stages.geometry.output_shape"],
    );
    check(
        |m| m.stages.rgb.as_mut().unwrap().output_shape[1] = MAPS_MAX + 1,
        &["stages.rgb.output_shape", "score.modalities.rgb.maps"],
    );
    check(
        |m| m.score.modalities.geometry.as_mut().unwrap().maps[2].sd = 0.0,
        &["score.modalities.geometry.maps[2].sd"],
    );
    check(
        |m| m.score.modalities.rgb.as_mut().unwrap().views.clear(),
        &["score.modalities.rgb.views"],
    );
    check(
        |m| m.score.modalities.rgb.as_mut().unwrap().views[0].sigma_px = -2.0,
        &["score.modalities.rgb.views[0].sigma_px"],
    );
    check(
        |m| m.prepare.geometry.as_mut().unwrap().bank.sigma_px[3] = 1e6,
        &["prepare.geometry.bank.sigma_px"],
    );
    // A part would take minutes.
    for sigma in [64.1, 1e6, f32::INFINITY, f32::NAN] {
        let mut manifest = sample();
        let views = &mut manifest.score.modalities.rgb.as_mut().unwrap().views;
        views[0].sigma_px = sigma;
        let error = manifest.render(Path::new("cap")).unwrap_err().to_string();
        let key = "score.modalities.rgb.views[0].sigma_px: ";
        assert!(error.contains(key), "{sigma}: {error}");
    }
    check(
        |m| m.score.modalities.rgb.as_mut().unwrap().views[1].maps.count = 9,
        &["score.modalities.rgb.views[1].maps"],
    );
    check(
        |m| {
            m.score.modalities.rgb.as_mut().unwrap().views[1]
                .maxima
                .mean = f32::NAN
        },
        &["score.modalities.rgb.views[1].maxima.mean"],
    );
    check(
        |m| m.score.fused.evidence = f32::INFINITY,
        &["score.fused.evidence"],
    );
    for evidence in [0.0, 100.0, 1000.0, 1e30] {
        check(
            |m| m.score.fused.evidence = evidence,
            &["score.fused.evidence"],
        );
    }
    check(
        |m| m.score.fused.target_rate = 1e-300,
        &["score.fused.target_rate"],
    );
    check(
        |m| m.score.fused.target_rate = 0.0,
        &["score.fused.target_rate"],
    );
    check(
        |m| m.score.fused.rate_bound_95 = 1.5,
        &["score.fused.rate_bound_95"],
    );
    check(
        |m| m.score.fused.good_parts_above = 21,
        &["score.fused.good_parts_above"],
    );
    check(|m| m.tolerance.f16 = 0.0, &["tolerance.f16"]);
    check(|m| m.tolerance.f32 = 0.9, &["tolerance.f32"]);
}

#[test]
fn a_modality_is_in_all_tables_or_in_none() {
    check(|m| m.stages.geometry = None, &["stages.geometry"]);
    check(
        |m| {
            m.score.modalities.rgb = None;
            m.provenance.teacher.rgb = None;
        },
        &["score.modalities.rgb", "provenance.teacher.rgb"],
    );
    check(
        |m| {
            m.prepare.rgb = None;
            m.prepare.geometry = None;
            m.stages = Stages::default();
            m.score.modalities = PerModality::default();
            m.provenance.teacher = PerModality::default();
        },
        &["prepare", "stages"],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let mut manifest = sample();
    manifest.created.clear();
    manifest.tolerance.f32 = 2.0;
    let error = manifest.render(Path::new("cap")).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("created: "), "{message}");
    assert!(message.contains("tolerance.f32: "), "{message}");
}

fn positive() -> impl Strategy<Value = f32> {
    (1_u32..0x7f7f_ffff)
        .prop_map(f32::from_bits)
        .prop_filter("normal", |x| *x > 0.0)
}

fn finite() -> impl Strategy<Value = f32> {
    any::<u32>()
        .prop_map(f32::from_bits)
        .prop_filter("finite", |x| x.is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every float of the manifest survives bit by bit, every string as it is.
    #[test]
    fn manifests_survive_the_file(
        sd in positive(),
        mean in finite(),
        evidence in 1..100_f32.to_bits(),
        seed in 0..=i64::MAX as u64,
        unit in 1e-6_f64..0.01,
        text in "\\PC{1,40}",
        size in 2_usize..=32,
        roi in any::<bool>(),
    ) {
        let mut manifest = sample();
        let rgb = manifest.score.modalities.rgb.as_mut().unwrap();
        rgb.maps[0] = Moments { mean, sd };
        rgb.threshold.evidence = f32::from_bits(evidence);
        manifest.provenance.seed = seed;
        manifest.provenance.tool_version = text.clone();
        manifest.stages.rgb.as_mut().unwrap().input = text;
        manifest.camera.depth_unit_m = Some(unit);
        let size = size * 32;
        manifest.prepare.size = size;
        manifest.stages.rgb.as_mut().unwrap().input_shape = [1, 3, size, size];
        manifest.stages.rgb.as_mut().unwrap().output_shape = [1, 3, size / 4, size / 4];
        manifest.stages.geometry.as_mut().unwrap().input_shape = [1, 12, size / 4, size / 4];
        manifest.stages.geometry.as_mut().unwrap().output_shape = [1, 4, size / 4, size / 4];
        if !roi {
            manifest.prepare.roi = None;
        }
        let text = manifest.render(Path::new("cap")).unwrap();
        let back = parse(&text).unwrap();
        prop_assert_eq!(back.score.modalities.rgb.as_ref().unwrap().maps[0].mean.to_bits(), mean.to_bits());
        prop_assert_eq!(back, manifest);
    }
}

/// Figures as good parts have them.
fn picture() -> PictureExpectation {
    let span = Span {
        low: 0.25,
        median: 0.5,
        high: 0.75,
    };
    PictureExpectation {
        parts: 20,
        depth_holes: Some(span),
        depth_noise_mm: Some(span),
        brightness: None,
        saturated: None,
        sharpness: Some(span),
    }
}

#[test]
fn figures_of_good_parts_are_read_back_and_make_a_third_format() {
    let mut manifest = sample();
    manifest.picture = Some(picture());
    manifest.format = FormatVersion::V3;
    let text = manifest.render(Path::new("cap.twb")).unwrap();
    assert!(text.starts_with("format = 3\n"), "{text}");
    assert_eq!(parse(&text).unwrap(), manifest);
    check(|m| m.format = FormatVersion::V3, &["format"]);
    check(|m| m.picture = Some(picture()), &["format"]);
}

#[test]
fn figures_that_no_picture_has_are_refused() {
    let with = |change: fn(&mut PictureExpectation)| {
        move |manifest: &mut Manifest| {
            manifest.format = FormatVersion::V3;
            let known = manifest.picture.insert(picture());
            change(known);
        }
    };
    check(with(|known| known.parts = 0), &["picture.parts"]);
    let high = |span: &mut Option<Span>, high| span.as_mut().unwrap().high = high;
    check(
        |manifest| {
            with(|_| {})(manifest);
            high(&mut manifest.picture.as_mut().unwrap().depth_noise_mm, 0.1);
            high(&mut manifest.picture.as_mut().unwrap().sharpness, f32::NAN);
        },
        &["picture.depth_noise_mm", "picture.sharpness"],
    );
}
