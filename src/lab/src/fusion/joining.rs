//! What joins the evidence of both modalities in a bundle: the trainer's computation, and the same as
//! a network.

use clap::ValueEnum as _;
use twinspect_bundle::{Bundle, FusionStage};
use twinspect_core::score::{FusionInputs, FusionMaps};
use twinspect_onnx::{Graph, GraphError, Tensor, WeightFormat};

use super::network::{Gate, Inputs, Outputs, largest};
use crate::config::Join;

/// Evidence below this shows nothing, however far below: three standard deviations under the highest place of a typical
/// good part.
const NOTHING: f32 = -3.0;

/// A rule that is not the maximum, which needs no network.
#[derive(Debug, Clone)]
pub(crate) enum Joining {
    /// How far both rise above [`NOTHING`] added in quadrature: the root of the sum of squares. Height counts where depth was
    /// measured.
    Quadrature,
    /// The same, simply added.
    Sum,
    /// Half of each, where depth was measured.
    Average,
    /// The gate.
    Gate(Box<Gate>),
}

/// The rule of a bundle. Its network tells: all but a gate's follow from the bundle's form, to the last byte.
pub(crate) fn rule(bundle: &Bundle) -> Result<Join, GraphError> {
    let stage = bundle.manifest().stages.fusion.as_ref();
    let Some((network, stage)) = bundle.fusion_model().zip(stage) else {
        return Ok(Join::Maximum);
    };
    for &join in Join::value_variants() {
        if let Some(joining) = Joining::untaught(join)
            && joining.onnx(stage)? == network
        {
            return Ok(join);
        }
    }
    Ok(Join::Gate)
}

impl Joining {
    /// A rule that nobody has to learn; `None` for the maximum, which needs no network, and for a gate.
    pub(crate) fn untaught(join: Join) -> Option<Self> {
        match join {
            Join::Quadrature => Some(Self::Quadrature),
            Join::Sum => Some(Self::Sum),
            Join::Average => Some(Self::Average),
            Join::Maximum | Join::Gate => None,
        }
    }

    /// What the trainer answers for one part.
    pub(crate) fn fuse(&mut self, inputs: &FusionInputs, maps: &mut FusionMaps) {
        match self {
            Self::Quadrature => {
                let [colour, height] = strengths(inputs);
                for (i, valid) in inputs.valid.iter().enumerate() {
                    let (seen, felt) = (above_nothing(colour[i]), valid * above_nothing(height[i]));
                    maps.weight[i] = valid * share(colour[i] - height[i]);
                    maps.fused[i] = NOTHING + (seen * seen + felt * felt).sqrt();
                }
            }
            Self::Sum => {
                let [colour, height] = strengths(inputs);
                for (i, valid) in inputs.valid.iter().enumerate() {
                    maps.weight[i] = valid * share(colour[i] - height[i]);
                    maps.fused[i] =
                        NOTHING + above_nothing(colour[i]) + valid * above_nothing(height[i]);
                }
            }
            Self::Average => {
                let strengths = strengths(inputs);
                for (i, valid) in inputs.valid.iter().enumerate() {
                    let weight = 0.5 * valid;
                    maps.weight[i] = weight;
                    maps.fused[i] = (1.0 - weight) * strengths[0][i] + weight * strengths[1][i];
                }
            }
            Self::Gate(gate) => {
                gate.see(&[inputs]);
                gate.forward();
                maps.fused.copy_from_slice(&gate.fused().value().to_nchw());
                maps.weight.copy_from_slice(&gate.weight().to_nchw());
            }
        }
    }

    /// The network, with the tensors of the stage.
    pub(crate) fn onnx(&self, stage: &FusionStage) -> Result<Vec<u8>, GraphError> {
        let mut graph = Graph::new("fusion", WeightFormat::F32);
        let [rgb, geometry, valid] = stage.inputs.named();
        let inputs = Inputs {
            rgb: graph.input(rgb.0, &rgb.1)?,
            geometry: graph.input(geometry.0, &geometry.1)?,
            valid: graph.input(valid.0, &valid.1)?,
        };
        let outputs = match self {
            Self::Quadrature => above(&mut graph, &inputs, |graph, seen, felt| {
                let seen = graph.mul("colour_squared", seen, seen)?;
                let felt = graph.mul("height_squared", felt, felt)?;
                let both = graph.add("squares", seen, felt)?;
                graph.sqrt("both", both)
            })?,
            Self::Sum => above(&mut graph, &inputs, |graph, seen, felt| {
                graph.add("both", seen, felt)
            })?,
            Self::Average => average(&mut graph, &inputs)?,
            Self::Gate(gate) => gate.emit(&mut graph, &inputs)?,
        };
        let [(fused, _), (weight, _)] = stage.outputs.named();
        graph.output(fused, outputs.fused)?;
        graph.output(weight, outputs.weight)?;
        graph.encode()
    }
}

/// The largest view of colour and of height.
fn strengths(inputs: &FusionInputs) -> [Vec<f32>; 2] {
    [&inputs.rgb, &inputs.geometry].map(|stack| largest(&stack.data, stack.side))
}

fn above_nothing(evidence: f32) -> f32 {
    (evidence - NOTHING).max(0.0)
}

/// Height's share where colour is `ahead` of it: the logistic function.
fn share(ahead: f32) -> f32 {
    1.0 / (1.0 + ahead.exp())
}

/// Joins how far colour and height rise above [`NOTHING`].
fn above(
    graph: &mut Graph,
    inputs: &Inputs,
    join: impl FnOnce(&mut Graph, Tensor, Tensor) -> Result<Tensor, GraphError>,
) -> Result<Outputs, GraphError> {
    graph.head(|graph| {
        let colour = graph.reduce_max("strength_rgb", inputs.rgb, &[1])?;
        let height = graph.reduce_max("strength_geometry", inputs.geometry, &[1])?;
        let seen = graph.offset("colour_from_nothing", colour, -NOTHING)?;
        let seen = graph.relu("colour_above_nothing", seen)?;
        let felt = graph.offset("height_from_nothing", height, -NOTHING)?;
        let felt = graph.relu("height_above_nothing", felt)?;
        let believed = graph.mul("believed", inputs.valid, felt)?;
        let both = join(graph, seen, believed)?;
        let fused = graph.offset("fused_from_nothing", both, NOTHING)?;
        let ahead = graph.sub("ahead", height, colour)?;
        let share = graph.sigmoid("share", ahead)?;
        let weight = graph.mul("weight", inputs.valid, share)?;
        Ok(Outputs { fused, weight })
    })
}

fn average(graph: &mut Graph, inputs: &Inputs) -> Result<Outputs, GraphError> {
    graph.head(|graph| {
        let first = graph.reduce_max("strength_rgb", inputs.rgb, &[1])?;
        let second = graph.reduce_max("strength_geometry", inputs.geometry, &[1])?;
        let weight = graph.scale("half", inputs.valid, 0.5)?;
        let ahead = graph.sub("ahead", second, first)?;
        let share = graph.mul("share", weight, ahead)?;
        let fused = graph.add("sum", first, share)?;
        Ok(Outputs { fused, weight })
    })
}
