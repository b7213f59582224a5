//! The part of Python's pickle format that a state dict of PyTorch uses, as data.
//!
//! A pickle is a program for a stack machine, and a general reader would call whatever functions
//! the program names. This one knows a dozen kinds of value and five names that PyTorch writes; it
//! never calls anything, and all else is an error. Values live in an arena and refer to each other
//! by number, so that no nesting can exhaust the call stack.

mod machine;

use std::collections::BTreeMap;

use super::element::Element;

/// The longest stack. PyTorch sets the items of a dict in batches of 1000.
const STACK_MAX: usize = 1 << 14;

/// The most composite values. A state dict has about ten a tensor.
const OBJECTS_MAX: usize = 1 << 17;

/// The deepest nesting of values. A state dict has 3 to 4.
const DEPTH_MAX: usize = 16;

/// Where a tensor's elements lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredTensor {
    pub(super) storage: Storage,
    /// First element, counted in elements of the storage.
    pub(super) offset: usize,
    pub(super) dims: Vec<usize>,
    /// Distance of neighbours along each axis, in elements; as many as there are axes.
    pub(super) strides: Vec<usize>,
}

/// A block of elements, one entry of the archive.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) element: Element,
    pub(super) elements: usize,
}

/// Why a pickle is no table of tensors.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PickleError {
    /// The stream ends before its STOP.
    #[error("the pickle ends at byte {position}, in the middle of an instruction")]
    Truncated {
        /// Where the missing bytes should begin.
        position: usize,
    },
    /// An instruction that no state dict contains.
    #[error("unexpected pickle instruction {opcode:#04x} at byte {position}")]
    Opcode {
        /// The instruction.
        opcode: u8,
        /// Where it stands.
        position: usize,
    },
    /// A function or class that is not one of the few that tensors need.
    #[error("the pickle names {module}.{name}, which no table of tensors needs")]
    Global {
        /// Python module.
        module: String,
        /// Name in the module.
        name: String,
    },
    /// Values in an arrangement that no state dict has.
    #[error("unexpected value for {what} at byte {position} of the pickle")]
    Value {
        /// What the instruction or the tensor wanted.
        what: &'static str,
        /// Where the instruction ends.
        position: usize,
    },
    /// One of the reader's limits.
    #[error("the pickle has more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A dict without a single tensor, or no dict.
    #[error("the pickle holds no dict of tensors")]
    NoTensors,
}

impl StoredTensor {
    /// One past the last element in the storage, or `None` beyond all bounds. An empty tensor
    /// ends where it begins.
    pub(super) fn end(&self) -> Option<usize> {
        if self.dims.contains(&0) {
            return Some(self.offset);
        }
        let mut last = self.offset;
        for (dim, stride) in self.dims.iter().zip(&self.strides) {
            last = last.checked_add((dim - 1).checked_mul(*stride)?)?;
        }
        last.checked_add(1)
    }

    /// Positions of the elements in the storage, in row-major order; `count` is the product of the
    /// axes, and [`StoredTensor::end`] lies within the storage.
    pub(super) fn positions(&self, count: usize) -> impl Iterator<Item = usize> {
        (0..count).map(|index| {
            let mut rest = index;
            let mut position = self.offset;
            for (dim, stride) in self.dims.iter().zip(&self.strides).rev() {
                position += rest % dim * stride;
                rest /= dim;
            }
            position
        })
    }
}

/// The tensors of a pickled state dict. Entries that are not tensors are left out.
pub(super) fn tensors(pickle: &[u8]) -> Result<BTreeMap<String, StoredTensor>, PickleError> {
    machine::run(pickle)
}

#[cfg(test)]
mod tests;
