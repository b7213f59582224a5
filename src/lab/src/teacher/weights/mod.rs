//! Weight files: tensors by name, from `.safetensors` and from PyTorch's zip `.pth` or `.pt`.
//!
//! Both are read as data: no code of a file is ever executed. The form is told by the content, not
//! by the file's name. Tensors are decoded when they are asked for.

mod element;
mod pickle;
mod pytorch;
mod tensors;

use std::borrow::Cow;
use std::path::Path;

use safetensors::SafeTensorError;
use sha2::{Digest, Sha256};
use twinspect_dataset::file_kind;
use zip::result::ZipError;

pub(crate) use pickle::PickleError;
use pytorch::PytorchFile;
use tensors::SafetensorsFile;

/// The largest weight file that is read, in bytes. A whole wide ResNet-50-2 has 276 MB.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The most elements of one tensor. The largest of the supported trunks has 2.4 million.
const TENSOR_ELEMENTS_MAX: usize = 1 << 26;

/// An open weight file.
pub(crate) struct WeightFile {
    tensors: Tensors,
    sha256: String,
}

enum Tensors {
    Safetensors(SafetensorsFile),
    Pytorch(Box<PytorchFile>),
}

/// Why a weight file or one of its tensors cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WeightsError {
    /// The file system refused.
    #[error("reading the file")]
    Read {
        /// The refusal.
        #[source]
        source: std::io::Error,
    },
    /// A folder, a pipe, a device.
    #[error("what lies there is {found}, and no file")]
    NotAFile {
        /// What it is.
        found: &'static str,
    },
    /// More bytes than a weight file may have.
    #[error("the file has {bytes} bytes, more than {limit}")]
    FileSize {
        /// Size of the file.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Neither of the two forms.
    #[error("the file is neither safetensors nor a PyTorch zip archive")]
    Form,
    /// The form that PyTorch wrote before 1.6.
    #[error("the file is a bare pickle stream, PyTorch's form before 1.6")]
    OldPytorch,
    /// A broken header of a safetensors file.
    #[error("reading the header of a safetensors file")]
    Header {
        /// What is wrong with it.
        #[source]
        source: SafeTensorError,
    },
    /// A broken zip archive.
    #[error("reading the zip archive")]
    Archive {
        /// What is wrong with it.
        #[source]
        source: ZipError,
    },
    /// An archive without one of PyTorch's entries.
    #[error("the zip archive has no entry {entry}")]
    Entry {
        /// Name of the entry, or what it should end in.
        entry: String,
    },
    /// An entry of the archive with another size than it should have.
    #[error("entry {entry} of the zip archive has {found} bytes, expected {expected}")]
    EntrySize {
        /// Name of the entry.
        entry: String,
        /// The size that is wanted or, for the table of tensors, the largest allowed, in words.
        expected: String,
        /// The declared or real size.
        found: u64,
    },
    /// An archive from a machine of the other byte order.
    #[error("the tensors are not stored in little-endian order")]
    ByteOrder,
    /// A table of tensors that is no plain state dict.
    #[error("reading the table of tensors")]
    Table {
        /// What is wrong with it.
        #[source]
        source: PickleError,
    },
    /// A tensor that is not in the file.
    #[error("there is no tensor {tensor}")]
    Missing {
        /// Its name.
        tensor: String,
    },
    /// A tensor of an element type that weights do not have.
    #[error("tensor {tensor} has elements of type {element}")]
    Element {
        /// Its name.
        tensor: String,
        /// Type of its elements, as the file calls it.
        element: String,
    },
    /// A tensor that is too large, or reaches beyond its storage.
    #[error("tensor {tensor} with axes {dims:?} does not fit into its storage or is too large")]
    Extent {
        /// Its name.
        tensor: String,
        /// Its axes.
        dims: Vec<usize>,
    },
    /// A NaN or an infinity.
    #[error("value {index} of tensor {tensor} is not finite")]
    NotFinite {
        /// Its name.
        tensor: String,
        /// Position of the first such value.
        index: usize,
    },
}

impl WeightsError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Read { source } if source.kind() == std::io::ErrorKind::NotFound => {
                "name another file, or leave --teacher away: EfficientNet-Lite0 is built in"
            }
            Self::OldPytorch => {
                "convert it once in Python: torch.save(torch.load(OLD, weights_only=True), NEW)"
            }
            Self::Table { .. } => {
                "only a plain state dict is read: torch.save(model.state_dict(), NEW)"
            }
            Self::NotAFile { .. } | Self::Form => {
                "give torchvision's .pth file or a .safetensors file with its names"
            }
            Self::Element { .. } => "save the weights as float32, float16 or bfloat16",
            _ => return None,
        };
        Some(hint.into())
    }
}

impl WeightFile {
    /// Reads a file and the table of its tensors.
    pub(crate) fn open(path: &Path) -> Result<Self, WeightsError> {
        let read = |source| WeightsError::Read { source };
        // Not by `fs_err`, as the error that wraps this one names the path.
        let metadata = std::fs::metadata(path).map_err(read)?;
        if !metadata.is_file() {
            return Err(WeightsError::NotAFile {
                found: file_kind(metadata.file_type()),
            });
        }
        let bytes = metadata.len();
        if bytes > FILE_BYTES_MAX {
            return Err(WeightsError::FileSize {
                bytes,
                limit: FILE_BYTES_MAX,
            });
        }
        Self::parse(std::fs::read(path).map_err(read)?)
    }

    /// Reads the table of tensors from the bytes of a file.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, WeightsError> {
        let sha256 = hex(&Sha256::digest(&bytes));
        let tensors = match Form::of(&bytes) {
            Form::Safetensors => Tensors::Safetensors(SafetensorsFile::parse(bytes)?),
            Form::Zip => Tensors::Pytorch(Box::new(PytorchFile::parse(bytes)?)),
            Form::BarePickle => return Err(WeightsError::OldPytorch),
            Form::Unknown => return Err(WeightsError::Form),
        };
        Ok(Self { tensors, sha256 })
    }

    /// SHA-256 of the file, in lower-case hexadecimal digits.
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The axes of a tensor, or `None` when there is none of that name.
    pub(crate) fn dims(&self, tensor: &str) -> Option<&[usize]> {
        match &self.tensors {
            Tensors::Safetensors(file) => file.dims(tensor),
            Tensors::Pytorch(file) => file.dims(tensor),
        }
    }

    /// Some names of tensors, for messages.
    pub(crate) fn some_names(&self) -> Vec<String> {
        const NAMES: usize = 3;
        match &self.tensors {
            Tensors::Safetensors(file) => file.names().take(NAMES).collect(),
            Tensors::Pytorch(file) => file.names().take(NAMES).collect(),
        }
    }

    /// The values of a tensor in row-major order, as f32.
    pub(crate) fn values(&mut self, tensor: &str) -> Result<Vec<f32>, WeightsError> {
        let values = match &mut self.tensors {
            Tensors::Safetensors(file) => file.values(tensor)?,
            Tensors::Pytorch(file) => file.values(tensor)?,
        };
        match values.iter().position(|v| !v.is_finite()) {
            None => Ok(values),
            Some(index) => Err(WeightsError::NotFinite {
                tensor: tensor.into(),
                index,
            }),
        }
    }
}

enum Form {
    Safetensors,
    Zip,
    BarePickle,
    Unknown,
}

impl Form {
    fn of(bytes: &[u8]) -> Self {
        if let Some((length, header)) = bytes.split_first_chunk() {
            // Before the others: a header's length may begin with a pickle's first bytes.
            let fits = u64::from_le_bytes(*length) <= header.len() as u64;
            if fits && header.first() == Some(&b'{') {
                return Self::Safetensors;
            }
        }
        match bytes {
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            [0x80, 1..=5, ..] => Self::BarePickle,
            _ => Self::Unknown,
        }
    }
}

/// The number of elements of a shape, when a tensor may have as many.
fn elements(tensor: &str, dims: &[usize]) -> Result<usize, WeightsError> {
    dims.iter()
        .try_fold(1_usize, |n, &dim| n.checked_mul(dim))
        .filter(|&n| n <= TENSOR_ELEMENTS_MAX)
        .ok_or_else(|| WeightsError::Extent {
            tensor: tensor.into(),
            dims: dims.into(),
        })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
