//! From an ONNX file to a plan: which steps make which maps of which.

mod build;
mod compile;
mod draft;
mod graph;
mod onnx;
mod products;
mod shapes;
mod values;

pub(crate) use build::Plan;
pub(crate) use compile::{Compiled, Gate};
