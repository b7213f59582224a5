//! Tests of the binaries as a user runs them, and of the rules that the workspace keeps.
//!
//! Everything lies in `tests/it`; this library is empty.
#![forbid(unsafe_code)]
