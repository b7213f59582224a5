//! Every layout against one suite, everything that can be wrong with a set, and the writer.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml lets tests do so, but not the helpers that they share"
)]

mod conformance;
mod damage;
mod fixtures;
mod json;
mod recognition;
mod shared_data;
mod writer;
