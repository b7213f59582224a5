//! What can be wrong with a teacher.

use std::borrow::Cow;

use twinspect_onnx::{FoldError, GraphError};

use super::TeacherSource;
use super::weights::WeightsError;

/// Why a teacher cannot be loaded or written into a graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TeacherError {
    /// A file that is no teacher.
    #[error("loading the teacher {teacher}")]
    Load {
        /// Where it was to come from.
        teacher: TeacherSource,
        /// What is wrong with it.
        #[source]
        source: Box<TrunkError>,
    },
    /// The graph refused the teacher's nodes.
    #[error("writing the graph of the teacher {teacher}")]
    Graph {
        /// The teacher's name.
        teacher: &'static str,
        /// The refusal.
        #[source]
        source: Box<GraphError>,
    },
}

/// Why the tensors of a file make no trunk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TrunkError {
    /// The file or a tensor cannot be read.
    #[error("reading the weights")]
    Weights {
        /// Why not.
        #[source]
        source: WeightsError,
    },
    /// The tensors are not those of a network that can teach.
    #[error("the tensors are those of no known network: {evidence}")]
    Unknown {
        /// What was looked at.
        evidence: String,
    },
    /// A tensor with other axes than the network has.
    #[error("tensor {tensor} has axes {found:?}, {network} has {expected:?}")]
    Dims {
        /// Name of the tensor.
        tensor: String,
        /// Name of the network.
        network: &'static str,
        /// Its axes in the network.
        expected: Vec<usize>,
        /// Its axes in the file.
        found: Vec<usize>,
    },
    /// A batch norm that cannot be folded.
    #[error("folding the batch norm {norm}")]
    Fold {
        /// Name of the norm.
        norm: String,
        /// Why not.
        #[source]
        source: FoldError,
    },
}

impl TeacherError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Load { source, .. } => match source.as_ref() {
                TrunkError::Weights { source } => source.hint(),
                TrunkError::Unknown { .. } | TrunkError::Dims { .. } => Some(
                    "a teacher is EfficientNet-Lite0 or torchvision's ResNet-18, ResNet-34, \
                     ResNet-50 or wide ResNet-50-2, as a plain state dict with torchvision's names"
                        .into(),
                ),
                TrunkError::Fold { .. } => None,
            },
            Self::Graph { source, .. } => source.hint(),
        }
    }
}
