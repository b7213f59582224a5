//! The CUDA driver: memory, streams and graphs of one GPU.
//!
//! [`driver`] has the functions of `libcuda.so.1`. [`device`] holds the GPU's primary context,
//! which is the one that TensorRT uses. [`memory`], [`stream`] and [`graph`] own what they are
//! named for, and free it while the context lives. What is queued on a stream goes on after the
//! call has returned, so queuing is unsafe here and becomes safe in [`Session`](crate::Session),
//! which owns all that the queued work touches. Tests that need a GPU lie in `on_a_gpu`.

mod device;
mod driver;
mod graph;
mod memory;
#[cfg(test)]
mod on_a_gpu;
mod stream;

pub use device::{Device, DeviceFacts};
pub use driver::CudaError;
pub(crate) use graph::Graph;
pub(crate) use memory::{DeviceBuffer, PinnedBuffer};
pub(crate) use stream::Stream;
