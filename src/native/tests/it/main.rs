//! Tests of the crate as its callers see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bundles;
mod chains;
mod errors;
mod operators;
mod reference;
mod values;
