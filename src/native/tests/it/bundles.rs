//! The bundles that ship: their networks reproduce their goldens.

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
