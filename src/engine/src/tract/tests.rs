mod several;

use prost::Message as _;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, StringStringEntryProto};
use twinspect_onnx::{Graph, WeightFormat};

use twinspect_core::modality::Modality;

use super::*;
use crate::conformance::fixture::{Twist, noise, onnx};

const SHAPE: [usize; 4] = [1, 3, 64, 64];

fn good() -> Vec<u8> {
    onnx(Modality::Rgb, Twist::None)
}

/// Changes the colour network's file and returns what is said about it.
fn refused(change: impl FnOnce(&mut GraphProto)) -> ModelError {
    let mut proto = ModelProto::decode(good().as_slice()).unwrap();
    change(proto.graph.as_mut().unwrap());
    Model::from_bytes(&proto.encode_to_vec(), &SHAPE).expect_err("must be refused")
}

#[test]
fn a_network_answers_all_its_outputs_in_the_order_of_the_file() {
    let mut graph = Graph::new("three", WeightFormat::F32);
    let x = graph.input("x", &[1, 2, 3, 3]).unwrap();
    let double = graph.scale("double", x, 2.0).unwrap();
    let mean = graph.global_average_pool("mean", double).unwrap();
    graph.output("z", mean).unwrap();
    graph.output("a", double).unwrap();
    let mut model = Model::from_bytes(&graph.encode().unwrap(), &[1, 2, 3, 3]).unwrap();
    let names: Vec<&str> = model.outputs().iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, ["z", "a"]);
    assert_eq!(model.outputs()[0].shape, [1, 2, 1, 1]);
    assert_eq!(model.inputs()[0].len(), 18);
    for seed in 0..3 {
        let input = noise(seed, 18);
        let [means, doubles]: [Vec<f32>; 2] = model.run(&input).unwrap().try_into().unwrap();
        for (found, value) in doubles.iter().zip(&input) {
            assert_eq!(*found, 2.0 * value);
        }
        for (found, channel) in means.iter().zip(doubles.chunks_exact(9)) {
            assert!((found - channel.iter().sum::<f32>() / 9.0).abs() < 1e-6);
        }
    }
}

#[test]
fn inputs_and_buffers_of_another_length_are_refused() {
    let mut model = Model::from_bytes(&good(), &SHAPE).unwrap();
    let error = model.run(&[0.0; 7]).unwrap_err();
    assert!(matches!(
        error,
        ModelError::InputLength {
            expected: 12_288,
            found: 7,
            ..
        }
    ));
    let input = vec![0.5; 12_288];
    let error = model.run_into(&input, &mut [&mut [0.0; 5]]).unwrap_err();
    assert!(matches!(error, ModelError::OutputRoom { found: 5, .. }));
    let error = model.run_into(&input, &mut []).unwrap_err();
    assert!(matches!(error, ModelError::OutputRoom { found: 0, .. }));
    model.run(&input).unwrap();
}

#[test]
fn an_answer_that_is_no_number_is_named() {
    let mut model = Model::from_bytes(&onnx(Modality::Rgb, Twist::NotNumbers), &SHAPE).unwrap();
    let error = model.run(&vec![0.5; 12_288]).unwrap_err();
    assert!(
        matches!(&error, ModelError::NotFinite { tensor, index: 0, .. } if tensor == "rgb_maps"),
        "{error:?}"
    );
}

#[test]
fn what_is_no_network_is_refused() {
    assert!(matches!(
        Model::from_bytes(b"", &SHAPE),
        Err(ModelError::NoGraph)
    ));
    assert!(matches!(
        Model::from_bytes(b"this is a letter, not a network", &SHAPE),
        Err(ModelError::Read(_))
    ));
}

#[test]
fn weights_in_other_files_are_refused() {
    let error = refused(|graph| {
        let weights = &mut graph.initializer[0];
        weights.raw_data.clear();
        weights.data_location = Some(1);
        weights.external_data.push(StringStringEntryProto {
            key: "location".to_owned(),
            value: "/etc/passwd".to_owned(),
        });
    });
    assert!(
        matches!(error, ModelError::ExternalData { .. }),
        "{error:?}"
    );
}

#[test]
fn loops_branches_and_floods_of_nodes_are_refused() {
    let error = refused(|graph| {
        graph.node[0].attribute.push(AttributeProto {
            name: "body".to_owned(),
            g: Some(GraphProto::default()),
            ..AttributeProto::default()
        });
    });
    assert!(matches!(error, ModelError::Subgraph { .. }), "{error:?}");
    let error = refused(|graph| graph.node = vec![graph.node[0].clone(); 10_001]);
    assert!(
        matches!(error, ModelError::TooManyNodes { found: 10_001, .. }),
        "{error:?}"
    );
}

#[test]
fn inputs_and_outputs_are_what_they_should_be() {
    let error = refused(|graph| graph.input.clear());
    assert!(
        matches!(&error, ModelError::Inputs { found, .. } if found.is_empty()),
        "{error:?}"
    );
    let error = refused(|graph| {
        let mut second = graph.input[0].clone();
        second.name = "second".to_owned();
        graph.input.push(second);
    });
    assert!(
        matches!(&error, ModelError::Inputs { found, .. } if found.len() == 2),
        "{error:?}"
    );
    let error = refused(|graph| graph.input[0].r#type = None);
    assert!(matches!(error, ModelError::InputType { .. }), "{error:?}");
    let error = refused(|graph| {
        let Some(Type::TensorType(tensor)) = graph.input[0].r#type.as_mut().unwrap().value.as_mut()
        else {
            panic!();
        };
        tensor.elem_type = 10;
    });
    assert!(matches!(error, ModelError::InputType { .. }), "{error:?}");
    let error = Model::from_bytes(&good(), &[1, 3, 128, 128]).unwrap_err();
    assert!(
        matches!(&error, ModelError::InputShape { found, .. } if found == "[1, 3, 64, 64]"),
        "{error:?}"
    );
    let error = refused(|graph| graph.output.clear());
    assert!(matches!(error, ModelError::NoOutput), "{error:?}");
    let error = refused(|graph| graph.output[0].name = "nowhere".to_owned());
    assert!(
        matches!(&error, ModelError::Undefined { tensor } if tensor == "nowhere"),
        "{error:?}"
    );
    let error = refused(|graph| graph.node[0].input[0] = "nowhere".to_owned());
    assert!(matches!(error, ModelError::Undefined { .. }), "{error:?}");
}

#[test]
fn graphs_that_cannot_be_planned_are_refused() {
    let error = refused(|graph| graph.node[0].op_type = "Teleport".to_owned());
    assert!(matches!(error, ModelError::Plan(_)), "{error:?}");
    let error = refused(|graph| graph.initializer[0].dims[1] += 1);
    assert!(
        matches!(error, ModelError::Plan(_) | ModelError::Panic { .. }),
        "{error:?}"
    );
    let error = refused(|graph| graph.node[0].input.truncate(1));
    assert!(
        matches!(error, ModelError::Plan(_) | ModelError::Panic { .. }),
        "{error:?}"
    );
    // A ring: the first node waits for the last.
    let error = refused(|graph| {
        let last = graph.node.last().unwrap().output[0].clone();
        graph.node[0].input[0] = last;
    });
    assert!(
        matches!(error, ModelError::Plan(_) | ModelError::Panic { .. }),
        "{error:?}"
    );
}

/// Nothing is computed before it is known that it ends.
#[test]
fn networks_that_would_eat_time_or_memory_are_refused_before_they_run() {
    let refused = |size, relus: usize| {
        let mut graph = Graph::new("large", WeightFormat::F32);
        let x = graph.input("x", &[1, 1, 8, 8]).unwrap();
        let mut y = graph.resize("wide", x, size).unwrap();
        for number in 0..relus {
            y = graph.relu(&format!("relu{number}"), y).unwrap();
        }
        let y = graph.reduce_sum("sum", y, &[1]).unwrap();
        graph.output("y", y).unwrap();
        let onnx = graph.encode().unwrap();
        Model::from_bytes(&onnx, &[1, 1, 8, 8]).expect_err("must be refused")
    };
    let wide = refused([16_384, 4_097], 0);
    let ModelError::TooLarge { what, found, .. } = &wide else {
        panic!("{wide:?}");
    };
    assert!(what.contains("wide"), "{what}");
    assert_eq!(*found, 16_384 * 4_097);
    let long = refused([16_384, 4_096], 32);
    assert!(
        matches!(&long, ModelError::TooLarge { what, .. } if what == "all tensors together"),
        "{long:?}"
    );
}

#[test]
fn an_open_batch_size_is_closed_by_the_shape_that_is_asked_for() {
    let mut proto = ModelProto::decode(good().as_slice()).unwrap();
    let graph = proto.graph.as_mut().unwrap();
    let Some(Type::TensorType(tensor)) = graph.input[0].r#type.as_mut().unwrap().value.as_mut()
    else {
        panic!();
    };
    tensor.shape.as_mut().unwrap().dim[0].value = Some(Dimension::DimParam("n".to_owned()));
    let mut open = Model::from_bytes(&proto.encode_to_vec(), &SHAPE).unwrap();
    let mut closed = Model::from_bytes(&good(), &SHAPE).unwrap();
    let input = noise(4, 12_288);
    assert_eq!(open.run(&input).unwrap(), closed.run(&input).unwrap());
}

#[test]
fn damaged_networks_never_panic() {
    let bytes = good();
    for length in (0..bytes.len()).step_by(37) {
        assert!(
            Model::from_bytes(&bytes[..length], &SHAPE).is_err(),
            "{length}"
        );
    }
}

#[test]
fn half_precision_weights_are_read() {
    let mut graph = Graph::new("half", WeightFormat::F16);
    let x = graph.input("x", &[1, 1, 2, 2]).unwrap();
    let kernel = twinspect_onnx::Kernel {
        dims: [1, 1, 1, 1],
        values: &[0.333_251_95],
    };
    let conv = twinspect_onnx::Conv::new(kernel, None);
    let y = graph.conv("conv", x, &conv).unwrap();
    graph.output("y", y).unwrap();
    let mut model = Model::from_bytes(&graph.encode().unwrap(), &[1, 1, 2, 2]).unwrap();
    let found = model.run(&[1.0, -2.0, 3.0, 0.0]).unwrap();
    assert_eq!(found, [[0.333_251_95, -0.666_503_9, 0.999_755_86, 0.0]]);
}
