//! What can't be run says so, and nothing that comes from outside is a panic.

use proptest::prelude::*;
use twinspect_native::{Network, NetworkError, RunError};
use twinspect_onnx::{Graph, Pads, WeightFormat};

use crate::reference::{Layer, file, network};

#[test]
fn an_unknown_operator_is_named_and_left_to_another_engine() {
    let onnx = file([4, 3, 3], |g, x| g.softmax("shares", x, 1));
    let error = Network::from_onnx(&onnx).unwrap_err();
    assert_eq!(
        error.to_string(),
        "node shares: the operator Softmax is not known to this engine"
    );
}

#[test]
fn an_unknown_form_of_a_known_operator_is_told() {
    let grouped = Layer {
        groups: 2,
        ..Layer::new([4, 2, 3, 3], 1, Pads::symmetric(1), 1)
    };
    let dilated = Layer {
        dilation: 2,
        ..Layer::new([4, 4, 3, 3], 1, Pads::symmetric(2), 1)
    };
    let padded = Layer::new([4, 4, 1, 1], 1, Pads::symmetric(1), 1);
    for (onnx, expected) in [
        (
            file([4, 3, 3], |g, x| grouped.emit(g, "conv", x)),
            "2 groups",
        ),
        (
            file([4, 3, 3], |g, x| dilated.emit(g, "conv", x)),
            "dilation 2",
        ),
        (
            file([4, 3, 3], |g, x| padded.emit(g, "conv", x)),
            "pads as wide as its window",
        ),
        (
            file([4, 3, 3], |g, x| g.reduce_sum("sum", x, &[3])),
            "axes [3]",
        ),
        (
            file([4, 3, 3], |g, x| g.reshape("flat", x, &[1, 36, 1, 1])),
            "the shape [1, 36, 1, 1] of 4 channels of 3 x 3 pixels: ",
        ),
        (
            file([4, 3, 3], |g, x| {
                let row = g.constant("row", &[1, 1, 1, 3], &[1.0, 2.0, 3.0])?;
                g.add("sum", x, row)
            }),
            "[1, 1, 1, 3]",
        ),
    ] {
        let error = Network::from_onnx(&onnx).unwrap_err();
        assert!(matches!(error, NetworkError::Form { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn what_is_no_onnx_file_is_told_from_what_is_not_known() {
    let sound = file([4, 3, 3], |g, x| g.relu("y", x));
    for bytes in [&b"no network"[..], &[0xff; 64], &sound[..sound.len() / 2]] {
        let error = Network::from_onnx(bytes).unwrap_err();
        assert!(matches!(error, NetworkError::Decode(_)), "{error:?}");
    }
}

/// Nothing is asked for before all of it is known.
#[test]
fn graphs_that_want_more_memory_than_any_of_ours_are_refused() {
    let long = file([1, 1, 1], |g, x| g.resize("long", x, [20_000, 1]));
    let large = file([1, 1, 1], |g, x| {
        let mut sum = g.resize("large", x, [16_384, 4_096])?;
        for name in ["a", "b", "c", "d"] {
            let one = g.resize(name, x, [16_384, 4_096])?;
            sum = g.concat(&format!("with-{name}"), &[sum, one], 1)?;
        }
        g.reduce_sum("sum", sum, &[1])
    });
    for (onnx, expected) in [(long, "16384 rows"), (large, "values")] {
        let error = Network::from_onnx(&onnx).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn buffers_that_do_not_fit_are_refused() {
    let mut network = network([2, 3, 4], |g, x| g.relu("y", x));
    let (x, mut y) = (vec![1.0; 24], vec![0.0; 24]);
    let count = |what, expected, found| RunError::Count {
        what,
        expected,
        found,
    };
    assert_eq!(network.run(&[], &mut [&mut y]), Err(count("inputs", 1, 0)));
    assert_eq!(network.run(&[&x], &mut []), Err(count("outputs", 1, 0)));
    let length = |tensor: &str, expected, found| RunError::Length {
        tensor: tensor.to_owned(),
        expected,
        found,
    };
    assert_eq!(
        network.run(&[&x[1..]], &mut [&mut y]),
        Err(length("x", 24, 23))
    );
    assert_eq!(
        network.run(&[&x], &mut [&mut y[..5]]),
        Err(length("y", 24, 5))
    );
    assert_eq!(network.run(&[&x], &mut [&mut y]), Ok(()));
    assert_eq!(y, x);
}

/// Several inputs and outputs, one of them read by a later node too.
#[test]
fn tensors_go_by_the_graph_s_order() {
    let mut graph = Graph::new("two", WeightFormat::F16);
    let a = graph.input("a", &[1, 2, 2, 2]).unwrap();
    let b = graph.input("b", &[1, 2, 2, 2]).unwrap();
    let sum = graph.add("sum", a, b).unwrap();
    let double = graph.scale("double", sum, 2.0).unwrap();
    graph.output("twice", double).unwrap();
    graph.output("once", sum).unwrap();
    let mut network = Network::from_onnx(&graph.encode().unwrap()).unwrap();
    let names = |tensors: &[twinspect_native::TensorSpec]| -> Vec<String> {
        tensors.iter().map(|tensor| tensor.name.clone()).collect()
    };
    assert_eq!(names(network.inputs()), ["a", "b"]);
    let (mut twice, mut once) = (vec![0.0; 8], vec![0.0; 8]);
    network
        .run(&[&[1.0; 8], &[3.0; 8]], &mut [&mut twice, &mut once])
        .unwrap();
    assert_eq!((twice, once), (vec![8.0; 8], vec![4.0; 8]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// A file with some bytes changed is run, or refused; it never panics.
    #[test]
    fn damaged_files_do_not_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let layer = Layer::new([8, 3, 3, 3], 2, Pads::symmetric(1), 1);
        let mut onnx = file([3, 8, 8], |g, x| {
            let y = layer.emit(g, "conv", x)?;
            let y = g.relu("relu", y)?;
            let y = g.reshape("groups", y, &[1, 4, 2, 16])?;
            let y = g.max_pool("pool", y, [2, 1], 1, Pads::default())?;
            let y = g.reshape("plain", y, &[1, 4, 4, 4])?;
            let sum = g.reduce_sum("sum", y, &[1])?;
            let y = g.resize("resize", sum, [8, 8])?;
            g.concat("y", &[y, y], 1)
        });
        for (at, value) in changes {
            let at = at.index(onnx.len());
            onnx[at] = value;
        }
        if let Ok(mut network) = Network::from_onnx(&onnx) {
            let lengths = |tensors: &[twinspect_native::TensorSpec]| -> Vec<usize> {
                tensors.iter().map(|tensor| tensor.shape.iter().product()).collect()
            };
            let inputs: Vec<Vec<f32>> = lengths(network.inputs()).into_iter().map(|len| vec![1.0; len]).collect();
            let mut outputs: Vec<Vec<f32>> = lengths(network.outputs()).into_iter().map(|len| vec![0.0; len]).collect();
            let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
            let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
            prop_assert_eq!(network.run(&inputs, &mut outputs), Ok(()));
        }
    }
}
