//! Operators that sum along axes.

use crate::error::GraphError;
use crate::graph::{Graph, Tensor, shape_of};
use crate::proto::AttributeProto;
use crate::shape::Shape;

impl Graph {
    /// Adds a ReduceSum; the summed axes stay, with length 1.
    ///
    /// # Errors
    /// An axis is named twice or beyond the shape.
    pub fn reduce_sum(
        &mut self,
        name: &str,
        x: Tensor,
        axes: &[usize],
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let shape = self.reduced(&name, x, axes)?;
        // Axes are an input since opset 13.
        let axes_name = self.part_name(&name, "axes");
        let axes = self.integers(axes_name, axes)?;
        let attributes = vec![AttributeProto::int("keepdims", 1)];
        Ok(self.append(name, "ReduceSum", &[x, axes], attributes, shape))
    }

    /// Adds a ReduceMean; the averaged axes stay, with length 1.
    ///
    /// # Errors
    /// An axis is named twice or beyond the shape.
    pub fn reduce_mean(
        &mut self,
        name: &str,
        x: Tensor,
        axes: &[usize],
    ) -> Result<Tensor, GraphError> {
        self.reduce(name, "ReduceMean", x, axes)
    }

    /// Adds a ReduceMax; the axes stay, with length 1.
    ///
    /// # Errors
    /// An axis is named twice or beyond the shape.
    pub fn reduce_max(
        &mut self,
        name: &str,
        x: Tensor,
        axes: &[usize],
    ) -> Result<Tensor, GraphError> {
        self.reduce(name, "ReduceMax", x, axes)
    }

    /// Adds a GlobalAveragePool: the mean over rows and columns, which stay with length 1.
    ///
    /// # Errors
    /// The operand is no feature map.
    pub fn global_average_pool(&mut self, name: &str, x: Tensor) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let [batch, channels, ..] = self.check_nchw(&name, x)?;
        let shape = shape_of(&name, &[batch, channels, 1, 1])?;
        Ok(self.append(name, "GlobalAveragePool", &[x], Vec::new(), shape))
    }

    /// Adds a Softmax along one axis.
    ///
    /// # Errors
    /// The axis is beyond the shape.
    pub fn softmax(&mut self, name: &str, x: Tensor, axis: usize) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let shape = self.check(&name, x)?;
        check_axis(&name, shape, axis)?;
        let attributes = vec![AttributeProto::int("axis", axis as i64)];
        Ok(self.append(name, "Softmax", &[x], attributes, shape))
    }

    /// Adds a MatMul: rows of `a` with columns of `b`, the last two axes; the axes before them are
    /// broadcast.
    ///
    /// # Errors
    /// An operand has less than two axes, or the shapes do not fit.
    pub fn mat_mul(&mut self, name: &str, a: Tensor, b: Tensor) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let (left, right) = (self.check(&name, a)?, self.check(&name, b)?);
        let Some(shape) = product(&left, &right) else {
            return Err(GraphError::Mismatch {
                node: name,
                left,
                right,
            });
        };
        Ok(self.append(name, "MatMul", &[a, b], Vec::new(), shape))
    }

    fn reduce(
        &mut self,
        name: &str,
        op: &'static str,
        x: Tensor,
        axes: &[usize],
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let shape = self.reduced(&name, x, axes)?;
        // Axes are an attribute up to opset 17.
        let attributes = vec![
            AttributeProto::ints("axes", axes),
            AttributeProto::int("keepdims", 1),
        ];
        Ok(self.append(name, op, &[x], attributes, shape))
    }

    fn reduced(&self, node: &str, x: Tensor, axes: &[usize]) -> Result<Shape, GraphError> {
        let mut shape = self.check(node, x)?;
        if axes.is_empty() {
            // To ONNX no axes means all of them, which nobody asks for by naming none.
            return Err(GraphError::Parameter {
                node: node.into(),
                parameter: "number of axes",
                value: 0,
                expected: "at least 1",
            });
        }
        for (i, &axis) in axes.iter().enumerate() {
            if axes[..i].contains(&axis) {
                return Err(axis_error(node, axis));
            }
            shape = shape
                .with_axis(axis, 1)
                .ok_or_else(|| axis_error(node, axis))?;
        }
        Ok(shape)
    }
}

pub(super) fn check_axis(node: &str, shape: Shape, axis: usize) -> Result<(), GraphError> {
    if axis < shape.rank() {
        Ok(())
    } else {
        Err(axis_error(node, axis))
    }
}

fn axis_error(node: &str, axis: usize) -> GraphError {
    GraphError::Parameter {
        node: node.into(),
        parameter: "axis",
        value: axis,
        expected: "one of the operand's axes, named once",
    }
}

fn product(left: &Shape, right: &Shape) -> Option<Shape> {
    let (left_batch, [rows, inner]) = left.dims().split_last_chunk()?;
    let (right_batch, [right_inner, columns]) = right.dims().split_last_chunk()?;
    if inner != right_inner {
        return None;
    }
    let batch = Shape::new(left_batch)?.broadcast(&Shape::new(right_batch)?)?;
    let mut dims = batch.dims().to_vec();
    dims.extend([*rows, *columns]);
    Shape::new(&dims)
}
