use prost::Message;

use crate::proto::{ModelProto, TensorProto};
use crate::{Conv, Graph, GraphError, Kernel, Pads, Tensor, WeightFormat};

fn graph() -> Graph {
    Graph::new("test", WeightFormat::F32)
}

fn decode(graph: &Graph) -> crate::proto::GraphProto {
    let model = ModelProto::decode(&*graph.encode().unwrap()).unwrap();
    model.graph.unwrap()
}

fn kernel(dims: [usize; 4], values: &[f32]) -> Kernel<'_> {
    Kernel {
        dims,
        values: &values[..dims.iter().product()],
    }
}

const ONES: [f32; 256] = [1.0; 256];

/// Adds one operator to an input of this shape and compares the result's shape or the error.
fn check(
    input: &[usize],
    add: impl FnOnce(&mut Graph, Tensor) -> Result<Tensor, GraphError>,
    expected: Result<&[usize], &str>,
) {
    let mut graph = graph();
    let x = graph.input("x", input).unwrap();
    let found = add(&mut graph, x);
    match (&found, expected) {
        (Ok(tensor), Ok(dims)) => assert_eq!(tensor.shape().dims(), dims),
        (Err(error), Err(message)) => assert_eq!(error.to_string(), message),
        _ => panic!("{found:?} is not {expected:?}"),
    }
}

#[test]
fn convolution_shapes() {
    let conv = Conv::new(kernel([4, 3, 3, 3], &ONES), None);
    let map = [1, 3, 9, 8];
    check(&map, |g, x| g.conv("c", x, &conv), Ok(&[1, 4, 7, 6]));
    let strided = conv.stride(2).pads(Pads::symmetric(1));
    check(&map, |g, x| g.conv("c", x, &strided), Ok(&[1, 4, 5, 4]));
    let dilated = conv.dilation(3);
    check(&map, |g, x| g.conv("c", x, &dilated), Ok(&[1, 4, 3, 2]));
    let depthwise = Conv::new(kernel([3, 1, 5, 1], &ONES), Some(&ONES[..3])).groups(3);
    check(&map, |g, x| g.conv("c", x, &depthwise), Ok(&[1, 3, 5, 8]));
}

#[test]
fn convolution_mistakes() {
    let conv = Conv::new(kernel([4, 3, 3, 3], &ONES), None);
    let map = [1, 3, 9, 8];
    check(
        &[1, 5, 9, 8],
        |g, x| g.conv("c", x, &conv),
        Err("node c: weights for 3 input channels, input has 5"),
    );
    check(
        &[1, 3, 2, 8],
        |g, x| g.conv("c", x, &conv),
        Err("node c: a window of 3 px does not fit into 2 px"),
    );
    check(
        &[3, 9, 8],
        |g, x| g.conv("c", x, &conv),
        Err("node c: expected 4 axes, found shape 3x9x8"),
    );
    check(
        &map,
        |g, x| g.conv("c", x, &conv.stride(0)),
        Err("node c: strides is 0, expected at least 1"),
    );
    check(
        &map,
        |g, x| g.conv("c", x, &conv.groups(3)),
        Err("node c: groups is 3, expected a divisor of the output channels"),
    );
    let biased = Conv::new(conv.kernel, Some(&ONES[..3]));
    check(
        &map,
        |g, x| g.conv("c", x, &biased),
        Err("constant c.bias: 4 values expected, found 3"),
    );
    let short = Conv::new(
        Kernel {
            dims: [4, 3, 3, 3],
            values: &ONES[..9],
        },
        None,
    );
    check(
        &map,
        |g, x| g.conv("c", x, &short),
        Err("constant c.weight: 108 values expected, found 9"),
    );
}

#[test]
fn transposed_convolution_and_pooling() {
    let map = [1, 3, 9, 8];
    let up = kernel([3, 2, 2, 2], &ONES);
    check(
        &map,
        |g, x| g.conv_transpose_2x2("u", x, up, None),
        Ok(&[1, 2, 18, 16]),
    );
    check(
        &map,
        |g, x| g.conv_transpose_2x2("u", x, kernel([3, 2, 2, 3], &ONES), None),
        Err("node u: kernel_shape is 3, expected 2"),
    );
    check(
        &map,
        |g, x| g.conv_transpose_2x2("u", x, kernel([2, 3, 2, 2], &ONES), None),
        Err("node u: weights for 2 input channels, input has 3"),
    );
    check(
        &map,
        |g, x| g.max_pool("p", x, [3, 3], 2, Pads::symmetric(1)),
        Ok(&[1, 3, 5, 4]),
    );
    check(
        &map,
        |g, x| g.max_pool("p", x, [9, 1], 1, Pads::default()),
        Ok(&[1, 3, 1, 8]),
    );
    check(
        &map,
        |g, x| g.max_pool("p", x, [2, 2], 2, Pads::symmetric(2)),
        Err("node p: pads is 2, expected less than the window"),
    );
    check(
        &map,
        |g, x| g.max_pool("p", x, [3, 1], 1, Pads::symmetric(1)),
        Err("node p: pads is 1, expected less than the window"),
    );
}

#[test]
fn same_padding_puts_the_odd_zero_last() {
    let ends = |input, kernel, stride| {
        let pads = Pads::same([input, input], kernel, stride);
        assert_eq!((pads.top, pads.bottom), (pads.left, pads.right));
        (pads.top, pads.bottom)
    };
    assert_eq!(ends(256, 3, 2), (0, 1));
    assert_eq!(ends(256, 5, 2), (1, 2));
    assert_eq!(ends(255, 3, 2), (1, 1));
    assert_eq!(ends(16, 5, 1), (2, 2));
    assert_eq!(ends(16, 1, 2), (0, 0));
}

#[test]
fn reductions_and_products() {
    let map = [1, 3, 9, 8];
    check(&map, |g, x| g.reduce_sum("s", x, &[1]), Ok(&[1, 1, 9, 8]));
    check(
        &map,
        |g, x| g.reduce_mean("s", x, &[2, 3]),
        Ok(&[1, 3, 1, 1]),
    );
    check(
        &map,
        |g, x| g.reduce_max("s", x, &[2, 3]),
        Ok(&[1, 3, 1, 1]),
    );
    let axis = "node s: axis is 4, expected one of the operand's axes, named once";
    check(&map, |g, x| g.reduce_sum("s", x, &[4]), Err(axis));
    check(&map, |g, x| g.reduce_max("s", x, &[1, 4]), Err(axis));
    check(&map, |g, x| g.softmax("s", x, 4), Err(axis));
    check(
        &map,
        |g, x| g.reduce_mean("s", x, &[1, 1]),
        Err("node s: axis is 1, expected one of the operand's axes, named once"),
    );
    check(
        &map,
        |g, x| g.reduce_mean("s", x, &[]),
        Err("node s: number of axes is 0, expected at least 1"),
    );
    check(
        &map,
        |g, x| g.global_average_pool("s", x),
        Ok(&[1, 3, 1, 1]),
    );
    check(
        &[2, 5, 8],
        |g, x| {
            let b = g.weight("b", &[8, 4], &ONES[..32])?;
            g.mat_mul("m", x, b)
        },
        Ok(&[2, 5, 4]),
    );
    check(
        &[2, 5, 8],
        |g, x| g.mat_mul("m", x, x),
        Err("node m: shapes 2x5x8 and 2x5x8 do not fit"),
    );
}

#[test]
fn layout_shapes() {
    let map = [1, 3, 9, 8];
    check(
        &map,
        |g, x| {
            let more = g.constant("k", &[1, 2, 9, 8], &ONES[..144])?;
            g.concat("j", &[x, more, x], 1)
        },
        Ok(&[1, 8, 9, 8]),
    );
    check(
        &map,
        |g, x| {
            let other = g.constant("k", &[1, 3, 9, 7], &ONES[..189])?;
            g.concat("j", &[x, other], 1)
        },
        Err("node j: shapes 1x3x9x8 and 1x3x9x7 do not fit"),
    );
    check(
        &map,
        |g, x| g.concat("j", &[], 1).map(|_| x),
        Err("node j: number of inputs is 0, expected at least 1"),
    );
    check(&map, |g, x| g.reshape("r", x, &[3, 72]), Ok(&[3, 72]));
    check(
        &map,
        |g, x| g.reshape("r", x, &[3, 71]),
        Err("node r: shapes 1x3x9x8 and 3x71 do not fit"),
    );
    check(&map, |g, x| g.resize("r", x, [18, 5]), Ok(&[1, 3, 18, 5]));
    check(
        &map,
        |g, x| g.resize("r", x, [0, 5]),
        Err("r: [1, 3, 0, 5] is not a shape"),
    );
}

#[test]
fn broadcasting_of_elementwise_operators() {
    check(
        &[1, 3, 9, 8],
        |g, x| {
            let mean = g.constant("mean", &[3, 1, 1], &[1.0, 2.0, 3.0])?;
            g.sub("centred", x, mean)
        },
        Ok(&[1, 3, 9, 8]),
    );
    check(
        &[1, 3, 9, 8],
        |g, x| {
            let mean = g.constant("mean", &[3], &[1.0, 2.0, 3.0])?;
            g.sub("centred", x, mean)
        },
        Err("node centred: shapes 1x3x9x8 and 3 do not fit"),
    );
}

#[test]
fn handles_of_another_graph_are_refused() {
    let mut other = graph();
    let foreign = other.input("x", &[1, 3, 9, 8]).unwrap();
    let message = "node y: an operand belongs to another graph";
    check(&[1, 3, 9, 8], |g, _| g.relu("y", foreign), Err(message));
    check(&[1, 3, 9, 8], |g, x| g.add("y", x, foreign), Err(message));
    check(
        &[1, 3, 9, 8],
        |g, x| g.output("y", foreign).map(|()| x),
        Err(message),
    );
}

#[test]
fn names_are_scoped_unique_and_marked_in_heads() {
    let mut graph = graph();
    let x = graph.input("x", &[1, 2, 4, 4]).unwrap();
    graph.within("rgb", |graph| {
        let a = graph.relu("relu", x).unwrap();
        let b = graph.relu("relu", a).unwrap();
        graph.distance_head("fine", a, b).unwrap();
    });
    let y = graph.relu("rgb.relu", x).unwrap();
    graph.output("map", y).unwrap();
    let names: Vec<&str> = graph.node_names().collect();
    assert_eq!(names[..2], ["rgb.relu", "rgb.relu_2"]);
    assert_eq!(names[2], "head.rgb.fine.teacher.square");
    assert_eq!(names[names.len() - 1], "rgb.relu_3");
    let heads = names.iter().filter(|name| name.starts_with("head."));
    assert_eq!(heads.count(), names.len() - 3);
}

#[test]
fn unusable_names_are_refused() {
    let mut graph = graph();
    let x = graph.input("x", &[1, 2, 4, 4]).unwrap();
    let duplicate = GraphError::DuplicateName { name: "x".into() };
    assert_eq!(graph.input("x", &[1]), Err(duplicate.clone()));
    assert_eq!(graph.output("x", x), Err(duplicate));
    for name in ["", "two words", "a/b", "ä"] {
        let refused = GraphError::Name { name: name.into() };
        assert_eq!(graph.input(name, &[1]), Err(refused.clone()));
        assert_eq!(graph.relu(name, x), Err(refused));
    }
}

#[test]
fn outputs_carry_their_names() {
    let mut graph = graph();
    let x = graph.input("x", &[1, 2, 4, 4]).unwrap();
    let y = graph.relu("y", x).unwrap();
    let z = graph.relu("z", y).unwrap();
    for (name, tensor) in [("first", y), ("again", y), ("z", z), ("same", x)] {
        graph.output(name, tensor).unwrap();
    }
    let proto = decode(&graph);
    let outputs: Vec<_> = proto.output.iter().map(|v| v.name().to_owned()).collect();
    assert_eq!(outputs, ["first", "again", "z", "same"]);
    let wires: Vec<String> = proto
        .node
        .iter()
        .map(|n| format!("{}({})={}", n.op_type(), n.input[0], n.output[0]))
        .collect();
    let expected = [
        "Relu(x)=first",
        "Relu(first)=z",
        "Identity(first)=again",
        "Identity(x)=same",
    ];
    assert_eq!(wires, expected);
    assert!(proto.value_info.is_empty());
}

#[test]
fn a_graph_needs_an_output() {
    let graph = graph();
    let error = graph.encode().unwrap_err();
    assert_eq!(error.to_string(), "graph test has no outputs");
}

fn weighted(format: WeightFormat, weight: f32) -> Result<Graph, GraphError> {
    let mut graph = Graph::new("test", format);
    let x = graph.input("x", &[1, 1, 4, 4])?;
    let kernel = Kernel {
        dims: [1, 1, 1, 1],
        values: &[weight],
    };
    let y = graph.conv("conv", x, &Conv::new(kernel, Some(&[0.1])))?;
    graph.output("y", y)?;
    Ok(graph)
}

#[test]
fn half_weights_are_cast_and_biases_are_not() {
    let proto = decode(&weighted(WeightFormat::F16, 1.5).unwrap());
    let stored: Vec<(&str, i32, &[u8])> = proto
        .initializer
        .iter()
        .map(|t: &TensorProto| (t.name(), t.data_type(), t.raw_data()))
        .collect();
    let bias = 0.1_f32.to_le_bytes();
    assert_eq!(
        stored,
        [
            ("conv.weight.f16", 10, &[0x00, 0x3e][..]),
            ("conv.bias", 1, &bias[..])
        ]
    );
    assert_eq!(proto.node[0].op_type(), "Cast");
    assert_eq!(proto.node[0].name(), "conv.weight");
    assert_eq!(proto.node[1].input, ["x", "conv.weight", "conv.bias"]);
}

#[test]
fn weights_that_cannot_be_stored_are_refused() {
    let error = weighted(WeightFormat::F16, 70_000.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "constant conv.weight: value 0 is 70000, beyond the range of f16"
    );
    assert!(error.hint().is_some());
    assert!(weighted(WeightFormat::F32, 70_000.0).is_ok());
    let error = weighted(WeightFormat::F32, f32::NAN).unwrap_err();
    assert_eq!(error.to_string(), "constant conv.weight: value 0 is NaN");
}

#[test]
fn the_same_graph_gives_the_same_bytes() {
    let encode = || weighted(WeightFormat::F16, 1.5).unwrap().encode().unwrap();
    assert_eq!(encode(), encode());
    let other = weighted(WeightFormat::F16, 1.25).unwrap();
    assert_ne!(encode(), other.encode().unwrap());
}

/// `x -> Concat along axis 0 -> y`, written out by hand from the field numbers of onnx.proto. The
/// attribute's zero must be present in the file.
#[test]
fn the_bytes_of_a_tiny_model() {
    let mut graph = Graph::new("g", WeightFormat::F32);
    let x = graph.input("x", &[3]).unwrap();
    let y = graph.concat("n", &[x], 0).unwrap();
    graph.output("y", y).unwrap();

    let field = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
    let value = |name: &str| {
        let dim = field(0x0a, &[0x08, 3]);
        let tensor = [vec![0x08, 1], field(0x12, &dim)].concat();
        [
            field(0x0a, name.as_bytes()),
            field(0x12, &field(0x0a, &tensor)),
        ]
        .concat()
    };
    let attribute = [field(0x0a, b"axis"), vec![0x18, 0], vec![0xa0, 0x01, 2]].concat();
    let node = [
        field(0x0a, b"x"),
        field(0x12, b"y"),
        field(0x1a, b"n"),
        field(0x22, b"Concat"),
        field(0x2a, &attribute),
    ]
    .concat();
    let inner = [
        field(0x0a, &node),
        field(0x12, b"g"),
        field(0x5a, &value("x")),
        field(0x62, &value("y")),
    ]
    .concat();
    let expected = [
        vec![0x08, 8],
        field(0x12, b"twinspect"),
        field(0x1a, env!("CARGO_PKG_VERSION").as_bytes()),
        field(0x3a, &inner),
        field(0x42, &[field(0x0a, b""), vec![0x10, 17]].concat()),
    ]
    .concat();
    assert_eq!(graph.encode().unwrap(), expected);
}
