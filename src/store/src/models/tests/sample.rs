//! Small bundles: a product of one modality, networks that are none, one golden.

use twinspect_bundle::{
    Bundle, BundleBuilder, CameraFacts, FormatVersion, Golden, GoldenEvidence, Manifest, Method,
    Provenance, Stage, Stages, Tolerance,
};
use twinspect_core::frame::{FramePair, FrameSize, RgbFrame};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::{PrepareSpec, RgbSpec};
use twinspect_core::score::{
    MapRange, MapStack, ModalityCalibration, Moments, ScoreCalibration, Threshold, ThresholdMethod,
    View,
};

use super::super::Proof;

const SIZE: FrameSize = FrameSize {
    width: 12,
    height: 10,
};

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

fn manifest(version: &str) -> Manifest {
    let moments = Moments {
        mean: 0.5,
        sd: 0.25,
    };
    let calibration = ModalityCalibration {
        maps: vec![moments; 3],
        views: vec![View {
            maps: MapRange { first: 0, count: 3 },
            sigma_px: 0.0,
            maxima: moments,
        }],
        threshold: threshold(4.5),
    };
    Manifest {
        format: FormatVersion::V1,
        name: "cap".to_owned(),
        version: version.parse().unwrap(),
        created: "2026-11-23T14:05:00Z".to_owned(),
        method: Method::ReverseDistillation,
        provenance: Provenance {
            data_hash: "5e1f".to_owned(),
            seed: 7,
            tool_version: "0.1.0".to_owned(),
            teacher: PerModality {
                rgb: Some("teacher".to_owned()),
                geometry: None,
            },
        },
        camera: CameraFacts {
            depth_unit_m: None,
            distance_mm: None,
            frame: SIZE,
            intrinsics: None,
        },
        prepare: PrepareSpec {
            size: 64,
            roi: None,
            rgb: Some(RgbSpec {
                mean: [127.0; 3],
                std: [128.0; 3],
            }),
            geometry: None,
            ground: None,
        },
        stages: Stages {
            rgb: Some(Stage {
                file: "rgb.onnx".to_owned(),
                input: "input".to_owned(),
                input_shape: [1, 3, 64, 64],
                output: "maps".to_owned(),
                output_shape: [1, 3, 16, 16],
            }),
            geometry: None,
            fusion: None,
        },
        score: ScoreCalibration {
            modalities: PerModality {
                rgb: Some(calibration),
                geometry: None,
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

fn golden() -> Golden {
    let data = (0..SIZE.pixels() * 3)
        .map(|index| (index * 37 % 256) as u8)
        .collect();
    let colour = RgbFrame::new(SIZE, data).unwrap();
    Golden {
        name: "000".to_owned(),
        frame: FramePair::new(Some(colour), None, None).unwrap(),
        maps: PerModality {
            rgb: Some(MapStack::new(3, 16)),
            geometry: None,
        },
        fusion: None,
        evidence: GoldenEvidence {
            fused: 3.25,
            modalities: PerModality {
                rgb: Some(3.25),
                geometry: None,
            },
        },
    }
}

/// A bundle of this version.
pub(crate) fn bundle(version: &str) -> Bundle {
    BundleBuilder::new(manifest(version))
        .model(Modality::Rgb, format!("network {version}").into_bytes())
        .golden(golden())
        .build()
        .unwrap()
}

/// The bundle with this signature.
pub(crate) fn signed(bundle: &Bundle, signature: &[u8]) -> Bundle {
    let files = bundle
        .files()
        .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
        .chain([("SHA256SUMS.minisig".to_owned(), signature.to_vec())]);
    Bundle::from_entries("cap.twb", files).unwrap()
}

/// What a bundle's proof says, as if an engine had been there.
pub(crate) fn proof(bundle: &Bundle) -> Proof {
    Proof {
        hash: bundle.hash().to_owned(),
        engine: "tract".to_owned(),
        program: "0.1.0".to_owned(),
        goldens: 1,
        worst_map_share: 1e-6,
        tolerance: 1e-3,
        worst_evidence_share: 1e-7,
        at_s: 1_800_000_000,
    }
}
