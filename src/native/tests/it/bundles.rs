//! The bundles that ship: their networks reproduce their goldens.

use std::num::NonZero;
use std::path::Path;

use twinspect_bundle::Bundle;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{PreparedPart, Preparer};
use twinspect_native::Network;

#[test]
fn shipped_networks_reproduce_their_goldens() {
    for name in ["cap", "bracket"] {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let bundle = Bundle::open(models.join(format!("{name}.twb"))).unwrap();
        let manifest = bundle.manifest();
        let mut preparer = Preparer::new(&manifest.prepare).unwrap();
        let mut part = PreparedPart::new(&manifest.prepare);
        let goldens = bundle.goldens().unwrap();
        assert!(!goldens.is_empty());
        for (modality, stage) in manifest.stages.present() {
            let onnx = bundle.stage_model(modality).unwrap();
            let mut network = Network::from_onnx(onnx).unwrap();
            assert_eq!(network.inputs()[0].name, stage.input);
            assert_eq!(network.inputs()[0].shape, stage.input_shape);
            assert_eq!(network.outputs()[0].name, stage.output);
            assert_eq!(network.outputs()[0].shape, stage.output_shape);
            for golden in &goldens {
                preparer.prepare(&golden.frame, &mut part).unwrap();
                let Some(expected) = golden.maps.get(modality) else {
                    continue;
                };
                let input = match modality {
                    Modality::Rgb => &part.rgb,
                    Modality::Geometry => &part.geometry,
                };
                let mut found = vec![0.0; expected.data.len()];
                network.run(&[input], &mut [&mut found]).unwrap();
                let plane = expected.side * expected.side;
                for (map, (found, expected)) in found.chunks(plane).zip(expected.maps()).enumerate()
                {
                    let least = expected.iter().copied().fold(f32::INFINITY, f32::min);
                    let largest = expected.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
                    let worst = differences.fold(0.0, f32::max) / (largest - least);
                    assert!(
                        worst <= manifest.tolerance.f32,
                        "{name}, golden {}, {modality} map {map}: {worst:.1e} of the range",
                        golden.name
                    );
                }
            }
        }
    }
}

#[test]
fn any_number_of_threads_makes_the_same_bits() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let bundle = Bundle::open(models.join("cap.twb")).unwrap();
    for (modality, stage) in bundle.manifest().stages.present() {
        let onnx = bundle.stage_model(modality).unwrap();
        let len: usize = stage.input_shape.iter().product();
        let input: Vec<f32> = (0..len)
            .map(|at| (at * 7919 % 1009) as f32 / 1009.0)
            .collect();
        let answer = |threads: usize| {
            let mut network = Network::for_threads(onnx, NonZero::new(threads).unwrap()).unwrap();
            let mut answer = vec![0.0; stage.output_shape.iter().product()];
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().unwrap();
            // Twice: what the first run leaves in the buffers must not show.
            for _ in 0..2 {
                pool.install(|| network.run(&[&input], &mut [&mut answer]))
                    .unwrap();
            }
            answer.into_iter().map(f32::to_bits).collect::<Vec<u32>>()
        };
        let alone = answer(1);
        for threads in [2, 3, 4, 7] {
            assert!(answer(threads) == alone, "{modality}, {threads} threads");
        }
    }
}
