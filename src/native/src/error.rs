//! What can go wrong.

/// Why a graph can't be run here. Another engine may be able to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The bytes are no ONNX file.
    #[error("this is no ONNX file")]
    Decode(#[source] prost::DecodeError),
    /// The file contradicts itself or lacks something.
    #[error("the ONNX file is damaged: {what}")]
    Damaged {
        /// What is wrong, and where.
        what: String,
    },
    /// An operator for which there is no kernel here.
    #[error("node {node}: the operator {operator} is not known to this engine")]
    Operator {
        /// The node's name.
        node: String,
        /// The operator's.
        operator: String,
    },
    /// An operator that is known, in a form that is not.
    #[error("node {node}: this engine knows {operator}, but not with {what}")]
    Form {
        /// The node's name.
        node: String,
        /// The operator's.
        operator: String,
        /// What about it is not known.
        what: String,
    },
}

/// Why a network did not run: the caller's buffers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Too many or too few tensors.
    #[error("the network has {expected} {what}, {found} were given")]
    Count {
        /// Inputs or outputs.
        what: &'static str,
        /// How many it has.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// A buffer of another length.
    #[error("{tensor} has {expected} values, the buffer {found}")]
    Length {
        /// The tensor's name.
        tensor: String,
        /// How many it has.
        expected: usize,
        /// How many were given.
        found: usize,
    },
}
