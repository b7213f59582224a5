//! What the training engine computes is what the exported graph computes in the device's engine, operator by operator.

use std::error::Error;

use twinspect_engine::tract::Model;
use twinspect_nn::{
    Activation, Attention, Authority, Depthwise, Evidence, GatedAdd, Rng, Shape, Tensor, concat,
    convex_gate, global_max, global_mean, resize, scale_channels, sigmoid,
};
use twinspect_onnx::{Conv, Graph, GraphError, Kernel, Pads, Tensor as Node, WeightFormat};

type Outcome = Result<(), Box<dyn Error>>;

const SHAPE: Shape = Shape::new(1, 5, 7, 4);

/// Runs `add`'s graph on `x` and compares with what the trainer computed.
fn check(
    what: &str,
    x: &Activation,
    y: &Activation,
    add: impl FnOnce(&mut Graph, Node) -> Result<Node, GraphError>,
) -> Outcome {
    let dims = |shape: Shape| [shape.n, shape.c, shape.h, shape.w];
    let mut graph = Graph::new("operator", WeightFormat::F32);
    let input = graph.input("x", &dims(x.shape()))?;
    let output = add(&mut graph, input)?;
    graph.output("y", output)?;
    let mut model = Model::from_bytes(&graph.encode()?, &dims(x.shape()))?;
    let found = model.run(&x.value().to_nchw())?.concat();
    let expected = y.value().to_nchw();
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0f32, |max, v| max.max(v.abs()));
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (found - expected).abs() / largest;
        assert!(error < 3e-6, "{what}[{i}]: {found} instead of {expected}");
    }
    Ok(())
}

fn random(shape: Shape, seed: u64) -> Activation {
    let mut rng = Rng::new(seed);
    let values: Vec<f32> = (0..shape.len()).map(|_| rng.normal() as f32).collect();
    Activation::constant(Tensor::from_nchw(shape, &values))
}

/// One channel of `x`.
fn channel(graph: &mut Graph, x: Node, channel: usize) -> Result<Node, GraphError> {
    let mut values = vec![0.0; x.shape().dims()[1]];
    values[channel] = 1.0;
    let kernel = Kernel {
        dims: [1, values.len(), 1, 1],
        values: &values,
    };
    graph.conv("channel", x, &Conv::new(kernel, None))
}

#[test]
fn depthwise_convolutions() -> Outcome {
    for dilation in [1, 2] {
        let mut layer = Depthwise::new(SHAPE.c, dilation, &mut Rng::new(1)).with_bias();
        layer
            .bias_mut()
            .unwrap()
            .copy_from_slice(&[0.1, -0.2, 0.3, 0.0]);
        let (x, mut y) = (random(SHAPE, 2), Activation::new());
        layer.forward(&x, &mut y);
        let (dims, values) = (layer.weight_onnx_shape(), layer.weight_onnx());
        check("depthwise", &x, &y, |graph, x| {
            let conv = Conv::new(
                Kernel {
                    dims,
                    values: &values,
                },
                layer.bias(),
            )
            .groups(SHAPE.c)
            .dilation(dilation)
            .pads(Pads::symmetric(dilation));
            graph.conv("depthwise", x, &conv)
        })?;
    }
    Ok(())
}

#[test]
fn gated_attention() -> Outcome {
    let (x, mut mixed, mut y) = (random(SHAPE, 3), Activation::new(), Activation::new());
    Attention::default().forward(&x, &x, &x, &mut mixed);
    let mut gate = GatedAdd::new();
    gate.set_gamma(0.6);
    gate.forward(&x, &mixed, &mut y);
    let (places, c) = (SHAPE.h * SHAPE.w, SHAPE.c);
    check("attention", &x, &y, |graph, x| {
        let columns = graph.reshape("columns", x, &[1, c, places])?;
        let rows = graph.transpose("rows", columns, &[0, 2, 1])?;
        let products = graph.mat_mul("products", rows, columns)?;
        let logits = graph.scale("logits", products, 1.0 / (c as f32).sqrt())?;
        let shares = graph.softmax("shares", logits, 2)?;
        let mixed = graph.mat_mul("mixed", shares, rows)?;
        let mixed = graph.transpose("back", mixed, &[0, 2, 1])?;
        let mixed = graph.reshape("map", mixed, &[1, c, SHAPE.h, SHAPE.w])?;
        let branch = graph.scale("gamma", mixed, gate.gamma())?;
        graph.add("sum", x, branch)
    })?;
    Ok(())
}

#[test]
fn squeeze_and_excitation() -> Outcome {
    let x = random(SHAPE, 4);
    let [mut mean, mut max, mut pooled, mut factors, mut y] =
        std::array::from_fn(|_| Activation::new());
    global_mean(&x, &mut mean);
    global_max(&x, &mut max);
    concat(&[&mean, &max], &mut pooled);
    check("pools", &x, &pooled, |graph, x| {
        let mean = graph.global_average_pool("mean", x)?;
        let max = graph.reduce_max("max", x, &[2, 3])?;
        graph.concat("both", &[mean, max], 1)
    })?;
    sigmoid(&max, &mut factors);
    scale_channels(&x, &factors, &mut y);
    check("scaled channels", &x, &y, |graph, x| {
        let max = graph.reduce_max("max", x, &[2, 3])?;
        let factors = graph.sigmoid("factors", max)?;
        graph.mul("scaled", x, factors)
    })?;
    Ok(())
}

#[test]
fn resampling() -> Outcome {
    for size in [[16, 13], [3, 4], [10, 14]] {
        let (x, mut y) = (random(SHAPE, 5), Activation::new());
        resize(&x, size, &mut y);
        check("resize", &x, &y, |graph, x| graph.resize("resize", x, size))?;
    }
    Ok(())
}

#[test]
fn the_convex_gate() -> Outcome {
    // Channels: evidence of both sources, validity, two logits.
    let (x, logits) = (random(SHAPE.with_channels(5), 6), SHAPE.with_channels(2));
    let (area, mut values) = (SHAPE.h * SHAPE.w, x.value().to_nchw());
    let valid = &mut values[2 * area..3 * area];
    valid
        .iter_mut()
        .for_each(|v| *v = f32::from(u8::from(*v > -0.5)));
    let map = |c: usize| Tensor::from_nchw(SHAPE.with_channels(1), &values[c * area..][..area]);
    let (base, other, valid) = (map(0), map(1), map(2));
    let logits = Activation::constant(Tensor::from_nchw(logits, &values[3 * area..]));
    let (mut weight, mut fused) = (Activation::new(), Activation::new());
    let evidence = Evidence {
        base: &base,
        other: &other,
        valid: &valid,
    };
    let authority = Authority {
        sharpness: 1.5,
        bound: 0.5,
    };
    convex_gate(&evidence, authority, &logits, &mut weight, &mut fused);
    let x = Activation::constant(Tensor::from_nchw(x.shape(), &values));
    let gate = |graph: &mut Graph, x: Node| -> Result<[Node; 2], GraphError> {
        let mut map = |c| channel(graph, x, c);
        let (base, other, valid) = (map(0)?, map(1)?, map(2)?);
        let (base_logit, other_logit) = (map(3)?, map(4)?);
        let lead = graph.sub("lead", other, base)?;
        let lead = graph.scale("sharpness", lead, 1.5)?;
        let logit = graph.sub("logits", other_logit, base_logit)?;
        // The bound of 0.5 times the hyperbolic tangent of twice the difference.
        let logit = graph.scale("steep", logit, 4.0)?;
        let logit = graph.sigmoid("bounded", logit)?;
        let logit = graph.offset("centred", logit, -0.5)?;
        let logit = graph.add("logit", lead, logit)?;
        let share = graph.sigmoid("share", logit)?;
        let weight = graph.mul("weight", share, valid)?;
        let rest = graph.neg("less", weight)?;
        let rest = graph.offset("rest", rest, 1.0)?;
        let (first, second) = (
            graph.mul("first", rest, base)?,
            graph.mul("second", weight, other)?,
        );
        Ok([weight, graph.add("fused", first, second)?])
    };
    check("weight", &x, &weight, |graph, x| Ok(gate(graph, x)?[0]))?;
    check("fused evidence", &x, &fused, |graph, x| {
        Ok(gate(graph, x)?[1])
    })?;
    Ok(())
}
