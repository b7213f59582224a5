//! Inference: a prepared part goes in, the stages' maps come out.
//!
//! For the device's inspect thread, and for a trainer that wants to see what the device will see.
//! In the order of use: an [`Engine`] ([`NativeEngine`], [`TractEngine`], [`tensorrt::TensorRtEngine`]) is loaded from a verified
//! [`Bundle`](twinspect_bundle::Bundle), [`prove`] holds it to the bundle's goldens, [`compare`]
//! to another engine's answers to them, then [`Engine::infer`] answers for each part, and [`Engine::fuse`] for the two halves of a score that
//! a fusion network joins; [`judge`] is all of that in one call. [`tract::Model`] runs any ONNX
//! network by itself: frozen teachers, reference activations.
//!
//! ```no_run
//! use twinspect_bundle::Bundle;
//! use twinspect_engine::{Engine as _, TractEngine, prove};
//!
//! let bundle = Bundle::open("models/cap.twb")?;
//! let mut engine = TractEngine::load(&bundle)?;
//! let proof = prove(&mut engine, &bundle)?;
//! println!("{} goldens, worst: {}", proof.goldens, proof.worst);
//! let maps = engine.new_maps();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`NativeEngine`] and [`TractEngine`] run on any CPU, [`tensorrt`] on NVIDIA's GPUs, with TensorRT as it is found at run time.
//!
//! **What is absent**: preparation and score (both in `twinspect-core`), files but a GPU engine's
//! plans, threads but those that an engine of the CPU owns, and any choice
//! of what to do when an engine fails.
#![forbid(unsafe_code)]

pub mod calibrate;
#[cfg(test)]
mod conformance;
mod cpu;
mod engine;
mod native;
mod proof;
pub mod tensorrt;
pub mod tract;

pub use cpu::{CpuEngine, NativeEngine, Network, TractEngine};
pub use engine::{Engine, EngineError, Precision, StageName, judge};
pub use native::NativeNetwork;
pub use proof::{
    Comparison, Deviation, Mistrust, Proof, ProofError, ScoreDifference, compare, provable, prove,
};
