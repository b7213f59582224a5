//! The pieces that students are made of: each trains, is visited, and writes itself into a graph.

use half::f16;
use twinspect_nn::{
    Activation, Conv, ConvNorm, Entry, Kernel, Mode, Parameters, Rectifier, Rng, scoped,
};
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

/// `relu(norm(conv3x3(relu(norm(conv3x3(x))))) + x)`: the basic block of He et al. 2015.
#[derive(Debug, Clone)]
pub(super) struct BasicBlock {
    first: ConvNorm,
    second: ConvNorm,
    hidden: Activation,
}

impl BasicBlock {
    pub(super) fn new(channels: usize, rng: &mut Rng) -> Self {
        let mut conv = || ConvNorm::new(Kernel::K3x3, channels, channels, Rectifier::Relu, rng);
        Self {
            first: conv(),
            second: conv(),
            hidden: Activation::new(),
        }
    }

    pub(super) fn forward(&mut self, x: &Activation, y: &mut Activation, mode: Mode) {
        self.first.forward(x, &mut self.hidden, mode);
        self.second.forward_add(&self.hidden, x, y, mode);
    }

    pub(super) fn backward(&mut self, x: &mut Activation, y: &mut Activation) {
        self.second.backward_add(&mut self.hidden, x, y);
        self.first.backward(x, &mut self.hidden);
    }

    /// Takes the weights that ship, see [`settle_conv`].
    pub(super) fn settle(&mut self) {
        settle_conv_norm(&mut self.first);
        settle_conv_norm(&mut self.second);
    }

    pub(super) fn emit(
        &self,
        graph: &mut Graph,
        x: onnx::Tensor,
    ) -> Result<onnx::Tensor, GraphError> {
        let hidden = emit_conv_norm(graph, "first", &self.first, x)?;
        emit_with_skip(graph, "second", &self.second, hidden, x)
    }
}

impl Parameters for BasicBlock {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.first.visit(&scoped(prefix, "first"), visitor);
        self.second.visit(&scoped(prefix, "second"), visitor);
    }
}

/// Doubles rows and columns by a 2 x 2 transposed convolution, and refines by a basic block.
#[derive(Debug, Clone)]
pub(super) struct UpBlock {
    raise: ConvNorm,
    refine: BasicBlock,
    raised: Activation,
}

impl UpBlock {
    pub(super) fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Self {
        Self {
            raise: ConvNorm::new(Kernel::Up2x2, inputs, outputs, Rectifier::Relu, rng),
            refine: BasicBlock::new(outputs, rng),
            raised: Activation::new(),
        }
    }

    pub(super) fn forward(&mut self, x: &Activation, y: &mut Activation, mode: Mode) {
        self.raise.forward(x, &mut self.raised, mode);
        self.refine.forward(&self.raised, y, mode);
    }

    pub(super) fn backward(&mut self, x: &mut Activation, y: &mut Activation) {
        self.refine.backward(&mut self.raised, y);
        self.raise.backward(x, &mut self.raised);
    }

    /// Takes the weights that ship, see [`settle_conv`].
    pub(super) fn settle(&mut self) {
        settle_conv_norm(&mut self.raise);
        self.refine.settle();
    }

    pub(super) fn emit(
        &self,
        graph: &mut Graph,
        x: onnx::Tensor,
    ) -> Result<onnx::Tensor, GraphError> {
        let raised = emit_conv_norm(graph, "raise", &self.raise, x)?;
        graph.within("refine", |graph| self.refine.emit(graph, raised))
    }
}

impl Parameters for UpBlock {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.raise.visit(&scoped(prefix, "raise"), visitor);
        self.refine.visit(&scoped(prefix, "refine"), visitor);
    }
}

/// Convolutions one after the other, each normalised and rectified.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    layers: Vec<ConvNorm>,
    between: Vec<Activation>,
}

impl Chain {
    /// `steps` are kernels with their output channels; at least one.
    pub(super) fn new(inputs: usize, steps: &[(Kernel, usize)], rng: &mut Rng) -> Self {
        let mut channels = inputs;
        let layer = |&(kernel, outputs): &(Kernel, usize)| {
            let layer = ConvNorm::new(kernel, channels, outputs, Rectifier::Relu, rng);
            channels = outputs;
            layer
        };
        let layers: Vec<_> = steps.iter().map(layer).collect();
        Self {
            between: vec![Activation::new(); layers.len() - 1],
            layers,
        }
    }

    pub(super) fn forward(&mut self, x: &Activation, y: &mut Activation, mode: Mode) {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let (before, after) = self.between.split_at_mut(index);
            let from = before.last().unwrap_or(x);
            let to = if index == last {
                &mut *y
            } else {
                &mut after[0]
            };
            layer.forward(from, to, mode);
        }
    }

    pub(super) fn backward(&mut self, x: &mut Activation, y: &mut Activation) {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter_mut().enumerate().rev() {
            let (before, after) = self.between.split_at_mut(index);
            let from = before.last_mut().unwrap_or(x);
            let to = if index == last {
                &mut *y
            } else {
                &mut after[0]
            };
            layer.backward(from, to);
        }
    }

    /// Takes the weights that ship, see [`settle_conv`].
    pub(super) fn settle(&mut self) {
        self.layers.iter_mut().for_each(settle_conv_norm);
    }

    pub(super) fn emit(
        &self,
        graph: &mut Graph,
        x: onnx::Tensor,
    ) -> Result<onnx::Tensor, GraphError> {
        let mut layers = self.layers.iter().enumerate();
        layers.try_fold(x, |x, (index, layer)| {
            emit_conv_norm(graph, &format!("conv{index}"), layer, x)
        })
    }
}

impl Parameters for Chain {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        for (index, layer) in self.layers.iter_mut().enumerate() {
            layer.visit(&scoped(prefix, &format!("conv{index}")), visitor);
        }
    }
}

/// Gives a convolution the weights that it ships with: the normalisation folded in, rounded to f16.
/// The normalisation is left as a bias. What the trainer computes from here on is what an engine
/// should compute.
fn settle_conv_norm(layer: &mut ConvNorm) {
    let folded = layer.folded();
    layer.conv.set_weight_onnx(&rounded(&folded.weight));
    let (scale, shift) = layer.norm.scale_and_shift_mut();
    scale.fill(1.0);
    shift.copy_from_slice(&folded.bias);
    let (mean, variance) = layer.norm.running_mut();
    mean.fill(0.0);
    // One, but for the epsilon that the normalisation adds.
    variance.fill(1.0 - 1e-5);
}

/// Rounds a plain convolution's weights to f16; biases ship as f32.
pub(super) fn settle_conv(conv: &mut Conv) {
    let weight = rounded(&conv.weight_onnx());
    conv.set_weight_onnx(&weight);
}

fn rounded(weights: &[f32]) -> Vec<f32> {
    weights
        .iter()
        .map(|&weight| f16::from_f32(weight).to_f32())
        .collect()
}

/// Writes a convolution with its normalisation folded in, and the ReLU if it has one.
fn emit_conv_norm(
    graph: &mut Graph,
    name: &str,
    layer: &ConvNorm,
    x: onnx::Tensor,
) -> Result<onnx::Tensor, GraphError> {
    let y = emit_product(graph, name, layer, x)?;
    match layer.rectifier() {
        Rectifier::Relu => graph.relu(&format!("{name}.relu"), y),
        Rectifier::Linear => Ok(y),
    }
}

/// Writes `relu(layer(x) + skip)`.
fn emit_with_skip(
    graph: &mut Graph,
    name: &str,
    layer: &ConvNorm,
    x: onnx::Tensor,
    skip: onnx::Tensor,
) -> Result<onnx::Tensor, GraphError> {
    let y = emit_product(graph, name, layer, x)?;
    let sum = graph.add(&format!("{name}.add"), y, skip)?;
    graph.relu(&format!("{name}.relu"), sum)
}

fn emit_product(
    graph: &mut Graph,
    name: &str,
    layer: &ConvNorm,
    x: onnx::Tensor,
) -> Result<onnx::Tensor, GraphError> {
    let folded = layer.folded();
    let kernel = onnx::Kernel {
        dims: folded.shape,
        values: &folded.weight,
    };
    emit_kernel(
        graph,
        name,
        layer.conv.kernel(),
        kernel,
        Some(&folded.bias),
        x,
    )
}

/// Writes a plain convolution, such as a student's last one.
pub(crate) fn emit_conv(
    graph: &mut Graph,
    name: &str,
    conv: &Conv,
    x: onnx::Tensor,
) -> Result<onnx::Tensor, GraphError> {
    let weight = conv.weight_onnx();
    let kernel = onnx::Kernel {
        dims: conv.weight_onnx_shape(),
        values: &weight,
    };
    emit_kernel(graph, name, conv.kernel(), kernel, conv.bias(), x)
}

fn emit_kernel(
    graph: &mut Graph,
    name: &str,
    kind: Kernel,
    kernel: onnx::Kernel<'_>,
    bias: Option<&[f32]>,
    x: onnx::Tensor,
) -> Result<onnx::Tensor, GraphError> {
    if kind.is_transposed() {
        return graph.conv_transpose_2x2(name, x, kernel, bias);
    }
    let pads = onnx::Pads::symmetric(kind.padding());
    graph.conv(
        name,
        x,
        &onnx::Conv::new(kernel, bias)
            .stride(kind.stride())
            .pads(pads),
    )
}
