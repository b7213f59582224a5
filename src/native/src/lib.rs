//! Runs the ONNX graphs that our exporter writes, on the CPU, by kernels of our own.
//!
//! It knows the operators of our students, teachers and gates and no others: a graph with another one is refused with its name, and is for an engine that knows all of ONNX. What it knows it runs faster than those.
//!
//! In the order in which a network passes through it: `read` turns a file into a plan (constants folded; activations, biases and sums made part
//! of the product before them; views told apart from work), packs weights for this machine's vectors and lays maps into buffers; `steps` are the kernels;
//! a [`Network`] owns all of it, and its runs allocate nothing.
//!
//! Five things make it fast:
//!
//! - Maps are rows of pixels with all channels side by side, within borders of zeros, so that a convolution is a product that reads
//!   the map itself (`steps::convolution`, `steps::packed`), with sums that stay in registers until they are final.
//! - Convolutions that follow each other on large maps are computed a few rows at a time, in the cache (`steps::chain`).
//! - 3x3 convolutions with stride 1 take 16 products for four outputs instead of 36 (`steps::winograd`).
//! - Depthwise convolutions read one vector of channels after the other (`steps::depthwise`), and the nearest of thousands of prototypes
//!   is a product of which only the largest results are kept (`steps::greatest`).
//! - The rows of a large step are divided among the threads of a pool, where the caller has one (`steps::pieces`).
//!
//! Vectors are those of `pulp`: AVX-512 or AVX2 with FMA where the machine has it, NEON on 64-bit ARM, plain numbers elsewhere, chosen at run time. Results
//! are the same bit for bit on every run on one machine; between machines sums are rounded differently.
//!
//! ```
//! use twinspect_native::Network;
//! use twinspect_onnx::{Graph, WeightFormat};
//!
//! let mut graph = Graph::new("doubling", WeightFormat::F32);
//! let x = graph.input("x", &[1, 2, 3, 3])?;
//! let y = graph.scale("y", x, 2.0)?;
//! graph.output("y", y)?;
//!
//! let mut network = Network::from_onnx(&graph.encode()?)?;
//! let mut y = [0.0; 18];
//! network.run(&[&[1.5; 18]], &mut [&mut y])?;
//! assert_eq!(y, [3.0; 18]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **What is absent**: files, threads of its own, batches, any operator that no graph of ours has, training.
#![forbid(unsafe_code)]

mod error;
mod map;
mod network;
mod read;
mod steps;

pub use error::{NetworkError, RunError};
pub use network::{Network, TensorSpec};
