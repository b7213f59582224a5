//! A convolution of a trunk with its batch norm folded in.

use twinspect_onnx::{BatchNorm, Conv, Folded, Graph, GraphError, Kernel, Pads, Tensor};

use super::error::TrunkError;
use super::weights::WeightFile;

/// How a convolution of a trunk is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// TensorFlow's SAME, which depends on the size of the input.
    Same,
    /// Half a window on all sides.
    Symmetric,
}

/// What distinguishes one convolution of a trunk from another. Windows are square.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) groups: usize,
}

impl Geometry {
    pub(super) fn new(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self {
            inputs,
            outputs,
            kernel,
            stride: 1,
            groups: 1,
        }
    }

    pub(super) fn depthwise(channels: usize, kernel: usize) -> Self {
        Self {
            groups: channels,
            ..Self::new(channels, channels, kernel)
        }
    }

    pub(super) fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }
}

/// A convolution with its weights.
pub(super) struct Convolution {
    geometry: Geometry,
    padding: Padding,
    folded: Folded,
}

/// Reads the convolutions of one network from a weight file.
pub(super) struct Reader<'a> {
    pub(super) file: &'a mut WeightFile,
    /// Name of the network, for messages.
    pub(super) network: &'static str,
    pub(super) epsilon: f32,
    pub(super) padding: Padding,
}

impl Reader<'_> {
    /// The convolution `conv` with the batch norm `norm`. A file without the norm's tensors has it
    /// folded already; then the convolution has a bias.
    pub(super) fn convolution(
        &mut self,
        conv: &str,
        norm: &str,
        geometry: Geometry,
    ) -> Result<Convolution, TrunkError> {
        let Geometry {
            inputs,
            outputs,
            kernel,
            groups,
            ..
        } = geometry;
        let dims = [outputs, inputs / groups, kernel, kernel];
        let weight = self.tensor(&format!("{conv}.weight"), &dims)?;
        let bias_name = format!("{conv}.bias");
        let scale_name = format!("{norm}.weight");
        let folded = if self.file.dims(&scale_name).is_some() {
            let bias = match self.file.dims(&bias_name) {
                Some(_) => Some(self.tensor(&bias_name, &[outputs])?),
                None => None,
            };
            let scale = self.tensor(&scale_name, &[outputs])?;
            let shift = self.tensor(&format!("{norm}.bias"), &[outputs])?;
            let mean = self.tensor(&format!("{norm}.running_mean"), &[outputs])?;
            let variance = self.tensor(&format!("{norm}.running_var"), &[outputs])?;
            let batch_norm = BatchNorm {
                scale: &scale,
                shift: &shift,
                mean: &mean,
                variance: &variance,
                epsilon: self.epsilon,
            };
            let kernel = Kernel {
                dims,
                values: &weight,
            };
            batch_norm
                .fold(kernel, bias.as_deref())
                .map_err(|source| TrunkError::Fold {
                    norm: norm.into(),
                    source,
                })?
        } else {
            Folded {
                dims,
                weight,
                bias: self.tensor(&bias_name, &[outputs])?,
            }
        };
        Ok(Convolution {
            geometry,
            padding: self.padding,
            folded,
        })
    }

    /// The values of a tensor, when it has these axes.
    fn tensor(&mut self, tensor: &str, dims: &[usize]) -> Result<Vec<f32>, TrunkError> {
        if let Some(found) = self.file.dims(tensor)
            && found != dims
        {
            return Err(TrunkError::Dims {
                tensor: tensor.into(),
                network: self.network,
                expected: dims.into(),
                found: found.into(),
            });
        }
        self.file
            .values(tensor)
            .map_err(|source| TrunkError::Weights { source })
    }
}

impl Convolution {
    /// Adds the convolution's node.
    pub(super) fn write(
        &self,
        graph: &mut Graph,
        name: &str,
        x: Tensor,
    ) -> Result<Tensor, GraphError> {
        let Geometry {
            kernel,
            stride,
            groups,
            ..
        } = self.geometry;
        let pads = match (self.padding, x.shape().nchw()) {
            (Padding::Same, Some([.., rows, columns])) => {
                Pads::same([rows, columns], kernel, stride)
            }
            _ => Pads::symmetric(kernel / 2),
        };
        let conv = Conv::new(self.folded.kernel(), Some(&self.folded.bias))
            .stride(stride)
            .pads(pads)
            .groups(groups);
        graph.conv(name, x, &conv)
    }
}
