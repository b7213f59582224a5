//! The head that compares a teacher's and a student's features.

use crate::error::GraphError;
use crate::graph::{Graph, Tensor};

/// Added to the squared norms of feature vectors, so that an all-zero pixel has the unit vector
/// zero. The training loss (`twinspect-nn`) adds the same.
pub const UNIT_EPSILON: f32 = 1e-12;

impl Graph {
    /// Adds the distance of two feature maps, pixel by pixel: half the squared difference of the
    /// unit vectors along the channels, `0.5 * sum_c (a/|a| - b/|b|)^2` with
    /// `|a| = sqrt(sum_c a^2 + e)`, `e =` [`UNIT_EPSILON`].
    ///
    /// This is `1 - cos` without its cancellation: 0 where the directions agree, 1 where they are
    /// orthogonal, at most 2. Two maps of N x C x H x W give N x 1 x H x W. The nodes are those of
    /// a head ([`Graph::head`]), under a scope of this name.
    ///
    /// # Errors
    /// The maps have different shapes or not four axes.
    pub fn distance_head(
        &mut self,
        name: &str,
        a: Tensor,
        b: Tensor,
    ) -> Result<Tensor, GraphError> {
        self.head(|graph| {
            graph.within(name, |graph| {
                for tensor in [a, b] {
                    graph.check_nchw(name, tensor)?;
                }
                // Broadcasting one map over the other would be a silent mistake.
                if a.shape() != b.shape() {
                    return Err(GraphError::Mismatch {
                        node: name.into(),
                        left: a.shape(),
                        right: b.shape(),
                    });
                }
                let a = graph.within("teacher", |graph| graph.unit_vectors(a))?;
                let b = graph.within("student", |graph| graph.unit_vectors(b))?;
                let difference = graph.sub("difference", a, b)?;
                let square = graph.mul("square", difference, difference)?;
                let sum = graph.reduce_sum("sum", square, &[1])?;
                graph.scale("half", sum, 0.5)
            })
        })
    }

    fn unit_vectors(&mut self, x: Tensor) -> Result<Tensor, GraphError> {
        let square = self.mul("square", x, x)?;
        let sum = self.reduce_sum("sum", square, &[1])?;
        let safe = self.offset("safe", sum, UNIT_EPSILON)?;
        let norm = self.sqrt("norm", safe)?;
        self.div("unit", x, norm)
    }
}
