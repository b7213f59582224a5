//! What lives on a device's disk and must survive a power cut: installed models and which of them is
//! active, records of parts.
//!
//! **What is absent**: engines, cameras, processes, clocks. Times come in as numbers.
#![forbid(unsafe_code)]

pub mod models;
pub mod records;
