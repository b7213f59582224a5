//! A network that is ready to run, and what goes in and out.

use std::ffi::{CStr, CString};

use crate::abi::{self, Handle, Listener, Owned, VCudaEngine, VExecutionContext};
use crate::tensorrt::refused;
use crate::{Error, Runtime};

/// Inputs and outputs that a network may have. Ours have up to four.
const TENSORS_MAX: i32 = 16;
/// Numbers that a tensor may have: 256 MB.
pub(crate) const NUMBERS_MAX: usize = 1 << 26;

/// A network that was read from a plan. It keeps the runtime that read it, and ends before it.
pub struct Engine {
    // Dropped in this order.
    engine: Owned<VCudaEngine>,
    _runtime: Runtime,
    tensors: Vec<Tensor>,
}

/// An input or output of 32-bit floating point numbers, without gaps, in the order of its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// As TensorRT wants it.
    pub(crate) c_name: CString,
    /// The name.
    pub name: String,
    /// Which way the numbers go.
    pub direction: Direction,
    /// All sizes, known and at least 1.
    pub shape: Vec<usize>,
}

/// Which way the numbers of a tensor go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into the network.
    Input,
    /// Out of it.
    Output,
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

impl Tensor {
    /// How many numbers it has.
    pub fn numbers(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Engine {
    pub(crate) fn new(engine: Owned<VCudaEngine>, runtime: Runtime) -> Result<Self, Error> {
        // Put together first, so that they end in this order if something is wrong with the
        // tensors, too.
        let mut engine = Self {
            engine,
            _runtime: runtime,
            tensors: Vec::new(),
        };
        engine.tensors = tensors(&engine.engine)?;
        Ok(engine)
    }

    /// What goes in and out, in the order of the network. Hold it against what the network should
    /// have: a wrong library would show here.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    pub(crate) fn new_context(&self) -> Result<Owned<VExecutionContext>, Error> {
        let listener = Listener::new();
        let context = self.engine.context();
        context.ok_or_else(|| refused("createExecutionContext", listener))
    }
}

fn tensors(engine: &Handle<'_, VCudaEngine>) -> Result<Vec<Tensor>, Error> {
    let count = engine.tensor_count();
    if !(2..=TENSORS_MAX).contains(&count) {
        return Err(Error::Interface {
            what: "the number of tensors of the engine".to_owned(),
            expected: "2 to 16",
            found: count.to_string(),
        });
    }
    (0..count).map(|index| tensor(engine, index)).collect()
}

fn tensor(engine: &Handle<'_, VCudaEngine>, index: i32) -> Result<Tensor, Error> {
    let generation = engine.generation();
    let (c_name, name) = checked_name(engine.tensor_name(index), "tensor", index)?;
    let mode = engine.tensor_mode(&c_name);
    let direction = [
        (abi::INPUT, Direction::Input),
        (abi::OUTPUT, Direction::Output),
    ]
    .into_iter()
    .find_map(|(value, direction)| (value.of(generation) == Some(mode)).then_some(direction));
    let direction =
        direction.ok_or_else(|| wrong(&name, "mode", "input (1) or output (2)", mode))?;
    let data_type = engine.tensor_type(&c_name);
    if abi::FLOAT.of(generation) != Some(data_type) {
        return Err(wrong(&name, "type", "32-bit floating point (0)", data_type));
    }
    let format = engine.tensor_format(&c_name);
    if abi::LINEAR.of(generation) != Some(format) {
        return Err(wrong(&name, "format", "linear (0)", format));
    }
    let shape = checked_shape(engine.tensor_shape(&c_name), &name)?;
    Ok(Tensor {
        c_name,
        name,
        direction,
        shape,
    })
}

fn wrong(tensor: &str, what: &str, expected: &'static str, found: i32) -> Error {
    Error::Interface {
        what: format!("the {what} of tensor {tensor:?}"),
        expected,
        found: found.to_string(),
    }
}

/// A name that can be shown and compared.
pub(crate) fn checked_name(
    name: Option<CString>,
    kind: &str,
    index: i32,
) -> Result<(CString, String), Error> {
    let readable = |name: &CStr| {
        name.to_str()
            .ok()
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
    };
    name.and_then(|name| readable(&name).map(|readable| (name, readable)))
        .ok_or_else(|| Error::Interface {
            what: format!("the name of {kind} {index}"),
            expected: "a text",
            found: "none".to_owned(),
        })
}

/// A shape without unknown sizes, of at most [`NUMBERS_MAX`] numbers.
pub(crate) fn checked_shape(sizes: Option<Vec<i64>>, tensor: &str) -> Result<Vec<usize>, Error> {
    let shape = sizes.as_deref().and_then(|sizes| {
        let sizes = sizes
            .iter()
            .map(|&size| usize::try_from(size).ok().filter(|&size| size >= 1));
        sizes.collect::<Option<Vec<usize>>>()
    });
    let numbers = |shape: &[usize]| {
        shape
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(size))
    };
    let fits = |shape: &Vec<usize>| {
        !shape.is_empty() && numbers(shape).is_some_and(|numbers| numbers <= NUMBERS_MAX)
    };
    shape.filter(fits).ok_or_else(|| Error::Interface {
        what: format!("the shape of tensor {tensor:?}"),
        expected: "1 to 8 sizes that are known, 67108864 numbers at most",
        found: sizes.map_or_else(|| "none".to_owned(), |sizes| format!("{sizes:?}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_bounded() {
        let shape = |sizes: &[i64]| checked_shape(Some(sizes.to_vec()), "map").ok();
        assert_eq!(shape(&[1, 3, 256, 256]), Some(vec![1, 3, 256, 256]));
        assert_eq!(shape(&[1 << 26]), Some(vec![1 << 26]));
        for bad in [
            &[][..],
            &[1, -1, 4],
            &[1, 0],
            &[(1 << 26) + 1],
            &[i64::MAX, i64::MAX, 16],
        ] {
            assert_eq!(shape(bad), None, "{bad:?}");
        }
        let unknown = checked_shape(None, "map").expect_err("no shape");
        assert_eq!(
            unknown.to_string(),
            "the shape of tensor \"map\" is none, 1 to 8 sizes that are known, 67108864 numbers at most expected"
        );
    }

    #[test]
    fn names_are_texts() {
        assert!(checked_name(Some(c"rgb".to_owned()), "tensor", 0).is_ok());
        for bad in [None, Some(c"".to_owned()), Some(c"\xff".to_owned())] {
            assert!(checked_name(bad, "tensor", 0).is_err());
        }
    }
}
