//! What can be wrong with a graph that is being built.

use std::borrow::Cow;

use crate::shape::Shape;

/// Why a node, a constant or the whole graph was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A handle that another graph gave out.
    #[error("node {node}: an operand belongs to another graph")]
    ForeignTensor {
        /// The node that was to be added.
        node: String,
    },
    /// The operator wants another number of axes.
    #[error("node {node}: expected {expected} axes, found shape {found}")]
    Rank {
        /// The node that was to be added.
        node: String,
        /// Number of axes that the operator takes.
        expected: usize,
        /// Shape of the operand.
        found: Shape,
    },
    /// The channels of the input do not fit the weights.
    #[error("node {node}: weights for {expected} input channels, input has {found}")]
    Channels {
        /// The node that was to be added.
        node: String,
        /// Input channels of the weights.
        expected: usize,
        /// Channels of the operand.
        found: usize,
    },
    /// Two shapes that the operator cannot join.
    #[error("node {node}: shapes {left} and {right} do not fit")]
    Mismatch {
        /// The node that was to be added.
        node: String,
        /// Shape of the first operand.
        left: Shape,
        /// Shape of the second operand, or the wanted shape.
        right: Shape,
    },
    /// A parameter outside of what the operator defines.
    #[error("node {node}: {parameter} is {value}, expected {expected}")]
    Parameter {
        /// The node that was to be added.
        node: String,
        /// Name of the parameter.
        parameter: &'static str,
        /// What was given.
        value: usize,
        /// What is allowed, in words.
        expected: &'static str,
    },
    /// The window is larger than the padded input.
    #[error("node {node}: a window of {window} px does not fit into {available} px")]
    Window {
        /// The node that was to be added.
        node: String,
        /// Extent of the dilated window.
        window: usize,
        /// Extent of the padded input.
        available: usize,
    },
    /// Dimensions that make no shape: an empty axis, too many axes or too many elements.
    #[error("{name}: {dims:?} is not a shape")]
    Shape {
        /// Node, input or constant.
        name: String,
        /// What was given.
        dims: Vec<usize>,
    },
    /// A constant with another number of values than its shape has.
    #[error("constant {name}: {expected} values expected, found {found}")]
    Length {
        /// The constant.
        name: String,
        /// Number that the shape asks for.
        expected: usize,
        /// Number of values given.
        found: usize,
    },
    /// A NaN or an infinity among the values of a constant.
    #[error("constant {name}: value {index} is {value}")]
    NotFinite {
        /// The constant.
        name: String,
        /// Position of the first such value.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A weight that f16 cannot hold.
    #[error("constant {name}: value {index} is {value}, beyond the range of f16")]
    HalfRange {
        /// The constant.
        name: String,
        /// Position of the first such value.
        index: usize,
        /// The value.
        value: f32,
    },
    /// Two inputs, outputs or values of one name.
    #[error("the name {name} is already taken")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A name that is empty or holds other characters than letters, digits, `_`, `-` and `.`.
    #[error("{name:?} is not a name for a node or a value")]
    Name {
        /// What was given.
        name: String,
    },
    /// A graph without outputs.
    #[error("graph {graph} has no outputs")]
    NoOutput {
        /// Name of the graph.
        graph: String,
    },
}

impl GraphError {
    /// What the caller can do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::HalfRange { .. } => Some("store the weights of this graph as f32".into()),
            Self::NotFinite { .. } => {
                Some("the weights come from a training that diverged or a damaged file".into())
            }
            _ => None,
        }
    }
}
