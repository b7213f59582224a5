//! Element types of stored tensors, and their values as f32.

use half::{bf16, f16};

/// The element types that a weight file may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    BF16,
    F32,
    F64,
    I64,
}

impl Element {
    /// Bytes of one element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// The values of little-endian bytes; bytes after the last whole element are left out.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => values(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::BF16 => values(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => values(bytes, f32::from_le_bytes),
            Self::F64 => values(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::I64 => values(bytes, |b| i64::from_le_bytes(b) as f32),
        }
    }
}

fn values<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&chunk| value(chunk))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_type_is_decoded() {
        let check = |element: Element, bytes: &[u8], value: f32| {
            assert_eq!(bytes.len(), element.size());
            assert_eq!(element.decode(bytes), [value], "{element:?}");
        };
        check(Element::F16, &[0x00, 0xc0], -2.0);
        check(Element::BF16, &[0x40, 0x40], 3.0);
        check(Element::F32, &0.1_f32.to_le_bytes(), 0.1);
        check(Element::F64, &(-1e-3_f64).to_le_bytes(), -1e-3);
        check(Element::I64, &(-5_i64).to_le_bytes(), -5.0);
    }
}
