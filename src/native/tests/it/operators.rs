//! Products: convolutions of each kind against plain loops, for shapes that fill tiles and vectors and for shapes that don't.

use proptest::prelude::*;
use twinspect_onnx::{Kernel, Pads};

use crate::reference::{Layer, Map, check, noise, noise_map};

/// What sums of products in f32 may differ by.
const SHARE: f64 = 3e-6;

fn pads(top: usize, left: usize, bottom: usize, right: usize) -> Pads {
    Pads {
        top,
        left,
        bottom,
        right,
    }
}

#[track_caller]
fn check_layer(layer: &Layer, x: &Map, what: &str) {
    check(x, &layer.apply(x), SHARE, what, |graph, x| {
        layer.emit(graph, "conv", x)
    });
}

#[test]
fn dense_convolutions_of_the_shipped_kinds() {
    for (dims, stride, around, side) in [
        ([32, 3, 3, 3], 2, pads(0, 0, 1, 1), 32),
        ([16, 32, 1, 1], 1, pads(0, 0, 0, 0), 20),
        ([40, 144, 1, 1], 1, pads(0, 0, 0, 0), 8),
        ([1, 32, 1, 1], 1, pads(0, 0, 0, 0), 9),
        ([12, 32, 1, 1], 1, pads(0, 0, 0, 0), 13),
        ([48, 12, 3, 3], 2, pads(1, 1, 1, 1), 17),
        ([24, 24, 3, 3], 1, pads(1, 1, 1, 1), 11),
        ([64, 3, 7, 7], 2, pads(3, 3, 3, 3), 24),
        ([8, 16, 1, 1], 2, pads(0, 0, 0, 0), 14),
        ([5, 7, 3, 3], 1, pads(0, 0, 0, 0), 3),
    ] {
        let layer = Layer::new(dims, stride, around, 11);
        let x = noise_map([dims[1], side, side + 1], 5);
        check_layer(&layer, &x, &format!("{dims:?} stride {stride} at {side}"));
    }
}

#[test]
fn convolutions_by_squares_of_outputs() {
    for (channels, outputs, rows, columns) in [
        (16, 16, 16, 16),
        (32, 48, 14, 18),
        (64, 32, 32, 8),
        (128, 16, 2, 96),
    ] {
        let layer = Layer::new([outputs, channels, 3, 3], 1, pads(1, 1, 1, 1), 3);
        let x = noise_map([channels, rows, columns], 4);
        check_layer(
            &layer,
            &x,
            &format!("{channels} to {outputs} at {rows} x {columns}"),
        );
    }
}

#[test]
fn a_skip_and_an_activation_are_part_of_the_product() {
    // By squares, by tiles that fill whole vectors, and by tiles that don't.
    for (channels, side) in [(16, 16), (16, 6), (5, 6), (20, 4)] {
        let layer = Layer::new([channels, channels, 3, 3], 1, pads(1, 1, 1, 1), 8);
        let x = noise_map([channels, side, side], 9);
        let sum = layer.apply(&x);
        let expected = Map::of(x.dims, |c, y, x_at| {
            let (y, x_at) = (y as isize, x_at as isize);
            (sum.at(c, y, x_at) + x.at(c, y, x_at)).clamp(0.0, 6.0)
        });
        check(
            &x,
            &expected,
            SHARE,
            &format!("{channels} at {side}"),
            |graph, x| {
                let y = layer.emit(graph, "conv", x)?;
                let y = graph.add("sum", x, y)?;
                graph.clip("relu6", y, 0.0, 6.0)
            },
        );
    }
}

#[test]
fn depthwise_convolutions_behind_a_product_and_by_themselves() {
    for (channels, size, stride, dilation, side) in [
        (32, 3, 1, 1, 17),
        (24, 3, 2, 1, 16),
        (16, 5, 1, 1, 9),
        (40, 5, 2, 1, 16),
        (16, 3, 1, 3, 12),
        (41, 3, 1, 1, 12),
        (19, 5, 2, 2, 20),
        (7, 3, 1, 1, 6),
        (16, 3, 1, 1, 3),
    ] {
        let what = format!("{channels} by {size}, stride {stride}, dilation {dilation}, at {side}");
        let reach = (size - 1) * dilation / 2;
        let depthwise = Layer {
            dilation,
            ..Layer::depthwise(channels, size, stride, Pads::symmetric(reach), 21)
        };
        let x = noise_map([channels, side, side], 22);
        check_layer(&depthwise, &x, &what);
        let expand = Layer::new([channels, 3, 1, 1], 1, Pads::default(), 23);
        let x = noise_map([3, side, side], 24);
        let middle = expand.apply(&x).map(|value| value.clamp(0.0, 1.0));
        check(&x, &depthwise.apply(&middle), SHARE, &what, |graph, x| {
            let y = expand.emit(graph, "expand", x)?;
            let y = graph.clip("bounded", y, 0.0, 1.0)?;
            depthwise.emit(graph, "depthwise", y)
        });
    }
}

#[test]
fn transposed_convolutions_double_the_extents() {
    for (inputs, outputs) in [(32, 16), (12, 5), (1, 1)] {
        let dims = [inputs, outputs, 2, 2];
        let weights = noise(dims.iter().product(), 31);
        let bias = noise(outputs, 32);
        let x = noise_map([inputs, 7, 5], 33);
        let expected = Map::of([outputs, 14, 10], |output, row, column| {
            let products = (0..inputs).map(|input| {
                let at = ((input * outputs + output) * 2 + row % 2) * 2 + column % 2;
                let value = x.at(input, row as isize / 2, column as isize / 2);
                f64::from(weights[at]) * value
            });
            (f64::from(bias[output]) + products.sum::<f64>()).max(0.0)
        });
        let what = format!("{inputs} to {outputs}");
        check(&x, &expected, SHARE, &what, |graph, x| {
            let kernel = Kernel {
                dims,
                values: &weights,
            };
            let y = graph.conv_transpose_2x2("raise", x, kernel, Some(&bias))?;
            graph.relu("relu", y)
        });
    }
}

/// The largest of many products, as the geometry stage's codebook writes it: blocks, a tree of maxima, one over the rest.
#[test]
fn the_greatest_of_many_products() {
    for (blocks, block, channels, columns) in [(4, 32, 13, 9), (3, 5, 2, 100), (1, 8, 4, 3)] {
        let x = noise_map([channels, 6, columns], 41);
        let layers: Vec<Layer> = (0..blocks)
            .map(|at| Layer::new([block, channels, 1, 1], 1, Pads::default(), 50 + 2 * at))
            .collect();
        let products: Vec<Map> = layers.iter().map(|layer| layer.apply(&x)).collect();
        let expected = Map::of([1, 6, columns], |_, row, column| {
            let all = products
                .iter()
                .flat_map(|map| (0..block).map(|c| map.at(c, row as isize, column as isize)));
            -all.fold(f64::NEG_INFINITY, f64::max)
        });
        let what = format!("{blocks} of {block}");
        check(&x, &expected, SHARE, &what, |graph, x| {
            let mut best = layers[0].emit(graph, "block0", x)?;
            for (at, layer) in layers.iter().enumerate().skip(1) {
                let next = layer.emit(graph, &format!("block{at}"), x)?;
                best = graph.max(&format!("best{at}"), best, next)?;
            }
            let best = graph.reshape("members", best, &[1, 1, block, 6 * columns])?;
            let best = graph.max_pool("closest", best, [block, 1], 1, Pads::default())?;
            let best = graph.neg("least", best)?;
            graph.reshape("map", best, &[1, 1, 6, columns])
        });
    }
}

#[test]
fn what_is_no_number_stays_none() {
    let layer = Layer::new([16, 16, 3, 3], 1, pads(1, 1, 1, 1), 61);
    for side in [6, 16] {
        let mut x = noise_map([16, side, side], 62);
        x.values[side + 1] = f32::NAN;
        let mut network = crate::reference::network(x.dims, |graph, x| {
            let y = layer.emit(graph, "conv", x)?;
            graph.clip("relu6", y, 0.0, 6.0)
        });
        let y = crate::reference::run(&mut network, &x);
        for channel in 0..16 {
            assert!(
                y[channel * side * side].is_nan(),
                "channel {channel} at {side}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_dense_convolution(
        inputs in 1..20_usize,
        outputs in 1..40_usize,
        kernel in prop::sample::select(vec![1_usize, 2, 3, 5]),
        stride in 1..4_usize,
        around in prop::array::uniform4(0..3_usize),
        rows in 5..12_usize,
        columns in 5..30_usize,
        seed in 0..1000_u64,
    ) {
        let [top, left, bottom, right] = around.map(|pad| pad.min(kernel - 1));
        let layer = Layer::new([outputs, inputs, kernel, kernel], stride, pads(top, left, bottom, right), seed);
        check_layer(&layer, &noise_map([inputs, rows, columns], seed + 7), "convolution");
    }

    #[test]
    fn any_convolution_by_squares(
        inputs in 2..5_usize,
        outputs in 2..5_usize,
        rows in 6..12_usize,
        columns in 9..15_usize,
        seed in 0..1000_u64,
    ) {
        let layer = Layer::new([8 * outputs, 8 * inputs, 3, 3], 1, pads(1, 1, 1, 1), seed);
        check_layer(&layer, &noise_map([8 * inputs, 2 * rows, 2 * columns], seed + 7), "by squares");
    }
}
