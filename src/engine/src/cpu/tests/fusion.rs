//! Fusion stages that can't be used.

use prost::Message as _;
use tract_onnx::pb::ModelProto;
use twinspect_bundle::Manifest;

use super::*;
use crate::conformance::fixture::fusion;

/// What loading says about a bundle whose manifest or fusion network was changed.
fn of_fusion(change: fn(&mut Manifest), network: Vec<u8>) -> EngineError {
    let mut manifest = manifest(Senses::Fused);
    change(&mut manifest);
    let builder = builder(manifest, Twist::None).fusion_model(network);
    refused(&builder.build().unwrap())
}

#[test]
fn a_fusion_network_that_is_none_is_refused() {
    let whole = fusion::onnx(Twist::None);
    let cut = whole[..whole.len() / 2].to_vec();
    for network in [
        b"this is no network".to_vec(),
        cut,
        Vec::new(),
        onnx(Modality::Rgb, Twist::None),
    ] {
        let error = of_fusion(|_| (), network);
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
    let error = of_fusion(more_views, fusion::onnx(Twist::None));
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
        let error = of_fusion(|_| (), renamed(from, "other"));
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
