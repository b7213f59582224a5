//! The codebook's map as an ONNX graph.

use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use super::{Codebook, ROUNDING, gain};

/// Prototypes that the exported graph compares at once: at 64 x 64 places half a megabyte of results,
/// which stays in a core's cache until the next block's.
pub(super) const BLOCK: usize = 32;

impl Codebook {
    /// Writes the map as products and maxima of closeness, the negated scaled squared distance. With
    /// `w = (r + 0.3)^-2` it is linear in the descriptor and its squared length:
    /// `-w |q - p|^2 = w p . 2q + w (-|q|^2) - w |p|^2`. Places are columns, so that the maximum of
    /// two blocks is one of two plain arrays.
    pub(crate) fn emit(
        &self,
        graph: &mut Graph,
        input: onnx::Tensor,
    ) -> Result<onnx::Tensor, GraphError> {
        let shape = input.shape();
        let (rows, columns) = (shape.dims()[2], shape.dims()[3]);
        graph.head(|graph| {
            graph.within("codebook", |graph| {
                let square = graph.mul("square", input, input)?;
                let length = graph.reduce_sum("length", square, &[1])?;
                let joined = graph.concat("join", &[input, length], 1)?;
                // The factors stand here and not in the prototypes because tract splits a product
                // of joined operands into one product for each.
                let mut factors = vec![2.0; self.prototypes.channels];
                factors.push(-1.0);
                let form = factors.len();
                let factors = graph.constant("factors", &[1, form, 1, 1], &factors)?;
                let descriptors = graph.mul("descriptors", joined, factors)?;
                let blocks = self.radii.len().div_ceil(BLOCK);
                let closest = self.emit_closest(graph, descriptors, 0, blocks)?;
                let closest = graph.reshape("members", closest, &[1, 1, BLOCK, rows * columns])?;
                let closest =
                    graph.max_pool("closest", closest, [BLOCK, 1], 1, onnx::Pads::default())?;
                let least = graph.neg("least", closest)?;
                // Rounding may leave the square of a tiny distance below zero.
                let positive = graph.relu("positive", least)?;
                let certain = graph.offset("certain", positive, ROUNDING)?;
                let distance = graph.sqrt("distance", certain)?;
                graph.reshape("map", distance, &[1, 1, rows, columns])
            })
        })
    }

    /// Writes the larger closeness, member by member, of `count` blocks from `first` on. As a balanced
    /// tree: an engine that goes from the leaves up holds a block for each level, not all of them.
    fn emit_closest(
        &self,
        graph: &mut Graph,
        descriptors: onnx::Tensor,
        first: usize,
        count: usize,
    ) -> Result<onnx::Tensor, GraphError> {
        if count <= 1 {
            let (weights, bias) = self.closeness(first);
            let kernel = onnx::Kernel {
                dims: [BLOCK, self.prototypes.channels + 1, 1, 1],
                values: &weights,
            };
            let conv = onnx::Conv::new(kernel, Some(&bias));
            return graph.conv(&format!("closeness{first}"), descriptors, &conv);
        }
        let half = count / 2;
        let left = self.emit_closest(graph, descriptors, first, half)?;
        let right = self.emit_closest(graph, descriptors, first + half, count - half)?;
        graph.max(
            &format!("closer{first}to{}", first + count - 1),
            left,
            right,
        )
    }

    /// Weights and bias of a block's closeness: the descriptor's channels, then its squared length. The last block is
    /// filled up with the first prototypes.
    fn closeness(&self, block: usize) -> (Vec<f32>, Vec<f32>) {
        let members = self.prototypes.places().zip(&self.radii).cycle();
        let mut weights = Vec::with_capacity(BLOCK * (self.prototypes.channels + 1));
        let mut bias = Vec::with_capacity(BLOCK);
        for (prototype, &radius) in members.skip(block * BLOCK).take(BLOCK) {
            let gain = gain(radius);
            weights.extend(prototype.iter().map(|value| gain * value));
            weights.push(gain);
            bias.push(-gain * prototype.iter().map(|value| value * value).sum::<f32>());
        }
        (weights, bias)
    }
}
