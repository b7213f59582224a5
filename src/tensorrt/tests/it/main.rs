//! TensorRT and CUDA without a GPU: against doubles of their libraries, and against what NVIDIA
//! publishes for PCs.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml lets tests do so, but not the helpers that they share"
)]

mod board;
mod child;
mod doubles;
mod failures;
mod mutations;
mod nvidia;
mod opening;
mod results;
mod strictness;
mod tour;
