//! Writes ONNX graphs: opset 17, static shapes, batch norms folded, weights as f16 or f32.
//!
//! For the exporter of `twinspect-lab` and for tests that need a graph. In the order of use:
//! [`Graph`] (a graph under construction, one method an operator), [`Tensor`] (a handle that knows
//! its [`Shape`]), [`Conv`] with [`Kernel`] and [`Pads`], [`BatchNorm`] (folded before writing),
//! [`GraphError`]. It writes only: it reads no ONNX, opens no files and runs nothing.
//!
//! ```
//! use twinspect_onnx::{Conv, Graph, Kernel, WeightFormat};
//!
//! let mut graph = Graph::new("edges", WeightFormat::F32);
//! let picture = graph.input("picture", &[1, 1, 8, 8])?;
//! let kernel = Kernel { dims: [2, 1, 1, 2], values: &[1.0, -1.0, -1.0, 1.0] };
//! let edges = graph.within("filter", |graph| {
//!     let edges = graph.conv("differences", picture, &Conv::new(kernel, None))?;
//!     graph.relu("relu", edges)
//! })?;
//! assert_eq!(edges.shape().dims(), [1, 2, 8, 7]);
//! graph.output("edges", edges)?;
//! let file: Vec<u8> = graph.encode()?;
//! # assert!(!file.is_empty());
//! # Ok::<(), twinspect_onnx::GraphError>(())
//! ```

#![forbid(unsafe_code)]

mod distance;
mod encode;
mod error;
mod fold;
mod graph;
mod ops;
mod proto;
mod shape;
#[cfg(test)]
mod tests;

pub use distance::UNIT_EPSILON;
pub use error::GraphError;
pub use fold::{BatchNorm, FoldError, Folded};
pub use graph::{Graph, HEAD_PREFIX, Tensor, WeightFormat};
pub use ops::{Conv, Kernel, Pads};
pub use shape::{MAX_ELEMENTS, MAX_RANK, Shape};
