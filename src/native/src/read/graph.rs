//! An ONNX file with its numbers understood: constants as `f32` and whole numbers, attributes by name.

use std::collections::HashMap;

use half::f16;
use prost::Message as _;

use super::onnx::{AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use crate::error::NetworkError;

/// Versions of the operator set that the kernels' rules are those of: ReduceSum takes its axes as an input (13), other
/// reductions as an attribute (up to 17).
const OPSETS: std::ops::RangeInclusive<i64> = 13..=17;
/// Most values of a constant or a map: what no sound graph of ours comes near, so that products of extents can't overflow.
pub(super) const VALUES_MAX: usize = 1 << 28;

/// Most rows, and most columns, of a map.
pub(super) const EXTENT_MAX: usize = 1 << 14;

/// A whole graph.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) inputs: Vec<Declared>,
    pub(super) outputs: Vec<Declared>,
    pub(super) constants: HashMap<String, Constant>,
    pub(super) nodes: Vec<Node>,
}

/// A tensor that goes in or comes out.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) dims: Vec<usize>,
}

/// A constant tensor.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    pub(super) dims: Vec<usize>,
    pub(super) values: Values,
}

#[derive(Debug, Clone)]
pub(super) enum Values {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

/// One operator.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) operator: String,
    /// Empty for an optional one that is absent.
    pub(super) inputs: Vec<String>,
    pub(super) output: String,
    attributes: Vec<AttributeProto>,
}

impl Graph {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, NetworkError> {
        let model = ModelProto::decode(bytes).map_err(NetworkError::Decode)?;
        let opset = model.opset_import.iter().find(|set| set.domain.is_empty());
        let version = opset.map_or(0, |set| set.version);
        if !OPSETS.contains(&version) {
            let (first, last) = (OPSETS.start(), OPSETS.end());
            return Err(NetworkError::Form {
                node: "of the whole graph".to_owned(),
                operator: format!("operator sets {first} to {last}"),
                what: format!("set {version}"),
            });
        }
        let graph = model.graph.ok_or_else(|| damaged("it holds no graph"))?;
        let mut constants = HashMap::new();
        for tensor in graph.initializer {
            let constant = Constant::read(&tensor)?;
            constants.insert(tensor.name, constant);
        }
        let declared = |values: Vec<ValueInfoProto>| -> Result<Vec<Declared>, NetworkError> {
            values.into_iter().map(Declared::read).collect()
        };
        Ok(Self {
            inputs: declared(graph.input)?,
            outputs: declared(graph.output)?,
            constants,
            nodes: graph
                .node
                .into_iter()
                .map(Node::read)
                .collect::<Result<_, _>>()?,
        })
    }
}

pub(super) fn damaged(what: impl Into<String>) -> NetworkError {
    NetworkError::Damaged { what: what.into() }
}

/// Extents whose product is bounded.
fn extents(name: &str, dims: impl Iterator<Item = i64>) -> Result<Vec<usize>, NetworkError> {
    let dims: Vec<usize> = dims.map(|dim| usize::try_from(dim).unwrap_or(0)).collect();
    let product = dims.iter().try_fold(1_usize, |product, &dim| {
        product
            .checked_mul(dim)
            .filter(|&product| product > 0 && product <= VALUES_MAX)
    });
    match product {
        Some(_) => Ok(dims),
        None => Err(damaged(format!(
            "the shape of {name} is {dims:?}; fixed extents are expected, of {VALUES_MAX} values at most"
        ))),
    }
}

impl Declared {
    fn read(info: ValueInfoProto) -> Result<Self, NetworkError> {
        let tensor = info.kind.and_then(|kind| kind.tensor_type);
        let tensor = tensor.ok_or_else(|| damaged(format!("{} is no tensor", info.name)))?;
        if tensor.elem_type != TensorProto::F32 {
            return Err(damaged(format!(
                "{} does not hold 32-bit floats",
                info.name
            )));
        }
        let shape = tensor.shape.unwrap_or_default();
        let dims = extents(&info.name, shape.dim.iter().map(|dim| dim.dim_value))?;
        Ok(Self {
            name: info.name,
            dims,
        })
    }
}

impl Constant {
    fn read(tensor: &TensorProto) -> Result<Self, NetworkError> {
        let name = &tensor.name;
        let dims = extents(name, tensor.dims.iter().copied())?;
        let count: usize = dims.iter().product();
        let raw = &tensor.raw_data[..];
        let size = match tensor.data_type {
            TensorProto::F32 => 4,
            TensorProto::F16 => 2,
            TensorProto::I64 => 8,
            other => {
                return Err(damaged(format!(
                    "the constant {name} is of ONNX's type {other}; f32, f16 and i64 are known"
                )));
            }
        };
        if raw.len() != count * size {
            return Err(damaged(format!(
                "the constant {name} has {} bytes of raw data, its shape asks for {}",
                raw.len(),
                count * size
            )));
        }
        let values = match tensor.data_type {
            TensorProto::F32 => {
                let (values, _) = raw.as_chunks::<4>();
                Values::Floats(values.iter().map(|&v| f32::from_le_bytes(v)).collect())
            }
            TensorProto::F16 => {
                let (values, _) = raw.as_chunks::<2>();
                let wide = |&value| f16::from_le_bytes(value).to_f32();
                Values::Floats(values.iter().map(wide).collect())
            }
            _ => {
                let (values, _) = raw.as_chunks::<8>();
                Values::Integers(values.iter().map(|&v| i64::from_le_bytes(v)).collect())
            }
        };
        if let Values::Floats(values) = &values
            && values.iter().any(|value| value.is_nan())
        {
            return Err(damaged(format!(
                "the constant {name} holds what is no number"
            )));
        }
        Ok(Self { dims, values })
    }
}

impl Node {
    fn read(node: NodeProto) -> Result<Self, NetworkError> {
        let operator = match node.domain.is_empty() || node.domain == "ai.onnx" {
            true => node.op_type,
            false => format!("{}.{}", node.domain, node.op_type),
        };
        let name = match node.name.is_empty() {
            true => node.output.first().cloned().unwrap_or_default(),
            false => node.name,
        };
        let mut outputs = node.output.into_iter();
        match (outputs.next(), outputs.next()) {
            (Some(output), None) => Ok(Self {
                name,
                operator,
                inputs: node.input,
                output,
                attributes: node.attribute,
            }),
            _ => Err(NetworkError::Form {
                node: name,
                operator,
                what: "another number of outputs than one".to_owned(),
            }),
        }
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|attribute| attribute.i)
    }

    pub(super) fn integers(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|attribute| &attribute.ints[..])
    }

    pub(super) fn text(&self, name: &str) -> Option<&[u8]> {
        self.attribute(name).map(|attribute| &attribute.s[..])
    }

    /// An error about this node.
    pub(super) fn unlike(&self, what: impl Into<String>) -> NetworkError {
        NetworkError::Form {
            node: self.name.clone(),
            operator: self.operator.clone(),
            what: what.into(),
        }
    }
}
