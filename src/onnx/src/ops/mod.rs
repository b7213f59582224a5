//! The operators, as methods of [`crate::Graph`].

mod convolution;
mod elementwise;
mod layout;
mod reduction;

pub use convolution::{Conv, Kernel, Pads};
