//! Runs the ONNX graphs that our exporter writes, on the CPU, by kernels of our own.
#![forbid(unsafe_code)]

mod error;
mod map;
mod network;
mod read;
mod steps;

pub use error::{NetworkError, RunError};
pub use network::{Network, TensorSpec};
