//! The gate between two modalities, CM-SEGF (cross-modal squeeze-excitation and gating fusion; the idea
//! is that of DCRDF-Net, Sensors 2026, 26, 412; the layers are ours).
//!
//! ```text
//! views of colour, of height, discrepancy, validity ─ 1x1 → 16 ─ times channel factors ─┐
//!                     mean and maximum of each channel ─ 32→8 ─ 8→16 ─ sigmoid ──────────┘
//!   ─ depthwise 3x3 ─ 1x1 ─ depthwise 3x3, two apart ─ 1x1 ─ 1x1 → two logits, bounded ─► weight
//! fused = (1 - weight) a_rgb + weight a_geometry,   a: the largest view of each modality
//! ```
//! The last layer starts at zero: an untrained gate is a soft maximum. Fused evidence never exceeds the
//! larger one, and where nothing was measured it is colour's, bit for bit.

use twinspect_core::score::FusionInputs;
use twinspect_nn::{
    Activation, Authority, Conv, Depthwise, Entry, Evidence, Kernel, Parameters, Rng, Shape,
    Tensor, concat, concat_backward, convex_gate, convex_gate_backward, global_max,
    global_max_backward, global_mean, global_mean_backward, relu, relu_backward, scale_channels,
    scale_channels_backward, scoped, sigmoid, sigmoid_backward,
};
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use crate::student::emit_conv;

/// Channels of the gate.
const WIDTH: usize = 16;
/// Channels between the two layers of the squeeze.
const SQUEEZED: usize = 8;
/// How steeply the untrained gate prefers the larger evidence, a deviation of good maxima, and how many such
/// deviations training may add to either side. Without a bound, a gate that was trained on small pseudo-anomalies
/// silenced what geometry alone saw of defects unlike them (docs/results.md).
const AUTHORITY: Authority = Authority {
    sharpness: 1.0,
    bound: 2.0,
};
/// What the gate sees of evidence: within these bounds, and in these units.
const SEEN: [f32; 2] = [-4.0, 20.0];
const UNIT: f32 = 0.25;

/// The gate with its activations.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    views: [usize; 2],
    mix: Conv,
    squeeze: Conv,
    excite: Conv,
    near: Separable,
    far: Separable,
    decide: Conv,
    flow: Flow,
}

/// A depthwise convolution and one across channels.
#[derive(Debug, Clone)]
struct Separable {
    depthwise: Depthwise,
    across: Conv,
    filtered: Activation,
    product: Activation,
}

#[derive(Debug, Clone, Default)]
struct Flow {
    strength: [Tensor; 2],
    valid: Tensor,
    seen: Activation,
    mixed: Activation,
    hidden: Activation,
    mean: Activation,
    largest: Activation,
    pooled: Activation,
    squeezed: Activation,
    rectified: Activation,
    excited: Activation,
    factors: Activation,
    scaled: Activation,
    near: Activation,
    far: Activation,
    logits: Activation,
    weight: Activation,
    fused: Activation,
}

impl Gate {
    /// A gate for this many views of colour and of height.
    pub(crate) fn new(views: [usize; 2], rng: &mut Rng) -> Self {
        use Kernel::K1x1;
        let inputs = views[0] + views[1] + 2;
        let mut decide = Conv::new(K1x1, WIDTH, 2, rng).with_bias();
        decide.set_weight_onnx(&[0.0; 2 * WIDTH]);
        Self {
            views,
            mix: Conv::new(K1x1, inputs, WIDTH, rng).with_bias(),
            squeeze: Conv::new(K1x1, 2 * WIDTH, SQUEEZED, rng).with_bias(),
            excite: Conv::new(K1x1, SQUEEZED, WIDTH, rng).with_bias(),
            near: Separable::new(1, rng),
            far: Separable::new(2, rng),
            decide,
            flow: Flow {
                seen: Activation::constant(Tensor::default()),
                ..Flow::default()
            },
        }
    }

    /// Takes a batch of parts' evidence.
    pub(crate) fn see(&mut self, parts: &[&FusionInputs]) {
        let side = parts.first().map_or(0, |part| part.side());
        let shape = Shape::new(parts.len(), side, side, self.views[0] + self.views[1] + 2);
        let map = shape.with_channels(1);
        let Flow {
            strength,
            valid,
            seen,
            ..
        } = &mut self.flow;
        for tensor in strength.iter_mut().chain([&mut *valid]) {
            tensor.reshape(map);
        }
        let seen = seen.value_mut();
        seen.reshape(shape);
        for (n, part) in parts.iter().enumerate() {
            let strengths = [
                largest(&part.rgb.data, side),
                largest(&part.geometry.data, side),
            ];
            let mut all = Vec::with_capacity(shape.h * shape.w * shape.c);
            let units = |value: f32| UNIT * value.clamp(SEEN[0], SEEN[1]);
            all.extend(part.rgb.data.iter().map(|&value| units(value)));
            let believed = part.valid.iter().cycle().zip(&part.geometry.data);
            all.extend(believed.map(|(valid, &value)| valid * units(value)));
            let pairs = strengths[0].iter().zip(&strengths[1]).zip(&part.valid);
            all.extend(pairs.map(|((&a, &b), valid)| valid * (units(a) - units(b)).abs()));
            all.extend(&part.valid);
            seen.write_image_nchw(n, &all);
            for (tensor, values) in strength.iter_mut().zip(&strengths) {
                tensor.write_image_nchw(n, values);
            }
            valid.write_image_nchw(n, &part.valid);
        }
    }

    /// From the evidence to weight and fused evidence.
    pub(crate) fn forward(&mut self) {
        let flow = &mut self.flow;
        self.mix.forward(&flow.seen, &mut flow.mixed);
        relu(&flow.mixed, &mut flow.hidden);
        global_mean(&flow.hidden, &mut flow.mean);
        global_max(&flow.hidden, &mut flow.largest);
        concat(&[&flow.mean, &flow.largest], &mut flow.pooled);
        self.squeeze.forward(&flow.pooled, &mut flow.squeezed);
        relu(&flow.squeezed, &mut flow.rectified);
        self.excite.forward(&flow.rectified, &mut flow.excited);
        sigmoid(&flow.excited, &mut flow.factors);
        scale_channels(&flow.hidden, &flow.factors, &mut flow.scaled);
        self.near.forward(&flow.scaled, &mut flow.near);
        self.far.forward(&flow.near, &mut flow.far);
        self.decide.forward(&flow.far, &mut flow.logits);
        let evidence = Evidence {
            base: &flow.strength[0],
            other: &flow.strength[1],
            valid: &flow.valid,
        };
        let (weight, fused) = (&mut flow.weight, &mut flow.fused);
        convex_gate(&evidence, AUTHORITY, &flow.logits, weight, fused);
    }

    /// From the gradients of weight and fused evidence to those of all parameters.
    pub(crate) fn backward(&mut self) {
        let flow = &mut self.flow;
        let evidence = Evidence {
            base: &flow.strength[0],
            other: &flow.strength[1],
            valid: &flow.valid,
        };
        let (weight, fused) = (&mut flow.weight, &mut flow.fused);
        convex_gate_backward(&evidence, AUTHORITY, &mut flow.logits, weight, fused);
        self.decide.backward(&mut flow.far, &mut flow.logits);
        self.far.backward(&mut flow.near, &mut flow.far);
        self.near.backward(&mut flow.scaled, &mut flow.near);
        scale_channels_backward(&mut flow.hidden, &mut flow.factors, &mut flow.scaled);
        sigmoid_backward(&mut flow.excited, &mut flow.factors);
        self.excite.backward(&mut flow.rectified, &mut flow.excited);
        relu_backward(&mut flow.squeezed, &mut flow.rectified);
        self.squeeze.backward(&mut flow.pooled, &mut flow.squeezed);
        concat_backward(&mut [&mut flow.mean, &mut flow.largest], &mut flow.pooled);
        global_mean_backward(&mut flow.hidden, &mut flow.mean);
        global_max_backward(&mut flow.hidden, &mut flow.largest);
        relu_backward(&mut flow.mixed, &mut flow.hidden);
        self.mix.backward(&mut flow.seen, &mut flow.mixed);
    }

    /// Height's share of the decision, for losses.
    pub(crate) fn weight_mut(&mut self) -> &mut Activation {
        &mut self.flow.weight
    }

    /// Fused evidence, for losses.
    pub(crate) fn fused_mut(&mut self) -> &mut Activation {
        &mut self.flow.fused
    }

    /// Height's share of the decision.
    pub(crate) fn weight(&self) -> &Tensor {
        self.flow.weight.value()
    }

    /// Fused evidence.
    pub(crate) fn fused(&self) -> &Activation {
        &self.flow.fused
    }

    /// Writes the gate; all of it must stay in 32 bits.
    pub(crate) fn emit(&self, graph: &mut Graph, inputs: &Inputs) -> Result<Outputs, GraphError> {
        graph.head(|graph| {
            let Inputs {
                rgb,
                geometry,
                valid,
            } = *inputs;
            let strength = [
                graph.reduce_max("strength_rgb", rgb, &[1])?,
                graph.reduce_max("strength_geometry", geometry, &[1])?,
            ];
            let units = |graph: &mut Graph, name: &str, x| {
                let x = graph.clip(&format!("{name}.seen"), x, SEEN[0], SEEN[1])?;
                graph.scale(&format!("{name}.unit"), x, UNIT)
            };
            let first = units(graph, "rgb", rgb)?;
            let second = units(graph, "geometry", geometry)?;
            let second = graph.mul("geometry.believed", second, valid)?;
            let [a, b] = strength;
            let (a, b) = (units(graph, "a", a)?, units(graph, "b", b)?);
            let apart = graph.sub("apart", a, b)?;
            let apart = graph.abs("distance", apart)?;
            let apart = graph.mul("discrepancy", apart, valid)?;
            let seen = graph.concat("seen", &[first, second, apart, valid], 1)?;
            let mixed = emit_conv(graph, "mix", &self.mix, seen)?;
            let hidden = graph.relu("mixed", mixed)?;
            let mean = graph.global_average_pool("mean", hidden)?;
            let largest = graph.reduce_max("largest", hidden, &[2, 3])?;
            let pooled = graph.concat("pooled", &[mean, largest], 1)?;
            let squeezed = emit_conv(graph, "squeeze", &self.squeeze, pooled)?;
            let squeezed = graph.relu("squeezed", squeezed)?;
            let excited = emit_conv(graph, "excite", &self.excite, squeezed)?;
            let factors = graph.sigmoid("factors", excited)?;
            let scaled = graph.mul("scaled", hidden, factors)?;
            let near = self.near.emit(graph, "near", scaled)?;
            let far = self.far.emit(graph, "far", near)?;
            // The two logits count by their difference alone.
            let lead = emit_lead(graph, &self.decide, far)?;
            let ahead = graph.sub("ahead", strength[1], strength[0])?;
            let ahead = graph.scale("sharpness", ahead, AUTHORITY.sharpness)?;
            let lead = emit_bounded(graph, lead)?;
            let logit = graph.add("logit", ahead, lead)?;
            let share = graph.sigmoid("share", logit)?;
            let weight = graph.mul("believed", share, valid)?;
            let rest = graph.neg("less", weight)?;
            let rest = graph.offset("rest", rest, 1.0)?;
            let first = graph.mul("first", rest, strength[0])?;
            let second = graph.mul("second", weight, strength[1])?;
            let fused = graph.add("sum", first, second)?;
            Ok(Outputs { fused, weight })
        })
    }
}

/// The gate's inputs in a graph.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs {
    pub(crate) rgb: onnx::Tensor,
    pub(crate) geometry: onnx::Tensor,
    pub(crate) valid: onnx::Tensor,
}

/// The gate's outputs in a graph.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outputs {
    pub(crate) fused: onnx::Tensor,
    pub(crate) weight: onnx::Tensor,
}

impl Separable {
    fn new(dilation: usize, rng: &mut Rng) -> Self {
        Self {
            depthwise: Depthwise::new(WIDTH, dilation, rng),
            across: Conv::new(Kernel::K1x1, WIDTH, WIDTH, rng).with_bias(),
            filtered: Activation::new(),
            product: Activation::new(),
        }
    }

    fn forward(&mut self, x: &Activation, y: &mut Activation) {
        self.depthwise.forward(x, &mut self.filtered);
        self.across.forward(&self.filtered, &mut self.product);
        relu(&self.product, y);
    }

    fn backward(&mut self, x: &mut Activation, y: &mut Activation) {
        relu_backward(&mut self.product, y);
        self.across.backward(&mut self.filtered, &mut self.product);
        self.depthwise.backward(x, &mut self.filtered);
    }

    fn emit(
        &self,
        graph: &mut Graph,
        name: &str,
        x: onnx::Tensor,
    ) -> Result<onnx::Tensor, GraphError> {
        let values = self.depthwise.weight_onnx();
        let kernel = onnx::Kernel {
            dims: self.depthwise.weight_onnx_shape(),
            values: &values,
        };
        let dilation = self.depthwise.dilation();
        let conv = onnx::Conv::new(kernel, None)
            .groups(WIDTH)
            .dilation(dilation)
            .pads(onnx::Pads::symmetric(dilation));
        let filtered = graph.conv(&format!("{name}.depthwise"), x, &conv)?;
        let product = emit_conv(graph, &format!("{name}.across"), &self.across, filtered)?;
        graph.relu(&format!("{name}.relu"), product)
    }
}

impl Parameters for Gate {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.mix.visit(&scoped(prefix, "mix"), visitor);
        self.squeeze.visit(&scoped(prefix, "squeeze"), visitor);
        self.excite.visit(&scoped(prefix, "excite"), visitor);
        for (name, layer) in [("near", &mut self.near), ("far", &mut self.far)] {
            let prefix = scoped(prefix, name);
            layer
                .depthwise
                .visit(&scoped(&prefix, "depthwise"), visitor);
            layer.across.visit(&scoped(&prefix, "across"), visitor);
        }
        self.decide.visit(&scoped(prefix, "decide"), visitor);
    }
}

/// The second logit less the first, as one convolution.
fn emit_lead(
    graph: &mut Graph,
    decide: &Conv,
    x: onnx::Tensor,
) -> Result<onnx::Tensor, GraphError> {
    let weight = decide.weight_onnx();
    let (first, second) = weight.split_at(WIDTH);
    let values: Vec<f32> = second.iter().zip(first).map(|(b, a)| b - a).collect();
    let kernel = onnx::Kernel {
        dims: [1, WIDTH, 1, 1],
        values: &values,
    };
    let bias = decide.bias().map(|bias| [bias[1] - bias[0]]);
    let bias = bias.as_ref().map(|bias| bias.as_slice());
    graph.conv("decide", x, &onnx::Conv::new(kernel, bias))
}

/// What the logits may add: `bound * tanh(lead / bound)`, as the trainer's gate has it.
fn emit_bounded(graph: &mut Graph, lead: onnx::Tensor) -> Result<onnx::Tensor, GraphError> {
    let bound = AUTHORITY.bound;
    let steep = graph.scale("lead.steep", lead, 2.0 / bound)?;
    let share = graph.sigmoid("lead.share", steep)?;
    let both = graph.scale("lead.both", share, 2.0 * bound)?;
    graph.offset("lead.bounded", both, -bound)
}

/// The largest of several maps at each place.
pub(super) fn largest(maps: &[f32], side: usize) -> Vec<f32> {
    let mut largest = vec![f32::NEG_INFINITY; side * side];
    for map in maps.chunks_exact((side * side).max(1)) {
        let pairs = largest.iter_mut().zip(map);
        pairs.for_each(|(largest, value)| *largest = largest.max(*value));
    }
    largest
}
