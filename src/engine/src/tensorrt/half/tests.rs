use std::collections::BTreeMap;

use twinspect_bundle::Bundle;
use twinspect_core::modality::Modality;
use twinspect_onnx::{Conv, Graph, Kernel, WeightFormat};

use super::*;

const FLOAT: i32 = DataType::Float as i32;
const HALF: i32 = DataType::Float16 as i32;

/// The types of all values of a network, which must be those that its operators demand: ONNX knows no others.
fn types(onnx: &[u8]) -> BTreeMap<String, i32> {
    let graph = ModelProto::decode(onnx).unwrap().graph.unwrap();
    let mut types = BTreeMap::new();
    for input in &graph.input {
        types.insert(input.name.clone(), FLOAT);
    }
    for constant in &graph.initializer {
        types.insert(constant.name.clone(), constant.data_type);
    }
    for node in &graph.node {
        let floats = node.input.iter().filter(|name| !name.is_empty());
        let floats = floats
            .map(|name| {
                *types
                    .get(name)
                    .unwrap_or_else(|| panic!("{name} comes later"))
            })
            .filter(|&found| found == FLOAT || found == HALF);
        let floats: HashSet<i32> = floats.collect();
        assert_eq!(floats.len(), 1, "{} reads several types", node.name);
        let found = match node.op_type.as_str() {
            "Cast" => i32::try_from(node.attribute[0].i).unwrap(),
            _ => floats.into_iter().next().unwrap(),
        };
        for output in &node.output {
            let before = types.insert(output.clone(), found);
            assert_eq!(before, None, "{output} is there twice");
        }
    }
    for output in &graph.output {
        assert_eq!(types.get(&output.name), Some(&FLOAT), "{}", output.name);
    }
    types
}

fn kernel(values: &[f32; 1]) -> Kernel<'_> {
    Kernel {
        dims: [1, 1, 1, 1],
        values,
    }
}

/// Two convolutions with a root between them, and a sum after them.
fn network(weights: WeightFormat, factor: f32) -> Vec<u8> {
    let mut graph = Graph::new("test", weights);
    let input = graph.input("picture", &[1, 1, 4, 4]).unwrap();
    let bias = [0.5];
    let factor = [factor];
    let conv = Conv::new(kernel(&factor), Some(&bias));
    let first = graph.conv("first", input, &conv).unwrap();
    let root = graph.sqrt("root", first).unwrap();
    let second = graph.conv("second", root, &conv).unwrap();
    let sum = graph.add("sum", second, first).unwrap();
    let head = graph.head(|graph| graph.mul("square", sum, sum)).unwrap();
    graph.output("map", head).unwrap();
    graph.output("features", sum).unwrap();
    graph.encode().unwrap()
}

#[test]
fn the_prefix_is_the_exporter_s() {
    assert_eq!(HEAD_PREFIX, twinspect_onnx::HEAD_PREFIX);
}

#[test]
fn shipped_networks_have_16_bits_in_all_but_their_heads() {
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/cap.twb");
    let bundle = Bundle::open(bundle).unwrap();
    for (modality, least) in [(Modality::Rgb, 90), (Modality::Geometry, 30)] {
        let onnx = bundle.stage_model(modality).unwrap();
        let halved = halve(onnx).unwrap();
        let types = types(&halved.typed);
        let before = ModelProto::decode(onnx).unwrap().graph.unwrap();
        let mut halves = 0;
        for node in before.node.iter().filter(|node| node.op_type != "Cast") {
            let is_head = node.name.starts_with(HEAD_PREFIX);
            let expected = if is_head { FLOAT } else { HALF };
            assert_eq!(types[&node.output[0]], expected, "{}", node.name);
            assert_eq!(halved.nodes.contains(&node.name), !is_head);
            halves += usize::from(!is_head);
        }
        assert!(halves >= least, "{modality}: {halves}");
        // Weights are stored once.
        assert!(halved.typed.len() <= onnx.len(), "{}", halved.typed.len());
    }
}

#[test]
fn what_does_not_bear_16_bits_keeps_32_whatever_it_is_called() {
    for weights in [WeightFormat::F32, WeightFormat::F16] {
        let halved = halve(&network(weights, 2.0)).unwrap();
        assert_eq!(halved.nodes, ["first", "second", "sum"]);
        let types = types(&halved.typed);
        let of = |name: &str| types[name];
        assert_eq!(["first", "second"].map(of), [HALF; 2]);
        assert_eq!(["root", "map", "features"].map(of), [FLOAT; 3]);
    }
}

#[test]
fn a_network_that_is_a_head_alone_stays_as_it_is() {
    let mut graph = Graph::new("test", WeightFormat::F16);
    let input = graph.input("evidence", &[1, 1, 4, 4]).unwrap();
    let map = graph
        .head(|graph| {
            let conv = Conv::new(kernel(&[0.1]), None);
            graph.conv("smooth", input, &conv)
        })
        .unwrap();
    graph.output("map", map).unwrap();
    let halved = halve(&graph.encode().unwrap()).unwrap();
    assert_eq!(halved.nodes, [""; 0]);
    assert!(types(&halved.typed).values().all(|&found| found == FLOAT));
}

#[test]
fn weights_that_16_bits_can_t_hold_are_told() {
    match halve(&network(WeightFormat::F32, 1e6)) {
        Err(HalfError::Range { constant, value }) => {
            assert_eq!((constant.as_str(), value), ("first.weight", 1e6));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_network_is_told() {
    assert!(matches!(halve(b"garbage"), Err(HalfError::Read(_))));
    assert!(matches!(halve(b""), Err(HalfError::NoGraph)));
    let mut model = ModelProto::decode(&network(WeightFormat::F32, 2.0)[..]).unwrap();
    for constant in &mut model.graph.as_mut().unwrap().initializer {
        constant.dims = vec![i64::MAX, i64::MAX];
    }
    let error = halve(&model.encode_to_vec());
    assert!(matches!(error, Err(HalfError::Storage { .. })), "{error:?}");

    let mut model = ModelProto::decode(&network(WeightFormat::F32, 2.0)[..]).unwrap();
    model.graph.as_mut().unwrap().node[1].attribute = vec![AttributeProto {
        name: "then_branch".to_owned(),
        g: Some(GraphProto::default()),
        ..AttributeProto::default()
    }];
    let error = halve(&model.encode_to_vec());
    assert!(
        matches!(error, Err(HalfError::Subgraph { .. })),
        "{error:?}"
    );
}

#[test]
fn sums_and_joins_of_what_may_be_whole_numbers_stay_as_they_are() {
    let mut graph = Graph::new("test", WeightFormat::F32);
    let input = graph.input("picture", &[1, 1, 4, 4]).unwrap();
    let sum = graph.add("sum", input, input).unwrap();
    let conv = Conv::new(kernel(&[0.5]), None);
    let conv = graph.conv("conv", sum, &conv).unwrap();
    graph.output("map", conv).unwrap();
    let halved = halve(&graph.encode().unwrap()).unwrap();
    assert_eq!(halved.nodes, ["conv"]);
    assert_eq!(types(&halved.typed)["sum"], FLOAT);
}
