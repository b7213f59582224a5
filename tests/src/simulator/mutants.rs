//! Deliberately broken variants.
