//! From a prepared picture to each place's colour over that of its surroundings, by the trainer and as a graph.
//!
//! The surroundings are a Gaussian of the means of cells of 4 x 4 places, enlarged again: 24 pixels of 256. Beyond the border the
//! picture's mean is taken to go on.

use twinspect_core::prepare::RgbSpec;
use twinspect_nn::{Activation, Shape, Tensor, resize};
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use super::COLOURS;
use super::filters::{FILTER, REACH, filtered, round_gaussian};

/// Pixels of a place along each side, and places of a cell.
pub(super) const CELL: usize = 4;
/// Deviation of the surroundings in cells.
const SURROUNDINGS: f32 = 1.5;
/// Added to a divisor, in levels of 255: an unlit channel is no number to divide by.
const DARK: f32 = 0.1;

/// 3 x S/4 x S/4 of 3 x S x S.
pub(super) fn shares(rgb: &[f32], spec: &RgbSpec) -> Vec<f32> {
    let mut places = cells(rgb);
    let plane = places.len() / COLOURS;
    let side = plane.isqrt();
    let mut light = Vec::with_capacity(COLOURS);
    let colours = spec.mean.iter().zip(&spec.std);
    for (places, (mean, std)) in places.chunks_exact_mut(plane).zip(colours) {
        places
            .iter_mut()
            .for_each(|place| *place = *place * std + mean);
        let average = places.iter().sum::<f32>() / plane as f32;
        places.iter_mut().for_each(|place| *place -= average);
        light.push(average);
    }
    let around = filtered(&cells(&places), side / CELL, &surroundings());
    let mut enlarged = Activation::new();
    let coarse = Shape::new(1, side / CELL, side / CELL, COLOURS);
    let around = Activation::constant(Tensor::from_nchw(coarse, &around));
    resize(&around, [side, side], &mut enlarged);
    let around = enlarged.value().to_nchw();
    let over = places.iter().zip(&around).enumerate();
    over.map(|(index, (place, around))| {
        let light = light[index / plane];
        (place + light) / (around + light + DARK) - 1.0
    })
    .collect()
}

/// Writes the same.
pub(super) fn emit_shares(
    graph: &mut Graph,
    picture: onnx::Tensor,
    spec: &RgbSpec,
) -> Result<onnx::Tensor, GraphError> {
    let places = emit_cells(graph, "places", picture, spec.std, Some(&spec.mean))?;
    let light = graph.global_average_pool("light", places)?;
    let over_light = graph.sub("over_light", places, light)?;
    let cells = emit_cells(graph, "cells", over_light, [1.0; COLOURS], None)?;
    let weights = surroundings();
    let kernel = onnx::Kernel {
        dims: [COLOURS, COLOURS, FILTER, FILTER],
        values: &weights,
    };
    let conv = onnx::Conv::new(kernel, None).pads(onnx::Pads::symmetric(REACH));
    let around = graph.conv("around", cells, &conv)?;
    let dims = places.shape();
    let side = [dims.dims()[2], dims.dims()[3]];
    let around = graph.resize("surroundings", around, side)?;
    let divisor = graph.add("divisor", around, light)?;
    let divisor = graph.offset("lit", divisor, DARK)?;
    let shares = graph.div("shares", places, divisor)?;
    graph.offset("over", shares, -1.0)
}

/// Means of `CELL` x `CELL` places, each colour times its scale.
fn emit_cells(
    graph: &mut Graph,
    name: &str,
    x: onnx::Tensor,
    scale: [f32; COLOURS],
    bias: Option<&[f32]>,
) -> Result<onnx::Tensor, GraphError> {
    let mut weights = vec![0.0; COLOURS * COLOURS * CELL * CELL];
    for (colour, scale) in scale.iter().enumerate() {
        let own = (colour * COLOURS + colour) * CELL * CELL;
        weights[own..own + CELL * CELL].fill(scale / (CELL * CELL) as f32);
    }
    let kernel = onnx::Kernel {
        dims: [COLOURS, COLOURS, CELL, CELL],
        values: &weights,
    };
    graph.conv(name, x, &onnx::Conv::new(kernel, bias).stride(CELL))
}

/// 3 x 3 x `FILTER` x `FILTER`: each colour by itself.
fn surroundings() -> Vec<f32> {
    let gaussian = round_gaussian(SURROUNDINGS);
    let mut weights = vec![0.0; COLOURS * COLOURS * FILTER * FILTER];
    for colour in 0..COLOURS {
        let own = (colour * COLOURS + colour) * FILTER * FILTER;
        weights[own..][..FILTER * FILTER].copy_from_slice(&gaussian);
    }
    weights
}

/// Means of `CELL` x `CELL` places of three square planes.
fn cells(planes: &[f32]) -> Vec<f32> {
    let plane = planes.len() / COLOURS;
    let (size, side) = (plane.isqrt(), plane.isqrt() / CELL);
    let mut cells = vec![0.0; COLOURS * side * side];
    for (index, value) in planes.iter().enumerate() {
        let (colour, y, x) = (index / plane, index % plane / size, index % size);
        cells[(colour * side + y / CELL) * side + x / CELL] += value;
    }
    let share = 1.0 / (CELL * CELL) as f32;
    cells.iter_mut().for_each(|cell| *cell *= share);
    cells
}
