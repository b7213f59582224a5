//! `.safetensors`: a header of names, types, axes and ranges, then the bytes.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::{SafeTensors, TensorInfo};

use super::element::Element;
use super::{WeightsError, elements};

/// Length of the number before the header that says how long the header is.
const LENGTH_BYTES: usize = 8;

pub(super) struct SafetensorsFile {
    bytes: Vec<u8>,
    data_start: usize,
    tensors: BTreeMap<String, TensorInfo>,
}

impl SafetensorsFile {
    /// Reads the header; ranges that overlap, leave gaps or do not fit their axes are refused.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, WeightsError> {
        let (header, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|source| WeightsError::Header { source })?;
        let tensors = metadata
            .offset_keys()
            .into_iter()
            .filter_map(|name| Some((name.clone(), metadata.info(&name)?.clone())))
            .collect();
        Ok(Self {
            bytes,
            data_start: LENGTH_BYTES + header,
            tensors,
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.tensors.keys().cloned()
    }

    pub(super) fn dims(&self, tensor: &str) -> Option<&[usize]> {
        self.tensors.get(tensor).map(|info| info.shape.as_slice())
    }

    pub(super) fn values(&self, tensor: &str) -> Result<Vec<f32>, WeightsError> {
        let info = self
            .tensors
            .get(tensor)
            .ok_or_else(|| WeightsError::Missing {
                tensor: tensor.into(),
            })?;
        let element = match info.dtype {
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::BF16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            Dtype::I64 => Element::I64,
            other => {
                return Err(WeightsError::Element {
                    tensor: tensor.into(),
                    element: other.to_string(),
                });
            }
        };
        let count = elements(tensor, &info.shape)?;
        let (start, end) = info.data_offsets;
        let bytes = self
            .bytes
            .get(self.data_start..)
            .and_then(|data| data.get(start..end))
            .filter(|bytes| bytes.len() == count * element.size())
            .ok_or_else(|| WeightsError::Extent {
                tensor: tensor.into(),
                dims: info.shape.clone(),
            })?;
        Ok(element.decode(bytes))
    }
}
