//! Convolutions that follow each other on maps too large to be there as a whole.

use proptest::prelude::*;
use twinspect_onnx::{Graph, GraphError, Pads, Tensor};

use crate::reference::{Layer, Map, check, noise_map};

fn emit(layers: &[Layer], graph: &mut Graph, x: Tensor) -> Result<Tensor, GraphError> {
    let mut y = x;
    for (at, layer) in layers.iter().enumerate() {
        y = layer.emit(graph, &format!("layer{at}"), y)?;
        y = graph.clip(&format!("bounds{at}"), y, -2.0, 2.0)?;
    }
    Ok(y)
}

fn apply(layers: &[Layer], x: &Map) -> Map {
    layers.iter().fold(x.clone(), |x, layer| {
        layer.apply(&x).map(|value| value.clamp(-2.0, 2.0))
    })
}

/// A block of the colour teacher: to many channels, depthwise, back to few.
fn block(channels: [usize; 3], size: usize, stride: usize, around: Pads) -> Vec<Layer> {
    let [inputs, middle, outputs] = channels;
    let mut project = Layer::new([outputs, middle, 1, 1], 1, Pads::default(), 5);
    // So that bounds are reached here and there, and not everywhere.
    project.weights.iter_mut().for_each(|weight| *weight *= 0.1);
    vec![
        Layer::new([middle, inputs, 1, 1], 1, Pads::default(), 3),
        Layer::depthwise(middle, size, stride, around, 4),
        project,
    ]
}

#[test]
fn blocks_of_the_teacher_a_few_rows_at_a_time() {
    let asymmetric = Pads {
        bottom: 1,
        right: 1,
        ..Pads::default()
    };
    for (size, stride, around, rows) in [
        (3, 1, Pads::symmetric(1), 96),
        (3, 2, asymmetric, 96),
        (5, 1, Pads::symmetric(2), 70),
        (5, 2, Pads::symmetric(2), 81),
    ] {
        let layers = block([8, 64, 12], size, stride, around);
        let x = noise_map([8, rows, 80], 6);
        let what = format!("{size}, stride {stride}, {rows} rows");
        check(&x, &apply(&layers, &x), 3e-6, &what, |graph, x| {
            emit(&layers, graph, x)
        });
    }
}

#[test]
fn the_last_link_adds_what_the_first_read() {
    let layers = block([16, 96, 16], 3, 1, Pads::symmetric(1));
    let x = noise_map([16, 64, 64], 7);
    let sum = layers[2].apply(&apply(&layers[..2], &x));
    let expected = Map::of(x.dims, |c, y, x_at| {
        sum.at(c, y as isize, x_at as isize) + x.at(c, y as isize, x_at as isize)
    });
    check(&x, &expected, 3e-6, "block with skip", |graph, x| {
        let y = emit(&layers[..2], graph, x)?;
        let y = layers[2].emit(graph, "project", y)?;
        graph.add("sum", y, x)
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever the strides and reaches, each link finds the rows that it needs.
    #[test]
    fn any_chain(
        shapes in prop::collection::vec((prop::sample::select(vec![1_usize, 3, 5]), 1..3_usize, any::<bool>(), 0..3_usize), 2..5),
        rows in 60..100_usize,
        columns in 120..140_usize,
        seed in 0..1000_u64,
    ) {
        let mut inputs = 3;
        let layers: Vec<Layer> = shapes
            .into_iter()
            .enumerate()
            .map(|(at, (size, stride, alone, pad))| {
                let (seed, around) = (seed + at as u64, Pads::symmetric(pad.min(size - 1)));
                let outputs = 24;
                let mut layer = match alone && size > 1 && at > 0 {
                    true => Layer::depthwise(outputs, size, stride, around, seed),
                    false => Layer::new([outputs, inputs, size, size], stride, around, seed),
                };
                // Else each layer would magnify what the one before rounds.
                let terms = layer.dims[1..].iter().product::<usize>() as f32;
                layer.weights.iter_mut().for_each(|weight| *weight /= terms.sqrt());
                inputs = outputs;
                layer
            })
            .collect();
        let x = noise_map([3, rows, columns], seed);
        check(&x, &apply(&layers, &x), 1e-5, "chain", |graph, x| emit(&layers, graph, x));
    }
}
