//! Operators that move, join and resample tensors.

use crate::error::GraphError;
use crate::graph::{Graph, Tensor, shape_of};
use crate::ops::reduction::check_axis;
use crate::proto::AttributeProto;

impl Graph {
    /// Adds a Concat along one axis; axis 1 joins the channels of feature maps.
    ///
    /// # Errors
    /// There is nothing to join, or the tensors differ along another axis.
    pub fn concat(
        &mut self,
        name: &str,
        tensors: &[Tensor],
        axis: usize,
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let Some((&first, rest)) = tensors.split_first() else {
            return Err(GraphError::Parameter {
                node: name,
                parameter: "number of inputs",
                value: 0,
                expected: "at least 1",
            });
        };
        let left = self.check(&name, first)?;
        check_axis(&name, left, axis)?;
        let mut length = left.dims()[axis];
        for &tensor in rest {
            let right = self.check(&name, tensor)?;
            if right.with_axis(axis, 1) != left.with_axis(axis, 1) {
                return Err(GraphError::Mismatch {
                    node: name,
                    left,
                    right,
                });
            }
            length += right.dims()[axis];
        }
        let mut dims = left.dims().to_vec();
        dims[axis] = length;
        let shape = shape_of(&name, &dims)?;
        let attributes = vec![AttributeProto::int("axis", axis as i64)];
        Ok(self.append(name, "Concat", tensors, attributes, shape))
    }

    /// Adds a Reshape.
    ///
    /// # Errors
    /// The new shape has another number of elements.
    pub fn reshape(&mut self, name: &str, x: Tensor, dims: &[usize]) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let left = self.check(&name, x)?;
        let right = shape_of(&name, dims)?;
        if left.elements() != right.elements() {
            return Err(GraphError::Mismatch {
                node: name,
                left,
                right,
            });
        }
        let shape_name = self.part_name(&name, "shape");
        let dims = self.integers(shape_name, dims)?;
        Ok(self.append(name, "Reshape", &[x, dims], Vec::new(), right))
    }

    /// Adds a Transpose: axis `i` of the result is axis `order[i]` of the operand.
    ///
    /// # Errors
    /// The order does not name each axis of the operand once.
    pub fn transpose(
        &mut self,
        name: &str,
        x: Tensor,
        order: &[usize],
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let shape = self.check(&name, x)?;
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if sorted.iter().copied().ne(0..shape.rank()) {
            return Err(GraphError::Parameter {
                node: name,
                parameter: "perm",
                value: order.len(),
                expected: "each axis of the operand once",
            });
        }
        let dims: Vec<usize> = order.iter().map(|&axis| shape.dims()[axis]).collect();
        let shape = shape_of(&name, &dims)?;
        let attributes = vec![AttributeProto::ints("perm", order)];
        Ok(self.append(name, "Transpose", &[x], attributes, shape))
    }

    /// Adds a Resize of a feature map to `size` (rows, columns): bilinear, pixel centres at half
    /// coordinates, no smoothing before a reduction.
    ///
    /// # Errors
    /// The operand is no feature map, or the size is empty.
    pub fn resize(
        &mut self,
        name: &str,
        x: Tensor,
        size: [usize; 2],
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        let [batch, channels, ..] = self.check_nchw(&name, x)?;
        let dims = [batch, channels, size[0], size[1]];
        let shape = shape_of(&name, &dims)?;
        let sizes_name = self.part_name(&name, "sizes");
        let sizes = self.integers(sizes_name, &dims)?;
        let attributes = vec![
            AttributeProto::text("coordinate_transformation_mode", "half_pixel"),
            AttributeProto::text("mode", "linear"),
        ];
        // The absent inputs are the region of interest and the scales.
        let inputs = [Some(x), None, None, Some(sizes)];
        Ok(self.append_optional(name, "Resize", &inputs, attributes, shape))
    }
}
