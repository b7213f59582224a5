//! The rules of the architecture, and the binaries as a user runs them.
//!
//! The binaries are those that `cargo test --workspace` builds beside this test.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end a test, as the tests themselves do"
)]

mod aarch64;
mod architecture;
mod bad_input;
mod bench;
mod binaries;
mod calibrate;
mod camera_check;
mod camera_streams;
mod chaos;
mod documents;
mod fusion;
mod gpu;
mod live_camera;
mod messages;
mod models;
mod models_switch;
mod onnx;
mod page;
mod presence;
mod product;
mod purity;
mod quality;
mod record;
mod recorded_camera;
mod records;
mod report;
mod sequence;
mod service;
mod shipped;
mod simulator;
mod source_text;
mod station;
mod training;
mod workspace;
