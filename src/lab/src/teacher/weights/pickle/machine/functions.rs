//! What stands for PyTorch's functions: a few names, and what they would have made.

use super::super::{Element, PickleError, Storage, StoredTensor};
use super::{Global, Kind, Machine, Value};

/// The most axes of a tensor.
const RANK_MAX: usize = 8;

impl Machine<'_> {
    pub(super) fn global(&mut self) -> Result<(), PickleError> {
        let (module, name) = (self.line()?, self.line()?);
        let global = match (module.as_str(), name.as_str()) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
            ("torch", "HalfStorage") => Global::Storage(Element::F16),
            ("torch", "BFloat16Storage") => Global::Storage(Element::BF16),
            ("torch", "FloatStorage") => Global::Storage(Element::F32),
            ("torch", "DoubleStorage") => Global::Storage(Element::F64),
            ("torch", "LongStorage") => Global::Storage(Element::I64),
            _ => return Err(PickleError::Global { module, name }),
        };
        self.push(Value::Global(global))
    }

    /// A storage: `("storage", type, key, device, number of elements)`.
    pub(super) fn persistent(&mut self) -> Result<(), PickleError> {
        let id = self.pop()?;
        let storage = match self.kind(id) {
            Some(Kind::Tuple(parts)) => match parts[..] {
                [
                    kind,
                    Value::Global(Global::Storage(element)),
                    key,
                    _device,
                    count,
                ] => match (self.kind(kind), self.kind(key), size(count)) {
                    (Some(Kind::Text(kind)), Some(Kind::Text(key)), Some(elements))
                        if kind == "storage" =>
                    {
                        Some(Storage {
                            key: key.clone(),
                            element,
                            elements,
                        })
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        match storage {
            Some(storage) => self.object(Kind::Storage(storage), 0),
            None => Err(self.unexpected("a storage")),
        }
    }

    pub(super) fn reduce(&mut self) -> Result<(), PickleError> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Some(Kind::Tuple(arguments)) = self.kind(arguments) else {
            return Err(self.unexpected("arguments"));
        };
        match (function, &arguments[..]) {
            (Value::Global(Global::OrderedDict), []) => self.object(Kind::Dict(Vec::new()), 0),
            (
                Value::Global(Global::RebuildTensor),
                // Then requires_grad, hooks and, in newer files, metadata.
                [storage, offset, dims, strides, _, _, ..],
            ) => match self.tensor(*storage, *offset, *dims, *strides) {
                Some(tensor) => self.object(Kind::Tensor(tensor), 0),
                None => Err(self.unexpected("a tensor")),
            },
            (Value::Global(Global::RebuildParameter), [tensor, _requires_grad, _hooks]) => {
                match self.kind(*tensor) {
                    Some(Kind::Tensor(_)) => self.push(*tensor),
                    _ => Err(self.unexpected("a tensor")),
                }
            }
            _ => Err(self.unexpected("a function with its arguments")),
        }
    }

    fn tensor(
        &self,
        storage: Value,
        offset: Value,
        dims: Value,
        strides: Value,
    ) -> Option<StoredTensor> {
        let Kind::Storage(storage) = self.kind(storage)? else {
            return None;
        };
        let sizes = |tuple: Value| match self.kind(tuple)? {
            Kind::Tuple(values) => values.iter().map(|&value| size(value)).collect(),
            _ => None,
        };
        let (dims, strides): (Vec<usize>, Vec<usize>) = (sizes(dims)?, sizes(strides)?);
        let fits = dims.len() == strides.len() && dims.len() <= RANK_MAX;
        fits.then_some(StoredTensor {
            storage: storage.clone(),
            offset: size(offset)?,
            dims,
            strides,
        })
    }

    /// Attributes of an ordered dict, such as PyTorch's `_metadata`: of no use for tensors.
    pub(super) fn build(&mut self) -> Result<(), PickleError> {
        let _attributes = self.pop()?;
        let target = self.pop()?;
        match self.kind(target) {
            Some(Kind::Dict(_)) => self.push(target),
            _ => Err(self.unexpected("a dict")),
        }
    }
}

fn size(value: Value) -> Option<usize> {
    match value {
        Value::Int(value) => usize::try_from(value).ok(),
        _ => None,
    }
}
