//! What a call of TensorRT is, on the level of the C++ ABI.
//!
//! In this order: [`factories`] are the C functions that everything begins with. [`object`] is what
//! a pointer from the library points to, and who deletes it. [`table`] makes a function of a row of
//! a table; [`interfaces`] has the rows, which is all that this crate knows of the libraries'
//! insides. [`calls`] turns C's arguments and results into Rust's. [`values`] are enumerators,
//! [`dims`] shapes, and [`logger`] is the one object that TensorRT calls.

mod calls;
mod dims;
mod factories;
mod interfaces;
mod logger;
mod object;
mod table;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use calls::CachedConfig;
pub(crate) use factories::{file_of, new_builder, new_parser, new_runtime, version_number};
pub(crate) use interfaces::*;
pub(crate) use logger::Listener;
pub use logger::Said;
pub(crate) use object::{Handle, Owned};
pub(crate) use values::*;
