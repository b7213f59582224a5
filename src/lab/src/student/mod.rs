//! The students: networks that learn to reproduce a frozen teacher on good parts only.
//!
//! Each one is a forward pass, a loss, a backward pass, the maps that it gives, and the same maps
//! as an ONNX graph.

mod blocks;
mod codebook;
mod geometry;
mod memory;
mod palette;
mod refine;
mod rgb;
mod supervision;
#[cfg(test)]
mod tests;

pub(crate) use blocks::emit_conv;
pub(crate) use codebook::{Codebook, Descriptors};
pub(crate) use geometry::{GeometryStudent, GeometryTargets};
pub(crate) use memory::{Memory, TeacherSample};
pub(crate) use palette::{ColourSample, Palette};
pub(crate) use rgb::{RgbStudent, RgbTargets, SCALES};
pub(crate) use supervision::LossWeights;
