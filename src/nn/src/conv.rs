//! Convolutions, plain and transposed.
//!
//! Weights are stored as the kernels read them, `[ky][kx][cin][cout]` (transposed: `[cin][ky][kx][cout]`), and converted
//! to and from the layout of ONNX and PyTorch by [`Conv::weight_onnx`] and [`Conv::set_weight_onnx`].

mod dense;
mod strided;
mod upsample;
mod weight;

use crate::activation::Activation;
use crate::kernels::{add_per_channel, sum_channels};
use crate::param::{Entry, Param, Parameters, scoped};
use crate::rng::Rng;
use crate::tensor::{Shape, Tensor};

/// The convolutions there are. Padding is half the kernel's size, except for `Up2x2`, which has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// 1x1, stride 1.
    K1x1,
    /// 1x1, stride 2: the shortcut of a residual stage.
    K1x1Stride2,
    /// 3x3, stride 1.
    K3x3,
    /// 3x3, stride 2: `h x w` becomes `ceil(h/2) x ceil(w/2)`.
    K3x3Stride2,
    /// Transposed 2x2, stride 2: `h x w` becomes `2h x 2w`.
    Up2x2,
}

impl Kernel {
    /// Rows and columns of the kernel.
    pub const fn size(self) -> usize {
        match self {
            Self::K1x1 | Self::K1x1Stride2 => 1,
            Self::K3x3 | Self::K3x3Stride2 => 3,
            Self::Up2x2 => 2,
        }
    }

    /// Step between taps of neighbouring outputs (of inputs, when transposed).
    pub const fn stride(self) -> usize {
        match self {
            Self::K1x1 | Self::K3x3 => 1,
            Self::K1x1Stride2 | Self::K3x3Stride2 | Self::Up2x2 => 2,
        }
    }

    /// Zero pixels added at each border.
    pub const fn padding(self) -> usize {
        match self {
            Self::K1x1 | Self::K1x1Stride2 | Self::Up2x2 => 0,
            Self::K3x3 | Self::K3x3Stride2 => 1,
        }
    }

    /// Whether this is a transposed convolution.
    pub const fn is_transposed(self) -> bool {
        matches!(self, Self::Up2x2)
    }

    /// Extents of the output for an input and a number of output channels.
    pub const fn output_shape(self, input: Shape, channels: usize) -> Shape {
        let Shape { n, h, w, .. } = input;
        match self {
            Self::K1x1 | Self::K3x3 => Shape::new(n, h, w, channels),
            Self::K1x1Stride2 | Self::K3x3Stride2 => {
                Shape::new(n, h.div_ceil(2), w.div_ceil(2), channels)
            }
            Self::Up2x2 => Shape::new(n, 2 * h, 2 * w, channels),
        }
    }
}

/// A convolution with its weights and, where wanted, a bias.
#[derive(Clone, Debug)]
pub struct Conv {
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    weight: Param,
    bias: Option<Param>,
}

impl Conv {
    /// A convolution from `inputs` to `outputs` channels without bias, its weights drawn from a normal distribution of
    /// variance `2 / fan_out` (He et al. 2015), `fan_out = outputs * size^2` (for `Up2x2`: `outputs`, since its taps do
    /// not overlap).
    ///
    /// # Panics
    /// If a channel count is zero.
    pub fn new(kernel: Kernel, inputs: usize, outputs: usize, rng: &mut Rng) -> Self {
        assert!(inputs > 0 && outputs > 0, "a convolution needs channels");
        let taps = kernel.size() * kernel.size();
        let fan_out = if kernel.is_transposed() {
            outputs
        } else {
            outputs * taps
        };
        let deviation = (2.0 / fan_out as f64).sqrt();
        let weight = (0..taps * inputs * outputs)
            .map(|_| (rng.normal() * deviation) as f32)
            .collect();
        Self {
            kernel,
            inputs,
            outputs,
            weight: Param::new(weight),
            bias: None,
        }
    }

    /// The same with a bias per output channel, at first zero.
    pub fn with_bias(mut self) -> Self {
        self.bias = Some(Param::new(vec![0.0; self.outputs]));
        self
    }

    /// The kind of convolution.
    pub const fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Input channels.
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// Output channels.
    pub const fn outputs(&self) -> usize {
        self.outputs
    }

    /// The bias per output channel.
    pub fn bias(&self) -> Option<&[f32]> {
        self.bias.as_ref().map(Param::value)
    }

    /// The bias for writing.
    pub fn bias_mut(&mut self) -> Option<&mut [f32]> {
        self.bias.as_mut().map(Param::value_mut)
    }

    /// Writes `y = conv(x)`.
    ///
    /// # Panics
    /// If `x` does not have [`Conv::inputs`] channels.
    pub fn forward(&self, x: &Activation, y: &mut Activation) {
        let shape = self.kernel.output_shape(x.shape(), self.outputs);
        self.forward_tensor(x.value(), y.begin(shape));
    }

    /// From the gradient of `y`, adds to the gradients of the weights, of the bias and of `x` (if that wants one).
    pub fn backward(&mut self, x: &mut Activation, y: &mut Activation) {
        let (_, dy) = y.finished();
        self.backward_tensor(x, dy);
    }

    pub(crate) fn forward_tensor(&self, x: &Tensor, y: &mut Tensor) {
        assert_eq!(x.shape().c, self.inputs, "input channels");
        y.reshape(self.kernel.output_shape(x.shape(), self.outputs));
        match self.kernel {
            Kernel::K1x1 | Kernel::K3x3 => {
                dense::forward(self.kernel.size(), x, &self.weight.value, y, false)
            }
            Kernel::K1x1Stride2 | Kernel::K3x3Stride2 => {
                strided::forward(self.kernel.size(), x, &self.weight.value, y)
            }
            Kernel::Up2x2 => upsample::forward(x, &self.weight.value, y),
        }
        if let Some(bias) = &self.bias {
            for (n, row) in y.rows() {
                add_per_channel(y.row_mut(n, row), &bias.value);
            }
        }
    }

    pub(crate) fn backward_tensor(&mut self, x: &mut Activation, dy: &Tensor) {
        assert_eq!(
            dy.shape(),
            self.kernel.output_shape(x.shape(), self.outputs),
            "gradient of the output"
        );
        if let Some(bias) = &mut self.bias {
            for (n, row) in dy.rows() {
                sum_channels(dy.row(n, row), &mut bias.grad);
            }
        }
        let (x, dx) = x.parts();
        let (size, weight, grad) = (
            self.kernel.size(),
            &self.weight.value,
            &mut self.weight.grad,
        );
        match self.kernel {
            Kernel::K1x1 | Kernel::K3x3 => {
                dense::weight_gradient(size, x, dy, grad);
                if let Some(dx) = dx {
                    let flipped = weight::flipped(weight, size * size, self.inputs, self.outputs);
                    let (dx, accumulate) = dx.into_parts();
                    dense::forward(size, dy, &flipped, dx, accumulate);
                }
            }
            Kernel::K1x1Stride2 | Kernel::K3x3Stride2 => {
                strided::weight_gradient(size, x, dy, grad);
                if let Some(dx) = dx {
                    strided::input_gradient(size, dy, weight, dx.into_sum());
                }
            }
            Kernel::Up2x2 => {
                upsample::weight_gradient(x, dy, grad);
                if let Some(dx) = dx {
                    let (dx, accumulate) = dx.into_parts();
                    upsample::input_gradient(dy, weight, dx, accumulate);
                }
            }
        }
    }
}

impl Parameters for Conv {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        visitor(&scoped(prefix, "weight"), Entry::Trained(&mut self.weight));
        if let Some(bias) = &mut self.bias {
            visitor(&scoped(prefix, "bias"), Entry::Trained(bias));
        }
    }
}

#[cfg(test)]
mod tests;
