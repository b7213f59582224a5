//! A bundle's network at 16 bits: its convolutions and what lies between them. All arithmetic of maps stays at 32.
//!
//! The exporter's names say which is which: what begins with [`HEAD_PREFIX`] compares features, where 16 bits would be rounding
//! noise alone. Operators that are not known to bear 16 bits stay at 32 whatever they are called. Inputs and outputs of the
//! network stay as they are.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use half::f16;
use prost::Message as _;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// Names of nodes that are computed with 32 bits begin with this: a bundle's contract with its exporter.
pub const HEAD_PREFIX: &str = "head.";

/// Operators that bear 16 bits: those of teachers and students.
const HALVES: [&str; 7] = [
    "Conv",
    "ConvTranspose",
    "Relu",
    "Clip",
    "Add",
    "Concat",
    "MaxPool",
];

/// The same network twice, for those who obey its types and those who want to be told names.
#[derive(Debug)]
pub(super) struct Halved {
    /// The network with its types and casts, as ONNX.
    pub(super) typed: Vec<u8>,
    /// Nodes that are computed with 16 bits, by their names in both networks.
    pub(super) nodes: Vec<String>,
}

/// A network that can't be computed with 16 bits.
#[derive(Debug, thiserror::Error)]
pub enum HalfError {
    /// It is no ONNX.
    #[error("the network can't be read")]
    Read(#[source] prost::DecodeError),
    /// It has no graph.
    #[error("the network has no graph")]
    NoGraph,
    /// It has branches or loops, which none of ours has.
    #[error("node {node} has a network of its own")]
    Subgraph {
        /// Its name.
        node: String,
    },
    /// A constant that 16 bits can't hold.
    #[error("{constant} holds {value}, beyond the range of 16 bits")]
    Range {
        /// Its name.
        constant: String,
        /// The first such value.
        value: f32,
    },
    /// Constants that are not stored as they are in our bundles.
    #[error("{constant} holds no bytes of 32 bits")]
    Storage {
        /// Its name.
        constant: String,
    },
}

/// Rewrites a network.
///
/// # Errors
/// [`HalfError`].
pub(super) fn halve(onnx: &[u8]) -> Result<Halved, HalfError> {
    let mut model = ModelProto::decode(onnx).map_err(HalfError::Read)?;
    let graph = model.graph.take().ok_or(HalfError::NoGraph)?;
    let mut rewriting = Rewriting::of(&graph);
    for node in &graph.node {
        if rewriting.bears_half(node)? {
            rewriting.half(node)?;
        } else {
            rewriting.single(node);
        }
    }
    let (graph, nodes) = rewriting.finished();
    model.graph = Some(graph);
    Ok(Halved {
        typed: model.encode_to_vec(),
        nodes,
    })
}

/// A network on its way. A value has up to two forms, each made once, where it is first asked for.
struct Rewriting<'a> {
    graph: &'a GraphProto,
    constants: HashMap<&'a str, &'a TensorProto>,
    outputs: HashSet<String>,
    names: HashSet<String>,
    /// By a value's name, the name of its form of 16 bits.
    halves: HashMap<String, String>,
    /// By the name of a value that has 16 bits, the name of its form of 32, once somebody has asked for it.
    singles: HashMap<String, Option<String>>,
    nodes: Vec<NodeProto>,
    more_constants: Vec<TensorProto>,
    half_nodes: Vec<String>,
}

impl<'a> Rewriting<'a> {
    fn of(graph: &'a GraphProto) -> Self {
        let constants = graph.initializer.iter();
        let constants = constants.map(|constant| (constant.name.as_str(), constant));
        let constants: HashMap<&str, &TensorProto> = constants.collect();
        // A weight that is stored with 16 bits and read as 32 is its own half.
        let stored = graph.node.iter().filter_map(|node| match &node.input[..] {
            [stored] if node.op_type == "Cast" => {
                let constant = constants.get(stored.as_str())?;
                let is_half = constant.data_type == DataType::Float16 as i32;
                let weight = node.output.first().filter(|_| is_half)?;
                Some((weight.clone(), stored.clone()))
            }
            _ => None,
        });
        let halves = stored.collect();
        let values = graph.node.iter().flat_map(|node| &node.output).cloned();
        let inputs = graph.input.iter().map(|input| input.name.clone());
        let known = constants.keys().map(|&name| name.to_owned());
        Self {
            outputs: graph
                .output
                .iter()
                .map(|output| output.name.clone())
                .collect(),
            names: values.chain(inputs).chain(known).collect(),
            halves,
            singles: HashMap::new(),
            nodes: Vec::with_capacity(graph.node.len()),
            more_constants: Vec::new(),
            half_nodes: Vec::new(),
            constants,
            graph,
        }
    }

    /// Whether a node is computed with 16 bits.
    fn bears_half(&self, node: &NodeProto) -> Result<bool, HalfError> {
        let mut attributes = node.attribute.iter();
        if attributes.any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty()) {
            return Err(HalfError::Subgraph {
                node: node.name.clone(),
            });
        }
        // These take whole numbers, too: sizes, for instance. What comes from a convolution is none.
        let is_float = || {
            let mut inputs = node.input.iter();
            !["Add", "Concat"].contains(&node.op_type.as_str())
                || inputs.all(|input| {
                    self.halves.contains_key(input) || self.constants.contains_key(input.as_str())
                })
        };
        let is_known = HALVES.contains(&node.op_type.as_str());
        Ok(is_known && !node.name.starts_with(HEAD_PREFIX) && is_float())
    }

    /// Adds a node that computes with 16 bits.
    fn half(&mut self, node: &NodeProto) -> Result<(), HalfError> {
        let mut node = node.clone();
        for input in &mut node.input {
            *input = self.as_half(input)?;
        }
        let mut casts = Vec::new();
        for output in &mut node.output {
            if self.outputs.contains(output.as_str()) {
                let half = self.name(output, "half");
                casts.push(cast(&half, output, DataType::Float));
                self.halves.insert(output.clone(), half.clone());
                *output = half;
            } else {
                self.halves.insert(output.clone(), output.clone());
                self.singles.insert(output.clone(), None);
            }
        }
        self.half_nodes.push(node.name.clone());
        self.nodes.push(node);
        self.nodes.extend(casts);
        Ok(())
    }

    /// Adds a node that computes as it did.
    fn single(&mut self, node: &NodeProto) {
        let mut node = node.clone();
        for input in &mut node.input {
            *input = self.as_single(input);
        }
        self.nodes.push(node);
    }

    /// The form of 16 bits of what a node of 16 bits reads. Numbers that are no floating point stay what they are.
    fn as_half(&mut self, value: &str) -> Result<String, HalfError> {
        if value.is_empty() {
            return Ok(String::new());
        }
        if let Some(half) = self.halves.get(value) {
            return Ok(half.clone());
        }
        let half = match self.constants.get(value).copied() {
            Some(constant) if constant.data_type != DataType::Float as i32 => {
                return Ok(value.to_owned());
            }
            Some(constant) => {
                let name = self.name(value, "half");
                self.more_constants.push(rounded(constant, &name)?);
                name
            }
            None => {
                let name = self.name(value, "half");
                self.nodes.push(cast(value, &name, DataType::Float16));
                name
            }
        };
        self.halves.insert(value.to_owned(), half.clone());
        Ok(half)
    }

    /// The form of what a node reads that computes as it did.
    fn as_single(&mut self, value: &str) -> String {
        match self.singles.get(value) {
            None => value.to_owned(),
            Some(Some(single)) => single.clone(),
            Some(None) => {
                let single = self.name(value, "single");
                self.nodes.push(cast(value, &single, DataType::Float));
                self.singles.insert(value.to_owned(), Some(single.clone()));
                single
            }
        }
    }

    /// A name that nothing else has.
    fn name(&mut self, value: &str, form: &str) -> String {
        let mut name = format!("{value}.{form}");
        while !self.names.insert(name.clone()) {
            name.push('_');
        }
        name
    }

    /// The network without what nobody reads any more, and the nodes of 16 bits.
    fn finished(mut self) -> (GraphProto, Vec<String>) {
        let read = read_by(&self.nodes);
        self.nodes.retain(|node| {
            let mut outputs = node.output.iter().map(String::as_str);
            node.op_type != "Cast"
                || outputs.any(|output| read.contains(output) || self.outputs.contains(output))
        });
        let read = read_by(&self.nodes);
        let kept = self.graph.initializer.iter().cloned();
        let constants = kept.chain(self.more_constants);
        let graph = GraphProto {
            initializer: constants
                .filter(|constant| read.contains(&constant.name))
                .collect(),
            node: self.nodes,
            name: self.graph.name.clone(),
            input: self.graph.input.clone(),
            output: self.graph.output.clone(),
            // What lies between has other types now, and need not be declared.
            ..GraphProto::default()
        };
        (graph, self.half_nodes)
    }
}

/// Names of everything that nodes read.
fn read_by(nodes: &[NodeProto]) -> HashSet<String> {
    nodes.iter().flat_map(|node| &node.input).cloned().collect()
}

fn cast(from: &str, to: &str, data_type: DataType) -> NodeProto {
    NodeProto {
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        name: to.to_owned(),
        op_type: "Cast".to_owned(),
        attribute: vec![AttributeProto {
            name: "to".to_owned(),
            r#type: AttributeType::Int as i32,
            i: data_type as i64,
            ..AttributeProto::default()
        }],
        ..NodeProto::default()
    }
}

fn rounded(constant: &TensorProto, name: &str) -> Result<TensorProto, HalfError> {
    let mut dims = constant.dims.iter();
    let elements = dims.try_fold(1_i64, |elements, &dim| elements.checked_mul(dim));
    let (values, rest) = constant.raw_data.as_chunks::<4>();
    if !rest.is_empty() || i64::try_from(values.len()).ok() != elements {
        return Err(HalfError::Storage {
            constant: constant.name.clone(),
        });
    }
    let mut raw_data = Vec::with_capacity(values.len() * 2);
    for &value in values {
        let value = f32::from_le_bytes(value);
        let half = f16::from_f32(value);
        if value.is_finite() && !half.is_finite() {
            return Err(HalfError::Range {
                constant: constant.name.clone(),
                value,
            });
        }
        raw_data.extend(half.to_le_bytes());
    }
    Ok(TensorProto {
        dims: constant.dims.clone(),
        data_type: DataType::Float16 as i32,
        name: name.to_owned(),
        raw_data,
        ..TensorProto::default()
    })
}
