//! Where a picture is clipped, by the trainer and as a graph: there colours do not go with the light, and a place that looks like one
//! of these says nothing of a place that is not clipped.

use twinspect_core::prepare::RgbSpec;
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use super::COLOURS;
use super::filters::{FILTER, REACH, WIDEST, filtered, round_gaussian};
use super::shares::CELL;

/// Level from which a colour is taken for clipped more and more: resampling leaves the rim of a highlight below the largest.
const FROM: f32 = 245.0;
/// The largest level.
const FULLY: f32 = 255.0;
/// Share of clipped light around a place from which it counts as clipped altogether.
const ALTOGETHER: f32 = 0.05;
/// How far such places are from others. Other channels count in standard deviations of good places; this one does not, as most
/// products are hardly ever clipped.
const FAR: f32 = 4.0;

/// S/4 x S/4 of 3 x S x S, from 0 to `FAR`.
pub(super) fn clipped(rgb: &[f32], spec: &RgbSpec) -> Vec<f32> {
    let plane = rgb.len() / COLOURS;
    let (size, side) = (plane.isqrt(), plane.isqrt() / CELL);
    let mut cells = vec![0.0; side * side];
    for (index, value) in rgb.iter().enumerate() {
        let (colour, y, x) = (index / plane, index % plane / size, index % size);
        let level = value * spec.std[colour] + spec.mean[colour];
        let share = ((level - FROM) / (FULLY - FROM)).max(0.0);
        cells[y / CELL * side + x / CELL] += share / (COLOURS * CELL * CELL) as f32;
    }
    let mut around = filtered(&cells, side, &surroundings());
    around
        .iter_mut()
        .for_each(|share| *share = FAR * share.min(1.0));
    around
}

/// Writes the same.
pub(super) fn emit_clipped(
    graph: &mut Graph,
    picture: onnx::Tensor,
    spec: &RgbSpec,
) -> Result<onnx::Tensor, GraphError> {
    let mut scales = [0.0; COLOURS * COLOURS];
    let mut offsets = [0.0; COLOURS];
    for colour in 0..COLOURS {
        scales[colour * COLOURS + colour] = spec.std[colour] / (FULLY - FROM);
        offsets[colour] = (spec.mean[colour] - FROM) / (FULLY - FROM);
    }
    let kernel = onnx::Kernel {
        dims: [COLOURS, COLOURS, 1, 1],
        values: &scales,
    };
    let over = graph.conv("over", picture, &onnx::Conv::new(kernel, Some(&offsets)))?;
    let over = graph.relu("clipping", over)?;
    let mean = [1.0 / (COLOURS * CELL * CELL) as f32; COLOURS * CELL * CELL];
    let kernel = onnx::Kernel {
        dims: [1, COLOURS, CELL, CELL],
        values: &mean,
    };
    let cells = graph.conv(
        "clipped_cells",
        over,
        &onnx::Conv::new(kernel, None).stride(CELL),
    )?;
    let weights = surroundings();
    let kernel = onnx::Kernel {
        dims: [1, 1, FILTER, FILTER],
        values: &weights,
    };
    let conv = onnx::Conv::new(kernel, None).pads(onnx::Pads::symmetric(REACH));
    let around = graph.conv("clipped_around", cells, &conv)?;
    let around = graph.clip("clipped_at_most", around, 0.0, 1.0)?;
    graph.scale("clipped", around, FAR)
}

/// As far as the widest filter of colours reaches, in shares of `ALTOGETHER`.
fn surroundings() -> [f32; FILTER * FILTER] {
    round_gaussian(WIDEST).map(|weight| weight / ALTOGETHER)
}
