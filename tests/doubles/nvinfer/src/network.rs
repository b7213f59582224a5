//! Networks that the double can read and run.
//!
//! Its own format is a text, in place of ONNX, for tests that want a known result:
//!
//! ```text
//! double network
//! input image 1 3 4 4
//! output map 1 1 4 4
//! layer trunk
//! layer head
//! ```
//!
//! The k-th output, from 1, is k times the sum of the inputs, folded to its length: number i of it
//! is the sum of the numbers j of all inputs with j % length = i. Of an image that is the sum of
//! its channels. A line `node NAME OPERATOR` is a node that the parser does not support.

use std::ffi::CString;

use crate::onnx::{self, Onnx};
use crate::settings::settings;

pub(crate) struct Network {
    pub(crate) source: Vec<u8>,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) layers: Vec<CString>,
    compute: Compute,
}

#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) name: CString,
    pub(crate) is_input: bool,
    pub(crate) shape: Vec<i64>,
}

enum Compute {
    Sum,
    Onnx(Onnx),
}

/// Why a network is not read.
pub(crate) struct Complaint {
    pub(crate) code: i32,
    pub(crate) node: i32,
    pub(crate) node_name: CString,
    pub(crate) text: CString,
}

impl Complaint {
    /// What the parser says of a file that is no ONNX.
    pub(crate) fn unreadable() -> Self {
        Self::new(
            MODEL_DESERIALIZE_FAILED,
            0,
            "",
            "failed to parse the ONNX model",
        )
    }

    pub(crate) fn new(code: i32, node: usize, node_name: &str, text: &str) -> Self {
        let c = |text: &str| CString::new(text.replace('\0', "?")).expect("no zero inside");
        Self {
            code,
            node: i32::try_from(node).unwrap_or(-1),
            node_name: c(node_name),
            text: c(text),
        }
    }
}

/// `nvonnxparser::ErrorCode`
const MODEL_DESERIALIZE_FAILED: i32 = 3;
pub(crate) const INVALID_GRAPH: i32 = 5;
const UNSUPPORTED_NODE: i32 = 8;

impl Tensor {
    pub(crate) fn numbers(&self) -> usize {
        self.shape
            .iter()
            .map(|&size| usize::try_from(size).unwrap_or(0))
            .product()
    }
}

impl Network {
    pub(crate) fn read(source: &[u8]) -> Result<Self, Complaint> {
        match source.strip_prefix(b"double network\n") {
            Some(text) => {
                let text = std::str::from_utf8(text).map_err(|_error| Complaint::unreadable())?;
                Self::described(source, text, Compute::Sum)
            }
            None => {
                let (onnx, text) = onnx::read(source)?;
                Self::described(source, &text, Compute::Onnx(onnx))
            }
        }
    }

    fn described(source: &[u8], text: &str, compute: Compute) -> Result<Self, Complaint> {
        let (mut tensors, mut layers) = (Vec::new(), Vec::new());
        for (node, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                [direction @ ("input" | "output"), name, ref sizes @ ..] => {
                    let sizes = sizes.iter().map(|size| size.parse().ok());
                    let shape = sizes.collect::<Option<Vec<i64>>>();
                    tensors.push(Tensor {
                        name: CString::new(name).expect("no zero inside"),
                        is_input: direction == "input",
                        shape: shape.ok_or_else(|| {
                            Complaint::new(INVALID_GRAPH, node, name, "a size is no number")
                        })?,
                    });
                }
                ["layer", name] => layers.push(CString::new(name).expect("no zero inside")),
                ["node", name, operator] => {
                    let text = format!("no importer registered for operator {operator}");
                    return Err(Complaint::new(UNSUPPORTED_NODE, node, name, &text));
                }
                _ => return Err(Complaint::new(INVALID_GRAPH, node, "", line)),
            }
        }
        Ok(Self {
            source: source.to_vec(),
            tensors,
            layers,
            compute,
        })
    }

    /// Computes outputs of inputs, each where `places` says, in the order of the tensors.
    ///
    /// # Safety
    /// Places for as many numbers as the tensors have.
    pub(crate) unsafe fn run(&self, places: *const *mut u8) -> bool {
        let went_well = match &self.compute {
            Compute::Sum => {
                // SAFETY: the caller's promise.
                unsafe { self.sum(places) };
                true
            }
            // SAFETY: the caller's promise.
            Compute::Onnx(onnx) => unsafe { onnx.run(places) },
        };
        let half_gain = settings().half_gain.filter(|_| self.has_halves());
        for gain in [settings().gain, half_gain].into_iter().flatten() {
            // SAFETY: the caller's promise.
            unsafe { self.multiply(places, gain) };
        }
        went_well
    }

    /// Whether it is one that twinspect has given casts to 16 bits, by the names of those.
    fn has_halves(&self) -> bool {
        let mut layers = self.layers.iter();
        layers.any(|layer| layer.to_bytes().ends_with(b".half"))
    }

    /// # Safety
    /// As [`Network::run`].
    unsafe fn multiply(&self, places: *const *mut u8, gain: f32) {
        for (index, tensor) in self.tensors.iter().enumerate() {
            if tensor.is_input {
                continue;
            }
            // SAFETY: the caller's promise; no two tensors share a place.
            let output = unsafe {
                std::slice::from_raw_parts_mut((*places.add(index)).cast::<f32>(), tensor.numbers())
            };
            output.iter_mut().for_each(|number| *number *= gain);
        }
    }

    /// # Safety
    /// As [`Network::run`].
    unsafe fn sum(&self, places: *const *mut u8) {
        let slices = self.tensors.iter().enumerate().map(|(index, tensor)| {
            // SAFETY: the caller's promise; no two tensors share a place.
            unsafe {
                std::slice::from_raw_parts_mut((*places.add(index)).cast::<f32>(), tensor.numbers())
            }
        });
        let (inputs, outputs): (Vec<_>, Vec<_>) = self
            .tensors
            .iter()
            .zip(slices)
            .partition(|(tensor, _)| tensor.is_input);
        for (nth, (_, output)) in (1_u8..).zip(outputs) {
            output.fill(0.0);
            for (_, input) in &inputs {
                for (index, number) in input.iter().enumerate() {
                    let length = output.len();
                    output[index % length] += f32::from(nth) * number;
                }
            }
        }
    }
}
