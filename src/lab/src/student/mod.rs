//! The students: networks that learn to reproduce a frozen teacher on good parts only.
//!
//! Each one is a forward pass, a loss, a backward pass, the maps that it gives, and the same maps
//! as an ONNX graph.

mod blocks;
mod codebook;
mod geometry;
mod rgb;

pub(crate) use codebook::{Codebook, Descriptor};
pub(crate) use geometry::GeometryStudent;
pub(crate) use rgb::{RgbStudent, SCALES};
