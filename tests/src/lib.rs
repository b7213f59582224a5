//! Tests of the binaries as a user runs them.
