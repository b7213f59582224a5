//! Windows that slide: convolutions and max-pooling.

use crate::error::GraphError;
use crate::graph::{Graph, Tensor, shape_of};
use crate::proto::AttributeProto;

/// Zero rows and columns around a feature map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pads {
    /// Rows above.
    pub top: usize,
    /// Columns at the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns at the right.
    pub right: usize,
}

impl Pads {
    /// The same on all four sides.
    pub fn symmetric(pad: usize) -> Self {
        Self {
            top: pad,
            left: pad,
            bottom: pad,
            right: pad,
        }
    }

    /// TensorFlow's SAME: as many zeros as make the output `ceil(input / stride)` long, the odd
    /// one at the bottom and the right.
    ///
    /// `input` is rows and columns, `kernel` the side of an undilated window; `stride` is at
    /// least 1.
    pub fn same(input: [usize; 2], kernel: usize, stride: usize) -> Self {
        let [(top, bottom), (left, right)] = input.map(|size| {
            let covered = (size.div_ceil(stride.max(1)) * stride + kernel).saturating_sub(stride);
            let total = covered.saturating_sub(size);
            (total / 2, total - total / 2)
        });
        Self {
            top,
            left,
            bottom,
            right,
        }
    }
}

/// The weights of a convolution, borrowed: four axes and the values in row-major order.
///
/// A convolution's axes are output channels, input channels of a group, rows, columns; those of a
/// transposed convolution input channels, output channels, rows, columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kernel<'a> {
    /// The four axes.
    pub dims: [usize; 4],
    /// As many values as the axes have elements.
    pub values: &'a [f32],
}

/// A convolution: weights, bias, and how the window moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv<'a> {
    /// Output channels, input channels of a group, rows, columns.
    pub kernel: Kernel<'a>,
    /// One value an output channel.
    pub bias: Option<&'a [f32]>,
    /// Step of the window, both ways, at least 1.
    pub stride: usize,
    /// Zeros around the input.
    pub pads: Pads,
    /// Channel groups; as many as channels for a depthwise convolution.
    pub groups: usize,
    /// Distance of the window's taps, both ways, at least 1.
    pub dilation: usize,
}

impl<'a> Conv<'a> {
    /// A convolution of stride 1 without padding, groups or dilation.
    pub fn new(kernel: Kernel<'a>, bias: Option<&'a [f32]>) -> Self {
        Self {
            kernel,
            bias,
            stride: 1,
            pads: Pads::default(),
            groups: 1,
            dilation: 1,
        }
    }

    /// With another step of the window.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With zeros around the input.
    pub fn pads(self, pads: Pads) -> Self {
        Self { pads, ..self }
    }

    /// With channel groups.
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// With spread taps.
    pub fn dilation(self, dilation: usize) -> Self {
        Self { dilation, ..self }
    }
}

impl Graph {
    /// Adds a Conv.
    ///
    /// # Errors
    /// Input and weights do not fit each other, or the window does not fit into the input.
    pub fn conv(&mut self, name: &str, x: Tensor, conv: &Conv) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let [batch, channels, rows, columns] = self.check_nchw(&name, x)?;
        let [outputs, per_group, kernel_rows, kernel_columns] = conv.kernel.dims;
        if conv.groups == 0 || outputs % conv.groups != 0 {
            return Err(GraphError::Parameter {
                node: name,
                parameter: "groups",
                value: conv.groups,
                expected: "a divisor of the output channels",
            });
        }
        if per_group.saturating_mul(conv.groups) != channels {
            return Err(GraphError::Channels {
                node: name,
                expected: per_group.saturating_mul(conv.groups),
                found: channels,
            });
        }
        let window = Window {
            node: &name,
            stride: conv.stride,
            dilation: conv.dilation,
        };
        let pads = conv.pads;
        let shape = [
            batch,
            outputs,
            window.positions(rows, kernel_rows, [pads.top, pads.bottom])?,
            window.positions(columns, kernel_columns, [pads.left, pads.right])?,
        ];
        let shape = shape_of(&name, &shape)?;
        let inputs = self.kernel_inputs(&name, x, conv.kernel, outputs, conv.bias)?;
        let attributes = vec![
            AttributeProto::ints("dilations", &[conv.dilation; 2]),
            AttributeProto::int("group", conv.groups as i64),
            AttributeProto::ints("kernel_shape", &[kernel_rows, kernel_columns]),
            pads_attribute(pads),
            AttributeProto::ints("strides", &[conv.stride; 2]),
        ];
        Ok(self.append(name, "Conv", &inputs, attributes, shape))
    }

    /// Adds a ConvTranspose with a window of 2 x 2 and a stride of 2: twice the rows and columns.
    ///
    /// The kernel's axes are input channels, output channels, 2, 2.
    ///
    /// # Errors
    /// The kernel is not 2 x 2 or does not fit the input.
    pub fn conv_transpose_2x2(
        &mut self,
        name: &str,
        x: Tensor,
        kernel: Kernel,
        bias: Option<&[f32]>,
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let [batch, channels, rows, columns] = self.check_nchw(&name, x)?;
        let [inputs, outputs, kernel_rows, kernel_columns] = kernel.dims;
        if let Some(side) = [kernel_rows, kernel_columns].into_iter().find(|&s| s != 2) {
            return Err(GraphError::Parameter {
                node: name,
                parameter: "kernel_shape",
                value: side,
                expected: "2",
            });
        }
        if inputs != channels {
            return Err(GraphError::Channels {
                node: name,
                expected: inputs,
                found: channels,
            });
        }
        let shape = shape_of(&name, &[batch, outputs, 2 * rows, 2 * columns])?;
        let inputs = self.kernel_inputs(&name, x, kernel, outputs, bias)?;
        let attributes = vec![
            AttributeProto::ints("kernel_shape", &[2, 2]),
            AttributeProto::ints("strides", &[2, 2]),
        ];
        Ok(self.append(name, "ConvTranspose", &inputs, attributes, shape))
    }

    /// Adds a MaxPool with a window of `kernel` rows and columns.
    ///
    /// # Errors
    /// The window does not fit, or a side is padded by a whole window.
    pub fn max_pool(
        &mut self,
        name: &str,
        x: Tensor,
        kernel: [usize; 2],
        stride: usize,
        pads: Pads,
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let [batch, channels, rows, columns] = self.check_nchw(&name, x)?;
        let [kernel_rows, kernel_columns] = kernel;
        let sides = [
            (pads.top, kernel_rows),
            (pads.left, kernel_columns),
            (pads.bottom, kernel_rows),
            (pads.right, kernel_columns),
        ];
        if let Some((pad, _)) = sides.into_iter().find(|&(pad, side)| pad >= side) {
            return Err(GraphError::Parameter {
                node: name,
                parameter: "pads",
                value: pad,
                expected: "less than the window",
            });
        }
        let window = Window {
            node: &name,
            stride,
            dilation: 1,
        };
        let shape = [
            batch,
            channels,
            window.positions(rows, kernel_rows, [pads.top, pads.bottom])?,
            window.positions(columns, kernel_columns, [pads.left, pads.right])?,
        ];
        let shape = shape_of(&name, &shape)?;
        let attributes = vec![
            AttributeProto::ints("kernel_shape", &kernel),
            pads_attribute(pads),
            AttributeProto::ints("strides", &[stride; 2]),
        ];
        Ok(self.append(name, "MaxPool", &[x], attributes, shape))
    }

    /// Input, weights and, where there is one, bias.
    fn kernel_inputs(
        &mut self,
        node: &str,
        x: Tensor,
        kernel: Kernel,
        outputs: usize,
        bias: Option<&[f32]>,
    ) -> Result<Vec<Tensor>, GraphError> {
        let weight_name = self.part_name(node, "weight");
        let weight = self.weight_named(weight_name, &kernel.dims, kernel.values)?;
        let mut inputs = vec![x, weight];
        if let Some(bias) = bias {
            let bias_name = self.part_name(node, "bias");
            inputs.push(self.constant_named(bias_name, &[outputs], bias)?);
        }
        Ok(inputs)
    }
}

struct Window<'a> {
    node: &'a str,
    stride: usize,
    dilation: usize,
}

impl Window<'_> {
    /// Number of places of the window along one axis.
    fn positions(
        &self,
        size: usize,
        kernel: usize,
        [before, after]: [usize; 2],
    ) -> Result<usize, GraphError> {
        let parameters = [
            ("kernel_shape", kernel),
            ("strides", self.stride),
            ("dilations", self.dilation),
        ];
        if let Some((parameter, value)) = parameters.into_iter().find(|&(_, value)| value == 0) {
            return Err(GraphError::Parameter {
                node: self.node.into(),
                parameter,
                value,
                expected: "at least 1",
            });
        }
        let window = (kernel - 1).saturating_mul(self.dilation).saturating_add(1);
        let available = size.saturating_add(before).saturating_add(after);
        match available.checked_sub(window) {
            Some(slack) => Ok(slack / self.stride + 1),
            None => Err(GraphError::Window {
                node: self.node.into(),
                window,
                available,
            }),
        }
    }
}

fn pads_attribute(pads: Pads) -> AttributeProto {
    let ends = [pads.top, pads.left, pads.bottom, pads.right];
    AttributeProto::ints("pads", &ends)
}
