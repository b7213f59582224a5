//! A small product whose networks are one convolution each, computed here a second time by loops.

pub(crate) mod fusion;

use twinspect_bundle::{
    Bundle, BundleBuilder, CameraFacts, FormatVersion, Golden, GoldenEvidence, Manifest, Method,
    Provenance, Stage, Stages, Tolerance,
};
use twinspect_core::frame::{DepthCounts, DepthFrame, FramePair, FrameSize, Intrinsics, RgbFrame};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::plane::Plane;
use twinspect_core::prepare::{
    BankSpec, BeltBounds, GeometrySpec, PrepareSpec, PreparedPart, Preparer, RgbSpec,
};
use twinspect_core::score::{
    DegradedPolicy, MapRange, MapStack, ModalityCalibration, Moments, ScoreCalibration, Scorer,
    StageMaps, Threshold, ThresholdMethod, View,
};
use twinspect_onnx::{Conv, Graph, Kernel, Pads, WeightFormat};

use crate::engine::is_usable;

/// Side of the prepared part.
const SIZE: usize = 64;
/// Side of the maps.
const SIDE: usize = SIZE / 4;

/// Which senses a product has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Senses {
    /// Joined by the maximum.
    Both,
    Rgb,
    Geometry,
    /// Both, joined by a network.
    Fused,
}

impl Senses {
    pub(crate) const ALL: [Self; 4] = [Self::Both, Self::Rgb, Self::Geometry, Self::Fused];

    fn has(self, modality: Modality) -> bool {
        match modality {
            Modality::Rgb => self != Self::Geometry,
            Modality::Geometry => self != Self::Rgb,
        }
    }
}

/// What the networks do beyond their convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    None,
    /// The root of a negative number, in the stages of the modalities.
    NotNumbers,
    /// The same in the fusion stage.
    FusionNotNumbers,
}

/// One convolution.
struct Layer {
    channels: usize,
    maps: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
}

fn layer(modality: Modality) -> Layer {
    match modality {
        Modality::Rgb => Layer {
            channels: 3,
            maps: 3,
            kernel: 4,
            stride: 4,
            pad: 0,
        },
        Modality::Geometry => Layer {
            channels: 12,
            maps: 4,
            kernel: 3,
            stride: 1,
            pad: 1,
        },
    }
}

/// Numbers between -1 and 1 that look random (a linear congruential generator).
pub(crate) fn noise(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

impl Layer {
    fn weights(&self) -> Vec<f32> {
        let count = self.maps * self.channels * self.kernel * self.kernel;
        noise(self.maps as u32, count)
            .into_iter()
            .map(|value| value / 8.0)
            .collect()
    }

    fn bias(&self) -> Vec<f32> {
        noise(77, self.maps)
    }
}

/// The network of a modality as ONNX.
pub(crate) fn onnx(modality: Modality, twist: Twist) -> Vec<u8> {
    let (layer, stage) = (layer(modality), stage(modality));
    let (weights, bias) = (layer.weights(), layer.bias());
    let kernel = Kernel {
        dims: [layer.maps, layer.channels, layer.kernel, layer.kernel],
        values: &weights,
    };
    let conv = Conv::new(kernel, Some(&bias))
        .stride(layer.stride)
        .pads(Pads::symmetric(layer.pad));
    let mut graph = Graph::new(modality.name(), WeightFormat::F32);
    let input = graph.input(&stage.input, &stage.input_shape).unwrap();
    let mut maps = graph.conv("conv", input, &conv).unwrap();
    maps = graph.abs("abs", maps).unwrap();
    if twist == Twist::NotNumbers {
        maps = graph.neg("neg", maps).unwrap();
        maps = graph.offset("offset", maps, -1.0).unwrap();
        maps = graph.sqrt("sqrt", maps).unwrap();
    }
    graph.output(&stage.output, maps).unwrap();
    graph.encode().unwrap()
}

/// What [`onnx`] without a twist answers, by loops.
pub(crate) fn reference(part: &PreparedPart, modality: Modality) -> MapStack {
    let (input, rows) = match modality {
        Modality::Rgb => (&part.rgb, SIZE),
        Modality::Geometry => (&part.geometry, SIDE),
    };
    let layer = layer(modality);
    let (weights, bias) = (layer.weights(), layer.bias());
    let mut stack = MapStack::new(layer.maps, SIDE);
    for (index, value) in stack.data.iter_mut().enumerate() {
        let (map, y, x) = (index / (SIDE * SIDE), index / SIDE % SIDE, index % SIDE);
        let mut sum = f64::from(bias[map]);
        for tap in 0..layer.channels * layer.kernel * layer.kernel {
            let (channel, i, j) = (
                tap / (layer.kernel * layer.kernel),
                tap / layer.kernel % layer.kernel,
                tap % layer.kernel,
            );
            let row = (y * layer.stride + i).wrapping_sub(layer.pad);
            let column = (x * layer.stride + j).wrapping_sub(layer.pad);
            if row < rows && column < rows {
                let weight = weights[map * layer.channels * layer.kernel * layer.kernel + tap];
                let pixel = input[(channel * rows + row) * rows + column];
                sum += f64::from(weight) * f64::from(pixel);
            }
        }
        *value = sum.abs() as f32;
    }
    stack
}

fn stage(modality: Modality) -> Stage {
    let layer = layer(modality);
    let side = SIDE * layer.stride;
    Stage {
        file: format!("{modality}.onnx"),
        input: format!("{modality}_in"),
        input_shape: [1, layer.channels, side, side],
        output: format!("{modality}_maps"),
        output_shape: [1, layer.maps, SIDE, SIDE],
    }
}

fn only<T>(senses: Senses, value: impl Fn(Modality) -> T) -> PerModality<T> {
    let mut all = PerModality::default();
    for modality in Modality::ALL {
        all.set(modality, senses.has(modality).then(|| value(modality)));
    }
    all
}

fn threshold(evidence: f32) -> Threshold {
    Threshold {
        evidence,
        method: ThresholdMethod::Extrapolated,
        target_rate: 0.01,
        good_parts: 10,
        good_parts_above: 0,
        rate_bound_95: 0.26,
    }
}

fn calibration(modality: Modality) -> ModalityCalibration {
    ModalityCalibration {
        maps: vec![Moments { mean: 0.5, sd: 0.5 }; layer(modality).maps],
        views: vec![View {
            maps: MapRange {
                first: 0,
                count: layer(modality).maps,
            },
            sigma_px: 1.0,
            maxima: Moments { mean: 1.0, sd: 0.5 },
        }],
        threshold: threshold(4.0),
    }
}

pub(crate) fn manifest(senses: Senses) -> Manifest {
    let geometry = GeometrySpec {
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
            sigma_px: BankSpec::sigmas(SIZE),
            spread_mm: [0.1; 12],
        },
    };
    let rgb = RgbSpec {
        mean: [127.0; 3],
        std: [64.0; 3],
    };
    let mut score = ScoreCalibration {
        modalities: only(senses, calibration),
        fused: threshold(5.0),
    };
    let mut stages = Stages::from(only(senses, stage));
    if senses == Senses::Fused {
        let geometry = score.modalities.geometry.as_mut().unwrap();
        let finer = View {
            sigma_px: 0.0,
            ..geometry.views[0]
        };
        geometry.views.push(finer);
        stages.fusion = Some(fusion::stage());
    }
    let prepare = PrepareSpec {
        size: SIZE,
        roi: None,
        rgb: senses.has(Modality::Rgb).then_some(rgb),
        geometry: senses.has(Modality::Geometry).then_some(geometry),
        ground: None,
    };
    Manifest {
        format: FormatVersion::of(&prepare, &stages, None, None),
        name: "fixture".to_owned(),
        version: "1.0.0".parse().unwrap(),
        created: "2026-11-23T14:05:00Z".to_owned(),
        method: Method::ReverseDistillation,
        provenance: Provenance {
            data_hash: "none".to_owned(),
            seed: 0,
            tool_version: "0.1.0".to_owned(),
            teacher: only(senses, |_| "none".to_owned()),
        },
        camera: CameraFacts {
            depth_unit_m: Some(0.001),
            distance_mm: Some(400.0),
            frame: FRAME,
            intrinsics: Some(CAMERA),
        },
        prepare,
        stages,
        score,
        tolerance: Tolerance {
            f32: 1e-4,
            f16: 1e-2,
        },
        recalibration: None,
        picture: None,
    }
}

const FRAME: FrameSize = FrameSize {
    width: 80,
    height: 72,
};

const CAMERA: Intrinsics = Intrinsics {
    width: FRAME.width,
    height: FRAME.height,
    fx: 160.0,
    fy: 160.0,
    cx: 39.5,
    cy: 35.5,
    distortion: [0.0; 5],
};

/// A block on a belt, in noisy colours. No two seeds have the same depth: a grain lies elsewhere.
pub(crate) fn frame(seed: u32) -> FramePair {
    let colours = noise(seed, FRAME.pixels() * 3);
    let rgb = colours.iter().map(|value| (value * 60.0 + 127.0) as u8);
    let counts = (0..FRAME.pixels()).map(|pixel| {
        let (x, y) = (pixel % FRAME.width, pixel / FRAME.width);
        let on_block = (25..55).contains(&x) && (20..50).contains(&y);
        let height = if on_block { 10 + seed as u16 % 7 } else { 0 };
        400 - height - u16::from(pixel == seed as usize % FRAME.pixels())
    });
    let depth = DepthCounts::new(FRAME, 0.001, counts.collect()).unwrap();
    FramePair::new(
        Some(RgbFrame::new(FRAME, rgb.collect()).unwrap()),
        Some(DepthFrame::Counts(depth)),
        Some(CAMERA),
    )
    .unwrap()
}

fn prepare(manifest: &Manifest, frame: &FramePair) -> PreparedPart {
    let mut part = PreparedPart::new(&manifest.prepare);
    let mut preparer = Preparer::new(&manifest.prepare).unwrap();
    preparer.prepare(frame, &mut part).unwrap();
    part
}

/// A prepared part of the product.
pub(crate) fn part(manifest: &Manifest, seed: u32) -> PreparedPart {
    prepare(manifest, &frame(seed))
}

/// A golden whose maps come from the loops.
pub(crate) fn golden(manifest: &Manifest, name: &str, frame: FramePair) -> Golden {
    let part = prepare(manifest, &frame);
    let mut maps = StageMaps::default();
    for (modality, _) in manifest.stages.present() {
        if is_usable(&part, modality) {
            maps.set(modality, Some(reference(&part, modality)));
        }
    }
    let mut scorer = Scorer::new(&manifest.score, &manifest.prepare, manifest.join()).unwrap();
    let policy = DegradedPolicy {
        rgb_alone: true,
        geometry_alone: true,
    };
    let gathered = scorer.gather(&part, &maps, frame.size(), policy);
    let Ok(_) = gathered.decide(|inputs, maps| {
        *maps = fusion::reference(inputs);
        Ok::<(), std::convert::Infallible>(())
    });
    let evidence = scorer.evidence();
    Golden {
        name: name.to_owned(),
        frame,
        maps,
        fusion: scorer.fusion_maps().cloned(),
        evidence: GoldenEvidence {
            fused: evidence.fused.unwrap(),
            modalities: evidence.modalities,
        },
    }
}

pub(crate) fn builder(manifest: Manifest, twist: Twist) -> BundleBuilder {
    let modalities: Vec<Modality> = manifest.stages.present().map(|(m, _)| m).collect();
    let mut builder = BundleBuilder::new(manifest.clone());
    for modality in modalities {
        builder = builder.model(modality, onnx(modality, twist));
    }
    match manifest.stages.fusion {
        None => builder,
        Some(_) => builder.fusion_model(fusion::onnx(twist)),
    }
}

/// A bundle with goldens, one of them without colour where the product has both senses.
pub(crate) fn bundle(senses: Senses, twist: Twist) -> Bundle {
    let manifest = manifest(senses);
    let mut builder = builder(manifest.clone(), twist)
        .golden(golden(&manifest, "000", frame(100)))
        .golden(golden(&manifest, "001", frame(101)));
    if senses.has(Modality::Rgb) && senses.has(Modality::Geometry) {
        let depth_alone = frame(102).without_rgb().unwrap();
        builder = builder.golden(golden(&manifest, "002", depth_alone));
    }
    builder.build().unwrap()
}
