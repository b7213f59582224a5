//! Convolution, batch normalisation, optional skip connection, optional ReLU: the unit that networks are made of.

use crate::activation::Activation;
use crate::conv::{Conv, Kernel};
use crate::join::{mask, pass_on};
use crate::norm::{BatchNorm, Mode};
use crate::param::{Entry, Parameters, scoped};
use crate::rng::Rng;
use crate::tensor::Tensor;

/// What follows a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rectifier {
    /// Nothing: shortcuts, linear bottlenecks.
    Linear,
    /// `max(x, 0)`.
    Relu,
}

/// `y = rectifier(norm(conv(x)))`, or with [`ConvNorm::forward_add`] `y = rectifier(norm(conv(x)) + skip)`.
#[derive(Clone, Debug)]
pub struct ConvNorm {
    /// The convolution, without bias.
    pub conv: Conv,
    /// The normalisation.
    pub norm: BatchNorm,
    rectifier: Rectifier,
    /// The convolution's output, kept for the backward pass.
    product: Tensor,
}

impl ConvNorm {
    /// A block with a new convolution (see [`Conv::new`]).
    pub fn new(
        kernel: Kernel,
        inputs: usize,
        outputs: usize,
        rectifier: Rectifier,
        rng: &mut Rng,
    ) -> Self {
        Self {
            conv: Conv::new(kernel, inputs, outputs, rng),
            norm: BatchNorm::new(outputs),
            rectifier,
            product: Tensor::default(),
        }
    }

    /// What follows the normalisation.
    pub const fn rectifier(&self) -> Rectifier {
        self.rectifier
    }

    /// Writes `y = rectifier(norm(conv(x)))`.
    ///
    /// # Panics
    /// If `x` does not have the convolution's input channels.
    pub fn forward(&mut self, x: &Activation, y: &mut Activation, mode: Mode) {
        self.run(x, None, y, mode);
    }

    /// Writes `y = rectifier(norm(conv(x)) + skip)`, the end of a residual block.
    ///
    /// # Panics
    /// If `x` does not have the convolution's input channels, or `skip` not the output's shape.
    pub fn forward_add(
        &mut self,
        x: &Activation,
        skip: &Activation,
        y: &mut Activation,
        mode: Mode,
    ) {
        self.run(x, Some(skip), y, mode);
    }

    /// The backward pass of a [`ConvNorm::forward`] in training mode: from the gradient of `y`, which it uses up, adds to
    /// those of the parameters and of `x`.
    pub fn backward(&mut self, x: &mut Activation, y: &mut Activation) {
        let (_, grad) = y.finished();
        self.norm
            .backward(&self.product, self.rectifier == Rectifier::Relu, grad);
        self.conv.backward_tensor(x, grad);
    }

    /// The backward pass of a [`ConvNorm::forward_add`] in training mode: adds to the gradient of `skip`, too.
    pub fn backward_add(&mut self, x: &mut Activation, skip: &mut Activation, y: &mut Activation) {
        let (value, grad) = y.finished();
        if self.rectifier == Rectifier::Relu {
            mask(grad, value);
        }
        if let (_, Some(slot)) = skip.parts() {
            pass_on(slot, grad);
        }
        self.norm.backward(&self.product, false, grad);
        self.conv.backward_tensor(x, grad);
    }

    /// The block as one convolution for evaluation: weights in ONNX order (see [`Conv::weight_onnx`]) times the
    /// normalisation's factor, and a bias per output channel. The rectifier is not in it.
    pub fn folded(&self) -> FoldedConv {
        let (factor, bias) = self.norm.folded();
        let shape = self.conv.weight_onnx_shape();
        let mut weight = self.conv.weight_onnx();
        let taps = shape[2] * shape[3];
        for (i, kernel) in weight.chunks_exact_mut(taps).enumerate() {
            let output = if self.conv.kernel().is_transposed() {
                i % shape[1]
            } else {
                i / shape[1]
            };
            kernel.iter_mut().for_each(|value| *value *= factor[output]);
        }
        FoldedConv {
            shape,
            weight,
            bias,
        }
    }

    fn run(&mut self, x: &Activation, skip: Option<&Activation>, y: &mut Activation, mode: Mode) {
        self.conv.forward_tensor(x.value(), &mut self.product);
        let shape = self.product.shape();
        if let Some(skip) = skip {
            assert_eq!(skip.shape(), shape, "skip connection");
        }
        let relu = self.rectifier == Rectifier::Relu;
        self.norm.forward(
            &self.product,
            skip.map(Activation::value),
            relu,
            mode,
            y.begin(shape),
        );
    }
}

impl Parameters for ConvNorm {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.conv.visit(&scoped(prefix, "conv"), visitor);
        self.norm.visit(&scoped(prefix, "norm"), visitor);
    }
}

/// A convolution with its normalisation folded in, for export.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldedConv {
    /// Extents of `weight`, as [`Conv::weight_onnx_shape`].
    pub shape: [usize; 4],
    /// Weights in ONNX order.
    pub weight: Vec<f32>,
    /// Bias per output channel.
    pub bias: Vec<f32>,
}

#[cfg(test)]
mod tests;
