//! Writes `operators_f32.onnx` and `operators_f16.onnx`, which use every operator of the builder,
//! into a folder, for other readers of ONNX to check:
//! `cargo run -p twinspect-onnx --example operators -- FOLDER`.
//!
//! Input `picture` (1 x 3 x 16 x 16). Output `distance` (1 x 1 x 16 x 16) is the distance head of
//! the picture and the picture reversed along its channels; the other outputs hold the rest.

use std::error::Error;
use std::path::Path;

use twinspect_onnx::{Conv, Graph, GraphError, Kernel, Pads, Tensor, WeightFormat};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: operators FOLDER")?;
    for (file, format) in [
        ("operators_f32.onnx", WeightFormat::F32),
        ("operators_f16.onnx", WeightFormat::F16),
    ] {
        std::fs::write(Path::new(&folder).join(file), operators(format)?.encode()?)?;
    }
    Ok(())
}

fn operators(format: WeightFormat) -> Result<Graph, GraphError> {
    let mut graph = Graph::new("operators", format);
    let picture = graph.input("picture", &[1, 3, 16, 16])?;
    let trunk = graph.within("trunk", |graph| trunk(graph, picture))?;
    graph.output("trunk", trunk)?;
    let attention = graph.within("attention", |graph| attention(graph, trunk))?;
    graph.output("attention", attention)?;
    let arithmetic = graph.within("arithmetic", |graph| arithmetic(graph, trunk))?;
    graph.output("arithmetic", arithmetic)?;
    let reverse = weights(9, |i| f32::from(u8::from(i % 3 + i / 3 == 2)));
    let kernel = Kernel {
        dims: [3, 3, 1, 1],
        values: &reverse,
    };
    let reversed = graph.conv("reverse", picture, &Conv::new(kernel, None))?;
    let distance = graph.distance_head("distance", picture, reversed)?;
    graph.output("distance", distance)?;
    Ok(graph)
}

fn trunk(graph: &mut Graph, picture: Tensor) -> Result<Tensor, GraphError> {
    let wave = weights(3 * 5 * 5 * 6, |i| (i as f32 * 0.7).sin() * 0.3);
    let kernel = |dims: [usize; 4]| Kernel {
        dims,
        values: &wave[..dims.iter().product()],
    };
    let stem = Conv::new(kernel([6, 3, 3, 3]), Some(&wave[..6]))
        .stride(2)
        .pads(Pads::same([16, 16], 3, 2));
    let x = graph.conv("stem", picture, &stem)?;
    let x = graph.clip("relu6", x, 0.0, 6.0)?;
    let depthwise = Conv::new(kernel([6, 1, 5, 5]), None)
        .groups(6)
        .dilation(2)
        .pads(Pads::symmetric(4));
    let wide = graph.conv("depthwise", x, &depthwise)?;
    let wide = graph.relu("relu", wide)?;
    let x = graph.add("shortcut", x, wide)?;
    let pooled = graph.max_pool("pool", x, [3, 3], 2, Pads::symmetric(1))?;
    let up = graph.conv_transpose_2x2("up", pooled, kernel([6, 4, 2, 2]), Some(&wave[..4]))?;
    let resized = graph.resize("resize", pooled, [8, 8])?;
    graph.concat("join", &[x, up, resized], 1)
}

fn attention(graph: &mut Graph, x: Tensor) -> Result<Tensor, GraphError> {
    let pooled = graph.global_average_pool("pool", x)?;
    let gate = graph.sigmoid("gate", pooled)?;
    let gated = graph.mul("gated", x, gate)?;
    let rows = graph.reshape("rows", gated, &[1, 16, 64])?;
    let mix = weights(64 * 16, |i| (i as f32 * 0.3).cos() * 0.1);
    let mix = graph.weight("mix", &[64, 16], &mix)?;
    let scores = graph.mat_mul("scores", rows, mix)?;
    let scores = graph.transpose("columns", scores, &[0, 2, 1])?;
    let shares = graph.softmax("shares", scores, 2)?;
    let shares = graph.transpose("back", shares, &[0, 2, 1])?;
    graph.mat_mul("mixed", shares, rows)
}

fn arithmetic(graph: &mut Graph, x: Tensor) -> Result<Tensor, GraphError> {
    let mean = graph.reduce_mean("mean", x, &[2, 3])?;
    let centred = graph.sub("centred", x, mean)?;
    let size = graph.abs("size", centred)?;
    let root = graph.sqrt("root", size)?;
    let minus = graph.neg("minus", root)?;
    let decay = graph.exp("decay", minus)?;
    let low = graph.min("low", decay, root)?;
    let high = graph.max("high", decay, root)?;
    let total = graph.reduce_sum("total", high, &[1])?;
    let total = graph.offset("one-more", total, 1.0)?;
    let share = graph.div("share", low, total)?;
    let negated = graph.neg("negated", share)?;
    let least = graph.reduce_max("negated-least", negated, &[2, 3])?;
    let least = graph.neg("least", least)?;
    let most = graph.reduce_max("most", share, &[2, 3])?;
    let span = graph.sub("span", most, least)?;
    let place = graph.sub("place", share, least)?;
    let place = graph.div("ratio", place, span)?;
    graph.scale("percent", place, 100.0)
}

fn weights(count: usize, value: impl Fn(usize) -> f32) -> Vec<f32> {
    (0..count).map(value).collect()
}
