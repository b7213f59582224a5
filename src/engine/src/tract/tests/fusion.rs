//! Networks of several inputs, and fusion stages that can't be used.

use twinspect_bundle::Manifest;

use super::*;
use crate::conformance::fixture::fusion;

/// `first - 2 second`, for inputs of different widths.
fn weigher() -> Vec<u8> {
    let mut graph = Graph::new("weigher", WeightFormat::F32);
    let first = graph.input("first", &[1, 2, 2, 2]).unwrap();
    let second = graph.input("second", &[1, 1, 2, 2]).unwrap();
    let double = graph.scale("double", second, 2.0).unwrap();
    let difference = graph.sub("difference", first, double).unwrap();
    graph.output("difference_out", difference).unwrap();
    graph.encode().unwrap()
}

const SHAPES: [&[usize]; 2] = [&[1, 2, 2, 2], &[1, 1, 2, 2]];

#[test]
fn several_inputs_are_told_apart_by_their_order() {
    let mut model = Model::with_inputs(&weigher(), &SHAPES).unwrap();
    let names: Vec<&str> = model.inputs().iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    for seed in 0..3 {
        let (first, second) = (noise(seed, 8), noise(seed + 10, 4));
        let mut found = [0.0; 8];
        let run = model.run_all_into(&[&first, &second], &mut [&mut found]);
        run.unwrap();
        for (index, found) in found.iter().enumerate() {
            assert_eq!(*found, first[index] - 2.0 * second[index % 4]);
        }
    }
}

#[test]
fn every_input_has_its_shape_and_its_values() {
    let refused = |shapes: &[&[usize]]| Model::with_inputs(&weigher(), shapes).unwrap_err();
    let error = refused(&SHAPES[..1]);
    assert!(
        matches!(&error, ModelError::Inputs { expected: 1, found } if found.len() == 2),
        "{error:?}"
    );
    let error = refused(&[SHAPES[1], SHAPES[0]]);
    assert!(
        matches!(&error, ModelError::InputShape { tensor, .. } if tensor == "first"),
        "{error:?}"
    );
    let mut model = Model::with_inputs(&weigher(), &SHAPES).unwrap();
    let mut room = [0.0; 8];
    for inputs in [&[&[0.0; 8][..], &[0.0; 8]][..], &[&[0.0; 8]]] {
        let error = model.run_all_into(inputs, &mut [&mut room]).unwrap_err();
        assert!(
            matches!(&error, ModelError::InputLength { tensor, expected: 4, .. } if tensor == "second"),
            "{error:?}"
        );
    }
    let error = model.run(&[0.0; 8]).unwrap_err();
    assert!(matches!(error, ModelError::InputLength { found: 0, .. }));
}

/// What loading says about a bundle whose manifest or fusion network was changed.
fn refused(change: fn(&mut Manifest), network: Vec<u8>) -> EngineError {
    let mut manifest = manifest(Senses::Fused);
    change(&mut manifest);
    let builder = builder(manifest, Twist::None).fusion_model(network);
    TractEngine::load(&builder.build().unwrap()).unwrap_err()
}

#[test]
fn a_fusion_network_that_is_none_is_refused() {
    let whole = fusion::onnx(Twist::None);
    let cut = whole[..whole.len() / 2].to_vec();
    for network in [b"this is no network".to_vec(), cut, Vec::new(), good()] {
        let error = refused(|_| (), network);
        let stage = StageName::Fusion;
        assert!(
            matches!(&error, EngineError::Load { stage: s, .. } if *s == stage),
            "{error:?}"
        );
        assert!(error.to_string().contains("fusion") && error.hint().is_some());
    }
}

#[test]
fn a_fusion_network_of_another_product_is_refused() {
    let more_views = |manifest: &mut Manifest| {
        let rgb = manifest.score.modalities.rgb.as_mut().unwrap();
        rgb.views.push(rgb.views[0]);
        manifest.stages.fusion.as_mut().unwrap().inputs.evidence_rgb[1] += 1;
    };
    let error = refused(more_views, fusion::onnx(Twist::None));
    assert!(
        matches!(
            &error,
            EngineError::Load {
                stage: StageName::Fusion,
                source: ModelError::InputShape { .. }
            }
        ),
        "{error:?}"
    );
    let renamed = |from: &str, to: &str| {
        let mut proto = ModelProto::decode(fusion::onnx(Twist::None).as_slice()).unwrap();
        let graph = proto.graph.as_mut().unwrap();
        let rename = |name: &mut String| {
            if name == from {
                *name = to.to_owned();
            }
        };
        graph.input.iter_mut().for_each(|i| rename(&mut i.name));
        graph.output.iter_mut().for_each(|o| rename(&mut o.name));
        for node in &mut graph.node {
            node.input.iter_mut().for_each(rename);
            node.output.iter_mut().for_each(rename);
        }
        proto.encode_to_vec()
    };
    for (from, what) in [("valid", "inputs"), ("weight", "outputs")] {
        let error = refused(|_| (), renamed(from, "other"));
        assert!(
            matches!(
                &error,
                EngineError::Interface { stage: StageName::Fusion, what: w, found, .. }
                    if *w == what && found.contains("other")
            ),
            "{error:?}"
        );
    }
}
